package ios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// item is what stands in a record: a row as the database had it, the rows of
// other tables that belong to it, and what is needed to understand both.
type item struct {
	Table string         // "t"
	Row   foreign.Fields // "row"
	// With holds the rows of other tables that name this one: "with".
	With map[string][]foreign.Fields
	// Of holds the rows that this one names, by table: its chat, the member of
	// the group who sent it: "of".
	Of map[string]foreign.Fields
	// JID tells of addresses that stand in the rows whom they stand for,
	// "jid": the phone's address where the address is a LID and mapped (else
	// empty), a name that the databases have (else empty).
	JID map[string][2]string
}

func decodeItem(raw []byte) (it item, err error) {
	s := foreign.NewScanner(raw)
	s.Object(func(name string) {
		switch name {
		case "t":
			it.Table = s.String()
		case "row":
			it.Row = s.Fields()
		case "with":
			it.With = s.With()
		case "of":
			it.Of = map[string]foreign.Fields{}
			s.Object(func(table string) { it.Of[table] = s.Fields() })
		case "jid":
			it.JID = map[string][2]string{}
			s.Object(func(jid string) {
				var who [2]string
				n := 0
				s.Array(func() { who[min(n, 1)] = s.String(); n++ })
				it.JID[jid] = who
			})
		default:
			s.Skip() // of a later version
		}
	})
	if err := s.Err(true); err != nil {
		return it, fmt.Errorf("decode an item: %w", err)
	}
	return it, nil
}

// person makes a person of an address.
func (it *item) person(jid string) *chat.Person {
	who := it.JID[bare(jid)]
	return phone.Person(jid, who[0], who[1])
}

// bare is an address without a device, or as it is where it is not a person's.
func bare(jid string) string {
	switch s := phone.Server(jid); s {
	case phone.Phones, phone.LIDs:
		return phone.User(jid) + "@" + s
	}
	return jid
}

// draft is an item that is being put together.
type draft struct {
	table string
	row   foreign.Row
	with  foreign.With
	of    []owner
	jid   map[string][2]string
}

// owner is a row that the draft's names.
type owner struct {
	table string
	row   foreign.Row
}

// encode gives the raw bytes of the record.
func (d *draft) encode() []byte {
	b := append(make([]byte, 0, 1024), `{"t":`...)
	b = foreign.AppendString(b, d.table)
	b = d.row.AppendJSON(append(b, `,"row":`...), nil)
	if len(d.with) > 0 {
		b = d.with.AppendJSON(append(b, `,"with":`...))
	}
	sep := `,"of":{`
	for _, o := range d.of {
		b = append(b, sep...)
		b = o.row.AppendJSON(append(foreign.AppendString(b, o.table), ':'), nil)
		sep = `,`
	}
	if len(d.of) > 0 {
		b = append(b, '}')
	}
	sep = `,"jid":{`
	for _, jid := range slices.Sorted(maps.Keys(d.jid)) {
		b = append(b, sep...)
		b = append(foreign.AppendString(b, jid), `:[`...)
		b = append(foreign.AppendString(b, d.jid[jid][0]), ',')
		b = append(foreign.AppendString(b, d.jid[jid][1]), ']')
		sep = `,`
	}
	if len(d.jid) > 0 {
		b = append(b, '}')
	}
	return append(b, '}')
}

// item is what decodeItem gives of the encoded draft.
func (d *draft) item() item {
	it := item{Table: d.table, Row: d.row.Fields(), With: d.with.Fields(), JID: d.jid, Of: make(map[string]foreign.Fields, len(d.of))}
	for _, o := range d.of {
		it.Of[o.table] = o.row.Fields()
	}
	return it
}

// name finds out whom the addresses in the draft's rows stand for.
func (d *draft) name(p *people) {
	d.jid = map[string][2]string{}
	note := func(jid string) {
		if who, ok := p.of(jid); ok {
			d.jid[jid] = who
		}
	}
	look := func(r foreign.Row) {
		for _, v := range r.Values {
			switch v := v.(type) {
			case string:
				addresses(v, note)
			case []byte:
				addresses(string(v), note)
			}
		}
	}
	look(d.row)
	d.with.Each(func(_ string, r foreign.Row) { look(r) })
	for _, o := range d.of {
		look(o.row)
	}
}

// addresses calls f with every address of a person that stands in s, as text
// or inside a protobuf.
func addresses(s string, f func(jid string)) {
	for {
		i := strings.IndexByte(s, '@')
		if i < 0 {
			return
		}
		from := i
		for from > 0 && (s[from-1] >= '0' && s[from-1] <= '9' || s[from-1] == ':') {
			from--
		}
		user := phone.User(s[from:i])
		s = s[i+1:]
		switch {
		case user == "":
		case strings.HasPrefix(s, phone.LIDs):
			f(user + "@" + phone.LIDs)
		case strings.HasPrefix(s, phone.Phones), strings.HasPrefix(s, "status"):
			f(user + "@" + phone.Phones)
		}
	}
}

// volatile columns are numbers that a database gives its own rows, and what
// the app notes about its own work.
func volatile(column string) bool {
	switch column {
	case "Z_PK", "Z_ENT", "Z_OPT", "ZSORT", "ZDOCID", "ZSPOTLIGHTSTATUS", "ZENCRETRYCOUNT", "ZDATAITEMVERSION", // counters
		"ZCHATSESSION", "ZLASTSESSION", "ZGROUPMEMBER", "ZMEDIAITEM", "ZMESSAGEINFO", "ZPARENTMESSAGE", "ZMESSAGE", // numbers of rows
		"ZGROUPINFO", "ZPROPERTIES", "ZRECENTGROUPCHAT", "ZCONTACTABID", "ZLASTMESSAGEOWNER", "ZSENDERKEYSENT",
		"ZCLOUDSTATUS", "ZMEDIAURL", "ZMEDIAURLDATE": // where the app could fetch a file again
		return true
	}
	return strings.HasPrefix(column, "Z_FOK_") || relates(column, "CALLEVENTS") || relates(column, "PARTICIPANTS")
}

// relates reports whether a column is Core Data's for a relationship: Z, the
// number of an entity, which changes with the version, and its name.
func relates(column, name string) bool {
	n, ok := strings.CutSuffix(column, name)
	return ok && len(n) > 1 && n[0] == 'Z' && strings.Trim(n[1:], "0123456789") == ""
}

// identity is what makes two items the same raw item, in whatever database
// they stand: everything that the rows say, with addresses in place of row
// numbers.
func (d *draft) identity() []byte {
	edit := func(column string, v any) (any, bool) { return v, !volatile(column) }
	b := append(append(make([]byte, 0, 1024), d.table...), 0)
	for _, o := range d.of {
		switch o.table {
		case sessions:
			b = appendText(b, o.row.Get("ZCONTACTJID"))
		case members:
			b = appendText(b, o.row.Get("ZMEMBERJID"))
		default:
			b = append(o.row.AppendJSON(b, edit), 0)
		}
	}
	return d.with.AppendIdentity(d.row.AppendJSON(b, edit), edit)
}

func appendText(b []byte, v any) []byte {
	s, _ := v.(string)
	return append(append(b, s...), 0)
}
