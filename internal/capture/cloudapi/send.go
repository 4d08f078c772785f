package cloudapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// send reads what the gateway did with a message of the business.
func (r *reader) send(h *Head, raw []byte) ([]chat.Event, error) {
	switch h.What {
	case Request:
		return r.request(h, thingOf(raw))
	case Sent:
		both := thingOf(raw)
		req := *h
		ev, err := r.request(&req, both.at("request"))
		if err != nil || len(ev) == 0 {
			return ev, err
		}
		if id := answered(both.at("response")); id != "" {
			ev[0].Message.Key = cmp.Or(ev[0].Message.Key, &chat.Key{})
			k := ev[0].Message.Key
			k.ID, k.Unique, k.FromMe = id, true, true
		}
		ev[0].Message.Sending = nil
		return ev, nil
	case Answer, Step:
		if h.Send.Callback == "" && answered(thingOf(raw)) == "" {
			return nil, nil // names no message
		}
		m := r.stamped(h.Send.Number, h.Send.At)
		m.Partial, m.Type, m.Direction = true, chat.Unknown, chat.Out
		t := thingOf(raw)
		s := &chat.Sending{At: phone.Stamp(h.Send.At), Why: cmp.Or(h.Send.Why, h.Send.Failed), Rule: h.Send.Rule, By: h.Send.By}
		var p *chat.Person
		if c := t.list("contacts"); len(c) > 0 {
			p = person(c[0].first("wa_id", "input"), c[0].text("user_id"), "")
		}
		with(&m, p)
		m.Key = &chat.Key{ID: answered(t), Unique: true, FromMe: true, Chat: m.Chat.JID, Alias: h.Send.Callback}
		switch {
		case h.What == Step:
			s.State = steps[h.Send.Decision]
		case h.Send.Status == 0:
			s.State = chat.SendForwarded
		case h.Send.Status >= 200 && h.Send.Status < 300:
			s.State = chat.SendAccepted
		default:
			s.State = chat.SendRefused
			e := t.at("error")
			s.Why = strings.Join(some(e.text("code"), e.text("message")), ": ")
		}
		m.Sending = s
		return []chat.Event{{Message: m}}, nil
	}
	return nil, errWhat
}

// steps are the states that decisions lead to.
var steps = map[string]chat.SendState{
	"forward": chat.SendForwarded, "block": chat.SendBlocked, "hold": chat.SendWaits, "delay": chat.SendWaits,
	"defer": chat.SendWaits, "withdraw": chat.SendWithdrawn,
}

// answered is the message's id in an answer of Meta.
func answered(t thing) string {
	for _, m := range t.list("messages") {
		return m.text("id")
	}
	return ""
}

// request reads what a sender asked the gateway to send.
func (r *reader) request(h *Head, t thing) ([]chat.Event, error) {
	if t == nil || t.text("status") != "" || t.text("type") == "" && guess(t) == "" {
		return nil, nil // a read receipt, an upload, a call: no message
	}
	d := h.Send
	m := r.stamped(d.Number, d.At)
	m.Direction, m.From = chat.Out, person(m.Account, "", "")
	if !strings.HasPrefix(m.Account, "+") {
		m.From = nil
	}
	if t.text("recipient_type") == "group" {
		inGroup(&m, t.text("to"), "")
	} else {
		with(&m, person(t.text("to"), t.text("recipient"), ""))
	}
	m.Key = &chat.Key{Unique: true, FromMe: true, Chat: cmp.Or(m.Chat.JID, address(m.Chat.BSUID)), Alias: d.Callback}
	in := element{reader: r, ctx: Context{Number: d.Number, Phone: m.Account}, t: t}
	if in.changes(&m, t) {
		m.Key.Alias = ""
		return []chat.Event{{Message: m}}, nil
	}
	in.content(&m, t)
	if d.Rendered != "" {
		m.Text = d.Rendered
	}
	if sent := thingOf([]byte(d.Sent)); sent != nil { // with what a rule added
		was := m
		in.content(&m, sent)
		m.Attachments = was.Attachments
		if d.Rendered != "" {
			m.Text = d.Rendered
		}
	}
	if m.Type == chat.Template {
		m.Text = cmp.Or(m.Text, spoken(t.at("template")))
	}
	for i, f := range h.Files {
		a := chat.Attachment{Name: f.Name, State: chat.Stored, SHA256: f.SHA256, Size: f.Size, Reason: f.Reason}
		if f.SHA256 == "" {
			a.State = chat.Missing
		}
		if i < len(m.Attachments) {
			a.Name, a.MIME, a.Ref = cmp.Or(m.Attachments[i].Name, a.Name), m.Attachments[i].MIME, m.Attachments[i].Ref
			m.Attachments[i] = a
		} else {
			m.Attachments = append(m.Attachments, a)
		}
	}
	m.Sending = &chat.Sending{State: steps[d.Decision], At: phone.Stamp(d.At), Why: d.Why, Rule: d.Rule, By: d.By}
	return []chat.Event{{Message: m}}, nil
}

