package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/rules"
)

type ruleCmd struct {
	List     ruleListCmd     `cmd:"" help:"List the rules for what is sent."`
	Set      ruleSetCmd      `cmd:"" help:"Make a rule, or put a whole new one in its place."`
	Remove   ruleRemoveCmd   `cmd:"" help:"Remove a rule."`
	Test     ruleTestCmd     `cmd:"" help:"Say what would happen to a text."`
	Forecast ruleForecastCmd `cmd:"" help:"Count what the rules would have stopped of what was sent lately."`
}

// sayRule is a rule in one line.
func sayRule(r *rules.Rule) string {
	var parts []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Off, "(off)")
	add(len(r.Words) > 0, "%s", count(int64(len(r.Words)), "word"))
	add(r.Pattern != "", "a pattern")
	add(r.Links, "links")
	add(len(r.To) > 0, "%s", count(int64(len(r.To)), "recipient"))
	add(r.Outside != nil, "outside of hours")
	add(r.Consent != "", "consent %s", r.Consent)
	add(len(r.Sources)+len(r.Numbers)+len(r.Kinds) > 0, "only %s", strings.Join(slices.Concat(r.Sources, r.Numbers, r.Kinds), ", "))
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

type ruleListCmd struct {
	JSON bool `help:"One JSON object a line; rule set --file takes it back."`
}

func (c *ruleListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var all []rules.Rule
		if err := l.Read(a.ctx, func(s *govern.State) error { all = s.RulesForSends(); return nil }); err != nil {
			return err
		}
		if len(all) == 0 && !c.JSON {
			return a.sayDone(false, nil, "No rules: everything that is sent goes out. Make one with: waxseal rule set ID --name NAME --do hold --word PHRASE")
		}
		for i := range all {
			r := &all[i]
			if err := a.sayDone(c.JSON, r, "%-16s %-10s %-30s %s", r.ID, r.Do, oneLine(r.Name, 30), sayRule(r)); err != nil {
				return err
			}
		}
		return nil
	})
}

type ruleSetCmd struct {
	ID       string   `arg:"" help:"Small letters, digits, dots and dashes: promises."`
	Name     string   `help:"What people call it." placeholder:"NAME"`
	Do       string   `help:"block, hold (for a second person), delay, or disclaimer." placeholder:"WHAT"`
	Word     []string `help:"A word or phrase, in any script; a * at the end stands for more. May be given more than once." placeholder:"PHRASE" sep:"none"`
	Words    string   `help:"File of words and phrases, one a line." type:"path" placeholder:"FILE"`
	Pattern  string   `help:"A regular expression (RE2) over each text." placeholder:"RE"`
	To       []string `help:"A recipient; a * at the end stands for the rest: +1*. May be given more than once." placeholder:"NUMBER"`
	Links    bool     `help:"What has a link."`
	Hours    string   `help:"What is sent outside of these hours: 09:00-17:30." placeholder:"FROM-TO"`
	Days     []int    `help:"Days of the hours: 1 is Monday." default:"1,2,3,4,5" placeholder:"N"`
	HourZone string   `help:"Zone of the hours (default: the archive's)." placeholder:"ZONE"`
	Holiday  []string `help:"A day on which nobody works: 2026-12-25." placeholder:"DAY"`
	Consent  string   `help:"What goes to recipients who have refused it (refused), or have not agreed to it (missing)." placeholder:"WHAT"`
	Source   []string `help:"Only what comes by this source." placeholder:"NAME"`
	Number   []string `help:"Only what is sent from this number, by its phone_number_id." placeholder:"ID"`
	Kind     []string `help:"Only messages of this type: text, template, marketing." placeholder:"TYPE"`
	Seconds  int      `help:"How long it is delayed." placeholder:"N"`
	Text     string   `help:"The disclaimer." placeholder:"TEXT"`
	Say      string   `help:"What the sender is told." placeholder:"TEXT"`
	Off      bool     `help:"Keep the rule, and let it do nothing."`
	File     string   `help:"Take the whole rule from a file, as rule list --json prints it." type:"path" placeholder:"FILE"`
	Reason   string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON     bool     `help:"Print JSON."`
}

