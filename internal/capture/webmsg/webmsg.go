// Package webmsg says what WhatsApp's own protobuf of a message means: the
// WebMessageInfo that increments of backups and linked devices hold.
//
// It is pure, and it must never import archive, index or web.
package webmsg

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"google.golang.org/protobuf/proto"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// People says what is known of an address.
type People interface {
	// Person returns who a JID stands for, or nil for an empty one.
	Person(jid string) *chat.Person
}

// Parse reads the protobuf of a message.
func Parse(b []byte) (*waWeb.WebMessageInfo, error) {
	var info waWeb.WebMessageInfo
	if err := proto.Unmarshal(b, &info); err != nil {
		return nil, fmt.Errorf("decode a message: %w", err)
	}
	return &info, nil
}

// Message reads what info says. Its account, chat and times stand in m
// already, but for the sender; a record that tells of another message, a
// reaction or a revocation, is partial and has that one's key.
func Message(m *chat.Message, info *waWeb.WebMessageInfo, p People) {
	k := info.GetKey()
	m.Key = &chat.Key{ID: k.GetID(), FromMe: k.GetFromMe(), Chat: k.GetRemoteJID(), Sender: sender(info)}
	m.Direction = chat.In
	if k.GetFromMe() {
		m.Direction = chat.Out
	} else {
		m.From = p.Person(sender(info))
		if m.From != nil && m.From.Name == "" {
			m.From.Name = info.GetPushName()
		}
	}
	m.Starred = info.GetStarred()
	m.EphemeralS = int64(info.GetEphemeralDuration())
	for _, r := range info.GetReactions() {
		if who := p.Person(author(r.GetKey())); who != nil {
			m.Reactions = append(m.Reactions, chat.Reaction{From: *who, Emoji: r.GetText(), At: stamp(r.GetSenderTimestampMS())})
		}
	}
	for _, r := range info.GetUserReceipt() {
		if who := p.Person(r.GetUserJID()); who != nil {
			m.Receipts = append(m.Receipts, receipt(*who, r))
		}
	}
	if t := info.MessageStubType; t != nil && info.GetMessage() == nil && *t != waWeb.WebMessageInfo_UNKNOWN {
		stub(m, info)
		return
	}
	content(m, info.GetMessage(), p)
}

func sender(info *waWeb.WebMessageInfo) string {
	for _, s := range []string{info.GetKey().GetParticipant(), info.GetParticipant()} {
		if s != "" {
			return s
		}
	}
	if jid := info.GetKey().GetRemoteJID(); !info.GetKey().GetFromMe() && !strings.HasSuffix(jid, "@g.us") {
		return jid
	}
	return ""
}

// author is who wrote a message that a key names.
func author(k *waCommon.MessageKey) string {
	if k.GetParticipant() != "" {
		return k.GetParticipant()
	}
	return k.GetRemoteJID()
}

