package govern

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A list of people is a CSV file: whoever keeps them elsewhere exports it, and
// the books take what is new in it. What it leaves out it does not take away.

// maxPeople bounds the lines of a list.
const maxPeople = 200_000

// BadLine is a line of a list that cannot be taken, and why.
type BadLine struct {
	Line int    `json:"line"`
	Say  string `json:"say"`
}

// PeoplePlan is what a list would change. While a line is bad, nothing is.
type PeoplePlan struct {
	Lines int        `json:"lines"` // with somebody in them
	Steps []PlanStep `json:"steps"`
	Bad   []BadLine  `json:"bad,omitempty"`
}

// PlanStep is one act of a plan, and the sentence for it.
type PlanStep struct {
	Request Request `json:"-"`
	Line    int     `json:"line"`
	Say     string  `json:"say"`
}

// Requests are the acts of a plan.
func (p *PeoplePlan) Requests() []Request {
	out := make([]Request, len(p.Steps))
	for i := range p.Steps {
		out[i] = p.Steps[i].Request
	}
	return out
}

// PersonLine is a line of a list.
type PersonLine struct {
	Line                                                  int
	ID, Name, Email, Department, Account, From, To, Group string
}

// columns are the headers that a list may have, by how they are written.
var columns = map[string]func(*PersonLine) *string{
	"id":         func(p *PersonLine) *string { return &p.ID },
	"name":       func(p *PersonLine) *string { return &p.Name },
	"email":      func(p *PersonLine) *string { return &p.Email },
	"e-mail":     func(p *PersonLine) *string { return &p.Email },
	"department": func(p *PersonLine) *string { return &p.Department },
	"account":    func(p *PersonLine) *string { return &p.Account },
	"phone":      func(p *PersonLine) *string { return &p.Account },
	"number":     func(p *PersonLine) *string { return &p.Account },
	"from":       func(p *PersonLine) *string { return &p.From },
	"to":         func(p *PersonLine) *string { return &p.To },
	"group":      func(p *PersonLine) *string { return &p.Group },
}

// ReadPeople reads a list: UTF-8, with or without a mark at its beginning,
// its fields parted by commas, semicolons or tabs. A Refusal says what is wrong
// with the file, bad what is with lines.
func ReadPeople(r io.Reader) (people []PersonLine, bad []BadLine, err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := br.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3) // was peeked
	}
	first, _ := br.Peek(4096) // a shorter file is no error
	if i := bytes.IndexByte(first, '\n'); i >= 0 {
		first = first[:i]
	}
	cr := csv.NewReader(br)
	cr.FieldsPerRecord, cr.TrimLeadingSpace = -1, true
	for _, sign := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(sign))) > bytes.Count(first, []byte(string(cr.Comma))) {
			cr.Comma = sign
		}
	}
	head, err := cr.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, refuse("The list is empty.")
	}
	if err != nil || !utf8.ValidString(strings.Join(head, "")) {
		return nil, nil, refuse("The first line cannot be read. Save the list as CSV in UTF-8.")
	}
	into, err := header(head)
	if err != nil {
		return nil, nil, err
	}
	for {
		fields, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return people, bad, nil
		}
		if pe := (*csv.ParseError)(nil); errors.As(err, &pe) {
			bad = append(bad, BadLine{pe.StartLine, "The quotation marks do not fit."})
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if len(people) == maxPeople {
			return nil, nil, refuse("The list has more than %d lines. Import it in parts.", maxPeople)
		}
		p := PersonLine{}
		p.Line, _ = cr.FieldPos(0)
		if say := p.fill(into, fields); say != "" {
			bad = append(bad, BadLine{p.Line, say})
			continue
		}
		if p != (PersonLine{Line: p.Line}) {
			people = append(people, p)
		}
	}
}

func header(head []string) (into []func(*PersonLine) *string, err error) {
	seen := map[string]bool{}
	for _, h := range head {
		name := strings.ToLower(strings.TrimSpace(h))
		if name != "" && seen[name] {
			return nil, refuse("The list has two columns %q.", name)
		}
		seen[name] = true
		into = append(into, columns[name]) // nil: a column of somebody else's
	}
	if !seen["id"] {
		return nil, refuse("The list has no column \"id\". Its first line names the columns: id, name, email, department, account, from, to, group.")
	}
	return into, nil
}

func (p *PersonLine) fill(into []func(*PersonLine) *string, fields []string) string {
	for i, f := range fields {
		switch f = strings.TrimSpace(f); {
		case !utf8.ValidString(f):
			return "It is not UTF-8."
		case i >= len(into) && f != "":
			return "It has more fields than the first line."
		case i < len(into) && into[i] != nil:
			*into[i](p) = f
		}
	}
	return ""
}

