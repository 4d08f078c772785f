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
	{"policies", "/policies", "Policies", access.SeePolicies},
	{"state", "/state", "Archive", access.State},
}

// said are the sentences that a page begins with after an act, by the word in
// its address: nothing that somebody else wrote gets there.
var said = map[string]string{}

func done(r *http.Request) string { return said[r.URL.Query().Get("done")] }

// goOn sends the browser to a page after an act, which the page then tells.
func goOn(w http.ResponseWriter, r *http.Request, path, word string) error {
	if word != "" {
		path += "?" + url.Values{"done": {word}}.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
