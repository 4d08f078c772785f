package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ncruces/go-sqlite3"
)

// PersonRow is somebody who wrote messages, by the number or address that tells
// them from others: sources that know them by different names agree on it.
type PersonRow struct {
	Name     string `json:"name,omitempty"`    // empty: nobody has a name for them
	Address  string `json:"address,omitempty"` // number, or address of WhatsApp
	Messages int64  `json:"messages"`
	Chats    int64  `json:"chats"`
	Last     string `json:"last,omitempty"` // local time of their last message

	ids []int64
}

// PersonFilter narrows a list of people.
type PersonFilter struct {
	Unnamed bool                  // only those who are a number or an address and no name
	Skip    func(*PersonRow) bool // leaves somebody out; nil: nobody
	Offset  int
	Limit   int // 0: no limit
}

// People lists whoever wrote something, those with the most messages first, and
// how many there are.
func (x *Index) People(ctx context.Context, f PersonFilter) ([]PersonRow, int, error) {
	return x.whole().People(ctx, f)
}

// People lists whoever wrote something inside.
func (v *View) People(ctx context.Context, f PersonFilter) (rows []PersonRow, total int, err error) {
	err = v.x.read(ctx, func(c *conn) error {
		all, err := v.persons(c)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(p *PersonRow) bool {
			return p.Messages == 0 || f.Unnamed && (p.Name != "" || p.Address == "") || f.Skip != nil && f.Skip(p)
		})
		slices.SortFunc(all, func(a, b *PersonRow) int {
			return cmp.Or(cmp.Compare(b.Messages, a.Messages), strings.Compare(a.Name, b.Name), strings.Compare(a.Address, b.Address))
		})
		total = len(all)
		all = all[min(f.Offset, len(all)):]
		if f.Limit > 0 {
			all = all[:min(f.Limit, len(all))]
		}
		for _, p := range all {
			w := where{to: maxID, yes: []string{idTokens("f", p.ids)}}
			v.in.narrow(&w)
			cond, args := w.fts()
			id, ok, err := c.number(`SELECT rowid FROM fts WHERE `+cond+` ORDER BY rowid DESC LIMIT 1`, args...)
			if err != nil {
				return err
			}
			if ok {
				p.Last = time.Unix(timeOf(id), 0).UTC().Format("2006-01-02T15:04")
			}
			rows = append(rows, *p)
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("list people: %w", err)
	}
	return rows, total, err
}

// persons puts the identities together that have one address.
func (v *View) persons(c *conn) (all []*PersonRow, err error) {
	by := map[string]*PersonRow{}
	err = c.query(`SELECT person.id, ident, sum(messages), count(*) FROM member JOIN person ON person.id = member.person WHERE messages > 0 GROUP BY person.id ORDER BY person.id`,
		func(st *sqlite3.Stmt) error {
			name, address := nameAndAddress(st.ColumnText(1))
			key := address
			if key == "" {
				key = "\n" + name
			}
			p := by[key]
			if p == nil {
				p = &PersonRow{Address: address}
				by[key] = p
				all = append(all, p)
			}
			if p.Name == "" {
				p.Name = name
			}
			p.ids = append(p.ids, st.ColumnInt64(0))
			p.Messages += st.ColumnInt64(2)
			p.Chats = max(p.Chats, st.ColumnInt64(3))
			return nil
		})
	if err != nil || v.in.all {
		return all, err
	}
	for _, p := range all {
		w := where{to: maxID, yes: []string{idTokens("f", p.ids)}}
		v.in.narrow(&w)
		cond, args := w.fts()
		if p.Messages, _, err = c.number(`SELECT count(*) FROM fts WHERE `+cond, args...); err != nil {
			return nil, err
		}
		p.Chats = 0 // of the whole archive: not known inside
	}
	return all, nil
}

// nameAndAddress reads an identity: see ident. What is printed in a name's
// place is a number where the phone has no name for it.
func nameAndAddress(ident string) (name, address string) {
	fields := append(strings.Split(ident, "\n"), "", "", "", "", "")
	name = strings.TrimSpace(fields[0])
	if n := digits(name); len(n) >= 5 && !strings.ContainsFunc(name, unicode.IsLetter) {
		name, address = "", "+"+n
	}
	if n := digits(fields[1]); n != "" {
		return name, "+" + n
	}
	return name, cmp.Or(address, fields[2], fields[3], fields[4])
}

// Month is how many messages were sent in a month, on the clocks of those who
// sent them. What has no time of its own counts where its source has it.
type Month struct {
	Name     string `json:"month"` // "2024-01"
	Messages int64  `json:"messages"`
}

// Months counts what answers a query, by month.
func (x *Index) Months(ctx context.Context, query string) ([]Month, error) {
	return x.whole().Months(ctx, query)
}

// Months counts what answers a query inside, by month.
func (v *View) Months(ctx context.Context, query string) (all []Month, err error) {
	n, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	err = v.x.read(ctx, func(c *conn) error {
		w, err := v.x.compile(c, n, 0)
		if err != nil {
			return err
		}
		v.in.narrow(&w)
		from, id, cond, args := w.rows()
		first, count := `SELECT `+id+` FROM `+from+` WHERE `+cond+` ORDER BY `+id+` LIMIT 1`, `SELECT count(*) FROM `+from+` WHERE `+cond
		to := w.to
		// Row ids are times: the first that is left, its month, and on.
		for {
			at, ok, err := c.number(first, args...)
			if err != nil || !ok {
				return err
			}
			y, m, _ := time.Unix(timeOf(at), 0).UTC().Date()
			next := rowAt(time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Unix())
			w.from, w.to = at, min(to, next)
			_, _, _, args = w.rows()
			n, _, err := c.number(count, args...)
			if err != nil {
				return err
			}
			all = append(all, Month{fmt.Sprintf("%04d-%02d", y, m), n})
			w.from, w.to = next, to
			_, _, _, args = w.rows()
		}
	})
	return all, err
}

// rows are those that answer, from the table that is enough for that: id is
// what their row id is called there.
func (w *where) rows() (from, id, cond string, args []any) {
	if w.match() != "" {
		cond, args = w.fts()
		return `fts`, `rowid`, cond, args
	}
	cond, args = w.sql()
	return `message`, `id`, cond, args
}
