package android

import (
	"fmt"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// Numbers of message types, as three or more readers of real databases agree
// on them. A number that is not here is kept, and said.
var types = map[int64]chat.Type{
	0: chat.Text, 1: chat.Image, 2: chat.Audio, 3: chat.Video, 4: chat.ContactCard, 5: chat.Place, 7: chat.SystemType, 8: chat.CallType, 9: chat.Document,
	10: chat.CallType, 11: chat.Unsupported, 12: chat.Unsupported, 13: chat.Video, 14: chat.ContactCard, 15: chat.Unknown, 16: chat.LivePlace, 20: chat.Sticker,
	23: chat.Interactive, 24: chat.Interactive, 25: chat.Template, 26: chat.Template, 27: chat.Template, 28: chat.Template, 32: chat.Template, 36: chat.SystemType,
	42: chat.ViewOnce, 43: chat.ViewOnce, 44: chat.Order, 45: chat.Interactive, 46: chat.Interactive, 49: chat.Interactive, 55: chat.Interactive, 56: chat.SystemType,
	57: chat.Interactive, 62: chat.Interactive, 64: chat.Unknown, 66: chat.PollType, 81: chat.Video, 82: chat.ViewOnce, 90: chat.CallType, 92: chat.OccasionType,
	94: chat.Interactive, 99: chat.Interactive, 106: chat.PollType, 112: chat.SystemType,
}

// Types with meanings of their own.
const (
	typeMissedCall = 10
	typeSystem     = 7
	typeRevoked    = 15
	typeAdminGone  = 64
	typeAlbum      = 99
	typeTimer      = 36
	typeTimer2     = 56
	typePrivacy    = 112
)

// plainType is the type of a number alone.
func plainType(code int64) chat.Type {
	if t, ok := types[code]; ok {
		return t
	}
	return chat.Unknown
}

// kind gives the message its type and what goes with it.
func (r *reader) kind(m *chat.Message, it *item, code int64) {
	m.Type = plainType(code)
	if _, ok := types[code]; !ok {
		m.TypeCode = fmt.Sprintf("android:%d", code)
	}
	if it.Table == "messages" && code == 0 && it.Row.Int("status") == 6 {
		code, m.Type = typeSystem, chat.SystemType
	}
	switch {
	case code == typeRevoked || code == typeAdminGone || it.Row.Int("edit_version") == 7:
		m.Revoked, m.Text, m.Type = true, "", chat.Unknown
	case m.Type == chat.SystemType:
		r.notice(m, it, code)
	case m.Type == chat.Audio && it.Row.Int("origin") == 1:
		m.Type = chat.Voice
	case m.Type == chat.Text && textIsBlob(it):
		m.Type = chat.Unknown // a BLOB in the place of the text: kept in the record
	}
	switch m.Type {
	case chat.Place, chat.LivePlace:
		place(m, it)
	case chat.ContactCard:
		m.Contacts, m.Text = cards(it), ""
	case chat.PollType:
		poll(m, it)
	case chat.CallType:
		call(m, it, code)
	case chat.OccasionType:
		occasion(m, it)
	case chat.Template, chat.Interactive, chat.Order:
		m.Text = business(it, m.Text, code)
	default:
	}
	if rows := it.With["message_payment"]; len(rows) > 0 && !m.Revoked {
		m.Text = strings.TrimSpace(m.Text + "\n" + rows[0].Str("amount_with_symbol"))
	}
}

func textIsBlob(it *item) bool {
	_, ok := it.Row["text_data"].([]byte)
	return ok
}

func place(m *chat.Message, it *item) {
	row := it.Row // old rows have it in themselves
	if rows := it.With["message_location"]; len(rows) > 0 {
		row = rows[0]
	}
	l := &chat.Location{Name: row.Str("place_name"), Address: row.Str("place_address"), URL: row.Str("url")}
	if lat, ok := row.Real("latitude"); ok {
		lon, _ := row.Real("longitude")
		l.Lat, l.Lon = &lat, &lon
	}
	m.Location = l
}

// cards reads contact cards. There is one row for each.
func cards(it *item) (out []chat.Contact) {
	rows := it.With["message_vcard"]
	if len(rows) == 0 {
		rows = it.With["messages_vcards"]
	}
	var all []string
	for _, row := range rows {
		all = append(all, row.Str("vcard"))
	}
	if len(all) == 0 && it.Table == "messages" {
		all = append(all, it.Row.Str("data"))
	}
	for _, v := range all {
		if c, ok := phone.Card(v); ok {
			out = append(out, c)
		}
	}
	return out
}

func poll(m *chat.Message, it *item) {
	m.Poll = &chat.Poll{Question: m.Text}
	m.Text = ""
	for _, o := range it.With["message_poll_option"] {
		m.Poll.Options = append(m.Poll.Options, chat.PollOption{Text: o.Str("option_name"), Votes: int(o.Int("vote_total"))})
	}
}

func occasion(m *chat.Message, it *item) {
	for _, e := range it.With["message_event"] {
		m.Occasion = &chat.Occasion{
			Title: e.Str("name"), Description: e.Str("description"), Starts: stamp(e.Int("start_time")),
			Cancelled: e.Int("is_canceled") == 1, Link: e.Str("join_link"), Place: e.Str("location_name"),
		}
	}
}

// Results of a call.
var callResults = map[int64]string{2: "missed", 3: "unavailable", 4: "rejected", 5: "answered", 7: "busy", 8: "joined"}

func call(m *chat.Message, it *item, code int64) {
	m.Call = &chat.Call{Missed: code == typeMissedCall}
	for _, c := range it.With["missed_call_logs"] {
		m.Call.Video = c.Int("video_call") == 1
	}
	for _, c := range it.With["call_log"] {
		m.Call.Video, m.Call.Seconds, m.Call.Printed = c.Int("video_call") == 1, int(c.Int("duration")), callResults[c.Int("call_result")]
		m.Call.Missed = c.Int("call_result") == 2 && c.Int("from_me") == 0
	}
}

// bareCall is a call that has no line in a chat.
func (r *reader) bareCall(it *item) chat.Message {
	m := r.frame(it)
	m.Type, m.Direction = chat.CallType, chat.In
	m.Key = &chat.Key{ID: it.Row.Str("call_id"), FromMe: it.Row.Int("from_me") == 1}
	_, m.Key.Chat = r.chatOf(it)
	if m.Key.FromMe {
		m.Direction = chat.Out
	} else {
		m.From = person(it.jid(it.Row, "jid_row_id"))
	}
	m.Call = &chat.Call{
		Video: it.Row.Int("video_call") == 1, Seconds: int(it.Row.Int("duration")), Printed: callResults[it.Row.Int("call_result")],
		Missed: it.Row.Int("call_result") == 2 && !m.Key.FromMe,
	}
	return m
}

// business puts what a business message says into words: its own, one a line.
func business(it *item, text string, code int64) string {
	lines := []string{text}
	add := func(table string, columns ...string) {
		for _, row := range it.With[table] {
			for _, c := range columns {
				lines = append(lines, row.Str(c))
			}
		}
	}
	add("message_template", "title_text_data", "content_text_data", "footer_text_data")
	add("message_template_button", "text_data", "extra_data")
	add("message_product", "title", "description", "body", "footer")
	add("message_order", "order_title", "message")
	add("message_group_invite", "group_name")
	add("message_ui_elements", "title", "description")
	add("message_ui_elements_reply", "description")
	if code == typeAlbum && text == "" {
		lines = append(lines, "album")
	}
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	return strings.Join(lines, "\n")
}
