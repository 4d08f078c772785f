package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// Coverage says how far the index has followed.
func (x *Index) Coverage(ctx context.Context) (Coverage, error) { return x.whole().Coverage(ctx) }

// Coverage says how far the index has followed, and counts what is inside.
func (v *View) Coverage(ctx context.Context) (cov Coverage, err error) {
	err = v.x.read(ctx, func(c *conn) error { cov, err = v.coverage(ctx, c); return err })
	return cov, err
}

func (v *View) coverage(ctx context.Context, c *conn) (Coverage, error) {
	cov, err := v.x.coverage(ctx, c)
	if err != nil || v.in.all {
		return cov, err
	}
	by, err := v.shares(c)
	if err != nil {
		return cov, err
	}
	cov.Messages = 0
	for id, s := range by {
		if s.whole {
			if s.n, _, err = c.number(`SELECT messages FROM chat WHERE id = ?`, id); err != nil {
				return cov, err
			}
		}
		cov.Messages += s.n
	}
	w := where{to: maxID, yes: []string{token("x", "unread")}}
	v.in.narrow(&w)
	cond, args := w.fts()
	cov.Unread, _, err = c.number(`SELECT count(*) FROM fts WHERE `+cond, args...)
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

// chatColumns are the columns that chatRow reads.
const chatColumns = `id, ref, name, kind, account, custodian, messages, first_local, last_local`

const selectChats = `SELECT ` + chatColumns + `, last FROM chat WHERE messages > 0 ORDER BY last DESC, id DESC`

// maxParticipants is how many of a chat's people are listed.
const maxParticipants = 50

func chatRow(st *sqlite3.Stmt) ChatRow {
	return ChatRow{
		ID: st.ColumnText(1), Name: st.ColumnText(2), Kind: chat.ChatKind(st.ColumnText(3)),
		Account: st.ColumnText(4), Custodian: st.ColumnText(5), Messages: st.ColumnInt64(6), First: st.ColumnText(7), Last: st.ColumnText(8),
	}
}

// Chats lists chats, the most recently active first.
func (x *Index) Chats(ctx context.Context, f ChatFilter) ([]ChatRow, error) {
	return x.whole().Chats(ctx, f)
}

// listed is a chat in a list.
type listed struct {
	ChatRow
	id int64
	share
}

// Chats lists the chats with something inside, the most recently active first.
func (v *View) Chats(ctx context.Context, f ChatFilter) (rows []ChatRow, err error) {
	err = v.x.read(ctx, func(c *conn) error {
		all, err := v.list(c)
		if err != nil {
			return err
		}
		if f.After != "" {
			after, err := chatNumber(c, f.After)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			i := slices.IndexFunc(all, func(l listed) bool { return l.id == after })
			if i < 0 {
				return nil
			}
			all = all[i+1:]
		}
		for i := range all {
			l := &all[i]
			ok, err := v.answers(c, l, f.Text)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if l.Participants, err = v.participants(c, l.id, maxParticipants, l.whole); err != nil {
				return err
			}
			rows = append(rows, l.ChatRow)
			if f.Limit > 0 && len(rows) == f.Limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("list chats: %w", err)
	}
	return rows, err
}

// list returns the chats with something inside.
func (v *View) list(c *conn) (all []listed, err error) {
	err = c.query(selectChats, func(st *sqlite3.Stmt) error {
		all = append(all, listed{chatRow(st), st.ColumnInt64(0), share{whole: true, last: st.ColumnInt64(9)}})
		return nil
	})
	if err != nil || v.in.all {
		return all, err
	}
	by, err := v.shares(c)
	if err != nil {
		return nil, err
	}
	inside := all[:0]
	for _, l := range all {
		if s, ok := by[l.id]; ok {
			if s.whole {
				s.last = l.last
			}
			s.tell(&l.ChatRow)
			l.share = s
			inside = append(inside, l)
		}
	}
	slices.SortStableFunc(inside, func(a, b listed) int { return cmp.Compare(b.last, a.last) })
	return inside, nil
}

// answers reports whether a chat's name or somebody in it has every word.
func (v *View) answers(c *conn, l *listed, text string) (bool, error) {
	if strings.TrimSpace(text) == "" || nameMatches(l.Name+" "+l.Custodian+" "+l.Account, text) {
		return true, nil
	}
	who, err := v.participants(c, l.id, 5000, l.whole)
	return slices.ContainsFunc(who, func(name string) bool { return nameMatches(name, text) }), err
}

// maxAsked is how many of a chat's people are asked for what they wrote inside
// a scope.
const maxAsked = 200

// participants lists who wrote in a chat; of one that lies inside in part,
// who wrote there.
func (v *View) participants(c *conn, id int64, limit int, whole bool) (names []string, err error) {
	type person struct {
		id   int64
		name string
	}
	var people []person
	err = c.query(`SELECT person.id, ident FROM member JOIN person ON person.id = member.person WHERE chat = ? AND messages > 0 ORDER BY messages DESC, ident LIMIT ?`, func(st *sqlite3.Stmt) error {
		fields := strings.Split(st.ColumnText(1), "\n")
		if i := slices.IndexFunc(fields, func(s string) bool { return s != "" }); i >= 0 {
			people = append(people, person{st.ColumnInt64(0), fields[i]})
		}
		return nil
	}, id, limit)
	if err != nil {
		return nil, err
	}
	if !whole {
		people = people[:min(len(people), maxAsked)]
	}
	for _, p := range people {
		ok := whole
		if !whole {
			if ok, err = v.in.wrote(c, id, p.id); err != nil {
				return nil, err
			}
		}
		if ok {
			names = append(names, p.name)
		}
	}
	return names, nil
}

const selectChat = `SELECT ` + chatColumns + ` FROM chat WHERE id = ?`

// Chat returns one chat, by any ID that it ever had.
func (x *Index) Chat(ctx context.Context, id string) (ChatRow, error) { return x.whole().Chat(ctx, id) }

// Chat returns one chat, where something of it is inside.
func (v *View) Chat(ctx context.Context, id string) (r ChatRow, err error) {
	err = v.x.read(ctx, func(c *conn) error { r, _, err = v.oneChat(c, id); return err })
	if err != nil {
		err = fmt.Errorf("chat: %w", err)
	}
	return r, err
}

func (v *View) oneChat(c *conn, id string) (r ChatRow, n int64, err error) {
	if n, err = chatNumber(c, id); err != nil || n == 0 {
		return r, 0, cmp.Or(err, ErrNotFound)
	}
	in := share{whole: true}
	if !v.in.all {
		by, err := v.shares(c)
		if err != nil {
			return r, 0, err
		}
		var ok bool
		if in, ok = by[n]; !ok {
			return r, 0, ErrNotFound
		}
	}
	err = c.query(selectChat, func(st *sqlite3.Stmt) error { r = chatRow(st); return nil }, n)
	if err == nil && r.ID == "" {
		err = ErrNotFound
	}
	if err != nil {
		return r, 0, err
	}
	in.tell(&r)
	r.Participants, err = v.participants(c, n, maxParticipants, in.whole)
	return r, n, err
}

// Page returns a stretch of a chat. It costs the same anywhere in a chat of
// any length.
func (x *Index) Page(ctx context.Context, chatID string, at Place, limit int) (Page, error) {
	return x.whole().Page(ctx, chatID, at, limit)
}

// Page returns a stretch of what is inside of a chat.
func (v *View) Page(ctx context.Context, chatID string, at Place, limit int) (p Page, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	err = v.x.read(ctx, func(c *conn) error {
		var id int64
		if p.Chat, id, err = v.oneChat(c, chatID); err != nil {
			return err
		}
		refs, err := v.pageRefs(ctx, c, id, at, limit, &p)
		for err == nil {
			if p.Messages, err = v.x.messages(ctx, c, refs, byRules); err != nil || len(p.Messages) > 0 || len(refs) == 0 {
				return err
			}
			// All of it was disposed of. Who turns pages has to get past it.
			var beyond Page
			switch back := at.Before != "" || at == (Place{}); {
			case !back && p.Later:
				refs, err = v.pageRefs(ctx, c, id, Place{After: refs[len(refs)-1].name()}, limit, &beyond)
				p.Later = beyond.Later
			case p.Earlier && at.After == "":
				refs, err = v.pageRefs(ctx, c, id, Place{Before: refs[0].name()}, limit, &beyond)
				p.Earlier = beyond.Earlier
			default:
				return nil
			}
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("page of a chat: %w", err)
	}
	return p, err
}

// pageRefs reads one row more than a page on each open side: it tells whether
// there is more.
func (v *View) pageRefs(ctx context.Context, c *conn, chatID int64, at Place, limit int, p *Page) (refs []ref, err error) {
	place := func(id string) (spot, error) {
		seq, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return spot{}, ErrNotFound
		}
		r, err := refBySeq(c, seq, v.in)
		if err == nil && r.chat != chatID {
			err = ErrNotFound
		}
		return r.spot(), err
	}
	before := func(from spot, with bool, n int) ([]ref, error) {
		rs, err := stretch(c, v.in, chatID, from, false, with, n+1)
		if len(rs) > n {
			p.Earlier, rs = true, rs[len(rs)-n:]
		}
		return rs, err
	}
	after := func(from spot, with bool, n int) ([]ref, error) {
		rs, err := stretch(c, v.in, chatID, from, true, with, n+1)
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
		from, ok, err := v.dayStart(ctx, c, chatID, at.Date)
		if err != nil || !ok { // after the end: show the end
			refs, endErr := before(chatEnd, true, limit)
			return refs, errors.Join(err, endErr)
		}
		earlier, err := stretch(c, v.in, chatID, from, false, false, 1)
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
func (v *View) dayStart(ctx context.Context, c *conn, chatID int64, day time.Time) (at spot, ok bool, err error) {
	local := day.Format("2006-01-02")
	at = spot{rowAt(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).Unix()), -1}
	for {
		refs, err := stretch(c, v.in, chatID, at, true, false, chunk)
		if err != nil || len(refs) == 0 {
			return at, false, err
		}
		ss, err := v.x.show(ctx, c, refs)
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
func (x *Index) Captures(ctx context.Context) ([]CaptureRow, error) { return x.whole().Captures(ctx) }

// Captures lists what was brought in of the chats with something inside.
func (v *View) Captures(ctx context.Context) (rows []CaptureRow, err error) {
	err = v.x.read(ctx, func(c *conn) error {
		some, args := ``, []any(nil)
		if !v.in.all {
			by, err := v.shares(c)
			if err != nil {
				return err
			}
			some, args = ` WHERE seq IN (SELECT cap FROM course WHERE chat IN (SELECT value FROM json_each(?)))`, []any{asJSON(slices.Collect(maps.Keys(by)))}
		}
		return c.query(`SELECT seq, at, head, summary FROM capture`+some+` ORDER BY seq DESC`, func(st *sqlite3.Stmt) error {
			r := CaptureRow{Seq: st.ColumnInt64(0), At: time.UnixMilli(st.ColumnInt64(1)).UTC()}
			if err := json.Unmarshal(st.ColumnRawBlob(2), &r.Head); err != nil {
				return fmt.Errorf("capture %d: %w", r.Seq, err)
			}
			if st.ColumnType(3) != sqlite3.NULL {
				r.Summary = st.ColumnBlob(3, nil)
			}
			rows = append(rows, r)
			return nil
		}, args...)
	})
	if err != nil {
		err = fmt.Errorf("list captures: %w", err)
	}
	return rows, err
}
