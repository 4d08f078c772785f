package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

const chatsOnPage = 50

// chatsPage lists the chats, the most recently active first.
type chatsPage struct {
	layout
	chatList
	Coverage coverage
}

// chatList is a stretch of the list. It is also a part of its own, for the
// search as you type.
type chatList struct {
	Filter string
	Rows   []chatRow
	Next   string // address of the next page
	More   string // address of the fragment with the next rows
	First  bool   // nothing stands before it
}

type chatRow struct {
	Href      string
	Name      string
	Known     string // what the firm calls a name that is a number
	Initial   string
	Colour    int
	Kind      string
	Group     bool
	Account   string
	Custodian string
	Messages  int64
	Last      string // day of the last message
	LastFull  string
	People    []string // some of them
	Current   bool     // is the chat that is open beside the list
}

func (s *Server) chats(w http.ResponseWriter, r *http.Request) error {
	list, err := s.chatList(r)
	if err != nil {
		return err
	}
	cov, err := s.coverage(r)
	if err != nil {
		return err
	}
	return s.render(w, "chats", chatsPage{layout: s.layout(r, "Chats", "chats"), chatList: list, Coverage: cov})
}

func (s *Server) chatRows(w http.ResponseWriter, r *http.Request) error {
	list, err := s.chatList(r)
	if err != nil {
		return err
	}
	return s.render(w, "chats#rows", list)
}

func (s *Server) chatList(r *http.Request) (chatList, error) {
	q := r.URL.Query()
	f := index.ChatFilter{Text: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Limit: chatsOnPage + 1}
	rows, err := s.view(r).Chats(r.Context(), f)
	if err != nil {
		return chatList{}, fmt.Errorf("list chats: %w", err)
	}
	list := chatList{Filter: clean(f.Text), First: f.After == ""}
	if len(rows) > chatsOnPage {
		rows = rows[:chatsOnPage]
		next := url.Values{"after": {rows[len(rows)-1].ID}}
		if f.Text != "" {
			next.Set("q", f.Text)
		}
		list.Next, list.More = "/chats?"+next.Encode(), "/fragment/chats?"+next.Encode()
	}
	for _, c := range rows {
		list.Rows = append(list.Rows, newChatRow(c))
	}
	return list, s.nameRows(r.Context(), list.Rows)
}

func newChatRow(c index.ChatRow) chatRow {
	r := chatRow{
		Href: chatHref(c.ID) + "#end", Name: chatName(c.Name), Initial: initial(c.Name), Colour: colour(c.ID + c.Name),
		Kind: kindName(c.Kind), Group: c.Kind != chat.Direct, Account: clean(c.Account), Custodian: clean(c.Custodian),
		Messages: c.Messages, Last: shortDay(c.Last), LastFull: plain(strings.Replace(c.Last, "T", " ", 1)),
	}
	if r.Group {
		for _, p := range c.Participants[:min(6, len(c.Participants))] {
			r.People = append(r.People, shorten(p, 40))
		}
	}
	return r
}

func chatName(s string) string {
	if strings.TrimSpace(s) == "" {
		return "Chat without a name"
	}
	return clean(s)
}

func kindName(k chat.ChatKind) string {
	switch k {
	case chat.Direct:
		return "Direct"
	case chat.Group:
		return "Group"
	case chat.Broadcast:
		return "Broadcast list"
	case chat.Channel:
		return "Channel"
	case chat.Status:
		return "Status"
	}
	return "Chat"
}

// coverage says what an answer covered, in a sentence.
type coverage struct {
	index.Coverage
	At     string // of the answer
	Behind int64  // entries that the index has not followed yet
}

func (s *Server) newCoverage(c index.Coverage) coverage {
	return coverage{Coverage: c, At: s.now().UTC().Format("15:04:05 UTC"), Behind: max(0, c.Of-c.Through)}
}

func (s *Server) coverage(r *http.Request) (coverage, error) {
	c, err := s.view(r).Coverage(r.Context())
	if err != nil {
		return coverage{}, fmt.Errorf("read coverage: %w", err)
	}
	return s.newCoverage(c), nil
}
