package web

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
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
	if testing.Short() {
		t.Skip("browser tests take seconds")
	}
	const chromium = "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		t.Fatal("the browser tests need Debian's chromium: run ./test, which installs it")
	}
	c := newConsole(t, nil)
	srv := httptest.NewServer(c.server)
	t.Cleanup(srv.Close)
	b := &browser{t: t, base: srv.URL, web: c}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1280, 800),
		chromedp.WSURLReadTimeout(90 * time.Second), chromedp.Env("HOME=" + t.TempDir()),
	}
	for _, f := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "mute-audio", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	// Not t.Context: it ends before Cleanup, which closes the browser.
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	b.ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(b.ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("close browser: %v", err)
		}
		stop()
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, w := range b.wrong {
			t.Error(w)
		}
	})
	b.run()
	if err := chromedp.Listen(b.ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	command(b, network.Enable, network.EnableParams{})
	b.run(chromedp.Navigate(c.server.Link(srv.URL)))
	return b
}

func (b *browser) watch(ev any) {
	say := func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, a := range ev.Args {
			say("console.%s: %s", ev.Type, a.Value)
		}
	case *runtime.EventExceptionThrown:
		say("exception: %s", ev.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		say("browser log, %s: %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
	case *network.EventRequestWillBeSent:
		// The browser draws its own players and date fields from data: addresses;
		// our policy refuses them to our pages.
		if !strings.HasPrefix(ev.Request.URL, b.base+"/") && !strings.HasPrefix(ev.Request.URL, "data:image/svg+xml;base64,") {
			say("request left the console: %.100s", ev.Request.URL)
		}
	case *page.EventJavascriptDialogOpening:
		say("a script of a stranger ran: %s", ev.Message)
	}
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
		if eval[bool](b, js) {
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
