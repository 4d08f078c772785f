package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
)

// wayOut is what the business sends by: the gateway, and what waits in it.
type wayOut struct {
	l         *live
	gateway   *gateway.Gateway
	outbox    *gateway.Outbox
	clients   clients
	templates templates
}

func newWayOut(l *live) *wayOut {
	o := &wayOut{l: l}
	opts := gateway.Options{
		Source: o.byKey, Of: o.byNumber, Entry: o.entry, Rules: gateway.NewControl(l.ledger),
		Template: o.template, HTTP: func(s gateway.Source) *http.Client { return o.clients.of(s.Graph) },
		Links: outbound.Client(outbound.Options{MaxBytes: 110 << 20}), Ready: l.ready, Log: l.log,
	}
	o.outbox = gateway.NewOutbox(gateway.OutboxOptions{
		Books: l.ledger, Reach: o.reach, Unbooked: o.unbooked, Log: l.log,
		Forward: func(ctx context.Context, request int64, try int) (string, error) {
			return o.gateway.Forward(ctx, request, try)
		},
		Withdrawn: func(ctx context.Context, x govern.Send) error { return o.gateway.Withdrawn(ctx, x) },
	})
	opts.Queue = o.outbox
	o.gateway = gateway.New(opts)
	return o
}

// byKey finds a source by the part of the gateway's address that only senders
// know; all are compared, in one time.
func (o *wayOut) byKey(key string) (found gateway.Source, ok bool) {
	is := sha256.Sum256([]byte(key))
	o.l.mu.RLock()
	defer o.l.mu.RUnlock()
	for _, s := range o.l.sources {
		cfg := s.config()
		want := sha256.Sum256([]byte(cfg.Gateway))
		if subtle.ConstantTimeCompare(is[:], want[:]) == 1 && cfg.Gateway != "" {
			found, ok = gateway.Source{Config: cfg, Journal: s.journal}, true
		}
	}
	return found, ok
}

func (o *wayOut) byNumber(number string) (gateway.Source, bool) {
	o.l.mu.RLock()
	defer o.l.mu.RUnlock()
	for _, s := range o.l.sources {
		cfg := s.config()
		for _, n := range cfg.Numbers {
			if n.ID == number {
				return gateway.Source{Config: cfg, Journal: s.journal}, true
			}
		}
	}
	return gateway.Source{}, false
}

func (o *wayOut) entry(ctx context.Context, seq int64) (record.Entry, error) {
	es, err := o.l.ar.Get(ctx, []int64{seq})
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return record.Entry{}, err
	}
	if len(es) == 0 || len(es[0].Parts) == 0 {
		return record.Entry{}, fmt.Errorf("entry %d: %w", seq, gateway.ErrLost)
	}
	return es[0], nil
}

// reach asks Meta for anything: any answer means that it is there.
func (o *wayOut) reach(ctx context.Context, source string) error {
	o.l.mu.RLock()
	s := o.l.sources[source]
	o.l.mu.RUnlock()
	if s == nil {
		return fmt.Errorf("the source %s does not run", source)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cfg := s.config()
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, graph.New(s.config, nil).URL(), nil)
	if err != nil {
		return fmt.Errorf("reach Meta: %w", err)
	}
	w, err := o.clients.of(cfg.Graph).Do(q)
	if err != nil {
		return errors.New("no answer from the Graph API")
	}
	return w.Body.Close()
}

// unbooked finds requests that were to wait when the program was killed.
func (o *wayOut) unbooked(ctx context.Context) (out []gateway.Unbooked, err error) {
	if err := o.l.x.Follow(ctx, nil); err != nil {
		return nil, err
	}
	var records []int64
	err = o.l.x.All(ctx, "is:waiting", func(m chat.Message) error {
		records = append(records, m.Records...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	booked, seconds := map[int64]bool{}, map[string]int{}
	err = o.l.ledger.Read(ctx, func(s *govern.State) error {
		for id, r := range s.SendRules {
			seconds[id] = r.For
		}
		for n := range s.Sends {
			booked[n] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	entries, err := o.l.ar.Get(ctx, records)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var h cloudapi.Head
		if e.Kind != record.Item || len(e.Parts) == 0 || booked[e.Seq] {
			continue
		}
		raw, err := e.Decode(&h)
		if err != nil || h.What != cloudapi.Request || h.Send == nil {
			continue
		}
		src, _ := o.byNumber(h.Send.Number)
		line := cloudapi.OutlineOf(raw)
		out = append(out, gateway.Unbooked{
			Request: e.Seq, At: h.Send.At,
			Send:     gateway.Send{Source: src.Name, Number: h.Send.Number, To: line.To, Kind: line.Type, Text: line.Text, By: h.Send.By},
			Decision: gateway.Decision{Do: h.Send.Decision, Why: h.Send.Why, Rule: h.Send.Rule, For: time.Duration(seconds[h.Send.Rule]) * time.Second},
		})
	}
	return out, nil
}

// clients are those that ask Meta, one for each address of it.
type clients struct {
	mu sync.Mutex
	by map[string]*http.Client
}

func (c *clients) of(base string) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[base] == nil {
		if c.by == nil {
			c.by = map[string]*http.Client{}
		}
		c.by[base] = outbound.Client(outbound.Options{Timeout: 90 * time.Second, Redirects: -1, MaxBytes: -1, Allow: loopbackOf(base)})
	}
	return c.by[base]
}

// loopbackOf allows an address of this machine that the administrator named.
func loopbackOf(base string) []netip.Prefix {
	u, err := url.Parse(base)
	if err != nil {
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !ip.IsLoopback() {
		return nil
	}
	return []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}
}
