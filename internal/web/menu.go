package web

import (
	"net/http"
	"net/url"

	"github.com/waxseal/waxseal/internal/access"
)

// menuItem is a line of the navigation; people see those that they may open.
type menuItem struct {
	Nav, Href, Name string
	action          access.Action
}

var menu = []menuItem{
	{"chats", "/chats", "Chats", access.Read},
	{"search", "/search", "Search", access.Search},
	{"labels", "/labels", "Labels", access.Order},
	{"matters", "/matters", "Matters", access.SeeMatters},
	{"policies", "/policies", "Policies", access.SeePolicies},
	{"custodians", "/custodians", "Custodians", access.SeeCustodians},
	{"holds", "/holds", "Holds", access.SeeHolds},
	{"disposals", "/disposals", "Disposals", access.SeeDisposals},
	{"subjects", "/subjects", "Data subjects", access.SubjectRequest},
	{"requests", "/requests", "Requests", access.Self},
	{"audit", "/audit", "Audit trail", access.SeeAudit},
	{"users", "/users", "Accounts", access.ManageUsers},
	{"state", "/state", "Archive", access.State},
}

// said are the sentences that a page begins with after an act, by the word in
// its address: nothing that somebody else wrote gets there.
var said = map[string]string{
	"recovered":         "You came in with a recovery code, which is used up now. Set up your new telephone below.",
	"password-changed":  "Your password is changed. All your other sessions have ended.",
	"telephone-changed": "Codes come from the new telephone now. All your other sessions have ended.",
	"session-ended":     "The session has ended.",
	"token-revoked":     "The token is revoked. It opens nothing from now on.",
	"user-changed":      "The account is changed.",
	"user-asked":        "An officer has to confirm that. Until then nothing changes; it waits under Requests.",
	"user-close":        "The account is closed, and its sessions have ended.",
	"user-open":         "The account is open again.",
	"user-unlock":       "The account is unlocked.",
	"user-sessions":     "All sessions of the account have ended.",
	"label.set":         "The label is saved.",
	"label.apply":       "Labelled.",
	"label.remove":      "The label is taken off.",
	"matter.open":       "The matter is open.",
	"matter.collect":    "Collected for the matter.",
	"matter.drop":       "Taken out of the matter. It stays in the log that it was in.",
	"matter-changed":    "The matter is changed.",
	"note-added":        "The note is added.",
	"note-withdrawn":    "The note is withdrawn. It stays in the log.",
	"search-saved":      "The search is saved.",
	"search-forgotten":  "The search is forgotten.",
	"approved":          "Confirmed, and done.",
	"declined":          "Declined. Nothing was changed.",
}

func done(r *http.Request) string { return said[r.URL.Query().Get("done")] }

// goOn sends the browser to a page after an act, which the page then tells.
func goOn(w http.ResponseWriter, r *http.Request, path, word string) error {
	if word != "" {
		path += "?" + url.Values{"done": {word}}.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
