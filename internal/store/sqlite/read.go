package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

const (
	selectEntries = `SELECT seq, kind, at, commitment, frame, slot FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq`
	selectBooked  = `SELECT seq, kind, at, commitment, frame, slot FROM entry WHERE booked = 1 AND seq >= ? AND seq < ? ORDER BY seq`
	selectFrame   = `SELECT key, n, sealed FROM frame WHERE id = ?`
	selectTile    = `SELECT hashes FROM tile WHERE level = ? AND n = ?`
	selectKey     = `SELECT epoch, block, wrapped FROM key WHERE id = ?`
	selectEpoch   = `SELECT intake, sealed FROM epoch WHERE id = ?`
	selectBlob    = `SELECT hash, name, size, key FROM blob WHERE hash = ?`
	selectBlobs   = `SELECT hash, name, size, key FROM blob`
	selectRefs    = `SELECT hash, seq FROM blob_ref`
	selectIDs     = `SELECT hash, seq FROM identity`
	selectEpochs  = `SELECT id, epoch, wrapped FROM key WHERE epoch IS NOT NULL ORDER BY id LIMIT ?`
	countBlock    = `SELECT count(*) FROM key WHERE block = ?`
)

// Entries implements store.Reader.
func (s *Store) Entries(ctx context.Context, from, to int64, fn func(store.Entry) error) error {
	return s.entries(ctx, selectEntries, from, to, fn)
}

// Booked implements store.Reader.
func (s *Store) Booked(ctx context.Context, from, to int64, fn func(store.Entry) error) error {
	return s.entries(ctx, selectBooked, from, to, fn)
}

func (s *Store) entries(ctx context.Context, sql string, from, to int64, fn func(store.Entry) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(sql, func(st *sqlite3.Stmt) error {
			e := store.Entry{
				Seq: st.ColumnInt64(0), Kind: st.ColumnInt(1), At: st.ColumnInt64(2),
				Frame: st.ColumnInt64(4), Slot: st.ColumnInt(5),
			}
			if err := hash32(st.ColumnRawBlob(3), e.Commitment[:]); err != nil {
				return err
			}
			return fn(e)
		}, from, to)
	})
}

// one runs a query that gives one row or ErrNotFound.
func (s *Store) one(ctx context.Context, sql string, row func(*sqlite3.Stmt) error, args ...any) error {
	return s.read(ctx, func(c *conn) error {
		found := false
		err := c.query(sql, func(st *sqlite3.Stmt) error { found = true; return row(st) }, args...)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
}

// Frame implements store.Reader.
func (s *Store) Frame(ctx context.Context, id int64) (store.Frame, error) {
	f := store.Frame{ID: id}
	err := s.one(ctx, selectFrame, func(st *sqlite3.Stmt) error {
		f.Key, f.N, f.Sealed = st.ColumnInt64(0), st.ColumnInt(1), st.ColumnBlob(2, nil)
		return nil
	}, id)
	return f, err
}

// TileHashes implements store.Reader.
func (s *Store) TileHashes(ctx context.Context, level int, first int64, count int) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, count)
	for len(out) < count {
		at := first + int64(len(out))
		n, place := at>>tlog.TileHeight, int(at&(1<<tlog.TileHeight-1))
		err := s.one(ctx, selectTile, func(st *sqlite3.Stmt) error {
			b := st.ColumnRawBlob(0)
			for ; place < 1<<tlog.TileHeight && len(out) < count; place++ {
				var h tlog.Hash
				if (place+1)*len(h) > len(b) {
					return fmt.Errorf("%w: tile %d/%d is short", store.ErrDamaged, level, n)
				}
				copy(h[:], b[place*len(h):])
				out = append(out, h)
			}
			return nil
		}, level, n)
		if err != nil {
			return nil, fmt.Errorf("tile %d/%d: %w", level, n, err)
		}
	}
	return out, nil
}

// Key implements store.Keyring.
func (s *Store) Key(ctx context.Context, id int64) (store.Key, error) {
	k := store.Key{ID: id}
	err := s.one(ctx, selectKey, func(st *sqlite3.Stmt) error {
		k.Epoch, k.Block, k.Wrapped = st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnBlob(2, nil)
		return nil
	}, id)
	return k, err
}

