package foreign

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// salvage copies, row by row, what can be read of a damaged database into a
// second private file, which is read instead. A page that cannot be read is
// stepped over.
func (d *DB) salvage(ctx context.Context) (err error) {
	tables, err := d.schema()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	to, err := d.dial(ctx, "salvaged")
	if err != nil {
		return err
	}
	for i := range tables {
		if tables[i].Plain && !strings.HasPrefix(tables[i].Name, "sqlite_") && err == nil {
			err = d.salvageTable(ctx, to, &tables[i])
		}
	}
	if closed := d.conn.Close(); closed != nil && !damaged(closed) {
		err = errors.Join(err, closed)
	}
	d.conn = to
	if err != nil {
		return fmt.Errorf("read a damaged database: %w", err)
	}
	d.tables, err = d.schema()
	return err
}

func (d *DB) salvageTable(ctx context.Context, to *sqlite3.Conn, t *Table) (err error) {
	var decl, names, holes []string
	for _, c := range t.Columns {
		q := sqlite3.QuoteIdentifier(c)
		names, holes = append(names, q), append(holes, "?")
		if c == t.Key {
			q += " INTEGER PRIMARY KEY"
		}
		decl = append(decl, q) // no type: what was stored is stored again as it was
	}
	name, columns := sqlite3.QuoteIdentifier(t.Name), strings.Join(names, ", ")
	if err := to.Exec("CREATE TABLE " + name + " (" + strings.Join(decl, ", ") + ")"); err != nil {
		return err
	}
	tx := to.Begin()
	defer tx.End(&err)
	into, _, err := to.Prepare("INSERT OR IGNORE INTO " + name + " (" + columns + ") VALUES (" + strings.Join(holes, ", ") + ")")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	if t.keyless {
		_, err := d.pour(ctx, into, "SELECT 0, "+columns+" FROM "+name)
		return d.lost(t, err, "its rows from some place on")
	}
	from := int64(math.MinInt64)
	for {
		last, scan := d.pour(ctx, into, "SELECT rowid, "+columns+" FROM "+name+" WHERE rowid >= ? ORDER BY rowid", from)
		if scan == nil || !damaged(scan) {
			return scan
		}
		if last >= from && last != math.MaxInt64 {
			from = last + 1
		}
		next, ok, err := d.beyond(ctx, name, from)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("its rows from %d on", max(from, 0))
		if ok {
			what = fmt.Sprintf("its rows from %d to %d", max(from, 0), next-1)
		}
		if err := d.lost(t, scan, what); err != nil || !ok {
			return err
		}
		from = next
	}
}

// lost notes what a table lacks. An error that is not about the damage is
// returned.
func (d *DB) lost(t *Table, err error, what string) error {
	if err == nil || !damaged(err) {
		return err
	}
	d.damage = append(d.damage, fmt.Sprintf("table %s: %s could not be read", t.Name, what))
	return nil
}

// pour copies the rows of an answer whose first column is the row id. It
// returns the last that it has copied.
func (d *DB) pour(ctx context.Context, into *sqlite3.Stmt, sql string, args ...any) (last int64, err error) {
	last = math.MinInt64
	err = d.Query(sql, func(r Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, v := range r.Values[1:] {
			if err := bind(into, i+1, v); err != nil {
				return err
			}
		}
		last, _ = r.Values[0].(int64)
		return into.Exec()
	}, args...)
	return last, err
}

// beyond finds the first row id after from at which the table can be read
// again: by steps that double, then by halves.
func (d *DB) beyond(ctx context.Context, name string, from int64) (next int64, ok bool, err error) {
	from = max(from, -1) // row ids below zero occur in no database of a phone
	reads := func(at int64) (bool, error) {
		err := d.Query("SELECT rowid FROM "+name+" WHERE rowid >= ? ORDER BY rowid LIMIT 1", func(Row) error { ok = true; return nil }, at)
		if damaged(err) {
			return false, nil
		}
		return err == nil, err
	}
	bad, good := from, int64(0)
	for step := int64(1); ; step *= 2 {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		if step > math.MaxInt64/4 || bad > math.MaxInt64-step {
			return 0, false, nil
		}
		ok = false
		fine, err := reads(from + step)
		if err != nil {
			return 0, false, err
		}
		if fine {
			if !ok {
				return 0, false, nil // nothing comes after the damage
			}
			good = from + step
			break
		}
		bad = from + step
	}
	for good-bad > 1 {
		mid := bad + (good-bad)/2
		fine, err := reads(mid)
		if err != nil {
			return 0, false, err
		}
		if fine {
			good = mid
		} else {
			bad = mid
		}
	}
	return good, true, nil
}
