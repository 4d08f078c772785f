package retain

import (
	"fmt"
	"slices"
	"time"
)

// Decision is what becomes of a message at an instant, and why.
type Decision struct {
	Keep    bool      // it must be kept now
	Must    bool      // a maximum is over, and nothing keeps it
	Propose bool      // disposal is to be proposed
	Until   time.Time // when nothing keeps it any longer; zero: no end is known
	// End is Until as policies and orders alone say, whatever is held.
	End    time.Time
	Latest time.Time // when its maximum is over; zero: none, or not known
	// Policy keeps it longest, or has the maximum; empty: no policy names it.
	Policy string
	Held   bool
	// Ordered: an order of an authority keeps it now.
	Ordered bool
	// Accessible is until when it must be easily accessible; zero: no demand.
	Accessible time.Time
	Reasons    []Reason
}

// Kinds of reasons.
const (
	Minimum = "minimum" // a policy's minimum
	Maximum = "maximum" // a policy's maximum
	Hold    = "hold"    //
	Order   = "order"   // of an authority
	None    = "none"    // no policy names it
	Unknown = "unknown" // the time from which to count is not known, or has not come
)

// Reason is one thing that decides.
type Reason struct {
	Kind    string    `json:"kind"`
	Policy  string    `json:"policy,omitempty"`
	Version int       `json:"version,omitempty"`
	Clause  string    `json:"clause,omitempty"`
	Say     string    `json:"say"`
	Until   time.Time `json:"until,omitzero"`
}

// Decide says what becomes of a message at an instant.
//
// What no policy names is kept: silence is never permission to destroy. So is
// what has no known time. Of several minima the longest wins; a maximum acts
// only where no minimum, order or hold does; a hold beats everything. What
// counts is the version in force now, not the one when the message came.
func Decide(f Facts, r Rules, now time.Time) Decision { return r.At(now).Decide(&f) }

// InForce are the rules of one instant, made ready for many decisions. It is
// safe for concurrent use.
type InForce struct {
	now      time.Time
	zone     *time.Location // in which days are counted: the firm's
	policies []ready
	to       []assigned
	orders   []Prolong
}

// ready is a policy with its calendar.
type ready struct {
	Policy
	fiscal Fiscal
	zone   *time.Location
}

type assigned struct {
	policy int // in policies
	to     Target
}

// At makes the rules of an instant ready.
func (r Rules) At(now time.Time) *InForce {
	e := &InForce{now: now, zone: zoneOf(r.Fiscal)}
	at := map[string]int{}
	for _, p := range r.Policies {
		if p.From.After(now) {
			continue
		}
		i, ok := at[p.ID]
		switch {
		case !ok:
			at[p.ID] = len(e.policies)
			e.policies = append(e.policies, ready{Policy: p})
		case e.policies[i].Version < p.Version:
			e.policies[i].Policy = p
		}
	}
	for i := range e.policies {
		p := &e.policies[i]
		p.fiscal, p.zone = r.Fiscal, e.zone
		if p.Fiscal != (Fiscal{}) {
			p.fiscal, p.zone = p.Fiscal, zoneOf(p.Fiscal)
		}
	}
	for _, a := range r.Assignments {
		i, ok := at[a.Policy]
		if ok && !a.From.After(now) && (a.End.IsZero() || now.Before(a.End)) {
			e.to = append(e.to, assigned{i, a.To})
		}
	}
	for _, o := range r.Orders {
		if !o.At.After(now) {
			e.orders = append(e.orders, o)
		}
	}
	return e
}

// Zone is where the firm's days end.
func (r Rules) Zone() *time.Location { return zoneOf(r.Fiscal) }

// zoneOf is the zone in which days end. UTC where the firm said none.
func zoneOf(f Fiscal) *time.Location {
	if f.Zone == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(f.Zone)
	if err != nil {
		return time.UTC // Check refuses it, and a machine without zones has UTC
	}
	return zone
}

// Covers reports whether a target is for a message. What is set must all hold.
func (t Target) Covers(f *Facts) bool {
	return (t.Custodian == "" || t.Custodian == f.Custodian) &&
		(t.Chat == "" || t.Chat == f.Chat) &&
		(t.Account == "" || t.Account == f.Account) &&
		(t.Group == "" || slices.Contains(f.Groups, t.Group)) &&
		(t.Label == "" || slices.Contains(f.Labels, t.Label)) &&
		(t.Source == "" || slices.Contains(f.Sources, t.Source))
}

