package index

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Reconciliation asks what two sides have of the same chats, each side the
// captures that make it up. Captures that were cut short are on neither.
type Reconciliation struct {
	// A and B are entries of captures. Where both are 0, B is the newest, and A
	// is all before it, of the same account and custodian, that share a chat
	// with it.
	A, B int64
	Chat string // only chats with this in their name; every word, as a prefix
	Show int    // how many messages of each day come with it
	// Begin is told what is compared, before any difference. It may be nil.
	Begin func(a, b []CaptureRow) error
}

// Reconciled is what was compared, and what came out.
type Reconciled struct {
	A, B     []CaptureRow // A is empty where there is nothing to compare B with
	Both     int64
	OnlyA    int64 // inside the stretch that both cover
	OnlyB    int64
	OutsideA int64 // outside it, in A
	OutsideB int64
	Changed  int64
	Coverage Coverage
}

// Difference is one thing in which two sides differ: a day of a chat, or a
// message. From … To is the stretch of the chat that both cover, in minutes of
// local time; it is empty where there is none.
type Difference struct {
	Chat     ChatRow
	From, To string
	Day      *DayDifference
	Change   *Change
}

// Outside says on which side of the stretch that both cover messages lie.
type Outside string

// The places of a message beside what both sides cover.
const (
	Inside  Outside = ""
	Before  Outside = "before"
	Between Outside = "between" // two captures of one side
	After   Outside = "after"
	NoChat  Outside = "chat" // one side has nothing of the chat at all
)

// DayDifference is a day of a chat on which one side has what the other has not.
type DayDifference struct {
	Day          string // 2006-01-02
	Outside      Outside
	Both         int64
	OnlyA, OnlyB []int64        // messages, in the order of their times
	Messages     []chat.Message // the first of those; none for a day outside
}

// Change is a message that two sides have in two states.
type Change struct {
	Kind          chat.ChangeKind
	ALater        bool // side A has the later state
	Before, After string
	Message       chat.Message // the later state
}

// Reconcile compares two sides chat by chat. It calls fn with each difference:
// of a chat first the days, then the messages. What it keeps in memory is the
// ids of one chat.
func (x *Index) Reconcile(ctx context.Context, q Reconciliation, fn func(Difference) error) (out Reconciled, err error) {
	err = x.read(ctx, func(c *conn) error {
		r := reconciler{x: x, ctx: ctx, c: c, q: q, fn: fn, out: &out}
		if out.Coverage, err = x.coverage(ctx, c); err != nil {
			return err
		}
		return r.run()
	})
	if err != nil {
		err = fmt.Errorf("reconcile: %w", err)
	}
	return out, err
}

// holder is a capture and what it has: its own records, and those of others
// that it saw again.
type holder struct {
	CaptureRow
	ended       int64
	seen        [][2]int64 // entries from … to, exclusive, in order
	chats       map[int64]bool
	first, last int64 // minutes of the chat at hand
}

// side is the captures of one side.
type side []*holder

func (s side) has(ps []part, minute int64) (found bool) {
	for _, w := range s {
		if slices.ContainsFunc(ps, w.has) {
			w.first, w.last = min(w.first, minute), max(w.last, minute)
			found = true
		}
	}
	return found
}

func (w *holder) has(p part) bool {
	if p.cap == w.Seq {
		return true
	}
	i, ok := slices.BinarySearchFunc(w.seen, p.seq, func(r [2]int64, seq int64) int { return cmp.Compare(r[0], seq) })
	return ok || i > 0 && p.seq < w.seen[i-1][1]
}

// where says where a minute stands to what the side covers of a chat.
func (s side) where(minute int64) Outside {
	before, after := false, false
	for _, w := range s {
		switch {
		case w.first > w.last:
		case minute < w.first:
			before = true
		case minute > w.last:
			after = true
		default:
			return Inside
		}
	}
	switch {
	case before && after:
		return Between
	case before:
		return Before
	case after:
		return After
	}
	return NoChat
}

