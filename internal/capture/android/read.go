package android

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Interpreter says what the records of a database mean.
type Interpreter struct{}

// Reader implements capture.Interpreter.
func (Interpreter) Reader(captures []record.Entry) (chat.Reader, error) {
	head, rd, err := phone.ReadingOfAll(captures)
	if err != nil {
		return nil, err
	}
	return &reader{head, rd}, nil
}

// reader reads the items of one capture. It is not changed by reading.
type reader struct {
	head record.CaptureHead
	rd   phone.Reading
}

// Key implements chat.Reader.
func (r *reader) Key() string { return r.rd.Key(Name) }

// Events implements chat.Reader. Rows that belong to no message give none.
func (r *reader) Events(e record.Entry) ([]chat.Event, error) {
	var head record.ItemHead
	raw, err := e.Decode(&head)
	if err != nil {
		return nil, err
	}
	it, err := decodeItem(raw)
	if err != nil {
		return nil, err
	}
	m, ok := r.message(&it, head)
	if !ok {
		return nil, nil
	}
	return []chat.Event{{Seq: e.Seq, Source: Name, Message: m}}, nil
}

// jid returns the address that a column names.
func (it *item) jid(row foreign.Fields, column string) [3]string {
	if id := row.Int(column); id > 0 {
		return it.JID[id]
	}
	return [3]string{}
}

// named returns what the record says of an address that stands in a row as
// text, as in the old tables.
func (it *item) named(jid string) [3]string {
	if jid != "" {
		for _, a := range it.JID {
			if a[0] == jid {
				return a
			}
		}
	}
	return [3]string{jid}
}

func person(a [3]string) *chat.Person { return phone.Person(a[0], a[1], a[2]) }

// chatOf says which chat a row belongs to, and its address as stored.
func (r *reader) chatOf(it *item) (c chat.Chat, stored string) {
	var a [3]string
	switch {
	case it.Table == webMessage:
		a = [3]string{it.Row.Str("chat"), it.Context.Str("pn"), it.Context.Str("name")}
	case it.Table == "messages" || it.Row.Str("key_remote_jid") != "":
		a = it.named(it.Row.Str("key_remote_jid"))
	case it.Table == "chat":
		a = it.jid(it.Row, "jid_row_id")
	case it.Chat != nil:
		a = it.jid(it.Chat, "jid_row_id")
		// A chat that is kept under a LID can name the phone beside it.
		if b := it.jid(it.Chat, "account_jid_row_id"); a[1] == "" && phone.Server(b[0]) == "s.whatsapp.net" {
			a[1] = b[0]
		}
	case it.Table == "call_log":
		if a = it.jid(it.Row, "group_jid_row_id"); a[0] == "" {
			a = it.jid(it.Row, "jid_row_id")
		}
	default: // of a chat that is gone
		a = it.jid(it.Row, "group_jid_row_id")
	}
	c.Kind = phone.KindOf(a[0])
	p := person(a)
	if p == nil {
		c.Name = "a chat that is gone"
		if id := it.Row.Int("chat_row_id"); id != 0 {
			c.Name += " (" + strconv.FormatInt(id, 10) + ")"
		}
		return c, ""
	}
	c.JID, c.LID = p.JID, p.LID
	if c.JID == "" {
		c.JID, c.LID = p.LID, ""
	}
	c.Name = it.Chat.Str("subject")
	for _, n := range []string{p.Name, p.Phone, c.JID} {
		if c.Name == "" {
			c.Name = n
		}
	}
	return c, a[0]
}

// lineage names the chat that a record belongs to, in any database of the
// same account: by the phone's address where it is known.
func (r *reader) lineage(it *item) string {
	c, _ := r.chatOf(it)
	if c.JID == "" {
		return Name
	}
	return c.JID
}

// when is the time of a row, or zero.
func (r *reader) when(it *item) time.Time {
	if strings.HasPrefix(it.Table, "group_") {
		return time.Time{} // of some, it is in seconds; they are no messages
	}
	ms := it.Row.Int("timestamp")
	if it.Row["timestamp"] == nil || ms > maxTime || ms < -maxTime {
		return time.Time{}
	}
	return at(ms)
}

