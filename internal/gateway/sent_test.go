package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/waxseal/waxseal/docs"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

const sentAddress = "/gateway/key/sent"

// messages are what the archived items come to.
func (o *office) messages(t *testing.T) (out []chat.Message) {
	t.Helper()
	var groups [][]chat.Event
	var r chat.Reader
	for _, e := range o.sink.Entries {
		if e.Kind == record.Capture {
			var err error
			if r, err = cloudapi.Interpreter().Reader([]record.Entry{e}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		evs, err := r.Events(e)
		if err != nil {
			t.Fatal(err)
		}
	event:
		for _, ev := range evs {
			for i := range groups {
				for _, other := range groups[i] {
					if chat.SameKey(&other.Message, &ev.Message, false) {
						groups[i] = append(groups[i], ev)
						continue event
					}
				}
			}
			groups = append(groups, []chat.Event{ev})
		}
	}
	for _, g := range groups {
		out = append(out, chat.Fold(g))
	}
	return out
}

func item(key, to, text, wamid string) string {
	return fmt.Sprintf(`{"idempotency_key":%q,"at":"2026-09-01T10:00:00+02:00","request":{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":%q}},"response":{"messages":[{"id":%q}]}}`, key, to, text, wamid)
}

func TestWhatWasSentByAnotherWay(t *testing.T) {
	o := newOffice(t, func(http.ResponseWriter, *http.Request) { t.Error("Meta was asked") })
	one := item("k1", "16505551234", "تم التحويل", "wamid.1")
	if w := o.post(sentAddress, one); w.Code != http.StatusCreated || w.Body.String() != `{"entry":1,"state":"archived"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := o.post(sentAddress, one); w.Code != http.StatusOK || w.Body.String() != `{"entry":1,"state":"already"}`+"\n" {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	if w := o.post(sentAddress, item("k1", "16505551234", "other", "wamid.1")); w.Code != http.StatusConflict {
		t.Errorf("another by the same key: %d %s", w.Code, w.Body)
	}
	m := o.messages(t)
	if len(m) != 1 || m[0].Text != "تم التحويل" || m[0].Key.ID != "wamid.1" || m[0].Direction != chat.Out || m[0].SentLocal != "2026-09-01T08:00:00" {
		t.Errorf("%+v", m)
	}
	raw, err := o.sink.Entries[1].Decode(&cloudapi.Head{})
	if err != nil || string(raw) != one {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestManyThatWereSent(t *testing.T) {
	o := newOffice(t, nil)
	var items []string
	for i := range 1000 {
		items = append(items, item(fmt.Sprint("k", i), "16505551234", fmt.Sprint("text ", i), fmt.Sprint("wamid.", i)))
	}
	results := func(body string, want int) (states map[string]int) {
		t.Helper()
		w := o.post(sentAddress, body)
		var a struct {
			Results []struct {
				Entry        int64
				State, Error string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != want {
			t.Fatalf("%d %.300s", w.Code, w.Body)
		}
		states = map[string]int{}
		for _, r := range a.Results {
			states[r.State]++
		}
		return states
	}
	if s := results("["+strings.Join(items, " , ")+"]", 200); s["archived"] != 1000 {
		t.Errorf("an array: %v", s)
	}
	if s := results(strings.Join(items, "\n"), 200); s["already"] != 1000 {
		t.Errorf("lines: %v", s)
	}
	odd := []string{
		item("n1", "1", "new", "wamid.n"), item("n1", "1", "new", "wamid.n"), item("n1", "1", "not the same", "wamid.n"),
		"", "{", "7", `{"request":{}}`, `{"request":{"to":"1","type":"text"}}`, `{"idempotency_key":"a","number":"8","request":{"to":"1","type":"text"}}`,
		`{"idempotency_key":"a","at":"yesterday","request":{"to":"1","type":"text"}}`,
		`{"idempotency_key":"a","request":{"status":"read","message_id":"wamid.x"}}`,
	}
	if s := results(strings.Join(odd, "\r\n"), http.StatusMultiStatus); s["archived"] != 1 || s["already"] != 1 || s["conflict"] != 1 || s["refused"] != 7 {
		t.Errorf("odd ones: %v", s)
	}
	for body, want := range map[string]int{"": 400, "[]": 400, "[": 400, "x": 400, "null": 400, strings.Repeat("{}\n", 1001): 413, strings.Repeat(" ", 16<<20) + "x": 413, `{"request":{}}`: 400} {
		if w := o.post(sentAddress, body); w.Code != want {
			t.Errorf("%.10q: %d %s", body, w.Code, w.Body)
		}
	}
	if n := len(o.messages(t)); n != 1001 {
		t.Errorf("%d messages", n)
	}
}

// A sender that was told nothing tells it again.
func TestSentWhileTheArchiveIsFull(t *testing.T) {
	o := newOffice(t, nil)
	o.full = errors.New("full")
	body := strings.NewReplacer(`"idempotency_key":"",`, "", "a-b", `a\u0000b`).Replace(item("", "1", "a-b", "wamid.1"))
	if w := o.post(sentAddress, body, "Idempotency-Key", "k"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
	o.full = nil
	for _, want := range []int{201, 200} {
		if w := o.post(sentAddress, body, "Idempotency-Key", "k"); w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
	// Without a key its bytes tell it apart.
	other := strings.Replace(body, "wamid.1", "wamid.2", 1)
	for _, want := range []int{201, 200} {
		if w := o.post(sentAddress, other); w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
	if w := o.post(sentAddress, `{"request":{"to":"1","type":"text"}}`); w.Code != 400 {
		t.Errorf("neither key nor id: %d", w.Code)
	}
}

// The definition of a template that was sent long ago may have been another.
func TestTemplatesThatWereSent(t *testing.T) {
	o := newOffice(t, nil)
	o.template = `{"name":"a","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Dear {{1}}"}]}`
	o.open(o.cfg.Graph)
	request := `{"to":"1","type":"template","template":{"name":"a","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ana"}]}]}}`
	o.post(sentAddress, `{"idempotency_key":"old","at":"2020-01-01T00:00:00Z","request":`+request+`}`)
	o.post(sentAddress, `{"idempotency_key":"new","at":"`+time.Now().Format(time.RFC3339)+`","request":`+request+`}`)
	if m := o.messages(t); len(m) != 2 || m[0].Text != "Ana" || m[1].Text != "Dear Ana" {
		t.Errorf("%+v", m)
	}
}

// TestSentAsDescribed holds requests and answers to their description.
func TestSentAsDescribed(t *testing.T) {
	doc, err := libopenapi.NewDocument(docs.OpenAPISent)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Error(e.Message, e.Reason, e.SchemaValidationErrors)
		}
	}
	o := newOffice(t, nil)
	seen := map[int]bool{}
	ask := func(method, address, body string) {
		t.Helper()
		r := httptest.NewRequest(method, "http://localhost"+address, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		o.ServeHTTP(w, r)
		r = httptest.NewRequest(method, "http://localhost"+address, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		seen[w.Code] = true
		if w.Code == http.StatusMethodNotAllowed { // described by no method
			return
		}
		if ok, errs := v.ValidateHttpRequest(r); !ok && w.Code < 300 {
			t.Errorf("%.80s: %v", body, errs[0])
		}
		if ok, errs := v.ValidateHttpResponse(r, w.Result()); !ok {
			t.Errorf("%.80s: %d %s: %v %v", body, w.Code, w.Body, errs[0], errs[0].SchemaValidationErrors)
		}
	}
	one, other := item("k", "1", "a", "wamid.1"), item("k", "1", "b", "wamid.1")
	for _, body := range []string{one, one, other, "[" + one + "]", "[" + one + "," + other + "]", "{}", "x", "[" + strings.Repeat("{},", 1000) + "{}]"} {
		ask("POST", sentAddress, body)
	}
	ask("POST", "/gateway/nokey/sent", one)
	ask("GET", sentAddress, "")
	o.full = errors.New("full")
	ask("POST", sentAddress, item("k2", "1", "a", "wamid.2"))
	for _, status := range []int{200, 201, 207, 400, 404, 405, 409, 413, 503} {
		if !seen[status] {
			t.Errorf("%d was never answered", status)
		}
	}
}
