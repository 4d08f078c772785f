package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/store"
)

// disposal appends the record of a disposal and returns its entry.
func disposal(t testing.TB, a *archive.Archive, h record.DisposalHead) int64 {
	t.Helper()
	part, err := record.Part(h, nil)
	if err != nil {
		t.Fatal(err)
	}
	return appendAll(t, a, []record.Record{{Kind: record.Disposal, Parts: [][]byte{part}}})[0].Seq
}

func certify(t testing.TB, a *archive.Archive, seq int64, d archive.Disposed) {
	t.Helper()
	part, err := record.Part(record.CertificateHead{Disposal: seq, Kept: d.Kept, Records: d.Records, Blobs: d.Blobs, Shared: d.Shared}, nil)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, []record.Record{{Kind: record.Certificate, Parts: [][]byte{part}}})
}

func nothingHeld(context.Context, int64) ([]int64, error) { return nil, nil }

func dispose(t testing.TB, a *archive.Archive, seq int64, still archive.Still) archive.Disposed {
	t.Helper()
	d, err := a.Dispose(t.Context(), seq, still, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDisposalLeavesTheRest(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	photo, err := a.Blob(t.Context(), strings.NewReader("a photograph"))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := a.Blob(t.Context(), strings.NewReader("a shared photograph"))
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, append(items(t, "acme", 0, 150), item(t, "acme", 500, "with a photo", photo, shared), item(t, "acme", 501, "keeps the photo", shared)))
	appendAll(t, a, items(t, "other", 0, 30))
	seq := disposal(t, a, record.DisposalHead{Request: 1, Entries: [][2]int64{{10, 60}, {151, 1}}})
	d := dispose(t, a, seq, nothingHeld)
	if d.Records != 61 || d.Blobs != 1 || d.Shared != 1 || len(d.Kept) != 0 {
		t.Fatalf("%+v", d)
	}
	certify(t, a, seq, d)
	for _, n := range []int64{9, 10, 69, 70, 151, 152} {
		e, err := a.Get(t.Context(), []int64{n})
		gone := n >= 10 && n < 70 || n == 151
		if err != nil || (len(e[0].Parts) == 0) != gone {
			t.Fatalf("entry %d: %d parts, %v", n, len(e[0].Parts), err)
		}
	}
	if _, err := a.OpenBlob(t.Context(), photo.SHA256); !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("the blob that nothing names is there: %v", err)
	}
	if c, err := a.OpenBlob(t.Context(), shared.SHA256); err != nil || c.Close() != nil {
		t.Fatalf("the blob that another record names: %v", err)
	}
	// What is imported again is new.
	if got := appendAll(t, a, items(t, "acme", 20, 22)); !got[0].New || !got[1].New {
		t.Fatalf("what was disposed of is taken for known: %+v", got)
	}
	if got := appendAll(t, a, items(t, "acme", 0, 5)); got[0].New {
		t.Fatalf("what stayed is taken for new: %+v", got)
	}
	closeArchive(t, a)
	r := wantOK(t, dir)
	if r.Disposed != 61 || r.Certified != 1 || len(r.Notes) != 0 {
		t.Fatalf("verify: %+v", r)
	}
}

// TestWhatIsKeptBesideADisposalCountsForNothing: who is asked may name more
// than the disposal does. The files that go, go.
func TestWhatIsKeptBesideADisposalCountsForNothing(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	file, err := a.Blob(t.Context(), strings.NewReader("an export"))
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, append(items(t, "acme", 0, 9), item(t, "acme", 500, "its capture", file)))
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{1, 2}}, Evidence: []int64{10}})
	d := dispose(t, a, seq, func(context.Context, int64) ([]int64, error) { return []int64{2, 4, 5, 6, 7}, nil })
	if d.Records != 1 || d.Blobs != 1 || !slices.Equal(d.Kept, [][2]int64{{2, 1}}) {
		t.Fatalf("%+v", d)
	}
	certify(t, a, seq, d)
	certify(t, a, seq, archive.Disposed{}) // by another process: it counts for nothing
	closeArchive(t, a)
	wantOK(t, dir)
}

