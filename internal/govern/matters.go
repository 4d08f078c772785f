package govern

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of matters.
const (
	ActMatterOpen    = "matter.open"
	ActMatterChange  = "matter.change"
	ActMatterMember  = "matter.member"
	ActMatterClose   = "matter.close"
	ActMatterReopen  = "matter.reopen"
	ActMatterCollect = "matter.collect"
	ActMatterDrop    = "matter.drop"
)

// Matter is a case or inquiry.
type Matter struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Name     string    `json:"name"`
	About    string    `json:"about,omitempty"`
	Members  []string  `json:"members,omitempty"` // logins
	Closed   time.Time `json:"closed,omitzero"`
	ClosedBy string    `json:"closed_by,omitempty"`
	// Acts are what was done with it, the oldest first.
	Acts []MatterAct `json:"acts,omitempty"`
}

// MatterAct is one act on a matter.
type MatterAct struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Act      string    `json:"act"`
	Reason   string    `json:"reason,omitempty"`
	Messages int64     `json:"messages,omitempty"` // that the act names
	User     string    `json:"user,omitempty"`     // that joins or leaves
	Leave    bool      `json:"leave,omitempty"`
}

// note keeps an act in the matter's history.
func (m *Matter) note(a *Act, of MatterAct) {
	of.Seq, of.At, of.By, of.Act, of.Reason = a.Seq, a.At, a.By, a.Act, a.Reason
	m.Acts = append(m.Acts, of)
}

// MatterData is the data of ActMatterOpen (Matter is zero), ActMatterChange,
// ActMatterClose and ActMatterReopen.
type MatterData struct {
	Matter int64  `json:"matter,omitempty"`
	Name   string `json:"name,omitempty"`
	About  string `json:"about,omitempty"`
}

// MemberData is the data of ActMatterMember.
type MemberData struct {
	Matter int64  `json:"matter"`
	User   string `json:"user"`
	Leave  bool   `json:"leave,omitempty"`
}

// Collected is the data of ActMatterCollect and ActMatterDrop. The index reads
// it.
type Collected struct {
	Matter   int64 `json:"matter"`
	Messages Runs  `json:"messages"`
}

func onMatter(id int64) []string { return []string{"matter:" + strconv.FormatInt(id, 10)} }

func matterActs() map[string]kind {
	ofData := func(_ *Act, d MatterData) []string {
		if d.Matter == 0 {
			return nil
		}
		return onMatter(d.Matter)
	}
	ofCollected := func(_ *Act, d Collected) []string { return onMatter(d.Matter) }
	return map[string]kind{
		ActMatterOpen: define(access.ManageMatters, func(s *State, _ *Act, d MatterData) error {
			return s.checkMatterName(0, d)
		}, func(s *State, a *Act, d MatterData) {
			m := &Matter{ID: a.Seq, At: a.At, By: a.By, Name: d.Name, About: d.About}
			m.note(a, MatterAct{})
			s.Matters[a.Seq] = m
		}),
		ActMatterChange: about(define(access.ManageMatters, func(s *State, _ *Act, d MatterData) error {
			m, err := s.openMatter(d.Matter)
			if err != nil {
				return err
			}
			if m.Name != d.Name { // by the new one a query would not find it
				if err := s.narrows(false, "matter", m.Name); err != nil {
					return err
				}
			}
			return s.checkMatterName(d.Matter, d)
		}, func(s *State, a *Act, d MatterData) {
			s.Matters[d.Matter].Name, s.Matters[d.Matter].About = d.Name, d.About
			s.Matters[d.Matter].note(a, MatterAct{})
		}), ofData),
		ActMatterMember: about(define(access.ManageMatters, func(s *State, _ *Act, d MemberData) error {
			m, err := s.openMatter(d.Matter)
			if err != nil {
				return err
			}
			if d.Leave != slices.Contains(m.Members, d.User) {
				return refuse("%s is %s a member.", d.User, map[bool]string{true: "not", false: "already"}[d.Leave])
			}
			_, err = s.Subject(d.User)
			return err
		}, func(s *State, a *Act, d MemberData) {
			m := s.Matters[d.Matter]
			m.note(a, MatterAct{User: d.User, Leave: d.Leave})
			m.Members = slices.DeleteFunc(m.Members, func(u string) bool { return u == d.User })
			if !d.Leave {
				m.Members = append(m.Members, d.User)
			}
		}), func(_ *Act, d MemberData) []string { return append(onMatter(d.Matter), "user:"+d.User) }),
		ActMatterClose: about(define(access.ManageMatters, func(s *State, a *Act, d MatterData) error {
			if _, err := s.openMatter(d.Matter); err != nil {
				return err
			}
			return reasoned(a)
		}, func(s *State, a *Act, d MatterData) {
			s.Matters[d.Matter].Closed, s.Matters[d.Matter].ClosedBy = a.At, a.By
			s.Matters[d.Matter].note(a, MatterAct{})
		}), ofData),
		ActMatterReopen: about(define(access.ManageMatters, func(s *State, a *Act, d MatterData) error {
			if m := s.Matters[d.Matter]; m == nil || m.Closed.IsZero() {
				return refuse("That matter is not closed.")
			}
			return reasoned(a)
		}, func(s *State, a *Act, d MatterData) {
			s.Matters[d.Matter].Closed, s.Matters[d.Matter].ClosedBy = time.Time{}, ""
			s.Matters[d.Matter].note(a, MatterAct{})
		}), ofData),
		ActMatterCollect: about(define(access.Order, checkCollected(true), collected), ofCollected),
		ActMatterDrop:    about(define(access.Order, checkCollected(false), collected), ofCollected),
	}
}

// collected keeps that it happened: which messages it were, the index knows.
func collected(s *State, a *Act, d Collected) {
	s.Matters[d.Matter].note(a, MatterAct{Messages: d.Messages.Len()})
}

func (s *State) openMatter(id int64) (*Matter, error) {
	m := s.Matters[id]
	switch {
	case m == nil:
		return nil, refuseAs(ErrUnknown, "There is no matter %d.", id)
	case !m.Closed.IsZero():
		return nil, refuse("The matter %s is closed.", m.Name)
	}
	return m, nil
}

func (s *State) checkMatterName(id int64, d MatterData) error {
	if err := named("matter", d.Name); err != nil {
		return err
	}
	if d.About != "" {
		if err := text("description", d.About); err != nil {
			return err
		}
	}
	for _, m := range s.Matters {
		if m.ID != id && strings.EqualFold(m.Name, d.Name) {
			return refuse("There is a matter of that name.")
		}
	}
	return nil
}

func checkCollected(gives bool) func(*State, *Act, Collected) error {
	return func(s *State, a *Act, d Collected) error {
		m, err := s.openMatter(d.Matter)
		if err != nil {
			return err
		}
		if len(d.Messages) == 0 {
			return refuse("No messages are named.")
		}
		if err := d.Messages.checked(a.Seq); err != nil {
			return err
		}
		return s.narrows(gives, "matter", m.Name, strconv.FormatInt(m.ID, 10))
	}
}

// MatterNamed finds a matter by its number or name.
func (s *State) MatterNamed(name string) *Matter {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && s.Matters[id] != nil {
		return s.Matters[id]
	}
	for _, m := range s.Matters {
		if strings.EqualFold(m.Name, name) {
			return m
		}
	}
	return nil
}
