package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// What Forward says of a request.
var (
	// ErrUnreachable: not a byte has left, and it may be tried again.
	ErrUnreachable = errors.New("meta cannot be reached")
	// ErrForwarded: it was forwarded before, and is not again.
	ErrForwarded = errors.New("was forwarded already")
	// ErrLost: the request is no longer in the archive, and nothing has left.
	ErrLost = errors.New("the request is no longer in the archive")
)

// Waiting is a send that waits.
type Waiting struct {
	govern.Send
}

// Unbooked is a request that was decided to wait, and that the books know
// nothing of: the program was killed between the two.
type Unbooked struct {
	Request  int64
	At       time.Time
	Send     Send
	Decision Decision
}

// OutboxOptions are what an outbox is made of.
type OutboxOptions struct {
	Books *govern.Ledger
	// Forward sends what waited, and says what came of it. After a crash it is
	// called again with the same try, and returns ErrForwarded where that was
	// begun: it is not known how far it came, and it is not sent again.
	// ErrUnreachable says that nothing has left.
	Forward func(ctx context.Context, request int64, try int) (outcome string, err error)
	// Withdrawn writes into the log that a request does not go out any more. It
	// may be called twice.
	Withdrawn func(ctx context.Context, x govern.Send) error
	// Reach reports whether Meta can be reached for a source. nil: always.
	Reach func(ctx context.Context, source string) error
	// Unbooked lists what is to be booked when the program starts.
	Unbooked func(ctx context.Context) ([]Unbooked, error)
	Expires  time.Duration // how long anything waits; zero: a day
	Now      func() time.Time
	Log      *slog.Logger
}

// Outbox is what does not go out at once: what waits stands in the books, and
// this is who acts on it. Each step is durable before the next:
//
//	gone     a crash after it: Forward is called again, which knows whether
//	         its own step was kept
//	Forward
//	done     a crash before it: Forward is called again, and does nothing
//
// What was withdrawn is noted in the log before it is done with.
//
// So nothing is sent twice, and nothing that was let go is forgotten. The sends
// of one number go one after the other, in the order in which they were asked
// for; a deferred one that cannot go keeps those behind it.
type Outbox struct {
	o    OutboxOptions
	wake chan struct{}

	mu     sync.Mutex
	busy   map[string]bool      // numbers that somebody works at
	again  map[string]time.Time // when a source, or a number, is tried again
	tries  map[string]int
	booked bool // what a crash left
	work   sync.WaitGroup
}

