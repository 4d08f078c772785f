package webmsg

import (
	"testing"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"google.golang.org/protobuf/proto"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// strangers knows of an address what it says itself.
type strangers struct{}

func (strangers) Person(jid string) *chat.Person { return phone.Person(jid, "", "") }

func info(m *waE2E.Message) *waWeb.WebMessageInfo {
	return &waWeb.WebMessageInfo{Message: m, MessageTimestamp: proto.Uint64(1700000000), Key: &waCommon.MessageKey{ID: proto.String("OWN"), RemoteJID: proto.String("447700900001@s.whatsapp.net")}}
}

func read(t testing.TB, i *waWeb.WebMessageInfo) chat.Message {
	t.Helper()
	b, err := proto.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	if i, err = Parse(b); err != nil {
		t.Fatal(err)
	}
	m := chat.Message{SentAt: "2023-11-14T22:13:20Z"}
	Message(&m, i, strangers{})
	return m
}

func keyOf(id string) *waCommon.MessageKey {
	return &waCommon.MessageKey{ID: proto.String(id), RemoteJID: proto.String("447700900001@s.whatsapp.net"), FromMe: proto.Bool(true)}
}

func TestWhatMessagesSay(t *testing.T) {
	text := &waE2E.Message{Conversation: proto.String("hello")}
	wrapped := func(m *waE2E.Message) *waE2E.FutureProofMessage { return &waE2E.FutureProofMessage{Message: m} }
	for name, c := range map[string]struct {
		m  *waE2E.Message
		ok func(chat.Message) bool
	}{
		"text": {text, func(m chat.Message) bool {
			return m.Type == chat.Text && m.Text == "hello" && m.From.Phone == "+447700900001"
		}},
		"disappearing": {&waE2E.Message{EphemeralMessage: wrapped(text)}, func(m chat.Message) bool { return m.Text == "hello" }},
		"view once":    {&waE2E.Message{ViewOnceMessageV2: wrapped(&waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: proto.String("c")}})}, func(m chat.Message) bool { return m.Type == chat.ViewOnce && len(m.Attachments) == 1 && m.Text == "c" }},
		"voice":        {&waE2E.Message{AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true)}}, func(m chat.Message) bool { return m.Type == chat.Voice }},
		"reaction": {&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: keyOf("X"), Text: proto.String("+")}}, func(m chat.Message) bool {
			return m.Partial && m.Key.ID == "X" && m.Key.FromMe && len(m.Reactions) == 1 && m.From == nil
		}},
		"revocation":     {&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: keyOf("X"), Type: waE2E.ProtocolMessage_REVOKE.Enum()}}, func(m chat.Message) bool { return m.Partial && m.Revoked && m.Key.ID == "X" }},
		"edit":           {&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: keyOf("X"), Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: text}}, func(m chat.Message) bool { return m.Partial && m.Edited && m.Text == "hello" && m.Key.ID == "X" }},
		"poll":           {&waE2E.Message{PollCreationMessageV3: &waE2E.PollCreationMessage{Name: proto.String("q"), Options: []*waE2E.PollCreationMessage_Option{{OptionName: proto.String("a")}}}}, func(m chat.Message) bool { return m.Poll != nil && m.Poll.Question == "q" && len(m.Poll.Options) == 1 }},
		"nothing known":  {&waE2E.Message{Chat: &waE2E.Chat{}}, func(m chat.Message) bool { return m.Type == chat.Unknown && m.TypeCode == "web:chat" }},
		"nothing at all": {nil, func(m chat.Message) bool { return m.Type == chat.Unsupported }},
	} {
		if m := read(t, info(c.m)); !c.ok(m) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func FuzzMessage(f *testing.F) {
	b, err := proto.Marshal(info(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("x"), ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("Q"), QuotedMessage: &waE2E.Message{Conversation: proto.String("q")}}}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		m := chat.Message{}
		Message(&m, i, strangers{})
	})
}
