package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/record"
)

// Labels, matters and custodians are tokens of a message like its words, but
// they come and go without it being read: FTS5 takes rows of one token for a
// row that is there, and takes such a token out alone.

// Acts of the books that the index follows. Their data is a marking.
const (
	actLabelApply    = "label.apply"
	actLabelRemove   = "label.remove"
	actMatterCollect = "matter.collect"
	actMatterDrop    = "matter.drop"
	actAccount       = "custodian.account"
)

// Kinds of marks, as their tokens begin; see token.
const (
	markLabel  = "l"
	markMatter = "m"
	markOwner  = "u"
	markKinds  = markLabel + markMatter + markOwner
)

// mark is a label or a matter that is on a message.
type mark struct {
	kind string
	id   int64
}

func (m mark) token() string { return string(filterSign) + m.kind + strconv.FormatInt(m.id, 10) }

// order is what the books say of a message.
type order struct {
	owner string // its custodian
	marks []mark // sorted, each once
}

// ownerToken is longer than a ref: it decides what people may read.
func ownerToken(custodian string) string {
	return string(filterSign) + markOwner + shortHash(2*refLen, "custodian", custodian)
}

func (o *order) tokens() (out []string) {
	if o.owner != "" {
		out = append(out, ownerToken(o.owner))
	}
	for _, m := range o.marks {
		out = append(out, m.token())
	}
	return out
}

// readOrder reads what the books say of messages.
func readOrder(c *conn, out []shown) error {
	names := map[int64]string{}
	for i := range out {
		s := &out[i]
		name, ok := names[s.who]
		if !ok && s.who != 0 {
			err := c.query(`SELECT name FROM custodian WHERE id = ?`, func(st *sqlite3.Stmt) error { name = st.ColumnText(0); return nil }, s.who)
			if err != nil {
				return err
			}
			names[s.who] = name
		}
		s.order.owner = name
		var err error
		if s.order.marks, err = marksOf(c, s.parts); err != nil {
			return err
		}
	}
	return nil
}

// marksOf lists the marks of a message: those of each of its records.
func marksOf(c *conn, ps []part) (out []mark, err error) {
	for _, p := range ps {
		err := c.query(`SELECT kind, id FROM mark WHERE seq = ?`, func(st *sqlite3.Stmt) error {
			out = append(out, mark{st.ColumnText(0), st.ColumnInt64(1)})
			return nil
		}, p.seq)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b mark) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id)) })
	return slices.Compact(out), nil
}

// orderOf is what the books say of a message that is being put in, and the
// number of its custodian.
func (w *writer) orderOf(chatID int64, d *doc) (o *order, who any, err error) {
	o = &order{marks: d.marks}
	if o.owner, err = w.owner(chatID, d.sent); err != nil {
		return nil, nil, err
	}
	who, err = w.custodian(o.owner)
	return o, who, err
}

// owner is the custodian of a message of a chat.
func (w *writer) owner(chatID int64, sent string) (name string, err error) {
	of, ok := w.accounts[chatID]
	if !ok {
		err = w.c.query(`SELECT account, custodian FROM chat WHERE id = ?`, func(st *sqlite3.Stmt) error {
			of = [2]string{st.ColumnText(0), st.ColumnText(1)}
			return nil
		}, chatID)
		w.accounts[chatID] = of
	}
	return w.x.whose(of[0], of[1], sent), err
}

// custodian is the number of a custodian, nil for none.
func (w *writer) custodian(name string) (any, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // it is bound as NULL
	}
	if id := w.owners[name]; id != 0 {
		return id, nil
	}
	id, ok, err := w.c.number(`SELECT id FROM custodian WHERE name = ?`, name)
	if err == nil && !ok {
		err = w.c.exec(`INSERT INTO custodian (name) VALUES (?)`, name)
		id = w.c.LastInsertRowID()
	}
	if err == nil {
		w.owners[name] = id
	}
	return id, err
}

