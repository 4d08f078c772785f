package subject

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/waxseal/waxseal/internal/chat"
)

// Format names the form of the lines of a copy.
const Format = "waxseal-subject-copy/v1"

// About is what a copy says of itself.
type About struct {
	Firm    string    `json:"firm"`
	Person  string    `json:"person"`
	Request int64     `json:"request"`
	At      time.Time `json:"at"`
}

// Counts are what a copy has.
type Counts struct {
	Messages int64 `json:"messages"`
	Own      int64 `json:"own"`    // that the person wrote
	To       int64 `json:"to"`     // others', to the person: with their words
	Others   int64 `json:"others"` // others', of which only time and kind is said
	Files    int64 `json:"files"`  // of the person's
}

// Line is a message in a copy.
type Line struct {
	Entry int64     `json:"entry"`
	Chat  string    `json:"chat"` // "Chat 1"
	Kind  string    `json:"kind,omitempty"`
	Sent  string    `json:"sent,omitempty"`
	Zone  string    `json:"zone,omitempty"`
	By    string    `json:"by"` // "You", "Person 2"
	Type  chat.Type `json:"type,omitempty"`
	// Left says that what it says is left out: it is somebody else's.
	Left      bool       `json:"left_out,omitempty"`
	Text      string     `json:"text,omitempty"`
	Earlier   []string   `json:"earlier,omitempty"` // what it said before it was edited or revoked
	Revoked   bool       `json:"revoked,omitempty"`
	More      []string   `json:"more,omitempty"` // a place, a poll, a call, in words
	Files     []File     `json:"files,omitempty"`
	Reactions []Reaction `json:"reactions,omitempty"`
}

// File is an attachment, by its hash.
type File struct {
	Name   string     `json:"name,omitempty"`
	Type   string     `json:"type,omitempty"`
	Size   int64      `json:"size,omitempty"`
	SHA256 string     `json:"sha256,omitempty"`
	State  chat.State `json:"state"`
}

// Reaction is one that the person gave, or got from Person n.
type Reaction struct {
	By    string `json:"by"`
	Emoji string `json:"emoji"`
}

//go:embed copy.html
var page string

var pageParts = template.Must(template.New("copy").Funcs(template.FuncMap{"shown": shown}).Parse(page))

// shown is a text without signs that a page cannot have. Marks of direction
// stay: the page isolates every text.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Write writes a copy as JSON Lines and as one page, both to be read without
// anything else.
func Write(ctx context.Context, src Source, p *People, about About, lines, html io.Writer) (n Counts, err error) {
	c := copier{p: p, chats: map[string]int{}, ours: map[string]bool{}}
	err = src(ctx, func(m *chat.Message) error {
		if w := author(m); m.Chat.Kind == chat.Direct && w != nil && p.is(w) {
			c.ours[m.Chat.ID] = true
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("read the messages: %w", err)
	}
	about.Firm, about.Person = c.p.words.text(about.Firm), c.p.words.text(about.Person)
	lw, hw := bufio.NewWriter(lines), bufio.NewWriter(html)
	enc := json.NewEncoder(lw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Format string `json:"format"`
		About
	}{Format, about}); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	if err := pageParts.ExecuteTemplate(hw, "begin", about); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	err = src(ctx, func(m *chat.Message) error {
		l := c.line(m)
		n.add(&l)
		if err := enc.Encode(&l); err != nil {
			return err
		}
		return pageParts.ExecuteTemplate(hw, "line", &l)
	})
	if err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	if err := enc.Encode(map[string]Counts{"counts": n}); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	if err := pageParts.ExecuteTemplate(hw, "end", n); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	if err := lw.Flush(); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	if err := hw.Flush(); err != nil {
		return n, fmt.Errorf("write the copy: %w", err)
	}
	return n, nil
}

func (n *Counts) add(l *Line) {
	n.Messages++
	switch {
	case l.By == "You":
		n.Own++
		n.Files += int64(len(l.Files))
	case l.Left:
		n.Others++
	default:
		n.To++
	}
}

type copier struct {
	p     *People
	chats map[string]int
	ours  map[string]bool // direct chats of the person
}

// to reports whether somebody else's message was written to the person: in a
// chat of two, as an answer to theirs, or with their number in it.
func (c *copier) to(m *chat.Message) bool {
	if author(m) == nil {
		return false // a notice, or a record that could not be read
	}
	if c.ours[m.Chat.ID] || m.Quoted != nil && c.p.is(m.Quoted.From) {
		return true
	}
	for _, w := range m.Mentions {
		if c.p.is(&chat.Person{Phone: w}) || c.p.is(&chat.Person{Name: w}) {
			return true
		}
	}
	return false
}

func (c *copier) line(m *chat.Message) Line {
	who := author(m)
	l := Line{Entry: m.Seq, Chat: c.chat(m.Chat.ID), Kind: string(m.Chat.Kind), Sent: m.SentLocal, Zone: m.Zone, By: c.p.call(who), Type: m.Type, Revoked: m.Revoked}
	if who == nil {
		l.By = "Somebody"
		if m.Direction == chat.Notice || m.Type == chat.SystemType {
			l.By = "WhatsApp"
		}
	}
	own := who != nil && c.p.is(who)
	c.reactions(m, own, &l)
	if l.Left = !own && !c.to(m); l.Left {
		return l
	}
	text := c.p.words.text
	l.Text = text(m.Text)
	for _, v := range m.Versions {
		if v.Type == "" {
			l.Earlier = append(l.Earlier, text(v.Text))
		}
	}
	beside := *m // its versions and files have their own places
	beside.Versions, beside.Attachments = nil, nil
	for _, s := range beside.Beside() {
		if s = text(s); s != "" && s != l.Text {
			l.More = append(l.More, s)
		}
	}
	if m.Location != nil && m.Location.Lat != nil && m.Location.Lon != nil {
		l.More = append(l.More, fmt.Sprintf("%f, %f", *m.Location.Lat, *m.Location.Lon))
	}
	if m.Call != nil {
		l.More = append(l.More, text(m.Call.Words(m.Direction)))
	}
	for _, a := range m.Attachments {
		name := a.Name
		if ext := path.Ext(name); ext != "" { // a name and its ending are two words
			name = text(strings.TrimSuffix(name, ext)) + text(ext)
		}
		l.Files = append(l.Files, File{Name: text(name), Type: text(a.MIME), Size: a.Size, SHA256: a.SHA256, State: a.State})
	}
	return l
}

// reactions are those that the person gave, and those that others gave to what
// is theirs.
func (c *copier) reactions(m *chat.Message, own bool, l *Line) {
	for i := range m.Reactions {
		if r := &m.Reactions[i]; own || c.p.is(&r.From) {
			l.Reactions = append(l.Reactions, Reaction{c.p.call(&r.From), c.p.words.text(r.Emoji)})
		}
	}
}

func (c *copier) chat(id string) string {
	n, ok := c.chats[id]
	if !ok {
		n = len(c.chats) + 1
		c.chats[id] = n
	}
	return fmt.Sprintf("Chat %d", n)
}