// rule is what was typed.
func (c *ruleSetCmd) rule(zone string) (r rules.Rule, err error) {
	if c.File != "" {
		b, err := os.ReadFile(c.File)
		if err != nil {
			return r, fmt.Errorf("read rule: %w", err)
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return r, usagef("%s holds no rule: %v", c.File, err)
		}
		r.ID = c.ID
		return r, nil
	}
	r = rules.Rule{
		ID: c.ID, Name: c.Name, Off: c.Off, Sources: c.Source, Numbers: c.Number, Kinds: c.Kind, Words: c.Word, Pattern: c.Pattern, To: c.To, Links: c.Links,
		Consent: c.Consent, Do: c.Do, For: c.Seconds, Text: c.Text, Say: c.Say,
	}
	if r.Name == "" {
		r.Name = c.ID
	}
	if c.Words != "" {
		more, err := readLines(c.Words)
		if err != nil {
			return r, err
		}
		r.Words = append(r.Words, more...)
	}
	if c.Hours != "" {
		from, to, ok := strings.Cut(c.Hours, "-")
		if !ok {
			return r, usagef("--hours wants FROM-TO, such as 09:00-17:30")
		}
		if c.HourZone != "" {
			zone = c.HourZone
		}
		r.Outside = &rules.Hours{Zone: zone, Days: c.Days, From: from, To: to, Holidays: c.Holiday}
	}
	return r, nil
}

// readLines reads a file of one thing a line.
func readLines(name string) (all []string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(strings.TrimPrefix(s.Text(), "\ufeff")); line != "" {
			all = append(all, line)
		}
	}
	return all, nil
}

func (c *ruleSetCmd) Run(a *app) error {
	return a.withBooks(func(ar *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		r, err := c.rule(ar.Info().Zone)
		if err != nil {
			return err
		}
		return a.orAsk(l, who, govern.Request{Act: govern.ActSendRuleSet, Reason: c.Reason, Data: govern.SendRuleSet{Rule: r}}, c.JSON, "Rule "+r.ID+": "+sayRule(&r)+" → "+r.Do+".")
	})
}

// orAsk does an act, or asks for it where it takes a second person.
func (a *app) orAsk(l *govern.Ledger, who govern.Actor, q govern.Request, asJSON bool, done string) error {
	n, asked, err := l.DoOrAsk(a.ctx, who, q)
	switch {
	case err != nil:
		return err
	case asked:
		return a.sayDone(asJSON, numbered{ID: n, Name: "asked"}, "Asked, as request %d: something could go out that was stopped before, so a second person has to confirm it. Until then nothing is changed.", n)
	}
	return a.sayDone(asJSON, numbered{ID: n}, "%s", done)
}

