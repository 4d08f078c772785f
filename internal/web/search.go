package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

const (
	hitsOnPage     = 30
	messagesAround = 1 // before and after each hit
)

// searchPage is a question and a page of its answer.
type searchPage struct {
	layout
	Query      string
	Asked      bool
	Chat       string // ID: only in this chat
	ChatName   string
	Everywhere string // address of the same question in all chats
	Order      index.Order
	Grouped    bool
	Filled     map[string]string
	Filtered   bool // a filter is set: the form is open
	Types      []choice
	Has        []choice
	Is         []choice
	Problem    string // what is not understood about the query
	Groups     []hitGroup
	Total      int64
	Many       bool // counting was cut short
	Later      bool // not the first page
	First      string
	Next       string
	Coverage   coverage
	All        string // address of the page that does something with all of them
	Saved      []savedRow
	MaySave    bool
}

// hitGroup is a stretch of hits of one chat.
type hitGroup struct {
	chat     string
	ChatName string
	ChatHref string
	Initial  string
	Colour   int
	Kind     string
	Hits     []hit
}

// hit is a message found, between those around it.
type hit struct {
	Link    string // to its place in the chat
	Day     string
	Before  []bubble
	Message bubble
	After   []bubble
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	if writes(v) { // the form: its filters become part of the query
		to := url.Values{"q": {write(v.Get("q"), v)}}
		for _, k := range []string{"chat", "order", "group"} {
			if v.Get(k) != "" {
				to.Set(k, v.Get(k))
			}
		}
		http.Redirect(w, r, "/search?"+to.Encode(), http.StatusSeeOther)
		return nil
	}
	p := s.newSearchPage(r, v)
	if p.Chat != "" {
		c, err := s.view(r).Chat(r.Context(), p.Chat)
		if err != nil {
			return fmt.Errorf("read chat to search in: %w", err)
		}
		p.ChatName = chatName(c.Name)
	}
	who := actor(r)
	p.MaySave = p.Asked && who.May(access.Search, s.now()) == nil
	if p.Asked && who.May(access.Order, s.now()) == nil {
		p.All = "/search/all?" + url.Values{"q": {v.Get("q")}, "chat": {p.Chat}}.Encode()
	}
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, q := range st.SearchesOf(who.ID) {
			p.Saved = append(p.Saved, s.savedRow(r, st, q))
		}
		return nil
	}); err != nil {
		return err
	}
	status := http.StatusOK
	if p.Asked {
		err := s.ask(r, &p)
		switch {
		case errors.Is(err, index.ErrQuery):
			p.Problem, status = problem(err), http.StatusBadRequest
		case err != nil:
			return fmt.Errorf("search: %w", err)
		}
	}
	if !p.Asked || p.Problem != "" {
		var err error
		if p.Coverage, err = s.coverage(r); err != nil {
			return err
		}
	}
	return s.renderStatus(w, status, "search", p)
}

// OrderText is the order as the form's value.
func (p searchPage) OrderText() string { return string(p.Order) }

// Orders are the choices of the form.
func (searchPage) Orders() []choice {
	return []choice{
		{string(index.Newest), "Newest first"},
		{string(index.Oldest), "Oldest first"},
		{string(index.Relevance), "Best match first"},
	}
}

func writes(v url.Values) bool {
	for _, f := range filters {
		if v.Has("f-" + f) {
			return true
		}
	}
	return false
}

func (s *Server) newSearchPage(r *http.Request, v url.Values) searchPage {
	q := strings.TrimSpace(v.Get("q"))
	p := searchPage{
		layout: s.layout(r, "Search", "search"), Query: clean(q), Asked: q != "", Chat: v.Get("chat"),
		Order: index.Order(v.Get("order")), Grouped: v.Get("group") == "chat",
		Filled: filled(q), Types: typeChoices, Has: hasChoices, Is: isChoices, Later: v.Get("cursor") != "",
	}
	switch p.Order {
	case index.Newest, index.Oldest, index.Relevance:
	default:
		p.Order = index.Newest
	}
	p.Filtered = len(p.Filled) > 0
	if q != "" {
		p.Title = plain(shorten(q, 60)) + " · Search"
	}
	p.Everywhere = p.href("", url.Values{"chat": nil})
	return p
}

