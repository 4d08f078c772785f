package govern_test

import (
	"errors"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/retain"
)

var operator = govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}

// policyBooks are books in which one act follows another, a minute each.
type policyBooks struct {
	t   *testing.T
	l   *govern.Ledger
	now time.Time
}

func newPolicyBooks(t *testing.T) *policyBooks {
	b := &policyBooks{t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return b.now }
	l, err := govern.OpenAt(t.Context(), &governtest.Log{Now: clock}, clock)
	if err != nil {
		t.Fatal(err)
	}
	b.l = l
	return b
}

func (b *policyBooks) try(act string, data any) error {
	b.now = b.now.Add(time.Minute)
	_, err := b.l.Do(b.t.Context(), operator, govern.Request{Act: act, Reason: "as counsel says", Data: data})
	return err
}

func (b *policyBooks) do(act string, data any) {
	b.t.Helper()
	if err := b.try(act, data); err != nil {
		b.t.Fatalf("%s %+v: %v", act, data, err)
	}
}

func (b *policyBooks) needsTwo(act string, data any) {
	b.t.Helper()
	if err := b.try(act, data); !errors.Is(err, govern.ErrSecondPerson) {
		b.t.Errorf("%s %+v by one person: %v", act, data, err)
	}
	_ = b.l.Read(b.t.Context(), func(s *govern.State) error { // cannot fail
		if _, two, err := s.RulesAfter(b.now, govern.Step{Act: act, Data: data}); err != nil || !two[0] {
			b.t.Errorf("%s is not said to need two: %v", act, err)
		}
		return nil
	})
}

func (b *policyBooks) refused(act string, data any) {
	b.t.Helper()
	var r *govern.Refusal
	if err := b.try(act, data); !errors.As(err, &r) || errors.Is(err, govern.ErrSecondPerson) {
		b.t.Errorf("%s %+v: %v, want a refusal", act, data, err)
	}
}

func (b *policyBooks) rules() (r retain.Rules) {
	b.t.Helper()
	if err := b.l.Read(b.t.Context(), func(s *govern.State) error { r = s.Rules(); return nil }); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func policySet(change func(*retain.Policy)) govern.PolicySet {
	p := retain.Policy{ID: "clients", Name: "Clients", Clock: retain.Sent, Min: retain.Period{Years: 5}, Propose: true}
	if change != nil {
		change(&p)
	}
	return govern.PolicySet{Policy: p}
}

func TestAFreshArchiveHasNoPolicyAndProposesOne(t *testing.T) {
	b := newPolicyBooks(t)
	err := b.l.Read(t.Context(), func(s *govern.State) error {
		if p, ok := s.ProposedPolicy(); !ok || p.ID != "us-ria-5y" || p.Clock != retain.FiscalYear || p.Min != (retain.Period{Years: 5}) {
			t.Errorf("proposes %+v", p)
		}
		return nil
	})
	if r := b.rules(); err != nil || len(r.Policies)+len(r.Assignments) != 0 {
		t.Errorf("rules of fresh books: %+v, %v", r, err)
	}
}

func TestWhatShortensTakesTwo(t *testing.T) {
	b := newPolicyBooks(t)
	b.do(govern.ActSettingsFiscal, retain.Fiscal{Month: 12, Day: 31, Zone: "Europe/London"})
	b.do(govern.ActPolicySet, policySet(nil))
	b.do(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.Min.Years = 4 })) // nothing stands on it yet
	b.do(govern.ActPolicySet, policySet(nil))
	b.do(govern.ActPolicyAssign, govern.PolicyTo{Policy: "clients"})
	b.do(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.Min.Years = 6 }))
	for name, change := range map[string]func(*retain.Policy){
		"shorter":       func(p *retain.Policy) { p.Min.Years = 5 },
		"by days":       func(p *retain.Policy) { p.Min = retain.Period{Days: 6 * 365} },
		"a maximum":     func(p *retain.Policy) { p.Min.Years = 6; p.Max.Years = 9 },
		"another clock": func(p *retain.Policy) { p.Min.Years = 9; p.Clock = retain.ChatLast },
		"another zone": func(p *retain.Policy) {
			p.Min.Years = 6
			p.Fiscal = retain.Fiscal{Month: 12, Day: 31, Zone: "Asia/Tokyo"}
		},
	} {
		t.Run(name, func(*testing.T) { b.needsTwo(govern.ActPolicySet, policySet(change)) })
	}
	b.needsTwo(govern.ActPolicyWithdraw, govern.PolicyTo{Policy: "clients"})
	b.needsTwo(govern.ActSettingsFiscal, retain.Fiscal{Month: 6, Day: 30, Zone: "Europe/London"})
	b.do(govern.ActPolicyOrder, govern.PolicyProlong{Authority: "AMF", Extra: retain.Period{Years: 2}})
	b.needsTwo(govern.ActPolicyLift, govern.PolicyLift{Order: b.rules().Orders[0].ID})
	// A policy with a maximum may be written by one person, and put to use by two.
	b.do(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.ID = "gone"; p.Min = retain.Period{}; p.Max.Years = 1 }))
	b.needsTwo(govern.ActPolicyAssign, govern.PolicyTo{Policy: "gone"})
	b.do(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.Min, p.Forever, p.Propose = retain.Period{}, true, false }))
	if n := len(b.rules().Assignments); n != 1 {
		t.Errorf("%d assignments, want the one", n)
	}
}

