package index

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/chat"
)

func all(t testing.TB, x *Index) (ms []chat.Message) {
	t.Helper()
	if err := x.All(t.Context(), "", func(m chat.Message) error { ms = append(ms, m); return nil }); err != nil {
		t.Fatal(err)
	}
	return ms
}

func TestSightingsAndVersions(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	hello := k.said(t, "2024-05-13T09:00", "Ana", "hello")
	k.said(t, "2024-05-13T09:00", "Ana", "secret plan")
	k.said(t, "2024-05-13T09:01", "Bob", "ok")
	k.said(t, "2024-05-13T09:01", "Bob", "ok")
	k.said(t, "2024-05-13T09:02", "Bob", "five pm")
	k.end(t)
	k = l.capture(t, "chat", fakeReading{})
	k.again(hello)
	k.said(t, "2024-05-13T09:00", "Ana", "", func(m *chat.Message) { m.Revoked, m.Type = true, chat.Unknown })
	k.said(t, "2024-05-13T09:01", "Bob", "ok ") // another writing of the same
	k.said(t, "2024-05-13T09:01", "Bob", "ok ")
	k.said(t, "2024-05-13T09:02", "Bob", "six pm", func(m *chat.Message) { m.Edited = true })
	k.said(t, "2024-05-13T09:05", "Ana", "new")
	k.end(t)
	x := indexOf(t, l)
	ms := all(t, x)
	var got []string
	for _, m := range ms {
		s := m.Text
		if m.Revoked {
			s += "(revoked)"
		}
		for _, v := range m.Versions {
			s += " was:" + v.Text
		}
		got = append(got, fmt.Sprint(s, " ", len(m.Records)))
	}
	want := []string{"hello 1", "(revoked) was:secret plan 2", "ok  2", "ok  2", "six pm was:five pm 2", "new 1"}
	if !cmp.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if f := find(t, x, "secret"); len(f) != 1 {
		t.Errorf("what was revoked is not found: %q", f)
	}
	if rows, err := x.Chats(t.Context(), ChatFilter{}); err != nil || rows[0].Messages != 6 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestZoneDoesNotPartSightings: what two captures print alike is one message,
// whatever zone either is thought to be of.
func TestZoneDoesNotPartSightings(t *testing.T) {
	l := newLog(t)
	for i, zone := range []time.Duration{0, 5*time.Hour + 30*time.Minute} {
		k := l.capture(t, "chat", fakeReading{Zone: zone})
		k.said(t, "2024-05-13T23:58", "Ana", "hello"+strings.Repeat(" ", i))
		k.end(t)
	}
	x := indexOf(t, l)
	if ms := all(t, x); len(ms) != 1 || len(ms[0].Records) != 2 {
		t.Fatalf("%+v", ms)
	}
	if got := find(t, x, "hello on:2024-05-13"); len(got) != 1 {
		t.Fatal("not found under the date that was printed")
	}
}

func TestLaterCaptureThatKnowsBetterIsBelieved(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{Days: 30})
	a := k.said(t, "2024-05-13T09:00", "Ana", "first")
	k.said(t, "2024-05-14T09:00", "Ana", "second")
	k.end(t)
	x := indexOf(t, l)
	if ms := all(t, x); ms[0].SentLocal != "2024-06-12T09:00" {
		t.Fatalf("%+v", ms[0])
	}
	k = l.capture(t, "chat", fakeReading{Sure: true})
	k.again(a)
	k.end(t)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if ms := all(t, x); ms[0].SentLocal != "2024-05-13T09:00" || ms[1].SentLocal != "2024-05-14T09:00" {
		t.Fatalf("%+v", ms)
	}
	if got := find(t, x, "first on:2024-05-13"); len(got) != 1 {
		t.Fatal("not found under its new date")
	}
	if got := find(t, x, "first on:2024-06-12"); len(got) != 0 {
		t.Fatal("found under its old date")
	}
}
