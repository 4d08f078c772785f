package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
	"github.com/waxseal/waxseal/internal/seal"
)

// keeping is what people and keeping cost, in one firm's archive.
type keeping struct {
	Firm     measuredFirm `json:"firm"`
	Outlook  outlook      `json:"outlook"`
	Pages    []page       `json:"pages,omitempty"`
	Acts     int          `json:"acts"` // and traces, before the pages were asked for
	Disposal *disposal    `json:"disposal,omitempty"`
}

// outlook is what decisions about all messages take.
type outlook struct {
	Decisions float64 `json:"decisions_per_s"` // with reasons, one core
	AddDate   float64 `json:"dates_per_s"`     // the least that a decision is: one sum of a date
	Facts     float64 `json:"facts_s"`         // the least that a forecast is: all rows of the index
	Forecast  float64 `json:"forecast_s"`
	Compare   float64 `json:"compare_s"`
	Due       int64   `json:"due"`
}

func measureKeeping(ctx context.Context, o options, bin, dir string, messages int) (k *keeping, err error) {
	k = &keeping{}
	say("making the archive of a firm with %d messages in %d chats", messages, o.chats)
	f, m, err := makeFirm(ctx, bin, dir, messages, o.chats)
	if err != nil {
		return nil, fmt.Errorf("make the archive of a firm: %w", err)
	}
	k.Firm = m
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.order(ctx); err != nil {
		return nil, fmt.Errorf("fill the books: %w", err)
	}
	if o.does("keeping") {
		say("deciding about %d messages", messages)
		if k.Outlook, err = f.outlook(ctx); err != nil {
			return nil, fmt.Errorf("measure decisions: %w", err)
		}
	}
	if o.does("pages") {
		say("appending %d acts and traces", o.acts)
		if err := f.history(ctx, o.acts); err != nil {
			return nil, err
		}
		k.Acts = o.acts
		say("asking for every page of the console")
		if k.Pages, err = f.pages(ctx, bin, o.visits); err != nil {
			return nil, fmt.Errorf("measure pages: %w", err)
		}
	}
	if o.does("disposal") {
		if k.Disposal, err = f.dispose(ctx, dir, o.pause); err != nil {
			return nil, fmt.Errorf("measure a disposal: %w", err)
		}
	}
	return k, nil
}

func (f *firm) outlook(ctx context.Context) (out outlook, err error) {
	now := time.Now()
	out.Decisions = f.decisions(now)
	out.AddDate = perSecond(time.Second, 1, func(b []byte) { now = now.AddDate(0, int(b[0])+1, -30) })
	start := time.Now()
	n := 0
	if err := f.x.Facts(ctx, "", func(*index.Fact) error { n++; return nil }); err != nil {
		return out, err
	}
	out.Facts = time.Since(start).Seconds()
	d := &dispose.Outlook{
		Books: f.books,
		Facts: func(ctx context.Context, fn func(*dispose.Fact) error) error { return f.x.Facts(ctx, "", fn) },
		Matching: func(ctx context.Context, query string) (func(int64) bool, error) {
			set, err := f.x.Matching(ctx, query)
			return set.Has, err
		},
	}
	start = time.Now()
	forecast, err := d.Forecast(ctx, now, nil)
	if err != nil {
		return out, err
	}
	out.Forecast, out.Due = time.Since(start).Seconds(), forecast.Total.Due()
	if forecast.Total.Messages != int64(n) {
		return out, fmt.Errorf("the forecast counted %d of %d messages", forecast.Total.Messages, n)
	}
	p := f.policy()
	p.Min.Days -= 365
	p.Version = 1
	start = time.Now()
	if _, err = d.Compare(ctx, now, retain.Rules{Policies: []retain.Policy{p}, Assignments: []retain.Assignment{{Policy: p.ID}}}); err != nil {
		return out, err
	}
	out.Compare = time.Since(start).Seconds()
	return out, nil
}

// decisions is how many messages a second one core decides about, each with
// its reasons, by three policies.
func (f *firm) decisions(now time.Time) float64 {
	nine, client, year := f.policy(), f.policy(), f.policy()
	client.ID, client.Clock, client.Min = "client", retain.ChatClosed, retain.Period{Years: 6}
	year.ID, year.Clock, year.Min = "year", retain.FiscalYear, retain.Period{Years: 3}
	rules := retain.Rules{
		Policies:    []retain.Policy{nine, client, year},
		Assignments: []retain.Assignment{{Policy: nine.ID}, {Policy: client.ID}, {Policy: year.ID}},
		Fiscal:      retain.Fiscal{Month: time.March, Day: 31, Zone: "Europe/London"},
	}
	in := rules.At(now)
	n := 0
	return perSecond(time.Second, 1, func([]byte) {
		n++
		_ = in.Decide(&retain.Facts{Sent: now.Add(-time.Duration(n%(firmYears*365)) * 24 * time.Hour), Chat: "c", Custodian: "p01"})
	})
}