// TestALongerVersionToComeCounts: who shortens what is to come shortens too.
func TestALongerVersionToComeCounts(t *testing.T) {
	b := newPolicyBooks(t)
	b.do(govern.ActPolicySet, policySet(nil))
	b.do(govern.ActPolicyAssign, govern.PolicyTo{Policy: "clients"})
	b.do(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.Min.Years = 9; p.From = b.now.AddDate(1, 0, 0) }))
	b.needsTwo(govern.ActPolicySet, policySet(func(p *retain.Policy) { p.Min.Years = 6 }))
}

func TestPoliciesThatAreRefused(t *testing.T) {
	b := newPolicyBooks(t)
	for _, change := range []func(*retain.Policy){
		func(p *retain.Policy) { p.ID = "Clients 5" },
		func(p *retain.Policy) { p.ID = "../x" },
		func(p *retain.Policy) { p.Clock = "moon" },
		func(p *retain.Policy) { p.Min.Years = -1 },
		func(p *retain.Policy) { p.Min.Years = 4000 },
		func(p *retain.Policy) { p.Min = retain.Period{} },
		func(p *retain.Policy) { p.Max.Years = 4 },
		func(p *retain.Policy) { p.Forever = true },
		func(p *retain.Policy) { p.Accessible.Years = 6 },
		func(p *retain.Policy) { p.From = b.now.AddDate(0, 0, -1) },
		func(p *retain.Policy) { p.Fiscal = retain.Fiscal{Month: 2, Day: 30, Zone: "UTC"} },
	} {
		b.refused(govern.ActPolicySet, policySet(change))
	}
	b.refused(govern.ActPolicyAssign, govern.PolicyTo{Policy: "none"})
	b.refused(govern.ActSettingsFiscal, retain.Fiscal{Month: 13, Day: 1, Zone: "UTC"})
	b.refused(govern.ActSettingsFiscal, retain.Fiscal{Month: 1, Day: 1, Zone: "Mars/Olympus"})
	b.refused(govern.ActPolicyOrder, govern.PolicyProlong{Extra: retain.Period{Years: 2}})
	b.do(govern.ActPolicySet, policySet(nil))
	b.do(govern.ActPolicyAssign, govern.PolicyTo{Policy: "clients", To: retain.Target{Custodian: "j.doe"}})
	b.refused(govern.ActPolicyAssign, govern.PolicyTo{Policy: "clients", To: retain.Target{Custodian: "j.doe"}})
	if _, err := b.l.Do(t.Context(), operator, govern.Request{Act: govern.ActPolicyOrder, Data: govern.PolicyProlong{Authority: "AMF", Extra: retain.Period{Years: 2}}}); err == nil {
		t.Error("an order without a reason")
	}
}

// TestAForecastChangesNothing: what an act would do is told beside the books.
func TestAForecastChangesNothing(t *testing.T) {
	b := newPolicyBooks(t)
	b.do(govern.ActPolicySet, policySet(nil))
	b.do(govern.ActPolicyAssign, govern.PolicyTo{Policy: "clients"})
	err := b.l.Read(t.Context(), func(s *govern.State) error {
		for _, supposed := range []govern.Step{
			{Act: govern.ActPolicySet, Data: policySet(func(p *retain.Policy) { p.Min.Years = 1 })},
			{Act: govern.ActPolicyWithdraw, Data: govern.PolicyTo{Policy: "clients"}},
			{Act: govern.ActSettingsFiscal, Data: retain.Fiscal{Month: 1, Day: 31, Zone: "UTC"}},
			{Act: govern.ActPolicyOrder, Data: govern.PolicyProlong{Authority: "AMF", Extra: retain.Period{Years: 2}}},
		} {
			if _, _, err := s.RulesAfter(b.now, supposed); err != nil {
				return err
			}
		}
		return nil
	})
	if r := b.rules(); err != nil || len(r.Policies) != 1 || !r.Assignments[0].End.IsZero() || len(r.Orders) != 0 || r.Fiscal.Month != 0 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}
