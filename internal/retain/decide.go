package retain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds of reasons.
const (
	Minimum = "minimum" // a policy's shortest time
	Maximum = "maximum" // a policy's longest time
	Held    = "hold"
	Ordered = "order"   // of an authority
	Unruled = "none"    // no policy names the message
	Unknown = "unknown" // something that the decision needs is not known
)

// Reason is one ground of a decision.
type Reason struct {
	Kind    string    `json:"kind"`
	Policy  string    `json:"policy,omitempty"`
	Version int       `json:"version,omitempty"`
	Clause  string    `json:"clause,omitempty"`
	Until   time.Time `json:"until,omitzero"` // zero: no end is known
	Say     string    `json:"say"`            // a sentence
}

// Decision is what becomes of a message at an instant, and why.
type Decision struct {
	// Keep: it must be kept now.
	Keep bool
	// Must: it must go now. Never together with Keep.
	Must bool
	// Propose: nothing keeps it any longer and a policy wants it proposed for
	// disposal. Never together with Keep.
	Propose bool
	// Until is when the last ground to keep it ends; zero: no end is known.
	Until time.Time
	// Accessible is until when it must be easily accessible; zero: no policy
	// says so.
	Accessible time.Time
	Reasons    []Reason // what decided first
}

// Decide reports what to do with a message at instant now. Silence is never
// permission to destroy: without a policy, or without a fact that one needs,
// the message is kept.
//
// Of each policy the version counts that is in force at now. The longest
// minimum wins; an order prolongs what it covers; a maximum acts only when no
// minimum, order or hold does; a hold beats everything.
func Decide(f Facts, r Rules, now time.Time) Decision {
	var d decider
	for _, h := range f.Holds {
		d.keeps(Reason{Kind: Held, Say: "It is under the hold " + h + "."})
	}
	policies := r.covering(&f, now)
	if len(policies) == 0 {
		d.keeps(Reason{Kind: Unruled, Say: "No policy names it, so it is kept."})
	}
	for _, p := range policies {
		d.policy(&f, p, &r, now)
	}
	return d.decide(now)
}

// decider gathers grounds.
type decider struct {
	reasons []Reason
	open    bool // a ground without an end
	last    time.Time
	max     time.Time // the earliest maximum
	propose bool
	hot     time.Time
}

// keeps adds a ground to keep, until its end or without one.
func (d *decider) keeps(r Reason) {
	d.reasons = append(d.reasons, r)
	if r.Until.IsZero() {
		d.open = true
	} else if r.Until.After(d.last) {
		d.last = r.Until
	}
}

func (d *decider) policy(f *Facts, p *Policy, r *Rules, now time.Time) {
	start, why := p.start(f, r)
	if p.Forever || start.IsZero() {
		kind, say := Unknown, why
		if p.Forever {
			kind, say = Minimum, "It is kept for ever."
		}
		d.keeps(Reason{Kind: kind, Policy: p.ID, Version: p.Version, Clause: p.Clause, Say: say})
		return
	}
	zone := p.zone(r)
	until := p.Min.after(start, zone)
	d.keeps(Reason{
		Kind: Minimum, Policy: p.ID, Version: p.Version, Clause: p.Clause, Until: until,
		Say: fmt.Sprintf("%s, %s from %s on.", p.Name, p.Min, why),
	})
	for _, o := range r.Orders {
		if o.covers(f) && !o.At.After(now) {
			d.keeps(Reason{
				Kind: Ordered, Policy: p.ID, Version: p.Version, Until: o.Extra.after(until, zone),
				Say: fmt.Sprintf("%s more by order of %s.", o.Extra, o.Authority),
			})
		}
	}
	if !p.Accessible.Zero() {
		if hot := p.Accessible.after(start, zone); hot.After(d.hot) {
			d.hot = hot
		}
	}
	if !p.Max.Zero() {
		end := p.Max.after(start, zone)
		if d.max.IsZero() || end.Before(d.max) {
			d.max = end
		}
		d.reasons = append(d.reasons, Reason{
			Kind: Maximum, Policy: p.ID, Version: p.Version, Clause: p.Clause, Until: end,
			Say: fmt.Sprintf("%s: at most %s from %s on.", p.Name, p.Max, why),
		})
	}
	d.propose = d.propose || p.Propose
}

func (d *decider) decide(now time.Time) Decision {
	out := Decision{Accessible: d.hot, Reasons: d.reasons}
	if !d.open {
		out.Until = d.last
	}
	out.Keep = d.open || now.Before(d.last)
	out.Must = !out.Keep && !d.max.IsZero() && !now.Before(d.max)
	out.Propose = !out.Keep && (d.propose || out.Must)
	// What lasts longest comes first: it is what decided.
	slices.SortStableFunc(out.Reasons, func(a, b Reason) int {
		if a.Until.IsZero() != b.Until.IsZero() {
			if a.Until.IsZero() {
				return -1
			}
			return 1
		}
		return b.Until.Compare(a.Until)
	})
	return out
}

