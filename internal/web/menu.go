package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// menuItem is a line of the navigation; people see those that they may open.
type menuItem struct {
	Nav, Href, Name string
	group           string // under which it stands; empty: by itself
	action          access.Action
	role            access.Role // whom it is for alone; empty: everybody who may
}

// menu is the navigation in its order. Lines of one group stand together.
var menu = []menuItem{
	{Nav: "notices", Href: "/notices", Name: "Notices", action: access.Self, role: access.Custodian},
	{Nav: "chats", Href: "/chats", Name: "Chats", action: access.Read},
	{Nav: "search", Href: "/search", Name: "Search", action: access.Search},
	{Nav: "matters", Href: "/matters", Name: "Matters", action: access.SeeMatters},
	{Nav: "policies", Href: "/policies", Name: "Policies", group: "Keeping", action: access.SeePolicies},
	{Nav: "holds", Href: "/holds", Name: "Holds", group: "Keeping", action: access.SeeHolds},
	{Nav: "disposals", Href: "/disposals", Name: "Disposals", group: "Keeping", action: access.SeeDisposals},
	{Nav: "subjects", Href: "/subjects", Name: "Data subjects", group: "Keeping", action: access.SubjectRequest},
	{Nav: "labels", Href: "/labels", Name: "Labels", group: "Keeping", action: access.Order},
	{Nav: "custodians", Href: "/custodians", Name: "Custodians", group: "People", action: access.SeeCustodians},
	{Nav: "users", Href: "/users", Name: "Accounts", group: "People", action: access.ManageUsers},
	{Nav: "sources", Href: "/sources", Name: "Sources", group: "Capture", action: access.SeeCapture},
	{Nav: "gaps", Href: "/gaps", Name: "Gaps", group: "Capture", action: access.SeeCapture},
	{Nav: "coverage", Href: "/coverage", Name: "Coverage", group: "Capture", action: access.SeeCapture},
	{Nav: "hooks", Href: "/hooks", Name: "Webhooks", group: "Capture", action: access.SeeCapture},
	{Nav: "sends", Href: "/sends", Name: "Waiting to go out", group: "Sending", action: access.SeeSends},
	{Nav: "send-rules", Href: "/sends/rules", Name: "Rules", group: "Sending", action: access.SeeSends},
	{Nav: "consents", Href: "/sends/consents", Name: "Consents", group: "Sending", action: access.SeeSends},
	{Nav: "requests", Href: "/requests", Name: "Requests", action: access.Self},
	{Nav: "audit", Href: "/audit", Name: "Audit trail", action: access.SeeAudit},
	{Nav: "state", Href: "/state", Name: "Archive", action: access.State},
}

// menuGroup is what stands together in the navigation.
type menuGroup struct {
	Name  string // empty: one line by itself
	Items []menuLine
	Here  bool // the page is one of them
}

type menuLine struct {
	Href, Name string
	Here       bool
	Waits      int // for whoever looks
}

// navigation is the menu as somebody sees it who stands at nav.
func navigation(who govern.Actor, w waiting, nav string, now time.Time) (out []menuGroup) {
	for _, m := range menu {
		if who.May(m.action, now) != nil || m.role != "" && !who.Has(m.role, now) {
			continue
		}
		line := menuLine{Href: m.Href, Name: m.Name, Here: m.Nav == nav}
		switch m.Nav {
		case "requests":
			line.Waits = w.Requests
		case "notices":
			line.Waits = w.Notices
		case "sends":
			line.Waits = w.Sends
		}
		if n := len(out); m.group == "" || n == 0 || out[n-1].Name != m.group {
			out = append(out, menuGroup{Name: m.group})
		}
		g := &out[len(out)-1]
		g.Items, g.Here = append(g.Items, line), g.Here || line.Here
	}
	for i := range out {
		if len(out[i].Items) == 1 {
			out[i].Name = ""
		}
	}
	return out
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
	"reason-set":        "Noted. It counts from now on.",
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
