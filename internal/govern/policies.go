package govern

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/retain"
)

// Policies say how long is kept. What can only keep longer takes one person;
// whatever could end the keeping of any message earlier takes two, and where
// that depends on the message, it could.

// Acts of policies.
const (
	ActPolicySet      = "policy.set"      // a new policy, or a new version of one
	ActPolicyAssign   = "policy.assign"   //
	ActPolicyWithdraw = "policy.withdraw" // an assignment
	ActPolicyOrder    = "policy.order"    // an authority's, that prolongs
	ActPolicyLift     = "policy.lift"     // an order
	ActSettingsFiscal = "settings.fiscal"
)

// Policy is a policy with all that was decided about it.
type Policy struct {
	ID          string
	Versions    []PolicyVersion // oldest first
	Assignments []PolicyAssignment
}

// PolicyVersion is one version, and who made it.
type PolicyVersion struct {
	retain.Policy
	Signed
}

// PolicyAssignment is one assignment, and who made it. Its end, where it has
// one, was Withdrawn.
type PolicyAssignment struct {
	retain.Assignment
	Signed
	Withdrawn Signed
}

// PolicyOrder is an authority's order, and who entered it.
type PolicyOrder struct {
	retain.Prolong
	Signed
	Lifted Signed // zero: it stands
}

// Signed is who decided something, and when.
type Signed struct {
	Seq    int64 // of the act, or of the request that was confirmed
	At     time.Time
	By     string
	Second string // who confirmed it, where that was needed
	Why    string // in the person's words
}

func signed(a *Act) Signed { return Signed{a.Seq, a.At, a.By, a.Second, a.Reason} }

// Last is the newest version, whether or not it is in force yet.
func (p *Policy) Last() *PolicyVersion { return &p.Versions[len(p.Versions)-1] }

// InForce is the version that counts at an instant; nil: none yet.
func (p *Policy) InForce(now time.Time) *PolicyVersion {
	for i := range slices.Backward(p.Versions) {
		if !p.Versions[i].From.After(now) {
			return &p.Versions[i]
		}
	}
	return nil
}

// PolicySet is the data of ActPolicySet: the whole of it. The version is
// counted by the books. Without From it counts at once.
type PolicySet struct {
	Policy retain.Policy `json:"policy"`
}

// PolicyTo is the data of ActPolicyAssign and ActPolicyWithdraw.
type PolicyTo struct {
	Policy string        `json:"policy"`
	To     retain.Target `json:"to"`
}

// PolicyProlong is the data of ActPolicyOrder; the reason is the act's.
type PolicyProlong struct {
	Authority string        `json:"authority"`
	To        retain.Target `json:"to,omitzero"`
	From      string        `json:"from,omitempty"` // messages from this day on
	Until     string        `json:"until,omitempty"`
	Extra     retain.Period `json:"extra"`
}

// PolicyLift is the data of ActPolicyLift.
type PolicyLift struct {
	Order int64 `json:"order"`
}

func policyActs() map[string]kind {
	set := about(define(access.ManagePolicies, checkPolicySet, applyPolicySet), func(_ *Act, d PolicySet) []string { return []string{"policy:" + d.Policy.ID} })
	set.second = secondOf(func(s *State, a *Act, d PolicySet) bool { return s.shortens(a, &d.Policy) })
	assign := about(define(access.ManagePolicies, checkPolicyAssign, applyPolicyAssign), onPolicy)
	assign.second = secondOf(func(s *State, a *Act, d PolicyTo) bool { return s.Policies[d.Policy].ends(a.At) })
	fiscal := define(access.ManagePolicies, checkFiscal, func(s *State, _ *Act, f retain.Fiscal) { s.Fiscal = f })
	fiscal.second = secondOf(func(s *State, _ *Act, _ retain.Fiscal) bool { return s.Fiscal != (retain.Fiscal{}) && s.anyAssigned() })
	return map[string]kind{
		ActPolicySet:      set,
		ActPolicyAssign:   assign,
		ActPolicyWithdraw: two(about(define(access.ManagePolicies, checkPolicyWithdraw, applyPolicyWithdraw), onPolicy), access.ApprovePolicy),
		ActPolicyOrder:    define(access.ManagePolicies, checkPolicyOrder, applyPolicyOrder),
		ActPolicyLift: two(about(define(access.ManagePolicies, checkPolicyLift, applyPolicyLift),
			func(_ *Act, d PolicyLift) []string { return []string{"order:" + strconv.FormatInt(d.Order, 10)} }), access.ApprovePolicy),
		ActSettingsFiscal: fiscal,
	}
}

