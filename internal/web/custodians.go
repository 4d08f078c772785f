package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

func init() {
	maps.Copy(said, map[string]string{
		"people-taken":      "The list is taken.",
		"custodian-changed": "Noted.",
	})
}

// custodiansPage lists the firm's people.
type custodiansPage struct {
	layout
	People []custodianRow
	May    bool
}

type custodianRow struct {
	ID, Name, Email, Department string
	Accounts                    []string // with their times
	Groups, Left                string
}

// custodianPage is one of them.
type custodianPage struct {
	layout
	custodianRow
	Wrong string
	Holds []holdRow // whose notices they were sent
	May   bool
}

// peoplePage takes a list.
type peoplePage struct {
	layout
	Wrong, List string
	Looked      bool
	Bad         []govern.BadLine
	Steps       []string // the first ones
	Total       int
}

// stepsShown is how many changes of a list are shown.
const stepsShown = 200

func newCustodianRow(st *govern.State, c *govern.Custodian) custodianRow {
	row := custodianRow{ID: c.ID, Name: clean(c.Name), Email: clean(c.Email), Department: clean(c.Department), Groups: strings.Join(st.GroupsOf(c.ID), ", ")}
	for i := range c.Accounts {
		row.Accounts = append(row.Accounts, clean(c.Accounts[i].Account)+" "+c.Accounts[i].Span())
	}
	if !c.Left.IsZero() {
		row.Left = c.Left.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return row
}

func (s *Server) custodians(w http.ResponseWriter, r *http.Request) error {
	p := custodiansPage{layout: s.layout(r, "Custodians", "custodians"), May: actor(r).May(access.ManageCustodians, s.now()) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(st.Custodians)) {
			if !mayKnow(st, actor(r), id) {
				continue
			}
			p.People = append(p.People, newCustodianRow(st, st.Custodians[id]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.render(w, "custodians", p)
}

func (s *Server) custodian(w http.ResponseWriter, r *http.Request) error {
	return s.showCustodian(w, r, http.StatusOK, "")
}

func (s *Server) showCustodian(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	who := actor(r)
	seesHolds := who.May(access.SeeHolds, s.now()) == nil
	p := custodianPage{Wrong: wrong, May: who.May(access.ManageCustodians, s.now()) == nil}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		c := st.Custodians[r.PathValue("custodian")]
		if c == nil || !mayKnow(st, who, c.ID) {
			return errNoPage
		}
		p.custodianRow = newCustodianRow(st, c)
		if !seesHolds {
			return nil
		}
		for _, id := range slices.Sorted(maps.Keys(st.Holds)) {
			h := st.Holds[id]
			if slices.ContainsFunc(h.Notices, func(n govern.Notice) bool { return slices.Contains(n.Custodians, c.ID) }) {
				p.Holds = append(p.Holds, newHoldRow(h))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.layout = s.layout(r, p.Name, "custodians")
	return s.renderStatus(w, status, "custodian", p)
}

// actOnCustodian notes what changed about one of the firm's people.
func (s *Server) actOnCustodian(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	v, id := r.PostForm, r.PathValue("custodian")
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		if !mayKnow(st, actor(r), id) {
			return errNoPage
		}
		return nil
	}); err != nil {
		return err
	}
	q := govern.Request{Reason: v.Get("reason")}
	switch r.PathValue("act") {
	case "set":
		q.Act, q.Data = govern.ActCustodianSet, govern.CustodianData{ID: id, Name: v.Get("name"), Email: v.Get("email"), Department: v.Get("department")}
	case "account":
		q.Act, q.Data = govern.ActCustodianAccount, govern.AccountData{ID: id, Account: v.Get("account"), From: v.Get("from"), To: v.Get("to")}
	case "left":
		q.Act, q.Data = govern.ActCustodianLeft, govern.LeftData{ID: id, Day: v.Get("day")}
	case "returned":
		q.Act, q.Data = govern.ActCustodianReturned, govern.LeftData{ID: id}
	default:
		return errNoPage
	}
	_, err := s.ledger.Do(r.Context(), actor(r), q)
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) && !errors.Is(err, govern.ErrUnknown) {
		return s.showCustodian(w, r, http.StatusConflict, clean(refusal.Say))
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/custodians/"+url.PathEscape(id), "custodian-changed")
}

func (s *Server) newPeople(w http.ResponseWriter, r *http.Request) error {
	if err := wholly(r, "A list of people is"); err != nil {
		return err
	}
	return s.render(w, "custodians-import", peoplePage{layout: s.layout(r, "Import people", "custodians")})
}

// takePeople shows what a list would change, and takes it when asked to.
func (s *Server) takePeople(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	if err := wholly(r, "A list of people is"); err != nil {
		return err
	}
	list := r.PostForm.Get("list")
	p := peoplePage{layout: s.layout(r, "Import people", "custodians"), List: clean(list), Looked: true}
	people, bad, err := govern.ReadPeople(strings.NewReader(list))
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		p.Wrong, p.Looked = clean(refusal.Say), false
		return s.renderStatus(w, http.StatusBadRequest, "custodians-import", p)
	}
	if err != nil {
		return fmt.Errorf("read list of people: %w", err)
	}
	var plan *govern.PeoplePlan
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error { plan = st.PlanPeople(people, bad); return nil }); err != nil {
		return err
	}
	if r.PostForm.Get("do") == "take" && len(plan.Bad) == 0 {
		if _, err := s.ledger.DoAll(r.Context(), actor(r), plan.Requests()); err != nil {
			return err
		}
		return goOn(w, r, "/custodians", "people-taken")
	}
	for _, b := range plan.Bad {
		p.Bad = append(p.Bad, govern.BadLine{Line: b.Line, Say: clean(b.Say)})
	}
	for _, step := range plan.Steps[:min(len(plan.Steps), stepsShown)] {
		p.Steps = append(p.Steps, clean(step.Say))
	}
	p.Total = len(plan.Steps)
	return s.render(w, "custodians-import", p)
}
