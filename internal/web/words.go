package web

import (
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// reach is how far an own message came.
type reach struct {
	Ticks, Words, Href string
	Read, Failed       bool
}

// who is a person's name for the eye.
func who(p *chat.Person) string {
	if p == nil {
		return "Unknown sender"
	}
	for _, n := range []string{p.Name, p.Phone, p.JID, p.LID, p.BSUID} {
		if strings.TrimSpace(n) != "" {
			return clean(n)
		}
	}
	return "Unknown sender"
}

// sender is who wrote a message. A source that does not name the owner of the
// account says that a message is theirs by its direction.
func sender(m *chat.Message) string {
	if m.From == nil && m.Direction == chat.Out {
		return owner(m)
	}
	return who(m.From)
}

// owner is whose account a message was archived from.
func owner(m *chat.Message) string {
	if m.Account != "" {
		return clean(m.Account)
	}
	return "The owner of the account"
}

// identity is what tells one sender from another within a chat.
func identity(p *chat.Person) string {
	if p == nil {
		return ""
	}
	for _, n := range []string{p.JID, p.LID, p.Phone, p.BSUID, p.Name} {
		if n != "" {
			return n
		}
	}
	return ""
}

func notice(m *chat.Message) string {
	if m.AsPrinted != "" {
		return m.AsPrinted
	}
	if m.System == nil {
		return "A notice without words"
	}
	words := []string{m.System.Actor, strings.ReplaceAll(m.System.Event, "_", " "), strings.Join(m.System.Who, ", "), m.System.Value}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// summaryOf is one line about a message: its text, or what it is.
func summaryOf(m *chat.Message) string {
	switch {
	case m.Text != "":
		return m.Text
	case m.Revoked:
		return "Revoked message"
	case len(m.Attachments) > 0 && m.Attachments[0].Name != "":
		return typeName(m.Type) + ": " + plain(m.Attachments[0].Name)
	default:
		return typeName(m.Type)
	}
}

func typeName(t chat.Type) string {
	s := strings.ReplaceAll(string(t), "_", " ")
	if s == "" {
		return "Message"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// shorten cuts a text to n runes, for places that point to the whole of it.
func shorten(s string, n int) string {
	s = clean(s)
	for i := range s {
		if n--; n < 0 {
			return closed(s[:i] + "…")
		}
	}
	return s
}

// when says the whole time of a message, as printed and as understood.
func when(m *chat.Message) string {
	var b strings.Builder
	b.WriteString(strings.Replace(m.SentLocal, "T", " ", 1))
	if m.Zone != "" {
		b.WriteString(" " + m.Zone)
	}
	if m.ZoneAssumed {
		b.WriteString(" (zone assumed)")
	}
	if m.SentAt != "" {
		b.WriteString(", " + strings.TrimSuffix(strings.Replace(m.SentAt, "T", " ", 1), "Z") + " UTC")
	}
	return plain(b.String())
}

// marksOf are short words about a message that stand at its foot.
func marksOf(m *chat.Message) []string {
	var out []string
	if m.Starred {
		out = append(out, "★ starred")
	}
	if m.Pinned {
		out = append(out, "pinned")
	}
	if s := chat.TimerWords(m.EphemeralS); s != "" {
		out = append(out, strings.ToLower(s[:1])+s[1:])
	}
	return out
}

// newReach sums up the receipts of an own message.
func newReach(m *chat.Message) reach {
	state, words := chat.Reach(m.Receipts)
	r := reach{Words: words, Href: messageHref(m.ID) + "#receipts"}
	switch state {
	case chat.Read, chat.Played:
		r.Ticks, r.Read = "✓✓", true
	case chat.Delivered:
		r.Ticks = "✓✓"
	case chat.Sent:
		r.Ticks = "✓"
	case chat.Failed:
		r.Ticks, r.Failed = "✗", true
	}
	return r
}

// doubts says what is not certain about a message.
func doubts(m *chat.Message) []string {
	var out []string
	if m.Boundary == chat.Ambiguous {
		out = append(out, "This may be part of the message before it. Somebody can write a line that looks like the start of a message, and in this export nothing tells the two apart.")
	}
	switch {
	case m.Time == chat.Ambiguous && m.Key != nil && m.Key.Unique:
		out = append(out, "WhatsApp gave this no time that can be read: it stands where it arrived.")
	case m.Time == chat.Ambiguous:
		out = append(out, "This time is not certain: the clock showed it twice that day, or the export leaves open which number is the day and which the month.")
	}
	return out
}
