package index

import (
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
)

// TestAQuotationLeadsToItsMessage: the same id occurs in both directions, of
// two senders, and in another chat.
func TestAQuotationLeadsToItsMessage(t *testing.T) {
	ana, bob := chat.Person{JID: "1@s.whatsapp.net"}, chat.Person{JID: "2@s.whatsapp.net"}
	keyed := func(id, in string, from *chat.Person) func(*chat.Message) {
		return func(m *chat.Message) {
			m.Key, m.From = &chat.Key{ID: id, Chat: in, FromMe: from == nil}, from
			m.Chat.JID = in
		}
	}
	answer := func(q chat.Quoted) func(*chat.Message) {
		return func(m *chat.Message) { m.Quoted, m.ReplyTo = &q, q.Key.ID }
	}
	l := newLog(t)
	k := l.capture(t, "deal", fakeReading{})
	k.said(t, "2024-05-13T09:00", "x", "of Ana", keyed("A", "1@g.us", &ana))
	k.said(t, "2024-05-13T09:01", "x", "of Bob", keyed("A", "1@g.us", &bob))
	k.said(t, "2024-05-13T09:02", "x", "our own", keyed("A", "1@g.us", nil))
	k.said(t, "2024-05-13T09:03", "x", "lone own", keyed("B", "1@g.us", nil), func(m *chat.Message) { m.From = &chat.Person{Phone: "+999"} })
	answers := map[int64]string{
		k.said(t, "2024-05-13T09:10", "Zoe", "1", answer(chat.Quoted{Key: chat.Key{ID: "A", Chat: "1@g.us"}, From: &bob})):    "of Bob",
		k.said(t, "2024-05-13T09:11", "Zoe", "2", answer(chat.Quoted{Key: chat.Key{ID: "A", Chat: "1@g.us"}, From: &ana})):    "of Ana",
		k.said(t, "2024-05-13T09:12", "Zoe", "3", answer(chat.Quoted{Key: chat.Key{ID: "A", Chat: "1@g.us", FromMe: true}})):  "our own",
		k.said(t, "2024-05-13T09:13", "Zoe", "4", answer(chat.Quoted{Key: chat.Key{ID: "B", Chat: "1@g.us"}, From: &ana})):    "lone own",
		k.said(t, "2024-05-13T09:15", "Zoe", "6", answer(chat.Quoted{Key: chat.Key{ID: "gone", Chat: "1@g.us"}, From: &ana})): "",
		k.said(t, "2024-05-13T09:16", "Zoe", "7", answer(chat.Quoted{Key: chat.Key{ID: "C", Chat: "2@g.us"}, From: &ana})):    "in another chat",
		k.said(t, "2024-05-13T09:17", "Zoe", "8", answer(chat.Quoted{Key: chat.Key{ID: "C", Chat: "3@g.us"}, From: &ana})):    "",
		k.said(t, "2024-05-13T09:18", "Zoe", "9", answer(chat.Quoted{Key: chat.Key{ID: "1"}})):                                "",
		k.said(t, "2024-05-13T09:19", "Zoe", "no answer"):                                                                     "",
	}
	k.end(t)
	k = l.capture(t, "other", fakeReading{})
	k.said(t, "2024-05-13T08:00", "x", "in another chat", keyed("C", "2@g.us", &ana))
	k.end(t)
	x := indexOf(t, l)
	for _, m := range all(t, x) {
		want, ok := answers[m.Seq]
		if !ok {
			continue
		}
		got, err := x.Quoted(t.Context(), &m)
		if want == "" && !errors.Is(err, ErrNotFound) || want != "" && err != nil || got.Text != want {
			t.Errorf("message %q answers %q, want %q: %v", m.Text, got.Text, want, err)
		}
	}
}