// maxTime is the end of the year 9999 in milliseconds.
const maxTime = 253402300799999

// typeColumn is where a table of messages keeps the type.
func typeColumn(table string) string {
	if table == "messages" {
		return "media_wa_type"
	}
	return "message_type"
}

// message reads a row. ok is false for rows that are no message by themselves.
func (r *reader) message(it *item, head record.ItemHead) (m chat.Message, ok bool) {
	switch it.Table {
	case "message", "messages":
	case webMessage:
		return r.web(it)
	case "call_log":
		return r.bareCall(it), true
	default:
		return m, false
	}
	old := it.Table == "messages"
	m = r.frame(it)
	r.key(&m, it)
	r.from(&m, it)
	code := it.Row.Int(typeColumn(it.Table))
	m.Text = textOf(it, old)
	r.kind(&m, it, code)
	r.files(&m, it, head)
	r.around(&m, it)
	if m.Type != chat.SystemType {
		r.addOns(&m, it)
		r.receipts(&m, it)
	}
	return m, true
}

// frame is what every row has: account, chat, time.
func (r *reader) frame(it *item) chat.Message {
	m := r.rd.Message(r.head, r.when(it))
	m.Chat, _ = r.chatOf(it)
	m.Dropped = it.Dropped
	return m
}

func textOf(it *item, old bool) string {
	if old {
		if s := it.Row.Str("data"); s != "" {
			return s
		}
		return it.Row.Str("media_caption")
	}
	if s := it.Row.Str("text_data"); s != "" {
		return s
	}
	for _, media := range it.With["message_media"] {
		if s := media.Str("media_caption"); s != "" {
			return s
		}
	}
	return ""
}

// key gives WhatsApp's own name of the message: the one it had before an edit
// or a revocation.
func (r *reader) key(m *chat.Message, it *item) {
	_, stored := r.chatOf(it)
	k := &chat.Key{ID: it.Row.Str("key_id"), FromMe: it.Row.Int("from_me") == 1 || it.Row.Int("key_from_me") == 1, Chat: stored}
	if a := it.jid(it.Row, "sender_jid_row_id"); !k.FromMe {
		k.Sender = a[0]
		if it.Table == "messages" {
			k.Sender = it.Row.Str("remote_resource")
		}
	}
	for _, e := range it.With["message_edit_info"] {
		m.Edited = true
		m.ChangedAt = stamp(e.Int("edited_timestamp"))
		if id := e.Str("original_key_id"); id != "" {
			k.ID = id
		}
	}
	for _, e := range it.With["message_revoked"] {
		m.ChangedAt = stamp(e.Int("revoke_timestamp"))
		if id := e.Str("revoked_key_id"); id != "" {
			k.ID = id
		}
		if a := it.jid(e, "admin_jid_row_id"); a[0] != "" {
			m.RevokedBy = person(a)
		}
	}
	m.Key = k
}

func stamp(ms int64) string {
	if ms <= 0 || ms > maxTime {
		return ""
	}
	return phone.Stamp(at(ms))
}

// from says who wrote it.
func (r *reader) from(m *chat.Message, it *item) {
	if m.Key.FromMe {
		m.Direction = chat.Out
		m.From = r.rd.Owner()
		return
	}
	m.Direction = chat.In
	a := it.jid(it.Row, "sender_jid_row_id")
	switch {
	case it.Table == "messages":
		a = it.named(it.Row.Str("remote_resource"))
		if a[0] == "" && m.Chat.Kind == chat.Direct {
			a = it.named(it.Row.Str("key_remote_jid"))
		}
	case a[0] == "" && (m.Chat.Kind == chat.Direct || m.Chat.Kind == chat.Channel) && it.Chat != nil:
		a = it.jid(it.Chat, "jid_row_id") // the chat says who: 0, -1 or NULL stand for its other side
	}
	m.From = person(a)
}

