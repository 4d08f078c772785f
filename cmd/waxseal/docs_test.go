package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/retain"
)

// documents are the pages that people read, by their path from here.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			all[p] = string(b)
		}
	}
	if len(all) < 10 {
		t.Fatalf("%d documents", len(all))
	}
	return all
}

// What the documents name is there: pages, commands, tests, cases, presets.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	tests, cases := testsAndCases(t)
	var (
		link    = regexp.MustCompile(`\]\(([a-z][^):#]*)\)`)
		command = regexp.MustCompile(`(?:^|[^/\w.-])(?:\./)?waxseal ([a-z]+)(?: ([a-z]+))?`)
		test    = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
		aCase   = regexp.MustCompile("`([a-z0-9-]+\\.txtar)`")
		preset  = regexp.MustCompile("presets? `([a-z0-9-]+)`(?:, `([a-z0-9-]+)`)?")
		code    = regexp.MustCompile("(?m)^    .*$|^waxseal .*$|`[^`\n]+`")
	)
	for path, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, c := range code.FindAllString(text, -1) {
			if filepath.Base(path) == "format.md" {
				break // strings that are hashed begin with the same word
			}
			for _, m := range command.FindAllStringSubmatch(strings.Trim(c, "` "), -1) {
				if !isCommand(m[1], m[2]) {
					t.Errorf("%s: there is no command in %q", path, c)
				}
			}
		}
		for _, m := range test.FindAllStringSubmatch(text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s: there is no %s", path, m[1])
			}
		}
		for _, m := range aCase.FindAllStringSubmatch(text, -1) {
			if !cases[m[1]] && m[1] != "name.txtar" {
				t.Errorf("%s: there is no %s", path, m[1])
			}
		}
		for _, m := range preset.FindAllStringSubmatch(text, -1) {
			for _, id := range m[1:] {
				if _, ok := retain.PresetByID(id); !ok && id != "" {
					t.Errorf("%s: there is no preset %s", path, id)
				}
			}
		}
	}
}

// isCommand reports a command by its first word or its first two.
func isCommand(one, two string) bool {
	if _, ok := commandActions[one]; ok {
		return true
	}
	for name := range commandActions {
		if first, rest, _ := strings.Cut(name, " "); first == one && (two == "" || strings.HasPrefix(rest+" ", two+" ")) {
			return true
		}
	}
	return false
}

func testsAndCases(t *testing.T) (tests, cases map[string]bool) {
	t.Helper()
	tests, cases = map[string]bool{}, map[string]bool{}
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && len(d.Name()) > 2 && d.Name()[0] == '.':
			return fs.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			cases[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range name.FindAllStringSubmatch(string(b), -1) {
				tests[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, cases
}

// The list of acts in docs/format.md is that of the books.
func TestFormatDocumentListsTheActs(t *testing.T) {
	text := documents(t)["../../docs/format.md"]
	_, text, _ = strings.Cut(text, "\n## 2a. Acts\n")
	text, _, _ = strings.Cut(text, "\n## ")
	listed := map[string]bool{}
	for row := range strings.Lines(text) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z.]+)`").FindAllStringSubmatch(cells[1], -1) {
			listed[m[1]] = true
		}
	}
	constant := regexp.MustCompile(`(?m)^(?:\t|const )(?:Act|act)\w+ *= "([a-z.]+)"`)
	sources, err := filepath.Glob("../../internal/govern/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal(err)
	}
	for _, path := range sources {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllStringSubmatch(string(b), -1) {
			if !listed[m[1]] {
				t.Errorf("docs/format.md says nothing of the act %s", m[1])
			}
			delete(listed, m[1])
		}
	}
	for act := range listed {
		t.Errorf("docs/format.md has an act %s, which the books do not have", act)
	}
}

// The first pages stay short enough to be read.
func TestDocumentsAreShort(t *testing.T) {
	all := documents(t)
	for path, most := range map[string]int{"../../README.md": 120, "../../ARCHITECTURE.md": 150, "../../CONTRIBUTING.md": 80} {
		if n := strings.Count(all[path], "\n"); n == 0 || n > most {
			t.Errorf("%s has %d lines", path, n)
		}
	}
}
