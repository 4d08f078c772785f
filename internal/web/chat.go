package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/index"
)

// messagesOnPage is how many messages one request brings. At 60 a stretch is
// about three screens high, so that the next is there before it is reached.
const messagesOnPage = 60

// chatPage is one conversation, at some place in it.
type chatPage struct {
	layout
	Chat     chatInfo
	Stretch  stretch
	List     chatList // the chats beside it
	Coverage coverage
	AtEnd    bool
	Query    string // whose words are marked
	Hits     string // address of all that it finds in this chat
	Unmarked string // address of the same place without the marks
}

type chatInfo struct {
	Known string // what the firm calls a name that is a number
	chatRow
	ID           string
	First        string
	FirstDate    string // for the date field
	LastDate     string
	Participants []string
	Fragment     string // address of the fragments
	Newest       string
	Oldest       string
	Print        string
}

// stretch is a page of messages, and where to go from it.
type stretch struct {
	Days    days
	Earlier string // address of the page before, empty: there is none
	Later   string
	Empty   bool
}

// placeIn reads which part of a chat an address asks for.
func placeIn(q url.Values) (at index.Place, target string, err error) {
	switch {
	case q.Get("at") != "":
		return index.Place{Around: q.Get("at")}, q.Get("at"), nil
	case q.Get("near") != "":
		return index.Place{Around: q.Get("near")}, "", nil
	case q.Get("before") != "":
		return index.Place{Before: q.Get("before")}, "", nil
	case q.Get("after") != "":
		return index.Place{After: q.Get("after")}, "", nil
	case q.Get("date") != "":
		d, err := time.Parse(time.DateOnly, q.Get("date"))
		if err != nil {
			return at, "", fmt.Errorf("date: %w", errRequest)
		}
		return index.Place{Date: d}, "", nil
	case q.Has("start"):
		return index.Place{AtStart: true}, "", nil
	}
	return at, "", nil
}

func (s *Server) stretchOf(r *http.Request) (index.Page, stretch, error) {
	at, target, err := placeIn(r.URL.Query())
	if err != nil {
		return index.Page{}, stretch{}, err
	}
	page, err := s.view(r).Page(r.Context(), r.PathValue("chat"), at, messagesOnPage)
	if err != nil {
		return index.Page{}, stretch{}, fmt.Errorf("read page of a chat: %w", err)
	}
	if err := s.traceMessages(r, traceRead, page.Chat.ID, page.Messages); err != nil {
		return index.Page{}, stretch{}, err
	}
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	bs, err := s.bubbles(r.Context(), page.Messages, view{target: target, query: query})
	if err != nil {
		return index.Page{}, stretch{}, err
	}
	st := stretch{Days: cutDays(bs), Empty: len(bs) == 0}
	if n := len(bs); n > 0 {
		href := func(end, id string) string {
			v := url.Values{end: {id}}
			if query != "" {
				v.Set("q", query)
			}
			return chatHref(page.Chat.ID) + "?" + v.Encode()
		}
		if page.Earlier {
			st.Earlier = href("before", bs[0].ID) + "#end"
		}
		if page.Later {
			st.Later = href("after", bs[n-1].ID)
		}
	}
	return page, st, nil
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) error {
	page, st, err := s.stretchOf(r)
	if err != nil {
		return err
	}
	cov, err := s.coverage(r)
	if err != nil {
		return err
	}
	rows, err := s.view(r).Chats(r.Context(), index.ChatFilter{Limit: chatsOnPage})
	if err != nil {
		return fmt.Errorf("list chats: %w", err)
	}
	p := chatPage{
		layout: s.layout(r, chatName(page.Chat.Name), "chats"), Chat: newChatInfo(page.Chat), Stretch: st,
		Coverage: cov, AtEnd: st.Later == "",
	}
	if v := r.URL.Query(); strings.TrimSpace(v.Get("q")) != "" {
		p.Query = clean(strings.TrimSpace(v.Get("q")))
		p.Hits = "/search?" + url.Values{"q": {p.Query}, "chat": {page.Chat.ID}}.Encode()
		v.Del("q")
		p.Unmarked = chatHref(page.Chat.ID) + "?" + v.Encode()
	}
	for _, c := range rows {
		row := newChatRow(c)
		row.Current = c.ID == page.Chat.ID
		p.List.Rows = append(p.List.Rows, row)
	}
	open := []chatRow{newChatRow(page.Chat)}
	if err := errors.Join(s.nameRows(r.Context(), p.List.Rows), s.nameRows(r.Context(), open)); err != nil {
		return err
	}
	p.Chat.Known = open[0].Known
	return s.render(w, "chat", p)
}

// stretch answers with the messages alone, for the endless scroll.
func (s *Server) stretch(w http.ResponseWriter, r *http.Request) error {
	_, st, err := s.stretchOf(r)
	if err != nil {
		return err
	}
	return s.render(w, "chat#stretch", st)
}

func newChatInfo(c index.ChatRow) chatInfo {
	i := chatInfo{
		chatRow: newChatRow(c), ID: c.ID, First: shortDay(c.First), Newest: chatHref(c.ID) + "#end",
		Oldest: chatHref(c.ID) + "?start=1", Fragment: "/fragment" + chatHref(c.ID),
		Print: chatHref(c.ID) + "/print",
	}
	i.FirstDate, i.LastDate = dateOnly(c.First), dateOnly(c.Last)
	for _, p := range c.Participants {
		i.Participants = append(i.Participants, clean(p))
	}
	return i
}

func dateOnly(local string) string {
	if t, ok := localTime(local); ok {
		return t.Format(time.DateOnly)
	}
	return ""
}
