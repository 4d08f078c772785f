package index

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// maxParticipants bounds the participants that are told of a chat.
const maxParticipants = 50

const chatColumns = `id, name, kind, account, custodian, messages, ifnull(first_local, ''), ifnull(last_local, '')`

func chatRowOf(st *sqlite3.Stmt) ChatRow {
	return ChatRow{
		ID: strconv.FormatInt(st.ColumnInt64(0), 10), Name: st.ColumnText(1), Kind: chat.ChatKind(st.ColumnText(2)),
		Account: st.ColumnText(3), Custodian: st.ColumnText(4), Messages: st.ColumnInt64(5),
		First: st.ColumnText(6), Last: st.ColumnText(7),
	}
}

// Coverage says how far the index has followed.
func (x *Index) Coverage(ctx context.Context) (cov Coverage, err error) {
	err = x.read(ctx, func(c *conn) error {
		cov, err = x.coverage(ctx, c)
		return err
	})
	return cov, err
}

func (x *Index) coverage(ctx context.Context, c *conn) (cov Coverage, err error) {
	if cov.Of, err = x.cfg.Log.Size(ctx); err != nil {
		return cov, fmt.Errorf("size of the log: %w", err)
	}
	err = c.query(`SELECT key, value FROM state WHERE key IN ('position', 'messages', 'unread')`, func(st *sqlite3.Stmt) error {
		switch n := st.ColumnInt64(1); st.ColumnText(0) {
		case "position":
			cov.Through = n
		case "messages":
			cov.Messages = n
		case "unread":
			cov.Unread = n
		}
		return nil
	})
	return cov, err
}

const (
	chatsAll = `SELECT ` + chatColumns + ` FROM chat WHERE messages > 0 ORDER BY last DESC, id DESC`
	// Chats whose messages have no time come last: NULL is less than all.
	chatsAfter = `SELECT ` + chatColumns + ` FROM chat WHERE messages > 0
		AND (ifnull(last, -1), id) < (SELECT ifnull(last, -1), id FROM chat WHERE id = ?) ORDER BY last DESC, id DESC`
)

// Chats lists chats, the most recently active first.
func (x *Index) Chats(ctx context.Context, f ChatFilter) (out []ChatRow, err error) {
	sql, args := chatsAll, []any(nil)
	if f.After != "" {
		id, err := strconv.ParseInt(f.After, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("chats: %w", ErrNotFound)
		}
		sql, args = chatsAfter, []any{id}
	}
	err = x.read(ctx, func(c *conn) error {
		err := c.query(sql, func(st *sqlite3.Stmt) error {
			row := chatRowOf(st)
			if f.Text != "" {
				ok, err := chatHas(c, &row, f.Text)
				if err != nil || !ok {
					return err
				}
			}
			out = append(out, row)
			if f.Limit > 0 && len(out) == f.Limit {
				return errEnough
			}
			return nil
		}, args...)
		if err = enough(err); err != nil {
			return err
		}
		for i := range out {
			if err := participants(c, &out[i], maxParticipants); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("chats: %w", err)
	}
	return out, nil
}

// chatHas reports whether every word of text begins a word of the chat's name
// or of a participant.
func chatHas(c *conn, row *ChatRow, text string) (bool, error) {
	r := *row
	if err := participants(c, &r, -1); err != nil {
		return false, err
	}
	toks := analyze.Tokens(row.Name + "\n" + row.Account + "\n" + row.Custodian + "\n" + strings.Join(r.Participants, "\n"))
	for _, word := range strings.Fields(text) {
		m := analyze.Query(word, true)
		if len(m.Any) > 0 && len(m.Find(toks)) == 0 {
			return false, nil
		}
	}
	return true, nil
}

func participants(c *conn, row *ChatRow, limit int) error {
	id, err := strconv.ParseInt(row.ID, 10, 64)
	if err != nil {
		return err
	}
	return c.query(`SELECT ident FROM member JOIN person ON person.id = member.person WHERE chat = ? AND messages > 0
		ORDER BY messages DESC, person.id LIMIT ?`, func(st *sqlite3.Stmt) error {
		name, _, _ := strings.Cut(strings.TrimLeft(st.ColumnText(0), "\n"), "\n")
		row.Participants = append(row.Participants, name)
		return nil
	}, id, limit)
}

// Chat returns one chat.
func (x *Index) Chat(ctx context.Context, id string) (row ChatRow, err error) {
	err = x.read(ctx, func(c *conn) error {
		row, _, err = chatByID(c, id)
		return err
	})
	return row, err
}

func chatByID(c *conn, id string) (row ChatRow, n int64, err error) {
	n, err = strconv.ParseInt(id, 10, 64)
	if err != nil {
		return row, 0, fmt.Errorf("chat: %w", ErrNotFound)
	}
	err = c.query(`SELECT `+chatColumns+` FROM chat WHERE id = ?`, func(st *sqlite3.Stmt) error { row = chatRowOf(st); return nil }, n)
	if err == nil && row.ID == "" {
		err = ErrNotFound
	}
	if err != nil {
		return row, 0, fmt.Errorf("chat: %w", err)
	}
	return row, n, participants(c, &row, maxParticipants)
}

// Captures lists the captures, the newest first.
func (x *Index) Captures(ctx context.Context) (out []CaptureRow, err error) {
	err = x.read(ctx, func(c *conn) error {
		return c.query(`SELECT seq, at, head, summary FROM capture ORDER BY seq DESC`, func(st *sqlite3.Stmt) error {
			row := CaptureRow{Seq: st.ColumnInt64(0), At: time.UnixMilli(st.ColumnInt64(1)).UTC()}
			if st.ColumnType(3) != sqlite3.NULL {
				row.Summary = st.ColumnBlob(3, nil)
			}
			out = append(out, row)
			return decodeHead(st.ColumnBlob(2, nil), &out[len(out)-1].Head)
		})
	})
	return out, err
}

func decodeHead(b []byte, h *record.CaptureHead) error {
	if err := unmarshal(b, h); err != nil {
		return fmt.Errorf("decode capture: %w", err)
	}
	return nil
}