// covering are the versions in force of the policies that a message is under,
// each once.
func (r *Rules) covering(f *Facts, now time.Time) (out []*Policy) {
	for i := range r.Assignments {
		a := &r.Assignments[i]
		if a.From.After(now) || !a.End.IsZero() && !now.Before(a.End) || !a.To.covers(f) {
			continue
		}
		p := r.inForce(a.Policy, now)
		if p != nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Policy) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// inForce is the newest version of a policy that has begun to count.
func (r *Rules) inForce(id string, now time.Time) (best *Policy) {
	for i := range r.Policies {
		p := &r.Policies[i]
		if p.ID == id && !p.From.After(now) && (best == nil || p.Version > best.Version) {
			best = p
		}
	}
	return best
}

// covers reports whether a message is one of the target's.
func (t *Target) covers(f *Facts) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	in := func(want string, got []string) bool { return want == "" || slices.Contains(got, want) }
	return is(t.Custodian, f.Custodian) && is(t.Chat, f.Chat) && is(t.Account, f.Account) &&
		in(t.Group, f.Groups) && in(t.Source, f.Sources) && t.labelled(f.Labels)
}

// labelled reports whether one of the labels is the target's, or below it.
func (t *Target) labelled(labels []string) bool {
	return t.Label == "" || slices.ContainsFunc(labels, func(l string) bool {
		return l == t.Label || strings.HasPrefix(l, t.Label+"/")
	})
}

// covers reports whether an order covers a message. Days are those of UTC, and
// one more on each side: an order is never read narrowly.
func (o *Prolong) covers(f *Facts) bool {
	if !o.To.covers(f) {
		return false
	}
	if f.Sent.IsZero() {
		return true
	}
	first, last := f.Sent.AddDate(0, 0, -1).UTC().Format(time.DateOnly), f.Sent.AddDate(0, 0, 1).UTC().Format(time.DateOnly)
	return (o.From == "" || last >= o.From) && (o.Until == "" || first <= o.Until)
}

// start is when a policy's time begins for a message, and what that is in
// words. Zero: it has not begun, or cannot be told, and the words say why.
func (p *Policy) start(f *Facts, r *Rules) (time.Time, string) {
	pick := func(at time.Time, is, not string) (time.Time, string) {
		if at.IsZero() {
			return at, not
		}
		return at, is
	}
	switch p.Clock {
	case Sent:
		return pick(f.Sent, "the message", "When it was sent is not known.")
	case ChatLast:
		return pick(f.ChatLast, "the last message of the chat", "When its chat ended is not known.")
	case ChatClosed:
		return pick(f.ChatClosed, "the end of the chat", "Its chat is open.")
	case PersonLeft:
		return pick(f.Left, "the day on which the custodian left", "Its custodian is with the firm.")
	case MatterClosed:
		return pick(f.MatterClosed, "the end of the matter", "It is in no closed matter, or in one that is open.")
	case FiscalYear:
		if f.Sent.IsZero() {
			return time.Time{}, "When it was sent is not known."
		}
		return p.fiscal(r).endOf(f.Sent), "the end of the fiscal year"
	}
	return time.Time{}, "Its policy has a clock that is not known here."
}

func (p *Policy) fiscal(r *Rules) Fiscal {
	if p.Fiscal.Month != 0 {
		return p.Fiscal
	}
	return r.Fiscal
}

// zone is where a policy's days are those of.
func (p *Policy) zone(r *Rules) *time.Location { return location(p.fiscal(r).Zone) }

// location is a zone by name; one that is not known is UTC.
func location(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

// endOf is the first instant after the fiscal year that t is in. Without a
// month, years are calendar years.
func (f Fiscal) endOf(t time.Time) time.Time {
	zone := location(f.Zone)
	month, day := f.Month, f.Day
	if month == 0 {
		month, day = time.December, 31
	}
	local := t.In(zone)
	for year := local.Year(); ; year++ {
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, zone).Day() // of the month
		end := time.Date(year, month, min(day, last)+1, 0, 0, 0, 0, zone)
		if t.Before(end) {
			return end
		}
	}
}

// after adds calendar time, in a zone. A day that the month does not have is
// the first of the next: what began on 29 February ends with the last day of
// February, not before it.
func (p Period) after(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	y, m, d := l.Date()
	h, mi, s := l.Clock()
	return time.Date(y+p.Years, m+time.Month(p.Months), d+p.Days, h, mi, s, l.Nanosecond(), zone).UTC()
}

// String writes a period in words.
func (p Period) String() string {
	var parts []string
	for _, u := range []struct {
		n    int
		name string
	}{{p.Years, "year"}, {p.Months, "month"}, {p.Days, "day"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.name)
		case u.n != 0:
			parts = append(parts, fmt.Sprintf("%d %ss", u.n, u.name))
		}
	}
	if len(parts) == 0 {
		return "no time"
	}
	return strings.Join(parts, " ")
}