// disposal is one of a tenth of the archive, while it is searched and appended
// to all the time.
type disposal struct {
	Messages int64             `json:"messages"`
	Due      float64           `json:"due_s"`     // finding what is due
	Propose  float64           `json:"propose_s"` // and confirm
	Dispose  float64           `json:"dispose_s"` // in the archive
	Renew    float64           `json:"renew_s"`   // the index
	Certify  float64           `json:"certify_s"`
	Search   map[string]spread `json:"search"`      // before, during, after
	Append   map[string]spread `json:"append"`      //
	Rewrite  float64           `json:"rewrite_s"`   // the log's bytes, copied and fsynced: the limit
	Alone    float64           `json:"renewing_s"`  // the index, with nothing else going on
	Log      int64             `json:"log_bytes"`   //
	Grown    int64             `json:"grown_bytes"` // disk in use at the end, beside the start
}

// spread is how long something took, in milliseconds.
type spread struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	Max float64 `json:"max_ms"`
}

func spreadOf(took []float64) spread {
	if len(took) == 0 {
		return spread{}
	}
	slices.Sort(took)
	at := func(p int) float64 { return took[min(len(took)-1, len(took)*p/100)] }
	return spread{len(took), at(50), at(95), took[len(took)-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("p50 %.1f  p95 %.1f  max %.0f ms", s.P50, s.P95, s.Max)
}

// stopwatch times what an archive does for a desk.
type stopwatch struct {
	*archive.Archive
	took time.Duration
}

func (s *stopwatch) Dispose(ctx context.Context, n int64, still archive.Still, progress func(done, of int64)) (archive.Disposed, error) {
	start := time.Now()
	defer func() { s.took = time.Since(start) }()
	return s.Archive.Dispose(ctx, n, still, progress)
}

func (f *firm) dispose(ctx context.Context, dir string, pause time.Duration) (d *disposal, err error) {
	d = &disposal{Log: size(filepath.Join(f.dir, "log.db")), Search: map[string]spread{}, Append: map[string]spread{}}
	say("rewriting the log's bytes alone, and the index alone")
	if d.Rewrite, err = rewrite(filepath.Join(f.dir, "log.db"), dir); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := f.renew(ctx, nil); err != nil {
		return nil, err
	}
	d.Alone = time.Since(start).Seconds()

	timed := &stopwatch{Archive: f.ar}
	desk := &dispose.Desk{Archive: timed, Index: f.x, Ledger: f.books, Now: time.Now, Renew: func(ctx context.Context, progress func(done, of int64)) error {
		start := time.Now()
		defer func() { d.Renew = time.Since(start).Seconds() }()
		return f.renew(ctx, progress)
	}}
	say("finding what is due")
	start = time.Now()
	due, err := desk.Due(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	d.Due, d.Messages = time.Since(start).Seconds(), int64(len(due.Messages))
	one, err := f.as(ctx, "olga", access.Officer)
	if err != nil {
		return nil, err
	}
	two, err := f.as(ctx, "lea", access.Legal)
	if err != nil {
		return nil, err
	}
	start = time.Now()
	request, err := decide(ctx, desk, due, one, two)
	if err != nil {
		return nil, err
	}
	d.Propose = time.Since(start).Seconds()

	say("disposing of %d messages, in use", d.Messages)
	u := f.use(ctx)
	u.phase("before", func() { time.Sleep(pause) })
	start = time.Now()
	u.phase("during", func() { _, err = desk.Run(ctx, request, nil) })
	d.Dispose, d.Certify = timed.took.Seconds(), time.Since(start).Seconds()-timed.took.Seconds()-d.Renew
	u.phase("after", func() { time.Sleep(pause) })
	if err := errors.Join(err, u.end()); err != nil {
		return nil, err
	}
	for p, took := range u.searches {
		d.Search[p] = spreadOf(took)
	}
	for p, took := range u.appends {
		d.Append[p] = spreadOf(took)
	}
	d.Grown = size(filepath.Join(f.dir, "log.db")) - d.Log
	return d, nil
}

func (f *firm) renew(ctx context.Context, progress func(done, of int64)) error {
	key := seal.NewKey()
	return f.x.Renew(ctx, f.ar.IndexPathOf(key), key, func() error { return f.ar.SetIndexKey(ctx, key) }, progress)
}

// decide proposes and confirms a disposal, as two people.
func decide(ctx context.Context, desk *dispose.Desk, due *dispose.Due, one, two govern.Actor) (int64, error) {
	today := time.Now().UTC().Format(time.DateOnly)
	request, err := desk.Propose(ctx, one, due, today, "retention is over")
	if err != nil {
		return 0, err
	}
	_, err = desk.Ledger.Do(ctx, two, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: request, Today: today}})
	return request, err
}

// use searches and appends all the time, and notes how long each took.
type use struct {
	stop              context.CancelFunc
	done              sync.WaitGroup
	mu                sync.Mutex
	now               string
	searches, appends map[string][]float64
	err               error
}

func (f *firm) use(ctx context.Context) *use {
	ctx, stop := context.WithCancel(ctx)
	u := &use{stop: stop, now: "before", searches: map[string][]float64{}, appends: map[string][]float64{}}
	g := newGenerator(seedQueries)
	u.repeat(ctx, u.searches, 20*time.Millisecond, func() error {
		_, err := f.x.Search(ctx, index.Search{Query: g.words[commonOnes+g.n(midOnes)], Limit: 50})
		return err
	})
	u.repeat(ctx, u.appends, 50*time.Millisecond, func() error {
		_, err := f.books.Trace(ctx, f.operator, govern.Request{Act: "search", Data: map[string]string{"query": "wire"}})
		return err
	})
	return u
}

func (u *use) repeat(ctx context.Context, into map[string][]float64, pause time.Duration, fn func() error) {
	u.done.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			err := fn()
			took := float64(time.Since(start).Microseconds()) / 1000
			if ctx.Err() != nil {
				return
			}
			u.mu.Lock()
			u.err = errors.Join(u.err, err)
			into[u.now] = append(into[u.now], took)
			u.mu.Unlock()
			if err != nil {
				return
			}
			time.Sleep(pause)
		}
	})
}

