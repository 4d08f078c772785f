package chat

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func printedAt(at, name, text string, more ...func(*Message)) *Message {
	m := &Message{Type: Text, From: &Person{Name: name}, Text: text, AsPrinted: text, SentAt: at, SentLocal: at[:16], Precision: "minute"}
	for _, f := range more {
		f(m)
	}
	return m
}

func exactAt(at, number, text string, more ...func(*Message)) *Message {
	m := &Message{Type: Text, From: &Person{Phone: "+" + number, JID: number + "@s.whatsapp.net"}, Text: text, SentAt: at, SentLocal: at[:19], Precision: "second", Key: &Key{ID: text + at}, Direction: In}
	for _, f := range more {
		f(m)
	}
	return m
}

const (
	nine    = "2024-05-13T09:00:00Z"
	nineAnd = "2024-05-13T09:00:41Z"
	ana     = "447700900001"
	bob     = "447700900002"
)

func notice(event string, who ...string) func(*Message) {
	return func(m *Message) {
		m.Type, m.From, m.Text, m.Direction, m.System = SystemType, nil, "", Notice, &System{Event: event, Who: who}
	}
}

func picture(name string, state State) func(*Message) {
	return func(m *Message) { m.Type, m.Attachments = Image, []Attachment{{Name: name, State: state}} }
}

func mine(m *Message) { m.Direction, m.Key.FromMe, m.From = Out, true, nil }

