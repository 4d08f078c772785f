package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// Coverage says how far the index has followed.
func (x *Index) Coverage(ctx context.Context) (cov Coverage, err error) {
	err = x.read(ctx, func(c *conn) error { cov, err = x.coverage(ctx, c); return err })
	return cov, err
}

func (x *Index) coverage(ctx context.Context, c *conn) (cov Coverage, err error) {
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
	if err != nil {
		return cov, err
	}
	cov.Of, err = x.cfg.Log.Size(ctx)
	cov.Of = max(cov.Of, cov.Through) // the log may have grown in between
	return cov, err
}

const selectChats = `SELECT id, name, kind, account, custodian, messages, first_local, last_local, last FROM chat WHERE messages > 0 ORDER BY last DESC, id DESC`

// maxParticipants is how many of a chat's people are listed.
const maxParticipants = 50

func chatRow(st *sqlite3.Stmt) ChatRow {
	return ChatRow{
		ID: strconv.FormatInt(st.ColumnInt64(0), 10), Name: st.ColumnText(1), Kind: chat.ChatKind(st.ColumnText(2)),
		Account: st.ColumnText(3), Custodian: st.ColumnText(4), Messages: st.ColumnInt64(5), First: st.ColumnText(6), Last: st.ColumnText(7),
	}
}

