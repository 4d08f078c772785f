package cloudapi

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

func compact(v value) string {
	b, err := json.Marshal(v.v)
	if err != nil {
		return ""
	}
	return string(b)
}

// system reads a notice that came as a message.
func system(m *chat.Message, t string, v value) {
	s := v.get("system")
	m.Direction, m.Text = chat.Notice, s.str("body")
	n := &chat.System{Event: chat.NoticeOther}
	m.System = n
	if m.From != nil {
		n.Actor = cmp.Or(m.From.Name, m.From.Phone, m.From.BSUID)
	}
	switch kind := s.str("type"); {
	case t == "request_welcome":
		m.TypeCode = t
	case t == "identity" || strings.Contains(kind, "identity") || v.has("identity") && kind == "":
		n.Event = chat.NoticeSecurityCode
	case kind == "user_changed_user_id":
		n.Event, n.Value = chat.NoticeUserID, s.or("user_id", "new_user_id")
	case kind == "user_changed_number" || kind == "customer_changed_number" || s.or("new_wa_id", "wa_id") != "":
		n.Event, n.Value = chat.NoticeNumber, plus(s.or("new_wa_id", "wa_id"))
	default:
		m.TypeCode = kind
	}
}

// plus is a phone number as people write it.
func plus(s string) string {
	if d := phoneDigits(s); d != "" {
		return "+" + d
	}
	return s
}

// userID reads an element of user_id_update: somebody has another
// business-scoped id now.
func (el *element) userID(raw []byte) *chat.Message {
	id := el.get("user_id")
	was, is := cmp.Or(id.str("previous"), el.str("previous_user_id")), cmp.Or(id.str("current"), id.str("new"), el.str("user_id"))
	who := el.somebody(el.str("wa_id"), cmp.Or(was, is))
	if who == nil {
		return nil
	}
	m := el.notice(raw, direct(who), chat.NoticeUserID)
	m.Text = el.str("detail")
	m.System.Actor, m.System.Value = cmp.Or(who.Name, who.Phone, who.BSUID), is
	return m
}

// notice makes a notice that WhatsApp gave no name.
func (el *element) notice(raw []byte, c chat.Chat, event string) *chat.Message {
	m := el.begin(at(el.value, "timestamp"))
	m.Chat, m.Direction, m.Type = c, chat.Notice, chat.SystemType
	m.Key = &chat.Key{Unique: true, Chat: keyChat(&c), Alias: unnamed(raw)}
	m.System = &chat.System{Event: event}
	return &m
}

// groupNotice reads an element of groups: its life, who is in it, what it is
// called.
func (el *element) groupNotice(raw []byte) *chat.Message {
	id := el.or("group_id", "id")
	if id == "" {
		return nil
	}
	c := group(id)
	if s := cmp.Or(el.str("subject"), el.str("group_subject", "text"), el.str("group_subject", "group_subject")); s != "" {
		c.Name = s
	}
	m := el.notice(raw, c, chat.NoticeOther)
	m.TypeCode = el.str("type")
	people := func(list string) (out []string) {
		for _, p := range el.list(list) {
			out = appendText(out, plus(p.or("wa_id", "user_id", "input")))
		}
		return out
	}
	s := m.System
	switch t := el.str("type"); {
	case len(el.list("errors")) > 0:
		m.Text = reasons(el.list("errors"))
	case t == "group_create":
		s.Event, s.Value = chat.NoticeGroupCreated, el.str("subject")
	case strings.HasSuffix(t, "participants_add"):
		s.Event, s.Who = chat.NoticeMemberAdded, people("added_participants")
		if el.or("reason", "initiated_by") == "invite_link" || el.str("initiated_by") == "participant" {
			s.Event = chat.NoticeMemberJoined
		}
	case strings.HasSuffix(t, "participants_remove"):
		s.Event, s.Who = chat.NoticeMemberRemoved, people("removed_participants")
		if el.str("initiated_by") == "participant" {
			s.Event = chat.NoticeMemberLeft
		}
	case el.has("group_subject"):
		s.Event, s.Value = chat.NoticeSubject, c.Name
	case el.has("group_description"):
		s.Event, s.Value = chat.NoticeDescription, cmp.Or(el.str("group_description", "text"), el.str("group_description", "group_description"))
	case el.has("profile_picture"):
		s.Event = chat.NoticeIcon
	}
	if s.Event != chat.NoticeOther {
		m.TypeCode = ""
		m.Text = cmp.Or(m.Text, phone.Sentence(s))
	}
	return m
}

// call reads an element of calls. A call is one message: what connects it is
// whole, and what comes after it adds to that.
func (el *element) call() *chat.Message {
	id := el.str("id")
	if id == "" {
		return nil
	}
	from, to := el.str("from"), el.str("to")
	out := el.str("direction") == "BUSINESS_INITIATED" || el.own.is(from)
	var other *chat.Person
	if out {
		other = el.somebody(to, el.str("to_user_id"))
	} else {
		other = el.somebody(from, el.str("from_user_id"))
	}
	when := at(el.value, "timestamp")
	event := el.str("event")
	if start := at(el.value, "start_time"); event != "connect" && !start.IsZero() {
		when = start
	}
	m := el.begin(when)
	c := direct(other)
	m.Chat, m.Type, m.Direction, m.From = c, chat.CallType, chat.In, other
	if out {
		m.Direction, m.From = chat.Out, el.sender(from)
	}
	m.Key = &chat.Key{ID: id, Unique: true, FromMe: out, Chat: keyChat(&c)}
	m.Partial = event != "connect"
	m.Call = &chat.Call{}
	if n, ok := el.int("duration"); ok && n > 0 && n < int64(30*24*time.Hour/time.Second) {
		m.Call.Seconds = int(n)
	}
	if event == "terminate" {
		switch s := strings.ToUpper(firstText(el.get("status"))); {
		case m.Call.Seconds > 0:
			m.Call.Printed = "answered"
		case s == "FAILED":
			m.Call.Printed = "failed"
		default:
			m.Call.Missed = true
		}
	}
	for _, kind := range []string{"recording", "transcript", "transcription", "voicemail"} {
		if o := el.get(kind); o.isObject() {
			m.Attachments = append(m.Attachments, attachment(o, value{}))
		}
	}
	return &m
}

// firstText is a text, or the first of a list of them.
func firstText(v value) string {
	if l := v.list(); len(l) > 0 {
		v = l[0]
	}
	return v.str()
}

// callStatus reads a status of a call that the business made.
func (el *element) callStatus(id string) *chat.Message {
	c, _ := el.recipient()
	m := el.begin(at(el.value, "timestamp"))
	m.Partial, m.Type, m.Chat, m.Direction, m.From = true, chat.CallType, c, chat.Out, el.own.person()
	m.Key = &chat.Key{ID: id, Unique: true, FromMe: true, Chat: keyChat(&c), Alias: planted(el.str("biz_opaque_callback_data"))}
	m.Call = &chat.Call{}
	switch strings.ToUpper(el.str("status")) {
	case "REJECTED":
		m.Call.Printed = "rejected"
	case "ACCEPTED":
		m.Call.Printed = "answered"
	case "FAILED":
		m.Call.Printed = "failed"
	}
	return &m
}
