package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/record"
)

// Remove removes the index at path, for building it anew.
func Remove(path string) error { return remove(path) }

// Check compares the index with the log, by building another from nothing as
// far as it has followed, and comparing every row and every token. It returns
// a sentence for everything that differs. The index is not changed.
func Check(ctx context.Context, cfg Config, progress func(done, of int64)) (found []string, err error) {
	c, err := dial(ctx, cfg.Path, &cfg.Key, writerCache)
	if damaged(err) {
		return []string{"the file is damaged, or was written under another key"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("check index: %w", err)
	}
	defer func() { c.drop(); err = errors.Join(err, c.Close()) }()
	position, found, err := inspect(ctx, c, cfg)
	if err != nil || len(found) > 0 {
		return found, wrapDamage(err, &found)
	}
	other := cfg
	other.Path += ".check"
	other.Log = prefix{cfg.Log, position}
	if err := remove(other.Path); err != nil {
		return nil, fmt.Errorf("check index: %w", err)
	}
	defer func() { err = errors.Join(err, remove(other.Path)) }()
	x, err := Open(ctx, other)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	if err := x.Follow(ctx, progress); err != nil {
		return nil, err
	}
	for _, t := range contents {
		a, errA := digest(ctx, c, t.sql)
		b, errB := digest(ctx, x.w.c, t.sql)
		if errB != nil {
			return nil, fmt.Errorf("check index: %w", errB)
		}
		if errA != nil || a != b {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			found = append(found, t.name+" differ from the log: run waxseal index rebuild")
		}
	}
	return found, nil
}

// wrapDamage turns an error of a damaged file into a finding.
func wrapDamage(err error, found *[]string) error {
	if err == nil || !damaged(err) && !errors.Is(err, sqlite3.IOERR) && !errors.Is(err, sqlite3.ERROR) {
		return err
	}
	*found = append(*found, "the file is damaged")
	return nil
}

// inspect checks what the file says of itself.
func inspect(ctx context.Context, c *conn, cfg Config) (position int64, found []string, err error) {
	v, err := stateText(c, "version")
	if err != nil {
		return 0, nil, err
	}
	if v != version {
		return 0, []string{"it is of another version: run waxseal index rebuild"}, nil
	}
	err = c.query("PRAGMA integrity_check(5)", func(st *sqlite3.Stmt) error {
		if s := st.ColumnText(0); s != "ok" {
			found = append(found, "the file is damaged")
		}
		return nil
	})
	if err != nil || len(found) > 0 {
		return 0, found[:min(1, len(found))], err
	}
	if position, _, err = c.number(`SELECT value FROM state WHERE key = 'position'`); err != nil {
		return 0, nil, err
	}
	size, err := cfg.Log.Size(ctx)
	if err == nil && position > size {
		found = append(found, "it has followed another log: run waxseal index rebuild")
	}
	return position, found, err
}

// prefix is a log as far as an index has followed it.
type prefix struct {
	Log
	size int64
}

func (p prefix) Size(context.Context) (int64, error) { return p.size, nil }

var errEnd = errors.New("end of the prefix")

func (p prefix) Scan(ctx context.Context, from int64, fn func(record.Entry) error) error {
	err := p.Log.Scan(ctx, from, func(e record.Entry) error {
		if e.Seq >= p.size {
			return errEnd
		}
		return fn(e)
	})
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// contents is everything that an index says.
var contents = []struct{ name, sql string }{
	{"counts", `SELECT key, value FROM state WHERE key <> 'origin' ORDER BY key`},
	{"captures", `SELECT seq, at, source, head, summary, ended, again, reading FROM capture ORDER BY seq`},
	{"chats", `SELECT id, account, custodian, name, kind, messages, first, last, first_local, last_local FROM chat ORDER BY id`},
	{"people", `SELECT id, ident FROM person ORDER BY id`},
	{"members of chats", `SELECT chat, person, messages FROM member ORDER BY chat, person`},
	{"messages", `SELECT id, seq, chat, cap, ord, more FROM message ORDER BY id`},
	{"sightings", `SELECT seq, of, cap FROM sighting ORDER BY seq`},
	{"words", `SELECT term, doc, offset FROM temp.instance`},
}

// digest hashes the rows of a query.
func digest(ctx context.Context, c *conn, sql string) (sum [sha256.Size]byte, err error) {
	if err := c.Exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.instance USING fts5vocab(main, fts, instance)`); err != nil {
		return sum, err
	}
	defer c.SetInterrupt(c.SetInterrupt(ctx))
	h := sha256.New()
	err = c.query(sql, func(st *sqlite3.Stmt) error {
		for i := range st.ColumnCount() {
			hashColumn(h, st, i)
		}
		return nil
	})
	h.Sum(sum[:0])
	return sum, err
}

func hashColumn(h hash.Hash, st *sqlite3.Stmt, i int) {
	var b [9]byte
	b[0] = byte(st.ColumnType(i))
	switch st.ColumnType(i) {
	case sqlite3.INTEGER, sqlite3.FLOAT:
		binary.BigEndian.PutUint64(b[1:], uint64(st.ColumnInt64(i)))
		h.Write(b[:])
	case sqlite3.TEXT, sqlite3.BLOB:
		raw := st.ColumnRawBlob(i)
		binary.BigEndian.PutUint64(b[1:], uint64(len(raw)))
		h.Write(b[:])
		h.Write(raw)
	case sqlite3.NULL:
		h.Write(b[:1])
	}
}
