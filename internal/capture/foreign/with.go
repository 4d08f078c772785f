package foreign

import (
	"bytes"
	"slices"
	"strings"
)

// With is the rows of other tables that belong to a row.
type With []attached

type attached struct {
	table string
	rows  []Row
}

// Add adds a row of a table.
func (w *With) Add(table string, r Row) {
	for i := range *w {
		if (*w)[i].table == table {
			(*w)[i].rows = append((*w)[i].rows, r)
			return
		}
	}
	*w = append(*w, attached{table, []Row{r}})
}

// Each calls f with every row.
func (w With) Each(f func(table string, r Row)) {
	for _, a := range w {
		for _, r := range a.rows {
			f(a.table, r)
		}
	}
}

// AppendJSON appends an object: a list of rows for each table, by name.
func (w With) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for i, a := range w.sorted() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, a.table), ':', '[')
		for j, r := range a.rows {
			if j > 0 {
				b = append(b, ',')
			}
			b = r.AppendJSON(b, nil)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// AppendIdentity appends what the rows say, whatever their order. edit is
// that of Row.AppendJSON.
func (w With) AppendIdentity(b []byte, edit func(column string, v any) (any, bool)) []byte {
	var rows [][]byte
	for _, a := range w.sorted() {
		rows = rows[:0]
		for _, r := range a.rows {
			rows = append(rows, r.AppendJSON(nil, edit))
		}
		slices.SortFunc(rows, bytes.Compare)
		b = append(append(b, a.table...), 0)
		for _, r := range rows {
			b = append(append(b, r...), 0)
		}
	}
	return b
}

func (w With) sorted() With {
	slices.SortFunc(w, func(a, b attached) int { return strings.Compare(a.table, b.table) })
	return w
}

// Fields is what Scanner.With reads of AppendJSON.
func (w With) Fields() map[string][]Fields {
	out := make(map[string][]Fields, len(w))
	w.Each(func(table string, r Row) { out[table] = append(out[table], r.Fields()) })
	return out
}

// With reads what With.AppendJSON wrote.
func (s *Scanner) With() map[string][]Fields {
	out := map[string][]Fields{}
	s.Object(func(table string) {
		s.Array(func() { out[table] = append(out[table], s.Fields()) })
	})
	return out
}
