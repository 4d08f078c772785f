package gap

import (
	"encoding/json"
	"time"
)

// Event is what an element of a delivery says about capture itself.
type Event struct {
	Finding *Finding
	Over    *Finding // what is over now; its reason and time say nothing
}

// What Meta says of an account, by whether capture ends with it, or begins.
var accountEvents = map[string]bool{
	"PARTNER_REMOVED": true, "PARTNER_APP_UNINSTALLED": true, "ACCOUNT_OFFBOARDED": true, "ACCOUNT_DELETED": true, "DISABLED_UPDATE": true,
	"PARTNER_ADDED": false, "PARTNER_APP_INSTALLED": false, "ACCOUNT_RECONNECTED": false, "ACCOUNT_ONBOARDED": false,
}

// declined is Meta's code where a business does not share its history.
const declined = 2593109

// Told is an element of a delivery, and what lies around it.
type Told struct {
	Source string
	WABA   string
	Field  string
	Number string // E.164
	At     time.Time
	Raw    []byte
}

// Events reads what an element says of capture. One that cannot be read says
// nothing: it is counted elsewhere.
func Events(t Told) (out []Event) {
	var v struct {
		Event string `json:"event"`
		Ban   struct {
			State string `json:"waba_ban_state"`
		} `json:"ban_info"`
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	}
	if t.Field != "account_update" && t.Field != "history" || json.Unmarshal(t.Raw, &v) != nil {
		return nil
	}
	if t.Field == "history" {
		for _, e := range v.Errors {
			out = append(out, historyEvent(&t, e.Code))
		}
		return out
	}
	ends, known := accountEvents[v.Event]
	f := &Finding{Kind: Offboarded, Source: t.Source, Start: t.At, Mark: t.WABA}
	switch {
	case !known:
		return nil
	case !ends || v.Ban.State == "REINSTATE":
		return []Event{{Over: f}}
	}
	f.Reason = "Meta says that the account left the platform (" + v.Event + "). Nothing is delivered until it is connected again, and what is missed until then is not delivered later."
	return []Event{{Finding: f}}
}

func historyEvent(t *Told, code int) Event {
	f := &Finding{Kind: HistoryDeclined, Source: t.Source, Number: t.Number, Start: t.At, Mark: "history"}
	f.Reason = "The chats from before the number was connected were asked for, and Meta could not give them."
	if code == declined {
		f.Reason = "The business did not share the chats from before the number was connected. They can be had from its telephone: import a backup, or exports."
	}
	return Event{Finding: f}
}
