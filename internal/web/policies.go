package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// Outlook tells what rules would make of all messages. *dispose.Outlook is one.
type Outlook interface {
	Forecast(ctx context.Context, at time.Time, rules *retain.Rules) (*dispose.Forecast, error)
	Compare(ctx context.Context, at time.Time, after retain.Rules) (*dispose.Comparison, error)
}

// policyRequests are the acts of policies that another person may have to confirm.
var policyRequests []string

func init() {
	maps.Copy(said, map[string]string{
		"policy-made":  "Done. It counts from now on.",
		"policy-asked": "Asked. It counts once a second person has confirmed it.",
		"policy-both":  "Done in part: what can end the keeping of a message earlier waits for a second person.",
	})
	for act, word := range map[string]string{
		govern.ActPolicySet: "A version of a policy that can end keeping earlier", govern.ActPolicyAssign: "Assign a policy that has a maximum",
		govern.ActPolicyWithdraw: "Withdraw an assignment of a policy", govern.ActPolicyLift: "Lift an authority's order",
		govern.ActSettingsFiscal: "Move the end of the fiscal year",
	} {
		requestWords[act] = word
		requestHref[act] = func(q *govern.Asked) string { return "/policies/requests/" + strconv.FormatInt(q.Seq, 10) }
		policyRequests = append(policyRequests, act)
	}
}

// policiesPage lists what the firm keeps, and for how long.
type policiesPage struct {
	layout
	Policies  []policyView
	Orders    []orderView
	Waiting   []requestRow
	Fiscal    string
	Proposed  *presetView // of books without a policy
	MayChange bool
}

// policyView is a policy as pages show it.
type policyView struct {
	ID       string
	Name     string
	Clause   string
	Version  int
	Says     []string // what it demands, one sentence each
	ToCome   bool     // no version counts yet
	To       []string // what it is assigned to, now
	Versions []versionView
	Assigned []assignedView
}

type versionView struct {
	Version int
	From    string
	Says    []string
	Made    signedView
	State   string // "in force", "to come", "over"
}

type assignedView struct {
	To        string
	Since     string
	Made      signedView
	End       string
	Withdrawn signedView
}

type signedView struct {
	At, By, Second, Why string
	Seq                 int64
}

type orderView struct {
	ID        int64
	Authority string
	Extra     string
	To        string
	Days      string
	Made      signedView
	Lifted    *signedView
}

type presetView struct {
	ID, Name, Clause, Confidence, Note string
	Says                               []string
}

func viewPreset(p *retain.Preset) presetView {
	return presetView{p.ID, p.Name, p.Clause, p.Confidence.Say(), p.Note, saysOf(&p.Policy)}
}

// saysOf is what a policy demands, in sentences.
func saysOf(p *retain.Policy) []string {
	var out []string
	switch {
	case p.Forever:
		out = append(out, "Kept for ever.")
	case p.Min.Zero():
		out = append(out, "Keeps nothing by itself.")
	default:
		out = append(out, "Kept for "+p.Min.Say()+" from "+p.Clock.Say()+".")
	}
	if !p.Max.Zero() {
		out = append(out, "Must go "+p.Max.Say()+" after "+p.Clock.Say()+".")
	}
	switch {
	case p.Accessible.Zero():
	case p.Accessible == p.Min:
		out = append(out, "Easily accessible the whole time.")
	default:
		out = append(out, "Easily accessible for the first "+p.Accessible.Say()+".")
	}
	if p.Propose {
		out = append(out, "Disposal is proposed afterwards.")
	} else if !p.Forever && p.Max.Zero() {
		out = append(out, "Stays afterwards until somebody proposes otherwise.")
	}
	if p.Fiscal != (retain.Fiscal{}) {
		out = append(out, "Its own fiscal year ends with "+p.Fiscal.String()+".")
	}
	return out
}

// sayTarget is which messages a target is for.
func sayTarget(t retain.Target) string {
	var parts []string
	for _, p := range [][2]string{
		{"custodian", t.Custodian},
		{"group", t.Group},
		{"chat", t.Chat},
		{"label", t.Label},
		{"source", t.Source},
		{"account", t.Account},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+closed(clean(p[1])))
		}
	}
	if len(parts) == 0 {
		return "Every message"
	}
	return "Messages of " + strings.Join(parts, ", and of ")
}

func viewSigned(s govern.Signed) signedView {
	by := clean(s.By)
	if by == "" {
		by = "whoever holds the archive's keys"
	}
	return signedView{At: utc(s.At), By: by, Second: clean(s.Second), Why: clean(s.Why), Seq: s.Seq}
}

func dayIn(t time.Time, zone *time.Location) string { return t.In(zone).Format("2 January 2006") }

func viewPolicy(p *govern.Policy, zone *time.Location, now time.Time) policyView {
	in := p.InForce(now)
	v := policyView{ID: p.ID, ToCome: in == nil}
	shown := in
	if shown == nil {
		shown = p.Last()
	}
	v.Name, v.Clause, v.Version, v.Says = clean(shown.Name), clean(shown.Clause), shown.Version, saysOf(&shown.Policy)
	if v.Name == "" {
		v.Name = p.ID
	}
	for i := range slices.Backward(p.Versions) {
		pv := &p.Versions[i]
		state := "over"
		switch {
		case in != nil && pv.Version == in.Version:
			state = "in force"
		case pv.From.After(now):
			state = "to come"
		}
		v.Versions = append(v.Versions, versionView{pv.Version, dayIn(pv.From, zone), saysOf(&pv.Policy), viewSigned(pv.Signed), state})
	}
	for _, a := range p.Assignments {
		av := assignedView{To: sayTarget(a.To), Since: dayIn(a.From, zone), Made: viewSigned(a.Signed)}
		if a.End.IsZero() {
			v.To = append(v.To, av.To)
		} else {
			av.End, av.Withdrawn = dayIn(a.End, zone), viewSigned(a.Withdrawn)
		}
		v.Assigned = append(v.Assigned, av)
	}
	return v
}

