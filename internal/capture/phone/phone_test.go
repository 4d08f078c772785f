package phone_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

func TestPersons(t *testing.T) {
	for _, c := range []struct {
		jid, of string
		want    *chat.Person
	}{
		{"447700900001@s.whatsapp.net", "", &chat.Person{Name: "Ana", Phone: "+447700900001", JID: "447700900001@s.whatsapp.net"}},
		{"447700900001:12@s.whatsapp.net", "", &chat.Person{Name: "Ana", Phone: "+447700900001", JID: "447700900001@s.whatsapp.net"}},
		{"447700900001@c.us", "", &chat.Person{Name: "Ana", Phone: "+447700900001", JID: "447700900001@s.whatsapp.net"}},
		{"123@lid", "", &chat.Person{Name: "Ana", LID: "123@lid"}},
		{"123.0:5@lid", "447700900001@s.whatsapp.net", &chat.Person{Name: "Ana", Phone: "+447700900001", JID: "447700900001@s.whatsapp.net", LID: "123@lid"}},
		{"0@s.whatsapp.net", "", &chat.Person{Name: "Ana", JID: "0@s.whatsapp.net"}},
		{"9@newsletter", "", &chat.Person{Name: "Ana", JID: "9@newsletter"}},
		{"nobody", "", &chat.Person{Name: "Ana"}},
		{"", "447700900001@s.whatsapp.net", nil},
	} {
		if diff := cmp.Diff(c.want, phone.Person(c.jid, c.of, "Ana")); diff != "" {
			t.Errorf("%s: %s", c.jid, diff)
		}
	}
}

func TestKindsOfChat(t *testing.T) {
	for jid, want := range map[string]chat.ChatKind{
		"1@s.whatsapp.net": chat.Direct, "1@lid": chat.Direct, "1-2@g.us": chat.Group, "status@broadcast": chat.Status, "12@broadcast": chat.Broadcast,
		"1@status": chat.Status, "1@lid.status": chat.Status, "1@newsletter": chat.Channel, "": "",
	} {
		if got := phone.KindOf(jid); got != want {
			t.Errorf("%s: %s", jid, got)
		}
	}
}

func TestCards(t *testing.T) {
	c, ok := phone.Card("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Roy\\, Ana\r\nitem1.TEL;waid=447700900001:+44 7700\r\n  900001\r\nEND:VCARD")
	if diff := cmp.Diff(chat.Contact{Name: "Roy, Ana", Phones: []string{"+44 7700 900001"}}, c); diff != "" || !ok {
		t.Error(diff)
	}
	if c, ok := phone.Card("hello: world"); ok {
		t.Errorf("%+v", c)
	}
}

// A few missing numbers are messages that are gone; a great many at once are a
// database that was made anew.
func TestHoles(t *testing.T) {
	im := &phone.Import{}
	im.Holes("message", []capture.Hole{{Table: "message", From: 4, To: 6}, {Table: "message", From: 9, To: 10_000_008}}, 10_000_003)
	if len(im.Sum.Holes) != 2 || len(im.Sum.Warnings) != 2 || !strings.Contains(im.Sum.Warnings[0], "jump by 10000000") || !strings.HasPrefix(im.Sum.Warnings[1], "3 numbers") {
		t.Errorf("%q", im.Sum.Warnings)
	}
}
