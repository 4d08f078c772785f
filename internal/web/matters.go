package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// mattersPage lists the matters.
type mattersPage struct {
	layout
	Matters   []matterRow // open ones first
	Name      string      // as typed
	About     string
	Wrong     string
	MayManage bool
}

type matterRow struct {
	ID                  int64
	Name, About, Opened string
	Closed              bool
}

// matterPage is a matter.
type matterPage struct {
	layout
	matterRow
	ClosedAt, ClosedBy string
	Members            []choice // login, name
	Others             []choice // who could join
	Collected          int64    // messages in it now
	Find               string   // address of them
	Saved              []savedRow
	Holds              []choice // address, name
	Notes              notesPart
	Acts               []matterAct // the newest first
	Picture            timeline
	MayManage          bool
	MayReadIt          bool
}

type matterAct struct{ What, By, At, Why string }

func (s *Server) matters(w http.ResponseWriter, r *http.Request) error {
	return s.showMatters(w, r, http.StatusOK, mattersPage{})
}

func (s *Server) showMatters(w http.ResponseWriter, r *http.Request, status int, p mattersPage) error {
	p.layout, p.MayManage = s.layout(r, "Matters", "matters"), actor(r).May(access.ManageMatters, s.now()) == nil
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, m := range st.Matters {
			p.Matters = append(p.Matters, newMatterRow(m))
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(p.Matters, func(a, b matterRow) int {
		if a.Closed != b.Closed {
			return map[bool]int{true: 1, false: -1}[a.Closed]
		}
		return int(b.ID - a.ID)
	})
	return s.renderStatus(w, status, "matters", p)
}

func newMatterRow(m *govern.Matter) matterRow {
	return matterRow{ID: m.ID, Name: clean(m.Name), About: clean(m.About), Opened: utc(m.At), Closed: !m.Closed.IsZero()}
}

func (s *Server) openMatter(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	d := govern.MatterData{Name: r.PostForm.Get("name"), About: r.PostForm.Get("about")}
	id, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActMatterOpen, Data: d})
	var no *govern.Refusal
	if errors.As(err, &no) {
		return s.showMatters(w, r, http.StatusConflict, mattersPage{Name: clean(d.Name), About: clean(d.About), Wrong: no.Say})
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/matters/"+strconv.FormatInt(id, 10), govern.ActMatterOpen)
}

func (s *Server) matter(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("matter"), 10, 64)
	if err != nil {
		return errNoPage
	}
	who, path := actor(r), "/matters/"+r.PathValue("matter")
	p := matterPage{
		layout: s.layout(r, "Matter", "matters"), Find: "/search?" + url.Values{"q": {"matter:" + strconv.FormatInt(id, 10)}}.Encode(),
		MayManage: who.May(access.ManageMatters, s.now()) == nil, MayReadIt: who.May(access.Read, s.now()) == nil,
	}
	var acts []govern.MatterAct
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		m := st.Matters[id]
		if m == nil {
			return errNoPage
		}
		p.matterRow, p.Title = newMatterRow(m), plain(shorten(m.Name, 60))
		if p.Closed {
			p.ClosedAt, p.ClosedBy = utc(m.Closed), personName(st, m.ClosedBy)
		}
		for _, login := range m.Members {
			p.Members = append(p.Members, choice{login, personName(st, login)})
		}
		for _, u := range st.Users {
			if !u.Closed && !slices.Contains(m.Members, u.Login) {
				p.Others = append(p.Others, choice{u.Login, clean(u.Name)})
			}
		}
		byName(p.Members)
		byName(p.Others)
		for _, q := range st.Searches {
			if q.Matter == id {
				p.Saved = append(p.Saved, s.savedRow(r, st, q))
			}
		}
		slices.SortFunc(p.Saved, func(a, b savedRow) int { return int(a.ID - b.ID) })
		for _, h := range st.Holds {
			if h.Matter == id {
				p.Holds = append(p.Holds, choice{"/holds/" + strconv.FormatInt(h.ID, 10), clean(h.Name)})
			}
		}
		byName(p.Holds)
		p.Notes = s.notesOn(r, st, "matter:"+strconv.FormatInt(id, 10), path)
		acts = slices.Clone(m.Acts)
		if partly(who) { // how many there were is of the whole archive
			for i := range acts {
				acts[i].Messages = 0
			}
		}
		for _, a := range slices.Backward(acts) {
			p.Acts = append(p.Acts, matterAct{What: matterWords(st, a), By: personName(st, a.By), At: utc(a.At), Why: clean(a.Reason)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if p.MayReadIt {
		by, err := s.view(r).Months(r.Context(), "matter:"+strconv.FormatInt(id, 10))
		if err != nil {
			return fmt.Errorf("count what a matter collected: %w", err)
		}
		for _, m := range by {
			p.Collected += m.Messages
		}
		var at []time.Time
		for _, a := range acts {
			at = append(at, a.At)
		}
		p.Picture = drawTimeline(by, at)
	}
	return s.render(w, "matter", p)
}

func matterWords(st *govern.State, a govern.MatterAct) string {
	switch a.Act {
	case govern.ActMatterOpen:
		return "Opened"
	case govern.ActMatterChange:
		return "Name or description changed"
	case govern.ActMatterMember:
		if a.Leave {
			return personName(st, a.User) + " left"
		}
		return personName(st, a.User) + " joined"
	case govern.ActMatterCollect:
		if a.Messages == 0 {
			return "Collected messages"
		}
		return "Collected " + plural(a.Messages, "message")
	case govern.ActMatterDrop:
		if a.Messages == 0 {
			return "Took out messages"
		}
		return "Took out " + plural(a.Messages, "message")
	case govern.ActMatterClose:
		return "Closed"
	case govern.ActMatterReopen:
		return "Opened again"
	}
	return plain(a.Act)
}

// actOnMatter changes a matter: POST /matters/7/close.
func (s *Server) actOnMatter(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("matter"), 10, 64)
	if err != nil {
		return errNoPage
	}
	f := r.PostForm
	q := govern.Request{Act: "matter." + r.PathValue("act"), Reason: plain(f.Get("reason"))}
	switch q.Act {
	case govern.ActMatterChange, govern.ActMatterClose, govern.ActMatterReopen:
		q.Data = govern.MatterData{Matter: id, Name: f.Get("name"), About: f.Get("about")}
	case govern.ActMatterMember:
		q.Data = govern.MemberData{Matter: id, User: f.Get("user"), Leave: f.Get("leave") != ""}
	default:
		return errNoPage
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), q); err != nil {
		return err
	}
	return goOn(w, r, "/matters/"+r.PathValue("matter"), "matter-changed")
}
