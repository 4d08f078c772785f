package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// policyForm is what a change is asked for with, first to be looked at and
// then to be made. Its fields are those of the form.
type policyForm struct {
	Act                                                          string
	ID, Name, Clause, Clock, Min, Max, Accessible                string
	Forever, Propose, Assign                                     bool
	From, Reason                                                 string
	Custodian, Group, Chat, Label, Source, Account               string
	FiscalEnd, FiscalZone, Authority, Extra, DaysFrom, DaysUntil string
	Order, Assignment                                            string
}

func readPolicyForm(w http.ResponseWriter, r *http.Request) (policyForm, error) {
	if err := form(w, r); err != nil {
		return policyForm{}, err
	}
	f := policyForm{}
	for name, to := range f.texts() {
		*to = strings.TrimSpace(clean(r.PostFormValue(name)))
		if len(*to) > 2000 {
			return f, errRequest
		}
	}
	for name, to := range f.checks() {
		*to = r.PostFormValue(name) != ""
	}
	return f, nil
}

func (f *policyForm) texts() map[string]*string {
	return map[string]*string{
		"act": &f.Act, "id": &f.ID, "name": &f.Name, "clause": &f.Clause, "clock": &f.Clock, "min": &f.Min, "max": &f.Max,
		"accessible": &f.Accessible, "from": &f.From, "reason": &f.Reason, "custodian": &f.Custodian, "group": &f.Group,
		"chat": &f.Chat, "label": &f.Label, "source": &f.Source, "account": &f.Account, "fiscal-end": &f.FiscalEnd,
		"fiscal-zone": &f.FiscalZone, "authority": &f.Authority, "extra": &f.Extra, "days-from": &f.DaysFrom,
		"days-until": &f.DaysUntil, "order": &f.Order, "assignment": &f.Assignment,
	}
}

func (f *policyForm) checks() map[string]*bool {
	return map[string]*bool{"forever": &f.Forever, "propose": &f.Propose, "assign": &f.Assign}
}

