package storetest

import (
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/store"
)

// retiredBlock: once a block's row has gone, its key may be destroyed.
func retiredBlock(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	commit(t, s, batchAt(head(t, s), 1, "a"))
	key := keyOf(t, s, 0)
	if err := s.Rewrap(t.Context(), []store.Key{{ID: key, Block: 1, Wrapped: []byte("one")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Exclusive(t.Context(), func(tx store.Tx) error { return tx.DropIdleBlocks(9) }); err != nil {
		t.Fatal(err)
	}
	var blocks []int64
	err := s.Exclusive(t.Context(), func(tx store.Tx) (err error) { blocks, err = tx.Blocks(); return err })
	if err != nil || len(blocks) != 1 || blocks[0] != 1 {
		t.Fatalf("blocks %v, %v: the one that holds a key must stay, and no other", blocks, err)
	}
	if err := s.Rewrap(t.Context(), []store.Key{{ID: key, Block: 4, Wrapped: []byte("four")}}); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("a key moved into a retired block: %v", err)
	}
	n := 0
	if err := s.BlockedKeys(t.Context(), 4, 10, func(k store.Key) error { n++; return nil }); err != nil || n != 1 {
		t.Fatalf("%d keys before block 4, %v", n, err)
	}
}

func keyOf(t *testing.T, s store.Store, seq int64) int64 {
	t.Helper()
	f, err := s.Frame(t.Context(), entries(t, s, seq, seq+1)[0].Frame)
	if err != nil {
		t.Fatal(err)
	}
	return f.Key
}

// booked: few entries are found among many.
func booked(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	b := batchAt(head(t, s), 6, "a")
	b.Entries[1].Booked, b.Entries[4].Booked = true, true
	commit(t, s, b)
	var got []int64
	if err := s.Booked(t.Context(), 1, 5, func(e store.Entry) error { got = append(got, e.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != 1 || got[1] != 4 {
		t.Fatalf("booked %v", got)
	}
}

// disposalFenced: what was checked against an older log is not done.
func disposalFenced(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	commit(t, s, batchAt(head(t, s), 2, "a"))
	step := &store.Step{Disposal: 9, Size: 2, Packs: []store.Repack{{Old: keyOf(t, s, 0), Gone: []int64{1}, Entries: []int64{0, 1}}}}
	commit(t, s, batchAt(head(t, s), 1, "b"))
	if _, err := s.Dispose(t.Context(), step); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("err = %v, want ErrMoved", err)
	}
	if e := entries(t, s, 0, 1)[0]; e.Frame == 0 {
		t.Fatal("the refused step took something")
	}
}

// disposalTakes: a step takes frames, keys, identities and references, keeps a
// blob that another record names, and can be repeated only as a whole.
func disposalTakes(t *testing.T, open func() store.Store) {
	s := closed(t, open())
	b := batchAt(head(t, s), 3, "a")
	for _, h := range []string{"mine", "shared"} {
		b.Blobs = append(b.Blobs, store.NewBlob{Blob: store.Blob{Name: []byte("name of " + h), Hash: []byte(h), Size: 1}, Wrapped: []byte("key of " + h)})
	}
	b.Refs = []store.BlobRef{{Hash: []byte("mine"), Seq: 0}, {Hash: []byte("shared"), Seq: 0}, {Hash: []byte("shared"), Seq: 2}}
	commit(t, s, b)
	old := keyOf(t, s, 0)
	frame := entries(t, s, 0, 1)[0].Frame
	step := &store.Step{
		Disposal: 9, Size: 3, Refs: b.Refs[:2],
		Packs: []store.Repack{{
			Old: old, Block: 4, Wrapped: []byte("new"), Frames: []store.Frame{{ID: frame, Sealed: []byte("what is left")}},
			Entries: []int64{0}, Identities: [][]byte{b.Identities[0].Hash},
		}},
	}
	names, err := s.Dispose(t.Context(), step)
	if err != nil || len(names) != 1 || string(names[0]) != "name of mine" {
		t.Fatalf("blobs %q, %v", names, err)
	}
	if es := entries(t, s, 0, 3); es[0].Frame != 0 || es[1].Frame != frame {
		t.Fatalf("entries %+v", es)
	}
	f, err := s.Frame(t.Context(), frame)
	if err != nil || string(f.Sealed) != "what is left" || f.Key == old {
		t.Fatalf("frame %+v, %v", f, err)
	}
	if _, err := s.Key(t.Context(), old); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the old key is there: %v", err)
	}
	if seen, err := s.Seen(t.Context(), [][]byte{b.Identities[0].Hash, b.Identities[1].Hash}); err != nil || seen[0] != -1 || seen[1] != 1 {
		t.Fatalf("identities %v, %v", seen, err)
	}
	if gone, spared, err := s.DisposedBlobs(t.Context(), 9); err != nil || gone != 1 || spared != 1 {
		t.Fatalf("%d blobs gone, %d spared, %v", gone, spared, err)
	}
	if _, err := s.Dispose(t.Context(), step); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("the same step twice: %v", err)
	}
	// A blob that died is not named again.
	again := batchAt(head(t, s), 1, "b")
	again.Refs = []store.BlobRef{{Hash: []byte("mine"), Seq: 3}}
	if _, err := s.Commit(t.Context(), again); !errors.Is(err, store.ErrMoved) {
		t.Fatalf("a record names a blob that has gone: %v", err)
	}
}
