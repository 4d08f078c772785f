package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
)

type policyCmd struct {
	List     policyListCmd     `cmd:"" help:"List policies, what they are for, and orders of authorities."`
	Presets  policyPresetsCmd  `cmd:"" help:"List the presets, with the rule that each answers."`
	Set      policySetCmd      `cmd:"" help:"Make a policy, or a new version of one."`
	Assign   policyAssignCmd   `cmd:"" help:"Put messages under a policy."`
	Withdraw policyWithdrawCmd `cmd:"" help:"Withdraw an assignment."`
	Order    policyOrderCmd    `cmd:"" help:"Enter the order of an authority that something is kept for longer."`
	Lift     policyLiftCmd     `cmd:"" help:"Lift an order."`
	Fiscal   policyFiscalCmd   `cmd:"" help:"Say when the firm's fiscal year ends."`
	Forecast policyForecastCmd `cmd:"" help:"Tell what the policies make of all messages, on any day."`
}

// policyTarget are the flags that say which messages.
type policyTarget struct {
	Custodian string `help:"Messages of this custodian." placeholder:"ID"`
	Group     string `help:"Messages of custodians of this group." placeholder:"ID"`
	Chat      string `help:"Messages of this chat." placeholder:"ID"`
	Label     string `help:"Messages with this label, or one below it." placeholder:"N"`
	Source    string `help:"Messages that this source brought." placeholder:"NAME"`
	Account   string `help:"Messages of this account." placeholder:"ADDRESS"`
}

func (t policyTarget) target() retain.Target { return retain.Target(t) }

// policyAct does an act of policies, or asks for it where it takes two.
func (a *app) policyAct(reason string, steps func(*govern.State) ([]govern.Step, error)) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		var do []govern.Step
		err := l.Read(a.ctx, func(s *govern.State) (err error) {
			if do, err = steps(s); err == nil {
				_, _, err = s.RulesAfter(time.Now(), do...)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, step := range do {
			if err := a.policyStep(l, who, reason, step); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *app) policyStep(l *govern.Ledger, who govern.Actor, reason string, step govern.Step) error {
	var second []bool
	err := l.Read(a.ctx, func(s *govern.State) (err error) {
		_, second, err = s.RulesAfter(time.Now(), step)
		return err
	})
	if err != nil {
		return err
	}
	q := govern.Request{Act: step.Act, Reason: reason, Data: step.Data}
	if second[0] {
		n, err := l.Ask(a.ctx, who, q)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Asked, as request %d: it can end the keeping of messages earlier, so a second person has to confirm it. Until then nothing is changed.\n", n)
		return err
	}
	n, err := l.Do(a.ctx, who, q)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "Done, as entry %d: %s.\n", n, sayPolicyStep(step))
	return err
}

func sayPolicyStep(step govern.Step) string {
	switch d := step.Data.(type) {
	case govern.PolicySet:
		return "policy " + d.Policy.ID + ", " + sayPolicy(&d.Policy)
	case govern.PolicyTo:
		return "policy " + d.Policy + " for " + sayPolicyTarget(d.To)
	case govern.PolicyProlong:
		return "order of " + oneLine(d.Authority, 60) + ", " + d.Extra.Say() + " longer, for " + sayPolicyTarget(d.To)
	case retain.Fiscal:
		return "the fiscal year ends with " + d.String()
	}
	return step.Act
}

func sayPolicy(p *retain.Policy) string {
	var parts []string
	switch {
	case p.Forever:
		parts = append(parts, "for ever")
	case !p.Min.Zero():
		parts = append(parts, p.Min.Say()+" from "+p.Clock.Say())
	}
	if !p.Max.Zero() {
		parts = append(parts, "at most "+p.Max.Say()+" from "+p.Clock.Say())
	}
	if !p.Accessible.Zero() {
		parts = append(parts, "easily accessible for "+p.Accessible.Say())
	}
	if p.Propose {
		parts = append(parts, "then proposed for disposal")
	}
	return strings.Join(parts, ", ")
}

func sayPolicyTarget(t retain.Target) string {
	var parts []string
	for _, p := range [][2]string{{"custodian", t.Custodian}, {"group", t.Group}, {"chat", t.Chat}, {"label", t.Label}, {"source", t.Source}, {"account", t.Account}} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+oneLine(p[1], 60))
		}
	}
	if len(parts) == 0 {
		return "every message"
	}
	return strings.Join(parts, " and ")
}

