package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Size is the number of entries; they are numbered from 0.
func (a *Archive) Size(ctx context.Context) (int64, error) {
	h, err := a.store.Head(ctx)
	return h.Size, err
}

// Get returns entries in the order asked for. One that was disposed of has no
// parts.
func (a *Archive) Get(ctx context.Context, seqs []int64) ([]record.Entry, error) {
	out := make([]record.Entry, len(seqs))
	for i, seq := range seqs {
		row, err := a.row(ctx, seq)
		if err != nil {
			return nil, err
		}
		if out[i], err = a.entry(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *Archive) row(ctx context.Context, seq int64) (store.Entry, error) {
	var row store.Entry
	found := false
	err := a.store.Entries(ctx, seq, seq+1, func(e store.Entry) error { row, found = e, true; return nil })
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("entry %d: %w", seq, err)
	}
	return row, nil
}

// entry opens the frame that holds an entry's record.
func (a *Archive) entry(ctx context.Context, row store.Entry) (record.Entry, error) {
	kind, err := kindOf(row.Kind)
	if err != nil {
		return record.Entry{}, fmt.Errorf("entry %d: %w", row.Seq, err)
	}
	e := record.Entry{Seq: row.Seq, Kind: kind, At: time.UnixMilli(row.At).UTC()}
	if row.Frame == 0 {
		return e, nil
	}
	f, err := a.frame(ctx, row.Frame)
	if errors.Is(err, store.ErrNotFound) {
		// It may have been disposed of since the row was read.
		if now, rowErr := a.row(ctx, row.Seq); rowErr == nil && now.Frame == 0 {
			return e, nil
		}
	}
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", row.Seq, err)
	}
	if row.Slot < 0 || row.Slot >= len(f.Records) {
		return e, fmt.Errorf("entry %d: %w: no such place in its pack frame", row.Seq, store.ErrDamaged)
	}
	e.Parts = f.Records[row.Slot]
	return e, nil
}

// cachedFrame bounds the sealed size of frames that are kept open: a few long
// messages must not push everything else out of memory.
const cachedFrame = 1 << 20

func (a *Archive) frame(ctx context.Context, id int64) (seal.Frame, error) {
	if f, ok := a.frames.get(id); ok {
		return f, nil
	}
	row, k, err := a.sealedFrame(ctx, id)
	if err != nil {
		return seal.Frame{}, err
	}
	f, err := k.OpenFrame(row.N, row.Sealed)
	if err != nil {
		return seal.Frame{}, fmt.Errorf("open pack frame: %w", err)
	}
	if len(row.Sealed) <= cachedFrame {
		a.frames.put(id, f)
	}
	return f, nil
}

// sealedFrame returns a frame as it is stored, and its pack's data key. Between
// the two reads a disposal may have written the pack anew, under another key.
func (a *Archive) sealedFrame(ctx context.Context, id int64) (row store.Frame, k seal.Key, err error) {
	for range 3 {
		if row, err = a.store.Frame(ctx, id); err != nil {
			return row, k, fmt.Errorf("read pack frame: %w", err)
		}
		if k, err = a.dataKey(ctx, row.Key); !errors.Is(err, store.ErrNotFound) {
			break
		}
	}
	return row, k, err
}

// dataKey unwraps the data key of a pack or a blob.
func (a *Archive) dataKey(ctx context.Context, id int64) (seal.Key, error) {
	if k, ok := a.keys.get(id); ok {
		return k, nil
	}
	row, err := a.store.Key(ctx, id)
	if err != nil {
		return seal.Key{}, fmt.Errorf("read key: %w", err)
	}
	outer, err := a.outerKey(ctx, row)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, seal.ErrOpen) {
		// It was moved into another block between the two reads.
		if row, err = a.store.Key(ctx, id); err == nil {
			outer, err = a.outerKey(ctx, row)
		}
	}
	if err != nil {
		return seal.Key{}, err
	}
	k, err := outer.Unwrap(row.Wrapped)
	if err != nil {
		return k, fmt.Errorf("unwrap key: %w", err)
	}
	a.keys.put(id, k)
	return k, nil
}

