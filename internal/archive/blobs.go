package archive

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
)

// looseBlob is a blob that is written and that no entry names yet.
type looseBlob struct {
	name string
	size int64
	key  seal.Key
	drop func()
}

// looseBlobs are those of this process, by keyed hash. A crash leaves them in
// the store, named by nothing; Sweep removes them.
type looseBlobs struct {
	mu sync.Mutex
	m  map[string]looseBlob
}

func (l *looseBlobs) get(hash []byte) (looseBlob, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.m[string(hash)]
	return b, ok
}

// add keeps b and reports false where an equal one was there first.
func (l *looseBlobs) add(hash []byte, b looseBlob) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.m[string(hash)]; ok {
		return false
	}
	l.m[string(hash)] = b
	return true
}

func (l *looseBlobs) commit(named []store.NewBlob) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range named {
		delete(l.m, string(b.Hash))
	}
}

func (l *looseBlobs) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.m {
		b.drop()
	}
	clear(l.m)
}

// blobHash is the keyed hash by which equal content is known.
func (a *Archive) blobHash(sum []byte) []byte {
	a.ringMu.RLock()
	key := *a.ring.BlobKey()
	a.ringMu.RUnlock()
	return keyed(hmac.New(sha256.New, key[:]), nil, "blob", sum)
}

// smallBlob is read into memory first, so that content the archive already has
// is not written a second time.
const smallBlob = 4 << 20

// Blob keeps large content. It becomes part of the archive with the first
// record that names it; equal content is kept once.
func (a *Archive) Blob(ctx context.Context, r io.Reader) (record.Blob, error) {
	if a.refused != nil {
		return record.Blob{}, a.refused
	}
	head := make([]byte, 0, 64<<10)
	buf := bytes.NewBuffer(head)
	n, err := io.CopyN(buf, r, smallBlob)
	switch {
	case errors.Is(err, io.EOF):
		sum := sha256.Sum256(buf.Bytes())
		if known, err := a.hasBlob(ctx, sum[:]); err != nil || known {
			return record.Blob{SHA256: hex.EncodeToString(sum[:]), Size: n}, err
		}
		r = buf
	case err != nil:
		return record.Blob{}, fmt.Errorf("read blob: %w", err)
	default:
		r = io.MultiReader(buf, r)
	}
	return a.writeBlob(ctx, r)
}

func (a *Archive) hasBlob(ctx context.Context, sum []byte) (bool, error) {
	h := a.blobHash(sum)
	if _, ok := a.loose.get(h); ok {
		return true, nil
	}
	_, err := a.store.Blob(ctx, h)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (a *Archive) writeBlob(ctx context.Context, r io.Reader) (record.Blob, error) {
	lb := looseBlob{name: randomHex(16), key: seal.NewKey()}
	w, err := a.blobs.Create(ctx, lb.name)
	if err != nil {
		return record.Blob{}, fmt.Errorf("write blob: %w", err)
	}
	defer w.Abort()
	sum := sha256.New()
	s := seal.NewStreamWriter(w, lb.key)
	lb.size, err = io.Copy(io.MultiWriter(sum, s), ctxReader{ctx, r})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return record.Blob{}, fmt.Errorf("write blob: %w", err)
	}
	digest := sum.Sum(nil)
	known, err := a.hasBlob(ctx, digest)
	if err == nil && !known {
		err = w.Commit()
	}
	if err != nil {
		return record.Blob{}, fmt.Errorf("write blob: %w", err)
	}
	out := record.Blob{SHA256: hex.EncodeToString(digest), Size: lb.size}
	if known {
		return out, nil
	}
	// Best effort: the sweep removes what is left, a day later.
	lb.drop = func() { _ = a.blobs.Remove(context.Background(), lb.name) }
	if !a.loose.add(a.blobHash(digest), lb) {
		lb.drop()
	}
	return out, nil
}

