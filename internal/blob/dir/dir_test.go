package dir_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/blob/blobtest"
	"github.com/waxseal/waxseal/internal/blob/dir"
)

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return dir.New(filepath.Join(t.TempDir(), "blobs")) })
}

func TestStrayFilesAreListed(t *testing.T) {
	root := t.TempDir()
	for _, p := range []string{"readme", "ab/cd.tmp"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(p)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, p), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	err := dir.New(root).List(t.Context(), func(it blob.Item) error {
		if it.Stray {
			n++
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Fatalf("%d stray, %v", n, err)
	}
}
