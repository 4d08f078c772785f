// Package archive is the write path and the read path of an archive: Append,
// Get, Scan, blobs, Verify, Prove.
//
// Everything that is written goes through Append. The package knows records,
// not what they mean: it must never import capture, chat, index or web.
package archive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/blob/dir"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/store/sqlite"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Names in an archive's folder.
const (
	ringName       = "ring"
	ringKeyName    = "ring.key"
	logName        = "log.db"
	checkpointName = "checkpoint"
	verifiedName   = "verification"
	anchorsName    = "anchors"
	blobsName      = "blobs"
)

// Errors of an archive. Those of keys are seal's: ErrLocked, ErrPassphrase.
var (
	// ErrNotArchive: there is none in the folder.
	ErrNotArchive = errors.New("no archive here")
	// ErrExists: there is one already, or something else is in the way.
	ErrExists = errors.New("folder is not empty")
	// ErrRestored: a checkpoint that somebody kept is ahead of the log, or
	// contradicts it. This is an older copy, or a forged one.
	ErrRestored = errors.New("log is behind a checkpoint that was kept")
	// ErrIncomplete: a part of the archive's folder is missing.
	ErrIncomplete = errors.New("archive is incomplete")
	// ErrUnknownBlob: a record names content that was not given before.
	ErrUnknownBlob = errors.New("record names a blob that the archive was not given")
	// ErrDisposed: the content is gone by decision.
	ErrDisposed = errors.New("content was disposed of")
	// ErrNotFound: no such entry or blob.
	ErrNotFound = errors.New("not in the archive")
	// ErrClosed: the archive was closed.
	ErrClosed = errors.New("archive is closed")
)

// Archive is an open archive. It is safe for concurrent use.
type Archive struct {
	dir   string
	info  record.InitHead
	store store.Store
	blobs blob.Store
	now   func() time.Time

	ringMu sync.RWMutex
	ring   *seal.Ring

	keys   *cache[int64, seal.Key]
	frames *cache[int64, seal.Frame]

	work    chan *request
	stopped chan struct{}
	closing sync.Once
	signing signing
	loose   looseBlobs

	// The rest belongs to the writer, which is one goroutine.
	head    store.Head
	tree    *tlog.Tree
	epoch   *seal.Epoch
	epochID int64
	clock   clock
	refused error // why nothing may be appended
	wrote   bool
}

// Exists reports whether there is an archive in the folder.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ringName))
	return err == nil
}

// CreateOptions say what a new archive is to be.
type CreateOptions struct {
	Name string // of the firm
	Zone string // IANA name
	// Exactly one of these opens it.
	Passphrase   []byte
	KeyFile      *seal.Key
	NoPassphrase bool // the key lies beside the ring
	// Anchors are files outside the folder that get a copy of every
	// checkpoint, and that the log is compared with before it grows.
	Anchors []string
}

// Create makes an archive in dir, which must be empty or not there, and
// returns its recovery key, which is nowhere else.
//
// The ring is written last: a crash before it leaves a folder without an
// archive, and Create can be called again once it is emptied.
func Create(ctx context.Context, dir string, o CreateOptions) (recovery string, err error) {
	if _, err := time.LoadLocation(o.Zone); err != nil {
		return "", fmt.Errorf("zone %q: %w", o.Zone, err)
	}
	if err := newAnchors(dir, o.Anchors); err != nil {
		return "", err
	}
	if err := emptyDir(dir); err != nil {
		return "", err
	}
	id := randomHex(8)
	skey, vkey, err := tlog.NewSigner("waxseal/" + id)
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	ring, err := seal.NewRing(id, skey, vkey, now)
	if err != nil {
		return "", err
	}
	if err := addSlots(dir, ring, o); err != nil {
		return "", err
	}
	recovery = ring.AddRecovery()
	if err := createStore(ctx, dir, ring); err != nil {
		return "", err
	}
	if err := writeAnchors(dir, o.Anchors); err != nil {
		return "", err
	}
	if err := writeRing(dir, ring); err != nil {
		return "", err
	}
	return recovery, writeInit(ctx, dir, ring, record.InitHead{
		Version: 1, ID: id, Name: o.Name, Zone: o.Zone, Created: now.Truncate(time.Millisecond), VKey: vkey,
	})
}

