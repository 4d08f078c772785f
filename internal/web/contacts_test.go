package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

func TestNumberOf(t *testing.T) {
	for _, c := range []struct {
		of   *chat.Person
		want string
	}{
		{nil, ""},
		{&chat.Person{Name: "Zoe", Phone: "+447700900123"}, ""},
		{&chat.Person{Phone: "+447700900123"}, "+447700900123"},
		{&chat.Person{Name: "\u202a+44 7700 900123\u202c"}, "\u202a+44 7700 900123\u202c"},
		{&chat.Person{Name: "1234"}, ""},
		{&chat.Person{Name: "😀"}, ""},
		{&chat.Person{LID: "77@lid"}, "77@lid"},
		{&chat.Person{Name: "أمل 12345"}, ""},
	} {
		if got := numberOf(c.of); got != c.want {
			t.Errorf("%+v: %q, want %q", c.of, got, c.want)
		}
	}
}

// TestTheFirmNamesANumber beside it, in chats, their list and among hits; the
// source's own name stays.
func TestTheFirmNamesANumber(t *testing.T) {
	c := policyConsole(t)
	m := c.index.said["acme"][2]
	m.From = &chat.Person{Name: "\u202a+44 7700 900123\u202c"}
	c.index.said["acme"][2] = m
	c.index.chats = append([]index.ChatRow{{ID: "zoe", Name: "+44 7700 900123", Kind: chat.Direct, Messages: 3, Last: "2024-01-31T09:30"}}, c.index.chats...)
	c.index.said["zoe"] = c.index.said["acme"][:3]
	pages := []string{"/chats", "/chats/zoe", "/chats/acme?start=1", "/messages/3", "/chats/acme/print"}
	for _, page := range pages {
		if strings.Contains(c.get(page, http.StatusOK), `class="known"`) {
			t.Errorf("%s names a number that nobody named", page)
		}
	}
	c.act(govern.ActContactName, "", govern.Contact{Address: "0044 7700 900123", Name: "Zoe <script>alert(1)</script> of Zebra"})
	for _, page := range pages {
		body := c.get(page, http.StatusOK)
		harmless(t, body)
		if !strings.Contains(body, "of Zebra") || !strings.Contains(body, "7700 900123") {
			t.Errorf("%s has not both, the number and its name", page)
		}
	}
	c.act(govern.ActCustodianSet, "", govern.CustodianData{ID: "j.doe", Name: "Jane Doe"})
	c.act(govern.ActCustodianAccount, "", govern.AccountData{ID: "j.doe", Account: "+447700900555", To: "2020-12-31"})
	m.From = &chat.Person{Phone: "+447700900555"}
	c.index.said["acme"][2] = m
	if strings.Contains(c.get("/chats/acme?start=1", http.StatusOK), "Jane Doe") {
		t.Error("a number has the name of somebody who had it before")
	}
}
