package web

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/govern"
)

// TestDisposalsInABrowser looks at every state of a disposal, as a phone and a
// desktop show it.
func TestDisposalsInABrowser(t *testing.T) {
	b := newBrowser(t)
	d := deskedFirm(t)
	d.shelf.old = d.shelf.old[:7] // files of hostile names are not found, which a browser complains of
	srv := httptest.NewServer(d.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	as := func(login string) {
		b.run(chromedp.Navigate(d.server.LinkFor(srv.URL, login)))
		d.signIn2(login)
	}
	look := func(name, path string) {
		for _, w := range []struct {
			name          string
			width, height int64
		}{{"390", 390, 1700}, {"1280", 1280, 1300}} {
			b.window(w.width, w.height)
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				b.open(path)
				if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w.width {
					t.Errorf("%s at %s is %d wide", name, w.name, got)
				}
				if n := eval[int](b, `document.querySelectorAll("main, h1").length`); n != 2 {
					t.Errorf("%s: %d elements are the main part or its heading", name, n)
				}
				b.picture("disposal-" + name + "-" + w.name + "-" + scheme)
			}
		}
	}
	as("olga")
	look("empty", "/disposals")
	d.rule()
	look("due", "/disposals")
	look("propose", "/disposals/propose")
	b.open("/disposals/propose")
	b.typed("#propose", map[string]string{"today": d.now().Format(time.DateOnly), "reason": "Three years are over"})
	b.sent("#propose", `document.querySelector(".waits") !== null`)
	page := eval[string](b, `location.pathname`)
	look("own", page)
	look("requests", "/requests")
	as("lena")
	look("confirm", page)
	b.open(page)
	b.typed("#confirm", map[string]string{"today": d.now().Format(time.DateOnly), "reason": "Agreed"})
	b.sent("#confirm", `document.querySelector("#run") !== null`)
	look("confirmed", page)
	d.shelf.wait = make(chan struct{})
	b.open(page)
	b.run(chromedp.Click(chromedp.CSS("#run button")))
	b.until("the progress", `document.querySelector("progress") !== null`)
	look("running", page)
	close(d.shelf.wait)
	b.until("the end", `document.querySelector("a[href^='/disposals/certificates/']") !== null`)
	look("done", page)
	look("certificate", eval[string](b, `document.querySelector("a[href^='/disposals/certificates/']").pathname`))
	look("list", "/disposals")
	as("olga")
	look("subjects-empty", "/subjects")
	look("subject-new", "/subjects/new")
	copied := d.enter(govern.Access, "Ana Lima", "e")
	d.shelf.recent, d.shelf.finds = true, []int64{3, 4, 5}
	erased := d.enter(govern.Erasure, "محمد الفاسي", "e")
	d.setNow(d.now().AddDate(0, 0, 25))
	d.signIn2("olga")
	as("olga")
	look("subjects", "/subjects")
	look("subject-access", copied)
	look("subject-copy", copied+"/copy")
	look("subject-erasure", erased)
}