type policyListCmd struct {
	JSON bool `help:"One JSON object a line: policies with all versions, then orders."`
}

func (c *policyListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			if c.JSON {
				return policiesJSON(a.stdout, s)
			}
			return printPolicies(a.stdout, s, time.Now())
		})
	})
}

func policiesJSON(w io.Writer, s *govern.State) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	r := s.Rules()
	for _, p := range r.Policies {
		if err := enc.Encode(map[string]retain.Policy{"policy": p}); err != nil {
			return err
		}
	}
	for _, to := range r.Assignments {
		if err := enc.Encode(map[string]retain.Assignment{"assignment": to}); err != nil {
			return err
		}
	}
	for _, o := range r.Orders {
		if err := enc.Encode(map[string]retain.Prolong{"order": o}); err != nil {
			return err
		}
	}
	return enc.Encode(map[string]retain.Fiscal{"fiscal": r.Fiscal})
}

func printPolicies(w io.Writer, s *govern.State, now time.Time) error {
	var b strings.Builder
	if p, ok := s.ProposedPolicy(); ok {
		fmt.Fprintf(&b, "There is no policy: everything is kept. Waxseal proposes %s (%s): %s.\nTake it with: waxseal policy set %s --preset %s --assign, after: waxseal policy fiscal 12-31 --zone ZONE\n", p.ID, p.Clause, sayPolicy(&p.Policy), p.ID, p.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Policies)) {
		p := s.Policies[id]
		v := p.InForce(now)
		state := ""
		if v == nil {
			v, state = p.Last(), " (to come)"
		}
		fmt.Fprintf(&b, "%s, version %d%s: %s\n", id, v.Version, state, sayPolicy(&v.Policy))
		for _, to := range p.Assignments {
			if to.End.IsZero() {
				fmt.Fprintf(&b, "  for %s, since %s\n", sayPolicyTarget(to.To), to.From.Format(time.DateOnly))
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.Orders)) {
		if o := s.Orders[n]; o.Lifted.At.IsZero() {
			fmt.Fprintf(&b, "order %d of %s: %s longer, for %s\n", n, oneLine(o.Authority, 60), o.Extra.Say(), sayPolicyTarget(o.To))
		}
	}
	if s.Fiscal != (retain.Fiscal{}) {
		fmt.Fprintf(&b, "fiscal year ends with %s\n", s.Fiscal)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type policyPresetsCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *policyPresetsCmd) Run(a *app) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for _, p := range retain.Presets() {
		var err error
		if c.JSON {
			err = enc.Encode(map[string]any{"policy": p.Policy, "confidence": p.Confidence.Say(), "note": p.Note})
		} else {
			_, err = fmt.Fprintf(a.stdout, "%-22s %s: %s\n%22s %s\n", p.ID, p.Clause, sayPolicy(&p.Policy), "", strings.TrimSpace(p.Note+" "+p.Confidence.Say()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type policySetCmd struct {
	ID         string  `arg:"" help:"Its name: small letters, digits, hyphens."`
	Preset     string  `help:"Begin with a preset." placeholder:"ID"`
	Name       *string `help:"What it is called."`
	Clause     *string `help:"The rule that it answers."`
	Clock      string  `help:"From when it counts: sent, fiscal-year, chat-last, chat-closed, person-left, matter-closed."`
	Min        *string `help:"How long must be kept: 5y, 18m, 90d." placeholder:"PERIOD"`
	Max        *string `help:"When it must go." placeholder:"PERIOD"`
	Accessible *string `help:"How long it must be easily accessible." placeholder:"PERIOD"`
	Forever    *bool   `help:"Keep for ever." negatable:""`
	Propose    *bool   `help:"Propose disposal once the minimum is over." negatable:""`
	From       string  `help:"Day from which this version counts (default: at once)." placeholder:"DATE"`
	Assign     bool    `help:"Assign it to every message."`
	Reason     string  `help:"Why. A new version needs one."`
}

func (c *policySetCmd) Run(a *app) error {
	return a.policyAct(c.Reason, func(s *govern.State) ([]govern.Step, error) {
		p, err := c.policy(s)
		if err != nil {
			return nil, err
		}
		steps := []govern.Step{{Act: govern.ActPolicySet, Data: govern.PolicySet{Policy: p}}}
		if c.Assign {
			steps = append(steps, govern.Step{Act: govern.ActPolicyAssign, Data: govern.PolicyTo{Policy: c.ID}})
		}
		return steps, nil
	})
}

// policy is the version before, or a preset, with what the flags change.
func (c *policySetCmd) policy(s *govern.State) (p retain.Policy, err error) {
	p.Clock = retain.Sent
	if old := s.Policies[c.ID]; old != nil {
		p = old.Last().Policy
	}
	if c.Preset != "" {
		preset, ok := retain.PresetByID(c.Preset)
		if !ok {
			return p, usagef("there is no preset %q: waxseal policy presets lists them", c.Preset)
		}
		p = preset.Policy
	}
	p.ID, p.From, p.Version = c.ID, time.Time{}, 0
	if c.Clock != "" {
		p.Clock = retain.Clock(c.Clock)
	}
	for _, t := range []struct {
		from *string
		to   *string
	}{{c.Name, &p.Name}, {c.Clause, &p.Clause}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	for _, l := range []struct {
		from *string
		to   *retain.Period
	}{{c.Min, &p.Min}, {c.Max, &p.Max}, {c.Accessible, &p.Accessible}} {
		if l.from == nil {
			continue
		}
		if *l.to, err = retain.ParsePeriod(*l.from); err != nil {
			return p, usagef("%v", err)
		}
	}
	for _, b := range []struct{ from, to *bool }{{c.Forever, &p.Forever}, {c.Propose, &p.Propose}} {
		if b.from != nil {
			*b.to = *b.from
		}
	}
	if c.From != "" {
		if p.From, err = time.ParseInLocation(time.DateOnly, c.From, s.Rules().Zone()); err != nil {
			return p, usagef("--from takes a day: 2027-01-01")
		}
	}
	return p, nil
}

type policyAssignCmd struct {
	ID string `arg:"" help:"The policy."`
	policyTarget
	Reason string `help:"Why."`
}

func (c *policyAssignCmd) Run(a *app) error {
	return a.policyAct(c.Reason, func(*govern.State) ([]govern.Step, error) {
		return []govern.Step{{Act: govern.ActPolicyAssign, Data: govern.PolicyTo{Policy: c.ID, To: c.target()}}}, nil
	})
}

type policyWithdrawCmd struct {
	ID string `arg:"" help:"The policy."`
	policyTarget
	Reason string `required:"" help:"Why."`
}

func (c *policyWithdrawCmd) Run(a *app) error {
	return a.policyAct(c.Reason, func(*govern.State) ([]govern.Step, error) {
		return []govern.Step{{Act: govern.ActPolicyWithdraw, Data: govern.PolicyTo{Policy: c.ID, To: c.target()}}}, nil
	})
}

type policyOrderCmd struct {
	Authority string `arg:"" help:"Who orders it."`
	Extra     string `required:"" help:"By how much it prolongs: 2y." placeholder:"PERIOD"`
	From      string `help:"Only messages sent from this day on." placeholder:"DATE"`
	Until     string `help:"Only messages sent until this day." placeholder:"DATE"`
	policyTarget
	Reason string `required:"" help:"What it says, and where it is kept."`
}

func (c *policyOrderCmd) Run(a *app) error {
	extra, err := retain.ParsePeriod(c.Extra)
	if err != nil {
		return usagef("%v", err)
	}
	return a.policyAct(c.Reason, func(*govern.State) ([]govern.Step, error) {
		return []govern.Step{{Act: govern.ActPolicyOrder, Data: govern.PolicyProlong{Authority: c.Authority, To: c.target(), From: c.From, Until: c.Until, Extra: extra}}}, nil
	})
}

type policyLiftCmd struct {
	Order  int64  `arg:"" help:"The order, by its number in waxseal policy list."`
	Reason string `required:"" help:"Why."`
}

func (c *policyLiftCmd) Run(a *app) error {
	return a.policyAct(c.Reason, func(*govern.State) ([]govern.Step, error) {
		return []govern.Step{{Act: govern.ActPolicyLift, Data: govern.PolicyLift{Order: c.Order}}}, nil
	})
}

type policyFiscalCmd struct {
	End    string `arg:"" help:"Last day of the fiscal year, month and day: 12-31. 02-29 is the last day of February."`
	Zone   string `required:"" help:"In which the firm's days end." placeholder:"ZONE"`
	Reason string `help:"Why."`
}

func (c *policyFiscalCmd) Run(a *app) error {
	f, err := retain.ParseFiscal(c.End, c.Zone)
	if err != nil {
		return usagef("%v", err)
	}
	return a.policyAct(c.Reason, func(*govern.State) ([]govern.Step, error) {
		return []govern.Step{{Act: govern.ActSettingsFiscal, Data: f}}, nil
	})
}

type policyForecastCmd struct {
	At   string `help:"The day (default: now)." placeholder:"DATE"`
	JSON bool   `help:"One JSON object."`
}

func (c *policyForecastCmd) Run(a *app) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		var rules retain.Rules
		if err := l.Read(a.ctx, func(s *govern.State) error { rules = s.Rules(); return nil }); err != nil {
			return err
		}
		at := time.Now()
		if c.At != "" {
			if at, err = time.ParseInLocation(time.DateOnly, c.At, rules.Zone()); err != nil {
				return usagef("--at takes a day: 2031-12-31")
			}
		}
		f, err := outlook(ar, x, l).Forecast(a.ctx, at, &rules)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			return enc.Encode(f)
		}
		return printForecast(a.stdout, f, rules.Zone())
	})
}

func printForecast(w io.Writer, f *dispose.Forecast, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "On %s, of what is archived now: %s.\n", f.At.In(zone).Format(time.DateOnly), sayTally(&f.Total))
	for _, rows := range []struct {
		head, none string
		of         []dispose.Named
	}{{"By policy", "no policy", f.Policies}, {"By custodian", "nobody named", f.Custodians}} {
		if len(rows.of) > 0 {
			fmt.Fprintf(&b, "\n%s\n", rows.head)
		}
		for _, n := range rows.of {
			name := n.Name
			if name == "" {
				name = rows.none
			}
			fmt.Fprintf(&b, "  %-22s %s\n", oneLine(name, 40), sayTally(&n.Tally))
		}
	}
	if len(f.Months) > 0 {
		b.WriteString("\nWhat ends when\n")
	}
	for _, m := range f.Months {
		held := ""
		if m.Held > 0 {
			held = ", " + group(m.Held) + " of them held"
		}
		fmt.Fprintf(&b, "  %s  %-22s %s%s\n", m.Month, oneLine(m.Policy, 40), count(m.Messages, "message"), held)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sayTally(t *dispose.Tally) string {
	parts := []string{count(t.Messages, "message")}
	for _, p := range []struct {
		n   int64
		say string
	}{{t.Kept, "kept"}, {t.Held, "held"}, {t.NoPolicy, "kept without a policy"}, {t.May, "may go"}, {t.Must, "must go"}} {
		if p.n > 0 {
			parts = append(parts, group(p.n)+" "+p.say)
		}
	}
	return strings.Join(parts, ", ")
}
