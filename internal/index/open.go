package index

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
)

//go:embed schema.sql
var schema string

// version is what the file was written by: a file of another version is built
// anew.
var version = "waxseal index 7." + strconv.Itoa(analyze.Version)

// readers is how many questions are answered at the same time.
const readers = 4

// Page caches, in KiB, of the connection that writes and of one that reads.
const (
	writerCache = 48 << 10
	readerCache = 12 << 10
)

// Index is an open index. Its methods may be called by many goroutines, and
// many processes may have the same file open.
type Index struct {
	cfg Config

	writing sync.Mutex // guards w
	w       *writer
	idle    chan *conn
	reads   readings
	shares  shares
	anew    string // why the file was begun anew by Open
	asIs    bool   // it cannot be written: it is used as far as it has followed
}

// Open opens the index, or makes it. A file that is damaged, of another
// version, or not readable with the key is never trusted: it is begun anew,
// and Rebuilt says why. Follow fills it. One that cannot be written is used as
// it is where it is whole, and coverage says how far it had followed.
func Open(ctx context.Context, cfg Config) (*Index, error) {
	if cfg.Current != nil {
		var err error
		if cfg.Path, cfg.Key, err = cfg.Current(); err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
	}
	x := &Index{cfg: cfg, idle: make(chan *conn, readers)}
	c, err := x.connect(ctx)
	if err != nil && damaged(err) {
		x.anew = "it was damaged, or written under another key"
		if err = remove(cfg.Path); err == nil {
			c, err = x.connect(ctx)
		}
	}
	if unwritable(err) {
		c, err = x.connectAsIs(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open index: %w", room(err))
	}
	x.w = newWriter(x, c)
	for range readers {
		x.idle <- nil // opened when first needed
	}
	return x, nil
}

// connect opens the connection that writes and sees to the schema.
func (x *Index) connect(ctx context.Context) (*conn, error) {
	c, err := dial(ctx, x.cfg.Path, &x.cfg.Key, writerCache, toWrite)
	if err != nil {
		return nil, err
	}
	if err = x.migrate(c); err != nil {
		c.drop()
		_ = c.Close() // the first error is the one that matters
		return nil, err
	}
	return c, nil
}

// connectAsIs opens an index that cannot be written.
func (x *Index) connectAsIs(ctx context.Context) (*conn, error) {
	c, err := dialAsIs(ctx, x.cfg.Path, &x.cfg.Key, writerCache)
	if err != nil {
		return nil, err
	}
	v, err := stateText(c, "version")
	if err == nil && v != version {
		err = fmt.Errorf("%w: it is of another version", ErrReadOnly)
	}
	if err != nil {
		c.drop()
		_ = c.Close() // the first error is the one that matters
		return nil, err
	}
	x.asIs = true
	return c, nil
}

// migrate makes the schema, in place of that of another version.
func (x *Index) migrate(c *conn) error {
	n, _, err := c.number(`SELECT count(*) FROM sqlite_schema`)
	if err != nil {
		return err
	}
	if n > 0 {
		switch v, err := stateText(c, "version"); {
		case err == nil && v == version:
			return nil
		case damaged(err):
			return err
		default: // another schema has other tables, or none
			x.anew = "it was of another version"
		}
	}
	return x.begin(c)
}

// begin empties the index in one transaction, so that other processes that
// have it open see either all or nothing.
func (x *Index) begin(c *conn) (err error) {
	c.drop()
	tx, err := c.BeginImmediate()
	if err != nil {
		return err
	}
	defer tx.End(&err)
	if v, err := stateText(c, "version"); err == nil && v == version && x.anew == "" {
		if n, _, err := c.number(`SELECT count(*) FROM message`); err == nil && n == 0 {
			return nil // another process was faster
		}
	}
	c.drop()
	var tables []string
	err = c.query(`SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'fts\_%' ESCAPE '\' AND name NOT LIKE 'said\_%' ESCAPE '\' ORDER BY name DESC`,
		func(st *sqlite3.Stmt) error { tables = append(tables, st.ColumnText(0)); return nil })
	if err != nil {
		return err
	}
	c.drop()
	for _, t := range tables {
		if err := c.Exec("DROP TABLE IF EXISTS " + sqlite3.QuoteIdentifier(t)); err != nil {
			return err
		}
	}
	if err := c.Exec(schema); err != nil {
		return err
	}
	return c.exec(`INSERT INTO state VALUES ('version', ?), ('position', 0), ('messages', 0), ('unread', 0)`, version)
}

// drop closes the prepared statements.
func (c *conn) drop() {
	for sql, st := range c.stmts {
		_ = st.Close() // its error is that of its last step, told then
		delete(c.stmts, sql)
	}
}

func stateText(c *conn, key string) (v string, err error) {
	err = c.query(`SELECT value FROM state WHERE key = ?`, func(st *sqlite3.Stmt) error { v = st.ColumnText(0); return nil }, key)
	return v, err
}

// Rebuilt says why Open began the index anew, or is empty.
func (x *Index) Rebuilt() string { return x.anew }

// Close closes the index. No other method may be running.
func (x *Index) Close() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.w.c.drop()
	errs := []error{x.w.c.Close()}
	for range readers {
		if c := <-x.idle; c != nil {
			c.drop()
			errs = append(errs, c.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// errGone: the file is not there any more, or not yet.
var errGone = errors.New("the file of the index is gone")

// read calls fn with a connection, inside one transaction, so that fn sees one
// state of the index. It is interrupted with ctx.
func (x *Index) read(ctx context.Context, fn func(*conn) error) error {
	err := x.readOnce(ctx, fn)
	if !errors.Is(err, errGone) {
		return err
	}
	moved, err2 := x.moved(ctx)
	if !moved {
		return errors.Join(err, err2)
	}
	return x.readOnce(ctx, fn)
}

func (x *Index) readOnce(ctx context.Context, fn func(*conn) error) (err error) {
	var c *conn
	select {
	case c = <-x.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { x.idle <- c }()
	if c == nil {
		how := toRead
		if x.asIs {
			how = asItIs
		}
		// The connection outlives the question that opened it.
		if c, err = dial(context.WithoutCancel(ctx), x.cfg.Path, &x.cfg.Key, readerCache, how); err != nil {
			if _, gone := os.Stat(x.cfg.Path); gone != nil {
				err = errors.Join(errGone, err)
			}
			return err
		}
	}
	defer c.SetInterrupt(c.SetInterrupt(ctx))
	tx := c.Begin()
	defer func() {
		if end := tx.Rollback(); err == nil {
			err = end // nothing was written; the end of a read
		}
	}()
	return fn(c)
}
