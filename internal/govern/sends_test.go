package govern_test

import (
	"errors"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/rules"
)

// sendBooks are books with two officers, and room for requests.
type sendBooks struct {
	t   *testing.T
	l   *govern.Ledger
	log *governtest.Log
	now time.Time
}

var (
	itself = govern.Actor{Via: "gateway"}
	ana    = person("ana", access.Officer)
	ben    = person("ben", access.Officer)
	rita   = person("rita", access.Reviewer)
)

func person(login string, r access.Role) govern.Actor {
	return govern.Actor{Subject: access.Subject{ID: login, Name: login, Roles: []access.Role{r}}, Via: "console"}
}

func newSendBooks(t *testing.T) *sendBooks {
	b := &sendBooks{t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return b.now }
	b.log = &governtest.Log{Now: clock}
	b.log.Skip(100)
	l, err := govern.OpenAt(t.Context(), b.log, clock)
	if err != nil {
		t.Fatal(err)
	}
	b.l = l
	for _, who := range []govern.Actor{person("root", access.Administrator), ana, ben, rita} {
		b.does(operator, govern.ActAddUser, account(who.ID, who.Roles...))
	}
	return b
}

func (b *sendBooks) try(who govern.Actor, act string, data any) error {
	b.now = b.now.Add(time.Second)
	_, err := b.l.Do(b.t.Context(), who, govern.Request{Act: act, Reason: "as counsel says", Data: data})
	return err
}

func (b *sendBooks) does(who govern.Actor, act string, data any) {
	b.t.Helper()
	if err := b.try(who, act, data); err != nil {
		b.t.Fatalf("%s %+v: %v", act, data, err)
	}
}

func (b *sendBooks) refuses(is error, who govern.Actor, act string, data any) {
	b.t.Helper()
	err := b.try(who, act, data)
	var no *govern.Refusal
	if err == nil || is != nil && !errors.Is(err, is) || is == nil && !errors.As(err, &no) {
		b.t.Errorf("%s %+v by %q: %v, want %v", act, data, who.ID, err, is)
	}
}

func TestWhoSendsDoesNotLetItGo(t *testing.T) {
	b := newSendBooks(t)
	wait := govern.SendWait{Request: 7, For: govern.SendHold, Expires: b.now.Add(time.Hour), Sender: "ana"}
	b.refuses(access.ErrForbidden, ana, govern.ActSendWait, wait)
	b.does(itself, govern.ActSendWait, wait)
	b.refuses(nil, itself, govern.ActSendWait, wait)
	b.refuses(nil, itself, govern.ActSendGone, govern.ForSend{Request: 7})
	b.refuses(govern.ErrSecondPerson, ana, govern.ActSendRelease, govern.ForSend{Request: 7})
	b.refuses(access.ErrForbidden, rita, govern.ActSendRelease, govern.ForSend{Request: 7})
	b.refuses(govern.ErrUnknown, ben, govern.ActSendRelease, govern.ForSend{Request: 8})
	b.does(ben, govern.ActSendRelease, govern.ForSend{Request: 7})
	b.refuses(nil, ben, govern.ActSendRelease, govern.ForSend{Request: 7})
	b.does(itself, govern.ActSendGone, govern.ForSend{Request: 7})
	b.refuses(nil, ana, govern.ActSendWithdraw, govern.ForSend{Request: 7})
	b.refuses(nil, itself, govern.ActSendGone, govern.ForSend{Request: 7})
	b.does(itself, govern.ActSendDone, govern.ForSend{Request: 7, Outcome: "It went out."})
	b.refuses(nil, itself, govern.ActSendDone, govern.ForSend{Request: 7})
}

func TestWhatIsWithdrawnDoesNotGo(t *testing.T) {
	b := newSendBooks(t)
	b.does(itself, govern.ActSendWait, govern.SendWait{Request: 7, For: govern.SendDelay, Until: b.now.Add(time.Minute), Expires: b.now.Add(time.Hour), Sender: "ana"})
	b.refuses(nil, itself, govern.ActSendGone, govern.ForSend{Request: 7}) // before its time
	b.refuses(nil, ben, govern.ActSendRelease, govern.ForSend{Request: 7})
	b.does(ana, govern.ActSendWithdraw, govern.ForSend{Request: 7})
	b.now = b.now.Add(time.Hour)
	b.refuses(nil, itself, govern.ActSendGone, govern.ForSend{Request: 7})
	b.does(itself, govern.ActSendWait, govern.SendWait{Request: 8, For: govern.SendHold, Expires: b.now.Add(time.Minute)})
	b.now = b.now.Add(time.Hour)
	b.refuses(nil, ben, govern.ActSendRelease, govern.ForSend{Request: 8}) // too late
	b.does(itself, govern.ActSendWithdraw, govern.ForSend{Request: 8})
}

