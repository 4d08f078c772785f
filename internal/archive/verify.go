package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Report is what a verification checked and found. It holds no content.
type Report struct {
	At         time.Time `json:"at"`
	Size       int64     `json:"entries"` // of the log
	Root       string    `json:"root"`
	Records    int64     `json:"records"`                // opened and compared with their commitments
	Bytes      int64     `json:"bytes"`                  // of records
	Disposed   int64     `json:"disposed,omitempty"`     // records whose content went by decision
	Certified  int       `json:"certificates,omitempty"` // of disposal
	Acts       int64     `json:"acts"`                   // of people, in the books
	Void       int64     `json:"void_acts"`              // that count for nothing; the books say so
	Traces     int64     `json:"traces"`                 // of what people saw and were refused
	Frames     int64     `json:"frames"`
	Keys       int64     `json:"keys"`
	Blobs      int64     `json:"blobs"`
	BlobBytes  int64     `json:"blob_bytes"`
	Signed     int64     `json:"signed"` // size of the last checkpoint
	Kept       int       `json:"kept_checkpoints"`
	Unanchored int64     `json:"not_yet_anchored"` // entries younger than the last checkpoint
	// Before is when the last verification was, nil where none is kept.
	Before   *time.Time `json:"last_verified"`
	Notes    []string   `json:"notes,omitempty"`
	Problems []string   `json:"problems"`
	// More is how many problems were found beyond those listed.
	More int64 `json:"more_problems,omitempty"`
}

// OK reports whether nothing contradicts itself.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// maxProblems bounds a report: a burnt disk has as many as it has pages.
const maxProblems = 50

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// VerifyOptions say what to compare with.
type VerifyOptions struct {
	// Kept are checkpoints that somebody kept outside.
	Kept [][]byte
	// Progress is told how many of how many steps (entries and bytes of blobs,
	// in thousands) are done. It may be nil.
	Progress func(done, of int64)
}

// Verify checks everything with no trust in what is running: tree, signatures,
// packs, keyring, blobs, and the database that holds them. An error means that
// it could not be finished; what it found wrong is in the report.
func (a *Archive) Verify(ctx context.Context, o VerifyOptions) (*Report, error) {
	h, err := a.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{At: a.now().UTC(), Size: h.Size, Root: h.Root.String(), Problems: []string{}}
	v := &verifier{a: a, r: r, o: o, head: h, frames: map[int64]bool{}, keys: map[int64]bool{}, rootsAt: map[int64]tlog.Hash{}}
	if err := v.books(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.problem("the acts in the log cannot be read: %v", err)
	}
	// The database checks itself while the records are opened: it is read
	// twice, which costs less than one after the other.
	checked := make(chan func(), 1)
	go func() { checked <- v.database(ctx) }()
	defer func() { (<-checked)() }()
	steps := []func(context.Context) error{v.intakes, v.checkpoints, v.entries, v.tree, v.blobs}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if errors.Is(err, fs.ErrPermission) {
				return nil, err // who may not read it cannot say that it is not whole
			}
			r.problem("stopped early: %v", err)
			break
		}
	}
	return r, nil
}

type verifier struct {
	a       *Archive
	r       *Report
	o       VerifyOptions
	head    store.Head
	checks  []kept
	rootsAt map[int64]tlog.Hash // sizes that some checkpoint speaks of
	grown   *tlog.Tree
	tiles   []tlog.TileHash
	frames  map[int64]bool
	keys    map[int64]bool
	made    tallies // what the records make of the tables beside them

	booked    map[int64]bool
	disposals disposals
}

type kept struct {
	what string
	c    tlog.Checkpoint
}

// database returns what puts its findings into the report.
func (v *verifier) database(ctx context.Context) func() {
	found, err := v.a.store.Check(ctx)
	t, tallyErr := v.readTallies(ctx)
	return func() {
		for _, f := range found {
			v.r.problem("%s", f)
		}
		if err != nil {
			v.r.problem("database: %v", err)
		}
		switch {
		case tallyErr != nil:
			v.r.problem("database: %v", tallyErr)
		case v.r.Records+v.r.Disposed == v.head.Size: // every record was read
			v.compare(t)
		}
	}
}

// intakes looks every intake key and every block up in the ring.
func (v *verifier) intakes(ctx context.Context) error {
	if _, err := v.a.intake(ctx); errors.Is(err, store.ErrDamaged) {
		v.r.problem("%v", err)
	} else if err != nil {
		return err
	}
	blocks, err := v.a.store.Blocks(ctx)
	if err != nil {
		return err
	}
	for _, id := range blocks {
		v.a.ringMu.RLock()
		_, err := v.a.ring.Block(id)
		v.a.ringMu.RUnlock()
		if err != nil {
			v.r.problem("block %d of the keyring is not one of the ring's", id)
		}
	}
	return nil
}

