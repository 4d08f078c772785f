// Package foreign reads SQLite databases that other programs wrote: from a
// private, encrypted copy, so that the evidence is never touched and nothing
// lies on the disk in clear, and as far as they can be read where they are
// damaged.
//
// It knows nothing of WhatsApp, and it must never import archive, index or web.
package foreign

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/vfs"
)

// What cannot be read at all.
var (
	// ErrNotDatabase is returned for what is no SQLite database, or too
	// damaged to tell.
	ErrNotDatabase = errors.New("no SQLite database, or its first page is damaged")
	// ErrDamaged is returned for a database whose list of tables is damaged.
	ErrDamaged = errors.New("the database is damaged where its tables are listed (cut short, perhaps: copy it again from the phone)")
)

// DB is a private copy of somebody else's database, open for reading. It is
// used by one goroutine at a time.
type DB struct {
	conn   *sqlite3.Conn
	dir    string
	key    [32]byte
	tables []Table
	damage []string
	logged bool // a write-ahead log was taken in
}

// Table is one table of the database.
type Table struct {
	Name    string
	Columns []string
	// Key is the column that is the row id, or empty.
	Key string
	// Plain is false for a virtual table, which is not read: its module is
	// not here. What it keeps stands in tables of its own.
	Plain bool
	// keyless tables (WITHOUT ROWID) have no row ids.
	keyless bool
}

// Has reports whether the table has the column.
func (t *Table) Has(column string) bool { return slices.Contains(t.Columns, column) }

// Copy reads a database, and the write-ahead log that stands beside it (or
// nil), into a private copy in a new folder under dir (the system's own for
// temporary files where dir is empty). The copy is enciphered with a key that
// lives in memory alone, and goes with Close.
//
// A damaged database is read as far as possible: Damage then says what is lost.
func Copy(ctx context.Context, dir string, db, wal io.Reader) (_ *DB, err error) {
	d := &DB{}
	if d.dir, err = os.MkdirTemp(dir, "copy-"); err != nil {
		return nil, fmt.Errorf("make a private copy: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if _, err := rand.Read(d.key[:]); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	size, err := vfs.Encrypt(d.path("copy"), &d.key, &until{ctx, db})
	if err != nil {
		return nil, fmt.Errorf("make a private copy: %w", err)
	}
	if d.logged = wal != nil; d.logged {
		if _, err := vfs.Encrypt(d.path("copy")+"-wal", &d.key, &until{ctx, wal}); err != nil {
			return nil, fmt.Errorf("make a private copy: %w", err)
		}
	}
	return d, d.open(ctx, size)
}

// until stops a copy when its context ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func (d *DB) path(name string) string { return filepath.Join(d.dir, name) }

// open opens the copy of size bytes, or what can be saved of it.
func (d *DB) open(ctx context.Context, size int64) error {
	c, err := d.dial(ctx, "copy")
	if err != nil {
		return err
	}
	d.conn = c
	problems, err := d.check(size)
	if err != nil {
		return err
	}
	if len(problems) == 0 {
		d.tables, err = d.schema()
		return err
	}
	d.damage = problems
	return d.salvage(ctx)
}

// dial opens one of the private files. They are ours: the connection may
// write, so that SQLite can take in the write-ahead log.
func (d *DB) dial(ctx context.Context, name string) (*sqlite3.Conn, error) {
	c, err := sqlite3.OpenContext(ctx, "file:"+(&url.URL{Path: d.path(name)}).EscapedPath()+"?vfs="+vfs.Encrypted)
	if err != nil {
		return nil, fmt.Errorf("open the private copy: %w", err)
	}
	err = c.Exec("PRAGMA hexkey='" + hex.EncodeToString(d.key[:]) + "'")
	if err == nil {
		// Nobody else has the file. Its schema is not ours: functions that
		// have side effects stay out of its views and triggers.
		// A file that is shorter than it says is opened all the same.
		err = c.Exec(`PRAGMA writable_schema=ON; PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; PRAGMA temp_store=FILE;
			PRAGMA cache_size=-8192; PRAGMA mmap_size=0; PRAGMA synchronous=OFF; PRAGMA cell_size_check=ON`)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the private copy: %w", reason(err)), c.Close())
	}
	return c, nil
}

// reason gives the driver's words for a foreign file ours.
func reason(err error) error {
	if errors.Is(err, sqlite3.NOTADB) {
		return ErrNotDatabase
	}
	return err
}

// damaged reports errors that are about the file's own state.
func damaged(err error) bool {
	return errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.IOERR_SHORT_READ) || errors.Is(err, sqlite3.IOERR_READ)
}

// maxProblems is how many problems of a damaged database are listed.
const maxProblems = 20

// check asks SQLite whether the file, of size bytes without its log, is whole.
// Virtual tables are no part of it: their modules are not here.
func (d *DB) check(size int64) (problems []string, err error) {
	defer func() {
		if damaged(err) {
			problems, err = append(problems, "a page cannot be read"), nil
		}
	}()
	if err := d.Query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", func(r Row) error {
		if n, _ := r.Values[0].(int64); n > size && !d.logged {
			problems = append(problems, "the file is shorter than it says")
		}
		return nil
	}); err != nil {
		return problems, fmt.Errorf("check the database: %w", reason(err))
	}
	err = d.Query(fmt.Sprintf("PRAGMA quick_check(%d)", maxProblems), func(r Row) error {
		if s, ok := r.Values[0].(string); ok && s != "ok" && !strings.Contains(s, "no such module") {
			problems = append(problems, s)
		}
		return nil
	})
	if err != nil {
		return problems, fmt.Errorf("check the database: %w", reason(err))
	}
	return problems, nil
}

// schema lists the tables, by name.
func (d *DB) schema() (tables []Table, err error) {
	err = d.Query(`SELECT name, rootpage, wr, sql FROM pragma_table_list JOIN sqlite_schema USING (name)
		WHERE sqlite_schema.type = 'table' AND schema = 'main' ORDER BY name`, func(r Row) error {
		name, _ := r.Values[0].(string)
		root, _ := r.Values[1].(int64)
		tables = append(tables, Table{Name: name, Plain: root != 0, keyless: r.Values[2] == int64(1)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", reason(err))
	}
	for i := range tables {
		if err := d.columns(&tables[i]); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (d *DB) columns(t *Table) error {
	if !t.Plain {
		return nil
	}
	keys, alias := 0, ""
	err := d.Query(`SELECT name, type, pk FROM pragma_table_info(?)`, func(r Row) error {
		name, _ := r.Values[0].(string)
		kind, _ := r.Values[1].(string)
		t.Columns = append(t.Columns, name)
		if pk, _ := r.Values[2].(int64); pk > 0 {
			keys++
			if strings.EqualFold(kind, "INTEGER") {
				alias = name
			}
		}
		return nil
	}, t.Name)
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	if keys == 1 && !t.keyless {
		t.Key = alias
	}
	return nil
}

// Tables lists the tables, by name.
func (d *DB) Tables() []Table { return d.tables }

// Table returns a table that can be read, or nil.
func (d *DB) Table(name string) *Table {
	for i := range d.tables {
		if d.tables[i].Name == name && d.tables[i].Plain {
			return &d.tables[i]
		}
	}
	return nil
}

// Damage lists what is wrong with the database and what could not be read, as
// sentences without content. It is empty for one that is whole.
func (d *DB) Damage() []string { return d.damage }

// Close removes the copy.
func (d *DB) Close() error {
	var errs []error
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	clear(d.key[:])
	errs = append(errs, os.RemoveAll(d.dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the private copy: %w", err)
	}
	return nil
}
