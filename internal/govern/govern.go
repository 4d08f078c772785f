// Package govern keeps the firm's books: accounts, custodians, policies, holds,
// labels, matters, requests that wait for a second person. Every change is an
// act in the log, and everything here is the fold of those acts, in their
// order. The order decides: an act that was not allowed when its turn came is
// in the log and counts for nothing.
//
// One file per noun holds its state, its acts, and what each act checks and
// changes; acts.go is the list. It must never import archive, index, web or a
// source.
package govern

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
)

// Log is where acts stand. *archive.Archive is one.
type Log interface {
	Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error)
	// Acts calls fn with the acts, disposals and certificates from …, in
	// order, and returns how many entries the log had.
	Acts(ctx context.Context, from int64, fn func(record.Entry) error) (size int64, err error)
}

// Actor is who acts, and by which door.
type Actor struct {
	access.Subject
	Via  string // "console", "command", "token 12"
	From string // network address, where there is one
}

// Refusal is why something is not done, in a sentence for the person.
type Refusal struct {
	Say string
	is  error
}

func (r *Refusal) Error() string { return r.Say }

// Unwrap gives what errors.Is compares with, where there is something.
func (r *Refusal) Unwrap() error { return r.is }

func refuse(format string, args ...any) error { return &Refusal{Say: fmt.Sprintf(format, args...)} }

// Errors of acts, each within a Refusal.
var (
	// ErrSecondPerson: it has to be asked for, and confirmed by somebody else.
	ErrSecondPerson = errors.New("a second person has to confirm it")
	// ErrUndecided: the archive's disposal, or its certificate, is of nothing
	// that two people have decided.
	ErrUndecided = errors.New("no decision of two people stands behind it")
	// ErrUnknown: there is no such thing in the books.
	ErrUnknown = errors.New("not in the books")
)

func refuseAs(is error, format string, args ...any) error {
	return &Refusal{Say: fmt.Sprintf(format, args...), is: is}
}

// Act is one act as the fold sees it.
type Act struct {
	Seq int64 // -1 while it is only being asked about
	At  time.Time
	record.ActHead
	Secret []byte // the second part
	// Second is who confirmed it, where that was needed.
	Second string
}

// Ledger is the books, as far as the log was read. It is safe for concurrent
// use, and any number of processes may have one.
type Ledger struct {
	log Log
	now func() time.Time

	flood flood

	mu    sync.RWMutex
	state *State
	next  int64           // entry to be read next
	void  map[int64]error // acts that counted for nothing
}

// Open reads the books.
func Open(ctx context.Context, log Log) (*Ledger, error) { return open(ctx, log, time.Now) }

// OpenAt is Open with a clock.
func OpenAt(ctx context.Context, log Log, now func() time.Time) (*Ledger, error) {
	return open(ctx, log, now)
}

func open(ctx context.Context, log Log, now func() time.Time) (*Ledger, error) {
	l := &Ledger{log: log, now: now, state: newState(), void: map[int64]error{}}
	return l, l.Follow(ctx)
}

// Follow reads what was added to the log since.
func (l *Ledger) Follow(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.follow(ctx)
}

func (l *Ledger) follow(ctx context.Context) error {
	size, err := l.log.Acts(ctx, l.next, func(e record.Entry) error {
		l.fold(e)
		l.next = e.Seq + 1
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	l.next = max(l.next, size)
	return nil
}

// fold applies one entry. What cannot be read, or was not allowed, is void.
func (l *Ledger) fold(e record.Entry) {
	if len(e.Parts) == 0 {
		return
	}
	if e.Kind != record.Act {
		if err := l.state.foldDisposal(e); err != nil {
			l.void[e.Seq] = err
		}
		return
	}
	a := Act{Seq: e.Seq, At: e.At}
	if _, err := e.Decode(&a.ActHead); err != nil {
		l.void[e.Seq] = err
		return
	}
	if len(e.Parts) > 1 {
		a.Secret = append([]byte(nil), e.Parts[1]...)
	}
	k, ok := kinds[a.Act]
	if !ok {
		return // of a newer version
	}
	if err := l.state.allowed(k, &a); err != nil {
		l.void[e.Seq] = err
		return
	}
	k.apply(l.state, &a)
}

// Read calls fn with the books as they are now. fn must not change them, nor
// keep what it is given.
func (l *Ledger) Read(ctx context.Context, fn func(*State) error) error {
	if err := l.Follow(ctx); err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return fn(l.state)
}

// Known follows the log where an entry was not read yet.
func (l *Ledger) Known(ctx context.Context, seq int64) error {
	l.mu.RLock()
	known := seq < l.next
	l.mu.RUnlock()
	if known {
		return nil
	}
	return l.Follow(ctx)
}

// Peek is Read without looking for what is new: for questions by the million.
func (l *Ledger) Peek(fn func(*State)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	fn(l.state)
}

// Void is why an act counted for nothing; nil where it counted.
func (l *Ledger) Void(seq int64) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.void[seq]
}

// Request is what somebody asks to be done.
type Request struct {
	Act    string
	Reason string
	On     []string // beside what the act itself says that it is about
	Data   any      // the act's own, as JSON
	Secret []byte
}

// Do appends an act and returns its entry. What is not allowed is refused with
// a Refusal or an error of access, and a trace says so. Where the act needs a
// second person, use Ask.
func (l *Ledger) Do(ctx context.Context, who Actor, r Request) (int64, error) {
	return l.do(ctx, who, r, true)
}

// Ask appends a request for an act that needs a second person, and returns its
// entry; another person confirms it with the act "approve".
func (l *Ledger) Ask(ctx context.Context, who Actor, r Request) (int64, error) {
	data, err := json.Marshal(r.Data)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", r.Act, err)
	}
	return l.do(ctx, who, Request{Act: actAsk, Reason: r.Reason, On: r.On, Data: asked{Act: r.Act, Data: data}}, true)
}

