// Package android reads WhatsApp's databases of Android phones: msgstore.db in
// clear or from a backup container, with wa.db for names and the Media folder.
//
// A record holds a row of the table of messages as the database had it, with
// the rows of other tables that belong to it; the interpreter says what they
// mean. Databases are read from a private copy. It must never import archive,
// index or web.
//
// Its facts come from the schemas of real databases from 2021 to 2026; where
// public sources disagree about a number, the number is kept.
package android

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/android/crypt"
	"github.com/waxseal/waxseal/internal/capture/folder"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
)

// Name is the format's name, and the source's in records.
const Name = "android"

// Format is the format's line in the list.
func Format() capture.Format {
	return capture.Format{Name: Name, Find: find, Interpreter: Interpreter{}}
}

// source is one database that was found, with what belongs to it.
type source struct {
	path  string     // of msgstore.db
	wa    string     // of wa.db, or empty
	key   *crypt.Key // of containers, or nil
	kind  kind
	media string // the folder that holds "Media", or empty
	o     capture.Options
}

// Path implements capture.Source.
func (s *source) Path() string { return s.path }

// Owns implements capture.Owner.
func (s *source) Owns() []string {
	owns := []string{s.path, s.path + "-wal"}
	for _, p := range []string{s.wa, s.media} {
		if p != "" {
			owns = append(owns, filepath.Clean(p))
		}
	}
	return owns
}

// Run implements capture.Source.
func (s *source) Run(ctx context.Context, sink capture.Sink) (capture.Summary, error) {
	r := &run{Import: phone.New(ctx, sink, Name, s.path, s.o), s: s}
	err := r.open()
	if err == nil {
		err = r.do()
	}
	return r.Sum, errors.Join(err, r.in.close())
}

// run is an import in progress.
type run struct {
	*phone.Import
	s      *source
	in     inputs
	people *people
	chats  map[int64]*foreign.Row
	named  map[string]*foreign.Row // chats by address, as the old table names them
	jobs   map[int64][]foreign.Row // deleted_chat_job, by chat
	read   *reader
}

func (r *run) do() (err error) {
	if err := r.context(); err != nil {
		return err
	}
	if r.s.media != "" {
		if r.Media, err = folder.Open(r.s.media, notMedia); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Media.Close()) }()
	}
	head, err := r.Begin()
	if err != nil {
		return err
	}
	rd, err := phone.ReadingOf(head)
	if err != nil {
		return err
	}
	r.read = &reader{head, rd}
	if err := r.items(); err != nil {
		return err
	}
	var unknown []string
	if r.in.db != nil {
		if unknown, err = r.Ledger.Rest(r.Ctx, r.in.db, stays); err != nil {
			return err
		}
	}
	return r.End(unknown)
}

// context reads what is needed to understand the rows.
func (r *run) context() (err error) {
	if r.in.zip != nil {
		r.people = newPeople()
		return nil
	}
	r.Sum.Damage = append(r.Sum.Damage, r.in.db.Damage()...)
	if r.people, err = readPeople(r.in.db, r.in.wa); err != nil {
		return err
	}
	return r.readChats()
}

// items appends everything that was found.
func (r *run) items() error {
	if r.in.zip != nil {
		return r.increment(r.in.zip)
	}
	for _, root := range []string{"message", "messages"} {
		if err := r.messages(root); err != nil {
			return err
		}
	}
	if err := r.rest(); err != nil {
		return err
	}
	return r.KeepRest()
}