// setOwner files a message under its custodian in a chat. Its tokens are the
// caller's to write.
func (w *writer) setOwner(s *shown, chatID int64) error {
	owner, err := w.owner(chatID, s.msg.SentAt)
	if err != nil || owner == s.order.owner {
		return err
	}
	who, err := w.custodian(owner)
	if err != nil {
		return err
	}
	s.order.owner = owner
	return w.c.exec(`UPDATE message SET who = ? WHERE id = ?`, who, s.id)
}

// noteOrder follows what a message's records together change beside its words.
func (w *writer) noteOrder(was, is *shown) error {
	now := filesOf(&is.msg)
	for _, k := range filesOf(&was.msg) {
		if !slices.Contains(now, k) {
			if err := w.c.exec(`DELETE FROM file WHERE k = ? AND seq = ?`, k, is.seq); err != nil {
				return err
			}
		}
	}
	if err := w.noteFiles(now, is.seq); err != nil {
		return err
	}
	return w.setOwner(is, is.chat)
}

// marking is an act that the index follows.
type marking struct {
	act      string
	Label    int64      `json:"label"`
	Matter   int64      `json:"matter"`
	Messages [][2]int64 `json:"messages"` // runs of entries
	Account  string     `json:"account"`
}

// markingOf reads an act; nil for one that changes nothing here.
func markingOf(e record.Entry) *marking {
	var h record.ActHead
	if len(e.Parts) == 0 {
		return nil
	}
	if _, err := e.Decode(&h); err != nil {
		return nil
	}
	m := &marking{act: h.Act}
	switch h.Act {
	case actLabelApply, actLabelRemove, actMatterCollect, actMatterDrop:
		if json.Unmarshal(h.Data, m) != nil {
			return nil
		}
	case actAccount:
		if json.Unmarshal(h.Data, m) != nil {
			m.Account = "" // whichever it is of
		}
	default:
		return nil
	}
	return m
}

// act follows an act, where it counts.
func (w *writer) act(s *step) error {
	m := s.act
	if m == nil {
		return nil
	}
	if w.x.cfg.Books != nil {
		switch err := w.x.cfg.Books.Void(s.seq); {
		case errors.Is(err, ErrBooks):
			return err
		case err != nil:
			return nil //nolint:nilerr // it counts for nothing
		}
	}
	what := mark{markLabel, m.Label}
	switch m.act {
	case actAccount:
		w.anew[digits(m.Account)] = true
		return nil
	case actMatterCollect, actMatterDrop:
		what = mark{markMatter, m.Matter}
	}
	add := m.act == actLabelApply || m.act == actMatterCollect
	for _, run := range m.Messages {
		if err := w.mark(what, add, run[0], run[0]+min(max(run[1], 0), maxID)); err != nil {
			return err
		}
	}
	return nil
}

