package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/waxseal/waxseal/internal/chat"
)

func TestPrintHasTheDaysAskedFor(t *testing.T) {
	c := newConsole(t, nil)
	body := c.get("/chats/acme/print?from=2024-01-31&to=2024-01-31", http.StatusOK)
	for _, want := range []string{
		"Wednesday, 31 January 2024", "2024-01-31 to 2024-01-31", "of the 24 that the archive has", "Covers all 4,212 messages",
		"Waxseal archive 4f1c9a", "log of 42125 entries, root qnXvJtGf", "index at entry 42,125 of 42,125", "24 November 2026",
		"entry 9</span>", "SHA-256 " + pictureSum, "Let us keep the side letter", `<details class="versions" open>`, `<details class="doubt" open>`,
		"The archive has nothing more of this chat on these days",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the print does not have %q", want)
		}
	}
	for _, no := range []string{"30 January", "1 February 2024</", "<audio", "<video", `loading="lazy"`} {
		if strings.Contains(body, no) {
			t.Errorf("the print has %q", no)
		}
	}
	if body := c.get("/chats/acme/print?from=2025-01-01", http.StatusOK); !strings.Contains(body, "no message of this chat on these days") {
		t.Error("a print of no days does not say so")
	}
	c.get("/chats/acme/print?from=yesterday", http.StatusBadRequest)
	c.get("/chats/nothing/print", http.StatusNotFound)
}

// TestPrintGoesOn: a long range is several prints, which have every message
// once, and each but the last says that more follow.
func TestPrintGoesOn(t *testing.T) {
	c := newConsole(t, nil)
	c.index.long.Store(4321)
	ids, next := regexp.MustCompile(` id="m(\d+)"`), regexp.MustCompile(`href="([^"]*)" rel="next"`)
	n := 0
	for path, prints := "/chats/long/print?from=2000-01-02", 1; ; prints++ {
		body := c.get(path, http.StatusOK)
		for _, m := range ids.FindAllStringSubmatch(body, -1) {
			if m[1] != longMessage(n+10).ID {
				t.Fatalf("message %s follows %d", m[1], n+9)
			}
			n++
		}
		m := next.FindStringSubmatch(body)
		if more := strings.Contains(body, "more of these days follow"); more != (m != nil) {
			t.Errorf("print %d says that more follow: %v", prints, more)
		}
		if m == nil {
			if prints != 3 {
				t.Errorf("%d prints, want 3", prints)
			}
			break
		}
		path = strings.ReplaceAll(m[1], "&amp;", "&")
	}
	if n != 4311 {
		t.Errorf("%d messages on paper, want 4311", n)
	}
}

// TestPrintAfterADateOutOfOrder: one message with a date far ahead does not
// end the range.
func TestPrintAfterADateOutOfOrder(t *testing.T) {
	c := newConsole(t, nil)
	c.index.said["acme"][4].SentLocal = "2031-01-01T10:00"
	body := c.get("/chats/acme/print?to=2024-01-31", http.StatusOK)
	if strings.Contains(body, "I will send my comments") || !strings.Contains(body, "Thanks! I agree to clause 4 as amended") {
		t.Error("what follows a date out of order is not on paper")
	}
}

func TestPaper(t *testing.T) {
	b := newBrowser(t)
	m := with(in("Ana Lima", strings.Repeat("A line of a contract.\n", 100)), func(m *chat.Message) { m.ID, m.Chat = "folded", chat.Chat{ID: "acme"} })
	b.web.index.said["acme"] = append(b.web.index.said["acme"], m)
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	seen := func(path, selector string) bool {
		b.open(path)
		return eval[bool](b, `[...document.querySelectorAll(`+"`"+selector+"`"+`)].some(e => e.checkVisibility())`)
	}
	for _, s := range []string{".bar", ".print-bar", "audio", "video"} {
		if seen("/chats/acme/print", s) {
			t.Errorf("%s is on paper", s)
		}
	}
	for _, s := range []string{".sheets thead", ".sheets tfoot", ".versions .text", ".doubt p", "#m7 img"} {
		if !seen("/chats/acme/print", s) {
			t.Errorf("%s is not on paper", s)
		}
	}
	if seen("/chats/acme", ".side") || !seen("/chats/acme", ".on-paper") {
		t.Error("a print of an open chat does not say that it is not all of it")
	}
	if !eval[bool](b, `(() => { const t = document.querySelector("#mfolded .text"); return t.clientHeight >= t.scrollHeight })()`) {
		t.Error("a long text is folded on paper")
	}
	b.open("/chats/" + url.PathEscape("hostile/../x?y#z") + "/print")
	b.forgive() // files of the samples that are not in the archive
}
