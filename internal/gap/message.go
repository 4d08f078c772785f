package gap

import (
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// Patience is how long a hole may be one before it is found: statuses come
// before answers, content after placeholders.
type Patience struct {
	Orphan time.Duration // for the sender to tell what it sent
	Answer time.Duration
	Status time.Duration
	Target time.Duration
	Ghost  time.Duration
	Media  time.Duration
}

// Patient is what a source has by default. A file of a webhook can be had for
// seven days; one that is not here after an hour is somebody's business.
var Patient = Patience{
	Orphan: 5 * time.Minute, Answer: 2 * time.Minute, Status: 15 * time.Minute,
	Target: 5 * time.Minute, Ghost: 5 * time.Minute, Media: time.Hour,
}

// Seen is a message and when its last record came: a hole is as old as that,
// whatever the message says of its time. Where that is not known, At is zero, and
// the message's own time counts.
type Seen struct {
	*chat.Message
	Source string // name of the source
	At     time.Time
}

// Age is how long nothing has been heard of a message. One that is of the
// future is as old as can be: its time is wrong.
func (m Seen) Age(now time.Time) time.Duration {
	at := m.At
	if s := sent(m); at.IsZero() && s.Before(now) {
		at = s
	}
	return now.Sub(at)
}

// Of says what is missing of a message. there tells whether the message is in
// the archive that m answers.
func (p Patience) Of(m Seen, there func(*chat.Message) bool, now time.Time) (out []Finding) {
	age := m.Age(now)
	find := func(k Kind, patience time.Duration, reason string) {
		if age >= patience {
			out = append(out, Finding{Kind: k, Source: m.Source, Number: m.Account, Start: sent(m), Reason: reason, Message: m.Seq})
		}
	}
	switch {
	case m.Partial && m.Sending != nil:
		return nil // it went through the gateway: a reaction, which its message has
	case m.Partial && statusOnly(m.Message):
		find(Orphan, p.Orphan, "WhatsApp reports on messages that the business sent, and nobody has told the archive what they say. They went out by another way than the gateway.")
	case m.Partial:
		find(UnknownTarget, p.Target, "Something is said about messages that are not in the archive: a reaction, an edit, a revocation or a file.")
	}
	if s := m.Sending; s != nil && !m.Partial {
		switch s.State {
		case chat.SendForwarded:
			find(Unanswered, p.Answer, "Messages were forwarded to Meta and no answer is known. Whether they went out, a status will tell; they are not sent again.")
		case chat.SendAccepted:
			if len(m.Receipts) == 0 {
				find(NoStatus, p.Status, "Meta took messages, and no status of them has come since.")
			}
		case chat.SendWaits, chat.SendDeferred, chat.SendBlocked, chat.SendWithdrawn, chat.SendRefused:
		}
	}
	if m.Quoted != nil && !m.Partial && m.Quoted.Key.ID != "" && !there(m.Message) {
		find(UnknownTarget, p.Target, "Messages answer others that are not in the archive. Those may be older than it.")
	}
	if Placeholder(m.Message) {
		find(Ghost, p.Ghost, "WhatsApp gave a placeholder for messages, and their content never followed.")
	}
	for i := range m.Attachments {
		switch a := &m.Attachments[i]; a.State {
		case chat.Pending:
			find(Media, p.Media, "Files that messages name are not fetched yet, or can no longer be had.")
		case chat.Missing, chat.Expired:
			find(Media, 0, "Files that messages name are not fetched yet, or can no longer be had.")
		default:
			continue
		}
		break // a message is missing once, with however many files
	}
	return out
}

// statusOnly reports a message that is known by receipts of the business's own
// and nothing else.
func statusOnly(m *chat.Message) bool {
	return len(m.Receipts) > 0 && len(m.Reactions) == 0 && !m.Edited && !m.Revoked && (m.Key == nil || m.Key.FromMe)
}

// ghost is WhatsApp's code of a message whose content it has not got, which
// follows under the same id or never. Other codes of unsupported content are
// of content that the API does not give at all.
const ghost = "131060"

// Placeholder reports a message whose content may still follow.
func Placeholder(m *chat.Message) bool {
	if m.Type != chat.Unsupported {
		return false
	}
	return strings.HasPrefix(m.TypeCode, ghost) || slices.ContainsFunc(m.Errors, func(e string) bool { return strings.HasPrefix(e, ghost) })
}

// sent is when a message was sent, or when it was first heard of.
func sent(m Seen) time.Time {
	at, err := time.Parse(time.RFC3339, m.SentAt)
	for i := range m.Receipts {
		if r, rerr := time.Parse(time.RFC3339, m.Receipts[i].At); rerr == nil && (err != nil || r.Before(at)) {
			at, err = r, nil
		}
	}
	if err != nil {
		return m.At.UTC()
	}
	return at.UTC()
}
