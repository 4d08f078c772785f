package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

const (
	selectHead = `SELECT size, root FROM head`
	updateHead = `UPDATE head SET size = ?, root = ? WHERE id = 1 AND size = ? AND root = ?`

	insertEntry    = `INSERT INTO entry (seq, kind, at, commitment, frame, slot, booked) VALUES (?, ?, ?, ?, ?, ?, ?)`
	insertFrame    = `INSERT INTO frame (key, n, sealed) VALUES (?, ?, ?)`
	insertKey      = `INSERT INTO key (epoch, block, wrapped) VALUES (?, NULL, ?)`
	insertEpoch    = `INSERT INTO epoch (intake, sealed) VALUES (?, ?)`
	insertIdentity = `INSERT INTO identity (hash, seq) VALUES (?, ?)`
	insertBlob     = `INSERT INTO blob (hash, name, size, key) VALUES (?, ?, ?, ?)`
	insertRef      = `INSERT INTO blob_ref (hash, seq) VALUES (?, ?) ON CONFLICT DO NOTHING`
	selectIdentity = `SELECT seq FROM identity WHERE hash = ?`

	// Hashes of a tile are written one after the other; the one that comes
	// must be the next.
	upsertTile = `INSERT INTO tile (level, n, hashes) VALUES (?1, ?2, ?3)
		ON CONFLICT DO UPDATE SET hashes = CAST(hashes || ?3 AS BLOB) WHERE length(hashes) = ?4`
)

// Head implements store.Writer.
func (s *Store) Head(ctx context.Context) (h store.Head, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.head()
}

func (c *conn) head() (h store.Head, err error) {
	found := false
	err = c.query(selectHead, func(st *sqlite3.Stmt) error {
		found = true
		h.Size = st.ColumnInt64(0)
		return hash32(st.ColumnRawBlob(1), h.Root[:])
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: no head", store.ErrDamaged)
	}
	return h, err
}

// hash32 copies a hash out of a row.
func hash32(b, into []byte) error {
	if len(b) != len(into) {
		return fmt.Errorf("%w: hash of %d bytes", store.ErrDamaged, len(b))
	}
	copy(into, b)
	return nil
}

// Seen implements store.Writer.
func (s *Store) Seen(ctx context.Context, hashes [][]byte) (seqs []int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// One read transaction for all: each lookup by itself would lock and unlock
	// the write-ahead log, which costs more than the lookup.
	tx := s.w.Begin()
	defer func() { tx.End(&err); err = wrap(err) }()
	seqs = make([]int64, len(hashes))
	for i, h := range hashes {
		seqs[i] = -1
		err := s.w.query(selectIdentity, func(st *sqlite3.Stmt) error { seqs[i] = st.ColumnInt64(0); return nil }, h)
		if err != nil {
			return nil, err
		}
	}
	return seqs, nil
}

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) (done store.Committed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.w.begin()
	if err != nil {
		return done, err
	}
	// A crash before the commit leaves nothing of the batch. End commits where
	// err is nil and rolls back otherwise.
	defer func() { tx.End(&err); err = wrap(err) }()
	if err := s.w.moveHead(b); err != nil {
		return done, err
	}
	if done.Epochs, err = s.w.putEpochs(b); err != nil {
		return done, err
	}
	frames, err := s.w.putPacks(b, done.Epochs)
	if err != nil {
		return done, err
	}
	return done, errors.Join(s.w.putEntries(b, frames), s.w.putTiles(b), s.w.putBlobs(b, done.Epochs))
}

// begin begins a transaction that writes. A trigger, or a table without its
// constraints, would change what is written: the schema is compared first,
// while nobody else can change it.
func (c *conn) begin() (sqlite3.Txn, error) {
	tx, err := c.BeginImmediate()
	if err != nil {
		return tx, wrap(err)
	}
	if err := c.checkSchema(); err != nil {
		return tx, errors.Join(err, wrap(tx.Rollback()))
	}
	return tx, nil
}

func (c *conn) moveHead(b *store.Batch) error {
	err := c.exec(updateHead, b.New.Size, b.New.Root[:], b.Old.Size, b.Old.Root[:])
	if err == nil && c.Changes() != 1 {
		err = store.ErrMoved
	}
	return err
}

func (c *conn) putEpochs(b *store.Batch) ([]int64, error) {
	ids := make([]int64, len(b.Epochs))
	for i, e := range b.Epochs {
		if err := c.exec(insertEpoch, e.Intake, e.Sealed); err != nil {
			return nil, err
		}
		ids[i] = c.LastInsertRowID()
	}
	return ids, nil
}

