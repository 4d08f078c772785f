package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// keyOf is a hash of WhatsApp's own key of a message, or 0 where it has none.
// Messages with the same hash are compared.
func keyOf(m *chat.Message) int64 {
	name := chat.KeyName(m)
	if name == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:]) | 1)
}

// known returns the message that a doc is another record of, by WhatsApp's
// key, or nil. One id occurs in a few chats and of a few senders; a database that
// was made to have it everywhere must not cost its square. The chat of the doc decides where its addresses do not: another
// capture knows which phone a LID belongs to, and chats that are gone have no
// address.
func (w *writer) known(ctx context.Context, chatID int64, d *doc) (*shown, error) {
	if d.key == 0 {
		return nil, nil //nolint:nilnil // most messages have no key
	}
	var refs []ref
	err := w.c.query(`SELECT `+refColumns+` FROM message WHERE seq IN (SELECT seq FROM key WHERE k = ?) ORDER BY seq LIMIT 64`,
		func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, d.key)
	if err != nil || len(refs) == 0 {
		return nil, err
	}
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return nil, err
	}
	is := &chat.Message{Account: d.account, Custodian: d.custodian, Chat: d.keyed.chat, Key: d.keyed.key, From: d.keyed.from, SentAt: d.keyed.sentAt}
	for i := range ss {
		m := &ss[i].msg
		if !ss[i].gone && chat.KeyName(m) == chat.KeyName(is) && chat.SameKey(m, is, ss[i].chat == chatID) {
			return &ss[i], nil
		}
	}
	return nil, nil //nolint:nilnil // the same id in another chat, or of another sender
}

// sight adds a further record to a message.
func (w *writer) sight(ctx context.Context, s *shown, seq, capture int64) error {
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.c.exec(`INSERT INTO sighting (seq, of, cap) VALUES (?, ?, ?)`, seq, s.seq, capture); err != nil {
		return err
	}
	return w.refold(ctx, s)
}

// refold writes messages anew whose records have changed.
func (w *writer) refold(ctx context.Context, ss ...*shown) error {
	refs := make([]ref, len(ss))
	for i, s := range ss {
		if err := w.c.exec(`UPDATE message SET more = 1 WHERE id = ?`, s.id); err != nil {
			return err
		}
		refs[i] = s.ref
		refs[i].more = true
	}
	is, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return err
	}
	for i, s := range ss {
		if err := w.noteKey(keyOf(&is[i].msg), s.seq); err != nil {
			return err
		}
		if err := w.rewrite(s, &is[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) noteKey(key, seq int64) error {
	if key == 0 {
		return nil
	}
	return w.c.exec(`INSERT OR IGNORE INTO key (k, seq) VALUES (?, ?)`, key, seq)
}
