package cloudapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAbout: what is about no message has a line of its own.
func TestAbout(t *testing.T) {
	account := func(field, value string) []byte {
		return []byte(`{"entry":[{"id":"W","time":1780000000,"changes":[{"field":"` + field + `","value":` + value + `}]}]}`)
	}
	for _, c := range []struct {
		body []byte
		want []string
	}{
		{account("account_update", `{"event":"PARTNER_REMOVED","disconnection_info":{"reason":"PRIMARY_INACTIVITY"}}`), []string{"account update: partner removed"}},
		{account("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"A"},{"restriction_type":"B"}]}`), []string{"account update: account restriction"}},
		{account("message_template_status_update", `{"event":"REJECTED","message_template_name":"offer","reason":"SCAM"}`), []string{"message template status update: rejected: offer"}},
		{wrap("history", "history", `{"errors":[{"code":2593109,"title":"declined"}]}`), []string{"history: 2593109"}},
		{wrap("user_preferences", "user_preferences", `{"wa_id":"491701","category":"marketing_messages","value":"stop"}`), []string{"user preferences: stop: marketing messages"}},
		{wrap("smb_app_state_sync", "state_sync", `{"type":"contact","action":"add"}`, `{"type":"contact","action":"remove"}`), []string{"smb app state sync: contact", "smb app state sync: contact"}},
		{account("new_things", `{"event":"a\nb"}`), []string{"new things: a b"}},
		{wrap("messages", "messages", `{"from":"491701","id":"wamid.1","type":"text","text":{"body":"x"}}`), nil},
		{[]byte("no JSON"), nil},
	} {
		var got []string
		for _, e := range entriesOf(t, c.body) {
			for _, f := range About(e) {
				got = append(got, f.Say)
				if f.WABA != "W" || f.Field == "" || f.At.Unix() != 1780000000 {
					t.Errorf("%s: %+v", c.body, f)
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.body, diff)
		}
	}
}
