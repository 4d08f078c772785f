package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
)

// throughGateway is what the gateway adds to a send: two records that are
// durable, one before it leaves and one before it is answered.
type throughGateway struct {
	Senders int     `json:"senders"` // at once
	Direct  times   `json:"direct"`
	Through times   `json:"through"`
	Rate    float64 `json:"sends_per_s"`
}

// times of one request each, in milliseconds.
type times struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// atMeta is how long a server that plays Meta takes for a send.
const atMeta = 50 * time.Millisecond

const sendBody = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"16505551234","type":"text","text":{"preview_url":false,"body":"Your appointment is on Tuesday at ten."}}`

// measureGateway sends to a server directly, and through the gateway, over the
// loopback.
func measureGateway(ctx context.Context, dir string) (out []throughGateway, err error) {
	meta, stop, err := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(atMeta)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"messaging_product":"whatsapp","contacts":[{"input":"16505551234","wa_id":"16505551234"}],"messages":[{"id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJCOTY3NDc0NDFDRUI3NTA0Q0UA"}]}`)
	}))
	if err != nil {
		return nil, err
	}
	defer stop()
	path := filepath.Join(dir, "gateway")
	if _, err := archive.Create(ctx, path, archive.CreateOptions{Name: "Bench", Zone: "Europe/London", NoPassphrase: true}); err != nil {
		return nil, fmt.Errorf("measure the gateway: %w", err)
	}
	ar, err := archive.Open(ctx, path, noSecret)
	if err != nil {
		return nil, fmt.Errorf("measure the gateway: %w", err)
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	books, err := govern.Open(ctx, ar)
	if err != nil {
		return nil, fmt.Errorf("measure the gateway: %w", err)
	}
	cfg := cloudapi.Config{Name: "main", Graph: meta, Numbers: []cloudapi.Number{{ID: "7", Phone: "+15550783881"}}}
	src := gateway.Source{Config: cfg, Journal: cloudapi.OpenJournal(ar, func() cloudapi.Config { return cfg }, "UTC", nil)}
	client := outbound.Client(outbound.Options{Redirects: -1, MaxBytes: -1, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	g := gateway.New(gateway.Options{
		Source: func(string) (gateway.Source, bool) { return src, true },
		Of:     func(string) (gateway.Source, bool) { return src, true },
		Entry:  func(context.Context, int64) (record.Entry, error) { return record.Entry{}, archive.ErrNotFound },
		Rules:  gateway.NewControl(books),
		HTTP:   func(gateway.Source) *http.Client { return client },
	})
	through, stopG, err := listen(g)
	if err != nil {
		return nil, err
	}
	defer stopG()
	for _, senders := range []int{1, 8, 64} {
		m := throughGateway{Senders: senders}
		if m.Direct, _, err = sendAll(ctx, meta+"/v23.0/7/messages", senders); err != nil {
			return nil, err
		}
		if m.Through, m.Rate, err = sendAll(ctx, through+gateway.Prefix+"key/v23.0/7/messages", senders); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func listen(h http.Handler) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // until it is closed
	return "http://" + l.Addr().String(), func() { _ = s.Close() }, nil
}

// sendAll lets senders send one after the other for some seconds.
func sendAll(ctx context.Context, address string, senders int) (t times, rate float64, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var mu sync.Mutex
	var took []float64
	var failed error
	var all sync.WaitGroup
	start := time.Now()
	for range senders {
		all.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				err := sendOne(client, address)
				mu.Lock()
				took, failed = append(took, float64(time.Since(begun).Microseconds())/1000), errors.Join(failed, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	rate = float64(len(took)) / time.Since(start).Seconds()
	took = took[min(len(took)-1, senders*2):] // connections were made
	slices.Sort(took)
	at := func(p int) float64 { return took[min(len(took)-1, len(took)*p/100)] }
	return times{at(50), at(99)}, rate, failed
}

func sendOne(client *http.Client, address string) error {
	w, err := client.Post(address, "application/json", strings.NewReader(sendBody))
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer func() { _ = w.Body.Close() }() // read to its end
	if _, err := io.Copy(io.Discard, w.Body); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if w.StatusCode != http.StatusOK {
		return fmt.Errorf("send: status %d", w.StatusCode)
	}
	return nil
}

func (r results) gatewayRows(row func(...string)) {
	for _, m := range r.Gateway {
		row(fmt.Sprintf("gateway: %d senders at once, Meta takes %d ms", m.Senders, atMeta.Milliseconds()),
			fmt.Sprintf("p50 %.1f  p99 %.1f ms, %.0f/s", m.Through.P50, m.Through.P99, m.Rate), "",
			fmt.Sprintf("p50 %.1f  p99 %.1f ms (direct)", m.Direct.P50, m.Direct.P99), "two records, synced")
	}
}
