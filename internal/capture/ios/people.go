package ios

import (
	"fmt"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
)

// people is what the databases say of addresses: read once, asked for every
// row.
type people struct {
	phones map[string]string // the phone's address, by LID
	names  map[string]string // by address
}

// of returns the phone's address that a LID is mapped to and the name of an
// address; ok is false where neither is known.
func (p *people) of(jid string) (who [2]string, ok bool) {
	who[0] = p.phones[jid]
	if who[1] = p.names[jid]; who[1] == "" {
		who[1] = p.names[who[0]]
	}
	return who, who != [2]string{}
}

// call names an address. What named it first counts.
func (p *people) call(jid, name string) {
	name = strings.TrimSpace(strings.Trim(name, marks))
	if jid = bare(jid); jid != "" && name != "" && p.names[jid] == "" && !isNumber(name) && !encoded(name) {
		p.names[jid] = name
	}
}

// marks are direction marks with which WhatsApp decorates numbers.
const marks = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

// isNumber reports whether a name is only the number, as it is of somebody
// whom the address book does not have.
func isNumber(name string) bool {
	return strings.HasPrefix(name, "+") && strings.Trim(name, "+0123456789 -().\u00a0\u2011") == ""
}

// readPeople reads who addresses stand for. What the owner called somebody
// counts before what they call themselves. contacts and lids may be nil.
func readPeople(db, contacts, lids *foreign.DB) (*people, error) {
	p := &people{phones: map[string]string{}, names: map[string]string{}}
	str := func(r foreign.Row, column string) string { s, _ := r.Get(column).(string); return s }
	for _, q := range []struct {
		db    *foreign.DB
		table string
		row   func(r foreign.Row)
	}{
		{lids, "ZWAPHONENUMBERLIDPAIR", func(r foreign.Row) {
			p.pair(str(r, "ZLID"), str(r, "ZPHONENUMBER"))
		}},
		{contacts, "ZWAADDRESSBOOKCONTACT", func(r foreign.Row) {
			jid, lid := str(r, "ZWHATSAPPID"), str(r, "ZLID")
			p.pair(lid, jid)
			for _, c := range []string{"ZFULLNAME", "ZGIVENNAME", "ZBUSINESSNAME", "ZUSERNAME"} {
				p.call(jid, str(r, c))
				p.call(at(lid, phone.LIDs), str(r, c))
			}
		}},
		{db, members, func(r foreign.Row) {
			p.call(str(r, "ZMEMBERJID"), str(r, "ZCONTACTNAME"))
			p.call(str(r, "ZMEMBERJID"), str(r, "ZFIRSTNAME"))
		}},
		{db, sessions, func(r foreign.Row) { p.call(str(r, "ZCONTACTJID"), str(r, "ZPARTNERNAME")) }},
		{db, "ZWAPROFILEPUSHNAME", func(r foreign.Row) { p.call(str(r, "ZJID"), str(r, "ZPUSHNAME")) }},
	} {
		if q.db == nil || q.db.Table(q.table) == nil {
			continue
		}
		err := q.db.Query(`SELECT * FROM `+q.table, func(r foreign.Row) error { q.row(r); return nil })
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", q.table, err)
		}
	}
	return p, nil
}

// pair maps a LID to a phone; each may be an address or its user alone.
func (p *people) pair(lid, of string) {
	lid, of = at(lid, phone.LIDs), at(of, phone.Phones)
	if phone.Server(lid) == phone.LIDs && phone.Server(of) == phone.Phones && p.phones[lid] == "" {
		p.phones[lid] = of
	}
}

// at makes an address of what may be a user alone.
func at(user, server string) string {
	if user == "" || strings.Contains(user, "@") {
		return bare(user)
	}
	return strings.TrimPrefix(user, "+") + "@" + server
}

// account finds the owner's number, which the phone writes beside its own
// messages and into notices. It is empty where it does not.
func account(db *foreign.DB) (number string, err error) {
	t := db.Table(messages)
	for _, q := range []struct {
		column string
		fromMe int64
		jid    func(s string) string
	}{
		{"ZPUSHNAME", 1, func(s string) string { return unwrap(s).text(3) }},
		{"ZTOJID", 0, func(s string) string { return s }},
	} {
		if number != "" || !t.Has(q.column) || !t.Has("ZISFROMME") {
			continue
		}
		err := db.Query(`SELECT `+q.column+` FROM ZWAMESSAGE WHERE ZISFROMME = ? AND `+q.column+` IS NOT NULL ORDER BY Z_PK DESC LIMIT 50`, func(r foreign.Row) error {
			s, _ := r.Values[0].(string)
			if jid := q.jid(s); phone.Server(jid) == phone.Phones && number == "" {
				number = phone.Number(phone.User(jid))
			}
			return nil
		}, q.fromMe)
		if err != nil {
			return "", fmt.Errorf("read table %s: %w", messages, err)
		}
	}
	return number, nil
}
