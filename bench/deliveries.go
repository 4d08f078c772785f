package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/index"
)

// deliveries is what a source of the Cloud API takes: signed webhooks of one
// message each, over HTTP, answered when they are on stable storage. Whoever
// delivers them shares the machine's cores.
type deliveries struct {
	Fsyncs float64    `json:"fsyncs_per_s"` // of the machine, at this time
	Rates  []delivery `json:"rates,omitempty"`
	Soak   *soak      `json:"soak,omitempty"`
}

type delivery struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"per_s"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
}

// soak is a steady stream, with the index following.
type soak struct {
	Rate       float64 `json:"per_s"`
	Seconds    float64 `json:"seconds"`
	Deliveries int     `json:"deliveries"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Growth     int64   `json:"growth_bytes"` // of the process, from the tenth part of it to the end
	Searchable float64 `json:"searchable_p50_ms"`
	Behind     float64 `json:"searchable_max_ms"`
}

// soakRate is how many deliveries a second a large firm's numbers have at their
// worst.
const soakRate = 300

const deliverySecret = "9f1b7c2e5d4a4f0c8e6b3a2d1c0f9e8d"

// station is an archive with an endpoint.
type station struct {
	ar      *archive.Archive
	journal *cloudapi.Running
	server  *httptest.Server
	grown   chan struct{}
	since   atomic.Int64 // the first commit that the index has not, in Unix nanoseconds; 0: it has all
}

func newStation(ctx context.Context, dir string) (*station, error) {
	if _, err := archive.Create(ctx, dir, archive.CreateOptions{Name: "Harbour Works", Zone: "UTC", NoPassphrase: true}); err != nil {
		return nil, err
	}
	ar, err := archive.Open(ctx, dir, noSecret)
	if err != nil {
		return nil, err
	}
	s := &station{ar: ar, grown: make(chan struct{}, 1)}
	cfg := cloudapi.Config{
		Name: "main", Numbers: []cloudapi.Number{{ID: "106540352242922", Phone: "+15550783881"}},
		Secrets: cloudapi.Secrets{App: []string{deliverySecret}, Verify: "v"},
	}
	get := func() cloudapi.Config { return cfg }
	s.journal = cloudapi.OpenJournal(ar, get, "UTC", func() {
		s.since.CompareAndSwap(0, time.Now().UnixNano())
		select {
		case s.grown <- struct{}{}:
		default:
		}
	})
	s.server = httptest.NewServer(cloudapi.NewReceiver(s.journal, get, cloudapi.ReceiverOptions{Ready: ar.Writable}))
	return s, nil
}

func (s *station) close(ctx context.Context) error {
	s.server.Close()
	return errors.Join(s.journal.Close(ctx), s.ar.Close())
}

// sender is one connection of Meta's.
type sender struct {
	conn net.Conn
	r    *bufio.Reader
	host string
}

func (s *station) dial() (*sender, error) {
	host := strings.TrimPrefix(s.server.URL, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &sender{conn, bufio.NewReader(conn), host}, nil
}

// deliver delivers the n-th message, and waits for the answer.
func (d *sender) deliver(n int64) error {
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Client %d"},"wa_id":"1650555%04d"}],"messages":[{"from":"1650555%04d","id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA%d=","timestamp":"%d","type":"text","text":{"body":"Good morning, is order no. %d on its way? https:\/\/acme.example\/orders\/%d"}}]},"field":"messages"}]}]}`,
		n%500, n%500, n%500, n, 1_700_000_000+n, n, n)
	mac := hmac.New(sha256.New, []byte(deliverySecret))
	mac.Write([]byte(body))
	if _, err := fmt.Fprintf(d.conn, "POST /hooks/main HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: %d\r\n\r\n%s",
		d.host, hex.EncodeToString(mac.Sum(nil)), len(body), body); err != nil {
		return err
	}
	res, err := http.ReadResponse(d.r, nil)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("a delivery was answered with %s", res.Status)
	}
	return nil
}