// checkpoints reads every statement that was signed about the log.
func (v *verifier) checkpoints(context.Context) error {
	if b, _, err := v.a.Checkpoint(); errors.Is(err, fs.ErrPermission) {
		return err
	} else if err != nil {
		v.r.problem("the last checkpoint is missing")
	} else if c, ok := v.checkpoint("the last checkpoint", b); ok {
		v.r.Signed = c.Size
		v.r.Unanchored = max(0, v.head.Size-c.Size)
	}
	anchors, err := readAnchors(v.a.dir)
	if errors.Is(err, fs.ErrPermission) {
		return err
	} else if err != nil {
		v.r.problem("%v", err)
	}
	for _, p := range anchors {
		b, err := os.ReadFile(p)
		if err != nil {
			v.r.note("anchor %s could not be read", p)
			continue
		}
		v.checkpoint("the anchor "+p, b)
	}
	for i, b := range v.o.Kept {
		if _, ok := v.checkpoint(fmt.Sprintf("the kept checkpoint %d", i+1), b); ok {
			v.r.Kept++
		}
	}
	if last, err := v.a.LastVerification(); errors.Is(err, fs.ErrPermission) {
		return err
	} else if err != nil {
		v.r.problem("the note of the last verification was changed")
	} else if last != nil {
		v.r.Before = &last.At
	}
	if v.head.Size > 0 && v.a.info.VKey != v.a.vkey() {
		v.r.problem("the key of the ring is not the one in the first entry")
	}
	return nil
}

func (v *verifier) checkpoint(what string, b []byte) (tlog.Checkpoint, bool) {
	c, err := tlog.ParseCheckpoint(b, v.a.vkey())
	switch {
	case err != nil:
		v.r.problem("%s: %v", what, err)
	case c.Size > v.head.Size:
		v.r.problem("%s speaks of %d entries, the log has %d: entries were cut off, or this is an older copy", what, c.Size, v.head.Size)
	default:
		v.checks = append(v.checks, kept{what, c})
		v.rootsAt[c.Size] = tlog.Hash{}
		return c, true
	}
	return c, false
}

// tree compares what the entries make with what is stored and signed.
func (v *verifier) tree(ctx context.Context) error {
	if v.grown == nil || v.grown.Size() != v.head.Size {
		return nil // reported where the entries ended
	}
	if v.grown.Root() != v.head.Root {
		v.r.problem("the log's root hash is not that of its entries")
	}
	for _, k := range v.checks {
		if v.rootsAt[k.c.Size] != k.c.Root {
			v.r.problem("%s does not match: the first %d entries are not those that were signed", k.what, k.c.Size)
		}
	}
	for _, t := range v.tiles {
		hs, err := v.a.store.TileHashes(ctx, t.Level, t.N, 1)
		if err != nil || hs[0] != t.Hash {
			v.r.problem("tree hash %d of tile level %d is wrong", t.N, t.Level)
		}
	}
	return nil
}

func (v *verifier) blobs(ctx context.Context) error {
	var rows []store.Blob
	if err := v.a.store.Blobs(ctx, func(b store.Blob) error { rows = append(rows, b); return nil }); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, row := range rows {
		known[hex.EncodeToString(row.Name)] = true
		if err := v.blob(ctx, row); err != nil {
			if ctx.Err() != nil || errors.Is(err, fs.ErrPermission) {
				return err
			}
			v.r.problem("blob %s: %v", hex.EncodeToString(row.Name), err)
			continue
		}
		v.r.Blobs++
		v.r.BlobBytes += row.Size
		v.progress()
	}
	return v.leftovers(ctx, known)
}

var errBlobContent = errors.New("content is not what the catalogue says")

func (v *verifier) blob(ctx context.Context, row store.Blob) (err error) {
	c, err := v.a.openRow(ctx, row)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, ctxReader{ctx, c.StreamReader}, make([]byte, seal.ChunkSize))
	if err != nil {
		return err
	}
	if n != row.Size || !bytes.Equal(v.a.blobHash(sum.Sum(nil)), row.Hash) {
		return errBlobContent
	}
	return nil
}

func (v *verifier) leftovers(ctx context.Context, known map[string]bool) error {
	left := 0
	err := v.a.blobs.List(ctx, func(it blob.Item) error {
		if !known[it.Name] {
			left++
		}
		return nil
	})
	if left > 0 {
		v.r.note("%d files among the blobs are named by no record: an interrupted import left them; they are removed after a day", left)
	}
	return err
}

func (v *verifier) progress() {
	if v.o.Progress != nil {
		done := v.r.Records + v.r.Blobs
		v.o.Progress(done, max(done, v.head.Size))
	}
}
