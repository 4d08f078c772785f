package cloudapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Interpreter says what the items mean.
func Interpreter() capture.Interpreter { return interpreter{} }

type interpreter struct{}

// Reading is how the items of a capture are read; it stands in the capture.
type Reading struct {
	Version int    `json:"v"`
	Zone    string `json:"zone"` // IANA; Meta gives instants, people read clocks
	Assumed bool   `json:"zone_assumed,omitempty"`
	Source  string `json:"source,omitempty"` // its name; empty: imported
	// Numbers are the firm's own, with whose they are.
	Numbers []Number `json:"numbers,omitempty"`

	loc *time.Location
}

// Reader implements capture.Interpreter.
func (interpreter) Reader(captures []record.Entry) (chat.Reader, error) {
	if len(captures) == 0 {
		return nil, errors.New("a reader of no capture")
	}
	r := &reader{}
	if _, err := captures[0].Decode(&r.head); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(r.head.Reading, &r.rd); err != nil {
		return nil, fmt.Errorf("reading of the capture: %w", err)
	}
	if r.rd.Version != 1 {
		return nil, fmt.Errorf("reading of the capture: version %d, this program knows 1", r.rd.Version)
	}
	var err error
	if r.rd.loc, err = time.LoadLocation(r.rd.Zone); err != nil {
		return nil, fmt.Errorf("zone of the capture: %w", err)
	}
	return r, nil
}

type reader struct {
	head record.CaptureHead
	rd   Reading
}

// Key implements chat.Reader.
func (r *reader) Key() string {
	return fmt.Sprintf("cloudapi 1 %s %t %v %q %q", r.rd.Zone, r.rd.Assumed, r.rd.Numbers, r.head.Account, r.head.Custodian)
}

// errWhat is for an item that this program does not know.
var errWhat = errors.New("an item of an unknown kind")

// Events implements chat.Reader.
func (r *reader) Events(e record.Entry) ([]chat.Event, error) {
	var h Head
	raw, err := e.Decode(&h)
	if err != nil {
		return nil, err
	}
	switch {
	case h.What == Delivery && h.Delivery != nil:
		if h.Delivery.Pieces > 0 {
			return nil, nil // they speak for themselves
		}
		for _, el := range Elements(raw) { // one at most
			in := element{reader: r, ctx: el.Context, t: thingOf(raw[el.At:el.End])}
			for _, c := range el.Contacts {
				in.contacts = append(in.contacts, thingOf(raw[c[0]:c[1]]))
			}
			return in.events()
		}
		return nil, nil
	case h.What == Piece && h.Piece != nil:
		in := element{reader: r, ctx: h.Piece.In, t: thingOf(raw)}
		for _, p := range e.Parts[1:] {
			if _, c, err := record.Cut(p); err == nil {
				in.contacts = append(in.contacts, thingOf(c))
			}
		}
		return in.events()
	case h.Send != nil:
		return r.send(&h, raw)
	case h.What == Media && h.Media != nil:
		return r.media(&h)
	}
	return nil, errWhat
}

// element is one thing that a delivery tells of, with what is around it.
type element struct {
	*reader
	ctx      Context
	t        thing
	contacts []thing
}

// errElement is for an element that is no object where one must be.
var errElement = errors.New("an element that is no object")

// last is the name of the list that an element stands in.
func (in *element) last() string { return in.ctx.Path[strings.LastIndexByte(in.ctx.Path, '.')+1:] }

func (in *element) events() ([]chat.Event, error) {
	if in.t == nil {
		return nil, errElement
	}
	var m *chat.Message
	switch last := in.last(); {
	case last == "messages", last == "message_echoes", last == "standby":
		m = in.message()
	case last == "statuses" && in.ctx.Field == "calls", last == "calls":
		m = in.call()
	case last == "statuses":
		m = in.status()
	case last == "groups":
		m = in.group()
	case last == "user_id_update":
		m = in.userID()
	default: // of accounts, templates, preferences: About says what
		return nil, nil
	}
	if m == nil {
		return nil, nil
	}
	return []chat.Event{{Message: *m}}, nil
}

