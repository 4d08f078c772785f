package index

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// captureEnd closes a capture: what it saw again is read as the captures
// together say, and what others have, too, becomes one message.
func (w *writer) captureEnd(ctx context.Context, s *step) error {
	id := s.end.Capture
	err := w.c.exec(`UPDATE capture SET summary = ?, ended = ? WHERE seq = ?`, []byte(s.end.Summary), s.seq, id)
	if err != nil {
		return err
	}
	changed, err := w.readAgain(ctx, id, s.end.Seen)
	if err != nil {
		return err
	}
	for _, c := range changed {
		if err := w.rejoin(ctx, c, nil); err != nil {
			return err
		}
	}
	return w.rejoin(ctx, id, s.end.Seen)
}

// readAgain notes which captures' items capture id saw, and indexes those
// again that are now read in another way. It returns these.
func (w *writer) readAgain(ctx context.Context, id int64, seen [][3]int64) (changed []int64, err error) {
	owners, err := w.owners(id, seen)
	if err != nil {
		return nil, err
	}
	for _, capture := range owners {
		before, err := againOf(w.c, capture)
		if err != nil || before == nil || slices.Contains(before, id) {
			return changed, err
		}
		after := append(slices.Clone(before), id)
		slices.Sort(after[1:])
		was, err := w.x.reading(ctx, before)
		if err != nil {
			return nil, err
		}
		is, err := w.x.reading(ctx, after)
		if err != nil {
			return nil, err
		}
		turn := func() error {
			again, err := json.Marshal(after[1:])
			if err != nil {
				return err
			}
			return w.c.exec(`UPDATE capture SET again = ?, reading = ? WHERE seq = ?`, string(again), is.Key(), capture)
		}
		if was.Key() == is.Key() {
			if err := turn(); err != nil {
				return nil, err
			}
			continue
		}
		if err := w.reindex(ctx, capture, turn); err != nil {
			return nil, err
		}
		changed = append(changed, capture)
	}
	return changed, nil
}

// owners returns the captures that brought the entries of seen, oldest first.
func (w *writer) owners(id int64, seen [][3]int64) (out []int64, err error) {
	for _, run := range seen {
		err := w.c.query(`SELECT DISTINCT cap FROM message WHERE seq >= ?1 AND seq < ?2
			UNION SELECT cap FROM sighting WHERE seq >= ?1 AND seq < ?2`, func(st *sqlite3.Stmt) error {
			if c := st.ColumnInt64(0); c != id && c >= 0 && !slices.Contains(out, c) {
				out = append(out, c)
			}
			return nil
		}, run[1], run[1]+run[2])
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return out, nil
}

// someRows is how many messages are read from the log at once.
const someRows = 512

// reindex takes out all messages with a record of capture, lets turn change
// how these are read, and puts them in again in the order of the source.
func (w *writer) reindex(ctx context.Context, capture int64, turn func() error) error {
	if err := w.flushRows(); err != nil {
		return err
	}
	refs, err := w.refsOf(capture)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(refs, someRows) {
		ss, err := w.x.show(ctx, w.c, some)
		if err != nil {
			return err
		}
		for i := range ss {
			if err := w.takeOut(&ss[i]); err != nil {
				return err
			}
		}
		if err := w.flushRows(); err != nil {
			return err
		}
	}
	if err := turn(); err != nil {
		return err
	}
	if err := w.c.exec(`DELETE FROM course WHERE cap = ?`, capture); err != nil {
		return err
	}
	for k := range w.courses {
		if k.cap == capture {
			delete(w.courses, k)
		}
	}
	for some := range slices.Chunk(refs, someRows) {
		if err := w.putIn(ctx, some); err != nil {
			return err
		}
	}
	return w.chatEnds(ctx, refs)
}

// refsOf returns the messages with a record of capture, in source order.
func (w *writer) refsOf(capture int64) (refs []ref, err error) {
	err = w.c.query(`SELECT `+refColumns+` FROM message WHERE seq > ?1 AND (cap = ?1
		OR seq IN (SELECT of FROM sighting WHERE cap = ?1)) ORDER BY seq`,
		func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, capture)
	return refs, err
}

// takeOut removes a message from the index. Its sightings stay noted.
func (w *writer) takeOut(s *shown) error {
	d := docOf(&s.msg, s.unread)
	person, err := w.person(d.person)
	if err != nil {
		return err
	}
	w.rows = append(w.rows, ftsRow{id: s.id, out: true, t: d.tokens(s.chat, person)})
	w.count(s.chat, person, s.id, "", -1)
	return w.c.exec(`DELETE FROM message WHERE id = ?`, s.id)
}

// putIn adds messages that were taken out.
func (w *writer) putIn(ctx context.Context, refs []ref) error {
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return err
	}
	for i := range ss {
		s := &ss[i]
		if s.gone {
			continue
		}
		d := docOf(&s.msg, s.unread)
		if err := w.add(s.seq, s.cap, &d); err != nil {
			return err
		}
		if len(s.parts) > 1 {
			if err := w.c.exec(`UPDATE message SET more = 1 WHERE seq = ?`, s.seq); err != nil {
				return err
			}
		}
	}
	return w.flushRows()
}

