package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/record"
)

// writer applies steps in transactions. What it keeps in memory is true only
// while nobody else writes, which apply sees by the position.
type writer struct {
	x        *Index
	c        *conn
	at       int64 // position that the memory below belongs to
	chats    map[chatKey]int64
	persons  map[string]int64
	courses  map[courseKey]*course
	members  map[[2]int64]int64 // to be added: messages by chat and person
	tallies  map[int64]*tally   // to be added, by chat
	full     map[int64]int64    // last id allotted beyond a full window
	rows     []ftsRow           // to be written, see flushRows
	queued   map[int64]int      // the rows to be put in, by id; nil: made when needed
	added    int64              // messages
	changed  bool               // something that is shown
	unread   int64
	merges   int                 // of chats, ever
	owners   map[string]int64    // custodians by name
	acts     map[string]int64    // names of acts
	accounts map[int64][2]string // of chats, and the custodians that captures name
	turns    []turn              // of marks, see order.go
	anew     map[string]bool     // accounts whose messages are to be filed anew
	words    *tokenSum           // set: words are added up here, and not written
}

type chatKey struct{ account, custodian, name, addresses string }

// course is where a capture stands in a chat; see put.
type course struct {
	ord, at, n          int64
	base, ahead, behind int64
	since               int64
	dirty               bool
}

type courseKey struct{ cap, chat int64 }

// tally is what a chat's row must learn.
type tally struct {
	n                     int64
	first, last           int64
	firstLocal, lastLocal string
}

// ftsRow is a row to be put into the full-text table, or taken out.
type ftsRow struct {
	id  int64
	out bool
	t   []byte // nil: nothing to do after all
}

// queue notes a row for flushRows.
func (w *writer) queue(r ftsRow) {
	if w.queued != nil && !r.out {
		w.queued[r.id] = len(w.rows)
	}
	w.rows = append(w.rows, r)
}

// unqueue takes back a row that was to be put in and is not written yet. To
// take words out of what is written costs a search for each of them.
func (w *writer) unqueue(id int64) bool {
	if w.queued == nil {
		w.queued = make(map[int64]int, len(w.rows))
		for i, r := range w.rows {
			if !r.out && r.t != nil {
				w.queued[r.id] = i
			}
		}
	}
	i, ok := w.queued[id]
	if ok {
		w.rows[i].t = nil
		delete(w.queued, id)
	}
	return ok
}

func newWriter(x *Index, c *conn) *writer {
	w := &writer{x: x, c: c}
	w.lose()
	return w
}

// lose forgets what a rolled back or foreign transaction made untrue.
func (w *writer) lose() {
	w.at = -1
	w.chats, w.persons, w.courses = map[chatKey]int64{}, map[string]int64{}, map[courseKey]*course{}
	w.members, w.tallies, w.full = map[[2]int64]int64{}, map[int64]*tally{}, map[int64]int64{}
	w.owners, w.anew, w.accounts = map[string]int64{}, map[string]bool{}, map[int64][2]string{}
	w.acts = map[string]int64{}
	w.rows, w.queued, w.turns, w.added, w.unread, w.changed = nil, nil, nil, 0, 0, false
}

func (w *writer) position() (int64, error) {
	n, _, err := w.c.number(`SELECT value FROM state WHERE key = 'position'`)
	return n, err
}

// captureState is what is needed to read the items of a capture.
type captureState struct {
	again []int64
	key   string
	ended bool
}

func (w *writer) captures() (map[int64]captureState, error) { return capturesOf(w.c) }

func capturesOf(c *conn) (map[int64]captureState, error) {
	out := map[int64]captureState{}
	err := c.query(`SELECT seq, again, reading, ended FROM capture`, func(st *sqlite3.Stmt) error {
		again, err := decodeAgain(st.ColumnText(1))
		if err != nil {
			return err
		}
		out[st.ColumnInt64(0)] = captureState{again: again, key: st.ColumnText(2), ended: st.ColumnType(3) != sqlite3.NULL}
		return nil
	})
	return out, err
}

