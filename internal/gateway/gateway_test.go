package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// loopback is where tests' servers stand.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// post office: a gateway before a server that plays Meta.
type office struct {
	*gateway.Gateway
	sink     *capturetest.Sink
	cfg      cloudapi.Config
	rules    func(*rules.Send) rules.Decision
	waits    []int64
	queue    gateway.Queue // nil: they wait for ever
	unbooked error         // of the queue
	full     error         // of the archive
	links    []netip.Prefix
	template string // the only one

	mu     sync.Mutex
	got    []string
	writes int
	fails  func(n int) error // the n-th write
}

func (o *office) Decide(s *rules.Send, _ time.Time) rules.Decision {
	if o.rules == nil {
		return rules.Decision{Do: rules.Forward}
	}
	return o.rules(s)
}

func (o *office) Wait(ctx context.Context, request int64, s *rules.Send, d rules.Decision) error {
	o.waits = append(o.waits, request)
	if o.queue != nil {
		return o.queue.Wait(ctx, request, s, d)
	}
	return o.unbooked
}

// Blob and Append stand before the sink, so that it can be full.
func (o *office) Blob(ctx context.Context, r io.Reader) (record.Blob, error) {
	return o.sink.Blob(ctx, r)
}

func (o *office) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	o.mu.Lock()
	n, err := o.writes, o.full
	o.writes++
	if o.fails != nil && err == nil {
		err = o.fails(n)
	}
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return o.sink.Append(ctx, batch)
}

func newOffice(t *testing.T, meta http.HandlerFunc) *office {
	t.Helper()
	o := &office{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		o.got = append(o.got, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(b))
		o.mu.Unlock()
		meta(w, r)
	}))
	t.Cleanup(srv.Close)
	return o.open(srv.URL)
}

// open opens the office before a server that plays Meta.
func (o *office) open(meta string) *office {
	if o.sink == nil {
		o.sink = &capturetest.Sink{}
	}
	o.cfg = cloudapi.Config{Name: "main", Graph: meta, Numbers: []cloudapi.Number{{ID: "7", Phone: "+15550783881"}}, Secrets: cloudapi.Secrets{Gateway: "key", Access: "our own"}}
	j := cloudapi.OpenJournal(o, func() cloudapi.Config { return o.cfg }, "UTC", nil)
	src := func() gateway.Source { return gateway.Source{Config: o.cfg, Journal: j} }
	client := outbound.Client(outbound.Options{Allow: loopback, Redirects: -1, MaxBytes: -1})
	o.Gateway = gateway.New(gateway.Options{
		Source: func(key string) (gateway.Source, bool) { return src(), key == "key" },
		Of:     func(number string) (gateway.Source, bool) { return src(), number == "7" },
		Entry:  func(_ context.Context, seq int64) (record.Entry, error) { return o.sink.Entries[seq], nil },
		Rules:  o, Queue: o,
		HTTP: func(gateway.Source) *http.Client { return client }, Links: outbound.Client(outbound.Options{Allow: o.links}),
		Template: func(context.Context, gateway.Source, string, string) (json.RawMessage, error) {
			if o.template == "" {
				return nil, errors.New("none")
			}
			return json.RawMessage(o.template), nil
		},
	})
	return o
}

func (o *office) post(address, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer the sender's")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

// items are the archived items, as what they are.
func (o *office) items(t *testing.T) (what string, heads []cloudapi.Head) {
	t.Helper()
	for _, e := range o.sink.Entries {
		if e.Kind != record.Item {
			continue
		}
		var h cloudapi.Head
		if _, err := e.Decode(&h); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, h)
		what += string(h.What) + " "
	}
	return strings.TrimSpace(what), heads
}

const (
	address = "/gateway/key/v23.0/7/messages"
	text    = `{ "messaging_product":"whatsapp","to":"16505551234","type":"text","text":{"body":"hi"}}`
	taken   = `{"messaging_product":"whatsapp","contacts":[{"input":"16505551234","wa_id":"16505551234"}],"messages":[{"id":"wamid.A"}]}`
)