func TestPair(t *testing.T) {
	as := func(typ Type) func(*Message) { return func(m *Message) { m.Type = typ } }
	for name, c := range map[string]struct {
		printed, exact *Message
		want           bool
	}{
		"one text":            {printedAt(nine, "Ana", "hello"), exactAt(nineAnd, ana, "hello"), true},
		"another minute":      {printedAt(nine, "Ana", "hello"), exactAt("2024-05-13T09:01:00Z", ana, "hello"), false},
		"another text":        {printedAt(nine, "Ana", "hello"), exactAt(nineAnd, ana, "hi"), false},
		"the same number":     {printedAt(nine, "+44 7700 900001", "hello", func(m *Message) { m.From.Phone = "+" + ana }), exactAt(nineAnd, ana, "hello"), true},
		"another number":      {printedAt(nine, "+44 7700 900002", "hello", func(m *Message) { m.From.Phone = "+" + bob }), exactAt(nineAnd, ana, "hello"), false},
		"the owner":           {printedAt(nine, "Me", "hello", func(m *Message) { m.Direction = Out }), exactAt(nineAnd, ana, "hello", mine), true},
		"not the owner":       {printedAt(nine, "Ana", "hello", func(m *Message) { m.Direction = In }), exactAt(nineAnd, ana, "hello", mine), false},
		"a mention":           {printedAt(nine, "Ana", "ask @\u2068Bob\u2069 now"), exactAt(nineAnd, ana, "ask @447700900002 now"), true},
		"another second":      {printedAt(nine, "Ana", "hello", func(m *Message) { m.Precision = "second" }), exactAt(nineAnd, ana, "hello"), false},
		"a notice":            {printedAt(nine, "", "", notice(NoticeMemberAdded, "Bob")), exactAt(nineAnd, "", "", notice(NoticeMemberAdded, "+"+bob)), true},
		"another notice":      {printedAt(nine, "", "", notice(NoticeMemberAdded, "Bob")), exactAt(nineAnd, "", "", notice(NoticeMemberLeft, "+"+bob)), false},
		"about another":       {printedAt(nine, "", "", notice(NoticeMemberAdded, "Bob")), exactAt(nineAnd, "", "", notice(NoticeMemberAdded, "Carl")), false},
		"a notice and a text": {printedAt(nine, "", "", notice(NoticeMemberAdded)), exactAt(nineAnd, ana, ""), false},
		"a file left out":     {printedAt(nine, "Ana", "", picture("", Omitted), as(Unknown)), exactAt(nineAnd, ana, "look", picture("Media/a.jpg", Stored)), true},
		"a file by name":      {printedAt(nine, "Ana", "look", picture("a.jpg", Missing)), exactAt(nineAnd, ana, "look", picture("Media/WhatsApp Images/a.jpg", Stored)), true},
		"another caption":     {printedAt(nine, "Ana", "look", picture("b.jpg", Missing)), exactAt(nineAnd, ana, "see", picture("Media/a.jpg", Stored)), false},
		"a place":             {printedAt(nine, "Ana", "", as(Place)), exactAt(nineAnd, ana, "", as(LivePlace)), true},
		"revoked in between":  {printedAt(nine, "Ana", "hello"), exactAt(nineAnd, ana, "", revoked, func(m *Message) { m.From.Name = "Ana" }), true},
		"edited in between":   {printedAt(nine, "~ Ana", "hello"), exactAt(nineAnd, ana, "hi", edited, func(m *Message) { m.From.Name = "Ana" }), true},
		"edited by whom":      {printedAt(nine, "Ana", "hello"), exactAt(nineAnd, ana, "hi", edited), false},
	} {
		if got := len(Pair([]*Message{c.printed}, []*Message{c.exact})) == 1; got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPairLearnsWhoIsWho: one text is said by two people in one minute; what
// else they wrote tells which is whose.
func TestPairLearnsWhoIsWho(t *testing.T) {
	later := "2024-05-13T09:05:00Z"
	got := Pair(
		[]*Message{printedAt(nine, "Ana", "ok"), printedAt(nine, "Bob", "ok"), printedAt(later, "Ana", "I am Ana"), printedAt(later, "Bob", "I am Bob")},
		[]*Message{exactAt(nine, bob, "ok"), exactAt(nineAnd, ana, "ok"), exactAt(later, ana, "I am Ana"), exactAt(later, bob, "I am Bob")})
	if diff := cmp.Diff([][2]int{{0, 1}, {1, 0}, {2, 2}, {3, 3}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestPairIsOneToOne: whatever is given, no record is in two pairs, pairs are
// of one text.
func TestPairIsOneToOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(what string, of func(at, who, text string) *Message) (out []*Message) {
			for i := range rapid.IntRange(0, 20).Draw(rt, what) {
				out = append(out, of(fmt.Sprintf("2024-05-13T09:%02d:00Z", i/3), rapid.SampledFrom([]string{"Ana", "Bob"}).Draw(rt, "who"), rapid.SampledFrom([]string{"ok", "no", "a longer text"}).Draw(rt, "text")))
			}
			return out
		}
		a := draw("printed", func(at, who, text string) *Message {
			return printedAt(at, who, text, func(m *Message) { m.ZoneAssumed = rapid.Bool().Draw(rt, "assumed") })
		})
		b := draw("exact", func(at, who, text string) *Message { return exactAt(at, who, text) })
		usedA, usedB := map[int]bool{}, map[int]bool{}
		for _, p := range Pair(a, b) {
			if usedA[p[0]] || usedB[p[1]] || a[p[0]].Text != b[p[1]].Text {
				rt.Fatalf("%v", p)
			}
			usedA[p[0]], usedB[p[1]] = true, true
		}
	})
}

// TestFoldOfPrintedAndExact: each gives what the other lacks.
func TestFoldOfPrintedAndExact(t *testing.T) {
	p := *printedAt("2024-05-13T09:00:00Z", "Ana", "ask @\u2068Bob\u2069")
	p.SentLocal, p.Zone = "2024-05-13T11:00", "Europe/Berlin"
	e := *exactAt(nineAnd, ana, "ask @447700900002")
	e.Zone, e.ZoneAssumed = "UTC", true
	for _, es := range [][]Event{{{1, "chatexport", p}, {2, "android", e}}, {{1, "android", e}, {2, "chatexport", p}}} {
		m := Fold(es)
		if m.SentAt != nineAnd || m.SentLocal != "2024-05-13T11:00:41" || m.Zone != "Europe/Berlin" || m.ZoneAssumed || m.Precision != "second" {
			t.Errorf("%s %s %s", m.SentAt, m.SentLocal, m.Zone)
		}
		if want := (Person{Name: "Ana", Phone: "+" + ana, JID: ana + "@s.whatsapp.net"}); *m.From != want {
			t.Errorf("%+v", m.From)
		}
		if m.Versions != nil || m.Key == nil || m.AsPrinted == "" {
			t.Errorf("%+v", m)
		}
	}
}
