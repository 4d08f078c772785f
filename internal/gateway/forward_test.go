package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/rules"
)

// do sends what a program may write by hand.
func (o *office) do(method, address, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

// However a message is written, it does not get around the rules: either they
// see its text, or Meta does not see it.
func TestNothingGetsAroundTheRules(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	saw := 0
	o.rules = func(s *rules.Send) rules.Decision {
		if strings.Contains(s.Text, "guaranteed") {
			saw++
			return rules.Decision{Do: rules.Block, Why: "so"}
		}
		return rules.Decision{Do: rules.Forward}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, strings.Replace(text, "hi", "guaranteed", 1))
	_ = z.Close()
	bad := strings.Replace(text, "hi", "guaranteed", 1)
	form := "application/x-www-form-urlencoded"
	fields := url.Values{"to": {"1"}, "type": {"text"}, "text": {`{"body":"guaranteed"}`}, "messaging_product": {"whatsapp"}}.Encode()
	for _, c := range [][]string{
		{"POST", address, bad},
		{"POST", address + "/", bad},
		{"PUT", address, bad},
		{"POST", "/gateway/key/v23.0/7/Messages", bad},
		{"POST", "/gateway/key/7/messages", bad},
		{"POST", "/gateway/key/v23.0/7/marketing_messages", bad},
		{"POST", "/gateway/key/v23.0/7/messages%3Fx", bad},
		{"POST", "/gateway/key/v23.0/7%2Fmessages", bad},
		{"POST", address, fields, "Content-Type", form},
		{"POST", address, bad, "Content-Type", form},
		{"POST", address, bad, "Content-Type", "application/octet-stream"},
		{"POST", address + "?" + fields, ""},
		{"POST", address + "?" + fields, "{}"},
		{"POST", address + "?text[body]=guaranteed", `{"to":"1","type":"text"}`},
		{"POST", address + "?method=get", bad},
		{"GET", address + "?method=post&" + fields, ""},
		{"GET", "/gateway/key/v23.0/7?METHOD=post", ""},
		{"GET", address, bad, "X-HTTP-Method-Override", "POST"},
		{"POST", "/gateway/key/v23.0", `{"batch":[{"method":"POST","relative_url":"7/messages","body":"text=guaranteed"}]}`},
		{"POST", "/gateway/key/v23.0/", `batch=[{"method":"POST","relative_url":"7/messages","body":"text=guaranteed"}]`, "Content-Type", form},
		{"POST", "/gateway/key/v23.0/me?batch=guaranteed", ""},
		{"POST", address, packed.String(), "Content-Encoding", "gzip", "Content-Type", "application/json"},
		{"POST", address, "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nguaranteed\r\n--x--", "Content-Type", "multipart/form-data; boundary=x"},
		{"POST", address, bad + bad},
		{"POST", address, "[" + bad + "]"},
		{"POST", address, bad[:len(bad)-1]},
		{"POST", address, `{"status":"read",` + bad[1:]},
		{"POST", address, `{"text":{"body":"fine"},` + bad[1:]},
	} {
		o.got, saw = nil, 0
		w := o.do(c[0], c[1], c[2], c[3:]...)
		if w.Code/100 != 4 || saw == 0 && w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound {
			if len(o.got) == 1 && strings.Contains(o.got[0], "messages%3Fx") || c[0] == "GET" && len(o.got) == 1 && !strings.Contains(o.got[0], "guaranteed") {
				continue // no address that messages are sent to, or nothing of it arrives
			}
			t.Errorf("%q: %d %s, Meta got %q", c, w.Code, w.Body, o.got)
		}
		if saw == 0 && len(o.got) > 0 {
			t.Errorf("%q: Meta got %q", c, o.got)
		}
	}
}

// A token is not archived, wherever a program puts it.
func TestTokensAreNotArchived(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	form := url.Values{"to": {"16505551234"}, "type": {"text"}, "text": {`{"body":"hi"}`}, "access_token": {"SECRET"}}.Encode()
	o.do("POST", address, form, "Content-Type", "application/x-www-form-urlencoded")
	o.do("POST", address, strings.Replace(text, "{ ", `{ "access_token" : "SECRET" , `, 1))
	o.do("POST", address, strings.TrimSuffix(text, "}")+`,"access_token":"SECRET"}`)
	o.do("POST", address+"?access_token=SECRET", text)
	o.do("POST", address, text, "Authorization", "Bearer SECRET")
	upload := "--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\nContent-Type: text/plain\r\n\r\nSECRET\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n--x--\r\n"
	o.do("POST", "/gateway/key/v23.0/7/media", upload, "Content-Type", "multipart/form-data; boundary=x")
	if got := o.got[5]; !strings.Contains(got, "SECRET") {
		t.Errorf("Meta got %q", got)
	}
	for i, got := range o.got[:5] {
		if !strings.Contains(got, "SECRET") || !strings.Contains(got, `"body":"hi"`) || strings.Contains(got, `"access_token"`) {
			t.Errorf("%d: Meta got %q", i, got)
		}
	}
	for _, e := range o.sink.Entries {
		if bytes.Contains(bytes.Join(e.Parts, nil), []byte("SECRET")) {
			t.Errorf("%s", e.Parts)
		}
	}
	if m := o.messages(t); len(m) != 1 && len(m) != 5 || m[0].Text != "hi" {
		t.Errorf("%+v", m)
	}
}

// A send whose answer was lost, or cut, is matched by the status that comes.
func TestALostAnswerIsFoundByItsStatus(t *testing.T) {
	for name, meta := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "200")
			_, _ = io.WriteString(w, taken[:60])
			panic(http.ErrAbortHandler)
		},
		"no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, "\x15\x03\x01")
				_ = c.Close()
			}
		},
	} {
		o := newOffice(t, meta)
		w := o.post(address, text)
		if w.Code != http.StatusGatewayTimeout || len(o.got) != 1 || !strings.Contains(w.Body.String(), "not known whether") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		_, heads := o.items(t)
		if m := o.messages(t); len(m) != 1 || m[0].Text != "hi" || m[0].Sending.State != chat.SendForwarded {
			t.Fatalf("%s: %+v", name, m)
		}
		status := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},"statuses":[{"id":"wamid.LOST","status":"delivered","timestamp":"1790000000","recipient_id":"16505551234","biz_opaque_callback_data":%q}]}}]}]}`, heads[0].Send.Callback)
		rs, err := cloudapi.Records(0, cloudapi.Incoming{Body: []byte(status), Received: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.sink.Append(t.Context(), rs); err != nil {
			t.Fatal(err)
		}
		if m := o.messages(t); len(m) != 1 || m[0].Key.ID != "wamid.LOST" || m[0].Text != "hi" || len(m[0].Receipts) != 1 {
			t.Errorf("%s, and a status: %+v", name, m)
		}
	}
}

// Answers are about the messages that were asked for, and those to what is no
// message about none. A reaction that was blocked is none.
func TestWhatIsNoMessage(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"success":true}`) })
	o.do("POST", address, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.X","typing_indicator":{"type":"text"}}`)
	o.do("POST", "/gateway/key/v23.0/7/groups", `{"subject":"a"}`, "Content-Type", "application/json")
	o.do("DELETE", "/gateway/key/v23.0/4711", "")
	o.rules = func(*rules.Send) rules.Decision { return rules.Decision{Do: rules.Block, Why: "so"} }
	o.do("POST", address, `{"to":"16505551234","type":"reaction","reaction":{"message_id":"wamid.X","emoji":"👍"}}`)
	what, _ := o.items(t)
	if m := o.messages(t); len(m) != 0 || what != "request answer request answer request answer request" || len(o.got) != 3 {
		t.Errorf("%s %+v", what, m)
	}
	o.rules = nil
	o.do("POST", address, `{"to":"16505551234","type":"reaction","reaction":{"message_id":"wamid.X","emoji":"👍"}}`)
	if m := o.messages(t); len(m) != 2 || len(m[0].Reactions) != 1 || m[1].TypeCode != "reaction" {
		t.Errorf("%+v", m)
	}
}

