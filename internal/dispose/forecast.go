// Package dispose brings together what the index knows of messages, what the
// books demand and what the archive does about it: forecasts, candidates,
// disposals.
package dispose

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
)

// Fact is what the index knows of one message.
type Fact = index.Fact

// Facts calls fn with every message, oldest first. The Fact is fn's until it
// returns.
type Facts func(ctx context.Context, fn func(*Fact) error) error

// Marked are messages that something covers, by its name.
type Marked struct {
	Names []string // a label's own ID and those above it
	Has   func(seq int64) bool
}

// Matter is what a matter's clock asks.
type Matter struct {
	Closed time.Time // zero: open
	Has    func(seq int64) bool
}

// World is what decisions ask beside the rules and the index's facts, gathered
// once for many messages.
type World struct {
	Groups      map[string][]string  // of custodians
	Left        map[string]time.Time // custodians
	ChatsClosed map[string]time.Time
	Labels      []Marked
	Holds       []Marked // that stand
	Matters     []Matter
}

// Tally counts messages. Each is in one of the columns.
type Tally struct {
	Messages int64 `json:"messages"`
	Kept     int64 `json:"kept"`      // by a policy or an order
	NoEnd    int64 `json:"no_end"`    // of Kept: nobody knows until when
	NoPolicy int64 `json:"no_policy"` // and kept therefore
	Held     int64 `json:"held"`
	May      int64 `json:"may"`
	Proposed int64 `json:"proposed"` // of May
	Must     int64 `json:"must"`

	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
}

// Due is what nothing keeps.
func (t *Tally) Due() int64 { return t.May + t.Must }

func (t *Tally) add(f *Fact, d *retain.Decision) {
	t.Messages++
	switch {
	case d.Held:
		t.Held++
	case d.Policy == "":
		t.NoPolicy++
	case d.Must:
		t.Must++
	case !d.Keep:
		t.May++
		if d.Propose {
			t.Proposed++
		}
	default:
		t.Kept++
		if d.Until.IsZero() {
			t.NoEnd++
		}
	}
	if f.Sent.IsZero() {
		return
	}
	if t.Oldest.IsZero() || f.Sent.Before(t.Oldest) {
		t.Oldest = f.Sent
	}
	if f.Sent.After(t.Newest) {
		t.Newest = f.Sent
	}
}

// Named is a tally of something.
type Named struct {
	Name string `json:"name"` // a policy's ID, a custodian's; empty: none
	Tally
}

// Month is what comes to its end in a month, under the policy that keeps it
// longest.
type Month struct {
	Policy   string `json:"policy"`
	Month    string `json:"month"` // "2031-12"
	Messages int64  `json:"messages"`
	Held     int64  `json:"held"` // of them, whose end a hold would put off
}

// Forecast is what the rules would make of all messages at an instant.
type Forecast struct {
	At         time.Time `json:"at"`
	Total      Tally     `json:"total"`
	Policies   []Named   `json:"policies"`   // each message under the policy that keeps it longest
	Custodians []Named   `json:"custodians"` //
	Months     []Month   `json:"months"`     // by month, then policy; without what has no known end
}

// Comparison is what a change of rules would change.
type Comparison struct {
	Before *Forecast `json:"before"`
	After  *Forecast `json:"after"`
	Goes   int64     `json:"goes"`   // kept before, and not after
	Stays  int64     `json:"stays"`  // kept after, and not before
	Must   int64     `json:"must"`   // would have to go after, and not before
	Sooner int64     `json:"sooner"` // ends earlier, at whatever time
	Later  int64     `json:"later"`
}