type ruleRemoveCmd struct {
	ID     string `arg:"" help:"The rule."`
	Reason string `required:"" help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *ruleRemoveCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		return a.orAsk(l, who, govern.Request{Act: govern.ActSendRuleRemove, Reason: c.Reason, Data: govern.ForSendRule{Rule: c.ID}}, c.JSON, "Rule "+c.ID+" is removed.")
	})
}

type ruleTestCmd struct {
	Text   []string  `arg:"" help:"The text."`
	To     string    `help:"The recipient." placeholder:"NUMBER"`
	Kind   string    `help:"Type of the message." default:"text" placeholder:"TYPE"`
	Source string    `help:"Name of the source." placeholder:"NAME"`
	Number string    `help:"The phone_number_id that it is sent from." placeholder:"ID"`
	At     time.Time `help:"When it is sent (default: now), as 2026-11-24T18:30:00Z." placeholder:"TIME"`
	JSON   bool      `help:"Print JSON."`
}

func (c *ruleTestCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		if c.At.IsZero() {
			c.At = time.Now()
		}
		body, err := json.Marshal(map[string]any{"type": "text", "text": map[string]string{"body": strings.Join(c.Text, " ")}})
		if err != nil {
			return fmt.Errorf("encode the text: %w", err)
		}
		send := &rules.Send{Source: c.Source, Number: c.Number, To: c.To, Kind: c.Kind, Body: body}
		var d rules.Decision
		if err := l.Read(a.ctx, func(s *govern.State) error {
			d = rules.New(s.RulesForSends(), s.ConsentOf).Decide(send, c.At)
			return nil
		}); err != nil {
			return err
		}
		if c.JSON {
			return a.sayDone(true, map[string]any{"do": d.Do, "why": d.Why, "rule": d.Rule, "seconds": d.For.Seconds(), "say": d.Say, "body": d.Body}, "")
		}
		text := d.Do
		if d.For > 0 {
			text += " " + d.For.String()
		}
		if d.Why != "" {
			text += ": " + d.Why
		}
		if d.Say != "" {
			text += "\nThe sender is told: " + d.Say
		}
		if d.Body != nil {
			text += "\nIt is sent as: " + string(d.Body)
		}
		return a.sayDone(false, nil, "%s", text)
	})
}

type ruleForecastCmd struct {
	Days int  `help:"So many days back." default:"30" placeholder:"N"`
	JSON bool `help:"Print JSON."`
}

func (c *ruleForecastCmd) Run(a *app) error {
	if c.Days < 1 || c.Days > 3650 {
		return usagef("--days wants 1 to 3650")
	}
	return a.withView(func(ar *archive.Archive, v *index.View) error {
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		var all []rules.Rule
		consents := map[string]rules.Consent{}
		if err := l.Read(a.ctx, func(s *govern.State) error {
			all = s.RulesForSends()
			for to, c := range s.Consents {
				consents[to] = c.Consent
			}
			return nil
		}); err != nil {
			return err
		}
		f, set := rules.NewForecast(), rules.New(rules.ForAll(all), func(to string) rules.Consent { return consents[to] })
		query := "is:sent after:" + time.Now().AddDate(0, 0, -c.Days).Format(time.DateOnly)
		if err := v.All(a.ctx, query, func(m chat.Message) error { f.Add(set, &m); return nil }); err != nil {
			return err
		}
		if c.JSON {
			return a.sayDone(true, map[string]any{"messages": f.Messages, "did": f.Did, "by": f.By}, "")
		}
		text := fmt.Sprintf("Of %s sent in %d days, %d would have been blocked, %d held, %d delayed.", count(f.Messages, "message"), c.Days, f.Did[rules.Block], f.Did[rules.Hold], f.Did[rules.Delay])
		for _, id := range slices.Sorted(maps.Keys(f.By)) {
			text += fmt.Sprintf("\n%8d  %s", f.By[id], id)
		}
		return a.sayDone(false, nil, "%s", text)
	})
}

type consentCmd struct {
	List consentListCmd `cmd:"" help:"List what recipients agreed to or refused."`
	Set  consentSetCmd  `cmd:"" help:"Note that a recipient agrees or refuses."`
}

type consentListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *consentListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			for _, to := range slices.Sorted(maps.Keys(s.Consents)) {
				k := s.Consents[to]
				line := map[string]any{"to": to, "messages": k.Messages, "marketing": k.Marketing, "at": k.At, "heard": k.Heard}
				how := "noted"
				if k.Heard {
					how = "by WhatsApp"
				}
				if err := a.sayDone(c.JSON, line, "%-20s messages: %-8s marketing: %-8s %s %s", oneLine(to, 40), said(k.Messages), said(k.Marketing), how, k.At.Format(time.DateOnly)); err != nil {
					return err
				}
			}
			if len(s.Consents) == 0 && !c.JSON {
				return a.sayDone(false, nil, "No recipient has agreed or refused, as far as the books know.")
			}
			return nil
		})
	})
}

func said(x rules.Answer) string {
	if x == "" {
		return "-"
	}
	return string(x)
}

type consentSetCmd struct {
	To        string `arg:"" help:"The recipient, such as +447700900123."`
	Messages  string `help:"To messages of any kind: yes or no." enum:",yes,no" default:"" placeholder:"ANSWER"`
	Marketing string `help:"To marketing: yes or no." enum:",yes,no" default:"" placeholder:"ANSWER"`
	Reason    string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *consentSetCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActConsentSet, Reason: c.Reason, Data: govern.ConsentSet{
		To: c.To, Messages: rules.Answer(c.Messages), Marketing: rules.Answer(c.Marketing),
	}})
}
