package index

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

// drawLog makes a log of several captures of few chats, with sightings.
func drawLog(t *testing.T, rt *rapid.T) *fakeLog {
	l := newLog(t)
	var seqs []int64
	for range rapid.IntRange(1, 5).Draw(rt, "captures") {
		k := l.capture(t, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "chat"), fakeReading{
			Days: rapid.IntRange(0, 2).Draw(rt, "days"), Sure: rapid.Bool().Draw(rt, "sure"), Zone: time.Duration(rapid.IntRange(-1, 1).Draw(rt, "zone")) * time.Hour,
		})
		for range rapid.IntRange(0, 12).Draw(rt, "items") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				k.unread(t, "unreadable words")
			case 1, 2:
				if len(seqs) > 0 {
					k.again(rapid.SampledFrom(seqs).Draw(rt, "again"))
				}
			default:
				at := time.Date(2024, 5, 13, 9, rapid.IntRange(0, 6).Draw(rt, "minute"), 0, 0, time.UTC).AddDate(0, rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, -7, 24}).Draw(rt, "months"), 0)
				seqs = append(seqs, k.said(t, at.Format("2006-01-02T15:04"), rapid.SampledFrom([]string{"Ana", "Bob", ""}).Draw(rt, "author"),
					rapid.SampledFrom([]string{"ok", "hello world", "签合同", "+49 151 23456789"}).Draw(rt, "text"), func(m *chat.Message) {
						if m.From != nil {
							m.Revoked = rapid.IntRange(0, 5).Draw(rt, "revoked") == 0
							m.Edited = rapid.IntRange(0, 5).Draw(rt, "edited") == 0
						}
					}))
			}
		}
		if rapid.IntRange(0, 5).Draw(rt, "cut short") > 0 {
			k.end(t)
		}
	}
	return l
}

// TestRebuildIsTheSame: an index that followed step by step is the index that
// is built from nothing, row by row and token by token; and it shows every
// record of the log exactly once, and every message on one page of its chat.
func TestRebuildIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := drawLog(t, rt)
		grown := &fakeLog{}
		cfg := config(t, grown)
		x, err := Open(t.Context(), cfg)
		if err != nil {
			rt.Fatal(err)
		}
		for len(grown.entries) < len(whole.entries) {
			n := min(len(grown.entries)+rapid.IntRange(1, 15).Draw(rt, "step"), len(whole.entries))
			grown.entries = whole.entries[:n]
			if err := x.Follow(t.Context(), nil); err != nil {
				rt.Fatal(err)
			}
		}
		shown := map[int64]int{}
		for _, m := range all(t, x) {
			for _, r := range m.Records {
				shown[r]++
			}
		}
		rows, err := x.Chats(t.Context(), ChatFilter{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range rows {
			if n := len(inChat(t, x, r.ID)); int64(n) != r.Messages {
				rt.Fatalf("%d of %d messages of a chat are on its pages", n, r.Messages)
			}
		}
		if err := x.Close(); err != nil {
			rt.Fatal(err)
		}
		found, err := Check(t.Context(), cfg, nil)
		if err != nil || len(found) > 0 {
			rt.Fatalf("%q, %v", found, err)
		}
		for _, e := range whole.entries {
			want := 0
			if e.Kind == "item" || e.Kind == "unparsed" {
				want = 1
			}
			if shown[e.Seq] != want {
				rt.Fatalf("entry %d (%s) is shown %d times", e.Seq, e.Kind, shown[e.Seq])
			}
		}
	})
}

func TestCheckFindsWhatDiffers(t *testing.T) {
	for what, change := range map[string]string{
		"":         `SELECT 1`,
		"messages": `UPDATE message SET chat = 2 WHERE chat = 1`,
		"words":    `INSERT INTO fts (rowid, t) SELECT min(id), 'forged' FROM message`,
		"people":   `UPDATE person SET ident = 'Eve' WHERE id = 1`,
		"counts":   `UPDATE state SET value = value + 1 WHERE key = 'messages'`,
	} {
		t.Run(what, func(t *testing.T) {
			cfg := config(t, sample(t))
			x, err := Open(t.Context(), cfg)
			if err == nil {
				err = errors.Join(x.Follow(t.Context(), nil), x.w.c.exec(change), x.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			found, err := Check(t.Context(), cfg, nil)
			if err != nil || what == "" && len(found) > 0 || what != "" && (len(found) != 1 || !strings.HasPrefix(found[0], what)) {
				t.Fatalf("%q, %v", found, err)
			}
		})
	}
}

// TestDamagedIndexIsNeverTrusted: whatever was done to the file, it is found
// by Check, or the answers are right.
func TestDamagedIndexIsBuiltAnew(t *testing.T) {
	l := sample(t)
	cfg := config(t, l)
	x, err := Open(t.Context(), cfg)
	if err == nil {
		err = errors.Join(x.Follow(t.Context(), nil), x.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"contract", "Ana", "example", "SQLite"} {
		if bytes.Contains(b, []byte(w)) {
			t.Errorf("%q stands in clear in the index", w)
		}
	}
	for name, change := range map[string]func(){
		"other key":  func() { cfg.Key[0]++ },
		"first page": func() { b[20] ^= 1 },
		"cut":        func() { b = b[:len(b)/3] },
	} {
		t.Run(name, func(t *testing.T) {
			change()
			if err := os.WriteFile(cfg.Path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) == 0 {
				t.Errorf("not found: %v", err)
			}
			x, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Follow(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if n := len(all(t, x)); n != 7 {
				t.Errorf("%d messages after building anew, want 7", n)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			if b, err = os.ReadFile(cfg.Path); err != nil {
				t.Fatal(err)
			}
		})
	}
}
