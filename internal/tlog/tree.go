// Package tlog is the Merkle log over the entries: an RFC 6962 tree, its
// signed checkpoints, tiles and proofs, on golang.org/x/mod/sumdb.
//
// It knows nothing of records or databases.
package tlog

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of the tree.
type Hash = tlog.Hash

// TileHeight is the height of tiles: 256 hashes each, as C2SP tlog-tiles has
// them.
const TileHeight = 8

// ErrForked is returned where two statements about one log contradict each
// other.
var ErrForked = errors.New("log has been forked or rewritten")

// LeafHash is the RFC 6962 hash of a leaf.
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// Tree is the right edge of the log's Merkle tree: the roots of the complete
// subtrees that the leaves so far make, largest first. It grows and knows its
// root; that is all that appending needs.
type Tree struct {
	size int64
	edge []Hash
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Clone returns a copy that grows on its own.
func (t *Tree) Clone() *Tree { return &Tree{t.size, append([]Hash(nil), t.edge...)} }

// TileHash is a hash that belongs into a tile above the leaves: the N-th hash
// of tile level Level (1 or more).
type TileHash struct {
	Level int
	N     int64
	Hash  Hash
}

// Append adds a leaf and returns tiles with the hashes it completed appended.
func (t *Tree) Append(leaf Hash, tiles []TileHash) []TileHash {
	h := leaf
	level := 0
	// A set bit of size is a complete subtree waiting for its sibling.
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.edge[len(t.edge)-1], h)
		t.edge = t.edge[:len(t.edge)-1]
		level++
		if level%TileHeight == 0 {
			tiles = append(tiles, TileHash{level / TileHeight, n >> 1, h})
		}
	}
	t.edge = append(t.edge, h)
	t.size++
	return tiles
}

// Root is the root hash; of an empty tree, the hash of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return emptyRoot
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

var emptyRoot = Hash{
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
}

// Load rebuilds the edge of a tree of size leaves from the hashes in r.
func Load(size int64, r Reader) (*Tree, error) {
	t := &Tree{size: size}
	var at int64
	for level := 62; level >= 0; level-- {
		if size&(1<<level) == 0 {
			continue
		}
		h, err := subtree(r, at, level)
		if err != nil {
			return nil, err
		}
		t.edge = append(t.edge, h)
		at += 1 << level
	}
	return t, nil
}

// Reader gives stored hashes: of tile level 0 the leaf hashes, of tile level l
// the roots of complete subtrees of 256^l leaves. It returns exactly count
// hashes from the first-th on, or an error.
type Reader interface {
	Hashes(level int, first int64, count int) ([]Hash, error)
}

// subtree is the root of the complete subtree of 1<<level leaves from leaf at.
func subtree(r Reader, at int64, level int) (Hash, error) {
	tile := level / TileHeight
	below := level % TileHeight // folded from hashes of one tile
	hs, err := r.Hashes(tile, at>>(tile*TileHeight), 1<<below)
	if err != nil {
		return Hash{}, fmt.Errorf("read tree level %d: %w", tile, err)
	}
	for n := len(hs); n > 1; n /= 2 {
		for i := range n / 2 {
			hs[i] = tlog.NodeHash(hs[2*i], hs[2*i+1])
		}
	}
	return hs[0], nil
}

// hashReader serves x/mod's prover from stored tiles: it asks by "stored hash
// index", which names a level and a place.
type hashReader struct{ r Reader }

func (h hashReader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		var err error
		if out[i], err = subtree(h.r, n<<level, level); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ProveInclusion proves that leaf n is in the tree of size leaves.
func ProveInclusion(size, n int64, r Reader) ([]Hash, error) {
	p, err := tlog.ProveRecord(size, n, hashReader{r})
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", n, err)
	}
	return p, nil
}

// CheckInclusion checks a proof that leaf n, of hash leaf, is in the tree of
// size leaves with that root.
func CheckInclusion(proof []Hash, size int64, root Hash, n int64, leaf Hash) error {
	if err := tlog.CheckRecord(proof, size, root, n, leaf); err != nil {
		return fmt.Errorf("entry %d is not in the checkpointed log: %w", n, ErrForked)
	}
	return nil
}
