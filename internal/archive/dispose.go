package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
)

// Errors of disposals.
var (
	// ErrNotDisposal: the entry is none, or names what is never disposed of.
	ErrNotDisposal = errors.New("entry is no disposal that can be done")
	// ErrReaders: somebody reads the database without an end, so that what was
	// removed from it still stands in its write-ahead log.
	ErrReaders = errors.New("a reader keeps removed content in the write-ahead log")
)

// Disposed is what a disposal did, over all its runs.
type Disposed struct {
	Records int64 // whose content is gone
	Blobs   int64 // that went
	Shared  int64 // that other records keep
	// Kept are the entries that were kept after all, as runs of [first, length].
	Kept [][2]int64
}

// Still says which of a disposal's entries must be kept after all, given
// everything in the log up to size. A capture whose files of evidence must be
// kept is given as its complement, ^capture: its record is another question.
type Still func(ctx context.Context, size int64) (kept []int64, err error)

// Dispose does what the Disposal record in that entry says: the content of its
// entries goes, and the evidence of its captures. Entries, tree and proofs of
// everything else stay.
//
// The order is the design. What waits under an intake key moves into the
// keyring first, and that intake key dies: an old copy of the database holds
// nothing that the ring still opens that way. Then, pack by pack, what stays
// is sealed again under a new data key, in transactions that each happen only
// if the log is as long as when still was asked: a hold that was appended in
// between is always seen. At last every block of the keyring is replaced, and
// the ring is written without the old block keys: from then on no copy of the
// database, however old, gives away what went. A crash anywhere leaves a
// disposal that is not finished; calling Dispose again goes on where it was,
// and does what was done already a second time only where that is harmless.
//
// progress is told how many of how many entries are done; it may be nil.
func (a *Archive) Dispose(ctx context.Context, disposal int64, still Still, progress func(done, of int64)) (Disposed, error) {
	d := disposer{a: a, seq: disposal, still: still, progress: progress, kept: map[int64]bool{}}
	if a.refused != nil {
		return Disposed{}, a.refused
	}
	for _, step := range []func(context.Context) error{d.read, d.renewIntake, d.packs, d.evidence, d.renewBlocks, d.scrub} {
		if err := step(ctx); err != nil {
			return Disposed{}, fmt.Errorf("dispose: %w", err)
		}
	}
	return d.result(ctx)
}

type disposer struct {
	a        *Archive
	seq      int64
	head     record.DisposalHead
	still    Still
	progress func(done, of int64)

	total      int64
	rows       []store.Entry             // that have content still
	identities map[int64][]byte          // by entry
	refs       map[int64][]store.BlobRef // by entry or capture
	kept       map[int64]bool
}

// runs calls fn for every entry of runs of [first, length].
func runs(rs [][2]int64, fn func(seq int64) error) error {
	for _, r := range rs {
		for seq := r[0]; seq < r[0]+r[1]; seq++ {
			if err := fn(seq); err != nil {
				return err
			}
		}
	}
	return nil
}