// apply writes a batch in one transaction, its position included.
func (w *writer) apply(ctx context.Context, b batch) (err error) {
	tx, err := w.c.BeginImmediate()
	if err != nil {
		return err
	}
	defer func() {
		tx.End(&err)
		if err != nil {
			w.lose()
		}
	}()
	pos, err := w.position()
	if err != nil {
		return err
	}
	if pos != b.from {
		return errMoved
	}
	if w.at != b.from {
		w.lose()
	}
	for i := range b.steps {
		if err := w.step(ctx, &b.steps[i]); err != nil {
			return fmt.Errorf("entry %d: %w", b.steps[i].seq, err)
		}
	}
	if err := w.flush(ctx, b.to); err != nil {
		return err
	}
	w.at = b.to
	return ctx.Err()
}

func (w *writer) step(ctx context.Context, s *step) error {
	w.changed = w.changed || s.doc != nil || s.act != nil || s.kind == record.Capture || s.kind == record.CaptureEnd
	if s.audit != nil {
		if err := w.note(s.seq, s.audit); err != nil {
			return err
		}
	}
	switch s.kind {
	case record.Act:
		return w.act(s)
	case record.Init, record.Trace, record.Disposal, record.Certificate:
		return nil
	case record.Capture:
		return w.capture(ctx, s.entry)
	case record.CaptureEnd:
		return w.captureEnd(ctx, s)
	case record.Item, record.Unparsed:
		if s.doc == nil {
			return nil
		}
		if s.unread {
			w.unread++
		}
		return w.add(ctx, s.seq, s.cap, s.doc)
	}
	return nil // a kind of a later version: nothing of it can be shown
}

func (w *writer) capture(ctx context.Context, e record.Entry) error {
	r, err := w.x.reading(ctx, []int64{e.Seq})
	if err != nil {
		return err
	}
	head, err := json.Marshal(r.head)
	if err != nil {
		return err
	}
	return w.c.exec(`INSERT INTO capture (seq, at, source, head, reading) VALUES (?, ?, ?, ?, ?)`,
		e.Seq, e.At.UnixMilli(), r.source, head, r.Key())
}

// add puts a record into the index: as a new message, or as a sighting of one
// that has the same key.
func (w *writer) add(ctx context.Context, seq, capture int64, d *doc) error {
	chatID, c, same, err := w.find(ctx, capture, d)
	if err != nil {
		return err
	}
	if len(same) > 0 {
		c.dirty = true
		c.n++
		for _, o := range same[1:] {
			if _, err := w.takeIn(same[0], o); err != nil {
				return err
			}
		}
		return w.sight(ctx, same[0], seq, capture)
	}
	if err = w.noteKeys(d.names, seq); err != nil {
		return err
	}
	at, window := d.at, int64(1)
	if d.local == "" {
		at = c.at // of what stood before it
	} else if d.minute {
		window = 60
	}
	id, err := w.allot(at, window)
	if err != nil {
		return err
	}
	ord, again := any(nil), false
	if !d.live {
		ord, again = c.put(id, seq)
	}
	if again {
		err := w.c.exec(`UPDATE message SET ord = NULL WHERE seq >= ? AND seq < ? AND chat = ? AND cap = ?`, c.since, seq, chatID, capture)
		if err != nil {
			return err
		}
	}
	c.at, c.dirty = at, true
	c.n++
	o, who, err := w.orderOf(chatID, d)
	if err != nil {
		return err
	}
	if err := w.c.exec(`INSERT INTO message (id, seq, chat, cap, ord, who, zone) VALUES (?, ?, ?, ?, ?, ?, ?)`, id, seq, chatID, capture, ord, who, zoneOf(d)); err != nil {
		return err
	}
	if err := w.noteFiles(d.files, seq); err != nil {
		return err
	}
	person, err := w.person(d.person)
	if err != nil {
		return err
	}
	w.queue(ftsRow{id: id, t: d.tokens(chatID, person, o)})
	w.count(chatID, person, id, d.local, 1)
	return nil
}

