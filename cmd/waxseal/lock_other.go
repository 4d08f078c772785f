//go:build !unix

package main

import (
	"os"
	"path/filepath"
)

// lockFolder keeps a file of the folder open, which keeps it from being
// removed where the system has no other locks.
func lockFolder(dir string) (*os.File, error) {
	name := filepath.Join(dir, "lock")
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return os.Create(name)
}
