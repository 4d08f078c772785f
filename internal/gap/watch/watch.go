// Package watch looks for gaps: at what the log brings, at the index, at what
// Meta says. It tells the books what it found, and the bell.
//
// It must never import the archive: it is handed the log.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// Index is what of the index is asked. *index.Index is one.
type Index interface {
	Follow(ctx context.Context, progress func(done, of int64)) error
	All(ctx context.Context, query string, fn func(chat.Message) error) error
	Found(ctx context.Context, query, chat string, fn func(seq int64, at time.Time)) error
	Message(ctx context.Context, id string) (chat.Message, error)
	Quoted(ctx context.Context, m *chat.Message) (chat.Message, error)
}

// Log is the log. *archive.Archive is one.
type Log interface {
	Scan(ctx context.Context, from int64, fn func(record.Entry) error) error
}

// Sent is a message that Meta lists as sent or received.
type Sent struct {
	Message string // WhatsApp's id
	At      time.Time
	Failed  bool // its webhook could not be delivered to us
}

// Subscribed is what Meta says about who is told of an account.
type Subscribed struct {
	Ours     bool   // this app is
	Override string // an address that its webhooks go to instead; empty: none
}

// Number is what Meta says of a number.
type Number struct {
	State    string // "CONNECTED"; empty: Meta did not say
	Override string // as of Subscribed
}

// Token is what Meta says of the access token.
type Token struct {
	Valid   bool
	Expires time.Time // zero: never
	Missing []string  // permissions
}

// Graph is what Meta is asked about one source.
type Graph interface {
	Subscribed(ctx context.Context, waba string) (Subscribed, error)
	Number(ctx context.Context, id string) (Number, error)
	Token(ctx context.Context) (Token, error)
	// History lists what Meta knows of a number's messages since a time.
	History(ctx context.Context, number string, since time.Time) iter.Seq2[Sent, error]
	// SendText sends a message from a number, and says what Meta calls it.
	SendText(ctx context.Context, number, to, text string) (id string, err error)
}

// Options is what a Watch is made of.
type Options struct {
	Index  Index
	Log    Log
	Ledger *govern.Ledger
	// Graph asks Meta about a source; nil: nobody is asked.
	Graph func(cloudapi.Config) Graph
	// Journal is where canaries are noted, by name of the source. It may be nil.
	Journal func(source string) cloudapi.Journal
	// Live says that this program is the one that listens: it notes in the
	// books how long.
	Live bool
	// Listening reports whether a source takes deliveries now; nil: it does.
	Listening func(source string) bool
	Bell      alarm.Bell // may be nil
	Zone      *time.Location
	Patience  gap.Patience
	// Unknown names what of an element this version does not know, as paths; nil:
	// nobody looks.
	Unknown func(raw []byte, in cloudapi.Context) []string
	Logger  *slog.Logger
	Now     func() time.Time
}

// Watch looks for gaps. Its methods may be called at any time; they take turns.
type Watch struct {
	o Options

	mu      sync.Mutex
	started bool
	next    int64 // entry that is read next; -1: nothing was read yet
	sources map[string]*source
	recent  map[int64]time.Time // entries of the last hours, and when they came
	young   map[int64]bool      // messages that may become a hole
	rung    map[int64]bool      // gaps that were told of
	canary  map[string]*canary
	swept   map[string]time.Time // when all that Meta lists of a number was compared
}

