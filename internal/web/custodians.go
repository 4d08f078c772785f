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
	"github.com/waxseal/waxseal/internal/index"
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
	Wrong   string
	Picture tenures
	Notices []custodianNotice // of holds
	Chats   []chatLink        // the latest of their accounts
	Reads   bool              // the person may see chats, and notes
	Notes   notesPart
	In      []custodianChoice // groups
	May     bool
}

// custodianNotice is a notice of a hold that they were sent.
type custodianNotice struct {
	Hold                         int64
	Name, At, Acknowledged, Over string
	Late                         bool
}

type chatLink struct {
	Href, Name, Account, Last string
	Messages                  int64
	last                      string
}

// theirChats is how many of a custodian's chats their page lists.
const theirChats = 10

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
	row := custodianRow{ID: c.ID, Name: clean(c.Name), Email: clean(c.Email), Department: clean(c.Department)}
	var groups []string
	for _, g := range st.GroupsOf(c.ID) {
		groups = append(groups, clean(st.Groups[g].Name))
	}
	row.Groups = strings.Join(groups, ", ")
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
	p := custodianPage{Wrong: wrong, May: who.May(access.ManageCustodians, s.now()) == nil, Reads: who.May(access.Read, s.now()) == nil}
	var accounts []govern.Tenure
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		c := st.Custodians[r.PathValue("custodian")]
		if c == nil || !mayKnow(st, who, c.ID) {
			return errNoPage
		}
		p.custodianRow, p.Picture = newCustodianRow(st, c), drawTenures(c, s.now())
		accounts = slices.Clone(c.Accounts)
		for _, g := range st.GroupsOf(c.ID) {
			p.In = append(p.In, custodianChoice{g, clean(st.Groups[g].Name)})
		}
		if p.Reads {
			p.Notes = s.notesOn(r, st, "custodian:"+c.ID, "/custodians/"+url.PathEscape(c.ID))
		}
		if !seesHolds {
			return nil
		}
		for _, n := range noticesOf(st, c.ID) {
			v := custodianNotice{Hold: n.hold.ID, Name: clean(n.hold.Name), At: utc(n.notice.At)}
			if k, ok := n.notice.Acknowledged[c.ID]; ok {
				v.Acknowledged = utc(k.At)
			}
			if !n.hold.Open() {
				v.Over = utc(n.hold.Released)
			}
			v.Late = v.Acknowledged == "" && v.Over == "" && s.now().Sub(n.notice.At) > noticeDue
			p.Notices = append(p.Notices, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if p.Reads {
		if err := p.chats(s, r, accounts); err != nil {
			return err
		}
	}
	p.layout = s.layout(r, p.Name, "custodians")
	return s.renderStatus(w, status, "custodian", p)
}

// chats are the latest of the accounts that were theirs, and of what was
// imported as theirs.
func (p *custodianPage) chats(s *Server, r *http.Request, accounts []govern.Tenure) error {
	had := map[string]bool{}
	for i := range accounts[:min(len(accounts), tenureRows)] {
		had[accounts[i].Account] = true
	}
	seen := map[string]bool{}
	for _, text := range append(slices.Sorted(maps.Keys(had)), p.ID) {
		rows, err := s.view(r).Chats(r.Context(), index.ChatFilter{Text: text, Limit: chatsOnPage})
		if err != nil {
			return fmt.Errorf("list a custodian's chats: %w", err)
		}
		for i := range rows {
			c := &rows[i]
			if theirs := c.Custodian == p.ID || had[govern.NormalAccount(c.Account)]; !theirs || seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			p.Chats = append(p.Chats, chatLink{Href: chatHref(c.ID) + "#end", Name: chatName(c.Name), Account: clean(c.Account), Messages: c.Messages, Last: shortDay(c.Last), last: c.Last})
		}
	}
	slices.SortStableFunc(p.Chats, func(a, b chatLink) int { return strings.Compare(b.last, a.last) })
	p.Chats = p.Chats[:min(len(p.Chats), theirChats)]
	return nil
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