// covers reports whether an order is for a message, as far as it is known
// when that was sent.
func (o *Prolong) covers(f *Facts, day date) bool {
	if !o.To.Covers(f) {
		return false
	}
	if f.Sent.IsZero() || o.From == "" && o.Until == "" {
		return true
	}
	d := day.String()
	return (o.From == "" || o.From <= d) && (o.Until == "" || d <= o.Until)
}

// Policies are the numbers of the policies that name a message, in order. They
// depend on what targets ask for alone, so that many messages share them.
func (e *InForce) Policies(f *Facts) []int {
	var got []int
	for _, a := range e.to {
		if a.to.Covers(f) && !slices.Contains(got, a.policy) {
			got = append(got, a.policy)
		}
	}
	slices.Sort(got)
	return got
}

// Policy is the version in force of a policy, by its number.
func (e *InForce) Policy(n int) *Policy { return &e.policies[n].Policy }

// Decide decides with reasons.
func (e *InForce) Decide(f *Facts) Decision {
	var why []Reason
	d := e.weigh(f, e.Policies(f), &why)
	d.Reasons = why
	return d
}

// Weigh is Decide without reasons, for a message whose policies are known.
func (e *InForce) Weigh(f *Facts, policies []int) Decision { return e.weigh(f, policies, nil) }

// start is the day from which a policy counts.
func (p *ready) start(f *Facts) (date, bool) {
	t := time.Time{}
	switch p.Clock {
	case Sent, FiscalYear:
		t = f.Sent
	case ChatLast:
		t = f.ChatLast
	case ChatClosed:
		t = f.ChatClosed
	case PersonLeft:
		t = f.Left
	case MatterClosed:
		t = f.MatterClosed
	}
	if t.IsZero() || f.Sent.IsZero() || p.Clock == FiscalYear && p.fiscal.Month == 0 {
		return date{}, false
	}
	if t.Before(f.Sent) { // it was sent after the event: nothing counts from before it was there
		t = f.Sent
	}
	return dateOf(t, p.zone), true
}

// end is the first instant after a period.
func (p *ready) end(start date, l Period) time.Time {
	if p.Clock == FiscalYear {
		return p.fiscal.after(start, l).over(p.zone)
	}
	return start.plus(l).over(p.zone)
}

// weigher gathers what decides about one message.
type weigher struct {
	Decision
	e       *InForce
	f       *Facts
	why     *[]Reason
	endless bool // something but a hold keeps it, and nobody knows for how long
}

func (e *InForce) weigh(f *Facts, policies []int, why *[]Reason) Decision {
	w := weigher{e: e, f: f, why: why}
	for _, h := range f.Holds {
		w.Held = true
		w.because(func() Reason { return Reason{Kind: Hold, Say: "Held: " + h + "."} })
	}
	if len(policies) == 0 {
		w.endless = true
		w.because(func() Reason { return Reason{Kind: None, Say: "Kept: no policy names it."} })
	}
	for _, n := range policies {
		w.policy(&e.policies[n])
	}
	w.orders()
	w.Keep = w.Held || w.endless || e.now.Before(w.Until)
	if w.endless {
		w.Until = time.Time{}
	}
	w.End = w.Until
	if w.Held {
		w.Until = time.Time{}
	}
	if w.Keep {
		w.Must, w.Propose = false, false
	}
	return w.Decision
}

// because notes a reason, where reasons are wanted.
func (w *weigher) because(r func() Reason) {
	if w.why != nil {
		*w.why = append(*w.why, r())
	}
}