// Epoch implements store.Keyring.
func (s *Store) Epoch(ctx context.Context, id int64) (store.Epoch, error) {
	e := store.Epoch{ID: id}
	err := s.one(ctx, selectEpoch, func(st *sqlite3.Stmt) error {
		e.Intake, e.Sealed = st.ColumnInt64(0), st.ColumnBlob(1, nil)
		return nil
	}, id)
	return e, err
}

// EpochKeys implements store.Store.
func (s *Store) EpochKeys(ctx context.Context, limit int, fn func(store.Key) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectEpochs, func(st *sqlite3.Stmt) error {
			return fn(store.Key{ID: st.ColumnInt64(0), Epoch: st.ColumnInt64(1), Wrapped: st.ColumnBlob(2, nil)})
		}, limit)
	})
}

// BlockKeys implements store.Store.
func (s *Store) BlockKeys(ctx context.Context, block int64) (n int64, err error) {
	err = s.read(ctx, func(c *conn) error { n, err = c.queryInt(countBlock, block); return err })
	return n, err
}

// Intakes implements store.Store.
func (s *Store) Intakes(ctx context.Context) (all []store.Intake, err error) {
	err = s.read(ctx, func(c *conn) error { all, err = c.intakes(); return err })
	return all, err
}

func scanBlob(st *sqlite3.Stmt) store.Blob {
	return store.Blob{Hash: st.ColumnBlob(0, nil), Name: st.ColumnBlob(1, nil), Size: st.ColumnInt64(2), Key: st.ColumnInt64(3)}
}

// Blob implements store.Catalogue.
func (s *Store) Blob(ctx context.Context, hash []byte) (b store.Blob, err error) {
	err = s.one(ctx, selectBlob, func(st *sqlite3.Stmt) error { b = scanBlob(st); return nil }, hash)
	return b, err
}

// Blobs implements store.Catalogue.
func (s *Store) Blobs(ctx context.Context, fn func(store.Blob) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectBlobs, func(st *sqlite3.Stmt) error { return fn(scanBlob(st)) })
	})
}

// Refs implements store.Catalogue.
func (s *Store) Refs(ctx context.Context, fn func(store.BlobRef) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectRefs, func(st *sqlite3.Stmt) error {
			return fn(store.BlobRef{Hash: st.ColumnRawBlob(0), Seq: st.ColumnInt64(1)})
		})
	})
}

// Identities implements store.Catalogue.
func (s *Store) Identities(ctx context.Context, fn func(store.Identity) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectIDs, func(st *sqlite3.Stmt) error {
			return fn(store.Identity{Hash: st.ColumnRawBlob(0), Seq: st.ColumnInt64(1)})
		})
	})
}

const selectStats = `SELECT
	(SELECT count(DISTINCT key) FROM frame), (SELECT count(*) FROM frame), (SELECT count(*) FROM blob),
	(SELECT count(*) FROM key), (SELECT count(*) FROM identity),
	(SELECT coalesce(sum(length(sealed)), 0) FROM frame), (SELECT coalesce(sum(size), 0) FROM blob)`

// Stats implements store.Store.
func (s *Store) Stats(ctx context.Context) (t store.Stats, err error) {
	err = s.one(ctx, selectStats, func(st *sqlite3.Stmt) error {
		t = store.Stats{
			Packs: st.ColumnInt64(0), Frames: st.ColumnInt64(1), Blobs: st.ColumnInt64(2), Keys: st.ColumnInt64(3),
			Identities: st.ColumnInt64(4), FrameBytes: st.ColumnInt64(5), BlobBytes: st.ColumnInt64(6),
		}
		return nil
	})
	return t, err
}