func (c *conn) putKey(epochID, epoch int64, epochs []int64, wrapped []byte) (int64, error) {
	if epoch >= 0 {
		epochID = epochs[epoch]
	}
	if err := c.exec(insertKey, epochID, wrapped); err != nil {
		return 0, err
	}
	return c.LastInsertRowID(), nil
}

// putPacks writes keys and frames, and returns the frames' ids by pack.
func (c *conn) putPacks(b *store.Batch, epochs []int64) ([][]int64, error) {
	ids := make([][]int64, len(b.Packs))
	for i, p := range b.Packs {
		key, err := c.putKey(p.EpochID, p.Epoch, epochs, p.Wrapped)
		if err != nil {
			return nil, err
		}
		ids[i] = make([]int64, len(p.Frames))
		for n, f := range p.Frames {
			if err := c.exec(insertFrame, key, n, f); err != nil {
				return nil, err
			}
			ids[i][n] = c.LastInsertRowID()
		}
	}
	return ids, nil
}

func (c *conn) putEntries(b *store.Batch, frames [][]int64) error {
	for i := range b.Entries {
		e := &b.Entries[i]
		var booked any
		if e.Booked {
			booked = 1
		}
		err := c.exec(insertEntry, b.Old.Size+int64(i), e.Kind, e.At, e.Commitment[:], frames[e.Pack][e.Frame], e.Slot, booked)
		if err != nil {
			return err
		}
	}
	for _, id := range b.Identities {
		if err := c.exec(insertIdentity, id.Hash, id.Seq); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) putTiles(b *store.Batch) error {
	for _, t := range b.Tiles {
		n, place := t.N>>tlog.TileHeight, t.N&(1<<tlog.TileHeight-1)
		if err := c.exec(upsertTile, t.Level, n, t.Hash[:], place*int64(len(t.Hash))); err != nil {
			return err
		}
		if c.Changes() != 1 {
			return fmt.Errorf("%w: tile %d/%d out of step", store.ErrDamaged, t.Level, n)
		}
	}
	return nil
}

func (c *conn) putBlobs(b *store.Batch, epochs []int64) error {
	for _, bl := range b.Blobs {
		key, err := c.putKey(bl.EpochID, bl.Epoch, epochs, bl.Wrapped)
		if err != nil {
			return err
		}
		if err := c.exec(insertBlob, bl.Hash, bl.Name, bl.Size, key); err != nil {
			return err
		}
	}
	for _, r := range b.Refs {
		if err := c.exec(insertRef, r.Hash, r.Seq); err != nil {
			return err
		}
	}
	return nil
}

const (
	moveKey    = `UPDATE key SET epoch = NULL, block = ?, wrapped = ? WHERE id = ?`
	dropEpochs = `DELETE FROM epoch WHERE id NOT IN (SELECT epoch FROM key WHERE epoch IS NOT NULL)`
)

// Rewrap implements store.Keyring.
func (s *Store) Rewrap(ctx context.Context, keys []store.Key) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.w.begin()
	if err != nil {
		return err
	}
	defer func() { tx.End(&err); err = wrap(err) }()
	for _, k := range keys {
		if err := s.w.exec(moveKey, k.Block, k.Wrapped, k.ID); err != nil {
			return err
		}
	}
	return s.w.exec(dropEpochs)
}

const (
	selectIntakes = `SELECT id, public FROM intake ORDER BY id`
	insertIntake  = `INSERT INTO intake (id, public) VALUES (?, ?)`
	dropIntakes   = `DELETE FROM intake WHERE id < (SELECT max(id) FROM intake) AND id NOT IN (SELECT intake FROM epoch)`
)

// Exclusive implements store.Store.
func (s *Store) Exclusive(ctx context.Context, fn func(store.Tx) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.w.begin()
	if err != nil {
		return err
	}
	defer func() { tx.End(&err); err = wrap(err) }()
	return fn(txn{s.w})
}

type txn struct{ c *conn }

func (t txn) Intakes() ([]store.Intake, error) { return t.c.intakes() }

func (c *conn) intakes() (all []store.Intake, err error) {
	err = c.query(selectIntakes, func(st *sqlite3.Stmt) error {
		all = append(all, store.Intake{ID: st.ColumnInt64(0), Public: st.ColumnBlob(1, nil)})
		return nil
	})
	return all, err
}

func (t txn) AddIntake(in store.Intake) error { return t.c.exec(insertIntake, in.ID, in.Public) }

func (t txn) DropIdleIntakes() error { return t.c.exec(dropIntakes) }

// Scrub overwrites what was removed, in the write-ahead log too: after it, a
// dropped epoch is nowhere in the files.
func (s *Store) Scrub(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, err := s.w.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	if errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED) {
		return false, nil // readers are at work
	}
	return err == nil, wrap(err)
}
