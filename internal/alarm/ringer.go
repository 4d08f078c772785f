package alarm

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

const (
	// settle is how long a state must be over before it is said to be: one that
	// comes and goes is there.
	settle = time.Minute
	// forget is how long it is tried to tell that a state is over.
	forget = 24 * time.Hour
	// lastWait bounds the waits between tries, which double.
	lastWait = 5 * time.Minute
	tellFor  = 30 * time.Second
	// noteEvery is how often noting is tried while the log takes nothing.
	noteEvery = 10 * time.Second
	look      = time.Second
)

// Options are what a Ringer is made of.
type Options struct {
	Firm   string // name of the archive, for whoever reads
	Ledger *govern.Ledger
	HTTP   *http.Client // of webhooks
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Ringer is the Bell. It notes each change of a state in the books, and tells
// it by every route that these have. What rings in the books when it starts
// rings on, and is told where it was not: a program that was killed has
// forgotten nothing. A full disk, which lets nothing be noted, is told all the
// same.
type Ringer struct {
	o    Options
	wake chan struct{}

	mu     sync.Mutex
	states map[string]*state
	routes map[string]*route
}

// state is what is known of one key.
type state struct {
	Alarm
	ringing bool
	changed time.Time       // since when it is so
	clear   time.Time       // asked to be over; zero: not
	seq     int64           // entry that notes it; 0: not noted yet
	again   time.Time       // noting it is not tried before
	told    map[string]bool // by route
}

// route is how a way to tell fares.
type route struct {
	busy  bool
	tries int
	next  time.Time
}

// New reads from the books what rings.
func New(ctx context.Context, o Options) (*Ringer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Ringer{o: o, wake: make(chan struct{}, 1), states: map[string]*state{}, routes: map[string]*route{}}
	err := o.Ledger.Read(ctx, func(s *govern.State) error {
		for key, a := range s.Alarms {
			is := &state{
				Alarm:   Alarm{Key: key, Source: a.Source, At: a.Since, Say: a.Say},
				ringing: a.Rings(), changed: a.Since, seq: a.Seq, told: map[string]bool{},
			}
			if !is.ringing {
				is.changed = a.Over
			}
			for name := range a.Told {
				is.told[name] = true
			}
			r.states[key] = is
		}
		return nil
	})
	return r, err
}

// Ring implements Bell.
func (r *Ringer) Ring(_ context.Context, a Alarm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.states[a.Key]
	if is != nil && is.ringing {
		is.clear = time.Time{}
		return
	}
	if a.At.IsZero() {
		a.At = r.o.Now()
	}
	r.states[a.Key] = &state{Alarm: a, ringing: true, changed: a.At, told: map[string]bool{}}
	r.stir()
}

// Clear implements Bell.
func (r *Ringer) Clear(_ context.Context, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is := r.states[key]; is != nil && is.ringing && is.clear.IsZero() {
		is.clear = r.o.Now()
	}
}

func (r *Ringer) stir() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// Run notes and tells until ctx has ended.
func (r *Ringer) Run(ctx context.Context) {
	var telling sync.WaitGroup
	defer telling.Wait()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		r.pass(ctx, &telling)
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
	}
}

// pass does what is to be done now.
func (r *Ringer) pass(ctx context.Context, telling *sync.WaitGroup) {
	now := r.o.Now()
	for _, is := range r.unnoted(now) {
		r.note(ctx, is)
	}
	var routes []govern.AlarmRoute
	if err := r.o.Ledger.Follow(ctx); err != nil && ctx.Err() == nil {
		r.o.Log.LogAttrs(ctx, slog.LevelError, "read the routes of alarms", slog.String("error", err.Error()))
	}
	r.o.Ledger.Peek(func(s *govern.State) {
		for _, to := range s.AlarmRoutes {
			routes = append(routes, *to)
		}
	})
	for i := range routes {
		if say := r.untold(&routes[i], now); len(say) > 0 {
			telling.Go(func() { r.tellBy(ctx, &routes[i], say) })
		}
	}
}

// unnoted are the states that the books do not have yet.
func (r *Ringer) unnoted(now time.Time) (todo []*state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, is := range r.states {
		if is.ringing && !is.clear.IsZero() && now.Sub(is.clear) >= settle {
			if is.seq == 0 { // it was never noted that it rang: note both
				todo = append(todo, is)
				continue
			}
			is.ringing, is.changed, is.clear, is.seq, is.told = false, is.clear, time.Time{}, 0, map[string]bool{}
		}
		if is.seq == 0 {
			todo = append(todo, is)
		}
	}
	return slices.DeleteFunc(todo, func(is *state) bool { return now.Before(is.again) })
}