func (u *use) phase(name string, fn func()) {
	u.mu.Lock()
	u.now = name
	u.mu.Unlock()
	fn()
}

func (u *use) end() error {
	u.stop()
	u.done.Wait()
	return u.err
}

// rewrite copies a file and syncs it: what writing the same bytes takes at
// least.
func rewrite(path, dir string) (seconds float64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("rewrite: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.CreateTemp(dir, "rewrite")
	if err != nil {
		return 0, fmt.Errorf("rewrite: %w", err)
	}
	start := time.Now()
	_, err = io.Copy(struct{ io.Writer }{out}, struct{ io.Reader }{in}) // no help of the kernel's
	err = errors.Join(err, out.Sync(), out.Close())
	return time.Since(start).Seconds(), errors.Join(err, os.Remove(out.Name()))
}

func (k *keeping) rows(row func(...string)) {
	if k == nil {
		return
	}
	n := group(float64(k.Firm.Messages))
	row(fmt.Sprintf("firm: %s messages in %d chats, imported; indexed", n, k.Firm.Chats), fmt.Sprintf("%.1f s; %.1f s", k.Firm.Import, k.Firm.Index), "", "", "")
	if o := k.Outlook; o.Decisions > 0 {
		row("retention decisions, three policies, one core", group(o.Decisions)+"/s", "", group(o.AddDate)+" dates/s", "")
		row("forecast over "+n, fmt.Sprintf("%.2f s, %s due", o.Forecast, group(float64(o.Due))), "", fmt.Sprintf("%.2f s (facts alone)", o.Facts), "5 s for 1,000,000")
		row("comparison of two policies over "+n, fmt.Sprintf("%.2f s", o.Compare), "", fmt.Sprintf("%.2f s (facts alone)", o.Facts), "")
	}
	for _, p := range k.Pages {
		aim := "p95 50 ms, 200 KB"
		switch p.Path {
		case "/policies/forecast", "/disposals", "/disposals/propose":
			aim = "the first 5 s, then 50 ms"
		case "/chats/{}/print":
			aim = "a sheet of 2,000 messages"
		}
		row(fmt.Sprintf("page %s (%d)", p.Path, p.Took.N), p.Took.String()+fmt.Sprintf(", %d KB", p.Bytes/1000)+"  "+p.Fails, "", "", aim)
	}
	d := k.Disposal
	if d == nil {
		return
	}
	row(fmt.Sprintf("disposal of %s of %s: find what is due", group(float64(d.Messages)), n), fmt.Sprintf("%.1f s", d.Due), "", "", "")
	row("disposal: propose and confirm", fmt.Sprintf("%.2f s", d.Propose), "", "", "")
	row("disposal: in the archive", fmt.Sprintf("%.1f s", d.Dispose), "", fmt.Sprintf("%.1f s (the log's %s written and synced)", d.Rewrite, mb(d.Log)), "")
	row("disposal: the index anew", fmt.Sprintf("%.1f s", d.Renew), "", fmt.Sprintf("%.1f s (alone)", d.Alone), "")
	row("disposal: certificate", fmt.Sprintf("%.2f s", d.Certify), "", "", "")
	for _, p := range []string{"before", "during", "after"} {
		row("disposal: searches "+p, d.Search[p].String(), "", "", "")
		row("disposal: appends "+p, d.Append[p].String(), "", "", "")
	}
}
