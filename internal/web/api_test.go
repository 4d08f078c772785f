package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// described is the description, ready to hold answers against.
func described(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err == nil {
		err = doc.Validate(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "http://" + host + "/api/v1"}}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, r
}

// TestTheDescriptionIsWhole: every route of the API is described, and nothing
// else is.
func TestTheDescriptionIsWhole(t *testing.T) {
	doc, _ := described(t)
	var want, got []string
	for _, rt := range newConsole(t, nil).server.apiRoutes() {
		if method, path, ok := strings.Cut(rt.pattern, " "); ok {
			want = append(want, method+" "+strings.TrimPrefix(path, "/api/v1"))
		}
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("routes %q, described %q", want, got)
	}
}

// TestAnswersAreAsDescribed holds real answers against the description, those
// that are errors too.
func TestAnswersAreAsDescribed(t *testing.T) {
	_, router := described(t)
	p := firm(t)
	p.server.auditor = &trailOf{rows: []index.AuditRow{{Seq: 1, At: p.now(), Kind: record.Trace, ActHead: record.ActHead{Act: "search"}}}}
	p.server.capture = func(context.Context) ([]SourceState, error) {
		return []SourceState{{Name: "main", Kind: "cloudapi", Since: p.now(), Numbers: []SourceNumber{{Phone: "+15550783881"}}}}, nil
	}
	p.server.prove = func(context.Context, []int64) ([]byte, error) { return []byte(`{"proof":1}`), nil }
	p.signIn2("olga")
	if _, err := p.server.ledger.Do(t.Context(), govern.Actor{Via: "gaps"}, govern.Request{Act: govern.ActGapOpen, Data: govern.GapData{Key: "k", Kind: "silence", Source: "main", Reason: "Nothing came.", Start: p.now().Add(-time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	sum := sampleSum(t, p)
	for _, c := range []struct {
		path string
		want int
	}{
		{"/openapi.yaml", 200},
		{"/chats", 200},
		{"/chats?limit=1", 200},
		{"/chats?limit=0", 400},
		{"/chats?limit=x", 400},
		{"/chats/acme", 200},
		{"/chats/nothing", 404},
		{"/chats/acme/messages?limit=3", 200},
		{"/chats/acme/messages?date=x", 400},
		{"/chats/nothing/messages", 404},
		{"/messages/3", 200},
		{"/messages/3/proof", 200},
		{"/messages/nothing", 404},
		{"/search?q=sign", 200},
		{"/search?q=", 400},
		{"/search?q=sign&order=worst", 400},
		{"/media/" + sum, 200},
		{"/media/" + strings.Repeat("0", 64), 404},
		{"/media/x", 404},
		{"/gaps", 200},
		{"/gaps?state=open", 200},
		{"/sources", 200},
		{"/audit", 200},
		{"/audit?from=x", 400},
		{"/nothing", 404},
	} {
		w := p.do(http.MethodGet, "/api/v1"+c.path, nil)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %.300s", c.path, w.Code, c.want, w.Body)
			continue
		}
		holds(t, router, c.path, w)
	}
	// One that may not, and one that is nobody.
	p.signIn2("root")
	if w := p.do(http.MethodGet, "/api/v1/chats", nil); w.Code != http.StatusForbidden {
		t.Errorf("not permitted: %d", w.Code)
	} else {
		holds(t, router, "/chats", w)
	}
	p.cookie = nil
	if w := p.do(http.MethodGet, "/api/v1/chats", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("nobody: %d", w.Code)
	} else {
		holds(t, router, "/chats", w)
	}
}

// sampleSum is the content of a file that a message has.
func sampleSum(t *testing.T, p *people) string {
	t.Helper()
	for sum := range p.files {
		if len(sum) == 64 {
			if ok, err := p.index.HasBlob(t.Context(), sum); ok && err == nil {
				return sum
			}
		}
	}
	t.Fatal("the sample has no file")
	return ""
}

// holds compares an answer with what the description says of the path.
func holds(t *testing.T, router routers.Router, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/api/v1"+path, nil)
	route, params, err := router.FindRoute(r)
	if err != nil {
		if w.Code != http.StatusNotFound {
			t.Errorf("%s is not described: %v", path, err)
		}
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if kind != "application/json" && w.Code == 200 {
		return // a file
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// A program that asks too often is told so, and another is not.
func TestThePaceOfPrograms(t *testing.T) {
	p := firm(t)
	p.signIn2("olga")
	for i := range apiBurst {
		if w := p.do(http.MethodGet, "/api/v1/chats", nil); w.Code != 200 {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	w := p.do(http.MethodGet, "/api/v1/chats", nil)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d", w.Code)
	}
	p.setNow(p.now().Add(time.Second))
	if w := p.do(http.MethodGet, "/api/v1/chats", nil); w.Code != 200 {
		t.Errorf("a second later: %d", w.Code)
	}
}

// Reading by the API is noted as reading by pages is, and a reason is asked for.
func TestReadingByTheAPIIsNoted(t *testing.T) {
	p := firm(t)
	p.signIn2("olga")
	if w := p.post("/settings/reason", map[string][]string{"required": {"on"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := p.do(http.MethodGet, "/api/v1/search?q=sign", nil); w.Code != http.StatusPreconditionRequired || !strings.Contains(w.Body.String(), "reason_required") {
		t.Errorf("without a reason: %d %s", w.Code, w.Body)
	}
	w := p.do(http.MethodGet, "/api/v1/search?q=sign", func(r *http.Request) { r.Header.Set("Waxseal-Reason", "the audit of May") })
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	found := false
	for _, e := range p.log.All() {
		var h record.ActHead
		if e.Kind == record.Trace {
			if _, err := e.Decode(&h); err != nil {
				t.Fatal(err)
			}
			found = found || h.Act == traceSearch && h.Reason == "the audit of May"
		}
	}
	if !found {
		t.Error("the search is not in the trail")
	}
}
