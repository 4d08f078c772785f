package chatexport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// parser reads the records of one reading. Import and interpretation use the
// same one. It is not changed by reading.
type parser struct {
	r        *reading
	ios      bool
	enc      encoding
	eol      []byte // what ends a line inside a body, other than LF
	loc      *time.Location
	orders   map[orderKey]shapeReading // filled at the start, then only read
	authors  map[string]bool
	slots    map[string]bool
	names    map[string]string // authors and slots: one string for all their records
	suspects map[string]bool
	back     map[string]bool
}

type shapeReading struct {
	order  order
	unsure bool
}

func newParser(r *reading) (*parser, error) {
	loc, err := r.location()
	if err != nil {
		return nil, err
	}
	p := &parser{
		r: r, ios: r.ios(), enc: parseEncoding(r.Encoding), loc: loc, orders: map[orderKey]shapeReading{}, names: map[string]string{},
		authors: set(r.Authors), slots: set(r.Slots), suspects: set(r.Suspects), back: set(r.Back),
	}
	for _, n := range append(slices.Clone(r.Authors), r.Slots...) {
		p.names[n] = n
	}
	if p.eol = []byte("\r\n"); r.CR {
		p.eol = []byte("\r")
	}
	p.settle()
	return p, nil
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// orderKey is what of a shape the order hangs on, in one number: it is looked up
// for every record.
type orderKey uint32

func (s shape) orderKey() orderKey {
	k := orderKey(s.Sep) | orderKey(uint8(s.Long))<<8 | orderKey(s.Calendar)<<16
	if s.Half {
		k |= 1 << 24
	}
	return k
}

// settle fills orders for every shape that can occur.
func (p *parser) settle() {
	for _, sep := range []byte{'/', '.', '-', 'y', ' '} {
		for long := int8(-1); long <= 2; long++ {
			for cal := gregorian; cal <= persian; cal++ {
				s := shape{Sep: sep, Long: long, Calendar: cal}
				whole := p.surveyed(s, shapeReading{dmy, true})
				if long == 0 {
					whole = p.surveyed(s, shapeReading{ymd, false})
				}
				p.orders[s.orderKey()] = whole
				s.Half = true // first readings did not tell the two clocks apart
				p.orders[s.orderKey()] = p.surveyed(s, whole)
			}
		}
	}
}

// surveyed is how the survey found a shape to be read, or otherwise, for one
// beyond those that it looked at.
func (p *parser) surveyed(s shape, otherwise shapeReading) shapeReading {
	key := s.key()
	if o := parseOrder(p.r.Orders[key]); o != unknownOrder {
		return shapeReading{o, slices.Contains(p.r.Unsure, key)}
	}
	return otherwise
}

func (p *parser) order(s shape) shapeReading { return p.orders[s.orderKey()] }

// date reads a record's date. One that is none in the order of its shape is read
// with day and month changed places: two exports were joined into one.
func (p *parser) date(h *header) (civil, bool) {
	o := p.order(h.shape).order
	c, ok := h.civil(o)
	if !ok && o != ymd {
		return h.civil(dmy + mdy - o)
	}
	return c, ok
}

// parsed is a record that was read.
type parsed struct {
	header
	at      civil
	dated   bool
	author  string // as printed, marks included; empty for notices without one
	body    string
	garbled bool // the author is not all text
	system  bool
	content content
}

// parse reads a record. early is whether it is among the first of its file.
func (p *parser) parse(text []byte, h header, early bool) parsed {
	out := parsed{header: h}
	out.at, out.dated = p.date(&h)
	rest := cutEnd(text[h.rest:])
	if bytes.Contains(rest, p.eol) {
		rest = bytes.ReplaceAll(rest, p.eol, []byte("\n"))
	}
	first := rest
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		first = rest[:i]
	}
	n, skip := p.cut(first)
	if n < 0 {
		out.body, out.system = string(rest), true
		return out
	}
	if out.author = p.names[string(rest[:n])]; out.author == "" {
		out.author = valid(string(rest[:n]))
		out.garbled = out.author != string(rest[:n])
	}
	out.body = string(rest[n+skip:])
	if p.slots[out.author] {
		out.system = true
		return out
	}
	out.content = classify(out.body, p.ios)
	if p.r.Marks && out.content.marked() && !ownWords(out.body) {
		out.content = content{kind: chat.Text, text: out.body}
	}
	if out.content.kind == chat.Text && !out.content.edited {
		out.system = p.isNotice(out.body, out.author, early)
	}
	return out
}