// outerKey is the key that a data key is wrapped under.
func (a *Archive) outerKey(ctx context.Context, row store.Key) (seal.Key, error) {
	if row.Epoch != 0 {
		return a.epochKey(ctx, row.Epoch)
	}
	a.ringMu.RLock()
	k, err := a.ring.Block(row.Block)
	if err == nil {
		defer a.ringMu.RUnlock()
		return *k, nil
	}
	a.ringMu.RUnlock()
	// Another process may have opened the block since the ring was read.
	if err := a.reloadRing(); err != nil {
		return seal.Key{}, err
	}
	a.ringMu.RLock()
	defer a.ringMu.RUnlock()
	if k, err = a.ring.Block(row.Block); err != nil {
		return seal.Key{}, err
	}
	return *k, nil
}

func (a *Archive) epochKey(ctx context.Context, id int64) (seal.Key, error) {
	// Epoch keys are cached beside data keys, under negative numbers: opening
	// one costs a hundred times what unwrapping a data key does.
	if k, ok := a.keys.get(-id); ok {
		return k, nil
	}
	e, err := a.store.Epoch(ctx, id)
	if err != nil {
		return seal.Key{}, fmt.Errorf("read epoch key: %w", err)
	}
	a.ringMu.RLock()
	k, err := a.ring.OpenEpoch(e.Intake, e.Sealed)
	a.ringMu.RUnlock()
	if errors.Is(err, seal.ErrOpen) {
		if err := a.reloadRing(); err != nil {
			return k, err
		}
		a.ringMu.RLock()
		k, err = a.ring.OpenEpoch(e.Intake, e.Sealed)
		a.ringMu.RUnlock()
	}
	if err != nil {
		return k, err
	}
	a.keys.put(-id, k)
	return k, nil
}

// scanRows is how many rows a scan reads at a time: the connection is given
// back in between, so that a slow reader of entries does not hold it.
const scanRows = 4096

// Scan calls fn with the entries from … in order, until the end of the log as
// it is now or until fn returns an error, which it passes on.
func (a *Archive) Scan(ctx context.Context, from int64, fn func(record.Entry) error) error {
	to, err := a.Size(ctx)
	if err != nil {
		return err
	}
	return a.rows(ctx, from, to, func(row store.Entry) error {
		e, err := a.entry(ctx, row)
		if err != nil {
			return err
		}
		return fn(e)
	})
}

// Acts calls fn with the entries from … whose kind is one of the firm's books
// (record.Kind.Books), in order, and returns how many entries the log had.
func (a *Archive) Acts(ctx context.Context, from int64, fn func(record.Entry) error) (size int64, err error) {
	if size, err = a.Size(ctx); err != nil {
		return 0, err
	}
	var rows []store.Entry
	err = a.store.Booked(ctx, from, size, func(e store.Entry) error { rows = append(rows, e); return nil })
	if err != nil {
		return 0, fmt.Errorf("read acts: %w", err)
	}
	for _, row := range rows {
		e, err := a.entry(ctx, row)
		if err != nil {
			return 0, err
		}
		if err := fn(e); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// rows calls fn for the rows from ≤ seq < to.
func (a *Archive) rows(ctx context.Context, from, to int64, fn func(store.Entry) error) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk := make([]store.Entry, 0, scanRows)
		until := min(to, from+scanRows)
		err := a.store.Entries(ctx, from, until, func(e store.Entry) error { chunk = append(chunk, e); return nil })
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if int64(len(chunk)) != until-from {
			return fmt.Errorf("%w: entries %d to %d have gaps", store.ErrDamaged, from, until)
		}
		for _, row := range chunk {
			if err := fn(row); err != nil {
				return err
			}
		}
		from = until
	}
	return nil
}

// hashes serves the tree: leaf hashes are made from entries, the rest is
// stored.
func (a *Archive) hashes(ctx context.Context) tlog.Reader { return treeReader{ctx, a.store} }

type treeReader struct {
	ctx   context.Context
	store store.Store
}

// Hashes implements tlog.Reader.
func (t treeReader) Hashes(level int, first int64, count int) ([]tlog.Hash, error) {
	if level > 0 {
		return t.store.TileHashes(t.ctx, level, first, count)
	}
	out := make([]tlog.Hash, 0, count)
	err := t.store.Entries(t.ctx, first, first+int64(count), func(e store.Entry) error {
		kind, err := kindOf(e.Kind)
		if err == nil {
			out = append(out, tlog.LeafHash(Leaf(kind, e.At, e.Commitment)))
		}
		return err
	})
	if err == nil && len(out) != count {
		err = fmt.Errorf("%w: entries missing", store.ErrDamaged)
	}
	return out, err
}
