package archive

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"runtime"

	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// entryRun is a run of rows on its way through verification.
type entryRun struct {
	rows     []store.Entry
	leaves   []tlog.Hash
	problems []string
	refs     seal.Tally // of the references that the records make
	frames   map[int64]frameFound
	opened   int64
	disposed int64
	acts     int64
	traces   int64
	bytes    int64
	done     chan struct{}
}

// frameFound is what is kept of a frame once its records were checked. One
// that holds entries of several runs is opened for each, and counted once.
type frameFound struct {
	key        int64
	identities seal.Tally
}

// entries opens every record, compares it with its commitment and grows the
// tree again from nothing. Runs are checked side by side and added in order.
func (v *verifier) entries(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := max(2, runtime.GOMAXPROCS(0))
	todo := make(chan *entryRun, workers)
	order := make(chan *entryRun, 4*workers)
	readErr := make(chan error, 1)
	go func() {
		defer close(order)
		defer close(todo)
		readErr <- v.readRuns(ctx, todo, order)
	}()
	for range workers {
		go func() {
			c := v.newChecker()
			for r := range todo {
				c.check(ctx, r)
				close(r.done)
			}
		}()
	}
	v.grown = &tlog.Tree{}
	v.root()
	for r := range order {
		<-r.done
		v.add(r)
	}
	return <-readErr
}

// runRows is how many rows a run has. Frames of chats that were imported side
// by side are each opened once for so many rows.
const runRows = scanRows

