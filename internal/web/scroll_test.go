package web

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/waxseal/waxseal/internal/index"
)

// What the scroll tests read from the page.
const (
	idsInPage = `[...document.querySelectorAll("#stretch .m")].map(m => +m.dataset.id)`
	firstSeen = `(() => { const top = document.querySelector(".messages").getBoundingClientRect().top;
		for (const m of document.querySelectorAll("#stretch .m")) { const r = m.getBoundingClientRect(); if (r.bottom > top) return [+m.dataset.id, r.top - top]; }
		return [-1, 0]; })()`
	elements = `document.querySelectorAll("*").length`
)

// inOrder fails unless the page holds consecutive messages, each once.
func (b *browser) inOrder() []int {
	b.t.Helper()
	ids := eval[[]int](b, idsInPage)
	for i := 1; i < len(ids); i++ {
		if ids[i] != ids[i-1]+1 {
			b.t.Fatalf("message %d follows %d", ids[i], ids[i-1])
		}
	}
	days := eval[[]string](b, `[...document.querySelectorAll("#stretch .day")].map(d => d.dataset.day)`)
	for i := 1; i < len(days); i++ {
		if days[i] <= days[i-1] {
			b.t.Fatalf("day %s follows %s", days[i], days[i-1])
		}
	}
	return ids
}

func TestEndlessScroll(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long")
	b.until("the end to be in view", `(() => { const m = document.querySelector(".messages"); return m.scrollHeight - m.scrollTop - m.clientHeight < 2 })()`)
	if ids := b.inOrder(); ids[len(ids)-1] != 99_999 {
		t.Fatalf("opens at message %d, want the last", ids[len(ids)-1])
	}
	start := eval[int](b, elements)

	b.wander("earlier", 60)
	if ids := b.inOrder(); ids[0] > 98_900 {
		t.Errorf("60 steps up reached message %d", ids[0])
	}
	if got := eval[int](b, elements); got > start*9 {
		t.Errorf("%d elements after scrolling up, %d before", got, start)
	}
	if !eval[bool](b, `!document.getElementById("newest").hidden`) {
		t.Error("no way back to the newest")
	}
	b.wander("later", 90)
	if ids := b.inOrder(); ids[len(ids)-1] != 99_999 {
		t.Errorf("90 steps down reached message %d, want the last", ids[len(ids)-1])
	}
	if n := len(eval[[]int](b, idsInPage)); n > 400 {
		t.Errorf("%d messages in the page", n)
	}
	b.until("the way to the newest to go", `document.getElementById("newest").hidden`)

	took := eval[[]float64](b, `performance.getEntriesByType("measure").map(m => m.duration)`)
	slices.Sort(took)
	t.Logf("%d stretches: median %.0f ms, worst %.0f ms from request to shown; %d elements", len(took), took[len(took)/2], took[len(took)-1], eval[int](b, elements))
}

// wander scrolls step by step and looks after each that what was in view is
// where the scroll alone would have put it.
func (b *browser) wander(end string, steps int) {
	b.t.Helper()
	by := 1500
	if end == "earlier" {
		by = -1500
	}
	for range steps {
		// The message in view before a stretch comes must not move when it does.
		type place struct {
			ID          int
			Before, Now float64
		}
		p := eval[place](b, fmt.Sprintf(`(async () => {
			const box = document.querySelector(".messages"), frame = () => new Promise(requestAnimationFrame);
			box.scrollTop += %d;
			const top = box.getBoundingClientRect().top;
			const m = [...document.querySelectorAll("#stretch .m")].find(m => m.getBoundingClientRect().bottom > top);
			const before = m.getBoundingClientRect().top;
			await frame(); await frame();
			for (let i = 0; i < 200 && box.hasAttribute("aria-busy"); i++) await frame();
			await frame();
			return { ID: +m.dataset.id, Before: before, Now: m.isConnected ? m.getBoundingClientRect().top : NaN };
		})()`, by))
		if d := p.Now - p.Before; d > 1.5 || d < -1.5 {
			b.t.Fatalf("message %d moved by %.1f pixels when a stretch came %s", p.ID, d, end)
		}
		b.inOrder()
	}
}

