package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

// quote is the message that another replies to, as the reply has it.
type quote struct {
	Link, Sender, Text string
	Chat               string // another one, that the message is in
	Note               string // how it differs from what the archive has
}

// byKey lists messages by WhatsApp's id of them.
func byKey(ms []chat.Message) map[string][]*chat.Message {
	out := map[string][]*chat.Message{}
	for i := range ms {
		if k := ms[i].Key; k != nil {
			out[k.ID] = append(out[k.ID], &ms[i])
		}
	}
	return out
}

// quoteOf is what a message answers, or nil. Among the messages beside it one
// that fits beyond doubt is taken; the index is asked for others.
func (s *Server) quoteOf(ctx context.Context, m *chat.Message, beside map[string][]*chat.Message) (*quote, error) {
	q := m.Quoted
	if q == nil {
		if m.ReplyTo == "" {
			return nil, nil //nolint:nilnil // most messages answer none
		}
		q = &chat.Quoted{}
	}
	for _, o := range beside[q.Key.ID] {
		if o.Chat.ID == m.Chat.ID && q.Of(o) && q.Key.FromMe == o.Key.FromMe {
			return newQuote(m, q, o), nil
		}
	}
	o, err := s.viewOf(ctx).Quoted(ctx, m)
	switch {
	case err == nil:
		return newQuote(m, q, &o), nil
	case errors.Is(err, index.ErrNotFound):
		return newQuote(m, q, nil), nil
	}
	return nil, fmt.Errorf("read what %s replies to: %w", m.ID, err)
}

// newQuote shows a quotation by its own words. They came with the reply, and
// whoever wrote that could write what they liked: where the archive has the
// message, the quotation says how it differs. o may be nil.
func newQuote(m *chat.Message, q *chat.Quoted, o *chat.Message) *quote {
	out := &quote{Text: shorten(q.Text, 200)}
	switch {
	case q.From != nil:
		out.Sender = who(q.From)
	case o != nil:
		out.Sender = sender(o)
	case q.Key.FromMe:
		out.Sender = owner(m)
	}
	if o == nil {
		out.Note = "Not in the archive"
		if out.Text == "" && q.Type != "" && q.Type != chat.Unknown {
			out.Text = typeName(q.Type)
		}
		return out
	}
	out.Link = placeOf(o, "")
	if o.Chat.ID != m.Chat.ID {
		out.Chat = chatName(o.Chat.Name)
	}
	switch {
	case q.Text == "":
		out.Text = shorten(summaryOf(o), 200)
	case o.Revoked:
		out.Note = "Revoked since"
	case begins(o.Text, q.Text):
	case slices.ContainsFunc(o.Versions, func(v chat.Version) bool { return begins(v.Text, q.Text) }):
		out.Note = "Edited since"
	default:
		out.Note = "The archived message reads otherwise"
	}
	return out
}

// begins reports whether a text begins with words that may have been cut short.
func begins(text, words string) bool {
	return strings.HasPrefix(strings.TrimSpace(text), strings.TrimSpace(words))
}
