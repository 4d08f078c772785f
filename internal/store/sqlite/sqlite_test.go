package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
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
