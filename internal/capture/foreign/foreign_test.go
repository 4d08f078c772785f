package foreign_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// made is a database as another program writes it, with rows of every kind.
func made(t testing.TB, sql ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	c, err := sqlite3.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{
		`PRAGMA page_size=1024`,
		`CREATE TABLE message (_id INTEGER PRIMARY KEY, text TEXT, at TIMESTAMP, x)`,
		`WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 2000) INSERT INTO message SELECT i, 'a message of some length, number '||i, i, NULL FROM n`,
		`UPDATE message SET text = CAST(x'6261642041c328ff42' AS TEXT), at = 1.5, x = x'00ff' WHERE _id = 2`,
		`CREATE TABLE pair (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID`,
		`INSERT INTO pair VALUES ('1', '2')`,
		`CREATE VIEW v AS SELECT * FROM message`,
	}, sql...) {
		if err := c.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func copied(t *testing.T, db, wal []byte) (*foreign.DB, error) {
	t.Helper()
	dir := t.TempDir()
	var w io.Reader
	if wal != nil {
		w = bytes.NewReader(wal)
	}
	d, err := foreign.Copy(t.Context(), dir, bytes.NewReader(db), w)
	if err != nil {
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("a failed copy left %v", left)
		}
		return nil, err
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
	return d, nil
}

func count(t *testing.T, d *foreign.DB, sql string) (n int64) {
	t.Helper()
	if err := d.Query(sql, func(r foreign.Row) error { n, _ = r.Values[0].(int64); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCopyReadsWhatWasStored(t *testing.T) {
	d, err := copied(t, read(t, made(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Damage()) != 0 {
		t.Errorf("damage %q", d.Damage())
	}
	var got []foreign.Row
	if err := d.Query(`SELECT * FROM message WHERE _id < 3`, func(r foreign.Row) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	want := [][]any{
		{int64(1), "a message of some length, number 1", int64(1), nil},
		{int64(2), foreign.Text("bad A\xc3(\xffB"), 1.5, []byte{0, 0xff}},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], got[i].Values); diff != "" {
			t.Errorf("row %d: %s", i, diff)
		}
	}
	m := d.Table("message")
	if m == nil || m.Key != "_id" || !m.Has("text") || m.Has("nothing") {
		t.Errorf("%+v", m)
	}
	if p := d.Table("pair"); p == nil || p.Key != "" {
		t.Errorf("%+v", p)
	}
	if d.Table("v") != nil || d.Table("absent") != nil {
		t.Error("a view or an absent table is a table")
	}
}

// The newest rows of a live database stand only in its write-ahead log.
func TestWriteAheadLogCounts(t *testing.T) {
	path := made(t)
	c, err := sqlite3.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Exec(`PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; INSERT INTO message (text) VALUES ('new')`); err != nil {
		t.Fatal(err)
	}
	db, wal := read(t, path), read(t, path+"-wal")
	for _, c := range []struct {
		wal  []byte
		want int64
	}{{wal, 2001}, {nil, 2000}, {wal[:len(wal)/2], 2000}} {
		d, err := copied(t, db, c.wal)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, `SELECT count(*) FROM message`); n != c.want {
			t.Errorf("%d rows with a log of %d bytes, want %d", n, len(c.wal), c.want)
		}
	}
	if !bytes.Equal(read(t, path), db) || !bytes.Equal(read(t, path+"-wal"), wal) {
		t.Error("the original was written to")
	}
}

func TestNothingLiesInClear(t *testing.T) {
	dir := t.TempDir()
	d, err := foreign.Copy(t.Context(), dir, bytes.NewReader(read(t, made(t))), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	count(t, d, `SELECT count(*) FROM (SELECT * FROM message ORDER BY text)`)
	files := 0
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			files++
			if b := read(t, path); bytes.Contains(b, []byte("some length")) || bytes.Contains(b, []byte("SQLite format")) {
				t.Errorf("%s is in clear", path)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
}

func TestDamagedDatabaseGivesWhatItHas(t *testing.T) {
	whole := read(t, made(t))
	page := func(n int, b byte) []byte {
		d := bytes.Clone(whole)
		copy(d[n*1024:(n+1)*1024], bytes.Repeat([]byte{b}, 1024))
		return d
	}
	for name, db := range map[string][]byte{
		"a page of zeros":  page(30, 0),
		"a page of noise":  page(31, 0xa5),
		"cut in the midst": whole[:len(whole)*6/10],
	} {
		d, err := copied(t, db, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := count(t, d, `SELECT count(*) FROM message`)
		if n < 1000 || n >= 2000 {
			t.Errorf("%s: %d rows", name, n)
		}
		if said := strings.Join(d.Damage(), "\n"); !strings.Contains(said, "table message: its rows from") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestWhatIsNoDatabase(t *testing.T) {
	whole := read(t, made(t))
	for name, b := range map[string][]byte{
		"text": []byte(strings.Repeat("hello ", 1000)), "a head": whole[:100], "zeros": make([]byte, 8192), "noise in page 1": append(bytes.Repeat([]byte{7}, 1024), whole[1024:]...),
	} {
		if _, err := copied(t, b, nil); !errors.Is(err, foreign.ErrNotDatabase) && !errors.Is(err, foreign.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d, err := copied(t, nil, nil); err != nil {
		t.Errorf("an empty file: %v", err) // to SQLite, an empty file is an empty database
	} else if len(d.Tables()) != 0 {
		t.Error("tables in an empty file")
	}
}

func FuzzDamage(f *testing.F) {
	whole := read(f, made(f))
	f.Add(uint16(3000), byte(0), uint16(10))
	f.Add(uint16(100), byte(255), uint16(1))
	f.Fuzz(func(t *testing.T, at uint16, b byte, n uint16) {
		db := bytes.Clone(whole)
		for i := range int(n) {
			db[(int(at)*7+i)%len(db)] = b
		}
		d, err := copied(t, db, nil)
		if err != nil {
			return
		}
		for _, table := range d.Tables() {
			if !table.Plain {
				continue
			}
			err := d.Query(`SELECT * FROM "`+strings.ReplaceAll(table.Name, `"`, `""`)+`"`, func(foreign.Row) error { return nil })
			if err != nil {
				t.Errorf("a copy that was taken cannot be read: %v", err)
			}
		}
	})
}