// cutEnd takes the line end off a record.
func cutEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// cut finds the author at the start of a record's first line: how long the name
// is, and how much stands between it and the body. -1: a notice.
func (p *parser) cut(line []byte) (name, skip int) {
	best := -1
	for from, i := 0, 0; i < 4; i++ {
		at := bytes.Index(line[from:], []byte(": "))
		if at < 0 {
			break
		}
		at += from
		if at > maxName {
			break
		}
		if p.known(line[:at]) {
			best = at
		}
		from = at + 2
	}
	if best > 0 {
		return best, 2
	}
	if n := len(line); n > 1 && line[n-1] == ':' && p.known(line[:n-1]) {
		return n - 1, 1
	}
	if n := len(line); n > 2 && bytes.HasSuffix(line, []byte(":.")) && p.known(line[:n-2]) {
		return n - 2, 2
	}
	if p.r.Capped {
		if at := bytes.Index(line, []byte(": ")); at > 0 && at <= maxName && !bytes.ContainsAny(line[:at], "\"“”„«»「」") && !knownNotice(string(line)) {
			return at, 2
		}
	}
	return -1, 0
}

// known reports whether a name is that of an author. A reading is JSON: names
// in it are valid text.
func (p *parser) known(name []byte) bool {
	return p.names[string(name)] != "" || !utf8.Valid(name) && p.names[valid(string(name))] != ""
}

// isNotice tells a sentence that WhatsApp wrote under a person's name from
// what that person wrote.
func (p *parser) isNotice(body, author string, early bool) bool {
	if !p.ios {
		rest, ok := strings.CutPrefix(body, author+" ")
		return ok && rest != "" && knownNotice(body)
	}
	if !startsMarked(body) {
		return false
	}
	in := strings.TrimLeftFunc(body, isMark)
	if early || knownNotice(in) {
		return true
	}
	in = strings.TrimRight(in, ".")
	for name := range p.authors {
		if strings.HasPrefix(in, name) && len(in) > len(name) || strings.HasSuffix(in, " "+name) {
			return true
		}
	}
	return false
}

// Reader reads the records of a chat export.
type Reader struct {
	p    *parser
	key  string
	head record.CaptureHead
	// merged readings differ in orders, zone and the like; splitting never.
	chat chat.Chat
}

// Interpreter says what the records of chat exports mean.
type Interpreter struct{}

// Reader implements capture.Interpreter.
func (Interpreter) Reader(captures []record.Entry) (chat.Reader, error) {
	if len(captures) == 0 {
		return nil, fmt.Errorf("read chat export: no capture")
	}
	var merged *reading
	var first record.CaptureHead
	for i, c := range captures {
		var head record.CaptureHead
		if _, err := c.Decode(&head); err != nil {
			return nil, err
		}
		r, err := parseReading(head.Reading)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", c.Seq, err)
		}
		if i == 0 {
			merged, first = r, head
			continue
		}
		merged.merge(r)
	}
	p, err := newParser(merged)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal(merged)
	if err != nil {
		return nil, fmt.Errorf("encode reading: %w", err)
	}
	return &Reader{
		p: p, key: string(key), head: first,
		chat: chat.Chat{Name: merged.Chat, Kind: chat.ChatKind(merged.Kind)},
	}, nil
}

