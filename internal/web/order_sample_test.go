package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
)

// orderConsole is a console whose books have a label, a matter, and two
// hundred messages in the log: acts must not name what is not there yet.
func orderConsole(t *testing.T) (c *console, label, matter string) {
	t.Helper()
	c = newConsole(t, nil)
	clock := c.now
	log := &governtest.Log{Now: clock}
	log.Skip(2000)
	books, err := govern.OpenAt(t.Context(), log, clock)
	if err != nil {
		t.Fatal(err)
	}
	c.server.ledger = books
	c.act(govern.ActLabelSet, "", govern.LabelData{Name: "Deals", Rule: "contract*"})
	c.act(govern.ActMatterOpen, "", govern.MatterData{Name: "<b>قضية</b>", About: hostileNote})
	_ = books.Read(t.Context(), func(st *govern.State) error {
		for id := range st.Labels {
			label = fmt.Sprint(id)
		}
		for id := range st.Matters {
			matter = fmt.Sprint(id)
		}
		return nil
	})
	return c, label, matter
}

var hostileNote = "<script>alert(1)</script> \u202eabc\u202c قضية\n" + strings.Repeat("ن", 10_000)

func TestPagesOfOrderAreHarmless(t *testing.T) {
	c, label, matter := orderConsole(t)
	c.post("/labels", url.Values{"name": {"<i onclick=x>"}, "parent": {label}}, http.StatusSeeOther)
	c.post("/notes", url.Values{"on": {"matter:" + matter}, "text": {hostileNote}, "back": {"/matters/" + matter}}, http.StatusSeeOther)
	c.post("/notes", url.Values{"on": {"message:901"}, "text": {hostileNote}, "back": {"/messages/901"}}, http.StatusSeeOther)
	c.post("/searches", url.Values{"name": {"<u>s</u>"}, "q": {"alert " + "<s>"}, "matter": {matter}}, http.StatusSeeOther)
	c.post("/searches", url.Values{"name": {"<u>s</u>"}, "q": {"alert " + "<s>"}, "shared": {"on"}}, http.StatusSeeOther)
	for _, path := range []string{"/labels", "/matters", "/matters/" + matter, "/messages/901", "/search?q=alert", "/search/all?q=alert"} {
		body := c.get(path, http.StatusOK)
		harmless(t, body)
	}
	harmless(t, first(c.post("/labels", url.Values{"name": {`<b>"/x`}, "rule": {"<b>"}}, http.StatusConflict)))
	harmless(t, first(c.post("/matters", url.Values{"name": {"<b>قضية</b>"}}, http.StatusConflict)))
	c.get("/matters/1", http.StatusNotFound)
	c.get("/matters/%3Cb%3E", http.StatusNotFound)
}

func first(s, _ string) string { return s }

func TestAllThatIsFoundIsOrdered(t *testing.T) {
	c, label, matter := orderConsole(t)
	body := c.get("/search/all?q=alert", http.StatusOK)
	n := between(body, `name="count" value="`, `"`)
	if n == "" || n == "0" {
		t.Fatalf("the page names %q messages", n)
	}
	// Who was told of another number has confirmed something else.
	body, _ = c.post("/search/all", url.Values{"q": {"alert"}, "count": {"1000000"}, "act": {govern.ActLabelApply}, "label": {label}}, http.StatusConflict)
	if !strings.Contains(body, "Nothing was done") {
		t.Error("the page does not say that nothing was done")
	}
	c.post("/search/all", url.Values{"q": {"alert"}, "count": {n}, "act": {govern.ActLabelApply}, "label": {label}}, http.StatusSeeOther)
	_, to := c.post("/search/all", url.Values{"q": {"alert"}, "count": {n}, "act": {govern.ActMatterCollect}, "matter": {matter}}, http.StatusSeeOther)
	if !strings.HasPrefix(to, "/matters/"+matter) {
		t.Errorf("goes on at %s", to)
	}
	if body = c.get("/matters/"+matter, http.StatusOK); !strings.Contains(body, "Collected "+n+" message") {
		t.Error("the matter does not tell what was collected")
	}
	c.post("/search/all", url.Values{"q": {`"open`}, "count": {n}, "act": {govern.ActLabelApply}, "label": {label}}, http.StatusConflict)
	c.post("/search/all", url.Values{"q": {"alert"}, "count": {n}, "act": {"user.close"}, "label": {label}}, http.StatusConflict)
	// One message, by hand.
	c.post("/messages/901/order", url.Values{"act": {govern.ActLabelApply}, "label": {label}}, http.StatusSeeOther)
	c.post("/messages/nosuch/order", url.Values{"act": {govern.ActLabelApply}, "label": {label}}, http.StatusNotFound)
	c.post("/notes", url.Values{"on": {"message:nosuch"}, "text": {"x"}}, http.StatusNotFound)
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

func TestTimeline(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	acts := []time.Time{at, at.AddDate(0, 0, 3), at.AddDate(0, 2, 0)}
	for _, names := range [][]string{nil, {"2026-01", "2026-01"}, {"1970-01", "2026-01"}, {"0001-01", "9999-12"}} {
		var by []index.Month
		for _, n := range names {
			by = append(by, index.Month{Name: n, Messages: 1})
		}
		p := drawTimeline(by, acts)
		var sum int64
		for _, b := range p.Bars {
			sum += b.Messages
			if b.X < 0 || b.X+b.W > p.Width || b.Y < 0 || b.H < 1 {
				t.Errorf("%v: a column at %+v", names, b)
			}
		}
		if names != nil && names[0] != "0001-01" && sum != int64(len(names)) {
			t.Errorf("%v: %d messages drawn", names, sum)
		}
	}
}
