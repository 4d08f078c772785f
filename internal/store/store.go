// Package store is what the archive needs from a database: the head of the
// log, entries, pack frames, wrapped keys, tree hashes, identities and the
// catalogue of blobs. sqlite/ is one; every one passes storetest/.
//
// A store sees sealed bytes and hashes. It never sees content or a key.
package store

import (
	"context"
	"errors"

	"github.com/waxseal/waxseal/internal/tlog"
)

// Errors of stores.
var (
	// ErrMoved: the head is not the one that the batch was made for, or the
	// epoch or intake key it was made with has been retired. Somebody else was
	// at work; nothing was written.
	ErrMoved = errors.New("log has moved on")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrVersion: the database is of a newer program.
	ErrVersion = errors.New("archive is of a newer version")
	// ErrDamaged: the database contradicts itself.
	ErrDamaged = errors.New("archive database is damaged")
	// ErrFull: there is no room left; nothing was written.
	ErrFull = errors.New("disk is full")
	// ErrReadOnly: the archive cannot be written.
	ErrReadOnly = errors.New("archive is read-only")
	// ErrBusy: another process held the database for too long.
	ErrBusy = errors.New("archive is busy")
)

// Head is the state of the log.
type Head struct {
	Size int64
	Root tlog.Hash
}

// Entry is a row of the log.
type Entry struct {
	Seq        int64
	Kind       int // place in record.Kinds
	At         int64
	Commitment [32]byte
	Frame      int64 // 0: disposed of
	Slot       int   // place in the frame
}

// Key is a wrapped data key. Exactly one of Epoch and Block is set.
type Key struct {
	ID      int64
	Epoch   int64
	Block   int64
	Wrapped []byte
}

// Epoch is a sealed epoch key.
type Epoch struct {
	ID     int64
	Intake int64
	Sealed []byte
}

// Frame is a sealed frame of a pack.
type Frame struct {
	ID     int64
	Key    int64
	N      int // place in its pack
	Sealed []byte
}

// Blob is an entry of the catalogue of large content.
type Blob struct {
	Name []byte // random; the file's name
	Hash []byte // keyed hash of the content
	Size int64  // of the content
	Key  int64
}

// Identity is the keyed hash by which an identical raw item is known again.
type Identity struct {
	Hash []byte
	Seq  int64
}

// Pack is a new pack: a key, and its frames in order.
type Pack struct {
	Epoch   int64 // index into Batch.Epochs, or -1 and EpochID is set
	EpochID int64
	Wrapped []byte
	Frames  [][]byte
}

// NewEntry is a row to be. Pack and Frame are indexes into the batch.
type NewEntry struct {
	Kind       int
	At         int64
	Commitment [32]byte
	Pack       int
	Frame      int
	Slot       int
	// Booked entries are few, and are found among millions of others.
	Booked bool
}

// NewBlob is a blob that the batch is the first to name.
type NewBlob struct {
	Blob
	Wrapped []byte
	EpochID int64 // as in Pack
	Epoch   int64
}

// BlobRef says that an entry names a blob, by the keyed hash of its content.
type BlobRef struct {
	Hash []byte
	Seq  int64
}

// Batch is what one transaction writes.
type Batch struct {
	Old, New   Head
	Epochs     []Epoch
	Packs      []Pack
	Entries    []NewEntry // numbered from Old.Size
	Tiles      []tlog.TileHash
	Identities []Identity
	Blobs      []NewBlob
	Refs       []BlobRef
}

// Committed tells what the database gave the new rows.
type Committed struct {
	Epochs []int64 // ids, one for each of Batch.Epochs
}

// Writer is how a log grows.
type Writer interface {
	// Head reads the head.
	Head(ctx context.Context) (Head, error)
	// Seen looks identities up. The answer has the entry or -1 for each.
	Seen(ctx context.Context, hashes [][]byte) ([]int64, error)
	// Commit writes the batch where the head is still b.Old, durably, whole or
	// not at all. ErrMoved: the head was another. After any other error the
	// caller must read the head to know whether the batch was written.
	Commit(ctx context.Context, b *Batch) (Committed, error)
}

// Reader is how a log is read.
type Reader interface {
	// Entries calls fn for the entries from ≤ seq < to, in order.
	Entries(ctx context.Context, from, to int64, fn func(Entry) error) error
	// Booked calls fn for those of the entries from ≤ seq < to that are booked
	// (see NewEntry), in order, without looking at the others.
	Booked(ctx context.Context, from, to int64, fn func(Entry) error) error
	// Frame reads a frame.
	Frame(ctx context.Context, id int64) (Frame, error)
	// TileHashes reads hashes of tile level 1 or more: exactly count, from the
	// first-th on.
	TileHashes(ctx context.Context, level int, first int64, count int) ([]tlog.Hash, error)
}

