package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"lukechampine.com/adiantum"

	"github.com/waxseal/waxseal/internal/record"
)

// keyring holds the key of an index for several processes.
type keyring struct {
	mu  sync.Mutex
	dir string
	key [32]byte
}

func (r *keyring) path(key [32]byte) string {
	return filepath.Join(r.dir, fmt.Sprintf("%x.db", key[:2]))
}

func (r *keyring) current() (string, [32]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.path(r.key), r.key, nil
}

func (r *keyring) set(key [32]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.key = key
	return nil
}

// shared is the configuration of several processes' index of one log.
func shared(t testing.TB, l Log) (Config, *keyring) {
	t.Helper()
	cfg := config(t, l)
	r := &keyring{key: cfg.Key, dir: filepath.Dir(cfg.Path)}
	cfg.Current = r.current
	return cfg, r
}

func (r *keyring) renew(t testing.TB, x *Index, key [32]byte) {
	t.Helper()
	if err := x.Renew(t.Context(), r.path(key), key, func() error { return r.set(key) }, nil); err != nil {
		t.Fatal(err)
	}
}

// TestAProcessThatSwitchesLeavesTheOthersFiles: what a process does that still
// has the old index open does not take from the new one what was written to it.
func TestAProcessThatSwitchesLeavesTheOthersFiles(t *testing.T) {
	l := sample(t)
	cfg, r := shared(t, l)
	a, b := openIndex(t, cfg), openIndex(t, cfg)
	find(t, b, "contract")
	r.renew(t, a, [32]byte{9})
	c := l.capture(t, "later", fakeReading{})
	for i := range 100 {
		c.said(t, "2025-01-01T09:00", "Ana", fmt.Sprint("dahlia ", i))
		if err := a.Follow(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if i != 50 {
			continue
		}
		before := files(t, a)
		if err := b.Follow(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(before, files(t, a), os.SameFile) {
			t.Error("the files of the new index are other ones now")
		}
	}
	if err := b.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for i, x := range []*Index{a, b} {
		if res, err := x.Search(t.Context(), Search{Query: "dahlia"}); err != nil || res.Total != 100 {
			t.Errorf("index %d: %d found: %v", i, res.Total, err)
		}
	}
	if found, err := Check(t.Context(), a.cfg, nil); err != nil || len(found) > 0 {
		t.Errorf("%q, %v", found, err)
	}
}

func files(t testing.TB, x *Index) (all []os.FileInfo) {
	t.Helper()
	for _, s := range []string{"", "-wal", "-shm"} {
		fi, err := os.Stat(x.cfg.Path + s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fi)
	}
	return all
}

// TestNoQuestionFailsWhileTheIndexIsRenewed asks two processes' indexes without
// a pause while one of them builds it anew, time and again. The other follows
// now and then; its questions open their connections whenever they like.
func TestNoQuestionFailsWhileTheIndexIsRenewed(t *testing.T) {
	l := sample(t)
	cfg, r := shared(t, l)
	a := openIndex(t, cfg)
	want := len(find(t, a, "contract"))
	for i := range 8 {
		b, err := Open(t.Context(), cfg) // none of its connections is open yet
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		var asking sync.WaitGroup
		for _, x := range []*Index{a, b, b, b} {
			asking.Go(func() {
				for n := 0; ; n++ {
					res, err := x.Search(t.Context(), Search{Query: "contract"})
					if err != nil || len(res.Hits) != want {
						t.Errorf("%d found: %v", len(res.Hits), err)
						return
					}
					if n%7 == 6 && x == b {
						if err := x.Follow(t.Context(), nil); err != nil {
							t.Error(err)
						}
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		r.renew(t, a, [32]byte{byte(i), 7})
		close(done)
		asking.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(r.dir, "*.db")); err != nil || len(left) != 1 {
		t.Errorf("files: %q, %v", left, err)
	}
}

// TestAnIndexThatIsNotRenewedStays: where there is no room, the key cannot be
// kept or nobody waits, the old index goes on, and nothing else is left.
func TestAnIndexThatIsNotRenewedStays(t *testing.T) {
	broken := errors.New("broken")
	for name, fail := range map[string]func(x *Index, r *keyring, key [32]byte) error{
		"the key cannot be kept": func(x *Index, r *keyring, key [32]byte) error {
			return x.Renew(t.Context(), r.path(key), key, func() error { return broken }, nil)
		},
		"nobody waits": func(x *Index, r *keyring, key [32]byte) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(broken)
			return errors.Join(x.Renew(ctx, r.path(key), key, func() error { return r.set(key) }, nil), context.Cause(ctx))
		},
		"the log cannot be read": func(x *Index, r *keyring, key [32]byte) error {
			was := x.cfg.Log
			x.cfg.Log = brokenLog{was, broken}
			defer func() { x.cfg.Log = was }()
			return x.Renew(t.Context(), r.path(key), key, func() error { return r.set(key) }, nil)
		},
	} {
		l := sample(t)
		cfg, r := shared(t, l)
		x := openIndex(t, cfg)
		want := len(find(t, x, "contract"))
		if err := fail(x, r, [32]byte{9}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if got := len(find(t, x, "contract")); got != want {
			t.Errorf("%s: %d found, want %d", name, got, want)
		}
		l.capture(t, "later", fakeReading{}).said(t, "2025-01-01T09:00", "Ana", "dahlia")
		if err := x.Follow(t.Context(), nil); err != nil || len(find(t, x, "dahlia")) != 1 {
			t.Errorf("%s: it does not go on: %v", name, err)
		}
		if found, err := Check(t.Context(), x.cfg, nil); err != nil || len(found) > 0 {
			t.Errorf("%s: %q, %v", name, found, err)
		}
		if left, err := filepath.Glob(filepath.Join(r.dir, "*.db")); err != nil || len(left) != 1 {
			t.Errorf("%s: files: %q, %v", name, left, err)
		}
	}
}

type brokenLog struct {
	Log
	err error
}

func (l brokenLog) Scan(_ context.Context, _ int64, fn func(record.Entry) error) error { return l.err }

// TestARenewalThatWasKilled: whatever was there when the power went, the next
// process answers, and the words that went are under no key that is left.
func TestARenewalThatWasKilled(t *testing.T) {
	l := newLog(t)
	c := l.capture(t, "acme", fakeReading{})
	gone := c.said(t, "2024-05-13T09:00", "Ana", "zwiebelturm")
	c.said(t, "2024-05-13T09:01", "Ana", "petersilie")
	c.end(t)
	cfg, r := shared(t, l)
	x := openIndex(t, cfg)
	old, oldKey := t.TempDir(), cfg.Key
	copyFiles(t, old, r.dir)
	if !has(t, old, oldKey, "zwiebelturm") {
		t.Fatal("the search of files does not find what is there")
	}
	l.entries[gone].Parts = nil // disposed of
	key := [32]byte{9}
	built, kept := t.TempDir(), t.TempDir()
	err := x.Renew(t.Context(), r.path(key), key, func() error {
		copyFiles(t, built, r.dir) // the power goes before
		err := r.set(key)
		copyFiles(t, kept, r.dir) // or after
		return err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"before the key": built, "after the key": kept, "in the end": r.dir, "an old copy": old} {
		current := key
		if name == "before the key" {
			current = oldKey
		}
		d := t.TempDir()
		copyFiles(t, d, dir)
		if current == key && has(t, d, key, "zwiebelturm") {
			t.Errorf("%s: the key that is left opens the word that went", name)
		}
		if name != "an old copy" && !has(t, d, current, "petersilie") {
			t.Errorf("%s: the word that stayed is not there", name)
		}
		cfg := cfg
		cfg.Current = (&keyring{dir: d, key: current}).current
		y := openIndex(t, cfg)
		if got := find(t, y, "petersilie"); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func copyFiles(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// has deciphers every file of a folder with a key, and looks for a word in what
// comes out of it, pages that are not used any more included.
func has(t testing.TB, dir string, key [32]byte, word string) bool {
	t.Helper()
	cipher := adiantum.New(key[:])
	found := false
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, []byte(word))
		for at := 0; at+4096 <= len(b); at += 4096 {
			var tweak [8]byte
			binary.LittleEndian.PutUint64(tweak[:], uint64(at))
			cipher.Decrypt(b[at:at+4096], tweak[:])
		}
		found = found || bytes.Contains(b, []byte(word))
	}
	return found
}
