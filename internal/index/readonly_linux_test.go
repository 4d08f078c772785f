package index

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// heldBack takes root's power over file permissions from this test.
func heldBack(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if _, err := unix.SetfsuidRetUid(65534); err != nil {
		t.Skip("file permissions hold nobody back here")
	}
	t.Cleanup(func() {
		if _, err := unix.SetfsuidRetUid(0); err == nil {
			runtime.UnlockOSThread()
		}
	})
}

// readOnly makes a folder that can be read only, and its parents passable.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	for d := filepath.Dir(dir); d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Chmod(filepath.Join(dir, e.Name()), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
}

// TestReadOnlyIndex: an index on a medium that cannot be written answers as
// far as it has followed, and one that would answer wrongly does not open.
func TestReadOnlyIndex(t *testing.T) {
	l := sample(t)
	cfg := config(t, l)
	x, err := Open(t.Context(), cfg)
	if err == nil {
		err = errors.Join(x.Follow(t.Context(), nil), x.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	followed := int64(len(l.entries))
	l.capture(t, "later", fakeReading{}).said(t, "2025-01-01T09:00", "Ana", "contract of next year")
	dir := filepath.Dir(cfg.Path)
	readOnly(t, dir)
	t.Setenv("TMPDIR", openFolder(t))
	heldBack(t)

	x, err = Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	res, err := x.Search(t.Context(), Search{Query: "contract in:acme"})
	if err != nil || len(res.Hits) != 3 || res.Coverage.Through != followed || res.Coverage.Of != followed+2 {
		t.Errorf("%+v, %v", res, err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) > 0 {
		t.Errorf("%q, %v", found, err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if err != nil || !cmp.Equal(names, []string{"index.db"}) {
		t.Errorf("in the folder: %q, %v", names, err)
	}

	other := cfg
	other.Log = newLog(t)
	if x, err = Open(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.Follow(t.Context(), nil), x.Close()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("of a shorter log: %v", err)
	}
	other.Path += ".none"
	if _, err := Open(t.Context(), other); !errors.Is(err, ErrReadOnly) {
		t.Errorf("where there is none: %v", err)
	}
}

// openFolder is one that everybody can write.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
