package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// hooked sets a webhook as somebody with a key does, and asks for it to be
// confirmed. Both are entries of the log.
func (p *people) hooked(who govern.Actor, d govern.HookData) (set, asked int64) {
	p.t.Helper()
	key := []byte("a key of sixteen characters")
	set, err := p.server.ledger.Do(p.t.Context(), who, govern.Request{Act: govern.ActHookSet, Reason: "The CRM shows it.", Secret: key, Data: d})
	if err != nil {
		p.t.Fatal(err)
	}
	asked, _, err = p.server.ledger.DoOrAsk(p.t.Context(), who, govern.Request{Act: govern.ActHookOpen, Data: govern.HookOpen{ID: d.ID, Set: set}})
	if err != nil {
		p.t.Fatal(err)
	}
	return set, asked
}

// withHooks are webhooks in every state. What is in each was written by people.
func (p *people) withHooks(url string, operator, officer govern.Actor) {
	p.t.Helper()
	do := func(who govern.Actor, act string, data any) {
		p.t.Helper()
		if _, err := p.server.ledger.Do(p.t.Context(), who, govern.Request{Act: act, Data: data}); err != nil {
			p.t.Fatalf("%s: %v", act, err)
		}
	}
	for _, id := range []string{"crm", "failing", "parked", "paused", "waits"} {
		d := govern.HookData{ID: id, URL: url, Events: govern.HookEvents()}
		if id != "crm" {
			d.Events, d.Scope = []string{govern.HookReceived, govern.HookStored}, access.Scope{Custodians: []string{"j.doe", "a.haddad"}}
		}
		_, asked := p.hooked(operator, d)
		if id == "waits" {
			continue
		}
		if p.hook(id).Opened == 0 {
			do(officer, govern.ActApprove, govern.Decision{Request: asked})
		}
		h := p.hook(id)
		at := govern.HookAt{ID: id, Turn: h.Turn, Next: h.Next, Failing: p.now().Add(-time.Hour), Why: "answered 500"}
		switch id {
		case "failing":
			do(govern.Actor{Via: "hooks"}, govern.ActHookReached, at)
		case "parked":
			do(govern.Actor{Via: "hooks"}, govern.ActHookPark, at)
		case "paused":
			do(operator, govern.ActHookPause, govern.HookPause{ID: id, Paused: true})
		}
	}
}

// who is somebody at the command line.
func (p *people) who(login string) govern.Actor {
	p.t.Helper()
	sub, err := subjectOf(p, login)
	if err != nil {
		p.t.Fatal(err)
	}
	return govern.Actor{Subject: sub, Via: "command"}
}

func (p *people) hook(id string) (h govern.Hook) {
	p.t.Helper()
	if err := p.server.ledger.Read(p.t.Context(), func(st *govern.State) error { h = *st.Hooks[id]; return nil }); err != nil {
		p.t.Fatal(err)
	}
	return h
}

func sampleHooks(now func() time.Time) func(string) (HookState, bool) {
	return func(id string) (HookState, bool) {
		switch id {
		case "crm":
			return HookState{Next: 1 << 40, Answer: "taken", At: now(), Told: 18_234}, true
		case "failing":
			return HookState{Next: 2057, Answer: "answered 500", At: now(), Tries: 7, Told: 12}, true
		}
		return HookState{}, false
	}
}

func TestWebhooksAreShown(t *testing.T) {
	p := firm(t)
	p.as("root")
	if body := p.get("/hooks", http.StatusOK); !strings.Contains(body, "waxseal hook add NAME") {
		t.Error("the empty page does not say how a webhook is added")
	}
	p.server.hookState = sampleHooks(p.now)
	p.withHooks("https://crm.acme.example/waxseal?to=<b>", p.who("root"), p.who("olga"))
	body := p.get("/hooks", http.StatusOK)
	words := wordsOf(body)
	for _, want := range []string{
		"waits for confirmation", "is told", "fails", "paused", "parked", "https://crm.acme.example/waxseal?to=<b>", "message.received", "the whole archive", "custodians j.doe, a.haddad",
		"all is told", "answered 500 since", "7 tries", "18,234", "waxseal hook replay parked", "waxseal hook pause paused --go-on", "none since this program began", "Webhooks",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(words, "waxseal hook replay waits") || strings.Contains(body, "a key of sixteen") {
		t.Error("what was told nothing is offered again, or a key is shown")
	}
	harmless(t, body)
	p.as("olga")
	if body := p.get("/hooks", http.StatusOK); strings.Contains(body, "waxseal hook remove") != strings.Contains(body, "Change it") {
		t.Error("commands without their fold")
	}
	p.as("rita")
	p.get("/hooks", http.StatusForbidden)
	p.server.hookState = nil
	p.as("root")
	if body := p.get("/hooks", http.StatusOK); strings.Contains(body, "Last answer") {
		t.Error("a program that tells nothing says how it went")
	}
}

// TestWhoConfirmsAWebhookSeesIt: the request names the webhook alone, and its
// page says what leaves, and where to.
func TestWhoConfirmsAWebhookSeesIt(t *testing.T) {
	p := firm(t)
	operator := p.who("root")
	d := govern.HookData{ID: "crm", URL: "https://crm.acme.example/waxseal", Events: []string{govern.HookReceived}, Scope: access.Scope{Custodians: []string{"j.doe"}}}
	_, first := p.hooked(operator, d)
	p.as("olga")
	body := p.get("/requests", http.StatusOK)
	for _, want := range []string{"Let another program be told", "https://crm.acme.example/waxseal", "message.received", "custodians j.doe"} {
		if !strings.Contains(wordsOf(body), want) {
			t.Errorf("the request does not say %q", want)
		}
	}
	// Set again meanwhile: what was read is not what would be confirmed.
	d.URL = "https://elsewhere.example/"
	_, second := p.hooked(operator, d)
	body = wordsOf(p.get("/requests", http.StatusOK))
	if !strings.Contains(body, "It was set again since") || strings.Contains(body, "crm.acme.example") || !strings.Contains(body, "elsewhere.example") {
		t.Error("an old request shows the new address, or does not say that it is old")
	}
	if w := p.post("/requests/"+num(first)+"/approve", nil); w.Code != http.StatusConflict || p.hook("crm").Opened != 0 {
		t.Errorf("the old request is confirmed: %d", w.Code)
	}
	p.as("rita")
	if w := p.post("/requests/"+num(second)+"/approve", nil); w.Code == http.StatusSeeOther || p.hook("crm").Opened != 0 {
		t.Errorf("a reviewer confirms it: %d", w.Code)
	}
	p.as("olga")
	if w := p.post("/requests/"+num(second)+"/approve", nil); w.Code != http.StatusSeeOther || p.hook("crm").Opened == 0 {
		t.Errorf("an officer confirms it: %d", w.Code)
	}
	if body := wordsOf(p.get("/hooks", http.StatusOK)); !strings.Contains(body, "is told") || strings.Contains(body, "waits for confirmation") {
		t.Error("the page does not say that it is told")
	}
}