func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%s: %w", dir, ErrExists)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it may have been there
		return fmt.Errorf("make folder private: %w", err)
	}
	return nil
}

func addSlots(dir string, ring *seal.Ring, o CreateOptions) error {
	switch {
	case o.NoPassphrase:
		k := seal.NewKey()
		ring.AddKeyFile(k)
		return writeKeyFile(filepath.Join(dir, ringKeyName), k)
	case o.KeyFile != nil:
		ring.AddKeyFile(*o.KeyFile)
	case len(o.Passphrase) > 0:
		ring.AddPassphrase(o.Passphrase)
	default:
		return seal.ErrLocked
	}
	return nil
}

func createStore(ctx context.Context, dir string, ring *seal.Ring) error {
	st, err := sqlite.Create(ctx, filepath.Join(dir, logName))
	if err != nil {
		return err
	}
	id, public := ring.Intake()
	err = st.Exclusive(ctx, func(tx store.Tx) error {
		return errors.Join(tx.AddIntake(store.Intake{ID: id, Public: public}), tx.AddBlock(ring.CurrentBlock()))
	})
	return errors.Join(err, st.Close())
}

func writeInit(ctx context.Context, dir string, ring *seal.Ring, head record.InitHead) error {
	a, err := openWith(ctx, dir, ring)
	if err != nil {
		return err
	}
	part, err := record.Part(head, nil)
	if err == nil {
		_, err = a.Append(ctx, []record.Record{{Kind: record.Init, Parts: [][]byte{part}}})
	}
	return errors.Join(err, a.Close())
}

// Open opens the archive in dir. secret is asked only when the archive needs
// one. A log that must not grow (a restored older copy, a folder that cannot
// be written) opens all the same: it can be read and verified; see Writable.
func Open(ctx context.Context, dir string, secret func() (seal.Secret, error)) (*Archive, error) {
	ring, err := openRing(dir, secret)
	if err != nil {
		return nil, err
	}
	return openWith(ctx, dir, ring)
}

func openWith(ctx context.Context, dirName string, ring *seal.Ring) (*Archive, error) {
	st, err := sqlite.Open(ctx, filepath.Join(dirName, logName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrIncomplete, logName)
	}
	if err != nil {
		return nil, err
	}
	return start(ctx, dirName, ring, st, dir.New(filepath.Join(dirName, blobsName)))
}