// What must hold between tables; each query counts the rows that break it.
var invariants = []struct{ say, count string }{
	{"entries are not numbered without a gap", `SELECT (SELECT size FROM head) <> (SELECT count(*) FROM entry) OR (SELECT size FROM head) <> (SELECT coalesce(max(seq) + 1, 0) FROM entry)`},
	{"pack frames name a key that is not there", `SELECT count(*) FROM frame WHERE key NOT IN (SELECT id FROM key)`},
	{"pack frames that no entry names", `SELECT count(*) FROM frame WHERE id NOT IN (SELECT frame FROM entry WHERE frame IS NOT NULL)`},
	{"blobs name a key that is not there", `SELECT count(*) FROM blob WHERE key NOT IN (SELECT id FROM key)`},
	{"keys that no pack and no blob names", `SELECT count(*) FROM key WHERE id NOT IN (SELECT key FROM frame) AND id NOT IN (SELECT key FROM blob)`},
	{"keys that seal more than one thing", `SELECT (SELECT count(*) - count(DISTINCT key) FROM blob) + (SELECT count(*) FROM blob WHERE key IN (SELECT key FROM frame)) + (SELECT count(*) FROM (SELECT 1 FROM frame GROUP BY key, n HAVING count(*) > 1))`},
	{"epochs that no key names", `SELECT count(*) FROM epoch WHERE id NOT IN (SELECT epoch FROM key WHERE epoch IS NOT NULL)`},
	{"epochs name an intake key that is not there", `SELECT count(*) FROM epoch WHERE intake NOT IN (SELECT id FROM intake)`},
	{"tree hashes are not as many as the entries make", `SELECT (SELECT coalesce(sum(length(hashes)), 0) FROM tile) <> 32 * ((size >> 8) + (size >> 16) + (size >> 24) + (size >> 32) + (size >> 40)) FROM head`},
	{"keys name an epoch that is not there", `SELECT count(*) FROM key WHERE epoch IS NOT NULL AND epoch NOT IN (SELECT id FROM epoch)`},
	{"keys name a block that is not there", `SELECT count(*) FROM key WHERE block IS NOT NULL AND block NOT IN (SELECT id FROM block)`},
	{"numbers may be given twice", `SELECT (SELECT count(*) FROM sqlite_sequence WHERE name NOT IN ('frame', 'key', 'epoch'))
		+ (SELECT count(*) FROM frame WHERE id > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'frame'))
		+ (SELECT count(*) FROM key WHERE id > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'key'))
		+ (SELECT count(*) FROM epoch WHERE id > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'epoch'))`},
	{"blobs that no entry names", `SELECT count(*) FROM blob WHERE hash NOT IN (SELECT hash FROM blob_ref)`},
	{"references to a blob that is not there", `SELECT count(*) FROM blob_ref WHERE hash NOT IN (SELECT hash FROM blob)`},
}

// Check implements store.Store. integrity_check reads every page that is in
// use, and each is checked against its checksum on the way.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var found []string
	err := s.read(ctx, func(c *conn) error {
		err := c.query("PRAGMA integrity_check(20)", func(st *sqlite3.Stmt) error {
			if say := st.ColumnText(0); say != "ok" {
				found = append(found, "database: "+say)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if say, err := s.checkSize(c); err != nil {
			return err
		} else if say != "" {
			found = append(found, say)
		}
		if err := c.checkSchema(); errors.Is(err, store.ErrDamaged) {
			found = append(found, err.Error())
		} else if err != nil {
			return err
		}
		for _, inv := range invariants {
			n, err := c.queryInt(inv.count)
			if err != nil {
				return err
			}
			if n != 0 {
				found = append(found, inv.say)
			}
		}
		return nil
	})
	return found, err
}

// checkSize compares the file's size with its pages: SQLite passes over what
// stands after them. While pages wait in the write-ahead log, the file may have
// more or fewer, but whole ones.
func (s *Store) checkSize(c *conn) (say string, err error) {
	tx := c.Begin() // while it reads, nobody folds the write-ahead log in
	defer func() { err = errors.Join(err, wrap(tx.Rollback())) }()
	pages, err := c.queryInt("PRAGMA page_count")
	if err != nil {
		return "", err
	}
	fi, err := os.Stat(s.path)
	if err != nil {
		return "", fmt.Errorf("check database: %w", err)
	}
	wal, err := os.Stat(s.path + "-wal")
	settled := err != nil || wal.Size() == 0
	if fi.Size()%pageSize != 0 || settled && fi.Size() != pages*pageSize {
		say = fmt.Sprintf("database: the file has %d bytes, its %d pages have %d", fi.Size(), pages, pages*pageSize)
	}
	return say, nil
}
