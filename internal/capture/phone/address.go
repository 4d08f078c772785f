package phone

import (
	"cmp"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// User is the part of an address before the sign, without a device.
func User(jid string) string {
	u, _, _ := strings.Cut(jid, "@")
	u, _, _ = strings.Cut(u, ":")
	u, _, _ = strings.Cut(u, ".")
	return u
}

// Server is the part of an address after the sign.
func Server(jid string) string {
	_, s, _ := strings.Cut(jid, "@")
	return s
}

// Servers of people.
const (
	Phones = "s.whatsapp.net"
	LIDs   = "lid"
)

// Person makes a person of an address, the phone's address where another is
// mapped to it (or ""), and a name. It is nil for no address.
func Person(jid, of, name string) *chat.Person {
	if jid == "" {
		return nil
	}
	p := &chat.Person{Name: name}
	for _, a := range []string{jid, of} {
		switch Server(a) {
		case Phones, "c.us":
			p.JID = User(a) + "@" + Phones
			p.Phone = Number(User(a))
		case LIDs:
			p.LID = User(a) + "@" + LIDs
		case "":
		default:
			p.JID = a
		}
	}
	return p
}

// Number is the number of an address's user, where it is one.
func Number(user string) string {
	if len(user) < 5 || strings.ContainsFunc(user, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return "+" + user
}

// KindOf is the kind of chat that an address is of.
func KindOf(jid string) chat.ChatKind {
	switch Server(jid) {
	case "g.us":
		return chat.Group
	case "broadcast":
		if User(jid) == "status" {
			return chat.Status
		}
		return chat.Broadcast
	case "status", "lid.status": // where iOS keeps one for each person
		return chat.Status
	case "newsletter":
		return chat.Channel
	case "":
		return ""
	}
	return chat.Direct
}

// NameOf is what a person is called, by name or else by address.
func NameOf(p *chat.Person) string { return cmp.Or(p.Name, p.Phone, p.LID, p.JID) }