// A time that is this much before others of its capture comes from a wrong
// clock, its own or theirs: phones set theirs back by an hour at most.
const far = int64(24*60*60) << tieBits

// lost is how many records far behind decide that it was those before them
// whose clock was wrong, where these are not fewer.
const lost = 4

// put returns where a message stands in the chat, where that is not its own
// time: right behind the one before it, as its source has it. But records
// dated far ahead must not take along all that follows. When as many of those
// that follow lie far behind them, or lost do, the capture goes on from where
// it was before them: these and, with again, those since entry since stand at
// their own time.
func (c *course) put(id, seq int64) (ord any, again bool) {
	if id > c.ord {
		if id > c.ord+far {
			c.base, c.ahead = c.ord, 0
		}
		c.ord = id
		c.ahead++
		c.behind = 0
		return nil, false
	}
	if id < c.ord-far && id > c.base-far {
		if c.behind++; c.behind == 1 {
			c.since = seq
		}
		if c.behind >= min(c.ahead, lost) {
			again = c.behind > 1
			c.ord, c.base, c.ahead, c.behind = id, id, c.behind, 0
			return nil, again
		}
	}
	c.ord++
	return c.ord, false
}

// count adds n messages to what is told of a chat.
func (w *writer) count(chatID, person, id int64, local string, n int64) {
	w.added += n
	if person > 0 {
		w.members[[2]int64{chatID, person}] += n
	}
	t := w.tallies[chatID]
	if t == nil {
		t = &tally{}
		w.tallies[chatID] = t
	}
	t.n += n
	if n < 0 || local == "" {
		return
	}
	if t.firstLocal == "" || id < t.first {
		t.first, t.firstLocal = id, local
	}
	if t.lastLocal == "" || id > t.last {
		t.last, t.lastLocal = id, local
	}
}

// place returns the chat of a doc and where the capture stands in it. A record
// that could not be read belongs where its capture stood.
func (w *writer) place(ctx context.Context, capture int64, d *doc) (int64, *course, error) {
	if d.local == "" && !d.live {
		id, ok, err := w.lastChat(capture)
		if err != nil {
			return 0, nil, err
		}
		if ok {
			c, err := w.course(capture, id)
			return id, c, err
		}
	}
	id, err := w.chat(ctx, d)
	if err != nil {
		return 0, nil, err
	}
	c, err := w.course(capture, id)
	return id, c, err
}

// lastChat returns the chat in which a capture brought its last message.
func (w *writer) lastChat(capture int64) (id int64, ok bool, err error) {
	if err := w.flushCourses(); err != nil {
		return 0, false, err
	}
	return w.c.number(`SELECT chat FROM course WHERE cap = ? ORDER BY at DESC, chat LIMIT 1`, capture)
}

func (w *writer) course(capture, chatID int64) (*course, error) {
	k := courseKey{capture, chatID}
	if c := w.courses[k]; c != nil {
		return c, nil
	}
	c := &course{}
	err := w.c.query(`SELECT ord, at, messages, base, ahead, behind, since FROM course WHERE cap = ? AND chat = ?`, func(st *sqlite3.Stmt) error {
		c.ord, c.at, c.n = st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2)
		c.base, c.ahead, c.behind, c.since = st.ColumnInt64(3), st.ColumnInt64(4), st.ColumnInt64(5), st.ColumnInt64(6)
		return nil
	}, capture, chatID)
	w.courses[k] = c
	return c, err
}

