package android

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// item is what stands in a record: a row as the database had it, the rows of
// other tables that belong to it, and what is needed to understand both.
type item struct {
	Table string         // "t"
	Row   foreign.Fields // "row"
	// With holds the rows of other tables that name this one: "with".
	With map[string][]foreign.Fields
	// Chat is the row of its chat: "chat".
	Chat foreign.Fields
	// JID tells for each row of table jid that is named here whom it stands
	// for, "jid": the address as stored, the phone's address where the
	// database maps it (else empty), a name that the database has (else empty).
	JID map[int64][3]string
	// Dropped is true where the phone had marked the row to be removed:
	// "dropped".
	Dropped bool
	// Context is what an increment says of the chat of its messages:
	// "context".
	Context foreign.Fields
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
		case "chat":
			it.Chat = s.Fields()
		case "jid":
			it.JID = map[int64][3]string{}
			s.Object(func(id string) {
				var a [3]string
				n := 0
				s.Array(func() { a[min(n, 2)] = s.String(); n++ })
				if id, err := strconv.ParseInt(id, 10, 64); err == nil {
					it.JID[id] = a
				}
			})
		case "dropped":
			it.Dropped = s.Bool()
		case "context":
			it.Context = s.Fields()
		default:
			s.Skip() // of a later version
		}
	})
	if err := s.Err(true); err != nil {
		return it, fmt.Errorf("decode an item: %w", err)
	}
	return it, nil
}

// draft is an item that is being put together.
type draft struct {
	table   string
	row     foreign.Row
	with    foreign.With
	chat    *foreign.Row
	context *foreign.Row // of an increment: what it says of the chat
	dropped bool
}

// isJID reports whether a column holds the number of a row of table jid.
func isJID(column string) bool {
	switch column {
	case "user_jid", "author_device_jid", "business_owner_jid", "seller_jid":
		return true
	}
	return strings.HasSuffix(column, "jid_row_id") || strings.HasSuffix(column, "lid_row_id")
}

// isAddress reports whether a column of the old tables holds addresses as
// text.
func isAddress(column string) bool {
	switch column {
	case "key_remote_jid", "remote_resource", "mentioned_jids", "gjid", "jid":
		return true
	}
	return false
}

// encode gives the raw bytes of the record.
func (d *draft) encode(p *people) []byte {
	b := append(make([]byte, 0, 1024), `{"t":`...)
	b = foreign.AppendString(b, d.table)
	b = d.row.AppendJSON(append(b, `,"row":`...), nil)
	if len(d.with) > 0 {
		b = d.with.AppendJSON(append(b, `,"with":`...))
	}
	if d.chat != nil {
		b = d.chat.AppendJSON(append(b, `,"chat":`...), nil)
	}
	b = d.encodeJIDs(b, p)
	if d.dropped {
		b = append(b, `,"dropped":true`...)
	}
	if d.context != nil {
		b = d.context.AppendJSON(append(b, `,"context":`...), nil)
	}
	return append(b, '}')
}

func (d *draft) encodeJIDs(b []byte, p *people) []byte {
	n := 0
	for _, id := range d.jids(p) {
		who, ok := p.byID[id]
		if !ok {
			continue
		}
		if n == 0 {
			b = append(b, `,"jid":{`...)
		} else {
			b = append(b, ',')
		}
		n++
		b = append(append(strconv.AppendInt(append(b, '"'), id, 10), '"'), ':', '[')
		b = append(foreign.AppendString(b, who.raw), ',')
		b = append(foreign.AppendString(b, who.phone), ',')
		b = append(foreign.AppendString(b, who.name), ']')
	}
	if n > 0 {
		b = append(b, '}')
	}
	return b
}

// jids lists the rows of table jid that d names, sorted.
func (d *draft) jids(p *people) (ids []int64) {
	add := func(id int64) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	note := func(r foreign.Row) {
		for i, c := range r.Columns {
			switch v := r.Values[i].(type) {
			case int64:
				if v > 0 && isJID(c) {
					add(v)
				}
			case string:
				if !isAddress(c) {
					continue
				}
				for jid := range strings.SplitSeq(v, ",") {
					if id, ok := p.byRaw[jid]; ok {
						add(id)
					}
				}
			}
		}
	}
	note(d.row)
	d.with.Each(func(_ string, r foreign.Row) { note(r) })
	if d.chat != nil {
		note(*d.chat)
	}
	slices.Sort(ids)
	return ids
}

// item is what decodeItem gives of the encoded draft.
func (d *draft) item(p *people) item {
	it := item{Table: d.table, Row: d.row.Fields(), With: d.with.Fields(), Dropped: d.dropped}
	if d.chat != nil {
		it.Chat = d.chat.Fields()
	}
	if d.context != nil {
		it.Context = d.context.Fields()
	}
	for _, id := range d.jids(p) {
		if who, ok := p.byID[id]; ok {
			if it.JID == nil {
				it.JID = map[int64][3]string{}
			}
			it.JID[id] = [3]string{who.raw, who.phone, who.name}
		}
	}
	return it
}

// identity is what makes two items the same raw item, in whatever database
// they stand: everything that the rows say, with addresses in place of row
// numbers and without the numbers that a database gives its own rows.
func (d *draft) identity(p *people) []byte {
	edit := func(column string, v any) (any, bool) {
		switch id, isInt := v.(int64); {
		case isInt && isJID(column):
			if who, ok := p.byID[id]; ok {
				return who.raw, true
			}
			return v, true
		case column == "_id", column == "sort_id", strings.HasSuffix(column, "_row_id"):
			return nil, false
		}
		return v, true
	}
	b := append(append(make([]byte, 0, 1024), d.table...), 0)
	if d.chat != nil && d.table != "messages" { // whose rows name it
		b = append(append(b, p.chatJID(*d.chat)...), 0)
	}
	return d.with.AppendIdentity(d.row.AppendJSON(b, edit), edit)
}
