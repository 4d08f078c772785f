package index

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// reconciled returns the differences as lines, and the totals.
func reconciled(t testing.TB, x *Index, q Reconciliation) (lines []string, out Reconciled) {
	t.Helper()
	out, err := x.Reconcile(t.Context(), q, func(d Difference) error {
		if c := d.Change; c != nil {
			lines = append(lines, fmt.Sprintf("%s %s: %q to %q, later in A %v", d.Chat.Name, c.Kind, c.Before, c.After, c.ALater))
			return nil
		}
		texts := ""
		for _, m := range d.Day.Messages {
			texts += " " + m.Text
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s%s: %d %d %d%s", d.Chat.Name, d.Day.Outside, d.Day.Day, d.Day.Both, len(d.Day.OnlyA), len(d.Day.OnlyB), texts)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, out
}

func numbers(rows []CaptureRow) (seqs []int64) {
	for _, r := range rows {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func inNamed(name string) func(*chat.Message) { return func(m *chat.Message) { m.Chat.Name = name } }

func TestReconcile(t *testing.T) {
	l := newLog(t)
	a := l.capture(t, "", fakeReading{})
	a.said(t, "2024-05-13T09:00", "Ana", "first", inNamed("x"))
	stays := a.said(t, "2024-05-14T09:00", "Ana", "stays", inNamed("x"))
	a.said(t, "2024-05-14T09:01", "Bob", "goes", inNamed("x"))
	a.said(t, "2024-05-14T09:02", "Bob", "edit me", inNamed("x"))
	a.said(t, "2024-05-14T09:03", "Bob", "revoke me", inNamed("x"))
	end := a.said(t, "2024-05-15T09:00", "Bob", "end", inNamed("x"))
	a.said(t, "2024-05-15T09:00", "Bob", "whole chat", inNamed("y"))
	a.end(t)
	other := l.capture(t, "elsewhere", fakeReading{})
	other.said(t, "2024-05-14T09:00", "Bob", "not asked for")
	other.end(t)
	cut := l.capture(t, "x", fakeReading{})
	cut.said(t, "2024-05-14T09:07", "Ana", "of an import that was cut short")
	b := l.capture(t, "", fakeReading{})
	b.again(stays)
	b.said(t, "2024-05-14T09:02", "Bob", "edited", func(m *chat.Message) { m.Edited, m.Chat.Name = true, "x" })
	b.said(t, "2024-05-14T09:03", "Bob", "", func(m *chat.Message) { m.Revoked, m.Type, m.Chat.Name = true, chat.Unknown, "x" })
	b.said(t, "2024-05-14T09:05", "Ana", "came", inNamed("x"))
	b.again(end)
	b.said(t, "2024-05-16T09:00", "Ana", "new", inNamed("x"))
	b.end(t)
	x := indexOf(t, l)

	want := []string{
		"x 2024-05-14: 3 1 1 goes came", "x before2024-05-13: 0 1 0", "x after2024-05-16: 0 0 1",
		`x edited: "edit me" to "edited", later in A false`, `x revoked: "revoke me" to "", later in A false`, "y chat2024-05-15: 0 1 0",
	}
	got, out := reconciled(t, x, Reconciliation{Show: 9})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !cmp.Equal(numbers(out.A), []int64{a.seq}) || !cmp.Equal(numbers(out.B), []int64{b.seq}) {
		t.Errorf("%v against %v", numbers(out.A), numbers(out.B))
	}
	if out.Both != 4 || out.OnlyA != 1 || out.OnlyB != 1 || out.OutsideA != 2 || out.OutsideB != 1 || out.Changed != 2 {
		t.Errorf("%+v", out)
	}
	got, _ = reconciled(t, x, Reconciliation{A: b.seq, B: a.seq, Show: 1, Chat: "x"})
	want = []string{
		"x 2024-05-14: 3 1 1 goes", "x before2024-05-13: 0 0 1", "x after2024-05-16: 0 1 0",
		`x edited: "edit me" to "edited", later in A true`, `x revoked: "revoke me" to "", later in A true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, q := range []Reconciliation{{A: cut.seq, B: b.seq}, {A: a.seq, B: 999}, {Chat: "nobody"}} {
		if _, err := x.Reconcile(t.Context(), q, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestReconcileOfExports: a chat export is compared with what other captures
// have of its chat; a stretch that none of them covers is no difference.
func TestReconcileOfExports(t *testing.T) {
	l := newLog(t)
	phone := l.capture(t, "", fakeReading{})
	phone.said(t, "2024-05-11T09:00", "Ana", "one", inNamed("x"))
	phone.said(t, "2024-05-13T09:00", "Ana", "two", inNamed("x"))
	phone.said(t, "2024-05-15T09:00", "Ana", "three", inNamed("x"))
	phone.said(t, "2024-05-15T09:00", "Ana", "elsewhere", inNamed("y"))
	phone.end(t)
	for _, day := range []string{"2024-05-11", "2024-05-15"} {
		k := l.capture(t, "x", fakeReading{})
		k.said(t, day+"T09:00", "Ana", map[string]string{"2024-05-11": "one", "2024-05-15": "three"}[day])
		k.end(t)
	}
	x := indexOf(t, l)
	got, out := reconciled(t, x, Reconciliation{Show: 9})
	want := []string{"x before2024-05-11: 0 1 0", "x before2024-05-13: 0 1 0"}
	if !cmp.Equal(got, want) || len(out.A) != 2 || out.Both != 1 {
		t.Errorf("%q, %+v", got, out)
	}
	again := l.capture(t, "", fakeReading{})
	again.said(t, "2024-05-11T09:00", "Ana", "one", inNamed("x"))
	again.said(t, "2024-05-13T09:00", "Ana", "two", inNamed("x"))
	again.said(t, "2024-05-15T09:00", "Ana", "three", inNamed("x"))
	again.said(t, "2024-05-15T09:00", "Ana", "elsewhere", inNamed("y"))
	again.end(t)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, out := reconciled(t, x, Reconciliation{}); got != nil || out.Both != 4 || len(out.A) != 3 {
		t.Errorf("%q, %+v", got, out)
	}
}

func TestReconcileOfOne(t *testing.T) {
	l := newLog(t)
	x := indexOf(t, l)
	if got, out := reconciled(t, x, Reconciliation{}); got != nil || out.B != nil {
		t.Errorf("%q, %+v", got, out)
	}
	k := l.capture(t, "x", fakeReading{})
	k.said(t, "2024-05-11T09:00", "Ana", "one")
	k.end(t)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, out := reconciled(t, x, Reconciliation{}); got != nil || out.A != nil || !cmp.Equal(numbers(out.B), []int64{k.seq}) {
		t.Errorf("%q, %+v", got, out)
	}
}

// entriesOf are the entries that a capture has: its own, and those of others
// that it saw again.
func (l *fakeLog) entriesOf(t testing.TB, capture int64) map[int64]bool {
	t.Helper()
	has := map[int64]bool{}
	for _, e := range l.entries {
		var item record.ItemHead
		var end record.CaptureEndHead
		if e.Kind == record.CaptureEnd {
			if _, err := e.Decode(&end); err != nil {
				t.Fatal(err)
			}
		}
		for _, run := range end.Seen {
			if end.Capture == capture {
				has[run[1]] = true
			}
		}
		if e.Kind == record.Item || e.Kind == record.Unparsed {
			if _, err := e.Decode(&item); err != nil {
				t.Fatal(err)
			}
			has[e.Seq] = has[e.Seq] || item.Capture == capture
		}
	}
	return has
}

// TestReconcileCountsEachMessageOnce: what both have, and what one has alone,
// is all that there is; and what is asked the other way round is answered the
// other way round.
func TestReconcileCountsEachMessageOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLog(t, rt)
		x := openIndex(t, config(t, l))
		rows, err := x.Captures(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		rows = slices.DeleteFunc(rows, func(r CaptureRow) bool { return r.Summary == nil })
		if len(rows) < 2 {
			return
		}
		hasA, hasB := l.entriesOf(t, rows[0].Seq), l.entriesOf(t, rows[1].Seq)
		type tally struct{ both, a, b int64 }
		by := map[string]*tally{}
		for _, m := range all(t, x) {
			c := by[m.Chat.ID]
			if c == nil {
				c = &tally{}
				by[m.Chat.ID] = c
			}
			a := slices.ContainsFunc(m.Records, func(r int64) bool { return hasA[r] })
			b := slices.ContainsFunc(m.Records, func(r int64) bool { return hasB[r] })
			switch {
			case a && b:
				c.both++
			case a:
				c.a++
			case b:
				c.b++
			}
		}
		var want tally
		for _, c := range by {
			if c.both+c.a > 0 && c.both+c.b > 0 {
				want = tally{want.both + c.both, want.a + c.a, want.b + c.b}
			}
		}
		lines, is := reconciled(t, x, Reconciliation{A: rows[0].Seq, B: rows[1].Seq})
		if got := (tally{is.Both, is.OnlyA + is.OutsideA, is.OnlyB + is.OutsideB}); got != want {
			rt.Fatalf("%+v, want %+v", got, want)
		}
		back, was := reconciled(t, x, Reconciliation{A: rows[1].Seq, B: rows[0].Seq})
		if len(lines) != len(back) || is.Both != was.Both || is.OnlyA != was.OnlyB || is.OutsideA != was.OutsideB || is.Changed != was.Changed {
			rt.Fatalf("%q %+v, the other way round %q %+v", lines, is, back, was)
		}
	})
}
