package foreign

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/waxseal/waxseal/internal/capture"
)

// Ledger counts what becomes of every row.
type Ledger struct {
	tables map[string]*capture.TableCount
	prefix string
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{tables: map[string]*capture.TableCount{}} }

// In is the part of the ledger that counts the tables of another database.
func (l *Ledger) In(database string) *Ledger { return &Ledger{l.tables, database + "."} }

// Of returns a table's line.
func (l *Ledger) Of(table string) *capture.TableCount {
	table = l.prefix + table
	c := l.tables[table]
	if c == nil {
		c = &capture.TableCount{Name: table}
		l.tables[table] = c
	}
	return c
}

// List returns the tables that have rows, by name.
func (l *Ledger) List() []capture.TableCount {
	var out []capture.TableCount
	for _, name := range slices.Sorted(maps.Keys(l.tables)) {
		if c := l.tables[name]; c.Rows > 0 {
			out = append(out, *c)
		}
	}
	return out
}

// stream is the rows of one child table, in the order of what they belong to.
type stream struct {
	table string
	c     *Cursor
	of    int // the place of the key's column
	next  int64
	null  bool // the next row names no message
	open  bool
}

func (s *stream) step() {
	if s.open = s.c.Next(); s.open {
		s.null = s.c.Null(s.of)
		s.next = s.c.Int(s.of)
	}
}

// row returns the current row without the key that the query added.
func (s *stream) row() Row {
	r := s.c.Row()
	return Row{Columns: r.Columns[:s.of], Values: r.Values[:s.of]}
}

// Merge reads the children of one table of messages side by side with it.
type Merge struct {
	DB      *DB
	streams []*stream
	Ledger  *Ledger
	// Orphan takes a row whose message does not exist.
	Orphan func(table string, r Row) error
}

// Add opens a table by a query whose last column, "@of", is the row that each
// row belongs to.
func (m *Merge) Add(table, sql string) error {
	c, err := m.DB.Cursor(sql + ` ORDER BY "@of"`)
	if err != nil {
		return fmt.Errorf("read table %s: %w", table, err)
	}
	s := &stream{table: table, c: c, of: c.Width() - 1}
	s.step()
	m.streams = append(m.streams, s)
	return nil
}

// Take gives attach the rows of every child that belong to message id, and to
// orphan those of messages before it that do not exist.
func (m *Merge) Take(id int64, attach func(table string, r Row)) error {
	for _, s := range m.streams {
		for s.open && (s.null || s.next < id) {
			if err := m.stray(s); err != nil {
				return err
			}
		}
		for s.open && s.next == id {
			attach(s.table, s.row())
			c := m.Ledger.Of(s.table)
			c.Rows++
			c.Attached++
			s.step()
		}
	}
	return nil
}

// stray gives orphan a row whose message does not exist.
func (m *Merge) stray(s *stream) error {
	c := m.Ledger.Of(s.table)
	c.Rows++
	c.Records++
	err := m.Orphan(s.table, s.row())
	s.step()
	return err
}

// Finish takes what is left and returns the first error of any child.
func (m *Merge) Finish() error {
	for _, s := range m.streams {
		for s.open {
			if err := m.stray(s); err != nil {
				return err
			}
		}
	}
	return m.Close()
}

// Close ends the reading early.
func (m *Merge) Close() error {
	var first error
	for _, s := range m.streams {
		if err := s.c.Close(); err != nil && first == nil {
			first = fmt.Errorf("read table %s: %w", s.table, err)
		}
	}
	m.streams = nil
	return first
}

// Holes lists the holes in the numbering of a table, the largest first where
// there are many.
func Holes(db *DB, table, id string) (out []capture.Hole, missing int64, err error) {
	last := int64(0)
	err = db.Query(`SELECT `+Quote(id)+` FROM `+Quote(table)+` ORDER BY 1`, func(r Row) error {
		n, _ := r.Values[0].(int64)
		if n > last+1 && last > 0 {
			out = append(out, capture.Hole{Table: table, From: last + 1, To: n - 1})
			missing += n - 1 - last
		}
		last = max(last, n)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read table %s: %w", table, err)
	}
	// AUTOINCREMENT remembers the highest number that was ever given.
	if db.Table("sqlite_sequence") != nil {
		err = db.Query(`SELECT seq FROM sqlite_sequence WHERE name = ?`, func(r Row) error {
			if seq, _ := r.Values[0].(int64); seq > last && seq < math.MaxInt64/2 {
				out = append(out, capture.Hole{Table: table, From: last + 1, To: seq})
				missing += seq - last
			}
			return nil
		}, table)
		if err != nil {
			return nil, 0, fmt.Errorf("read table sqlite_sequence: %w", err)
		}
	}
	if len(out) > maxHoles {
		slices.SortFunc(out, func(a, b capture.Hole) int { return int((b.To - b.From) - (a.To - a.From)) })
		out = out[:maxHoles]
		slices.SortFunc(out, func(a, b capture.Hole) int { return int(a.From - b.From) })
	}
	return out, missing, nil
}

// maxHoles is how many holes a summary lists.
const maxHoles = 100

// Rest counts the tables of db that no record holds. why says of a table why
// it has none; one that it says nothing of is returned as unknown.
func (l *Ledger) Rest(ctx context.Context, db *DB, why func(table string) string) (unknown []string, err error) {
	for _, t := range db.Tables() {
		if c := l.Of(t.Name); c.Rows > 0 || !t.Plain {
			continue
		}
		var n int64
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := db.Query(`SELECT count(*) FROM `+Quote(t.Name), func(r Row) error { n, _ = r.Values[0].(int64); return nil })
		if err != nil {
			return nil, fmt.Errorf("count table %s: %w", t.Name, err)
		}
		if n == 0 {
			continue
		}
		c := l.Of(t.Name)
		c.Rows, c.Excluded, c.Reason = n, n, why(t.Name)
		if c.Reason == "" {
			c.Reason = "not known to this program; kept in the evidence"
			unknown = append(unknown, "table "+c.Name)
		}
	}
	return unknown, nil
}
