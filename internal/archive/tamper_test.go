package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
)

// sample is a closed archive with a few packs and two blobs.
func sample(t testing.TB) string {
	t.Helper()
	dir := create(t)
	a := open(t, dir)
	for i := range 2 {
		b, err := a.Blob(t.Context(), bytes.NewReader(bytes.Repeat([]byte{byte(i), 7}, 200_000*i+50)))
		if err != nil {
			t.Fatal(err)
		}
		batch := append(items(t, "acme", i*500, i*500+300), item(t, "acme", 5000+i, "photo", b))
		appendAll(t, a, append(batch, items(t, "beta", i*10, i*10+10)...))
	}
	r := verify(t, a)
	if err := a.RecordVerification(r); err != nil {
		t.Fatal(err)
	}
	closeArchive(t, a)
	wantOK(t, dir)
	return dir
}

func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantFound fails the test unless opening or verifying finds that something is
// wrong.
func wantFound(t testing.TB, dir, what string) {
	t.Helper()
	a, err := archive.Open(t.Context(), dir, nil)
	if err != nil {
		return
	}
	defer func() { _ = a.Close() }() // a tampered archive may not close in order
	r, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err == nil && r.OK() {
		t.Errorf("%s was not found", what)
	}
}

func TestAnyFlippedBitIsFound(t *testing.T) {
	dir := sample(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range files(t, dir) {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, p)
		for range 25 {
			at, bit := r.IntN(len(b)), r.IntN(8)
			c := bytes.Clone(b)
			c[at] ^= 1 << bit
			if err := os.WriteFile(p, c, 0o600); err != nil {
				t.Fatal(err)
			}
			wantFound(t, dir, fmt.Sprintf("bit %d of byte %d of %s", bit, at, name))
			// Opening may have mended, moved or added files: put all back.
			if err := os.WriteFile(p, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantOK(t, dir)
}

func TestEveryMissingOrCutFileIsFound(t *testing.T) {
	dir := sample(t)
	for _, p := range files(t, dir) {
		name, _ := filepath.Rel(dir, p)
		if name == "verification" {
			continue // a note for people; the next verification writes it again
		}
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, dir)
			if err := os.Remove(filepath.Join(c, name)); err != nil {
				t.Fatal(err)
			}
			wantFound(t, c, "missing file")
			c = copyOf(t, dir)
			fi, err := os.Stat(filepath.Join(c, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(c, name), fi.Size()*2/3); err != nil {
				t.Fatal(err)
			}
			wantFound(t, c, "cut file")
		})
	}
}

// TestBytesAfterTheDatabaseAreFound: SQLite reads whole pages, and as many as
// its header says.
func TestBytesAfterTheDatabaseAreFound(t *testing.T) {
	dir := sample(t)
	for name, change := range map[string]func(b []byte) []byte{
		"a byte more":  func(b []byte) []byte { return append(b, 0) },
		"a byte less":  func(b []byte) []byte { return b[:len(b)-1] },
		"a page more":  func(b []byte) []byte { return append(b, make([]byte, 8192)...) },
		"a page twice": func(b []byte) []byte { return append(b, b[len(b)-8192:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, dir)
			p := filepath.Join(c, "log.db")
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			wantFound(t, c, name)
		})
	}
}

func TestRemovedVerificationIsTold(t *testing.T) {
	dir := sample(t)
	if r := wantOK(t, dir); r.Before == nil {
		t.Error("an archive that was verified is said never to have been")
	}
	if err := os.Remove(filepath.Join(dir, "verification")); err != nil {
		t.Fatal(err)
	}
	if r := wantOK(t, dir); r.Before != nil {
		t.Errorf("verified %v, by a result that was removed", r.Before)
	}
}

// TestInsiderWithSQLIsFound changes the database as somebody who owns the host
// would: through SQLite, with valid checksums.
func TestInsiderWithSQLIsFound(t *testing.T) {
	dir := sample(t)
	for name, sql := range map[string]string{
		"swapped records":       `UPDATE entry SET slot = CASE slot WHEN 3 THEN 4 WHEN 4 THEN 3 ELSE slot END`,
		"swapped frames":        `UPDATE entry SET frame = CASE frame WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE frame END`,
		"swapped sealed frames": `UPDATE frame SET sealed = (SELECT sealed FROM frame g WHERE g.id = 5 - frame.id) WHERE id IN (2, 3)`,
		"reordered entries":     `UPDATE entry SET seq = -seq WHERE seq IN (10, 11); UPDATE entry SET seq = CASE seq WHEN -10 THEN 11 ELSE 10 END WHERE seq < 0`,
		"changed time":          `UPDATE entry SET at = at + 1 WHERE seq = 20`,
		"changed kind":          `UPDATE entry SET kind = 4 WHERE seq = 20`,
		"disposed in silence":   `UPDATE entry SET frame = NULL WHERE seq = 20; DELETE FROM frame WHERE id NOT IN (SELECT frame FROM entry WHERE frame IS NOT NULL)`,
		"cut tail":              `DELETE FROM entry WHERE seq > 600; UPDATE head SET size = 601`,
		"dropped blob":          `DELETE FROM blob_ref; DELETE FROM blob`,
		"dropped reference":     `DELETE FROM blob_ref WHERE hash IN (SELECT hash FROM blob_ref LIMIT 1)`,
		"changed root":          `UPDATE head SET root = zeroblob(32)`,
		"changed tile":          `UPDATE tile SET hashes = CAST(substr(hashes, 1, 31) || x'00' || substr(hashes, 33) AS BLOB)`,
		"foreign intake key":    `UPDATE intake SET public = CAST(substr(public, 1, 1215) || x'00' AS BLOB)`,
		"renumbered intake key": `UPDATE intake SET id = id + 1`,
		"added intake key":      `INSERT INTO intake SELECT id + 1, public FROM intake`,
		"no intake key":         `DELETE FROM intake`,
		"removed identity":      `DELETE FROM identity WHERE seq = 20`,
		"swapped identities":    `UPDATE identity SET seq = CASE seq WHEN 20 THEN 21 ELSE 20 END WHERE seq IN (20, 21)`,
		"added identity":        `INSERT INTO identity VALUES (x'0102030405060708090a0b0c0d0e0f1011121314', 20)`,
		"identity of nothing":   `INSERT INTO identity VALUES (x'0102030405060708090a0b0c0d0e0f1011121314', 100000)`,
		"reference of nothing":  `INSERT INTO blob_ref SELECT hash, 100000 FROM blob LIMIT 1`,
		"emptied identities":    `DELETE FROM identity`,
		"added reference":       `INSERT INTO blob_ref SELECT hash, 20 FROM blob LIMIT 1`,
		"moved reference":       `UPDATE blob_ref SET seq = seq - 1 WHERE hash IN (SELECT hash FROM blob_ref LIMIT 1)`,
		"added key":             `INSERT INTO key (block, wrapped) SELECT block, wrapped FROM key LIMIT 1`,
		"added frame":           `INSERT INTO frame (key, n, sealed) SELECT key, n, sealed FROM frame LIMIT 1`,
		"added epoch":           `INSERT INTO epoch (intake, sealed) VALUES (1, zeroblob(1168))`,
		"added tree hash":       `UPDATE tile SET hashes = CAST(hashes || zeroblob(32) AS BLOB)`,
		"added tile":            `INSERT INTO tile VALUES (3, 0, zeroblob(32))`,
		"trigger":               `CREATE TRIGGER later AFTER INSERT ON identity BEGIN DELETE FROM identity; END`,
		"table":                 `CREATE TABLE other (x)`,
		"view":                  `CREATE VIEW other AS SELECT * FROM head`,
		"index":                 `CREATE INDEX other ON entry (at)`,
		"statistics":            `ANALYZE`,
		"dropped index":         `DROP INDEX key_block`,
		"dropped constraints":   `PRAGMA foreign_keys=OFF; CREATE TABLE k2 AS SELECT * FROM key; DROP TABLE key; ALTER TABLE k2 RENAME TO key; CREATE INDEX key_epoch ON key (epoch) WHERE epoch IS NOT NULL; CREATE INDEX key_block ON key (block) WHERE block IS NOT NULL`,
		"content gone alone":    `UPDATE entry SET frame = NULL WHERE seq = 20`,
		"changed key":           `UPDATE key SET wrapped = zeroblob(60) WHERE id = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, dir)
			execSQL(t, c, sql)
			wantFound(t, c, name)
		})
	}
}

// execSQL changes the database of an archive behind its back.
func execSQL(t testing.TB, dir, sql string) {
	t.Helper()
	db, err := sqlite3.Open(filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec(sql), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestForeignSchemaIsReadAndNotWritten: a trigger could change what an append
// writes; to read, it does no harm.
func TestForeignSchemaIsReadAndNotWritten(t *testing.T) {
	dir := sample(t)
	a := open(t, dir)
	execSQL(t, dir, `CREATE TRIGGER later AFTER INSERT ON identity BEGIN DELETE FROM identity; END`)
	if _, err := a.Append(t.Context(), items(t, "gamma", 0, 3)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("append: %v", err)
	}
	if _, err := a.Get(t.Context(), []int64{5}); err != nil {
		t.Errorf("read: %v", err)
	}
	if r := verify(t, a); r.OK() {
		t.Error("a trigger was not found")
	}
	closeArchive(t, a)
	execSQL(t, dir, `DROP TRIGGER later`)
	wantOK(t, dir)
}

// TestNothingIsSealedToAForeignIntakeKey swaps the key before the archive is
// opened, and while it is open.
func TestNothingIsSealedToAForeignIntakeKey(t *testing.T) {
	dir := sample(t)
	other := sample(t)
	swap := fmt.Sprintf(`ATTACH '%s' AS o; UPDATE intake SET public = (SELECT public FROM o.intake)`, filepath.Join(other, "log.db"))
	late := copyOf(t, dir)

	execSQL(t, dir, swap)
	a := open(t, dir)
	if err := a.Writable(); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("writable: %v", err)
	}
	if _, err := a.Append(t.Context(), items(t, "gamma", 0, 3)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("append: %v", err)
	}
	closeArchive(t, a)

	a = open(t, late)
	appendAll(t, a, items(t, "gamma", 0, 3))
	execSQL(t, late, swap)
	a.SetClock(func() time.Time { return time.Now().Add(2 * seal.EpochLife) })
	if _, err := a.Append(t.Context(), items(t, "gamma", 3, 6)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("append under the next epoch: %v", err)
	}
	if err := a.Close(); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("close: %v", err)
	}
	wantFound(t, late, "an intake key that was swapped while the archive was open")
}

func TestCheckpointOfAnotherArchiveIsFound(t *testing.T) {
	dir, other := sample(t), sample(t)
	b, err := os.ReadFile(filepath.Join(other, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFound(t, dir, "replaced checkpoint")
}

// TestNoClearTextOnDisk looks for what was archived in every file, while the
// archive is open (write-ahead log included) and after.
func TestNoClearTextOnDisk(t *testing.T) {
	dir := create(t)
	a := open(t, dir)
	secretText := "the merger closes on friday, call +447700900123"
	b, err := a.Blob(t.Context(), bytes.NewReader(bytes.Repeat([]byte(secretText), 100)))
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, a, []record.Record{item(t, "Ana Lima", 1, secretText, b)})
	look := func() {
		for _, p := range files(t, dir) {
			got, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range []string{"merger", "friday", "447700900123", "Ana Lima", "Acme", b.SHA256} {
				if bytes.Contains(bytes.ToLower(got), bytes.ToLower([]byte(w))) {
					t.Errorf("%q stands in clear in %s", w, filepath.Base(p))
				}
			}
		}
	}
	look()
	closeArchive(t, a)
	look()
}

// TestAnyChangedCellIsFound changes a cell of every column of every table,
// removes a row and adds one, in an archive whose keys are young and in one
// whose keys have moved into blocks.
func TestAnyChangedCellIsFound(t *testing.T) {
	settled := sample(t)
	a := open(t, copyOf(t, settled))
	appendAll(t, a, items(t, "young", 0, 600))
	if err := a.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	young := copyOf(t, a.Dir())
	closeArchive(t, a)
	wantOK(t, copyOf(t, young))
	for name, dir := range map[string]string{"settled": settled, "young": young, "disposed": disposed(t, settled)} {
		for _, sql := range mutations(t, copyOf(t, dir)) {
			if strings.Contains(sql, " disposed_blob ") {
				continue // it proves nothing: the certificate does
			}
			if strings.HasPrefix(sql, "UPDATE OR IGNORE sqlite_sequence SET seq") {
				continue // numbers that are never given are no harm
			}
			c := copyOf(t, dir)
			if execRows(t, c, sql) > 0 {
				wantFound(t, c, name+": "+sql)
			}
		}
	}
}

// disposed is a copy of an archive of which something was disposed of.
func disposed(t *testing.T, dir string) string {
	t.Helper()
	a := open(t, copyOf(t, dir))
	seq := disposal(t, a, record.DisposalHead{Entries: [][2]int64{{100, 40}, {300, 2}}})
	certify(t, a, seq, dispose(t, a, seq, nothingHeld))
	closeArchive(t, a)
	wantOK(t, copyOf(t, a.Dir()))
	return a.Dir()
}

// mutations are statements that change one row each.
func mutations(t testing.TB, dir string) (all []string) {
	t.Helper()
	db, err := sqlite3.Open(filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read
	columns, _, err := db.Prepare(`SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY 1, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = columns.Close() }() // only read
	tables := map[string][]string{}
	for columns.Step() {
		table, column := columns.ColumnText(0), columns.ColumnText(1)
		tables[table] = append(tables[table], column)
		row := fmt.Sprintf("(%s) = (SELECT %[1]s FROM %s ORDER BY 1 DESC LIMIT 1)", column, table)
		to := column + " + 1"
		if columns.ColumnText(2) == "BLOB" {
			to = fmt.Sprintf("CAST(substr(%s, 1, length(%[1]s) - 1) || iif(substr(%[1]s, -1) = x'5a', x'a5', x'5a') AS BLOB)", column)
		}
		all = append(all, fmt.Sprintf("UPDATE OR IGNORE %s SET %s = %s WHERE %s", table, column, to, row))
	}
	for table, names := range tables {
		first := names[0]
		all = append(all, fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT max(%[2]s) FROM %[1]s)", table, first))
		copied := append([]string{first + " + 1000"}, names[1:]...)
		if table == "identity" || table == "blob" || table == "blob_ref" {
			copied[0] = "CAST(x'5a' || substr(hash, 2) AS BLOB)"
		}
		all = append(all, fmt.Sprintf("INSERT OR IGNORE INTO %s SELECT %s FROM %[1]s ORDER BY 1 DESC LIMIT 1", table, strings.Join(copied, ", ")))
	}
	return all
}

// execRows is execSQL without foreign keys; it returns how many rows changed.
func execRows(t testing.TB, dir, sql string) int64 {
	t.Helper()
	db, err := sqlite3.Open(filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Exec("PRAGMA foreign_keys=OFF")
	if err == nil {
		err = db.Exec(sql)
	}
	n := db.TotalChanges()
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}