func TestASendIsArchivedBeforeItLeaves(t *testing.T) {
	var o *office
	o = newOffice(t, func(w http.ResponseWriter, _ *http.Request) {
		if what, _ := o.items(t); what != "request" {
			t.Errorf("when it left, the archive had: %s", what)
		}
		w.Header().Set("X-Fb-Trace-Id", "T")
		_, _ = io.WriteString(w, taken)
	})
	w := o.post(address+"?a=b", text)
	if w.Code != 200 || w.Body.String() != taken || w.Header().Get("X-Fb-Trace-Id") != "T" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	what, heads := o.items(t)
	if what != "request answer" || heads[1].Send.Request != 1 || heads[1].Send.Callback != heads[0].Send.Callback || heads[0].Send.Callback == "" {
		t.Errorf("%s %+v", what, heads)
	}
	want := `POST /v23.0/7/messages?a=b Bearer the sender's {"biz_opaque_callback_data":"` + heads[0].Send.Callback + `", "messaging_product"`
	if len(o.got) != 1 || !strings.HasPrefix(o.got[0], want) {
		t.Errorf("Meta got %q", o.got)
	}
	for _, e := range o.sink.Entries {
		if strings.Contains(string(e.Parts[0]), "the sender's") {
			t.Error("the sender's token is in the archive")
		}
	}
}

func TestASendersOwnCallbackStays(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	body := strings.Replace(text, "{ ", `{"biz_opaque_callback_data":"mine",`, 1)
	o.post(address, body)
	if _, heads := o.items(t); heads[0].Send.Callback != "" || !strings.HasSuffix(o.got[0], body) {
		t.Errorf("%+v %q", heads[0].Send, o.got)
	}
}

func TestWhatDoesNotGoOut(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	o.rules = func(s *rules.Send) rules.Decision {
		return rules.Decision{Do: map[string]string{"hi": rules.Block, "ho": rules.Hold}[s.Text], Why: "so"}
	}
	if w := o.post(address, text); w.Code != http.StatusForbidden {
		t.Errorf("blocked: %d", w.Code)
	}
	if w := o.post(address, strings.Replace(text, "hi", "ho", 1), "Authorization", "Bearer our own"); w.Code != http.StatusAccepted || len(o.waits) != 1 {
		t.Errorf("held: %d %v", w.Code, o.waits)
	}
	o.rules, o.full = nil, errors.New("full")
	if w := o.post(address, text); w.Code != http.StatusServiceUnavailable {
		t.Errorf("archive full: %d", w.Code)
	}
	for _, a := range []string{"/gateway/nokey/v23.0/7/messages", "/gateway/key/../x", "/gateway/key/", "/gateway/key/v23.0//7"} {
		if w := o.post(a, text); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", a, w.Code)
		}
	}
	if len(o.got) != 0 {
		t.Errorf("Meta got %q", o.got)
	}
	// What waited goes once, with the source's own token.
	o.full = nil
	if _, err := o.Forward(t.Context(), o.waits[0], 0); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Forward(t.Context(), o.waits[0], 0); !errors.Is(err, gateway.ErrForwarded) {
		t.Errorf("again: %v", err)
	}
	if what, _ := o.items(t); what != "request request step answer" || len(o.got) != 1 || !strings.Contains(o.got[0], "our own") {
		t.Errorf("%s %q", what, o.got)
	}
}

func TestNoAnswer(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if w := o.post(address, text); w.Code != http.StatusGatewayTimeout {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if what, heads := o.items(t); what != "request answer" || heads[1].Send.Failed == "" || len(o.got) != 1 {
		t.Errorf("%s, sent %d times", what, len(o.got))
	}
	o.cfg.Graph = "http://127.0.0.1:1"
	if w := o.post(address, text); w.Code != http.StatusBadGateway {
		t.Errorf("away: %d", w.Code)
	}
	if w := o.post(address, text, "X-Waxseal-Deferrable", "true", "Authorization", "Bearer our own"); w.Code != http.StatusAccepted || len(o.waits) != 1 {
		t.Errorf("deferred: %d", w.Code)
	}
}

// Every request of Meta's own collection passes through, and its answer comes
// back letter by letter.
func TestMetasOwnRequests(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/corpus/webhooks/outbound/*.json")
	if len(files) == 0 {
		t.Skip("the shared corpus is not there")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Request  struct{ Body json.RawMessage }
			Response struct {
				Status int
				Body   json.RawMessage
			}
		}
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.Response.Status)
			_, _ = w.Write(c.Response.Body)
		})
		if w := o.post(address, string(c.Request.Body)); w.Code != c.Response.Status || w.Body.String() != string(c.Response.Body) {
			t.Errorf("%s: %d %s", filepath.Base(f), w.Code, w.Body)
		}
		if what, _ := o.items(t); what != "request answer" {
			t.Errorf("%s: %s", filepath.Base(f), what)
		}
	}
}
