package chat

import (
	"slices"
	"strings"
)

// KeyName is equal for records that may be of one message by WhatsApp's own
// key; SameKey decides. It is empty where a message has none.
func KeyName(m *Message) string {
	if m.Key == nil || m.Key.ID == "" {
		return ""
	}
	if m.Key.Unique { // who reacts to a message need not know whose it is
		return m.Account + "\x00" + m.Key.ID
	}
	me := "in"
	if m.Key.FromMe {
		me = "out"
	}
	return m.Account + "\x00" + m.Custodian + "\x00" + me + "\x00" + m.Key.ID
}

// KeyNames lists the names under which another record of a message may be
// found: by WhatsApp's key, and by what it was called before it had one.
func KeyNames(m *Message) (out []string) {
	if n := KeyName(m); n != "" {
		out = append(out, n)
	}
	if m.Key != nil && m.Key.Alias != "" {
		out = append(out, "alias\x00"+m.Key.Alias)
	}
	return out
}

// SameKey reports whether two records, with a name of KeyNames in common, name
// the same message. Ids are not compared alone: the same one occurs in several
// chats, and in a group of several senders. A person and a chat have a phone's
// address, a LID, a business-scoped id, or several; what one record lacks
// contradicts nothing, as long as something agrees. sameChat is whether both
// are known to be of one chat.
func SameKey(a, b *Message, sameChat bool) bool {
	if a.Key.Alias != "" && a.Key.Alias == b.Key.Alias {
		return a.Key.ID == "" || b.Key.ID == "" || a.Key.ID == b.Key.ID
	}
	if a.Key.ID == "" || a.Key.ID != b.Key.ID {
		return false
	}
	if a.Key.Unique && b.Key.Unique {
		return true
	}
	if !sameChat && !meet(chatAddresses(a), chatAddresses(b)) {
		return false
	}
	if a.Key.FromMe || a.From == nil || b.From == nil {
		return true
	}
	x, y := addresses(a.From), addresses(b.From)
	if len(x) == 0 || len(y) == 0 || meet(x, y) {
		return true
	}
	// A phone's address and a LID may be one person's: then the time decides.
	return !contradict(x, y) && a.SentAt == b.SentAt
}

// chatAddresses lists what names the chat of a message.
func chatAddresses(m *Message) []string {
	return append(m.Chat.Addresses(), m.Key.Chat)
}

// Addresses lists what names a chat beyond doubt.
func (c *Chat) Addresses() (out []string) {
	for _, s := range []string{c.JID, c.LID} {
		if s != "" {
			out = append(out, s)
		}
	}
	if c.BSUID != "" {
		out = append(out, c.BSUID+"@bsuid")
	}
	return out
}

// contradict reports whether two have addresses of one kind, which then
// differ.
func contradict(x, y []string) bool {
	return slices.ContainsFunc(x, func(s string) bool {
		return s != "" && slices.ContainsFunc(y, func(t string) bool { return t != "" && server(s) == server(t) })
	})
}

func server(jid string) string {
	_, s, _ := strings.Cut(jid, "@")
	return s
}

// addresses lists what names a person beyond doubt.
func addresses(p *Person) (out []string) {
	for _, s := range []string{p.JID, p.LID, p.BSUID} {
		if s != "" {
			out = append(out, s)
		}
	}
	if p.Phone != "" && p.JID == "" {
		out = append(out, strings.TrimPrefix(p.Phone, "+")+"@s.whatsapp.net")
	}
	return out
}

func meet(a, b []string) bool {
	for _, s := range a {
		for _, t := range b {
			if s != "" && s == t {
				return true
			}
		}
	}
	return false
}

// Of reports whether m, by its key and its sender, can be the message that was
// quoted. What the quotation does not say contradicts nothing, and neither does
// whom it names for a message of the account's owner: phones know their own
// owner by more addresses than they tell.
func (q *Quoted) Of(m *Message) bool {
	if m.Key == nil || q.Key.ID == "" || q.Key.ID != m.Key.ID || q.Key.FromMe && !m.Key.FromMe {
		return false
	}
	if m.Key.FromMe || q.From == nil || m.From == nil {
		return true
	}
	x, y := addresses(q.From), addresses(m.From)
	return len(x) == 0 || len(y) == 0 || meet(x, y)
}
