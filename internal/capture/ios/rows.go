package ios

import (
	"strings"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// Tables that are named in more than one place.
const (
	messages = "ZWAMESSAGE"
	sessions = "ZWACHATSESSION"
	members  = "ZWAGROUPMEMBER"
	groups   = "ZWAGROUPINFO"
	media    = "ZWAMEDIAITEM"
	infos    = "ZWAMESSAGEINFO"

	calls    = "ZWACDCALLEVENT"
	callers  = "ZWACDCALLEVENTPARTICIPANT"
	entries  = "ZWAAGGREGATECALLEVENT" // what the list of calls shows as one
	joinable = "ZWAJOINABLECALLEVENT"
	joiners  = "ZWAJOINABLECALLEVENTPARTICIPANT"
)

// children are the tables whose rows belong to a message, which their queries
// name "@of". Any table with a column ZMESSAGE is one, so that a table of a
// later version is kept with its message, too.
var children = map[string]string{
	media: `SELECT x.*, coalesce(x.ZMESSAGE, m.pk) AS "@of" FROM ZWAMEDIAITEM x LEFT JOIN (
		SELECT ZMEDIAITEM, min(Z_PK) AS pk FROM ZWAMESSAGE GROUP BY ZMEDIAITEM) m ON m.ZMEDIAITEM = x.Z_PK AND x.ZMESSAGE IS NULL`,
	"ZWAVCARDMENTION":         `SELECT x.*, m.ZMESSAGE AS "@of" FROM ZWAVCARDMENTION x LEFT JOIN ZWAMEDIAITEM m ON m.Z_PK = x.ZMEDIAITEM`,
	"ZWAZ1PAYMENTTRANSACTION": `SELECT x.*, (SELECT min(m.Z_PK) FROM ZWAMESSAGE m WHERE m.ZSTANZAID = x.ZMESSAGESTANZAID) AS "@of" FROM ZWAZ1PAYMENTTRANSACTION x`,
	"ZWAGROUPMEMBERSCHANGE":   `SELECT *, NULL AS "@of" FROM ZWAGROUPMEMBERSCHANGE`, // of groups, each a record
}

// needs lists the columns without which a query of children cannot be asked.
var needs = map[string][2]string{
	media: {messages, "ZMEDIAITEM"}, "ZWAVCARDMENTION": {media, "ZMESSAGE"}, "ZWAZ1PAYMENTTRANSACTION": {messages, "ZSTANZAID"},
}

// ofMessages gives the query of a child of messages, or "".
func ofMessages(db *foreign.DB, t *foreign.Table) string {
	if n, ok := needs[t.Name]; ok {
		if other := db.Table(n[0]); other == nil || !other.Has(n[1]) {
			return plainChild(t)
		}
	}
	if sql := children[t.Name]; sql != "" {
		return sql
	}
	return plainChild(t)
}

// ofSessions gives the query of a child of chats, or "": who is in a group, and
// who made it.
func ofSessions(_ *foreign.DB, t *foreign.Table) string {
	if t.Name != members && t.Name != groups || !t.Has("ZCHATSESSION") {
		return ""
	}
	return `SELECT *, ZCHATSESSION AS "@of" FROM ` + foreign.Quote(t.Name)
}

func plainChild(t *foreign.Table) string {
	if !t.Has("ZMESSAGE") {
		return ""
	}
	return `SELECT *, ZMESSAGE AS "@of" FROM ` + foreign.Quote(t.Name)
}

// of gives a query of children that are named by a table and a relationship.
func of(child string) func(db *foreign.DB, t *foreign.Table) string {
	return func(_ *foreign.DB, t *foreign.Table) string {
		column := relation(t, "PARTICIPANTS")
		if t.Name != child || column == "" {
			return ""
		}
		return `SELECT *, ` + foreign.Quote(column) + ` AS "@of" FROM ` + foreign.Quote(t.Name)
	}
}

// relation finds the column of a relationship, or "".
func relation(t *foreign.Table, name string) string {
	for _, c := range t.Columns {
		if relates(c, name) {
			return c
		}
	}
	return ""
}

// stay says of tables that do not become records why: they remain in the
// evidence. A table that is neither here nor a child is named as unknown.
var stay = map[string]string{
	members: contextRows, groups: contextRows, "ZWAPROFILEPUSHNAME": contextRows, entries: contextRows,
	"ZWAADDRESSBOOKCONTACT": contextRows, "ZWAPHONENUMBERLIDPAIR": contextRows,
	"ZWAPROFILEPICTUREITEM": "pictures of people, which are no messages", "ZWABLACKLISTITEM": "whom the phone's owner has blocked",
	"ZWACHATPROPERTIES": settings, "ZWACHATPUSHCONFIG": settings,
	"Z_PRIMARYKEY": machinery, "Z_METADATA": machinery, "Z_MODELCACHE": machinery, "ACHANGE": machinery, "ATRANSACTION": machinery,
	"ATRANSACTIONSTRING": machinery, "sqlite_sequence": machinery, "sqlite_stat1": machinery, "sqlite_stat4": machinery,
}

const (
	contextRows = "context: what is needed of it stands in the records of the messages"
	machinery   = "the app's own bookkeeping"
	settings    = "settings of the phone's owner"
)

func stays(table string) string { return stay[table] }

// lean takes from a chat's row what changes with every message, and what the
// owner began to write: it says nothing about the chat.
func lean(row foreign.Row) foreign.Row {
	out := foreign.Row{}
	for i, c := range row.Columns {
		switch {
		case strings.HasPrefix(c, "ZLAST"), c == "ZUNREADCOUNT", c == "ZMESSAGECOUNTER", c == "ZSAVEDINPUT", c == "ZETAG", c == "ZSPOTLIGHTSTATUS", c == "Z_OPT":
			continue
		}
		out.Columns, out.Values = append(out.Columns, c), append(out.Values, row.Values[i])
	}
	return out
}
