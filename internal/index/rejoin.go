package index

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// captureEnd closes a capture: what it saw again is read as the captures
// together say, and what others have, too, becomes one message.
func (w *writer) captureEnd(ctx context.Context, s *step) error {
	id := s.end.Capture
	if err := w.settle(); err != nil {
		return err
	}
	err := w.c.exec(`UPDATE capture SET summary = ?, ended = ? WHERE seq = ?`, []byte(s.end.Summary), s.seq, id)
	if err != nil {
		return err
	}
	seen := runs(s.end.Seen)
	changed, err := w.readAgain(ctx, id, seen)
	if err != nil {
		return err
	}
	if err := w.unite(ctx, id); err != nil {
		return err
	}
	for _, c := range append(changed, id) {
		// What a capture saw again letter by letter is told apart only for
		// the one that has just ended; the others were joined before.
		known := runs(nil)
		if c == id {
			known = seen
		}
		if err := w.rejoin(ctx, c, known); err != nil {
			return err
		}
	}
	if err := w.flushCourses(); err != nil {
		return err
	}
	for k := range w.courses {
		if k.cap == id {
			delete(w.courses, k)
		}
	}
	return nil
}

// runs are what a capture saw again, as [ordinal, entry, length].
type runs [][3]int64

func (r runs) has(seq int64) bool {
	return slices.ContainsFunc(r, func(x [3]int64) bool { return seq >= x[1] && seq < x[1]+x[2] })
}

// readAgain notes that capture id saw items of others again, and reads those
// captures anew where that changes what their items mean. It returns the
// captures that must be joined with others again.
func (w *writer) readAgain(ctx context.Context, id int64, seen runs) (changed []int64, err error) {
	var others []int64
	for _, run := range seen {
		err := w.c.query(`SELECT DISTINCT cap FROM (SELECT cap FROM message WHERE seq >= ?1 AND seq < ?2 UNION SELECT cap FROM sighting WHERE seq >= ?1 AND seq < ?2)`,
			func(st *sqlite3.Stmt) error { others = append(others, st.ColumnInt64(0)); return nil }, run[1], run[1]+run[2])
		if err != nil {
			return nil, err
		}
	}
	gone, err := w.wentFrom(ctx, id, seen)
	if err != nil {
		return nil, err
	}
	others = append(others, gone...)
	slices.Sort(others)
	for _, other := range slices.Compact(others) {
		if other == id {
			continue
		}
		again, err := w.readUnder(ctx, other, id)
		if err != nil {
			return nil, err
		}
		changed = append(changed, again...)
	}
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

// wentFrom finds the captures of whose items id saw some again that were
// disposed of since: they say nothing any more, and lie where their capture of
// the same chat was at work.
func (w *writer) wentFrom(ctx context.Context, id int64, seen runs) (captures []int64, err error) {
	mine, others, err := w.likeCaptures(id)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		if !o.sameChat(&mine) {
			continue
		}
		for _, run := range seen {
			went, err := w.went(ctx, max(run[1], o.seq+1), min(run[1]+run[2], o.ended))
			if err != nil {
				return nil, err
			}
			if went {
				captures = append(captures, o.seq)
				break
			}
		}
	}
	return captures, nil
}

// likeCapture is a capture and where its items lie.
type likeCapture struct {
	seq, ended int64
	head       record.CaptureHead
}

func (a *likeCapture) sameChat(b *likeCapture) bool {
	return a.seq != b.seq && a.head.Source == b.head.Source && a.head.Chat == b.head.Chat && a.head.Account == b.head.Account && a.head.Custodian == b.head.Custodian
}

func (w *writer) likeCaptures(id int64) (mine likeCapture, all []likeCapture, err error) {
	err = w.c.query(`SELECT seq, ended, head FROM capture WHERE seq <= ? ORDER BY seq`, func(st *sqlite3.Stmt) error {
		c := likeCapture{seq: st.ColumnInt64(0), ended: math.MaxInt64}
		if st.ColumnType(1) != sqlite3.NULL {
			c.ended = st.ColumnInt64(1)
		}
		if err := json.Unmarshal(st.ColumnRawBlob(2), &c.head); err != nil {
			return fmt.Errorf("decode capture: %w", err)
		}
		if c.seq == id {
			mine = c
		}
		all = append(all, c)
		return nil
	}, id)
	return mine, all, err
}