// Key implements chat.Reader.
func (r *Reader) Key() string { return r.key }

// earlyRecords are the first of a file: a marked sentence among them is an
// opening notice, whatever its language.
const earlyRecords = 2

// errUnread is for a record that has no header in the order of its file.
var errUnread = errors.New("not understood")

// Events implements chat.Reader: one event for every Item.
func (r *Reader) Events(e record.Entry) ([]chat.Event, error) {
	if e.Kind != record.Item && e.Kind != record.Unparsed {
		return nil, nil
	}
	var head record.ItemHead
	raw, err := e.Decode(&head)
	if err != nil {
		return nil, err
	}
	text := r.p.enc.text(raw)
	h, ok := parseHeader(text)
	if !ok || e.Kind == record.Unparsed {
		return nil, errUnread
	}
	rec := r.p.parse(text, h, head.Ordinal < earlyRecords)
	if !rec.dated {
		return nil, errUnread
	}
	return []chat.Event{{Seq: e.Seq, Source: Name, Message: r.message(&rec, &head)}}, nil
}

func (r *Reader) message(rec *parsed, head *record.ItemHead) chat.Message {
	m := chat.Message{
		Account: r.head.Account, Custodian: r.head.Custodian, Chat: r.chat,
		Zone: r.p.r.Zone, ZoneAssumed: r.p.r.Assumed, Precision: "minute",
		AsPrinted: valid(rec.body), Boundary: chat.Certain, Time: chat.Certain,
	}
	if rec.shape.Seconds {
		m.Precision = "second"
	}
	if head.Loose {
		m.Boundary = chat.Ambiguous
	}
	r.times(&m, rec, head)
	if rec.system {
		r.notice(&m, rec)
		return m
	}
	m.From = person(rec.author)
	if me := r.p.r.Me; me != "" {
		m.Direction = chat.In
		if name := m.From.Name; name == me || strings.TrimPrefix(name, "~ ") == me {
			m.Direction = chat.Out
		}
	}
	r.fill(&m, &rec.content, head)
	return m
}

// times sets the local time and the instant that it stands for.
func (r *Reader) times(m *chat.Message, rec *parsed, head *record.ItemHead) {
	local := string(rec.at.appendLocal(nil, rec.shape.Seconds))
	m.SentLocal = local
	at, twice := instant(rec.at, r.p.loc, head.Late)
	m.SentAt = at.UTC().Format(time.RFC3339)
	unsure := r.p.order(rec.shape).unsure && r.p.readsTwoWays(rec)
	if unsure || rec.doubt || twice && !r.p.back[hourOf(rec.at)] {
		m.Time = chat.Ambiguous
	}
}

// readsTwoWays reports whether another date order gives another date.
func (p *parser) readsTwoWays(rec *parsed) bool {
	for _, o := range []order{dmy, mdy, ymd} {
		if c, ok := rec.civil(o); ok && c != rec.at && c.year >= firstYear {
			return true
		}
	}
	return false
}

// instant is the moment that a local time stands for, and whether its hour
// occurs twice. late chooses the second pass. In an hour that is skipped, the
// clock is read as if it had not been put forward yet.
func instant(c civil, loc *time.Location, late bool) (t time.Time, twice bool) {
	utc := c.time(time.UTC)
	offset := func(t time.Time) time.Duration {
		_, s := t.In(loc).Zone()
		return time.Duration(s) * time.Second
	}
	before, after := offset(utc.Add(-24*time.Hour)), offset(utc.Add(24*time.Hour))
	first, second := utc.Add(-before), utc.Add(-after)
	if before == after {
		// A change and its undoing within two days are not looked for.
		return first, false
	}
	ok1, ok2 := offset(first) == before, offset(second) == after
	switch {
	case ok1 && ok2:
		if late {
			return second, true
		}
		return first, true
	case ok2:
		return second, false
	}
	return first, false
}

