package web

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

func TestGroupsAreMadeAndChanged(t *testing.T) {
	c := policyConsole(t)
	if body := c.get("/groups", http.StatusOK); !strings.Contains(body, "There are no groups yet") {
		t.Error("an empty list says nothing")
	}
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "j.doe", Name: "Jane <b>Doe"})
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "m.roe", Name: "\u05d0\u05d1\u05d2 Roe"})
	form := url.Values{"new": {"1"}, "id": {"desk"}, "name": {"The <script>desk"}, "member": {"j.doe"}}
	_, to := c.post("/groups", form, http.StatusSeeOther)
	if to != "/groups/desk?done=group-set" {
		t.Errorf("goes on at %s", to)
	}
	body, _ := c.post("/groups", form, http.StatusConflict)
	harmless(t, body)
	body, _ = c.post("/groups", url.Values{"new": {"1"}, "id": {"No Good"}, "name": {strings.ToValidUTF8(hostileText, "")}}, http.StatusConflict)
	harmless(t, body)
	c.post("/groups", url.Values{"id": {"desk"}, "name": {"Desk"}, "member": {"m.roe"}}, http.StatusSeeOther)
	body, _ = c.post("/groups", url.Values{"id": {"desk"}, "name": {""}, "member": {"m.roe"}}, http.StatusConflict)
	harmless(t, body)
	for _, page := range []string{"/groups", "/groups/desk", "/custodians", "/custodians/m.roe"} {
		harmless(t, c.get(page, http.StatusOK))
	}
	if body := c.get("/groups/desk", http.StatusOK); strings.Contains(body, `href="/custodians/j.doe"`) || !strings.Contains(body, `href="/custodians/m.roe"`) {
		t.Error("the group is not as it was said anew")
	}
	c.get("/groups/nothing", http.StatusNotFound)
}

func TestWhatIsNotKnownIsNamedInPlace(t *testing.T) {
	c := policyConsole(t)
	body := c.get("/custodians/unknown", http.StatusOK)
	harmless(t, body)
	number := between(body, `name="address" value="`, `"`)
	if !strings.HasPrefix(number, "&#43;") && !strings.HasPrefix(number, "+") {
		t.Fatalf("the first number is %q", number)
	}
	number = strings.ReplaceAll(number, "&#43;", "+")
	c.post("/contacts", url.Values{"address": {number}, "name": {"Zoe <i>"}, "kind": {"client"}}, http.StatusSeeOther)
	body = c.get("/custodians/unknown", http.StatusOK)
	harmless(t, body)
	if strings.Contains(body, `name="address" value="`+number) || !strings.Contains(body, "Zoe &lt;i&gt;") {
		t.Error("the number is still without a name")
	}
	body, _ = c.post("/contacts", url.Values{"address": {number}, "name": {""}}, http.StatusConflict)
	harmless(t, body)
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "j.doe", Name: "Jane"})
	c.post("/custodians/unknown", url.Values{"account": {"+447700900001"}, "custodian": {"j.doe"}}, http.StatusSeeOther)
	body, _ = c.post("/custodians/unknown", url.Values{"account": {"+447700900001"}, "custodian": {"nobody"}}, http.StatusConflict)
	harmless(t, body)
	if body := c.get("/custodians/j.doe", http.StatusOK); !strings.Contains(body, "+447700900001 all the time") && !strings.Contains(body, "&#43;447700900001 all the time") {
		t.Error("the account is not theirs")
	}
	harmless(t, c.get("/custodians/unknown?from=50", http.StatusOK))
	harmless(t, c.get("/custodians/unknown?from=-1x", http.StatusOK))
}

func TestAHoldIsReported(t *testing.T) {
	c := policyConsole(t)
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "j.doe", Name: "=HYPERLINK(1)"})
	c.act(govern.ActHoldPlace, strings.ToValidUTF8(hostileText, ""), govern.HoldData{Name: "A claim", Query: "sign"})
	hold := int64(2) // the third entry of this log
	if err := c.server.ledger.Read(t.Context(), func(st *govern.State) error {
		for id := range st.Holds {
			hold = id
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.act(govern.ActHoldNotice, "", govern.NoticeData{Hold: hold, Text: "Keep it.", Custodians: []string{"j.doe"}})
	c.setNow(c.now().Add(8 * 24 * time.Hour))
	c.signIn()
	page := "/holds/" + num(hold)
	body := c.get(page, http.StatusOK)
	harmless(t, body)
	for _, want := range []string{"1 acknowledgement due", "<svg", page + "/report?as=csv"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	var rep map[string]any
	if err := json.Unmarshal([]byte(c.get(page+"/report?as=json", http.StatusOK)), &rep); err != nil || rep["due"] != 1.0 || rep["found"] == 0.0 || rep["name"] != "A claim" {
		t.Errorf("report %v (%v)", rep, err)
	}
	rows, err := csv.NewReader(strings.NewReader(c.get(page+"/report?as=csv", http.StatusOK))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d lines (%v)", len(rows), err)
	}
	if got := rows[4]; got[0] != "not acknowledged" || got[5] != "'=HYPERLINK(1)" {
		t.Errorf("the last line is %q", got)
	}
	c.get(page+"/report", http.StatusNotFound)
	c.get("/holds/99/report?as=csv", http.StatusNotFound)
}

// TestTenures: no account, and no time of one, is drawn outside of the picture.
func TestTenures(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	day := func(y int) time.Time { return time.Date(y, 5, 1, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]*govern.Custodian{
		"none": {}, "always": {Accounts: []govern.Tenure{{Account: "+1"}}},
		"far": {Accounts: []govern.Tenure{{Account: "+1", From: day(1), To: day(2)}, {Account: "+1", From: day(9000), To: day(9999)}}},
		"many": {Accounts: func() (all []govern.Tenure) {
			for y := range 30 {
				all = append(all, govern.Tenure{Account: "+" + num(int64(y)), From: day(1990 + y), To: day(1991 + y)})
			}
			return all
		}(), Left: day(2020)},
	} {
		p := drawTenures(c, now)
		for _, row := range p.Rows {
			for _, b := range row.Bars {
				if b.X < tenureNames || b.X+b.W > p.Width || row.Y+14 > p.Base {
					t.Errorf("%s: a bar at %+v", name, b)
				}
			}
		}
		if len(p.Years) > 30 || len(p.Rows) > tenureRows {
			t.Errorf("%s: %d years, %d rows", name, len(p.Years), len(p.Rows))
		}
	}
}
