package ios

import (
	"cmp"
	"math"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

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

// chatOf says which chat a row belongs to, and its address as stored. Where
// the chat's row is gone, the message's own still names it.
func (r *reader) chatOf(it *item) (c chat.Chat, stored string) {
	switch it.Table {
	case messages:
		other := "ZFROMJID"
		if it.Row.Int("ZISFROMME") == 1 {
			other = "ZTOJID"
		}
		stored = cmp.Or(it.Of[sessions].Str("ZCONTACTJID"), it.Row.Str(other))
	case sessions:
		stored = it.Row.Str("ZCONTACTJID")
	case calls, joinable:
		if stored = it.Row.Str("ZGROUPJIDSTRING"); stored == "" {
			stored = r.caller(it)
		}
	default:
		stored = cmp.Or(it.Row.Str("ZGROUPJID"), it.Row.Str("ZCHATJIDSTRING"))
	}
	if stored == "" {
		return chat.Chat{Name: "a chat that is gone"}, ""
	}
	c.Kind = phone.KindOf(stored)
	p := it.person(stored)
	c.JID, c.LID = p.JID, p.LID
	if c.Kind == chat.Status && phone.Server(stored) != "broadcast" { // of one person
		p = it.person(statusOf(stored))
		c.JID, c.LID = stored, ""
		if p.Phone != "" {
			c.JID = phone.User(p.JID) + "@status"
		}
	}
	if c.JID == "" {
		c.JID, c.LID = p.LID, ""
	}
	if c.Name = strings.TrimSpace(strings.Trim(it.Of[sessions].Str("ZPARTNERNAME"), marks)); isNumber(c.Name) {
		c.Name = ""
	}
	for _, n := range []string{p.Name, p.Phone, c.JID} {
		if c.Name == "" {
			c.Name = n
		}
	}
	return c, stored
}

// statusOf is whose status a chat is that holds one.
func statusOf(jid string) string {
	if phone.Server(jid) == "lid.status" {
		return phone.User(jid) + "@" + phone.LIDs
	}
	return phone.User(jid) + "@" + phone.Phones
}

// lineage names the chat that a record belongs to, in any database of the
// same account: by the phone's address where it is known.
func (r *reader) lineage(it *item) string {
	c, _ := r.chatOf(it)
	return cmp.Or(c.JID, Name)
}

// when is the time of a row, or zero.
func (r *reader) when(it *item) time.Time {
	for _, c := range []string{"ZMESSAGEDATE", "ZSENTDATE", "ZDATE", "ZCHANGEDATE", "ZTIMESTAMP"} {
		if s, ok := it.Row.Real(c); ok {
			if t := at2001(s); !t.IsZero() {
				return t
			}
		}
	}
	return time.Time{}
}

// epoch is when Apple's time begins, in seconds of 1970. It is stored with a
// fraction or, where there is none, as an integer.
const epoch = 978307200

// What Core Data writes for "never", before and after.
const (
	distantPast   = -63114076800
	distantFuture = 63113904000
)

// at2001 makes a time of the database's seconds. Zero, which nothing was
// written into, and the two nevers are none.
func at2001(s float64) time.Time {
	if s == 0 || s <= distantPast || s >= distantFuture || math.IsNaN(s) {
		return time.Time{}
	}
	whole := math.Floor(s)
	return time.Unix(int64(whole)+epoch, int64((s-whole)*1e9)).UTC()
}

// unix makes a time of the seconds in a protobuf.
func unix(s int64) time.Time {
	if s <= 0 || s > maxUnix {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// maxUnix is the end of the year 9999.
const maxUnix = 253402300799

// message reads a row. ok is false for rows that are no message by themselves.
func (r *reader) message(it *item, head record.ItemHead) (m chat.Message, ok bool) {
	switch it.Table {
	case messages:
	case calls, joinable:
		return r.bareCall(it), true
	default:
		return m, false
	}
	m = r.rd.Message(r.head, r.when(it))
	var stored string
	m.Chat, stored = r.chatOf(it)
	m.Dropped = it.Of[sessions].Int("ZREMOVED") == 1
	r.from(&m, it, stored)
	meta := it.meta()
	r.kind(&m, it, meta)
	r.files(&m, it, head)
	r.around(&m, it, meta)
	if m.Type != chat.SystemType {
		r.info(&m, it, stored)
	}
	return m, true
}

// meta is what the app notes about a message of any type.
func (it *item) meta() wire {
	for _, row := range it.With[media] {
		if b := row.Blob("ZMETADATA"); b != nil {
			return b
		}
	}
	return nil
}

// from says who wrote it, and by what name WhatsApp knows it. A group's
// messages name a member; in other chats the address says who.
func (r *reader) from(m *chat.Message, it *item, stored string) {
	me := it.Row.Int("ZISFROMME") == 1
	sender := ""
	if me {
		m.Direction, m.From = chat.Out, r.rd.Owner()
	} else {
		m.Direction = chat.In
		switch kind := m.Chat.Kind; {
		case kind == chat.Direct || kind == chat.Channel:
			m.From = it.person(stored)
		case kind == chat.Status && phone.Server(stored) != "broadcast":
			sender = statusOf(stored)
		default:
			sender = it.Of[members].Str("ZMEMBERJID")
		}
		if sender != "" {
			m.From = it.person(sender)
		}
		if n := it.Row.Str("ZPUSHNAME"); m.From != nil && m.From.Name == "" && !encoded(n) {
			m.From.Name = n // before iOS 15
		}
	}
	if id := it.Row.Str("ZSTANZAID"); id != "" {
		m.Key = &chat.Key{ID: id, FromMe: me, Chat: stored, Sender: sender}
	}
}

// files gives the message its attachment. What the phone did not have, it was
// not asked to keep.
func (r *reader) files(m *chat.Message, it *item, head record.ItemHead) {
	if m.Revoked || m.Type == chat.SystemType {
		return
	}
	row, ok := it.media()
	if !ok {
		if isMedia(it.Row.Int("ZMESSAGETYPE")) {
			m.Attachments = []chat.Attachment{{State: chat.Omitted, Reason: "the database names no file"}}
		}
		return
	}
	a := chat.Attachment{Name: path.Base("/" + row.Str("ZMEDIALOCALPATH")), Size: row.Int("ZFILESIZE"), SHA256: hashOf(row), State: chat.Missing}
	if mime := row.Str("ZVCARDSTRING"); isMIME(mime) {
		a.MIME = mime
	}
	if a.Name == "/" {
		a.Name = ""
	}
	if m.Type == chat.Document {
		a.Name = cmp.Or(row.Str("ZTITLE"), a.Name)
	}
	switch {
	case len(head.Files) > 0 && head.Files[0].SHA256 != "":
		a.State, a.SHA256, a.Size = chat.Stored, head.Files[0].SHA256, head.Files[0].Size
	case row.Str("ZMEDIALOCALPATH") == "":
		a.State, a.Reason = chat.Omitted, notOnPhone
	case len(head.Files) > 0:
		a.Reason = head.Files[0].Reason
	}
	m.Attachments = []chat.Attachment{a}
}

// isMIME tells a media type from the other things that stand in its column.
func isMIME(s string) bool {
	kind, _, ok := strings.Cut(s, "/")
	switch kind {
	case "image", "video", "audio", "application", "text":
		return ok && !strings.ContainsAny(s, "\n@")
	}
	return false
}

// forwardedFlags are set together in a forwarded message.
const forwardedFlags = 0x180

// around is what is so about a message of any type.
func (r *reader) around(m *chat.Message, it *item, meta wire) {
	m.Starred = it.Row.Int("ZSTARRED") == 1
	if it.Row.Int("ZFLAGS")&forwardedFlags == forwardedFlags {
		m.Forwarded = int(min(max(meta.int(17), 1), 127))
	}
	if s := meta.int(36); m.Type != chat.SystemType && s > 0 && s < 10*365*86400 {
		m.EphemeralS = s
	}
	if q := r.quoted(it, meta); q != nil {
		m.Quoted, m.ReplyTo = q, q.Key.ID
	}
}

// quotes are the fields of a quoted message, by what it was, and where each
// has its words.
var quotes = map[protowire.Number]struct {
	kind  chat.Type
	words [][]protowire.Number
}{
	1: {chat.Text, nil}, 3: {chat.Image, [][]protowire.Number{{3}}}, 4: {chat.ContactCard, [][]protowire.Number{{1}}}, 5: {chat.Place, [][]protowire.Number{{3}, {4}}}, 6: {chat.Text, [][]protowire.Number{{1}}},
	7: {chat.Document, [][]protowire.Number{{8}, {3}}}, 8: {chat.Audio, nil}, 9: {chat.Video, [][]protowire.Number{{7}}}, 30: {chat.Interactive, [][]protowire.Number{{1, 3}}},
}

// quoted is the message that this one answers. The numbers of its fields are
// the app's own: what does not have the form of an id or an address is not
// believed to be one.
func (r *reader) quoted(it *item, meta wire) *chat.Quoted {
	id := meta.text(5)
	if len(id) < 8 || len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil
	}
	q := &chat.Quoted{Key: chat.Key{ID: id}, Type: chat.Unknown}
	_, q.Key.Chat = r.chatOf(it)
	if other := meta.text(7); strings.Contains(other, "@") {
		q.Key.Chat = other
	}
	if who := meta.text(6); strings.Contains(who, "@") {
		q.Key.Sender, q.From = who, it.person(who)
		if own := digits(r.rd.Account); own != "" && q.From.Phone == "+"+own {
			q.Key.FromMe, q.From = true, r.rd.Owner()
		}
	}
	meta.at(19).bytes.each(func(f field) bool {
		kind, ok := quotes[f.num]
		if !ok {
			return true
		}
		q.Type = kind.kind
		if f.num == 1 {
			q.Text = f.text()
		}
		for _, p := range kind.words {
			q.Text = cmp.Or(q.Text, f.bytes.text(p...))
		}
		return false
	})
	return q
}

// info reads how far the message came, who reacted, and a poll.
func (r *reader) info(m *chat.Message, it *item, stored string) {
	for _, row := range it.With[infos] {
		w := wire(row.Blob("ZRECEIPTINFO"))
		w.each(func(f field) bool {
			switch f.num {
			case 2:
				r.receipt(m, it, f.bytes)
			case 7:
				f.bytes.each(func(f field) bool { r.reaction(m, it, f); return true })
			default:
			}
			return true
		})
	}
	if m.Direction != chat.Out || m.Chat.Kind != chat.Direct || len(m.Receipts) > 0 {
		return
	}
	// The one recipient of a direct chat: the row says how far, not when.
	if state := map[int64]chat.ReceiptState{6: chat.Delivered, 8: chat.Read}[it.Row.Int("ZMESSAGESTATUS")]; state != "" {
		if p := it.person(stored); p != nil {
			m.Receipts = []chat.Receipt{{Who: *p, State: state}}
		}
	}
}

// receipt reads one recipient's. The owner's own devices are among them.
func (r *reader) receipt(m *chat.Message, it *item, w wire) {
	rc := chat.Receipt{State: chat.Delivered, At: phone.Stamp(unix(w.int(2)))}
	if at := unix(w.int(3)); !at.IsZero() {
		rc.State, rc.At = chat.Read, phone.Stamp(at)
	}
	n := number(w.at(1).bytes)
	if rc.At == "" || n == "" || n == digits(r.rd.Account) {
		return
	}
	if p := it.person(n + "@" + phone.Phones); p != nil {
		rc.Who = *p
	}
	m.Receipts = append(m.Receipts, rc)
}

// reaction reads one of others (1) or of the owner (2). An empty one was
// taken back.
func (r *reader) reaction(m *chat.Message, it *item, f field) {
	var rc chat.Reaction
	switch f.num {
	case 1:
		rc.Emoji, rc.At = f.bytes.text(3), phone.Stamp(unix(f.bytes.int(4)/1000))
		if p := it.person(f.bytes.text(2)); p != nil {
			rc.From = *p
		}
	case 2:
		rc.Emoji, rc.At = f.bytes.text(2), phone.Stamp(unix(f.bytes.int(3)/1000))
		if p := r.rd.Owner(); p != nil {
			rc.From = *p
		}
	default: // 3 is what a channel's readers did, by number
	}
	if rc.Emoji != "" {
		m.Reactions = append(m.Reactions, rc)
	}
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// caller is the other side of a call: who took part, or else who began it.
func (r *reader) caller(it *item) string {
	for _, table := range []string{callers, joiners} {
		for _, row := range it.With[table] {
			if jid := row.Str("ZJIDSTRING"); jid != "" {
				return jid
			}
		}
	}
	return cmp.Or(it.Row.Str("ZFROMJIDSTRING"), it.Row.Str("ZGROUPCALLCREATORUSERJIDSTRING"), it.Row.Str("ZCALLCREATORJIDSTRING"))
}

// outcomes of a call.
var outcomes = map[int64]string{0: "answered", outcomeMissed: "missed", 2: "failed", 4: "rejected"}

const outcomeMissed = 1

// bareCall is a call of the list of calls, which has no line in a chat.
func (r *reader) bareCall(it *item) chat.Message {
	m := r.rd.Message(r.head, r.when(it))
	var stored string
	m.Chat, stored = r.chatOf(it)
	m.Type, m.Call = chat.CallType, &chat.Call{}
	entry := it.Of[entries]
	incoming, known := entry.Int("ZINCOMING") == 1, entry["ZINCOMING"] != nil
	if from := it.Row.Str("ZFROMJIDSTRING"); from != "" {
		incoming, known = digits(phone.User(from)) != digits(r.rd.Account), true
	}
	switch {
	case !known:
	case incoming:
		m.Direction = chat.In
		m.From = it.person(cmp.Or(it.Row.Str("ZGROUPCALLCREATORUSERJIDSTRING"), it.Row.Str("ZCALLCREATORJIDSTRING"), r.caller(it)))
	default:
		m.Direction, m.From = chat.Out, r.rd.Owner()
	}
	if id := cmp.Or(it.Row.Str("ZCALLIDSTRING"), it.Row.Str("ZCALLID")); id != "" {
		m.Key = &chat.Key{ID: id, FromMe: known && !incoming, Chat: stored}
	}
	seconds, _ := it.Row.Real("ZDURATION")
	m.Call.Video, m.Call.Seconds = entry.Int("ZVIDEO") == 1 || it.Row.Int("ZVIDEO") == 1, seconds32(seconds)
	m.Call.Missed = incoming && entry.Int("ZMISSED") == 1
	if it.Row["ZOUTCOME"] != nil {
		m.Call.Printed = outcomes[it.Row.Int("ZOUTCOME")]
		m.Call.Missed = incoming && it.Row.Int("ZOUTCOME") == outcomeMissed
	}
	return m
}

// seconds32 is a call's length in whole seconds, or 0 where it is none.
func seconds32(s float64) int {
	if s > 0 && s < math.MaxInt32 {
		return int(s)
	}
	return 0
}

// first is the first row of a table that belongs to the item, or nil.
func (it *item) first(table string) foreign.Fields {
	if rows := it.With[table]; len(rows) > 0 {
		return rows[0]
	}
	return nil
}
