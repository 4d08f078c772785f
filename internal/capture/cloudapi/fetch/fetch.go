// Package fetch has the files that live messages name: at once, since their
// addresses work for five minutes and their IDs for seven days.
//
// It keeps no queue. What is to be fetched is asked of whoever knows which
// messages lack a file; so nothing is forgotten by a stop, and a file whose
// record was written is not fetched again.
package fetch

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/outbound"
)

// What Meta promises.
const (
	urlLife = 5 * time.Minute
	idLife  = 7 * 24 * time.Hour
)

// Pending is a file that a message names and that is not here yet.
type Pending struct {
	ID      string // Meta's, or the address of a file that a sender linked
	Message string // WhatsApp's ID of the message
	Chat    string // JID
	FromMe  bool
	Account string
	URL     string // that the webhook gave, or empty
	SHA256  string // that the message says, hex or base64, or empty
	MIME    string
	Name    string
	Since   time.Time // when the ID was told; zero: now
}

type key struct{ message, id string }

func (p *Pending) key() key { return key{p.Message, p.ID} }

// linked reports a file that the business linked, and Meta does not hold.
func (p *Pending) linked() bool { return strings.Contains(p.ID, "://") }

// Waiting is a file that could not be had yet, for people.
type Waiting struct {
	Pending
	Tries int
	Last  time.Time // zero: not tried yet
	Next  time.Time
	Why   string // a sentence; empty: not tried yet
}

// Options are how files are fetched. Zero values take the defaults.
type Options struct {
	Source  string        // name, for alarms
	Workers int           // files at a time; default 4
	Largest int64         // bytes; default 128 MiB
	Stall   time.Duration // without a byte, and a download is given up; default 30 s
	Every   time.Duration // at least between two looks at what is pending; default 500 ms
	Links   *http.Client  // for files that the business linked; nil: they are not fetched
	Bell    alarm.Bell    // may be nil
	Log     *slog.Logger  // may be nil
	Now     func() time.Time
}

// Client is how files are asked for: they are large, and take long.
func Client(allow []netip.Prefix) *http.Client {
	return outbound.Client(outbound.Options{Timeout: time.Hour, MaxBytes: -1, Allow: allow})
}

// Fetcher fetches the files of one source.
type Fetcher struct {
	journal cloudapi.Journal
	graph   *graph.Client
	pending func(context.Context) ([]Pending, error)
	o       Options
	wake    chan struct{}

	mu    sync.Mutex
	jobs  map[key]*job
	going int
	hold  time.Time // nothing is asked before: Meta refuses whoever asks
	rung  bool      // the alarm of a refused token
}

// job is a file on its way. Its fields are f.mu's, but for what one worker has.
type job struct {
	Pending
	tries int
	gone  int  // answers that there is no such file, one after another
	wrong bool // its content was another once
	last  time.Time
	next  time.Time
	why   string
	going bool
	off   bool // it is pending no longer: the message was disposed of meanwhile
	done  bool // its record is written; whoever lists what is pending may not know yet
}

// New returns a fetcher. pending lists what is to be fetched; it is asked at
// the start, after Wake, and now and then.
func New(j cloudapi.Journal, c *graph.Client, pending func(context.Context) ([]Pending, error), o Options) *Fetcher {
	o.Workers = cmp.Or(o.Workers, 4)
	o.Largest = cmp.Or(o.Largest, 128<<20)
	o.Stall = cmp.Or(o.Stall, 30*time.Second)
	o.Every = cmp.Or(o.Every, 500*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Fetcher{journal: j, graph: c, pending: pending, o: o, wake: make(chan struct{}, 1), jobs: map[key]*job{}}
}

// Wake says that there may be more to fetch. It is quick.
func (f *Fetcher) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// look is how often what is pending is listed although nobody woke.
const look = time.Minute

// Run fetches until ctx ends, and returns when nothing is under way.
func (f *Fetcher) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	free := make(chan struct{}, 1) // a worker has ended
	for {
		began := time.Now()
		if err := f.list(ctx); err != nil && ctx.Err() == nil {
			f.o.Log.LogAttrs(ctx, slog.LevelError, "list files to be fetched", slog.String("source", f.o.Source), slog.String("error", err.Error()))
		}
		listed := time.Now()
		for again := false; !again; {
			for j := f.take(); j != nil; j = f.take() {
				all.Go(func() {
					f.one(ctx, j)
					select {
					case free <- struct{}{}:
					default:
					}
				})
			}
			t := time.NewTimer(f.until())
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-free:
			case <-t.C:
				again = time.Since(listed) >= look
			case <-f.wake:
				again = true
			}
			t.Stop()
		}
		// Where very much waits, a look costs much.
		if !pause(ctx, max(f.o.Every, 10*listed.Sub(began))-time.Since(listed)) {
			return
		}
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// list brings the jobs up to date with what is pending.
func (f *Fetcher) list(ctx context.Context) error {
	all, err := f.pending(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	listed := map[key]bool{}
	for _, p := range all {
		k := p.key()
		listed[k] = true
		if j := f.jobs[k]; j != nil {
			j.off = false
			continue
		}
		if now := f.o.Now(); p.Since.IsZero() || p.Since.After(now) {
			p.Since = now
		}
		f.jobs[k] = &job{Pending: p}
	}
	for k, j := range f.jobs {
		switch {
		case listed[k]:
		case j.going:
			j.off = true
		default:
			delete(f.jobs, k)
		}
	}
	return nil
}

// take begins the next file that is due: the newest of those that were not
// tried, for their addresses work for minutes; then who waited longest.
func (f *Fetcher) take() *job {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.o.Now()
	if f.going >= f.o.Workers || now.Before(f.hold) {
		return nil
	}
	var best *job
	for _, j := range f.jobs {
		if !j.going && !j.done && !j.off && !j.next.After(now) && (best == nil || before(j, best)) {
			best = j
		}
	}
	if best != nil {
		best.going = true
		f.going++
	}
	return best
}

func before(a, b *job) bool {
	if (a.tries == 0) != (b.tries == 0) {
		return a.tries == 0
	}
	if a.tries == 0 && !a.Since.Equal(b.Since) {
		return a.Since.After(b.Since)
	}
	return cmp.Or(a.next.Compare(b.next), cmp.Compare(a.Message, b.Message), cmp.Compare(a.ID, b.ID)) < 0
}

// until is how long nothing is due.
func (f *Fetcher) until() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.going >= f.o.Workers {
		return look // a worker that ends says so
	}
	now, d := f.o.Now(), look
	for _, j := range f.jobs {
		if !j.going && !j.done && !j.off {
			d = min(d, max(j.next.Sub(now), f.hold.Sub(now)))
		}
	}
	return max(d, time.Millisecond)
}

// isOff reports a file that is not to be kept any more.
func (f *Fetcher) isOff(j *job) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return j.off
}

// State is what waits, oldest first.
func (f *Fetcher) State() (out []Waiting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if !j.done {
			out = append(out, Waiting{Pending: j.Pending, Tries: j.tries, Last: j.last, Next: j.next, Why: j.why})
		}
	}
	slices.SortFunc(out, func(a, b Waiting) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Message, b.Message), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// backoff is how long to wait after so many tries: some seconds at first, while
// an address works, at most a quarter of an hour.
func backoff(tries int, told time.Duration) time.Duration {
	d := min(time.Second<<min(tries, 10), 15*time.Minute)
	d = d*3/4 + rand.N(d/2) // many that failed together do not come back together
	return max(d, told)
}
