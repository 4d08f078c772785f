package demo

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"image"
	_ "image/jpeg" // the photos
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// written is one export taken apart.
type written struct {
	Import
	text  string
	files map[string][]byte
}

// TestFirm writes the firm once, which is what takes the time, and looks at it
// from every side.
func TestFirm(t *testing.T) {
	made, err := Write(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := make([]written, len(made))
	for i, m := range made {
		all[i] = open(t, m)
	}
	t.Run("same bytes each time", func(t *testing.T) { sameBytes(t, made) })
	t.Run("size", func(t *testing.T) { size(t, all) })
	t.Run("records can be told", func(t *testing.T) { recordsCanBeTold(t, all) })
	t.Run("attachments are what they say", func(t *testing.T) { attachments(t, all) })
	t.Run("later exports differ", func(t *testing.T) { laterExports(t, all) })
	t.Run("the real source reads it", func(t *testing.T) { realSource(t, made) })
}

func open(t *testing.T, m Import) written {
	t.Helper()
	w := written{Import: m, files: map[string][]byte{}}
	if filepath.Ext(m.Path) == ".txt" {
		raw, err := os.ReadFile(m.Path)
		if err != nil {
			t.Fatal(err)
		}
		w.text = string(raw)
		return w
	}
	z, err := zip.OpenReader(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }() // only read
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			w.text = string(raw)
			continue
		}
		if w.files[f.Name] != nil {
			t.Errorf("%s: two members %s", m.Path, f.Name)
		}
		w.files[f.Name] = raw
	}
	return w
}

// sameBytes writes every third chat again: painting is slow under the race
// detector, and what is not the same each time would show in any of them.
func sameBytes(t *testing.T, made []Import) {
	sum := func(path string) [32]byte {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(raw)
	}
	latest := map[string]string{}
	for _, m := range made {
		latest[m.Chat] = m.Path // of two exports, the later one
	}
	dir := t.TempDir()
	for i, c := range chats() {
		if i%3 != 0 {
			continue
		}
		all, err := c.timeline()
		if err != nil {
			t.Fatal(err)
		}
		again, err := writeExport(dir, c, all, c.exports[len(c.exports)-1])
		if err != nil {
			t.Fatal(err)
		}
		if sum(latest[c.name]) != sum(again.Path) {
			t.Errorf("%s differs from one run to the next", c.name)
		}
	}
}

func size(t *testing.T, all []written) {
	chats, custodians, records, files := map[string]int{}, map[string]bool{}, 0, 0
	for _, w := range all {
		if chats[w.Chat]++; chats[w.Chat] == 1 {
			records += w.Messages
		}
		custodians[w.Custodian] = true
		files += len(w.files)
		if _, err := time.LoadLocation(w.Zone); err != nil {
			t.Errorf("%s: %v", w.Chat, err)
		}
		if !strings.Contains(w.text, w.Me+": ") {
			t.Errorf("%s: %q says nothing in it", w.Chat, w.Me)
		}
	}
	t.Logf("%d exports of %d chats, %d custodians, %d records, %d files", len(all), len(chats), len(custodians), records, files)
	if len(chats) < 14 || len(chats) > 18 || len(all)-len(chats) != 2 {
		t.Errorf("%d chats in %d exports", len(chats), len(all))
	}
	if records < 3000 || records > 5500 {
		t.Errorf("%d records", records)
	}
}

// A record begins after a record's end: CRLF on an iPhone, LF on Android.
func recordsCanBeTold(t *testing.T, all []written) {
	iphone := regexp.MustCompile(`^[\x{200e}\x{200f}]?\[[^\]]{14,34}\] [^:]+: `)
	android := regexp.MustCompile(`^\d{1,4}[./]\d{1,2}[./]\d{1,4},? [^-]{4,12} - `)
	for _, w := range all {
		end, head := "\n", android
		if strings.Contains(w.text, "\r\n") {
			end, head = "\r\n", iphone
		}
		records := 0
		for _, l := range strings.Split(strings.TrimSuffix(w.text, end), end) {
			if head.MatchString(l) {
				records++
			} else if end == "\r\n" {
				t.Fatalf("%s: no record begins with %q", w.Chat, l)
			}
		}
		if records != w.Messages {
			t.Errorf("%s: %d records, said to be %d", w.Chat, records, w.Messages)
		}
		if i := strings.IndexAny(w.text, "{}"); i >= 0 {
			t.Errorf("%s: an unfilled slot: %q", w.Chat, w.text[max(0, i-40):min(len(w.text), i+40)])
		}
		if choice.MatchString(w.text) {
			t.Errorf("%s: a choice not made: %q", w.Chat, choice.FindString(w.text))
		}
		if strings.Contains(w.text, "[photo") || strings.Contains(w.text, "[omitted") {
			t.Errorf("%s: a bracket not read", w.Chat)
		}
	}
}

func attachments(t *testing.T, all []written) {
	magic := map[string]string{".pdf": "%PDF-1.4", ".opus": "OggS", ".webp": "RIFF", ".vcf": "BEGIN:VCARD", ".mp4": "\x00\x00\x00"}
	missing := 0
	name := regexp.MustCompile(`(?:IMG|PTT|VID|STK)-\d{8}-WA\d{4}\.\w+|\d{8}-(?:PHOTO|AUDIO|VIDEO|STICKER)-[-\d]+\.\w+`)
	seen := map[string]bool{}
	for _, w := range all {
		for file, data := range w.files {
			ext := filepath.Ext(file)
			seen[ext] = true
			if !strings.Contains(w.text, file) {
				t.Errorf("%s: nothing names %s", w.Chat, file)
			}
			if ext == ".jpg" {
				if _, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			} else if !bytes.HasPrefix(data, []byte(magic[ext])) || magic[ext] == "" {
				t.Errorf("%s is not what it says", file)
			}
		}
		for _, n := range name.FindAllString(w.text, -1) {
			if w.files[n] == nil {
				missing++
			}
		}
	}
	if missing != 1 {
		t.Errorf("%d attachments are missing, one should be", missing)
	}
	for _, ext := range []string{".jpg", ".pdf", ".opus", ".webp", ".vcf", ".mp4"} {
		if !seen[ext] {
			t.Errorf("no %s", ext)
		}
	}
}

// The later export of a chat shows the earlier one's records, but for those
// that were edited or revoked in between.
func laterExports(t *testing.T, all []written) {
	first := map[string]written{}
	for _, w := range all {
		before, again := first[w.Chat]
		first[w.Chat] = w
		if !again {
			continue
		}
		old, now := strings.Split(before.text, "\n"), strings.Split(w.text, "\n")
		if len(now) <= len(old) {
			t.Errorf("%s: nothing new in the later export", w.Chat)
		}
		changed := 0
		for i, l := range old {
			if l != now[i] {
				changed++
			}
		}
		if changed < 2 || changed > 5 {
			t.Errorf("%s: %d lines changed", w.Chat, changed)
		}
		if filepath.Base(before.Path) != filepath.Base(w.Path) {
			t.Errorf("%s: exports are named differently", w.Chat)
		}
	}
}
