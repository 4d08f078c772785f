// Package ios reads WhatsApp's databases of iPhones and Macs: ChatStorage.sqlite
// with its log, those of contacts, LIDs and calls that lie beside it, and the
// folder Message with its media; in a folder of their own, or in a backup that
// Finder or iTunes made.
//
// A record holds a row of the table of messages as the database had it, with
// the rows of other tables that belong to it and those that it names; the
// interpreter says what they mean. Databases are read from a private copy. It
// must never import archive, index or web.
//
// Its facts come from a real database of iOS 15 and from what public readers
// of newer ones agree on; where they do not, the number is kept.
package ios

import (
	"context"
	"errors"
	"fmt"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
)

// Name is the format's name, and the source's in records. A Mac's database has
// the same tables and nothing by which to tell it.
const Name = "ios"

// Format is the format's line in the list.
func Format() capture.Format {
	return capture.Format{Name: Name, Find: find, Interpreter: Interpreter{}}
}

// source is one database that was found, with what belongs to it.
type source struct {
	path   string // of the database, for people
	backup string // the folder that it lies in, or empty
	at     place
	files  [roles]string // names in at; empty where there is none
	notes  []string      // warnings that the import begins with
	o      capture.Options
}

// Path implements capture.Source.
func (s *source) Path() string { return s.path }

// Owns implements capture.Owner.
func (s *source) Owns() []string {
	if s.backup != "" {
		return []string{s.backup}
	}
	return append(s.at.(dir).owns(), s.path, s.path+"-wal")
}

