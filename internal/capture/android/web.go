package android

import (
	"github.com/waxseal/waxseal/internal/capture/webmsg"
	"github.com/waxseal/waxseal/internal/chat"
)

// web reads a message of an increment.
func (r *reader) web(it *item) (m chat.Message, ok bool) {
	m = r.rd.Message(r.head, r.when(it))
	m.Chat, _ = r.chatOf(it)
	info, err := webmsg.Parse(it.Row.Blob("web_message_info"))
	if err != nil || info.GetKey().GetID() == "" {
		return m, false
	}
	webmsg.Message(&m, info, anybody{})
	if m.Key.FromMe && !m.Partial && m.Type != chat.SystemType {
		m.From = r.rd.Owner()
	}
	return m, true
}

// anybody knows of an address what it says itself.
type anybody struct{}

func (anybody) Person(jid string) *chat.Person { return person([3]string{jid}) }
