package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
)

// create makes an archive without a passphrase and returns its folder.
func create(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a")
	if _, err := archive.Create(t.Context(), dir, archive.CreateOptions{Name: "Acme", Zone: "Europe/London", NoPassphrase: true}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func closeArchive(t testing.TB, a *archive.Archive) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// item is a record of a chat, as a source would make it.
func item(t testing.TB, chat string, n int, text string, blobs ...record.Blob) record.Record {
	t.Helper()
	h := record.ItemHead{Capture: 1, Ordinal: int64(n)}
	for _, b := range blobs {
		h.Files = append(h.Files, record.ItemFile{Name: "f", Blob: b})
	}
	part, err := record.Part(h, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return record.Record{
		Kind: record.Item, Parts: [][]byte{part}, Lineage: chat, Period: "2024-05", Near: "2024-05-13",
		Identity: fmt.Appendf(nil, "%s\x00%d", text, n), Blobs: blobs,
	}
}

func items(t testing.TB, chat string, from, to int) []record.Record {
	t.Helper()
	var all []record.Record
	for i := from; i < to; i++ {
		all = append(all, item(t, chat, i, fmt.Sprintf("13/05/2024, 09:00 - Ana: message number %d about the contract\n", i)))
	}
	return all
}

func appendAll(t testing.TB, a *archive.Archive, rs []record.Record) []record.Receipt {
	t.Helper()
	got, err := a.Append(t.Context(), rs)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func verify(t testing.TB, a *archive.Archive, kept ...[]byte) *archive.Report {
	t.Helper()
	r, err := a.Verify(t.Context(), archive.VerifyOptions{Kept: kept})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantOK(t testing.TB, dir string) *archive.Report {
	t.Helper()
	a := open(t, dir)
	defer closeArchive(t, a)
	r := verify(t, a)
	if !r.OK() {
		t.Fatalf("verify found problems in a sound archive: %q", r.Problems)
	}
	return r
}

func TestAppendThenReadBack(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	batch := append(items(t, "acme", 0, 150), items(t, "beta", 0, 3)...)
	got := appendAll(t, a, batch)
	for i, r := range got {
		if want := (record.Receipt{Seq: int64(i + 1), New: true}); r != want {
			t.Fatalf("receipt %d = %+v, want %+v", i, r, want)
		}
	}
	closeArchive(t, a)

	a = open(t, dir)
	defer closeArchive(t, a)
	i := 0
	err := a.Scan(t.Context(), 1, func(e record.Entry) error {
		if !bytes.Equal(e.Parts[0], batch[i].Parts[0]) || e.Kind != record.Item || e.Seq != int64(i+1) {
			return fmt.Errorf("entry %d differs", e.Seq)
		}
		i++
		return nil
	})
	if err != nil || i != len(batch) {
		t.Fatalf("read %d of %d: %v", i, len(batch), err)
	}
	r := verify(t, a)
	if !r.OK() || r.Records != int64(len(batch)+1) || r.Unanchored != 0 {
		t.Fatalf("verify: %+v", r)
	}
}

func TestIdenticalItemsAreKeptOnce(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	defer closeArchive(t, a)
	first := appendAll(t, a, items(t, "acme", 0, 100))
	again := appendAll(t, a, append(items(t, "acme", 0, 100), items(t, "acme", 100, 110)...))
	for i, r := range again[:100] {
		if r.New || r.Seq != first[i].Seq {
			t.Fatalf("item %d: %+v, want entry %d again", i, r, first[i].Seq)
		}
	}
	for i, r := range again[100:] {
		if !r.New || r.Seq != int64(101+i) {
			t.Fatalf("new item %d: %+v", i, r)
		}
	}
	// Twins within one batch, and the same bytes in another chat.
	twins := append(items(t, "acme", 200, 201), items(t, "acme", 200, 201)...)
	got := appendAll(t, a, append(twins, items(t, "beta", 200, 201)...))
	if !got[0].New || got[1].New || got[1].Seq != got[0].Seq || !got[2].New {
		t.Fatalf("twins: %+v", got)
	}
}

func TestBlobs(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	for _, size := range []int{0, 1, seal.ChunkSize, seal.ChunkSize + 1, 5 << 20} {
		content := bytes.Repeat([]byte("wax"), size/3+1)[:size]
		b, err := a.Blob(t.Context(), bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.Blob(t.Context(), bytes.NewReader(content))
		if err != nil || again != b || b.Size != int64(size) {
			t.Fatalf("size %d: %+v, %+v, %v", size, b, again, err)
		}
		appendAll(t, a, []record.Record{item(t, "acme", size, "x", b)})
		c, err := a.OpenBlob(t.Context(), b.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("size %d: read %d bytes back: %v", size, len(got), err)
		}
		if size > 10 {
			if _, err := c.Seek(-5, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, content[size-5:]) {
				t.Fatalf("size %d: seek: %q, %v", size, got, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	closeArchive(t, a)
	if r := wantOK(t, dir); r.Blobs != 5 {
		t.Fatalf("blobs = %d, want 5", r.Blobs)
	}
}

func TestBlobNobodyNamedIsDropped(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	if _, err := a.Blob(t.Context(), bytes.NewReader(make([]byte, 6<<20))); err != nil {
		t.Fatal(err)
	}
	closeArchive(t, a)
	if r := wantOK(t, dir); r.Blobs != 0 || len(r.Notes) != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestRecordThatNamesAnUnknownBlobIsRefused(t *testing.T) {
	a := open(t, create(t))
	defer closeArchive(t, a)
	_, err := a.Append(t.Context(), []record.Record{item(t, "acme", 0, "x", record.Blob{SHA256: fmt.Sprintf("%064x", 1), Size: 1})})
	if !errors.Is(err, archive.ErrUnknownBlob) {
		t.Fatalf("err = %v", err)
	}
}

// TestHeadAndBlobsAgree: verify makes references again from heads, so a record
// that names one blob and gives another would never verify.
func TestHeadAndBlobsAgree(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	b, err := a.Blob(t.Context(), strings.NewReader("photo"))
	if err != nil {
		t.Fatal(err)
	}
	silent, alone := item(t, "acme", 0, "x", b), item(t, "acme", 1, "y")
	silent.Blobs, alone.Blobs = nil, []record.Blob{b}
	for _, r := range []record.Record{silent, alone} {
		if _, err := a.Append(t.Context(), []record.Record{r}); err == nil {
			t.Error("a record was taken whose head names other blobs than it gives")
		}
	}
	appendAll(t, a, []record.Record{item(t, "acme", 2, "twice", b, b)})
	closeArchive(t, a)
	wantOK(t, dir)
}

func TestProofHoldsAndChangesAreFound(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	defer closeArchive(t, a)
	appendAll(t, a, items(t, "acme", 0, 700))
	p, err := a.Prove(t.Context(), []int64{0, 1, 255, 256, 257, 700})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Check(a.Info().VKey)
	if err != nil || len(got) != 6 || got[5].Seq != 700 {
		t.Fatalf("%+v, %v", got, err)
	}
	p.Entries[3].Parts[0].Content[len(p.Entries[3].Parts[0].Content)-3] ^= 1
	if _, err := p.Check(""); !errors.Is(err, archive.ErrProof) {
		t.Fatalf("changed content: %v", err)
	}
}

// TestProofHasOneSpelling: what says the same in other letters is refused, so
// that two readers agree on what a proof is.
func TestProofHasOneSpelling(t *testing.T) {
	a := open(t, create(t))
	defer closeArchive(t, a)
	appendAll(t, a, items(t, "acme", 0, 5))
	for name, change := range map[string]func(e *archive.EntryProof){
		"commitment in capitals": func(e *archive.EntryProof) { e.Parts[0].Commitment = strings.ToUpper(e.Parts[0].Commitment) },
		"salt in capitals":       func(e *archive.EntryProof) { e.Parts[0].Salt = strings.ToUpper(e.Parts[0].Salt) },
		"hash with spare bits": func(e *archive.EntryProof) {
			i := strings.Index(e.Log, "=\n") - 1 // the last digit has two bits that belong to no byte
			const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
			d := strings.IndexByte(digits, e.Log[i])
			e.Log = e.Log[:i] + string(digits[d|1]) + e.Log[i+1:]
		},
		"index with a zero": func(e *archive.EntryProof) { e.Log = strings.Replace(e.Log, "index ", "index 0", 1) },
	} {
		p, err := a.Prove(t.Context(), []int64{3})
		if err != nil {
			t.Fatal(err)
		}
		change(&p.Entries[0])
		if _, err := p.Check(""); !errors.Is(err, archive.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	recovery, err := archive.Create(t.Context(), dir, archive.CreateOptions{Name: "Acme", Zone: "UTC", Passphrase: []byte("correct horse")})
	if err != nil {
		t.Fatal(err)
	}
	secret := func(s seal.Secret) func() (seal.Secret, error) {
		return func() (seal.Secret, error) { return s, nil }
	}
	for _, tc := range []struct {
		name   string
		secret func() (seal.Secret, error)
		want   error
	}{
		{"none", nil, seal.ErrLocked},
		{"wrong passphrase", secret(seal.Secret{Passphrase: []byte("battery")}), seal.ErrPassphrase},
		{"passphrase", secret(seal.Secret{Passphrase: []byte("correct horse")}), nil},
		{"recovery key", secret(seal.Secret{Recovery: recovery}), nil},
		{"wrong recovery key", secret(seal.Secret{Recovery: "AAAA"}), seal.ErrPassphrase},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := archive.Open(t.Context(), dir, tc.secret)
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			if err == nil {
				closeArchive(t, a)
			}
		})
	}
}

func TestNotAnArchive(t *testing.T) {
	dir := t.TempDir()
	if _, err := archive.Open(t.Context(), dir, nil); !errors.Is(err, archive.ErrNotArchive) {
		t.Fatalf("empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := archive.Create(t.Context(), dir, archive.CreateOptions{Name: "A", Zone: "UTC", NoPassphrase: true})
	if !errors.Is(err, archive.ErrExists) {
		t.Fatalf("folder in use: %v", err)
	}
}

func TestTwoProcessesShareOneLog(t *testing.T) {
	dir := create(t)
	one, two := open(t, dir), open(t, dir)
	errs := make(chan error, 2)
	for n, a := range []*archive.Archive{one, two} {
		go func() {
			var err error
			for i := 0; i < 40 && err == nil; i++ {
				_, err = a.Append(context.Background(), items(t, fmt.Sprint("chat", n), i*10, i*10+10))
			}
			errs <- errors.Join(err, a.Close())
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if r := wantOK(t, dir); r.Records != 801 {
		t.Fatalf("records = %d, want 801", r.Records)
	}
}

func TestRestoredOlderCopyRefusesToGrow(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	appendAll(t, a, items(t, "acme", 0, 10))
	closeArchive(t, a)
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir)
	appendAll(t, a, items(t, "acme", 10, 20))
	closeArchive(t, a)
	kept, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	// The copy alone is sound; a kept checkpoint tells.
	a = open(t, old)
	if r := verify(t, a, kept); r.OK() {
		t.Fatal("rollback was not found")
	}
	closeArchive(t, a)
	if err := os.WriteFile(filepath.Join(old, "checkpoint"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	a = open(t, old)
	defer closeArchive(t, a)
	if _, err := a.Append(t.Context(), items(t, "acme", 10, 11)); !errors.Is(err, archive.ErrRestored) {
		t.Fatalf("append to a restored copy: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	a := open(b, create(b))
	defer closeArchive(b, a)
	const size = 4096
	var batches [][]record.Record
	for i := range b.N/size + 1 {
		batches = append(batches, items(b, "acme", i*size, (i+1)*size))
	}
	b.ResetTimer()
	for _, batch := range batches {
		appendAll(b, a, batch)
	}
	b.ReportMetric(float64(len(batches)*size)/b.Elapsed().Seconds(), "records/s")
}
