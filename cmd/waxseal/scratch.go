package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// scratchIn makes a folder for the private copies of one import, which are
// enciphered with keys that live in memory alone, and removes those that killed
// imports left: nobody holds their locks any more.
func scratchIn(dir string) (scratch string, done func() error, err error) {
	all := filepath.Join(dir, "scratch")
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", nil, fmt.Errorf("make a folder for private copies: %w", err)
	}
	left, err := os.ReadDir(all)
	if err != nil {
		return "", nil, fmt.Errorf("look for old private copies: %w", err)
	}
	for _, e := range left {
		old := filepath.Join(all, e.Name())
		if lock, err := lockFolder(old); err == nil {
			_ = errors.Join(lock.Close(), os.RemoveAll(old)) // tried again next time
		}
	}
	if scratch, err = os.MkdirTemp(all, "import-"); err != nil {
		return "", nil, fmt.Errorf("make a folder for private copies: %w", err)
	}
	lock, err := lockFolder(scratch)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("lock the folder for private copies: %w", err), os.RemoveAll(scratch))
	}
	return scratch, func() error {
		err := errors.Join(lock.Close(), os.RemoveAll(scratch))
		_ = os.Remove(all) // stays where another import uses it
		return err
	}, nil
}
