package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// meta is who is sent to, and what the log keeps of it: both outlast the
// program.
type meta struct {
	mu    sync.Mutex
	now   time.Time
	steps map[int64]bool // durable before the first byte leaves
	sent  []int64
	taken map[int64]bool // withdrawn, as the log has it
	away  bool
	log   *governtest.Log

	// kill stops the program at the n-th point from now at which it could be
	// stopped; zero: never.
	kill   int
	points int
}

var errKilled = errors.New("killed")

func (m *meta) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *meta) later(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// point is a place at which the program may be killed. Once it was, nothing
// that it does has an effect.
func (m *meta) point() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.points++; m.kill > 0 && m.points >= m.kill {
		return errKilled
	}
	return nil
}

func (m *meta) forward(_ context.Context, n int64, _ int) (string, error) {
	if err := m.point(); err != nil {
		return "", err
	}
	switch n {
	case 98:
		return "", ErrLost
	case 99:
		return "", errors.New("the source does not run")
	}
	m.mu.Lock()
	had, away := m.steps[n], m.away
	if !had && !away {
		m.steps[n] = true
	}
	m.mu.Unlock()
	switch {
	case had:
		return "", ErrForwarded
	case away:
		return "", ErrUnreachable
	}
	if err := m.point(); err != nil {
		return "", err
	}
	m.mu.Lock()
	m.sent = append(m.sent, n)
	m.mu.Unlock()
	return "Meta has taken it.", m.point()
}

// killable is a log whose program dies before or after an append.
type killable struct {
	*governtest.Log
	m *meta
}

func (k killable) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if err := k.m.point(); err != nil {
		return nil, err
	}
	got, err := k.Log.Append(ctx, batch)
	if dead := k.m.point(); dead != nil {
		return nil, dead
	}
	return got, err
}

type outbox struct {
	*Outbox
	t     *testing.T
	m     *meta
	books *govern.Ledger
}

func newMeta() *meta {
	m := &meta{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), steps: map[int64]bool{}, taken: map[int64]bool{}}
	m.log = &governtest.Log{Now: m.clock}
	m.log.Skip(100)
	return m
}

// run starts the program.
func (m *meta) run(t *testing.T, unbooked ...Unbooked) *outbox {
	t.Helper()
	m.kill, m.points = 0, 0
	books, err := govern.OpenAt(t.Context(), killable{m.log, m}, m.clock)
	if err != nil {
		t.Fatal(err)
	}
	return &outbox{t: t, m: m, books: books, Outbox: NewOutbox(OutboxOptions{
		Books: books, Forward: m.forward, Now: m.clock,
		Withdrawn: func(_ context.Context, x govern.Send) error {
			if x.Request == 98 {
				return ErrLost
			}
			if x.Request == 99 {
				return errors.New("the source does not run")
			}
			m.taken[x.Request] = true
			return m.point()
		},
		Reach: func(context.Context, string) error {
			if m.away {
				return errors.New("no route")
			}
			return nil
		},
		Unbooked: func(context.Context) ([]Unbooked, error) { return unbooked, nil },
	})}
}

func (q *outbox) turn() error {
	_, err := q.Outbox.turn(q.t.Context())
	q.work.Wait()
	return err
}

func (q *outbox) turns(n int) {
	q.t.Helper()
	for range n {
		if err := q.turn(); err != nil {
			q.t.Fatal(err)
		}
		q.m.later(time.Second)
	}
}

func (q *outbox) waits(n int64, do string, d time.Duration) {
	q.t.Helper()
	if err := q.Wait(q.t.Context(), n, &Send{Number: "1", By: "ana"}, Decision{Do: do, For: d, Rule: "r", Why: "Because."}); err != nil {
		q.t.Fatal(err)
	}
}

func (q *outbox) person(act string, n int64) {
	q.t.Helper()
	who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "console"}
	if _, err := q.books.Do(q.t.Context(), who, govern.Request{Act: act, Reason: "seen", Data: govern.ForSend{Request: n}}); err != nil {
		q.t.Fatal(err)
	}
}

func (q *outbox) sent(want ...int64) {
	q.t.Helper()
	if !slices.Equal(q.m.sent, want) {
		q.t.Errorf("sent %v, want %v", q.m.sent, want)
	}
}

func TestADelayedSendGoesByItselfUnlessItIsTakenBack(t *testing.T) {
	q := newMeta().run(t)
	q.waits(1, rules.Delay, 10*time.Second)
	q.waits(2, rules.Delay, 10*time.Second)
	q.turns(9)
	q.sent()
	q.person(govern.ActSendWithdraw, 1)
	q.turns(3)
	q.sent(2)
	if !q.m.taken[1] || q.m.taken[2] {
		t.Errorf("the log has withdrawn: %v", q.m.taken)
	}
	if all, err := q.Pending(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%+v still wait, %v", all, err)
	}
}

func TestAHeldSendWaitsForAPerson(t *testing.T) {
	q := newMeta().run(t)
	q.waits(1, rules.Hold, 0)
	q.waits(2, rules.Hold, 0)
	q.turns(60)
	q.sent()
	q.person(govern.ActSendRelease, 2)
	q.turns(2)
	q.sent(2)
	q.m.later(24 * time.Hour)
	q.turns(2)
	q.sent(2)
	_ = q.books.Read(t.Context(), func(s *govern.State) error { // cannot fail
		if x := s.Sends[1]; x.Withdrawn.At.IsZero() || x.Withdrawn.Why != "Nobody let it go in time." || x.Done.IsZero() {
			t.Errorf("after a day: %+v", x)
		}
		return nil
	})
}

