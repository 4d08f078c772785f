package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestNobodyReadsWithoutAReason, where the firm asks for one: once a session
// for each chat and search, and it stands beside each look.
func TestNobodyReadsWithoutAReason(t *testing.T) {
	p := firm(t)
	p.signIn2("rita")
	if w := p.post("/settings/reason", url.Values{"required": {"1"}}); w.Code != http.StatusForbidden {
		t.Fatalf("a reviewer decides it: %d", w.Code)
	}
	p.get("/chats/acme", http.StatusOK)
	p.signIn2("olga")
	if w := p.post("/settings/reason", url.Values{"required": {"1"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("set: %d\n%.500s", w.Code, w.Body)
	}
	p.signIn2("rita")
	give := func(what, why, back string) {
		t.Helper()
		if w := p.post("/reasons", url.Values{"for": {what}, "reason": {why}, "back": {back}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != back {
			t.Fatalf("reason for %s: %d, %s", what, w.Code, w.Header().Get("Location"))
		}
	}
	asks := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			body := p.get(path, http.StatusPreconditionRequired)
			if strings.Contains(body, `class="bubble`) || !strings.Contains(body, "autofocus") {
				t.Errorf("%s shows content without a reason, or does not ask", path)
			}
			harmless(t, body)
		}
	}
	p.get("/chats", http.StatusOK)
	p.get("/search", http.StatusOK)
	asks("/chats/acme", "/chats/acme/print", "/fragment/chats/acme", "/messages/9", "/search?q=sign", "/media/"+pictureSum, "/search?q="+url.QueryEscape(hostileText))
	if w := p.post("/reasons", url.Values{"for": {"chat:acme"}, "reason": {" "}, "back": {"//evil.example"}}); w.Code != http.StatusPreconditionRequired || strings.Contains(w.Body.String(), "evil") {
		t.Errorf("an empty reason: %d", w.Code)
	}
	give("chat:acme", "Matter Acme", "/chats/acme")
	n := p.traces(`"Matter Acme"`)
	for _, path := range []string{"/chats/acme", "/chats/acme/print", "/messages/9", "/media/" + pictureSum} {
		p.get(path, http.StatusOK)
	}
	if got := p.traces(`"Matter Acme"`) - n; got != 4 {
		t.Errorf("%d of 4 looks have their reason", got)
	}
	asks("/chats/ana", "/search?q=sign")
	give("search:sign", "monthly review", "/search?q=sign")
	p.get("/search?q=sign", http.StatusOK)
	asks("/search?q=other")
	p.signIn2("rita") // another session
	asks("/chats/acme", "/media/"+pictureSum)

	p.signIn2("olga")
	w := p.post("/account/tokens", url.Values{"name": {"nightly"}, "until": {"2027-01-31"}, "action": {"search"}})
	token := p.find(regexp.MustCompile(`(wxs_[a-z2-7]+)`), w.Body.String())
	p.cookie = nil
	for why, want := range map[string]int{"": http.StatusPreconditionRequired, "nightly export": http.StatusOK} {
		if got := p.do(http.MethodGet, "/search?q=sign", func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Waxseal-Reason", why)
		}).Code; got != want {
			t.Errorf("a token with reason %q: %d, want %d", why, got, want)
		}
	}
	if p.traces(`"nightly export"`) != 1 {
		t.Error("the reason of a token is in no trace")
	}
	p.signIn2("olga")
	if w := p.post("/settings/reason", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("unset: %d", w.Code)
	}
	p.get("/chats/acme", http.StatusOK)
}
