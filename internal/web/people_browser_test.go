package web

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/access"
)

// typed puts text into the fields of a form, by their names.
func (b *browser) typed(form string, fields map[string]string) {
	b.t.Helper()
	for name, text := range fields {
		b.run(chromedp.SetValue(chromedp.CSS(form+` [name="`+name+`"]`), text))
	}
}

// sent clicks the form's button and waits for the page after it.
func (b *browser) sent(form, then string) {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.CSS(form + ` button.main`)))
	b.until(then, then)
}

func (b *browser) signOut() {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.CSS(`.out button`)))
	b.until("the sign-in page", `location.pathname === "/sign-in"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.wrong) - 1; i >= 0; i-- { // the browser says that it did as told
		if strings.Contains(b.wrong[i], "Clear-Site-Data") {
			b.wrong = slices.Delete(b.wrong, i, i+1)
		}
	}
}

// TestFirstRunInABrowser: a firm sets up, enrols a telephone, invites the
// officer, and signs in with a code.
func TestFirstRunInABrowser(t *testing.T) {
	b := newBrowser(t)
	p := newPeople(t)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	look := func(name, path string) {
		for _, w := range []struct {
			name          string
			width, height int64
		}{{"390", 390, 844}, {"1280", 1280, 860}} {
			b.window(w.width, w.height)
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				if path != "" {
					b.open(path)
				}
				if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w.width {
					t.Errorf("%s at %s is %d wide", name, w.name, got)
				}
				b.picture("people-" + name + "-" + w.name + "-" + scheme)
			}
		}
		b.scheme("light")
	}
	secret := func() string {
		return strings.ReplaceAll(eval[string](b, `document.querySelector("#totp-secret").textContent`), " ", "")
	}
	code := func(s string) string {
		p.setNow(p.now().Add(31 * time.Second))
		return access.TOTPCode(s, access.TOTPStep(p.now()))
	}
	const form = `main form.card`

	b.run(chromedp.Navigate(p.server.Link(srv.URL)))
	b.until("the set-up", `location.pathname === "/set-up"`)
	look("set-up", "/set-up")
	root := secret()
	if n := eval[int](b, `document.querySelectorAll(".qr path").length`); n != 1 {
		t.Error("no QR code")
	}
	b.typed(form, map[string]string{"name": "Ruth Root", "login": "root", "password": "violet tractor humming", "again": "violet tractor humming", "code": code(root)})
	b.sent(form, `document.querySelector("#codes") !== null`)
	look("codes", "")
	b.open("/users")
	look("users-first", "/users")
	b.typed(form, map[string]string{"name": "أمل حداد", "login": "amal"})
	b.sent(form, `document.querySelector("#invitation") !== null`)
	look("invited", "")
	link := eval[string](b, `document.querySelector("#invitation").textContent`)

	b.open("/users/amal")
	b.signOut()
	b.run(chromedp.Navigate(link))
	look("invitation", strings.TrimPrefix(link, srv.URL))
	amal := secret()
	b.typed(form, map[string]string{"password": "orbit kettle marble", "again": "orbit kettle marble", "code": code(amal)})
	b.sent(form, `document.querySelector("#codes") !== null`)
	b.run(chromedp.Click(chromedp.CSS(`.links a.main`)))
	b.until("the first page", `location.pathname === "/" && document.querySelector(".person").textContent === "أمل حداد"`)

	b.signOut()
	look("sign-in", "/sign-in")
	b.forgive()
	b.typed(form, map[string]string{"login": "amal", "password": "orbit kettle marble", "code": "000000"})
	b.sent(form, `document.querySelector("#wrong") !== null`)
	look("sign-in-wrong", "")
	b.forgive() // the answer was 401, as it must be
	b.typed(form, map[string]string{"login": "amal", "password": "orbit kettle marble", "code": code(amal)})
	b.sent(form, `location.pathname === "/" && document.querySelector(".task") !== null`)
	look("account", "/account")

	// Who gets to read now waits for her.
	b.signOut()
	b.typed(form, map[string]string{"login": "root", "password": "violet tractor humming", "code": code(root)})
	b.sent(form, `document.querySelector(".person") !== null`)
	b.open("/users")
	b.run(chromedp.Click(chromedp.CSS(form + ` input[value="reviewer"]`)))
	b.typed(form, map[string]string{"name": "Rita Reader", "login": "rita", "reason": "Reviews the London desk"})
	b.sent(form, `document.querySelector("#invitation") !== null`)
	look("users", "/users")
	look("user", "/users/amal")
	b.signOut()
	b.typed(form, map[string]string{"login": "amal", "password": "orbit kettle marble", "code": code(amal)})
	b.sent(form, `document.querySelector(".person") !== null`)
	look("requests", "/requests")
	b.sent(`article.waits`, `document.querySelector(".tag.good") !== null`)
	look("requests-decided", "/requests")
	if !eval[bool](b, `document.querySelector(".tag.good").textContent === "Confirmed"`) {
		t.Error("the request is not confirmed")
	}
}