func stamp(ms int64) string {
	if ms <= 0 || ms > 253402300799999 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

func receipt(who chat.Person, r *waWeb.UserReceipt) chat.Receipt {
	switch {
	case r.GetPlayedTimestamp() > 0:
		return chat.Receipt{Who: who, State: chat.Played, At: stamp(r.GetPlayedTimestamp() * 1000)}
	case r.GetReadTimestamp() > 0:
		return chat.Receipt{Who: who, State: chat.Read, At: stamp(r.GetReadTimestamp() * 1000)}
	}
	return chat.Receipt{Who: who, State: chat.Delivered, At: stamp(r.GetReceiptTimestamp() * 1000)}
}

// stub reads a notice or the stub of a message that is gone.
func stub(m *chat.Message, info *waWeb.WebMessageInfo) {
	name := info.GetMessageStubType().String()
	if info.GetMessageStubType() == waWeb.WebMessageInfo_REVOKE {
		m.Revoked, m.Type = true, chat.Unknown
		return
	}
	m.Type, m.Direction, m.From = chat.SystemType, chat.Notice, nil
	m.System = &chat.System{Event: chat.NoticeOther, Who: info.GetMessageStubParameters()}
	m.TypeCode = "web:" + name
	m.Text = strings.ToLower(strings.ReplaceAll(name, "_", " "))
}

// inner takes a message out of what WhatsApp wraps around it.
func inner(msg *waE2E.Message) (in *waE2E.Message, once bool) {
	for range 8 { // they are nested two or three deep
		var next *waE2E.Message
		for _, w := range []*waE2E.FutureProofMessage{
			msg.GetEphemeralMessage(), msg.GetDocumentWithCaptionMessage(), msg.GetEditedMessage(), msg.GetGroupMentionedMessage(), msg.GetAssociatedChildMessage(),
			msg.GetLottieStickerMessage(), msg.GetBotInvokeMessage(), msg.GetPollCreationMessageV4(),
		} {
			if w.GetMessage() != nil {
				next = w.GetMessage()
			}
		}
		for _, w := range []*waE2E.FutureProofMessage{msg.GetViewOnceMessage(), msg.GetViewOnceMessageV2(), msg.GetViewOnceMessageV2Extension()} {
			if w.GetMessage() != nil {
				next, once = w.GetMessage(), true
			}
		}
		if d := msg.GetDeviceSentMessage(); d.GetMessage() != nil {
			next = d.GetMessage()
		}
		if next == nil {
			break
		}
		msg = next
	}
	return msg, once
}

// content reads the message itself.
func content(m *chat.Message, msg *waE2E.Message, p People) {
	msg, once := inner(msg)
	m.Type = chat.Unknown
	var ctx *waE2E.ContextInfo
	switch {
	case msg == nil:
		m.Type = chat.Unsupported
	case msg.Conversation != nil:
		m.Type, m.Text = chat.Text, msg.GetConversation()
	case msg.ExtendedTextMessage != nil:
		m.Type, m.Text, ctx = chat.Text, msg.ExtendedTextMessage.GetText(), msg.ExtendedTextMessage.GetContextInfo()
	case msg.ProtocolMessage != nil:
		protocol(m, msg.ProtocolMessage, p)
	case msg.ReactionMessage != nil:
		reaction(m, msg.ReactionMessage)
	case msg.PinInChatMessage != nil:
		about(m, msg.PinInChatMessage.GetKey())
		m.Pinned = msg.PinInChatMessage.GetType() == waE2E.PinInChatMessage_PIN_FOR_ALL
	default:
		ctx = media(m, msg)
		if ctx == nil && m.Type == chat.Unknown {
			ctx = other(m, msg)
		}
	}
	if once {
		m.Type = chat.ViewOnce
	}
	around(m, ctx, p)
}

// about makes m a record about another message.
func about(m *chat.Message, k *waCommon.MessageKey) {
	m.Partial, m.Type = true, chat.Unknown
	own := *m.Key
	m.Key = &chat.Key{ID: k.GetID(), FromMe: k.GetFromMe(), Chat: own.Chat, Sender: k.GetParticipant()}
	m.From = nil
}

func reaction(m *chat.Message, r *waE2E.ReactionMessage) {
	who := chat.Person{}
	if m.From != nil {
		who = *m.From
	}
	about(m, r.GetKey())
	m.Reactions = append(m.Reactions, chat.Reaction{From: who, Emoji: r.GetText(), At: stamp(r.GetSenderTimestampMS())})
}

func protocol(m *chat.Message, pm *waE2E.ProtocolMessage, p People) {
	switch pm.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		by := m.From
		about(m, pm.GetKey())
		m.Revoked, m.ChangedAt = true, m.SentAt
		if k := pm.GetKey(); by != nil && k.GetParticipant() != "" {
			if who := p.Person(k.GetParticipant()); who != nil && who.JID != by.JID {
				m.RevokedBy = by
			}
		}
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		about(m, pm.GetKey())
		edit := chat.Message{Key: m.Key}
		content(&edit, pm.GetEditedMessage(), p)
		m.Edited, m.Text, m.ChangedAt = true, edit.Text, stamp(pm.GetTimestampMS())
	case waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		m.Type, m.Direction, m.From = chat.SystemType, chat.Notice, nil
		m.System = &chat.System{Event: chat.NoticeDisappearing, Value: fmt.Sprint(pm.GetEphemeralExpiration())}
		m.Text = "The timer of disappearing messages was changed: " + m.System.Value
	default:
		m.TypeCode = "protocol:" + pm.GetType().String()
	}
}

// file is what all kinds of media have.
type file interface {
	GetMimetype() string
	GetFileSHA256() []byte
	GetFileLength() uint64
}

func attach(m *chat.Message, t chat.Type, f file, name, caption string) {
	m.Type, m.Text = t, caption
	m.Attachments = []chat.Attachment{{
		Name: name, MIME: f.GetMimetype(), Size: int64(f.GetFileLength()), SHA256: hex.EncodeToString(f.GetFileSHA256()),
		State: chat.Omitted, Reason: "this source names the file and does not hold it",
	}}
}

// media reads pictures, films, sounds and documents.
func media(m *chat.Message, msg *waE2E.Message) *waE2E.ContextInfo {
	switch {
	case msg.ImageMessage != nil:
		attach(m, chat.Image, msg.ImageMessage, "", msg.ImageMessage.GetCaption())
		return msg.ImageMessage.GetContextInfo()
	case msg.VideoMessage != nil, msg.PtvMessage != nil:
		v := msg.VideoMessage
		if v == nil {
			v = msg.PtvMessage
		}
		attach(m, chat.Video, v, "", v.GetCaption())
		return v.GetContextInfo()
	case msg.AudioMessage != nil:
		t := chat.Audio
		if msg.AudioMessage.GetPTT() {
			t = chat.Voice
		}
		attach(m, t, msg.AudioMessage, "", "")
		return msg.AudioMessage.GetContextInfo()
	case msg.DocumentMessage != nil:
		d := msg.DocumentMessage
		attach(m, chat.Document, d, d.GetFileName(), d.GetCaption())
		return d.GetContextInfo()
	case msg.StickerMessage != nil:
		attach(m, chat.Sticker, msg.StickerMessage, "", "")
		return msg.StickerMessage.GetContextInfo()
	}
	return nil
}