// What cannot be noted as withdrawn, because its source was removed, keeps
// nothing else from going.
func TestOneThatCannotBeNotedKeepsNoOther(t *testing.T) {
	q := newMeta().run(t)
	q.waits(1, rules.Delay, time.Second)
	q.waits(99, rules.Hold, 0)
	q.waits(2, rules.Hold, 0)
	q.person(govern.ActSendWithdraw, 99)
	q.person(govern.ActSendWithdraw, 2)
	for range 5 {
		_ = q.turn() // of 99
		q.m.later(time.Second)
	}
	q.sent(1)
	if !q.m.taken[2] {
		t.Error("2 was not noted")
	}
}

func TestDeferredSendsGoInTheirOrder(t *testing.T) {
	m := newMeta()
	q := m.run(t)
	m.away = true
	for n := range int64(5) {
		q.waits(n+1, rules.Defer, 0)
	}
	q.turns(30)
	q.sent()
	m.away = false
	q = m.run(t) // and after a start
	q.turns(70)
	q.sent(1, 2, 3, 4, 5)
}

func TestMetaGoesAwayAtTheLastMoment(t *testing.T) {
	m := newMeta()
	q := m.run(t)
	q.waits(1, rules.Hold, 0)
	q.person(govern.ActSendRelease, 1)
	m.away = true
	q.turns(3)
	q.sent()
	m.away = false
	q.turns(70)
	q.sent(1)
}

// Whenever the program is killed, after a start each send that was to go has
// gone once, but for one that was on the very way, of which nobody knows; and
// none has gone twice, nor one that was held or taken back.
func TestKilledAnywhere(t *testing.T) {
	for at := 1; ; at++ {
		m := newMeta()
		q := m.run(t)
		q.waits(1, rules.Delay, 2*time.Second)
		q.waits(2, rules.Hold, 0)
		q.waits(3, rules.Defer, 0)
		q.waits(4, rules.Hold, 0)
		q.waits(5, rules.Delay, 2*time.Second)
		q.person(govern.ActSendRelease, 4)
		q.person(govern.ActSendWithdraw, 5)
		m.kill, m.points = at, 0
		for range 5 {
			_ = q.turn() // killed somewhere
			m.later(time.Second)
		}
		done := m.points < at
		m.run(t).turns(70)
		for _, n := range []int64{1, 3, 4} {
			times := len(slices.DeleteFunc(slices.Clone(m.sent), func(s int64) bool { return s != n }))
			if times > 1 || times == 0 && !m.steps[n] {
				t.Errorf("killed at %d: %d was sent %d times", at, n, times)
			}
		}
		if slices.Contains(m.sent, 2) || slices.Contains(m.sent, 5) || !m.taken[5] {
			t.Errorf("killed at %d: sent %v, taken back %v", at, m.sent, m.taken)
		}
		if lost := 3 - len(m.sent); lost > 1 {
			t.Errorf("killed at %d: of %d nothing is known", at, lost)
		}
		if done {
			if at < 20 {
				t.Fatalf("only %d points", at)
			}
			return
		}
	}
}

// A request that was to wait, and that the books do not know, is booked when
// the program starts: once, however often.
func TestKilledBeforeItWasBooked(t *testing.T) {
	m := newMeta()
	u := Unbooked{Request: 7, At: m.now, Send: Send{Number: "1"}, Decision: Decision{Do: rules.Hold, Why: "Because."}}
	m.run(t, u).turns(2)
	q := m.run(t, u)
	q.turns(2)
	q.person(govern.ActSendRelease, 7)
	q.turns(2)
	m.run(t, u).turns(2)
	q.sent(7)
}

func TestControlFollowsTheBooks(t *testing.T) {
	m := newMeta()
	q := m.run(t)
	c := NewControl(q.books)
	s := &Send{To: "447700900123", Number: "1", Kind: "text", Text: "a guaranteed return", Deferrable: true}
	want := func(do string) {
		t.Helper()
		if d := c.Decide(s, m.now); d.Do != do {
			t.Errorf("%+v, want %s", d, do)
		}
	}
	set := func(act string, data any) {
		t.Helper()
		who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}
		if _, err := q.books.Do(t.Context(), who, govern.Request{Act: act, Reason: "counsel", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	want(rules.Forward)
	q.waits(1, rules.Defer, 0)
	want(rules.Defer) // it does not overtake what waits
	set(govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{ID: "optout", Name: "No", Consent: rules.Refused, Do: rules.Block}})
	want(rules.Defer)
	set(govern.ActConsentSet, govern.ConsentSet{To: "+44 7700 900123", Messages: rules.No})
	want(rules.Block)
	set(govern.ActConsentSet, govern.ConsentSet{To: "+44 7700 900123", Messages: rules.Yes})
	set(govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{ID: "words", Name: "Words", Words: []string{"guaranteed"}, Do: rules.Hold}})
	want(rules.Hold)
}

// What can never go keeps nothing behind it, and does not go years later.
func TestWhatCanNeverGo(t *testing.T) {
	q := newMeta().run(t)
	q.waits(98, rules.Hold, 0) // is disposed of
	q.person(govern.ActSendRelease, 98)
	q.waits(90, rules.Delay, time.Second)
	q.m.later(time.Second)
	_ = q.turn()
	_ = q.turn()
	q.sent(90)
	q.waits(97, rules.Delay, time.Second)
	q.waits(99, rules.Delay, time.Second) // its source is removed
	q.waits(96, rules.Hold, 0)
	q.person(govern.ActSendWithdraw, 96)
	for range 200 {
		_ = q.turn()
		q.m.later(time.Hour)
	}
	q.sent(90, 97)
	if all, err := q.Pending(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