// went reports whether an entry from … to, exclusive, is one of no message
// because it was disposed of.
func (w *writer) went(ctx context.Context, from, to int64) (bool, error) {
	if from >= to {
		return false, nil
	}
	there := map[int64]bool{}
	err := w.c.query(`SELECT seq FROM message WHERE seq >= ?1 AND seq < ?2 UNION ALL SELECT seq FROM sighting WHERE seq >= ?1 AND seq < ?2`,
		func(st *sqlite3.Stmt) error { there[st.ColumnInt64(0)] = true; return nil }, from, to)
	if err != nil {
		return false, err
	}
	var missing []int64
	for seq := from; seq < to && int64(len(there)) < to-from; seq++ {
		if !there[seq] {
			missing = append(missing, seq)
		}
	}
	for some := range slices.Chunk(missing, chunk) {
		entries, err := w.x.cfg.Log.Get(ctx, some)
		if err != nil {
			return false, fmt.Errorf("read items: %w", err)
		}
		if slices.ContainsFunc(entries, func(e record.Entry) bool { return len(e.Parts) == 0 }) {
			return true, nil
		}
	}
	return false, nil
}

// readUnder reads the items of a capture with what another knows, too.
func (w *writer) readUnder(ctx context.Context, capture, by int64) (changed []int64, err error) {
	caps, err := againOf(w.c, capture)
	if err != nil || caps == nil || slices.Contains(caps, by) {
		return nil, err
	}
	old, err := w.x.reading(ctx, caps)
	if err != nil {
		return nil, err
	}
	caps = append(caps, by)
	now, err := w.x.reading(ctx, caps)
	if err != nil {
		return nil, err
	}
	again, err := json.Marshal(caps[1:])
	if err != nil {
		return nil, err
	}
	update := func() error {
		return w.c.exec(`UPDATE capture SET again = ?, reading = ? WHERE seq = ?`, string(again), now.Key(), capture)
	}
	if old.Key() == now.Key() {
		return nil, update()
	}
	taken, err := w.takeOut(ctx, capture)
	if err != nil {
		return nil, err
	}
	if err := update(); err != nil {
		return nil, err
	}
	return w.putBack(ctx, capture, taken)
}

// chunk is how many messages are read from the log at a time.
const chunk = 512

// takeOut removes every message that has a record of the capture, and returns
// all their records.
func (w *writer) takeOut(ctx context.Context, capture int64) (taken []part, err error) {
	if err := w.flushRows(); err != nil {
		return nil, err
	}
	var refs []ref
	err = w.c.query(`SELECT `+refColumns+` FROM message WHERE cap = ?1 OR more = 1 AND seq IN (SELECT of FROM sighting WHERE cap = ?1) ORDER BY seq`,
		func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, capture)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(refs, chunk) {
		ss, err := w.x.show(ctx, w.c, some)
		if err != nil {
			return nil, err
		}
		for i := range ss {
			if err := w.remove(&ss[i]); err != nil {
				return nil, err
			}
			taken = append(taken, ss[i].parts...)
		}
	}
	return taken, w.flushRows()
}

// remove takes a message out of the index.
func (w *writer) remove(s *shown) error {
	if err := w.unwrite(s); err != nil {
		return err
	}
	clear(w.full) // there is room again
	if s.unread {
		w.unread--
	}
	if err := w.c.exec(`DELETE FROM sighting WHERE of = ?`, s.seq); err != nil {
		return err
	}
	for _, key := range keysOf(&s.msg) {
		if err := w.c.exec(`DELETE FROM key WHERE k = ? AND seq = ?`, key, s.seq); err != nil {
			return err
		}
	}
	for _, k := range filesOf(&s.msg) {
		if err := w.c.exec(`DELETE FROM file WHERE k = ? AND seq = ?`, k, s.seq); err != nil {
			return err
		}
	}
	return w.c.exec(`DELETE FROM message WHERE id = ?`, s.id)
}

