package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/rules"
)

// sendRulesPage lists the rules, and tries a text.
type sendRulesPage struct {
	layout
	Rules []ruleRow
	Try   tryForm
	May   bool
}

type ruleRow struct {
	ID, Name, Do, Tag string
	Says              []string
	Off               bool
}

// tryForm is a text that somebody tries, and what would happen to it.
type tryForm struct {
	Text, To, Kind, At string
	Tried              bool
	Wrong              string
	Do, Tag, Why, Say  string
	Sent               string // as it would be sent, where that differs
	Hits               []tryHit
}

type tryHit struct {
	Name  string
	Where []string
}

// sendRulePage edits a rule.
type sendRulePage struct {
	layout
	F      ruleForm
	New    bool
	Wrong  string
	Asks   bool // a second person has to confirm it
	May    bool
	Signed string
}

// ruleForm is a rule as it is typed.
type ruleForm struct {
	ID, Name, Do, Words, Pattern, To, From, Till, Zone, Holidays, Consent string
	Sources, Numbers, Kinds, Seconds, Text, Say, Reason                   string
	Off, Links                                                            bool
	Days                                                                  []dayChoice
}

type dayChoice struct {
	N    int
	Name string
	On   bool
}

var doWords = map[string][2]string{
	rules.Block: {"Blocks", "bad"}, rules.Hold: {"Holds", "warn"}, rules.Delay: {"Delays", ""}, rules.Disclaimer: {"Adds", "good"},
	rules.Forward: {"It goes out", "good"},
}

// ruleSays are a rule's conditions in words.
func ruleSays(r *rules.Rule) (out []string) {
	add := func(ok bool, format string, args ...any) {
		if ok {
			out = append(out, clean(fmt.Sprintf(format, args...)))
		}
	}
	some := func(list []string) string {
		if n := len(list); n > 5 {
			return strings.Join(list[:5], ", ") + fmt.Sprintf(" and %d more", n-5)
		}
		return strings.Join(list, ", ")
	}
	add(len(r.Words) > 0, "has one of: %s", some(r.Words))
	add(r.Pattern != "", "has what this describes: %s", r.Pattern)
	add(r.Links, "has a link")
	add(len(r.To) > 0, "goes to: %s", some(r.To))
	if h := r.Outside; h != nil {
		var days []string
		for _, d := range h.Days {
			days = append(days, dayNames[(d+6)%7])
		}
		add(true, "is sent outside of %s to %s (%s), %s", h.From, h.To, h.Zone, strings.Join(days, ", "))
	}
	add(r.Consent == rules.Refused, "goes to somebody who has refused it")
	add(r.Consent == rules.Missing, "goes to somebody who has not agreed to it")
	add(len(r.Sources) > 0, "comes by: %s", some(r.Sources))
	add(len(r.Numbers) > 0, "is sent from: %s", some(r.Numbers))
	add(len(r.Kinds) > 0, "is a message of type: %s", some(r.Kinds))
	add(len(out) == 0, "everything that is sent")
	add(r.Do == rules.Delay, "for %s", within(time.Duration(r.For)*time.Second))
	add(r.Do == rules.Disclaimer, "“%s”", shorten(r.Text, 200))
	return out
}

var dayNames = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

func (s *Server) sendRules(w http.ResponseWriter, r *http.Request) error {
	return s.showRules(w, r, http.StatusOK, tryForm{Kind: "text"})
}

