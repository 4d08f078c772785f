package index

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/waxseal/waxseal/internal/vfs"
)

// pageSize is four blocks of the cipher: pages in the write-ahead log do not
// begin at a block, and the bigger they are, the less is enciphered twice.
const pageSize = 16384

// busyTimeout is how long a connection waits for another process. A
// transaction takes seconds at most.
const busyTimeout = 30 * time.Second

// conn is a connection with its prepared statements. It is used by one
// goroutine at a time.
type conn struct {
	*sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// manner is how a file is opened.
type manner int

const (
	toWrite manner = iota // and made, where it is not there
	toRead                // beside whoever writes it
	asItIs                // it cannot be written: nobody must be writing it
)

// dial opens the encrypted file.
func dial(ctx context.Context, path string, key *[32]byte, cacheKiB int, how manner) (*conn, error) {
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?vfs=" + vfs.Encrypted
	// The index can be built anew, so it need not survive a power failure with
	// its last transaction, only in one piece.
	flags, journal := sqlite3.OPEN_READWRITE, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
	switch how {
	case toWrite:
		flags |= sqlite3.OPEN_CREATE
	case toRead:
	case asItIs:
		name += "&immutable=1"
		flags, journal = sqlite3.OPEN_READONLY, ""
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := sqlite3.OpenFlags(name, flags|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	err = c.Exec("PRAGMA hexkey='" + hex.EncodeToString(key[:]) + "'")
	if err == nil {
		err = errors.Join(
			fts5.Register(c),
			c.BusyTimeout(busyTimeout),
			c.WALAutoCheckpoint(1024),
			// Only memory holds what does not fit; the file itself is encrypted.
			c.Exec(fmt.Sprintf(`PRAGMA page_size=%d; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;
				PRAGMA cache_size=-%d; PRAGMA trusted_schema=OFF; PRAGMA mmap_size=0`, pageSize, cacheKiB)),
			c.Exec(journal),
			c.Exec(schemaPage),
		)
	}
	if err != nil {
		_ = c.Close() // the first error is the one that matters
		return nil, err
	}
	return &conn{Conn: c, stmts: map[string]*sqlite3.Stmt{}}, nil
}

// damaged reports errors that mean that the file is not what was written, or
// not with this key.
func damaged(err error) bool {
	return errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.IOERR_DATA)
}

// unwritable reports errors that mean that the file, or its folder, cannot be
// written by this process.
func unwritable(err error) bool {
	return errors.Is(err, sqlite3.READONLY) || errors.Is(err, sqlite3.CANTOPEN) || errors.Is(err, sqlite3.PERM)
}

// dialAsIs opens a file that cannot be written. What waits in a write-ahead
// log is not in it: without that, its answers would be wrong, not old.
func dialAsIs(ctx context.Context, path string, key *[32]byte, cacheKiB int) (*conn, error) {
	switch fi, err := os.Stat(path + "-wal"); {
	case err == nil && fi.Size() > 0:
		return nil, fmt.Errorf("%w: its last transactions wait in a write-ahead log", ErrReadOnly)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return dial(ctx, path, key, cacheKiB, asItIs)
}

// room names the error of a disk without room.
func room(err error) error {
	if errors.Is(err, sqlite3.FULL) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// remove removes the file and what belongs to it.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// stmt returns sql prepared and bound.
func (c *conn) stmt(sql string, args []any) (*sqlite3.Stmt, error) {
	st := c.stmts[sql]
	if st == nil {
		var err error
		if st, _, err = c.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, err
		}
		c.stmts[sql] = st
	}
	if st.BindCount() != len(args) {
		return nil, fmt.Errorf("%d arguments for %d placeholders", len(args), st.BindCount())
	}
	for i, a := range args {
		if err := bind(st, i+1, a); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func bind(st *sqlite3.Stmt, i int, a any) error {
	switch v := a.(type) {
	case int64:
		return st.BindInt64(i, v)
	case int:
		return st.BindInt(i, v)
	case string:
		return st.BindText(i, v)
	case []byte:
		if v == nil {
			return st.BindNull(i)
		}
		return st.BindBlob(i, v)
	case nil:
		return st.BindNull(i)
	}
	return fmt.Errorf("cannot bind a %T", a)
}

// exec runs a statement that gives no rows.
func (c *conn) exec(sql string, args ...any) error {
	st, err := c.stmt(sql, args)
	if err != nil {
		return err
	}
	return st.Exec()
}

// query calls row for every row. row must not run the same statement.
func (c *conn) query(sql string, row func(*sqlite3.Stmt) error, args ...any) error {
	st, err := c.stmt(sql, args)
	if err != nil {
		return err
	}
	for st.Step() {
		if err := row(st); err != nil {
			return errors.Join(err, st.Reset())
		}
	}
	return errors.Join(st.Err(), st.Reset())
}

// number returns the one integer that a query gives; ok is false where there
// is no row, or NULL.
func (c *conn) number(sql string, args ...any) (n int64, ok bool, err error) {
	err = c.query(sql, func(st *sqlite3.Stmt) error {
		if st.ColumnType(0) != sqlite3.NULL {
			n, ok = st.ColumnInt64(0), true
		}
		return nil
	}, args...)
	return n, ok, err
}
