package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/rules"
)

// waits lets a message wait in the gateway, as the gateway would.
func (p *people) waits(request int64, what, sender string, until time.Duration) {
	p.t.Helper()
	if _, err := p.server.ledger.Do(p.t.Context(), govern.Actor{Via: "gateway"}, govern.Request{Act: govern.ActSendWait, Data: govern.SendWait{
		Request: request, For: what, Why: "The rule “Promises” holds it for a second person: it has a word or phrase of the rule's list.", Rule: "promises",
		Until: p.now().Add(until), Expires: p.now().Add(24 * time.Hour), Sender: sender,
	}}); err != nil {
		p.t.Fatal(err)
	}
}

// sendingFirm has a rule, and messages that wait.
func sendingFirm(t *testing.T) *people {
	t.Helper()
	p := firm(t)
	p.log.Skip(2000)
	p.as("olga")
	if w := p.post("/sends/rules", url.Values{"new": {"1"}, "id": {"promises"}, "name": {"Promises"}, "do": {"hold"}, "words": {"guaranteed return\nعائد مضمون\n"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("the rule: %d %s", w.Code, w.Body)
	}
	return p
}

func TestWhoSendsCannotLetItGo(t *testing.T) {
	p := sendingFirm(t)
	p.waits(901, govern.SendHold, "olga", 0)
	p.as("olga")
	if body := p.get("/sends", http.StatusOK); strings.Contains(body, "/sends/901/release") || !strings.Contains(body, "somebody else has to let it go") {
		t.Error("who sends it is offered to let it go")
	}
	if w := p.post("/sends/901/release", url.Values{}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Whoever sends it cannot let it go") {
		t.Errorf("who sends it lets it go: %d", w.Code)
	}
	p.as("lena")
	if body := p.get("/sends", http.StatusOK); !strings.Contains(body, "/sends/901/release") || !strings.Contains(body, `1<span class="unseen"> waits for you`) {
		t.Error("the second person is not told")
	}
	if n := p.traces(traceSends); n == 0 {
		t.Error("nobody noted who has read what waits")
	}
	p.post("/sends/901/withdraw", url.Values{}) // without a reason
	if w := p.post("/sends/901/release", url.Values{"reason": {"I have read it"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("the second person: %d %s", w.Code, w.Body)
	}
	if body := p.get("/sends?done=send.release", http.StatusOK); !strings.Contains(body, "Let go. It leaves") {
		t.Error("the list does not say what was done")
	}
	if body := p.get("/sends/901", http.StatusOK); !strings.Contains(body, "I have read it") {
		t.Error("the page does not say who let it go, and why")
	}
	p.get("/sends/902", http.StatusNotFound)
}

func TestADelayIsTakenBack(t *testing.T) {
	p := sendingFirm(t)
	p.waits(901, govern.SendDelay, "olga", 10*time.Second)
	p.as("olga")
	if w := p.do(http.MethodGet, "/sends", nil); w.Header().Get("Refresh") == "" || !strings.Contains(w.Body.String(), "10 seconds") {
		t.Error("no countdown")
	}
	if w := p.post("/sends/901/withdraw", url.Values{"reason": {"A mistake"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := p.do(http.MethodGet, "/sends", nil); w.Header().Get("Refresh") != "" || !strings.Contains(w.Body.String(), "Withdrawn") {
		t.Error("the list does not say that it was withdrawn, or still counts")
	}
}

func TestARuleIsTriedLoosenedAndRemoved(t *testing.T) {
	p := sendingFirm(t)
	p.as("olga")
	w := p.post("/sends/rules/try", url.Values{"text": {"We have a Guaranteed Return <b>"}, "kind": {"text"}})
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "It is held") || !strings.Contains(body, ">Guaranteed Return</mark>") {
		t.Errorf("%d: what is tried is not told: %s", w.Code, body)
	}
	same := url.Values{"id": {"promises"}, "name": {"Promises"}, "do": {"hold"}, "words": {"guaranteed return"}, "reason": {"too many"}}
	if w := p.post("/sends/rules", same); w.Header().Get("Location") != "/sends/rules?done=rule-asked" {
		t.Errorf("fewer words by one person: %d %s", w.Code, w.Header())
	}
	if w := p.post("/sends/rules", url.Values{"new": {"1"}, "id": {"promises"}, "name": {"Other"}, "do": {"block"}}); w.Code != http.StatusConflict {
		t.Errorf("a new rule in the place of another: %d", w.Code)
	}
	p.as("lena")
	if body := p.get("/requests", http.StatusOK); !strings.Contains(body, "Loosen a rule for what is sent") {
		t.Error("the request is not told")
	}
	p.confirmAll()
	p.as("olga")
	if body := p.get("/sends/rules", http.StatusOK); strings.Contains(body, "مضمون") {
		t.Error("the rule is as it was")
	}
	if w := p.post("/sends/rules", url.Values{"id": {"promises"}, "act": {"remove"}, "reason": {"no use"}}); w.Header().Get("Location") != "/sends/rules?done=rule-asked" {
		t.Errorf("removed by one person: %d", w.Code)
	}
	p.get("/sends/rules/forecast", http.StatusOK)
	if w := p.post("/sends/consents", url.Values{"to": {"+44 7700 900123"}, "marketing": {"no"}}); w.Code != http.StatusSeeOther {
		t.Errorf("a consent: %d", w.Code)
	}
	if w := p.post("/sends/consents", url.Values{"to": {"+44 7700 900123"}}); w.Code != http.StatusConflict {
		t.Errorf("a consent to nothing: %d", w.Code)
	}
	if body := p.get("/sends/consents?find=900123", http.StatusOK); !strings.Contains(body, "447700900123") {
		t.Error("the consent is not listed")
	}
	for _, typed := range []url.Values{
		{"new": {"1"}, "id": {"x"}, "name": {"<b>"}, "do": {"delay"}, "seconds": {"soon"}},
		{"new": {"1"}, "id": {"x"}, "name": {"<b>"}, "do": {"block"}, "pattern": {"(<script>"}},
		{"new": {"1"}, "id": {"<x>"}, "name": {"X"}, "do": {"block"}},
		{"new": {"1"}, "id": {"x"}, "name": {"X"}, "do": {"block"}, "from": {"09:00"}, "till": {"17:00"}, "zone": {"Mars"}, "day": {"1"}},
	} {
		w := p.post("/sends/rules", typed)
		if w.Code != http.StatusConflict {
			t.Errorf("%v: %d", typed, w.Code)
		}
		harmless(t, w.Body.String())
	}
	// What is typed comes back as it was.
	full := rules.Rule{
		ID: "full", Name: "Full", Do: rules.Delay, For: 30, Words: []string{"a", "b c"}, Pattern: "x+", To: []string{"+1*"}, Links: true, Consent: rules.Missing, Say: "No.",
		Sources: []string{"main"}, Numbers: []string{"1"}, Kinds: []string{"text"}, Outside: &rules.Hours{Zone: "UTC", Days: []int{1, 7}, From: "09:00", To: "17:30", Holidays: []string{"2026-12-25"}},
	}
	f := newRuleForm(&full)
	r := &http.Request{PostForm: url.Values{
		"id": {f.ID}, "name": {f.Name}, "do": {f.Do}, "words": {f.Words}, "pattern": {f.Pattern}, "to": {f.To}, "from": {f.From}, "till": {f.Till}, "zone": {f.Zone}, "holidays": {f.Holidays},
		"consent": {f.Consent}, "sources": {f.Sources}, "numbers": {f.Numbers}, "kinds": {f.Kinds}, "seconds": {f.Seconds}, "text": {f.Text}, "say": {f.Say}, "links": {"on"}, "day": {"1", "7"},
	}}
	if _, got, err := readRuleForm(r); err != nil || rules.Loosens(&full, &got) || got.For != 30 || got.Check() != nil || len(got.Outside.Holidays) != 1 {
		t.Errorf("%+v became %+v, %v", full, got, err)
	}
}

// TestAHeldSendInABrowser: what a rule holds, another person lets go.
func TestAHeldSendInABrowser(t *testing.T) {
	b := newBrowser(t)
	p := sendingFirm(t)
	p.waits(9, govern.SendHold, "rita", 0)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	b.run(chromedp.Navigate(p.server.LinkFor(srv.URL, "olga")))
	b.open("/sends/9")
	b.typed("#decide", map[string]string{"reason": "It is the price list"})
	b.sent("#decide", `document.querySelector(".note.good") !== null`)
	b.picture("send-released")
	_ = p.server.ledger.Read(t.Context(), func(st *govern.State) error { // cannot fail
		if x := st.Sends[9]; x.Released.By != "olga" || x.Released.Why != "It is the price list" {
			t.Errorf("released: %+v", x.Released)
		}
		return nil
	})
}
