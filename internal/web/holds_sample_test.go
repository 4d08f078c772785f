package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/govern"
)

func TestAHoldIsPlacedToldAndReported(t *testing.T) {
	c := policyConsole(t)
	if body := c.get("/holds", http.StatusOK); !strings.Contains(body, "No hold is open") {
		t.Error("an empty list says nothing")
	}
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "j.doe", Name: "Jane <b>Doe"})
	form := url.Values{"name": {"Acme <script>alert(1)</script>"}, "query": {"sign"}, "reason": {strings.ToValidUTF8(hostileText, "")}}
	body, _ := c.post("/holds", form, http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "It would cover") {
		t.Error("no preview")
	}
	if body := c.get("/holds", http.StatusOK); !strings.Contains(body, "No hold is open") {
		t.Error("a look placed a hold")
	}
	form.Set("do", "place")
	_, to := c.post("/holds", form, http.StatusSeeOther)
	page := strings.TrimSuffix(to, "?done=hold-placed")
	body, _ = c.post("/holds", form, http.StatusConflict)
	harmless(t, body)
	form.Set("query", `"open`)
	body, _ = c.post("/holds", form, http.StatusBadRequest)
	harmless(t, body)
	c.post(page+"/notice", url.Values{"text": {strings.ToValidUTF8(hostileText, "")}, "custodian": {"j.doe"}}, http.StatusSeeOther)
	body = c.get(page, http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "not acknowledged") {
		t.Error("who has not acknowledged is not told")
	}
	c.post(page+"/notice", url.Values{"text": {"x"}}, http.StatusConflict)
	harmless(t, c.get("/holds", http.StatusOK))
	harmless(t, c.get("/holds/new?q="+url.QueryEscape(hostileText), http.StatusOK))
	c.get("/holds/99", http.StatusNotFound)
}

func TestAListOfPeopleIsLookedAtAndTaken(t *testing.T) {
	c := policyConsole(t)
	list := url.Values{"list": {"id,name,account\nj.doe,Jane <i>Doe,+44 7700 900001\nbad id,x,\n"}}
	body, _ := c.post("/custodians/import", list, http.StatusOK)
	harmless(t, body)
	if !strings.Contains(body, "Line 3") {
		t.Errorf("the bad line is not named")
	}
	list.Set("do", "take")
	c.post("/custodians/import", list, http.StatusOK)
	if body := c.get("/custodians", http.StatusOK); strings.Contains(body, "Jane") {
		t.Error("a list with a bad line was taken")
	}
	list.Set("list", "id;name;account\nj.doe;Jane <i>Doe;+44 7700 900001\n")
	c.post("/custodians/import", list, http.StatusSeeOther)
	for _, page := range []string{"/custodians", "/custodians/j.doe", "/custodians/import"} {
		harmless(t, c.get(page, http.StatusOK))
	}
	c.post("/custodians/j.doe/account", url.Values{"account": {"+447700900001"}, "to": {"2023-12-31"}}, http.StatusSeeOther)
	c.post("/custodians/j.doe/account", url.Values{"account": {"0044 7700 900001"}, "from": {"2023-06-01"}}, http.StatusConflict)
	c.post("/custodians/j.doe/left", url.Values{"day": {"2024-02-29"}}, http.StatusSeeOther)
	if body := c.get("/custodians/j.doe", http.StatusOK); !strings.Contains(body, "until 2023-12-31") || !strings.Contains(body, "2024-02-29") {
		t.Error("the person's page does not have what was noted")
	}
	c.get("/custodians/nobody", http.StatusNotFound)
}
