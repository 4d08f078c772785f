package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// bubble is one message as a chat shows it.
type bubble struct {
	ID      string
	Self    string // address of the message's own page
	Link    string // address of its place in the chat
	Side    string // "in", "out" or "notice"
	From    string // who, by a hash, to tell whether the next one is the same person's
	Sender  string
	Known   string // what the firm calls a sender who is a number
	number  string
	Colour  int
	Named   bool // the sender's name is shown
	Joined  bool // follows one of the same sender on the same day
	Target  bool // is what the address of the page asked for
	Paper   bool // to be printed: everything is shown
	Loose   bool // not in its place in a chat: the page may show it twice
	Day     string
	Clock   string
	When    string // the whole time, and how it is known
	Instant string // for machines

	Kind      string // what it is, where the text does not say: "Order"
	Forwarded string
	Quote     *quote
	Text      []run
	Long      int64 // characters of a text that is folded at first; 0: it is shown whole
	Whole     bool  // the fold is open
	Files     []file
	Place     *place
	Contacts  []contact
	Poll      *poll
	Call      string
	Occasion  *occasion
	Details   []detail
	Sent      *sent // nil: as it should be

	Revoked, Edited bool
	RevokedBy       string   // an administrator
	ChangedAt       string   // of the edit or the revocation
	Dropped         bool     // the phone had removed it from view
	Mentions        []string // who is mentioned
	Marks           []string // short: "starred", "disappears after 7 days"
	Labels          []string // paths of labels
	Matters         []string // that it was collected for
	Code            string   // of a type that is not known
	Reach           reach
	Versions        []version
	Unrolled        bool // the versions are shown at once
	Reactions       []reaction
	Doubts          []string // sentences: what is not certain about it
	Traps           []string // sentences: which links in it hide where they lead
	Raw             bool     // the text is the source's own, not a message's
	Unread          string   // as printed, where it could not be understood
}

// file is an attachment as it is shown.
type file struct {
	Show   string // "image", "video", "audio", "sticker", "document", or "absent"
	Name   string
	Named  []piece // the name, with what was found in it
	Href   string
	Size   string
	Type   string // "PDF", "JPEG"
	Why    string // absent: what became of it
	Reason string // absent: what the source says
	Extent extent // of what is seen, scaled to its place
	SHA256 string
	Paper  bool // to be printed
}

type contact struct {
	Name    []piece
	Phones  [][]piece
	Initial string
	Colour  int
}

type place struct {
	Name, Address []piece
	Point         string
	Live          bool
	Link          []run
}

type poll struct {
	Question []piece
	Options  []option
	Most     int
	Named    bool // it is known who voted
	Open     bool // they are listed at once
}

type option struct {
	Text   []piece
	Votes  int
	Voters []string
	More   int64 // voters that only the message's own page lists
}

type occasion struct {
	Title, Place, Description []piece
	When                      string
	Cancelled                 bool
	Link                      []run
}

type version struct {
	At    string
	Seq   int64
	Text  []run
	Empty bool // the message had come without its content
}

type reaction struct {
	Emoji string
	Count int
	Who   string
}

// days is a stretch of a chat, cut at midnight.
type days []dayOf

type dayOf struct {
	Date    string // "2024-01-31", to join stretches by
	Name    string
	Bubbles []bubble
}

// cutDays puts bubbles under their days, in the order given: a chat's order is
// the source's, and a day may come twice.
func cutDays(bs []bubble) days {
	var ds days
	for _, b := range bs {
		date := dateOnly(b.Day)
		// What has no time of its own stands where its source has it.
		if n := len(ds); n == 0 || ds[n-1].Date != date && date != "" {
			ds = append(ds, dayOf{Date: date, Name: day(b.Day)})
		}
		d := &ds[len(ds)-1]
		if n := len(d.Bubbles); n > 0 && b.From != "" {
			b.Joined = d.Bubbles[n-1].From == b.From && d.Bubbles[n-1].Side == b.Side
		}
		d.Bubbles = append(d.Bubbles, b)
	}
	return ds
}

// view is what the address of a page asks of the messages on it.
type view struct {
	target string // ID of the message that it names
	query  string // what to mark in them
	paper  bool   // they are to be printed
}

