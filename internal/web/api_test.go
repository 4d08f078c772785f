package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/waxseal/waxseal/docs"
	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// described is the API's description, which every request and answer of a test
// is held to. The validator is libopenapi's: it reads OpenAPI 3.1 and its JSON
// Schema as they are, where others read 3.1 as 3.0.
type described struct {
	*people
	paths  []string
	valid  validator.Validator
	token  string
	status map[string][]int // that were seen, by path
}

func describe(t *testing.T, p *people) *described {
	t.Helper()
	doc, err := libopenapi.NewDocument(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	d := &described{people: p, status: map[string][]int{}}
	var errs []error
	if d.valid, errs = validator.NewValidator(doc); len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := d.valid.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Error(e.Message, e.Reason, e.SchemaValidationErrors)
		}
	}
	m, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	for path := range m.Model.Paths.PathItems.KeysFromOldest() {
		d.paths = append(d.paths, path)
	}
	return d
}

// ask makes a request and holds it and its answer to the description; broken
// ones are those that the description forbids.
func (d *described) ask(path string, want int, broken bool, change func(*http.Request)) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/api/v1"+path, nil)
	r.RequestURI = ""
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	if w.Code != want {
		d.t.Errorf("%s: %d, want %d\n%.300s", path, w.Code, want, w.Body)
	}
	if ok, errs := d.valid.ValidateHttpRequest(r); !ok && !broken {
		for _, e := range errs {
			d.t.Errorf("request %s: %s %s", path, e.Message, e.Reason)
		}
	}
	res := w.Result()
	if res.Header.Get("Content-Type") == "application/x-ndjson" {
		return w // the validator reads one value
	}
	if ok, errs := d.valid.ValidateHttpResponse(r, res); !ok {
		for _, e := range errs {
			d.t.Errorf("answer to %s (%d): %s %s %v\n%.300s", path, w.Code, e.Message, e.Reason, e.SchemaValidationErrors, w.Body)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		d.t.Errorf("%s may be kept", path)
	}
	name, _, _ := strings.Cut(path, "?")
	d.status[name] = append(d.status[name], w.Code)
	return w
}

func (d *described) tokenOf(login string, actions ...access.Action) string {
	d.t.Helper()
	d.signIn2(login)
	form := url.Values{"name": {"crm"}, "until": {"2027-01-31"}}
	for _, a := range actions {
		form.Add("action", string(a))
	}
	token := d.find(regexp.MustCompile(`(wxs_[a-z2-7]+)`), d.post("/account/tokens", form).Body.String())
	d.cookie = nil
	d.setNow(d.now().Add(time.Minute))
	return token
}

// apiFirm is a firm with something at each of the API's addresses.
func apiFirm(t *testing.T) *described {
	p := firm(t)
	d := describe(t, p)
	p.server.auditor = trailOfLog{p.log}
	p.server.prove = func(context.Context, []int64) ([]byte, error) { return []byte(`{"format":"waxseal-proof/v1"}`), nil }
	p.server.days = func(context.Context, string, string) ([]gap.Day, error) {
		return []gap.Day{{Source: "main", Number: "+447700900001", Day: "2026-11-24", State: gap.Whole, Seconds: 86400, Of: 86400}, {Source: "main", Day: "2026-11-25", State: gap.NotYet}}, nil
	}
	own := govern.Actor{}
	for _, r := range []govern.Request{
		{Act: govern.ActGapOpen, Data: govern.GapData{Key: "a", Kind: "silence", Source: "main", Start: p.now(), Reason: "Quiet."}},
		{Act: govern.ActGapOpen, Data: govern.GapData{Key: "b", Kind: "orphan_outbound", Source: "main", Start: p.now(), Reason: "By another way.", Messages: govern.Runs{{3, 2}}, Refs: []string{"wamid.X"}}},
	} {
		if _, err := p.server.ledger.Do(t.Context(), own, r); err != nil {
			t.Fatal(err)
		}
	}
	root := govern.Actor{Subject: access.Subject{ID: "root", Roles: []access.Role{access.Administrator}}}
	if _, err := p.server.ledger.Do(t.Context(), root, govern.Request{
		Act: govern.ActSetSource, Secret: []byte(`{"app":["hidden-secret"]}`), Data: govern.SetSource{Name: "main", Kind: "cloudapi", Config: json.RawMessage(`{"name":"main"}`)},
	}); err != nil {
		t.Fatal(err)
	}
	d.token = d.tokenOf("olga", access.Read, access.Search, access.Prove, access.SeeAudit, access.SeeCapture)
	return d
}

