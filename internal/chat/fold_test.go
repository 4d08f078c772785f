package chat

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func said(seq int64, source, text string, more ...func(*Message)) Event {
	m := Message{
		From: &Person{Name: "Ana"}, Type: Text, Text: text,
		SentAt: "2024-05-13T09:00:00Z", SentLocal: "2024-05-13T09:00", Zone: "UTC", Precision: "minute",
	}
	for _, f := range more {
		f(&m)
	}
	return Event{Seq: seq, Source: source, Message: m}
}

func revoked(m *Message) { m.Revoked, m.Type, m.Text = true, Unknown, "" }
func edited(m *Message)  { m.Edited = true }
func atSecond(s string) func(*Message) {
	return func(m *Message) {
		m.SentLocal, m.SentAt, m.Precision = "2024-05-13T09:00:"+s, "2024-05-13T09:00:"+s+"Z", "second"
	}
}

func file(state State, sum string) func(*Message) {
	return func(m *Message) {
		m.Type, m.Attachments = Image, []Attachment{{Name: "a.jpg", State: state, SHA256: sum}}
	}
}

func omitted(m *Message) { m.Type, m.Attachments = Unknown, []Attachment{{State: Omitted}} }

func TestFoldOfNothing(t *testing.T) {
	if m := Fold(nil); m.ID != "" || m.Records != nil {
		t.Errorf("%+v", m)
	}
}

func TestSightingCorroborates(t *testing.T) {
	m := Fold([]Event{said(7, "chatexport", "yes"), said(3, "linked", "yes", atSecond("21"))})
	if m.ID != "3" || m.Seq != 3 || !cmp.Equal(m.Records, []int64{3, 7}) || !cmp.Equal(m.SeenBy, []string{"linked", "chatexport"}) {
		t.Errorf("%+v", m)
	}
	if m.Versions != nil || m.Precision != "second" || m.SentLocal != "2024-05-13T09:00:21" {
		t.Errorf("%+v", m)
	}
}

func TestRevokedMessageKeepsItsLastText(t *testing.T) {
	want := []Version{{Text: "pay 500", Seq: 2}, {Text: "pay 5000", Seq: 5}}
	m := Fold([]Event{said(2, "chatexport", "pay 500"), said(5, "chatexport", "pay 5000", edited), said(9, "chatexport", "", revoked)})
	if !m.Revoked || m.Text != "" || m.Type != Unknown || !cmp.Equal(m.Versions, want) {
		t.Errorf("%+v", m)
	}
	// An older export may be imported last.
	m = Fold([]Event{said(2, "chatexport", "", revoked), said(5, "chatexport", "pay 5000")})
	if !m.Revoked || m.Text != "" || !cmp.Equal(m.Versions, []Version{{Text: "pay 5000", Seq: 5}}) {
		t.Errorf("%+v", m)
	}
}

func TestEditKeepsWhatWasWritten(t *testing.T) {
	m := Fold([]Event{said(2, "a", "at 5", edited), said(4, "b", "at 4"), said(6, "c", "at 5", edited)})
	if !m.Edited || m.Text != "at 5" || !cmp.Equal(m.Versions, []Version{{Text: "at 4", Seq: 4}}) {
		t.Errorf("%+v", m)
	}
}

func TestBestAttachmentWins(t *testing.T) {
	m := Fold([]Event{said(1, "a", "", omitted), said(2, "b", "", file(Missing, "")), said(3, "c", "", file(Stored, "aa")), said(4, "d", "", revoked)})
	if len(m.Attachments) != 1 || m.Attachments[0].State != Stored || !m.Revoked {
		t.Errorf("%+v", m)
	}
	if m := Fold([]Event{said(1, "a", "", omitted), said(2, "b", "", file(Missing, ""))}); m.Type != Image {
		t.Errorf("type %s", m.Type)
	}
}

func TestWhatOneRecordIsSureOfCounts(t *testing.T) {
	unsure := func(m *Message) { m.Time, m.Boundary, m.ZoneAssumed = Ambiguous, Ambiguous, true }
	m := Fold([]Event{said(1, "a", "x", unsure), said(2, "b", "x")})
	if m.Time == Ambiguous || m.Boundary == Ambiguous || m.ZoneAssumed {
		t.Errorf("%+v", m)
	}
}

