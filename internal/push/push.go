package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// Log is the archive's. *archive.Archive is one.
type Log interface {
	Scan(ctx context.Context, from int64, fn func(record.Entry) error) error
}

// Messages says what entries mean. *index.View is one.
type Messages interface {
	Meaning(ctx context.Context, seq int64) ([]chat.Event, chat.Message, error)
}

// Options are what a Pusher is made of.
type Options struct {
	Ledger *govern.Ledger
	Log    Log
	// Through is the entry before which everything is understood.
	Through func(context.Context) (int64, error)
	// Within is what a hook's scope lets it see, as the books are now.
	Within func(context.Context, access.Scope) (Messages, error)
	Client *http.Client
	Bell   alarm.Bell
	Logger *slog.Logger
}

const (
	atOnce     = 256 // entries that are read before they are told
	lookEvery  = time.Second
	firstWait  = time.Second
	lastWait   = 30 * time.Minute
	parkAfter  = 3 * 24 * time.Hour
	noteEvery  = time.Minute
	stopWithin = 5 * time.Second
	// skipped is how many entries of no interest are passed before that is
	// noted: a note is an entry, too.
	skipped = 50_000
)

// own is the archive itself, which notes how far it came.
var own = govern.Actor{Via: "hooks"}

// Status is how a hook fares in this process.
type Status struct {
	Next   int64     `json:"next"`
	Answer string    `json:"answer,omitempty"` // to the last try
	At     time.Time `json:"at,omitzero"`      // of it
	Tries  int       `json:"tries,omitempty"`  // of the event that is not taken
	Told   int64     `json:"told"`             // since the start
}

// Pusher tells all hooks of the books.
type Pusher struct {
	o Options

	mu     sync.Mutex
	states map[string]Status
	busy   map[string]bool
	work   sync.WaitGroup
}

// New returns a Pusher that tells nothing before Run.
func New(o Options) *Pusher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Client = straight(o.Client)
	return &Pusher{o: o, states: map[string]Status{}, busy: map[string]bool{}}
}

// Status is how a hook fares; false: nothing is known of it here.
func (p *Pusher) Status(id string) (Status, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.states[id]
	return s, ok
}

// Run tells until ctx ends: one line of work for each hook, so that a slow
// receiver holds up nobody else.
func (p *Pusher) Run(ctx context.Context) {
	defer p.work.Wait()
	for {
		err := p.o.Ledger.Read(ctx, func(s *govern.State) error {
			for id, h := range s.Hooks {
				if h.Tells() {
					p.begin(ctx, id)
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			p.o.Logger.LogAttrs(ctx, slog.LevelError, "read the hooks", slog.String("error", err.Error()))
		}
		if !wait(ctx, lookEvery) {
			return
		}
	}
}

func (p *Pusher) begin(ctx context.Context, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return
	}
	p.busy[id] = true
	p.work.Go(func() {
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.busy, id)
		}()
		(&line{p: p, id: id}).run(ctx)
	})
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// line is the work for one hook.
type line struct {
	p  *Pusher
	id string

	turn    int64 // that next is of
	next    int64
	noted   int64 // next, as the books have it
	at      time.Time
	told    bool // something, since noted
	failing time.Time
	why     string
	tries   int
}

// run tells until the hook is told no more, or ctx ends.
func (l *line) run(ctx context.Context) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		if l.told {
			l.note(ctx, govern.ActHookReached)
		}
	}()
	for ctx.Err() == nil {
		h, ok, err := l.hook(ctx)
		if err == nil && !ok {
			return
		}
		more := false
		if err == nil {
			more, err = l.some(ctx, h)
		}
		pause := lookEvery
		switch {
		case err == nil && more:
			continue
		case err == nil:
		case ctx.Err() != nil:
			return
		default:
			if pause, ok = l.failed(ctx, err); !ok {
				return
			}
		}
		if !wait(ctx, pause) {
			return
		}
	}
}

// hook is the hook as the books have it now; false: it is told nothing.
func (l *line) hook(ctx context.Context) (h govern.Hook, ok bool, err error) {
	err = l.p.o.Ledger.Read(ctx, func(s *govern.State) error {
		if is := s.Hooks[l.id]; is != nil && is.Tells() {
			h, ok = *is, true
		}
		return nil
	})
	if ok && (h.Turn != l.turn || l.turn == 0) {
		l.turn, l.next, l.noted, l.at, l.told = h.Turn, h.Next, h.Next, time.Now(), false
		l.failing, l.why, l.tries = h.Failing, h.Why, 0
	}
	return h, ok, err
}

var errEnough = errors.New("enough")

