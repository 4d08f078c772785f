package index

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

var drawnAccounts = []string{"+447700900001", "+447700900002"}

// drawOrder makes a log with acts of the books anywhere in it, and the books.
func drawOrder(t *testing.T, rt *rapid.T) (*fakeLog, *fakeBooks) {
	l, b := newLog(t), newBooks()
	b.labels = map[int64]string{1: "A", 2: "A/B"}
	b.rules = map[int64]string{2: "hello after:2024-05"}
	b.matters = map[int64]string{3: "M", 4: "N"}
	var seqs []int64
	act := func() {
		seq := rapid.SampledFrom(seqs).Draw(rt, "marked")
		run := [2]int64{seq, int64(rapid.IntRange(1, 6).Draw(rt, "run"))}
		switch rapid.IntRange(0, 5).Draw(rt, "act") {
		case 0, 1:
			l.label(t, actLabelApply, int64(rapid.IntRange(1, 2).Draw(rt, "label")), run)
		case 2:
			l.label(t, actLabelRemove, int64(rapid.IntRange(1, 2).Draw(rt, "label")), run)
		case 3:
			l.label(t, actMatterCollect, int64(rapid.IntRange(3, 4).Draw(rt, "matter")), run)
		case 4:
			l.label(t, actMatterDrop, int64(rapid.IntRange(3, 4).Draw(rt, "matter")), run)
		default:
			account := rapid.SampledFrom(drawnAccounts).Draw(rt, "account")
			b.tenure(account, rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(rt, "who"), rapid.SampledFrom([]string{"2020-01-01", "2024-05-01", "2025-01-01"}).Draw(rt, "from"))
			l.act(t, actAccount, fmt.Sprintf(`{"account":%q}`, account))
			return
		}
		if rapid.IntRange(0, 6).Draw(rt, "void") == 0 {
			b.void[int64(len(l.entries)-1)] = true
		}
	}
	for range rapid.IntRange(1, 5).Draw(rt, "captures") {
		r := fakeReading{
			Days: rapid.IntRange(0, 1).Draw(rt, "days"), Sure: rapid.Bool().Draw(rt, "sure"),
			Account: rapid.SampledFrom([]string{"", drawnAccounts[0], drawnAccounts[0], drawnAccounts[1]}).Draw(rt, "account"), JID: rapid.SampledFrom([]string{"", "", "1@g.us"}).Draw(rt, "jid"),
		}
		k := l.capture(t, rapid.SampledFrom([]string{"a", "a", "b"}).Draw(rt, "chat"), r)
		for range rapid.IntRange(0, 10).Draw(rt, "items") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				k.unread(t, "unreadable words")
			case 1:
				if len(seqs) > 0 {
					k.again(rapid.SampledFrom(seqs).Draw(rt, "again"))
				}
			case 2, 3, 4:
				if len(seqs) > 0 {
					act()
				}
			default:
				at := time.Date(2024, 5, 13, 9, rapid.IntRange(0, 1).Draw(rt, "minute"), 0, 0, time.UTC).AddDate(0, rapid.SampledFrom([]int{0, 0, 0, -7, 24}).Draw(rt, "months"), 0)
				seqs = append(seqs, k.said(t, at.Format("2006-01-02T15:04"), rapid.SampledFrom([]string{"Ana", "Ana", "Bob", ""}).Draw(rt, "author"),
					rapid.SampledFrom([]string{"hello world", "hello you"}).Draw(rt, "text"), func(m *chat.Message) {
						if r.JID != "" {
							m.Key = &chat.Key{ID: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(rt, "key"), Chat: r.JID}
						}
						m.Edited = m.From != nil && rapid.IntRange(0, 5).Draw(rt, "edited") == 0
						if rapid.IntRange(0, 3).Draw(rt, "file") == 0 {
							m.Attachments = []chat.Attachment{{Name: "f", State: chat.Stored, SHA256: strings.Repeat(rapid.SampledFrom([]string{"0a", "0b"}).Draw(rt, "sha"), 32)}}
						}
					}))
			}
		}
		if rapid.IntRange(0, 5).Draw(rt, "cut short") > 0 {
			k.end(t)
		}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "acts") {
		if len(seqs) > 0 {
			act()
		}
	}
	return l, b
}

