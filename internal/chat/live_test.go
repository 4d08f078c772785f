package chat

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// told is an event about a message of a source that tells of it in any order.
func told(seq int64, more ...func(*Message)) Event {
	m := Message{Type: Unknown, Partial: true, Account: "+1", Precision: "second", Key: &Key{ID: "wamid.1", Unique: true, FromMe: true, Chat: "49@s.whatsapp.net"}, Chat: Chat{JID: "49@s.whatsapp.net", Kind: Direct}}
	stampAt(int(seq))(&m)
	for _, f := range more {
		f(&m)
	}
	return Event{Seq: seq, Source: "cloudapi", Message: m}
}

func stampAt(s int) func(*Message) {
	return func(m *Message) {
		m.SentLocal = fmt.Sprintf("2024-05-13T09:00:%02d", s)
		m.SentAt = m.SentLocal + "Z"
	}
}

func step(s ReceiptState, at string, who Person) func(*Message) {
	return func(m *Message) { m.Receipts = []Receipt{{Who: who, State: s, At: at}} }
}

func whole(t Type, text string) func(*Message) {
	return func(m *Message) { m.Partial, m.Type, m.Text, m.Direction = false, t, text, Out }
}

func sends(s SendState, at, why string) func(*Message) {
	return func(m *Message) { m.Sending = &Sending{State: s, At: at, Why: why} }
}

func named(id, alias string) func(*Message) {
	return func(m *Message) { m.Key = &Key{ID: id, Alias: alias, Unique: true, FromMe: true, Chat: m.Key.Chat} }
}

func fetchedAs(state State) func(*Message) {
	return func(m *Message) {
		m.Attachments = []Attachment{{Ref: "F1", State: state}}
		if state == Stored {
			m.Attachments[0].SHA256 = "aa"
		}
	}
}

var (
	byNumber = Person{Phone: "+49", JID: "49@s.whatsapp.net"}
	byID     = Person{BSUID: "DE.1"}
	byBoth   = Person{Phone: "+49", JID: "49@s.whatsapp.net", BSUID: "DE.1"}
)

func TestEveryStepIsKept(t *testing.T) {
	m := Fold([]Event{
		told(5, step(Read, "2024-05-13T09:03:00Z", byID)), told(6, step(Sent, "2024-05-13T09:01:00Z", byNumber)), told(7, whole(Text, "x")),
		told(8, step(Delivered, "2024-05-13T09:02:00Z", byBoth)), told(9, step(Delivered, "2024-05-13T09:01:30Z", byNumber)),
	})
	want := []Receipt{{Who: byBoth, State: Sent, At: "2024-05-13T09:01:00Z"}, {Who: byBoth, State: Delivered, At: "2024-05-13T09:01:30Z"}, {Who: byBoth, State: Read, At: "2024-05-13T09:03:00Z"}}
	if diff := cmp.Diff(want, m.Receipts); diff != "" {
		t.Error(diff)
	}
	if f := Furthest(m.Receipts); len(f) != 1 || f[0].State != Read {
		t.Errorf("%+v", f)
	}
	// In a group each member has steps; two addresses are one member's where a
	// third receipt has both.
	group := func(m *Message) { m.Chat = Chat{JID: "1@g.us", Kind: Group} }
	bob := Person{Phone: "+50", JID: "50@s.whatsapp.net"}
	m = Fold([]Event{
		told(1, group, step(Sent, "a", byNumber)), told(2, group, step(Sent, "a", bob)), told(3, group, step(Read, "c", byID)), told(4, group, step(Delivered, "b", byBoth)), told(5, group, step(Failed, "b", bob)),
	})
	if len(m.Receipts) != 5 || m.Receipts[2].State != Read || m.Receipts[2].Who != byBoth || len(Furthest(m.Receipts)) != 2 || !m.Failed() {
		t.Errorf("%+v", m.Receipts)
	}
	if _, words := Reach(m.Receipts); words != "Read: 1, not delivered: 1" {
		t.Error(words)
	}
}

func TestSending(t *testing.T) {
	const a, b = "2024-05-13T09:00:01Z", "2024-05-13T09:00:02Z"
	for _, c := range []struct {
		name   string
		events []Event
		state  SendState
		id     string
	}{
		{"waits", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendWaits, a, "held"))}, SendWaits, ""},
		{"withdrawn", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendWaits, a, "held")), told(2, named("", "A"), sends(SendWithdrawn, b, ""))}, SendWithdrawn, ""},
		{"accepted", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("wamid.1", "A"), sends(SendAccepted, b, ""))}, SendAccepted, "wamid.1"},
		{"lost answer", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("wamid.1", "A"), step(Sent, b, byNumber))}, SendAccepted, "wamid.1"},
		{"unreachable, then accepted", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("", "A"), sends(SendRefused, b, "")), told(3, named("wamid.1", "A"), sends(SendAccepted, b, ""))}, SendAccepted, "wamid.1"},
		{"unreachable, waits", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("", "A"), sends(SendDeferred, a, "away"))}, SendDeferred, ""},
		{"unreachable, lost answer", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("", "A"), sends(SendDeferred, a, "away")), told(3, named("", "A"), sends(SendForwarded, b, ""))}, SendForwarded, ""},
		{"refused", []Event{told(1, named("", "A"), whole(Text, "x"), sends(SendForwarded, a, "")), told(2, named("", "A"), sends(SendRefused, b, "131009"))}, SendRefused, ""},
	} {
		m := Fold(c.events)
		if m.Sending.State != c.state || m.Key.ID != c.id || m.Key.Alias != "A" || m.Text != "x" {
			t.Errorf("%s: %+v %+v", c.name, m.Sending, m.Key)
		}
	}
}