// Chats lists chats, the most recently active first.
func (x *Index) Chats(ctx context.Context, f ChatFilter) (rows []ChatRow, err error) {
	err = x.read(ctx, func(c *conn) error {
		var all []ChatRow
		if err := c.query(selectChats, func(st *sqlite3.Stmt) error { all = append(all, chatRow(st)); return nil }); err != nil {
			return err
		}
		skip := f.After != ""
		for _, r := range all {
			if skip {
				skip = r.ID != f.After
				continue
			}
			ok, err := answers(c, &r, f.Text)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			rows = append(rows, r)
			if f.Limit > 0 && len(rows) == f.Limit {
				break
			}
		}
		for i := range rows {
			if rows[i].Participants, err = participants(c, rows[i].ID, maxParticipants); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("list chats: %w", err)
	}
	return rows, err
}

// answers reports whether a chat's name or somebody in it has every word.
func answers(c *conn, r *ChatRow, text string) (bool, error) {
	if strings.TrimSpace(text) == "" || nameMatches(r.Name+" "+r.Custodian+" "+r.Account, text) {
		return true, nil
	}
	who, err := participants(c, r.ID, 5000)
	return slices.ContainsFunc(who, func(name string) bool { return nameMatches(name, text) }), err
}

func participants(c *conn, id string, limit int) (names []string, err error) {
	n, err := chatNumber(id)
	if err != nil {
		return nil, err
	}
	err = c.query(`SELECT ident FROM member JOIN person ON person.id = member.person WHERE chat = ? AND messages > 0 ORDER BY messages DESC, ident LIMIT ?`, func(st *sqlite3.Stmt) error {
		fields := strings.Split(st.ColumnText(0), "\n")
		name := slices.IndexFunc(fields, func(s string) bool { return s != "" })
		if name >= 0 {
			names = append(names, fields[name])
		}
		return nil
	}, n, limit)
	return names, err
}

const selectChat = `SELECT id, name, kind, account, custodian, messages, first_local, last_local FROM chat WHERE id = ?`

// Chat returns one chat.
func (x *Index) Chat(ctx context.Context, id string) (r ChatRow, err error) {
	err = x.read(ctx, func(c *conn) error { r, err = oneChat(c, id); return err })
	if err != nil {
		err = fmt.Errorf("chat: %w", err)
	}
	return r, err
}

func oneChat(c *conn, id string) (r ChatRow, err error) {
	n, err := chatNumber(id)
	if err != nil || n == 0 {
		return r, errors.Join(ErrNotFound, err)
	}
	err = c.query(selectChat, func(st *sqlite3.Stmt) error { r = chatRow(st); return nil }, n)
	if err == nil && r.ID == "" {
		err = ErrNotFound
	}
	if err != nil {
		return r, err
	}
	r.Participants, err = participants(c, id, maxParticipants)
	return r, err
}

// Page returns a stretch of a chat. It costs the same anywhere in a chat of
// any length.
func (x *Index) Page(ctx context.Context, chatID string, at Place, limit int) (p Page, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	err = x.read(ctx, func(c *conn) error {
		if p.Chat, err = oneChat(c, chatID); err != nil {
			return err
		}
		id, err := chatNumber(chatID)
		if err != nil {
			return err
		}
		refs, err := x.pageRefs(ctx, c, id, at, limit, &p)
		if err != nil {
			return err
		}
		p.Messages, err = x.messages(ctx, c, refs)
		return err
	})
	if err != nil {
		err = fmt.Errorf("page of a chat: %w", err)
	}
	return p, err
}

// pageRefs reads one row more than a page on each open side: it tells whether
// there is more.
func (x *Index) pageRefs(ctx context.Context, c *conn, chatID int64, at Place, limit int, p *Page) (refs []ref, err error) {
	place := func(id string) (spot, error) {
		seq, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return spot{}, ErrNotFound
		}
		r, err := refBySeq(c, seq)
		if err == nil && r.chat != chatID {
			err = ErrNotFound
		}
		return r.spot(), err
	}
	before := func(from spot, with bool, n int) ([]ref, error) {
		rs, err := stretch(c, chatID, from, false, with, n+1)
		if len(rs) > n {
			p.Earlier, rs = true, rs[len(rs)-n:]
		}
		return rs, err
	}
	after := func(from spot, with bool, n int) ([]ref, error) {
		rs, err := stretch(c, chatID, from, true, with, n+1)
		if len(rs) > n {
			p.Later, rs = true, rs[:n]
		}
		return rs, err
	}
	switch {
	case at.Before != "":
		from, err := place(at.Before)
		if err != nil {
			return nil, err
		}
		p.Later = true
		return before(from, false, limit)
	case at.After != "":
		from, err := place(at.After)
		if err != nil {
			return nil, err
		}
		p.Earlier = true
		return after(from, false, limit)
	case at.Around != "":
		from, err := place(at.Around)
		if err != nil {
			return nil, err
		}
		head, err := before(from, false, limit/2)
		if err != nil {
			return nil, err
		}
		tail, err := after(from, true, limit-limit/2)
		return append(head, tail...), err
	case !at.Date.IsZero():
		from, ok, err := x.dayStart(ctx, c, chatID, at.Date)
		if err != nil || !ok { // after the end: show the end
			refs, endErr := before(chatEnd, true, limit)
			return refs, errors.Join(err, endErr)
		}
		earlier, err := stretch(c, chatID, from, false, false, 1)
		if err != nil {
			return nil, err
		}
		p.Earlier = len(earlier) > 0
		return after(from, true, limit)
	case at.AtStart:
		return after(chatStart, true, limit)
	}
	return before(chatEnd, true, limit)
}

// dayStart finds the first message of a day or later. One whose clock was
// wrong stands among those that its source had around it.
func (x *Index) dayStart(ctx context.Context, c *conn, chatID int64, day time.Time) (at spot, ok bool, err error) {
	local := day.Format("2006-01-02")
	at = spot{rowAt(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).Unix()), -1}
	for {
		refs, err := stretch(c, chatID, at, true, false, chunk)
		if err != nil || len(refs) == 0 {
			return at, false, err
		}
		ss, err := x.show(ctx, c, refs)
		if err != nil {
			return at, false, err
		}
		for i := range ss {
			if ss[i].msg.SentLocal >= local {
				return ss[i].spot(), true, nil
			}
		}
		at = refs[len(refs)-1].spot()
	}
}

// Captures lists what was brought in, the newest first.
func (x *Index) Captures(ctx context.Context) (rows []CaptureRow, err error) {
	err = x.read(ctx, func(c *conn) error {
		return c.query(`SELECT seq, at, head, summary FROM capture ORDER BY seq DESC`, func(st *sqlite3.Stmt) error {
			r := CaptureRow{Seq: st.ColumnInt64(0), At: time.UnixMilli(st.ColumnInt64(1)).UTC()}
			if err := json.Unmarshal(st.ColumnRawBlob(2), &r.Head); err != nil {
				return fmt.Errorf("capture %d: %w", r.Seq, err)
			}
			if st.ColumnType(3) != sqlite3.NULL {
				r.Summary = st.ColumnBlob(3, nil)
			}
			rows = append(rows, r)
			return nil
		})
	})
	if err != nil {
		err = fmt.Errorf("list captures: %w", err)
	}
	return rows, err
}
