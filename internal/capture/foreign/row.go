package foreign

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
)

// Text that is no UTF-8 is kept byte by byte.
type Text []byte

// Row is one row of an answer. A value is nil, int64, float64, string, Text
// (a TEXT that is not UTF-8) or []byte (a BLOB): as stored, never converted by
// a column's declared type.
type Row struct {
	Columns []string
	Values  []any
}

// Get returns a column's value, or nil where there is no such column.
func (r Row) Get(column string) any {
	if i := slices.Index(r.Columns, column); i >= 0 {
		return r.Values[i]
	}
	return nil
}

// Query calls row with every row of an answer. The row is the callee's to
// keep.
func (d *DB) Query(sql string, row func(Row) error, args ...any) error {
	c, err := d.Cursor(sql, args...)
	if err != nil {
		return err
	}
	for c.Next() {
		if err := row(c.Row()); err != nil {
			_ = c.Close() // the callee's error is the one that matters
			return err
		}
	}
	return c.Close()
}

// Cursor reads an answer row by row. Many may be open at once.
type Cursor struct {
	st      *sqlite3.Stmt
	columns []string
	err     error
}

// Cursor starts a query.
func (d *DB) Cursor(sql string, args ...any) (*Cursor, error) {
	st, _, err := d.conn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		if err := bind(st, i+1, a); err != nil {
			_ = st.Close() // nothing was read
			return nil, err
		}
	}
	c := &Cursor{st: st}
	for i := range st.ColumnCount() {
		c.columns = append(c.columns, st.ColumnName(i))
	}
	return c, nil
}

// Next goes to the next row, and reports whether there is one.
func (c *Cursor) Next() bool {
	if c.err != nil {
		return false
	}
	if c.st.Step() {
		return true
	}
	c.err = c.st.Err()
	return false
}

// Int returns a column of the current row by its place, 0 where it is NULL.
func (c *Cursor) Int(i int) int64 { return c.st.ColumnInt64(i) }

// Row returns the current row; it stays good after Next.
func (c *Cursor) Row() Row {
	r := Row{Columns: c.columns, Values: make([]any, len(c.columns))}
	for i := range c.columns {
		r.Values[i] = c.value(i)
	}
	return r
}

func (c *Cursor) value(i int) any {
	switch c.st.ColumnType(i) {
	case sqlite3.INTEGER:
		return c.st.ColumnInt64(i)
	case sqlite3.FLOAT:
		return c.st.ColumnFloat(i)
	case sqlite3.TEXT:
		b := c.st.ColumnRawText(i)
		if !utf8.Valid(b) {
			return Text(slices.Clone(b))
		}
		return string(b)
	case sqlite3.BLOB:
		return append([]byte{}, c.st.ColumnRawBlob(i)...)
	case sqlite3.NULL:
	}
	return nil
}

// Close ends the query and returns what stopped it early, or nil.
func (c *Cursor) Close() error {
	closed := c.st.Close() // repeats the error of the last step
	if c.err != nil {
		return c.err
	}
	return closed
}

// bind gives a statement one value of a row.
func bind(st *sqlite3.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		return st.BindNull(i)
	case int64:
		return st.BindInt64(i, v)
	case float64:
		return st.BindFloat(i, v)
	case string:
		return st.BindText(i, v)
	case Text:
		return st.BindRawText(i, v)
	case []byte:
		if len(v) == 0 {
			return st.BindZeroBlob(i, 0)
		}
		return st.BindBlob(i, v)
	}
	return fmt.Errorf("cannot bind a %T", a)
}

// Null reports whether a column of the current row is NULL.
func (c *Cursor) Null(i int) bool { return c.st.ColumnType(i) == sqlite3.NULL }

// Width is the number of columns.
func (c *Cursor) Width() int { return len(c.columns) }

// Quote makes an identifier of SQL of a name.
func Quote(name string) string { return sqlite3.QuoteIdentifier(name) }