// note puts a state into the books. Where that fails it is tried again
// later, and told meanwhile.
func (r *Ringer) note(ctx context.Context, is *state) {
	r.mu.Lock()
	act, data := govern.ActAlarmClear, govern.AlarmData{Key: is.Key}
	if is.ringing {
		act, data = govern.ActAlarmRing, govern.AlarmData{Key: is.Key, Source: is.Source, Say: is.Say}
	}
	r.mu.Unlock()
	seq, err := r.o.Ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: act, Data: data})
	var no *govern.Refusal
	if errors.As(err, &no) { // another process noted it
		r.o.Ledger.Peek(func(s *govern.State) {
			if a := s.Alarms[data.Key]; a != nil {
				seq = a.Seq
			}
		})
		err = nil
	}
	if err != nil {
		r.mu.Lock()
		is.again = r.o.Now().Add(noteEvery)
		r.mu.Unlock()
		if ctx.Err() == nil {
			r.o.Log.LogAttrs(ctx, slog.LevelError, "note an alarm", slog.String("key", data.Key), slog.String("error", err.Error()))
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	is.seq = seq
}

// Notice is what is told of one alarm.
type Notice struct {
	Firm   string    `json:"archive"`
	Key    string    `json:"key"`
	State  string    `json:"state"` // "ringing", "over"
	Source string    `json:"source,omitempty"`
	Since  time.Time `json:"since"`         // it began to ring
	Over   time.Time `json:"over,omitzero"` // and was over
	Say    string    `json:"say"`

	of *state
}

// untold is what a route has not told yet, and marks it as busy.
func (r *Ringer) untold(to *govern.AlarmRoute, now time.Time) (say []Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.routes[to.Name]
	if is == nil {
		is = &route{}
		r.routes[to.Name] = is
	}
	if is.busy || now.Before(is.next) {
		return nil
	}
	for _, st := range r.states {
		if st.told[to.Name] || !st.ringing && now.Sub(st.changed) > forget {
			continue
		}
		n := Notice{Firm: r.o.Firm, Key: st.Key, State: "ringing", Source: st.Source, Since: st.At.UTC(), Say: st.Say, of: st}
		if !st.ringing {
			n.State, n.Over = "over", st.changed.UTC()
		}
		say = append(say, n)
	}
	is.busy = len(say) > 0
	return say
}

// tellBy tells by one route, and notes what was told.
func (r *Ringer) tellBy(ctx context.Context, to *govern.AlarmRoute, say []Notice) {
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	n, err := r.tell(ctx, to, say)
	for i := range say[:n] {
		r.told(ctx, &say[i], to.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.routes[to.Name]
	is.busy = false
	if err == nil {
		is.tries, is.next = 0, time.Time{}
		return
	}
	is.next = r.o.Now().Add(min(time.Second<<min(is.tries, 10), lastWait))
	is.tries++
	r.o.Log.LogAttrs(ctx, slog.LevelWarn, "tell of an alarm", slog.String("route", to.Name), slog.Int("tries", is.tries), slog.String("error", err.Error()))
}

// told notes that a state was told.
func (r *Ringer) told(ctx context.Context, n *Notice, name string) {
	r.mu.Lock()
	same := n.of.ringing == (n.State == "ringing")
	if same {
		n.of.told[name] = true
	}
	seq := n.of.seq
	r.mu.Unlock()
	if !same || seq == 0 {
		return // the log takes nothing now, or it is another state already
	}
	_, err := r.o.Ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActAlarmTold, Data: govern.AlarmTold{Key: n.Key, State: seq, Route: name}})
	var no *govern.Refusal
	if err != nil && !errors.As(err, &no) {
		r.o.Log.LogAttrs(ctx, slog.LevelError, "note who was told", slog.String("key", n.Key), slog.String("error", err.Error()))
	}
}

// tell sends, and returns how many of say were told.
func (r *Ringer) tell(ctx context.Context, to *govern.AlarmRoute, say []Notice) (n int, err error) {
	if to.Mail() {
		if err := Mail(ctx, to, subjectOf(r.o.Firm, say), textOf(say)); err != nil {
			return 0, err
		}
		return len(say), nil
	}
	for i := range say {
		if err := Post(ctx, r.o.HTTP, to, &say[i], r.o.Now()); err != nil {
			return i, err
		}
	}
	return len(say), nil
}

// Test tells by a route that it works.
func Test(ctx context.Context, firm string, to *govern.AlarmRoute, client *http.Client, now time.Time) error {
	r := &Ringer{o: Options{Firm: firm, HTTP: client, Now: func() time.Time { return now }}}
	_, err := r.tell(ctx, to, []Notice{{Firm: firm, Key: "archive/test", State: "ringing", Since: now.UTC(), Say: "This is a test. Alarms of this archive reach you by this route."}})
	return err
}
