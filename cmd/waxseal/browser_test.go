package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/web/webtest"
)

// visitor is a person at a browser of their own: nothing of another's is in it.
type visitor struct {
	t      *testing.T
	ctx    context.Context
	base   string
	login  string
	secret string // of the telephone
	step   int64  // whose code was used last
	mu     sync.Mutex
	wrong  []string
}

// visit opens a browser for one person.
func visit(t *testing.T, chromium context.Context, base, login string) *visitor {
	t.Helper()
	ctx, _ := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	v := &visitor{t: t, ctx: ctx, base: base, login: login}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	err := webtest.Watch(ctx, func() string { return base }, func(what string) {
		if strings.Contains(what, "Clear-Site-Data") { // the browser says that it did as told
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.wrong = append(v.wrong, login+": "+what)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, w := range v.wrong {
			t.Error(w)
		}
	})
	return v
}

func (v *visitor) open(path string) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, chromedp.Navigate(v.base+path)); err != nil {
		v.t.Fatal(err)
	}
}

// sees waits until a JavaScript condition holds, on whatever page is there by
// then. The machine may be slow; it says what the page says when time is over.
func (v *visitor) sees(js string) {
	v.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ok, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!(`+js+`)`))
		if err == nil && ok { // an error: the page went away meanwhile
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("%s waited for %s, at %s (%v):\n%.3000s", v.login, js, v.read(`location.href`), err, v.read(`document.body.innerText`))
		}
	}
}

func (v *visitor) read(js string) string {
	v.t.Helper()
	s, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](js))
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

// says waits for words on the page.
func (v *visitor) says(words ...string) {
	v.t.Helper()
	for _, w := range words {
		v.sees(`document.body.innerText.replace(/\s+/g, " ").includes(` + quote(w) + `)`)
	}
}

func (v *visitor) saysNot(words string) {
	v.t.Helper()
	if text := v.read(`document.body.innerText`); strings.Contains(text, words) {
		v.t.Errorf("%s reads %q at %s:\n%.2000s", v.login, words, v.read(`location.href`), text)
	}
}

// fill puts text into a field of the page's forms, by its name.
func (v *visitor) fill(name, text string) {
	v.t.Helper()
	v.fillIn("main", name, text)
}

func (v *visitor) fillIn(form, name, text string) {
	v.t.Helper()
	field := "document.querySelector(" + quote(form+` [name="`+name+`"]:not([type=hidden]):not([hidden])`) + ")"
	v.sees(field)
	v.read(`(() => { const f = ` + field + `; f.focus(); f.value = ` + quote(text) + `; f.dispatchEvent(new Event("input", { bubbles: true })); return "" })()`)
}

// press clicks what has that name, and waits for the page after it.
func (v *visitor) press(name string) {
	v.t.Helper()
	const find = `[...document.querySelectorAll("main button, main a, .out button")].find(b => b.innerText.trim() === `
	v.sees(find + quote(name) + `)`)
	v.read(`(() => { window.before = true; ` + find + quote(name) + `).click(); return "" })()`)
	v.sees(`!window.before`)
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

// code is one of the telephone's that was not used yet.
func (v *visitor) code() string {
	v.t.Helper()
	now := access.TOTPStep(time.Now())
	v.step = max(v.step+1, now-1)
	for v.step > access.TOTPStep(time.Now())+1 {
		time.Sleep(100 * time.Millisecond)
	}
	return access.TOTPCode(v.secret, v.step)
}

// enrol fills in the page where a person chooses what to sign in with.
func (v *visitor) enrol(button string) {
	v.t.Helper()
	v.sees(`document.querySelector("#totp-secret")`)
	v.secret = strings.ReplaceAll(v.read(`document.querySelector("#totp-secret").textContent`), " ", "")
	v.fill("password", passwordFor(v.login))
	v.fill("again", passwordFor(v.login))
	v.fill("code", v.code())
	v.press(button)
	v.sees(`document.querySelector("#codes")`)
}

func passwordFor(login string) string { return "violet tractor humming " + login }

// signIn goes through the door with password and telephone.
func (v *visitor) signIn() {
	v.t.Helper()
	v.open("/sign-in")
	v.fill("login", v.login)
	v.fill("password", passwordFor(v.login))
	v.fill("code", v.code())
	v.press("Sign in")
	v.sees(`document.querySelector(".person")`)
}

// served starts the real program's console, and returns the link that it
// prints and the console's address.
func served(t *testing.T, p program, dir string) (link, base string) {
	t.Helper()
	return started(t, exec.Command(p.path, "serve", "--dir", dir, "--listen", "127.0.0.1:0"))
}

// started starts what serves a console.
func started(t *testing.T, cmd *exec.Cmd) (link, base string) {
	t.Helper()
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it has ended by itself: Wait says how
		_, _ = io.Copy(io.Discard, out)         // until it ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve: %v\n%s", err, errs.String())
		}
		if strings.Contains(errs.String(), "request failed") {
			t.Errorf("the console's log:\n%s", errs.String())
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if link = strings.TrimSpace(lines.Text()); strings.HasPrefix(link, "http") {
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			return link, u.Scheme + "://" + u.Host
		}
	}
	t.Fatalf("serve printed no link\n%s", errs.String())
	return "", ""
}

// TestAFirmInABrowser is what an officer buys this for, with the program as it
// is shipped and every person at a browser of their own: from the first link
// to the certificate of what is gone.
func TestAFirmInABrowser(t *testing.T) {
	chromium := webtest.Chromium(t)
	p := program{t: t, path: binary(t)}
	home := t.TempDir()
	dir := filepath.Join(home, "a")
	p.ok("init", "--dir", dir, "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	var old strings.Builder
	for i := range 30 {
		fmt.Fprintf(&old, "%d/03/2015, 09:%02d - Ana Lima: Zwiebelturm number%d old\n", 1+i/10, i, i)
	}
	for i := range 5 {
		fmt.Fprintf(&old, "14/05/2026, 10:%02d - Jo Doe: Petersilie number%d new\n", i, i)
	}
	for name, text := range map[string]string{
		"WhatsApp Chat with Ana Lima.txt": old.String(),
		"WhatsApp Chat with Bruno.txt":    "02/03/2015, 08:00 - Bruno: Rosmarin is held\n02/03/2015, 08:01 - Jo Doe: Rosmarin too\n",
	} {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.ok("import", "--dir", dir, path, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	}
	link, base := served(t, p, dir)

	// Who holds the keys makes the administrator, who invites the officer.
	root := visit(t, chromium, base, "root")
	root.open(strings.TrimPrefix(link, base))
	root.sees(`location.pathname === "/set-up"`)
	root.fill("name", "Ruth Root")
	root.fill("login", "root")
	root.enrol("Make the administrator")
	invite := func(login, name, role string) string {
		root.open("/users")
		root.fill("name", name)
		root.fill("login", login)
		root.read(`(() => { document.querySelectorAll('main [name=role]').forEach(r => r.checked = r.value === ` + quote(role) + `); return "" })()`)
		root.press("Make the invitation")
		root.sees(`document.querySelector("#invitation")`)
		return strings.TrimPrefix(root.read(`document.querySelector("#invitation").textContent`), base)
	}
	toOfficer := invite("olga", "Olga Officer", "officer")
	root.open("/chats")
	root.says("Not permitted")
	root.forgive()

	olga := visit(t, chromium, base, "olga")
	olga.open(toOfficer)
	olga.enrol("Open my account")
	olga.open("/account")
	olga.press("Sign out")
	olga.signIn()

	// A token for a program of hers.
	olga.open("/account")
	olga.read(`(document.querySelector('#tokens details').open = true, document.querySelector('main [name=action][value=verify]').checked = true, "")`)
	olga.fillIn(`form[action="/account/tokens"]`, "name", "nightly")
	olga.fillIn(`form[action="/account/tokens"]`, "until", time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	olga.press("Make the token")
	olga.says("wxs_")
	token := filepath.Join(home, "olga.token")
	if err := os.WriteFile(token, []byte(tokenOf.FindString(olga.read(`document.body.innerText`))), 0o600); err != nil {
		t.Fatal(err)
	}

	// Nobody else gets to read without the officer's word.
	toLawyer := invite("lea", "Lea Legal", "legal")
	olga.open("/requests")
	olga.fill("reason", "Counsel")
	olga.press("Confirm")
	olga.says("Confirmed, and done.")
	lea := visit(t, chromium, base, "lea")
	lea.open(toLawyer)
	lea.enrol("Open my account")
	lea.open("/account")
	lea.press("Sign out")
	lea.signIn()

	// A policy, looked at before it counts.
	olga.open("/policies")
	olga.fill("fiscal-end", "12-31")
	olga.fill("fiscal-zone", "UTC")
	olga.press("Look at what it would do")
	olga.says("No longer kept", "The fiscal year ends with 31 December")
	olga.fill("reason", "Counsel advised it")
	olga.press("Make the change")
	olga.says("It counts from now on")

	// A hold, looked at before it is placed.
	lea.open("/holds/new")
	lea.fill("name", "Bruno's claim")
	lea.fill("query", "in:Bruno")
	lea.fill("reason", "Litigation is expected")
	lea.press("Look at what it would cover")
	lea.says("It would cover 2 messages now")
	lea.press("Place it")
	lea.says("Bruno's claim", "in:Bruno")
	hold := lea.read(`location.pathname`)

	// What is due is proposed by one, and confirmed by the other.
	today := time.Now().UTC().Format(time.DateOnly)
	olga.open("/disposals")
	olga.says("2 messages would be due and are kept by", "This archive has never disposed of anything")
	olga.press("Propose what is due")
	olga.says("Zwiebelturm number0 old") // a sample of what would go
	olga.saysNot("Rosmarin")
	olga.fill("today", "2020-01-01")
	olga.fill("reason", "Retention is over")
	olga.press("Propose")
	olga.sees(`document.querySelector("main .note.bad")`)
	olga.forgive()
	olga.fill("today", today)
	olga.fill("reason", "Retention is over")
	olga.press("Propose")
	olga.says("It waits for somebody else", "You proposed it, so you cannot confirm it")
	disposal := olga.read(`location.pathname`)
	lea.open("/requests")
	lea.open(disposal)
	lea.says("Retention is over", "Olga Officer")
	lea.fill("today", today)
	lea.fill("reason", "So it is")
	lea.press("Confirm")
	lea.says("Confirmed. Nothing is gone yet")
	olga.open("/search?q=Zwiebelturm")
	olga.says("Zwiebelturm number0 old")
	lea.open(disposal)
	lea.press("Run")
	lea.says("What was confirmed is done.")

	// The certificate says what went, who decided, and what stayed.
	lea.sees(`document.querySelector("main a.main[href^='/disposals/certificates/']")`)
	certificate := lea.read(`document.querySelector("main a.main[href^='/disposals/certificates/']").getAttribute("href")`)
	for _, who := range []*visitor{lea, olga} {
		who.open(certificate)
		who.says("Certificate of disposal", "30 messages", "Olga Officer", "Lea Legal", "Retention is over", "2 messages that would have been due", "Bruno's claim")
	}

	// What went is found no more, what is held and what is young is.
	for _, who := range []*visitor{olga, lea} {
		who.open("/search?q=Zwiebelturm")
		who.sees(`document.querySelector("main")`)
		who.saysNot("number0 old")
		who.open("/search?q=Rosmarin")
		who.says("Rosmarin is held", "Rosmarin too")
		who.open("/search?q=Petersilie")
		who.says("Petersilie number4 new")
	}

	// All of it is in the audit trail.
	for act, want := range map[string]string{
		"user.add": "root", "approve": "lea", "policy.": "Counsel advised it", "hold.place": "Litigation is expected",
		"ask": "Retention is over", "dispose": "A disposal began", "dispose.certificate": "A disposal was certified", "search": "olga", "route": "Refused",
	} {
		olga.open("/audit?act=" + act)
		olga.says(want)
	}
	olga.open("/audit?q=Retention")
	olga.says("Retention is over", "olga")
	olga.open("/audit?on=" + url.QueryEscape("hold:"+strings.TrimPrefix(hold, "/holds/")))
	olga.says("Litigation is expected")
	root.open("/audit")
	root.says("Not permitted")
	root.forgive()

	if out := p.ok("verify", "--dir", dir, "--token-file", token); !strings.Contains(out, "OK") {
		t.Errorf("verify:\n%s", out)
	}
}

// forgive takes back what was noted, where a test makes an error happen.
func (v *visitor) forgive() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wrong = nil
}
