package govern

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts about the firm's people.
const (
	ActCustodianSet      = "custodian.set"
	ActCustodianAccount  = "custodian.account"
	ActCustodianLeft     = "custodian.left"
	ActCustodianReturned = "custodian.returned"
	ActGroupSet          = "group.set"
	ActContactName       = "contact.name"
)

// Custodian is one of the firm's people.
type Custodian struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Email      string    `json:"email,omitempty"`
	Department string    `json:"department,omitempty"`
	Accounts   []Tenure  `json:"accounts,omitempty"` // by From
	Left       time.Time `json:"left,omitzero"`      // the day after their last
}

// Tenure is a time in which an account was a custodian's: numbers change hands.
// From and To are instants, To is the first that is not theirs; zero: open.
type Tenure struct {
	Account string    `json:"account"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
}

// at reports whether the tenure covers an instant.
func (t *Tenure) at(at time.Time) bool {
	return !at.Before(t.From) && (t.To.IsZero() || at.Before(t.To))
}

func (t *Tenure) overlaps(o *Tenure) bool {
	return (t.To.IsZero() || o.From.Before(t.To)) && (o.To.IsZero() || t.From.Before(o.To))
}

// Group is a group of custodians.
type Group struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

// Contact is what the firm calls a number or address that is not one of its
// own people's.
type Contact struct {
	Address string `json:"address"`
	Name    string `json:"name"`
	Kind    string `json:"kind,omitempty"` // "client", "staff", "other"
}

// CustodianData is the data of ActCustodianSet.
type CustodianData struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Email      string `json:"email,omitempty"`
	Department string `json:"department,omitempty"`
}

// AccountData is the data of ActCustodianAccount. Days are the firm's; To is
// the last that is theirs. It replaces the tenure that begins on the same day;
// Drop takes that one away.
type AccountData struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Drop    bool   `json:"drop,omitempty"`
}

// LeftData is the data of ActCustodianLeft and ActCustodianReturned.
type LeftData struct {
	ID  string `json:"id"`
	Day string `json:"day,omitempty"` // their last
}

// NormalAccount writes a number in one way: +, and digits.
func NormalAccount(s string) string {
	if strings.Contains(s, "@") {
		return strings.ToLower(strings.TrimSpace(s))
	}
	var b strings.Builder
	for _, r := range s {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	digits := b.String()
	if digits == "" {
		return strings.ToLower(strings.TrimSpace(s)) // an account by another name
	}
	return "+" + strings.TrimPrefix(digits, "00")
}

func custodianActs() map[string]kind {
	onCustodian := func(id string) []string { return []string{"custodian:" + id} }
	return map[string]kind{
		ActCustodianSet: about(define(access.ManageCustodians, checkCustodian, func(s *State, _ *Act, d CustodianData) {
			c := s.Custodians[d.ID]
			if c == nil {
				c = &Custodian{ID: d.ID}
				s.Custodians[d.ID] = c
			}
			c.Name, c.Email, c.Department = d.Name, d.Email, d.Department
		}), func(_ *Act, d CustodianData) []string { return onCustodian(d.ID) }),
		ActCustodianAccount: about(define(access.ManageCustodians, checkTenure, applyTenure),
			func(_ *Act, d AccountData) []string {
				return append(onCustodian(d.ID), "account:"+NormalAccount(d.Account))
			}),
		ActCustodianLeft: about(define(access.ManageCustodians, func(s *State, _ *Act, d LeftData) error {
			if s.Custodians[d.ID] == nil {
				return refuseAs(ErrUnknown, "There is no custodian %q.", d.ID)
			}
			if d.Day == "" {
				return refuse("Say which day was their last.")
			}
			_, err := day(d.Day)
			return err
		}, func(s *State, _ *Act, d LeftData) {
			last, _ := day(d.Day) // check has read it
			s.Custodians[d.ID].Left = last.AddDate(0, 0, 1)
		}), func(_ *Act, d LeftData) []string { return onCustodian(d.ID) }),
		ActCustodianReturned: about(define(access.ManageCustodians, func(s *State, _ *Act, d LeftData) error {
			if c := s.Custodians[d.ID]; c == nil || c.Left.IsZero() {
				return refuse("%q has not left.", d.ID)
			}
			return nil
		}, func(s *State, _ *Act, d LeftData) { s.Custodians[d.ID].Left = time.Time{} }),
			func(_ *Act, d LeftData) []string { return onCustodian(d.ID) }),
		ActGroupSet: about(define(access.ManageCustodians, checkGroup, func(s *State, _ *Act, d Group) {
			members := slices.Clone(d.Members)
			slices.Sort(members)
			s.Groups[d.ID] = &Group{d.ID, d.Name, slices.Compact(members)}
		}), func(_ *Act, d Group) []string { return []string{"group:" + d.ID} }),
		ActContactName: about(define(access.ManageCustodians, func(_ *State, _ *Act, d Contact) error {
			if strings.TrimSpace(d.Address) == "" {
				return refuse("Say which number or address is meant.")
			}
			if !slices.Contains([]string{"", "client", "staff", "other"}, d.Kind) {
				return refuse("A contact is a client, staff or other.")
			}
			return named("contact", d.Name)
		}, func(s *State, _ *Act, d Contact) {
			d.Address = NormalAccount(d.Address)
			s.Contacts[d.Address] = &d
		}), func(_ *Act, d Contact) []string { return []string{"contact:" + NormalAccount(d.Address)} }),
	}
}

func checkCustodian(_ *State, _ *Act, d CustodianData) error {
	if err := identifier("custodian", d.ID); err != nil {
		return err
	}
	if d.Email != "" && (!strings.Contains(d.Email, "@") || strings.ContainsAny(d.Email, " \t\r\n<>")) {
		return refuse("%q is no address for mail.", d.Email)
	}
	return named("custodian", d.Name)
}

// tenure reads an account's data. Days begin and end in the firm's zone only
// by name: a day more or less at the edge of a tenure is decided by UTC.
func (d *AccountData) tenure() (t Tenure, err error) {
	t.Account = NormalAccount(d.Account)
	if t.From, err = day(d.From); err != nil {
		return t, err
	}
	if t.To, err = day(d.To); err == nil && d.To != "" {
		t.To = t.To.AddDate(0, 0, 1)
		if !t.From.Before(t.To) {
			err = refuse("The last day is before the first.")
		}
	}
	return t, err
}

func checkTenure(s *State, a *Act, d AccountData) error {
	c := s.Custodians[d.ID]
	if c == nil {
		return refuseAs(ErrUnknown, "There is no custodian %q. Add the person first.", d.ID)
	}
	t, err := d.tenure()
	switch {
	case err != nil:
		return err
	case t.Account == "":
		return refuse("Say which number it is, such as +44 7700 900001.")
	}
	same := func(o Tenure) bool { return o.Account == t.Account && o.From.Equal(t.From) }
	if d.Drop {
		if !slices.ContainsFunc(c.Accounts, same) {
			return refuse("%s has no such time with that account.", c.Name)
		}
		return s.narrowsPerson(d.ID)
	}
	if i := slices.IndexFunc(c.Accounts, same); i >= 0 && !t.To.IsZero() && t.To.Before(a.At) && (c.Accounts[i].To.IsZero() || t.To.Before(c.Accounts[i].To)) {
		if err := s.narrowsPerson(d.ID); err != nil {
			return err
		}
	}
	for _, id := range s.holders[t.Account] {
		for i := range s.Custodians[id].Accounts {
			o := &s.Custodians[id].Accounts[i]
			if o.Account != t.Account || id == d.ID && same(*o) || !o.overlaps(&t) {
				continue
			}
			return refuse("%s has %s %s. Say when that ends first.", s.Custodians[id].Name, t.Account, o.Span())
		}
	}
	return nil
}

// narrowsPerson refuses what would take messages from a custodian whom an open
// hold asks for, by name or by a group.
func (s *State) narrowsPerson(id string) error {
	if err := s.narrows(false, "custodian", id); err != nil {
		return err
	}
	return s.narrows(false, "group", s.GroupsOf(id)...)
}

// Span is a tenure's time in words.
func (t *Tenure) Span() string {
	switch {
	case t.From.IsZero() && t.To.IsZero():
		return "all the time"
	case t.To.IsZero():
		return "from " + t.From.Format(time.DateOnly) + " on"
	case t.From.IsZero():
		return "until " + t.To.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return "from " + t.From.Format(time.DateOnly) + " to " + t.To.AddDate(0, 0, -1).Format(time.DateOnly)
}

func applyTenure(s *State, _ *Act, d AccountData) {
	t, _ := d.tenure() // check has read it
	c := s.Custodians[d.ID]
	c.Accounts = slices.DeleteFunc(c.Accounts, func(o Tenure) bool { return o.Account == t.Account && o.From.Equal(t.From) })
	if !d.Drop {
		c.Accounts = append(c.Accounts, t)
		if ids := s.holders[t.Account]; !slices.Contains(ids, d.ID) {
			ids = append(ids, d.ID)
			slices.Sort(ids)
			s.holders[t.Account] = ids
		}
	}
	slices.SortFunc(c.Accounts, func(a, b Tenure) int { return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Account, b.Account)) })
}

func checkGroup(s *State, _ *Act, d Group) error {
	if err := identifier("group", d.ID); err != nil {
		return err
	}
	for _, m := range d.Members {
		if s.Custodians[m] == nil {
			return refuseAs(ErrUnknown, "There is no custodian %q.", m)
		}
	}
	if old := s.Groups[d.ID]; old != nil {
		if slices.ContainsFunc(old.Members, func(m string) bool { return !slices.Contains(d.Members, m) }) {
			if err := s.narrows(false, "group", d.ID); err != nil {
				return err
			}
		}
	}
	if err := s.narrows(true, "group", d.ID); err != nil {
		return err
	}
	return named("group", d.Name)
}

// CustodianOf is whose an account was at an instant, or empty.
func (s *State) CustodianOf(account string, at time.Time) string {
	account = NormalAccount(account)
	for _, id := range s.holders[account] {
		for i := range s.Custodians[id].Accounts {
			if t := &s.Custodians[id].Accounts[i]; t.Account == account && t.at(at) {
				return id
			}
		}
	}
	return ""
}

// GroupsOf are the groups that a custodian is in.
func (s *State) GroupsOf(custodian string) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(s.Groups)) {
		if slices.Contains(s.Groups[id].Members, custodian) {
			ids = append(ids, id)
		}
	}
	return ids
}

// CustodiansIn are the custodians of a scope, those of its groups included.
func (s *State) CustodiansIn(sc access.Scope) []string {
	ids := slices.Clone(sc.Custodians)
	for _, g := range sc.Groups {
		if g := s.Groups[g]; g != nil {
			ids = append(ids, g.Members...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
