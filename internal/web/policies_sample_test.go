package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/retain"
)

// policyConsole is a console with books, whose clock is the console's, and an
// outlook over a few thousand messages of ten years.
func policyConsole(t *testing.T) *console {
	t.Helper()
	c := newConsole(t, nil)
	clock := c.now
	books, err := govern.OpenAt(t.Context(), &governtest.Log{Now: clock}, clock)
	if err != nil {
		t.Fatal(err)
	}
	c.server.ledger = books
	c.server.outlook = sampleOutlook(books, c.now())
	return c
}

// sampleOutlook is over a few thousand messages of the years before now.
func sampleOutlook(books *govern.Ledger, now time.Time) *dispose.Outlook {
	start := now.AddDate(-7, 0, 0)
	return &dispose.Outlook{
		Books: books,
		Facts: func(_ context.Context, fn func(*dispose.Fact) error) error {
			for i := range 4000 {
				f := dispose.Fact{
					Seq: int64(i), Chat: fmt.Sprint("c", i%40), Custodian: []string{"a.lima", "j.doe", hostileText, ""}[i%4],
					Sent: start.Add(time.Duration(i*i/4000) * 15 * time.Hour),
				}
				if err := fn(&f); err != nil {
					return err
				}
			}
			return nil
		},
		Matching: func(context.Context, string) (func(int64) bool, error) {
			return func(s int64) bool { return s%9 == 0 }, nil
		},
	}
}

func (c *console) post(path string, form url.Values, status int) (body, location string) {
	c.t.Helper()
	w := c.do(http.MethodPost, path, func(r *http.Request) {
		s := form.Encode()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	})
	if w.Code != status {
		c.t.Fatalf("POST %s %v: %d, want %d\n%s", path, form, w.Code, status, w.Body)
	}
	return w.Body.String(), w.Header().Get("Location")
}

// books acts as whoever holds the keys.
func (c *console) act(act, reason string, data any) {
	c.t.Helper()
	who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "console"}
	c.setNow(c.now().Add(time.Second))
	if _, err := c.server.ledger.Do(c.t.Context(), who, govern.Request{Act: act, Reason: reason, Data: data}); err != nil {
		c.t.Fatalf("%s: %v", act, err)
	}
}

// withPolicies are books with one of each, hostile where people write.
func (c *console) withPolicies() {
	c.t.Helper()
	c.act(govern.ActHoldPlace, "a claim", govern.HoldData{Name: "A claim", Query: "contract"})
	c.act(govern.ActSettingsFiscal, "", retain.Fiscal{Month: 3, Day: 31, Zone: "Europe/London"})
	for _, id := range []string{"us-ria-5y", "us-bd-comms-3y"} {
		p, _ := retain.PresetByID(id)
		c.act(govern.ActPolicySet, "", govern.PolicySet{Policy: p.Policy})
	}
	c.act(govern.ActPolicyAssign, "", govern.PolicyTo{Policy: "us-bd-comms-3y"})
	c.act(govern.ActPolicyAssign, hostileText, govern.PolicyTo{Policy: "us-ria-5y", To: retain.Target{Custodian: "j.doe"}})
	c.act(govern.ActPolicyAssign, hostileText, govern.PolicyTo{Policy: "us-ria-5y", To: retain.Target{Custodian: hostileText}})
	c.act(govern.ActPolicySet, "", govern.PolicySet{Policy: retain.Policy{ID: "hostile", Name: hostileText, Clause: hostileText, Clock: retain.ChatClosed, Min: retain.Period{Years: 1}}})
	c.act(govern.ActPolicySet, hostileText, govern.PolicySet{Policy: retain.Policy{ID: "hostile", Name: hostileText, Clause: hostileText, Clock: retain.ChatClosed, Min: retain.Period{Years: 2}, From: c.now().AddDate(1, 0, 0)}})
	c.act(govern.ActPolicyOrder, hostileText, govern.PolicyProlong{Authority: hostileText, Extra: retain.Period{Years: 2}, From: "2021-01-01", To: retain.Target{Chat: hostileText}})
	who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "console"}
	if _, err := c.server.ledger.Ask(c.t.Context(), who, govern.Request{
		Act: govern.ActPolicyWithdraw, Reason: hostileText, On: []string{"policy:" + hostileText},
		Data: govern.PolicyTo{Policy: "us-ria-5y", To: retain.Target{Custodian: "j.doe"}},
	}); err != nil {
		c.t.Fatal(err)
	}
}

func shorter() url.Values {
	return url.Values{
		"act": {"policy.set"}, "id": {"us-bd-comms-3y"}, "name": {hostileText}, "clause": {hostileText},
		"clock": {"sent"}, "min": {"1y"}, "propose": {"on"}, "reason": {hostileText},
	}
}

