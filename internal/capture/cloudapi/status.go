package cloudapi

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// states are what Meta calls the steps of a message of the business.
var states = map[string]chat.ReceiptState{
	"sent": chat.Sent, "delivered": chat.Delivered, "read": chat.Read, "played": chat.Played,
	"failed": chat.Failed, "error": chat.Failed, "warning": chat.Delivered, "accepted": chat.Sent,
}

// AliasOf tells a callback that the gateway planted from a sender's own: the
// latter are not unique.
const AliasOf = "waxseal:"

// status reads one step of a message that the business sent.
func (in *element) status() *chat.Message {
	t := in.t
	m := in.base()
	m.Partial, m.Type, m.Direction = true, chat.Unknown, chat.Out
	who := person1(in, t.text("recipient_id"), t.text("recipient_user_id"))
	if t.text("recipient_type") == "group" || strings.HasSuffix(t.text("recipient_id"), "@g.us") {
		inGroup(&m, t.text("recipient_id"), "")
		who = person1(in, t.first("recipient_participant_id", "participant_recipient_id"), t.first("recipient_participant_user_id", "participant_recipient_user_id"))
	} else {
		with(&m, who)
	}
	m.Key = key(t.text("id"), &m, true)
	if cb := t.text("biz_opaque_callback_data"); strings.HasPrefix(cb, AliasOf) && m.Key != nil {
		m.Key.Alias = cb
	}
	state, ok := states[t.text("status")]
	if !ok {
		state = chat.ReceiptState(t.text("status"))
		if t.text("status") == "deleted" {
			m.Revoked, m.ChangedAt = true, m.SentAt
		}
	}
	r := chat.Receipt{State: state, At: m.SentAt, Why: strings.Join(t.errors(), "; ")}
	if who != nil {
		r.Who = *who
	}
	if state != "" {
		m.Receipts = []chat.Receipt{r}
	}
	return &m
}

// call reads an event of a call: it rings, begins, ends, or was recorded.
func (in *element) call() *chat.Message {
	t := in.t
	m := in.base()
	m.Type, m.Precision = chat.CallType, "second"
	out := t.text("direction") == "BUSINESS_INITIATED" || in.own(t.text("from")) || in.last() == "statuses"
	from, to := person1(in, t.text("from"), t.text("from_user_id")), person1(in, t.first("to", "recipient_id"), t.first("to_user_id", "recipient_user_id"))
	peer := from
	m.Direction, m.From = chat.In, from
	if out {
		peer, m.Direction = to, chat.Out
	}
	if peer == nil && len(in.contacts) > 0 {
		c := in.contacts[0]
		peer = person(c.text("wa_id"), c.text("user_id"), nameOf(c))
	}
	with(&m, peer)
	m.Key = key(t.text("id"), &m, out)
	c := &chat.Call{Printed: strings.ToLower(strings.Join(some(t.text("event"), t.text("status")), " "))}
	if n, err := strconv.Atoi(t.text("duration")); err == nil && n >= 0 {
		c.Seconds = n
	}
	switch strings.ToLower(t.text("status")) {
	case "failed", "rejected", "missed":
		c.Missed = true
	}
	m.Call, m.Errors = c, t.errors()
	if at := t.time("start_time"); !at.IsZero() {
		b := in.reader.base(in.ctx.Number, in.ctx.Phone, at)
		m.SentAt, m.SentLocal = b.SentAt, b.SentLocal
	}
	if in.last() == "statuses" {
		m.Partial = true
	}
	if media := t.at("recording"); media != nil {
		file(&m, "audio", media)
		m.Type = chat.CallType
	}
	if media := t.at("transcript"); media != nil {
		m.Text = cmp.Or(media.text("text"), media.text("body"))
	}
	return &m
}

// group reads what happened to a group.
func (in *element) group() *chat.Message {
	t := in.t
	m := in.base()
	m.Type, m.Direction = chat.SystemType, chat.Notice
	inGroup(&m, cmp.Or(t.first("group_id", "id"), "unknown"), t.first("subject", "group_subject"))
	s := &chat.System{Event: chat.NoticeOther, Actor: t.at("initiated_by").first("wa_id", "user_id")}
	who := func(key string) {
		for _, p := range t.list(key) {
			s.Who = append(s.Who, some(p.first("wa_id", "input", "user_id"))...)
		}
		s.Who = append(s.Who, t.texts(key)...)
	}
	switch kind := t.text("type"); {
	case strings.Contains(kind, "create"):
		s.Event = chat.NoticeGroupCreated
	case strings.Contains(kind, "remove"):
		s.Event = chat.NoticeMemberRemoved
		who("removed_participants")
	case strings.Contains(kind, "add"), strings.Contains(kind, "join"):
		s.Event = chat.NoticeMemberAdded
		who("added_participants")
		who("participants")
	case strings.Contains(kind, "leave"), strings.Contains(kind, "left"):
		s.Event = chat.NoticeMemberLeft
		who("participants")
	case strings.Contains(kind, "settings"), t.has("group_subject"), t.has("subject"):
		s.Event = chat.NoticeSubject
	default:
		m.TypeCode = kind
	}
	if sub := t.at("group_subject"); sub != nil {
		s.Event, s.Value = chat.NoticeSubject, sub.text("text")
	}
	m.System, m.Errors = s, t.errors()
	m.Text = strings.ReplaceAll(t.text("type"), "_", " ")
	return &m
}

// userID reads that somebody has another business-scoped id.
func (in *element) userID() *chat.Message {
	t := in.t
	m := in.base()
	m.Type, m.Direction = chat.SystemType, chat.Notice
	ids := t.at("user_id")
	p := person1(in, t.text("wa_id"), cmp.Or(ids.text("previous"), t.first("previous_user_id", "old_user_id")))
	with(&m, p)
	m.System = &chat.System{Event: chat.NoticeNumber, Value: cmp.Or(ids.text("current"), t.first("current_user_id", "new_user_id"))}
	if p != nil {
		m.System.Actor = cmp.Or(p.Phone, p.BSUID)
	}
	m.Text = t.text("detail")
	return &m
}

// media reads what came of fetching a file.
func (r *reader) media(h *Head) ([]chat.Event, error) {
	d := h.Media
	m := r.base("", d.Account, d.At)
	m.Partial, m.Type = true, chat.Unknown
	if d.FromMe {
		m.Direction = chat.Out
	}
	m.Chat = chat.Chat{JID: d.Chat, Name: d.Chat}
	if bsuid, ok := strings.CutSuffix(d.Chat, "@"+Bsuids); ok {
		m.Chat = chat.Chat{BSUID: bsuid, Name: bsuid}
	}
	m.Key = key(d.Message, &m, d.FromMe)
	a := chat.Attachment{Ref: d.ID, Name: d.Name, MIME: d.MIME, State: chat.State(d.State), Reason: d.Why}
	if len(h.Files) > 0 && h.Files[0].SHA256 != "" {
		a.State, a.SHA256, a.Size = chat.Stored, h.Files[0].SHA256, h.Files[0].Size
		a.Name = cmp.Or(a.Name, h.Files[0].Name)
	}
	m.Attachments = []chat.Attachment{a}
	return []chat.Event{{Message: m}}, nil
}

// stampIn gives a message the time of an act of the gateway.
func (r *reader) stamped(number string, at time.Time) chat.Message {
	account := ""
	for _, n := range r.rd.Numbers {
		if n.ID == number {
			account = n.Phone
		}
	}
	return r.base(number, account, at)
}
