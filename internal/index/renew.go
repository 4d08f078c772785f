package index

import (
	"context"
	"errors"
	"fmt"
)

// An index holds words of everything that it has ever followed, and what an
// overwritten page of a disk still holds nobody knows. So after a disposal it
// is built anew from what is left, under another key and in another file, and
// the old key dies. A file never has two keys, so that no process, however
// late it notices, takes one index for the other or writes to its files.

// Renew builds the index anew at another path under another key, and goes over
// to it. Questions are answered meanwhile, by the old one until the new one is
// whole. commit makes the new key the index's own, durably; where it fails, or
// there is no room, the old index stays. A crash before it leaves the old
// index, one after it the new one; beside it is a file that nothing opens any
// more, or that nothing opens yet.
func (x *Index) Renew(ctx context.Context, path string, key [32]byte, commit func() error, progress func(done, of int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if err := x.build(ctx, path, key, progress); err != nil {
		return errors.Join(fmt.Errorf("build the index anew: %w", room(err)), remove(path))
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := commit(); err != nil {
		return errors.Join(fmt.Errorf("build the index anew: %w", err), remove(path))
	}
	old := x.cfg.Path
	if err := x.swap(ctx, path, key); err != nil {
		return fmt.Errorf("build the index anew: %w", room(err))
	}
	if err := remove(old); err != nil {
		return fmt.Errorf("remove the old index: %w", err)
	}
	// What came into the log meanwhile: nobody's answer goes back in time.
	return x.follow(ctx, 1, progress)
}

func (x *Index) build(ctx context.Context, path string, key [32]byte, progress func(done, of int64)) error {
	cfg := x.cfg
	cfg.Path, cfg.Key, cfg.Current = path, key, nil
	if err := remove(path); err != nil {
		return err
	}
	n, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(n.Follow(ctx, progress), n.Close())
}

// swap closes every connection and opens another file. Questions wait
// meanwhile. Where it does not open, the index still goes by the old one's
// name, so that whoever asks next tries again. writing is held.
func (x *Index) swap(ctx context.Context, path string, key [32]byte) error {
	ctx = context.WithoutCancel(ctx) // half a swap would be worse than a late one
	var errs []error
	for range readers {
		if c := <-x.idle; c != nil {
			c.drop()
			errs = append(errs, c.Close())
		}
	}
	defer func() {
		for range readers {
			x.idle <- nil
		}
	}()
	x.w.c.drop()
	errs = append(errs, x.w.c.Close())
	was := x.cfg
	x.cfg.Path, x.cfg.Key = path, key
	c, err := x.connect(ctx)
	if err != nil && damaged(err) {
		x.anew = "it was damaged"
		if err = remove(path); err == nil {
			c, err = x.connect(ctx)
		}
	}
	if err != nil {
		x.cfg = was
		return errors.Join(append(errs, fmt.Errorf("open index: %w", err))...)
	}
	x.w = newWriter(x, c)
	x.reads.forget()
	x.shares.forget()
	return errors.Join(errs...)
}

// current goes over to the index that another process has built anew. writing
// is held.
func (x *Index) current(ctx context.Context) error {
	if x.cfg.Current == nil {
		return nil
	}
	path, key, err := x.cfg.Current()
	if err != nil || path == x.cfg.Path {
		return err
	}
	return x.swap(ctx, path, key)
}

// moved goes over to the index that another process has built anew, for a
// question that found the old one gone, and reports whether there was one.
func (x *Index) moved(ctx context.Context) (bool, error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	was := x.cfg.Path
	err := x.current(ctx)
	return err == nil && x.cfg.Path != was, err
}
