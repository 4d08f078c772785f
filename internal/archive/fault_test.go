package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/store"
)

var errFault = errors.New("injected fault")

// faults counts the operations on the stores and fails one of them: before it
// is done, or after.
type faults struct {
	mu    sync.Mutex
	n     int
	at    int // which operation fails; 0: none
	after bool
	hit   string
}

func (f *faults) do(name string, op func() error) error {
	f.mu.Lock()
	f.n++
	hit := f.n == f.at
	if hit {
		f.hit = name
	}
	f.mu.Unlock()
	if !hit {
		return op()
	}
	if f.after {
		if err := op(); err != nil {
			return err
		}
	}
	return errFault
}

type faultyStore struct {
	store.Store
	f *faults
}

func (s faultyStore) Head(ctx context.Context) (h store.Head, err error) {
	err = s.f.do("head", func() error { h, err = s.Store.Head(ctx); return err })
	return h, err
}

func (s faultyStore) Seen(ctx context.Context, hs [][]byte) (seqs []int64, err error) {
	err = s.f.do("seen", func() error { seqs, err = s.Store.Seen(ctx, hs); return err })
	return seqs, err
}

func (s faultyStore) Commit(ctx context.Context, b *store.Batch) (c store.Committed, err error) {
	err = s.f.do("commit", func() error { c, err = s.Store.Commit(ctx, b); return err })
	if err != nil {
		c = store.Committed{}
	}
	return c, err
}

func (s faultyStore) Intakes(ctx context.Context) (all []store.Intake, err error) {
	err = s.f.do("intakes", func() error { all, err = s.Store.Intakes(ctx); return err })
	return all, err
}

func (s faultyStore) Blob(ctx context.Context, h []byte) (b store.Blob, err error) {
	err = s.f.do("blob row", func() error { b, err = s.Store.Blob(ctx, h); return err })
	return b, err
}

func (s faultyStore) EpochKeys(ctx context.Context, limit int, fn func(store.Key) error) error {
	return s.f.do("epoch keys", func() error { return s.Store.EpochKeys(ctx, limit, fn) })
}

func (s faultyStore) Rewrap(ctx context.Context, ks []store.Key) error {
	return s.f.do("rewrap", func() error { return s.Store.Rewrap(ctx, ks) })
}

func (s faultyStore) Exclusive(ctx context.Context, fn func(store.Tx) error) error {
	return s.f.do("exclusive", func() error { return s.Store.Exclusive(ctx, fn) })
}

type faultyBlobs struct {
	blob.Store
	f *faults
}

func (s faultyBlobs) Create(ctx context.Context, name string) (blob.Writer, error) {
	w, err := s.Store.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	return faultyWriter{w, s.f}, nil
}

type faultyWriter struct {
	blob.Writer
	f *faults
}

func (w faultyWriter) Write(p []byte) (n int, err error) {
	err = w.f.do("blob write", func() error { n, err = w.Writer.Write(p); return err })
	return n, err
}

func (w faultyWriter) Commit() error { return w.f.do("blob commit", w.Writer.Commit) }

// importLike does what an import does, and returns what was acknowledged.
func importLike(ctx context.Context, t *testing.T, a *archive.Archive) (acked []int64, err error) {
	for i := range 3 {
		b, err := a.Blob(ctx, bytes.NewReader(fmt.Appendf(nil, "photo %d", i)))
		if err != nil {
			return acked, err
		}
		batch := append(items(t, "acme", i*100, i*100+70), item(t, "acme", i*100+99, "photo", b))
		got, err := a.Append(ctx, batch)
		if err != nil {
			return acked, err
		}
		for _, r := range got {
			acked = append(acked, r.Seq)
		}
	}
	return acked, nil
}

// TestEveryStorageOperationFailsOnce fails every operation on the stores once,
// before and after it was done. Whatever happens: nothing acknowledged is
// missing, the archive verifies, and the same import then completes it without
// a double.
func TestEveryStorageOperationFailsOnce(t *testing.T) {
	count := &faults{}
	if _, err := runWithFaults(t, create(t), count); err != nil {
		t.Fatal(err)
	}
	if count.n < 15 {
		t.Fatalf("only %d operations were seen: the faults are not in the way", count.n)
	}
	for at := 1; at <= count.n; at++ {
		for _, after := range []bool{false, true} {
			f := &faults{at: at, after: after}
			t.Run(fmt.Sprintf("operation %d, after=%t", at, after), func(t *testing.T) {
				dir := create(t)
				acked, err := runWithFaults(t, dir, f)
				if err == nil && f.hit == "" {
					t.Skip("this run took fewer operations")
				}
				a := open(t, dir)
				if _, err := a.Get(t.Context(), acked); err != nil {
					t.Fatalf("%s: acknowledged records are missing: %v", f.hit, err)
				}
				if _, err := importLike(t.Context(), t, a); err != nil {
					t.Fatalf("%s: the import does not go on: %v", f.hit, err)
				}
				closeArchive(t, a)
				if r := wantOK(t, dir); r.Records != 3*71+1 {
					t.Fatalf("%s: %d records, want %d", f.hit, r.Records, 3*71+1)
				}
			})
		}
	}
}

func runWithFaults(t *testing.T, dir string, f *faults) ([]int64, error) {
	t.Helper()
	a, err := archive.OpenFaulty(t.Context(), dir,
		func(s store.Store) store.Store { return faultyStore{s, f} },
		func(b blob.Store) blob.Store { return faultyBlobs{b, f} })
	if err != nil {
		return nil, err
	}
	acked, err := importLike(t.Context(), t, a)
	return acked, errors.Join(err, a.Close())
}

func TestKeysMoveAndOldIntakeKeysDie(t *testing.T) {
	dir := create(t)
	now := time.Now()
	for week := range 3 {
		a := open(t, dir)
		var later atomic.Int64
		a.SetClock(func() time.Time { return now.Add(time.Duration(week)*8*24*time.Hour + time.Duration(later.Load())) })
		appendAll(t, a, items(t, "acme", week*10, week*10+10))
		// An epoch lives a minute: the next append makes another.
		later.Store(int64(2 * time.Minute))
		appendAll(t, a, items(t, "acme", 100+week*10, 100+week*10+10))
		closeArchive(t, a)
		wantOK(t, dir)
	}
	a := open(t, dir)
	defer closeArchive(t, a)
	n := 0
	if err := a.Scan(t.Context(), 0, func(record.Entry) error { n++; return nil }); err != nil || n != 61 {
		t.Fatalf("%d entries, %v", n, err)
	}
}
