package index

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// ref is a message's row.
type ref struct {
	id, seq, chat, cap int64
	place              int64 // in the chat
	more               bool  // it has sightings
	who                int64 // number of its custodian
}

// refColumns are the columns that refOf reads.
const refColumns = `id, seq, chat, cap, ifnull(ord, id), more, who`

func refOf(st *sqlite3.Stmt) ref {
	return ref{
		id: st.ColumnInt64(0), seq: st.ColumnInt64(1), chat: st.ColumnInt64(2), cap: st.ColumnInt64(3),
		place: st.ColumnInt64(4), more: st.ColumnBool(5), who: st.ColumnInt64(6),
	}
}

// name is the message's ID.
func (r ref) name() string { return strconv.FormatInt(r.seq, 10) }

// part is one record of a message.
type part struct{ seq, cap int64 }

// parts returns all records of a message, the first one first.
func parts(c *conn, r ref) ([]part, error) {
	out := []part{{r.seq, r.cap}}
	if !r.more {
		return out, nil
	}
	err := c.query(`SELECT seq, cap FROM sighting WHERE of = ? ORDER BY seq`, func(st *sqlite3.Stmt) error {
		out = append(out, part{st.ColumnInt64(0), st.ColumnInt64(1)})
		return nil
	}, r.seq)
	return out, err
}

// shown is a message and what is needed to index it again.
type shown struct {
	ref
	msg    chat.Message
	parts  []part
	order  order
	unread bool
	gone   bool // all of its records were disposed of
}

// show reads the messages of refs from the log, in their order.
func (x *Index) show(ctx context.Context, c *conn, refs []ref) ([]shown, error) {
	out := make([]shown, len(refs))
	for i, r := range refs {
		ps, err := parts(c, r)
		if err != nil {
			return nil, err
		}
		out[i] = shown{ref: r, parts: ps}
	}
	return out, x.readParts(ctx, c, out)
}

// readParts makes each message of those of its records that are its parts.
func (x *Index) readParts(ctx context.Context, c *conn, out []shown) error {
	var seqs []int64
	for i := range out {
		for _, p := range out[i].parts {
			seqs = append(seqs, p.seq)
		}
	}
	entries, err := x.cfg.Log.Get(ctx, seqs)
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	if len(entries) != len(seqs) {
		return fmt.Errorf("read messages: %d of %d entries", len(entries), len(seqs))
	}
	again := map[int64][]int64{}
	for i := range out {
		n := len(out[i].parts)
		if err := x.fold(ctx, c, &out[i], entries[:n], again); err != nil {
			return err
		}
		entries = entries[n:]
	}
	if err := x.nameChats(c, out); err != nil {
		return err
	}
	return readOrder(c, out)
}

// fold makes the message of its entries.
func (x *Index) fold(ctx context.Context, c *conn, s *shown, entries []record.Entry, again map[int64][]int64) error {
	var events []chat.Event
	for i, e := range entries {
		capture := s.parts[i].cap
		caps, ok := again[capture]
		if !ok {
			var err error
			if caps, err = againOf(c, capture); err != nil {
				return err
			}
			again[capture] = caps
		}
		r := &reading{Reader: noReader{}}
		if caps != nil {
			var err error
			if r, err = x.reading(ctx, caps); err != nil {
				return err
			}
		}
		ev, unread := r.events(e)
		events = append(events, ev...)
		s.unread = s.unread || unread
	}
	s.gone = len(events) == 0
	s.msg = chat.Fold(events)
	s.msg.ID, s.msg.Seq = s.name(), s.seq
	return nil
}

// againOf returns the capture and those that saw its items again; nil for one
// that the index does not know.
func againOf(c *conn, capture int64) (out []int64, err error) {
	err = c.query(`SELECT again FROM capture WHERE seq = ?`, func(st *sqlite3.Stmt) error {
		again, err := decodeAgain(st.ColumnText(0))
		out = append([]int64{capture}, again...)
		return err
	}, capture)
	return out, err
}

// nameChats gives each message the chat as the index knows it.
func (x *Index) nameChats(c *conn, out []shown) error {
	known := map[int64]ChatRow{}
	for i := range out {
		row, ok := known[out[i].chat]
		if !ok {
			err := c.query(`SELECT ref, name, kind, account, custodian FROM chat WHERE id = ?`, func(st *sqlite3.Stmt) error {
				row = ChatRow{
					ID: st.ColumnText(0), Name: st.ColumnText(1), Kind: chat.ChatKind(st.ColumnText(2)),
					Account: st.ColumnText(3), Custodian: st.ColumnText(4),
				}
				return nil
			}, out[i].chat)
			if err != nil {
				return err
			}
			known[out[i].chat] = row
		}
		m := &out[i].msg
		m.Chat = chat.Chat{ID: row.ID, Name: row.Name, Kind: row.Kind}
		m.Account, m.Custodian = row.Account, row.Custodian
	}
	return nil
}

// messages returns the messages of refs that still exist.
func (x *Index) messages(ctx context.Context, c *conn, refs []ref, which labelled) ([]chat.Message, error) {
	ss, err := x.show(ctx, c, refs)
	if err != nil {
		return nil, err
	}
	if err := x.tell(c, ss, which); err != nil {
		return nil, err
	}
	ss = slices.DeleteFunc(ss, func(s shown) bool { return s.gone })
	out := make([]chat.Message, len(ss))
	for i := range ss {
		out[i] = ss[i].msg
	}
	return out, nil
}

// Message returns one message. Each of its records names it.
func (x *Index) Message(ctx context.Context, id string) (chat.Message, error) {
	return x.whole().Message(ctx, id)
}

// Message returns one message inside.
func (v *View) Message(ctx context.Context, id string) (m chat.Message, err error) {
	seq, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return m, fmt.Errorf("message: %w", ErrNotFound)
	}
	err = v.x.read(ctx, func(c *conn) error {
		r, err := refBySeq(c, seq, v.in)
		if err != nil {
			return err
		}
		ms, err := v.x.messages(ctx, c, []ref{r}, byRules)
		if err == nil && len(ms) == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		m = ms[0]
		return nil
	})
	if err != nil {
		err = fmt.Errorf("message: %w", err)
	}
	return m, err
}

// refBySeq finds a message by any of its records.
func refBySeq(c *conn, seq int64, in *within) (r ref, err error) {
	err = ErrNotFound
	for range 2 {
		qerr := c.query(`SELECT `+refColumns+` FROM message WHERE seq = ?`+in.cond, func(st *sqlite3.Stmt) error {
			r, err = refOf(st), nil
			return nil
		}, append([]any{seq}, in.args...)...)
		if qerr != nil || err == nil {
			return r, cmpErr(qerr, err)
		}
		of, ok, qerr := c.number(`SELECT of FROM sighting WHERE seq = ?`, seq)
		if qerr != nil || !ok {
			return r, cmpErr(qerr, err)
		}
		seq = of
	}
	return r, err
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
