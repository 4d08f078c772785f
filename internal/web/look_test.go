package web

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/waxseal/waxseal/internal/index"
)

func TestMediaPlays(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/acme")
	b.until("the recording to be read", `document.querySelector("audio").readyState >= 1`)
	if got := eval[float64](b, `document.querySelector("audio").duration`); got < 2.9 || got > 3.2 {
		t.Errorf("recording of %.2f s, want 3", got)
	}
	b.until("the video to be read", `document.querySelector("video").readyState >= 1`)
	eval[bool](b, `(async () => { const v = document.querySelector("video"); v.currentTime = 1.5; await new Promise(r => v.addEventListener("seeked", r, { once: true })); return true })()`)
	eval[bool](b, `(document.querySelector(".media img").scrollIntoView(), true)`)
	b.until("the picture to be there", `document.querySelector(".media img").naturalWidth === 480`)
}

func TestAFileThatCannotBeShownCanBeSaved(t *testing.T) {
	b := newBrowser(t)
	m := &b.web.index.said["acme"][6] // its picture becomes something else
	m.Attachments[0].SHA256 = sum(drawing)
	b.open("/chats/acme?start=1")
	b.until("a card in the picture's place", `document.querySelector("#m7 .card.document")?.textContent.includes("Save it")`)
	b.open("/messages/7")
	b.until("a card on the message's page", `document.querySelector("#m7 .card.document") !== null`)
}

func TestDirectionOfWriting(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/acme")
	for id, want := range map[string]string{"9": "ltr", "10": "rtl", "11": "rtl"} {
		got := eval[string](b, `getComputedStyle(document.querySelector("#m`+id+` .text")).direction`)
		if got != want {
			t.Errorf("message %s is written %s, want %s", id, got, want)
		}
	}
	if !eval[bool](b, `(() => { const a = document.querySelector(".m.out .bubble").getBoundingClientRect(), i = document.querySelector(".m.in .bubble").getBoundingClientRect(); return a.right > i.right + 100 })()`) {
		t.Error("our own messages do not stand apart from the others'")
	}
}

// TestTheFrameOfAChatStands: the list of chats and the messages scroll, the
// page around them does not, whatever part of it an address names.
func TestTheFrameOfAChatStands(t *testing.T) {
	b := newBrowser(t)
	for i := range 40 {
		b.web.index.chats = append(b.web.index.chats, index.ChatRow{ID: "more" + count(int64(i)), Name: "One more chat", Messages: 3})
	}
	for _, w := range []int64{390, 1280} {
		b.window(w, 800)
		for _, path := range []string{"/chats/acme#end", "/chats/acme?at=9", "/chats/long?start=1"} {
			b.open(path)
			if got := eval[[]float64](b, `[scrollY, document.scrollingElement.scrollHeight]`); got[0] != 0 || got[1] > 800 {
				t.Errorf("%s at %d: the page is %.0f high and stands at %.0f", path, w, got[1], got[0])
			}
		}
	}
}

// TestNamesStandWhereNamesStand: a name that is written from the right begins
// where every other name begins.
func TestNamesStandWhereNamesStand(t *testing.T) {
	b := newBrowser(t)
	b.web.index.said["maya"] = b.web.index.said["acme"][:3]
	b.open("/chats/maya")
	if gap := eval[float64](b, `(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector(".talk-name bdi"));
		return r.getBoundingClientRect().left - document.querySelector(".talk-name").getBoundingClientRect().left })()`); gap > 1 {
		t.Errorf("the chat's title stands %.0f pixels away from its place", gap)
	}
	if gap := eval[float64](b, `Math.max(...[...document.querySelectorAll(".row-name bdi")].map(n => n.getBoundingClientRect().left - n.closest(".row-main").getBoundingClientRect().left))`); gap > 1 {
		t.Errorf("a name in the list stands %.0f pixels away from its place", gap)
	}
}