// Fields are the form's again, hidden on the page that asks once more.
func (f policyForm) Fields() [][2]string {
	var out [][2]string
	for name, v := range f.texts() {
		if *v != "" {
			out = append(out, [2]string{name, *v})
		}
	}
	for name, v := range f.checks() {
		if *v {
			out = append(out, [2]string{name, "on"})
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

func (f *policyForm) target() retain.Target {
	return retain.Target{Custodian: f.Custodian, Group: f.Group, Chat: f.Chat, Label: f.Label, Source: f.Source, Account: f.Account}
}

// say is a sentence for the form.
func say(text string) error { return &govern.Refusal{Say: text} }

// steps are the acts that the form is for.
func (f *policyForm) steps(st *govern.State) ([]govern.Step, error) {
	switch f.Act {
	case govern.ActPolicySet:
		return f.set(st)
	case govern.ActPolicyAssign:
		return []govern.Step{{Act: f.Act, Data: govern.PolicyTo{Policy: f.ID, To: f.target()}}}, nil
	case govern.ActPolicyWithdraw:
		return f.withdraw(st)
	case govern.ActPolicyOrder:
		extra, err := retain.ParsePeriod(f.Extra)
		if err != nil {
			return nil, say("By how much the order prolongs: " + err.Error() + ".")
		}
		if f.Reason == "" {
			return nil, say("An order needs its reason: what it says, and where it is kept.")
		}
		return []govern.Step{{Act: f.Act, Data: govern.PolicyProlong{Authority: f.Authority, To: f.target(), From: f.DaysFrom, Until: f.DaysUntil, Extra: extra}}}, nil
	case govern.ActPolicyLift:
		n, err := strconv.ParseInt(f.Order, 10, 64)
		if err != nil {
			return nil, errRequest
		}
		return []govern.Step{{Act: f.Act, Data: govern.PolicyLift{Order: n}}}, nil
	case govern.ActSettingsFiscal:
		fiscal, err := retain.ParseFiscal(f.FiscalEnd, f.FiscalZone)
		if err != nil {
			return nil, say(sentence(err))
		}
		return []govern.Step{{Act: f.Act, Data: fiscal}}, nil
	}
	return nil, errRequest
}

// withdraw names an assignment by its entry: what it is for may be a text that
// no form brings back as it was.
func (f *policyForm) withdraw(st *govern.State) ([]govern.Step, error) {
	p := st.Policies[f.ID]
	if p == nil {
		return nil, errNoPage
	}
	for _, a := range p.Assignments {
		if strconv.FormatInt(a.Seq, 10) == f.Assignment {
			return []govern.Step{{Act: f.Act, Data: govern.PolicyTo{Policy: f.ID, To: a.To}}}, nil
		}
	}
	return nil, errRequest
}

// set is a version of a policy, with the fiscal year that it counts from and
// what it is assigned to, where the form says so.
func (f *policyForm) set(st *govern.State) (steps []govern.Step, err error) {
	p := retain.Policy{ID: f.ID, Name: f.Name, Clause: f.Clause, Clock: retain.Clock(f.Clock), Forever: f.Forever, Propose: f.Propose}
	for _, l := range []struct {
		what, text string
		to         *retain.Period
	}{{"The minimum", f.Min, &p.Min}, {"The maximum", f.Max, &p.Max}, {"The accessible time", f.Accessible, &p.Accessible}} {
		if *l.to, err = retain.ParsePeriod(l.text); err != nil {
			return nil, say(l.what + ": " + err.Error() + ".")
		}
	}
	if f.FiscalEnd != "" {
		fiscal, err := retain.ParseFiscal(f.FiscalEnd, f.FiscalZone)
		if err != nil {
			return nil, say(sentence(err))
		}
		if fiscal != st.Fiscal {
			steps = append(steps, govern.Step{Act: govern.ActSettingsFiscal, Data: fiscal})
		}
	}
	if f.From != "" {
		if p.From, err = time.ParseInLocation(time.DateOnly, f.From, st.Rules().Zone()); err != nil {
			return nil, say("The day from which it counts is written as 2027-01-01.")
		}
	}
	steps = append(steps, govern.Step{Act: govern.ActPolicySet, Data: govern.PolicySet{Policy: p}})
	if f.Assign {
		steps = append(steps, govern.Step{Act: govern.ActPolicyAssign, Data: govern.PolicyTo{Policy: p.ID, To: f.target()}})
	}
	return steps, nil
}

func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// editPage is the form for a policy.
type editPage struct {
	layout
	F         policyForm
	New       bool
	Presets   []presetView
	Note      string
	NeedsYear bool // nobody has said when the fiscal year ends
	Clocks    []clockView
	Wrong     string
}

type clockView struct {
	Clock    retain.Clock
	Say      string
	Selected bool
}

// ofPolicy fills the form.
func (f *policyForm) ofPolicy(p *retain.Policy) {
	f.ID, f.Name, f.Clause, f.Clock = p.ID, clean(p.Name), clean(p.Clause), string(p.Clock)
	f.Min, f.Max, f.Accessible, f.Forever, f.Propose = p.Min.String(), p.Max.String(), p.Accessible.String(), p.Forever, p.Propose
}

func (s *Server) editPolicy(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p := editPage{New: true, F: policyForm{Act: govern.ActPolicySet, Clock: string(retain.Sent), Propose: true, Assign: true}}
	if preset, ok := retain.PresetByID(q.Get("preset")); ok {
		p.F.ofPolicy(&preset.Policy)
		p.Note = preset.Note + " " + preset.Confidence.Say()
	}
	if id := q.Get("policy"); id != "" {
		err := s.ledger.Read(r.Context(), func(st *govern.State) error {
			of := st.Policies[id]
			if of == nil {
				return errNoPage
			}
			p.New = false
			p.F.Assign = false
			p.F.ofPolicy(&of.Last().Policy)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.renderEdit(w, r, http.StatusOK, p)
}

func (s *Server) renderEdit(w http.ResponseWriter, r *http.Request, status int, p editPage) error {
	title := "A new policy"
	if !p.New {
		title = "A new version of " + p.F.ID
	}
	p.layout = s.layout(r, title, "policies")
	for _, preset := range retain.Presets() {
		p.Presets = append(p.Presets, viewPreset(&preset))
	}
	for _, c := range retain.Clocks() {
		p.Clocks = append(p.Clocks, clockView{c, c.Say(), string(c) == p.F.Clock})
	}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.NeedsYear = st.Fiscal == (retain.Fiscal{})
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "policy-edit", p)
}

// previewPage shows what a change would do before it is made.
type previewPage struct {
	layout
	F      policyForm
	What   []string    // each act, in a sentence
	Second bool        // another person has to confirm something of it
	Asked  *requestRow // what waits, where that is what is looked at
	C      *dispose.Comparison
	Before *picturePage
	After  *picturePage
	Back   string
}

func (s *Server) previewPolicy(w http.ResponseWriter, r *http.Request) error {
	f, err := readPolicyForm(w, r)
	if err != nil {
		return err
	}
	p := previewPage{F: f, Back: "/policies", layout: s.layout(r, "Before it is changed", "policies")}
	if f.ID != "" && f.Act != govern.ActPolicySet {
		p.Back = "/policies/" + url.PathEscape(f.ID)
	}
	var after retain.Rules
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		steps, err := f.steps(st)
		if err != nil {
			return err
		}
		rules, second, err := st.RulesAfter(s.now(), steps...)
		if err != nil {
			return err
		}
		after, p.Second = rules, slices.Contains(second, true)
		for i, step := range steps {
			p.What = append(p.What, sayStep(step, second[i]))
		}
		return nil
	})
	var refusal *govern.Refusal
	if errors.As(err, &refusal) && f.Act == govern.ActPolicySet {
		return s.wrongPolicy(w, r, f, refusal)
	}
	if err != nil {
		return err
	}
	if err := s.compare(r, &p, after, f.ID); err != nil {
		return err
	}
	return s.render(w, "policy-preview", p)
}

// compare fills in what other rules would change. A version of the policy that
// is to come is looked at from the day on which it counts.
func (s *Server) compare(r *http.Request, p *previewPage, after retain.Rules, policy string) (err error) {
	if s.outlook == nil || partly(actor(r)) {
		return nil
	}
	at := s.now()
	for _, v := range after.Policies {
		if v.From.After(at) && v.ID == policy {
			at = v.From
		}
	}
	if p.C, err = s.outlook.Compare(r.Context(), at, after); err != nil {
		return err
	}
	zone := after.Zone()
	p.Before, p.After = drawMonths(p.C.Before.Months, at.In(zone)), drawMonths(p.C.After.Months, at.In(zone))
	if p.After != nil {
		p.After.ID = "after"
	}
	return nil
}

// wrongPolicy shows the form again, with what is wrong in it.
func (s *Server) wrongPolicy(w http.ResponseWriter, r *http.Request, f policyForm, why *govern.Refusal) error {
	p := editPage{F: f, New: true, Wrong: why.Say}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.New = st.Policies[f.ID] == nil
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderEdit(w, r, http.StatusConflict, p)
}

func sayStep(step govern.Step, second bool) string {
	var text string
	switch d := step.Data.(type) {
	case govern.PolicySet:
		from := "at once"
		if !d.Policy.From.IsZero() {
			from = "from " + d.Policy.From.Format("2 January 2006")
		}
		text = "Policy " + d.Policy.ID + ", " + from + ": " + strings.Join(saysOf(&d.Policy), " ")
	case govern.PolicyTo:
		text = "Policy " + d.Policy + " is for: " + sayTarget(d.To) + "."
		if step.Act == govern.ActPolicyWithdraw {
			text = "Policy " + d.Policy + " is no longer for: " + sayTarget(d.To) + "."
		}
	case govern.PolicyProlong:
		text = "Order of " + closed(clean(d.Authority)) + ": " + d.Extra.Say() + " longer. " + sayTarget(d.To) + "."
	case govern.PolicyLift:
		text = "Order " + strconv.FormatInt(d.Order, 10) + " is lifted."
	case retain.Fiscal:
		text = "The fiscal year ends with " + sayFiscal(d) + "."
	}
	if second {
		text += " A second person has to confirm this."
	}
	return text
}

func (s *Server) changePolicy(w http.ResponseWriter, r *http.Request) error {
	f, err := readPolicyForm(w, r)
	if err != nil {
		return err
	}
	var steps []govern.Step
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		steps, err = f.steps(st)
		if err == nil {
			_, _, err = st.RulesAfter(s.now(), steps...)
		}
		return err
	})
	if err != nil {
		return err
	}
	asked := 0
	for _, step := range steps {
		did, err := s.doOrAsk(r, govern.Request{Act: step.Act, Data: step.Data, Reason: f.Reason})
		if err != nil {
			return err
		}
		if !did {
			asked++
		}
	}
	word := "policy-made"
	switch {
	case asked == len(steps):
		word = "policy-asked"
	case asked > 0:
		word = "policy-both"
	}
	path := "/policies"
	if f.ID != "" && asked < len(steps) {
		path += "/" + url.PathEscape(f.ID)
	}
	return goOn(w, r, path, word)
}

// doOrAsk does what one person can do, and asks for the rest. It reports
// whether it is done.
func (s *Server) doOrAsk(r *http.Request, q govern.Request) (bool, error) {
	var second []bool
	err := s.ledger.Read(r.Context(), func(st *govern.State) (err error) {
		_, second, err = st.RulesAfter(s.now(), govern.Step{Act: q.Act, Data: q.Data})
		return err
	})
	if err != nil {
		return false, err
	}
	if second[0] {
		_, err = s.ledger.Ask(r.Context(), actor(r), q)
		return false, err
	}
	_, err = s.ledger.Do(r.Context(), actor(r), q)
	return true, err
}

// askedPolicy shows a request of policies with what it would do, for whoever
// has to confirm it.
func (s *Server) askedPolicy(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	if err != nil {
		return errNoPage
	}
	p := previewPage{layout: s.layout(r, "Before it is confirmed", "policies"), Back: "/policies"}
	var after retain.Rules
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		q := st.Requests[n]
		if q == nil || requestWords[q.Act] == "" || !q.Waits(s.now()) {
			return errNoPage
		}
		row := s.requestRow(st, actor(r), q)
		step, err := readStep(q)
		if err != nil {
			return err
		}
		p.Asked, p.What = &row, []string{sayStep(step, false)}
		after, _, err = st.RulesAfter(s.now(), step)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.compare(r, &p, after, ""); err != nil {
		return err
	}
	return s.render(w, "policy-preview", p)
}

// readStep is what a request asks for.
func readStep(q *govern.Asked) (govern.Step, error) {
	read := map[string]func() (any, error){
		govern.ActPolicySet:      as[govern.PolicySet](q.Data),
		govern.ActPolicyAssign:   as[govern.PolicyTo](q.Data),
		govern.ActPolicyWithdraw: as[govern.PolicyTo](q.Data),
		govern.ActPolicyLift:     as[govern.PolicyLift](q.Data),
		govern.ActSettingsFiscal: as[retain.Fiscal](q.Data),
	}[q.Act]
	if read == nil {
		return govern.Step{}, errNoPage
	}
	data, err := read()
	return govern.Step{Act: q.Act, Data: data}, err
}

func as[T any](data json.RawMessage) func() (any, error) {
	return func() (any, error) {
		var v T
		err := json.Unmarshal(data, &v)
		return v, err
	}
}