// chat returns the chat of a doc: the one that has one of its addresses, else
// the one of its name. Several groups may have one name; they differ by their
// addresses.
func (w *writer) chat(ctx context.Context, d *doc) (int64, error) {
	k := d.chatKey()
	if id := w.chats[k]; id != 0 {
		return id, nil
	}
	id, err := w.findChat(d)
	if err == nil && id == 0 {
		id, err = w.newChat(d)
	}
	if err == nil && d.kind != "" {
		err = w.c.exec(`UPDATE chat SET kind = ? WHERE id = ? AND kind = ''`, string(d.kind), id)
	}
	if err == nil && d.live {
		id, err = w.sameAddresses(ctx, id, d)
	}
	for _, jid := range d.addresses {
		if err == nil {
			err = w.c.exec(`INSERT OR IGNORE INTO address (account, custodian, jid, chat) VALUES (?, ?, ?, ?)`, d.account, d.custodian, jid, id)
		}
	}
	if err == nil {
		err = w.noteRefs(id, d)
	}
	if err == nil && len(d.addresses) > 0 {
		err = w.rename(id, d.chat)
	}
	if err != nil {
		return 0, err
	}
	if d.kind != "" { // else the next message may know it
		w.chats[k] = id
	}
	return id, nil
}

// rename gives a chat a name that is better than the number that it was called
// by before.
func (w *writer) rename(id int64, name string) error {
	if bare(name) {
		return nil
	}
	return w.c.exec(`UPDATE chat SET name = ? WHERE id = ? AND (name GLOB '+[0-9]*' OR name LIKE '%@%')`, name, id)
}

// findChat returns the chat of a doc that is there, or 0.
func (w *writer) findChat(d *doc) (int64, error) {
	for _, jid := range d.addresses {
		id, ok, err := w.c.number(`SELECT chat FROM address WHERE account = ? AND custodian = ? AND jid = ?`, d.account, d.custodian, jid)
		if err != nil || ok {
			return id, err
		}
	}
	other := ``
	if len(d.addresses) > 0 {
		other = ` AND id NOT IN (SELECT chat FROM address)`
	}
	if len(d.addresses) == 0 {
		id, ok, err := w.c.number(`SELECT chat FROM alias WHERE account = ? AND custodian = ? AND name = ?`, d.account, d.custodian, d.chat)
		if err != nil || ok {
			return id, err
		}
	}
	id, _, err := w.c.number(`SELECT min(id) FROM chat WHERE account = ? AND custodian = ? AND name = ?`+other, d.account, d.custodian, d.chat)
	return id, err
}

// bare reports a chat's name that is only its number or address.
func bare(name string) bool {
	return strings.Contains(name, "@") || len(name) > 1 && name[0] == '+' && name[1] >= '0' && name[1] <= '9'
}

func (w *writer) person(ident string) (int64, error) {
	if ident == "" {
		return 0, nil
	}
	if id := w.persons[ident]; id != 0 {
		return id, nil
	}
	id, ok, err := w.c.number(`SELECT id FROM person WHERE ident = ?`, ident)
	if err == nil && !ok {
		err = w.c.exec(`INSERT INTO person (ident) VALUES (?)`, ident)
		id = w.c.LastInsertRowID()
	}
	if err != nil {
		return 0, err
	}
	if len(w.persons) > 100_000 {
		clear(w.persons)
	}
	w.persons[ident] = id
	return id, nil
}

// Row ids are the local time in seconds (see clock) with room for tieBits of
// order inside it. More room would cost every token more bytes; where it is
// used up, what follows stands a little later, or at the end of a day earlier.
const tieBits = 5

// rowAt returns the lowest row id of a second.
func rowAt(unix int64) int64 { return max(unix, 0) << tieBits }

// timeOf returns the second of a row id.
func timeOf(id int64) int64 { return id >> tieBits }

// allot returns the row id of a new message: after all others of the same
// second, or the same minute where no more is known.
func (w *writer) allot(at, window int64) (int64, error) {
	at = max(at, 0) // before 1970 only in a damaged source: first of all
	lo := rowAt(at)
	hi := rowAt(at + window)
	last, ok, err := w.c.number(`SELECT max(id) FROM message WHERE id >= ? AND id < ?`, lo, hi)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return lo, nil
	case last+1 < hi:
		return last + 1, nil
	}
	return w.beyond(lo, hi)
}

