package cloudapi

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// AliasOf tells a callback that the gateway planted from a sender's own, which
// may be the same for a thousand messages.
const AliasOf = "waxseal:"

func planted(callback string) string {
	if strings.HasPrefix(callback, AliasOf) {
		return callback
	}
	return ""
}

// alias names a send until WhatsApp does: by what the gateway planted, else by
// the entry of its request.
func alias(callback string, request int64) string {
	return cmp.Or(planted(callback), "request:"+strconv.FormatInt(request, 10))
}

// send reads what went through the gateway, or is said to have gone by another
// way.
func (r *reader) send(h *Head, raw []byte, e record.Entry) (*chat.Message, error) {
	s := h.Send
	o := r.number(s.Number, "")
	if s.Kind == NoMessage {
		return nil, nil //nolint:nilnil // about no message
	}
	switch h.What {
	case Request:
		body := raw
		if s.Sent != "" {
			body = []byte(s.Sent)
		}
		v, err := parse(body)
		if err != nil || !sends(s.Path) {
			return nil, nil //nolint:nilnil,nilerr // about no message: a file, a group, something that Meta will refuse
		}
		m := r.outgoing(o, s, v)
		if m != nil && m.Partial && s.Decision == "block" {
			return nil, nil //nolint:nilnil // it never came to be a reaction
		}
		if m == nil || m.Partial {
			return m, nil
		}
		uploaded(m, s.Files, h.Files)
		m.Key.Alias = alias(s.Callback, e.Seq)
		m.Sending = &chat.Sending{State: sending[s.Decision], At: stamp(s.At), Why: s.Why, Rule: s.Rule, By: s.By}
		m.Sending.State = cmp.Or(m.Sending.State, chat.SendForwarded)
		return m, nil
	case Step:
		m := r.partial(o, s.At, chat.Key{Unique: true, FromMe: true, Alias: alias(s.Callback, s.Request)}, chat.Chat{})
		m.Direction, m.From = chat.Out, o.person()
		if v, err := parse([]byte(s.Sent)); err == nil && s.Sent != "" {
			if changed := r.outgoing(o, s, v); changed != nil && !changed.Partial {
				changed.Key.Alias = m.Key.Alias
				m = changed
			}
		}
		if state, ok := sending[s.Decision]; ok {
			if s.Decision == "defer" {
				state = chat.SendDeferred // it was forwarded before
			}
			m.Sending = &chat.Sending{State: state, At: stamp(s.At), Why: s.Why, Rule: s.Rule, By: s.By}
		}
		return m, nil
	case Answer:
		return r.answer(o, s, raw), nil
	default: // Sent
		return r.sent(o, s, raw)
	}
}

// sent reads what a sender says that it sent by another way.
func (r *reader) sent(o own, s *SendHead, raw []byte) (*chat.Message, error) {
	v, err := parse(raw)
	if err != nil {
		return nil, err
	}
	m := r.outgoing(o, s, v.get("request"))
	if m == nil {
		return nil, nil //nolint:nilnil // about no message
	}
	if id := v.get("response").list("messages"); len(id) > 0 && !m.Partial {
		m.Key.ID = id[0].str("id")
	}
	if m.Key.ID == "" {
		m.Key.Alias = unnamed(raw)
	}
	return m, nil
}

// uploaded are the files of a message that the gateway has: what a link led to
// when it was sent, or what was uploaded before. names are what the message
// calls them.
func uploaded(m *chat.Message, names []string, files []record.ItemFile) {
	for i, f := range files {
		a := chat.Attachment{Name: f.Name, State: chat.Stored, SHA256: f.SHA256, Size: f.Size, Reason: f.Reason}
		if f.SHA256 == "" {
			a.State = chat.Missing
		}
		if i < len(names) {
			a.Ref = names[i]
		}
		k := slices.IndexFunc(m.Attachments, func(w chat.Attachment) bool { return w.Ref == a.Ref })
		if k < 0 {
			m.Attachments = append(m.Attachments, a)
			continue
		}
		was := m.Attachments[k]
		a.Name, a.MIME = cmp.Or(was.Name, a.Name), was.MIME
		m.Attachments[k] = a
	}
}

var sending = map[string]chat.SendState{
	"forward": chat.SendForwarded, "block": chat.SendBlocked, "hold": chat.SendWaits, "delay": chat.SendWaits, "defer": chat.SendWaits, "withdraw": chat.SendWithdrawn,
}

