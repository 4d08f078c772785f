package index

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/record"
)

// Remove removes the index at path, for building it anew.
func Remove(path string) error { return remove(path) }

// Check compares the index with the log, by building another from nothing as
// far as it has followed, and comparing every row and every token. It returns
// a sentence for everything that differs. The index is not changed.
func Check(ctx context.Context, cfg Config, progress func(done, of int64)) (found []string, err error) {
	c, err := dial(ctx, cfg.Path, &cfg.Key, writerCache, toWrite)
	asIs := unwritable(err)
	if asIs {
		c, err = dialAsIs(ctx, cfg.Path, &cfg.Key, writerCache)
	}
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seed := maphash.MakeSeed()
	type answer struct {
		digests
		found []string
	}
	is := make(chan answer, 1)
	go func() { // beside the building of the other
		var a answer
		if a.found = integrity(ctx, c); len(a.found) > 0 {
			cancel()
		} else {
			a.digests = digestsOf(ctx, c, seed)
		}
		is <- a
	}()
	other := cfg
	other.Path, other.Current = other.Path+".check", nil
	if asIs {
		dir, err := os.MkdirTemp("", "waxseal-index-")
		if err != nil {
			return nil, fmt.Errorf("check index: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		other.Path = filepath.Join(dir, "index.check")
	}
	want, err := rebuilt(ctx, other, position, seed, progress)
	if err != nil {
		cancel()
	}
	a := <-is
	if len(a.found) > 0 {
		return a.found, nil
	}
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, fmt.Errorf("check index: %w", err)
	}
	ahead, err := booksAhead(ctx, cfg, position)
	if err != nil {
		return nil, fmt.Errorf("check index: %w", err)
	}
	for name, sum := range want {
		if ahead && (name == ownersName || name == wordsName) {
			continue
		}
		if got, ok := a.digests[name]; !ok || got != sum {
			found = append(found, name+" differ from the log: run waxseal index rebuild")
		}
	}
	slices.Sort(found)
	return found, nil
}

// rebuilt returns the digests of an index that is built from nothing up to a
// position. Its words are summed up instead of written, since writing them is
// most of the work.
func rebuilt(ctx context.Context, cfg Config, position int64, seed maphash.Seed, progress func(done, of int64)) (all digests, err error) {
	cfg.Log = prefix{cfg.Log, position}
	if err := remove(cfg.Path); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove(cfg.Path)) }()
	x, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	words := tokenSum{seed: seed}
	x.w.words = &words
	if err := x.Follow(ctx, progress); err != nil {
		return nil, err
	}
	all = digestsOf(ctx, x.w.c, seed)
	all[wordsName] = words.digest()
	return all, nil
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
	if position, _, err = c.number(`SELECT value FROM state WHERE key = 'position'`); err != nil {
		return 0, nil, err
	}
	size, err := cfg.Log.Size(ctx)
	if err == nil && position > size {
		found = append(found, "it has followed another log: run waxseal index rebuild")
	}
	return position, found, err
}