// unwrite takes the tokens of a message out, and what was counted of it.
func (w *writer) unwrite(s *shown) error {
	d := docOf(&s.msg, s.unread)
	person, err := w.person(d.person)
	if err != nil {
		return err
	}
	if !w.unqueue(s.id) {
		w.queue(ftsRow{id: s.id, out: true, t: d.tokens(s.chat, person, &s.order)})
	}
	w.count(s.chat, person, s.id, d.local, -1)
	return nil
}

// putBack indexes records that were taken out, each by itself.
func (w *writer) putBack(ctx context.Context, capture int64, taken []part) (captures []int64, err error) {
	if err := w.flushCourses(); err != nil {
		return nil, err
	}
	clear(w.courses)
	if err := w.c.exec(`DELETE FROM course WHERE cap = ?`, capture); err != nil {
		return nil, err
	}
	slices.SortFunc(taken, func(a, b part) int { return int(min(max(a.seq-b.seq, -1), 1)) })
	for some := range slices.Chunk(taken, chunk) {
		seqs := make([]int64, len(some))
		for i, p := range some {
			seqs[i] = p.seq
			if !slices.Contains(captures, p.cap) {
				captures = append(captures, p.cap)
			}
		}
		entries, err := w.x.cfg.Log.Get(ctx, seqs)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		for i, e := range entries {
			caps, err := againOf(w.c, some[i].cap)
			if err != nil {
				return nil, err
			}
			r := &reading{Reader: noReader{}}
			if caps != nil {
				if r, err = w.x.reading(ctx, caps); err != nil {
					return nil, err
				}
			}
			ev, unread := r.events(e)
			if len(ev) == 0 {
				continue
			}
			m := chat.Fold(ev)
			d := docOf(&m, unread)
			if d.marks, err = marksOf(w.c, some[i:i+1]); err != nil {
				return nil, err
			}
			d.live = r.live()
			if unread {
				w.unread++
				d.under(&r.head)
			}
			if err := w.add(ctx, e.Seq, some[i].cap, &d); err != nil {
				return nil, err
			}
		}
		if err := w.flushRows(); err != nil {
			return nil, err
		}
	}
	return captures, nil
}

// rejoin finds the messages of a capture that other captures of the same chat
// have, too: sightings, and states of one message.
func (w *writer) rejoin(ctx context.Context, capture int64, known runs) error {
	if err := w.flushCourses(); err != nil {
		return err
	}
	var chats []int64
	err := w.c.query(`SELECT chat FROM course WHERE cap = ?1 AND chat IN (SELECT chat FROM course WHERE cap <> ?1) ORDER BY chat`,
		func(st *sqlite3.Stmt) error { chats = append(chats, st.ColumnInt64(0)); return nil }, capture)
	if err != nil {
		return err
	}
	for _, c := range chats {
		if err := w.rejoinChat(ctx, c, capture, known); err != nil {
			return err
		}
		if err := w.rejoinPrinted(ctx, c, capture, known); err != nil {
			return err
		}
	}
	return nil
}