// TestProofsOutliveDisposal: what stayed of a pack that was written anew is
// proved as before.
func TestProofsOutliveDisposal(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	defer closeArchive(t, a)
	appendAll(t, a, items(t, "acme", 0, 20))
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{3, 4}}})
	dispose(t, a, seq, nothingHeld)
	again := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{10, 2}}})
	dispose(t, a, again, nothingHeld)
	if err := a.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := a.Prove(t.Context(), []int64{2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Check(a.Info().VKey); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Prove(t.Context(), []int64{4}); !errors.Is(err, archive.ErrDisposed) {
		t.Fatalf("prove what was disposed of: %v", err)
	}
}

// TestHoldDuringARunWins: still is asked about every transaction, and what it
// names stays.
func TestHoldDuringARunWins(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	for i := range 12 { // packs of their own
		appendAll(t, a, items(t, fmt.Sprint("chat", i), 0, 64))
	}
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{1, 12 * 64}}})
	asked := int64(0)
	d := dispose(t, a, seq, func(_ context.Context, size int64) ([]int64, error) {
		if asked == 0 { // somebody appends between the question and the step
			appendAll(t, a, items(t, "late", 0, 1))
			asked = size
			return nil, nil
		}
		if size == asked {
			t.Fatal("asked about the old log again")
		}
		return []int64{5, 6, 300}, nil
	})
	if want := [][2]int64{{5, 2}, {300, 1}}; !slices.Equal(d.Kept, want) || d.Records != 12*64-3 {
		t.Fatalf("%+v, want kept %v", d, want)
	}
	certify(t, a, seq, d)
	closeArchive(t, a)
	wantOK(t, dir)
}

// busyStore appends something whenever a pack is read.
type busyStore struct {
	store.Store
	busy func()
}

func (s *busyStore) PackFrames(ctx context.Context, key int64, fn func(store.Frame) error) error {
	if s.busy != nil {
		s.busy()
	}
	return s.Store.PackFrames(ctx, key, fn)
}

// TestDisposalAmongAppends: somebody is always at work, and appends sooner than
// packs are sealed again.
func TestDisposalAmongAppends(t *testing.T) {
	dir, s := create(t), &busyStore{}
	a, err := archive.OpenFaulty(t.Context(), dir, func(inner store.Store) store.Store { s.Store = inner; return s }, func(b blob.Store) blob.Store { return b })
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, items(t, "acme", 0, 20))
	late := 0
	s.busy = func() { late++; appendAll(t, a, items(t, "late", late, late+1)) }
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{1, 10}}})
	d := dispose(t, a, seq, nothingHeld)
	s.busy = nil
	if d.Records != 10 || late == 0 || late > 2 {
		t.Errorf("%+v, while %d records were appended", d, late)
	}
	certify(t, a, seq, d)
	closeArchive(t, a)
	wantOK(t, dir)
}

func TestWhatIsNeverDisposedOf(t *testing.T) {
	a := open(t, create(t))
	defer closeArchive(t, a)
	appendAll(t, a, items(t, "acme", 0, 5))
	for name, h := range map[string]record.DisposalHead{
		"the first entry":  {Entries: [][2]int64{{0, 1}}},
		"itself and later": {Entries: [][2]int64{{3, 9}}},
		"nothing":          {Entries: [][2]int64{{3, 0}}},
	} {
		seq := disposal(t, a, h)
		if _, err := a.Dispose(t.Context(), seq, nothingHeld, nil); !errors.Is(err, archive.ErrNotDisposal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Dispose(t.Context(), 2, nothingHeld, nil); !errors.Is(err, archive.ErrNotDisposal) {
		t.Errorf("an item: %v", err)
	}
}

func (s faultyStore) Dispose(ctx context.Context, st *store.Step) (names [][]byte, err error) {
	err = s.f.do("dispose", func() error { names, err = s.Store.Dispose(ctx, st); return err })
	return names, err
}

func (s faultyStore) BlockedKeys(ctx context.Context, before int64, limit int, fn func(store.Key) error) error {
	return s.f.do("blocked keys", func() error { return s.Store.BlockedKeys(ctx, before, limit, fn) })
}

func (s faultyStore) Scrub(ctx context.Context) (ok bool, err error) {
	err = s.f.do("scrub", func() error { ok, err = s.Store.Scrub(ctx); return err })
	return ok, err
}

func (s faultyBlobs) Remove(ctx context.Context, name string) error {
	return s.f.do("blob remove", func() error { return s.Store.Remove(ctx, name) })
}

// TestDisposalGoesOnWhereItWas fails every operation of a disposal once, and
// then finishes it.
func TestDisposalGoesOnWhereItWas(t *testing.T) {
	prepare := func(t *testing.T) (dir string, seq int64) {
		dir = create(t)
		a := open(t, dir)
		if _, err := importLike(t.Context(), t, a); err != nil {
			t.Fatal(err)
		}
		seq = disposal(t, a, record.DisposalHead{Entries: [][2]int64{{2, 75}, {141, 2}}})
		closeArchive(t, a)
		return dir, seq
	}
	run := func(t *testing.T, dir string, seq int64, f *faults) error {
		a, err := archive.OpenFaulty(t.Context(), dir,
			func(s store.Store) store.Store { return faultyStore{s, f} },
			func(b blob.Store) blob.Store { return faultyBlobs{b, f} })
		if err != nil {
			return err
		}
		_, err = a.Dispose(t.Context(), seq, nothingHeld, nil)
		return errors.Join(err, a.Close())
	}
	count := &faults{}
	dir, seq := prepare(t)
	if err := run(t, dir, seq, count); err != nil {
		t.Fatal(err)
	}
	if count.n < 15 {
		t.Fatalf("only %d operations were seen", count.n)
	}
	for at := 1; at <= count.n; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("operation %d, after=%t", at, after), func(t *testing.T) {
				f := &faults{at: at, after: after}
				dir, seq := prepare(t)
				failed := run(t, dir, seq, f)
				if r := wantOK(t, dir); failed == nil && r.Disposed != 77 {
					t.Fatalf("%s: said to be done, and %d records are gone", f.hit, r.Disposed)
				}
				a := open(t, dir)
				d := dispose(t, a, seq, nothingHeld)
				if d.Records != 77 || d.Blobs != 2 {
					t.Fatalf("%s: %+v", f.hit, d)
				}
				certify(t, a, seq, d)
				appendAll(t, a, items(t, "after", 0, 3))
				closeArchive(t, a)
				if r := wantOK(t, dir); r.Disposed != 77 || r.Certified != 1 {
					t.Fatalf("%s: %+v", f.hit, r)
				}
			})
		}
	}
}