func viewOrder(o *govern.PolicyOrder) orderView {
	v := orderView{ID: o.ID, Authority: clean(o.Authority), Extra: o.Extra.Say(), To: sayTarget(o.To), Made: viewSigned(o.Signed)}
	switch {
	case o.From != "" && o.Until != "":
		v.Days = "sent from " + o.From + " to " + o.Until
	case o.From != "":
		v.Days = "sent from " + o.From + " on"
	case o.Until != "":
		v.Days = "sent until " + o.Until
	}
	if !o.Lifted.At.IsZero() {
		l := viewSigned(o.Lifted)
		v.Lifted = &l
	}
	return v
}

func (s *Server) policies(w http.ResponseWriter, r *http.Request) error {
	now := s.now()
	p := policiesPage{layout: s.layout(r, "Policies", "policies"), MayChange: actor(r).May(access.ManagePolicies, now) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		zone := st.Rules().Zone()
		for _, id := range slices.Sorted(maps.Keys(st.Policies)) {
			p.Policies = append(p.Policies, viewPolicy(st.Policies[id], zone, now))
		}
		for _, n := range slices.Backward(slices.Sorted(maps.Keys(st.Orders))) {
			p.Orders = append(p.Orders, viewOrder(st.Orders[n]))
		}
		for _, n := range slices.Sorted(maps.Keys(st.Requests)) {
			if q := st.Requests[n]; q.Waits(now) && slices.Contains(policyRequests, q.Act) {
				p.Waiting = append(p.Waiting, s.requestRow(st, actor(r), q))
			}
		}
		p.Fiscal = sayFiscal(st.Fiscal)
		if preset, ok := st.ProposedPolicy(); ok {
			v := viewPreset(&preset)
			p.Proposed = &v
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.render(w, "policies", p)
}

func sayFiscal(f retain.Fiscal) string {
	if f == (retain.Fiscal{}) {
		return ""
	}
	if f.Month == time.February && f.Day == 29 {
		return "the last day of February, in " + f.Zone
	}
	return strconv.Itoa(f.Day) + " " + f.Month.String() + ", in " + f.Zone
}

// policyPage is one policy with all that was decided about it.
type policyPage struct {
	layout
	P         policyView
	MayChange bool
}

func (s *Server) policy(w http.ResponseWriter, r *http.Request) error {
	now := s.now()
	p := policyPage{MayChange: actor(r).May(access.ManagePolicies, now) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		of := st.Policies[r.PathValue("policy")]
		if of == nil {
			return errNoPage
		}
		p.P = viewPolicy(of, st.Rules().Zone(), now)
		return nil
	})
	if err != nil {
		return err
	}
	p.layout = s.layout(r, p.P.Name, "policies")
	return s.render(w, "policy", p)
}

// forecastPage is what the rules make of all messages on a day.
type forecastPage struct {
	layout
	At       string // as the form has it
	Day      string
	F        *dispose.Forecast
	Picture  *picturePage
	Policies []tallyRow
	People   []tallyRow
	Wrong    string
}

type tallyRow struct {
	Name           string
	T              dispose.Tally
	Oldest, Newest string
}

func (s *Server) forecast(w http.ResponseWriter, r *http.Request) error {
	p := forecastPage{layout: s.layout(r, "Forecast", "policies"), At: r.URL.Query().Get("at")}
	if s.outlook == nil {
		return errNoPage
	}
	if err := wholly(r, "A forecast is"); err != nil {
		return err
	}
	at := s.now()
	var rules retain.Rules
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		rules = st.Rules()
		return nil
	})
	if err != nil {
		return err
	}
	zone := rules.Zone()
	if p.At != "" {
		day, err := time.ParseInLocation(time.DateOnly, p.At, zone)
		if err != nil || day.Year() < 1990 || day.Year() > 2200 {
			p.Wrong = "A day is written as 2031-12-31."
			p.At = ""
		} else {
			at = day
		}
	}
	p.Day = dayIn(at, zone)
	if p.At == "" {
		p.At = at.In(zone).Format(time.DateOnly)
	}
	if p.F, err = s.outlook.Forecast(r.Context(), at, &rules); err != nil {
		return err
	}
	p.Picture = drawMonths(p.F.Months, at.In(zone))
	p.Policies, p.People = rows(p.F.Policies, "No policy", zone), rows(p.F.Custodians, "Nobody named", zone)
	status := http.StatusOK
	if p.Wrong != "" {
		status = http.StatusBadRequest
	}
	return s.renderStatus(w, status, "forecast", p)
}

func rows(of []dispose.Named, none string, zone *time.Location) []tallyRow {
	out := make([]tallyRow, 0, len(of))
	for _, n := range of {
		row := tallyRow{Name: clean(n.Name), T: n.Tally}
		if row.Name == "" {
			row.Name = none
		}
		if !n.Oldest.IsZero() {
			row.Oldest, row.Newest = n.Oldest.In(zone).Format(time.DateOnly), n.Newest.In(zone).Format(time.DateOnly)
		}
		out = append(out, row)
	}
	return out
}
