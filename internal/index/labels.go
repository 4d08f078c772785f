package index

import (
	"errors"
	"maps"
	"slices"

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

// followRules finds which messages the rules of labels find: a question for
// each rule and chat, of the stretch between the first and the last.
func (x *Index) followRules(c *conn, ss []shown, labels []map[int64]bool) error {
	rules := x.cfg.Books.Rules()
	if len(rules) == 0 {
		return nil
	}
	chats := map[int64]map[int64]int{} // place in ss, by chat and row
	for i := range ss {
		if chats[ss[i].chat] == nil {
			chats[ss[i].chat] = map[int64]int{}
		}
		chats[ss[i].chat][ss[i].id] = i
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
		for chatID, rows := range chats {
			w := rule
			w.yes = append(slices.Clone(rule.yes), idTokens("c", []int64{chatID}))
			ids := slices.Sorted(maps.Keys(rows))
			w.from, w.to = max(w.from, ids[0]), min(w.to, ids[len(ids)-1]+1)
			cond, args := w.fts()
			err := c.query(`SELECT rowid FROM fts WHERE `+cond, func(st *sqlite3.Stmt) error {
				if i, ok := rows[st.ColumnInt64(0)]; ok {
					labels[i][label] = true
				}
				return nil
			}, args...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