// Keyring is where the wrapped keys are.
type Keyring interface {
	Key(ctx context.Context, id int64) (Key, error)
	Epoch(ctx context.Context, id int64) (Epoch, error)
	// Blocks lists the blocks of the keyring.
	Blocks(ctx context.Context) ([]int64, error)
	// Rewrap replaces the wrapping of keys and removes the epochs that no key
	// needs any more, in one transaction. ErrMoved: a block was retired.
	Rewrap(ctx context.Context, keys []Key) error
}

// Catalogue is what is known of blobs and of identical items.
type Catalogue interface {
	// Blob finds a blob by the keyed hash of its content.
	Blob(ctx context.Context, hash []byte) (Blob, error)
	// Blobs calls fn for every blob.
	Blobs(ctx context.Context, fn func(Blob) error) error
	// Refs calls fn for every reference to a blob. What fn is given is valid
	// until it returns.
	Refs(ctx context.Context, fn func(BlobRef) error) error
	// Identities calls fn for every identity. What fn is given is valid until
	// it returns.
	Identities(ctx context.Context, fn func(Identity) error) error
}

// Repack is a pack that is written anew without what was disposed of.
type Repack struct {
	Old     int64   // its data key, which goes
	Block   int64   // of the new one
	Wrapped []byte  // the new one; nil: no record is left
	Frames  []Frame // that stay, under the new key: ID and Sealed
	Gone    []int64 // frames without a record left
	Entries []int64 // whose content goes
	// Identities are theirs.
	Identities [][]byte
}

// Step is what one transaction of a disposal does.
type Step struct {
	Disposal int64 // entry
	Size     int64 // of the log that the step was checked against
	Packs    []Repack
	Refs     []BlobRef // that go
}

// Disposer is how content goes.
type Disposer interface {
	// PackFrames calls fn for every frame of a pack, by its data key.
	PackFrames(ctx context.Context, key int64, fn func(Frame) error) error
	// Dispose does a step where the log still has that size, durably, whole or
	// not at all, and returns the names of blobs that nothing names any more.
	// ErrMoved: the log has grown, or a block was retired.
	Dispose(ctx context.Context, s *Step) (blobs [][]byte, err error)
	// DisposedBlobs counts the blobs that went with a disposal, and those that
	// other records keep. What was noted of earlier ones is forgotten.
	DisposedBlobs(ctx context.Context, disposal int64) (gone, spared int64, err error)
	// BlockedKeys calls fn for keys of the blocks before a block, at most limit.
	BlockedKeys(ctx context.Context, before int64, limit int, fn func(Key) error) error
}

// Store is a database for one archive.
type Store interface {
	Writer
	Reader
	Keyring
	Catalogue
	Disposer
	// EpochKeys calls fn for the keys that are still wrapped under an epoch,
	// at most limit of them.
	EpochKeys(ctx context.Context, limit int, fn func(Key) error) error
	// BlockKeys is how many keys a block holds.
	BlockKeys(ctx context.Context, block int64) (int64, error)
	// Intakes lists the intake keys, oldest first.
	Intakes(ctx context.Context) ([]Intake, error)
	// Exclusive runs fn while no other process can write, and commits what fn
	// did through tx where fn returns nil.
	Exclusive(ctx context.Context, fn func(tx Tx) error) error
	// Scrub overwrites what was removed, and reports false where readers are in
	// the way.
	Scrub(ctx context.Context) (bool, error)
	// Check reads every row and page of the database and reports what
	// contradicts itself, a sentence each.
	Check(ctx context.Context) ([]string, error)
	// Stats counts.
	Stats(ctx context.Context) (Stats, error)
	Close() error
}

// Tx is what can be done to intake keys while no other process writes.
type Tx interface {
	// Intakes lists them, oldest first.
	Intakes() ([]Intake, error)
	AddIntake(Intake) error
	// DropIdleIntakes removes those that no epoch is sealed to, but the newest.
	DropIdleIntakes() error
	// Blocks lists the blocks of the keyring.
	Blocks() ([]int64, error)
	AddBlock(id int64) error
	// DropIdleBlocks removes those before a block that hold no key.
	DropIdleBlocks(before int64) error
}

// Intake is the public half of an intake key pair.
type Intake struct {
	ID     int64
	Public []byte
}

// Stats are sizes, for people.
type Stats struct {
	Packs, Frames, Blobs, Keys, Identities int64
	FrameBytes, BlobBytes                  int64
}
