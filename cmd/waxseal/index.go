package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/web"
)

// interpreters hands the index what it needs to read every source.
func interpreters() map[string]index.Interpreter {
	m := map[string]index.Interpreter{}
	for _, f := range all.Formats() {
		m[f.Name] = f.Interpreter
	}
	return m
}

func (a *app) indexConfig(ar *archive.Archive) (index.Config, error) {
	l, _, err := a.books(ar)
	if err != nil {
		return index.Config{}, err
	}
	return index.Config{
		Path: ar.IndexPath(), Key: ar.IndexKey(), Log: ar, Interpreters: interpreters(), Books: dispose.NewIndexBooks(l),
		Current: func() (string, [32]byte, error) {
			k, err := ar.CurrentIndexKey()
			return ar.IndexPathOf(k), k, err
		},
	}, nil
}

// usableIndex is indexConfig, or, beside an archive that cannot be written,
// where an index cannot follow the log nor even be opened, that of a copy,
// which drop removes.
func (a *app) usableIndex(ar *archive.Archive) (cfg index.Config, drop func() error, err error) {
	if cfg, err = a.indexConfig(ar); err != nil {
		return cfg, nil, err
	}
	if canWrite(ar.Dir(), cfg.Path) {
		return cfg, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "waxseal-index-")
	if err != nil {
		return cfg, nil, fmt.Errorf("copy index: %w", err)
	}
	drop = func() error { return os.RemoveAll(dir) }
	from := cfg.Path
	cfg.Current = nil
	cfg.Path = filepath.Join(dir, filepath.Base(from))
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(cfg.Path+suffix, from+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cfg, nil, errors.Join(fmt.Errorf("copy index: %w", err), drop())
		}
	}
	return cfg, drop, nil
}

// canWrite reports whether an index at path can be written: the file, where
// it is there, and files beside it.
func canWrite(dir, path string) bool {
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		_ = f.Close() // nothing was written
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	f, err := os.CreateTemp(dir, ".index.*.tmp")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), in.Close())
}

// withIndex runs fn on the index of the archive, brought up to date.
func (a *app) withIndex(fn func(*archive.Archive, *index.Index) error) (err error) {
	ar, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	return a.onIndex(ar, func(x *index.Index) error { return fn(ar, x) })
}

// withView is withIndex, as far as whoever types may see.
func (a *app) withView(fn func(*archive.Archive, *index.View) error) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		v, err := a.viewOf(ar, x)
		if err != nil {
			return err
		}
		return fn(ar, v)
	})
}

// viewOf is the index as far as whoever types may see it.
func (a *app) viewOf(ar *archive.Archive, x *index.Index) (*index.View, error) {
	l, who, err := a.books(ar)
	if err != nil {
		return nil, err
	}
	var sc index.Scope
	err = l.Read(a.ctx, func(s *govern.State) error { sc = web.ScopeOf(s, who.Subject); return nil })
	return x.Within(sc), err
}

func (a *app) onIndex(ar *archive.Archive, fn func(*index.Index) error) (err error) {
	cfg, drop, err := a.usableIndex(ar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	x, err := index.Open(a.ctx, cfg)
	if err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	bar := a.bar("Indexing")
	err = x.Follow(a.ctx, func(done, of int64) { bar.set(done, of, group(done)+" entries") })
	bar.done()
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	return fn(x)
}

func (a *app) followIndex(ar *archive.Archive) error {
	return a.onIndex(ar, func(*index.Index) error { return nil })
}

// followEach is how soon a growing log is followed again.
const followEach = 500 * time.Millisecond

// followBeside follows the log while an import writes it, on the machine's
// other core. What fails there fails again in followIndex, which must come
// after stop and tells it.
func (a *app) followBeside(ar *archive.Archive) (stop func()) {
	cfg, err := a.indexConfig(ar)
	if err != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(a.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		x, err := index.Open(ctx, cfg)
		if err != nil {
			return
		}
		for err == nil {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(followEach):
				err = x.FollowBehind(ctx)
			}
		}
		_ = x.Close() // see above
	}()
	return func() { cancel(); <-done }
}

type indexCmd struct {
	Rebuild indexRebuildCmd `cmd:"" help:"Remove the index and build it again from the log."`
}

type indexRebuildCmd struct{}

func (indexRebuildCmd) Run(a *app) (err error) {
	ar, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	if err := ar.Writable(); err != nil {
		return err
	}
	// Under another key: whoever has the old one open goes over to the new one.
	if err := ar.SetIndexKey(a.ctx, seal.NewKey()); err != nil {
		return fmt.Errorf("remove index: %w", err)
	}
	if err := dropStrayIndexes(ar); err != nil {
		return err
	}
	return a.onIndex(ar, func(x *index.Index) error {
		cov, err := x.Coverage(a.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Index rebuilt: %s messages from %s entries, %s unread.\n", group(cov.Messages), group(cov.Through), group(cov.Unread))
		return err
	})
}
