package cloudapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Interpreter says what the records of the Cloud API mean.
func Interpreter() capture.Interpreter { return interpreter{} }

type interpreter struct{}

// Reader implements capture.Interpreter.
func (interpreter) Reader(captures []record.Entry) (chat.Reader, error) {
	if len(captures) == 0 {
		return nil, errors.New("a reader of no capture")
	}
	var head record.CaptureHead
	if _, err := captures[0].Decode(&head); err != nil {
		return nil, err
	}
	r := &reader{head: head}
	var err error
	if err = json.Unmarshal(head.Reading, &r.Reading); err != nil {
		return nil, fmt.Errorf("reading of the capture: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("reading of the capture: version %d, this program knows 1", r.Version)
	}
	if r.loc, err = time.LoadLocation(r.Zone); err != nil {
		return nil, fmt.Errorf("zone of the capture: %w", err)
	}
	return r, nil
}

// Reading is how the items of a capture are read; it stands in the capture.
type Reading struct {
	Version int    `json:"v"`
	Zone    string `json:"zone"` // IANA; Meta gives instants, people read clocks
	Assumed bool   `json:"zone_assumed,omitempty"`
	Source  string `json:"source,omitempty"` // its name; empty: imported
	// Numbers are the firm's own, with whose they are.
	Numbers []Number `json:"numbers,omitempty"`
}

type reader struct {
	Reading
	head record.CaptureHead
	loc  *time.Location
}

// readerVersion is in the key of every reader: a better one reads all anew.
const readerVersion = 1

// Key implements chat.Reader.
func (r *reader) Key() string {
	b, _ := json.Marshal(r.Reading) // it came from JSON
	sum := sha256.Sum256(fmt.Append(b, "\x00", r.head.Account, "\x00", r.head.Custodian))
	return fmt.Sprintf("%s %d %s", Name, readerVersion, hex.EncodeToString(sum[:8]))
}

// Events implements chat.Reader.
func (r *reader) Events(e record.Entry) ([]chat.Event, error) {
	var h Head
	raw, err := e.Decode(&h)
	if err != nil {
		return nil, err
	}
	m, err := r.item(&h, raw, e)
	if err != nil || m == nil {
		return nil, err
	}
	return []chat.Event{{Seq: e.Seq, Message: *m}}, nil
}

// item reads an item. It gives no message where it is about none.
func (r *reader) item(h *Head, raw []byte, e record.Entry) (*chat.Message, error) {
	switch h.What {
	case Delivery:
		return r.delivery(h, raw, e)
	case Piece:
		if h.Piece == nil {
			return nil, errors.New("a piece of nowhere")
		}
		var contacts []value
		for _, p := range e.Parts[1:] {
			if _, b, err := record.Cut(p); err == nil {
				contacts = appendContact(contacts, b)
			}
		}
		return r.element(raw, h.Piece.In, contacts, e.At)
	case Request, Step, Answer, Sent:
		if h.Send == nil {
			return nil, errors.New("a send without its head")
		}
		return r.send(h, raw, e)
	case Media:
		if h.Media == nil {
			return nil, errors.New("a file without its head")
		}
		return r.media(h), nil
	}
	return nil, fmt.Errorf("an item of kind %q", h.What)
}

// delivery reads a delivery that was not cut: it is about one message, or none.
func (r *reader) delivery(h *Head, raw []byte, e record.Entry) (*chat.Message, error) {
	if h.Delivery != nil && h.Delivery.Pieces > 0 {
		return nil, nil //nolint:nilnil // what it said is in its pieces
	}
	switch all := Elements(raw); len(all) {
	case 0:
		_, err := parse(raw) // about no message, or nothing that can be read
		return nil, err
	case 1:
		var contacts []value
		for _, c := range all[0].Contacts {
			contacts = appendContact(contacts, raw[c[0]:c[1]])
		}
		return r.element(raw[all[0].At:all[0].End], all[0].Context, contacts, e.At)
	}
	return nil, errors.New("a delivery of several messages in one piece")
}

func appendContact(all []value, b []byte) []value {
	if v, err := parse(b); err == nil {
		return append(all, v)
	}
	return all
}

// Unread is what an item that could not be read is shown as.
func (r *reader) Unread(e record.Entry) chat.Message {
	m := r.begin(r.number("", ""), e.At)
	m.Time = chat.Ambiguous
	m.Chat = chat.Chat{Name: "Not understood"}
	return m
}

// own is a business number.
type own struct {
	account, custodian, jid, id string
	digits                      string
}

// number is the business number that an element came to.
func (r *reader) number(id, phone string) own {
	o := own{id: id, custodian: r.head.Custodian, digits: phoneDigits(phone)}
	for _, n := range r.Numbers {
		if n.ID != "" && n.ID == id || o.digits != "" && phoneDigits(n.Phone) == o.digits {
			o.custodian = cmp.Or(n.Custodian, o.custodian)
			o.digits = cmp.Or(o.digits, phoneDigits(n.Phone))
		}
	}
	switch {
	case o.digits != "":
		o.account = "+" + o.digits
	default:
		o.account = cmp.Or(strings.TrimSpace(phone), r.head.Account)
		o.digits = phoneDigits(o.account)
	}
	o.jid = address(o.account)
	return o
}

// person is the number as a sender.
func (o *own) person() *chat.Person {
	if o.digits == "" {
		return nil
	}
	return &chat.Person{Phone: "+" + o.digits, JID: o.jid}
}

// is reports whether a number or id is the business's own.
func (o *own) is(s string) bool {
	d := phoneDigits(s)
	return d != "" && (d == o.digits || s == o.id)
}

// begin makes a message of a number and a time.
func (r *reader) begin(o own, at time.Time) chat.Message {
	m := chat.Message{Account: o.account, Custodian: o.custodian, Zone: r.Zone, ZoneAssumed: r.Assumed, Precision: "second"}
	if !at.IsZero() {
		m.SentAt, m.SentLocal = stamp(at), at.In(r.loc).Format("2006-01-02T15:04:05")
	}
	return m
}

// partial makes a record that says something about a message.
func (r *reader) partial(o own, at time.Time, k chat.Key, c chat.Chat) *chat.Message {
	m := r.begin(o, at)
	m.Partial, m.Type, m.Key, m.Chat = true, chat.Unknown, &k, c
	return &m
}

// at is when Meta says that something was. It is unix seconds, a string or a
// number; some have milliseconds.
func at(v value, member string) time.Time {
	n, ok := v.int(member)
	if ok && n > 99_999_999_999 {
		n /= 1000
	}
	if !ok || n <= 0 || n >= 253402300800-24*60*60 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// phoneDigits are those of a phone number, or "" for what is none.
func phoneDigits(s string) string {
	ok := true
	d := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case !strings.ContainsRune("+-(). \u00a0\u202a\u202c", r):
			ok = false
		}
		return -1
	}, s)
	if !ok {
		return ""
	}
	return d
}

