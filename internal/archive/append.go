package archive

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// request is a batch that waits for the writer.
type request struct {
	ctx      context.Context
	batch    []record.Record
	receipts []record.Receipt
	err      error
	done     chan struct{}
}

// groupRecords is how many records the writer takes into one transaction at
// most, unless a single batch is larger.
const groupRecords = 8192

// Append makes a batch durable and returns its receipts, one a record.
//
// The order is the design. Blobs went before it: a crash after them leaves a
// blob that nothing names, which the next sweep removes. Packs, keys, entries
// and tree hashes follow in one transaction with the head row, which is the
// fence; its commit is the ack. The checkpoint is signed after it, at most a
// second later: a crash in between loses nothing, the next start signs it.
// The index is not touched here; it follows the log.
//
// Batches that wait at the same time share a transaction. When ctx ends while
// the batch is being written, Append returns at once and the batch may or may
// not be in the log; appending it again is safe where records have identities.
func (a *Archive) Append(ctx context.Context, batch []record.Record) (receipts []record.Receipt, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	r := &request{ctx: ctx, batch: batch, done: make(chan struct{})}
	if err := a.submit(ctx, r); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.receipts, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *Archive) submit(ctx context.Context, r *request) (err error) {
	defer func() {
		if recover() != nil { // the channel was closed under our hands
			err = ErrClosed
		}
	}()
	select {
	case a.work <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the one goroutine that appends.
func (a *Archive) write() {
	defer close(a.stopped)
	tick := time.NewTicker(signEvery)
	defer tick.Stop()
	for {
		var r *request
		var ok bool
		select {
		case r, ok = <-a.work:
			if !ok {
				return
			}
		case <-tick.C:
			// What was committed since the last checkpoint is signed within a
			// second, whether more comes or not.
			_ = a.sign(context.Background(), false) // the next tick tries again
			continue
		}
		group := []*request{r}
		for n := len(r.batch); n < groupRecords; {
			select {
			case more, ok := <-a.work:
				if !ok {
					a.commit(group)
					return
				}
				group = append(group, more)
				n += len(more.batch)
				continue
			default:
			}
			break
		}
		a.commit(group)
	}
}

// commit writes a group and answers everybody in it.
func (a *Archive) commit(group []*request) {
	group = slices.DeleteFunc(group, func(r *request) bool {
		if r.err = r.ctx.Err(); r.err != nil {
			close(r.done)
		}
		return r.err != nil
	})
	if len(group) == 0 {
		return
	}
	var all []record.Record
	for _, r := range group {
		all = append(all, r.batch...)
	}
	// A transaction is not given up half-way because one of its writers has
	// gone; it takes milliseconds.
	ctx := context.WithoutCancel(group[0].ctx)
	receipts, err := a.appendAll(ctx, all)
	for _, r := range group {
		if r.err = err; err == nil {
			r.receipts, receipts = receipts[:len(r.batch):len(r.batch)], receipts[len(r.batch):]
		}
		close(r.done)
	}
	if err == nil {
		a.grown()
	}
}

// maxMoves is how often a batch is prepared again because another process was
// faster. Each time that one has made progress.
const maxMoves = 100

func (a *Archive) appendAll(ctx context.Context, all []record.Record) ([]record.Receipt, error) {
	if a.refused != nil {
		return nil, a.refused
	}
	for range maxMoves {
		b, receipts, err := a.prepare(ctx, all)
		if err != nil {
			return nil, err
		}
		if len(b.batch.Entries) == 0 {
			return receipts, nil
		}
		done, err := a.store.Commit(ctx, b.batch)
		switch {
		case err == nil:
			a.committed(b, done)
			return receipts, nil
		case errors.Is(err, store.ErrMoved):
			if err := a.reload(ctx); err != nil {
				return nil, err
			}
		default:
			return receipts, a.doubtful(ctx, b, err)
		}
	}
	return nil, store.ErrBusy
}

// doubtful finds out what became of a commit that failed: the answer may have
// been lost after the data was safe.
func (a *Archive) doubtful(ctx context.Context, b *prepared, cause error) error {
	h, err := a.store.Head(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	if h != b.batch.New {
		return cause
	}
	a.committed(b, store.Committed{})
	return nil
}

func (a *Archive) committed(b *prepared, done store.Committed) {
	a.head, a.tree, a.wrote = b.batch.New, b.tree, true
	a.clock = clock{entry: b.read, read: b.read}
	a.loose.commit(b.batch.Blobs)
	switch {
	case len(b.batch.Epochs) == 0:
	case len(done.Epochs) == 1:
		a.epoch, a.epochID = b.epoch, done.Epochs[0]
	default: // the id is not known: the next batch makes an epoch of its own
		a.epoch, a.epochID = nil, 0
	}
}

// prepared is a batch as it goes to the store.
type prepared struct {
	batch *store.Batch
	tree  *tlog.Tree
	epoch *seal.Epoch // the one that wrapped the batch's keys
	read  time.Time   // the clock
}

// prepare does everything but the transaction: it tells what is new, seals it
// and grows a copy of the tree.
func (a *Archive) prepare(ctx context.Context, all []record.Record) (*prepared, []record.Receipt, error) {
	receipts, fresh, ids, err := a.sift(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	b := &prepared{batch: &store.Batch{Old: a.head, Identities: ids}, tree: a.tree.Clone()}
	if len(fresh) == 0 {
		return b, receipts, nil
	}
	jump, err := a.clockRecord()
	if err != nil {
		return nil, nil, err
	}
	if jump != nil {
		if receipts, fresh, b.batch.Identities, err = a.sift(ctx, append([]record.Record{*jump}, all...)); err != nil {
			return nil, nil, err
		}
		receipts = receipts[1:]
	}
	if err := a.useEpoch(ctx, b); err != nil {
		return nil, nil, err
	}
	a.sealPacks(b, fresh)
	if err := b.grow(fresh); err != nil {
		return nil, nil, err
	}
	if err := a.nameBlobs(ctx, b, fresh); err != nil {
		return nil, nil, err
	}
	return b, receipts, nil
}

// useEpoch takes the current epoch key, or makes one.
func (a *Archive) useEpoch(ctx context.Context, b *prepared) error {
	now := a.now()
	if a.epoch != nil && now.Before(a.epoch.Until) {
		b.epoch = a.epoch
		return nil
	}
	in, err := a.intake(ctx)
	if err != nil {
		return err
	}
	pub, err := seal.ParseIntake(in.ID, in.Public)
	if err != nil {
		return err
	}
	if b.epoch, err = pub.NewEpoch(now); err != nil {
		return err
	}
	b.batch.Epochs = []store.Epoch{{Intake: in.ID, Sealed: b.epoch.Sealed}}
	return nil
}

// wrap wraps a data key for the batch, and says under which epoch.
func (a *Archive) wrap(b *prepared, k seal.Key) (wrapped []byte, epochID, epoch int64) {
	if len(b.batch.Epochs) > 0 {
		return b.epoch.Wrap(k), 0, 0
	}
	return b.epoch.Wrap(k), a.epochID, -1
}

// sift gives receipts and tells which records are new. Identities are compared
// with the log and within the batch.
func (a *Archive) sift(ctx context.Context, all []record.Record) (receipts []record.Receipt, fresh []*record.Record, ids []store.Identity, err error) {
	hashes := a.identities(all)
	lookup := make([][]byte, 0, len(all))
	for _, h := range hashes {
		if h != nil {
			lookup = append(lookup, h)
		}
	}
	seen, err := a.store.Seen(ctx, lookup)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("look up identities: %w", err)
	}
	receipts = make([]record.Receipt, len(all))
	inBatch := make(map[string]int64, len(lookup))
	next := a.head.Size
	for i := range all {
		h := hashes[i]
		if h != nil {
			old := seen[0]
			seen = seen[1:]
			if twin, ok := inBatch[string(h)]; ok {
				old = twin
			}
			if old >= 0 {
				receipts[i] = record.Receipt{Seq: old}
				continue
			}
			inBatch[string(h)] = next
			ids = append(ids, store.Identity{Hash: h, Seq: next})
		}
		receipts[i] = record.Receipt{Seq: next, New: true}
		fresh = append(fresh, &all[i])
		next++
	}
	return receipts, fresh, ids, nil
}

// The identity hash is 4 bytes of the place and 16 of the item, both keyed:
// what stands near each other in a chat stands near each other in the table.
const (
	nearSize     = 4
	identitySize = 16
)

func (a *Archive) identities(all []record.Record) [][]byte {
	a.ringMu.RLock()
	key := *a.ring.DedupeKey()
	a.ringMu.RUnlock()
	mac := hmac.New(sha256.New, key[:])
	out := make([][]byte, len(all))
	for i := range all {
		if all[i].Identity != nil {
			out[i] = identityHash(mac, &all[i])
		}
	}
	return out
}

func identityHash(mac hash.Hash, r *record.Record) []byte {
	var sum [sha256.Size]byte
	h := make([]byte, 0, nearSize+identitySize)
	h = append(h, keyed(mac, sum[:0], "near", []byte(r.Lineage), []byte(r.Near))[:nearSize]...)
	return append(h, keyed(mac, sum[:0], "item", []byte(r.Lineage), r.Identity)[:identitySize]...)
}

// keyed is the MAC of strings that cannot be taken for others run together.
func keyed(mac hash.Hash, buf []byte, purpose string, fields ...[]byte) []byte {
	mac.Reset()
	mac.Write([]byte(purpose))
	var n [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		mac.Write(n[:])
		mac.Write(f)
	}
	return mac.Sum(buf)
}

// span is a run of a batch's new records that share a pack.
type span struct {
	records []*record.Record
	places  []int // in the batch's new records
}

// spans sorts new records into packs by lineage and month. Order within a pack
// is order of arrival.
func spans(fresh []*record.Record) []*span {
	type shard struct{ lineage, period string }
	byShard := map[shard]*span{}
	var all []*span
	for i, r := range fresh {
		k := shard{r.Lineage, r.Period}
		s := byShard[k]
		if s == nil {
			s = &span{}
			byShard[k] = s
			all = append(all, s)
		}
		s.records = append(s.records, r)
		s.places = append(s.places, i)
	}
	return all
}

// sealPacks fills in packs and entries. Compressing and sealing is most of the
// work of an append, so frames are made side by side.
func (a *Archive) sealPacks(b *prepared, fresh []*record.Record) {
	b.batch.Entries = make([]store.NewEntry, len(fresh))
	b.read = a.now()
	at := b.read.UnixMilli()
	var wg sync.WaitGroup
	limit := make(chan struct{}, sealers)
	hashes := make([][]byte, len(fresh)) // of the identities, where there are any
	for _, id := range b.batch.Identities {
		hashes[id.Seq-b.batch.Old.Size] = id.Hash
	}
	for i, s := range spans(fresh) {
		k := seal.NewKey()
		wrapped, epochID, epoch := a.wrap(b, k)
		cuts := s.frames()
		b.batch.Packs = append(b.batch.Packs, store.Pack{EpochID: epochID, Epoch: epoch, Wrapped: wrapped, Frames: make([][]byte, len(cuts))})
		frames := b.batch.Packs[i].Frames
		for n, c := range cuts {
			wg.Add(1)
			limit <- struct{}{}
			go func() {
				defer func() { <-limit; wg.Done() }()
				frames[n] = s.seal(b.batch.Entries, k, i, n, c, at, a.tally(s, c, hashes, b.batch.Old.Size))
			}()
		}
	}
	wg.Wait()
}

// sealers is how many frames are sealed at the same time.
const sealers = 2

// frames cuts a span: [from, to) places of its records.
func (s *span) frames() [][2]int {
	var cuts [][2]int
	from, size := 0, 0
	for i, r := range s.records {
		if i > from && (i-from == seal.FrameRecords || size >= seal.FrameBytes) {
			cuts = append(cuts, [2]int{from, i})
			from, size = i, 0
		}
		for _, p := range r.Parts {
			size += len(p)
		}
	}
	return append(cuts, [2]int{from, len(s.records)})
}

// tally is that of the identities of a frame's records.
func (a *Archive) tally(s *span, c [2]int, hashes [][]byte, first int64) (t seal.Tally) {
	a.ringMu.RLock()
	rows := newRowMACs(a.ring.DedupeKey())
	a.ringMu.RUnlock()
	for _, place := range s.places[c[0]:c[1]] {
		if h := hashes[place]; h != nil {
			rows.add(&t, "identity", h, first+int64(place))
		}
	}
	return t
}

// rowMACs makes the MACs of rows that name an entry. It is not for concurrent
// use.
type rowMACs struct {
	mac hash.Hash
	sum [sha256.Size]byte
	seq [8]byte
}

func newRowMACs(dedupe *seal.Key) *rowMACs {
	return &rowMACs{mac: hmac.New(sha256.New, dedupe[:])}
}

func (r *rowMACs) add(t *seal.Tally, table string, hash []byte, seq int64) {
	binary.BigEndian.PutUint64(r.seq[:], uint64(seq))
	t.Add(keyed(r.mac, r.sum[:0], table+" row", hash, r.seq[:]))
}

func (s *span) seal(entries []store.NewEntry, k seal.Key, pack, n int, c [2]int, at int64, identities seal.Tally) []byte {
	salts := k.Salts()
	parts := make([][][]byte, 0, c[1]-c[0])
	for i := c[0]; i < c[1]; i++ {
		r := s.records[i]
		parts = append(parts, r.Parts)
		entries[s.places[i]] = store.NewEntry{
			Kind: kindCode(r.Kind), At: at, Commitment: salts.Commit(i, r.Parts), Pack: pack, Frame: n, Slot: i - c[0], Booked: r.Kind.Books(),
		}
	}
	return k.SealFrame(n, c[0], identities, parts)
}

// grow appends the new entries' leaves to the tree.
func (b *prepared) grow(fresh []*record.Record) error {
	for i := range b.batch.Entries {
		e := &b.batch.Entries[i]
		if e.Kind < 0 {
			return fmt.Errorf("append: %w: kind %q", errKind, fresh[i].Kind)
		}
		b.batch.Tiles = b.tree.Append(tlog.LeafHash(Leaf(fresh[i].Kind, e.At, e.Commitment)), b.batch.Tiles)
	}
	b.batch.New = store.Head{Size: b.tree.Size(), Root: b.tree.Root()}
	return nil
}

// errKind is a programmer's mistake: a record of a kind not in record.Kinds.
var errKind = errors.New("unknown record kind")

var kinds = record.Kinds()

func kindCode(k record.Kind) int { return slices.Index(kinds, k) }

func kindOf(code int) (record.Kind, error) {
	if code < 0 || code >= len(kinds) {
		return "", fmt.Errorf("%w: entry of kind %d", store.ErrVersion, code)
	}
	return kinds[code], nil
}

// Leaf is the leaf of an entry: what the log's tree is over. It is rebuilt
// from the entry's columns and stored nowhere. at is in Unix milliseconds.
func Leaf(kind record.Kind, at int64, c seal.Commitment) []byte {
	b := make([]byte, 0, 144)
	b = append(b, `{"v":1,"kind":"`...)
	b = append(b, kind...) // kinds are lower-case letters and dots
	b = append(b, `","at":`...)
	b = strconv.AppendInt(b, at, 10)
	b = append(b, `,"commitment":"`...)
	b = hex.AppendEncode(b, c[:])
	return append(b, `"}`...)
}
