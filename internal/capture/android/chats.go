package android

import (
	"errors"
	"fmt"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// ofChats are the tables whose rows belong to a chat: who is or was in a
// group, and what a channel says of itself.
var ofChats = map[string]string{
	"newsletter":                  `SELECT *, chat_row_id AS "@of" FROM newsletter`,
	"group_participant_user":      ofGroup("group_participant_user"),
	"group_past_participant_user": ofGroup("group_past_participant_user"),
	"group_notification_version":  ofGroup("group_notification_version"),
	"group_participants":          ofNamed("group_participants"),
	"group_participants_history":  ofNamed("group_participants_history"),
}

func ofGroup(table string) string {
	return `SELECT p.*, c.id AS "@of" FROM ` + table + ` p LEFT JOIN (SELECT jid_row_id, min(_id) AS id FROM chat GROUP BY 1) c ON c.jid_row_id = p.group_jid_row_id`
}

func ofNamed(table string) string {
	return `SELECT p.*, c.id AS "@of" FROM ` + table + ` p LEFT JOIN (SELECT j.raw_string AS raw, min(c._id) AS id FROM chat c JOIN jid j ON j._id = c.jid_row_id GROUP BY 1) c ON c.raw = p.gjid`
}

// bareCalls begins a query of calls without a line in a chat.
func bareCalls(db *foreign.DB) string {
	if db.Table("message_call_log") == nil {
		return `WITH bare AS (SELECT * FROM call_log) `
	}
	return `WITH bare AS (SELECT * FROM call_log WHERE _id NOT IN (SELECT call_log_row_id FROM message_call_log WHERE call_log_row_id IS NOT NULL)) `
}

// rest makes records of what is no message: each chat with its members, and
// each call without a line in a chat.
func (r *run) rest() error {
	db := r.in.db
	if t := db.Table("chat"); t != nil && t.Has("jid_row_id") && db.Table("jid") != nil {
		err := r.walk("chat", `SELECT * FROM chat ORDER BY _id`, r.starts(ofChats), func(d *draft) error {
			d.row = *lean(d.row)
			return r.bare("chat", d)
		})
		if err != nil {
			return err
		}
	}
	if db.Table("call_log") == nil {
		return nil
	}
	bare := bareCalls(db)
	ofCalls := map[string]string{}
	for _, t := range []string{"call_log_participant_v2", "joinable_call_log"} {
		ofCalls[t] = bare + `SELECT p.*, p.call_log_row_id AS "@of" FROM ` + t + ` p JOIN bare ON bare._id = p.call_log_row_id`
		if db.Table("message_call_log") == nil { // nobody else reads those of calls that are gone
			ofCalls[t] = `SELECT *, call_log_row_id AS "@of" FROM ` + t
		}
	}
	return r.walk("call_log", bare+`SELECT * FROM bare ORDER BY _id`, r.starts(ofCalls), func(d *draft) error { return r.bare("call_log", d) })
}

// starts opens the children among tables, where the database has them.
func (r *run) starts(tables map[string]string) func(m *foreign.Merge) error {
	return func(m *foreign.Merge) error {
		for _, t := range m.DB.Tables() {
			if sql := tables[t.Name]; sql != "" && t.Plain {
				if err := m.Add(t.Name, sql); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// bare makes the record of a row that belongs to no message.
func (r *run) bare(table string, d *draft) error {
	c := r.Ledger.Of(table)
	c.Rows++
	c.Records++
	return r.append(d, false)
}

// walk reads the rows of a table, by the number _id, with all that belongs to
// them.
func (r *run) walk(root, sql string, start func(*foreign.Merge) error, each func(*draft) error) error {
	m := &foreign.Merge{DB: r.in.db, Ledger: r.Ledger, Orphan: r.orphan}
	if start != nil {
		if err := start(m); err != nil {
			return errors.Join(err, m.Close())
		}
	}
	c, err := r.in.db.Cursor(sql)
	if err != nil {
		return errors.Join(fmt.Errorf("read table %s: %w", root, err), m.Close())
	}
	for c.Next() {
		row := c.Row()
		id, _ := row.Get("_id").(int64)
		d := &draft{table: root, row: row}
		err := m.Take(id, d.with.Add)
		if err == nil {
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
