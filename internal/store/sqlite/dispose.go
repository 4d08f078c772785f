package sqlite

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/store"
)

const (
	selectPack    = `SELECT id, n, sealed FROM frame WHERE key = ? ORDER BY n`
	insertBlocked = `INSERT INTO key (epoch, block, wrapped) VALUES (NULL, ?, ?)`
	updateFrame   = `UPDATE frame SET key = ?, sealed = ? WHERE id = ?`
	dropFrame     = `DELETE FROM frame WHERE id = ?`
	dropKey       = `DELETE FROM key WHERE id = ?`
	emptyEntry    = `UPDATE entry SET frame = NULL WHERE seq = ?`
	dropIdentity  = `DELETE FROM identity WHERE hash = ?`
	dropRef       = `DELETE FROM blob_ref WHERE hash = ? AND seq = ?`
	countRefs     = `SELECT count(*) FROM (SELECT 1 FROM blob_ref WHERE hash = ? LIMIT 1)`
	dropBlob      = `DELETE FROM blob WHERE hash = ?`
	noteBlob      = `INSERT INTO disposed_blob VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET spared = excluded.spared`
	forgetBlobs   = `DELETE FROM disposed_blob WHERE disposal <> ?`
	countBlobs    = `SELECT total(spared = 0), total(spared = 1) FROM disposed_blob WHERE disposal = ?`
	selectBlocked = `SELECT id, block, wrapped FROM key WHERE block < ? LIMIT ?`

	selectBlocks = `SELECT id FROM block ORDER BY id`
	insertBlock  = `INSERT INTO block (id) VALUES (?) ON CONFLICT DO NOTHING`
	dropBlocks   = `DELETE FROM block WHERE id < ? AND id NOT IN (SELECT block FROM key WHERE block IS NOT NULL)`
)

// PackFrames implements store.Disposer.
func (s *Store) PackFrames(ctx context.Context, key int64, fn func(store.Frame) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectPack, func(st *sqlite3.Stmt) error {
			return fn(store.Frame{ID: st.ColumnInt64(0), Key: key, N: st.ColumnInt(1), Sealed: st.ColumnBlob(2, nil)})
		}, key)
	})
}

// Dispose implements store.Disposer.
func (s *Store) Dispose(ctx context.Context, step *store.Step) (blobs [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.w.begin()
	if err != nil {
		return nil, err
	}
	// A crash before the commit leaves everything as it was.
	defer func() {
		tx.End(&err)
		if err = wrap(err); err != nil {
			blobs = nil
		}
	}()
	h, err := s.w.head()
	if err == nil && h.Size != step.Size {
		err = store.ErrMoved
	}
	if err != nil {
		return nil, err
	}
	for i := range step.Packs {
		if err := s.w.repack(&step.Packs[i]); err != nil {
			return nil, err
		}
	}
	return s.w.unname(step)
}

func (c *conn) repack(p *store.Repack) error {
	var key int64
	if p.Wrapped != nil {
		if err := c.exec(insertBlocked, p.Block, p.Wrapped); err != nil {
			return err
		}
		key = c.LastInsertRowID()
	}
	for _, seq := range p.Entries {
		if err := c.exec(emptyEntry, seq); err != nil {
			return err
		}
	}
	for _, h := range p.Identities {
		if err := c.exec(dropIdentity, h); err != nil {
			return err
		}
	}
	for _, f := range p.Frames {
		if err := c.exec(updateFrame, key, f.Sealed, f.ID); err != nil {
			return err
		}
		if c.Changes() != 1 {
			return store.ErrMoved // another process is at the same disposal
		}
	}
	for _, id := range p.Gone {
		if err := c.exec(dropFrame, id); err != nil {
			return err
		}
	}
	if err := c.exec(dropKey, p.Old); err != nil {
		return err
	}
	if c.Changes() != 1 {
		return store.ErrMoved
	}
	return nil
}

// unname takes references away, and the blobs that nothing names any more.
func (c *conn) unname(step *store.Step) (names [][]byte, err error) {
	for _, r := range step.Refs {
		if err := c.exec(dropRef, r.Hash, r.Seq); err != nil {
			return nil, err
		}
		if c.Changes() == 0 {
			continue // by an earlier run
		}
		left, err := c.queryInt(countRefs, r.Hash)
		if err == nil {
			err = c.exec(noteBlob, step.Disposal, r.Hash, left)
		}
		if err != nil || left > 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		var key int64
		err = c.query(selectBlob, func(st *sqlite3.Stmt) error {
			names, key = append(names, st.ColumnBlob(1, nil)), st.ColumnInt64(3)
			return nil
		}, r.Hash)
		if err = errors.Join(err, c.exec(dropBlob, r.Hash), c.exec(dropKey, key)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// DisposedBlobs implements store.Disposer.
func (s *Store) DisposedBlobs(ctx context.Context, disposal int64) (gone, spared int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.w.begin()
	if err != nil {
		return 0, 0, err
	}
	defer func() { tx.End(&err); err = wrap(err) }()
	if err := s.w.exec(forgetBlobs, disposal); err != nil {
		return 0, 0, err
	}
	err = s.w.query(countBlobs, func(st *sqlite3.Stmt) error {
		gone, spared = st.ColumnInt64(0), st.ColumnInt64(1)
		return nil
	}, disposal)
	return gone, spared, err
}

// BlockedKeys implements store.Disposer.
func (s *Store) BlockedKeys(ctx context.Context, before int64, limit int, fn func(store.Key) error) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(selectBlocked, func(st *sqlite3.Stmt) error {
			return fn(store.Key{ID: st.ColumnInt64(0), Block: st.ColumnInt64(1), Wrapped: st.ColumnBlob(2, nil)})
		}, before, limit)
	})
}

// Blocks implements store.Keyring.
func (s *Store) Blocks(ctx context.Context) (ids []int64, err error) {
	err = s.read(ctx, func(c *conn) error { ids, err = c.blocks(); return err })
	return ids, err
}

func (t txn) Blocks() ([]int64, error) { return t.c.blocks() }

func (c *conn) blocks() (ids []int64, err error) {
	err = c.query(selectBlocks, func(st *sqlite3.Stmt) error { ids = append(ids, st.ColumnInt64(0)); return nil })
	return ids, err
}

func (t txn) AddBlock(id int64) error { return t.c.exec(insertBlock, id) }

func (t txn) DropIdleBlocks(before int64) error { return t.c.exec(dropBlocks, before) }