// TestALongTextIsFolded, and opens where a search found something in it.
func TestALongTextIsFolded(t *testing.T) {
	b := newBrowser(t)
	m := &b.web.index.said["acme"][2]
	m.Text = strings.Repeat("A line of a contract that somebody pasted.\n", 200) + "The penalty is waived."
	const shown = `(() => { const t = document.querySelector("#m3 .text"); return t.clientHeight >= t.scrollHeight })()`
	b.open("/chats/acme?at=3")
	b.until("the message to have the focus", `document.activeElement.id === "m3"`)
	if eval[bool](b, shown) {
		t.Fatal("a text of 200 lines is shown whole")
	}
	b.run(chromedp.Click(chromedp.CSS("#m3 .all")))
	if !eval[bool](b, shown) {
		t.Error("the text did not unfold")
	}
	b.run(chromedp.KeyEvent(" "))
	if eval[bool](b, shown) {
		t.Error("the text did not fold again by the keyboard")
	}
	b.open("/chats/acme?at=3&q=penalty")
	if !eval[bool](b, shown) {
		t.Error("a text with a hit in it is folded")
	}
	b.until("the hit to be in view", `(() => { const r = document.querySelector("#m3 mark").getBoundingClientRect(); return r.top > 100 && r.bottom < innerHeight })()`)
	b.open("/messages/3")
	if !eval[bool](b, shown) {
		t.Error("the message's own page does not show all of it")
	}
}

// TestANameDoesNotWriteBesideItself: half a pair of direction marks in a name
// moves nothing that stands before or after it.
func TestANameDoesNotWriteBesideItself(t *testing.T) {
	b := newBrowser(t)
	b.window(1280, 800)
	for _, name := range []string{"\u2067eve", "eve\u2069\u202e", "\u2066\u2067\u202eeve", "eve\u2029\u202e"} {
		b.web.index.chats[0].Participants = []string{"Ana", name, "Bob", "Zoe"}
		b.open("/chats/acme/print")
		if !eval[bool](b, `(() => { const n = [...document.querySelectorAll(".facts dd bdi")].slice(-4).map(e => e.getBoundingClientRect());
			return n.length === 4 && n.every((r, i) => i === 0 || n[i - 1].right <= r.left + 1) })()`) {
			t.Errorf("%+q moves its neighbours", name)
		}
	}
}

func TestHostileChatInABrowser(t *testing.T) {
	b := newBrowser(t)
	for _, path := range []string{"/chats", "/chats/" + url.PathEscape("hostile/../x?y#z"), "/search?q=alert", "/messages/901", "/state"} {
		for _, w := range []int64{390, 1280} {
			b.window(w, 800)
			b.open(path)
			if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w {
				t.Errorf("%s at %d is %d wide", path, w, got)
			}
		}
	}
	// Files of the samples that are not in the archive answer 404, as they must.
	b.forgive()
}

// TestAFingerFindsEverything: on a telephone, what is there to be touched is
// 44 pixels high, and the time of a message, of which there are many, 24.
func TestAFingerFindsEverything(t *testing.T) {
	b := newBrowser(t)
	b.window(390, 844)
	for _, path := range []string{"/chats", "/chats/acme?at=9&q=sign", "/search?q=sign", "/search?q=e&chat=acme", "/chats/acme/print", "/messages/9", "/state", "/nothing"} {
		b.open(path)
		small := eval[[]string](b, `(() => {
			for (const d of document.querySelectorAll(".menu, .filters, .fold")) d.open = true;
			const out = [];
			for (const e of document.querySelectorAll("a, button, input, select, summary, label.check, label.all")) {
				// Links in running text, and what is touched by what is around it.
				if (!e.checkVisibility() || e.closest(".text, .coverage, .skip, .word, .why, .quote, .card") || e.matches(".unseen, .skip, [type=checkbox], .trap *")) continue;
				if (e.matches(".bubble summary")) continue;
				const r = e.getBoundingClientRect(), s = getComputedStyle(e, "::after"), touch = e.matches(".at") ? r.height - parseFloat(s.top) - parseFloat(s.bottom) : r.height;
				if (touch < (e.matches(".at") ? 24 : 43.9)) out.push(e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 20) + " " + touch.toFixed(0));
			}
			return out;
		})()`)
		for _, s := range small {
			t.Errorf("%s: %s", path, s)
		}
	}
	b.forgive() // the page that is not there
}