// TestRebuildWithOrderIsTheSame: whenever acts came between messages and
// however far the index had followed then, it is the one that is built anew.
func TestRebuildWithOrderIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole, b := drawOrder(t, rt)
		had := b.had
		grown := &fakeLog{}
		cfg := config(t, grown)
		cfg.Books = b
		x, err := Open(t.Context(), cfg)
		if err != nil {
			rt.Fatal(err)
		}
		known := 0
		for len(grown.entries) < len(whole.entries) {
			n := min(len(grown.entries)+rapid.IntRange(1, 15).Draw(rt, "step"), len(whole.entries))
			grown.entries = whole.entries[:n]
			// The books know the acts so far, or some more.
			acts := 0
			for _, e := range grown.entries {
				if m := markingOf(e); m != nil && m.act == actAccount {
					acts++
				}
			}
			known = max(known, rapid.IntRange(acts, len(had)).Draw(rt, "known"))
			b.had = had[:known]
			if err := x.Follow(t.Context(), nil); err != nil {
				rt.Fatal(err)
			}
		}
		if err := x.Close(); err != nil {
			rt.Fatal(err)
		}
		b.had = had
		found, err := Check(t.Context(), cfg, nil)
		if err != nil || len(found) > 0 {
			rt.Fatalf("%q, %v", found, err)
		}
	})
}

// inside is what a scope means, said of one message as it is shown.
func (s Scope) has(m *chat.Message, b *fakeBooks) bool {
	day := m.SentLocal[:min(10, len(m.SentLocal))]
	if day != "" && (s.From != "" && day < s.From || s.To != "" && day > s.To) {
		return false
	}
	return len(s.Custodians)+len(s.Matters) == 0 || slices.Contains(s.Custodians, m.Custodian) ||
		slices.ContainsFunc(s.Matters, func(id int64) bool { return slices.Contains(m.Matters, b.matters[id]) })
}

// TestScopes: by whichever door somebody looks, a scope shows what is inside,
// all of it, and nothing else.
func TestScopes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, b := drawOrder(t, rt)
		cfg := config(t, l)
		cfg.Books = b
		x, err := Open(t.Context(), cfg)
		if err == nil {
			err = x.Follow(t.Context(), nil)
		}
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := x.Close(); err != nil {
				rt.Error(err)
			}
		}()
		everything := all(t, x)
		for range 3 {
			s := Scope{
				Custodians: rapid.SliceOfN(rapid.SampledFrom([]string{"j.doe", "ann", "bob", "nobody"}), 0, 2).Draw(rt, "custodians"),
				Matters:    rapid.SliceOfN(rapid.SampledFrom([]int64{3, 4, 9}), 0, 2).Draw(rt, "matters"),
				From:       rapid.SampledFrom([]string{"", "", "2024-01-01", "2024-05-13"}).Draw(rt, "from"),
				To:         rapid.SampledFrom([]string{"", "", "2024-05-13", "2025-01-01"}).Draw(rt, "to"),
			}
			in := map[string]bool{}
			for _, m := range everything {
				if m.SentLocal == "" && (s.From != "" || s.To != "") {
					// It stands where its source has it; Message decides.
					if _, err := x.Within(s).Message(t.Context(), m.ID); err != nil {
						continue
					}
				}
				if s.has(&m, b) {
					in[m.ID] = true
				}
			}
			lookEverywhere(t, rt, x, s, everything, in)
		}
	})
}

