package gap

import (
	"encoding/json"
	"time"
)

// Event is what a delivery says about capture itself.
type Event struct {
	Finding *Finding
	// Over names what is filled: gaps of a kind, of a source or number.
	Over *Finding
}

// What Meta says of an account, by whether capture ends or begins with it.
var accountEvents = map[string]bool{
	"PARTNER_REMOVED": true, "PARTNER_APP_UNINSTALLED": true, "ACCOUNT_OFFBOARDED": true, "ACCOUNT_DELETED": true, "DISABLED_UPDATE": true,
	"PARTNER_ADDED": false, "PARTNER_APP_INSTALLED": false, "ACCOUNT_RECONNECTED": false, "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": false,
}

// declined is Meta's code where a business does not share its history.
const declined = 2593109

// delivery is as much of a webhook's body as says something of capture.
type delivery struct {
	Entry []struct {
		ID      string `json:"id"`
		Changes []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

type changeValue struct {
	Event    string `json:"event"`
	Metadata struct {
		Phone string `json:"display_phone_number"`
	} `json:"metadata"`
	PhoneNumber string `json:"phone_number"`
	BanInfo     struct {
		State string `json:"waba_ban_state"`
	} `json:"ban_info"`
	History []struct {
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	} `json:"history"`
}

// Events reads what a delivery says of capture. number makes E.164 of a number
// as Meta writes it. A body that cannot be read says nothing: it is counted
// elsewhere.
func Events(source string, body []byte, at time.Time, number func(string) string) (out []Event) {
	var d delivery
	if json.Unmarshal(body, &d) != nil {
		return nil
	}
	for _, e := range d.Entry {
		for _, c := range e.Changes {
			var v changeValue
			if json.Unmarshal(c.Value, &v) != nil {
				continue
			}
			switch c.Field {
			case "account_update":
				out = append(out, accountEvent(source, e.ID, &v, at)...)
			case "history":
				for _, h := range v.History {
					for _, code := range h.Errors {
						out = append(out, historyEvent(source, number(v.Metadata.Phone), code.Code, at))
					}
				}
			}
		}
	}
	return out
}

func accountEvent(source, waba string, v *changeValue, at time.Time) []Event {
	gone, known := accountEvents[v.Event]
	if v.Event == "DISABLED_UPDATE" && v.BanInfo.State == "REINSTATE" {
		gone = false
	}
	f := &Finding{Kind: Offboarded, Source: source, Start: at, Mark: waba}
	switch {
	case !known:
		return nil
	case !gone:
		return []Event{{Over: f}}
	}
	f.Reason = "Meta says that the account left the platform (" + v.Event + "). Nothing is delivered until it is connected again, and what is missed then is not delivered later."
	return []Event{{Finding: f}}
}

func historyEvent(source, number string, code int, at time.Time) Event {
	f := &Finding{Kind: HistoryDeclined, Source: source, Number: number, Start: at, Mark: "history"}
	f.Reason = "The chats from before the number was connected were asked for, and Meta could not give them."
	if code == declined {
		f.Reason = "The business did not share the chats from before the number was connected. They can be had from its telephone: import a backup or exports."
	}
	return Event{Finding: f}
}