// knows reports whether the side has to do with a chat: it has messages of it,
// or is of the whole account and could have.
func (s side) knows(chatID int64) bool {
	return slices.ContainsFunc(s, func(w *holder) bool { return w.Head.Chat == "" || w.chats[chatID] })
}

const (
	inA byte = 1 << iota
	inB
	unlike // not all of its records are in both
)

// held is a message and who has it.
type held struct {
	id, seq int64
	in      byte
}

type reconciler struct {
	x    *Index
	ctx  context.Context
	c    *conn
	q    Reconciliation
	fn   func(Difference) error
	out  *Reconciled
	a, b side
}

func (r *reconciler) run() error {
	if err := r.sides(); err != nil || len(r.a) == 0 {
		return err
	}
	var chats []ChatRow
	named := r.q.Chat == ""
	err := r.c.query(`SELECT `+chatColumns+` FROM chat ORDER BY name, id`, func(st *sqlite3.Stmt) error {
		row, id := chatRow(st), st.ColumnInt64(0)
		if r.q.Chat != "" && !nameMatches(row.Name, r.q.Chat) {
			return nil
		}
		named = true
		if r.a.knows(id) && r.b.knows(id) {
			chats = append(chats, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !named {
		return fmt.Errorf("chat: %w", ErrNotFound)
	}
	for _, w := range r.a {
		r.out.A = append(r.out.A, w.CaptureRow)
	}
	if r.q.Begin != nil {
		if err := r.q.Begin(r.out.A, r.out.B); err != nil {
			return err
		}
	}
	for _, row := range chats {
		if err := r.chat(row); err != nil {
			return err
		}
	}
	return nil
}

// sides finds the captures of both sides.
func (r *reconciler) sides() error {
	all, err := r.holders()
	if err != nil {
		return err
	}
	if r.q.A != 0 || r.q.B != 0 {
		for _, s := range []struct {
			seq  int64
			side *side
		}{{r.q.A, &r.a}, {r.q.B, &r.b}} {
			i := slices.IndexFunc(all, func(w *holder) bool { return w.Seq == s.seq })
			if i < 0 {
				return fmt.Errorf("capture %d: %w", s.seq, ErrNotFound)
			}
			if err := r.look(all[i]); err != nil {
				return err
			}
			*s.side = side{all[i]}
		}
		r.out.B = []CaptureRow{r.b[0].CaptureRow}
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	newest := all[0]
	if err := r.look(newest); err != nil {
		return err
	}
	r.b = side{newest}
	r.out.B = []CaptureRow{newest.CaptureRow}
	for _, w := range slices.Backward(all[1:]) {
		if w.Head.Account != newest.Head.Account || w.Head.Custodian != newest.Head.Custodian {
			continue
		}
		if err := r.look(w); err != nil {
			return err
		}
		for id := range w.chats {
			if newest.chats[id] {
				r.a = append(r.a, w)
				break
			}
		}
	}
	return nil
}

// holders lists the captures that ended, the newest first.
func (r *reconciler) holders() (all []*holder, err error) {
	err = r.c.query(`SELECT seq, at, head, ended FROM capture WHERE ended IS NOT NULL ORDER BY seq DESC`, func(st *sqlite3.Stmt) error {
		w := &holder{ended: st.ColumnInt64(3)}
		w.Seq, w.At = st.ColumnInt64(0), time.UnixMilli(st.ColumnInt64(1)).UTC()
		if err := json.Unmarshal(st.ColumnRawBlob(2), &w.Head); err != nil {
			return fmt.Errorf("capture %d: %w", w.Seq, err)
		}
		all = append(all, w)
		return nil
	})
	return all, err
}

// look reads what a capture saw again, and which chats it has.
func (r *reconciler) look(w *holder) error {
	entries, err := r.x.cfg.Log.Get(r.ctx, []int64{w.ended})
	if err != nil {
		return fmt.Errorf("read the end of capture %d: %w", w.Seq, err)
	}
	var end record.CaptureEndHead
	if len(entries) > 0 && len(entries[0].Parts) > 0 {
		if _, err := entries[0].Decode(&end); err != nil {
			return err
		}
	}
	w.seen = spans(end.Seen)
	w.chats = map[int64]bool{}
	note := func(st *sqlite3.Stmt) error { w.chats[st.ColumnInt64(0)] = true; return nil }
	if err := r.c.query(`SELECT chat FROM course WHERE cap = ?`, note, w.Seq); err != nil {
		return err
	}
	for _, s := range w.seen {
		err := r.c.query(`SELECT DISTINCT chat FROM message WHERE seq >= ?1 AND seq < ?2
			UNION SELECT chat FROM message WHERE seq IN (SELECT of FROM sighting WHERE seq >= ?1 AND seq < ?2)`, note, s[0], s[1])
		if err != nil {
			return err
		}
	}
	return nil
}

// spans are the entries of runs, in order, those that touch as one.
func spans(rs runs) (out [][2]int64) {
	for _, r := range rs {
		out = append(out, [2]int64{r[1], r[1] + r[2]})
	}
	slices.SortFunc(out, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	n := 0
	for _, s := range out {
		if n > 0 && s[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out[n] = s
		n++
	}
	return out[:n]
}

// chat compares one chat.
func (r *reconciler) chat(row ChatRow) error {
	id, err := chatNumber(r.c, row.ID)
	if err != nil {
		return err
	}
	all, err := r.held(id)
	if err != nil {
		return err
	}
	d := Difference{Chat: row}
	d.From, d.To = r.stretch()
	if err := r.days(d, all); err != nil {
		return err
	}
	return r.changes(d, all)
}

// held lists the messages of a chat that a side has, by their times, and finds
// what each capture covers.
func (r *reconciler) held(chatID int64) (all []held, err error) {
	for _, w := range append(slices.Clone(r.a), r.b...) {
		w.first, w.last = maxID, -1
	}
	err = r.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ?`, func(st *sqlite3.Stmt) error {
		m := refOf(st)
		ps, err := parts(r.c, m)
		if err != nil {
			return err
		}
		h := held{id: m.id, seq: m.seq}
		if r.a.has(ps, minuteOf(m.id)) {
			h.in |= inA
		}
		if r.b.has(ps, minuteOf(m.id)) {
			h.in |= inB
		}
		switch {
		case h.in == 0:
			return nil
		case h.in == inA|inB && slices.ContainsFunc(ps, func(p part) bool { return !r.a.holds(p) || !r.b.holds(p) }):
			h.in |= unlike
		}
		all = append(all, h)
		return nil
	}, chatID)
	slices.SortFunc(all, func(a, b held) int { return cmp.Compare(a.id, b.id) })
	return all, err
}

// holds reports whether the side has a record.
func (s side) holds(p part) bool {
	return slices.ContainsFunc(s, func(w *holder) bool { return w.has(p) })
}

// minuteOf is the local minute of a row id: no source is less precise.
func minuteOf(id int64) int64 { return timeOf(id) / 60 }

// stretch is what both sides cover of the chat at hand, from end to end.
func (r *reconciler) stretch() (from, to string) {
	ends := func(s side) (first, last int64) {
		first, last = maxID, -1
		for _, w := range s {
			first, last = min(first, w.first), max(last, w.last)
		}
		return first, last
	}
	a1, a2 := ends(r.a)
	b1, b2 := ends(r.b)
	first, last := max(a1, b1), min(a2, b2)
	if first > last {
		return "", ""
	}
	text := func(minute int64) string { return time.Unix(minute*60, 0).UTC().Format("2006-01-02T15:04") }
	return text(first), text(last)
}

// days tells of the days on which one side has what the other has not.
func (r *reconciler) days(d Difference, all []held) error {
	type key struct {
		outside Outside
		day     int64
	}
	by := map[key]*DayDifference{}
	show := map[key][]int64{}
	for _, h := range all {
		k := key{Inside, timeOf(h.id) / (24 * 60 * 60)}
		switch h.in {
		case inA:
			k.outside = r.b.where(minuteOf(h.id))
		case inB:
			k.outside = r.a.where(minuteOf(h.id))
		}
		day := by[k]
		if day == nil {
			day = &DayDifference{Day: time.Unix(timeOf(h.id), 0).UTC().Format("2006-01-02"), Outside: k.outside}
			by[k] = day
		}
		switch h.in {
		case inA:
			day.OnlyA = append(day.OnlyA, h.seq)
		case inB:
			day.OnlyB = append(day.OnlyB, h.seq)
		default:
			day.Both++
			continue
		}
		if k.outside == Inside && len(show[k]) < r.q.Show {
			show[k] = append(show[k], h.id)
		}
	}
	order := []Outside{Inside, Before, Between, After, NoChat}
	keys := slices.SortedFunc(maps.Keys(by), func(a, b key) int {
		return cmp.Or(slices.Index(order, a.outside)-slices.Index(order, b.outside), cmp.Compare(a.day, b.day))
	})
	for _, k := range keys {
		if err := r.day(d, by[k], show[k]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciler) day(d Difference, day *DayDifference, show []int64) error {
	a, b := int64(len(day.OnlyA)), int64(len(day.OnlyB))
	r.out.Both += day.Both
	if day.Outside == Inside {
		r.out.OnlyA, r.out.OnlyB = r.out.OnlyA+a, r.out.OnlyB+b
	} else {
		r.out.OutsideA, r.out.OutsideB = r.out.OutsideA+a, r.out.OutsideB+b
	}
	if a+b == 0 {
		return nil
	}
	refs, err := refsOf(r.c, r.x.whole().in, show)
	if err != nil {
		return err
	}
	if day.Messages, err = r.x.messages(r.ctx, r.c, refs, byHand); err != nil {
		return err
	}
	d.Day = day
	return r.fn(d)
}

// changes tells of the messages that both sides have, in two states.
func (r *reconciler) changes(d Difference, all []held) error {
	all = slices.DeleteFunc(all, func(h held) bool { return h.in&unlike == 0 })
	for some := range slices.Chunk(all, chunk) {
		ids := make([]int64, len(some))
		for i, h := range some {
			ids[i] = h.id
		}
		refs, err := refsOf(r.c, r.x.whole().in, ids)
		if err != nil {
			return err
		}
		as, err := r.states(refs, r.a)
		if err != nil {
			return err
		}
		bs, err := r.states(refs, r.b)
		if err != nil {
			return err
		}
		for i := range as {
			if as[i].gone || bs[i].gone {
				continue
			}
			was, is := &as[i].msg, &bs[i].msg
			kind, aLater := chat.Changed(was, is)
			if kind == "" {
				continue
			}
			if aLater {
				was, is = is, was
			}
			r.out.Changed++
			d.Change = &Change{Kind: kind, ALater: aLater, Before: was.Text, After: is.Text, Message: *is}
			d.Change.Message.ID = strconv.FormatInt(refs[i].seq, 10)
			d.Change.Message.Custodian = as[i].order.owner
			if err := r.fn(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// states folds messages as one side has them.
func (r *reconciler) states(refs []ref, s side) ([]shown, error) {
	out := make([]shown, len(refs))
	for i, m := range refs {
		ps, err := parts(r.c, m)
		if err != nil {
			return nil, err
		}
		out[i] = shown{ref: m, parts: slices.DeleteFunc(ps, func(p part) bool { return !s.holds(p) })}
	}
	return out, r.x.readParts(r.ctx, r.c, out)
}