// mark puts a mark on the messages with a record from … to, exclusive, or
// takes it off.
func (w *writer) mark(what mark, add bool, from, to int64) error {
	type marked struct{ id, seq, record int64 }
	var some []marked // with sightings: they are looked at closer
	row := func(st *sqlite3.Stmt) error {
		m := marked{st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2)}
		if st.ColumnBool(3) {
			some = append(some, m)
			return nil
		}
		return w.turn(what, add, m.id, []int64{m.record}, m.record)
	}
	err := w.c.query(`SELECT id, seq, seq, more FROM message WHERE seq >= ? AND seq < ?`, row, from, to)
	if err == nil {
		err = w.c.query(`SELECT message.id, message.seq, sighting.seq, 1 FROM sighting JOIN message ON message.seq = sighting.of WHERE sighting.seq >= ? AND sighting.seq < ?`, row, from, to)
	}
	if err != nil {
		return err
	}
	for _, m := range some {
		records := []int64{m.seq}
		err := w.c.query(`SELECT seq FROM sighting WHERE of = ?`, func(st *sqlite3.Stmt) error { records = append(records, st.ColumnInt64(0)); return nil }, m.seq)
		if err == nil {
			err = w.turn(what, add, m.id, records, m.record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// turn puts a mark on one of a message's records, or takes it off all of them,
// and notes what that means for its tokens.
func (w *writer) turn(what mark, add bool, id int64, records []int64, record int64) error {
	had, changed := false, false
	for _, seq := range records {
		_, has, err := w.c.number(`SELECT 1 FROM mark WHERE seq = ? AND kind = ? AND id = ?`, seq, what.kind, what.id)
		if err != nil {
			return err
		}
		had = had || has
		if has && !add {
			changed = true
			if err := w.c.exec(`DELETE FROM mark WHERE seq = ? AND kind = ? AND id = ?`, seq, what.kind, what.id); err != nil {
				return err
			}
		}
	}
	if add {
		if err := w.c.exec(`INSERT OR IGNORE INTO mark VALUES (?, ?, ?)`, record, what.kind, what.id); err != nil {
			return err
		}
		changed = !had
	}
	if changed {
		w.turns = append(w.turns, turn{id, what.token(), !add})
	}
	return nil
}

// turn is a token that a row gets, or loses.
type turn struct {
	id    int64
	token string
	out   bool
}

// settle writes the marks that wait. Who takes the tokens of a message out must
// find them all written.
func (w *writer) settle() error {
	if len(w.turns) == 0 {
		return nil
	}
	return w.flushRows()
}

// flushTurns writes tokens in the order of row ids; see flushRows.
func (w *writer) flushTurns() error {
	slices.SortStableFunc(w.turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.id, b.id), strings.Compare(a.token, b.token))
	})
	var out, in []byte
	for i := 0; i < len(w.turns); {
		last := i
		for last+1 < len(w.turns) && w.turns[last+1].id == w.turns[i].id && w.turns[last+1].token == w.turns[i].token {
			last++
		}
		// Of turns to and fro, nothing is left.
		switch first, end := w.turns[i], w.turns[last]; {
		case first.out != end.out:
		case end.out:
			out = append(append(out, end.token...), ' ')
		default:
			in = append(append(in, end.token...), ' ')
		}
		id := w.turns[i].id
		if i = last + 1; i < len(w.turns) && w.turns[i].id == id {
			continue
		}
		for _, r := range []ftsRow{{id: id, out: true, t: out}, {id: id, t: in}} {
			if len(r.t) > 0 {
				if err := w.put(r); err != nil {
					return err
				}
			}
		}
		out, in = out[:0], in[:0]
	}
	clear(w.turns)
	w.turns = w.turns[:0]
	return nil
}

// digits compares accounts as they are written in different ways.
func digits(account string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, account)
}

// fileAnew files messages under the custodians that accounts have now, where
// their captures name none.
func (w *writer) fileAnew(ctx context.Context) error {
	if len(w.anew) == 0 {
		return nil
	}
	var chats []int64
	err := w.c.query(`SELECT id, account FROM chat WHERE custodian = '' AND account <> '' ORDER BY id`, func(st *sqlite3.Stmt) error {
		if w.anew[""] || w.anew[digits(st.ColumnText(1))] || digits(st.ColumnText(1)) == "" {
			chats = append(chats, st.ColumnInt64(0))
		}
		return nil
	})
	if err != nil {
		return err
	}
	clear(w.anew)
	for _, c := range chats {
		var refs []ref
		err := w.c.query(`SELECT `+refColumns+` FROM message WHERE chat = ? ORDER BY id`, func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, c)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(refs, chunk) {
			if err := w.fileSome(ctx, some); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) fileSome(ctx context.Context, refs []ref) error {
	ss, err := w.x.show(ctx, w.c, refs)
	if err != nil {
		return err
	}
	for i := range ss {
		was := ss[i].order.owner
		if ss[i].gone {
			continue
		}
		if err := w.setOwner(&ss[i], ss[i].chat); err != nil {
			return err
		}
		now := ss[i].order.owner
		if now == was {
			continue
		}
		if was != "" {
			w.turns = append(w.turns, turn{ss[i].id, ownerToken(was), true})
		}
		if now != "" {
			w.turns = append(w.turns, turn{ss[i].id, ownerToken(now), false})
		}
	}
	return nil
}
