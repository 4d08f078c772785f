package tlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	xtlog "golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/tlog"
)

// memory keeps the hashes of a log as a store does.
type memory struct {
	leaves []tlog.Hash
	tiles  map[int][]tlog.Hash
}

func (m *memory) Hashes(level int, first int64, count int) ([]tlog.Hash, error) {
	all := m.leaves
	if level > 0 {
		all = m.tiles[level]
	}
	if first+int64(count) > int64(len(all)) {
		return nil, errors.New("not there")
	}
	return append([]tlog.Hash(nil), all[first:first+int64(count)]...), nil
}

func (m *memory) add(t *tlog.Tree, n int) {
	for range n {
		h := tlog.LeafHash(fmt.Appendf(nil, "leaf %d", len(m.leaves)))
		m.leaves = append(m.leaves, h)
		for _, th := range t.Append(h, nil) {
			if int64(len(m.tiles[th.Level])) != th.N {
				panic("a tile hash came out of order")
			}
			m.tiles[th.Level] = append(m.tiles[th.Level], th.Hash)
		}
	}
}

// reference computes the root as x/mod does, from all stored hashes.
func reference(t *rapid.T, leaves []tlog.Hash) tlog.Hash {
	var stored []tlog.Hash
	read := xtlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, l := range leaves {
		hs, err := xtlog.StoredHashesForRecordHash(int64(i), l, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
	}
	root, err := xtlog.TreeHash(int64(len(leaves)), read)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestTreeIsRFC6962: growing, loading and proving agree with x/mod at any size.
func TestTreeIsRFC6962(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 600), rapid.SampledFrom([]int{255, 256, 257, 65_535, 65_536, 65_537})).Draw(t, "size")
		m := &memory{tiles: map[int][]tlog.Hash{}}
		var tree tlog.Tree
		m.add(&tree, size)
		if size > 0 && size <= 600 {
			if want := reference(t, m.leaves); tree.Root() != want {
				t.Fatalf("root of %d leaves = %v, want %v", size, tree.Root(), want)
			}
		}
		loaded, err := tlog.Load(int64(size), m)
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Root() != tree.Root() {
			t.Fatal("a loaded tree has another root")
		}
		if size == 0 {
			return
		}
		n := rapid.Int64Range(0, int64(size)-1).Draw(t, "leaf")
		proof, err := tlog.ProveInclusion(int64(size), n, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckInclusion(proof, int64(size), tree.Root(), n, m.leaves[n]); err != nil {
			t.Fatal(err)
		}
		other := tlog.LeafHash([]byte("another"))
		if err := tlog.CheckInclusion(proof, int64(size), tree.Root(), n, other); err == nil {
			t.Fatal("a proof holds for another leaf")
		}
	})
}

func TestEmptyRootIsHashOfNothing(t *testing.T) {
	want, err := xtlog.TreeHash(0, nil)
	var tree tlog.Tree
	if err == nil && tree.Root() != want {
		t.Fatalf("root = %v, want %v", tree.Root(), want)
	}
}

func TestCheckpointSignatures(t *testing.T) {
	skey, vkey, err := tlog.NewSigner("waxseal/0011223344556677")
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := tlog.NewSigner("waxseal/0011223344556677")
	if err != nil {
		t.Fatal(err)
	}
	c := tlog.Checkpoint{Origin: "waxseal/0011223344556677", Size: 42, Root: tlog.LeafHash([]byte("x"))}
	b, err := c.Sign(skey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tlog.ParseCheckpoint(b, vkey); err != nil || got != c {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := tlog.ParseCheckpoint(b, other); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Fatalf("another key: %v", err)
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 1
		if got, err := tlog.ParseCheckpoint(bad, vkey); err == nil && got != c {
			t.Fatalf("byte %d changed: read %+v", i, got)
		}
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add("c2sp.org/tlog-proof@v1\nindex 3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n1\n\n")
	f.Add("c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := tlog.ParseProof(s)
		if err != nil {
			return
		}
		again, err := tlog.ParseProof(p.Marshal())
		if err != nil || again.Index != p.Index || len(again.Hashes) != len(p.Hashes) {
			t.Fatalf("%+v does not read back: %v", p, err)
		}
	})
}

func TestLooksLikeCheckpoint(t *testing.T) {
	skey, _, err := tlog.NewSigner("waxseal/0011223344556677")
	if err != nil {
		t.Fatal(err)
	}
	good, err := tlog.Checkpoint{Origin: "waxseal/0011223344556677", Size: 7}.Sign(skey)
	if err != nil || !tlog.LooksLikeCheckpoint(good) {
		t.Fatalf("a checkpoint does not look like one: %v", err)
	}
	for _, s := range []string{"", "\n\n— x", "waxseal/1\n7\n\n— x", "waxseal/1\n07\n" + strings.Repeat("A", 43) + "=\n\n— x", strings.Replace(string(good), "— ", "- ", 1)} {
		if tlog.LooksLikeCheckpoint([]byte(s)) {
			t.Errorf("%q looks like a checkpoint", s)
		}
	}
}