// integrity looks for pages that are not what was written.
func integrity(ctx context.Context, c *conn) (found []string) {
	defer c.SetInterrupt(c.SetInterrupt(ctx))
	err := c.query("PRAGMA integrity_check(1)", func(st *sqlite3.Stmt) error {
		if st.ColumnText(0) != "ok" {
			found = append(found, "the file is damaged")
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		found = append(found, "the file is damaged")
	}
	return found[:min(1, len(found))]
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

// contents is everything that an index says, beside its words.
var contents = []struct{ name, sql string }{
	{"counts", `SELECT key, value FROM state WHERE key NOT IN ('origin', 'changed') ORDER BY key`},
	{"captures", `SELECT seq, at, source, head, summary, ended, again, reading FROM capture ORDER BY seq`},
	{"chats", `SELECT id, ref, account, custodian, name, kind, messages, first, last, first_local, last_local FROM chat ORDER BY id`},
	{"addresses of chats", `SELECT account, custodian, jid, chat FROM address ORDER BY account, custodian, jid`},
	{"names of chats", `SELECT account, custodian, name, chat FROM alias ORDER BY account, custodian, name`},
	{"links to chats", `SELECT ref, chat FROM ref ORDER BY ref`},
	{"keys of messages", `SELECT k, seq FROM key ORDER BY k, seq`},
	{"files of messages", `SELECT k, seq FROM file ORDER BY k, seq`},
	{"labels and matters", `SELECT seq, kind, id FROM mark ORDER BY seq, kind, id`},
	{ownersName, `SELECT message.id, name FROM message LEFT JOIN custodian ON custodian.id = who ORDER BY message.id`},
	{"people", `SELECT id, ident FROM person ORDER BY id`},
	{"members of chats", `SELECT chat, person, messages FROM member ORDER BY chat, person`},
	{"messages", `SELECT id, seq, chat, cap, ord, more, zone FROM message ORDER BY id`},
	{"audit trail", `SELECT act.seq, at, act_name.name, by, refused FROM act JOIN act_name ON act_name.id = act.name ORDER BY act.seq`},
	{"objects of the audit trail", `SELECT object, seq FROM act_on ORDER BY object, seq`},
	{"words of the audit trail", `SELECT term, doc, offset FROM heard`},
	{"sightings", `SELECT seq, of, cap FROM sighting ORDER BY seq`},
}

const (
	wordsName  = "words"
	ownersName = "custodians of messages"
)

// booksAhead reports whether an account changed hands behind what the index
// has followed. The books say then of every message what it does not know yet.
func booksAhead(ctx context.Context, cfg Config, position int64) (ahead bool, err error) {
	if cfg.Books == nil {
		return false, nil
	}
	err = cfg.Log.Scan(ctx, position, func(e record.Entry) error {
		if e.Kind != record.Act {
			return nil
		}
		if m := markingOf(e); m != nil && m.act == actAccount {
			ahead = true
			return errEnd
		}
		return nil
	})
	if errors.Is(err, errEnd) {
		err = nil
	}
	return ahead, err
}

// digests are the hashes of what an index says, by name. What cannot be read
// has none.
type digests map[string][sha256.Size]byte

func digestsOf(ctx context.Context, c *conn, seed maphash.Seed) digests {
	defer c.SetInterrupt(c.SetInterrupt(ctx))
	all := digests{}
	for _, t := range contents {
		if sum, err := digest(c, t.sql); err == nil {
			all[t.name] = sum
		}
	}
	words := tokenSum{seed: seed}
	if err := words.read(c); err == nil {
		all[wordsName] = words.digest()
	}
	return all
}

// digest hashes the rows of a query.
func digest(c *conn, sql string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	var b []byte
	err = c.query(sql, func(st *sqlite3.Stmt) error {
		for i := range st.ColumnCount() {
			b = appendColumn(b, st, i)
		}
		if len(b) > 32<<10 {
			h.Write(b)
			b = b[:0]
		}
		return nil
	})
	h.Write(b)
	h.Sum(sum[:0])
	return sum, err
}

func appendColumn(b []byte, st *sqlite3.Stmt, i int) []byte {
	b = append(b, byte(st.ColumnType(i)))
	switch st.ColumnType(i) {
	case sqlite3.INTEGER, sqlite3.FLOAT:
		b = binary.BigEndian.AppendUint64(b, uint64(st.ColumnInt64(i)))
	case sqlite3.TEXT, sqlite3.BLOB:
		raw := st.ColumnRawBlob(i)
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(raw))), raw...)
	case sqlite3.NULL:
	}
	return b
}

// tokenSum adds up a hash of every token with its row and its place there, so
// that their order does not matter. The seed is made for one comparison:
// nobody can prepare two indexes with the same sum.
type tokenSum struct {
	seed   maphash.Seed
	n, sum uint64
	b      []byte
}

func (s *tokenSum) digest() (sum [sha256.Size]byte) {
	binary.BigEndian.PutUint64(sum[:], s.n)
	binary.BigEndian.PutUint64(sum[8:], s.sum)
	return sum
}

func (s *tokenSum) hash(row, place int64, token []byte) uint64 {
	s.b = binary.LittleEndian.AppendUint64(s.b[:0], uint64(row))
	s.b = binary.LittleEndian.AppendUint64(s.b, uint64(place))
	s.b = append(s.b, token...)
	return maphash.Bytes(s.seed, s.b)
}

// placeOf is where a token stands in its row. Marks come and go one by one, and
// have no place.
func placeOf(token []byte, place int64) int64 {
	if len(token) > 1 && token[0] == filterSign && bytes.IndexByte([]byte(markKinds), token[1]) >= 0 {
		return 0
	}
	return place
}

// row adds the tokens of a row, or takes them out.
func (s *tokenSum) row(r ftsRow) {
	place := int64(0)
	for token := range bytes.FieldsSeq(r.t) {
		h := s.hash(r.id, placeOf(token, place), token)
		if place++; r.out {
			s.n, s.sum = s.n-1, s.sum-h
		} else {
			s.n, s.sum = s.n+1, s.sum+h
		}
	}
}

// read adds the tokens of the full-text table.
func (s *tokenSum) read(c *conn) error {
	if err := c.Exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.instance USING fts5vocab(main, fts, instance)`); err != nil {
		return err
	}
	return c.query(`SELECT doc, offset, term FROM temp.instance`, func(st *sqlite3.Stmt) error {
		s.n++
		s.sum += s.hash(st.ColumnInt64(0), placeOf(st.ColumnRawText(2), st.ColumnInt64(1)), st.ColumnRawText(2))
		return nil
	})
}
