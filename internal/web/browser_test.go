package web

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/web/webtest"
)

// browser is a real one, signed in to a console of the sample archive. Its end
// fails the test for anything that the pages wrote to its console, and for any
// request that left the console's own address.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	web  *console

	mu    sync.Mutex
	wrong []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	ctx := webtest.Chromium(t)
	c := newConsole(t, nil)
	srv := httptest.NewServer(c.server)
	t.Cleanup(srv.Close)
	b := &browser{t: t, ctx: ctx, base: srv.URL, web: c}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, w := range b.wrong {
			t.Error(w)
		}
	})
	err := webtest.Watch(ctx, b.where, func(what string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wrong = append(b.wrong, what)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.Navigate(c.server.Link(srv.URL)))
	return b
}

// at turns to another console.
func (b *browser) at(base string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base = base
}

func (b *browser) where() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.base
}

// forgive takes back what was noted, where a test makes an error happen.
func (b *browser) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = nil
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base + path))
}

func (b *browser) window(width, height int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(width, height))
}

func (b *browser) scheme(s string) {
	b.t.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}}})
}

// command sends the browser a command of its protocol.
func command[P, R any](b *browser, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.t.Fatal(err)
	}
}

// eval runs a JavaScript expression, a promise included, and returns its value.
func eval[T any](b *browser, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// until waits for a JavaScript condition.
func (b *browser) until(what, js string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		// A page that goes away while it is asked says nothing yet.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](js, chromedp.EvalAwaitPromise)); ok && err == nil {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("waited 10 s for: %s", what)
		}
	}
}

// picture keeps a picture of the page where WAXSEAL_SCREENSHOTS says.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("WAXSEAL_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