// PlanPeople says what a list would change in the books, and plays it on a
// copy: what a line does, the next may rely on.
func (s *State) PlanPeople(people []PersonLine, bad []BadLine) *PeoplePlan {
	p := planner{PeoplePlan: PeoplePlan{Lines: len(people), Bad: bad}, s: newState(), said: map[string]int{}}
	for id, c := range s.Custodians {
		c := *c
		c.Accounts = slices.Clone(c.Accounts)
		p.s.Custodians[id] = &c
	}
	p.s.holders = maps.Clone(s.holders)
	for k, ids := range p.s.holders {
		p.s.holders[k] = slices.Clone(ids)
	}
	groups := map[string][]string{} // who is to be in them
	for i := range people {
		if p.person(&people[i]) && people[i].Group != "" {
			g := slug(people[i].Group)
			groups[g] = append(groups[g], people[i].ID)
			p.groupName(g, people[i].Group)
		}
	}
	// What ends makes room for what begins, in whatever order they stand.
	slices.SortStableFunc(p.accounts, func(a, b *PersonLine) int {
		switch {
		case a.To == b.To:
			return 0
		case a.To == "":
			return 1
		case b.To == "":
			return -1
		}
		return strings.Compare(a.To, b.To)
	})
	for _, l := range p.accounts {
		p.account(l)
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		p.group(s.Groups[id], id, groups[id])
	}
	slices.SortStableFunc(p.Bad, func(a, b BadLine) int { return cmp.Compare(a.Line, b.Line) })
	return &p.PeoplePlan
}

type planner struct {
	PeoplePlan
	s     *State
	said  map[string]int // what the list said, and in which line
	names map[string]string

	accounts []*PersonLine // of people that there are
}

// once reports whether a line says something that none before it did. One that
// contradicts an earlier one would have the list change the books each time.
func (p *planner) once(line int, about, what string) bool {
	if _, ok := p.said[about+"\x00"+what]; ok {
		return false
	}
	if before, ok := p.said[about]; ok {
		p.Bad = append(p.Bad, BadLine{line, refuse("It contradicts line %d.", before).Error()})
		return false
	}
	p.said[about], p.said[about+"\x00"+what] = line, line
	return true
}

// step checks an act, plays it and notes it.
func (p *planner) step(line int, act string, data any, say string) bool {
	a, err := toAct(act, data)
	if err == nil {
		err = kinds[act].check(p.s, a)
	}
	if err != nil {
		p.Bad = append(p.Bad, BadLine{line, err.Error()})
		return false
	}
	kinds[act].apply(p.s, a)
	p.Steps = append(p.Steps, PlanStep{Request{Act: act, Data: data}, line, say})
	return true
}

// person plans a line, and reports whether there is such a person then.
func (p *planner) person(l *PersonLine) bool {
	l.ID = strings.ToLower(l.ID)
	d := CustodianData{ID: l.ID, Name: l.Name, Email: l.Email, Department: l.Department}
	c, say := p.s.Custodians[l.ID], "new"
	if c != nil { // what is empty stays
		d.Name, d.Email, d.Department = cmp.Or(d.Name, c.Name), cmp.Or(d.Email, c.Email), cmp.Or(d.Department, c.Department)
		say = "changed"
	}
	if c == nil || d != (CustodianData{c.ID, c.Name, c.Email, c.Department}) {
		if !p.once(l.Line, "person "+d.ID, strings.Join([]string{d.Name, d.Email, d.Department}, "\x00")) ||
			!p.step(l.Line, ActCustodianSet, d, d.ID+": "+say+", "+d.Name) {
			return false
		}
	} else {
		p.said["person "+d.ID] = cmp.Or(p.said["person "+d.ID], l.Line)
	}
	if l.Account == "" {
		if l.From != "" || l.To != "" {
			p.Bad = append(p.Bad, BadLine{l.Line, "It has days, and no account."})
		}
		return true
	}
	p.accounts = append(p.accounts, l)
	return true
}

func (p *planner) account(l *PersonLine) {
	t := AccountData{ID: l.ID, Account: l.Account, From: l.From, To: l.To}
	n, err := t.tenure()
	if err == nil && slices.Contains(p.s.Custodians[l.ID].Accounts, n) {
		about := "account " + n.Account + " " + l.ID + " " + l.From
		p.said[about] = l.Line
		p.said[about+"\x00"+l.To] = l.Line
		return
	}
	if p.once(l.Line, "account "+NormalAccount(l.Account)+" "+l.ID+" "+l.From, l.To) {
		p.step(l.Line, ActCustodianAccount, t, l.ID+": "+NormalAccount(l.Account)+" "+n.Span())
	}
}

func (p *planner) groupName(id, name string) {
	if p.names == nil {
		p.names = map[string]string{}
	}
	p.names[id] = cmp.Or(p.names[id], name)
}

// group plans that a group has these members beside those that it has.
func (p *planner) group(is *Group, id string, members []string) {
	g := Group{ID: id, Name: p.names[id]}
	if is != nil {
		g.Name, members = is.Name, append(members, is.Members...)
	}
	slices.Sort(members)
	if g.Members = slices.Compact(members); is != nil && slices.Equal(is.Members, g.Members) {
		return
	}
	p.step(0, ActGroupSet, g, "group "+id+": "+strings.Join(g.Members, ", "))
}

// slug is the ID of a group by its name.
func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-._")
}