// read finds what has to be done.
func (d *disposer) read(ctx context.Context) error {
	es, err := d.a.Get(ctx, []int64{d.seq})
	if err != nil {
		return err
	}
	if es[0].Kind != record.Disposal {
		return fmt.Errorf("entry %d: %w", d.seq, ErrNotDisposal)
	}
	if _, err := es[0].Decode(&d.head); err != nil {
		return err
	}
	d.identities, d.refs = map[int64][]byte{}, map[int64][]store.BlobRef{}
	for _, r := range d.head.Entries {
		if r[0] < 0 || r[1] <= 0 || r[0] > d.seq-r[1] {
			return fmt.Errorf("entries %d and %d more: %w", r[0], r[1], ErrNotDisposal)
		}
		err := d.a.rows(ctx, r[0], r[0]+r[1], func(row store.Entry) error {
			if k, err := kindOf(row.Kind); err != nil || !disposable(k) {
				return fmt.Errorf("entry %d: %w", row.Seq, ErrNotDisposal)
			}
			d.total++
			d.identities[row.Seq], d.refs[row.Seq] = nil, nil
			if row.Frame != 0 {
				d.rows = append(d.rows, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, c := range d.head.Evidence {
		d.refs[c] = nil
	}
	return d.tables(ctx)
}

// disposable reports a kind whose content can go. What people did stays as
// long as the log.
func disposable(k record.Kind) bool {
	switch k {
	case record.Item, record.Unparsed, record.Capture, record.CaptureEnd:
		return true
	case record.Init, record.Act, record.Trace, record.Disposal, record.Certificate:
	}
	return false
}

// tables finds what the tables beside the records say of the entries.
func (d *disposer) tables(ctx context.Context) error {
	err := d.a.store.Identities(ctx, func(id store.Identity) error {
		if _, ok := d.identities[id.Seq]; ok {
			d.identities[id.Seq] = slices.Clone(id.Hash)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read identities: %w", err)
	}
	err = d.a.store.Refs(ctx, func(ref store.BlobRef) error {
		if of, ok := d.refs[ref.Seq]; ok {
			d.refs[ref.Seq] = append(of, store.BlobRef{Hash: slices.Clone(ref.Hash), Seq: ref.Seq})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read references to blobs: %w", err)
	}
	return nil
}

// maxTries bounds what another process at work can make necessary again.
const maxTries = 100

// renewIntake makes a new intake key and moves everything from the older ones
// into the keyring, until they are destroyed. Another process may seal one
// more epoch to an old key in between.
func (d *disposer) renewIntake(ctx context.Context) error {
	err := d.a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) {
		if err := r.NewIntake(d.a.now()); err != nil {
			return false, err
		}
		id, public := r.Intake()
		return true, tx.AddIntake(store.Intake{ID: id, Public: public})
	})
	if err != nil {
		return fmt.Errorf("renew the intake key: %w", err)
	}
	for range maxTries {
		if err := d.settleAll(ctx); err != nil {
			return err
		}
		rows, err := d.a.store.Intakes(ctx)
		if err != nil || len(rows) == 1 {
			return err
		}
	}
	return store.ErrBusy
}

// settleAll is settle for other goroutines than the writer: that one sees that
// the row of its epoch has gone when it next commits.
func (d *disposer) settleAll(ctx context.Context) error {
	if err := d.a.moveKeys(ctx); err != nil {
		return err
	}
	return d.a.retireIntakes(ctx)
}

// A step takes packs until they have so many frames: the writer waits for it.
const stepFrames = 256

// pack is what a disposal takes from one pack.
type pack struct {
	key    int64
	frames map[int64][]store.Entry // rows that go, by frame
}

// packs writes every pack anew that holds something of the disposal. Captures
// go after all else: an item that a hold keeps is read by its capture.
func (d *disposer) packs(ctx context.Context) error {
	done := d.total - int64(len(d.rows))
	var items, captures []store.Entry
	for _, row := range d.rows {
		if k, err := kindOf(row.Kind); err == nil && (k == record.Capture || k == record.CaptureEnd) {
			captures = append(captures, row)
		} else {
			items = append(items, row)
		}
	}
	for _, rows := range [][]store.Entry{items, captures} {
		if err := d.packsOf(ctx, rows, &done); err != nil {
			return err
		}
	}
	return nil
}

func (d *disposer) packsOf(ctx context.Context, rows []store.Entry, done *int64) error {
	all, err := d.byPack(ctx, rows)
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n, frames := 0, 0
		for n < len(all) && (n == 0 || frames < stepFrames) {
			frames += len(all[n].frames)
			n++
		}
		if err := d.step(ctx, all[:n], nil); err != nil {
			return err
		}
		for _, p := range all[:n] {
			for _, rows := range p.frames {
				*done += int64(len(rows))
			}
		}
		if d.progress != nil {
			d.progress(*done, d.total)
		}
		all = all[n:]
	}
	return nil
}

func (d *disposer) byPack(ctx context.Context, rows []store.Entry) (all []*pack, err error) {
	keys := map[int64]int64{} // of frames
	packs := map[int64]*pack{}
	for _, row := range rows {
		key, ok := keys[row.Frame]
		if !ok {
			f, err := d.a.store.Frame(ctx, row.Frame)
			if err != nil {
				return nil, fmt.Errorf("read pack frame: %w", err)
			}
			key, keys[row.Frame] = f.Key, f.Key
		}
		p := packs[key]
		if p == nil {
			p = &pack{key: key, frames: map[int64][]store.Entry{}}
			packs[key] = p
			all = append(all, p)
		}
		p.frames[row.Frame] = append(p.frames[row.Frame], row)
	}
	return all, nil
}

// step takes some packs, and the references of some captures, in one
// transaction. When the log has grown meanwhile it asks again. What people read
// and search makes it grow all the time, so that what was sealed already is not
// sealed again unless something more must be kept: between the answer and the
// transaction lies nothing that takes long.
func (d *disposer) step(ctx context.Context, packs []*pack, captures []int64) error {
	var s *store.Step
	for range maxTries {
		size, err := d.a.Size(ctx)
		if err != nil {
			return err
		}
		kept, err := d.still(ctx, size)
		if err != nil {
			return fmt.Errorf("look for holds: %w", err)
		}
		had := len(d.kept)
		for _, seq := range kept {
			d.kept[seq] = true
		}
		if s == nil || s.Size == size || len(d.kept) > had { // at the same size, another process was at these packs
			if s, err = d.plan(ctx, packs, captures); err != nil {
				return err
			}
		}
		if len(s.Packs)+len(s.Refs) == 0 {
			return nil
		}
		s.Disposal, s.Size = d.seq, size
		names, err := d.a.store.Dispose(ctx, s)
		switch {
		case errors.Is(err, store.ErrMoved):
			continue
		case err != nil:
			return err
		}
		d.forget(s)
		return d.removeBlobs(ctx, names)
	}
	return store.ErrBusy
}

// removeBlobs removes the files whose keys have just died. A crash before it
// leaves files that nothing opens, and the sweep removes them.
func (d *disposer) removeBlobs(ctx context.Context, names [][]byte) error {
	for _, n := range names {
		if err := d.a.blobs.Remove(ctx, hex.EncodeToString(n)); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return fmt.Errorf("remove blob: %w", err)
		}
	}
	return nil
}

// forget takes from memory what went.
func (d *disposer) forget(s *store.Step) {
	for _, p := range s.Packs {
		d.a.keys.drop(p.Old)
		for _, f := range p.Frames {
			d.a.frames.drop(f.ID)
		}
		for _, id := range p.Gone {
			d.a.frames.drop(id)
		}
	}
}

func (d *disposer) plan(ctx context.Context, packs []*pack, captures []int64) (*store.Step, error) {
	s := &store.Step{}
	for _, c := range captures {
		if !d.kept[^c] {
			s.Refs = append(s.Refs, d.refs[c]...)
		}
	}
	if len(packs) == 0 {
		return s, nil
	}
	block, err := d.a.roomyBlock(ctx)
	if err != nil {
		return nil, err
	}
	d.a.ringMu.RLock()
	outer, err := d.a.ring.Block(block)
	d.a.ringMu.RUnlock()
	if err != nil {
		return nil, err
	}
	for _, p := range packs {
		if err := d.repack(ctx, s, p, block, outer); err != nil {
			return nil, fmt.Errorf("write a pack anew: %w", err)
		}
	}
	return s, nil
}

// repack seals what stays of a pack under a new data key.
func (d *disposer) repack(ctx context.Context, s *store.Step, p *pack, block int64, outer *seal.Key) error {
	r := store.Repack{Old: p.key, Block: block}
	going := map[int64][]store.Entry{}
	for frame, rows := range p.frames {
		for _, row := range rows {
			if d.kept[row.Seq] {
				continue
			}
			going[frame] = append(going[frame], row)
			r.Entries = append(r.Entries, row.Seq)
			if h := d.identities[row.Seq]; h != nil {
				r.Identities = append(r.Identities, h)
			}
			s.Refs = append(s.Refs, d.refs[row.Seq]...)
		}
	}
	if len(r.Entries) == 0 {
		return nil
	}
	old, err := d.a.dataKey(ctx, p.key)
	if err != nil {
		return err
	}
	fresh := seal.NewKey()
	err = d.a.store.PackFrames(ctx, p.key, func(row store.Frame) error {
		f, err := old.OpenFrame(row.N, row.Sealed)
		if err != nil {
			return fmt.Errorf("open pack frame: %w", err)
		}
		if d.empty(&f, going[row.ID]) {
			r.Gone = append(r.Gone, row.ID)
			return nil
		}
		r.Frames = append(r.Frames, store.Frame{ID: row.ID, N: row.N, Sealed: fresh.SealRest(row.N, f, old.Salts())})
		return nil
	})
	if err != nil {
		return err
	}
	if len(r.Frames) > 0 {
		r.Wrapped = outer.Wrap(fresh)
	}
	s.Packs = append(s.Packs, r)
	return nil
}

// empty takes rows out of a frame, and reports whether nothing is left in it.
func (d *disposer) empty(f *seal.Frame, rows []store.Entry) bool {
	d.a.ringMu.RLock()
	macs := newRowMACs(d.a.ring.DedupeKey())
	d.a.ringMu.RUnlock()
	for _, row := range rows {
		if row.Slot >= 0 && row.Slot < len(f.Records) {
			f.Records[row.Slot] = nil
		}
		if h := d.identities[row.Seq]; h != nil {
			macs.add(&f.Identities, "identity", h, row.Seq) // a second time: takes it out
		}
	}
	return !slices.ContainsFunc(f.Records, func(parts [][]byte) bool { return len(parts) > 0 })
}

// evidence takes away the files that captures were cut from.
func (d *disposer) evidence(ctx context.Context) error {
	if len(d.head.Evidence) == 0 {
		return nil
	}
	return d.step(ctx, nil, d.head.Evidence)
}

// renewBlocks moves every key into new blocks and destroys the old block keys.
// They leave the database, and that is committed, before the ring is written
// without them: in between nothing can be wrapped under them.
func (d *disposer) renewBlocks(ctx context.Context) error {
	var first int64 // of the new blocks
	err := d.a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) {
		first = r.AddBlock()
		return true, tx.AddBlock(first)
	})
	if err != nil {
		return fmt.Errorf("open a new block of keys: %w", err)
	}
	for range maxTries {
		if err := d.moveBlocks(ctx, first); err != nil {
			return fmt.Errorf("move keys into a new block: %w", err)
		}
		err := d.a.store.Exclusive(ctx, func(tx store.Tx) error { return tx.DropIdleBlocks(first) })
		if err != nil {
			return fmt.Errorf("retire blocks of keys: %w", err)
		}
		left := 0
		err = d.a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) {
			ids, err := tx.Blocks()
			if err != nil {
				return false, err
			}
			left = len(slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return id >= first }))
			return r.KeepBlocks(ids), nil
		})
		if err != nil || left == 0 {
			return err
		}
	}
	return store.ErrBusy
}