// chatEnds finds the first and last message of the chats of refs again, from
// which messages were taken.
func (w *writer) chatEnds(ctx context.Context, refs []ref) error {
	if err := w.flushCounts(); err != nil {
		return err
	}
	done := map[int64]bool{}
	for _, r := range refs {
		if done[r.chat] {
			continue
		}
		done[r.chat] = true
		if err := w.chatEnd(ctx, r.chat, "first", `SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id LIMIT 8`); err != nil {
			return err
		}
		if err := w.chatEnd(ctx, r.chat, "last", `SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id DESC LIMIT 8`); err != nil {
			return err
		}
	}
	return w.c.exec(`DELETE FROM member WHERE messages <= 0`)
}

// chatEnd sets one end of a chat to the first of the messages of query that
// has a time.
func (w *writer) chatEnd(ctx context.Context, chatID int64, end, query string) error {
	var refs []ref
	err := w.c.query(query, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, chatID)
	if err != nil {
		return err
	}
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return err
	}
	for i := range ss {
		if ss[i].msg.SentLocal != "" {
			return w.c.exec(`UPDATE chat SET `+end+` = ?, `+end+`_local = ? WHERE id = ?`, ss[i].id, ss[i].msg.SentLocal, chatID)
		}
	}
	return w.c.exec(`UPDATE chat SET `+end+` = NULL, `+end+`_local = NULL WHERE id = ?`, chatID)
}

// rejoin looks for messages that capture id brought and that other captures of
// the same chat have, too: further sightings, and other states of a message.
// What the capture itself saw of the others' is not among them: it has both,
// so they are two.
func (w *writer) rejoin(ctx context.Context, id int64, seen [][3]int64) error {
	j := joiner{w: w, id: id, seen: seen}
	shared, err := j.shared()
	if err != nil || len(shared) == 0 {
		return err
	}
	if seen == nil {
		if j.seen, err = w.seenBy(ctx, id); err != nil {
			return err
		}
	}
	if err := errors.Join(w.flushRows(), w.flushCounts()); err != nil {
		return err
	}
	refs, err := w.refsOf(id)
	if err != nil {
		return err
	}
	var mine []shown
	for some := range slices.Chunk(refs, someRows) {
		ss, err := w.x.show(ctx, w.c, some)
		if err != nil {
			return err
		}
		for _, s := range ss {
			if s.cap != id || len(s.parts) > 1 || s.unread || s.gone || !shared[s.chat] {
				continue
			}
			if len(mine) > 0 && (mine[0].chat != s.chat || dayOf(&mine[0].msg) != dayOf(&s.msg)) {
				if err := j.day(ctx, mine); err != nil {
					return err
				}
				mine = mine[:0]
			}
			mine = append(mine, s)
		}
	}
	if err := j.day(ctx, mine); err != nil {
		return err
	}
	if len(j.joined) == 0 {
		return nil
	}
	return w.chatEnds(ctx, j.joined)
}

// seenBy returns what a capture that has ended saw again.
func (w *writer) seenBy(ctx context.Context, id int64) ([][3]int64, error) {
	end, ok, err := w.c.number(`SELECT ended FROM capture WHERE seq = ?`, id)
	if err != nil || !ok {
		return nil, err
	}
	es, err := w.x.cfg.Log.Get(ctx, []int64{end})
	if err != nil || len(es) == 0 || len(es[0].Parts) == 0 {
		return nil, err
	}
	var h record.CaptureEndHead
	_, err = es[0].Decode(&h)
	return h.Seen, err
}

func dayOf(m *chat.Message) string { return m.SentLocal[:min(len(m.SentLocal), len("2006-01-02"))] }

// joiner joins the messages of one capture with those of others.
type joiner struct {
	w      *writer
	id     int64
	seen   [][3]int64
	joined []ref
}

// shared returns the chats of the capture in which others have messages.
func (j *joiner) shared() (map[int64]bool, error) {
	if err := errors.Join(j.w.flushCourses(), j.w.flushCounts()); err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	err := j.w.c.query(`SELECT course.chat FROM course JOIN chat ON chat.id = course.chat
		WHERE course.cap = ? AND chat.messages > course.messages`,
		func(st *sqlite3.Stmt) error { out[st.ColumnInt64(0)] = true; return nil }, j.id)
	return out, err
}