// Run implements capture.Source.
func (s *source) Run(ctx context.Context, sink capture.Sink) (capture.Summary, error) {
	r := &run{Import: phone.New(ctx, sink, Name, s.path, s.o), s: s}
	r.Sum.Warnings = s.notes
	err := r.open()
	if err == nil {
		err = r.do()
	}
	errs := []error{err, s.at.Close()}
	for _, db := range r.db {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return r.Sum, errors.Join(errs...)
}

// run is an import in progress.
type run struct {
	*phone.Import
	s        *source
	db       [roles]*foreign.DB
	people   *people
	sessions map[int64]foreign.Row
	members  map[int64]foreign.Row
	entries  map[int64]foreign.Row // of the list of calls
	read     *reader
}

func (r *run) do() (err error) {
	for role, db := range r.db {
		if db != nil {
			for _, d := range db.Damage() {
				r.Sum.Damage = append(r.Sum.Damage, names[role]+": "+d)
			}
		}
	}
	if err := r.context(); err != nil {
		return err
	}
	if r.Media, err = r.s.at.Media(); err != nil {
		return err
	}
	if r.Media != nil {
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
	if err := r.holes(); err != nil {
		return err
	}
	if err := r.walk(r.db[store], r.Ledger, messages, ofMessages, r.message); err != nil {
		return err
	}
	err = r.walk(r.db[store], r.Ledger, sessions, ofSessions, func(d *draft) error {
		d.row = lean(d.row)
		return r.append(d, true)
	})
	if err != nil {
		return err
	}
	if db := r.db[history]; db != nil {
		for _, t := range [][2]string{{calls, callers}, {joinable, joiners}} {
			if err := r.walk(db, r.Ledger.In(history.stem()), t[0], of(t[1]), r.call); err != nil {
				return err
			}
		}
	}
	if err := r.KeepRest(); err != nil {
		return err
	}
	unknown, err := r.rest()
	if err != nil {
		return err
	}
	return r.End(unknown)
}

// context reads what rows of messages and calls name.
func (r *run) context() (err error) {
	db := r.db[store]
	if r.people, err = readPeople(db, r.db[contacts], r.db[lids]); err != nil {
		return err
	}
	own, err := account(db)
	if err != nil {
		return err
	}
	switch given := r.Reading.Account; {
	case given == "":
		r.Reading.Account = own
	case own != "" && phone.Number(digits(given)) != own:
		r.Sum.Warnings = append(r.Sum.Warnings, "The database is of another account than the one that was given.")
	}
	if r.sessions, err = rowsOf(db, sessions); err != nil {
		return err
	}
	for id, row := range r.sessions {
		r.sessions[id] = lean(row)
	}
	if r.members, err = rowsOf(db, members); err != nil {
		return err
	}
	if r.db[history] != nil {
		if r.entries, err = rowsOf(r.db[history], entries); err != nil {
			return err
		}
	}
	return db.Query(`SELECT count(*) FROM ZWAMESSAGE`, func(row foreign.Row) error {
		r.Total, _ = row.Values[0].(int64)
		return nil
	})
}

// rowsOf reads a small table.
func rowsOf(db *foreign.DB, table string) (map[int64]foreign.Row, error) {
	out := map[int64]foreign.Row{}
	if db.Table(table) == nil {
		return out, nil
	}
	err := db.Query(`SELECT * FROM `+table, func(row foreign.Row) error {
		id, _ := row.Get("Z_PK").(int64)
		out[id] = row
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", table, err)
	}
	return out, nil
}

// holes says what the numbering of the messages shows to be gone. Core Data
// remembers the highest number that it ever gave.
func (r *run) holes() error {
	db := r.db[store]
	holes, missing, err := foreign.Holes(db, messages, "Z_PK")
	if err != nil {
		return err
	}
	if t := db.Table("Z_PRIMARYKEY"); t != nil && t.Has("Z_NAME") && t.Has("Z_MAX") {
		err := db.Query(`SELECT k.Z_MAX, (SELECT max(Z_PK) FROM ZWAMESSAGE) FROM Z_PRIMARYKEY k WHERE k.Z_NAME = 'WAMessage'`, func(row foreign.Row) error {
			given, _ := row.Values[0].(int64)
			last, _ := row.Values[1].(int64)
			if given > last && last > 0 {
				holes = append(holes, capture.Hole{Table: messages, From: last + 1, To: given})
				missing += given - last
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read table Z_PRIMARYKEY: %w", err)
		}
	}
	r.Holes(messages, holes, missing)
	return nil
}

// walk reads a table with all that belongs to its rows.
func (r *run) walk(db *foreign.DB, l *foreign.Ledger, root string, child func(*foreign.DB, *foreign.Table) string, each func(*draft) error) error {
	if db.Table(root) == nil {
		return nil
	}
	m := &foreign.Merge{DB: db, Ledger: l, Orphan: func(table string, row foreign.Row) error {
		return r.append(&draft{table: table, row: row}, true)
	}}
	for _, t := range db.Tables() {
		if !t.Plain || t.Name == root {
			continue
		}
		if sql := child(db, &t); sql != "" {
			if err := m.Add(t.Name, sql); err != nil {
				return errors.Join(err, m.Close())
			}
		}
	}
	c, err := db.Cursor(`SELECT * FROM ` + root + ` ORDER BY Z_PK`)
	if err != nil {
		return errors.Join(fmt.Errorf("read table %s: %w", root, err), m.Close())
	}
	count := l.Of(root)
	for c.Next() {
		d := &draft{table: root, row: c.Row()}
		id, _ := d.row.Get("Z_PK").(int64)
		err := m.Take(id, d.with.Add)
		if err == nil {
			count.Rows++
			count.Records++
			err = each(d)
		}
		if err != nil {
			return errors.Join(err, c.Close(), m.Close())
		}
	}
	if err := c.Close(); err != nil {
		return errors.Join(fmt.Errorf("read table %s: %w", root, err), m.Close())
	}
	return m.Finish()
}

// message makes the record of a row of the table of messages.
func (r *run) message(d *draft) error {
	session, _ := d.row.Get("ZCHATSESSION").(int64)
	if row, ok := r.sessions[session]; ok {
		d.of = append(d.of, owner{sessions, row})
	}
	member, _ := d.row.Get("ZGROUPMEMBER").(int64)
	if row, ok := r.members[member]; ok {
		d.of = append(d.of, owner{members, row})
	}
	id, _ := d.row.Get("ZSTANZAID").(string)
	return r.append(d, id == "")
}

// call makes the record of a row of a table of calls.
func (r *run) call(d *draft) error {
	for i, c := range d.row.Columns {
		if !relates(c, "CALLEVENTS") {
			continue
		}
		id, _ := d.row.Values[i].(int64)
		if row, ok := r.entries[id]; ok {
			d.of = append(d.of, owner{entries, row})
		}
	}
	return r.append(d, true)
}

// append makes the record of d.
func (r *run) append(d *draft, keyless bool) (err error) {
	d.name(r.people)
	it := d.item()
	out := phone.Item{Chat: r.read.lineage(&it), Raw: d.encode(), Identity: d.identity(), Keyless: keyless}
	out.Row, _ = d.row.Get("Z_PK").(int64)
	if at := r.read.when(&it); !at.IsZero() {
		out.At = at.In(r.read.rd.Loc)
	}
	if out.Files, err = r.attach(&it); err != nil {
		return err
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

// rest counts the tables that no record holds.
func (r *run) rest() (unknown []string, err error) {
	for i, db := range r.db {
		if db == nil {
			continue
		}
		l := r.Ledger
		if role(i) != store {
			l = l.In(role(i).stem())
		}
		u, err := l.Rest(r.Ctx, db, stays)
		if err != nil {
			return nil, err
		}
		unknown = append(unknown, u...)
	}
	return unknown, nil
}