// files gives the message its attachment. What the phone did not have, it was
// not asked to keep.
func (r *reader) files(m *chat.Message, it *item, head record.ItemHead) {
	row, ok := foreign.Fields{}, false
	if rows := it.With["message_media"]; len(rows) > 0 {
		row, ok = rows[0], true
	} else if it.Table == "messages" && mediaType(it.Row.Int("media_wa_type")) {
		row, ok = it.Row, true
	}
	if !ok || m.Revoked || m.Type == chat.SystemType {
		return
	}
	_, hash, kept := mediaOf(it)
	a := chat.Attachment{Name: fileName(row), MIME: cmp.Or(row.Str("mime_type"), row.Str("media_mime_type")), Size: row.Int("file_length"), SHA256: hash, State: chat.Missing}
	if a.Size == 0 {
		a.Size = max(row.Int("file_size"), row.Int("media_size"))
	}
	switch {
	case len(head.Files) > 0 && head.Files[0].SHA256 != "":
		a.State, a.SHA256, a.Size = chat.Stored, head.Files[0].SHA256, head.Files[0].Size
	case !kept:
		a.State, a.Reason = chat.Omitted, "not on the phone: never downloaded, or removed"
	case len(head.Files) > 0:
		a.Reason = head.Files[0].Reason
	default:
		a.Reason = "the database names no file"
	}
	m.Attachments = []chat.Attachment{a}
}

