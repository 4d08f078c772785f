// Package webtest starts a real browser for tests of the console, and says what
// a page of ours must never make one do.
package webtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// Chromium starts a browser that closes with the test.
func Chromium(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("browser tests take seconds")
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Fatal("the browser tests need Debian's chromium: run ./test, which installs it")
	}
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
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("close browser: %v", err)
		}
		stop()
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// Watch tells of everything that a tab does and must not: a word on its
// console, a request that leaves the console at base, a dialog, something that
// our own policy had to refuse.
func Watch(ctx context.Context, base func() string, wrong func(string)) error {
	say := func(format string, args ...any) { wrong(fmt.Sprintf(format, args...)) }
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			for _, a := range ev.Args {
				say("console.%s: %s", ev.Type, a.Value)
			}
		case *runtime.EventExceptionThrown:
			say("exception: %s", ev.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			say("browser log, %s: %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
		case *audits.EventIssueAdded:
			if d := ev.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
				say("refused by our policy, %s: %s", d.ViolatedDirective, d.BlockedURL)
			}
		case *network.EventRequestWillBeSent:
			// The browser draws its own players and date fields from data: addresses;
			// our policy refuses them to our pages.
			if !strings.HasPrefix(ev.Request.URL, base()+"/") && !strings.HasPrefix(ev.Request.URL, "data:image/svg+xml;base64,") {
				say("request left the console: %.100s", ev.Request.URL)
			}
		case *page.EventJavascriptDialogOpening:
			say("a script of a stranger ran: %s", ev.Message)
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	}
	return err
}
