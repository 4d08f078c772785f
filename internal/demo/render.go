package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// file is one attachment of an export.
type file struct {
	name string
	data []byte
}

// export is one chat as a phone writes it at one time.
type export struct {
	chat    chat
	locale  *locale
	at      time.Time
	out     strings.Builder
	files   []file
	number  int            // of the last attachment, iOS
	today   map[string]int // attachments of a day, Android
	subject string         // of the group, when it changes
	lost    bool           // the file that is to be lost is lost
	records int
}

// render writes what the chat showed at the time of the export.
func render(c chat, all []message, when time.Time) (*export, error) {
	l, ok := locales[c.phone.locale]
	if !ok {
		return nil, fmt.Errorf("no phone in %s", c.phone.locale)
	}
	e := &export{chat: c, locale: l, at: when, today: map[string]int{}, subject: c.name}
	for i, m := range all {
		if m.at.After(when) {
			break
		}
		if m.fate != nil && !m.fate.at.After(when) {
			m.what, m.text = edited, m.fate.text
			if m.fate.revoked {
				m.what = revoked
			}
		}
		if err := e.message(m, roll(c.name+strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// put writes one record. An iPhone ends records with CRLF, lines within them
// with LF; that is how a real record is told from a pasted one.
func (e *export) put(m message, author, body string, own bool) {
	e.records++
	stamp := e.locale.stamp(m.at)
	if !e.locale.ios {
		e.out.WriteString(stamp + " - ")
		if author != "" {
			e.out.WriteString(author + ": ")
		}
		e.out.WriteString(body + "\n")
		return
	}
	if own { // the phone marks records whose body begins with its own words
		e.out.WriteString(e.locale.mark)
	}
	e.out.WriteString("[" + stamp + "] " + author + ": " + body + "\r\n")
}

// own puts the mark before a string that the phone wrote itself.
func (e *export) own(s string) string { return e.locale.mark + s }

func (e *export) message(m message, d *dice) error {
	l := e.locale
	switch m.what {
	case text:
		e.put(m, m.from, m.text, false)
	case notice:
		e.notice(m)
	case edited:
		e.put(m, m.from, m.text+" "+e.own(l.edited), false)
	case revoked:
		body := l.deleted
		if m.from == e.chat.phone.me {
			body = l.deletedByMe
		}
		e.put(m, m.from, e.own(body), false)
	case place, live:
		e.place(m, d)
	case poll:
		e.poll(m, d)
	case call:
		e.call(m)
	case viewOnce:
		if l.viewOnce == "" {
			return fmt.Errorf("no view-once words in %s", e.chat.phone.locale)
		}
		e.put(m, m.from, e.own(l.viewOnce), false)
	case omitted:
		e.omit(m)
	case photo, voice, video, sticker, document, card:
		if e.chat.media {
			return e.attach(m, d)
		}
		e.omit(m)
	}
	return nil
}

// notice writes what WhatsApp says itself. An iPhone prints a name before it:
// the group's, or the partner's.
func (e *export) notice(m message) {
	l := e.locale
	partner := e.chat.others[0].name
	a, sentence := m.arg, ""
	switch m.notice {
	case "encrypted":
		sentence = l.encrypted
	case "created":
		sentence = l.created
	case "addedMe":
		sentence = l.addedMe
	case "added":
		sentence, a = l.added, partner
	case "left":
		sentence = l.left
	case "subject":
		sentence, a, e.subject = l.subject, partner, m.arg
	case "number":
		sentence = l.number
	case "code":
		sentence = l.code
	case "disappearing":
		sentence = l.disappearing
	case "persisting":
		sentence = l.persisting
	}
	if a == "" {
		a = partner
	}
	slot := ""
	if l.ios {
		slot = partner
		if e.chat.group {
			slot = e.subject
		}
	}
	e.put(m, slot, e.own(strings.NewReplacer("{a}", a, "{b}", m.arg, "{g}", e.subject).Replace(sentence)), false)
}

// place writes a pin, or the notice of a live location.
func (e *export) place(m message, d *dice) {
	lat, lon := 51.5+float64(d.n(60000))/1e6, -0.12-float64(d.n(60000))/1e6
	if e.chat.talk == "pt" {
		lat, lon = lat-75.08, lon-46.5
	}
	url := fmt.Sprintf("https://maps.google.com/?q=%.6f,%.6f", lat, lon)
	switch {
	case m.what == live && !e.locale.ios:
		e.put(m, m.from, e.locale.live, false)
	case m.what == live:
		e.put(m, m.from, e.own(e.locale.live+url), false)
	default:
		if name, address, ok := strings.Cut(m.arg, "|"); ok && m.text != "" {
			e.put(m, m.from, name+", "+address+"\n"+m.text, false)
		}
		e.put(m, m.from, e.own(e.locale.place+url), false)
	}
}

func (e *export) poll(m message, d *dice) {
	lines := strings.Split(m.arg, "|")
	body := e.own(e.locale.poll) + "\n" + lines[0]
	for _, option := range lines[1:] {
		votes := strings.ReplaceAll(e.locale.votes, "{n}", strconv.Itoa(2*d.n(3))) // never one: its word differs
		body += "\n" + e.own(e.locale.option) + " " + option + " (" + votes + ")"
	}
	e.put(m, m.from, body, false)
}

// call writes a missed call, or one that took some minutes. Android leaves
// nothing but the name of who called.
func (e *export) call(m message) {
	minutes, spoken := strings.CutPrefix(m.arg, "voice ")
	switch {
	case spoken && e.locale.ios:
		e.put(m, m.from, e.own("Voice call. "+lrm+minutes+" min"), false)
	case spoken:
		e.put(m, m.from, "", false)
	default:
		e.put(m, m.from, e.own(e.locale.missed), false)
	}
}

// omit writes that something was left out. Android says no more than that.
func (e *export) omit(m message) {
	l := e.locale
	if !l.ios {
		body := l.image
		if m.what == card {
			body = m.arg
		}
		e.put(m, m.from, body, false)
		return
	}
	word := map[what]string{
		voice: l.audio, video: l.video, sticker: l.sticker, document: l.document,
	}[m.what]
	if word == "" {
		word = l.image
	}
	body := e.own(word)
	if m.what == document {
		body = m.arg + ".pdf • " + e.own(strings.ReplaceAll(l.pages, "{n}", "2")) + " " + body
	} else if m.text != "" {
		body = m.text + " " + body
	}
	e.put(m, m.from, body, true)
}