func lookEverywhere(t *testing.T, rt *rapid.T, x *Index, s Scope, everything []chat.Message, in map[string]bool) {
	v := x.Within(s)
	res, err := v.Search(t.Context(), Search{Exact: true, Limit: 1000, Context: 3})
	if err != nil || res.Total != int64(len(in)) || len(res.Hits) != len(in) || res.Coverage.Messages != int64(len(in)) {
		rt.Fatalf("%+v: search finds %d (%d shown, %d covered) of %d, %v", s, res.Total, len(res.Hits), res.Coverage.Messages, len(in), err)
	}
	see := func(door string, ms ...chat.Message) {
		for _, m := range ms {
			if !in[m.ID] {
				rt.Fatalf("%+v: %s shows %s, which is outside", s, door, m.ID)
			}
		}
	}
	byHit := map[int64]bool{}
	for _, h := range res.Hits {
		see("search", h.Message)
		byHit[h.Message.Seq] = true
		see("context", slices.Concat(h.Before, h.After)...)
	}
	for _, query := range []string{"", "after:2000"} {
		var one []chat.Message
		if err := v.All(t.Context(), query, func(m chat.Message) error { one = append(one, m); return nil }); err != nil || query == "" && len(one) != len(in) {
			rt.Fatalf("%+v: all of %q are %d of %d, %v", s, query, len(one), len(in), err)
		}
		see("all of "+query, one...)
	}
	files, chats := map[string]bool{}, map[string]bool{}
	for _, m := range everything {
		switch _, err := v.Message(t.Context(), m.ID); {
		case err != nil && !errors.Is(err, ErrNotFound):
			rt.Fatal(err)
		case (err == nil) != in[m.ID]:
			rt.Fatalf("%+v: message %s: %v", s, m.ID, err)
		}
		if _, err := v.Page(t.Context(), m.Chat.ID, Place{Around: m.ID}, 5); (err == nil) != in[m.ID] {
			rt.Fatalf("%+v: page around %s: %v", s, m.ID, err)
		}
		if in[m.ID] {
			chats[m.Chat.ID] = true
			for _, a := range m.Attachments {
				files[a.SHA256] = true
			}
		}
	}
	for _, sha := range []string{strings.Repeat("0a", 32), strings.Repeat("0b", 32)} {
		if has, err := v.HasBlob(t.Context(), sha); err != nil || !v.in.all && has != files[sha] {
			rt.Fatalf("%+v: content %s: %v, %v", s, sha[:2], has, err)
		}
	}
	rows, err := v.Chats(t.Context(), ChatFilter{})
	if err != nil || len(rows) != len(chats) {
		rt.Fatalf("%+v: %d of %d chats, %v", s, len(rows), len(chats), err)
	}
	for _, door := range append([]ChatRow{{}}, rows...) {
		found := map[int64]bool{}
		if err := v.Found(t.Context(), "", door.ID, func(seq int64, _ time.Time) { found[seq] = true }); err != nil {
			rt.Fatal(err)
		}
		if door.ID == "" && !maps.Equal(found, byHit) || door.ID != "" && int64(len(found)) != door.Messages {
			rt.Fatalf("%+v: in %q %v are found; by searching, %v", s, door.ID, found, byHit)
		}
	}
	for _, r := range rows {
		p, err := v.Page(t.Context(), r.ID, Place{}, 1000)
		if err != nil || !chats[r.ID] || int64(len(p.Messages)) != r.Messages || p.Earlier || p.Later {
			rt.Fatalf("%+v: %d of %d messages of a chat, %v", s, len(p.Messages), r.Messages, err)
		}
		see("a page", p.Messages...)
		for _, who := range r.Participants {
			if !slices.ContainsFunc(p.Messages, func(m chat.Message) bool { return m.From != nil && m.From.Name == who }) {
				rt.Fatalf("%+v: %s wrote nothing inside", s, who)
			}
		}
	}
	caps, err := v.Captures(t.Context())
	if err != nil || !v.in.all && len(chats) == 0 && len(caps) > 0 {
		rt.Fatalf("%+v: %d captures, %v", s, len(caps), err)
	}
}