// beyond returns a free row id near a full window, of the same day: dates are
// ranges of row ids.
func (w *writer) beyond(lo, hi int64) (int64, error) {
	id, step := hi, int64(1)
	if was, ok := w.full[lo]; ok {
		id = was
	}
	if id < lo {
		step = -1
	}
	for ; ; id += step {
		if id >= hi && id%rowAt(24*60*60) == 0 {
			id, step = lo-1, -1
		}
		_, taken, err := w.c.number(`SELECT id FROM message WHERE id = ?`, id)
		if err != nil {
			return 0, err
		}
		if !taken {
			if len(w.full) > 10_000 {
				clear(w.full)
			}
			w.full[lo] = id
			return id, nil
		}
	}
}

// flush writes what was gathered, and the position.
func (w *writer) flush(ctx context.Context, to int64) error {
	if err := w.fileAnew(ctx); err != nil {
		return err
	}
	errs := []error{w.flushRows(), w.flushCourses(), w.flushCounts()}
	errs = append(errs,
		w.c.exec(`UPDATE state SET value = ? WHERE key = 'position'`, to),
		w.c.exec(`UPDATE state SET value = value + ? WHERE key = 'messages'`, w.added),
		w.c.exec(`UPDATE state SET value = value + ? WHERE key = 'unread'`, w.unread))
	if w.changed {
		errs = append(errs, w.c.exec(`INSERT OR REPLACE INTO state VALUES ('changed', ?)`, to))
	}
	w.added, w.unread, w.changed = 0, 0, false
	return errors.Join(errs...)
}

// flushRows writes to the full-text table in the order of row ids: one that is
// lower than the last makes FTS5 write all that it holds in memory.
func (w *writer) flushRows() error {
	slices.SortStableFunc(w.rows, func(a, b ftsRow) int {
		switch {
		case a.id != b.id:
			return int(min(max(a.id-b.id, -1), 1))
		case a.out == b.out:
			return 0
		case a.out:
			return -1
		}
		return 1
	})
	for _, r := range w.rows {
		if err := w.put(r); err != nil {
			return err
		}
	}
	clear(w.rows)
	w.rows, w.queued = w.rows[:0], nil
	return w.flushTurns()
}

// put writes a row of the full-text table, or a part of one.
func (w *writer) put(r ftsRow) error {
	switch {
	case r.t == nil:
		return nil
	case w.words != nil:
		w.words.row(r)
		return nil
	case r.out:
		return w.c.exec(`INSERT INTO fts (fts, rowid, t) VALUES ('delete', ?, ?)`, r.id, r.t)
	}
	return w.c.exec(`INSERT INTO fts (rowid, t) VALUES (?, ?)`, r.id, r.t)
}

func (w *writer) flushCourses() error {
	for k, c := range w.courses {
		if !c.dirty {
			continue
		}
		if err := w.c.exec(`INSERT OR REPLACE INTO course VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			k.cap, k.chat, c.ord, c.at, c.n, c.base, c.ahead, c.behind, c.since); err != nil {
			return err
		}
		c.dirty = false
	}
	if len(w.courses) > 10_000 {
		clear(w.courses)
	}
	return nil
}

const tallyChat = `UPDATE chat SET messages = messages + ?,
	first_local = CASE WHEN ? <> '' AND (first IS NULL OR ? < first) THEN ? ELSE first_local END,
	first = CASE WHEN ? <> '' AND (first IS NULL OR ? < first) THEN ? ELSE first END,
	last_local = CASE WHEN ? <> '' AND (last IS NULL OR ? > last) THEN ? ELSE last_local END,
	last = CASE WHEN ? <> '' AND (last IS NULL OR ? > last) THEN ? ELSE last END
	WHERE id = ?`

func (w *writer) flushCounts() error {
	for id, t := range w.tallies {
		if err := w.c.exec(tallyChat, t.n, t.firstLocal, t.first, t.firstLocal, t.firstLocal, t.first, t.first,
			t.lastLocal, t.last, t.lastLocal, t.lastLocal, t.last, t.last, id); err != nil {
			return err
		}
	}
	clear(w.tallies)
	for k, n := range w.members {
		if err := w.c.exec(`INSERT INTO member VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages`, k[0], k[1], n); err != nil {
			return err
		}
	}
	clear(w.members)
	return nil
}
