package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
)

// TestNoKeyThatIsLeftOpensWhatWent tries every key that the ring still has, or
// that it opens anywhere in the files of a copy from before, on the frame of
// what was disposed of. The ring from before opens it: the search does find.
func TestNoKeyThatIsLeftOpensWhatWent(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	photo, err := a.Blob(t.Context(), strings.NewReader(strings.Repeat("a photograph", 100)))
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, append(items(t, "acme", 0, 20), item(t, "acme", 99, "with a photo", photo)))
	young := copyDir(t, dir) // under an epoch
	closeArchive(t, a)
	settled := copyDir(t, dir) // in a block
	a = open(t, dir)
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{3, 2}, {21, 1}}})
	certify(t, a, seq, dispose(t, a, seq, nothingHeld))
	closeArchive(t, a)
	after, err := archive.Ring(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]string{"young": young, "settled": settled} {
		before, err := archive.Ring(old)
		if err != nil {
			t.Fatal(err)
		}
		if n := opened(t, old, before); n == 0 {
			t.Errorf("%s: the search finds nothing with the ring from before", name)
		}
		if n := opened(t, old, after); n != 0 {
			t.Errorf("%s: the ring from after opens %d frames", name, n)
		}
	}
}

// opened counts the frames of records, but the first entry's, that open under
// keys of the ring, or under keys that those open at any place of any file.
func opened(t *testing.T, dir string, r *seal.Ring) (n int) {
	t.Helper()
	keys := []seal.Key{r.IndexKey(), *r.BlobKey(), *r.DedupeKey()}
	for id := range r.CurrentBlock() + 1 {
		if k, err := r.Block(id); err == nil {
			keys = append(keys, *k)
		}
	}
	c := copyDir(t, dir) // SQLite folds the write-ahead log in
	query := func(sql string, fn func(*sqlite3.Stmt)) {
		db, err := sqlite3.Open(filepath.Join(c, "log.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }() // a copy that is thrown away
		st, _, err := db.Prepare(sql)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = st.Close() }() // as above
		for st.Step() {
			fn(st)
		}
		if err := st.Err(); err != nil {
			t.Fatal(err)
		}
	}
	query(`SELECT sealed FROM epoch`, func(st *sqlite3.Stmt) {
		sealed := st.ColumnBlob(0, nil)
		for id := range int64(10) {
			if k, err := r.OpenEpoch(id, sealed); err == nil {
				keys = append(keys, k)
			}
		}
	})
	const wrapped = 60
	outer := len(keys)
	for _, p := range files(t, dir) {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at+wrapped <= len(b); at++ {
			for i := range outer {
				if k, err := keys[i].Unwrap(b[at : at+wrapped]); err == nil {
					keys = append(keys, k)
				}
			}
		}
	}
	query(`SELECT n, sealed FROM frame WHERE id > 1`, func(st *sqlite3.Stmt) {
		for i := range keys {
			if _, err := keys[i].OpenFrame(st.ColumnInt(0), st.ColumnBlob(1, nil)); err == nil {
				n++
				return
			}
		}
	})
	return n
}
