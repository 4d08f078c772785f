package index

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// labelled says which labels of messages are told: rules cost a question each.
type labelled bool

const (
	byHand  labelled = false
	byRules labelled = true
)

// tell gives messages what the books say of them.
func (x *Index) tell(c *conn, ss []shown, which labelled) error {
	for i := range ss {
		ss[i].msg.Custodian = ss[i].order.owner
	}
	if x.cfg.Books == nil {
		return nil
	}
	labels := make([]map[int64]bool, len(ss))
	for i := range ss {
		labels[i] = map[int64]bool{}
		for _, m := range ss[i].order.marks {
			switch m.kind {
			case markLabel:
				labels[i][m.id] = true
			case markMatter:
				if name := x.cfg.Books.MatterName(m.id); name != "" {
					ss[i].msg.Matters = append(ss[i].msg.Matters, name)
				}
			}
		}
	}
	if which == byRules && len(ss) > 0 {
		if err := x.followRules(c, ss, labels); err != nil {
			return err
		}
	}
	for i := range ss {
		for id := range labels[i] {
			if path := x.cfg.Books.LabelPath(id); path != "" {
				ss[i].msg.Labels = append(ss[i].msg.Labels, path)
			}
		}
		slices.Sort(ss[i].msg.Labels)
	}
	return nil
}

// schemaPage is a full-text table in memory for the messages of one answer:
// rules are asked there, where they cost next to nothing. What is written in it
// goes with the end of the read.
const schemaPage = `CREATE VIRTUAL TABLE temp.page USING fts5 (t, content='', columnsize=0, tokenize="ascii tokenchars '=#'")`

// onPage is a token of every row there: FTS5 answers nothing without words.
const onPage = "=page"

// followRules finds which messages the rules of labels find.
func (x *Index) followRules(c *conn, ss []shown, labels []map[int64]bool) error {
	rules := x.cfg.Books.Rules()
	if len(rules) == 0 {
		return nil
	}
	place, err := fillPage(c, ss)
	if err != nil {
		return err
	}
	for _, label := range slices.Sorted(maps.Keys(rules)) {
		n, err := parseQuery(rules[label])
		if err != nil || len(conjuncts(n)) == 0 {
			continue // a rule that says nothing labels nothing
		}
		rule, err := x.compile(c, n, 0)
		if errors.Is(err, ErrQuery) {
			continue // as above: the books check rules when they are made
		}
		if err != nil {
			return err
		}
		rule.yes = append(rule.yes, quoted(onPage))
		cond, args := rule.ids("rowid")
		cond = strings.ReplaceAll(cond, "FROM fts WHERE fts MATCH", "FROM temp.page WHERE page MATCH")
		err = c.query(`SELECT rowid FROM temp.page WHERE page MATCH ? AND `+cond, func(st *sqlite3.Stmt) error {
			labels[place[st.ColumnInt64(0)]][label] = true
			return nil
		}, append([]any{rule.match()}, args...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// fillPage writes the rows of messages into the table in memory, and returns
// where each stands in ss.
func fillPage(c *conn, ss []shown) (place map[int64]int, err error) {
	if err := c.exec(`INSERT INTO temp.page (page) VALUES ('delete-all')`); err != nil {
		return nil, err
	}
	place = map[int64]int{}
	for i := range ss {
		if _, twice := place[ss[i].id]; !twice {
			place[ss[i].id] = i
		}
	}
	for _, id := range slices.Sorted(maps.Keys(place)) {
		s := &ss[place[id]]
		d := docOf(&s.msg, s.unread)
		person, _, err := c.number(`SELECT id FROM person WHERE ident = ?`, d.person)
		if err == nil {
			err = c.exec(`INSERT INTO temp.page (rowid, t) VALUES (?, ?)`, id, append(d.tokens(s.chat, person, &s.order), onPage...))
		}
		if err != nil {
			return nil, err
		}
	}
	return place, nil
}
