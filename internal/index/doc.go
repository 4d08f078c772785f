package index

import (
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// doc is what the index keeps of a message: where it stands, and its tokens.
// Making it again from the same message gives the same doc, which is how
// tokens are taken out again.
type doc struct {
	account, custodian, chat string
	kind                     chat.ChatKind
	addresses                []string // of the chat
	keys                     []int64  // see keysOf
	names                    []int64  // those that it is found by
	keyed                    *keyed   // where it has a key
	live                     bool     // see live
	sent                     string   // the instant, where it is known
	files                    []int64  // see fileKey
	marks                    []mark   // of a record that is put in again
	person                   string   // identity of the sender, or empty
	at                       int64    // see clock; meaningless where local is empty
	minute                   bool     // the time is known to the minute only
	local                    string
	words                    []byte // tokens of what is written in it
	filters                  []byte // tokens of what is so about it, without chat and sender
}

// keyed is what tells a message with a key from others: docs wait in memory by
// the ten thousand, and whole messages would be several times as much.
type keyed struct {
	chat   chat.Chat
	key    *chat.Key
	from   *chat.Person
	sentAt string
}

// Tokens of filters begin with '=', grams of numbers with '#': the analyser
// gives neither, and the tokenizer takes both for letters.
const (
	filterSign = '='
	digitSign  = '#'
)

// docOf makes the doc of a message. unread marks one that could not be read.
func docOf(m *chat.Message, unread bool) doc {
	d := doc{
		account: m.Account, custodian: m.Custodian, chat: m.Chat.Name, kind: m.Chat.Kind,
		person: ident(m.From), minute: m.Precision != "second", local: m.SentLocal,
	}
	d.addresses = m.Chat.Addresses()
	if d.keys = keysOf(m); d.keys != nil {
		d.names = namesOf(m)
		d.keyed = &keyed{m.Chat, m.Key, m.From, m.SentAt}
	}
	var ok bool
	if d.at, ok = clock(m.SentLocal); !ok {
		d.local = ""
	}
	d.sent, d.files = m.SentAt, filesOf(m)
	d.words = wordsOf(m)
	d.filters = filtersOf(m, unread)
	return d
}

// clock returns what a local time says as the unix seconds of the same reading
// of a clock in UTC. It is what messages are ordered by, found by date and
// matched by: the source printed it, where the zone may be an assumption.
func clock(local string) (unix int64, ok bool) {
	t, err := time.Parse("2006-01-02T15:04:05", local)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04", local)
	}
	return t.Unix(), err == nil
}

// under puts what could not be read into the chat of its capture.
func (d *doc) under(h *record.CaptureHead) {
	if d.chat == "" {
		d.account, d.custodian, d.chat = h.Account, h.Custodian, chatName(h)
	}
}

// ident joins what is known of a person, one fact a line.
func ident(p *chat.Person) string {
	if p == nil {
		return ""
	}
	fields := []string{p.Name, p.Phone, p.JID, p.LID, p.BSUID}
	for i := range fields {
		fields[i] = strings.ReplaceAll(fields[i], "\n", " ")
	}
	return strings.TrimRight(strings.Join(fields, "\n"), "\n")
}

// wordsOf returns the tokens of everything that is written in a message. Its
// text comes first; a sign between two texts keeps phrases inside one.
func wordsOf(m *chat.Message) []byte {
	b := make([]byte, 0, len(m.Text)+len(m.Text)/4+64)
	for s := range pieces(m.Text) {
		b = appendTokens(b, s)
	}
	for _, s := range further(m) {
		if s == "" {
			continue
		}
		if len(b) > 0 {
			b = append(b, "=b "...)
		}
		b = appendTokens(b, s)
	}
	return b
}

// maxPiece is more than any message that WhatsApp sends.
const maxPiece = 256 << 10

// pieces cuts a text between words: the tokens of all of it are many times as
// large as it is.
func pieces(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(s) > maxPiece {
			cut := strings.LastIndexAny(s[:maxPiece], " \n") + 1
			if cut == 0 { // one word, of whole characters
				cut = max(1, len(strings.ToValidUTF8(s[:maxPiece], "")))
			}
			if !yield(s[:cut]) {
				return
			}
			s = s[cut:]
		}
		yield(s)
	}
}

