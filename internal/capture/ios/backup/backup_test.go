package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// kinds are the backups that must all read the same.
var kinds = map[string]func(*phone){
	"plain":           func(*phone) {},
	"encrypted":       func(p *phone) { p.password = password },
	"before iOS 10.2": func(p *phone) { p.password, p.old = password, true },
}

func TestEveryFileIsTheSame(t *testing.T) {
	for name, make := range kinds {
		t.Run(name, func(t *testing.T) {
			p := aPhone()
			make(p)
			dir := p.make(t)
			before := snapshot(t, dir)
			b := unlocked(t, dir, password)
			c := database(t, b)
			want := map[string]any{}
			for _, f := range p.files {
				if f.domain == Personal && f.kind == Regular {
					want[f.path] = hashed(f.body)
				}
			}
			got := contents(t, b, c, Personal)
			if err, _ := got["Message/Media/gone.jpg"].(error); !errors.Is(err, ErrAbsent) {
				t.Errorf("a listed file that is not there: %v", err)
			}
			delete(got, "Message/Media/gone.jpg")
			delete(want, "Message/Media/gone.jpg")
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(before, snapshot(t, dir)); d != "" {
				t.Errorf("the backup was changed: %s", d)
			}
		})
	}
}

func hashed(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// snapshot is every file of a folder with its hash.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		all[path] = hashed(string(body))
		return err
	}))
	return all
}