// sampleOf fills the parts of a described path.
var sampleOf = strings.NewReplacer("{chat}", "acme", "{message}", "9", "{sha256}", pictureSum)

// needs is what a path must be asked with.
func needs(path string) string {
	if path == "/search" {
		return "?q=sign"
	}
	return ""
}

func TestTheDescriptionAndTheRoutesAreOne(t *testing.T) {
	p := newPeople(t)
	d := describe(t, p)
	var routes []string
	for _, rt := range p.server.routes() {
		if path, ok := strings.CutPrefix(rt.pattern, "GET /api/v1"); ok {
			routes = append(routes, path)
		} else if strings.Contains(rt.pattern, "/api/") {
			t.Errorf("%s is not described", rt.pattern)
		}
	}
	slices.Sort(routes)
	slices.Sort(d.paths)
	if !slices.Equal(routes, d.paths) {
		t.Errorf("routes %v\ndescribed %v", routes, d.paths)
	}
}

func TestTheAPIAnswersAsDescribed(t *testing.T) {
	d := apiFirm(t)
	limited := d.tokenOf("olga", access.State)
	for _, path := range d.paths {
		d.setNow(d.now().Add(time.Minute))
		if path == "/openapi.yaml" {
			d.ask(path, http.StatusOK, false, func(r *http.Request) { r.Header.Del("Authorization") })
			continue
		}
		at := sampleOf.Replace(path) + needs(path)
		w := d.ask(at, http.StatusOK, false, nil)
		d.ask(at, http.StatusUnauthorized, true, func(r *http.Request) { r.Header.Del("Authorization") })
		d.ask(at, http.StatusUnauthorized, false, func(r *http.Request) { r.Header.Set("Authorization", "Bearer wxs_wrong") })
		d.ask(at, http.StatusForbidden, false, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+limited) })
		if tag := w.Header().Get("ETag"); path == "/audit" {
			continue // each look adds a row to it
		} else if tag != "" {
			again := d.ask(at, http.StatusNotModified, false, func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
			if again.Body.Len() != 0 {
				t.Errorf("%s: a body with 304", path)
			}
		} else if !strings.HasPrefix(path, "/media") {
			t.Errorf("%s has no ETag", path)
		}
	}
	for path, want := range map[string]int{
		"/chats/nosuch/messages": 404, "/messages/424242": 404, "/messages/x/proof": 404, "/media/" + strings.Repeat("0f", 32): 404, "/media/x": 404, "/search?q=x&chat=nosuch": 200,
		"/chats?limit=1": 200, "/gaps?state=open&limit=1": 200, "/gaps?kind=silence": 200, "/coverage?from=2026-11-01&to=2026-11-24&limit=1": 200, "/search?q=sign&order=oldest": 200, "/audit?act=gap.&limit=2": 200,
	} {
		d.ask(path, want, false, nil)
	}
	for _, path := range []string{"/chats?limit=0", "/chats?limit=501", "/chats?limit=x", "/search?q=", "/search?q=x&order=up", "/gaps?state=x", "/coverage?from=yesterday", "/audit?to=x"} {
		d.ask(path, http.StatusBadRequest, true, nil)
	}
	d.ask("/gaps?cursor=x", http.StatusBadRequest, false, nil)
	d.ask("/audit?cursor=-1", http.StatusBadRequest, false, nil)
	d.ask("/coverage?cursor=-1", http.StatusBadRequest, false, nil)
	if w := d.ask(`/search?q=%22open`, http.StatusBadRequest, false, nil); !strings.Contains(w.Body.String(), "a quote is open") {
		t.Errorf("%s", w.Body)
	}
	d.ask("/media/"+pictureSum, http.StatusPartialContent, false, func(r *http.Request) { r.Header.Set("Range", "bytes=0-3") })
	if w := d.ask("/sources", http.StatusOK, false, nil); strings.Contains(w.Body.String(), "hidden") {
		t.Error("a secret is shown")
	}
	// A reason, where the firm asks for one.
	d.signIn2("olga")
	d.post("/settings/reason", url.Values{"required": {"1"}})
	d.cookie = nil
	for _, path := range []string{"/chats/acme/messages", "/messages/9", "/messages/9/proof", "/media/" + pictureSum, "/search?q=sign"} {
		d.setNow(d.now().Add(2 * once))
		d.ask(path, http.StatusPreconditionRequired, false, nil)
		before := d.traces("monthly review")
		d.ask(path, http.StatusOK, false, func(r *http.Request) { r.Header.Set("Waxseal-Reason", "monthly review") })
		if d.traces("monthly review") != before+1 {
			t.Errorf("%s: the reason is in no trace", path)
		}
	}
	d.index.broken = errors.New("a text of a message")
	if w := d.ask("/chats", http.StatusInternalServerError, false, nil); strings.Contains(w.Body.String(), "a text") {
		t.Error("an error quotes what it is about")
	}
}

