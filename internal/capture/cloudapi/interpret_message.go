package cloudapi

import (
	"cmp"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// element reads one element of a delivery. It gives nil for one that is about
// no message: About says what it means.
func (r *reader) element(raw []byte, in Context, contacts []value, kept time.Time) (*chat.Message, error) {
	v, err := parse(raw)
	if err != nil {
		return nil, err
	}
	el := element{value: v, r: r, own: r.number(in.Number, in.Phone), in: in, contacts: contacts, kept: kept}
	path := in.Path[strings.LastIndexByte(in.Path, '.')+1:]
	switch {
	case path == "statuses":
		return el.status(), nil
	case path == "calls":
		return el.call(), nil
	case path == "groups":
		return el.groupNotice(raw), nil
	case path == "user_id_update":
		return el.userID(raw), nil
	case path == "message_echoes" || path == "messages" && in.Field == "smb_message_echoes":
		el.out = true
		return el.message(raw), nil
	case path == "messages" || path == "standby":
		return el.message(raw), nil
	}
	return nil, nil //nolint:nilnil // about no message
}

// element is one of a delivery, and what lies around it.
type element struct {
	value
	r        *reader
	own      own
	in       Context
	contacts []value
	kept     time.Time
	out      bool // the business sent it
}

// begin makes a message of the time that a member has; one without a time
// gets that of its record, which is said to be uncertain.
func (el *element) begin(at time.Time) chat.Message {
	if at.IsZero() {
		m := el.r.begin(el.own, el.kept)
		m.Time = chat.Ambiguous
		return m
	}
	return el.r.begin(el.own, at)
}

// contact is what a delivery tells of somebody beside the message.
func (el *element) contact(number, bsuid string) value {
	for _, c := range el.contacts {
		if d := phoneDigits(number); number != "" && (c.str("wa_id") == number || d != "" && phoneDigits(c.str("wa_id")) == d) || bsuid != "" && c.str("user_id") == bsuid {
			return c
		}
	}
	return value{}
}

// somebody is a person of an element: a number, a business-scoped id, and what
// the contacts add to them.
func (el *element) somebody(number, bsuid string) *chat.Person {
	c := el.contact(number, bsuid)
	if number == "" && bsuid == "" && len(el.contacts) == 1 {
		c = el.contacts[0]
	}
	p := personOf(cmp.Or(number, c.str("wa_id")), cmp.Or(bsuid, c.str("user_id")), cmp.Or(c.str("profile", "name"), c.str("profile", "username")))
	if p != nil {
		p.ParentBSUID = c.str("parent_user_id")
	}
	return p
}

// message reads an element of messages, of message_echoes, or of a thread of
// the history.
func (el *element) message(raw []byte) *chat.Message {
	if inner := el.get("message"); inner.isObject() && !el.has("type") {
		el.value = merged(el.value, inner) // as the agent sends it
	}
	from := el.str("from")
	el.out = el.out || el.own.is(from)
	var other *chat.Person
	if el.out {
		other = el.somebody(cmp.Or(el.or("to", "recipient_id"), el.thread()), el.or("to_user_id", "recipient", "recipient_user_id"))
	} else {
		other = el.somebody(from, el.str("from_user_id"))
	}
	if other != nil {
		other.ParentBSUID = cmp.Or(el.or("from_parent_user_id", "to_parent_user_id"), other.ParentBSUID)
	}
	c := direct(other)
	if g := el.str("group_id"); g != "" {
		c = group(g)
	}
	if t := el.str("type"); t == "reaction" || t == "edit" || t == "revoke" {
		if m := el.about(t, c, other); m != nil {
			return m
		}
	}
	m := el.begin(at(el.value, "timestamp"))
	m.Chat, m.Direction, m.From = c, chat.In, other
	m.Key = &chat.Key{ID: cmp.Or(el.str("id"), unnamed(raw)), Unique: true, FromMe: el.out, Chat: keyChat(&c)}
	if el.out {
		m.Direction, m.From = chat.Out, el.sender(from)
		m.Receipts = el.historyState(other)
	} else if c.Kind == chat.Group && other != nil {
		m.Key.Sender = cmp.Or(other.JID, bsuidAddress(other.BSUID))
	}
	el.context(&m)
	el.referral(&m)
	content(&m, el.value)
	return &m
}

// sender is the business, by the number that it sent from.
func (el *element) sender(from string) *chat.Person {
	if from == "" || el.own.is(from) {
		return el.own.person()
	}
	return personOf(from, "", "")
}

// thread is whom a thread of the history is with.
func (el *element) thread() string {
	if el.own.is(el.in.Thread) {
		return ""
	}
	return el.in.Thread
}

// merged has the members of both objects, the inner ones first.
func merged(outer, inner value) value {
	m := map[string]any{}
	for _, v := range []value{outer, inner} {
		o, _ := v.v.(map[string]any)
		for k, x := range o {
			if x != nil && k != "message" {
				m[k] = x
			}
		}
	}
	return value{m}
}

// context notes what a message answers, and that it was passed on.
func (el *element) context(m *chat.Message) {
	c := el.get("context")
	switch {
	case c.flag("frequently_forwarded"):
		m.Forwarded = 5
	case c.flag("forwarded"):
		m.Forwarded = 1
	}
	id := c.or("id", "message_id")
	if id == "" {
		return // what was passed on has a context, and answers nothing
	}
	m.ReplyTo = id
	m.Quoted = &chat.Quoted{Key: chat.Key{ID: id, Unique: true, Chat: m.Key.Chat}}
	switch from := c.str("from"); {
	case el.own.is(from):
		m.Quoted.Key.FromMe, m.Quoted.From = true, el.own.person()
	case from != "" || c.str("from_user_id") != "":
		m.Quoted.From = personOf(from, c.str("from_user_id"), "")
	}
}

// about reads an element that says something about another message.
func (el *element) about(kind string, c chat.Chat, other *chat.Person) *chat.Message {
	o := el.get(kind)
	target := o.or("message_id", "original_message_id", "id")
	if target == "" {
		return nil
	}
	when := at(el.value, "timestamp")
	who := other
	if el.out {
		who = el.own.person()
	}
	m := el.begin(when)
	m.Partial, m.Type, m.Chat = true, chat.Unknown, c
	m.Key = &chat.Key{ID: target, Unique: true, Chat: keyChat(&c), FromMe: kind != "reaction" == el.out}
	switch kind {
	case "reaction":
		if who == nil {
			who = &chat.Person{}
		}
		m.Reactions = []chat.Reaction{{From: *who, Emoji: o.str("emoji"), At: stamp(when)}}
	case "edit":
		m.Edited, m.ChangedAt = true, stamp(when)
		content(&m, o.get("message"))
	case "revoke":
		m.Revoked, m.ChangedAt = true, stamp(when)
	}
	return &m
}

// historyState is how far a message of the history had come.
func (el *element) historyState(who *chat.Person) []chat.Receipt {
	state, ok := map[string]chat.ReceiptState{"SENT": chat.Sent, "DELIVERED": chat.Delivered, "READ": chat.Read, "PLAYED": chat.Played, "ERROR": chat.Failed}[strings.ToUpper(el.str("history_context", "status"))]
	if !ok || who == nil {
		return nil
	}
	return []chat.Receipt{{Who: *bare(who), State: state}}
}

// bare is somebody without a name: what a receipt says of them.
func bare(p *chat.Person) *chat.Person { q := *p; q.Name, q.ParentBSUID = "", ""; return &q }

// status reads an element of statuses.
func (el *element) status() *chat.Message {
	id := el.str("id")
	if id == "" {
		return nil
	}
	if el.str("type") == "call" || el.in.Field == "calls" {
		return el.callStatus(id)
	}
	when := at(el.value, "timestamp")
	c, who := el.recipient()
	m := el.begin(when)
	m.Partial, m.Type, m.Chat, m.Direction, m.From = true, chat.Unknown, c, chat.Out, el.own.person()
	m.Key = &chat.Key{ID: id, Unique: true, FromMe: true, Chat: keyChat(&c), Alias: planted(el.str("biz_opaque_callback_data"))}
	state := chat.ReceiptState(strings.ToLower(el.str("status")))
	switch state {
	case chat.Sent, chat.Delivered, chat.Read, chat.Played, chat.Failed:
		rc := chat.Receipt{State: state, At: stamp(when), Why: reasons(el.list("errors"))}
		if who != nil {
			rc.Who = *bare(who)
		}
		m.Receipts = []chat.Receipt{rc}
	case "deleted":
		m.Revoked, m.ChangedAt = true, stamp(when)
	}
	return &m
}

// recipient is the chat that a status is about, and who of it.
func (el *element) recipient() (chat.Chat, *chat.Person) {
	to, bsuid := el.str("recipient_id"), el.or("recipient_user_id", "user_id")
	if p := el.or("recipient_participant_id", "participant_recipient_id"); el.str("recipient_type") == "group" || p != "" {
		who := el.somebody(p, el.or("recipient_participant_user_id", "participant_recipient_user_id"))
		if p == "" {
			who = personOf("", el.or("recipient_participant_user_id", "participant_recipient_user_id"), "")
		}
		return group(cmp.Or(el.str("group_id"), to)), who
	}
	who := el.somebody(to, bsuid)
	return direct(who), who
}

// reasons are errors in a sentence.
func reasons(errs []value) string { return strings.Join(faults(errs), "; ") }

// faults are errors, each as its code and what Meta calls it.
func faults(errs []value) (out []string) {
	for _, e := range errs {
		s := e.str("code")
		if t := cmp.Or(e.str("title"), e.str("message")); t != "" {
			s = strings.TrimPrefix(s+": "+t, ": ")
		}
		if d := cmp.Or(e.str("error_data", "details"), e.str("details")); d != "" && !strings.Contains(s, d) {
			s += ": " + d
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