// other reads what is neither text nor media.
func other(m *chat.Message, msg *waE2E.Message) *waE2E.ContextInfo {
	switch {
	case msg.ContactMessage != nil:
		m.Type, m.Contacts = chat.ContactCard, []chat.Contact{contact(msg.ContactMessage)}
		return msg.ContactMessage.GetContextInfo()
	case msg.ContactsArrayMessage != nil:
		m.Type = chat.ContactCard
		for _, c := range msg.ContactsArrayMessage.GetContacts() {
			m.Contacts = append(m.Contacts, contact(c))
		}
		return msg.ContactsArrayMessage.GetContextInfo()
	case msg.LocationMessage != nil:
		l := msg.LocationMessage
		lat, lon := l.GetDegreesLatitude(), l.GetDegreesLongitude()
		m.Type, m.Location = chat.Place, &chat.Location{Lat: &lat, Lon: &lon, Name: l.GetName(), Address: l.GetAddress(), URL: l.GetURL()}
		return l.GetContextInfo()
	case msg.LiveLocationMessage != nil:
		l := msg.LiveLocationMessage
		lat, lon := l.GetDegreesLatitude(), l.GetDegreesLongitude()
		m.Type, m.Text, m.Location = chat.LivePlace, l.GetCaption(), &chat.Location{Lat: &lat, Lon: &lon}
		return l.GetContextInfo()
	case msg.EventMessage != nil:
		e := msg.EventMessage
		m.Type = chat.OccasionType
		m.Occasion = &chat.Occasion{Title: e.GetName(), Description: e.GetDescription(), Starts: stamp(e.GetStartTime() * 1000), Cancelled: e.GetIsCanceled(), Link: e.GetJoinLink()}
		return e.GetContextInfo()
	case msg.OrderMessage != nil:
		m.Type, m.Text = chat.Order, lines(msg.OrderMessage.GetOrderTitle(), msg.OrderMessage.GetMessage())
		return msg.OrderMessage.GetContextInfo()
	case msg.GroupInviteMessage != nil:
		m.Type, m.Text = chat.Interactive, lines(msg.GroupInviteMessage.GetGroupName(), msg.GroupInviteMessage.GetCaption())
		return msg.GroupInviteMessage.GetContextInfo()
	case msg.ProductMessage != nil:
		m.Type, m.Text = chat.Interactive, lines(msg.ProductMessage.GetProduct().GetTitle(), msg.ProductMessage.GetProduct().GetDescription(), msg.ProductMessage.GetBody())
		return msg.ProductMessage.GetContextInfo()
	}
	for _, poll := range []*waE2E.PollCreationMessage{msg.GetPollCreationMessage(), msg.GetPollCreationMessageV2(), msg.GetPollCreationMessageV3(), msg.GetPollCreationMessageV5()} {
		if poll != nil {
			m.Type, m.Poll = chat.PollType, &chat.Poll{Question: poll.GetName()}
			for _, o := range poll.GetOptions() {
				m.Poll.Options = append(m.Poll.Options, chat.PollOption{Text: o.GetOptionName()})
			}
			return poll.GetContextInfo()
		}
	}
	// Everything else keeps its name: nothing of it is lost in the record.
	msg.ProtoReflect().Range(first(func(name string) {
		m.TypeCode = "web:" + name
	}))
	return nil
}

func lines(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n")
}

func contact(c *waE2E.ContactMessage) chat.Contact {
	out := chat.Contact{Name: c.GetDisplayName()}
	if card, ok := phone.Card(c.GetVcard()); ok {
		out.Phones = card.Phones
		if out.Name == "" {
			out.Name = card.Name
		}
	}
	return out
}

// around is what is so about a message of any type.
func around(m *chat.Message, c *waE2E.ContextInfo, p People) {
	if c == nil {
		return
	}
	if c.GetIsForwarded() {
		m.Forwarded = max(int(c.GetForwardingScore()), 1)
	}
	for _, jid := range c.GetMentionedJID() {
		if who := p.Person(jid); who != nil {
			m.Mentions = append(m.Mentions, phone.NameOf(&chat.Person{Phone: who.Phone, LID: who.LID, JID: who.JID}))
		}
	}
	if c.GetStanzaID() == "" {
		return
	}
	q := chat.Message{Key: &chat.Key{}}
	if c.GetQuotedMessage() != nil {
		content(&q, c.GetQuotedMessage(), p)
	}
	m.ReplyTo = c.GetStanzaID()
	where := c.GetRemoteJID()
	if where == "" {
		where = m.Key.Chat
	}
	m.Quoted = &chat.Quoted{Key: chat.Key{ID: c.GetStanzaID(), Chat: where, Sender: c.GetParticipant()}, From: p.Person(c.GetParticipant()), Type: q.Type, Text: q.Text}
}
