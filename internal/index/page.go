package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// errEnough ends a query whose further rows are not wanted.
var errEnough = errors.New("enough")

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

const (
	// Both walk the index message_place, whose second column is the place.
	placesUp   = `SELECT ` + refColumns + ` FROM message WHERE chat = ? AND ifnull(ord, id) >= ? ORDER BY ifnull(ord, id), seq LIMIT ?`
	placesDown = `SELECT ` + refColumns + ` FROM message WHERE chat = ? AND ifnull(ord, id) < ? ORDER BY ifnull(ord, id) DESC, seq DESC LIMIT ?`
)

// pageLimit is the length of a page where none is asked for.
const pageLimit = 100

// Page returns a stretch of a chat, in the order in which it is shown.
func (x *Index) Page(ctx context.Context, chatID string, at Place, limit int) (p Page, err error) {
	if limit <= 0 {
		limit = pageLimit
	}
	err = x.read(ctx, func(c *conn) error {
		row, id, err := chatByID(c, chatID)
		if err != nil {
			return err
		}
		p.Chat = row
		refs, err := p.stretch(c, id, at, limit)
		if err != nil {
			return err
		}
		p.Messages, err = x.messages(ctx, c, refs)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("page: %w", err)
	}
	return p, nil
}

// stretch finds the rows of a page, and whether there are more on its sides.
func (p *Page) stretch(c *conn, id int64, at Place, limit int) ([]ref, error) {
	switch {
	case at.AtStart:
		return p.upFrom(c, id, math.MinInt64, limit)
	case !at.Date.IsZero():
		from, ok, err := placeOfDay(c, id, at.Date)
		if err != nil || !ok {
			return nil, err
		}
		return p.upFrom(c, id, from, limit)
	case at.Before != "":
		r, err := refIn(c, id, at.Before)
		if err != nil {
			return nil, err
		}
		p.Later = true
		return p.downFrom(c, id, r.place, limit)
	case at.After != "":
		r, err := refIn(c, id, at.After)
		if err != nil {
			return nil, err
		}
		return p.upFrom(c, id, r.place+1, limit)
	case at.Around != "":
		r, err := refIn(c, id, at.Around)
		if err != nil {
			return nil, err
		}
		before, err := p.downFrom(c, id, r.place, limit/2)
		if err != nil {
			return nil, err
		}
		after, more, err := places(c, placesUp, id, r.place, limit-len(before))
		p.Later = more
		return append(before, after...), err
	}
	return p.downFrom(c, id, math.MaxInt64, limit)
}

func (p *Page) upFrom(c *conn, id, place int64, limit int) ([]ref, error) {
	refs, more, err := places(c, placesUp, id, place, limit)
	if err != nil {
		return nil, err
	}
	before, _, err := places(c, placesDown, id, place, 1)
	p.Earlier, p.Later = len(before) > 0, more
	return refs, err
}

func (p *Page) downFrom(c *conn, id, place int64, limit int) ([]ref, error) {
	refs, more, err := places(c, placesDown, id, place, limit)
	slices.Reverse(refs)
	p.Earlier = more
	return refs, err
}

// places runs one of the two queries; more reports that there are further rows.
func places(c *conn, sql string, id, place int64, limit int) (refs []ref, more bool, err error) {
	err = c.query(sql, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, id, place, limit+1)
	if len(refs) > limit {
		return refs[:limit], true, err
	}
	return refs, false, err
}

// refIn finds a message of the chat.
func refIn(c *conn, id int64, message string) (ref, error) {
	seq, err := strconv.ParseInt(message, 10, 64)
	if err != nil {
		return ref{}, fmt.Errorf("message: %w", ErrNotFound)
	}
	r, err := refBySeq(c, seq)
	if err == nil && r.chat != id {
		err = ErrNotFound
	}
	if err != nil {
		return ref{}, fmt.Errorf("message: %w", err)
	}
	return r, nil
}

// placeOfDay returns the place of the chat's first message of the day or
// later. The day is the one that was printed, whatever its zone, so the day
// before it is asked, too, and its messages passed over by their day tokens.
func placeOfDay(c *conn, id int64, day time.Time) (place int64, ok bool, err error) {
	y, m, d := day.Date()
	day = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	q := newWhere()
	q.match = `"=c` + strconv.FormatInt(id, 10) + `"`
	q.from(day)
	sql, args := q.rows(Oldest, 1)
	err = c.query(sql, func(st *sqlite3.Stmt) error {
		place, ok = st.ColumnInt64(0), true
		return nil
	}, args...)
	if err != nil || !ok {
		return 0, false, errors.Join(err, c.forget(sql))
	}
	return placeOfRow(c, place)
}

func placeOfRow(c *conn, id int64) (int64, bool, error) {
	return c.number(`SELECT ifnull(ord, id) FROM message WHERE id = ?`, id)
}

// around returns up to n messages of the chat before and after a message.
func (x *Index) around(ctx context.Context, c *conn, r ref, n int) (before, after []chat.Message, err error) {
	b, _, err := places(c, placesDown, r.chat, r.place, n)
	if err != nil {
		return nil, nil, err
	}
	slices.Reverse(b)
	a, _, err := places(c, placesUp, r.chat, r.place+1, n)
	if err != nil {
		return nil, nil, err
	}
	if before, err = x.messages(ctx, c, b); err != nil {
		return nil, nil, err
	}
	after, err = x.messages(ctx, c, a)
	return before, after, err
}
