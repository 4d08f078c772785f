package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// TestTheFirstPageSaysWhatWaits for each role, and no more than they may see.
func TestTheFirstPageSaysWhatWaits(t *testing.T) {
	p := firm(t)
	p.as("olga")
	if body := p.get("/", http.StatusOK); !strings.Contains(body, "There is no policy yet") {
		t.Error("an officer is not told that there is no policy")
	}
	p.as("rita")
	if w := p.do(http.MethodGet, "/", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/chats" {
		t.Errorf("a reviewer with nothing waiting: %d %s", w.Code, w.Header().Get("Location"))
	}
	p.as("root")
	p.invite("mole", "reviewer", nil)
	if body := p.get("/chats", http.StatusForbidden); strings.Contains(body, `class="count"`) {
		t.Error("who asked is told to decide")
	}
	p.as("olga")
	body := p.get("/", http.StatusOK)
	for _, want := range []string{"1 request for you to decide", "Add an account that reads", `href="/requests#r`, `<span class="count">1`} {
		if !strings.Contains(body, want) {
			t.Errorf("an officer's first page has no %q", want)
		}
	}
	harmless(t, body)
	p.as("lena")
	if body := p.get("/search", http.StatusOK); strings.Contains(body, `class="count"`) {
		t.Error("legal counsel is told of a request that an officer decides")
	}
}

// TestACustodianAcknowledges their own notices and nobody else's; what waits
// for more than a week is due.
func TestACustodianAcknowledges(t *testing.T) {
	p := firm(t)
	p.as("olga")
	do := func(act, reason string, data any) int64 {
		t.Helper()
		st, err := subjectOf(p, "olga")
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.server.ledger.Do(t.Context(), govern.Actor{Subject: st, Via: "console"}, govern.Request{Act: act, Reason: reason, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	do(govern.ActCustodianSet, "", govern.CustodianData{ID: "carl", Name: "Carl"})
	do(govern.ActCustodianSet, "", govern.CustodianData{ID: "eve", Name: "Eve"})
	hold := do(govern.ActHoldPlace, "a claim", govern.HoldData{Name: "<script>alert(1)</script> \u05d0\u05d1", Query: "acme"})
	both := do(govern.ActHoldNotice, "", govern.NoticeData{Hold: hold, Text: strings.ToValidUTF8(hostileText, ""), Custodians: []string{"carl", "eve"}})
	eves := do(govern.ActHoldNotice, "", govern.NoticeData{Hold: hold, Text: "For Eve alone.", Custodians: []string{"eve"}})
	p.as("carl")
	for _, page := range []string{"/", "/requests", "/account"} {
		body := p.get(page, http.StatusOK)
		harmless(t, body)
		if !strings.Contains(body, "/notices") {
			t.Errorf("%s does not say that a notice waits", page)
		}
	}
	body := p.get("/notices", http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "notices/"+num(both)) || strings.Contains(body, "For Eve alone") {
		t.Error("the page has not their notices, or has others'")
	}
	for _, form := range []url.Values{{"custodian": {"eve"}}, {}} {
		if w := p.post("/notices/"+num(both), form); w.Code != http.StatusNotFound {
			t.Errorf("acknowledged for somebody else: %d", w.Code)
		}
	}
	if w := p.post("/notices/"+num(eves), url.Values{"custodian": {"carl"}}); w.Code != http.StatusNotFound {
		t.Errorf("acknowledged a notice that was not for them: %d", w.Code)
	}
	if w := p.post("/notices/"+num(both), url.Values{"custodian": {"carl"}}); w.Code != http.StatusSeeOther {
		t.Errorf("acknowledge: %d", w.Code)
	}
	if w := p.post("/notices/"+num(both), url.Values{"custodian": {"carl"}}); w.Code != http.StatusConflict {
		t.Errorf("acknowledged twice: %d", w.Code)
	}
	if body := p.get("/notices", http.StatusOK); !strings.Contains(body, "No notice waits for you") || strings.Contains(body, `class="banner"`) {
		t.Error("an acknowledged notice still waits")
	}
	p.signIn2("olga")
	if body := p.get("/", http.StatusOK); strings.Contains(body, "nobody acknowledged") {
		t.Error("a notice of today is due")
	}
	p.setNow(p.now().Add(8 * 24 * time.Hour))
	p.signIn2("olga")
	body = p.get("/", http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "2 acknowledgements missing") {
		t.Error("a notice of more than a week ago is not due")
	}
	if body := p.get("/holds", http.StatusOK); !strings.Contains(body, "2 due") {
		t.Error("the list of holds does not say what is due")
	}
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

func subjectOf(p *people, login string) (sub access.Subject, err error) {
	err = p.server.ledger.Read(p.t.Context(), func(st *govern.State) (err error) { sub, err = st.Subject(login); return err })
	return sub, err
}

// TestWhatIsDueWaits until somebody has proposed it.
func TestWhatIsDueWaits(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	who := govern.Actor{Subject: access.Subject{ID: "olga", Roles: []access.Role{access.Officer}}}
	st := &govern.State{DueNoted: &govern.DueNote{At: now.AddDate(0, 0, -3), Messages: 1200}}
	if got := taskDue(st, who, now); got == nil || got.Title != "1,200 messages due for disposal" {
		t.Errorf("what is due: %+v", got)
	}
	if taskDue(st, govern.Actor{Subject: access.Subject{Roles: []access.Role{access.Reviewer}}}, now) != nil {
		t.Error("whoever may not propose is told")
	}
	st.Requests = map[int64]*govern.Asked{9: {Act: govern.ActDispose, At: now}}
	if taskDue(st, who, now) != nil {
		t.Error("what was proposed still waits")
	}
}
