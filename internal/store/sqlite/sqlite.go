// Package sqlite keeps an archive's log in one SQLite file: WAL, synchronous
// FULL, checksummed pages, one writer.
package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/vfs"
)

//go:embed schema.sql
var schema string

// version is the schema's; it stands in user_version.
const version = 1

const pageSize = 8192

// readers is how many connections read at the same time as the one that
// writes. Each costs its own page cache.
const readers = 2

// busyTimeout is how long a connection waits for another process. Transactions
// take well under a second, so one that waits longer waits for something stuck.
const busyTimeout = 30 * time.Second

// Store is a log in a SQLite file.
type Store struct {
	path   string
	mu     sync.Mutex // guards w
	w      *conn
	idle   chan *conn
	closed chan struct{}
}

// conn is a connection with its prepared statements.
type conn struct {
	*sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// Create makes the file, which must not exist.
func Create(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("create %s: %w", filepath.Base(path), os.ErrExist)
	}
	c, err := dial(ctx, path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE, false)
	if err != nil {
		return nil, err
	}
	err = c.Exec(fmt.Sprintf("PRAGMA page_size=%d", pageSize))
	if err == nil {
		// A flipped bit anywhere in the file is found when its page is read.
		err = c.EnableChecksums("main")
	}
	if err == nil {
		err = c.Exec("PRAGMA journal_mode=WAL; BEGIN IMMEDIATE;" + schema + fmt.Sprintf("PRAGMA user_version=%d; COMMIT;", version))
	}
	if err == nil {
		err = c.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err = errors.Join(wrap(err), c.Close()); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	return Open(ctx, path)
}

// Open opens an existing file. Where the folder cannot be written, it is
// opened for reading, and Commit gives ErrReadOnly.
func Open(ctx context.Context, path string) (*Store, error) {
	f, err := os.Open(path) // SQLite does not say why it cannot
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{path: path, idle: make(chan *conn, readers), closed: make(chan struct{})}
	if s.w, err = s.open(ctx); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (*conn, error) {
	c, err := dial(ctx, s.path, sqlite3.OPEN_READWRITE, false)
	if err == nil {
		if err = c.check(); err == nil {
			return c, nil
		}
		_ = c.Close() // the first error is the one that matters
	}
	if !errors.Is(err, store.ErrReadOnly) {
		return nil, err
	}
	// What waits in the write-ahead log would be passed over, and the log look
	// like an older copy.
	if fi, err := os.Stat(s.path + "-wal"); err == nil && fi.Size() > 0 {
		return nil, fmt.Errorf("%w: %s has to be folded into it first: copy the archive to where it can be written", store.ErrReadOnly, filepath.Base(s.path)+"-wal")
	}
	if c, err = dial(ctx, s.path, sqlite3.OPEN_READONLY, true); err != nil {
		return nil, err
	}
	if err = c.check(); err != nil {
		_ = c.Close() // as above
		return nil, err
	}
	return c, nil
}

func dial(ctx context.Context, path string, flags sqlite3.OpenFlag, immutable bool) (*conn, error) {
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	name += "?vfs=" + vfs.Plain
	if immutable {
		name += "&immutable=1" // nobody can write here, so nobody does
	}
	c, err := sqlite3.OpenFlags(name, flags|sqlite3.OPEN_URI)
	if err != nil {
		return nil, wrap(err)
	}
	err = errors.Join(
		c.BusyTimeout(busyTimeout),
		c.WALAutoCheckpoint(2000), // 16 MB of log between checkpoints
		c.Exec("PRAGMA mmap_size=0; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON"),
	)
	if err != nil {
		_ = c.Close() // the first error is the one that matters
		return nil, wrap(err)
	}
	return &conn{Conn: c, stmts: map[string]*sqlite3.Stmt{}}, nil
}

// check tells an archive's database from another, and reads its first page.
func (c *conn) check() error {
	v, err := c.queryInt("PRAGMA user_version")
	switch {
	case err != nil:
		return err
	case v > version:
		return fmt.Errorf("%w: database version %d, this program writes %d", store.ErrVersion, v, version)
	case v != version:
		return fmt.Errorf("%w: not an archive's database", store.ErrDamaged)
	}
	// Reading the head also makes SQLite recover what a crash left in the WAL.
	_, err = c.queryInt("SELECT count(*) FROM head")
	return err
}

// checkSchema compares what is in the database with what Create makes.
func (c *conn) checkSchema() error {
	want, err := ownSchema()
	if err != nil {
		return err
	}
	got, err := c.schema()
	if err == nil && got != want {
		err = fmt.Errorf("%w: it has other tables, indexes, views or triggers than an archive", store.ErrDamaged)
	}
	return err
}

var ownSchema = sync.OnceValues(func() (text string, err error) {
	c, err := sqlite3.Open(":memory:")
	if err != nil {
		return "", wrap(err)
	}
	own := &conn{Conn: c, stmts: map[string]*sqlite3.Stmt{}}
	if err = wrap(c.Exec(schema)); err == nil {
		text, err = own.schema()
	}
	return text, errors.Join(err, own.close())
})

func (c *conn) schema() (string, error) {
	var b strings.Builder
	err := c.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name", func(st *sqlite3.Stmt) error {
		for i := range 4 {
			fmt.Fprintf(&b, "%q ", st.ColumnText(i))
		}
		return nil
	})
	return b.String(), err
}