func TestMatching(t *testing.T) {
	msg := func(e Event) *Message { return &e.Message }
	same := func(a, b *Message) bool { return MatchKey(a) == MatchKey(b) && Same(a, b) }
	state := func(a, b *Message) bool { return PlaceKey(a) == PlaceKey(b) && Revises(a, b) }
	other := func(m *Message) { m.From = &Person{Name: "Bob"} }
	for _, c := range []struct {
		name       string
		a, b       *Message
		same, revs bool
	}{
		{"equal", msg(said(1, "", "x")), msg(said(2, "", "x")), true, false},
		{"direction marks and blanks", msg(said(1, "", "\u200ex  y")), msg(said(2, "", "x y")), true, false},
		{"composed and not", msg(said(1, "", "é")), msg(said(2, "", "e\u0301")), true, false},
		{"another sender", msg(said(1, "", "x")), msg(said(2, "", "x", other)), false, false},
		{"another text", msg(said(1, "", "x")), msg(said(2, "", "y")), false, false},
		{"minute against second", msg(said(1, "", "x")), msg(said(2, "", "x", atSecond("40"))), true, false},
		{"another second", msg(said(1, "", "x", atSecond("39"))), msg(said(2, "", "x", atSecond("40"))), false, false},
		{"omitted and stored", msg(said(1, "", "", omitted)), msg(said(2, "", "", file(Stored, "aa"))), true, false},
		{"other contents", msg(said(1, "", "", file(Stored, "bb"))), msg(said(2, "", "", file(Stored, "aa"))), false, false},
		{"revoked later", msg(said(1, "", "x")), msg(said(2, "", "", revoked)), false, true},
		{"edited later", msg(said(1, "", "x")), msg(said(2, "", "y", edited)), false, true},
		{"two revoked", msg(said(1, "", "", revoked)), msg(said(2, "", "", revoked)), true, false},
	} {
		if got := same(c.a, c.b); got != c.same || same(c.b, c.a) != got {
			t.Errorf("%s: same %v", c.name, got)
		}
		if got := state(c.a, c.b); got != c.revs || state(c.b, c.a) != got {
			t.Errorf("%s: revises %v", c.name, got)
		}
	}
}

