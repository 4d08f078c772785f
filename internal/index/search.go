package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/chat"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxContext   = 50
	// maxTotal is how far hits are counted: beyond it, nobody reads on.
	maxTotal = 10_000
	// maxRanked is how many of the newest hits are ranked by relevance. What
	// it costs grows with the hits, and a word such as "the" has millions.
	maxRanked = 50_000
)

// Search finds messages.
func (x *Index) Search(ctx context.Context, s Search) (res Result, err error) {
	n, err := parseQuery(s.Query)
	if err != nil {
		return res, err
	}
	err = x.read(ctx, func(c *conn) error {
		chatID, err := chatNumber(s.Chat)
		if err != nil {
			return err
		}
		w, err := x.compile(c, n, chatID)
		if err != nil {
			return err
		}
		refs, err := x.hits(c, &w, &s, &res)
		if err != nil {
			return err
		}
		if res.Coverage, err = x.coverage(ctx, c); err != nil {
			return err
		}
		return x.fill(ctx, c, &w, &s, refs, &res)
	})
	if err != nil && !errors.Is(err, ErrQuery) {
		err = fmt.Errorf("search: %w", err)
	}
	return res, err
}

func chatNumber(id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("chat: %w", ErrNotFound)
	}
	return n, nil
}

// hits finds the rows of a page.
func (x *Index) hits(c *conn, w *where, s *Search, res *Result) ([]ref, error) {
	limit := s.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	if err := count(c, w, res); err != nil {
		return nil, err
	}
	if s.Order == Relevance && w.match() != "" {
		return ranked(c, w, s, limit, res)
	}
	desc := s.Order != Oldest
	if s.Cursor != "" {
		at, err := strconv.ParseInt(s.Cursor, 10, 64)
		if err != nil {
			return nil, queryErr("the page is not one of this search")
		}
		if desc {
			w.to = min(w.to, at)
		} else {
			w.from = max(w.from, at+1)
		}
	}
	ids, err := page(c, w, desc, limit+1)
	if err != nil {
		return nil, err
	}
	if len(ids) > limit {
		ids = ids[:limit]
		res.Next = strconv.FormatInt(ids[limit-1], 10)
	}
	return refsOf(c, ids)
}

// page returns row ids in the order of time. The full-text table gives them in
// that order by itself.
func page(c *conn, w *where, desc bool, limit int) (ids []int64, err error) {
	order := " ORDER BY rowid"
	if desc {
		order = " ORDER BY rowid DESC"
	}
	row := func(st *sqlite3.Stmt) error { ids = append(ids, st.ColumnInt64(0)); return nil }
	if m := w.match(); m != "" {
		err = c.query(`SELECT rowid FROM fts WHERE fts MATCH ? AND rowid >= ? AND rowid < ?`+order+` LIMIT ?`, row, m, w.from, w.to, limit)
		return ids, err
	}
	cond, args := w.sql()
	err = c.query(`SELECT id FROM message WHERE `+cond+order+` LIMIT ?`, row, append(args, limit)...)
	return ids, err
}

// count counts what answers, as far as that is cheap.
func count(c *conn, w *where, res *Result) error {
	row := func(st *sqlite3.Stmt) error { res.Total = st.ColumnInt64(0); return nil }
	var err error
	if m := w.match(); m != "" {
		err = c.query(`SELECT count(*) FROM (SELECT 1 FROM fts WHERE fts MATCH ? AND rowid >= ? AND rowid < ? LIMIT ?)`, row, m, w.from, w.to, maxTotal+1)
	} else {
		cond, args := w.sql()
		err = c.query(`SELECT count(*) FROM (SELECT 1 FROM message WHERE `+cond+` LIMIT ?)`, row, append(args, maxTotal+1)...)
	}
	if res.Total > maxTotal {
		res.Total = -1
	}
	return err
}