// TestKeyboardAlone goes from the top of a page to its content and into it.
func TestKeyboardAlone(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/acme")
	b.run(chromedp.KeyEvent(kb.Tab))
	if !eval[bool](b, `document.activeElement.matches(".skip") && document.activeElement.getBoundingClientRect().top >= 0`) {
		t.Error("the first key does not show the way to the content")
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	b.run(chromedp.KeyEvent("k"))
	if !eval[bool](b, `document.activeElement.matches(".m") && getComputedStyle(document.activeElement.querySelector(".bubble, .word")).outlineStyle === "solid"`) {
		t.Error("the message that has the focus does not show it")
	}
	nameless := `[...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary, img, video, audio, meter")].filter(e => e.checkVisibility() &&
		!(e.textContent.trim() || e.querySelector("img[alt]") || e.ariaLabel || e.alt || e.labels?.length || e.hasAttribute("alt"))).map(e => e.outerHTML.slice(0, 80))`
	for _, path := range []string{"/chats", "/chats/acme", "/search?q=sign", "/chats/acme/print", "/messages/9", "/state"} {
		b.open(path)
		for _, n := range eval[[]string](b, nameless) {
			t.Errorf("%s: a screen reader has no name for %s", path, n)
		}
		if n := eval[int](b, `document.querySelectorAll("main, h1").length`); n != 2 {
			t.Errorf("%s: %d elements are the main part or its heading, want one of each", path, n)
		}
	}
	b.open("/state")
	b.run(chromedp.KeyEvent("/"))
	b.until("the search", `location.pathname === "/search" && document.activeElement?.id === "q"`)
}

// TestScreens opens every page as a phone and a desktop show it, light and
// dark, and keeps pictures where WAXSEAL_SCREENSHOTS says.
func TestScreens(t *testing.T) {
	b := newBrowser(t)
	pages := []struct{ name, path, do string }{
		{"chats", "/chats", ""},
		{"chat", "/chats/acme", ""},
		{"chat-start", "/chats/acme?start=1", ""},
		{"chat-target", "/chats/acme?at=9", ""},
		{"chat-files", "/chats/acme?at=18", ""},
		{"chat-about", "/chats/acme", `document.querySelector(".menu").open = true`},
		{"search-empty", "/search", ""},
		{"search", "/search?q=sign", ""},
		{"search-grouped", "/search?q=e&group=chat", `document.querySelector(".filters").open = true`},
		{"search-wrong", "/search?q=%22open", ""},
		{"message", "/messages/9", ""},
		{"state", "/state", ""},
		{"state-import", "/state", `document.querySelector(".import").open = true, document.querySelector("#imports").scrollIntoView()`},
		{"not-found", "/nothing", ""},
	}
	for _, w := range []struct {
		name          string
		width, height int64
	}{{"390", 390, 844}, {"1280", 1280, 860}} {
		b.window(w.width, w.height)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for _, p := range pages {
				b.open(p.path)
				if p.do != "" {
					eval[bool](b, `(() => { `+p.do+`; return true })()`)
				}
				if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w.width {
					t.Errorf("%s at %s is %d wide", p.name, w.name, got)
				}
				eval[bool](b, `new Promise(r => setTimeout(() => r(true), 60))`)
				b.picture(p.name + "-" + w.name + "-" + scheme)
			}
		}
	}
	b.forgive() // the pages that are not there, and the question that is not understood
}

func TestContrast(t *testing.T) {
	b := newBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.open("/chats/acme?start=1")
		// Colours of names against the bubble that they stand in (WCAG 2, AA).
		low := eval[[]string](b, `(() => {
			const lum = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
			const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((m, n) => n - m); return (x + .05) / (y + .05); };
			const bubble = document.querySelector(".m.in .bubble"), out = [];
			const name = document.createElement("div"); name.className = "sender"; bubble.append(name);
			for (let i = 0; i < 12; i++) { name.className = "sender c" + i; const r = ratio(getComputedStyle(name).color, getComputedStyle(bubble).backgroundColor); if (r < 4.5) out.push("name " + i + ": " + r.toFixed(2)); }
			for (const s of [".m.out .at", ".m.in .at", ".word", ".m.out .text"]) {
				const e = document.querySelector(s), r = ratio(getComputedStyle(e).color, getComputedStyle(e.closest(".bubble, .word")).backgroundColor);
				if (r < 4.5) out.push(s + ": " + r.toFixed(2));
			}
			return out;
		})()`)
		for _, l := range low {
			t.Errorf("%s: %s, want 4.5", scheme, l)
		}
	}
}