// TestOneMessageOfExportsThatDiffer: what one export leaves out, or has other
// bytes of, is joined by Varies and folded without a loss.
func TestOneMessageOfExportsThatDiffer(t *testing.T) {
	named := func(name string) func(*Message) { return func(m *Message) { m.Attachments[0].Name = name } }
	kept := said(1, "", "look", file(Stored, "aa"), named("a.jpg"))
	without := said(2, "", "", omitted)
	bytes := said(2, "", "look", file(Stored, "bb"), named("a.jpg"))
	another := said(2, "", "look", file(Stored, "bb"), named("b.jpg"))
	for _, c := range []struct {
		name string
		b    Event
		want bool
	}{
		{"left out with its caption", without, true},
		{"other bytes", bytes, true},
		{"another file", another, false},
		{"a text", said(2, "", "look"), false},
		{"revoked", said(2, "", "", revoked), false},
	} {
		if got := Varies(&kept.Message, &c.b.Message); got != c.want || Varies(&c.b.Message, &kept.Message) != got {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	m := Fold([]Event{kept, without})
	if m.Text != "look" || len(m.Versions) != 0 || len(m.Attachments) != 1 || m.Attachments[0].State != Stored {
		t.Errorf("%+v", m)
	}
	m = Fold([]Event{bytes, kept})
	if len(m.Attachments) != 2 || m.Attachments[0].SHA256 != "aa" || m.Attachments[1].SHA256 != "bb" || m.Attachments[1].Reason == "" {
		t.Errorf("%+v", m)
	}
}

// The fold does not depend on the order of its events, changes none of them,
// and loses no text.
func TestFoldLaws(t *testing.T) {
	change := rapid.SampledFrom([]func(*Message){func(*Message) {}, revoked, edited, omitted, file(Stored, "aa"), file(Missing, ""), atSecond("30")})
	rapid.Check(t, func(t *rapid.T) {
		var events []Event
		for i := range rapid.IntRange(1, 6).Draw(t, "events") {
			events = append(events, said(int64(i+1), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"),
				rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text"), change.Draw(t, "change")))
		}
		want := Fold(events)
		shuffled := rapid.Permutation(events).Draw(t, "order")
		before := append([]Event(nil), shuffled...)
		if diff := cmp.Diff(want, Fold(shuffled)); diff != "" {
			t.Fatalf("another order: %s", diff)
		}
		if diff := cmp.Diff(before, shuffled); diff != "" {
			t.Fatalf("changed its events: %s", diff)
		}
		texts := map[string]bool{want.Text: true}
		for _, v := range want.Versions {
			texts[v.Text] = true
		}
		for _, e := range events {
			if !e.Message.Revoked && !texts[e.Message.Text] && len(e.Message.Attachments) == 0 {
				t.Fatalf("lost the text %q: %+v", e.Message.Text, want)
			}
		}
		if len(want.Records) != len(events) {
			t.Fatalf("records %v of %d events", want.Records, len(events))
		}
	})
}

func keyed(id string) func(*Message) {
	return func(m *Message) {
		m.Key = &Key{ID: id, Chat: "123@lid"}
		m.Chat = Chat{JID: "447700900001@s.whatsapp.net", LID: "123@lid"}
		m.From = &Person{LID: "123@lid"}
	}
}

// What is told of a message by itself, a reaction or a revocation, changes
// that and nothing else.
func TestPartialRecords(t *testing.T) {
	part := func(m *Message) {
		m.Partial, m.Type, m.Text, m.From, m.SentAt, m.SentLocal = true, Unknown, "", nil, "2024-05-14T00:00:00Z", "2024-05-14T00:00:00"
	}
	gone := func(m *Message) { part(m); m.Revoked, m.ChangedAt = true, "2024-05-14T00:00:00Z" }
	liked := func(m *Message) { part(m); m.Reactions = []Reaction{{From: Person{LID: "9@lid"}, Emoji: "+"}} }
	edit := func(m *Message) { part(m); m.Edited, m.Text = true, "new" }
	m := Fold([]Event{said(1, "android", "old", keyed("A")), said(2, "android", "", gone, keyed("A")), said(3, "android", "", liked, keyed("A"))})
	if !m.Revoked || m.Text != "" || m.SentAt != "2024-05-13T09:00:00Z" || m.From == nil || len(m.Reactions) != 1 || !cmp.Equal(m.Versions, []Version{{Text: "old", Seq: 1}}) {
		t.Errorf("%+v", m)
	}
	m = Fold([]Event{said(1, "android", "", edit, keyed("A")), said(2, "android", "old", keyed("A"))})
	if !m.Edited || m.Text != "new" || m.Type != Text || !cmp.Equal(m.Versions, []Version{{Text: "old", Seq: 2}}) {
		t.Errorf("%+v", m)
	}
}

func TestKeys(t *testing.T) {
	msg := func(f ...func(*Message)) *Message { e := said(1, "", "x", f...); return &e.Message }
	mine := func(m *Message) { m.Key.FromMe = true }
	from := func(p Person) func(*Message) { return func(m *Message) { m.From = &p } }
	inChat := func(jid string) func(*Message) { return func(m *Message) { m.Chat, m.Key.Chat = Chat{JID: jid}, jid } }
	for _, c := range []struct {
		name string
		a, b *Message
		want bool
	}{
		{"equal", msg(keyed("A")), msg(keyed("A")), true},
		{"another id", msg(keyed("A")), msg(keyed("B")), false},
		{"another direction", msg(keyed("A")), msg(keyed("A"), mine), false},
		{"the chat by its phone", msg(keyed("A")), msg(keyed("A"), inChat("447700900001@s.whatsapp.net")), true},
		{"another chat", msg(keyed("A")), msg(keyed("A"), inChat("5@g.us")), false},
		{"another sender", msg(keyed("A")), msg(keyed("A"), from(Person{LID: "7@lid"})), false},
		{"a sender without an address", msg(keyed("A")), msg(keyed("A"), from(Person{Name: "Ana"})), true},
		{"a sender by the other address", msg(keyed("A")), msg(keyed("A"), from(Person{JID: "447700900001@s.whatsapp.net"})), true},
		{"and at another time", msg(keyed("A")), msg(keyed("A"), from(Person{JID: "447700900001@s.whatsapp.net"}), func(m *Message) { m.SentAt = "" }), false},
		{"without a key", msg(keyed("A")), msg(), false},
	} {
		same := func(a, b *Message) bool { return KeyName(a) != "" && KeyName(a) == KeyName(b) && SameKey(a, b, false) }
		if same(c.a, c.b) != c.want || same(c.b, c.a) != c.want {
			t.Errorf("%s: %v", c.name, !c.want)
		}
	}
	// The index may know that two addresses are of one chat, or that none is.
	other, none := msg(keyed("A"), inChat("5@g.us")), msg(keyed("A"), inChat(""))
	if !SameKey(msg(keyed("A")), other, true) || !SameKey(none, none, true) || SameKey(none, none, false) {
		t.Error("one chat is not believed to be one")
	}
}
