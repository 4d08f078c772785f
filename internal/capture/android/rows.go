package android

import (
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// A child is a table whose rows belong to a message, which its query names
// "@of". Any table with a column message_row_id is one, so that a table of a
// later version is kept with its message, too; the ones here need words of
// their own.
var children = map[string]string{
	"message_add_on":                           `SELECT *, parent_message_row_id AS "@of" FROM message_add_on`,
	"message_add_on_reaction":                  ofAddOn("message_add_on_reaction"),
	"message_add_on_poll_vote":                 ofAddOn("message_add_on_poll_vote"),
	"message_add_on_poll_vote_selected_option": ofAddOn("message_add_on_poll_vote_selected_option"),
	"message_add_on_pin_in_chat":               ofAddOn("message_add_on_pin_in_chat"),
	"message_add_on_keep_in_chat":              ofAddOn("message_add_on_keep_in_chat"),
	"message_add_on_event_response":            ofAddOn("message_add_on_event_response"),
	"message_add_on_receipt_device":            ofAddOn("message_add_on_receipt_device"),
	"message_association":                      `SELECT *, child_message_row_id AS "@of" FROM message_association`,
	"message_call_log":                         `SELECT *, message_row_id AS "@of" FROM message_call_log`,
	"call_log":                                 `SELECT c.*, m.id AS "@of" FROM call_log c JOIN ` + lines + ` ON m.call_log_row_id = c._id`,
	"call_log_participant_v2":                  ofCall("call_log_participant_v2"),
	"joinable_call_log":                        ofCall("joinable_call_log"),
	"missed_call_log_participant":              `SELECT p.*, l.message_row_id AS "@of" FROM missed_call_log_participant p LEFT JOIN missed_call_logs l ON l._id = p.call_logs_row_id`,
	"messages_quotes":                          `SELECT q.*, m.id AS "@of" FROM messages_quotes q LEFT JOIN (SELECT quoted_row_id, min(_id) AS id FROM messages GROUP BY 1) m ON m.quoted_row_id = q._id`,
	"receipts":                                 `SELECT r.*, m._id AS "@of" FROM receipts r LEFT JOIN messages m ON m.key_remote_jid = r.key_remote_jid AND m.key_id = r.key_id AND m.key_from_me = 1`,
}

// lines are the messages that stand for calls. No row is read twice, whatever
// names it.
const lines = `(SELECT call_log_row_id, min(message_row_id) AS id FROM message_call_log GROUP BY 1) m`

// ofCall leaves out what belongs to calls without a line in a chat: those are
// records themselves, and have theirs.
func ofCall(table string) string {
	return `SELECT p.*, m.id AS "@of" FROM ` + table + ` p LEFT JOIN ` + lines + ` ON m.call_log_row_id = p.call_log_row_id
		WHERE m.id IS NOT NULL OR p.call_log_row_id IS NULL OR p.call_log_row_id NOT IN (SELECT _id FROM call_log)`
}

func ofAddOn(table string) string {
	return `SELECT x.*, a.parent_message_row_id AS "@of" FROM ` + table + ` x LEFT JOIN message_add_on a ON a._id = x.message_add_on_row_id`
}

// has reports whether the database has the other tables that a child's query
// reads.
func has(db *foreign.DB, child string) bool {
	needs := []string{}
	switch {
	case child == "call_log", child == "call_log_participant_v2", child == "joinable_call_log":
		needs = []string{"call_log", "message_call_log"}
	case child == "missed_call_log_participant":
		needs = []string{"missed_call_logs"}
	case child == "messages_quotes", child == "receipts":
		needs = []string{"messages"}
	case strings.HasPrefix(child, "message_add_on_"):
		needs = []string{"message_add_on"}
	}
	return !slices.ContainsFunc(needs, func(t string) bool { return db.Table(t) == nil })
}

// stays says of a table that does not become records why: it remains in the
// evidence. One that is neither here nor a child is named as unknown.
func stays(table string) string {
	if strings.Contains(table, "_fts") || strings.HasPrefix(table, "fts_") {
		return "a search index of the app"
	}
	return stay[table]
}

var stay = map[string]string{
	"jid": contextRows, "jid_map": contextRows, "lid_display_name": contextRows,
	"props": machinery, "android_metadata": machinery, "sqlite_sequence": machinery, "sqlite_stat1": machinery, "backup_changes": machinery,
	"media_refs": machinery, "user_device": machinery, "user_device_info": machinery, "lid_chat_state": machinery, "deleted_chat_job": contextRows,
	"status": machinery, "media_hash_thumbnail": thumbnails, "message_thumbnails": thumbnails, "frequent": machinery, "frequents": machinery,
	"labels": "labels of the phone's owner", "labeled_jid": "labels of the phone's owner", "status_list": machinery, "chat_list": machinery,
	"conversion_tuples": machinery, "primary_device_version": machinery, "group_participant_device": machinery,
}

const (
	contextRows = "context: what is needed of it stands in the records of the messages"
	machinery   = "the app's own bookkeeping"
	thumbnails  = "previews of media"
)

// start opens the children of a table of messages. Where a database has the
// old table and the new one, a row that both have brings the tables that came
// with the old one as old, and all others as new; a number that only the old
// one has, all. Where there is the old one alone, all tables are about that.
func start(m *foreign.Merge, root string) error {
	both := m.DB.Table("message") != nil && m.DB.Table("messages") != nil
	of := map[string]string{
		"message":  `"@of" IS NULL OR "@of" IN (SELECT _id FROM message) OR "@of" NOT IN (SELECT _id FROM messages)`,
		"messages": `"@of" IN (SELECT _id FROM messages) AND "@of" NOT IN (SELECT _id FROM message)`,
	}
	for _, t := range m.DB.Tables() {
		if !t.Plain || t.Name == root || both && legacyChild(t.Name) && root == "message" {
			continue
		}
		sql := children[t.Name]
		switch {
		case sql == "" && !t.Has("message_row_id"):
			continue
		case sql == "":
			sql = `SELECT *, message_row_id AS "@of" FROM ` + foreign.Quote(t.Name)
		case !has(m.DB, t.Name):
			continue
		}
		if both && !legacyChild(t.Name) {
			sql = `SELECT * FROM (` + sql + `) WHERE ` + of[root]
		}
		if err := m.Add(t.Name, sql); err != nil {
			return err
		}
	}
	return nil
}

// legacyChild reports whether a table belongs to the old table messages.
func legacyChild(table string) bool {
	return strings.HasPrefix(table, "messages_") || table == "receipts"
}
