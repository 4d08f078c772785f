package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// Quoted returns the message that m answers. A quotation names it by
// WhatsApp's key, of which it need not have all: the chat of m goes before
// others, and the direction that the quotation gives before the other.
// ErrNotFound: it is not in the archive, or more than one may be it.
func (x *Index) Quoted(ctx context.Context, m *chat.Message) (chat.Message, error) {
	return x.whole().Quoted(ctx, m)
}

// Quoted returns the message inside that m answers.
func (v *View) Quoted(ctx context.Context, m *chat.Message) (out chat.Message, err error) {
	q := m.Quoted
	if q == nil || q.Key.ID == "" {
		return out, fmt.Errorf("quoted message: %w", ErrNotFound)
	}
	err = v.x.read(ctx, func(c *conn) error {
		// The key has the custodian that the capture names.
		custodian := m.Custodian
		err := c.query(`SELECT custodian FROM chat WHERE id = (SELECT chat FROM ref WHERE ref = ?)`, func(st *sqlite3.Stmt) error { custodian = st.ColumnText(0); return nil }, m.Chat.ID)
		if err != nil {
			return err
		}
		var elsewhere []chat.Message
		for _, mine := range []bool{q.Key.FromMe, !q.Key.FromMe} {
			ms, err := v.byKey(ctx, c, &chat.Message{Account: m.Account, Custodian: custodian, Key: &chat.Key{ID: q.Key.ID, FromMe: mine, Unique: q.Key.Unique}})
			if err != nil {
				return err
			}
			for i := range ms {
				switch o := &ms[i]; {
				case !q.Of(o):
				case o.Chat.ID == m.Chat.ID:
					out = *o
					return nil
				case slices.ContainsFunc(elsewhere, func(e chat.Message) bool { return e.Seq == o.Seq }): // by a unique key, both ways lead to it
				case q.Key.Chat == "" || q.Key.Chat == o.Key.Chat:
					elsewhere = append(elsewhere, *o)
				}
			}
		}
		if len(elsewhere) != 1 {
			return ErrNotFound
		}
		out = elsewhere[0]
		return nil
	})
	if err != nil {
		err = fmt.Errorf("quoted message: %w", err)
	}
	return out, err
}

// maxSameKey is how many messages with one key are looked at: a key is a
// name, and only a source that was made by hand gives it to many.
const maxSameKey = 64

// byKey returns the messages with a KeyName equal to m's.
func (v *View) byKey(ctx context.Context, c *conn, m *chat.Message) ([]chat.Message, error) {
	var refs []ref
	err := c.query(`SELECT `+refColumns+` FROM message WHERE seq IN (SELECT seq FROM key WHERE k = ?)`+v.in.cond+` ORDER BY seq LIMIT ?`,
		func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, append(append([]any{keyOf(chat.KeyName(m))}, v.in.args...), maxSameKey)...)
	if err != nil || len(refs) == 0 {
		return nil, err
	}
	return v.x.messages(ctx, c, refs, byHand)
}
