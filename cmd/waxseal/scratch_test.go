package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What a killed import left is removed at once, what a running one uses stays.
func TestScratchOfKilledImports(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "scratch", "import-dead")
	if err := os.MkdirAll(filepath.Join(dead, "copy-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	one, doneOne, err := scratchIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	two, doneTwo, err := scratchIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("what was left is there: %v", err)
	}
	for _, p := range []string{one, two} {
		if _, err := os.Stat(p); err != nil {
			t.Error(err)
		}
	}
	for _, done := range []func() error{doneOne, doneTwo} {
		if err := done(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "scratch")); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
}