func (d *disposer) moveBlocks(ctx context.Context, first int64) error {
	for {
		var rows []store.Key
		err := d.a.store.BlockedKeys(ctx, first, 1024, func(k store.Key) error { rows = append(rows, k); return nil })
		if err != nil || len(rows) == 0 {
			return err
		}
		block, err := d.a.roomyBlock(ctx)
		if err != nil {
			return err
		}
		d.a.ringMu.RLock()
		outer, err := d.a.ring.Block(block)
		d.a.ringMu.RUnlock()
		if err != nil {
			return err
		}
		for i, row := range rows {
			k, err := d.a.dataKey(ctx, row.ID)
			if err != nil {
				return err
			}
			rows[i] = store.Key{ID: row.ID, Block: block, Wrapped: outer.Wrap(k)}
		}
		if err := d.a.store.Rewrap(ctx, rows); err != nil && !errors.Is(err, store.ErrMoved) {
			return err
		}
	}
}

// scrubFor is how long a disposal waits for readers to end.
const scrubFor = 30 * time.Second

// scrub overwrites what was removed.
func (d *disposer) scrub(ctx context.Context) error {
	for end := time.Now().Add(scrubFor); ; {
		done, err := d.a.store.Scrub(ctx)
		if err != nil || done {
			return err
		}
		if time.Now().After(end) {
			return ErrReaders
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d *disposer) result(ctx context.Context) (out Disposed, err error) {
	err = runs(d.head.Entries, func(seq int64) error {
		row, err := d.a.row(ctx, seq)
		switch {
		case err != nil:
			return err
		case row.Frame == 0:
			out.Records++
			return nil
		}
		if n := len(out.Kept); n > 0 && out.Kept[n-1][0]+out.Kept[n-1][1] == seq {
			out.Kept[n-1][1]++
		} else {
			out.Kept = append(out.Kept, [2]int64{seq, 1})
		}
		return nil
	})
	if err != nil {
		return Disposed{}, err
	}
	out.Blobs, out.Shared, err = d.a.store.DisposedBlobs(ctx, d.seq)
	return out, err
}

// SetIndexKey gives the index another key. Whoever opens the index afterwards
// with the old one finds a file that does not open, and builds it anew.
func (a *Archive) SetIndexKey(ctx context.Context, k seal.Key) error {
	return a.changeRing(ctx, func(r *seal.Ring, _ store.Tx) (bool, error) { r.SetIndexKey(k); return true, nil })
}