// sends reports whether a path of Meta's API is one that sends a message.
func sends(p string) bool {
	switch last := path.Base(strings.TrimRight(p, "/")); last {
	case "messages", "marketing_messages":
		return true
	}
	return p == ""
}

// outgoing is the message that a sender's body asks for, or nil: that a message
// was read, or that somebody types.
func (r *reader) outgoing(o own, s *SendHead, v value) *chat.Message {
	if !v.isObject() || typeOf(v) == "" || v.or("to", "recipient") == "" && v.has("status") {
		return nil
	}
	to := direct(personOf(v.str("to"), v.or("recipient", "to_user_id"), ""))
	if v.str("recipient_type") == "group" {
		to = group(v.str("to"))
	}
	if to == (chat.Chat{}) {
		to.Name = "No recipient"
	}
	if t := v.get("reaction"); v.str("type") == "reaction" && t.str("message_id") != "" {
		m := r.partial(o, s.At, chat.Key{ID: t.str("message_id"), Unique: true, Chat: keyChat(&to)}, to)
		me := o.person()
		if me == nil {
			me = &chat.Person{}
		}
		m.Reactions = []chat.Reaction{{From: *me, Emoji: t.str("emoji"), At: stamp(s.At)}}
		return m
	}
	m := r.begin(o, s.At)
	m.Chat, m.Direction, m.From = to, chat.Out, o.person()
	m.Key = &chat.Key{Unique: true, FromMe: true, Chat: keyChat(&to)}
	el := element{value: v, r: r, own: o, out: true}
	el.context(&m)
	content(&m, v)
	if m.Type == chat.Template {
		m.Text = cmp.Or(s.Rendered, spoken(v.get("template")))
	}
	return &m
}

// answer reads what Meta answered.
func (r *reader) answer(o own, s *SendHead, raw []byte) *chat.Message {
	m := r.partial(o, s.At, chat.Key{Unique: true, FromMe: true, Alias: alias(s.Callback, s.Request)}, chat.Chat{})
	m.Direction, m.From = chat.Out, o.person()
	v, _ := parse(raw) // an answer that is no JSON is an answer
	if all := v.list("messages"); len(all) > 0 {
		m.Key.ID = all[0].str("id")
	}
	if all := v.list("contacts"); len(all) > 0 {
		m.Chat = direct(personOf(all[0].str("wa_id"), all[0].str("user_id"), ""))
		m.Key.Chat = keyChat(&m.Chat)
	}
	if s.Kind == "reaction" { // what it says stands with the message that it is about
		m.TypeCode = s.Kind
	}
	m.Sending = &chat.Sending{State: chat.SendForwarded, At: stamp(s.At)}
	switch {
	case m.Key.ID != "":
		m.Sending.State = chat.SendAccepted
	case s.Status >= 400 && s.Status < 500:
		m.Sending.State, m.Sending.Why = chat.SendRefused, refusal(s.Status, v.get("error"))
	case s.Decision == Unreachable:
		m.Sending.State, m.Sending.Why = chat.SendRefused, s.Failed
	case s.Status == 0:
		m.Sending.Why = cmp.Or(s.Failed, "There was no answer.")
	default: // it may have gone out all the same
		m.Sending.Why = refusal(s.Status, v.get("error"))
	}
	return m
}

func refusal(status int, err value) string {
	why := "Meta answered " + strconv.Itoa(status)
	if r := reasons([]value{err}); r != "" {
		why += ": " + r
	}
	return why
}

// media is what came of fetching a file.
func (r *reader) media(h *Head) *chat.Message {
	d := h.Media
	c := chatOf(d.Chat)
	o := r.number("", d.Account)
	m := r.partial(o, d.At, chat.Key{ID: d.Message, Unique: true, Chat: d.Chat, FromMe: d.FromMe}, c)
	a := chat.Attachment{Ref: d.ID, Name: d.Name, MIME: d.MIME, State: chat.State(d.State), Reason: d.Why}
	if len(h.Files) > 0 && h.Files[0].SHA256 != "" {
		a.State, a.SHA256, a.Size = chat.Stored, h.Files[0].SHA256, h.Files[0].Size
		a.Name = cmp.Or(a.Name, h.Files[0].Name)
	}
	m.Attachments = []chat.Attachment{a}
	return m
}
