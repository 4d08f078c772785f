package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// keyOf is a hash of a name of a message. Messages with the same hash are
// compared.
func keyOf(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:]) | 1)
}

// keysOf are the hashes of the names of a message: other records of it have one
// of them.
func keysOf(m *chat.Message) (keys []int64) {
	for _, name := range chat.KeyNames(m) {
		keys = append(keys, keyOf(name))
	}
	return keys
}

// namesOf are those of keysOf by which others find the message. What a sender
// calls a thousand messages finds none; what the gateway calls one does.
func namesOf(m *chat.Message) []int64 {
	if keys := keysOf(m); m.Sending != nil || len(keys) < 2 {
		return keys
	}
	return []int64{keyOf(chat.KeyName(m))}
}

// find returns the chat that a doc is put into, where its capture stands there,
// and the messages that it is another record of. What comes in live may tell of
// a message without saying whose chat it is in.
func (w *writer) find(ctx context.Context, capture int64, d *doc) (chatID int64, c *course, same []*shown, err error) {
	if !d.live {
		if chatID, c, err = w.place(ctx, capture, d); err == nil {
			same, err = w.known(ctx, chatID, d)
		}
		return chatID, c, same, err
	}
	if chatID, err = w.chatThere(d); err == nil {
		same, err = w.known(ctx, chatID, d)
	}
	if err == nil && len(same) > 0 {
		same, err = w.oneChat(ctx, same, d)
	}
	switch {
	case err != nil:
		return 0, nil, nil, err
	case len(same) == 0:
		chatID, c, err = w.place(ctx, capture, d)
		return chatID, c, nil, err
	}
	c, err = w.course(capture, same[0].chat)
	return same[0].chat, c, same, err
}

func (d *doc) chatKey() chatKey {
	return chatKey{d.account, d.custodian, d.chat, strings.Join(d.addresses, " ")}
}

// chatThere returns the chat of a doc where it is there, or 0.
func (w *writer) chatThere(d *doc) (int64, error) {
	if id := w.chats[d.chatKey()]; id != 0 {
		return id, nil
	}
	return w.findChat(d)
}

// known returns the messages that a doc is another record of, by WhatsApp's
// key or an earlier name, the oldest first: two, where the doc is what makes
// them one. One id occurs in a few chats and of a few senders; a database that
// was made to have it everywhere must not cost its square. The chat of the doc
// decides where its addresses do not: another capture knows which phone a LID
// belongs to, and chats that are gone have no address.
func (w *writer) known(ctx context.Context, chatID int64, d *doc) (all []*shown, err error) {
	var refs []ref
	for _, k := range d.keys {
		err := w.c.query(`SELECT `+refColumns+` FROM message WHERE seq IN (SELECT seq FROM key WHERE k = ?) ORDER BY seq LIMIT 64`, func(st *sqlite3.Stmt) error {
			if r := refOf(st); !slices.ContainsFunc(refs, func(o ref) bool { return o.seq == r.seq }) {
				refs = append(refs, r)
			}
			return nil
		}, k)
		if err != nil {
			return nil, err
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return nil, err
	}
	is := &chat.Message{Account: d.account, Custodian: d.custodian, Chat: d.keyed.chat, Key: d.keyed.key, From: d.keyed.from, SentAt: d.keyed.sentAt}
	names := chat.KeyNames(is)
	for i := range ss {
		m := &ss[i].msg
		if ss[i].gone || m.Key == nil || !slices.ContainsFunc(chat.KeyNames(m), func(n string) bool { return slices.Contains(names, n) }) {
			continue
		}
		if !chat.SameKey(m, is, ss[i].chat == chatID) {
			continue // the same id in another chat, or of another sender
		}
		if len(all) > 0 && !d.live {
			break
		}
		all = append(all, &ss[i])
	}
	slices.SortFunc(all, func(a, b *shown) int { return int(min(max(a.seq-b.seq, -1), 1)) })
	return all, nil
}

// oneChat makes one chat of those in which the records of one message stand,
// each of which knew another address of it. It returns the messages as they
// are then.
func (w *writer) oneChat(ctx context.Context, same []*shown, d *doc) ([]*shown, error) {
	merges := w.merges
	var ids []int64
	for _, s := range same {
		ids = append(ids, s.chat)
	}
	if len(d.addresses) > 0 {
		id, err := w.chat(ctx, d)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids)[1:] {
		if err := w.mergeChats(ctx, id, ids[0]); err != nil {
			return nil, err
		}
	}
	if w.merges == merges {
		return same, nil
	}
	return w.known(ctx, ids[0], d)
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
		if err := errors.Join(w.noteKeys(namesOf(&is[i].msg), s.seq), w.noteFiles(filesOf(&is[i].msg), s.seq)); err != nil {
			return err
		}
		if err := w.rewrite(s, &is[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) noteKeys(keys []int64, seq int64) error {
	for _, k := range keys {
		if err := w.c.exec(`INSERT OR IGNORE INTO key (k, seq) VALUES (?, ?)`, k, seq); err != nil {
			return err
		}
	}
	return nil
}