// What waits goes out with the firm's own token: the key of the gateway is not
// enough to send, nor is a token of another number.
func TestWhatWaitsNeedsAToken(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, taken)
	})
	o.rules = func(*rules.Send) rules.Decision { return rules.Decision{Do: rules.Hold, Why: "so"} }
	for auth, want := range map[string]int{"": 403, "Bearer ": 403, "Bearer bad": 403, "Bearer good": 202, "Bearer our own": 202} {
		if w := o.do("POST", address, text, "Authorization", auth); w.Code != want {
			t.Errorf("%q: %d %s", auth, w.Code, w.Body)
		}
	}
	if w := o.do("POST", strings.Replace(address, "/7/", "/8/", 1), text, "Authorization", "Bearer our own"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a number that is not the source's: %d", w.Code)
	}
	for _, got := range o.got {
		if !strings.HasPrefix(got, "GET /v23.0/7?fields=id ") {
			t.Errorf("Meta got %q", got)
		}
	}
	o.rules, o.cfg.Graph = nil, "http://127.0.0.1:1" // and away
	for auth, want := range map[string]int{"Bearer bad": 502, "Bearer good": 202} {
		if w := o.do("POST", address, text, "Authorization", auth, "X-Waxseal-Deferrable", "true"); w.Code != want {
			t.Errorf("deferred, %q: %d %s", auth, w.Code, w.Body)
		}
	}
	if len(o.waits) != 3 {
		t.Errorf("%v wait", o.waits)
	}
}