// day joins mine, the capture's messages of one chat and local day.
func (j *joiner) day(ctx context.Context, mine []shown) error {
	if len(mine) == 0 {
		return nil
	}
	others, err := j.others(ctx, &mine[0])
	if err != nil || len(others) == 0 {
		return err
	}
	taken := make([]bool, len(others))
	left := make([]*shown, 0, len(mine))
	keys := map[string][]int{}
	for i := range others {
		k := chat.MatchKey(&others[i].msg)
		keys[k] = append(keys[k], i)
	}
	for i := range mine {
		m := &mine[i]
		if o := pick(others, taken, keys[chat.MatchKey(&m.msg)], m, chat.Same); o != nil {
			if err := j.join(ctx, o, m); err != nil {
				return err
			}
			continue
		}
		left = append(left, m)
	}
	clear(keys)
	for i := range others {
		k := chat.PlaceKey(&others[i].msg)
		keys[k] = append(keys[k], i)
	}
	for _, m := range left {
		if o := pick(others, taken, keys[chat.PlaceKey(&m.msg)], m, chat.Revises); o != nil {
			if err := j.join(ctx, o, m); err != nil {
				return err
			}
		}
	}
	return j.w.flushRows()
}

// pick takes the first candidate that like finds to be of one message with m.
func pick(others []shown, taken []bool, candidates []int, m *shown, like func(a, b *chat.Message) bool) *shown {
	for _, i := range candidates {
		if !taken[i] && like(&others[i].msg, &m.msg) {
			taken[i] = true
			return &others[i]
		}
	}
	return nil
}

// others returns what other captures have of the chat around m's day and this
// capture did not see, in the order of the log.
func (j *joiner) others(ctx context.Context, m *shown) ([]shown, error) {
	day, err := time.Parse("2006-01-02", dayOf(&m.msg))
	if err != nil {
		return nil, nil //nolint:nilerr // without a day there is nothing to compare
	}
	// A local day begins up to 14 hours before, and ends up to 12 after, the
	// same day in UTC.
	var refs []ref
	err = j.w.c.query(`SELECT `+refColumns+` FROM message WHERE id >= ? AND id < ? AND chat = ?`,
		func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil },
		rowAt(day.Add(-15*time.Hour).Unix()), rowAt(day.Add(37*time.Hour).Unix()), m.chat)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(refs, func(a, b ref) int { return int(a.seq - b.seq) })
	kept := refs[:0]
	for _, r := range refs {
		ps, err := parts(j.w.c, r)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(ps, func(p part) bool { return p.cap == j.id || j.saw(p.seq) }) {
			kept = append(kept, r)
		}
	}
	ss, err := j.w.x.show(ctx, j.w.c, kept)
	return slices.DeleteFunc(ss, func(s shown) bool { return s.unread || s.gone || dayOf(&s.msg) != dayOf(&m.msg) }), err
}

func (j *joiner) saw(seq int64) bool {
	for _, run := range j.seen {
		if seq >= run[1] && seq < run[1]+run[2] {
			return true
		}
	}
	return false
}

// join makes one message of two, under the entry of the older.
func (j *joiner) join(ctx context.Context, a, b *shown) error {
	if a.seq > b.seq {
		a, b = b, a
	}
	w := j.w
	if err := errors.Join(w.takeOut(a), w.takeOut(b)); err != nil {
		return err
	}
	for _, p := range b.parts {
		if err := w.c.exec(`INSERT OR REPLACE INTO sighting VALUES (?, ?, ?)`, p.seq, a.seq, p.cap); err != nil {
			return err
		}
	}
	r := a.ref
	r.more = true
	ss, err := w.x.show(ctx, w.c, []ref{r})
	if err != nil {
		return err
	}
	j.joined = append(j.joined, r)
	return w.restore(&ss[0])
}

// restore puts a message back where it stood: joining moves nothing.
func (w *writer) restore(s *shown) error {
	d := docOf(&s.msg, s.unread)
	person, err := w.person(d.person)
	if err != nil {
		return err
	}
	var ord any
	if s.place != s.id {
		ord = s.place
	}
	if err := w.c.exec(`INSERT INTO message (id, seq, chat, cap, ord, more) VALUES (?, ?, ?, ?, ?, 1)`, s.id, s.seq, s.chat, s.cap, ord); err != nil {
		return err
	}
	w.rows = append(w.rows, ftsRow{id: s.id, t: d.tokens(s.chat, person)})
	w.count(s.chat, person, s.id, "", 1)
	return nil
}
