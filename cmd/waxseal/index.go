package main

import (
	"errors"
	"fmt"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/index"
)

// interpreters hands the index what it needs to read every source.
func interpreters() map[string]index.Interpreter {
	m := map[string]index.Interpreter{}
	for _, f := range all.Formats() {
		m[f.Name] = f.Interpreter
	}
	return m
}

func indexConfig(ar *archive.Archive) index.Config {
	return index.Config{Path: ar.IndexPath(), Key: ar.IndexKey(), Log: ar, Interpreters: interpreters()}
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

func (a *app) onIndex(ar *archive.Archive, fn func(*index.Index) error) (err error) {
	x, err := index.Open(a.ctx, indexConfig(ar))
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
	if err := index.Remove(ar.IndexPath()); err != nil {
		return fmt.Errorf("remove index: %w", err)
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
