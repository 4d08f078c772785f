package chatexport

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// generator is the script that makes exports of 23 locales, beside the corpus.
func generator(t *testing.T) string {
	t.Helper()
	g := filepath.Join(corpus(t), "..", "..", "tools", "gen_export.py")
	if _, err := os.Stat(g); err != nil {
		t.Skip("the generator of exports does not lie beside the repository")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is missing")
	}
	return g
}

func profiles(t *testing.T, g string) []string {
	t.Helper()
	out, err := exec.Command("python3", g, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// TestGeneratedExports compares fresh exports of every profile with their
// truth, message by message.
func TestGeneratedExports(t *testing.T) {
	g := generator(t)
	variants := [][]string{
		{"--traps", "8"},
		{"--traps", "12", "--media"},
		{"--media", "--bom"},
		{"--traps", "5", "--no-tail-newline"},
		{"--start", "2024-11-02T23:00:00", "--traps", "6"},
		{"--start", "2022-01-31T08:00:00", "--media", "--traps", "4"},
	}
	n := 200
	if testing.Short() {
		variants, n = variants[:1], 100
	}
	for i, p := range profiles(t, g) {
		t.Run(p, func(t *testing.T) {
			for j, v := range variants {
				out := filepath.Join(t.TempDir(), "export.txt")
				args := append([]string{g, "--profile", p, "--messages", fmt.Sprint(n), "--seed", fmt.Sprint(1000*i + j), "--out", out}, v...)
				if b, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, b)
				}
				compareTruth(t, out, out+".truth.json")
				if t.Failed() {
					t.Fatalf("with %v, seed %d", v, 1000*i+j)
				}
			}
		})
	}
}

// TestGeneratedSpoofs: on Android a header inside a body cannot be told from a
// real one, and is said to be uncertain; nothing else is.
func TestGeneratedSpoofs(t *testing.T) {
	g := generator(t)
	for i, p := range profiles(t, g) {
		if !strings.HasPrefix(p, "android") {
			continue
		}
		t.Run(p, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "export.txt")
			args := []string{g, "--profile", p, "--messages", "300", "--seed", fmt.Sprint(7000 + i), "--traps", "20", "--hard", "--out", out}
			if b, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			compareTruth(t, out, out+".truth.json")
		})
	}
}