// ctxReader stops reading when its context ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// nameBlobs puts the blobs that new records name into the batch.
func (a *Archive) nameBlobs(ctx context.Context, b *prepared, fresh []*record.Record) error {
	added := map[string]bool{}
	for i, r := range fresh {
		if err := checkNamed(r); err != nil {
			return fmt.Errorf("append: %w", err)
		}
		for _, bl := range r.Blobs {
			sum, err := hex.DecodeString(bl.SHA256)
			if err != nil {
				return fmt.Errorf("append: %w", ErrUnknownBlob)
			}
			h := a.blobHash(sum)
			b.batch.Refs = append(b.batch.Refs, store.BlobRef{Hash: h, Seq: b.batch.Old.Size + int64(i)})
			if added[string(h)] {
				continue
			}
			added[string(h)] = true
			if err := a.nameBlob(ctx, b, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// errNamed is a programmer's mistake. Verify makes references from heads alone.
var errNamed = errors.New("the record's head names other blobs than the record gives")

func checkNamed(r *record.Record) error {
	sums, err := namedIn(record.Entry{Kind: r.Kind, Parts: r.Parts})
	if err != nil || len(sums)+len(r.Blobs) == 0 {
		return err
	}
	given := map[string]bool{}
	for _, b := range r.Blobs {
		given[b.SHA256] = true
	}
	for _, sum := range sums {
		if !given[hex.EncodeToString(sum)] {
			return errNamed
		}
	}
	if len(given) != len(sums) {
		return errNamed
	}
	return nil
}

func (a *Archive) nameBlob(ctx context.Context, b *prepared, h []byte) error {
	_, err := a.store.Blob(ctx, h)
	if err == nil {
		return nil // another process may have been first; ours is dropped at the end
	}
	if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("look up blob: %w", err)
	}
	lb, ok := a.loose.get(h)
	if !ok {
		return fmt.Errorf("append: %w", ErrUnknownBlob)
	}
	name, err := hex.DecodeString(lb.name)
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	nb := store.NewBlob{Blob: store.Blob{Name: name, Hash: h, Size: lb.size}}
	nb.Wrapped, nb.EpochID, nb.Epoch = a.wrap(b, lb.key)
	b.batch.Blobs = append(b.batch.Blobs, nb)
	return nil
}

// Content is a blob that is open for reading.
type Content struct {
	*seal.StreamReader
	Size int64
	f    blob.Reader
}

// Close closes the blob.
func (c *Content) Close() error { return c.f.Close() }

// OpenBlob opens the content with that SHA-256, in hex. What is read has been
// authenticated chunk by chunk.
func (a *Archive) OpenBlob(ctx context.Context, sha256hex string) (*Content, error) {
	sum, err := hex.DecodeString(sha256hex)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("blob: %w", ErrNotFound)
	}
	row, err := a.store.Blob(ctx, a.blobHash(sum))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("blob: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("look up blob: %w", err)
	}
	return a.openRow(ctx, row)
}

func (a *Archive) openRow(ctx context.Context, row store.Blob) (*Content, error) {
	k, err := a.dataKey(ctx, row.Key)
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	f, size, err := a.blobs.Open(ctx, hex.EncodeToString(row.Name))
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return &Content{StreamReader: seal.NewStreamReader(f, size, row.Size, k), Size: row.Size, f: f}, nil
}

// sweepAge is how old a leftover must be before it is removed: no import holds
// a blob that long before a record names it.
const sweepAge = 24 * time.Hour

// Sweep removes blobs that nothing names, which crashed imports left behind,
// and returns how many.
func (a *Archive) Sweep(ctx context.Context) (int, error) {
	named, err := a.blobNames(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	err = a.blobs.List(ctx, func(it blob.Item) error {
		if named[it.Name] || it.Age < int64(sweepAge.Seconds()) {
			return nil
		}
		n++
		return a.blobs.Remove(ctx, it.Name)
	})
	return n, err
}

func (a *Archive) blobNames(ctx context.Context) (map[string]bool, error) {
	named := map[string]bool{}
	err := a.store.Blobs(ctx, func(b store.Blob) error { named[hex.EncodeToString(b.Name)] = true; return nil })
	return named, err
}