func (w *weigher) policy(p *ready) {
	reason := func(kind string, until time.Time, say string) {
		w.because(func() Reason {
			return Reason{Kind: kind, Policy: p.ID, Version: p.Version, Clause: p.Clause, Until: until, Say: say}
		})
	}
	start, begun := p.start(w.f)
	if !begun && w.Policy == "" {
		w.Policy = p.ID
	}
	if !begun {
		// A maximum alone keeps nothing that has a time.
		if p.Forever || !p.Min.Zero() || w.f.Sent.IsZero() {
			w.keepFor(p)
		}
		if w.why != nil {
			reason(Unknown, time.Time{}, p.sayNotBegun(w.f))
		}
		return
	}
	if p.Forever {
		w.keepFor(p)
		if w.why != nil {
			reason(Minimum, time.Time{}, fmt.Sprintf("Kept for ever: %s, version %d.", p.ID, p.Version))
		}
	} else if !p.Min.Zero() {
		end := p.end(start, p.Min)
		if w.keepUntil(end) && !w.endless {
			w.Policy = p.ID
		}
		if p.Propose {
			w.Propose = w.Propose || !w.e.now.Before(end)
		}
		if w.why != nil {
			how := "Kept until"
			if !w.e.now.Before(end) {
				how = "Was to be kept until"
			}
			reason(Minimum, end, p.sayUntil(end, p.Min, how))
		}
	}
	if w.Policy == "" {
		w.Policy = p.ID
	}
	if !p.Max.Zero() {
		end := p.end(start, p.Max)
		if w.Latest.IsZero() || end.Before(w.Latest) {
			w.Latest = end
		}
		if !w.e.now.Before(end) {
			w.Must, w.Propose = true, true
		}
		if w.why != nil {
			how := "Not to be kept beyond"
			if !w.e.now.Before(end) {
				how = "Its maximum was over with"
			}
			reason(Maximum, end, p.sayUntil(end, p.Max, how))
		}
	}
	if !p.Accessible.Zero() {
		if end := p.end(start, p.Accessible); end.After(w.Accessible) {
			w.Accessible = end
		}
	}
}

// keepFor keeps without an end.
func (w *weigher) keepFor(p *ready) { w.endless, w.Policy = true, p.ID }

// keepUntil reports whether nothing kept it for as long before.
func (w *weigher) keepUntil(end time.Time) bool {
	longer := end.After(w.Until)
	if longer {
		w.Until = end
	}
	return longer
}

// orders prolong what the minima demand. Where none does, they count from the
// message's own day.
func (w *weigher) orders() {
	if len(w.e.orders) == 0 {
		return
	}
	day := dateOf(w.f.Sent, w.e.zone)
	base := w.Until
	if base.IsZero() {
		base = day.over(w.e.zone)
	}
	last := dateOf(base.Add(-1), w.e.zone)
	for i := range w.e.orders {
		o := &w.e.orders[i]
		if !o.covers(w.f, day) {
			continue
		}
		if w.f.Sent.IsZero() {
			w.endless, w.Ordered = true, true
			w.because(func() Reason { return Reason{Kind: Order, Say: fmt.Sprintf("Kept: order of %s.", o.Authority)} })
			continue
		}
		end := last.plus(o.Extra).over(w.e.zone)
		w.keepUntil(end)
		w.Ordered = w.Ordered || w.e.now.Before(end)
		w.because(func() Reason {
			return Reason{Kind: Order, Until: end, Say: fmt.Sprintf("Order of %s: %s longer, until the end of %s.", o.Authority, o.Extra.Say(), lastDay(end, w.e.zone))}
		})
	}
}

func lastDay(end time.Time, zone *time.Location) string {
	return end.In(zone).Add(-time.Second).Format("2 January 2006")
}

// from says of each clock from when it counts.
var from = map[Clock]string{
	Sent: "the message", ChatLast: "the last message of its chat", ChatClosed: "the day the chat was closed",
	PersonLeft: "the day the custodian left", FiscalYear: "the end of the fiscal year", MatterClosed: "the day its last matter was closed",
}

func (p *ready) sayUntil(end time.Time, l Period, how string) string {
	return fmt.Sprintf("%s the end of %s (%s): %s from %s; %s, version %d.", how, lastDay(end, p.zone), p.zone, l.Say(), from[p.Clock], p.ID, p.Version)
}

func (p *ready) sayNotBegun(f *Facts) string {
	why := map[Clock]string{
		ChatClosed: "its chat has not been closed", PersonLeft: "its custodian has not left",
		FiscalYear: "nobody has said when the fiscal year ends", MatterClosed: "no matter of it was closed, or one is still open",
		ChatLast: "when its chat ended is not known",
	}[p.Clock]
	if f.Sent.IsZero() {
		why = "when it was sent is not known"
	}
	return fmt.Sprintf("Kept, and the time does not run: %s; %s, version %d.", why, p.ID, p.Version)
}