func onPolicy(_ *Act, d PolicyTo) []string { return []string{"policy:" + d.Policy} }

// secondOf asks for a second person where what the act does can shorten.
func secondOf[T any](shortens func(*State, *Act, T) bool) func(*State, *Act) access.Action {
	return func(s *State, a *Act) access.Action {
		var v T
		if decode(a, &v) != nil || shortens(s, a, v) {
			return access.ApprovePolicy
		}
		return ""
	}
}

// shortens compares a new version with every one that counts now, or would.
func (s *State) shortens(a *Act, p *retain.Policy) bool {
	old := s.Policies[p.ID]
	if old == nil || !old.assigned() {
		return false
	}
	in := old.InForce(a.At)
	for i := range old.Versions {
		v := &old.Versions[i]
		if (v.From.After(a.At) || in != nil && v.Version == in.Version) && p.Shortens(&v.Policy) {
			return true
		}
	}
	return false
}

// ends reports whether a policy makes anything go that would stay without it:
// a maximum does, and a minimum does not.
func (p *Policy) ends(now time.Time) bool {
	if p == nil {
		return false
	}
	in := p.InForce(now)
	return slices.ContainsFunc(p.Versions, func(v PolicyVersion) bool {
		return !v.Max.Zero() && (v.From.After(now) || in != nil && v.Version == in.Version)
	})
}

func (p *Policy) assigned() bool {
	return slices.ContainsFunc(p.Assignments, func(a PolicyAssignment) bool { return a.End.IsZero() })
}

func (s *State) anyAssigned() bool {
	for _, p := range s.Policies {
		if p.assigned() {
			return true
		}
	}
	return false
}

// wrong makes a refusal of what a check of retain says.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	say := err.Error()
	if r, n := utf8.DecodeRuneInString(say); n > 0 {
		say = strings.ToUpper(string(r)) + say[n:]
	}
	return refuse("%s", strings.TrimSuffix(say, ".")+".")
}

func checkPolicySet(s *State, a *Act, d PolicySet) error {
	p := d.Policy
	if err := p.Check(); err != nil {
		return wrong(err)
	}
	// A version cannot count for the past. One that waited for a second person
	// counts from when that came.
	if (a.Second == "" || a.Second == somebody) && !p.From.IsZero() && p.From.Before(a.At) {
		return refuse("A version cannot count from before now: what was kept was kept by the version before.")
	}
	if old := s.Policies[p.ID]; old != nil && a.Reason == "" {
		return refuse("A new version needs a reason.")
	}
	return nil
}

func applyPolicySet(s *State, a *Act, d PolicySet) {
	p := s.Policies[d.Policy.ID]
	if p == nil {
		p = &Policy{ID: d.Policy.ID}
		s.Policies[p.ID] = p
	}
	v := d.Policy
	v.Version = len(p.Versions) + 1
	if v.From.Before(a.At) {
		v.From = a.At
	}
	p.Versions = append(p.Versions, PolicyVersion{v, signed(a)})
}

func (p *Policy) open(to retain.Target) *PolicyAssignment {
	for i := range p.Assignments {
		if a := &p.Assignments[i]; a.End.IsZero() && a.To == to {
			return a
		}
	}
	return nil
}

func checkPolicyAssign(s *State, _ *Act, d PolicyTo) error {
	p := s.Policies[d.Policy]
	switch {
	case p == nil:
		return refuseAs(ErrUnknown, "There is no such policy.")
	case p.open(d.To) != nil:
		return refuse("The policy is assigned to that already.")
	}
	return nil
}

func applyPolicyAssign(s *State, a *Act, d PolicyTo) {
	p := s.Policies[d.Policy]
	p.Assignments = append(p.Assignments, PolicyAssignment{
		Assignment: retain.Assignment{Policy: d.Policy, To: d.To, From: a.At}, Signed: signed(a),
	})
}

