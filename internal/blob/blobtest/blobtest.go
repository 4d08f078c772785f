// Package blobtest is the suite that every blob store must pass.
package blobtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/waxseal/waxseal/internal/blob"
)

const (
	nameA = "00112233445566778899aabbccddeeff"
	nameB = "ffeeddccbbaa99887766554433221100"
)

// Run runs the suite on stores that create makes.
func Run(t *testing.T, create func(t *testing.T) blob.Store) {
	t.Run("what is committed is there", func(t *testing.T) {
		s := create(t)
		put(t, s, nameA, "wax")
		put(t, s, nameB, "")
		if got := get(t, s, nameA); got != "wax" {
			t.Fatalf("read %q", got)
		}
		if got := get(t, s, nameB); got != "" {
			t.Fatalf("read %q", got)
		}
	})
	t.Run("what is not committed is not there", func(t *testing.T) {
		s := create(t)
		w, err := s.Create(t.Context(), nameA)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Open(t.Context(), nameA); !errors.Is(err, blob.ErrNotFound) {
			t.Fatalf("open before commit: %v", err)
		}
		w.Abort()
		if n := count(t, s); n != 0 {
			t.Fatalf("%d things left after abort", n)
		}
	})
	t.Run("removed blobs are gone", func(t *testing.T) {
		s := create(t)
		put(t, s, nameA, "wax")
		if err := s.Remove(t.Context(), nameA); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Open(t.Context(), nameA); !errors.Is(err, blob.ErrNotFound) {
			t.Fatalf("open after remove: %v", err)
		}
	})
	t.Run("names that are none", func(t *testing.T) {
		s := create(t)
		for _, name := range []string{"", "x", "../../etc/passwd", nameA + "/..", "00112233445566778899AABBCCDDEEFF"} {
			if _, err := s.Create(t.Context(), name); err == nil {
				t.Errorf("created %q", name)
			}
			if _, _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("open %q: %v", name, err)
			}
		}
	})
}

func put(t *testing.T, s blob.Store, name, content string) {
	t.Helper()
	w, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.Copy(w, bytes.NewReader([]byte(content))); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s blob.Store, name string) string {
	t.Helper()
	r, size, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func count(t *testing.T, s blob.Store) (n int) {
	t.Helper()
	if err := s.List(t.Context(), func(blob.Item) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