func fileName(row foreign.Fields) string {
	if n := row.Str("media_name"); n != "" {
		return n
	}
	p := strings.ReplaceAll(row.Str("file_path"), `\`, "/")
	return p[strings.LastIndexByte(p, '/')+1:]
}

// around is what is so about a message of any type.
func (r *reader) around(m *chat.Message, it *item) {
	m.Starred = it.Row.Int("starred") == 1
	if it.Row.Int("origination_flags")&1 == 1 || it.Row.Int("forwarded") > 0 {
		m.Forwarded = 1
	}
	for _, f := range it.With["message_forwarded"] {
		m.Forwarded = int(max(f.Int("forward_score"), 1))
	}
	for _, e := range it.With["message_ephemeral"] {
		m.EphemeralS = e.Int("duration")
	}
	mention := func(a [3]string) {
		p := person(a)
		if p == nil {
			return
		}
		if who := phone.NameOf(&chat.Person{Phone: p.Phone, LID: p.LID, JID: p.JID}); !slices.Contains(m.Mentions, who) {
			m.Mentions = append(m.Mentions, who)
		}
	}
	for _, row := range it.With["message_mentions"] {
		mention(it.jid(row, "jid_row_id"))
	}
	for _, jid := range strings.Split(it.Row.Str("mentioned_jids"), ",") {
		mention(it.named(jid))
	}
	for _, q := range it.With["message_quoted"] {
		m.Quoted = r.quoted(it, q)
	}
	for _, q := range it.With["messages_quotes"] {
		m.Quoted = &chat.Quoted{
			Key: chat.Key{ID: q.Str("key_id"), FromMe: q.Int("key_from_me") == 1, Chat: q.Str("key_remote_jid"), Sender: q.Str("remote_resource")},
			At:  stamp(q.Int("timestamp")), Type: plainType(q.Int("media_wa_type")), Text: cmp.Or(q.Str("data"), q.Str("media_caption")),
			From: person(it.named(q.Str("remote_resource"))),
		}
	}
	if m.Quoted != nil {
		m.ReplyTo = m.Quoted.Key.ID
	}
}

func (r *reader) quoted(it *item, q foreign.Fields) *chat.Quoted {
	out := &chat.Quoted{
		Key: chat.Key{ID: q.Str("key_id"), FromMe: q.Int("from_me") == 1}, At: stamp(q.Int("timestamp")),
		Type: plainType(q.Int("message_type")), Text: q.Str("text_data"),
	}
	a := it.jid(q, "sender_jid_row_id")
	out.Key.Sender, out.From = a[0], person(a)
	if q.Int("chat_row_id") == it.Row.Int("chat_row_id") && it.Chat != nil {
		out.Key.Chat = it.jid(it.Chat, "jid_row_id")[0]
	}
	return out
}

// addOns reads reactions, pins and votes.
func (r *reader) addOns(m *chat.Message, it *item) {
	by := map[int64]foreign.Fields{}
	for _, a := range it.With["message_add_on"] {
		by[a.Int("_id")] = a
	}
	for _, row := range it.With["message_add_on_reaction"] {
		a := by[row.Int("message_add_on_row_id")]
		// An empty one was taken back: the fold leaves it out.
		m.Reactions = append(m.Reactions, chat.Reaction{From: r.actor(m, it, a), Emoji: row.Str("reaction"), At: stamp(row.Int("sender_timestamp"))})
	}
	for _, row := range it.With["message_add_on_pin_in_chat"] {
		m.Pinned = row.Int("pin_in_chat_state") == 1
	}
	if m.Poll == nil {
		return
	}
	options := map[int64]int{}
	for i, o := range it.With["message_poll_option"] {
		options[o.Int("_id")] = i
	}
	for _, row := range it.With["message_add_on_poll_vote_selected_option"] {
		if i, ok := options[row.Int("message_poll_option_id")]; ok {
			o := &m.Poll.Options[i]
			o.Voters = append(o.Voters, r.actor(m, it, by[row.Int("message_add_on_row_id")]))
		}
	}
}

// actor says who added something. In a direct chat, -1 is its other side.
func (r *reader) actor(m *chat.Message, it *item, addOn foreign.Fields) chat.Person {
	if addOn.Int("from_me") == 1 {
		return chat.Person{Name: r.rd.Me, Phone: r.rd.Account}
	}
	a := it.jid(addOn, "sender_jid_row_id")
	if a[0] == "" && m.Chat.Kind == chat.Direct && it.Chat != nil {
		a = it.jid(it.Chat, "jid_row_id")
	}
	if p := person(a); p != nil {
		return *p
	}
	return chat.Person{}
}

// receipts lists how far the message came, the furthest for each person.
func (r *reader) receipts(m *chat.Message, it *item) {
	add := func(who *chat.Person, delivered, read, played int64) {
		rc := chat.Receipt{State: chat.Delivered, At: stamp(delivered)}
		switch {
		case played > 0:
			rc.State, rc.At = chat.Played, stamp(played)
		case read > 0:
			rc.State, rc.At = chat.Read, stamp(read)
		case delivered <= 0:
			return
		}
		if who != nil {
			rc.Who = *who
		}
		m.Receipts = append(m.Receipts, rc)
	}
	for _, row := range it.With["receipt_user"] {
		add(person(it.jid(row, "receipt_user_jid_row_id")), row.Int("receipt_timestamp"), row.Int("read_timestamp"), row.Int("played_timestamp"))
	}
	for _, row := range it.With["receipts"] {
		add(person(it.named(row.Str("remote_resource"))), row.Int("receipt_device_timestamp"), row.Int("read_device_timestamp"), row.Int("played_device_timestamp"))
	}
	if it.Table == "messages" && m.Key.FromMe && len(m.Receipts) == 0 && m.Chat.Kind == chat.Direct {
		add(person(it.named(it.Row.Str("key_remote_jid"))), it.Row.Int("receipt_device_timestamp"), it.Row.Int("read_device_timestamp"), it.Row.Int("played_device_timestamp"))
	}
}

// dropped reports whether the phone had marked a row to be removed: one by
// one, or all up to a place. The rule changed from row numbers to sort_id.
func dropped(row foreign.Row, jobs []foreign.Row) bool {
	if len(jobs) == 0 {
		return false
	}
	num := func(r foreign.Row, column string) (int64, bool) { n, ok := r.Get(column).(int64); return n, ok }
	place, ok := num(row, "sort_id")
	id, _ := num(row, "_id")
	if !ok {
		place = id
	}
	starred, _ := num(row, "starred")
	kind, _ := num(row, "message_type")
	for _, j := range jobs {
		bound := func(plain, star string) bool {
			column := plain
			if starred == 1 {
				column = star
			}
			n, ok := num(j, column)
			return ok && place <= n
		}
		list := func(column string, n int64) bool {
			s, _ := j.Get(column).(string)
			return slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }), strconv.FormatInt(n, 10))
		}
		if bound("deleted_message_row_id", "deleted_starred_message_row_id") || list("singular_message_delete_rows_id", id) ||
			list("deleted_message_categories", kind) && bound("deleted_categories_message_row_id", "deleted_categories_starred_message_row_id") {
			return true
		}
	}
	return false
}