func checkPolicyWithdraw(s *State, a *Act, d PolicyTo) error {
	p := s.Policies[d.Policy]
	switch {
	case p == nil:
		return refuseAs(ErrUnknown, "There is no such policy.")
	case p.open(d.To) == nil:
		return refuse("The policy is not assigned to that.")
	case a.Reason == "":
		return refuse("Withdrawing needs a reason.")
	}
	return nil
}

func applyPolicyWithdraw(s *State, a *Act, d PolicyTo) {
	w := s.Policies[d.Policy].open(d.To)
	w.End, w.Withdrawn = a.At, signed(a)
}

func (d *PolicyProlong) order(a *Act) retain.Prolong {
	return retain.Prolong{
		ID: a.Seq, Authority: d.Authority, Reason: a.Reason, To: d.To,
		From: d.From, Until: d.Until, Extra: d.Extra, At: a.At,
	}
}

func checkPolicyOrder(_ *State, a *Act, d PolicyProlong) error {
	o := d.order(a)
	return wrong(o.Check())
}

func applyPolicyOrder(s *State, a *Act, d PolicyProlong) {
	s.Orders[a.Seq] = &PolicyOrder{Prolong: d.order(a), Signed: signed(a)}
}

func checkPolicyLift(s *State, a *Act, d PolicyLift) error {
	o := s.Orders[d.Order]
	switch {
	case o == nil:
		return refuseAs(ErrUnknown, "There is no such order.")
	case !o.Lifted.At.IsZero():
		return refuse("The order was lifted already.")
	case a.Reason == "":
		return refuse("Lifting an order needs a reason.")
	}
	return nil
}

func applyPolicyLift(s *State, a *Act, d PolicyLift) { s.Orders[d.Order].Lifted = signed(a) }

func checkFiscal(s *State, _ *Act, f retain.Fiscal) error {
	if f == s.Fiscal {
		return refuse("The fiscal year ends then already.")
	}
	return wrong(f.Check())
}

// Rules are what retain decides by: every policy, assignment and order that
// stands, and the fiscal year. The caller may keep and change them.
func (s *State) Rules() retain.Rules {
	r := retain.Rules{Fiscal: s.Fiscal}
	for _, id := range slices.Sorted(maps.Keys(s.Policies)) {
		p := s.Policies[id]
		for _, v := range p.Versions {
			r.Policies = append(r.Policies, v.Policy)
		}
		for _, a := range p.Assignments {
			r.Assignments = append(r.Assignments, a.Assignment)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.Orders)) {
		if o := s.Orders[n]; o.Lifted.At.IsZero() {
			r.Orders = append(r.Orders, o.Prolong)
		}
	}
	return r
}

// ProposedPolicy is what books without a policy propose; false: they have one.
func (s *State) ProposedPolicy() (retain.Preset, bool) {
	if len(s.Policies) > 0 {
		return retain.Preset{}, false
	}
	return retain.PresetByID(retain.Proposed)
}

// Step is an act that may be made.
type Step struct {
	Act  string
	Data any
}

// RulesAfter are the rules as acts of policies would leave them, one after the
// other, and which of these another person has to confirm. Nothing is changed:
// it is for a forecast before.
func (s *State) RulesAfter(now time.Time, steps ...Step) (r retain.Rules, second []bool, err error) {
	c := s.policiesCopy()
	for _, step := range steps {
		a, err := supposed(now, step.Act, step.Data)
		if err != nil {
			return r, nil, err
		}
		k, ok := policyActs()[step.Act]
		if !ok {
			return r, nil, refuse("That changes no policy.")
		}
		if err := k.check(c, a); err != nil {
			return r, nil, err
		}
		second = append(second, k.second != nil && k.second(c, a) != "")
		k.apply(c, a)
	}
	return c.Rules(), second, nil
}

// policiesCopy is books that acts of policies can change instead.
func (s *State) policiesCopy() *State {
	c := newState()
	c.Fiscal = s.Fiscal
	for id, p := range s.Policies {
		c.Policies[id] = &Policy{ID: id, Versions: slices.Clone(p.Versions), Assignments: slices.Clone(p.Assignments)}
	}
	for n, o := range s.Orders {
		order := *o
		c.Orders[n] = &order
	}
	return c
}