// NewOutbox makes one; Run lets it work.
func NewOutbox(o OutboxOptions) *Outbox {
	if o.Expires == 0 {
		o.Expires = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbox{o: o, wake: make(chan struct{}, 1), busy: map[string]bool{}, again: map[string]time.Time{}, tries: map[string]int{}}
}

// itself is who acts: the archive, by this door.
var itself = govern.Actor{Via: "gateway"}

func (q *Outbox) do(ctx context.Context, act, reason string, data any) error {
	_, err := q.o.Books.Do(ctx, itself, govern.Request{Act: act, Reason: reason, Data: data})
	return err
}

// Wait books a request that does not go out at once. It returns nil when that
// is durable: from then on the send is not lost.
func (q *Outbox) Wait(ctx context.Context, request int64, s *Send, d Decision) error {
	return q.wait(ctx, Unbooked{Request: request, At: q.o.Now(), Send: *s, Decision: d})
}

func (q *Outbox) wait(ctx context.Context, u Unbooked) error {
	w := govern.SendWait{
		Request: u.Request, For: u.Decision.Do, Why: u.Decision.Why, Rule: u.Decision.Rule, Expires: u.At.Add(q.o.Expires).UTC(),
		Source: u.Send.Source, Number: u.Send.Number, Sender: u.Send.By,
	}
	if w.For == govern.SendDelay {
		w.Until = u.At.Add(u.Decision.For).UTC()
		w.Expires = w.Until.Add(q.o.Expires)
	}
	if err := q.do(ctx, govern.ActSendWait, "", w); err != nil {
		return fmt.Errorf("let request %d wait: %w", u.Request, err)
	}
	q.poke()
	return nil
}

// Pending lists what waits, or is on its way, in the order of the requests.
func (q *Outbox) Pending(ctx context.Context) (out []Waiting, err error) {
	err = q.o.Books.Read(ctx, func(s *govern.State) error {
		for _, x := range s.SendsWaiting() {
			out = append(out, Waiting{x})
		}
		return nil
	})
	return out, err
}

// Withdraw takes a send back, for who sent it.
func (q *Outbox) Withdraw(ctx context.Context, request int64, why string) error {
	defer q.poke()
	return q.do(ctx, govern.ActSendWithdraw, why, govern.ForSend{Request: request})
}

// withdrawn notes in the log what somebody took back.
func (q *Outbox) withdrawn(ctx context.Context, x govern.Send) error {
	if q.o.Withdrawn != nil {
		if err := q.o.Withdrawn(ctx, x); err != nil && !errors.Is(err, ErrLost) && !q.hopeless(x) {
			return fmt.Errorf("note that request %d was withdrawn: %w", x.Request, err)
		}
	}
	err := q.do(ctx, govern.ActSendDone, "", govern.ForSend{Request: x.Request, Outcome: "It was withdrawn."})
	if refused(err) { // by another process
		return nil
	}
	return err
}

// hopeless reports what could not be done about a send for a day after it should
// have been: its source was removed. Else it would keep the others of its number
// for good, and go when nobody thinks of it any more.
func (q *Outbox) hopeless(x govern.Send) bool { return q.o.Now().After(x.Expires.Add(q.o.Expires)) }

func (q *Outbox) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// every is how soon what another process decided is seen; slow, where something
// could not be noted.
const (
	every = time.Second
	slow  = 10 * time.Second
)

// Run works until ctx ends, and returns when nothing is under way.
func (q *Outbox) Run(ctx context.Context) {
	defer q.work.Wait()
	for {
		next, err := q.turn(ctx)
		if err != nil && ctx.Err() == nil {
			q.o.Log.LogAttrs(ctx, slog.LevelError, "look through the outbox", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-time.After(next):
		}
	}
}

// turn looks at all that waits once, and says when the next is due.
func (q *Outbox) turn(ctx context.Context) (next time.Duration, err error) {
	next = every
	if err := q.book(ctx); err != nil {
		return next, err
	}
	all, err := q.Pending(ctx)
	if err != nil {
		return next, err
	}
	now := q.o.Now()
	var errs []error // one that cannot be noted keeps no other
	lines := map[string][]govern.Send{}
	for _, x := range all {
		switch {
		case !x.Withdrawn.At.IsZero():
			errs = append(errs, q.withdrawn(ctx, x.Send))
		case x.Waits() && !x.Ready(now) && x.For == govern.SendDelay:
			next = min(next, max(x.Until.Sub(now), time.Millisecond))
		case x.expired(now):
			if err := q.Withdraw(ctx, x.Request, x.tooLong()); !refused(err) {
				errs = append(errs, err)
			}
		case x.Ready(now), !x.Waits():
			lines[x.Number] = append(lines[x.Number], x.Send)
		}
	}
	for number, line := range lines {
		q.start(ctx, number, line)
	}
	if err = errors.Join(errs...); err != nil {
		next = slow
	}
	return next, err
}

// expired reports what has waited too long. What somebody let go is not taken
// back for it.
func (w *Waiting) expired(now time.Time) bool {
	return w.Waits() && !now.Before(w.Expires) && (w.For != govern.SendHold || w.Released.At.IsZero())
}

func (w *Waiting) tooLong() string {
	if w.For == govern.SendHold {
		return "Nobody let it go in time."
	}
	return "Meta could not be reached in time."
}

// refused reports that the books said no: somebody else was quicker.
func refused(err error) bool {
	var no *govern.Refusal
	return errors.As(err, &no)
}

// book enters what a crash kept from the books, once.
func (q *Outbox) book(ctx context.Context) error {
	q.mu.Lock()
	booked := q.booked
	q.mu.Unlock()
	if booked || q.o.Unbooked == nil {
		return nil
	}
	all, err := q.o.Unbooked(ctx)
	if err != nil {
		return fmt.Errorf("look for requests that wait: %w", err)
	}
	for _, u := range all {
		if err := q.wait(ctx, u); err != nil && !refused(err) {
			return err
		}
	}
	q.mu.Lock()
	q.booked = true
	q.mu.Unlock()
	return nil
}

// start lets a line go, where nobody is at it.
func (q *Outbox) start(ctx context.Context, number string, line []govern.Send) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy[number] || q.o.Now().Before(q.again[number]) {
		return
	}
	q.busy[number] = true
	q.work.Go(func() {
		err := q.line(ctx, line)
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.busy, number)
		if err == nil {
			delete(q.tries, number)
			delete(q.again, number)
			return
		}
		q.again[number] = q.o.Now().Add(backoff(q.tries[number]))
		q.tries[number]++
		if !errors.Is(err, ErrUnreachable) && ctx.Err() == nil {
			q.o.Log.LogAttrs(ctx, slog.LevelError, "forward what waited", slog.String("error", err.Error()))
		}
	})
}

// backoff is how long it takes until the next try.
func backoff(tries int) time.Duration { return min(time.Second<<min(tries, 6), time.Minute) }

// line forwards sends in their order.
func (q *Outbox) line(ctx context.Context, line []govern.Send) error {
	for _, x := range line {
		if err := ctx.Err(); err != nil {
			return err
		}
		if x.For == govern.SendDefer && q.o.Reach != nil {
			if err := q.o.Reach(ctx, x.Source); err != nil {
				return fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
		}
		if err := q.send(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

func (q *Outbox) send(ctx context.Context, x govern.Send) error {
	if x.Gone.IsZero() {
		if err := q.do(ctx, govern.ActSendGone, "", govern.ForSend{Request: x.Request}); err != nil {
			if refused(err) { // withdrawn in the meantime
				return nil
			}
			return err
		}
	}
	outcome, err := q.o.Forward(ctx, x.Request, x.Try)
	done := govern.ForSend{Request: x.Request, Outcome: outcome}
	switch {
	case errors.Is(err, ErrUnreachable):
		w := x.SendWait
		w.For, w.Why, w.Until = govern.SendDefer, "Meta could not be reached when it was its turn.", time.Time{}
		return errors.Join(err, q.do(ctx, govern.ActSendWait, "", w))
	case errors.Is(err, ErrForwarded):
		done.Outcome = "It was on its way when the program was stopped: without an answer or a status it is not known whether it went out."
	case errors.Is(err, ErrLost):
		done.Outcome = "It was disposed of before its turn: it was not sent."
	case err != nil && outcome == "" && q.hopeless(x):
		done.Outcome = "It could not be sent for a day, and is not sent any more."
	case err != nil:
		return err
	}
	if err := q.do(ctx, govern.ActSendDone, "", done); !refused(err) {
		return err
	}
	return nil // by another process
}
