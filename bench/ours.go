package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// ran is one run of the real binary.
type ran struct {
	Seconds float64 `json:"seconds"`
	RSS     int64   `json:"peak_rss"`
}

func (r ran) rate(n int) float64 { return float64(n) / r.Seconds }

// binary builds the product as it is shipped.
func binary(ctx context.Context, cache string) (string, error) {
	bin := filepath.Join(cache, "waxseal")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./cmd/waxseal")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build waxseal: %w: %s", err, tail(out))
	}
	return bin, nil
}

// run runs the binary and measures it.
func run(ctx context.Context, bin string, args ...string) (ran, error) {
	var complaint bytes.Buffer
	c := exec.CommandContext(ctx, bin, args...)
	c.Stderr = &complaint
	start := time.Now()
	err := c.Run()
	r := ran{Seconds: time.Since(start).Seconds(), RSS: peakRSS(c.ProcessState)}
	if err != nil {
		return r, fmt.Errorf("waxseal %s: %w: %s", args[0], err, tail(complaint.Bytes()))
	}
	return r, nil
}

// imported is what the import of one input took, and what it left.
type imported struct {
	Messages   int              `json:"messages"`
	Input      int64            `json:"input_bytes"`
	Import     ran              `json:"import"`     // acknowledged, not indexed
	Searchable ran              `json:"searchable"` // the same and indexed
	Rebuild    ran              `json:"rebuild"`
	Verify     ran              `json:"verify"`       // without the index
	VerifyAll  ran              `json:"verify_index"` // with its agreement
	Bytes      map[string]int64 `json:"bytes"`        // stored, by part
	archive    string
}

// measureImport takes one input the whole way, in archives under dir. The
// archive that can be searched stays, for the searches.
func measureImport(ctx context.Context, bin, dir, input string, n int) (m imported, err error) {
	m = imported{Messages: n, archive: filepath.Join(dir, fmt.Sprintf("archive-%d", n))}
	plain := m.archive + "-plain"
	steps := []struct {
		into *ran
		args []string
	}{
		{nil, []string{"init", "--no-passphrase", "--dir", plain, "--name", "Bench", "--zone", "Europe/London"}},
		{&m.Import, []string{"import", "--no-index", "--json", "--dir", plain, input}},
		{nil, []string{"init", "--no-passphrase", "--dir", m.archive, "--name", "Bench", "--zone", "Europe/London"}},
		{&m.Searchable, []string{"import", "--json", "--dir", m.archive, input}},
		{&m.Verify, []string{"verify", "--no-index", "--json", "--dir", m.archive}},
		{&m.VerifyAll, []string{"verify", "--json", "--dir", m.archive}},
		{&m.Rebuild, []string{"index", "rebuild", "--dir", m.archive}},
	}
	for _, s := range steps {
		r, err := run(ctx, bin, s.args...)
		if err != nil {
			return m, err
		}
		if s.into != nil {
			*s.into = r
		}
	}
	if err := os.RemoveAll(plain); err != nil {
		return m, fmt.Errorf("remove archive: %w", err)
	}
	m.Bytes, err = parts(m.archive)
	return m, err
}

// parts sums what an archive stores: the log with its packs and hashes, the
// keys, the index, and the evidence.
func parts(dir string) (map[string]int64, error) {
	sum := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case filepath.Dir(rel) != ".":
			sum["evidence"] += fi.Size()
		case filepath.Ext(trimWAL(rel)) != ".db":
			sum["keys"] += fi.Size() // the ring and what stands beside it
		case strings.HasPrefix(rel, "index-"):
			sum["index"] += fi.Size()
		default:
			sum["log"] += fi.Size()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("measure archive: %w", err)
	}
	return sum, splitLog(filepath.Join(dir, "log.db"), sum)
}

func trimWAL(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "-wal"), "-shm")
}

// keyBytes is what the rows of keys hold; the driver has no table of page
// sizes, so that their share of the pages stays with the log.
const keyBytes = `
    SELECT (SELECT coalesce(sum(length(wrapped) + 12), 0) FROM key)
         + (SELECT coalesce(sum(length(sealed) + 8), 0) FROM epoch)
         + (SELECT coalesce(sum(length(public) + 4), 0) FROM intake)`

// splitLog moves the rows of keys from the log's size to the keys'.
func splitLog(path string, sum map[string]int64) (err error) {
	db, err := sqlite3.OpenFlags("file:"+path+"?immutable=1", sqlite3.OPEN_READONLY|sqlite3.OPEN_URI)
	if err != nil {
		return fmt.Errorf("measure log: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, _, err := db.Prepare(keyBytes)
	if err != nil {
		return fmt.Errorf("measure log: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.Step() {
		sum["keys"] += s.ColumnInt64(0)
		sum["log"] -= s.ColumnInt64(0)
	}
	return s.Err()
}
