package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/chat"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxContext   = 50
	// maxTotal and countTime are how far hits are counted for a page: beyond
	// it, nobody reads on, and everybody waits.
	maxTotal  = 10_000
	countTime = 6 * time.Millisecond
	// maxRanked is how many of the newest hits are ranked by relevance. What
	// it costs grows with the hits, and a word such as "the" has millions.
	maxRanked = 10_000
)

// Search finds messages.
func (x *Index) Search(ctx context.Context, s Search) (Result, error) {
	return x.whole().Search(ctx, s)
}

// Search finds messages inside.
func (v *View) Search(ctx context.Context, s Search) (res Result, err error) {
	n, err := parseQuery(s.Query)
	if err != nil {
		return res, err
	}
	err = v.x.read(ctx, func(c *conn) error {
		chatID, err := chatNumber(c, s.Chat)
		if err != nil {
			return err
		}
		w, err := v.x.compile(c, n, chatID)
		if err != nil {
			return err
		}
		v.in.narrow(&w)
		refs, err := v.hits(c, &w, &s, &res)
		if err != nil {
			return err
		}
		if res.Coverage, err = v.coverage(ctx, c); err != nil {
			return err
		}
		return v.fill(ctx, c, &w, &s, refs, &res)
	})
	if err != nil && !errors.Is(err, ErrQuery) {
		err = fmt.Errorf("search: %w", err)
	}
	return res, err
}

// cursor is where a page begins, and what the first page has counted: the
// pages of one search tell one total.
type cursor struct{ at, total int64 }

func (k cursor) String() string {
	return strconv.FormatInt(k.at, 10) + "," + strconv.FormatInt(k.total, 10)
}

func parseCursor(s string) (k cursor, err error) {
	at, total, _ := strings.Cut(s, ",")
	k.at, err = strconv.ParseInt(at, 10, 64)
	if err == nil {
		k.total, err = strconv.ParseInt(total, 10, 64)
	}
	if err != nil || k.at < 0 || k.total < -1 {
		return k, queryErr("the page is not one of this search")
	}
	return k, nil
}

// hits finds the rows of a page.
func (v *View) hits(c *conn, w *where, s *Search, res *Result) ([]ref, error) {
	limit := s.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	page := pageOf
	if s.Order == Relevance && w.match() != "" {
		page = ranked
	}
	ids, err := page(c, w, s, limit, res)
	if err != nil {
		return nil, err
	}
	return refsOf(c, v.in, ids)
}

// pageOf returns the row ids of a page in the order of time, and counts what
// answers: all of it where that was asked for, else as far as that is cheap.
func pageOf(c *conn, w *where, s *Search, limit int, res *Result) ([]int64, error) {
	desc := s.Order != Oldest
	m := matches{keep: limit + 1, upTo: maxTotal, until: time.Now().Add(countTime)}
	if s.Exact {
		m.upTo, m.until = maxID, time.Time{}
	}
	if s.Cursor != "" {
		k, err := parseCursor(s.Cursor)
		if err != nil {
			return nil, err
		}
		if desc {
			w.to = min(w.to, k.at)
		} else {
			w.from = max(w.from, k.at+1)
		}
		m.upTo, res.Total = 0, k.total
	}
	if err := m.read(c, w, desc); err != nil {
		return nil, err
	}
	if s.Cursor == "" {
		res.Total = m.total()
	}
	if len(m.ids) > limit {
		m.ids = m.ids[:limit]
		res.Next = cursor{m.ids[limit-1], res.Total}.String()
	}
	return m.ids, nil
}

// matches reads what answers, in the order of time, which is that of the
// full-text table: the first rows are kept, the others counted.
type matches struct {
	keep  int
	upTo  int64     // how far to count
	until time.Time // how long, where it is set
	ids   []int64
	n     int64
	last  int64 // the row counted last
	more  bool  // there are more than n
}

// total is how many there are, -1 where counting was cut short.
func (m *matches) total() int64 {
	if m.more {
		return -1
	}
	return m.n
}

// errEnough ends a query whose further rows are not asked for.
var errEnough = errors.New("enough")

