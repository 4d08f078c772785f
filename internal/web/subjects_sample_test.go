package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// enter enters a request and returns its page.
func (d *desked) enter(kind, person, query string) string {
	d.t.Helper()
	w := d.post("/subjects", url.Values{"kind": {kind}, "person": {person}, "query": {query}, "received": {d.now().Format(time.DateOnly)}, "reason": {"a letter"}})
	if w.Code != http.StatusSeeOther {
		d.t.Fatalf("enter a request: %d\n%.1500s", w.Code, w.Body)
	}
	page, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	return page
}

func TestACopyLeavesEverybodyElseOut(t *testing.T) {
	d := deskedFirm(t)
	d.signIn2("olga")
	d.wants("/subjects", http.StatusOK, "No request of a data subject is open")
	d.wants("/subjects/new?q="+url.QueryEscape(hostileText), http.StatusOK)
	for _, v := range []url.Values{
		{"kind": {"access"}, "person": {hostileText}, "query": {`"open`}, "received": {"2026-11-01"}},
		{"kind": {hostileText}, "person": {"x"}, "query": {"e"}, "received": {"2026-11-01"}},
		{"kind": {"access"}, "person": {"x"}, "query": {""}, "received": {"2026-11-01"}},
		{"kind": {"access"}, "person": {"x"}, "query": {"e"}, "received": {hostileText}},
		{"kind": {"access"}, "person": {"x"}, "query": {"e"}, "received": {"2029-11-01"}},
	} {
		w := d.post("/subjects", v)
		harmless(t, w.Body.String())
		if w.Code != http.StatusConflict && w.Code != http.StatusBadRequest {
			t.Errorf("%v: %d", v, w.Code)
		}
	}
	page := d.enter(govern.Access, "Ana Lima", "e")
	d.wants("/subjects", http.StatusOK, page, "Ana Lima", "24 December 2026")
	d.wants(page, http.StatusOK, "Make the copy")
	body := d.wants(page+"/copy", http.StatusOK, "Bruno Costa")
	ana := d.find(regexp.MustCompile(`name="them" value="([0-9a-f]+)"[^>]*><span><bdi lang="">Ana Lima</bdi> <span class="hint">\d`), body)
	for _, v := range []url.Values{{}, {"them": {hostileText}}, {"also": {"Nobody, at all"}}} {
		w := d.post(page+"/copy", v)
		harmless(t, w.Body.String())
		if w.Code != http.StatusConflict {
			t.Errorf("a copy for %v: %d", v, w.Code)
		}
	}
	if d.traces(govern.TraceCopy) != 0 {
		t.Error("a copy that was not made left a trace")
	}
	for _, as := range []string{"html", "jsonl"} {
		w := d.post(page+"/copy", url.Values{"them": {ana}, "also": {"+351910000001"}, "as": {as}})
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
			t.Fatalf("the copy: %d\n%.1500s", w.Code, w.Body)
		}
		got := html.UnescapeString(w.Body.String())
		for _, no := range []string{"Bruno", "Costa", "מאיה", "الفاسي", "Jo Doe", "700900001", "910000002", "Person olga", "Person rita"} {
			if strings.Contains(got, no) {
				t.Errorf("the copy as %s has %q", as, no)
			}
		}
		if !strings.Contains(got, "I agree to clause 4 as amended") || strings.Contains(got, "somebody sent me this") {
			t.Errorf("the copy as %s has not what it should\n%.3000s", as, got)
		}
		if as == "html" && (strings.ContainsAny(got, "\x00\x1b") || strings.Contains(strings.ToLower(w.Body.String()), "<script")) {
			t.Error("the copy has what a page must not have")
		}
	}
	if d.traces(govern.TraceCopy) != 2 {
		t.Error("a copy left no trace")
	}
	for _, answer := range []string{"erased", hostileText, ""} {
		if w := d.post(page+"/answer", url.Values{"answer": {answer}, "reason": {"x"}}); w.Code != http.StatusConflict {
			t.Errorf("answer %q: %d", answer, w.Code)
		}
	}
	if w := d.post(page+"/answer", url.Values{"answer": {"copy"}, "reason": {strings.ToValidUTF8(hostileText, "")}}); w.Code != http.StatusSeeOther {
		t.Fatalf("answer: %d", w.Code)
	}
	d.wants(page, http.StatusOK, "A copy was given")
	d.wants("/subjects", http.StatusOK, "Answered", "A copy was given")
	d.get(page+"/copy", http.StatusNotFound)
	for _, path := range []string{"/subjects/1", "/subjects/x"} {
		d.get(path, http.StatusNotFound)
	}
}

func TestAnErasureIsProposedAndAnswersItsRequest(t *testing.T) {
	d := deskedFirm(t)
	d.signIn2("olga")
	d.signIn2("lena")
	d.as("olga")
	d.shelf.finds = []int64{3, 4, 901}
	page := d.enter(govern.Erasure, strings.ToValidUTF8("Ana <b>Lima", ""), "e")
	body := d.wants(page, http.StatusOK, "What can be erased", "no policy", "Some of the messages")
	v := url.Values{"seen": {d.find(seenIn, body)}, "today": {"2020-01-01"}, "reason": {"GDPR 17"}}
	if w := d.post(page+"/propose", v); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "clock of this machine") {
		t.Errorf("proposed on another day: %d", w.Code)
	}
	v.Set("today", d.now().Format(time.DateOnly))
	w := d.post(page+"/propose", v)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("propose: %d\n%.900s", w.Code, w.Body)
	}
	disposal, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if body := d.wants(page, http.StatusOK, disposal); strings.Contains(body, `id="propose"`) {
		t.Error("it can be proposed twice")
	}
	d.as("lena")
	d.wants(disposal, http.StatusOK, page, ">Confirm<")
	if w := d.post(disposal+"/confirm", url.Values{"today": v["today"]}); w.Code != http.StatusSeeOther {
		t.Fatalf("confirm: %d\n%.900s", w.Code, w.Body)
	}
	d.post(disposal+"/run", nil)
	d.run.Wait()
	body = d.wants(page, http.StatusOK, "Erased", disposal)
	d.wants(d.find(regexp.MustCompile(`href="(/disposals/certificates/\d+)"`), body), http.StatusOK, page, "data subject")
	// What a policy keeps is named with its clause.
	d.as("olga")
	d.rule()
	d.shelf.recent = true
	page = d.enter(govern.Erasure, "Ana", "e")
	d.wants(page, http.StatusOK, "Nothing of it can be erased", "What has to stay", "Rule 17a-4", "GDPR 17(3)(b)")
	if w := d.post(page+"/answer", url.Values{"answer": {"refused"}, "reason": {"Rule 17a-4"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("refuse: %d", w.Code)
	}
	d.setNow(d.now().AddDate(0, 2, 0))
}
