package index

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// A chat is shown under a ref: a hash of what it is known by. The number of its
// row would change whenever the index is built anew with less in the log.

var refEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// shortHash names something in n characters.
func shortHash(n int, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return refEncoding.EncodeToString(sum[:])[:n]
}

const refLen = 10

// refsOfChat lists the refs of the chat of a doc, the best one first: addresses,
// then the name, which several chats may have.
func refsOfChat(d *doc) (refs []string) {
	for _, jid := range d.addresses {
		refs = append(refs, shortHash(refLen, "address", d.account, d.custodian, jid))
	}
	return append(refs, shortHash(refLen, "name", d.account, d.custodian, d.chat))
}

// newChat makes the row of a chat. Where its best ref is taken, by a chat that
// was called so before, it gets another.
func (w *writer) newChat(d *doc) (int64, error) {
	ref := refsOfChat(d)[0]
	for n := 1; ; n++ {
		_, taken, err := w.c.number(`SELECT chat FROM ref WHERE ref = ?`, ref)
		if err != nil {
			return 0, err
		}
		if !taken {
			break
		}
		ref = shortHash(refLen, "other", d.account, d.custodian, d.chat, strings.Join(d.addresses, " "), strconv.Itoa(n))
	}
	if err := w.c.exec(`INSERT INTO chat (ref, account, custodian, name, kind) VALUES (?, ?, ?, ?, ?)`, ref, d.account, d.custodian, d.chat, string(d.kind)); err != nil {
		return 0, err
	}
	id := w.c.LastInsertRowID()
	return id, w.c.exec(`INSERT INTO ref (ref, chat) VALUES (?, ?)`, ref, id)
}

// noteRefs lets a chat be found under all that a doc calls it. Who has a ref
// keeps it.
func (w *writer) noteRefs(id int64, d *doc) error {
	for _, ref := range refsOfChat(d) {
		if err := w.c.exec(`INSERT OR IGNORE INTO ref (ref, chat) VALUES (?, ?)`, ref, id); err != nil {
			return err
		}
	}
	return nil
}

// ChatIDs gives the ID of every chat by each ID that it ever had: what names a
// chat for long must not lose it when it is united with another.
func (x *Index) ChatIDs(ctx context.Context) (ids map[string]string, err error) {
	ids = map[string]string{}
	err = x.read(ctx, func(c *conn) error {
		return c.query(`SELECT ref.ref, chat.ref FROM ref JOIN chat ON chat.id = ref.chat`, func(st *sqlite3.Stmt) error {
			ids[st.ColumnText(0)] = st.ColumnText(1)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("ids of chats: %w", err)
	}
	return ids, nil
}

// chatNumber returns the row of a chat by any of its refs; 0 where none is
// asked for.
func chatNumber(c *conn, ref string) (int64, error) {
	if ref == "" {
		return 0, nil
	}
	id, ok, err := c.number(`SELECT chat FROM ref WHERE ref = ?`, ref)
	if err == nil && !ok {
		err = fmt.Errorf("chat: %w", ErrNotFound)
	}
	return id, err
}
