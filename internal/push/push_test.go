package push

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

var operator = govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}

const hookKey = "a key of more than sixteen"

// house is a log with books, and what its entries mean.
type house struct {
	t      *testing.T
	log    *governtest.Log
	ledger *govern.Ledger
	bell   bells

	mu   sync.Mutex
	mean map[int64]chat.Message // what an entry says
}

type bells struct {
	mu          sync.Mutex
	rung, clear []string
}

func (b *bells) Ring(_ context.Context, a alarm.Alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, a.Key)
}

func (b *bells) Clear(_ context.Context, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear = append(b.clear, key)
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, log: &governtest.Log{}, mean: map[int64]chat.Message{}}
	h.log.Skip(1)
	var err error
	if h.ledger, err = govern.Open(t.Context(), h.log); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) Scan(_ context.Context, from int64, fn func(record.Entry) error) error {
	all := h.log.All()
	for _, e := range all[min(from, int64(len(all))):] {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// says appends an entry that says m.
func (h *house) says(m chat.Message) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	got, err := h.log.Append(h.t.Context(), []record.Record{{Kind: record.Item}})
	if err != nil {
		h.t.Fatal(err)
	}
	n := got[0].Seq
	m.ID, m.Seq = strconv.FormatInt(n, 10), n
	h.mean[n] = m
	return n
}

// seen is the house as far as a custodian's messages go.
type seen struct {
	*house
	only []string
}

func (s seen) Meaning(_ context.Context, seq int64) ([]chat.Event, chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.mean[seq]
	if !ok || len(s.only) > 0 && !slices.Contains(s.only, m.Custodian) {
		return nil, m, fmt.Errorf("meaning: %w", index.ErrNotFound)
	}
	return []chat.Event{{Seq: seq, Message: m}}, m, nil
}

func (h *house) do(act string, data any, key string) int64 {
	h.t.Helper()
	r := govern.Request{Act: act, Data: data, Reason: "a test"}
	if key != "" {
		r.Secret = []byte(key)
	}
	n, err := h.ledger.Do(h.t.Context(), operator, r)
	if err != nil {
		h.t.Fatalf("%s: %v", act, err)
	}
	return n
}

// hook sets a hook and confirms it.
func (h *house) hook(id, url string, scope access.Scope, events ...string) {
	h.t.Helper()
	n := h.do(govern.ActHookSet, govern.HookData{ID: id, URL: url, Events: events, Scope: scope}, hookKey)
	h.do(govern.ActHookOpen, govern.HookOpen{ID: id, Set: n}, "")
}

func (h *house) state(id string) (out govern.Hook) {
	h.t.Helper()
	if err := h.ledger.Read(h.t.Context(), func(s *govern.State) error { out = *s.Hooks[id]; return nil }); err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *house) pusher(client *http.Client) *Pusher {
	return New(Options{
		Ledger: h.ledger, Log: h, Bell: &h.bell, Client: client,
		Through: func(context.Context) (int64, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return int64(len(h.log.All())), nil
		},
		Within: func(_ context.Context, s access.Scope) (Messages, error) { return seen{h, s.Custodians}, nil },
	})
}

// running runs a pusher until stop, which kill -9 is like when killed is set:
// nothing is noted any more.
func running(t *testing.T, p *Pusher) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

// pass lets the clock of the test go on, and what it woke come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// receiver is what is told. It answers by answer, where that is set.
type receiver struct {
	mu     sync.Mutex
	answer func(n int, r *http.Request) int
	tries  int
	taken  []Event
	heads  []http.Header
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	code := http.StatusOK
	if r.answer != nil {
		code = r.answer(r.tries, req)
	}
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	if code == http.StatusOK {
		var e Event
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, err
		}
		r.taken, r.heads = append(r.taken, e), append(r.heads, req.Header.Clone())
		if !verified(hookKey, req.Header.Get(alarm.Signature), body) {
			return nil, errors.New("signature")
		}
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader("no")), Header: http.Header{}, Request: req}, nil
}

func verified(key, header string, body []byte) bool {
	at, sig, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(at + "." + string(body)))
	return hmac.Equal([]byte(hex.EncodeToString(m.Sum(nil))), []byte(sig))
}

func (r *receiver) seqs() (out []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.taken {
		out = append(out, e.Seq)
	}
	return out
}

func in(text string) chat.Message {
	return chat.Message{Direction: chat.In, Type: chat.Text, Text: text, Custodian: "ana"}
}

func TestWhatHappensIsToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newHouse(t), &receiver{}
		h.says(in("before the hook was there"))
		h.hook("crm", "https://crm.example/in", access.Scope{}, govern.HookEvents()...)
		defer running(t, h.pusher(&http.Client{Transport: r}))()
		h.says(in("مرحبا <b>"))
		h.says(chat.Message{Direction: chat.Out, Sending: &chat.Sending{State: chat.SendForwarded}})
		h.says(chat.Message{Partial: true, Sending: &chat.Sending{State: chat.SendAccepted}})
		h.says(chat.Message{Partial: true, Receipts: []chat.Receipt{{State: chat.Read}}})
		h.says(chat.Message{Partial: true, Reactions: []chat.Reaction{{Emoji: "👍"}}})
		h.says(chat.Message{Partial: true, Edited: true, Text: "new"})
		h.says(chat.Message{Partial: true, Revoked: true})
		h.says(chat.Message{Partial: true, Attachments: []chat.Attachment{{State: chat.Stored}}})
		h.says(chat.Message{Direction: chat.Notice, Type: chat.SystemType})
		if _, err := h.ledger.Do(t.Context(), govern.Actor{}, govern.Request{Act: govern.ActAlarmRing, Data: govern.AlarmData{Key: "k", Say: "Look."}}); err != nil {
			t.Fatal(err)
		}
		gap, err := h.ledger.Do(t.Context(), govern.Actor{}, govern.Request{Act: govern.ActGapOpen, Data: govern.GapData{Key: "g", Kind: "silence", Source: "main", Start: time.Now(), Reason: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.ledger.Do(t.Context(), govern.Actor{}, govern.Request{Act: govern.ActGapClose, Data: govern.ForGap{Gap: gap}}); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		var kinds []string
		for _, e := range r.taken {
			kinds = append(kinds, e.Kind)
		}
		want := []string{
			"message.received", "message.sent", "message.status", "message.reaction", "message.edited", "message.revoked", "media.stored", "alarm", "gap.opened", "gap.closed",
		}
		if !slices.Equal(kinds, want) {
			t.Fatalf("told %v\nwant %v", kinds, want)
		}
		if e := r.taken[0]; e.Message == nil || e.Message.Text != "مرحبا <b>" || e.ID != fmt.Sprintf("%d-message.received", e.Seq) || r.heads[0].Get(headerID) != e.ID {
			t.Errorf("told %+v, %v", e, r.heads[0])
		}
	})
}

// TestAReceiverThatFails is down for half a day, under the clock of the test:
// everything comes once, in order, and what it was told stays told.
func TestAReceiverThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newHouse(t), &receiver{}
		h.hook("crm", "https://crm.example/in", access.Scope{}, govern.HookReceived)
		up := time.Now().Add(12 * time.Hour)
		r.answer = func(n int, _ *http.Request) int {
			switch {
			case time.Now().After(up):
				return http.StatusOK
			case n%3 == 0:
				return 0
			}
			return http.StatusInternalServerError
		}
		stop := running(t, h.pusher(&http.Client{Transport: r}))
		var want []int64
		for range 300 {
			want = append(want, h.says(in("x")))
		}
		pass(time.Hour)
		if f := h.state("crm"); f.Failing.IsZero() || f.Why != "answered 500" {
			t.Errorf("failing: %+v", f)
		}
		stop() // and on with another process
		defer running(t, h.pusher(&http.Client{Transport: r}))()
		pass(12 * time.Hour)
		if got := r.seqs(); !slices.Equal(got, want) {
			t.Errorf("told %d events, want %d: %v", len(got), len(want), got)
		}
		if r.tries > 300+250 {
			t.Errorf("%d tries: the waits do not grow", r.tries)
		}
		if f := h.state("crm"); !f.Failing.IsZero() || f.Next <= want[len(want)-1] && f.Reached.IsZero() {
			t.Errorf("healed: %+v", f)
		}
	})
}

func TestParkedAfterThreeDaysAndReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newHouse(t), &receiver{answer: func(int, *http.Request) int { return http.StatusBadGateway }}
		h.hook("crm", "https://crm.example/in", access.Scope{}, govern.HookReceived)
		stop := running(t, h.pusher(&http.Client{Transport: r}))
		first := h.says(in("one"))
		pass(40 * time.Hour)
		stop() // the days are counted on by the next process
		defer running(t, h.pusher(&http.Client{Transport: r}))()
		pass(31 * time.Hour)
		if f := h.state("crm"); !f.Parked.IsZero() {
			t.Fatalf("parked early: %+v", f)
		}
		pass(2 * time.Hour)
		if f := h.state("crm"); f.Parked.IsZero() || f.Next != first || !slices.Contains(h.bell.rung, "hook/crm") {
			t.Fatalf("not parked: %+v, %v", f, h.bell.rung)
		}
		second := h.says(in("two"))
		tries := r.tries
		pass(time.Hour)
		if r.tries != tries {
			t.Error("a parked hook is tried")
		}
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		h.do(govern.ActHookReplay, govern.HookReplay{ID: "crm", From: first}, "")
		pass(time.Minute)
		if got := r.seqs(); !slices.Equal(got, []int64{first, second}) {
			t.Errorf("told %v", got)
		}
	})
}

func TestAReceiverThatIsGoneIsParkedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newHouse(t), &receiver{answer: func(int, *http.Request) int { return http.StatusGone }}
		h.hook("crm", "https://crm.example/in", access.Scope{}, govern.HookReceived)
		defer running(t, h.pusher(&http.Client{Transport: r}))()
		h.says(in("one"))
		pass(10 * time.Second)
		if f := h.state("crm"); f.Parked.IsZero() || r.tries != 1 {
			t.Errorf("%+v after %d tries", f, r.tries)
		}
	})
}

// TestKilledInTheMiddle begins anew with what the books had at every moment:
// nothing is lost, and what comes twice has its name.
func TestKilledInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.hook("crm", "https://crm.example/in", access.Scope{}, govern.HookReceived)
		var want []int64
		for range 40 {
			want = append(want, h.says(in("x")))
		}
		got := map[int64]string{}
		for n := range 60 { // each process dies with its n-th request, without a word
			gone := make(chan struct{})
			r := &receiver{}
			r.answer = func(k int, req *http.Request) int {
				if k > n/2 {
					if k == n/2+1 {
						close(gone)
					}
					<-req.Context().Done()
					return 0
				}
				return http.StatusOK
			}
			// What a killed process would have noted at its end is not: its log is a
			// dead one.
			dead := &deadLog{Log: h.log}
			ledger, err := govern.Open(t.Context(), dead)
			if err != nil {
				t.Fatal(err)
			}
			p := h.pusher(&http.Client{Transport: blocking{r}})
			p.o.Ledger = ledger
			stop := running(t, p)
			select {
			case <-gone:
			case <-time.After(3 * time.Minute):
			}
			dead.die()
			stop()
			for _, e := range r.taken {
				if was := got[e.Seq]; was != "" && was != e.ID {
					t.Fatalf("told again under another name: %s, %s", was, e.ID)
				}
				got[e.Seq] = e.ID
			}
		}
		for _, seq := range want[:29] {
			if got[seq] == "" {
				t.Errorf("entry %d was never told", seq)
			}
		}
	})
}

// blocking lets a receiver wait without its lock.
type blocking struct{ r *receiver }

func (b blocking) RoundTrip(req *http.Request) (*http.Response, error) { return b.r.RoundTrip(req) }

type deadLog struct {
	*governtest.Log
	mu   sync.Mutex
	dead bool
}

func (d *deadLog) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

func (d *deadLog) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, errors.New("killed")
	}
	return d.Log.Append(ctx, batch)
}

func TestAScopeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newHouse(t), &receiver{}
		h.hook("crm", "https://crm.example/in", access.Scope{Custodians: []string{"ana"}}, govern.HookReceived)
		defer running(t, h.pusher(&http.Client{Transport: r}))()
		inside := h.says(in("hers"))
		other := in("not hers")
		other.Custodian = "bob"
		h.says(other)
		pass(5 * time.Second)
		if got := r.seqs(); !slices.Equal(got, []int64{inside}) {
			t.Errorf("told %v", got)
		}
	})
}

// TestOneSlowReceiver holds up nobody else, and is given up on after a while.
func TestOneSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, fast := newHouse(t), &receiver{}
		var slow atomic.Int64
		client := &http.Client{Transport: byHost{
			"fast.example": fast,
			"slow.example": roundTrip(func(r *http.Request) (*http.Response, error) {
				slow.Add(1)
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		}}
		h.hook("fast", "https://fast.example/", access.Scope{}, govern.HookReceived)
		h.hook("slow", "https://slow.example/", access.Scope{}, govern.HookReceived)
		defer running(t, h.pusher(client))()
		n := h.says(in("x"))
		pass(3 * time.Second)
		if got := fast.seqs(); !slices.Equal(got, []int64{n}) {
			t.Errorf("told %v", got)
		}
		pass(time.Minute)
		if f := h.state("slow"); slow.Load() < 2 || f.Why != "no answer in time" {
			t.Errorf("%d tries, %+v", slow.Load(), f)
		}
	})
}

type byHost map[string]http.RoundTripper

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	return b[r.URL.Host].RoundTrip(r)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