func TestSaysWhatItIs(t *testing.T) {
	for name, make := range kinds {
		t.Run(name, func(t *testing.T) {
			p := aPhone()
			make(p)
			b, err := Open(p.make(t))
			check(t, err)
			defer func() { check(t, b.Close()) }()
			want := Info{
				Device: "Świętosława's iPhone", Number: "+48 555 000 111", Product: "iPhone14,5", IOS: "17.2",
				UDID: "00008110-000A1B2C3D4E5F60", Made: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Encrypted: p.password != "",
			}
			if d := cmp.Diff(want, b.Info); d != "" {
				t.Error(d)
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("found", "backup", b.Info)
			if s := log.String(); strings.Contains(s, "555") || strings.Contains(s, "Święto") || strings.Contains(s, "00008110") {
				t.Errorf("the log tells whose phone it is: %s", s)
			}
		})
	}
}

// iTunes writes Info.plist as XML; what is not there is taken from
// Manifest.plist.
func TestInfoAsXML(t *testing.T) {
	dir := aPhone().make(t)
	write(t, dir, "Info.plist", []byte(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
	<key>Applications</key><dict><key>net.whatsapp.WhatsApp</key><dict><key>PlaceholderIcon</key><data>
	iVBORw0K
	Ggo=</data></dict></dict>
	<key>Installed Applications</key><array><string>net.whatsapp.WhatsApp</string><integer>0x10</integer><real>1.5</real><true/></array>
	<key>Phone Number</key><string>+48 555 &amp; 1</string>
	<key>Last Backup Date</key><date>2026-03-02T10:00:00Z</date>
	<key>Unique Identifier</key><string>X</string>
</dict></plist>`))
	b, err := Open(dir)
	check(t, err)
	defer func() { check(t, b.Close()) }()
	want := Info{Device: "Lockdown's", Number: "+48 555 & 1", IOS: "17.2", UDID: "X", Made: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	if d := cmp.Diff(want, b.Info); d != "" {
		t.Error(d)
	}
}

func TestUnfinished(t *testing.T) {
	for status, want := range map[string]bool{"": false, "finished": false, "uploading": true} {
		p := aPhone()
		p.status = status
		b, err := Open(p.make(t))
		check(t, err)
		if b.Info.Unfinished != want {
			t.Errorf("%q: unfinished = %v", status, b.Info.Unfinished)
		}
		check(t, b.Close())
	}
}

func TestPassword(t *testing.T) {
	for _, old := range []bool{false, true} {
		p := aPhone()
		p.password, p.old = password, old
		b, err := Open(p.make(t))
		check(t, err)
		defer func() { check(t, b.Close()) }()
		if _, err := b.Manifest(); !errors.Is(err, ErrLocked) {
			t.Errorf("a locked list: %v", err)
		}
		if _, err := b.Open(File{ID: hashOf(Personal, chatStorage), Kind: Regular}); !errors.Is(err, ErrLocked) {
			t.Errorf("a locked file: %v", err)
		}
		if err := b.Unlock(t.Context(), nil, nil); !errors.Is(err, ErrLocked) {
			t.Errorf("no password: %v", err)
		}
		for _, wrong := range []string{"x", password + " ", strings.ToUpper(password)} {
			if err := b.Unlock(t.Context(), []byte(wrong), nil); !errors.Is(err, ErrPassword) {
				t.Errorf("a wrong password: %v", err)
			}
		}
		if _, err := b.Manifest(); !errors.Is(err, ErrLocked) {
			t.Errorf("after wrong passwords: %v", err)
		}
		check(t, b.Unlock(t.Context(), []byte(password), nil))
		if _, err := WhatsApp(database(t, b)); err != nil {
			t.Errorf("after the right one: %v", err)
		}
	}
}

func TestUnlockTellsAndStops(t *testing.T) {
	p := aPhone()
	p.password = password
	b, err := Open(p.make(t))
	check(t, err)
	defer func() { check(t, b.Close()) }()
	last, all := 0, 0
	check(t, b.Unlock(t.Context(), []byte(password), func(done, total int) {
		if done <= last {
			t.Errorf("%d rounds after %d", done, last)
		}
		last, all = done, total
	}))
	if want := testRounds + testRounds2; last != want || all != want {
		t.Errorf("%d of %d rounds told, want %d", last, all, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	err = b.Unlock(ctx, []byte(password), func(int, int) {
		if ctx.Err() != nil {
			t.Error("it went on")
		}
		stop()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
}

func TestCloseForgetsKeys(t *testing.T) {
	p := aPhone()
	p.password = password
	b, err := Open(p.make(t))
	check(t, err)
	check(t, b.Unlock(t.Context(), []byte(password), nil))
	key := b.keys[3]
	check(t, b.Close())
	if !bytes.Equal(key, make([]byte, keySize)) || b.keys != nil {
		t.Error("a key is still there")
	}
}

func TestWhatsApp(t *testing.T) {
	business := regular(Business, chatStorage, "x")
	for _, test := range []struct {
		name  string
		files []phoneFile
		want  []string
	}{
		{"personal", aPhone().files, []string{Personal}},
		{"both", append(aPhone().files, business), []string{Personal, Business}},
		{"business", []phoneFile{business}, []string{Business}},
		{"left out", []phoneFile{{domain: Personal, kind: Directory}, regular(Personal, "Library/Preferences/x.plist", "x")}, nil},
		{"a folder of that name", []phoneFile{{domain: Personal, path: chatStorage, kind: Directory}}, nil},
		{"another app", []phoneFile{regular("AppDomainGroup-group.com.example", chatStorage, "x")}, nil},
		{"nothing", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := unlocked(t, (&phone{files: test.files}).make(t), "")
			got, err := WhatsApp(database(t, b))
			if (test.want == nil) != errors.Is(err, ErrNoWhatsApp) || test.want != nil && err != nil {
				t.Errorf("error: %v", err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	b := unlocked(t, aPhone().make(t), "")
	c := database(t, b)
	f, err := Lookup(c, Personal, "ChatStorage.sqlite-wal")
	check(t, err)
	want := File{
		ID: "5c4d7de09390070f38417f9be6946bcc823e1b2f", Domain: Personal, Path: "ChatStorage.sqlite-wal", Kind: Regular, Size: 19,
		Modified: time.Unix(1700000000, 0).UTC(), Created: time.Unix(1600000000, 0).UTC(),
	}
	if d := cmp.Diff(want, f, cmp.AllowUnexported(File{})); d != "" {
		t.Error(d)
	}
	for _, path := range []string{"", "chatstorage.sqlite", "ChatStorage.sqlite%", "x"} {
		if f, err := Lookup(c, Business, path); path != "" && !errors.Is(err, ErrAbsent) {
			t.Errorf("%q: %v, %v", path, f, err)
		}
	}
	plan := ""
	check(t, c.Query("EXPLAIN QUERY PLAN "+fileNamed, func(r foreign.Row) error { plan += text(r.Values[3]); return nil }))
	if !strings.Contains(plan, "FilesRelativePathIdx") {
		t.Errorf("a lookup reads more than its row: %s", plan)
	}
}

// What is wrong with one file is told when it is opened; the others read on.
func TestDamagedFiles(t *testing.T) {
	alter := func(change func(t *testing.T, dir string, f *phoneFile)) func(*testing.T, string, *phoneFile) {
		return change
	}
	onDisk := func(change func([]byte) []byte) func(*testing.T, string, *phoneFile) {
		return func(t *testing.T, dir string, f *phoneFile) {
			id := hashOf(f.domain, f.path)
			path := filepath.Join(dir, id[:2], id)
			body, err := os.ReadFile(path)
			check(t, err)
			check(t, os.WriteFile(path, change(body), 0o600))
		}
	}
	listed := func(change func(*phoneRow)) func(*phoneFile) { return func(f *phoneFile) { f.record = change } }
	for _, test := range []struct {
		name   string
		row    func(*phoneFile)
		disk   func(*testing.T, string, *phoneFile)
		plain  error // nil: reads as if nothing were
		sealed error
	}{
		{name: "cut by a block", disk: onDisk(func(b []byte) []byte { return b[:len(b)-16] }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "cut by a byte", disk: onDisk(func(b []byte) []byte { return b[:len(b)-1] }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "emptied", disk: onDisk(func([]byte) []byte { return nil }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "longer", disk: onDisk(func(b []byte) []byte { return append(b, make([]byte, 16)...) }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "listed longer", row: listed(func(r *phoneRow) { r.size++ }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "listed shorter", row: listed(func(r *phoneRow) { r.size-- }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "a size below nothing", row: listed(func(r *phoneRow) { r.size = -1 }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "no record", row: listed(func(r *phoneRow) { r.record = []byte{} }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "a huge record", row: listed(func(r *phoneRow) { r.record = make([]byte, maxRecord+1) }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "another list", row: listed(func(r *phoneRow) { r.record = binaryOf(map[string]any{"Size": int64(3)}) }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "a path for a name", row: listed(func(r *phoneRow) { r.id = "../../../../../../../../../../etc/passwd" }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "40 letters of path", row: listed(func(r *phoneRow) { r.id = "../Manifest.db/////////////////////////."[:40] }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "large letters", row: listed(func(r *phoneRow) { r.id = strings.ToUpper(r.id) }), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "another file's key", row: listed(func(r *phoneRow) { r.key = another(r.key) }), sealed: ErrDamaged},
		{name: "a key of another class", row: listed(func(r *phoneRow) { r.key = reclass(r.key, 1) }), sealed: ErrDamaged},
		{name: "a class that stays on the phone", row: listed(func(r *phoneRow) { r.key = reclass(r.key, 9) }), sealed: ErrClass},
		{name: "a class that is none", row: listed(func(r *phoneRow) { r.key = reclass(r.key, 77) }), sealed: ErrClass},
		{name: "half a key", row: listed(func(r *phoneRow) { r.key = r.key[:len(r.key)/2] }), sealed: ErrDamaged},
		{name: "a key that is no key", row: listed(func(r *phoneRow) { r.key = slices.Concat(r.key, r.key) }), sealed: ErrDamaged},
		{name: "a key that is not there", row: listed(func(r *phoneRow) {
			stored := (r.size/16 + 1) * 16 // as long as what is there: only the key tells
			r.record = bytes.Replace(mbfile(stored, make([]byte, 44)), []byte{0x81, 0, 2}, []byte{0x81, 0xff, 2}, 1)
		}), plain: ErrDamaged, sealed: ErrDamaged},
		{name: "a link in its place", disk: alter(func(t *testing.T, dir string, f *phoneFile) {
			id := hashOf(f.domain, f.path)
			check(t, os.Remove(filepath.Join(dir, id[:2], id)), os.Symlink(filepath.Join(dir, "Info.plist"), filepath.Join(dir, id[:2], id)))
		}), plain: ErrDamaged, sealed: ErrDamaged},
	} {
		for _, password := range []string{"", password} {
			t.Run(fmt.Sprintf("%s/encrypted=%v", test.name, password != ""), func(t *testing.T) {
				p := aPhone()
				p.password, p.old = password, true
				i := slices.IndexFunc(p.files, func(f phoneFile) bool { return f.path == chatStorage })
				victim := &p.files[i]
				if test.row != nil {
					test.row(victim)
				}
				dir := p.make(t)
				if test.disk != nil {
					test.disk(t, dir, victim)
				}
				b := unlocked(t, dir, password)
				got := contents(t, b, database(t, b), Personal)
				want := test.plain
				if password != "" {
					want = test.sealed
				}
				switch err, _ := got[chatStorage].(error); {
				case want == nil && got[chatStorage] != hashed(victim.body):
					t.Errorf("%v, want its content", got[chatStorage])
				case want != nil && !errors.Is(err, want):
					t.Errorf("%v, want %v", got[chatStorage], want)
				}
				if got["ChatStorage.sqlite-wal"] != hashed("the newest messages") {
					t.Errorf("the next file: %v", got["ChatStorage.sqlite-wal"])
				}
			})
		}
	}
}

// another is a key as it would be under the same class, of another file.
func another(key []byte) []byte {
	if key == nil {
		return nil
	}
	class := key[0]
	return append(slices.Clone(key[:4]), wrap(bytes.Repeat([]byte{class}, keySize), bytes.Repeat([]byte{99}, keySize))...)
}

func reclass(key []byte, class byte) []byte {
	if key == nil {
		return nil
	}
	return append([]byte{class, 0, 0, 0}, key[4:]...)
}

// What a file is longer than listed by is given out before the error.
func TestNothingIsCut(t *testing.T) {
	p := aPhone()
	p.password, p.old = password, true
	i := slices.IndexFunc(p.files, func(f phoneFile) bool { return f.path == chatStorage })
	p.files[i].record = func(r *phoneRow) { r.size = 4 }
	b := unlocked(t, p.make(t), password)
	f, err := Lookup(database(t, b), Personal, chatStorage)
	check(t, err)
	r, err := b.Open(f)
	check(t, err)
	body, err := io.ReadAll(r)
	if !errors.Is(err, ErrDamaged) || string(body) != p.files[i].body {
		t.Errorf("%q, %v", body, err)
	}
	check(t, r.Close())
}

func TestPadding(t *testing.T) {
	key := bytes.Repeat([]byte{1}, keySize)
	for plain, want := range map[string]error{
		"fourteen bytes\x02\x02": nil,
		"fourteen bytes\x01\x02": ErrDamaged,
		"fourteen bytes\x11\x11": ErrDamaged,
		"fourteen bytes\x00\x00": ErrDamaged,
	} {
		d, err := newDecrypter(bytes.NewReader((&crypt{}).cbc(key, []byte(plain))), key, true)
		check(t, err)
		got, err := io.ReadAll(iotest.OneByteReader(d))
		if !errors.Is(err, want) || !strings.HasPrefix(string(got), "fourteen bytes") || want == nil && len(got) != 14 {
			t.Errorf("%q: %q, %v", plain, got, err)
		}
	}
}

// A folder that is a link is not followed out of the backup.
func TestLinkOut(t *testing.T) {
	dir := aPhone().make(t)
	outside := filepath.Join(t.TempDir(), "outside")
	within := filepath.Join(dir, hashOf(Personal, chatStorage)[:2])
	check(t, os.Rename(within, outside), os.Symlink(outside, within))
	b := unlocked(t, dir, "")
	f, err := Lookup(database(t, b), Personal, chatStorage)
	check(t, err)
	if r, err := b.Open(f); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestTogether(t *testing.T) {
	p := aPhone()
	p.password, p.old = password, true
	b := unlocked(t, p.make(t), password)
	var files []File
	for f, err := range Files(database(t, b), Personal) {
		check(t, err)
		files = append(files, f)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i, f := range files {
				if p.files[i].kind != Regular || p.files[i].absent {
					continue
				}
				if got, err := hashFile(b, f); err != nil || got != hashed(p.files[i].body) {
					t.Errorf("%s: %v", f.Path, err)
				}
			}
		})
	}
	all.Wait()
}

func TestNotRegular(t *testing.T) {
	b := unlocked(t, aPhone().make(t), "")
	for f, err := range Files(database(t, b), Personal) {
		check(t, err)
		if _, err := b.Open(f); f.Kind != Regular && !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
}

func TestHalfAFolder(t *testing.T) {
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, n := range names {
				check(t, os.Remove(filepath.Join(dir, n)))
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*testing.T, string)
		plain  error
		sealed error
	}{
		{"no Manifest.db", remove("Manifest.db"), ErrIncomplete, ErrIncomplete},
		{"no Info.plist", remove("Info.plist"), nil, nil},
		{"no Manifest.plist", remove("Manifest.plist"), nil, ErrIncomplete},
		{"Info.plist alone", remove("Manifest.plist", "Manifest.db"), ErrIncomplete, ErrIncomplete},
		{"Manifest.db alone", remove("Manifest.plist", "Info.plist"), ErrNotBackup, ErrNotBackup},
		{"nothing", remove("Manifest.plist", "Info.plist", "Manifest.db"), ErrNotBackup, ErrNotBackup},
		{"half of Manifest.plist", func(t *testing.T, dir string) { check(t, os.Truncate(filepath.Join(dir, "Manifest.plist"), 200)) }, ErrIncomplete, ErrIncomplete},
		{"an empty Manifest.db", func(t *testing.T, dir string) { check(t, os.Truncate(filepath.Join(dir, "Manifest.db"), 0)) }, ErrDamaged, ErrDamaged},
		{"a folder for Manifest.db", func(t *testing.T, dir string) {
			remove("Manifest.db")(t, dir)
			check(t, os.Mkdir(filepath.Join(dir, "Manifest.db"), 0o700))
		}, ErrIncomplete, ErrIncomplete},
		{"another backup's Manifest.db", func(t *testing.T, dir string) { write(t, dir, "Manifest.db", bytes.Repeat([]byte("x"), 4096)) }, ErrDamaged, ErrDamaged},
		{"no keybag", func(t *testing.T, dir string) {
			write(t, dir, "Manifest.plist", binaryOf(map[string]any{"IsEncrypted": true}))
		}, ErrDamaged, ErrDamaged},
		{"half a keybag", func(t *testing.T, dir string) {
			write(t, dir, "Manifest.plist", binaryOf(map[string]any{"IsEncrypted": true, "BackupKeyBag": newCrypt("x", true).bag[:60]}))
		}, ErrLocked, ErrDamaged},
		{"iOS 9", func(t *testing.T, dir string) {
			remove("Manifest.db")(t, dir)
			write(t, dir, "Manifest.mbdb", []byte("mbdb\x05\x00"))
		}, ErrOld, ErrOld},
	} {
		for _, password := range []string{"", password} {
			t.Run(fmt.Sprintf("%s/encrypted=%v", test.name, password != ""), func(t *testing.T) {
				p := aPhone()
				p.password, p.old = password, true
				dir := p.make(t)
				test.change(t, dir)
				want := test.plain
				if password != "" {
					want = test.sealed
				}
				if err := reads(t, dir, password); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			})
		}
	}
}

// reads opens a backup as far as its list.
func reads(t *testing.T, dir, password string) error {
	b, err := Open(dir)
	if err != nil {
		return err
	}
	defer func() { check(t, b.Close()) }()
	if err := b.Unlock(t.Context(), []byte(password), nil); err != nil {
		return err
	}
	r, err := b.Manifest()
	if err != nil {
		return err
	}
	return r.Close()
}

// A damaged list ends in an error, never as a shorter one.
func TestDamagedManifest(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"cut":        func(b []byte) []byte { return b[:len(b)*2/3] },
		"other page": func(b []byte) []byte { clear(b[4096:8192]); return b },
		"no table":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("TABLE Files"), []byte("TABLE Filex")) },
	} {
		dir := aPhone().make(t)
		body, err := os.ReadFile(filepath.Join(dir, "Manifest.db"))
		check(t, err)
		write(t, dir, "Manifest.db", change(body))
		b := unlocked(t, dir, "")
		c, err := opened(t, b)
		if err == nil {
			for _, e := range Files(c, Personal) {
				err = e
			}
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, foreign.ErrDamaged) && !errors.Is(err, foreign.ErrNotDatabase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFind(t *testing.T) {
	one, two := aPhone(), aPhone()
	two.password, two.old = password, true
	a, b := one.make(t), two.make(t)
	folder := t.TempDir()
	check(t, os.Rename(a, filepath.Join(folder, "a")), os.Rename(b, filepath.Join(folder, "b")))
	check(t, os.MkdirAll(filepath.Join(folder, "c", "Info.plist"), 0o700))
	write(t, folder, "d/Info.plist", []byte("<plist><dict><key>CFBundleName</key><string>x</string></dict></plist>"))
	write(t, folder, "e/Manifest.mbdb", []byte("mbdb\x05\x00"))
	write(t, folder, "file", nil)
	found, err := Find(folder)
	check(t, err)
	if want := []string{filepath.Join(folder, "a"), filepath.Join(folder, "b"), filepath.Join(folder, "e")}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	found, err = Find(filepath.Join(folder, "b"))
	check(t, err)
	if want := []string{filepath.Join(folder, "b")}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	for _, none := range []string{"c", "d"} {
		if _, err := Find(filepath.Join(folder, none)); !errors.Is(err, ErrNotBackup) || !errors.Is(err, capture.ErrNotMine) {
			t.Errorf("%s: %v", none, err)
		}
	}
	if _, err := Open(filepath.Join(folder, "file")); !errors.Is(err, ErrNotBackup) {
		t.Errorf("a file: %v", err)
	}
	if _, err := Find(filepath.Join(folder, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
}
