package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// console is a server with a browser that has followed its link.
type console struct {
	t      *testing.T
	server *Server
	cookie *http.Cookie
	index  *archiveOf
	files  files
	state  State
	date
}

// date is a clock that a test sets while a server reads it.
type date struct {
	mu sync.Mutex
	t  time.Time
}

func (c *date) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *date) setNow(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

const host = "127.0.0.1:8440"

func newConsole(t *testing.T, a *archiveOf) *console {
	t.Helper()
	if a == nil {
		a = sampleArchive()
	}
	c := &console{t: t, index: a, files: sampleFiles(), state: sampleState(), date: date{t: time.Date(2026, 11, 24, 14, 2, 7, 0, time.UTC)}}
	s, err := New(Config{
		Name: "Acme Ltd", Index: a, Within: a.within, Blobs: c.files, State: stateOf(&c.state), Ledger: newBooks(t),
		Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.server = s
	c.signIn()
	return c
}

func (c *console) signIn() {
	c.t.Helper()
	link, err := url.Parse(c.server.Link("http://" + host))
	if err != nil {
		c.t.Fatal(err)
	}
	w := c.do(http.MethodGet, link.RequestURI(), nil)
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		c.t.Fatalf("link: %d with %d cookies, want 303 with one", w.Code, len(w.Result().Cookies()))
	}
	c.cookie = w.Result().Cookies()[0]
}

func (c *console) do(method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	if c.cookie != nil {
		r.AddCookie(c.cookie)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	return w
}

// get fetches a page and fails unless it has that status.
func (c *console) get(path string, status int) string {
	c.t.Helper()
	w := c.do(http.MethodGet, path, nil)
	if w.Code != status {
		c.t.Fatalf("GET %s: %d, want %d\n%.400s", path, w.Code, status, w.Body)
	}
	return w.Body.String()
}

func TestRoutesNeedASession(t *testing.T) {
	c := newConsole(t, nil)
	c.cookie = nil
	fill := strings.NewReplacer("{$}", "", "{chat}", "acme", "{message}", "1", "{sha256}", pictureSum, "{file}", "app.css",
		"{token}", "7", "{login}", "ada", "{act}", "close", "{request}", "7", "{decision}", "approve")
	for _, rt := range c.server.routes() {
		method, path, ok := strings.Cut(rt.pattern, " ")
		if !ok {
			method, path = http.MethodGet, rt.pattern+"anything"
		}
		w := c.do(method, fill.Replace(path), nil)
		if rt.action == "" {
			continue
		}
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d, want 401", rt.pattern, w.Code)
		}
		if strings.Contains(w.Body.String(), "Acme") {
			t.Errorf("%s without a session names the firm or a chat", rt.pattern)
		}
		if how := map[bool]string{true: "Bearer TOKEN", false: "waxseal serve"}[strings.HasPrefix(path, "/api/")]; !strings.Contains(w.Body.String(), how) {
			t.Errorf("%s without a session does not say how to get a link", rt.pattern)
		}
	}
}

func TestNoDebugEndpoints(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/metrics", "/heapdump", "/actuator/heapdump", "/debug/requests", "/expvar",
	} {
		c.get(path, http.StatusNotFound)
	}
	open := 0
	for _, rt := range c.server.routes() {
		if rt.action == "" {
			open++
			if !slices.Contains([]string{"GET /sign-in", "POST /sign-in", "GET /invitation", "POST /invitation", "GET /static/{file}", "GET /api/v1/openapi.yaml"}, rt.pattern) {
				t.Errorf("%s answers without a session", rt.pattern)
			}
		}
	}
	if open != 6 {
		t.Errorf("%d open routes, want 6", open)
	}
}

func TestLinkWorksOnceForFifteenMinutes(t *testing.T) {
	c := newConsole(t, nil)
	use := func(link string) int {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		c.cookie = nil
		return c.do(http.MethodGet, u.RequestURI(), nil).Code
	}
	c.cookie = nil
	if body := c.get("/sign-in?token=none", http.StatusUnauthorized); !strings.Contains(body, "This link no longer works") || !strings.Contains(body, "waxseal serve") {
		t.Error("who follows a link that has run out is not told so")
	}
	link := c.server.Link("http://" + host + "/")
	if u, _ := url.Parse(link); u.Path != "/sign-in" || len(u.Query().Get("token")) < 40 {
		t.Fatalf("link %q", u.Path)
	}
	if got := use(link); got != http.StatusSeeOther {
		t.Fatalf("first use: %d", got)
	}
	if got := use(link); got != http.StatusUnauthorized {
		t.Fatalf("second use: %d, want 401", got)
	}
	link = c.server.Link("http://" + host)
	c.setNow(c.now().Add(linkLasts))
	if got := use(link); got != http.StatusUnauthorized {
		t.Fatalf("after 15 minutes: %d, want 401", got)
	}
}

func TestSessionCookie(t *testing.T) {
	c := newConsole(t, nil)
	k := c.cookie
	if !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Secure {
		t.Errorf("cookie on plain http: %+v", k)
	}
	r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
	if k := c.server.cookie(r, "x", 1); !strings.HasPrefix(k.Name, "__Host-") || !k.Secure {
		t.Errorf("cookie on https: %q, secure %v", k.Name, k.Secure)
	}
	c.get("/chats", http.StatusOK)
	c.setNow(c.now().Add(sessionLasts))
	c.get("/chats", http.StatusUnauthorized)
}

func TestSignOut(t *testing.T) {
	c := newConsole(t, nil)
	if w := c.do(http.MethodPost, "/sign-out", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("sign out: %d", w.Code)
	}
	c.get("/chats", http.StatusUnauthorized)
}

func TestOtherSitesAreRefused(t *testing.T) {
	c := newConsole(t, nil)
	for _, h := range []string{"evil.example", "evil.example:8440", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1:8440", "", "[fe80::1]"} {
		if w := c.do(http.MethodGet, "/chats", func(r *http.Request) { r.Host = h }); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("host %q: %d, want 421", h, w.Code)
		}
	}
	for _, h := range []string{"localhost", "localhost:8440", "127.0.0.1", "127.9.9.9:1", "[::1]:8440", "[::1]"} {
		if w := c.do(http.MethodGet, "/chats", func(r *http.Request) { r.Host = h }); w.Code != http.StatusOK {
			t.Errorf("host %q: %d, want 200", h, w.Code)
		}
	}
	sent := func(method, site, mode, dest string) int {
		return c.do(method, "/chats", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Sec-Fetch-Mode", mode)
			r.Header.Set("Sec-Fetch-Dest", dest)
		}).Code
	}
	if got := sent(http.MethodGet, "same-site", "no-cors", "image"); got != http.StatusForbidden {
		t.Errorf("picture in a page of another port: %d, want 403", got)
	}
	if got := sent(http.MethodGet, "cross-site", "navigate", "document"); got != http.StatusOK {
		t.Errorf("link followed from elsewhere: %d, want 200", got)
	}
	w := c.do(http.MethodPost, "/sign-out", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	if w.Code != http.StatusForbidden {
		t.Errorf("form of another site: %d, want 403", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{"/chats", "/nothing", "/media/" + pictureSum, "/fragment/chats"} {
		h := c.do(http.MethodGet, path, nil).Header()
		for k, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(k); got != want {
				t.Errorf("%s: %s is %q, want %q", path, k, got, want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(strings.TrimSuffix(csp, "style-src 'unsafe-inline'"), "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}

func TestErrorsAreNeverShown(t *testing.T) {
	a := sampleArchive()
	c := newConsole(t, a)
	a.broken = &quoting{}
	for _, path := range []string{"/chats", "/chats/acme", "/search?q=x", "/messages/1", "/fragment/chats"} {
		body := c.get(path, http.StatusInternalServerError)
		if strings.Contains(body, "secret words") {
			t.Errorf("%s shows the error", path)
		}
		if !strings.Contains(body, "Reference") {
			t.Errorf("%s gives no reference", path)
		}
	}
}

// quoting is an error that quotes a message.
type quoting struct{}

func (*quoting) Error() string { return "read: secret words" }
