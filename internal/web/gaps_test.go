package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// livePhone is an index whose live number gets messages every working hour.
type livePhone struct {
	Index
	now func() time.Time
}

func (l livePhone) Found(ctx context.Context, query, chatID string, fn func(int64, time.Time)) error {
	if !strings.Contains(query, "source:cloudapi") {
		return l.Index.Found(ctx, query, chatID, fn)
	}
	every := 3
	if strings.Contains(query, "is:sent") {
		every = 5
	}
	n := 0
	for at := l.now().AddDate(0, 0, -80).Truncate(time.Hour); at.Before(l.now()); at = at.Add(time.Hour) {
		if n++; at.Hour() > 7 && at.Hour() < 19 && n%every == 0 {
			fn(int64(n), at)
		}
	}
	return nil
}

// listening is a firm with a number that was listened to, with holes.
func listening(t *testing.T) (p *people, gaps []int64) {
	t.Helper()
	p = firm(t)
	p.server.whole = livePhone{p.server.whole, p.now}
	l := p.server.ledger
	root, err := subjectOf(p, "root")
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Do(t.Context(), govern.Actor{Subject: root, Via: "command"}, govern.Request{Act: govern.ActSetSource, Secret: []byte("{}"), Data: govern.SetSource{
		Name: "main", Kind: "cloudapi", Config: []byte(`{"numbers":[{"id":"7","phone":"+15550783881"},{"id":"8","phone":"+15550783882"}]}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	own := func(act string, data any) int64 {
		t.Helper()
		id, err := l.Do(t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: act, Data: data})
		if err != nil {
			t.Fatalf("%s: %v", act, err)
		}
		return id
	}
	day := func(n int, h float64) time.Time {
		return p.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -n).Add(time.Duration(h * float64(time.Hour)))
	}
	for _, s := range [][2]time.Time{{day(50, 9), day(31, 3)}, {day(31, 11.5), day(20, 17)}, {day(17, 8), p.now()}} {
		own(govern.ActSourceHeard, govern.HeardData{Source: "main", From: s[0], To: s[1], Counted: []govern.HeardCount{
			{Number: "+15550783881", Day: s[0].Format(time.DateOnly), Deliveries: 40, Statuses: 31, Media: 4},
		}})
	}
	for i, g := range []govern.GapData{
		{Kind: "orphan_outbound", Number: "+15550783881", Start: day(9, 10), Messages: govern.Runs{{1, 4}, {9, 1}}, Reason: "WhatsApp reports on messages that the business sent, and nobody has told the archive what they say. They went out by another way than the gateway."},
		{Kind: "media", Number: "+15550783882", Start: day(25, 11), Messages: govern.Runs{{7, 2}}, Reason: "Files that messages name are not fetched yet, or can no longer be had."},
		{Kind: "history_missing", Number: "+15550783881", Start: day(2, 11), Refs: []string{"3EB0A9253F3C1B1A2F4D"}, Reason: "Meta lists messages that are not in the archive."},
		{Kind: "not_listening", Start: day(20, 17), End: day(17, 8), Reason: "Waxseal did not run, or could not take what came."},
		{Kind: "unknown_field", Start: day(1, 3), End: day(1, 3), Reason: "Meta delivered for the first time what this version does not know: new_thing. It is kept as it came."},
		{Kind: "ghost", Number: "+15550783881", Start: day(40, 3), Messages: govern.Runs{{3, 1}}, Reason: "WhatsApp gave a placeholder for messages, and their content never followed."},
	} {
		g.Key, g.Source = fmt.Sprint(i), "main"
		gaps = append(gaps, own(govern.ActGapOpen, g))
	}
	own(govern.ActGapClose, govern.ForGap{Gap: gaps[5]})
	return p, gaps
}

func TestAGapIsSeenAndExplained(t *testing.T) {
	p, gaps := listening(t)
	p.as("olga")
	body := p.get("/gaps", http.StatusOK)
	harmless(t, body)
	for _, want := range []string{"Sent by another way", "Listed by Meta, not here", "For information", "15550783882", "The last 42 days"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	if strings.Contains(body, "Content never came</a>") {
		t.Error("a filled gap stands among the open ones")
	}
	if body := p.get("/gaps?state=closed", http.StatusOK); !strings.Contains(body, "Content never came</a>") {
		t.Error("a filled gap is not in its list")
	}
	if body := p.get("/gaps?kind=media&state=nonsense", http.StatusOK); !strings.Contains(body, "File not here</a>") || strings.Contains(body, "Sent by another way</a>") {
		t.Error("the list is not of one kind")
	}
	at := fmt.Sprintf("/gaps/%d", gaps[0])
	if body := p.get(at, http.StatusOK); !strings.Contains(body, "5 missing") || !strings.Contains(body, `href="/messages/9"`) {
		t.Error("the gap does not name its messages")
	}
	if w := p.post(at+"/explain", url.Values{"reason": {" "}}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Say why") {
		t.Errorf("explained without a word: %d", w.Code)
	}
	const why = "أُرسلت من صندوق الوارد"
	if w := p.post(at+"/explain", url.Values{"reason": {why}}); w.Code != http.StatusSeeOther {
		t.Fatalf("explain: %d", w.Code)
	}
	body = p.get(at, http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "<bdi lang=\"\">"+why) || !strings.Contains(body, "Explain it anew") {
		t.Error("the explanation is not shown")
	}
	for _, path := range []string{"/gaps/999999", "/gaps/x"} {
		p.get(path, http.StatusNotFound)
	}
	if w := p.post(fmt.Sprintf("/gaps/%d/explain", gaps[5]), url.Values{"reason": {"x"}}); w.Code != http.StatusNotFound {
		t.Errorf("a filled gap is explained: %d", w.Code)
	}
}

func TestCoverageIsStated(t *testing.T) {
	p, _ := listening(t)
	p.as("olga")
	body := p.get("/coverage", http.StatusOK)
	harmless(t, body)
	for _, want := range []string{"Listened all day, nothing missing", "Not listened", "Listened part of the day", "Something missing", "Sent by another way: 5", "00:00–17:00", "Files over 100 MB"} {
		if !strings.Contains(body, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	for _, bad := range []string{"from=x", "to=31.12.2026", "from=2026-02-02&to=2026-02-01", "from=1000-01-01"} {
		harmless(t, p.get("/coverage?"+bad, http.StatusBadRequest))
	}
	p = firm(t)
	p.as("olga")
	if body := p.get("/coverage", http.StatusOK); !strings.Contains(body, "No number is listened to live") {
		t.Error("an empty report says nothing")
	}
	if body := p.get("/gaps", http.StatusOK); !strings.Contains(body, "Nothing is listened to live") {
		t.Error("an empty list says nothing")
	}
}

// TestScreensOfGaps: nothing is wider than the screen.
func TestScreensOfGaps(t *testing.T) {
	b := newBrowser(t)
	p, gaps := listening(t)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	k := p.keys["olga"]
	b.open("/sign-in")
	b.typed(`main form.card`, map[string]string{"login": "olga", "password": k.password, "code": p.code(k.secret)})
	b.sent(`main form.card`, `document.querySelector(".person") !== null`)
	b.forgive() // a page without a session answers 401
	for _, w := range []int64{390, 1280} {
		b.window(w, 900)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for name, path := range map[string]string{"gaps": "/gaps", "gap": fmt.Sprintf("/gaps/%d", gaps[0]), "coverage": "/coverage"} {
				b.open(path)
				if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w {
					t.Errorf("%s at %d is %d wide", name, w, got)
				}
				if w == 390 && scheme == "light" {
					for _, small := range eval[[]string](b, tooSmall) {
						t.Errorf("%s: %s", name, small)
					}
				}
				b.picture(fmt.Sprintf("%s-%d-%s", name, w, scheme))
			}
		}
	}
}