// further lists what can be found in a message beside its text.
func further(m *chat.Message) (out []string) {
	out = m.Beside()
	if s := m.System; s != nil {
		out = append(append(out, s.Actor, s.Value), s.Who...)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" || strings.Contains(m.Text, s) })
}

func appendTokens(b []byte, text string) []byte {
	next := 0
	for _, t := range analyze.Tokens(text) {
		if t.Pos != next {
			b = append(b, "=b "...) // a place that is free
		}
		next = t.Pos + 1
		if t.Kind == analyze.Digits {
			b = append(b, digitSign)
		}
		b = append(append(b, t.Text...), ' ')
	}
	return b
}

// Filters that a message answers by a token of its own; see filter.go.
func filtersOf(m *chat.Message, unread bool) []byte {
	b := make([]byte, 0, 64)
	add := func(s ...string) {
		b = append(b, filterSign)
		for _, p := range s {
			b = append(b, p...)
		}
		b = append(b, ' ')
	}
	add("t", tokenName(string(m.Type)))
	for _, s := range m.SeenBy {
		add("s", tokenName(s))
	}
	for _, f := range flags(m, unread) {
		add("x", f)
	}
	return b
}

// flags lists what is unusual about a message, for is: and has:.
func flags(m *chat.Message, unread bool) (out []string) {
	add := func(ok bool, name string) {
		if ok {
			out = append(out, name)
		}
	}
	add(m.Revoked, "revoked")
	add(m.Edited, "edited")
	add(m.Forwarded > 0, "forwarded")
	add(m.Boundary == chat.Ambiguous || m.Time == chat.Ambiguous, "ambiguous")
	add(unread, "unread")
	add(len(m.Attachments) > 0, "attachment")
	add(slices.ContainsFunc(m.Attachments, func(a chat.Attachment) bool { return a.State == chat.Missing }), "missing")
	add(slices.ContainsFunc(m.Attachments, func(a chat.Attachment) bool { return a.State == chat.Omitted }), "omitted")
	add(hasLink(m.Text), "link")
	add(m.Direction == chat.In, "in")
	add(m.Direction == chat.Out, "out")
	add(len(m.Reactions) > 0, "reaction")
	add(slices.ContainsFunc(m.Attachments, func(a chat.Attachment) bool { return a.State == chat.Pending }), "pending")
	add(m.Partial && m.Direction == chat.Out && len(m.Receipts) > 0 && m.Sending == nil, "orphan")
	add(m.Type == chat.Unsupported && !m.Revoked, "ghost")
	if s := m.Sending; s != nil {
		add(s.State == chat.SendForwarded, "unanswered")
		add(s.State == chat.SendWaits || s.State == chat.SendDeferred, "waiting")
	}
	add(m.Failed(), "failed")
	return out
}

// hasLink reports whether a text has an address of the web.
func hasLink(text string) bool {
	for i := 0; ; {
		j := strings.Index(text[i:], "://")
		if j < 0 {
			break
		}
		if i += j + 3; i < len(text) && text[i] > ' ' {
			return true
		}
	}
	i := strings.Index(text, "www.")
	return i >= 0 && i+4 < len(text) && text[i+4] > ' '
}

// tokenName makes one token of a name: its letters and digits.
func tokenName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

// tokens is the whole row of the full-text table.
func (d *doc) tokens(chatID, personID int64, o *order) []byte {
	b := make([]byte, 0, len(d.words)+len(d.filters)+24)
	b = append(b, d.words...)
	b = append(b, filterSign, 'c')
	b = strconv.AppendInt(b, chatID, 10)
	if personID > 0 {
		b = append(b, ' ', filterSign, 'f')
		b = strconv.AppendInt(b, personID, 10)
	}
	b = append(b, ' ')
	b = append(b, d.filters...)
	for _, t := range o.tokens() {
		b = append(append(b, t...), ' ')
	}
	return b
}

// chatName is the name of the chat of a record that could not be read, where
// nothing before it in its capture says.
func chatName(h *record.CaptureHead) string {
	if h.Chat != "" || h.File == "" {
		return h.Chat
	}
	return strings.TrimSuffix(path.Base(h.File), path.Ext(h.File))
}
