package alarm_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

var operator = govern.Actor{Subject: access.Subject{Operator: true}, Via: "test"}

// fullLog takes nothing while it is full.
type fullLog struct {
	governtest.Log
	full atomic.Bool
}

var errFull = errors.New("no space left on device")

func (l *fullLog) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if l.full.Load() {
		return nil, errFull
	}
	return l.Log.Append(ctx, batch)
}

// house is an archive that rings.
type house struct {
	t      *testing.T
	log    *fullLog
	ledger *govern.Ledger
	bell   *alarm.Ringer
	stop   func()

	mu  sync.Mutex
	now time.Time
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, log: &fullLog{}, now: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)}
	h.log.Now = h.clock
	var err error
	if h.ledger, err = govern.OpenAt(t.Context(), h.log, h.clock); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// start runs the bell, as a program that starts does.
func (h *house) start(client *http.Client) {
	h.t.Helper()
	ledger, err := govern.OpenAt(h.t.Context(), h.log, h.clock)
	if err != nil {
		h.t.Fatal(err)
	}
	h.bell, err = alarm.New(h.t.Context(), alarm.Options{Firm: "Acmé & Söhne", Ledger: ledger, HTTP: client, Now: h.clock})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.bell.Run(ctx) }()
	h.stop = func() { cancel(); <-done }
	h.t.Cleanup(h.stop)
}

func (h *house) do(act string, data any, secret string) {
	h.t.Helper()
	r := govern.Request{Act: act, Data: data}
	if secret != "" {
		r.Secret = []byte(secret)
	}
	if _, err := h.ledger.Do(h.t.Context(), operator, r); err != nil {
		h.t.Fatalf("%s: %v", act, err)
	}
}

// acts counts acts of a name in the log.
func (h *house) acts(name string) (n int) {
	for _, e := range h.log.All() {
		var head record.ActHead
		if _, err := e.Decode(&head); err == nil && e.Kind == record.Act && head.Act == name {
			n++
		}
	}
	return n
}

func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// hook is a receiver of alarms that can be out of order.
type hook struct {
	*httptest.Server
	key string

	mu     sync.Mutex
	broken bool
	got    []alarm.Notice
	bad    int
}

func newHook(t *testing.T, key string) *hook {
	k := &hook{key: key}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err != nil || k.broken {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		at, sig, _ := strings.Cut(strings.TrimPrefix(r.Header.Get(alarm.Signature), "t="), ",v1=")
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(at + "."))
		m.Write(body)
		var n alarm.Notice
		if hex.EncodeToString(m.Sum(nil)) != sig || json.Unmarshal(body, &n) != nil {
			k.bad++
		}
		k.got = append(k.got, n)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *hook) breaks(b bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = b
}

// states are what was told, in order.
func (k *hook) states() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, n := range k.got {
		all = append(all, n.Key+" "+n.State)
	}
	if k.bad > 0 {
		return "wrong signatures"
	}
	return strings.Join(all, ", ")
}

var disk = alarm.Alarm{Key: "archive/disk", Source: "main", Say: "The disk is nearly full. Make room."}

func TestAStateIsToldOnceAndNotedOnce(t *testing.T) {
	h, k := newHouse(t), newHook(t, "k")
	h.do(govern.ActAlarmRoute, govern.AlarmRouteData{Name: "ops", URL: k.URL}, "k")
	h.start(k.Client())
	for range 100 {
		h.bell.Ring(t.Context(), disk)
	}
	h.until("it is told", func() bool { return h.acts(govern.ActAlarmTold) == 1 })
	// It comes and goes, within a minute: it is there.
	for range 100 {
		h.bell.Clear(t.Context(), disk.Key)
		h.later(time.Second / 2)
		h.bell.Ring(t.Context(), disk)
	}
	h.bell.Clear(t.Context(), disk.Key)
	h.bell.Clear(t.Context(), "archive/nothing")
	h.later(2 * time.Minute)
	h.until("it is over", func() bool { return h.acts(govern.ActAlarmTold) == 2 })
	h.bell.Ring(t.Context(), disk)
	h.until("it rings again", func() bool { return h.acts(govern.ActAlarmTold) == 3 })
	if got := k.states(); got != "archive/disk ringing, archive/disk over, archive/disk ringing" {
		t.Errorf("told: %s", got)
	}
	if ring, clear := h.acts(govern.ActAlarmRing), h.acts(govern.ActAlarmClear); ring != 2 || clear != 1 {
		t.Errorf("noted %d times that it rings, %d times that it is over", ring, clear)
	}
}

func TestWhatWasNotToldIsToldAfterAStart(t *testing.T) {
	h, k := newHouse(t), newHook(t, "k")
	k.breaks(true)
	h.do(govern.ActAlarmRoute, govern.AlarmRouteData{Name: "ops", URL: k.URL}, "k")
	h.start(k.Client())
	h.bell.Ring(t.Context(), disk)
	h.until("it is noted", func() bool { return h.acts(govern.ActAlarmRing) == 1 })
	h.stop()
	k.breaks(false)
	h.start(k.Client())
	h.until("it is told", func() bool { return h.acts(govern.ActAlarmTold) == 1 })
	h.stop()
	h.start(k.Client())
	h.bell.Ring(t.Context(), disk) // as it did before
	time.Sleep(50 * time.Millisecond)
	if got := k.states(); got != "archive/disk ringing" || h.acts(govern.ActAlarmRing) != 1 {
		t.Errorf("told: %s; noted %d times", got, h.acts(govern.ActAlarmRing))
	}
}