// Forecast runs the rules over all messages as they would be at an instant:
// with what is known now of chats, people and holds.
func (w *World) Forecast(ctx context.Context, facts Facts, rules retain.Rules, at time.Time) (*Forecast, error) {
	v, err := w.prepare(ctx, facts, at, rules)
	if err != nil {
		return nil, err
	}
	c := newCounter(rules, at)
	err = facts(ctx, func(f *Fact) error {
		d := v.decide(f)
		c.add(f, &d[0])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.forecast(), nil
}

// Compare tells two sets of rules apart by what they do.
func (w *World) Compare(ctx context.Context, facts Facts, before, after retain.Rules, at time.Time) (*Comparison, error) {
	v, err := w.prepare(ctx, facts, at, before, after)
	if err != nil {
		return nil, err
	}
	cb, ca := newCounter(before, at), newCounter(after, at)
	out := &Comparison{}
	err = facts(ctx, func(f *Fact) error {
		d := v.decide(f)
		cb.add(f, &d[0])
		ca.add(f, &d[1])
		out.add(&d[0], &d[1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Before, out.After = cb.forecast(), ca.forecast()
	return out, nil
}

func (c *Comparison) add(b, a *retain.Decision) {
	switch {
	case b.Keep && !a.Keep:
		c.Goes++
	case !b.Keep && a.Keep:
		c.Stays++
	}
	if a.Must && !b.Must {
		c.Must++
	}
	switch {
	case a.End.Equal(b.End):
	case a.End.IsZero(), !b.End.IsZero() && b.End.Before(a.End):
		c.Later++
	default:
		c.Sooner++
	}
}

// Decisions decides about single messages, with reasons.
func (w *World) Decisions(ctx context.Context, facts Facts, rules retain.Rules, at time.Time, seqs []int64) (map[int64]retain.Decision, error) {
	v, err := w.prepare(ctx, facts, at, rules)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]retain.Decision, len(seqs))
	for _, s := range seqs {
		out[s] = retain.Decision{}
	}
	err = facts(ctx, func(f *Fact) error {
		if _, asked := out[f.Seq]; asked {
			out[f.Seq] = v.in[0].Decide(v.facts(f))
		}
		return nil
	})
	return out, err
}

// visit decides about one message after the other. Messages of one chat, with
// the same labels and holds, share all but their time.
type visit struct {
	w     *World
	in    []*retain.InForce
	last  map[string]time.Time // of chats, where a clock asks
	alike map[string]*alike
	key   []byte
	out   []retain.Decision
}

type alike struct {
	facts    retain.Facts
	policies [][]int // by set of rules
}

func (w *World) prepare(ctx context.Context, facts Facts, at time.Time, rules ...retain.Rules) (*visit, error) {
	v := &visit{w: w, alike: map[string]*alike{}, out: make([]retain.Decision, len(rules))}
	asks := false
	for _, r := range rules {
		v.in = append(v.in, r.At(at))
		asks = asks || slices.ContainsFunc(r.Policies, func(p retain.Policy) bool { return p.Clock == retain.ChatLast })
	}
	if !asks {
		return v, nil
	}
	v.last = map[string]time.Time{}
	return v, facts(ctx, func(f *Fact) error {
		if last, ok := v.last[f.Chat]; !ok || f.Sent.After(last) {
			v.last[f.Chat] = f.Sent
		}
		return nil
	})
}

// decide is about a message, by each set of rules. The answer is the caller's
// until the next.
func (v *visit) decide(f *Fact) []retain.Decision {
	a := v.of(f)
	a.facts.Sent = f.Sent
	for i, in := range v.in {
		v.out[i] = in.Weigh(&a.facts, a.policies[i])
	}
	return v.out
}

func (v *visit) facts(f *Fact) *retain.Facts {
	a := v.of(f)
	a.facts.Sent = f.Sent
	return &a.facts
}

// of finds what a message shares with others.
func (v *visit) of(f *Fact) *alike {
	b := v.key[:0]
	for _, s := range []string{f.Chat, f.Account, f.Custodian} {
		b = append(append(b, s...), 0)
	}
	for _, s := range f.Sources {
		b = append(append(b, s...), 0)
	}
	b = append(b, 1)
	for i := range v.w.Labels {
		b = mark(b, v.w.Labels[i].Has(f.Seq))
	}
	for i := range v.w.Holds {
		b = mark(b, v.w.Holds[i].Has(f.Seq))
	}
	for i := range v.w.Matters {
		b = mark(b, v.w.Matters[i].Has(f.Seq))
	}
	v.key = b
	if a, ok := v.alike[string(b)]; ok {
		return a
	}
	a := v.add(f)
	v.alike[string(b)] = a
	return a
}

func mark(b []byte, has bool) []byte {
	if has {
		return append(b, 'x')
	}
	return append(b, '-')
}

func (v *visit) add(f *Fact) *alike {
	a := &alike{facts: retain.Facts{
		Chat: f.Chat, Account: f.Account, Custodian: f.Custodian, Sources: slices.Clone(f.Sources),
		Groups: v.w.Groups[f.Custodian], Left: v.w.Left[f.Custodian], ChatClosed: v.w.ChatsClosed[f.Chat], ChatLast: v.last[f.Chat],
	}}
	for i := range v.w.Labels {
		if l := &v.w.Labels[i]; l.Has(f.Seq) {
			a.facts.Labels = append(a.facts.Labels, l.Names...)
		}
	}
	for i := range v.w.Holds {
		if h := &v.w.Holds[i]; h.Has(f.Seq) {
			a.facts.Holds = append(a.facts.Holds, h.Names...)
		}
	}
	a.facts.MatterClosed = v.w.mattersClosed(f.Seq)
	for _, in := range v.in {
		a.policies = append(a.policies, in.Policies(&a.facts))
	}
	return a
}

// mattersClosed is when the last matter of a message was closed; zero while
// one is open, or without any.
func (w *World) mattersClosed(seq int64) time.Time {
	var last time.Time
	for i := range w.Matters {
		m := &w.Matters[i]
		switch {
		case !m.Has(seq):
		case m.Closed.IsZero():
			return time.Time{}
		case m.Closed.After(last):
			last = m.Closed
		}
	}
	return last
}

// counter counts decisions.
type counter struct {
	at         time.Time
	zone       *time.Location
	total      Tally
	policies   map[string]*Tally
	custodians map[string]*Tally
	months     map[monthOf]*Month
}

type monthOf struct {
	policy string
	year   int
	month  time.Month
}

func newCounter(r retain.Rules, at time.Time) *counter {
	return &counter{at: at, zone: r.Zone(), policies: map[string]*Tally{}, custodians: map[string]*Tally{}, months: map[monthOf]*Month{}}
}

func (c *counter) add(f *Fact, d *retain.Decision) {
	c.total.add(f, d)
	tally(c.policies, d.Policy).add(f, d)
	tally(c.custodians, f.Custodian).add(f, d)
	end := d.End
	if end.IsZero() {
		end = d.Latest // of a maximum alone
	}
	if end.IsZero() {
		return
	}
	y, m, _ := end.Add(-1).In(c.zone).Date()
	k := monthOf{d.Policy, y, m}
	n := c.months[k]
	if n == nil {
		n = &Month{Policy: d.Policy, Month: time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")}
		c.months[k] = n
	}
	n.Messages++
	if d.Held {
		n.Held++
	}
}

func tally(of map[string]*Tally, name string) *Tally {
	t := of[name]
	if t == nil {
		t = &Tally{}
		of[name] = t
	}
	return t
}

func (c *counter) forecast() *Forecast {
	out := &Forecast{At: c.at, Total: c.total, Policies: named(c.policies), Custodians: named(c.custodians)}
	for _, m := range c.months {
		out.Months = append(out.Months, *m)
	}
	slices.SortFunc(out.Months, func(a, b Month) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Policy, b.Policy))
	})
	return out
}

func named(of map[string]*Tally) []Named {
	out := make([]Named, 0, len(of))
	for _, n := range slices.Sorted(maps.Keys(of)) {
		out = append(out, Named{n, *of[n]})
	}
	return out
}
