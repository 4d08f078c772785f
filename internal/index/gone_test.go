package index

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// TestWhatIsGoneIsNotShown: between a disposal and the index that is built anew
// after it, the index names messages that are no more. By whichever door
// somebody looks, they are passed over, and nothing fails.
func TestWhatIsGoneIsNotShown(t *testing.T) {
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
		before := all(t, x)
		if rapid.Bool().Draw(rt, "read before") { // what was read lately is kept
			for _, m := range before {
				if _, err := x.Page(t.Context(), m.Chat.ID, Place{Around: m.ID}, 5); err != nil {
					rt.Fatal(err)
				}
			}
		}
		left := map[int64]bool{}
		for i := range l.entries {
			e := &l.entries[i]
			left[e.Seq] = true
			switch e.Kind {
			case record.Item, record.Unparsed, record.Act:
				if rapid.IntRange(0, 2).Draw(rt, "gone") == 0 {
					e.Parts, left[e.Seq] = nil, false
				}
			case record.Init, record.Capture, record.CaptureEnd, record.Trace, record.Disposal, record.Certificate:
			}
		}
		lookForGone(t, rt, x, before, left)
	})
}

func lookForGone(t *testing.T, rt *rapid.T, x *Index, before []chat.Message, left map[int64]bool) {
	ctx := t.Context()
	stays := map[string]bool{}
	for _, m := range before {
		stays[m.ID] = slices.ContainsFunc(m.Records, func(seq int64) bool { return left[seq] })
	}
	seen := map[string]map[string]bool{}
	see := func(door string, err error, ms ...chat.Message) {
		if err != nil {
			rt.Fatalf("%s: %v", door, err)
		}
		if seen[door] == nil {
			seen[door] = map[string]bool{}
		}
		for _, m := range ms {
			if !stays[m.ID] {
				rt.Fatalf("%s shows %s, which is gone: %q", door, m.ID, m.Text)
			}
			seen[door][m.ID] = true
		}
	}
	for _, order := range []Order{Newest, Oldest, Relevance} {
		for q := (Search{Query: "hello", Order: order, Limit: 2, Context: 2}); ; {
			res, err := x.Search(ctx, q)
			see("search", err)
			for _, h := range res.Hits {
				see("search", nil, append(append([]chat.Message{h.Message}, h.Before...), h.After...)...)
			}
			if q.Cursor = res.Next; q.Cursor == "" {
				break
			}
		}
	}
	for _, m := range before {
		got, err := x.Message(ctx, m.ID)
		if stays[m.ID] {
			see("message", err, got)
		} else if !errors.Is(err, ErrNotFound) {
			rt.Fatalf("message %s, which is gone: %v", m.ID, err)
		}
		for _, at := range []Place{{Around: m.ID}, {Before: m.ID}, {After: m.ID}} {
			if p, err := x.Page(ctx, m.Chat.ID, at, 3); !errors.Is(err, ErrNotFound) {
				see("page", err, p.Messages...)
			} else if stays[m.ID] {
				rt.Fatalf("page at %s: %v", m.ID, err)
			}
		}
		if m.Key != nil {
			q := chat.Message{Chat: m.Chat, Account: m.Account, Custodian: m.Custodian, Quoted: &chat.Quoted{Key: *m.Key}}
			if o, err := x.Quoted(ctx, &q); !errors.Is(err, ErrNotFound) {
				see("quoted", err, o)
			}
		}
	}
	for _, query := range []string{"", "hello"} {
		see("all", x.All(ctx, query, func(m chat.Message) error { see("all", nil, m); return nil }))
	}
	for id, is := range stays {
		if is && !seen["all"][id] {
			rt.Fatalf("all leaves out %s, which is there", id)
		}
	}
	rows, err := x.Chats(ctx, ChatFilter{})
	see("chats", err)
	for _, r := range rows {
		for at := (Place{AtStart: true}); ; {
			p, err := x.Page(ctx, r.ID, at, 3)
			see("chat", err, p.Messages...)
			if !p.Later || len(p.Messages) == 0 {
				break
			}
			at = Place{After: p.Messages[len(p.Messages)-1].ID}
		}
		p, err := x.Page(ctx, r.ID, Place{}, 1000)
		see("whole chat", err, p.Messages...)
	}
	for _, door := range []string{"chat", "whole chat"} {
		for id, is := range stays {
			if is && !seen[door][id] {
				rt.Fatalf("%s: %s is left out, and is there", door, id)
			}
		}
	}
	caps, err := x.Captures(ctx)
	see("captures", err)
	caps = slices.DeleteFunc(caps, func(r CaptureRow) bool { return r.Summary == nil })
	see("facts", x.Facts(ctx, "", func(*Fact) error { return nil }))
	for i := range caps {
		for j := range caps[:i] {
			_, err := x.Reconcile(ctx, Reconciliation{A: caps[i].Seq, B: caps[j].Seq, Show: 10}, func(d Difference) error {
				if d.Day != nil {
					see("reconcile", nil, d.Day.Messages...)
				}
				if d.Change != nil {
					see("reconcile", nil, d.Change.Message)
				}
				return nil
			})
			see("reconcile", err)
		}
	}
	trail, err := x.Audit(ctx, AuditQuery{Limit: 1000})
	see("audit", err)
	for _, r := range trail.Rows {
		if r.Gone == left[r.Seq] || r.Gone && fmt.Sprint(r.ActHead) != fmt.Sprint(record.ActHead{}) {
			rt.Fatalf("audit: %d, gone %v: %+v", r.Seq, !left[r.Seq], r)
		}
	}
}