func (m *matches) read(c *conn, w *where, desc bool) error {
	row := func(st *sqlite3.Stmt) error {
		if len(m.ids) >= m.keep && (m.n >= m.upTo || !m.until.IsZero() && m.n%16 == 0 && time.Now().After(m.until)) {
			m.more = true
			return errEnough
		}
		m.last = st.ColumnInt64(0)
		if m.n++; len(m.ids) < m.keep {
			m.ids = append(m.ids, m.last)
		}
		return nil
	}
	order := ""
	if desc {
		order = " DESC"
	}
	var err error
	if w.match() != "" {
		cond, args := w.fts()
		err = c.query(`SELECT rowid FROM fts WHERE `+cond+` ORDER BY rowid`+order, row, args...)
	} else {
		cond, args := w.sql()
		err = c.query(`SELECT id FROM message WHERE `+cond+` ORDER BY id`+order, row, args...)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// ranked returns a page of the best of the newest hits. Its cursor is how many
// came before.
func ranked(c *conn, w *where, s *Search, limit int, res *Result) (ids []int64, err error) {
	skip := int64(0)
	m := matches{upTo: maxRanked}
	if err := m.read(c, w, true); err != nil {
		return nil, err
	}
	res.Total = m.total()
	if s.Cursor != "" {
		k, err := parseCursor(s.Cursor)
		if err != nil || k.at > maxRanked {
			return nil, queryErr("the page is not one of this search")
		}
		skip, res.Total = k.at, k.total
	}
	if m.more && s.Exact && s.Cursor == "" {
		all := matches{upTo: maxID}
		if err := all.read(c, w, true); err != nil {
			return nil, err
		}
		res.Total = all.total()
	}
	if m.more {
		w.from = m.last
	}
	cond, args := w.fts()
	err = c.query(`SELECT rowid FROM fts WHERE `+cond+` ORDER BY rank, rowid DESC LIMIT ? OFFSET ?`,
		func(st *sqlite3.Stmt) error { ids = append(ids, st.ColumnInt64(0)); return nil }, append(args, limit+1, skip)...)
	if err != nil {
		return nil, err
	}
	if len(ids) > limit {
		ids = ids[:limit]
		res.Next = cursor{skip + int64(limit), res.Total}.String()
	}
	return ids, nil
}

func refsOf(c *conn, in *within, ids []int64) ([]ref, error) {
	refs := make([]ref, 0, len(ids))
	for _, id := range ids {
		err := c.query(`SELECT `+refColumns+` FROM message WHERE id = ?`+in.cond, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, append([]any{id}, in.args...)...)
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// fill reads the hits' messages, marks what was found, and adds what stands
// around them.
func (v *View) fill(ctx context.Context, c *conn, w *where, s *Search, refs []ref, res *Result) error {
	ss, err := v.x.show(ctx, c, refs)
	if err != nil {
		return err
	}
	if err := v.x.tell(c, ss, byRules); err != nil {
		return err
	}
	around := min(s.Context, maxContext)
	for i := range ss {
		if ss[i].gone {
			continue
		}
		h := Hit{Message: ss[i].msg, Marks: w.marks(ss[i].msg.Text)}
		if around > 0 {
			if h.Before, err = v.near(ctx, c, ss[i].ref, false, around); err != nil {
				return err
			}
			if h.After, err = v.near(ctx, c, ss[i].ref, true, around); err != nil {
				return err
			}
		}
		res.Hits = append(res.Hits, h)
	}
	return nil
}

// marks returns the byte ranges of a text that the query found.
func (w *where) marks(text string) [][2]int {
	if text == "" || len(w.find) == 0 {
		return nil
	}
	toks := analyze.Tokens(text)
	var all [][2]int
	for _, f := range w.find {
		if f.infix == "" {
			all = append(all, f.m.Find(toks)...)
			continue
		}
		for _, t := range toks {
			if t.Kind == analyze.Word && strings.Contains(t.Text, f.infix) {
				all = append(all, [2]int{t.Start, t.End})
			}
		}
	}
	return analyze.Merge(all)
}

// near returns the messages of the chat before or after one.
func (v *View) near(ctx context.Context, c *conn, r ref, after bool, n int) ([]chat.Message, error) {
	refs, err := stretch(c, v.in, r.chat, r.spot(), after, false, n)
	if err != nil {
		return nil, err
	}
	return v.x.messages(ctx, c, refs, byHand)
}

// spot is where a message stands in its chat. Two captures may put messages at
// the same place; their ids decide, so that no page skips one.
type spot struct{ place, id int64 }

func (r ref) spot() spot { return spot{r.place, r.id} }

// The spots before and after all messages.
var (
	chatStart = spot{-1, -1}
	chatEnd   = spot{maxID, maxID}
)

// stretch returns up to n rows of a chat before or after a spot, in the order
// in which they are shown.
func stretch(c *conn, in *within, chatID int64, at spot, after, with bool, n int) (refs []ref, err error) {
	sql := `SELECT ` + refColumns + ` FROM message WHERE chat = ? AND ifnull(ord, id) `
	if after {
		sql += `>= ? AND (ifnull(ord, id) > ? OR id > ? OR ? AND id = ?)` + in.cond + ` ORDER BY ifnull(ord, id), id LIMIT ?`
	} else {
		sql += `<= ? AND (ifnull(ord, id) < ? OR id < ? OR ? AND id = ?)` + in.cond + ` ORDER BY ifnull(ord, id) DESC, id DESC LIMIT ?`
	}
	inclusive := 0
	if with {
		inclusive = 1
	}
	args := append([]any{chatID, at.place, at.place, at.id, inclusive, at.id}, in.args...)
	err = c.query(sql, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, append(args, n)...)
	if !after {
		slices.Reverse(refs)
	}
	return refs, err
}

// All calls fn with the messages that answer a query, in the order of their
// entries; an empty query gives all.
func (x *Index) All(ctx context.Context, query string, fn func(chat.Message) error) error {
	return x.whole().All(ctx, query, fn)
}

// All calls fn with the messages inside that answer a query, as Index.All does.
func (v *View) All(ctx context.Context, query string, fn func(chat.Message) error) error {
	n, err := parseQuery(query)
	if err != nil {
		return err
	}
	var seqs []int64 // of what answers; nil: everything
	last, all := int64(-1), len(conjuncts(n)) == 0
	if !all {
		if seqs, err = v.answering(ctx, n); err != nil {
			return err
		}
	}
	for {
		ms, next, err := v.some(ctx, all, &seqs, last)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := fn(m); err != nil {
				return err
			}
		}
		if next < 0 {
			return nil
		}
		last = next
	}
}

func (v *View) answering(ctx context.Context, n node) (seqs []int64, err error) {
	err = v.x.read(ctx, func(c *conn) error {
		w, err := v.x.compile(c, n, 0)
		if err != nil {
			return err
		}
		v.in.narrow(&w)
		cond, args := w.sql()
		return c.query(`SELECT seq FROM message WHERE `+cond, func(st *sqlite3.Stmt) error { seqs = append(seqs, st.ColumnInt64(0)); return nil }, args...)
	})
	slices.Sort(seqs)
	return seqs, err
}

// Found calls fn with the first record of every message that a query finds, in
// a chat where one is given, and when it was sent by the clocks there; zero
// where that is not known. It reads no messages: a search for a common word
// finds half of them.
func (x *Index) Found(ctx context.Context, query, chat string, fn func(seq int64, at time.Time)) error {
	return x.whole().Found(ctx, query, chat, fn)
}

// Found finds messages inside.
func (v *View) Found(ctx context.Context, query, chat string, fn func(seq int64, at time.Time)) error {
	n, err := parseQuery(query)
	if err != nil {
		return err
	}
	err = v.x.read(ctx, func(c *conn) error {
		id, err := chatNumber(c, chat)
		if err != nil {
			return err
		}
		w, err := v.x.compile(c, n, id)
		if err != nil {
			return err
		}
		v.in.narrow(&w)
		cond, args := w.sql()
		return c.query(`SELECT id, seq, zone IS NULL FROM message WHERE `+cond+` ORDER BY id`, func(st *sqlite3.Stmt) error {
			var at time.Time
			if st.ColumnInt(2) == 0 {
				at = time.Unix(timeOf(st.ColumnInt64(0)), 0).UTC()
			}
			fn(st.ColumnInt64(1), at)
			return nil
		}, args...)
	})
	if err != nil && !errors.Is(err, ErrQuery) {
		err = fmt.Errorf("find messages: %w", err)
	}
	return err
}

// some returns the messages behind an entry, and where to go on.
func (v *View) some(ctx context.Context, all bool, seqs *[]int64, last int64) (ms []chat.Message, next int64, err error) {
	next = -1
	err = v.x.read(ctx, func(c *conn) error {
		var refs []ref
		row := func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }
		if all {
			args := append(append([]any{last}, v.in.args...), chunk)
			if err := c.query(`SELECT `+refColumns+` FROM message WHERE seq > ?`+v.in.cond+` ORDER BY seq LIMIT ?`, row, args...); err != nil {
				return err
			}
		} else {
			n := min(chunk, len(*seqs))
			for _, seq := range (*seqs)[:n] {
				if err := c.query(`SELECT `+refColumns+` FROM message WHERE seq = ?`, row, seq); err != nil {
					return err
				}
			}
			*seqs = (*seqs)[n:]
		}
		if len(refs) > 0 {
			next = refs[len(refs)-1].seq
		}
		if !all && len(*seqs) == 0 || all && len(refs) < chunk {
			next = -1
		}
		ms, err = v.x.messages(ctx, c, refs, byRules)
		return err
	})
	return ms, next, err
}
