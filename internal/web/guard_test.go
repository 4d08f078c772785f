package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// TestFormsOfOtherSitesAreRefused, whoever is signed in: by what browsers say
// of who asks, new and old.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	p := firm(t)
	p.signIn2("olga")
	before := len(p.log.All())
	forms := 0
	for _, rt := range p.server.routes() {
		if !strings.HasPrefix(rt.pattern, "POST ") {
			continue
		}
		forms++
		path := addresses(rt.pattern, func(string) []string { return []string{"1"} })[0]
		for name, from := range map[string]http.Header{
			"another site":                 {"Sec-Fetch-Site": {"cross-site"}},
			"another site, navigating":     {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}},
			"another port":                 {"Sec-Fetch-Site": {"same-site"}},
			"an old browser":               {"Origin": {"https://evil.example"}},
			"an old browser, another port": {"Origin": {"http://127.0.0.1:3000"}},
			"a frame of nobody":            {"Origin": {"null"}},
			"a name that is ours":          {"Origin": {"http://" + host + ".evil.example"}},
		} {
			w := p.do(http.MethodPost, path, func(r *http.Request) {
				for k, v := range from {
					r.Header[k] = v
				}
			})
			if w.Code != http.StatusForbidden {
				t.Errorf("POST %s from %s: %d", path, name, w.Code)
			}
			guarded(t, path, w)
		}
	}
	if forms < 20 || len(p.log.All()) != before {
		t.Errorf("%d forms, %d entries written", forms, len(p.log.All())-before)
	}
	// No form is done by a link.
	for _, rt := range p.server.routes() {
		if path, ok := strings.CutPrefix(rt.pattern, "POST "); ok {
			for _, other := range p.server.routes() {
				if other.pattern == "GET "+path {
					path = ""
				}
			}
			if path == "" {
				continue
			}
			if w := p.do(http.MethodGet, addresses(rt.pattern, func(string) []string { return []string{"zz"} })[0], nil); w.Code < 400 {
				t.Errorf("GET %s: %d", path, w.Code)
			}
		}
	}
}

// TestFormsTakeAnything: no field, whatever is in it, makes an error of ours or
// a page that harms.
func TestFormsTakeAnything(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand forms")
	}
	fields := strings.Fields("act id name login role text reason query q label matter hold parent rule list do day account from to today seen count back on custodian custodians " +
		"groups matters until min max accessible clock clause extra authority fiscal-end fiscal-zone days-from days-until kind person received answer password again present code invitation action shared closed user order assignment policy")
	bodies := map[string]string{
		"nothing": "", "no form": "\x00\xff{", "escapes": "act=%&name=%zz", "semicolons": "act=a;name=b", "a million fields": strings.Repeat("a&", 1<<15), "much": "name=" + strings.Repeat("a", 1<<20), "very much": "list=" + strings.Repeat("a", 11<<20),
	}
	for name, value := range map[string]string{"hostile": hostileText, "NUL": "\x00", "bytes": "\xff\xfe\xed\xa0\x80", "path": "../../etc/passwd", "number": "-9223372036854775809", "blank": " "} {
		v := url.Values{}
		for _, f := range fields {
			v[f] = []string{value, value}
		}
		bodies[name] = v.Encode()
	}
	p := hostileFirm(t)
	for _, rt := range p.server.routes() {
		if !strings.HasPrefix(rt.pattern, "POST ") || rt.pattern == "POST /sign-out" {
			continue
		}
		for i, path := range addresses(rt.pattern, func(param string) []string {
			known := p.known(param)
			if slices.Contains([]string{"act", "decision"}, param) {
				known = []string{"approve", "decline", "close", "notice", "account", "confirm", "run"}
			}
			return append(known, "0", "%00", url.PathEscape(hostileText))
		}) {
			for name, body := range bodies {
				if i > 0 && name != "hostile" {
					continue
				}
				for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
					r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(body))
					u, err := url.ParseRequestURI(path)
					if err != nil {
						continue
					}
					r.URL, r.RemoteAddr = u, "127.0.0.1:5000"
					r.Header.Set("Content-Type", kind)
					r.AddCookie(p.cookie)
					w := httptest.NewRecorder()
					p.server.ServeHTTP(w, r)
					if w.Code >= http.StatusInternalServerError {
						t.Errorf("POST %.100s with %s: %d", path, name, w.Code)
					}
					guarded(t, path, w)
					if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
						t.Run(fmt.Sprintf("%.60s %s", path, name), func(t *testing.T) { harmless(t, w.Body.String()) })
					}
				}
			}
		}
	}
}

// TestASlowBodyIsGivenUp: who sends a form by the byte keeps nobody busy.
func TestASlowBodyIsGivenUp(t *testing.T) {
	p := firm(t)
	p.server.bodyLasts = 100 * time.Millisecond
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // there is nothing left to lose
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nlogin=r"); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close() // its status is all
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("a slow body: %d", r.StatusCode)
	}
	// One that comes in time is answered, however long the answer takes.
	p.signIn2("olga")
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/sign-out", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	q.Host = "127.0.0.1"
	q.AddCookie(p.cookie)
	a, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, a.Body); errors.Join(err, a.Body.Close()) != nil || a.StatusCode != http.StatusSeeOther {
		t.Errorf("a body that came: %d, %v", a.StatusCode, err)
	}
}