// account is the firm's own number, and whose it is.
func (r *reader) account(id, phoneNumber string) (account, custodian string) {
	custodian = r.head.Custodian
	if d := digits(phoneNumber); d != "" {
		account = "+" + d
	}
	for _, n := range r.rd.Numbers {
		if id != "" && n.ID == id || account != "" && digits(n.Phone) == digits(account) {
			account, custodian = cmp.Or(account, "+"+digits(n.Phone)), cmp.Or(n.Custodian, custodian)
		}
	}
	return cmp.Or(account, r.head.Account, id), custodian
}

// base is a message of which nothing is known but whose it is, and when.
func (r *reader) base(id, phoneNumber string, at time.Time) chat.Message {
	m := chat.Message{Zone: r.rd.Zone, ZoneAssumed: r.rd.Assumed, Precision: "second"}
	m.Account, m.Custodian = r.account(id, phoneNumber)
	if !at.IsZero() {
		m.SentAt, m.SentLocal = phone.Stamp(at), at.In(r.rd.loc).Format("2006-01-02T15:04:05")
	}
	return m
}

func (in *element) base() chat.Message {
	at := in.t.time("timestamp")
	if at.IsZero() && in.ctx.Time > 0 {
		at = time.Unix(in.ctx.Time, 0)
	}
	return in.reader.base(in.ctx.Number, in.ctx.Phone, at)
}

// own reports a number that is the account's.
func (in *element) own(number string) bool {
	d := digits(number)
	return number != "" && (d != "" && d == digits(in.ctx.Phone) || number == in.ctx.Phone)
}

// key names a message by its own ID.
func key(id string, m *chat.Message, fromMe bool) *chat.Key {
	if id == "" {
		return nil
	}
	return &chat.Key{ID: id, Unique: true, FromMe: fromMe, Chat: cmp.Or(m.Chat.JID, address(m.Chat.BSUID))}
}

// Bsuids is the server of addresses that are business-scoped ids.
const Bsuids = "bsuid"

func address(bsuid string) string {
	if bsuid == "" {
		return ""
	}
	return bsuid + "@" + Bsuids
}

// person is somebody by number and business-scoped id; nil by neither.
func person(number, bsuid, name string) *chat.Person {
	if number == "" && bsuid == "" {
		return nil
	}
	p := &chat.Person{Name: name, BSUID: bsuid}
	if number != "" {
		p.JID = jid(number)
		p.Phone = phone.Number(phone.User(p.JID))
	}
	return p
}

// jid is the address of a number, or of what stands in its place.
func jid(number string) string {
	if strings.Contains(number, "@") {
		return number
	}
	if d := digits(number); len(d) >= 5 && len(d) >= len(number)/2 {
		return d + "@" + phone.Phones
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' {
			return '_'
		}
		return r
	}, number) + "@" + phone.Phones
}

// contact is what the delivery says of somebody; nil: nothing.
func (in *element) contact(number, bsuid string) thing {
	for _, c := range in.contacts {
		if number != "" && digits(c.text("wa_id")) == digits(number) && digits(number) != "" || number != "" && c.text("wa_id") == number || bsuid != "" && c.text("user_id") == bsuid {
			return c
		}
	}
	return nil
}

// nameOf is what a contact is called.
func nameOf(c thing) string {
	return cmp.Or(c.at("profile").text("name"), c.at("profile").text("username"), c.text("full_name"), c.text("name"))
}

// with puts a message into the chat with somebody.
func with(m *chat.Message, p *chat.Person) {
	m.Chat.Kind = chat.Direct
	if p == nil {
		m.Chat.Name = "Somebody whom WhatsApp does not name"
		return
	}
	m.Chat.JID, m.Chat.BSUID = p.JID, p.BSUID
	m.Chat.Name = cmp.Or(p.Name, p.Phone, p.BSUID, p.JID)
}

// inGroup puts a message into a group.
func inGroup(m *chat.Message, id, subject string) {
	m.Chat.Kind, m.Chat.JID = chat.Group, id
	if !strings.Contains(id, "@") {
		m.Chat.JID = id + "@g.us"
	}
	m.Chat.Name = cmp.Or(subject, m.Chat.JID)
}