// New returns a Watch.
func New(o Options) *Watch {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Patience == (gap.Patience{}) {
		o.Patience = gap.Patient
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watch{o: o, next: -1, sources: map[string]*source{}, recent: map[int64]time.Time{}, young: map[int64]bool{}, rung: map[int64]bool{}, canary: map[string]*canary{}, swept: map[string]time.Time{}}
}

// How often is looked at what.
const (
	everyScan  = 5 * time.Minute
	everyHeard = time.Hour
	everyGraph = time.Hour
	everyDay   = 24 * time.Hour
)

// Run looks for gaps on a schedule until ctx is done, and then notes until when
// the sources listened.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(everyScan / 5)
	defer tick.Stop()
	var scanned, asked, daily time.Time
	for {
		now := w.o.Now()
		o := Scan{Graph: now.Sub(asked) >= everyGraph, Daily: now.Sub(daily) >= everyDay}
		if now.Sub(scanned) >= everyScan || w.canaries(now) {
			if _, err := w.Scan(ctx, o); err != nil && ctx.Err() == nil {
				w.o.Logger.LogAttrs(ctx, slog.LevelError, "look for gaps", slog.String("error", err.Error()))
			}
			scanned = now
			if o.Graph {
				asked = now
			}
			if o.Daily {
				daily = now
			}
		}
		select {
		case <-ctx.Done():
			w.Close(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
	}
}

// Close notes until when the sources listened.
func (w *Watch) Close(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.heard(ctx, true); err != nil {
		w.o.Logger.LogAttrs(ctx, slog.LevelError, "note how long sources listened", slog.String("error", err.Error()))
	}
}

// Scan says how thoroughly is looked.
type Scan struct {
	Graph bool // Meta is asked for what it lists
	Daily bool // and about subscription and token; every open gap is looked at again
	All   bool // every message of the Cloud API is looked at
}

// Result is what a scan did.
type Result struct {
	Messages int64 `json:"messages"` // that were looked at
	Opened   int64 `json:"opened"`
	Changed  int64 `json:"changed"`
	Closed   int64 `json:"closed"`
	// Unasked are sentences about what could not be looked at.
	Unasked []string `json:"unasked,omitempty"`
}

// Scan looks for gaps once.
func (w *Watch) Scan(ctx context.Context, o Scan) (res Result, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.learn(ctx); err != nil {
		return res, err
	}
	w.up()
	l := newLook(w, o)
	for _, step := range []func(context.Context) error{l.entries, l.follow, l.messages, l.stretches, l.silence, l.canaries, l.meta} {
		if err := step(ctx); err != nil {
			return l.res, err
		}
	}
	if err := w.tell(ctx, l); err != nil {
		return l.res, err
	}
	l.done()
	return l.res, w.heard(ctx, false)
}

// source is one source, as the books have it.
type source struct {
	name  string
	cfg   cloudapi.Config
	since time.Time
	gone  bool
	heard govern.Heard
	from  int64 // entry before which an earlier run has counted

	up      time.Time // when a look first saw that it listens, of which the books know nothing yet
	began   time.Time // of the stretch that is being listened to; zero: none
	noted   time.Time // until when it is in the books
	counted map[[2]string]*govern.HeardCount
	last    time.Time // delivery that was read last
}

// learn reads the sources from the books.
func (w *Watch) learn(ctx context.Context) error {
	least := int64(math.MaxInt64)
	err := w.o.Ledger.Read(ctx, func(s *govern.State) error {
		for name, src := range s.Sources {
			if src.Kind != cloudapi.Name {
				continue
			}
			have := w.sources[name]
			first := have == nil
			if first {
				have = &source{name: name, counted: map[[2]string]*govern.HeardCount{}}
				w.sources[name] = have
			}
			cfg := cloudapi.Config{}
			if err := json.Unmarshal(src.Config, &cfg); err != nil {
				return fmt.Errorf("configuration of a source: %w", err)
			}
			if err := json.Unmarshal(src.Secret, &cfg.Secrets); err != nil {
				return fmt.Errorf("secrets of a source: %w", err)
			}
			cfg.Name = name
			have.cfg, have.since, have.gone = cfg, src.Since, !src.Removed.IsZero()
			through := src.Set
			if h := s.Heard[name]; h != nil {
				have.heard = govern.Heard{Stretches: slices.Clone(h.Stretches), Through: h.Through}
				through = h.Through
			}
			if first {
				have.from = through
			}
			least = min(least, through)
		}
		return nil
	})
	if w.next < 0 && least < math.MaxInt64 {
		w.next = least
	}
	return err
}

// names lists the sources in order.
func (w *Watch) names() (all []*source) {
	for _, s := range w.sources {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *source) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all
}

// of is the source that a business number belongs to.
func (w *Watch) of(number string) *source {
	for _, s := range w.names() {
		if slices.ContainsFunc(s.cfg.Numbers, func(n cloudapi.Number) bool { return n.Phone == number || n.ID == number }) {
			return s
		}
	}
	return nil
}

// named is the name of the source of a number; empty: it was imported.
func (w *Watch) named(number string) string {
	if s := w.of(number); s != nil {
		return s.name
	}
	if all := w.names(); len(all) == 1 && len(all[0].cfg.Numbers) == 0 {
		return all[0].name
	}
	return ""
}

// heard notes in the books how long each source listened: once an hour, at the
// first look, and at the end.
func (w *Watch) heard(ctx context.Context, end bool) error {
	if !w.o.Live {
		return nil
	}
	now := w.o.Now().UTC()
	for _, s := range w.names() {
		listens := !end && w.listens(s)
		first := s.began.IsZero()
		if first && s.up.IsZero() || !first && listens && now.Sub(s.noted) < everyHeard {
			continue
		}
		from := s.noted
		if first {
			if err := w.crashed(ctx, s, now); err != nil {
				return err
			}
			from = s.up
		}
		if err := w.note(ctx, s, from, now); err != nil {
			return err // it is tried again at the next look
		}
		s.began, s.noted, s.up = now, now, time.Time{}
		if !listens {
			s.began = time.Time{}
		}
	}
	return nil
}

// listens reports whether a source takes deliveries now.
func (w *Watch) listens(s *source) bool {
	return w.o.Live && !s.gone && (w.o.Listening == nil || w.o.Listening(s.name))
}

// up notes which sources listen. The books are told after the look, which may
// wait for Meta.
func (w *Watch) up() {
	for _, s := range w.sources {
		if s.began.IsZero() && s.up.IsZero() && w.listens(s) {
			s.up = w.o.Now().UTC()
		}
	}
}

// crashed adds to the books what the last run did not get to say: it listened
// at least until the last delivery that it took.
func (w *Watch) crashed(ctx context.Context, s *source, now time.Time) error {
	n := len(s.heard.Stretches)
	if n == 0 || !s.last.After(s.heard.Stretches[n-1].To) || !s.noted.IsZero() || s.last.After(now) {
		return nil
	}
	return w.note(ctx, s, s.heard.Stretches[n-1].To, s.last)
}

func (w *Watch) note(ctx context.Context, s *source, from, to time.Time) error {
	d := govern.HeardData{Source: s.name, From: from, To: to, Through: w.next}
	for _, c := range s.counted {
		d.Counted = append(d.Counted, *c)
	}
	slices.SortFunc(d.Counted, func(a, b govern.HeardCount) int {
		if a.Day+a.Number < b.Day+b.Number {
			return -1
		}
		return 1
	})
	if err := w.do(ctx, govern.ActSourceHeard, d); err != nil {
		return err
	}
	clear(s.counted)
	return nil
}

// do appends an act of the archive's own. One that is refused is not needed any
// more: another process was faster, or a person.
func (w *Watch) do(ctx context.Context, act string, data any) error {
	_, err := w.o.Ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: act, Data: data})
	var refusal *govern.Refusal
	if errors.As(err, &refusal) {
		return nil
	}
	return err
}