func (r *run) readChats() error {
	r.chats, r.named, r.jobs = map[int64]*foreign.Row{}, map[string]*foreign.Row{}, map[int64][]foreign.Row{}
	if r.in.db.Table("chat") != nil {
		err := r.in.db.Query(`SELECT * FROM chat`, func(row foreign.Row) error {
			id, _ := row.Get("_id").(int64)
			r.chats[id] = lean(row)
			r.named[r.people.chatJID(row)] = r.chats[id]
			return nil
		})
		if err != nil {
			return fmt.Errorf("read table chat: %w", err)
		}
	}
	if r.in.db.Table("deleted_chat_job") != nil {
		err := r.in.db.Query(`SELECT * FROM deleted_chat_job`, func(row foreign.Row) error {
			id, _ := row.Get("chat_row_id").(int64)
			r.jobs[id] = append(r.jobs[id], row)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read table deleted_chat_job: %w", err)
		}
	}
	return nil
}

// lean takes from a chat's row what changes with every message: it says
// nothing about the chat, and would make every import another.
func lean(row foreign.Row) *foreign.Row {
	out := foreign.Row{}
	for i, c := range row.Columns {
		if strings.Contains(c, "unseen") || strings.Contains(c, "last_") || strings.Contains(c, "display_message") || c == "sort_timestamp" || c == "mod_tag" || c == "gen" {
			continue
		}
		out.Columns, out.Values = append(out.Columns, c), append(out.Values, row.Values[i])
	}
	return &out
}

// messages reads one table of messages with all that belongs to it.
func (r *run) messages(root string) (err error) {
	db := r.in.db
	if db.Table(root) == nil {
		return nil
	}
	gs, missing, err := foreign.Holes(db, root, "_id")
	if err != nil {
		return err
	}
	r.Holes(root, gs, missing)
	twin, err := r.openTwins(root)
	if err != nil {
		return err
	}
	defer twin.close()
	return r.walk(root, `SELECT * FROM `+foreign.Quote(root)+` ORDER BY _id`, func(m *foreign.Merge) error { return start(m, root) },
		func(d *draft) error { return r.message(root, d, twin) })
}

// sentinel reports the app's own first row, which is in every database.
func sentinel(row foreign.Row) bool {
	return row.Get("chat_row_id") == int64(-1) || row.Get("key_remote_jid") == "-1"
}

// twins tells rows of the old table that stand in the new one, too. In 2022
// databases have both, filled to different extents. It reads the new table
// side by side with the old one.
type twins struct{ c *foreign.Cursor }

func (r *run) openTwins(root string) (*twins, error) {
	if root != "messages" || r.in.db.Table("message") == nil {
		return &twins{}, nil
	}
	c, err := r.in.db.Cursor(`SELECT _id, key_id, text_data IS NOT NULL FROM message ORDER BY _id`)
	if err != nil {
		return nil, fmt.Errorf("read table message: %w", err)
	}
	t := &twins{c}
	t.step()
	return t, nil
}

func (t *twins) step() {
	if !t.c.Next() {
		_ = t.c.Close() // the table was read to its end before
		t.c = nil
	}
}

// has reports whether the new table has the row, and all that the old one
// says. Rows are asked for in their order.
func (t *twins) has(row foreign.Row) bool {
	id, _ := row.Get("_id").(int64)
	for t.c != nil && t.c.Int(0) < id {
		t.step()
	}
	if t.c == nil || t.c.Int(0) != id {
		return false
	}
	twin := t.c.Row()
	return row.Get("key_id") == twin.Values[1] && (twin.Values[2] == int64(1) || row.Get("data") == nil)
}

func (t *twins) close() {
	if t.c != nil {
		_ = t.c.Close() // as in step
	}
}

// message makes the record of a row of a table of messages.
func (r *run) message(root string, d *draft, twin *twins) error {
	count := r.Ledger.Of(root)
	count.Rows++
	switch {
	case sentinel(d.row):
		count.Excluded++
		count.Reason = "the app's own first row, which is no message"
		return nil
	case twin.has(d.row):
		count.Excluded++
		count.Reason = "the same rows stand in table message"
		d.with.Each(func(table string, _ foreign.Row) { // counted as attached, but to nothing that is kept
			c := r.Ledger.Of(table)
			c.Attached--
			c.Excluded++
			c.Reason = "belongs to rows that stand in table message, too"
		})
		return nil
	}
	count.Records++
	chatID, _ := d.row.Get("chat_row_id").(int64)
	d.chat = r.chats[chatID]
	if jid, ok := d.row.Get("key_remote_jid").(string); ok {
		d.chat = r.named[jid]
	}
	d.dropped = dropped(d.row, r.jobs[chatID])
	return r.append(d, true)
}

// orphan makes a record of a row whose message, chat or call does not exist:
// receipts and reactions of what is gone.
func (r *run) orphan(table string, row foreign.Row) error {
	return r.append(&draft{table: table, row: row}, false)
}

// append makes the record of d.
func (r *run) append(d *draft, isMessage bool) error {
	it := d.item(r.people)
	out := phone.Item{Chat: r.read.lineage(&it), Raw: d.encode(r.people), Identity: d.identity(r.people), Keyless: !isMessage}
	out.Row, _ = d.row.Get("_id").(int64)
	if at := r.read.when(&it); !at.IsZero() {
		out.At = at.In(r.read.rd.Loc)
	}
	if isMessage {
		var err error
		if out.Files, err = r.attach(&it); err != nil {
			return err
		}
	}
	head, err := r.Add(out)
	if err != nil {
		return err
	}
	if m, ok := r.read.message(&it, head); ok {
		r.Count(&m)
	}
	return nil
}

// at makes a time of the database's milliseconds.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
