package sqlite_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/store/sqlite"
	"github.com/waxseal/waxseal/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "log.db")
		s, err := sqlite.Create(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return func() store.Store {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestOtherDatabases(t *testing.T) {
	for name, tc := range map[string]struct {
		sql  string
		want error
	}{
		"somebody else's": {"CREATE TABLE t (x)", store.ErrDamaged},
		"newer":           {"CREATE TABLE head (x); PRAGMA user_version=99", store.ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			db, err := sqlite3.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Exec(tc.sql), db.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "log.db")
	if err := os.WriteFile(path, []byte("this is no database, but it is longer than a header would be, which is a hundred bytes, as one knows"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("a text file: %v", err)
	}
}

// TestPageChecksums computes them as docs/format.md says.
func TestPageChecksums(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	s, err := sqlite.Create(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 || len(b)%8192 != 0 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	for page := range slices.Chunk(b, 8192) {
		var s1, s2 uint32
		for w := range slices.Chunk(page[:8184], 8) {
			s1 += binary.LittleEndian.Uint32(w) + s2
			s2 += binary.LittleEndian.Uint32(w[4:]) + s1
		}
		if binary.LittleEndian.Uint32(page[8184:]) != s1 || binary.LittleEndian.Uint32(page[8188:]) != s2 {
			t.Fatal("a page has another checksum")
		}
	}
}
