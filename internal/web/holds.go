package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

func init() {
	maps.Copy(said, map[string]string{
		"hold-placed":   "The hold is placed: nothing that it covers is disposed of.",
		"hold-notice":   "The notice is noted. It waits for whoever it is for.",
		"hold-paper":    "The acknowledgement is noted.",
		"hold-released": "Asked. The hold stays until a second person has confirmed it, under Requests.",
	})
	requestWords[govern.ActHoldRelease] = "Release a hold"
	requestHref[govern.ActHoldRelease] = func(q *govern.Asked) string {
		var d govern.HoldRef
		if json.Unmarshal(q.Data, &d) != nil {
			return ""
		}
		return "/holds/" + strconv.FormatInt(d.Hold, 10)
	}
}

// holdsPage lists holds.
type holdsPage struct {
	layout
	Open, Released []holdRow
	May            bool
}

type holdRow struct {
	ID           int64
	Name, Reason string
	Query        string
	At, Ended    string
	Waits, Due   int // acknowledgements; those that have been waited for too long
}

// holdPage is one hold: what it covers, and the proof of what was done.
type holdPage struct {
	layout
	Wrong string
	holdRow
	By         string
	Numbered   int64 // messages beside the query
	Found      int64 // messages that the query finds
	Broken     bool
	Picture    timeline
	Notices    []noticeView
	Custodians []custodianChoice
	Matter     choice
	Notes      notesPart
	MayRead    bool
	May        bool // place
	MayRelease bool
	ReleasedBy []string
	Why        string
	Coverage   coverage
}

type noticeView struct {
	Seq          int64
	At, By, Text string
	People       []noticePerson
}

type noticePerson struct {
	ID, Name, At, By, Note string
	Late                   bool
}

type custodianChoice struct{ ID, Name string }

// holdForm is a hold before it is placed.
type holdForm struct {
	layout
	Wrong, Name, Query, Reason string
	Found                      string // of a preview
	Looked                     bool
}

func (s *Server) holds(w http.ResponseWriter, r *http.Request) error {
	p := holdsPage{layout: s.layout(r, "Holds", "holds"), May: actor(r).May(access.PlaceHold, s.now()) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, h := range st.Holds {
			if row := newHoldRow(h, s.now()); h.Open() {
				p.Open = append(p.Open, row)
			} else {
				p.Released = append(p.Released, row)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	newest := func(a, b holdRow) int { return cmp.Compare(b.ID, a.ID) }
	slices.SortFunc(p.Open, newest)
	slices.SortFunc(p.Released, newest)
	return s.render(w, "holds", p)
}

func newHoldRow(h *govern.Hold, now time.Time) holdRow {
	row := holdRow{ID: h.ID, Name: clean(h.Name), Reason: clean(h.Reason), Query: clean(h.HoldQuery()), At: utc(h.At), Due: due(h, now)}
	for i := range h.Notices {
		row.Waits += len(h.Notices[i].Waiting())
	}
	if !h.Open() {
		row.Ended = utc(h.Released)
	}
	return row
}

// covered is how many messages a query finds now, in words.
func (s *Server) covered(r *http.Request, query string) (string, error) {
	res, err := s.view(r).Search(r.Context(), index.Search{Query: query, Limit: 1})
	switch {
	case err != nil:
		return "", err
	case res.Total < 0:
		return "more than 10,000 messages", nil
	}
	return plural(res.Total, "message"), nil
}

func (s *Server) newHold(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, "hold-new", holdForm{layout: s.layout(r, "Place a hold", "holds"), Query: clean(r.URL.Query().Get("q"))})
}

// placeHold shows what a hold would cover, and places it when asked to.
func (s *Server) placeHold(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	v := r.PostForm
	query := strings.TrimSpace(v.Get("query"))
	f := holdForm{layout: s.layout(r, "Place a hold", "holds"), Name: clean(v.Get("name")), Query: clean(query), Reason: clean(v.Get("reason"))}
	if query == "" {
		f.Wrong = "Say what the hold covers."
		return s.renderStatus(w, http.StatusBadRequest, "hold-new", f)
	}
	var err error
	// What cannot be asked would hold everything: nobody may mean that.
	if f.Found, err = s.covered(r, query); errors.Is(err, index.ErrQuery) {
		f.Wrong = "The query is not understood. Try it under Search first."
		return s.renderStatus(w, http.StatusBadRequest, "hold-new", f)
	} else if err != nil {
		return fmt.Errorf("count what a hold covers: %w", err)
	}
	if f.Looked = true; v.Get("do") != "place" {
		return s.render(w, "hold-new", f)
	}
	id, err := s.ledger.Do(r.Context(), actor(r), govern.Request{
		Act: govern.ActHoldPlace, Reason: v.Get("reason"), Data: govern.HoldData{Name: v.Get("name"), Query: query},
	})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		f.Wrong = clean(refusal.Say)
		return s.renderStatus(w, http.StatusConflict, "hold-new", f)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/holds/"+strconv.FormatInt(id, 10), "hold-placed")
}

func (s *Server) hold(w http.ResponseWriter, r *http.Request) error {
	return s.showHold(w, r, http.StatusOK, "")
}

func (s *Server) showHold(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id, err := strconv.ParseInt(r.PathValue("hold"), 10, 64)
	if err != nil {
		return errNoPage
	}
	who := actor(r)
	p := holdPage{Wrong: wrong, May: who.May(access.PlaceHold, s.now()) == nil, MayRelease: who.May(access.ReleaseHold, s.now()) == nil, MayRead: who.May(access.Read, s.now()) == nil}
	query, at := "", []time.Time(nil)
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		h := st.Holds[id]
		if h == nil {
			return errNoPage
		}
		query, at = h.HoldQuery(), []time.Time{h.At}
		for i := range h.Notices {
			at = append(at, h.Notices[i].At)
		}
		if p.MayRead && h.Matter != 0 {
			p.Matter = choice{strconv.FormatInt(h.Matter, 10), clean(st.Matters[h.Matter].Name)}
		}
		if p.MayRead {
			p.Notes = s.notesOn(r, st, "hold:"+strconv.FormatInt(id, 10), "/holds/"+strconv.FormatInt(id, 10))
		}
		p.fill(st, h, who, s.now())
		return nil
	})
	if err != nil {
		return err
	}
	p.layout = s.layout(r, "Hold "+p.Name, "holds")
	if query != "" {
		by, err := s.view(r).Months(r.Context(), query)
		if p.Broken = errors.Is(err, index.ErrQuery); err != nil && !p.Broken {
			return fmt.Errorf("count what a hold covers: %w", err)
		}
		for _, m := range by {
			p.Found += m.Messages
		}
		p.Picture = drawTimeline(by, at)
	}
	if p.Coverage, err = s.coverage(r); err != nil {
		return err
	}
	return s.renderStatus(w, status, "hold", p)
}