func TestScrollFromTheMiddleReachesBothEnds(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long?at=50000")
	b.until("the message to be in the middle", `(() => { const r = document.getElementById("m50000").getBoundingClientRect(); return r.top > 250 && r.bottom < innerHeight - 150 })()`)
	b.until("the focus to be on it", `document.activeElement.id === "m50000"`)
	b.wander("later", 6)
	b.wander("earlier", 12)
	b.inOrder()
	b.open("/chats/long?start=1")
	if ids := b.inOrder(); ids[0] != 0 {
		t.Errorf("start opens at %d", ids[0])
	}
	if got := eval[string](b, `document.getElementById("turn-earlier").textContent.trim()`); got != "The archive has nothing earlier of this chat" {
		t.Errorf("the edge says %q", got)
	}
}

// TestAnOpenChatGrows: what is archived meanwhile comes to the end, and does
// not move who reads elsewhere.
func TestAnOpenChatGrows(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long")
	b.web.index.long.Add(3)
	b.until("three messages more", `document.getElementById("m100002") !== null`)
	b.until("the end to be in view", `(() => { const r = document.getElementById("m100002").getBoundingClientRect(); return r.bottom < innerHeight })()`)
	if got := eval[string](b, `document.getElementById("live").textContent`); got != "3 new messages" {
		t.Errorf("a screen reader hears %q", got)
	}
	eval[bool](b, `(() => { document.querySelector(".messages").scrollTop -= 900; return true })()`)
	b.until("quiet", `!document.querySelector(".messages").hasAttribute("aria-busy")`)
	was := eval[[]float64](b, firstSeen)
	b.web.index.long.Add(2)
	b.until("the reader to be told", `!newest.hidden && newest.textContent.trim() === "2 new messages"`)
	if now := eval[[]float64](b, firstSeen); now[0] != was[0] || now[1]-was[1] > 1.5 || was[1]-now[1] > 1.5 {
		t.Errorf("the reader was moved from %v to %v", was, now)
	}
	b.inOrder()
	b.run(chromedp.Click(chromedp.CSS("#newest")))
	b.until("the newest in view", `newest.hidden && newest.textContent.trim() === "Newest"`)
}

// TestMarksStayWhileScrolling: what is fetched at either end is marked too,
// and so is the place that the address remembers.
func TestMarksStayWhileScrolling(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long?at=50000&q=number")
	b.until("the message to have the focus", `document.activeElement.id === "m50000"`)
	b.wander("later", 4)
	b.wander("earlier", 8)
	if n, of := eval[int](b, `document.querySelectorAll("#stretch mark").length`), len(b.inOrder()); n != of {
		t.Errorf("%d of %d messages are marked", n, of)
	}
	b.run(chromedp.KeyEvent("j"))
	eval[bool](b, `(() => { document.querySelector(".messages").scrollTop += 500; return true })()`)
	b.until("the address to follow", `location.search.startsWith("?near=") && location.search.endsWith("&q=number")`)
	b.run(chromedp.Click(chromedp.CSS(".found a:last-child")), chromedp.WaitNotPresent(chromedp.CSS("mark")))
}

func TestJumpToADay(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long")
	b.run(
		chromedp.Click(chromedp.CSS(".menu summary")),
		chromedp.SetValue(chromedp.CSS("#date"), "2010-06-15"),
		chromedp.Submit(chromedp.CSS("#date")),
		chromedp.WaitVisible(chromedp.CSS(`[data-day="2010-06-15"]`)),
	)
	want := eval[string](b, `document.querySelector('[data-day="2010-06-15"] .m').dataset.id`)
	b.until("the day to be at the top", fmt.Sprintf(`(() => { const v = %s; return Math.abs(v[0] - %s) <= 1 })()`, firstSeen, want))
	b.inOrder()
	b.run(chromedp.Click(chromedp.CSS("#newest")), chromedp.WaitVisible(chromedp.CSS("#m99999")))
}