// at delivers from n connections at once, as fast as they are answered.
func (s *station) at(n int, d time.Duration, next *atomic.Int64) (out delivery, err error) {
	took := make([][]time.Duration, n)
	errs := make([]error, n)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		c, err := s.dial()
		if err != nil {
			return out, err
		}
		wg.Go(func() {
			defer func() { _ = c.conn.Close() }() // all of it was answered
			for time.Since(start) < d && errs[i] == nil {
				begin := time.Now()
				errs[i] = c.deliver(next.Add(1))
				took[i] = append(took[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	out = delivery{Connections: n, Rate: float64(len(all)) / time.Since(start).Seconds()}
	out.P50, out.P99 = percentiles(all)
	return out, errors.Join(errs...)
}

func percentiles(all []time.Duration) (p50, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	return ms(all[len(all)/2]), ms(all[len(all)*99/100])
}

func measureDeliveries(ctx context.Context, o options, dir string) (m *deliveries, err error) {
	m = &deliveries{}
	if m.Fsyncs, err = fsyncs(dir, time.Second); err != nil {
		return nil, err
	}
	s, err := newStation(ctx, filepath.Join(dir, "deliveries"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	var next atomic.Int64
	if o.does("deliveries") {
		for _, n := range []int{1, 8, 64, 256} {
			say("delivering from %d connections", n)
			d, err := s.at(n, o.deliver, &next)
			if err != nil {
				return nil, err
			}
			m.Rates = append(m.Rates, d)
		}
	}
	if o.does("soak300") {
		say("delivering %d a second for %s", soakRate, o.soak)
		if m.Soak, err = s.soak(ctx, o.soak, &next); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// soak delivers at a steady rate, whatever the answers take. A latency counts
// from when a delivery was due.
func (s *station) soak(ctx context.Context, d time.Duration, next *atomic.Int64) (m *soak, err error) {
	x, err := index.Open(ctx, index.Config{
		Path: s.ar.IndexPath(), Key: s.ar.IndexKey(), Log: s.ar, Interpreters: map[string]index.Interpreter{cloudapi.Name: cloudapi.Interpreter()},
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	if err := x.Follow(ctx, nil); err != nil { // what the section before has left
		return nil, err
	}
	s.since.Store(0)
	select {
	case <-s.grown:
	default:
	}
	followed, stop := context.WithCancel(ctx)
	behind := make(chan []time.Duration)
	go func() { behind <- s.follow(followed, x) }()
	defer stop()

	const connections = 64
	due := make(chan time.Time, soakRate)
	took := make([][]time.Duration, connections)
	errs := make([]error, connections)
	var wg sync.WaitGroup
	for i := range connections {
		c, err := s.dial()
		if err != nil {
			close(due)
			return nil, err
		}
		wg.Go(func() {
			defer func() { _ = c.conn.Close() }() // all of it was answered
			for at := range due {
				if errs[i] == nil {
					errs[i] = c.deliver(next.Add(1))
				}
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	start, before := time.Now(), int64(0)
	for n := 0; ; n++ {
		at := start.Add(time.Duration(n) * time.Second / soakRate)
		if at.Sub(start) >= d || ctx.Err() != nil {
			break
		}
		if before == 0 && at.Sub(start) > d/10 {
			before = resident()
		}
		time.Sleep(time.Until(at))
		due <- at
	}
	close(due)
	wg.Wait()
	m = &soak{Rate: soakRate, Seconds: time.Since(start).Seconds(), Growth: resident() - before}
	for end := time.Now().Add(time.Minute); s.since.Load() != 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // what was delivered last is found, too
	}
	stop()
	late := <-behind
	if len(late) > 0 {
		m.Searchable, _ = percentiles(late)
		m.Behind = late[len(late)-1].Seconds() * 1000
	}
	all := slices.Concat(took...)
	m.Deliveries = len(all)
	m.P50, m.P99 = percentiles(all)
	return m, errors.Join(append(errs, ctx.Err())...)
}

// follow brings the index up to date whenever the log has grown, and tells how
// long the first delivery of each time was in the log before it could be found.
func (s *station) follow(ctx context.Context, x *index.Index) (took []time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return took
		case <-s.grown:
		}
		begin := s.since.Swap(0)
		if err := x.Follow(context.WithoutCancel(ctx), nil); err != nil {
			say("the index does not follow: %v", err)
			return took
		}
		if begin == 0 {
			continue // the look before has found it
		}
		if d := time.Since(time.Unix(0, begin)); len(took) < 1<<16 {
			took = append(took, d)
		} else { // a sample is enough
			took[rand.IntN(len(took))] = d
		}
	}
}

// resident is the memory that the process holds, in bytes; 0 where the system
// does not tell.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, held int64
	if _, err := fmt.Sscan(string(b), &size, &held); err != nil {
		return 0
	}
	return held * int64(os.Getpagesize())
}

func (m *deliveries) rows(row func(...string)) {
	if m == nil {
		return
	}
	for _, d := range m.Rates {
		aim := ""
		if d.Connections == 64 {
			aim = "8,000/s, p99 under 50 ms"
		}
		row(fmt.Sprintf("durable deliveries, %d at once", d.Connections), fmt.Sprintf("%s/s  p50 %.1f  p99 %.1f ms", group(d.Rate), d.P50, d.P99), "", group(m.Fsyncs)+"/s (fsync)", aim)
	}
	if k := m.Soak; k != nil {
		row(fmt.Sprintf("%.0f deliveries a second for %.0f s", k.Rate, k.Seconds), fmt.Sprintf("p50 %.1f  p99 %.1f ms, %s more", k.P50, k.P99, mb(k.Growth)), "", "", "p99 under 250 ms, 64 MB")
		row("from a delivery to searchable", fmt.Sprintf("p50 %.1f  worst %.1f ms", k.Searchable, k.Behind), "", "", "")
	}
}
