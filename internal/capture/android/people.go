package android

import (
	"fmt"
	"maps"
	"slices"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// people is what a database says of addresses: read once, asked for every row.
type people struct {
	byID  map[int64]address
	byRaw map[string]int64
	names map[string]string // by address, from wa.db
}

// address is one row of table jid, with what other tables say of it.
type address struct {
	raw   string // "447700900001@s.whatsapp.net", "123@lid"
	phone string // the phone's address, where raw is a LID and mapped
	name  string
}

func newPeople() *people {
	return &people{byID: map[int64]address{}, byRaw: map[string]int64{}, names: map[string]string{}}
}

// readPeople reads who the rows of table jid stand for. wa, the database of
// contacts, may be nil; in a backup it is usually empty.
func readPeople(db, wa *foreign.DB) (*people, error) {
	p := newPeople()
	if wa != nil {
		if err := p.contacts(wa); err != nil {
			return nil, err
		}
	}
	if db.Table("jid") == nil { // before 2018
		for i, jid := range slices.Sorted(maps.Keys(p.names)) {
			id := int64(-1 - i) // no number of a row
			p.byID[id], p.byRaw[jid] = address{raw: jid, name: p.names[jid]}, id
		}
		return p, nil
	}
	err := db.Query(`SELECT * FROM jid`, func(r foreign.Row) error {
		id, _ := r.Get("_id").(int64)
		raw, _ := r.Get("raw_string").(string)
		if raw == "" { // as in old rows
			user, _ := r.Get("user").(string)
			server, _ := r.Get("server").(string)
			raw = user + "@" + server
		}
		p.byID[id], p.byRaw[raw] = address{raw: raw, name: p.names[raw]}, id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read table jid: %w", err)
	}
	if db.Table("jid_map") != nil {
		err := db.Query(`SELECT lid_row_id, jid_row_id FROM jid_map`, func(r foreign.Row) error {
			lid, _ := r.Values[0].(int64)
			id, _ := r.Values[1].(int64)
			if a, ok := p.byID[lid]; ok {
				a.phone = p.byID[id].raw
				if a.name == "" {
					a.name = p.byID[id].name
				}
				p.byID[lid] = a
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read table jid_map: %w", err)
		}
	}
	if db.Table("lid_display_name") != nil {
		err := db.Query(`SELECT lid_row_id, display_name FROM lid_display_name`, func(r foreign.Row) error {
			lid, _ := r.Values[0].(int64)
			name, _ := r.Values[1].(string)
			if a, ok := p.byID[lid]; ok && a.name == "" {
				a.name = name
				p.byID[lid] = a
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read table lid_display_name: %w", err)
		}
	}
	return p, p.channels(db)
}

// channels reads what channels call themselves.
func (p *people) channels(db *foreign.DB) error {
	if db.Table("newsletter") == nil || db.Table("chat") == nil {
		return nil
	}
	err := db.Query(`SELECT c.jid_row_id, n.name FROM newsletter n JOIN chat c ON c._id = n.chat_row_id`, func(r foreign.Row) error {
		id, _ := r.Values[0].(int64)
		name, _ := r.Values[1].(string)
		if a, ok := p.byID[id]; ok && a.name == "" {
			a.name = name
			p.byID[id] = a
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read table newsletter: %w", err)
	}
	return nil
}

// contacts reads the names of the phone's address book. A name that the owner
// gave counts before one that the contact chose.
func (p *people) contacts(wa *foreign.DB) error {
	if wa.Table("wa_contacts") == nil {
		return nil
	}
	err := wa.Query(`SELECT * FROM wa_contacts`, func(r foreign.Row) error {
		jid, _ := r.Get("jid").(string)
		for _, c := range []string{"display_name", "wa_name", "nickname"} {
			if name, _ := r.Get(c).(string); name != "" && jid != "" {
				p.names[jid] = name
				break
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read table wa_contacts: %w", err)
	}
	return nil
}

// chatJID is the address of a chat's row.
func (p *people) chatJID(chat foreign.Row) string {
	id, _ := chat.Get("jid_row_id").(int64)
	return p.byID[id].raw
}
