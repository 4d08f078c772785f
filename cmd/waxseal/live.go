package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/web"
)

// live is what runs beside the console: the sources and what serves them.
type live struct {
	ar     *archive.Archive
	x      *index.Index
	ledger *govern.Ledger
	bell   alarm.Bell
	log    *slog.Logger
	floor  uint64 // bytes that must be free on the disk
	behind bool   // a proxy says who asks
	bodies room

	out    *wayOut
	wishes *wishes
	more   chan struct{} // something was appended

	mu      sync.RWMutex
	sources map[string]*liveSource
}

// liveSource is one source that runs.
type liveSource struct {
	name     string
	cfg      atomic.Pointer[cloudapi.Config]
	added    time.Time // to the books
	since    time.Time // it runs here
	set      int64     // entry of the act that it runs by
	journal  *cloudapi.Running
	receiver *cloudapi.Receiver
	media    *media // nil: its files are not fetched yet
}

func (s *liveSource) config() cloudapi.Config { return *s.cfg.Load() }

// newLive makes the sources ready that the books have.
func newLive(ctx context.Context, l *live) (*live, error) {
	l.more, l.sources = make(chan struct{}, 1), map[string]*liveSource{}
	l.bodies.free.Store(hooksRoom)
	l.out, l.wishes = newWayOut(l), newWishes(l)
	return l, l.refresh(ctx)
}

// refresh follows the books: sources that were added, changed or removed.
func (l *live) refresh(ctx context.Context) error {
	type source struct {
		cfg   cloudapi.Config
		set   int64
		added time.Time
	}
	now := map[string]source{}
	err := l.ledger.Read(ctx, func(s *govern.State) error {
		for name, src := range s.Sources {
			if src.Kind != cloudapi.Name || !src.Removed.IsZero() {
				continue
			}
			cfg, err := sourceConfig(src)
			if err != nil {
				return err
			}
			now[name] = source{cfg, src.Set, src.Since}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for name, s := range l.sources {
		if _, ok := now[name]; !ok {
			s.media.close()
			errs = append(errs, s.journal.Close(ctx))
			delete(l.sources, name)
		}
	}
	for name, is := range now {
		switch s := l.sources[name]; {
		case s == nil:
			l.sources[name] = l.source(name, is.cfg, is.set)
			l.sources[name].added = is.added
		case s.set != is.set:
			s.cfg.Store(&is.cfg)
			s.set = is.set
		}
	}
	return errors.Join(errs...)
}

func (l *live) source(name string, cfg cloudapi.Config, set int64) *liveSource {
	s := &liveSource{name: name, set: set, since: time.Now()}
	s.cfg.Store(&cfg)
	s.journal = cloudapi.OpenJournal(wishSink{l.ar, l.wishes}, s.config, l.ar.Info().Zone, l.appended)
	o := cloudapi.ReceiverOptions{Ready: l.ready, Bell: l.bell, Log: l.log}
	if l.behind {
		o.Peer = func(r *http.Request) string {
			all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
			return strings.TrimSpace(all[len(all)-1])
		}
	}
	s.receiver = cloudapi.NewReceiver(hearing{s.journal, l.out.templates.forget}, s.config, o)
	return s
}

// appended wakes whoever follows the log.
func (l *live) appended() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// errDiskLow is why nothing is taken.
var errDiskLow = errors.New("the disk is nearly full")

// ready says why nothing can be taken.
func (l *live) ready() error {
	if err := l.ar.Writable(); err != nil {
		return err
	}
	if free, err := diskFree(l.ar.Dir()); err == nil && free < l.floor {
		return errDiskLow
	}
	return nil
}

// Keys of alarms about the archive itself.
const (
	alarmDisk  = "archive/disk"
	alarmWrite = "archive/write"
)

// watch rings where nothing can be taken, whether something comes or not.
func (l *live) watch(ctx context.Context) {
	l.mu.RLock()
	n := len(l.sources)
	l.mu.RUnlock()
	if n == 0 {
		return // nothing is to come
	}
	err := l.ready()
	if errors.Is(err, errDiskLow) {
		l.bell.Ring(ctx, alarm.Alarm{Key: alarmDisk, Say: "The disk of the archive is nearly full. Deliveries are refused, and WhatsApp tries again for 36 hours at least: make room before that."})
		return
	}
	l.bell.Clear(ctx, alarmDisk)
	if err != nil {
		l.bell.Ring(ctx, alarm.Alarm{Key: alarmWrite, Say: "The archive takes nothing new: it is an older copy, or cannot be written. Deliveries are refused, and WhatsApp tries again for 36 hours at least. Run waxseal verify."})
		return
	}
	l.bell.Clear(ctx, alarmWrite)
}

// run keeps up with the books until ctx ends.
func (l *live) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.watch(ctx)
			if err := l.refresh(ctx); err != nil && ctx.Err() == nil {
				l.log.LogAttrs(ctx, slog.LevelError, "follow the sources", slog.String("error", err.Error()))
			}
			l.fetchAll(ctx)
		}
	}
}