// What Meta says comes back as it is, whatever it is.
func TestAnswersComeBackAsTheyAre(t *testing.T) {
	for _, status := range []int{200, 301, 307, 400, 401, 429, 500, 503} {
		o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"code":1}}`)
		})
		w := o.post(address, text)
		if w.Code != status || w.Body.String() != `{"error":{"code":1}}` || w.Header().Get("Retry-After") != "7" || w.Header().Get("Set-Cookie") != "" || len(o.got) != 1 {
			t.Errorf("%d: %d %v %s, sent %d times", status, w.Code, w.Header(), w.Body, len(o.got))
		}
		if m := o.messages(t); len(m) != 1 || (m[0].Sending.State == chat.SendRefused) != (status/100 == 4) {
			t.Errorf("%d: %+v", status, m[0].Sending)
		}
	}
}

// A connection that Meta closed while nothing was sent is not used again, and
// the send on it is sent once.
func TestConnectionsGoStale(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, taken)
	}))
	var mu sync.Mutex
	var idle []net.Conn
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateIdle {
			mu.Lock()
			idle = append(idle, c)
			mu.Unlock()
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	o := (&office{}).open(srv.URL)
	answered := int64(0)
	for i := range 60 {
		w := o.post(address, text)
		if w.Code == 200 {
			answered++
		} else if w.Code != http.StatusGatewayTimeout || i%3 == 0 { // it was written into a connection that went meanwhile
			t.Fatalf("%d: %d %s", i, w.Code, w.Body)
		}
		mu.Lock()
		for _, c := range idle {
			_ = c.Close()
		}
		idle = nil
		mu.Unlock()
		if i%3 == 2 {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if n.Load() > 60 || n.Load() < answered {
		t.Errorf("%d were sent, %d answered", n.Load(), answered)
	}
}

// A server that nobody can trust got nothing.
func TestHandshakesThatFail(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(srv.Close)
	o := (&office{}).open(srv.URL)
	if w := o.post(address, text); w.Code != http.StatusBadGateway {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if m := o.messages(t); len(m) != 1 || m[0].Sending.State != chat.SendRefused || m[0].Sending.Why == "" {
		t.Errorf("%+v", m)
	}
	if w := o.post(address, text, "X-Waxseal-Deferrable", "1", "Authorization", "Bearer our own"); w.Code != http.StatusAccepted {
		t.Errorf("deferrable: %d %s", w.Code, w.Body)
	}
	if m := o.messages(t); len(m) != 2 || m[1].Sending.State != chat.SendDeferred || m[1].Sending.Why == "" {
		t.Errorf("what waits for Meta is taken for what was sent: %+v", m)
	}
}

// Who asks and hangs up has sent it all the same; the answer is archived.
func TestASenderHangsUp(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) {
		hangUp()
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(w, taken)
	})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(text))
	o.ServeHTTP(httptest.NewRecorder(), r)
	if what, heads := o.items(t); what != "request answer" || heads[1].Send.Status != 200 {
		t.Errorf("%s", what)
	}
}

func TestManySendsAtOnce(t *testing.T) {
	var n atomic.Int64
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"messages":[{"id":"wamid.%d"}]}`, n.Add(1))
	})
	var all sync.WaitGroup
	for range 100 { // the same text to the same client is another message
		all.Go(func() { o.post(address, text) })
	}
	all.Wait()
	m := o.messages(t)
	if what, _ := o.items(t); len(strings.Fields(what)) != 200 || len(o.got) != 100 || len(m) != 100 {
		t.Errorf("%d items, %d sent, %d messages", len(strings.Fields(what)), len(o.got), len(m))
	}
	for _, x := range m {
		if x.Sending.State != chat.SendAccepted || x.Text != "hi" || x.Key.ID == "" {
			t.Fatalf("%+v", x)
		}
	}
}