// href is the address of the same question, at a cursor and with changes.
func (p *searchPage) href(cursor string, change url.Values) string {
	v := url.Values{"q": {p.Query}}
	if p.Chat != "" {
		v.Set("chat", p.Chat)
	}
	if p.Order != index.Newest {
		v.Set("order", string(p.Order))
	}
	if p.Grouped {
		v.Set("group", "chat")
	}
	for k, x := range change {
		v[k] = x
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	return "/search?" + v.Encode()
}

func (s *Server) ask(r *http.Request, p *searchPage) error {
	res, err := s.view(r).Search(r.Context(), index.Search{
		Query: r.URL.Query().Get("q"), Chat: p.Chat, Order: p.Order, Limit: hitsOnPage,
		Cursor: r.URL.Query().Get("cursor"), Context: messagesAround,
	})
	if err != nil {
		return err
	}
	found := map[string]any{"query": r.URL.Query().Get("q"), "total": res.Total}
	var on []string
	if p.Chat != "" {
		on = []string{"chat:" + p.Chat}
	}
	if err := s.trace(r, traceSearch, on, found); err != nil {
		return err
	}
	p.Total, p.Many = res.Total, res.Total < 0
	p.Coverage = s.newCoverage(res.Coverage)
	if res.Next != "" {
		p.Next = p.href(res.Next, nil)
	}
	if p.Later {
		p.First = p.href("", nil)
	}
	p.Groups = groups(res.Hits, p.Grouped, p.Query)
	var all []*bubble
	for i := range p.Groups {
		for j := range p.Groups[i].Hits {
			h := &p.Groups[i].Hits[j]
			s.fit(r.Context(), h.Message.Files)
			all = append(all, &h.Message)
			for k := range h.Before {
				all = append(all, &h.Before[k])
			}
			for k := range h.After {
				all = append(all, &h.After[k])
			}
		}
	}
	return s.nameBubbles(r.Context(), all...)
}

// groups puts the hits of a page under their chats, the chat of the best hit
// first; without grouping the order of the answer stays as it is.
func groups(hits []index.Hit, byChat bool, query string) []hitGroup {
	var out []hitGroup
	at := map[string]int{}
	for i := range hits {
		h := &hits[i]
		c := h.Message.Chat
		n, ok := at[c.ID]
		if !byChat { // one heading over hits of one chat that follow each other
			ok = len(out) > 0 && out[len(out)-1].chat == c.ID
			n = len(out) - 1
		}
		if !ok {
			n = len(out)
			at[c.ID] = n
			out = append(out, hitGroup{
				chat:     c.ID,
				ChatName: chatName(c.Name), ChatHref: chatHref(c.ID) + "#end", Initial: initial(c.Name),
				Colour: colour(c.ID + c.Name), Kind: kindName(c.Kind),
			})
		}
		out[n].Hits = append(out[n].Hits, newHit(h, query))
	}
	return out
}

func newHit(h *index.Hit, query string) hit {
	in := find(query, h.Message)
	in[h.Message.Text] = h.Marks
	o := hit{Link: placeOf(&h.Message, query), Day: day(h.Message.SentLocal), Message: inHit(&h.Message, in)}
	o.Message.Target = true
	for i := range h.Before {
		o.Before = append(o.Before, beside(&h.Before[i]))
	}
	for i := range h.After {
		o.After = append(o.After, beside(&h.After[i]))
	}
	return o
}

// inHit is a bubble among the hits: always with its sender's name, since the
// messages beside it may be another chat's.
func inHit(m *chat.Message, in found) bubble {
	b := newBubble(m, in)
	b.Named, b.Loose = b.Side != "notice", true
	return b
}

// beside is a message before or after a hit: one line, to know where one is.
func beside(m *chat.Message) bubble {
	short := *m
	short.Text = shorten(summaryOf(m), 160)
	if m.Type == chat.SystemType && m.Text == "" {
		short.Text = notice(m)
	}
	short.Attachments, short.Location, short.Contacts, short.Poll, short.Call, short.Occasion = nil, nil, nil, nil, nil, nil
	short.Versions, short.Reactions, short.Revoked, short.Edited, short.Boundary, short.Time = nil, nil, false, false, "", ""
	b := inHit(&short, nil)
	b.Traps, b.Kind = nil, ""
	return b
}

// problem takes the sentence for the query's author out of an error: what
// stands behind the words of index.ErrQuery.
func problem(err error) string {
	s := err.Error()
	if i := strings.Index(s, index.ErrQuery.Error()); i >= 0 {
		s = strings.TrimLeft(s[i+len(index.ErrQuery.Error()):], ": ")
	}
	if s == "" {
		s = "a quote or a bracket may be open, or a filter may be misspelled"
	}
	return clean(s)
}
