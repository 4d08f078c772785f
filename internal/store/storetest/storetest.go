// Package storetest is the suite that every store must pass.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Run runs the suite. open returns the store of one database each time it is
// called, so that two of them are two processes.
func Run(t *testing.T, create func(t *testing.T) (open func() store.Store)) {
	for name, test := range map[string]func(*testing.T, func() store.Store){
		"batch is written whole":      batchWhole,
		"old head is refused":         oldHead,
		"retired epoch is refused":    retiredEpoch,
		"two writers make one log":    twoWriters,
		"tiles grow in order":         tiles,
		"keys move into a block":      keysMove,
		"intake keys are retired":     intakes,
		"what is not there":           notThere,
		"identities are looked up":    identities,
		"failed exclusive is no work": failedExclusive,
		"retired block takes no key":  retiredBlock,
		"booked entries are found":    booked,
		"disposal is fenced":          disposalFenced,
		"disposal takes what it says": disposalTakes,
	} {
		t.Run(name, func(t *testing.T) { test(t, create(t)) })
	}
}

func closed(t *testing.T, s store.Store) store.Store {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	err := s.Exclusive(t.Context(), func(tx store.Tx) error {
		rows, err := tx.Intakes()
		if err != nil || len(rows) > 0 {
			return err
		}
		for _, id := range []int64{1, 4} {
			if err := tx.AddBlock(id); err != nil {
				return err
			}
		}
		return tx.AddIntake(store.Intake{ID: 1, Public: []byte("public 1")})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func head(t *testing.T, s store.Store) store.Head {
	t.Helper()
	h, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// batchAt is a batch of n entries in one pack of one frame. The tree is not
// real: a store does not look at it.
func batchAt(old store.Head, n int, tag string) *store.Batch {
	b := &store.Batch{
		Old: old, New: store.Head{Size: old.Size + int64(n), Root: tlog.LeafHash(fmt.Appendf(nil, "%s %d", tag, old.Size+int64(n)))},
		Epochs: []store.Epoch{{Intake: 1, Sealed: []byte("epoch " + tag)}},
		Packs:  []store.Pack{{Wrapped: []byte("wrapped " + tag), Frames: [][]byte{[]byte("frame " + tag)}}},
	}
	for i := range n {
		b.Entries = append(b.Entries, store.NewEntry{Kind: 3, At: 1000 + int64(i), Commitment: tlog.LeafHash(fmt.Appendf(nil, "%s%d", tag, i)), Slot: i})
		b.Identities = append(b.Identities, store.Identity{Hash: fmt.Appendf(nil, "%s identity %04d", tag, old.Size+int64(i)), Seq: old.Size + int64(i)})
	}
	return b
}

func commit(t *testing.T, s store.Store, b *store.Batch) store.Committed {
	t.Helper()
	c, err := s.Commit(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func entries(t *testing.T, s store.Store, from, to int64) []store.Entry {
	t.Helper()
	var all []store.Entry
	if err := s.Entries(t.Context(), from, to, func(e store.Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func batchWhole(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	b := batchAt(head(t, s), 5, "a")
	b.Blobs = []store.NewBlob{{Blob: store.Blob{Name: []byte("name"), Hash: []byte("hash"), Size: 7}, Wrapped: []byte("wb")}}
	b.Refs = []store.BlobRef{{Hash: []byte("hash"), Seq: 2}}
	commit(t, s, b)
	if got := head(t, s); got != b.New {
		t.Fatalf("head = %+v, want %+v", got, b.New)
	}
	for i, e := range entries(t, s, 0, 100) {
		want := b.Entries[i]
		if e.Seq != int64(i) || e.Kind != want.Kind || e.At != want.At || e.Commitment != want.Commitment || e.Slot != want.Slot {
			t.Fatalf("entry %d = %+v, want %+v", i, e, want)
		}
		f, err := s.Frame(t.Context(), e.Frame)
		if err != nil || string(f.Sealed) != "frame a" || f.N != 0 {
			t.Fatalf("frame of entry %d: %+v, %v", i, f, err)
		}
		k, err := s.Key(t.Context(), f.Key)
		if err != nil || string(k.Wrapped) != "wrapped a" || k.Epoch == 0 {
			t.Fatalf("key: %+v, %v", k, err)
		}
		ep, err := s.Epoch(t.Context(), k.Epoch)
		if err != nil || string(ep.Sealed) != "epoch a" || ep.Intake != 1 {
			t.Fatalf("epoch: %+v, %v", ep, err)
		}
	}
	bl, err := s.Blob(t.Context(), []byte("hash"))
	if err != nil || bl.Size != 7 || string(bl.Name) != "name" {
		t.Fatalf("blob: %+v, %v", bl, err)
	}
	var refs []store.BlobRef
	err = s.Refs(t.Context(), func(r store.BlobRef) error { r.Hash = bytes.Clone(r.Hash); refs = append(refs, r); return nil })
	if err != nil || !cmp.Equal(refs, b.Refs) {
		t.Fatalf("references: %+v, %v", refs, err)
	}
	if got := entries(t, s, 2, 4); len(got) != 2 || got[0].Seq != 2 {
		t.Fatalf("entries 2 to 4: %+v", got)
	}
}

func oldHead(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	old := head(t, s)
	commit(t, s, batchAt(old, 3, "a"))
	b := batchAt(old, 3, "b")
	if _, err := s.Commit(t.Context(), b); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("err = %v, want ErrMoved", err)
	}
	if got := entries(t, s, 0, 100); len(got) != 3 {
		t.Fatalf("%d entries: the refused batch left something", len(got))
	}
	if _, err := s.Frame(t.Context(), 2); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the refused batch left a frame: %v", err)
	}
}

func retiredEpoch(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	c := commit(t, s, batchAt(head(t, s), 1, "a"))
	e := entries(t, s, 0, 1)[0]
	f, err := s.Frame(t.Context(), e.Frame)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rewrap(t.Context(), []store.Key{{ID: f.Key, Block: 1, Wrapped: []byte("moved")}}); err != nil {
		t.Fatal(err)
	}
	b := batchAt(head(t, s), 1, "b")
	b.Epochs = nil
	b.Packs[0].Epoch, b.Packs[0].EpochID = -1, c.Epochs[0]
	if _, err := s.Commit(t.Context(), b); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("err = %v, want ErrMoved: nobody could open that pack", err)
	}
	b = batchAt(head(t, s), 1, "b")
	b.Epochs[0].Intake = 9
	if _, err := s.Commit(t.Context(), b); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("err = %v, want ErrMoved: nobody could open that epoch", err)
	}
}

func twoWriters(t *testing.T, open func() store.Store) {
	stores := []store.Store{closed(t, open()), closed(t, open())}
	var wg sync.WaitGroup
	for w, s := range stores {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for done := 0; done < 20; {
				h, err := s.Head(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				_, err = s.Commit(context.Background(), batchAt(h, 2, fmt.Sprint("writer", w)))
				switch {
				case err == nil:
					done++
				case !errors.Is(err, store.ErrMoved):
					t.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	all := entries(t, stores[0], 0, 1000)
	if len(all) != 80 || head(t, stores[1]).Size != 80 {
		t.Fatalf("%d entries, head %d, want 80", len(all), head(t, stores[1]).Size)
	}
	for i, e := range all {
		if e.Seq != int64(i) {
			t.Fatalf("entry %d has number %d", i, e.Seq)
		}
	}
}

func tiles(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	var tree tlog.Tree
	var want []tlog.Hash
	for n := range 3 {
		b := batchAt(head(t, s), 1, fmt.Sprint(n))
		for i := range 70_000 {
			b.Tiles = tree.Append(tlog.LeafHash(fmt.Appendf(nil, "%d %d", n, i)), b.Tiles)
		}
		for _, th := range b.Tiles {
			if th.Level == 1 {
				want = append(want, th.Hash)
			}
		}
		commit(t, s, b)
	}
	got, err := s.TileHashes(t.Context(), 1, 0, len(want))
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("tile level 1: %d hashes, %v", len(got), err)
	}
	if got, err := s.TileHashes(t.Context(), 1, 250, 20); err != nil || !cmp.Equal(got, want[250:270]) {
		t.Fatalf("across a tile's edge: %v", err)
	}
	if _, err := s.TileHashes(t.Context(), 1, int64(len(want)), 1); err == nil {
		t.Fatal("a hash that is not there was given")
	}
}

func keysMove(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	commit(t, s, batchAt(head(t, s), 1, "a"))
	var keys []store.Key
	if err := s.EpochKeys(t.Context(), 10, func(k store.Key) error { keys = append(keys, k); return nil }); err != nil || len(keys) != 1 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if err := s.Rewrap(t.Context(), []store.Key{{ID: keys[0].ID, Block: 4, Wrapped: []byte("moved")}}); err != nil {
		t.Fatal(err)
	}
	k, err := s.Key(t.Context(), keys[0].ID)
	if err != nil || k.Epoch != 0 || k.Block != 4 || !bytes.Equal(k.Wrapped, []byte("moved")) {
		t.Fatalf("%+v, %v", k, err)
	}
	if _, err := s.Epoch(t.Context(), keys[0].Epoch); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the epoch outlived its keys: %v", err)
	}
	if n, err := s.BlockKeys(t.Context(), 4); err != nil || n != 1 {
		t.Fatalf("block holds %d, %v", n, err)
	}
	if done, err := s.Scrub(t.Context()); err != nil || !done {
		t.Fatalf("scrub: %v, %v", done, err)
	}
}

func intakes(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	commit(t, s, batchAt(head(t, s), 1, "a")) // an epoch under intake 1
	add := func(tx store.Tx) error { return tx.AddIntake(store.Intake{ID: 2, Public: []byte("public 2")}) }
	drop := func(tx store.Tx) error { return tx.DropIdleIntakes() }
	var ids []int64
	list := func(tx store.Tx) error {
		rows, err := tx.Intakes()
		ids = nil
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return err
	}
	for _, fn := range []func(store.Tx) error{add, drop, list} {
		if err := s.Exclusive(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	if !cmp.Equal(ids, []int64{1, 2}) {
		t.Fatalf("intakes = %v: one in use was dropped", ids)
	}
	all, err := s.Intakes(t.Context())
	if err != nil || len(all) != 2 || all[1].ID != 2 || string(all[1].Public) != "public 2" {
		t.Fatalf("intakes = %+v, %v", all, err)
	}
}

func notThere(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	_, err1 := s.Frame(t.Context(), 1)
	_, err2 := s.Key(t.Context(), 1)
	_, err3 := s.Epoch(t.Context(), 1)
	_, err4 := s.Blob(t.Context(), []byte("x"))
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%d: err = %v", i, err)
		}
	}
	if found, err := s.Check(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("an empty database: %q, %v", found, err)
	}
}

func identities(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	b := batchAt(head(t, s), 3, "a")
	commit(t, s, b)
	got, err := s.Seen(t.Context(), [][]byte{b.Identities[2].Hash, []byte("nobody"), b.Identities[0].Hash})
	if err != nil || !cmp.Equal(got, []int64{2, -1, 0}) {
		t.Fatalf("%v, %v", got, err)
	}
	var all []store.Identity
	err = s.Identities(t.Context(), func(id store.Identity) error {
		id.Hash = bytes.Clone(id.Hash)
		all = append(all, id)
		return nil
	})
	if err != nil || !cmp.Equal(all, b.Identities) {
		t.Fatalf("%+v, %v", all, err)
	}
}

func failedExclusive(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	boom := errors.New("boom")
	err := s.Exclusive(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.AddIntake(store.Intake{ID: 7, Public: []byte("x")}), boom)
	})
	if !errors.Is(err, boom) {
		t.Fatalf("err = %v", err)
	}
	if all, err := s.Intakes(t.Context()); err != nil || len(all) != 1 || all[0].ID != 1 {
		t.Fatalf("intakes = %+v, %v: the failed work stayed", all, err)
	}
}