// ranked returns a page of the best of the newest hits. Its cursor is how many
// came before.
func ranked(c *conn, w *where, s *Search, limit int, res *Result) ([]ref, error) {
	skip := 0
	if s.Cursor != "" {
		var err error
		if skip, err = strconv.Atoi(s.Cursor); err != nil || skip < 0 || skip > maxRanked {
			return nil, queryErr("the page is not one of this search")
		}
	}
	m := w.match()
	floor, ok, err := c.number(`SELECT rowid FROM fts WHERE fts MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT 1 OFFSET ?`, m, w.from, w.to, maxRanked)
	if err != nil {
		return nil, err
	}
	if !ok {
		floor = w.from
	}
	var ids []int64
	err = c.query(`SELECT rowid FROM fts WHERE fts MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rank, rowid DESC LIMIT ? OFFSET ?`,
		func(st *sqlite3.Stmt) error { ids = append(ids, st.ColumnInt64(0)); return nil }, m, floor, w.to, limit+1, skip)
	if err != nil {
		return nil, err
	}
	if len(ids) > limit {
		ids = ids[:limit]
		res.Next = strconv.Itoa(skip + limit)
	}
	return refsOf(c, ids)
}

func refsOf(c *conn, ids []int64) ([]ref, error) {
	refs := make([]ref, 0, len(ids))
	for _, id := range ids {
		err := c.query(`SELECT `+refColumns+` FROM message WHERE id = ?`, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, id)
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// fill reads the hits' messages, marks what was found, and adds what stands
// around them.
func (x *Index) fill(ctx context.Context, c *conn, w *where, s *Search, refs []ref, res *Result) error {
	ss, err := x.show(ctx, c, refs)
	if err != nil {
		return err
	}
	around := min(s.Context, maxContext)
	for i := range ss {
		if ss[i].gone {
			continue
		}
		h := Hit{Message: ss[i].msg, Marks: w.marks(ss[i].msg.Text)}
		if around > 0 {
			if h.Before, err = x.near(ctx, c, ss[i].ref, false, around); err != nil {
				return err
			}
			if h.After, err = x.near(ctx, c, ss[i].ref, true, around); err != nil {
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
func (x *Index) near(ctx context.Context, c *conn, r ref, after bool, n int) ([]chat.Message, error) {
	refs, err := stretch(c, r.chat, r.place, after, false, n)
	if err != nil {
		return nil, err
	}
	return x.messages(ctx, c, refs)
}

// stretch returns up to n rows of a chat before or after a place, in the order
// in which they are shown.
func stretch(c *conn, chatID, place int64, after, with bool, n int) (refs []ref, err error) {
	sql := `SELECT ` + refColumns + ` FROM message WHERE chat = ? AND ifnull(ord, id) `
	switch {
	case after && with:
		sql += `>= ? ORDER BY ifnull(ord, id) LIMIT ?`
	case after:
		sql += `> ? ORDER BY ifnull(ord, id) LIMIT ?`
	case with:
		sql += `<= ? ORDER BY ifnull(ord, id) DESC LIMIT ?`
	default:
		sql += `< ? ORDER BY ifnull(ord, id) DESC LIMIT ?`
	}
	err = c.query(sql, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, chatID, place, n)
	if !after {
		slices.Reverse(refs)
	}
	return refs, err
}

// All calls fn with the messages that answer a query, in the order of their
// entries; an empty query gives all.
func (x *Index) All(ctx context.Context, query string, fn func(chat.Message) error) error {
	n, err := parseQuery(query)
	if err != nil {
		return err
	}
	var seqs []int64 // of what answers; nil: everything
	last, all := int64(-1), len(conjuncts(n)) == 0
	if !all {
		if seqs, err = x.answering(ctx, n); err != nil {
			return err
		}
	}
	for {
		ms, next, err := x.some(ctx, all, &seqs, last)
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

func (x *Index) answering(ctx context.Context, n node) (seqs []int64, err error) {
	err = x.read(ctx, func(c *conn) error {
		w, err := x.compile(c, n, 0)
		if err != nil {
			return err
		}
		cond, args := w.sql()
		return c.query(`SELECT seq FROM message WHERE `+cond, func(st *sqlite3.Stmt) error { seqs = append(seqs, st.ColumnInt64(0)); return nil }, args...)
	})
	slices.Sort(seqs)
	return seqs, err
}

// some returns the messages behind an entry, and where to go on.
func (x *Index) some(ctx context.Context, all bool, seqs *[]int64, last int64) (ms []chat.Message, next int64, err error) {
	next = -1
	err = x.read(ctx, func(c *conn) error {
		var refs []ref
		row := func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }
		if all {
			if err := c.query(`SELECT `+refColumns+` FROM message WHERE seq > ? ORDER BY seq LIMIT ?`, row, last, chunk); err != nil {
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
		ms, err = x.messages(ctx, c, refs)
		return err
	})
	return ms, next, err
}