// some tells what stands in the next entries. more is false at the end.
func (l *line) some(ctx context.Context, h govern.Hook) (more bool, err error) {
	through, err := l.p.o.Through(ctx)
	if err != nil || l.next >= through {
		return false, mine(err)
	}
	see, err := l.p.o.Within(ctx, h.Scope)
	if err != nil {
		return false, mine(err)
	}
	var entries []record.Entry
	last := l.next
	err = l.p.o.Log.Scan(ctx, l.next, func(e record.Entry) error {
		if e.Seq >= through || len(entries) >= atOnce || e.Seq-l.next >= skipped {
			return errEnough
		}
		if last = e.Seq + 1; e.Kind == record.Item || e.Kind == record.Act {
			parts := e.Parts
			if e.Parts = nil; len(parts) > 0 {
				e.Parts = [][]byte{slices.Clone(parts[0])} // a scan uses its memory again
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return false, mine(err)
	}
	for _, e := range entries {
		evs, err := l.events(ctx, &h, see, e)
		if err != nil {
			return false, mine(err)
		}
		if len(evs) > 0 {
			if is, ok, err := l.hook(ctx); err != nil || !ok || is.Set != h.Set || is.Turn != h.Turn {
				return true, mine(err) // somebody has changed it meanwhile
			}
		}
		for i := range evs {
			if err := l.tell(ctx, &h, &evs[i]); err != nil {
				return false, err
			}
		}
		l.next = e.Seq + 1
		l.told = l.told || len(evs) > 0
		if l.told && time.Since(l.at) >= noteEvery {
			l.note(ctx, govern.ActHookReached)
		}
	}
	l.next = max(l.next, last)
	if l.told && time.Since(l.at) >= noteEvery || l.next-l.noted >= skipped {
		l.note(ctx, govern.ActHookReached)
	}
	l.status(func(s *Status) { s.Next = l.next })
	return l.next < through, nil
}

// events are what an entry is told as.
func (l *line) events(ctx context.Context, h *govern.Hook, see Messages, e record.Entry) (out []Event, err error) {
	if e.Kind == record.Act {
		if err := l.p.o.Ledger.Known(ctx, e.Seq); err != nil {
			return nil, err
		}
		ev, ok := Event{}, false
		if l.p.o.Ledger.Void(e.Seq) == nil {
			l.p.o.Ledger.Peek(func(s *govern.State) { ev, ok = ofAct(s, e) })
		}
		if !ok || !slices.Contains(h.Events, ev.Kind) {
			return nil, nil
		}
		if ev.Send != nil {
			switch _, m, err := see.Meaning(ctx, ev.Send.Request); {
			case err == nil && m.ID != "":
				ev.Message = &m
			case err != nil && !errors.Is(err, index.ErrNotFound):
				return nil, err
			}
		}
		return []Event{ev}, nil
	}
	said, m, err := see.Meaning(ctx, e.Seq)
	switch {
	case errors.Is(err, index.ErrNotFound):
		return nil, nil // disposed of, outside of the scope, or about no message
	case err != nil:
		return nil, err
	}
	var kinds []string
	for i := range said {
		if k := kindOf(&said[i].Message); slices.Contains(h.Events, k) && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
			ev := newEvent(k, e)
			ev.Message = &m
			out = append(out, ev)
		}
	}
	return out, nil
}

// tell posts one event once.
func (l *line) tell(ctx context.Context, h *govern.Hook, ev *Event) error {
	l.tries++
	err := post(ctx, l.p.o.Client, h, ev, l.tries)
	answer := "taken"
	if err != nil {
		answer = Why(err)
	}
	l.status(func(s *Status) {
		s.Next, s.Answer, s.At, s.Tries = ev.Seq, answer, time.Now(), l.tries
		if err == nil {
			s.Tries = 0
			s.Told++
		}
	})
	if err != nil {
		return err
	}
	l.tries = 0
	if !l.failing.IsZero() {
		l.failing, l.why, l.at = time.Time{}, "", time.Time{} // that it is taken again is noted at once
		l.p.o.Bell.Clear(ctx, alarmKey(l.id))
	}
	return nil
}

// ownFault is one that the receiver has no part in.
type ownFault struct{ error }

func (o ownFault) Unwrap() error { return o.error }

func mine(err error) error {
	if err == nil {
		return nil
	}
	return ownFault{err}
}

// failed says how long to wait; false: the hook is parked.
func (l *line) failed(ctx context.Context, err error) (time.Duration, bool) {
	var fault ownFault
	if errors.As(err, &fault) {
		l.p.o.Logger.LogAttrs(ctx, slog.LevelError, "tell a hook", slog.String("hook", l.id), slog.String("error", err.Error()))
		return lookEvery * 10, true
	}
	now := time.Now()
	l.why = Why(err)
	if l.failing.IsZero() {
		l.failing = now.UTC()
		l.note(ctx, govern.ActHookReached) // since when, whatever becomes of this process
	}
	var gone refusal
	if now.Sub(l.failing) < parkAfter && (!errors.As(err, &gone) || gone != http.StatusGone) {
		return min(firstWait<<min(l.tries-1, 20), lastWait), true
	}
	if !l.note(ctx, govern.ActHookPark) {
		return lastWait, true
	}
	l.p.o.Bell.Ring(ctx, alarm.Alarm{Key: alarmKey(l.id), At: now, Say: fmt.Sprintf(
		"The webhook %s is told nothing any longer: its receiver has taken nothing for days, or said that it is gone. Nothing is lost: when it answers again, go on with waxseal hook replay %s.", l.id, l.id)})
	return 0, false
}

func alarmKey(id string) string { return "hook/" + id }

// note writes into the books how far the hook came.
func (l *line) note(ctx context.Context, act string) bool {
	_, err := l.p.o.Ledger.Do(ctx, own, govern.Request{Act: act, Data: govern.HookAt{ID: l.id, Turn: l.turn, Next: l.next, Failing: l.failing, Why: l.why}})
	if err != nil {
		l.p.o.Logger.LogAttrs(ctx, slog.LevelWarn, "note how far a hook came", slog.String("hook", l.id), slog.String("error", err.Error()))
		return false
	}
	l.noted, l.at, l.told = l.next, time.Now(), false
	return true
}

func (l *line) status(fn func(*Status)) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	s := l.p.states[l.id]
	fn(&s)
	l.p.states[l.id] = s
}