// TestWhoIsThereIsNotTold: one answer for whoever cannot come in, whatever the
// reason.
func TestWhoIsThereIsNotTold(t *testing.T) {
	p := firm(t)
	p.signIn2("root")
	if w := p.post("/users/carl/close", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("close carl: %d", w.Code)
	}
	p.invite("ines", "administrator", nil) // invited, and never came
	for range 12 {
		p.setNow(p.now().Add(20 * time.Minute))
		p.signsIn("lena", "wrong wrong wrong", "123456")
	}
	p.setNow(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)) // anna's time is over
	answer := func(login, password, code string) string {
		p.setNow(p.now().Add(20 * time.Minute))
		w := p.signsIn(login, password, code)
		guarded(t, "/sign-in", w)
		if w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d", login, w.Code)
		}
		return strings.ReplaceAll(w.Body.String(), login, "LOGIN")
	}
	want := answer("nobody", "wrong wrong wrong", "123456")
	for _, login := range []string{"rita", "carl", "ines", "lena", "anna", "root"} {
		if got := answer(login, "wrong wrong wrong", "123456"); got != want {
			t.Errorf("%s with a wrong password is answered otherwise", login)
		}
		k := p.keys[login]
		if got := answer(login, passwordOf(login), "123456"); got != want {
			t.Errorf("%s with the right password and no code is answered otherwise", login)
		}
		if login != "rita" && login != "root" && login != "ines" {
			if got := answer(login, k.password, p.code(k.secret)); got != want {
				t.Errorf("%s with all that is right is answered otherwise", login)
			}
		}
	}
	// And it takes the work of a password, whoever it is.
	cost := access.Cost{Time: 1, Memory: 16 << 10, Threads: 1}
	p.server.door = govern.NewDoor(p.server.ledger, cost)
	least := map[string]time.Duration{}
	for range 5 {
		for _, login := range []string{"nobody", "ines", "noone"} {
			p.setNow(p.now().Add(20 * time.Minute))
			began := time.Now()
			p.signsIn(login, "wrong wrong wrong", "123456")
			if took := time.Since(began); least[login] == 0 || took < least[login] {
				least[login] = took
			}
		}
	}
	began := time.Now()
	access.Hash("wrong wrong wrong", cost)
	for login, took := range least {
		if took < time.Since(began)/20 {
			t.Errorf("%s is refused within %v", login, took)
		}
	}
}

// TestGuessingIsSlowFromEverywhere: one address at many accounts, and many
// addresses at one account.
func TestGuessingIsSlowFromEverywhere(t *testing.T) {
	p := firm(t)
	tries := func(n int, login func(int) string, from func(int) string) (slowed int) {
		for i := range n {
			v := url.Values{"login": {login(i)}, "password": {"wrong wrong wrong"}, "code": {"123456"}}
			r := httptest.NewRequest(http.MethodPost, "http://"+host+"/sign-in", strings.NewReader(v.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = from(i) + ":5000"
			w := httptest.NewRecorder()
			p.server.ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), "Too many tries") {
				slowed++
			}
		}
		return slowed
	}
	one := func(s string) func(int) string { return func(int) string { return s } }
	if n := tries(100, func(i int) string { return fmt.Sprint("u", i) }, one("192.0.2.1")); n < 70 {
		t.Errorf("100 accounts from one address: %d were slowed", n)
	}
	if n := tries(100, one("rita"), func(i int) string { return fmt.Sprint("198.51.100.", i) }); n < 90 {
		t.Errorf("one account from 100 addresses: %d were slowed", n)
	}
	if n := tries(100, func(i int) string { return fmt.Sprint("v", i) }, func(i int) string { return fmt.Sprintf("[2001:db8::%x]", i+1) }); n < 70 {
		t.Errorf("100 accounts from one network of the new kind: %d were slowed", n)
	}
	if n := tries(10, func(i int) string { return fmt.Sprint("w", i) }, one("203.0.113.9")); n > 0 {
		t.Errorf("an office elsewhere is slowed %d times", n)
	}
}

// TestASessionIsNobodyElsesIdea: a cookie that was there before somebody signs
// in opens nothing after it.
func TestASessionIsNobodyElsesIdea(t *testing.T) {
	p := firm(t)
	name := p.server.sessions.name
	planted := &http.Cookie{Name: name, Value: strings.Repeat("A", 43)}
	p.cookie = planted
	k := p.keys["rita"]
	w := p.post("/sign-in", url.Values{"login": {"rita"}, "password": {k.password}, "code": {p.code(k.secret)}})
	if w.Code != http.StatusSeeOther || w.Result().Cookies()[0].Value == planted.Value {
		t.Fatalf("signed in with %d, under a cookie that was planted", w.Code)
	}
	p.get("/chats", http.StatusUnauthorized)
	// A browser that signs in again has one session, a new one.
	first := w.Result().Cookies()[0]
	p.cookie = first
	w = p.post("/sign-in", url.Values{"login": {"rita"}, "password": {k.password}, "code": {p.code(k.secret)}})
	second := w.Result().Cookies()[0]
	p.cookie = first
	p.get("/chats", http.StatusUnauthorized)
	p.cookie = second
	p.get("/chats", http.StatusOK)
	// A new password ends the others, and the cookie of the one that goes on.
	p.signIn2("rita")
	other := p.cookie
	p.cookie = second
	w = p.post("/account/password", url.Values{"present": {k.password}, "password": {"orbit kettle marble"}, "again": {"orbit kettle marble"}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("change password: %d", w.Code)
	}
	p.cookie = other
	p.get("/chats", http.StatusUnauthorized)
	for _, junk := range []string{"", strings.Repeat("A", 1<<14), "%00", second.Value + "A", strings.ToLower(second.Value)} {
		p.cookie = &http.Cookie{Name: name, Value: junk}
		p.get("/chats", http.StatusUnauthorized)
	}
	// What follows a person out of the session is nothing.
	p.cookie = second
	if w := p.do(http.MethodPost, "/sign-out", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("sign out: %d", w.Code)
	}
	p.cookie = second
	p.get("/chats", http.StatusUnauthorized)
}