// Servers of addresses.
const (
	phones = "@s.whatsapp.net"
	groups = "@g.us"

	// Bsuids is the server of addresses that are business-scoped ids.
	Bsuids      = "bsuid"
	bsuidServer = "@" + Bsuids
)

// address is the JID of a person by a number, or "".
func address(s string) string {
	s = strings.TrimSpace(s)
	switch d := phoneDigits(s); {
	case d != "":
		return d + phones
	case s == "" || strings.Contains(s, "@"):
		return s
	}
	return s + phones
}

// groupAddress is the JID of a group.
func groupAddress(s string) string {
	if s = strings.TrimSpace(s); s == "" || strings.Contains(s, "@") {
		return s
	}
	return s + groups
}

// personOf is somebody by a number and a business-scoped id, of which one may
// be missing, or nil where both are.
func personOf(number, bsuid, name string) *chat.Person {
	number, bsuid = strings.TrimSpace(number), strings.TrimSpace(bsuid)
	if number == "" && bsuid == "" {
		return nil
	}
	p := &chat.Person{Name: name, JID: address(number), BSUID: bsuid}
	if d := phoneDigits(number); d != "" {
		p.Phone = "+" + d
	}
	return p
}

// direct is the chat with somebody.
func direct(p *chat.Person) chat.Chat {
	if p == nil {
		return chat.Chat{}
	}
	return chat.Chat{JID: p.JID, BSUID: p.BSUID, Name: cmp.Or(p.Name, p.Phone, p.JID, bsuidAddress(p.BSUID)), Kind: chat.Direct}
}

func group(id string) chat.Chat {
	jid := groupAddress(id)
	return chat.Chat{JID: jid, Name: jid, Kind: chat.Group}
}

func bsuidAddress(bsuid string) string {
	if bsuid == "" {
		return ""
	}
	return bsuid + bsuidServer
}

// keyChat is what a key calls a chat.
func keyChat(c *chat.Chat) string { return cmp.Or(c.JID, bsuidAddress(c.BSUID)) }

// chatOf is the chat that a key names.
func chatOf(jid string) chat.Chat {
	if b, ok := strings.CutSuffix(jid, bsuidServer); ok {
		return direct(&chat.Person{BSUID: b})
	}
	if strings.HasSuffix(jid, groups) {
		return group(jid)
	}
	return direct(personOf(strings.TrimSuffix(jid, phones), "", ""))
}

// unnamed is the name of a message that WhatsApp gave none: its bytes.
func unnamed(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