func (r *Reader) notice(m *chat.Message, rec *parsed) {
	m.Type, m.Direction = chat.SystemType, chat.Notice
	in := strings.TrimLeftFunc(rec.body, isMark)
	author := ""
	if rec.author != "" && r.p.authors[rec.author] {
		author = trimName(rec.author)
	}
	m.System = notice(in, author)
}

// fill sets what a person sent.
func (r *Reader) fill(m *chat.Message, c *content, head *record.ItemHead) {
	m.Type, m.Text = c.kind, valid(c.text)
	m.Edited, m.Revoked = c.edited, c.revoked
	m.Location, m.Poll, m.Call, m.Occasion = c.place, c.poll, c.call, c.occasion
	m.Mentions = mentions(c.text)
	switch {
	case c.omitted:
		m.Attachments = []chat.Attachment{{State: chat.Omitted, Reason: "The export was made without this file."}}
	case c.file != "":
		m.Attachments = []chat.Attachment{attachment(c.file, head)}
		if m.Type == chat.ContactCard {
			m.Contacts = []chat.Contact{{Name: strings.TrimSuffix(displayName(c.file), path.Ext(c.file))}}
		}
	}
}

func attachment(file string, head *record.ItemHead) chat.Attachment {
	a := chat.Attachment{Name: valid(file), MIME: mimeOf(file), State: chat.Missing, Reason: reasonMissing}
	for _, f := range head.Files {
		if f.SHA256 != "" {
			a.State, a.Reason, a.SHA256, a.Size = chat.Stored, "", f.SHA256, f.Size
		} else if f.Reason != "" {
			a.Reason = f.Reason
		}
	}
	return a
}

// displayName is a file's name without the number that iOS puts before it.
func displayName(f string) string {
	if len(f) > 9 && digits(f[:8]) && f[8] == '-' {
		return f[9:]
	}
	return f
}

var mimeTypes = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".heic": "image/heic",
	".mp4": "video/mp4", ".mov": "video/quicktime", ".3gp": "video/3gpp", ".webm": "video/webm", ".opus": "audio/ogg", ".ogg": "audio/ogg",
	".m4a": "audio/mp4", ".mp3": "audio/mpeg", ".aac": "audio/aac", ".amr": "audio/amr", ".wav": "audio/wav", ".pdf": "application/pdf",
	".vcf": "text/vcard", ".txt": "text/plain", ".csv": "text/csv", ".zip": "application/zip", ".json": "application/json",
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

func mimeOf(f string) string { return mimeTypes[strings.ToLower(path.Ext(f))] }

// person is an author as printed, without the marks around the name, and with
// the number where the name is one.
func person(printed string) *chat.Person {
	name := trimName(printed)
	return &chat.Person{Name: valid(name), Phone: phone(name)}
}

func trimName(s string) string { return strings.TrimFunc(s, isMark) }

// phone reads a name that is a phone number: "+44 7700 900‑123".
func phone(name string) string {
	if !strings.HasPrefix(name, "+") {
		return ""
	}
	b := []byte{'+'}
	for _, r := range name[1:] {
		switch {
		case r >= '0' && r <= '9':
			b = append(b, byte(r))
		case isBlank(r), isMark(r), r == '-', r == 0x2010, r == 0x2011, r == '(', r == ')', r == '.':
		default:
			return ""
		}
	}
	if len(b) < 8 || len(b) > 16 {
		return ""
	}
	return string(b)
}

// mentions are the people named in a text: @ and the name between isolates.
func mentions(text string) (all []string) {
	for {
		_, rest, ok := strings.Cut(text, "@\u2068")
		if !ok {
			return all
		}
		name, rest, ok := strings.Cut(rest, "\u2069")
		if !ok || len(name) > maxName {
			return all
		}
		all = append(all, valid(strings.TrimPrefix(name, "~")))
		text = rest
	}
}

// valid makes text that JSON can carry; the record keeps the bytes.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
