// Package dir keeps sealed blobs in a folder: blobs/ab/abcdef…, where abcdef…
// is the random name. A blob is written beside its place, flushed and renamed,
// so that a crash leaves a whole blob or a leftover that ends in .tmp.
package dir

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
)

const tmpSuffix = ".tmp"

// Store is a folder of blobs.
type Store struct {
	root string
	mu   sync.Mutex
	made map[string]bool // folders known to be there
}

// New returns the store in the folder root, which is made when needed.
func New(root string) *Store { return &Store{root: root, made: map[string]bool{}} }

func (s *Store) path(name string) (string, error) {
	if !valid(name) {
		return "", fmt.Errorf("blob name: %w", blob.ErrNotFound)
	}
	return filepath.Join(s.root, name[:2], name), nil
}

func valid(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 16 && strings.ToLower(name) == name
}

// folder makes the folder of a blob and makes its own name durable.
func (s *Store) folder(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := filepath.Dir(path)
	if s.made[d] {
		return nil
	}
	if err := os.MkdirAll(d, 0o700); err != nil {
		return wrap(err)
	}
	if err := syncDir(s.root); err != nil {
		return err
	}
	s.made[d] = true
	return nil
}

// Create implements blob.Store.
func (s *Store) Create(_ context.Context, name string) (blob.Writer, error) {
	p, err := s.path(name)
	if err != nil {
		return nil, err
	}
	if err := s.folder(p); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p+tmpSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, wrap(err)
	}
	return &writer{f: f, to: p}, nil
}

type writer struct {
	f    *os.File
	to   string
	done bool
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	return n, wrap(err)
}

func (w *writer) Commit() error {
	if err := w.f.Sync(); err != nil {
		return wrap(err)
	}
	if err := w.f.Close(); err != nil {
		return wrap(err)
	}
	if err := os.Rename(w.f.Name(), w.to); err != nil {
		return wrap(err)
	}
	w.done = true
	return syncDir(filepath.Dir(w.to))
}

func (w *writer) Abort() {
	if w.done {
		return
	}
	_ = w.f.Close()           // nothing is lost with it
	_ = os.Remove(w.f.Name()) // best effort: the sweep removes leftovers older than a day
}

// Open implements blob.Store.
func (s *Store) Open(_ context.Context, name string) (blob.Reader, int64, error) {
	p, err := s.path(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, 0, wrap(err)
	}
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return nil, 0, errors.Join(blob.ErrNotFound, err, f.Close())
	}
	return f, fi.Size(), nil
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, fn func(blob.Item) error) error {
	err := filepath.WalkDir(s.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		fi, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process has just renamed or removed it
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.root, p)
		if err != nil {
			return err
		}
		it := blob.Item{Name: d.Name(), Size: fi.Size(), Age: int64(time.Since(fi.ModTime()).Seconds())}
		if !valid(it.Name) || filepath.ToSlash(rel) != it.Name[:2]+"/"+it.Name || !fi.Mode().IsRegular() {
			it.Name, it.Stray = filepath.ToSlash(rel), true
		}
		return fn(it)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no blob was ever kept
	}
	return err
}

// Remove implements blob.Store.
func (s *Store) Remove(_ context.Context, name string) error {
	p := filepath.Join(s.root, filepath.FromSlash(name))
	if valid(name) {
		p = filepath.Join(s.root, name[:2], name)
	} else if !filepath.IsLocal(filepath.FromSlash(name)) {
		return blob.ErrNotFound
	}
	return wrap(os.Remove(p))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return wrap(err)
	}
	return wrap(errors.Join(d.Sync(), d.Close()))
}

func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	}
	return err
}