func start(ctx context.Context, dirName string, ring *seal.Ring, st store.Store, blobs blob.Store) (*Archive, error) {
	a := &Archive{
		dir: dirName, store: st, ring: ring, now: time.Now, blobs: blobs,
		keys:    newCache[int64, seal.Key](4096),
		frames:  newCache[int64, seal.Frame](128),
		work:    make(chan *request, 64),
		stopped: make(chan struct{}),
		loose:   looseBlobs{m: map[string]looseBlob{}},
	}
	if err := a.load(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	go a.write()
	return a, nil
}

// load reads head, tree and first entry, and compares the log with every
// checkpoint that can be reached.
func (a *Archive) load(ctx context.Context) error {
	if err := a.reload(ctx); err != nil {
		return err
	}
	if a.head.Size == 0 {
		return nil // a new archive, or one whose Create was cut short
	}
	first, err := a.Get(ctx, []int64{0})
	if err != nil {
		return fmt.Errorf("read the archive's first entry: %w", err)
	}
	if _, err := first[0].Decode(&a.info); err != nil || first[0].Kind != record.Init {
		return errors.Join(fmt.Errorf("%w: first entry", store.ErrDamaged), err)
	}
	if a.refused = a.compareAnchors(ctx); a.refused == nil {
		_, a.refused = a.intake(ctx)
	}
	// What was committed before a crash, and not signed, is signed now.
	a.signing.unsigned = !a.signedUpTo(a.head.Size)
	return nil
}

// signedUpTo reports whether the last checkpoint covers size entries.
func (a *Archive) signedUpTo(size int64) bool {
	_, c, err := a.lastCheckpoint()
	return err == nil && c.Size >= size
}

// reload takes the head from the database and the tree's edge from its hashes.
func (a *Archive) reload(ctx context.Context) error {
	h, err := a.store.Head(ctx)
	if err != nil {
		return err
	}
	t, err := tlog.Load(h.Size, a.hashes(ctx))
	if err != nil {
		return fmt.Errorf("read the log's tree: %w", err)
	}
	if t.Root() != h.Root {
		return fmt.Errorf("%w: the root hash is not that of the entries", store.ErrDamaged)
	}
	if a.clock.entry, err = a.lastAt(ctx, h.Size); err != nil {
		return err
	}
	a.head, a.tree = h, t
	a.epoch, a.epochID = nil, 0
	return nil
}

// Close waits for what is being appended, moves keys into the keyring, signs a
// checkpoint, and closes the archive.
func (a *Archive) Close() error {
	a.closing.Do(func() { close(a.work) })
	<-a.stopped
	// The context that the archive was used with may be over; what remains is
	// short, and leaves a worse state when it is skipped.
	ctx := context.Background()
	var errs []error
	if a.wrote {
		errs = append(errs, a.settle(ctx))
	}
	if a.refused == nil {
		if err := a.sign(ctx, false); !readOnly(err) {
			errs = append(errs, err)
		}
	}
	a.loose.drop()
	return errors.Join(append(errs, a.store.Close())...)
}

// readOnly reports whether an error is only that the folder cannot be written:
// no fault where nothing was to be.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// Info is what the archive says of itself in its first entry.
func (a *Archive) Info() record.InitHead { return a.info }

// Dir is the archive's folder.
func (a *Archive) Dir() string { return a.dir }

// IndexPath is where the index of the archive lies.
func (a *Archive) IndexPath() string { return a.IndexPathOf(a.IndexKey()) }

// IndexPathOf is where the index under a key lies. Its name is of its key: no
// process that knows another key opens it, or writes to its files.
func (a *Archive) IndexPathOf(k seal.Key) string {
	sum := sha256.Sum256(append([]byte("waxseal index file v1\x00"), k[:]...))
	return filepath.Join(a.dir, "index-"+hex.EncodeToString(sum[:4])+".db")
}

// StrayIndexes are the files of other indexes: of one that was renewed, or
// that a crash left.
func (a *Archive) StrayIndexes() (paths []string, err error) {
	all, err := os.ReadDir(a.dir)
	if err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	is := filepath.Base(a.IndexPath())
	for _, e := range all {
		if name := e.Name(); strings.HasPrefix(name, "index") && strings.Contains(name, ".db") && !strings.HasPrefix(name, is) {
			paths = append(paths, filepath.Join(a.dir, name))
		}
	}
	return paths, nil
}

// IndexKey opens the index.
func (a *Archive) IndexKey() seal.Key {
	a.ringMu.RLock()
	defer a.ringMu.RUnlock()
	return a.ring.IndexKey()
}

// CurrentIndexKey is IndexKey as the ring on disk has it: another process may
// have replaced it.
func (a *Archive) CurrentIndexKey() (seal.Key, error) {
	if err := a.reloadRing(); err != nil {
		return seal.Key{}, err
	}
	return a.IndexKey(), nil
}

// Guarded reports whether a secret is needed to open the archive. Without one,
// its key lies beside it.
func (a *Archive) Guarded() bool {
	_, err := os.Stat(filepath.Join(a.dir, ringKeyName))
	return err != nil
}

// Writable is nil, or why the log must not grow.
func (a *Archive) Writable() error { return a.refused }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