// bubbles makes what a chat shows of its messages. What they answer and is not
// among them is looked up one by one.
func (s *Server) bubbles(ctx context.Context, ms []chat.Message, v view) ([]bubble, error) {
	beside := byKey(ms)
	in := find(v.query, ms...)
	out := make([]bubble, 0, len(ms))
	for i := range ms {
		b := newBubble(&ms[i], in)
		s.fit(ctx, b.Files)
		if v.paper {
			b.onPaper()
		}
		b.Target = v.target != "" && b.ID == v.target
		var err error
		if b.Quote, err = s.quoteOf(ctx, &ms[i], beside); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	ask := make([]*bubble, len(out))
	for i := range out {
		ask[i] = &out[i]
	}
	return out, s.nameBubbles(ctx, ask...)
}

// placeOf is the address of a message's place in its chat, with the words of a
// query marked there. It names no fragment: the browser would put the message
// to the top, under the day, and not with what was said before it.
func placeOf(m *chat.Message, query string) string {
	v := url.Values{"at": {m.ID}}
	if query != "" {
		v.Set("q", query)
	}
	return chatHref(m.Chat.ID) + "?" + v.Encode()
}

func chatHref(id string) string    { return "/chats/" + url.PathEscape(id) }
func messageHref(id string) string { return "/messages/" + url.PathEscape(id) }

// A text that is longer than this, in characters or lines, is folded: nobody
// reads a chat past a pasted contract.
const (
	longText  = 1500
	longLines = 24
)

// long returns the length of a text that is to be folded, or 0.
func long(s string) int64 {
	if n := utf8.RuneCountInString(s); n > longText || strings.Count(s, "\n") > longLines {
		return int64(n)
	}
	return 0
}

// newBubble makes a bubble of a message, with marks in its text.
func newBubble(m *chat.Message, in found) bubble {
	b := bubble{
		ID: m.ID, Self: messageHref(m.ID), Link: placeOf(m, ""),
		Day: m.SentLocal, Clock: clock(m.SentLocal, m.Precision), When: when(m), Instant: plain(m.SentAt),
		Kind: kindNames[m.Type], Text: in.runs(m.Text), Long: long(m.Text), Whole: len(in[m.Text]) > 0,
		Revoked: m.Revoked, Edited: m.Edited, ChangedAt: moment(m.ChangedAt), Dropped: m.Dropped, Marks: marksOf(m), Labels: cleanAll(m.Labels), Matters: cleanAll(m.Matters), Doubts: doubts(m),
		Forwarded: chat.ForwardedWords(m.Forwarded), Code: plain(m.TypeCode),
	}
	if m.RevokedBy != nil {
		b.RevokedBy = who(m.RevokedBy)
	}
	for _, w := range m.Mentions {
		b.Mentions = append(b.Mentions, clean(w))
	}
	b.Traps = traps(b.Text)
	b.side(m, in)
	for _, a := range m.Attachments {
		b.Files = append(b.Files, newFile(a, m.Type, in))
	}
	for _, c := range m.Contacts {
		b.Contacts = append(b.Contacts, newContact(c, in))
	}
	if m.Location != nil {
		b.Place = newPlace(m, in)
	}
	if m.Poll != nil {
		b.Poll = newPoll(m.Poll, in, votersInBubble)
	}
	if m.Call != nil {
		b.Call = clean(m.Call.Words(m.Direction))
	}
	if m.Occasion != nil {
		o := m.Occasion
		b.Occasion = &occasion{
			Title: in.pieces(o.Title), Place: in.pieces(o.Place), Description: in.pieces(o.Description),
			When: instant(o.Starts), Cancelled: o.Cancelled, Link: in.runs(o.Link),
		}
	}
	for _, v := range m.Versions {
		b.Versions = append(b.Versions, version{At: moment(v.At), Seq: v.Seq, Text: in.runs(v.Text), Empty: v.Type == chat.Unsupported})
		b.Unrolled = b.Unrolled || len(in[v.Text]) > 0
	}
	b.Details, b.Sent = detailsOf(m, in), sentOf(m)
	if ownWords(m) {
		b.Text = nil
	}
	b.Reactions = reactions(m.Reactions)
	if unparsed(m) {
		b.Kind, b.Sender, b.Named, b.Raw = "This record could not be read. It is kept as the source has it:", "", false, true
	}
	if s := fragment(m); s != "" {
		b.Kind, b.Code = s, ""
		return b
	}
	if b.empty() && !m.Revoked {
		b.Unread = clean(m.AsPrinted)
		if m.Type == chat.Unknown || b.Kind == "" {
			b.Kind = "A message whose content is not known"
		}
	}
	return b
}

// unparsed reports whether a message stands for a record that could not be
// read: the index shows it by the source's own words, and nobody wrote it.
func unparsed(m *chat.Message) bool {
	return m.Type == chat.Unknown && m.From == nil && m.Text != "" && m.Text == m.AsPrinted
}

// traps gathers what is to be said of the links in a text.
func traps(rs []run) []string {
	var out []string
	for _, r := range rs {
		if r.Link != nil && r.Link.Warn != "" {
			out = append(out, plain(r.Link.Host)+": "+r.Link.Warn)
		}
	}
	return out
}

// side decides on which side a bubble stands and whether it says who wrote it.
func (b *bubble) side(m *chat.Message, in found) {
	switch {
	case m.Type == chat.SystemType || m.Direction == chat.Notice:
		b.Side = "notice"
		if m.Text == "" {
			b.Text = in.runs(notice(m))
		}
		return
	case m.Direction == chat.Out:
		b.Side = "out"
	default:
		b.Side = "in"
	}
	b.Sender, b.number = sender(m), numberOf(m.From)
	if b.Side == "out" {
		b.Reach = newReach(m)
	}
	id := identity(m.From)
	b.Colour = colour(id)
	if id != "" {
		b.From = strconv.FormatUint(uint64(hashOf(id)), 36)
	}
	// In a direct chat the side says who wrote, unless nobody said which side
	// is whose.
	b.Named = m.Chat.Kind != chat.Direct && b.Side == "in" || m.Direction == ""
}

func (b *bubble) empty() bool {
	return len(b.Text) == 0 && len(b.Files) == 0 && b.Place == nil && len(b.Contacts) == 0 &&
		b.Poll == nil && b.Call == "" && b.Occasion == nil && len(b.Details) == 0
}

// kindNames says what a message is where its content does not show it.
var kindNames = map[chat.Type]string{
	chat.Order:       "Order",
	chat.Interactive: "Interactive message",
	chat.Template:    "Message from a template",
	chat.ViewOnce:    "View-once message",
	chat.Unsupported: "A kind of message that the source does not support",
	chat.LivePlace:   "Live location",
}

func newContact(c chat.Contact, in found) contact {
	out := contact{Name: in.pieces(c.Name), Initial: initial(c.Name), Colour: colour(c.Name)}
	for _, p := range c.Phones {
		out.Phones = append(out.Phones, in.pieces(p))
	}
	return out
}

func newPlace(m *chat.Message, in found) *place {
	l := m.Location
	p := &place{
		Name: in.pieces(l.Name), Address: in.pieces(l.Address),
		Live: m.Type == chat.LivePlace, Link: in.runs(l.URL),
	}
	if l.Lat != nil && l.Lon != nil {
		p.Point = fmt.Sprintf("%.6f, %.6f", *l.Lat, *l.Lon)
	}
	return p
}

// votersInBubble is how many voters of an option a bubble lists: a channel has
// thousands.
const votersInBubble = 50

func newPoll(p *chat.Poll, in found, voters int) *poll {
	out := &poll{Question: in.pieces(p.Question), Most: 1}
	for _, o := range p.Options {
		op := option{Text: in.pieces(o.Text), Votes: o.Votes}
		n := min(voters, len(o.Voters))
		for i := range o.Voters[:n] {
			op.Voters = append(op.Voters, who(&o.Voters[i]))
		}
		op.More = int64(len(o.Voters) - n)
		out.Named = out.Named || n > 0
		out.Options = append(out.Options, op)
		out.Most = max(out.Most, o.Votes)
	}
	return out
}

// reactions puts equal emoji together, in the order in which they came.
func reactions(rs []chat.Reaction) []reaction {
	var out []reaction
	at := map[string]int{}
	for _, r := range rs {
		i, ok := at[r.Emoji]
		if !ok {
			i = len(out)
			at[r.Emoji] = i
			out = append(out, reaction{Emoji: clean(r.Emoji)})
		}
		o := &out[i]
		if o.Count++; o.Count > 1 {
			o.Who += ", "
		}
		o.Who += plain(who(&r.From))
	}
	return out
}