// TestAFullDiskIsToldThoughItCannotBeNoted: the alarm that matters most is one
// that the log cannot take.
func TestAFullDiskIsToldThoughItCannotBeNoted(t *testing.T) {
	h, k := newHouse(t), newHook(t, "k")
	h.do(govern.ActAlarmRoute, govern.AlarmRouteData{Name: "ops", URL: k.URL}, "k")
	h.start(k.Client())
	h.log.full.Store(true)
	h.bell.Ring(t.Context(), disk)
	h.until("it is told", func() bool { return k.states() == "archive/disk ringing" })
	h.log.full.Store(false)
	h.later(time.Minute)
	h.until("it is noted", func() bool { return h.acts(govern.ActAlarmRing) == 1 })
	time.Sleep(50 * time.Millisecond)
	if got := k.states(); got != "archive/disk ringing" {
		t.Errorf("told: %s", got)
	}
}

// TestABrokenRouteHoldsNoOtherUp also sees that it is not asked in a hurry.
func TestABrokenRouteHoldsNoOtherUp(t *testing.T) {
	h, good, bad := newHouse(t), newHook(t, "k"), newHook(t, "k")
	bad.breaks(true)
	h.do(govern.ActAlarmRoute, govern.AlarmRouteData{Name: "bad", URL: bad.URL}, "k")
	h.do(govern.ActAlarmRoute, govern.AlarmRouteData{Name: "good", URL: good.URL}, "k")
	h.start(good.Client())
	h.bell.Ring(t.Context(), disk)
	h.until("the good one tells", func() bool { return h.acts(govern.ActAlarmTold) == 1 })
	bad.breaks(false)
	h.later(10 * time.Minute)
	h.until("the bad one tells later", func() bool { return h.acts(govern.ActAlarmTold) == 2 })
	// One that is removed is asked no more.
	h.do(govern.ActAlarmUnroute, govern.ForAlarmRoute{Name: "bad"}, "")
	h.bell.Clear(t.Context(), disk.Key)
	h.later(2 * time.Minute)
	h.until("the good one tells", func() bool { return strings.HasSuffix(good.states(), "over") })
	if got := bad.states(); got != "archive/disk ringing" {
		t.Errorf("told by what was removed: %s", got)
	}
}

func TestMail(t *testing.T) {
	for name, s := range map[string]*mailServer{
		"STARTTLS":    {tls: true, user: "ops", password: "päss word"},
		"without TLS": {},
	} {
		t.Run(name, func(t *testing.T) {
			s.start(t)
			to := &govern.AlarmRoute{
				AlarmRouteData: govern.AlarmRouteData{Name: "ops", To: []string{"a@acme.example", "b@acme.example"}, From: "waxseal@acme.example", Server: s.addr, User: s.user, Plain: !s.tls},
				Secret:         []byte(s.password),
			}
			text := strings.Repeat("The disk is nearly full — make room.\n.\n", 50)
			if err := alarm.Mail(t.Context(), to, "Alarm: Acmé\r\nBcc: evil@example.com", text); err != nil {
				t.Fatal(err)
			}
			got := s.wait()
			if got.from != "waxseal@acme.example" || strings.Join(got.to, " ") != "a@acme.example b@acme.example" || got.clear != !s.tls {
				t.Errorf("from %s to %v, in clear %v", got.from, got.to, got.clear)
			}
			m, err := mail.ReadMessage(strings.NewReader(got.data))
			if err != nil {
				t.Fatalf("%v\n%s", err, got.data)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "Alarm: Acmé Bcc: evil@example.com" || m.Header.Get("Bcc") != "" {
				t.Errorf("subject %q, %v; headers %v", subject, err, m.Header)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != text {
				t.Errorf("%v\n%q", err, body)
			}
		})
	}
}

// TestMailStaysPrivate refuses to give a password, or a mail, to a server
// whose TLS is missing or not its own.
func TestMailStaysPrivate(t *testing.T) {
	for name, s := range map[string]*mailServer{"no TLS": {}, "another's certificate": {tls: true, stranger: true}} {
		t.Run(name, func(t *testing.T) {
			s.start(t)
			to := &govern.AlarmRoute{AlarmRouteData: govern.AlarmRouteData{Name: "ops", To: []string{"a@acme.example"}, From: "a@acme.example", Server: s.addr, User: "ops"}, Secret: []byte("secret")}
			err := alarm.Mail(t.Context(), to, "Alarm", "text")
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
			if got := s.seen(); strings.Contains(got, "AUTH") || strings.Contains(got, "RCPT") {
				t.Errorf("said in clear: %s", got)
			}
		})
	}
}

// TestAMailServerThatSaysNothing is given up.
func TestAMailServerThatSaysNothing(t *testing.T) {
	s := &mailServer{silent: true}
	s.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	to := &govern.AlarmRoute{AlarmRouteData: govern.AlarmRouteData{Name: "ops", To: []string{"a@acme.example"}, From: "a@acme.example", Server: s.addr}}
	if err := alarm.Mail(ctx, to, "Alarm", "text"); err == nil {
		t.Error("it was sent")
	}
}