// spoken is what can be read of a template without its definition: the values
// that were put in.
func spoken(t thing) string {
	var out []string
	for _, c := range t.list("components") {
		for _, p := range c.list("parameters") {
			out = append(out, some(cmp.Or(p.text("text"), p.at("currency").text("fallback_value"), p.at("date_time").text("fallback_value")))...)
		}
	}
	return strings.Join(out, "\n")
}

// Fact is what an item that is about no message says.
type Fact struct {
	Field, Event string
	Number       string // phone_number_id
	WABA         string
	At           time.Time
	Say          string          // a line
	Value        json.RawMessage // as it came
}

// About says what an item means that is about no message: of an account, a
// template, a person's wishes.
func About(e record.Entry) (out []Fact) {
	var h Head
	raw, err := e.Decode(&h)
	if err != nil {
		return nil
	}
	add := func(ctx Context, raw []byte) {
		t := thingOf(raw)
		f := Fact{Field: ctx.Field, Number: ctx.Number, WABA: ctx.WABA, At: t.time("timestamp"), Value: raw, Event: t.first("event", "type", "value", "action", "decision")}
		if f.At.IsZero() && ctx.Time > 0 {
			f.At = time.Unix(ctx.Time, 0).UTC()
		}
		f.Say = strings.ToLower(strings.ReplaceAll(strings.Join(some(ctx.Field, f.Event, t.first("category", "current_limit", "message_template_name", "reason")), ": "), "_", " "))
		switch ctx.Path[strings.LastIndexByte(ctx.Path, '.')+1:] {
		case "messages", "statuses", "message_echoes", "calls", "groups":
			return
		}
		out = append(out, f)
	}
	switch {
	case h.What == Delivery && h.Delivery != nil && h.Delivery.Pieces == 0:
		for _, el := range Elements(raw) {
			add(el.Context, raw[el.At:el.End])
		}
	case h.What == Piece && h.Piece != nil:
		add(h.Piece.In, raw)
	}
	return out
}

// Outline is what a gateway must know of a message that it is to send.
type Outline struct {
	Type     string // "text", "template"; empty: no message, as a read receipt is none
	To       string
	Text     string // that the recipient reads, as far as the request says
	Template string
	Language string
	Links    []string // of files, which Meta fetches
	Callback string   // the sender's own
	Object   bool     // the body is a JSON object
}

// OutlineOf reads the body of a request to Meta's messages.
func OutlineOf(body []byte) (o Outline) {
	t := thingOf(body)
	if t == nil {
		return o
	}
	o.Object, o.Callback = true, t.text("biz_opaque_callback_data")
	o.To = cmp.Or(t.text("to"), t.text("recipient"))
	if t.text("status") != "" {
		return o
	}
	o.Type = cmp.Or(t.text("type"), guess(t))
	var m chat.Message
	in := element{reader: &reader{}, t: t}
	in.content(&m, t)
	o.Text = m.Text
	if c := t.at("template"); c != nil {
		o.Template, o.Language = c.text("name"), c.at("language").text("code")
		o.Text = cmp.Or(o.Text, spoken(c))
	}
	links(t, 0, &o.Links)
	return o
}

// links gathers the members called link, wherever they stand.
func links(t thing, deep int, out *[]string) {
	for k, raw := range t {
		if k == "link" {
			if s := t.text(k); s != "" {
				*out = append(*out, s)
			}
			continue
		}
		if deep > 8 {
			continue
		}
		if o := thingOf(raw); o != nil {
			links(o, deep+1, out)
			continue
		}
		for _, o := range t.list(k) {
			links(o, deep+1, out)
		}
	}
	slices.Sort(*out)
}

// Plant puts a callback into a request's body, which has none: right after the
// brace that opens it. All else stays as it was written.
func Plant(body []byte, callback string) []byte {
	i := bytes.IndexByte(body, '{')
	rest := bytes.TrimLeft(body[i+1:], " \t\r\n")
	comma := ","
	if len(rest) > 0 && rest[0] == '}' {
		comma = ""
	}
	out := make([]byte, 0, len(body)+len(callback)+40)
	out = append(out, body[:i+1]...)
	out = append(out, `"biz_opaque_callback_data":"`+callback+`"`+comma...)
	return append(out, body[i+1:]...)
}