func TestReloadComesBackToThePlace(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats/long?at=50000")
	b.until("the message to have the focus", `document.activeElement.id === "m50000"`)
	b.run(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	eval[bool](b, `(() => { const m = document.querySelector(".messages"); m.scrollTop += 3000; return true })()`)
	b.until("the address to follow", `location.search.startsWith("?near=")`)
	b.until("quiet", `!document.querySelector(".messages").hasAttribute("aria-busy")`)
	was := eval[[]float64](b, firstSeen)
	b.run(chromedp.Reload())
	now := eval[[]float64](b, firstSeen)
	if d := now[0] - was[0]; d < -1 || d > 1 {
		t.Errorf("reload shows message %.0f, was %.0f", now[0], was[0])
	}
}

func TestKeys(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats")
	b.run(chromedp.KeyEvent("/"))
	if got := eval[string](b, `document.activeElement.id`); got != "find" {
		t.Errorf("/ focuses %q", got)
	}
	b.run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	if got := eval[string](b, `document.activeElement.getAttribute("href")`); got != "/chats/ana#end" {
		t.Errorf("j j focuses %q", got)
	}
	b.run(chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#m24")))
	b.run(chromedp.KeyEvent("/"))
	if got := eval[string](b, `document.activeElement.id`); got != "in-chat" {
		t.Errorf("/ in a chat focuses %q", got)
	}
	b.run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("k"))
	first := eval[string](b, `document.activeElement.dataset.id || ""`)
	b.run(chromedp.KeyEvent("k"))
	second := eval[string](b, `document.activeElement.dataset.id || ""`)
	if first == "" || second == "" || first == second {
		t.Errorf("k goes from message %q to %q", first, second)
	}
	b.run(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS(".fields")))
}

func TestSearchAsYouType(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats")
	b.run(chromedp.SendKeys(chromedp.CSS("#find"), "brun"))
	b.until("two chats", `document.querySelectorAll("#rows .row").length === 2`)
	if got := eval[string](b, `location.search`); got != "?q=brun" {
		t.Errorf("address has %q", got)
	}
	if got := eval[string](b, `document.getElementById("live").textContent`); got != "2 chats" {
		t.Errorf("a screen reader hears %q", got)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#find"), "zzz"))
	b.until("none", `document.querySelector("#rows .empty") !== null`)
}

// TestTheListGrows: a chat that is imported while somebody looks at the list
// comes into it, and the keyboard stays where it was.
func TestTheListGrows(t *testing.T) {
	b := newBrowser(t)
	b.open("/chats")
	b.run(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	b.web.index.bring(index.ChatRow{ID: "new", Name: "Just imported", Messages: 3})
	b.until("the chat", `document.querySelector("#rows .row-name").textContent === "Just imported"`)
	if got := eval[string](b, `document.activeElement.getAttribute("href") || ""`); got != "/chats/ana#end" {
		t.Errorf("the focus went to %q", got)
	}
}

// TestWithoutScripts reads a chat, jumps and searches in a browser that runs
// no script.
func TestWithoutScripts(t *testing.T) {
	b := newBrowser(t)
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open("/chats?q=long")
	b.run(chromedp.Click(chromedp.CSS(".row")), chromedp.WaitVisible(chromedp.CSS("#m99999")))
	b.run(chromedp.Click(chromedp.CSS("#earlier")), chromedp.WaitReady(chromedp.CSS("#m99939")), chromedp.WaitNotPresent(chromedp.CSS("#m99940")))
	b.run(chromedp.Click(chromedp.CSS("#later")), chromedp.WaitVisible(chromedp.CSS("#m99940")), chromedp.WaitNotPresent(chromedp.CSS("#m99939")))
	b.open("/chats/long?at=50000")
	b.until("the message to be in view", `(() => { const r = document.getElementById("m50000").getBoundingClientRect(); return r.top > 100 && r.bottom < innerHeight })()`)
	b.run(chromedp.SendKeys(chromedp.CSS("#in-chat"), "number"+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".chip")))
	b.open("/search")
	b.run(chromedp.SendKeys(chromedp.CSS("#q"), "sign"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("mark")))
}