func TestPagesOfPoliciesAreWellFormedAndHarmless(t *testing.T) {
	c := policyConsole(t)
	pages := []string{"/policies", "/policies/new", "/policies/new?preset=us-nara-010", "/policies/new?preset=%3Cb%3E", "/policies/forecast"}
	for _, path := range pages {
		harmless(t, c.get(path, http.StatusOK))
	}
	c.withPolicies()
	for _, path := range append(pages, "/policies/hostile", "/policies/us-ria-5y", "/policies/new?policy=hostile", "/policies/forecast?at=2031-12-31") {
		harmless(t, c.get(path, http.StatusOK))
	}
	harmless(t, c.get("/policies/forecast?at="+url.QueryEscape(hostileText), http.StatusBadRequest))
	harmless(t, c.get("/policies/nothing", http.StatusNotFound))
	body, _ := c.post("/policies/preview", shorter(), http.StatusOK)
	harmless(t, body)
	wrong := shorter()
	wrong.Set("min", hostileText)
	body, _ = c.post("/policies/preview", wrong, http.StatusConflict)
	harmless(t, body)
}

// TestAFreshArchiveAsks: it proposes five years from the end of the fiscal
// year, shows what that does, and does it when it is told to.
func TestAFreshArchiveAsks(t *testing.T) {
	c := policyConsole(t)
	if body := c.get("/policies", http.StatusOK); !strings.Contains(body, "us-ria-5y") || !strings.Contains(body, "5 years from the end of the fiscal year") {
		t.Error("nothing is proposed")
	}
	form := url.Values{
		"act": {"policy.set"}, "id": {"us-ria-5y"}, "name": {"Investment adviser"}, "clock": {"fiscal-year"}, "min": {"5y"}, "accessible": {"2y"},
		"propose": {"on"}, "assign": {"on"}, "fiscal-end": {"12-31"}, "fiscal-zone": {"America/New_York"},
	}
	body, _ := c.post("/policies/preview", form, http.StatusOK)
	for _, want := range []string{"The fiscal year ends with 31 December, in America/New_York.", "Policy us-ria-5y is for: Every message.", "Make the change", "<svg"} {
		if !strings.Contains(body, want) {
			t.Errorf("the preview does not say %q", want)
		}
	}
	if strings.Contains(c.get("/policies", http.StatusOK), "version 1") {
		t.Fatal("the preview has changed something")
	}
	_, to := c.post("/policies", form, http.StatusSeeOther)
	if body = c.get(to, http.StatusOK); !strings.Contains(body, "Done. It counts from now on.") || !strings.Contains(body, "in force") {
		t.Errorf("%s does not say that it is done", to)
	}
}

// TestWhatShortensIsAskedFor, with its figures before.
func TestWhatShortensIsAskedFor(t *testing.T) {
	c := policyConsole(t)
	c.withPolicies()
	body, _ := c.post("/policies/preview", shorter(), http.StatusOK)
	for _, want := range []string{"Ask a second person", "No longer kept", "A second person has to confirm this."} {
		if !strings.Contains(body, want) {
			t.Errorf("the preview does not say %q", want)
		}
	}
	_, to := c.post("/policies", shorter(), http.StatusSeeOther)
	if to != "/policies?done=policy-asked" {
		t.Errorf("goes on to %s", to)
	}
	if body = c.get("/policies", http.StatusOK); strings.Count(body, "Waits for a second person") != 2 || !strings.Contains(c.get("/policies/us-bd-comms-3y", http.StatusOK), "Kept for 3 years") {
		t.Error("it does not wait, or counts already")
	}
}

// TestWhoConfirmsSeesWhatItDoes, and not who asked can confirm it.
func TestWhoConfirmsSeesWhatItDoes(t *testing.T) {
	c := policyConsole(t)
	c.withPolicies()
	var n int64
	err := c.server.ledger.Read(t.Context(), func(s *govern.State) error {
		for n = range s.Requests {
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/policies/requests/%d", n)
	body := c.get(path, http.StatusOK)
	harmless(t, body)
	for _, want := range []string{"Policy us-ria-5y is no longer for: Messages of custodian j.doe.", "No longer kept", "Take it back"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(body, ">Confirm<") {
		t.Error("who asked may confirm")
	}
	c.post(fmt.Sprintf("/requests/%d/decline", n), url.Values{"reason": {"no"}}, http.StatusSeeOther)
	c.get(path, http.StatusNotFound)
	c.get("/policies/requests/x", http.StatusNotFound)
}

func TestThePictureSaysWhatTheTableSays(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	if drawMonths(nil, at) != nil {
		t.Error("a picture of nothing")
	}
	for _, c := range []struct {
		last, by string
		columns  int
	}{{"2026-01", "month", 1}, {"2028-12", "month", 36}, {"2029-01", "year", 4}, {"2038-01", "year", 13}, {"2087-01", "decade", 7}, {"2226-06", "decade", 21}} {
		p := drawMonths([]dispose.Month{{Policy: "a", Month: "2026-01", Messages: 3}, {Policy: "", Month: c.last, Messages: 9_000_000, Held: 1}}, at)
		if p.By != c.by || len(p.Columns) != c.columns {
			t.Errorf("until %s: %d columns by %s, want %d by %s", c.last, len(p.Columns), p.By, c.columns, c.by)
		}
		var sum int64
		for _, col := range p.Columns {
			sum += col.Messages
		}
		if sum != 9_000_003 {
			t.Errorf("until %s: %d messages in the table", c.last, sum)
		}
		for _, b := range p.Bars {
			if b.X < pictureLeft || b.X+b.W > p.Width || b.Y < 0 || b.Y+b.H > p.Base || b.W < 1 || b.H < 1 {
				t.Errorf("until %s: a column at %+v", c.last, b)
			}
		}
	}
}