// TestLiveFoldLaws: the entries in which records of one message come do not
// matter, beside the numbers themselves.
func TestLiveFoldLaws(t *testing.T) {
	who := rapid.SampledFrom([]Person{byNumber, byID, byBoth})
	rapid.Check(t, func(t *rapid.T) {
		minute := rapid.IntRange(1, 50)
		stamp := func() string { return fmt.Sprintf("2024-05-13T09:%02d:00Z", minute.Draw(t, "minute")) }
		var tell []func(seq int64) Event
		add := func(f ...func(*Message)) {
			tell = append(tell, func(seq int64) Event { return told(seq, append(f, stampAt(0))...) })
		}
		for range rapid.IntRange(1, 8).Draw(t, "events") {
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0, 1:
				add(step(rapid.SampledFrom(reach).Draw(t, "step"), stamp(), who.Draw(t, "who")))
			case 2:
				add(whole(rapid.SampledFrom([]Type{Text, Unsupported}).Draw(t, "type"), rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "text")))
			case 3:
				add(sends(rapid.SampledFrom(course).Draw(t, "state"), stamp(), "w"), named("", "A"))
			case 4:
				at := stamp()
				add(func(m *Message) { m.Edited, m.ChangedAt, m.Text = true, at, "edit "+at })
			case 5:
				at := stamp()
				add(func(m *Message) { m.Revoked, m.ChangedAt = true, at })
			case 6:
				add(fetchedAs(rapid.SampledFrom(fetched).Draw(t, "state")))
			case 7:
				add(func(m *Message) { m.Type, m.Call = CallType, &Call{Seconds: 3, Printed: "answered"} })
			}
		}
		fold := func(order []int) Message {
			var es []Event
			for i, n := range order {
				es = append(es, tell[n](int64(i+1)))
			}
			m := Fold(es)
			m.ID, m.Seq, m.Records = "", 0, nil
			for i := range m.Versions {
				m.Versions[i].Seq = 0
			}
			return m
		}
		order := make([]int, len(tell))
		for i := range order {
			order[i] = i
		}
		want := fold(order)
		if diff := cmp.Diff(want, fold(rapid.Permutation(order).Draw(t, "order"))); diff != "" {
			t.Fatalf("another order: %s", diff)
		}
		if diff := cmp.Diff(want, fold(append(order, rapid.SampledFrom(order).Draw(t, "again")))); diff != "" && len(tell) > 1 {
			t.Fatalf("told twice: %s", diff)
		}
	})
}

func TestUniqueKeys(t *testing.T) {
	msg := func(f ...func(*Message)) *Message { e := told(1, f...); return &e.Message }
	same := func(a, b *Message) bool {
		for _, x := range KeyNames(a) {
			for _, y := range KeyNames(b) {
				if x == y && SameKey(a, b, false) {
					return true
				}
			}
		}
		return false
	}
	in := func(m *Message) { m.Key.FromMe = false }
	elsewhere := func(m *Message) { m.Chat = Chat{BSUID: "DE.1"}; m.Key.Chat = "DE.1@bsuid" }
	for _, c := range []struct {
		name string
		a, b *Message
		want bool
	}{
		{"equal", msg(), msg(), true},
		{"whose it is does not matter", msg(), msg(in), true},
		{"nor by which address the chat is known", msg(), msg(elsewhere), true},
		{"another id", msg(), msg(named("wamid.2", "")), false},
		{"the same alias", msg(named("", "A")), msg(named("wamid.1", "A")), true},
		{"the same alias of two", msg(named("wamid.2", "A")), msg(named("wamid.1", "A")), false},
		{"no id and no alias", msg(named("", "")), msg(named("", "")), false},
	} {
		if same(c.a, c.b) != c.want || same(c.b, c.a) != c.want {
			t.Errorf("%s: %v", c.name, !c.want)
		}
	}
	if a, b := msg(whole(Text, "x")), msg(whole(Text, "x"), named("wamid.2", "")); Same(a, b) || Varies(a, b) || Revises(a, b) {
		t.Error("two ids are taken for one message, because they say the same")
	}
}