func (l *Ledger) do(ctx context.Context, who Actor, r Request, trace bool) (int64, error) {
	k, ok := kinds[r.Act]
	if !ok {
		return 0, fmt.Errorf("no act %q", r.Act)
	}
	data, err := json.Marshal(r.Data)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", r.Act, err)
	}
	a := Act{Seq: -1, At: l.now().UTC(), Secret: r.Secret, ActHead: record.ActHead{
		Act: r.Act, By: who.ID, Via: who.Via, From: who.From, Reason: r.Reason, On: r.On, Data: data,
	}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(ctx); err != nil {
		return 0, err
	}
	if err := l.permitted(who, k, &a); err != nil {
		if trace {
			l.refused(ctx, a.ActHead, err)
		}
		return 0, err
	}
	if k.on != nil {
		a.On = append(a.On, k.on(&a)...)
	}
	rec, err := actRecord(record.Act, a.ActHead, a.Secret, a.At)
	if err != nil {
		return 0, err
	}
	got, err := l.log.Append(ctx, []record.Record{rec})
	if err != nil {
		return 0, fmt.Errorf("append %s: %w", r.Act, err)
	}
	if err := l.follow(ctx); err != nil {
		return 0, err
	}
	return got[0].Seq, l.void[got[0].Seq]
}

// permitted is what do checks beyond the fold: a token may do less than its
// person, and the fold knows persons only.
func (l *Ledger) permitted(who Actor, k kind, a *Act) error {
	if who.ID != "" || who.Operator {
		for _, action := range append(l.state.within(a), k.action) {
			if err := who.May(action, a.At); err != nil {
				return err
			}
		}
	}
	return l.state.allowed(k, a)
}

// refused leaves a trace of what was not done. The act itself did not happen,
// so a failure to note it changes nothing.
func (l *Ledger) refused(ctx context.Context, h record.ActHead, why error) {
	h.Refused = why.Error()
	rec, err := actRecord(record.Trace, h, nil, l.now())
	if err == nil {
		_, _ = l.log.Append(ctx, []record.Record{rec}) // see above
	}
}

// Trace appends what somebody did that changed nothing: a search, a chat that
// was read. Who shows content shows it only after this returned nil.
func (l *Ledger) Trace(ctx context.Context, who Actor, r Request) (int64, error) {
	data, err := json.Marshal(r.Data)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", r.Act, err)
	}
	rec, err := actRecord(record.Trace, record.ActHead{
		Act: r.Act, By: who.ID, Via: who.Via, From: who.From, Reason: r.Reason, On: r.On, Data: data,
	}, nil, l.now())
	if err != nil {
		return 0, err
	}
	got, err := l.log.Append(ctx, []record.Record{rec})
	if err != nil {
		return 0, fmt.Errorf("append %s: %w", r.Act, err)
	}
	return got[0].Seq, nil
}

// Refuse leaves a trace of what a door refused before it came to an act: a
// route, a wrong password. A flood of them is summed up: strangers must not be
// able to fill the log.
func (l *Ledger) Refuse(ctx context.Context, who Actor, r Request, why error) {
	n, ok := l.flood.take(l.now())
	if !ok {
		return
	}
	if n > 0 {
		why = fmt.Errorf("%w; %d more refusals before this one are not listed", why, n)
	}
	l.refused(ctx, record.ActHead{Act: r.Act, By: who.ID, Via: who.Via, From: who.From, On: r.On}, why)
}

// actRecord is an act as it is appended: packed by month, away from content.
func actRecord(k record.Kind, h record.ActHead, secret []byte, at time.Time) (record.Record, error) {
	part, err := record.Part(h, nil)
	if err != nil {
		return record.Record{}, err
	}
	r := record.Record{Kind: k, Parts: [][]byte{part}, Lineage: "\x00" + string(k), Period: at.UTC().Format("2006-01")}
	if secret != nil {
		r.Parts = append(r.Parts, secret)
	}
	return r, nil
}

// Refuse is a Refusal of somebody outside of this package.
func Refuse(is error, format string, args ...any) error { return refuseAs(is, format, args...) }
