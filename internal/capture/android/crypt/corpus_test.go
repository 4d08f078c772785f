package crypt

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus is the folder of backups with expected results, beside the
// repository.
func corpus(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	c := filepath.Join(dir, "..", "shared", "corpus", "backups")
	if _, err := os.Stat(c); err != nil {
		t.Skip("the corpus of backups does not lie beside the repository")
	}
	return c
}

// The suite of 28 good and bad containers, and the real ones, give what their
// tables say.
func TestCorpusSuite(t *testing.T) {
	dir := filepath.Join(corpus(t), "gen", "android-crypt-s1")
	for _, row := range table(t, filepath.Join(dir, "suite.tsv")) {
		for key := range strings.SplitSeq(row["key"], "|") {
			t.Run(row["file"]+" "+key, func(t *testing.T) {
				checkCorpus(t, filepath.Join(dir, row["file"]), filepath.Join(dir, key), row)
			})
		}
	}
}

func TestCorpusReal(t *testing.T) {
	dir := filepath.Join(corpus(t), "wa-crypt-tools")
	want, err := os.ReadFile(filepath.Join(dir, "msgstore.db"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(want)
	for file, key := range map[string]string{"msgstore.db.crypt12": "key", "msgstore.db.crypt14": "key", "msgstore.db.crypt15": "encrypted_backup.key"} {
		t.Run(file, func(t *testing.T) {
			checkCorpus(t, filepath.Join(dir, file), filepath.Join(dir, key), map[string]string{
				"expect": "ok", "payload": "sqlite", "sha256_of_plaintext": hex.EncodeToString(sum[:]),
			})
		})
	}
}

func checkCorpus(t *testing.T, file, key string, want map[string]string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	v, p, got, err := open(t.Context(), b, parseKey(t, kb))
	t.Logf("%d bytes, %v", len(got), err)
	sum := sha256.Sum256(got)
	same := hex.EncodeToString(sum[:]) == want["sha256_of_plaintext"]
	switch want["expect"] {
	case "ok":
		if err != nil || !same || string(p.Kind) != want["payload"] || v.Checksum == ChecksumWrong {
			t.Errorf("%v, same content: %v", err, same)
		}
	case "reject":
		if err == nil {
			t.Error("accepted")
		}
	case "reject-or-warn":
		if err != nil || !same || v.Checksum != ChecksumWrong {
			t.Errorf("%v, same content: %v", err, same)
		}
	case "reject-not-sqlite":
		if err == nil && p.Kind == SQLite {
			t.Error("accepted")
		}
	default:
		t.Fatalf("expected is %q", want["expect"])
	}
}

func table(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		all = append(all, m)
	}
	return all
}