// TestOtherProcessesGoOn: one that had everything open before the disposal
// reads, writes and closes as if nothing had been.
func TestOtherProcessesGoOn(t *testing.T) {
	dir := create(t)
	a, other := open(t, dir), open(t, dir)
	appendAll(t, other, items(t, "acme", 0, 100))
	if _, err := other.Get(t.Context(), []int64{1, 50, 90}); err != nil {
		t.Fatal(err)
	}
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{1, 40}}})
	certify(t, a, seq, dispose(t, a, seq, nothingHeld))
	es, err := other.Get(t.Context(), []int64{1, 50, 90})
	if err != nil || len(es[0].Parts) != 0 || len(es[1].Parts) == 0 {
		t.Fatalf("the other process reads %v, %v", es, err)
	}
	appendAll(t, other, items(t, "later", 0, 100))
	if _, err := other.Get(t.Context(), []int64{110, 60}); err != nil {
		t.Fatal(err)
	}
	closeArchive(t, other)
	closeArchive(t, a)
	wantOK(t, dir)
}

// copyDir copies an archive as it lies there.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestWhatWentIsNowhere looks for the words of what was disposed of in every
// file, and tries to read them from a copy of the whole folder that was taken
// before, with the ring from after.
func TestWhatWentIsNowhere(t *testing.T) {
	const word = "Zwiebelturmglockenspiel"
	dir := create(t)
	a := open(t, dir)
	photo, err := a.Blob(t.Context(), strings.NewReader(strings.Repeat(word, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	batch := items(t, "acme", 0, 80)
	batch[40] = item(t, "acme", 40, word, photo)
	appendAll(t, a, batch)
	closeArchive(t, a)
	old := copyDir(t, dir)

	a = open(t, dir)
	es, err := a.Get(t.Context(), []int64{41})
	if err != nil || !bytes.Contains(es[0].Parts[0], []byte(word)) {
		t.Fatalf("the word is not where it was put: %v", err)
	}
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{41, 1}}})
	certify(t, a, seq, dispose(t, a, seq, nothingHeld))
	scanFor(t, dir, word)
	closeArchive(t, a)
	scanFor(t, dir, word)

	ring, err := os.ReadFile(filepath.Join(dir, "ring"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "ring"), ring, 0o600); err != nil {
		t.Fatal(err)
	}
	if es, err := readOld(t, old, 41); err == nil && len(es[0].Parts) > 0 {
		t.Fatal("an old copy of the database gives away what was disposed of")
	}
}

func readOld(t *testing.T, dir string, seq int64) ([]record.Entry, error) {
	a, err := archive.Open(t.Context(), dir, nil)
	if err != nil {
		return nil, err // not even that
	}
	defer func() { _ = a.Close() }() // it is a copy that is thrown away
	return a.Get(t.Context(), []int64{seq})
}

// scanFor reads every file of a folder.
func scanFor(t *testing.T, dir, word string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(word)) {
			t.Errorf("%s holds the word in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