func TestLooserRulesTakeTwo(t *testing.T) {
	b := newSendBooks(t)
	rule := rules.Rule{ID: "promises", Name: "Promises", Words: []string{"guaranteed"}, Do: rules.Block}
	set := func(change func(*rules.Rule)) govern.SendRuleSet {
		r := rule
		change(&r)
		return govern.SendRuleSet{Rule: r}
	}
	b.refuses(access.ErrForbidden, rita, govern.ActSendRuleSet, govern.SendRuleSet{Rule: rule})
	b.does(ana, govern.ActSendRuleSet, govern.SendRuleSet{Rule: rule})
	b.does(ana, govern.ActSendRuleSet, set(func(r *rules.Rule) { r.Words = append(r.Words, "risk free") }))
	rule.Words = append(rule.Words, "risk free")
	for name, change := range map[string]func(*rules.Rule){
		"off": func(r *rules.Rule) { r.Off = true }, "hold": func(r *rules.Rule) { r.Do = rules.Hold },
		"fewer words": func(r *rules.Rule) { r.Words = r.Words[:1] }, "one kind": func(r *rules.Rule) { r.Kinds = []string{"text"} },
		"links": func(r *rules.Rule) { r.Links = true },
	} {
		t.Run(name, func(t *testing.T) { b.refuses(govern.ErrSecondPerson, ana, govern.ActSendRuleSet, set(change)) })
	}
	b.refuses(govern.ErrSecondPerson, ana, govern.ActSendRuleRemove, govern.ForSendRule{Rule: "promises"})
	n, asked, err := b.l.DoOrAsk(t.Context(), ana, govern.Request{Act: govern.ActSendRuleRemove, Reason: "it stops too much", Data: govern.ForSendRule{Rule: "promises"}})
	if err != nil || !asked {
		t.Fatalf("asked %v, %v", asked, err)
	}
	b.refuses(govern.ErrSecondPerson, ana, govern.ActApprove, govern.Decision{Request: n})
	b.does(ben, govern.ActApprove, govern.Decision{Request: n})
	if err := b.l.Read(t.Context(), func(s *govern.State) error {
		if len(s.SendRules) != 0 {
			t.Errorf("%+v stands", s.RulesForSends())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.does(ana, govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{ID: "later", Name: "Later", Do: rules.Delay, For: 10}})
	b.does(ana, govern.ActSendRuleRemove, govern.ForSendRule{Rule: "later"}) // it stopped nothing
}

func TestConsentIsWhatWasSaidLast(t *testing.T) {
	b := newSendBooks(t)
	is := func(want rules.Consent) {
		t.Helper()
		if err := b.l.Read(t.Context(), func(s *govern.State) error {
			if got := s.ConsentOf("447700900123"); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	b.does(ana, govern.ActConsentSet, govern.ConsentSet{To: "+44 7700 900123", Messages: rules.Yes})
	heard := b.now.Add(time.Minute).Unix()
	b.does(itself, govern.ActConsentSet, govern.ConsentSet{To: "447700900123", Marketing: rules.No, Heard: heard})
	is(rules.Consent{Messages: rules.Yes, Marketing: rules.No})
	b.refuses(nil, itself, govern.ActConsentSet, govern.ConsentSet{To: "447700900123", Marketing: rules.Yes, Heard: heard - 5})
	b.refuses(nil, ana, govern.ActConsentSet, govern.ConsentSet{To: "447700900123", Marketing: rules.Yes, Heard: heard + 5})
	b.refuses(nil, ana, govern.ActConsentSet, govern.ConsentSet{To: "447700900123"})
	b.refuses(nil, ana, govern.ActConsentSet, govern.ConsentSet{To: "447700900123", Messages: "maybe"})
	is(rules.Consent{Messages: rules.Yes, Marketing: rules.No})
}