// The archive fails at each write; whatever it kept, nothing is sent that it
// has not, and nothing twice.
func TestTheArchiveFailsAnywhere(t *testing.T) {
	for at := range 4 {
		o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
		o.fails = func(n int) error {
			if n == at {
				return errors.New("lost power")
			}
			return nil
		}
		w := o.post(address, text)
		what, _ := o.items(t)
		switch { // the first write begins the capture
		case at < 2 && (w.Code != http.StatusServiceUnavailable || len(o.got) != 0 || what != ""):
			t.Errorf("%d: %d, sent %d, %s", at, w.Code, len(o.got), what)
		case at >= 2 && (w.Code != 200 || w.Body.String() != taken || len(o.got) != 1):
			t.Errorf("%d: %d, sent %d, %s", at, w.Code, len(o.got), what)
		case at == 2 && what != "request":
			t.Errorf("%s", what)
		}
	}
}

// A send that waited is killed at each step; after a start it goes, or is known
// to have gone, and never goes twice.
func TestKilledWhileItGoes(t *testing.T) {
	for at := range 4 {
		o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
		o.rules = func(*rules.Send) rules.Decision { return rules.Decision{Do: rules.Hold, Why: "so"} }
		if w := o.post(address, text, "Authorization", "Bearer our own"); w.Code != http.StatusAccepted {
			t.Fatal(w.Code)
		}
		n := o.writes
		o.fails = func(w int) error {
			if w == n+at {
				return errors.New("killed")
			}
			return nil
		}
		_, first := o.Forward(context.Background(), o.waits[0], 0)
		_, second := o.Forward(context.Background(), o.waits[0], 0)
		if len(o.got) != 1 || first != nil && second != nil && !strings.Contains(second.Error(), "forwarded") {
			t.Errorf("%d: sent %d times, %v, %v", at, len(o.got), first, second)
		}
	}
}

func TestFilesBehindLinks(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.pdf" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "a file")
	}))
	t.Cleanup(files.Close)
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	for path, want := range map[string]chat.State{"/a.pdf": chat.Stored, "/b.pdf": chat.Missing} {
		for _, allow := range []bool{true, false} {
			o.links, o.sink = nil, nil
			if allow {
				o.links = loopback
			}
			o.open(o.cfg.Graph)
			if w := o.post(address, `{"to":"16505551234","type":"document","document":{"link":"`+files.URL+path+`","caption":"c"}}`); w.Code != 200 {
				t.Errorf("%s: %d", path, w.Code)
			}
			m := o.messages(t)
			if len(m) != 1 || len(m[0].Attachments) != 1 {
				t.Fatalf("%+v", m)
			}
			a := m[0].Attachments[0]
			if allow && a.State != want || !allow && a.State != chat.Missing || (a.State == chat.Missing) != (a.Reason != "") {
				t.Errorf("%s (inside may be asked: %v): %+v", path, allow, a)
			}
		}
	}
}
