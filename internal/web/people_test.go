package web

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

// cheap is what a guess costs in tests.
var cheap = access.Cost{Time: 1, Memory: 64, Threads: 1}

// people is a console with accounts, and what they sign in with.
type people struct {
	*console
	log  *governtest.Log
	keys map[string]key
}

type key struct {
	password, secret string
	codes            []string
	cookie           *http.Cookie
}

// newPeople is a console before its first account; whoever holds the keys has
// followed the link.
func newPeople(t *testing.T) *people {
	t.Helper()
	c := &console{t: t, index: sampleArchive(), files: sampleFiles(), state: sampleState(), date: date{t: time.Date(2026, 11, 24, 14, 2, 7, 0, time.UTC)}}
	p := &people{console: c, log: &governtest.Log{Now: c.now}, keys: map[string]key{}}
	// An archive's first entry is never an act.
	if _, err := p.log.Append(t.Context(), []record.Record{{Kind: record.Init, Parts: [][]byte{[]byte("{}\n")}}}); err != nil {
		t.Fatal(err)
	}
	ledger, err := govern.OpenAt(t.Context(), p.log, c.now)
	if err != nil {
		t.Fatal(err)
	}
	c.server, err = New(Config{
		Name: "Acme Ltd", Index: c.index, Within: c.index.within, Blobs: c.files, State: stateOf(&c.state), Ledger: ledger, Cost: cheap, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.signIn()
	return p
}

// firm is a console with one person of each role.
func firm(t *testing.T) *people {
	t.Helper()
	p := newPeople(t)
	p.setUp("root")
	p.accept("olga", p.invite("olga", "officer", nil))
	for _, x := range []struct {
		login, role string
		more        url.Values
	}{
		{"rita", "reviewer", nil},
		{"lena", "legal", nil},
		{"otto", "officer", nil},
		{"anna", "auditor", url.Values{"until": {"2026-12-31"}}},
		{"carl", "custodian", url.Values{"custodians": {"carl"}}},
	} {
		p.as("root")
		link := p.invite(x.login, x.role, x.more)
		p.as("olga")
		p.confirmAll()
		p.accept(x.login, link)
	}
	return p
}

func (p *people) as(login string) { p.cookie = p.keys[login].cookie }

func (p *people) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://"+host+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.RemoteAddr = "127.0.0.1:5000"
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	w := httptest.NewRecorder()
	p.server.ServeHTTP(w, r)
	return w
}

var (
	secretIn = regexp.MustCompile(`id="totp-secret"[^>]*>([A-Z2-7 ]+)<`)
	linkIn   = regexp.MustCompile(`id="invitation"[^>]*>([^<]+)<`)
	codesIn  = regexp.MustCompile(`[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}`)
)

func (p *people) find(re *regexp.Regexp, body string) string {
	p.t.Helper()
	m := re.FindStringSubmatch(body)
	if m == nil {
		p.t.Fatalf("no %s in\n%.2000s", re, body)
	}
	return html.UnescapeString(m[len(m)-1])
}

// code is what a telephone shows; the clock goes on, so that each is new.
func (p *people) code(secret string) string {
	p.setNow(p.now().Add(31 * time.Second))
	return access.TOTPCode(secret, access.TOTPStep(p.now()))
}

func (p *people) enrolled(login, secret string, w *httptest.ResponseRecorder) {
	p.t.Helper()
	codes := codesIn.FindAllString(w.Body.String(), -1)
	if w.Code != http.StatusOK || len(codes) != access.RecoveryCodes || len(w.Result().Cookies()) != 1 {
		p.t.Fatalf("enrol %s: %d, %d codes\n%.1500s", login, w.Code, len(codes), w.Body)
	}
	p.keys[login] = key{password: passwordOf(login), secret: secret, codes: codes, cookie: w.Result().Cookies()[0]}
	p.as(login)
}

func passwordOf(login string) string { return "violet tractor " + login + " humming" }

func (p *people) setUp(login string) {
	p.t.Helper()
	secret := strings.ReplaceAll(p.find(secretIn, p.get("/set-up", http.StatusOK)), " ", "")
	p.enrolled(login, secret, p.post("/set-up", url.Values{
		"login": {login}, "name": {"Person " + login}, "password": {passwordOf(login)}, "again": {passwordOf(login)}, "code": {p.code(secret)},
	}))
}

// invite makes an account and returns the path of its invitation.
func (p *people) invite(login, role string, more url.Values) string {
	p.t.Helper()
	v := url.Values{"login": {login}, "name": {"Person " + login}, "role": {role}}
	for k, x := range more {
		v[k] = x
	}
	w := p.post("/users", v)
	if w.Code != http.StatusOK {
		p.t.Fatalf("invite %s: %d\n%.1500s", login, w.Code, w.Body)
	}
	u, err := url.Parse(p.find(linkIn, w.Body.String()))
	if err != nil {
		p.t.Fatal(err)
	}
	return u.RequestURI()
}

func (p *people) accept(login, link string) {
	p.t.Helper()
	p.cookie = nil
	secret := strings.ReplaceAll(p.find(secretIn, p.get(link, http.StatusOK)), " ", "")
	u, _ := url.Parse(link)
	p.enrolled(login, secret, p.post("/invitation", url.Values{
		"invitation": {u.Query().Get("code")}, "password": {passwordOf(login)}, "again": {passwordOf(login)}, "code": {p.code(secret)},
	}))
}

var requestIn = regexp.MustCompile(`action="/requests/(\d+)/approve"`)

func (p *people) confirmAll() {
	p.t.Helper()
	for _, m := range requestIn.FindAllStringSubmatch(p.get("/requests", http.StatusOK), -1) {
		if w := p.post("/requests/"+m[1]+"/approve", nil); w.Code != http.StatusSeeOther {
			p.t.Fatalf("confirm %s: %d\n%.800s", m[1], w.Code, w.Body)
		}
	}
}

// signsIn is what the form of the sign-in page answers.
func (p *people) signsIn(login, password, code string) *httptest.ResponseRecorder {
	p.cookie = nil
	w := p.post("/sign-in", url.Values{"login": {login}, "password": {password}, "code": {code}, "to": {"/account"}})
	if w.Code == http.StatusSeeOther {
		k := p.keys[login]
		k.cookie = w.Result().Cookies()[0]
		p.keys[login] = k
		p.as(login)
	}
	return w
}

// traces counts what the log says of an act.
func (p *people) traces(what string) (n int) {
	for _, e := range p.log.All() {
		if len(e.Parts) > 0 && strings.Contains(string(e.Parts[0]), what) {
			n++
		}
	}
	return n
}

func TestFirstRun(t *testing.T) {
	p := newPeople(t)
	if w := p.do(http.MethodGet, "/", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("home: %d", w.Code)
	}
	weak := p.post("/set-up", url.Values{"login": {"root"}, "name": {"R"}, "password": {"password1234"}, "again": {"password1234"}, "code": {"000000"}})
	if weak.Code != http.StatusUnprocessableEntity || !strings.Contains(weak.Body.String(), "guessed first") {
		t.Fatalf("an obvious password: %d", weak.Code)
	}
	if w := p.post("/users", url.Values{"login": {"mallory"}, "name": {"M"}, "role": {"officer"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("the first account is an officer's: %d", w.Code)
	}
	operator := p.cookie
	p.setUp("root")
	p.cookie = operator
	p.get("/chats", http.StatusUnauthorized) // the keys' holder is nobody any more
	p.as("root")
	p.get("/chats", http.StatusForbidden)
	p.get("/search?q=x", http.StatusForbidden)
	if p.traces(`"refused"`) == 0 {
		t.Error("a refused route left no trace")
	}
	if w := p.do(http.MethodGet, "/", nil); w.Header().Get("Location") == "/chats" {
		t.Error("an administrator is sent to the chats")
	}
	if body := p.get("/users", http.StatusOK); !strings.Contains(body, "Nobody answers yet") {
		t.Error("the page does not ask for an officer")
	}
	if w := p.post("/users", url.Values{"login": {"rita"}, "name": {"R"}, "role": {"reviewer"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("somebody reads before an officer answers for it: %d", w.Code)
	}
	link := p.invite("olga", "officer", nil)
	p.accept("olga", link)
	p.get("/chats", http.StatusOK)
	p.cookie = nil
	if body := p.get(link, http.StatusUnauthorized); !strings.Contains(body, "no longer works") {
		t.Error("an invitation works twice")
	}
	for _, e := range p.log.All() {
		for _, k := range p.keys {
			if head := string(e.Parts[0]); strings.Contains(head, k.secret) || strings.Contains(head, "argon2id") || strings.Contains(head, k.password) {
				t.Fatalf("a credential stands in a head: %.300s", head)
			}
		}
	}
}

func TestNobodyGetsToReadByOneHand(t *testing.T) {
	p := newPeople(t)
	p.setUp("root")
	p.accept("olga", p.invite("olga", "officer", nil))
	p.as("root")
	link := p.invite("mole", "reviewer", nil)
	p.cookie = nil
	p.get(link, http.StatusUnauthorized) // not confirmed
	p.as("root")
	id := p.find(regexp.MustCompile(`action="/requests/(\d+)/decline"`), p.get("/requests", http.StatusOK))
	if w := p.post("/requests/"+id+"/approve", nil); w.Code != http.StatusForbidden {
		t.Errorf("who asks confirms: %d", w.Code)
	}
	if w := p.post("/users/root", url.Values{"name": {"R"}, "role": {"administrator", "reviewer"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an administrator reads: %d", w.Code)
	}
	if w := p.post("/users/olga/close", nil); w.Code != http.StatusConflict {
		t.Errorf("the last officer is closed: %d", w.Code)
	}
	if w := p.post("/users/root/close", nil); w.Code != http.StatusConflict {
		t.Errorf("the last administrator is closed: %d", w.Code)
	}
	p.as("olga")
	p.confirmAll()
	p.accept("mole", link)
	p.get("/chats", http.StatusOK)
}

func TestSignIn(t *testing.T) {
	p := firm(t)
	k := p.keys["rita"]
	c := p.code(k.secret)
	if w := p.signsIn("Rita ", k.password, c); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account" {
		t.Fatalf("sign in: %d %s", w.Code, w.Header().Get("Location"))
	}
	if w := p.signsIn("rita", k.password, c); w.Code != http.StatusUnauthorized {
		t.Errorf("a code works twice: %d", w.Code)
	}
	if w := p.signsIn("rita", k.password, k.codes[3]); w.Code != http.StatusSeeOther {
		t.Errorf("a recovery code: %d", w.Code)
	}
	if w := p.signsIn("rita", k.password, k.codes[3]); w.Code != http.StatusUnauthorized {
		t.Errorf("a recovery code works twice: %d", w.Code)
	}
	wrong := p.signsIn("rita", "not the password", p.code(k.secret))
	nobody := p.signsIn("nobody-of-that-name", "not the password", p.code(k.secret))
	if a, b := wrong.Body.String(), strings.ReplaceAll(nobody.Body.String(), "nobody-of-that-name", "rita"); a != b || wrong.Code != nobody.Code {
		t.Errorf("who does not exist is answered otherwise: %d and %d", wrong.Code, nobody.Code)
	}
	if p.traces("nobody-of-that-name") != 0 {
		t.Error("what was typed for a login is in the log: it may be a password")
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil"} {
		if got := here(to); got != "/" {
			t.Errorf("after signing in, %q leads to %q", to, got)
		}
	}
}

func TestGuessingIsSlow(t *testing.T) {
	p := firm(t)
	k := p.keys["rita"]
	for range 4 {
		p.signsIn("rita", "wrong wrong wrong", "123456")
	}
	if w := p.signsIn("rita", k.password, p.code(k.secret)); w.Code != http.StatusSeeOther {
		t.Fatalf("after some mistakes and half a minute: %d", w.Code)
	}
	for range 12 {
		p.setNow(p.now().Add(20 * time.Minute))
		p.signsIn("rita", "wrong wrong wrong", "123456")
	}
	p.setNow(p.now().Add(20 * time.Minute))
	if w := p.signsIn("rita", k.password, p.code(k.secret)); w.Code != http.StatusUnauthorized {
		t.Fatalf("a locked account: %d", w.Code)
	}
	p.signIn2("root")
	if w := p.post("/users/rita/unlock", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("unlock: %d\n%.500s", w.Code, w.Body)
	}
	p.setNow(p.now().Add(20 * time.Minute))
	if w := p.signsIn("rita", k.password, p.code(k.secret)); w.Code != http.StatusSeeOther {
		t.Errorf("after it was unlocked: %d", w.Code)
	}
	before := len(p.log.All())
	for i := range 500 {
		p.signsIn(fmt.Sprintf("user%d", i), "wrong wrong wrong", "123456")
	}
	if n := len(p.log.All()) - before; n > 70 {
		t.Errorf("500 guesses within a minute left %d entries", n)
	}
}

// signIn2 signs somebody in with password and telephone.
func (p *people) signIn2(login string) {
	p.t.Helper()
	k := p.keys[login]
	if w := p.signsIn(login, k.password, p.code(k.secret)); w.Code != http.StatusSeeOther {
		p.t.Fatalf("sign in %s: %d\n%.800s", login, w.Code, w.Body)
	}
}

func TestSessionsEnd(t *testing.T) {
	p := firm(t)
	p.signIn2("rita")
	p.get("/chats", http.StatusOK)
	p.setNow(p.now().Add(sessionIdle - time.Second))
	p.get("/chats", http.StatusOK)
	for range 3 { // a page that is open and that nobody looks at
		p.setNow(p.now().Add(sessionIdle / 4))
		if w := p.do(http.MethodGet, "/fragment/chats", func(r *http.Request) { r.Header.Set("Waxseal-By", "clock") }); w.Code != http.StatusOK {
			t.Errorf("news: %d", w.Code)
		}
	}
	p.setNow(p.now().Add(sessionIdle / 4))
	p.get("/chats", http.StatusUnauthorized)

	p.signIn2("rita")
	p.signIn2("root")
	if w := p.post("/users/rita/close", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("close: %d", w.Code)
	}
	p.as("rita")
	p.get("/chats", http.StatusUnauthorized)
	if w := p.signsIn("rita", p.keys["rita"].password, p.code(p.keys["rita"].secret)); w.Code != http.StatusUnauthorized {
		t.Errorf("a closed account signs in: %d", w.Code)
	}

	p.signIn2("anna")
	p.setNow(time.Date(2026, 12, 31, 23, 50, 0, 0, time.UTC))
	p.signIn2("anna")
	p.get("/chats", http.StatusOK)
	p.setNow(p.now().Add(15 * time.Minute))
	p.get("/chats", http.StatusUnauthorized) // her time is over
	if w := p.signsIn("anna", p.keys["anna"].password, p.code(p.keys["anna"].secret)); w.Code != http.StatusUnauthorized {
		t.Errorf("an auditor signs in after her time: %d", w.Code)
	}
}

func TestOwnAccount(t *testing.T) {
	p := firm(t)
	p.signIn2("lena")
	other := p.cookie
	p.signIn2("lena")
	if w := p.post("/account/password", url.Values{"present": {"no"}, "password": {"a new one for lena!!"}, "again": {"a new one for lena!!"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a new password without the old: %d", w.Code)
	}
	if w := p.post("/account/password", url.Values{"present": {passwordOf("lena")}, "password": {"orbit kettle marble"}, "again": {"orbit kettle marble"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("change password: %d\n%.900s", w.Code, w.Body)
	}
	p.get("/account", http.StatusOK)
	mine := p.cookie
	p.cookie = other
	p.get("/account", http.StatusUnauthorized)
	p.cookie = mine
	secret := strings.ReplaceAll(p.find(secretIn, p.get("/account", http.StatusOK)), " ", "")
	if w := p.post("/account/telephone", url.Values{"present": {"orbit kettle marble"}, "code": {p.code(secret)}}); w.Code != http.StatusSeeOther {
		t.Fatalf("change telephone: %d\n%.900s", w.Code, w.Body)
	}
	if w := p.signsIn("lena", "orbit kettle marble", p.code(p.keys["lena"].secret)); w.Code == http.StatusSeeOther {
		t.Error("the old telephone still opens the account")
	}
	if w := p.signsIn("lena", "orbit kettle marble", p.code(secret)); w.Code != http.StatusSeeOther {
		t.Errorf("the new telephone: %d", w.Code)
	}
	w := p.post("/account/codes", url.Values{"present": {"orbit kettle marble"}})
	if n := len(codesIn.FindAllString(w.Body.String(), -1)); n != access.RecoveryCodes {
		t.Errorf("%d new codes", n)
	}
}

func TestTokens(t *testing.T) {
	p := firm(t)
	p.signIn2("olga")
	w := p.post("/account/tokens", url.Values{"name": {"<b>nightly</b>"}, "until": {"2027-01-31"}, "action": {"search", "audit.see"}})
	token := p.find(regexp.MustCompile(`(wxs_[a-z2-7]+)`), w.Body.String())
	p.cookie = nil
	with := func(method, path, token string) int {
		return p.do(method, path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }).Code
	}
	for _, x := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/search?q=sign", http.StatusOK},
		{http.MethodGet, "/chats", http.StatusForbidden},
		{http.MethodGet, "/account", http.StatusForbidden},
		{http.MethodPost, "/account/tokens", http.StatusForbidden},
		{http.MethodPost, "/users", http.StatusForbidden},
	} {
		if got := with(x.method, x.path, token); got != x.want {
			t.Errorf("%s %s by token: %d, want %d", x.method, x.path, got, x.want)
		}
	}
	if got := with(http.MethodGet, "/search?q=x", token+"a"); got != http.StatusUnauthorized {
		t.Errorf("a token that is none: %d", got)
	}
	p.as("olga")
	if body := p.get("/account", http.StatusOK); !strings.Contains(body, "/api/v1/openapi.yaml") || !strings.Contains(wordsOf(body), `/api/v1/chats?limit=10"`) {
		t.Error("the page does not say how a program asks")
	}
	id := p.find(regexp.MustCompile(`/account/tokens/(\d+)/revoke`), p.get("/account", http.StatusOK))
	if w := p.post("/account/tokens/"+id+"/revoke", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("revoke: %d", w.Code)
	}
	if got := with(http.MethodGet, "/search?q=x", token); got != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", got)
	}
}

// TestEveryRouteForEveryRole asks every route as everybody. What the table of
// access says is what happens, and there is no third thing.
func TestEveryRouteForEveryRole(t *testing.T) {
	p := firm(t)
	p.signIn2("root")
	p.invite("late", "administrator", nil)
	p.signIn2("olga")
	w := p.post("/account/tokens", url.Values{"name": {"t"}, "until": {"2027-01-31"}, "action": {"state"}})
	token := p.find(regexp.MustCompile(`(wxs_[a-z2-7]+)`), w.Body.String())
	for _, login := range []string{"rita", "lena", "anna", "carl"} {
		p.signIn2(login)
	}
	p.signIn2("otto")
	p.signIn2("root")
	if w := p.post("/users/otto/close", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("close otto: %d", w.Code)
	}
	p.as("olga") // nobody ends an officer alone
	if w := p.post("/requests/"+p.find(requestIn, p.get("/requests", http.StatusOK))+"/approve", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("confirm that otto is closed: %d", w.Code)
	}
	roles := map[string]access.Role{"root": access.Administrator, "olga": access.Officer, "rita": access.Reviewer, "lena": access.Legal, "anna": access.Auditor, "carl": access.Custodian}
	fill := strings.NewReplacer("{$}", "", "{chat}", "acme", "{message}", "1", "{sha256}", pictureSum, "{file}", "app.css",
		"{token}", "99999", "{login}", "nobody", "{act}", "close", "{request}", "99999", "{decision}", "approve")
	for _, rt := range p.server.routes() {
		if rt.action == "" || rt.pattern == "POST /sign-out" {
			continue
		}
		if !slices.Contains(access.Actions(), rt.action) {
			t.Errorf("%s needs an action that does not exist", rt.pattern)
		}
		method, path, ok := strings.Cut(rt.pattern, " ")
		if !ok {
			method, path = http.MethodGet, rt.pattern+"anything"
		}
		path = fill.Replace(path)
		for login, role := range roles {
			p.as(login)
			allowed := access.Subject{Roles: []access.Role{role}}.May(rt.action, p.now()) == nil
			if got := p.do(method, path, nil).Code; (got != http.StatusForbidden) != allowed || got == http.StatusUnauthorized {
				t.Errorf("%s as %s: %d, allowed %v", rt.pattern, role, got, allowed)
			}
		}
		p.cookie = nil
		if got := p.do(method, path, nil).Code; got != http.StatusUnauthorized {
			t.Errorf("%s as nobody: %d", rt.pattern, got)
		}
		p.as("otto")
		if got := p.do(method, path, nil).Code; got != http.StatusUnauthorized {
			t.Errorf("%s by a closed account: %d", rt.pattern, got)
		}
		p.cookie = nil
		got := p.do(method, path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }).Code
		if (got != http.StatusForbidden) != (rt.action == access.State) {
			t.Errorf("%s by a token for the state alone: %d", rt.pattern, got)
		}
	}
	p.setNow(time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC))
	p.as("anna")
	p.get("/account", http.StatusUnauthorized)
}

func TestPagesOfPeopleAreHarmless(t *testing.T) {
	p := newPeople(t)
	page := func(name, body string) { t.Run(name, func(t *testing.T) { harmless(t, body) }) }
	page("set-up", p.get("/set-up", http.StatusOK))
	p.setUp("root")
	w := p.post("/users", url.Values{"login": {"eve"}, "name": {hostileText}, "role": {"officer"}, "custodians": {hostileText}})
	page("invited", w.Body.String())
	u, _ := url.Parse(p.find(linkIn, w.Body.String()))
	page("invitation", p.get(u.RequestURI(), http.StatusOK))
	p.accept("eve", u.RequestURI())
	page("account", p.get("/account", http.StatusOK))
	page("token", p.post("/account/tokens", url.Values{"name": {hostileText}, "until": {"2027-01-01"}, "action": {"search"}}).Body.String())
	page("account with a token", p.get("/account", http.StatusOK))
	p.as("root")
	p.post("/users", url.Values{"login": {"mal"}, "name": {hostileText}, "role": {"reviewer"}, "reason": {hostileText}, "matters": {hostileText}})
	page("requests", p.get("/requests", http.StatusOK))
	page("users", p.get("/users", http.StatusOK))
	page("user", p.get("/users/eve", http.StatusOK))
	page("user, wrong", p.post("/users/eve", url.Values{"name": {hostileText}, "role": {"nonsense"}, "reason": {hostileText}}).Body.String())
	p.as("eve")
	page("requests of an officer", p.get("/requests", http.StatusOK))
	p.confirmAll()
	page("decided", p.get("/requests", http.StatusOK))
	p.cookie = nil
	page("sign-in", p.get("/chats", http.StatusUnauthorized))
	page("sign-in, wrong", p.signsIn(hostileText, "x", "y").Body.String())
}

// TestTheConsoleAnswersToItsNames, and to no other; behind a proxy it believes
// the last address that the proxy added.
func TestTheConsoleAnswersToItsNames(t *testing.T) {
	p := firm(t)
	p.server.hosts, p.server.behindProxy = []string{"archive.acme.example"}, true
	for h, want := range map[string]int{
		"archive.acme.example": http.StatusOK, "Archive.Acme.Example:443": http.StatusOK, "acme.example": http.StatusMisdirectedRequest,
		"archive.acme.example.evil.example": http.StatusMisdirectedRequest, "127.0.0.1": http.StatusOK,
	} {
		p.cookie = nil
		if w := p.do(http.MethodGet, "/sign-in", func(r *http.Request) { r.Host = h }); w.Code != want {
			t.Errorf("host %q: %d, want %d", h, w.Code, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://archive.acme.example/", nil)
	r.Header.Set("X-Forwarded-For", "10.9.9.9, 192.0.2.7")
	if got := p.server.from(r); got != "192.0.2.7" {
		t.Errorf("behind a proxy, from %q", got)
	}
	if k := p.server.cookie(r, "x", 1); !strings.HasPrefix(k.Name, "__Host-") || !k.Secure || k.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie behind a proxy: %+v", k)
	}
	p.server.behindProxy = false
	if got := p.server.from(r); got == "192.0.2.7" {
		t.Error("whoever asks says from where, with no proxy before us")
	}
}

// TestAFormOfAnotherSiteSignsNobodyIn: neither in nor out.
func TestAFormOfAnotherSiteSignsNobodyIn(t *testing.T) {
	p := firm(t)
	p.cookie = nil
	for _, path := range []string{"/sign-in", "/invitation", "/set-up", "/users", "/requests/1/approve"} {
		if w := p.do(http.MethodPost, path, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}); w.Code != http.StatusForbidden {
			t.Errorf("POST %s by another site: %d", path, w.Code)
		}
	}
}