func TestAListComesInPagesAndInLines(t *testing.T) {
	d := apiFirm(t)
	d.index.long.Store(1200)
	d.index.chats = append(d.index.chats, index.ChatRow{ID: "long", Name: "Long"})
	var ids []string
	for next := ""; ; {
		var p struct {
			Items []struct{ ID string }
			Next  string
		}
		d.setNow(d.now().Add(time.Second))
		if err := json.Unmarshal(d.ask("/chats/long/messages?limit=500&cursor="+next, http.StatusOK, false, nil).Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Items {
			ids = append(ids, x.ID)
		}
		if next = p.Next; next == "" {
			break
		}
	}
	before := d.traces(`"act":"` + traceRead + `"`)
	w := d.ask("/chats/long/messages", http.StatusOK, false, func(r *http.Request) { r.Header.Set("Accept", "application/x-ndjson") })
	var all []string
	for sc := bufio.NewScanner(bytes.NewReader(w.Body.Bytes())); sc.Scan(); {
		var m struct{ ID string }
		if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.ID)
	}
	if len(ids) != 1200 || !slices.Equal(ids, all) {
		t.Errorf("%d in pages, %d in lines", len(ids), len(all))
	}
	if n := d.traces(`"act":"`+traceRead+`"`) - before; n != 3 {
		t.Errorf("%d traces of three pages", n)
	}
}

func TestATokenAsksSoOften(t *testing.T) {
	d := apiFirm(t)
	for range apiBurst {
		d.ask("/chats", http.StatusOK, false, nil)
	}
	if w := d.ask("/chats", http.StatusTooManyRequests, false, nil); w.Header().Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
	for _, path := range d.paths {
		if path == "/openapi.yaml" {
			continue
		}
		d.ask(sampleOf.Replace(path)+needs(path), http.StatusTooManyRequests, false, nil)
	}
	d.setNow(d.now().Add(time.Second))
	d.ask("/chats", http.StatusOK, false, nil)
}

func TestAProgramWithAScope(t *testing.T) {
	p := scoped(t)
	d := describe(t, p)
	p.server.days = func(context.Context, string, string) ([]gap.Day, error) { return nil, nil }
	d.token = d.tokenOf("part", access.Read, access.Search, access.SeeCapture, access.SeeAudit, access.Prove)
	for _, path := range []string{"/gaps", "/sources", "/coverage", "/audit"} {
		d.ask(path, http.StatusConflict, false, nil)
	}
	for _, path := range []string{"/chats/beyond/messages", "/messages/9101", "/messages/9101/proof", "/media/" + pictureSum} {
		d.ask(path, http.StatusNotFound, false, nil)
	}
	for _, path := range []string{"/chats", "/search?q=everything"} {
		if w := d.ask(path, http.StatusOK, false, nil); strings.Contains(w.Body.String(), outsideWords) {
			t.Errorf("%s shows what is outside", path)
		}
	}
	if w := d.ask("/chats/carls/messages", http.StatusOK, false, nil); !strings.Contains(w.Body.String(), insideWords) {
		t.Errorf("what is inside: %s", w.Body)
	}
}