func (p *holdPage) fill(st *govern.State, h *govern.Hold, who govern.Actor, now time.Time) {
	login := func(l string) string {
		if u := st.Users[l]; u != nil {
			return clean(u.Name)
		}
		return "whoever held the keys"
	}
	name := func(id string) string {
		if c := st.Custodians[id]; c != nil {
			return clean(c.Name)
		}
		return clean(id)
	}
	p.holdRow, p.By, p.Numbered, p.Why = newHoldRow(h, now), login(h.By), h.Messages.Len(), clean(h.Why)
	if partly(who) {
		p.Numbered = 0
	}
	if !h.Open() {
		p.ReleasedBy = []string{login(h.ReleasedBy[0]), login(h.ReleasedBy[1])}
	}
	for i := range h.Notices {
		n := &h.Notices[i]
		v := noticeView{Seq: n.Seq, At: utc(n.At), By: login(n.By), Text: clean(n.Text)}
		for _, c := range n.Custodians {
			if !mayKnow(st, who, c) {
				continue
			}
			person := noticePerson{ID: c, Name: name(c), Late: h.Open() && now.Sub(n.At) > noticeDue}
			if k, ok := n.Acknowledged[c]; ok {
				person.At, person.By, person.Note = utc(k.At), login(k.By), clean(k.Note)
			}
			v.People = append(v.People, person)
		}
		p.Notices = append(p.Notices, v)
	}
	for _, id := range slices.Sorted(maps.Keys(st.Custodians)) {
		if !mayKnow(st, who, id) {
			continue
		}
		p.Custodians = append(p.Custodians, custodianChoice{id, name(id)})
	}
}

// actOnHold sends a notice, notes an acknowledgement, or asks for the release.
func (s *Server) actOnHold(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("hold"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	v, word, do := r.PostForm, "", s.ledger.Do
	q := govern.Request{Reason: v.Get("reason")}
	switch r.PathValue("act") {
	case "notice":
		word, q.Act, q.Data = "hold-notice", govern.ActHoldNotice, govern.NoticeData{Hold: id, Text: v.Get("text"), Custodians: v["custodian"]}
	case "acknowledge":
		n, err := strconv.ParseInt(v.Get("notice"), 10, 64)
		if err != nil {
			return errors.Join(errRequest, err)
		}
		word, q.Act, q.Data = "hold-paper", govern.ActHoldAcknowledge, govern.AcknowledgeData{Hold: id, Notice: n, Custodian: v.Get("custodian")}
	case "release":
		word, q.Act, q.Data, do = "hold-released", govern.ActHoldRelease, govern.HoldRef{Hold: id}, s.ledger.Ask
	default:
		return errNoPage
	}
	_, err = do(r.Context(), actor(r), q)
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) && !errors.Is(err, govern.ErrUnknown) {
		return s.showHold(w, r, http.StatusConflict, clean(refusal.Say))
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/holds/"+strconv.FormatInt(id, 10), word)
}
