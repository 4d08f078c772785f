package index

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// An index holds words of everything that it has ever followed, and what an
// overwritten page of a disk still holds nobody knows. So after a disposal it
// is built anew from what is left, under another key, and the old key dies.

// renewed is what stands beside the path of an index that is being built anew.
const renewed = ".new"

// Renew builds the index anew beside itself under another key, and takes its
// place. Questions are answered meanwhile, by the old one until the new one is
// whole. commit makes the new key the index's own, durably: a crash before it
// leaves the old index, one after it a file that does not open with the new
// key, which Open builds anew.
func (x *Index) Renew(ctx context.Context, key [32]byte, commit func() error, progress func(done, of int64)) (err error) {
	cfg := x.cfg
	cfg.Path, cfg.Key, cfg.CurrentKey = x.cfg.Path+renewed, key, nil
	if err := remove(cfg.Path); err != nil {
		return fmt.Errorf("build the index anew: %w", err)
	}
	defer func() { err = errors.Join(err, remove(cfg.Path)) }() // nothing, once it has moved
	n, err := Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("build the index anew: %w", err)
	}
	if err := errors.Join(n.Follow(ctx, progress), n.Close()); err != nil {
		return fmt.Errorf("build the index anew: %w", err)
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.swap(ctx, key, func() error {
		if err := commit(); err != nil {
			return err
		}
		if err := remove(x.cfg.Path); err != nil {
			return err
		}
		return os.Rename(cfg.Path, x.cfg.Path)
	})
}

// swap closes every connection, lets change do its work, and opens the index
// with a key. Questions wait meanwhile. writing is held.
func (x *Index) swap(ctx context.Context, key [32]byte, change func() error) error {
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
	errs = append(errs, x.w.c.Close(), change())
	x.cfg.Key = key
	c, err := x.connect(ctx)
	if err != nil && damaged(err) {
		x.anew = "it was written under another key"
		if err = remove(x.cfg.Path); err == nil {
			c, err = x.connect(ctx)
		}
	}
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("open index: %w", err))...)
	}
	x.w = newWriter(x, c)
	x.reads.forget()
	return errors.Join(errs...)
}

// current opens the index again where another process has built it anew.
// writing is held.
func (x *Index) current(ctx context.Context) error {
	if x.cfg.CurrentKey == nil {
		return nil
	}
	key, err := x.cfg.CurrentKey()
	if err != nil || key == x.cfg.Key {
		return err
	}
	return x.swap(ctx, key, func() error { return nil })
}