// rejoinChat looks at every minute of a chat in which the capture and another
// have messages. Most have not, and nothing of those is read.
func (w *writer) rejoinChat(ctx context.Context, chatID, capture int64, known runs) error {
	var minutes [][]ref
	var cur []ref
	close := func() {
		mine := slices.ContainsFunc(cur, func(r ref) bool { return r.cap == capture })
		theirs := slices.ContainsFunc(cur, func(r ref) bool { return r.cap != capture })
		if mine && theirs {
			minutes = append(minutes, cur)
		}
		cur = nil
	}
	err := w.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id`, func(st *sqlite3.Stmt) error {
		r := refOf(st)
		if len(cur) > 0 && timeOf(cur[0].id)/60 != timeOf(r.id)/60 {
			close()
		}
		cur = append(cur, r)
		return nil
	}, chatID)
	if err != nil {
		return err
	}
	close()
	for _, m := range minutes {
		if err := w.rejoinMinute(ctx, m, capture, known); err != nil {
			return err
		}
		if len(w.rows) >= batchItems {
			if err := w.flushRows(); err != nil {
				return err
			}
		}
	}
	return nil
}

// rejoinMinute pairs the capture's messages of one minute with the others'.
// Equal ones are sightings, and so are those that differ in what an export
// leaves out. Of those that are left, one that shows itself
// edited or revoked is a state of another that the capture has not seen. What
// one of them printed and the other has as WhatsApp does, rejoinPrinted joins.
func (w *writer) rejoinMinute(ctx context.Context, refs []ref, capture int64, known runs) error {
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return err
	}
	slices.SortFunc(ss, func(a, b shown) int { return int(min(max(a.seq-b.seq, -1), 1)) })
	var mine, theirs []*shown
	for i := range ss {
		s := &ss[i]
		switch {
		case s.unread || s.gone:
		case s.cap == capture:
			mine = append(mine, s)
		case !s.seenBy(capture, known):
			theirs = append(theirs, s)
		}
	}
	for _, same := range []func(a, b *chat.Message) bool{
		func(a, b *chat.Message) bool { return chat.MatchKey(a) == chat.MatchKey(b) && chat.Same(a, b) },
		func(a, b *chat.Message) bool { return chat.PlaceKey(a) == chat.PlaceKey(b) && chat.Varies(a, b) },
		func(a, b *chat.Message) bool { return chat.PlaceKey(a) == chat.PlaceKey(b) && chat.Revises(a, b) },
	} {
		var left []*shown
		for _, m := range mine {
			i := slices.IndexFunc(theirs, func(o *shown) bool { return chat.Exact(&m.msg) == chat.Exact(&o.msg) && same(&m.msg, &o.msg) })
			if i < 0 {
				left = append(left, m)
				continue
			}
			if err := w.join(ctx, theirs[i], m); err != nil {
				return err
			}
			theirs = slices.Delete(theirs, i, i+1)
		}
		mine = left
	}
	return nil
}

// join makes one message of two: the one whose first record is older stays.
func (w *writer) join(ctx context.Context, a, b *shown) error {
	one, err := w.takeIn(a, b)
	if err != nil {
		return err
	}
	return w.refold(ctx, one)
}

// takeIn gives the older of two messages the records of the other, and returns
// it. It is to be folded again.
func (w *writer) takeIn(a, b *shown) (*shown, error) {
	if b.seq < a.seq {
		a, b = b, a
	}
	if err := w.remove(b); err != nil {
		return nil, err
	}
	for _, p := range b.parts {
		if err := w.c.exec(`INSERT INTO sighting (seq, of, cap) VALUES (?, ?, ?)`, p.seq, a.seq, p.cap); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// rewrite puts the tokens of a message in place of those that it had. Most
// sightings change none. Rows are only queued: FTS5 writes all that it holds
// to disk whenever row ids go back.
func (w *writer) rewrite(was, is *shown) error {
	before, after := docOf(&was.msg, was.unread), docOf(&is.msg, is.unread)
	person, err := w.person(after.person)
	if err != nil {
		return err
	}
	if err := w.moveTime(is, &before, &after, was.msg.Partial); err != nil {
		return err
	}
	if err := w.noteOrder(was, is); err != nil {
		return err
	}
	if was.id == is.id && before.person == after.person && before.local == after.local &&
		bytes.Equal(before.tokens(was.chat, person, &was.order), after.tokens(is.chat, person, &is.order)) {
		return nil
	}
	if err := w.unwrite(was); err != nil {
		return err
	}
	w.queue(ftsRow{id: is.id, t: after.tokens(is.chat, person, &is.order)})
	w.count(is.chat, person, is.id, after.local, 1)
	return nil
}

// moveTime gives a message another place where its records together put it
// into another minute than the first did: that was on the clock of a zone that
// was only assumed, or of another; or, to the second, where the first was no
// more than told of it.
func (w *writer) moveTime(is *shown, before, after *doc, told bool) error {
	if before.local == "" || after.local == "" || before.at/60 == after.at/60 && (!told || before.at == after.at) {
		return nil
	}
	window := int64(1)
	if after.minute {
		window = 60
	}
	id, err := w.allot(after.at, window)
	if err != nil {
		return err
	}
	clear(w.full) // there is room where it was
	err = w.c.exec(`UPDATE message SET id = ?, ord = NULL, zone = ? WHERE id = ?`, id, zoneOf(after), is.id)
	is.id = id
	return err
}
