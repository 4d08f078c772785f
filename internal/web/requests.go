package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// requestsPage lists what waits for a second person, and what was decided.
type requestsPage struct {
	layout
	Waiting []requestRow
	Decided []requestRow // the newest
}

type requestRow struct {
	ID         int64
	Say        string // what is asked for
	Href       string // the page that shows more, where there is one
	Fields     []requestField
	By, At     string
	Reason     string
	Second     string // who could confirm
	May, Own   bool   // whoever looks may confirm; has asked
	Decided    string
	Decider    string
	DecidedAt  string
	Why        string
	WaitedLong bool
	Apart      bool // is decided on its own page, where more of it is shown
}

type requestField struct{ Name, Value string }

// decidedOnPage is how many decided requests are listed.
const decidedOnPage = 50

// requestWords say what an act is that somebody asks for, and requestHref where
// more of it is shown: one line an act.
var (
	requestWords = map[string]string{
		govern.ActAddUser:    "Add an account that reads",
		govern.ActChangeUser: "Change what an account may read",
		govern.ActOpenUser:   "Open an account again that reads",
		govern.ActHookOpen:   "Let another program be told what happens, by a webhook",
		govern.ActHookReplay: "Let a webhook be told what was before it was confirmed",
		govern.ActInvite:     "Let somebody who reads set a new password",
	}
	requestHref = map[string]func(*govern.Asked) string{
		govern.ActHookOpen:   toHooks,
		govern.ActHookReplay: toHooks,
	}
)

func (s *Server) requests(w http.ResponseWriter, r *http.Request) error {
	who := actor(r)
	p := requestsPage{layout: s.layout(r, "Requests", "requests")}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, q := range st.Requests {
			row := s.requestRow(st, who, q)
			if !row.May && !row.Own && who.May(access.SeeAudit, s.now()) != nil {
				continue
			}
			if q.Waits(s.now()) {
				p.Waiting = append(p.Waiting, row)
			} else {
				p.Decided = append(p.Decided, row)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	newest := func(a, b requestRow) int { return int(b.ID - a.ID) }
	slices.SortFunc(p.Waiting, newest)
	slices.SortFunc(p.Decided, newest)
	p.Decided = p.Decided[:min(len(p.Decided), decidedOnPage)]
	return s.render(w, "requests", p)
}

func (s *Server) requestRow(st *govern.State, who govern.Actor, q *govern.Asked) requestRow {
	name := func(login string) string {
		if u := st.Users[login]; u != nil {
			return clean(u.Name)
		}
		return "Whoever held the keys"
	}
	row := requestRow{
		ID: q.Seq, Say: requestWords[q.Act], By: name(q.By), At: utc(q.At), Reason: clean(q.Reason), Second: secondText(q.Second), Fields: requestFields(q.Data),
		Own: q.By == who.ID, May: q.By != who.ID && who.May(q.Second, s.now()) == nil, Decided: q.Decided, Why: clean(q.Why),
	}
	if row.Say == "" {
		row.Say = plain(q.Act)
	}
	if href := requestHref[q.Act]; href != nil {
		row.Href = href(q)
	}
	if (q.Act == govern.ActHookOpen || q.Act == govern.ActHookReplay) && q.Waits(s.now()) {
		row.Fields = append(row.Fields, hookFields(st, q)...)
	}
	if q.Act == govern.ActDispose { // who confirms it vouches for the date, and has seen what goes
		row.Apart, row.Fields = true, nil
	}
	if q.Decided != "" {
		row.Decider, row.DecidedAt = name(q.Decider), utc(q.DecidedAt)
	} else {
		row.WaitedLong = !q.Waits(s.now())
	}
	return row
}

// secondText names the roles that an action needs.
func secondText(a access.Action) string {
	var names []string
	for _, r := range access.Roles() {
		if (access.Subject{Roles: []access.Role{r}}).May(a, time.Time{}) == nil {
			names = append(names, strings.ToLower(roleWords[r]))
		}
	}
	return strings.Join(names, " or ")
}

// requestFields are the data of a request as a person reads them.
func requestFields(data json.RawMessage) []requestField {
	var out []requestField
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() && len(out) < 40 {
		name, err := d.Token()
		if err != nil {
			return out
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return out
		}
		if name != "invitation" { // what is kept of a secret
			out = append(out, flat(fmt.Sprint(name), v)...)
		}
	}
	return out
}

func flat(name string, v any) []requestField {
	switch v := v.(type) {
	case map[string]any:
		var out []requestField
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, flat(name+" "+k, v[k])...)
		}
		return out
	case []any:
		var parts []string
		for _, x := range v[:min(len(v), 50)] {
			parts = append(parts, fmt.Sprint(x))
		}
		if len(v) > 50 {
			parts = append(parts, fmt.Sprintf("and %s more", count(int64(len(v)-50))))
		}
		return []requestField{{plain(name), clean(strings.Join(parts, ", "))}}
	case nil:
		return nil
	}
	text := []rune(fmt.Sprint(v))
	return []requestField{{plain(name), clean(string(text[:min(len(text), 2000)]))}}
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	if err != nil {
		return errNoPage
	}
	act, done := govern.ActApprove, "approved"
	switch r.PathValue("decision") {
	case "approve":
	case "decline":
		act, done = govern.ActDecline, "declined"
	default:
		return errNoPage
	}
	if err := s.decideOn(r, act, govern.Decision{Request: id, Today: r.PostForm.Get("today")}); err != nil {
		return err
	}
	return goOn(w, r, "/requests", done)
}

// decideOn confirms or declines a request. The desk confirms disposals: it
// knows whether what they take can be seen.
func (s *Server) decideOn(r *http.Request, act string, d govern.Decision) error {
	disposes, reason := false, plain(r.PostForm.Get("reason"))
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		q := st.Requests[d.Request]
		disposes = act == govern.ActApprove && s.desk != nil && q != nil && q.Act == govern.ActDispose
		return nil
	})
	switch {
	case err != nil:
	case disposes:
		_, err = s.desk.Approve(r.Context(), actor(r), d, reason)
	default:
		_, err = s.ledger.Do(r.Context(), actor(r), govern.Request{Act: act, Reason: reason, Data: d})
	}
	return err
}
