package backup

import (
	"encoding/csv"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// corpus is the folder of backups with expected results, beside the repository.
func corpus(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	check(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	c := filepath.Join(dir, "..", "shared", "corpus", "backups")
	if _, err := os.Stat(c); err != nil {
		t.Skip("the corpus of backups does not lie beside the repository")
	}
	return c
}

// TestCorpusGenerated compares every file with the hash of what was backed up.
// One of them is with the rounds that a phone asks for.
func TestCorpusGenerated(t *testing.T) {
	dir := filepath.Join(corpus(t), "gen")
	for name, password := range map[string]string{"ios-plain-s1": "", "ios-enc-fast-s1": "Test123!", "ios-enc-old-s1": "0000", "ios-enc-s1": "pässwörd 密码"} {
		t.Run(name, func(t *testing.T) {
			b := unlocked(t, filepath.Join(dir, name+"-backup"), password)
			if b.Info.Encrypted != (password != "") || b.Info.IOS != "17.2" || b.Info.Device != "test" || b.Info.Unfinished || b.Info.Made.Year() != 2024 {
				t.Errorf("%+v", b.Info)
			}
			c := database(t, b)
			found, err := WhatsApp(c)
			if err != nil || !slices.Equal(found, []string{Personal}) {
				t.Errorf("WhatsApp: %q, %v", found, err)
			}
			want := filesOfCorpus(t, filepath.Join(dir, name+"-backup.files.tsv"))
			for domain, files := range want {
				got := contents(t, b, c, domain)
				const gone = "Message/Media/missing/a/b/gone.jpg"
				if err, _ := got[gone].(error); domain == Personal && !errors.Is(err, ErrAbsent) {
					t.Errorf("the file that is not there: %v", got[gone])
				}
				delete(got, gone)
				if d := cmp.Diff(files, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// filesOfCorpus is the hash of each path, by domain.
func filesOfCorpus(t *testing.T, path string) map[string]map[string]any {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	r := csv.NewReader(f)
	r.Comma, r.Comment, r.LazyQuotes = '\t', '#', true
	rows, err := r.ReadAll()
	check(t, err, f.Close())
	all := map[string]map[string]any{}
	for _, row := range rows[1:] {
		if row[0] != hashOf(row[1], row[2]) {
			t.Errorf("the list names %s otherwise", row[2])
		}
		if all[row[1]] == nil {
			all[row[1]] = map[string]any{}
		}
		all[row[1]][row[2]] = row[4]
	}
	return all
}

// A real phone's list, with three of its files; Manifest.plist is not there.
func TestCorpusRealList(t *testing.T) {
	b := unlocked(t, filepath.Join(corpus(t), "mvt-ios-backup"), "")
	if b.Info.Device != "iPhone" || b.Info.IOS != "14.3" || b.Info.Product != "iPhone9,3" || b.Info.Encrypted || b.Info.Made.Year() != 2021 {
		t.Errorf("%+v", b.Info)
	}
	c := database(t, b)
	found, err := WhatsApp(c)
	if err != nil || !slices.Equal(found, []string{Personal}) {
		t.Errorf("WhatsApp: %q, %v", found, err)
	}
	var domains []string
	check(t, c.Query(`SELECT DISTINCT domain FROM Files`, func(r foreign.Row) error { domains = append(domains, text(r.Values[0])); return nil }))
	kinds, faults := map[Kind]int{}, 0
	for _, domain := range domains {
		for f, err := range Files(c, domain) {
			check(t, err, f.broken)
			kinds[f.Kind]++
			if f.ID != hashOf(f.Domain, f.Path) || f.Modified.Year() < 2000 {
				t.Errorf("row %s: %v", f.ID, f.Modified)
			}
			if _, err := hashFile(b, f); err == nil {
				t.Errorf("%s is as listed", f.Path)
			} else if errors.Is(err, ErrDamaged) {
				faults++ // put there since: its length is another
			} else if f.Kind == Regular && !errors.Is(err, ErrAbsent) {
				t.Errorf("%s: %v", f.Path, err)
			}
		}
	}
	if want := map[Kind]int{Regular: 1089, Directory: 2618, Symlink: 14}; !maps.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	if faults != 2 {
		t.Errorf("%d files of another length, want 2", faults)
	}
}

func TestCorpusEncrypted(t *testing.T) {
	dir := filepath.Join(corpus(t), "pyiosbackup-encrypted")
	b := unlocked(t, dir, "0000")
	c := database(t, b)
	got := contents(t, b, c, "MyTestDomain")
	if d := cmp.Diff(map[string]any{"Media/Test.txt": hashed("Test data")}, got); d != "" {
		t.Error(d)
	}
	if _, err := WhatsApp(c); !errors.Is(err, ErrNoWhatsApp) {
		t.Errorf("WhatsApp: %v", err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "keybag-before-10.2.bin"))
	check(t, err)
	bag, err := parseKeybag(body)
	check(t, err)
	keys, err := bag.unlock(t.Context(), []byte("0000"), nil)
	check(t, err)
	for class, key := range keys {
		if !strings.HasPrefix(string(key), strings.Repeat("\x00", keySize)) {
			t.Errorf("class %d: %x", class, key)
		}
	}
	if len(keys) != 11 {
		t.Errorf("%d classes", len(keys))
	}
	if _, err := bag.unlock(t.Context(), []byte("0001"), nil); !errors.Is(err, ErrPassword) {
		t.Errorf("a wrong password: %v", err)
	}
}
