package chatexport

import (
	"strings"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// content is what a body turned out to be.
type content struct {
	kind    chat.Type
	text    string // what the author wrote
	file    string // the attachment that is named
	omitted bool   // media that the export says were left out
	revoked bool
	edited  bool
	empty   bool
	// own: WhatsApp wrote the body, in the author's name.
	own      bool
	place    *chat.Location
	poll     *chat.Poll
	call     *chat.Call
	occasion *chat.Occasion
}

// marked reports whether iOS writes such a body with a direction mark.
func (c *content) marked() bool {
	return c.file != "" || c.revoked || c.edited || c.call != nil || c.poll != nil || c.kind == chat.LivePlace
}

// ownWords reports whether a direction mark stands before a body, or before the
// angle that ends it.
func ownWords(body string) bool {
	open := strings.LastIndexByte(body, '<')
	before, _ := utf8.DecodeLastRuneInString(body[:max(open, 0)])
	return startsMarked(body) || isMark(before)
}

// classify says what a body is. body has its lines joined by LF; marked is
// whether a direction mark stands before it. Structure comes first, the tables
// refine; a language that is in no table is text.
func classify(body string, ios bool) content {
	if body == "" {
		return content{kind: chat.Unknown, empty: true}
	}
	body, edited := cutEdited(body)
	c := classifyUnedited(body, ios)
	c.edited = edited
	return c
}

func classifyUnedited(body string, ios bool) content {
	t, has := loadTables(), look(body)
	// Most bodies are words and nothing else, and are tried for nothing.
	if has&(hasAngle|hasParen|hasWide) != 0 {
		if c, ok := attached(body, ios, t); ok {
			return c
		}
		if c, ok := leftOut(body, ios, t); ok {
			return c
		}
	}
	if has&(hasColon|hasWide) != 0 {
		if c, ok := location(body, t); ok {
			return c
		}
		if has&hasLine != 0 {
			if c, ok := pollBody(body); ok {
				return c
			}
			if c, ok := occasionBody(body); ok {
				return c
			}
		}
	}
	if has&hasMark != 0 {
		if c, ok := markedCall(body, t); ok {
			return c
		}
	}
	return classifyPlain(body, has, ios, t)
}

// trait is what is in a body, by which most of what it could be is ruled out.
type trait uint8

const (
	hasAngle trait = 1 << iota
	hasParen
	hasColon
	hasLine
	hasWide // beyond ASCII
	hasMark // of direction
	hasOdd  // a blank that is no plain space
	hasLead // of a character that may be a mark or such a blank
)

// traits are those of bytes.
var traits = func() (t [256]trait) {
	t['<'], t['>'], t['('], t[')'], t[':'], t['\n'], t['\t'] = hasAngle, hasAngle, hasParen, hasParen, hasColon, hasLine, hasOdd
	for c := utf8.RuneSelf; c < len(t); c++ {
		t[c] = hasWide
	}
	for _, r := range "\u061c\u200e\u2066\ufeff\u00a0\u2009\u3000" {
		t[string(r)[0]] |= hasLead
	}
	return t
}()

func look(s string) (has trait) {
	for i := 0; i < len(s); i++ {
		c := traits[s[i]]
		has |= c
		if c&hasLead == 0 {
			continue
		}
		switch r, _ := utf8.DecodeRuneInString(s[i:]); {
		case isMark(r):
			has |= hasMark
		case isBlank(r):
			has |= hasOdd
		}
	}
	return has
}

// classifyPlain tells the sentences that WhatsApp puts in an author's mouth.
func classifyPlain(body string, has trait, ios bool, t *tables) content {
	if len(body) > 500 || has&hasLine != 0 {
		return content{kind: chat.Text, text: body}
	}
	switch said := t.sentence(body, has); said {
	case sayRevoked:
		return content{kind: chat.Unknown, revoked: true, own: true}
	case sayLive:
		return content{kind: chat.LivePlace, own: true}
	case sayWaiting:
		return content{kind: chat.Unsupported, own: true}
	case sayViewOnce:
		return content{kind: chat.ViewOnce, own: true}
	case sayVoice, sayVideo:
		if c, ok := callContent(trimStop(body), "", said, false); ok {
			return c
		}
	case sayNothing:
		if !ios {
			return content{kind: chat.Unknown, empty: true}
		}
	case sayText:
	}
	return content{kind: chat.Text, text: body}
}

// cutEdited takes the edit marker off the end of a body.
func cutEdited(body string) (string, bool) {
	if !strings.HasSuffix(body, ">") {
		return body, false
	}
	open := strings.LastIndexByte(body, '<')
	if open <= 0 || len(body)-open > 200 {
		return body, false
	}
	if !loadTables().edited[plain(body[open+1:len(body)-1])] {
		return body, false
	}
	before := strings.TrimRightFunc(body[:open], func(r rune) bool { return isMark(r) })
	trimmed, ok := strings.CutSuffix(before, " ")
	if !ok && before != "" && !strings.HasSuffix(before, "\n") {
		return body, false
	}
	return strings.TrimSuffix(trimmed, "\n"), true
}

func startsMarked(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return isMark(r)
}
