package web

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

func init() { said["group-set"] = "The group is saved." }

// groupsPage lists groups of custodians.
type groupsPage struct {
	layout
	Groups []groupRow
	Form   groupForm
	May    bool
}

type groupRow struct {
	ID, Name string
	People   int
	First    []string // names of some
}

// groupPage is one of them.
type groupPage struct {
	layout
	ID      string
	Members []custodianChoice
	Form    groupForm
	May     bool
}

// groupForm is a group as it is typed.
type groupForm struct {
	New             bool
	ID, Name, Wrong string
	People          []groupChoice
}

type groupChoice struct {
	custodianChoice
	In bool
}

// groupNames is how many of a group's people a list names.
const groupNames = 6

func (s *Server) groups(w http.ResponseWriter, r *http.Request) error {
	return s.showGroups(w, r, http.StatusOK, govern.Group{}, "")
}

func (s *Server) showGroups(w http.ResponseWriter, r *http.Request, status int, typed govern.Group, wrong string) error {
	who := actor(r)
	p := groupsPage{layout: s.layout(r, "Groups", "custodians"), May: who.May(access.ManageCustodians, s.now()) == nil && !partly(who)}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(st.Groups)) {
			g := st.Groups[id]
			row := groupRow{ID: g.ID, Name: clean(g.Name)}
			for _, m := range g.Members {
				if !mayKnow(st, who, m) {
					continue
				}
				if row.People++; row.People <= groupNames {
					row.First = append(row.First, custodianName(st, m))
				}
			}
			if row.People == 0 && partly(who) {
				continue
			}
			p.Groups = append(p.Groups, row)
		}
		p.Form = newGroupForm(st, typed)
		return nil
	})
	if err != nil {
		return err
	}
	p.Form.New, p.Form.Wrong = true, wrong
	return s.renderStatus(w, status, "groups", p)
}

func newGroupForm(st *govern.State, g govern.Group) groupForm {
	f := groupForm{ID: plain(g.ID), Name: clean(g.Name)}
	for _, id := range slices.Sorted(maps.Keys(st.Custodians)) {
		f.People = append(f.People, groupChoice{custodianChoice{id, custodianName(st, id)}, slices.Contains(g.Members, id)})
	}
	slices.SortStableFunc(f.People, func(a, b groupChoice) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return f
}

// custodianName is what one of the firm's people is called.
func custodianName(st *govern.State, id string) string {
	if c := st.Custodians[id]; c != nil {
		return clean(c.Name)
	}
	return clean(id)
}

func (s *Server) group(w http.ResponseWriter, r *http.Request) error {
	return s.showGroup(w, r, http.StatusOK, nil, "")
}

// showGroup shows a group, and the form as it was typed where it was.
func (s *Server) showGroup(w http.ResponseWriter, r *http.Request, status int, typed *govern.Group, wrong string) error {
	who := actor(r)
	p := groupPage{May: who.May(access.ManageCustodians, s.now()) == nil && !partly(who)}
	id := r.PathValue("group")
	if typed != nil {
		id = typed.ID
	}
	title := ""
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		g := st.Groups[id]
		if g == nil {
			return errNoPage
		}
		p.ID, title = g.ID, g.Name
		for _, m := range g.Members {
			if mayKnow(st, who, m) {
				p.Members = append(p.Members, custodianChoice{m, custodianName(st, m)})
			}
		}
		if p.Members == nil && partly(who) {
			return errNoPage
		}
		if typed != nil {
			g = typed
		}
		p.Form = newGroupForm(st, *g)
		return nil
	})
	if err != nil {
		return err
	}
	p.layout, p.Form.Wrong = s.layout(r, title, "custodians"), wrong
	return s.renderStatus(w, status, "group", p)
}

// setGroup makes a group, or says anew who is in one.
func (s *Server) setGroup(w http.ResponseWriter, r *http.Request) error {
	if err := wholly(r, "A group is"); err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	v := r.PostForm
	g := govern.Group{ID: v.Get("id"), Name: v.Get("name"), Members: v["member"]}
	isNew := v.Get("new") != ""
	wrong, exists := "", false
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error { exists = st.Groups[g.ID] != nil; return nil }); err != nil {
		return err
	}
	if isNew && exists {
		return s.showGroups(w, r, http.StatusConflict, g, "There is a group of that ID. Open it to change who is in it.")
	}
	_, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActGroupSet, Data: g})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		wrong = clean(refusal.Say)
		if !exists {
			return s.showGroups(w, r, http.StatusConflict, g, wrong)
		}
		return s.showGroup(w, r, http.StatusConflict, &g, wrong)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/groups/"+url.PathEscape(g.ID), "group-set")
}