func (v *verifier) readRuns(ctx context.Context, todo, order chan<- *entryRun) error {
	var run *entryRun
	send := func() error {
		if run == nil {
			return nil
		}
		for _, c := range []chan<- *entryRun{todo, order} {
			select {
			case c <- run:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		run = nil
		return nil
	}
	err := v.a.rows(ctx, 0, v.head.Size, func(row store.Entry) error {
		if run == nil {
			run = &entryRun{rows: make([]store.Entry, 0, runRows), frames: map[int64]frameFound{}, done: make(chan struct{})}
		}
		run.rows = append(run.rows, row)
		if len(run.rows) == runRows {
			return send()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}

// checker checks runs, one after the other.
type checker struct {
	v     *verifier
	rows  *rowMACs
	blobs hash.Hash
	open  map[int64]*openFrame
	held  int // bytes of the frames in open
}

type openFrame struct {
	seal.Frame
	salts *seal.Salts
	err   error
}

func (v *verifier) newChecker() *checker {
	v.a.ringMu.RLock()
	defer v.a.ringMu.RUnlock()
	key := v.a.ring.BlobKey()
	return &checker{v: v, rows: newRowMACs(v.a.ring.DedupeKey()), blobs: hmac.New(sha256.New, key[:]), open: map[int64]*openFrame{}}
}

// check opens the frames of a run and compares its records.
func (c *checker) check(ctx context.Context, r *entryRun) {
	clear(c.open)
	c.held = 0
	r.leaves = make([]tlog.Hash, 0, len(r.rows))
	for i := range r.rows {
		row := &r.rows[i]
		kind, err := kindOf(row.Kind)
		if err != nil {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: %v", row.Seq, err))
		}
		switch kind {
		case record.Act:
			r.acts++
		case record.Trace:
			r.traces++
		default: // are counted with the records
		}
		r.leaves = append(r.leaves, tlog.LeafHash(Leaf(kind, row.At, row.Commitment)))
		if _, ok := c.v.booked[row.Seq]; ok != kind.Books() {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: its mark of being in the books does not fit its kind", row.Seq))
		}
		d, listed := c.v.disposals.of(row.Seq)
		switch {
		case row.Frame == 0 && !listed:
			// The leaf is all there is, and nothing says why.
			r.problems = append(r.problems, fmt.Sprintf("entry %d: its record is gone and no disposal says why", row.Seq))
			continue
		case row.Frame == 0:
			r.disposed++
			continue
		case listed && d.certified:
			r.problems = append(r.problems, fmt.Sprintf("entry %d: the disposal %d was certified, and its record is there", row.Seq, d.seq))
		}
		f := c.frame(ctx, r, row.Frame)
		if f.err != nil {
			r.problems = append(r.problems, fmt.Sprintf("entry %d cannot be read: %v", row.Seq, f.err))
			continue
		}
		if row.Slot < 0 || row.Slot >= len(f.Records) {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: no such place in its pack frame", row.Seq))
			continue
		}
		c.record(r, row, kind, f)
	}
}

// maxHeld bounds the frames that a run keeps open: they are few and small,
// unless messages are long and chats take turns.
const maxHeld = 64 << 20

func (c *checker) frame(ctx context.Context, r *entryRun, id int64) *openFrame {
	if f, ok := c.open[id]; ok {
		return f
	}
	if c.held > maxHeld {
		clear(c.open)
		c.held = 0
	}
	f := &openFrame{}
	c.open[id] = f
	row, err := c.v.a.store.Frame(ctx, id)
	if err != nil {
		f.err = err
		return f
	}
	k, err := c.v.a.dataKey(ctx, row.Key)
	if err != nil {
		f.err = err
		return f
	}
	if f.Frame, f.err = k.OpenFrame(row.N, row.Sealed); f.err == nil {
		f.salts = k.Salts()
		r.frames[id] = frameFound{row.Key, f.Identities}
		c.held += f.Size()
	}
	return f
}

func (c *checker) record(r *entryRun, row *store.Entry, kind record.Kind, f *openFrame) {
	parts := f.Records[row.Slot]
	if got := f.Commit(f.salts, row.Slot); got != row.Commitment {
		r.problems = append(r.problems, fmt.Sprintf("entry %d: its record is not the one that was logged", row.Seq))
		return
	}
	r.opened++
	for _, p := range parts {
		r.bytes += int64(len(p))
	}
	if c.v.disposals.evidence[row.Seq] {
		return // its files went, or are about to
	}
	named, err := namedIn(record.Entry{Seq: row.Seq, Kind: kind, Parts: parts})
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	var buf [sha256.Size]byte
	for _, sum := range named {
		c.rows.add(&r.refs, "reference", keyed(c.blobs, buf[:0], "blob", sum), row.Seq)
	}
}

// namedIn returns the SHA-256 of the blobs that an entry's head names, each
// once.
func namedIn(e record.Entry) (sums [][]byte, err error) {
	// Most records name none, which is cheaper to see than to decode.
	if len(e.Parts) == 0 {
		return nil, nil
	}
	if head, _, _ := bytes.Cut(e.Parts[0], []byte{'\n'}); !bytes.Contains(head, []byte(`"sha256":"`)) {
		return nil, nil
	}
	var named []record.Blob
	switch e.Kind {
	case record.Item, record.Unparsed:
		var h record.ItemHead
		_, err = e.Decode(&h)
		for _, f := range h.Files {
			named = append(named, f.Blob)
		}
	case record.Capture:
		var h record.CaptureHead
		_, err = e.Decode(&h)
		for _, f := range h.Evidence {
			named = append(named, f.Blob)
		}
	case record.Init, record.CaptureEnd, record.Act, record.Trace, record.Disposal, record.Certificate: // name none
	}
	seen := map[string]bool{}
	for _, b := range named {
		if b.SHA256 == "" || seen[b.SHA256] {
			continue // an attachment that is absent, or named twice
		}
		seen[b.SHA256] = true
		sum, hexErr := hex.DecodeString(b.SHA256)
		if hexErr != nil {
			return sums, fmt.Errorf("entry %d: names a blob by what is no hash", e.Seq)
		}
		sums = append(sums, sum)
	}
	return sums, err
}

// add grows the tree by a run that was checked.
func (v *verifier) add(r *entryRun) {
	for _, h := range r.leaves {
		v.tiles = v.grown.Append(h, v.tiles)
		v.root()
	}
	for _, p := range r.problems {
		v.r.problem("%s", p)
	}
	for id, f := range r.frames {
		if v.frames[id] {
			continue
		}
		v.frames[id] = true
		v.made.identities.Add(f.identities[:])
		v.keys[f.key] = true
	}
	v.made.refs.Add(r.refs[:])
	v.r.Bytes += r.bytes
	v.r.Frames, v.r.Keys = int64(len(v.frames)), int64(len(v.keys))
	v.r.Records += r.opened
	v.r.Disposed += r.disposed
	v.r.Acts += r.acts
	v.r.Traces += r.traces
	v.progress()
}

// root keeps the root where a checkpoint speaks of the tree as it is now.
func (v *verifier) root() {
	if _, ok := v.rootsAt[v.grown.Size()]; ok {
		v.rootsAt[v.grown.Size()] = v.grown.Root()
	}
}

// tallies are those of the tables that are made from records. Rows of entries
// that came after the verification had begun are left out.
type tallies struct {
	identities, refs seal.Tally
	last             int64 // the highest entry that a row names
}

func (v *verifier) readTallies(ctx context.Context) (t tallies, err error) {
	v.a.ringMu.RLock()
	rows := newRowMACs(v.a.ring.DedupeKey())
	v.a.ringMu.RUnlock()
	add := func(to *seal.Tally, table string, hash []byte, seq int64) {
		if t.last = max(t.last, seq); seq < v.head.Size {
			rows.add(to, table, hash, seq)
		}
	}
	err = v.a.store.Identities(ctx, func(id store.Identity) error { add(&t.identities, "identity", id.Hash, id.Seq); return nil })
	if err != nil {
		return t, fmt.Errorf("read identities: %w", err)
	}
	err = v.a.store.Refs(ctx, func(ref store.BlobRef) error {
		if !v.disposals.evidence[ref.Seq] {
			add(&t.refs, "reference", ref.Hash, ref.Seq)
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("read references to blobs: %w", err)
	}
	h, err := v.a.store.Head(ctx)
	if err == nil && t.last >= h.Size {
		err = fmt.Errorf("%w: identities or references of entries that are not there", store.ErrDamaged)
	}
	return t, err
}

// compare compares the tables with what the records make of them: what was
// added or taken away would make an import skip or repeat messages, or a blob
// go that a record needs.
func (v *verifier) compare(t tallies) {
	if t.identities != v.made.identities {
		v.r.problem("the table of identities is not that of the records: an import would skip or repeat messages")
	}
	if t.refs != v.made.refs {
		v.r.problem("the references to blobs are not those that the records make")
	}
}