// Close closes all connections. The last one to leave folds the WAL into the
// file and removes it.
func (s *Store) Close() error {
	close(s.closed)
	var errs []error
	for {
		select {
		case c := <-s.idle:
			errs = append(errs, c.close())
			continue
		default:
		}
		break
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(append(errs, s.w.close())...)
}

func (c *conn) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, wrap(c.Close()))...)
}

// read lends a connection for reading.
func (s *Store) read(ctx context.Context, fn func(*conn) error) error {
	var c *conn
	select {
	case c = <-s.idle:
	default:
		var err error
		if c, err = s.open(ctx); err != nil {
			return err
		}
	}
	old := c.SetInterrupt(ctx)
	err := fn(c)
	c.SetInterrupt(old)
	select {
	case <-s.closed:
		return errors.Join(err, c.close())
	default:
	}
	select {
	case s.idle <- c:
	default:
		err = errors.Join(err, c.close())
	}
	return err
}

// stmt returns the prepared statement for sql.
func (c *conn) stmt(sql string) (*sqlite3.Stmt, error) {
	if st, ok := c.stmts[sql]; ok {
		return st, nil
	}
	st, _, err := c.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, wrap(err)
	}
	c.stmts[sql] = st
	return st, nil
}

// exec runs a statement that gives no rows.
func (c *conn) exec(sql string, args ...any) error {
	return c.query(sql, nil, args...)
}

// query runs a statement and calls row for each of its rows.
func (c *conn) query(sql string, row func(*sqlite3.Stmt) error, args ...any) error {
	st, err := c.stmt(sql)
	if err != nil {
		return err
	}
	if err := bind(st, args); err != nil {
		return err
	}
	for st.Step() {
		if row == nil {
			continue
		}
		if err := row(st); err != nil {
			return errors.Join(err, wrap(st.Reset()))
		}
	}
	return wrap(errors.Join(st.Err(), st.Reset()))
}

func bind(st *sqlite3.Stmt, args []any) error {
	for i, a := range args {
		var err error
		switch v := a.(type) {
		case nil:
			err = st.BindNull(i + 1)
		case int:
			err = st.BindInt(i+1, v)
		case int64:
			err = st.BindInt64(i+1, v)
		case []byte:
			err = st.BindBlob(i+1, v)
		default:
			err = fmt.Errorf("bind %T: not supported", a)
		}
		if err != nil {
			return wrap(err)
		}
	}
	return nil
}

func (c *conn) queryInt(sql string, args ...any) (n int64, err error) {
	err = c.query(sql, func(st *sqlite3.Stmt) error { n = st.ColumnInt64(0); return nil }, args...)
	return n, err
}

// wrap turns what SQLite says into what the archive can act on.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.FULL):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.PERM):
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.IOERR_DATA), errors.Is(err, sqlite3.IOERR_SHORT_READ):
		return fmt.Errorf("%w: %w", store.ErrDamaged, err)
	case errors.Is(err, sqlite3.CONSTRAINT_FOREIGNKEY):
		return fmt.Errorf("%w: %w", store.ErrMoved, err)
	case errors.Is(err, sqlite3.BUSY):
		return fmt.Errorf("%w: %w", store.ErrBusy, err)
	}
	return err
}