func (s *Server) showRules(w http.ResponseWriter, r *http.Request, status int, try tryForm) error {
	p := sendRulesPage{layout: s.layout(r, "Rules for what is sent", "send-rules"), Try: try, May: actor(r).May(access.ManageSendRules, s.now()) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, x := range st.RulesForSends() {
			p.Rules = append(p.Rules, ruleRow{ID: x.ID, Name: clean(x.Name), Do: doWords[x.Do][0], Tag: doWords[x.Do][1], Says: ruleSays(&x), Off: x.Off})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "send-rules", p)
}

// tryRules says what would happen to a text. It is sent nowhere, and kept
// nowhere.
func (s *Server) tryRules(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := tryForm{Text: clean(r.PostForm.Get("text")), To: clean(r.PostForm.Get("to")), Kind: clean(r.PostForm.Get("kind")), At: clean(r.PostForm.Get("at")), Tried: true}
	at := s.now()
	if f.At != "" {
		t, err := time.Parse("2006-01-02T15:04", f.At)
		if err != nil {
			f.Tried, f.Wrong = false, "Write the time as 2026-11-24T18:30, in UTC."
			return s.showRules(w, r, http.StatusBadRequest, f)
		}
		at = t
	}
	body, err := json.Marshal(map[string]any{"type": "text", "text": map[string]string{"body": f.Text}})
	if err != nil {
		return fmt.Errorf("encode what is tried: %w", err)
	}
	send := &rules.Send{To: f.To, Kind: f.Kind, Body: body}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		set := rules.New(st.RulesForSends(), st.ConsentOf)
		d := set.Decide(send, at)
		f.Do, f.Tag, f.Why, f.Say = doWords[d.Do][0], doWords[d.Do][1], clean(d.Why), clean(d.Say)
		if d.Do != rules.Forward {
			f.Do = map[string]string{rules.Block: "It is blocked", rules.Hold: "It is held", rules.Delay: "It is delayed"}[d.Do]
		}
		if d.For > 0 {
			f.Do += " for " + within(d.For)
		}
		if d.Body != nil {
			var sent struct{ Text struct{ Body string } }
			if err := json.Unmarshal(d.Body, &sent); err != nil {
				return fmt.Errorf("read what would be sent: %w", err)
			}
			f.Sent = clean(sent.Text.Body)
		}
		for _, hit := range set.Try(send, at) {
			if hit.Match {
				h := tryHit{Name: clean(hit.Rule.Name)}
				for _, x := range hit.Where {
					h.Where = append(h.Where, shorten(x, 100))
				}
				f.Hits = append(f.Hits, h)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.showRules(w, r, http.StatusOK, f)
}

func (s *Server) sendRule(w http.ResponseWriter, r *http.Request) error {
	f, signed := ruleForm{Do: rules.Hold, Days: daysOf([]int{1, 2, 3, 4, 5})}, ""
	fresh := r.PathValue("rule") == "new"
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		x := st.SendRules[r.PathValue("rule")]
		switch {
		case x == nil && !fresh:
			return errNoPage
		case x != nil:
			f, fresh = newRuleForm(&x.Rule), false
			signed = utc(x.At) + ", by " + personName(st, x.By)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.showRule(w, r, http.StatusOK, sendRulePage{F: f, New: fresh, Signed: signed})
}

func (s *Server) showRule(w http.ResponseWriter, r *http.Request, status int, p sendRulePage) error {
	title := "New rule"
	if !p.New {
		title = plain(shorten(p.F.Name, 60))
	}
	p.layout, p.May = s.layout(r, title, "send-rules"), actor(r).May(access.ManageSendRules, s.now()) == nil
	return s.renderStatus(w, status, "send-rule", p)
}

func daysOf(on []int) (out []dayChoice) {
	for i, name := range dayNames {
		out = append(out, dayChoice{i + 1, name, slices.Contains(on, i+1)})
	}
	return out
}

func newRuleForm(r *rules.Rule) ruleForm {
	lines := func(list []string) string { return clean(strings.Join(list, "\n")) }
	f := ruleForm{
		ID: r.ID, Name: clean(r.Name), Do: r.Do, Words: lines(r.Words), Pattern: clean(r.Pattern), To: lines(r.To), Consent: r.Consent,
		Sources: lines(r.Sources), Numbers: lines(r.Numbers), Kinds: lines(r.Kinds), Text: clean(r.Text), Say: clean(r.Say), Off: r.Off, Links: r.Links,
	}
	if r.For > 0 {
		f.Seconds = strconv.Itoa(r.For)
	}
	on := []int{1, 2, 3, 4, 5}
	if h := r.Outside; h != nil {
		f.From, f.Till, f.Zone, f.Holidays, on = h.From, h.To, h.Zone, lines(h.Holidays), h.Days
	}
	f.Days = daysOf(on)
	return f
}

// readRuleForm reads what was typed, and the rule that it is.
func readRuleForm(r *http.Request) (f ruleForm, rule rules.Rule, err error) {
	v := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	f = ruleForm{
		ID: v("id"), Name: v("name"), Do: v("do"), Words: v("words"), Pattern: v("pattern"), To: v("to"), From: v("from"), Till: v("till"), Zone: v("zone"),
		Holidays: v("holidays"), Consent: v("consent"), Sources: v("sources"), Numbers: v("numbers"), Kinds: v("kinds"), Seconds: v("seconds"), Text: v("text"),
		Say: v("say"), Reason: v("reason"), Off: v("off") != "", Links: v("links") != "",
	}
	var days []int
	for _, d := range r.PostForm["day"] {
		n, err := strconv.Atoi(d)
		if err != nil {
			return f, rule, errRequest
		}
		days = append(days, n)
	}
	f.Days = daysOf(days)
	rule = rules.Rule{
		ID: f.ID, Name: f.Name, Off: f.Off, Sources: linesOf(f.Sources), Numbers: linesOf(f.Numbers), Kinds: linesOf(f.Kinds), Words: linesOf(f.Words),
		Pattern: f.Pattern, To: linesOf(f.To), Links: f.Links, Consent: f.Consent, Do: f.Do, Say: f.Say,
	}
	if f.Seconds != "" && f.Do == rules.Delay {
		if rule.For, err = strconv.Atoi(f.Seconds); err != nil {
			return f, rule, say("A delay is a number of seconds.")
		}
	}
	if f.Do == rules.Disclaimer {
		rule.Text = f.Text
	}
	if f.From+f.Till+f.Zone != "" {
		rule.Outside = &rules.Hours{Zone: f.Zone, Days: days, From: f.From, To: f.Till, Holidays: linesOf(f.Holidays)}
	}
	return f, rule, nil
}

func linesOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// setSendRule makes, changes or removes a rule.
func (s *Server) setSendRule(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	f, rule, err := readRuleForm(r)
	act, data := govern.ActSendRuleSet, any(govern.SendRuleSet{Rule: rule})
	if r.PostForm.Get("act") == "remove" {
		err, act, data = nil, govern.ActSendRuleRemove, govern.ForSendRule{Rule: f.ID}
	}
	asked, fresh := false, r.PostForm.Get("new") != ""
	if err == nil && fresh {
		err = s.ledger.Read(r.Context(), func(st *govern.State) error {
			if st.SendRules[f.ID] != nil {
				return say("There is a rule of that ID.")
			}
			return nil
		})
	}
	if err == nil {
		_, asked, err = s.ledger.DoOrAsk(r.Context(), actor(r), govern.Request{Act: act, Reason: plain(f.Reason), Data: data})
	}
	var no *govern.Refusal
	switch {
	case errors.As(err, &no) && act == govern.ActSendRuleSet:
		for _, x := range []*string{&f.Name, &f.Words, &f.Pattern, &f.To, &f.Zone, &f.Holidays, &f.Sources, &f.Numbers, &f.Kinds, &f.Text, &f.Say, &f.Reason, &f.ID} {
			*x = clean(*x)
		}
		return s.showRule(w, r, http.StatusConflict, sendRulePage{F: f, New: fresh, Wrong: no.Say})
	case err != nil:
		return err
	case asked:
		return goOn(w, r, "/sends/rules", "rule-asked")
	}
	return goOn(w, r, "/sends/rules", act)
}

// walker goes through all messages that answer a query.
type walker interface {
	All(ctx context.Context, query string, fn func(chat.Message) error) error
}

// sendForecastPage says what the rules would have done lately.
type sendForecastPage struct {
	layout
	Days, Messages, Blocked, Held, Delayed int64
	Rules                                  []ruleCount
	Untimed                                int64
}

type ruleCount struct {
	Name, ID string
	N        int64
}

// forecastDays is how far back a forecast of rules looks.
const forecastDays = 30

func (s *Server) sendForecast(w http.ResponseWriter, r *http.Request) error {
	p := sendForecastPage{layout: s.layout(r, "What the rules would have stopped", "send-rules"), Days: forecastDays}
	var all []rules.Rule
	consents := map[string]rules.Consent{}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		all = st.RulesForSends()
		for to, c := range st.Consents {
			consents[to] = c.Consent
		}
		return nil
	})
	if err != nil {
		return err
	}
	walk, ok := s.view(r).(walker)
	if !ok {
		return errNoPage
	}
	f, set := rules.NewForecast(), rules.New(rules.ForAll(all), func(to string) rules.Consent { return consents[to] })
	query := "is:sent after:" + s.now().AddDate(0, 0, -forecastDays).Format(time.DateOnly)
	if err := walk.All(r.Context(), query, func(m chat.Message) error { f.Add(set, &m); return nil }); err != nil {
		return fmt.Errorf("look through what was sent: %w", err)
	}
	p.Messages, p.Blocked, p.Held, p.Delayed, p.Untimed = f.Messages, f.Did[rules.Block], f.Did[rules.Hold], f.Did[rules.Delay], f.Untimed
	for i := range all {
		if !all[i].Off && all[i].Do != rules.Disclaimer {
			p.Rules = append(p.Rules, ruleCount{clean(all[i].Name), all[i].ID, f.By[all[i].ID]})
		}
	}
	return s.render(w, "send-forecast", p)
}

// consentsPage lists what recipients have said.
type consentsPage struct {
	layout
	Consents  []consentRow
	More      int64
	Find      string
	To, Wrong string
	May       bool
}

type consentRow struct{ To, Messages, Marketing, At, By, Why string }

// consentsShown bounds the list; a search finds the others.
const consentsShown = 200

func (s *Server) consents(w http.ResponseWriter, r *http.Request) error {
	return s.showConsents(w, r, http.StatusOK, consentsPage{Find: strings.TrimSpace(r.URL.Query().Get("find"))})
}

func (s *Server) showConsents(w http.ResponseWriter, r *http.Request, status int, p consentsPage) error {
	p.layout, p.May = s.layout(r, "Consents", "consents"), actor(r).May(access.ManageSendRules, s.now()) == nil
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, to := range slices.Sorted(maps.Keys(st.Consents)) {
			if !strings.Contains(to, rules.Address(p.Find)) {
				continue
			}
			if len(p.Consents) == consentsShown {
				p.More++
				continue
			}
			c := st.Consents[to]
			row := consentRow{To: clean(to), Messages: string(c.Messages), Marketing: string(c.Marketing), At: utc(c.At), By: "WhatsApp", Why: clean(c.Why)}
			if !c.Heard {
				row.By = personName(st, c.By)
			}
			p.Consents = append(p.Consents, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Find = clean(p.Find)
	return s.renderStatus(w, status, "consents", p)
}

func (s *Server) setConsent(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	d := govern.ConsentSet{To: strings.TrimSpace(r.PostForm.Get("to")), Messages: rules.Answer(r.PostForm.Get("messages")), Marketing: rules.Answer(r.PostForm.Get("marketing"))}
	_, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActConsentSet, Reason: plain(r.PostForm.Get("reason")), Data: d})
	var no *govern.Refusal
	if errors.As(err, &no) {
		return s.showConsents(w, r, http.StatusConflict, consentsPage{To: clean(d.To), Wrong: no.Say})
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/sends/consents", govern.ActConsentSet)
}