// states tells the console how the sources fare.
func (l *live) states() (all []web.SourceState) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(l.sources)) {
		s := l.sources[name]
		c, n := s.config(), s.receiver.Stats()
		is := web.SourceState{
			Name: name, Kind: cloudapi.Name, Since: s.added, Began: s.since, Last: n.Last, Token: c.Access != "", Callback: cmp.Or(c.URL, "https://YOUR-HOST") + "/hooks/" + name,
			Deliveries: n.Deliveries, Redelivered: n.Redelivered, NotJSON: n.NotJSON, BadSignatures: n.BadSignatures, Refused: n.Refused, Bytes: n.Bytes, MediaWaiting: s.media.waiting(),
		}
		for _, p := range c.Numbers {
			is.Numbers = append(is.Numbers, web.SourceNumber{Phone: p.Phone, ID: p.ID, Custodian: p.Custodian})
		}
		for _, secret := range c.App {
			is.Secrets = append(is.Secrets, cloudapi.Fingerprint(secret))
		}
		all = append(all, is)
	}
	return all
}

// close ends the captures that run.
func (l *live) close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.sources {
		s.media.close()
		errs = append(errs, s.journal.Close(ctx))
	}
	return errors.Join(errs...)
}

// hookTime is how long a delivery may take to arrive.
const hookTime = 30 * time.Second

// ServeHTTP answers /hooks/{source}.
func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.RLock()
	s := l.sources[strings.TrimPrefix(r.URL.Path, "/hooks/")]
	l.mu.RUnlock()
	if s == nil {
		http.Error(w, "There is no such source.", http.StatusNotFound)
		return
	}
	c := http.NewResponseController(w)
	_ = errors.Join(c.SetReadDeadline(time.Now().Add(hookTime)), c.SetWriteDeadline(time.Now().Add(2*hookTime))) // a connection that cannot is a test's
	body, done := l.bodies.of(r.Body)
	defer done()
	r.Body = body
	s.receiver.ServeHTTP(w, r)
}

// health tells whoever watches from outside whether deliveries can be taken:
// a program that is dead rings no alarm of its own.
func (l *live) health(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	if l.ready() != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n") // whoever asked has gone
}

// before puts the ways in before the console, which knows nothing of them: who
// delivers has no session, and proves itself otherwise.
func (l *live) before(console http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/hooks/"):
			l.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, gateway.Prefix):
			l.out.gateway.ServeHTTP(w, r)
		case r.URL.Path == "/healthz":
			l.health(w)
		default:
			console.ServeHTTP(w, r)
		}
	})
}

// soon is how long what was appended waits for more, before the index follows.
const soon = 100 * time.Millisecond

// followSoon brings the index up to date soon after each append, and now and
// then for what other processes append.
func (l *live) followSoon(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.more:
			select {
			case <-ctx.Done():
				return
			case <-time.After(soon):
			}
		case <-tick.C:
		}
		if err := l.x.Follow(ctx, nil); err != nil && ctx.Err() == nil {
			l.log.LogAttrs(ctx, slog.LevelError, "follow the log", slog.String("error", err.Error()))
		}
		l.wakeMedia()
	}
}

// diskFloor is the flag's value in bytes.
func diskFloor(mb int64) (uint64, error) {
	if mb < 0 {
		return 0, usagef("--disk-floor wants a number of MB")
	}
	return uint64(mb) << 20, nil
}
