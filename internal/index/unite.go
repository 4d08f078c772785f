package index

import (
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// A chat export knows its chat by name alone, a phone by address, and often
// without a name. What was said decides that both are one chat.

// named is a chat of which no address is known.
type named struct {
	id                       int64
	account, custodian, name string
	kind                     chat.ChatKind
}

// unite finds, when a capture has ended, the chats known by name that are
// others known by address: its own, or, where it brought addresses, all.
func (w *writer) unite(ctx context.Context, capture int64) error {
	_, any, err := w.c.number(`SELECT 1 FROM address LIMIT 1`)
	if err != nil || !any {
		return err
	}
	if err := w.flushCourses(); err != nil {
		return err
	}
	var all []named
	err = w.c.query(`SELECT id, account, custodian, name, kind FROM chat WHERE id NOT IN (SELECT chat FROM address)
		AND (id IN (SELECT chat FROM course WHERE cap = ?1) OR EXISTS (SELECT 1 FROM course WHERE cap = ?1 AND chat IN (SELECT chat FROM address))) ORDER BY id`,
		func(st *sqlite3.Stmt) error {
			all = append(all, named{st.ColumnInt64(0), st.ColumnText(1), st.ColumnText(2), st.ColumnText(3), chat.ChatKind(st.ColumnText(4))})
			return nil
		}, capture)
	if err != nil {
		return err
	}
	for _, n := range all {
		is, err := w.numbered(n.account, n.custodian, n.name)
		if err == nil && is == 0 {
			is, err = w.twin(ctx, &n)
		}
		if err == nil && is != 0 {
			err = w.merge(ctx, &n, is)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// numbered returns the chat with the phone number that a name is, or 0.
func (w *writer) numbered(account, custodian, name string) (int64, error) {
	if !bare(name) || strings.Contains(name, "@") {
		return 0, nil
	}
	number := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, name)
	id, _, err := w.c.number(`SELECT chat FROM address WHERE account = ? AND custodian = ? AND jid = ?`, account, custodian, number+"@s.whatsapp.net")
	return id, err
}

const (
	// samples is how many of a chat's messages are looked for in others.
	samples = 200
	// zones is how far clocks of two zones are apart, in seconds.
	zones = 27 * 60 * 60
	// candidates is how many chats are compared by what was said.
	candidates = 5
)

// twin returns the chat with addresses in which the same was said at the same
// time, or 0. It is one of the same owner and kind, and the only one.
func (w *writer) twin(ctx context.Context, n *named) (int64, error) {
	ss, err := w.sample(ctx, n.id)
	if err != nil || len(ss) < leastSaid {
		return 0, err
	}
	votes, err := w.sameMinutes(n, ss)
	if err != nil {
		return 0, err
	}
	best, most, second := int64(0), 0, 0
	for _, c := range votes {
		agree, err := w.agreement(ctx, n, c, ss)
		switch {
		case err != nil:
			return 0, err
		case agree > most:
			best, most, second = c.chat, agree, most
		default:
			second = max(second, agree)
		}
	}
	if most == second {
		return 0, nil
	}
	return best, nil
}

// sample returns messages with a text of a chat, from all of its time.
func (w *writer) sample(ctx context.Context, chatID int64) (out []shown, err error) {
	var refs []ref
	err = w.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id`, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, chatID)
	if err != nil {
		return nil, err
	}
	some := refs
	if n := len(refs); n > samples {
		some = make([]ref, samples)
		for i := range some {
			some[i] = refs[i*n/samples]
		}
	}
	ss, err := w.x.show(ctx, w.c, some)
	return slices.DeleteFunc(ss, func(s shown) bool { return s.gone || s.unread || !said(&s.msg) }), err
}

// said reports a message that somebody wrote.
func said(m *chat.Message) bool {
	return m.Type != chat.SystemType && !m.Revoked && chat.Said(m.Text) != ""
}

// candidate is a chat with messages in many of the minutes that another has
// some in, as its clock has them.
type candidate struct {
	chat    int64
	clocks  []int64 // by how many minutes it is ahead
	minutes int
}

// sameMinutes lists the chats with addresses that a chat may be, the likeliest
// first. Nothing of them is read.
func (w *writer) sameMinutes(n *named, ss []shown) (out []candidate, err error) {
	type clock struct{ chat, ahead int64 }
	votes := map[clock]int{}
	step := max(1, len(ss)/40)
	for i := 0; i < len(ss); i += step {
		at := timeOf(ss[i].id) / 60
		seen := map[clock]bool{}
		err := w.c.query(`SELECT m.id, m.chat FROM message m JOIN chat c ON c.id = m.chat WHERE m.id >= ? AND m.id < ? AND +m.chat IN (SELECT chat FROM address)
			AND c.custodian = ? AND (c.account = ? OR ? = '') AND (c.kind = ? OR c.kind = '' OR ? = '')`, func(st *sqlite3.Stmt) error {
			k := clock{st.ColumnInt64(1), timeOf(st.ColumnInt64(0))/60 - at}
			if k.ahead%15 == 0 && !seen[k] {
				seen[k] = true
				votes[k]++
			}
			return nil
		}, rowAt(at*60-zones), rowAt(at*60+zones), n.custodian, n.account, n.account, string(n.kind), string(n.kind))
		if err != nil {
			return nil, err
		}
	}
	by := map[int64]*candidate{}
	for k, v := range votes {
		if v < leastSaid {
			continue
		}
		c := by[k.chat]
		if c == nil {
			c = &candidate{chat: k.chat}
			by[k.chat] = c
		}
		c.clocks = append(c.clocks, k.ahead)
		c.minutes = max(c.minutes, v)
	}
	for _, c := range by {
		slices.SortFunc(c.clocks, func(a, b int64) int {
			return 10*(votes[clock{c.chat, b}]-votes[clock{c.chat, a}]) + int(min(max(a-b, -1), 1))
		})
		c.clocks = c.clocks[:min(len(c.clocks), 4)]
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b candidate) int { return 10*(b.minutes-a.minutes) + int(min(max(a.chat-b.chat, -1), 1)) })
	return out[:min(len(out), candidates)], nil
}

// leastSaid is how many different texts must agree, at least.
const leastSaid = 3

// agreement returns how many of the texts of ss were said in a chat at the
// same time, or 0 where these are too few to call it the same: less than three
// fifths of what lies in the time of both, or nothing that its owner did not
// write, since that may have gone to many.
func (w *writer) agreement(ctx context.Context, n *named, c candidate, ss []shown) (int, error) {
	first, _, err := w.c.number(`SELECT min(id) FROM message WHERE chat = ?`, c.chat)
	if err != nil {
		return 0, err
	}
	last, _, err := w.c.number(`SELECT max(id) FROM message WHERE chat = ?`, c.chat)
	if err != nil {
		return 0, err
	}
	var refs []ref
	of, until := 0, make([]int, len(ss)) // where the refs of each end
	for i := range ss {
		at := timeOf(ss[i].id) / 60
		inside := false
		for _, ahead := range c.clocks {
			lo, hi := rowAt((at+ahead)*60), rowAt((at+ahead+1)*60)
			inside = inside || lo <= last && hi > first
			err := w.c.query(`SELECT `+refColumns+` FROM message WHERE id >= ? AND id < ? AND +chat = ?`, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, lo, hi, c.chat)
			if err != nil {
				return 0, err
			}
		}
		if until[i] = len(refs); inside {
			of++
		}
	}
	shows, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return 0, err
	}
	agree, theirs := 0, n.kind == chat.Group
	texts := map[string]bool{}
	for i, from := 0, 0; i < len(ss); from, i = until[i], i+1 {
		text := chat.Said(ss[i].msg.Text)
		some := shows[from:until[i]]
		j := slices.IndexFunc(some, func(o shown) bool { return said(&o.msg) && chat.Said(o.msg.Text) == text })
		if j >= 0 {
			agree++
			texts[text] = true
			theirs = theirs || some[j].msg.Direction == chat.In
		}
	}
	if len(texts) < leastSaid || 5*agree < 3*of || !theirs {
		return 0, nil
	}
	return agree, nil
}

// merge makes one chat of two: that with addresses stays, and answers to the
// name of the other from now on.
func (w *writer) merge(ctx context.Context, n *named, into int64) error {
	if err := w.mergeChats(ctx, n.id, into); err != nil {
		return err
	}
	return w.c.exec(`INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?)`, n.account, n.custodian, n.name, into)
}

// sameAddresses makes one chat of those that the addresses of a doc lead to,
// and returns it.
func (w *writer) sameAddresses(ctx context.Context, id int64, d *doc) (int64, error) {
	for _, jid := range d.addresses {
		other, ok, err := w.c.number(`SELECT chat FROM address WHERE account = ? AND custodian = ? AND jid = ?`, d.account, d.custodian, jid)
		if err != nil {
			return 0, err
		}
		if !ok || other == id {
			continue
		}
		from, into := max(id, other), min(id, other)
		if err := w.mergeChats(ctx, from, into); err != nil {
			return 0, err
		}
		id = into
	}
	return id, nil
}

// mergeChats puts what is in one chat into another, with its addresses and,
// where that is better, its name.
func (w *writer) mergeChats(ctx context.Context, from, into int64) error {
	name, there := "", false
	err := w.c.query(`SELECT name FROM chat WHERE id = ?`, func(st *sqlite3.Stmt) error { name, there = st.ColumnText(0), true; return nil }, from)
	if err != nil || !there {
		return err
	}
	w.merges++
	if err := w.flushRows(); err != nil {
		return err
	}
	var refs []ref
	err = w.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id`, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, from)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(refs, chunk) {
		ss, err := w.x.show(ctx, w.c, some)
		if err != nil {
			return err
		}
		for i := range ss {
			if err := w.move(&ss[i], into); err != nil {
				return err
			}
		}
		if len(w.rows) >= batchItems {
			if err := w.flushRows(); err != nil {
				return err
			}
		}
	}
	if err := w.flushCounts(); err != nil {
		return err
	}
	if err := w.flushCourses(); err != nil {
		return err
	}
	clear(w.chats)
	clear(w.accounts)
	clear(w.courses)
	for _, sql := range []string{
		`UPDATE message SET chat = ?2 WHERE chat = ?1`,
		`UPDATE OR IGNORE course SET chat = ?2 WHERE chat = ?1`,
		`DELETE FROM course WHERE chat = ?1 AND ?2`,
		`DELETE FROM member WHERE chat = ?1 AND ?2`,
		`UPDATE address SET chat = ?2 WHERE chat = ?1`,
		`UPDATE alias SET chat = ?2 WHERE chat = ?1`,
		`UPDATE ref SET chat = ?2 WHERE chat = ?1`,
		`UPDATE chat SET kind = (SELECT kind FROM chat WHERE id = ?1) WHERE id = ?2 AND kind = ''`,
		`DELETE FROM chat WHERE id = ?1 AND ?2`,
	} {
		if err := w.c.exec(sql, from, into); err != nil {
			return err
		}
	}
	return w.rename(into, name)
}

// move puts the words of a message under another chat.
func (w *writer) move(s *shown, into int64) error {
	if err := w.unwrite(s); err != nil {
		return err
	}
	d := docOf(&s.msg, s.unread)
	person, err := w.person(d.person)
	if err != nil {
		return err
	}
	if err := w.setOwner(s, into); err != nil {
		return err
	}
	w.queue(ftsRow{id: s.id, t: d.tokens(into, person, &s.order)})
	w.count(into, person, s.id, d.local, 1)
	return nil
}

// maxTogether bounds how many messages of others are compared at a time.
const maxTogether = 8 * chunk

// rejoinPrinted finds the messages of a capture that others have in another
// way: one printed them, the other has them as WhatsApp does.
func (w *writer) rejoinPrinted(ctx context.Context, chatID, capture int64, known runs) error {
	_, other, err := w.c.number(`SELECT 1 FROM course JOIN capture ON seq = cap WHERE chat = ?1 AND source <> (SELECT source FROM capture WHERE seq = ?2) LIMIT 1`, chatID, capture)
	if err != nil || !other {
		return err
	}
	var mine, theirs []ref
	err = w.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id`, func(st *sqlite3.Stmt) error {
		if r := refOf(st); r.cap == capture {
			mine = append(mine, r)
		} else {
			theirs = append(theirs, r)
		}
		return nil
	}, chatID)
	if err != nil {
		return err
	}
	for len(mine) > 0 {
		n, near := together(mine, theirs)
		joined, err := w.pair(ctx, mine[:n], near, capture, known)
		if err != nil {
			return err
		}
		mine = mine[n:]
		if len(joined) > 0 {
			theirs = slices.DeleteFunc(theirs, func(r ref) bool { return joined[r.seq] })
		}
	}
	return nil
}

// together returns how many of mine are compared at once, and with which of
// theirs: those that a clock of another zone may have put at the same time.
func together(mine, theirs []ref) (n int, near []ref) {
	from := func(r ref, by int64) int {
		i, _ := slices.BinarySearchFunc(theirs, rowAt(timeOf(r.id)+by), func(r ref, id int64) int { return int(min(max(r.id-id, -1), 1)) })
		return i
	}
	lo := from(mine[0], -zones)
	for n = 1; n < len(mine) && n < maxTogether/2; n++ {
		if from(mine[n], zones)-lo > maxTogether && timeOf(mine[n].id)/60 != timeOf(mine[n-1].id)/60 {
			break
		}
	}
	return n, theirs[lo:from(mine[n-1], zones)]
}

// pair joins what chat.Pair finds, and returns those of theirs that it joined.
func (w *writer) pair(ctx context.Context, mine, theirs []ref, capture int64, known runs) (joined map[int64]bool, err error) {
	if len(theirs) == 0 {
		return nil, nil
	}
	ss, err := w.x.show(ctx, w.c, slices.Concat(mine, theirs))
	if err != nil {
		return nil, err
	}
	joined = map[int64]bool{}
	for _, exact := range []bool{true, false} { // what the capture's are
		var a, b []*shown
		for i := range ss {
			s := &ss[i]
			switch {
			case s.unread || s.gone:
			case i < len(mine) && chat.Exact(&s.msg) == exact:
				a = append(a, s)
			case i >= len(mine) && chat.Exact(&s.msg) != exact && !s.seenBy(capture, known):
				b = append(b, s)
			}
		}
		if exact {
			a, b = b, a // printed ones first
		}
		var ones []*shown
		for _, p := range chat.Pair(messagesOf(a), messagesOf(b)) {
			x, y := a[p[0]], b[p[1]]
			joined[x.seq], joined[y.seq] = true, true
			one, err := w.takeIn(x, y)
			if err != nil {
				return nil, err
			}
			ones = append(ones, one)
		}
		if err := w.refold(ctx, ones...); err != nil {
			return nil, err
		}
	}
	if len(w.rows) < batchItems {
		return joined, nil
	}
	return joined, w.flushRows()
}

// seenBy reports whether a message has a record of a capture, or one that it
// saw again.
func (s *shown) seenBy(capture int64, known runs) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.cap == capture || known.has(p.seq) })
}

func messagesOf(ss []*shown) []*chat.Message {
	out := make([]*chat.Message, len(ss))
	for i, s := range ss {
		out[i] = &s.msg
	}
	return out
}
