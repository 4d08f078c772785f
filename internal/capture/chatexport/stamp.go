package chatexport

import (
	"bytes"
	_ "embed"
	"unicode"
	"unicode/utf8"
)

// layout is the frame that a header stands in.
type layout uint8

const (
	noLayout layout = iota
	bracket         // [stamp] author: body — iOS
	dash            // stamp - author: body — Android
	colon           // stamp: author: body — iOS before 2017
)

func (l layout) String() string { return [...]string{"", "bracket", "dash", "colon"}[l] }

// shape is what two stamps of one writer have in common. Date order is decided
// shape by shape: one export may hold two of them.
type shape struct {
	Layout    layout
	TimeFirst bool
	Sep       byte // '/', '.', '-', or 'y' for 年月日
	Long      int8 // which component has four digits: 0, 1, 2, or -1
	Seconds   bool
	Half      bool // a 12-hour clock: a word says which half of the day
	Calendar  calendar
}

// calendar is what the year is counted in.
type calendar uint8

const (
	gregorian calendar = iota
	buddhist
	japanese // year of an era; component 2 carries the Gregorian year already
	persian
)

// stamp is a parsed time stamp, with the order of its date not yet decided.
type stamp struct {
	shape  shape
	f      [3]int16 // date components in the order in which they stand
	hour   int8
	minute int8
	second int8
	named  bool // the month was a word: f is day, month, year
	// odd: a word stands beside the time that no table knows.
	odd   bool
	doubt bool // of two times of day it may be either
}

// header is where a record begins.
type header struct {
	stamp
	marked bool // a direction mark stands before the header
	rest   int  // offset of what follows the stamp
}

// maxStamp bounds a header: no stamp that was ever seen comes near it.
const maxStamp = 96

func isMark(r rune) bool {
	switch {
	case r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

func isBlank(r rune) bool {
	return r == ' ' || r == 0x00a0 || r == 0x202f || r == 0x2009 || r == '\t' || r == 0x2007 || r == 0x3000
}

// lexer reads a stamp. Direction marks are passed over wherever they stand in
// it; they stay in the raw bytes.
type lexer struct {
	b   []byte
	at  int
	buf [maxStamp]byte // of the word that was read last
}

// peek returns the next rune that is no mark, and where it ends.
func (l *lexer) peek() (rune, int) {
	i := l.at
	for i < len(l.b) {
		if c := l.b[i]; c < utf8.RuneSelf {
			return rune(c), i + 1
		}
		r, n := utf8.DecodeRune(l.b[i:])
		if !isMark(r) {
			return r, i + n
		}
		i += n
	}
	return -1, i
}

func digit(r rune) int {
	if r >= '0' && r <= '9' {
		return int(r - '0')
	}
	if r < utf8.RuneSelf || !unicode.Is(unicode.Nd, r) {
		return -1
	}
	// Unicode keeps the digits of a script together, ten in a row.
	for d := 0; d < 10; d++ {
		if !unicode.Is(unicode.Nd, r-rune(d)-1) {
			return d
		}
	}
	return int(r) % 10
}

// number reads digits of any script.
func (l *lexer) number() (v, digits int) {
	for digits < 6 {
		if l.at < len(l.b) {
			if c := l.b[l.at]; c >= '0' && c <= '9' {
				v = v*10 + int(c-'0')
				digits++
				l.at++
				continue
			} else if c < utf8.RuneSelf {
				break
			}
		}
		r, next := l.peek()
		d := digit(r)
		if d < 0 {
			break
		}
		v = v*10 + d
		digits++
		l.at = next
	}
	return v, digits
}

func (l *lexer) blanks() (n int) {
	for {
		r, next := l.peek()
		if !isBlank(r) {
			return n
		}
		l.at = next
		n++
	}
}

func (l *lexer) take(want rune) bool {
	r, next := l.peek()
	if r == want {
		l.at = next
		return true
	}
	return false
}

// parseHeader reads a header at the start of a line. The whole stamp must
// parse to a legal clock and date, or it is none.
func parseHeader(line []byte) (header, bool) { return (*dateMemo)(nil).header(line) }

// dateMemo remembers the last date and what stood before its time, for reading
// line after line: most are of the same day. A nil one remembers nothing.
type dateMemo struct {
	printed []byte // up to the time
	head    header
	word    []byte // between the two
	noted   bool   // by the line that is read now
}

func (m *dateMemo) note(l *lexer, s *stamp, word []byte) {
	if m != nil {
		m.noted = true
		m.printed, m.head.stamp, m.word = append(m.printed[:0], l.b[:l.at]...), *s, append(m.word[:0], word...)
	}
}

// again reads a header with the same date.
func (m *dateMemo) again(line []byte) (h header, ok bool) {
	if m == nil || len(m.printed) == 0 || !bytes.HasPrefix(line, m.printed) {
		return h, false
	}
	h = m.head
	l := lexer{b: line[:min(len(line), maxStamp)], at: len(m.printed)}
	if !l.clock(&h.stamp) || !l.period(&h.stamp, m.word) || !l.end(&h) {
		return h, false
	}
	h.rest = l.at
	return h, true
}

func (m *dateMemo) header(line []byte) (h header, ok bool) {
	if len(line) == 0 {
		return h, false
	}
	if c := line[0]; c < utf8.RuneSelf && c != '[' && (c < '0' || c > '9') {
		return h, false
	}
	if h, ok := m.again(line); ok {
		return h, true
	}
	l := lexer{b: line[:min(len(line), maxStamp)]}
	first, next := l.peek()
	if first < 0 {
		return h, false
	}
	h.marked = next > utf8.RuneLen(first)
	if first == '[' {
		l.at = next
		h.shape.Layout = bracket
	}
	if m != nil {
		m.noted = false
	}
	if !l.stamp(&h.stamp, m) || !l.end(&h) || !h.legal() {
		if m != nil {
			m.printed = m.printed[:0]
		}
		return h, false
	}
	if h.rest = l.at; m != nil && m.noted {
		m.head.marked = h.marked
	}
	return h, true
}

// end reads the terminator of a stamp.
func (l *lexer) end(h *header) bool {
	if h.shape.Layout == bracket {
		if !l.take(']') {
			return false
		}
		l.take(' ')
		return true
	}
	n := l.blanks()
	r, next := l.peek()
	switch {
	case n > 0 && (r == '-' || r == '–'):
		l.at = next
		h.shape.Layout = dash
		if r, next := l.peek(); isBlank(r) {
			l.at = next
			return true
		}
		return l.at == len(l.b)
	case n == 0 && r == ':':
		l.at = next
		h.shape.Layout = colon
		return l.take(' ')
	}
	return false
}

func (l *lexer) stamp(s *stamp, m *dateMemo) bool {
	start := l.at
	v, n := l.number()
	if n == 0 {
		return false
	}
	r, _ := l.peek()
	l.at = start
	if r == ':' && v <= 24 {
		s.shape.TimeFirst = true
		return l.clock(s) && l.glue() && l.date(s)
	}
	if !l.date(s) {
		return false
	}
	word, ok := l.between()
	if !ok {
		return false
	}
	m.note(l, s, word)
	return l.clock(s) && l.period(s, word)
}

// glue is what stands between time and date where the time comes first.
func (l *lexer) glue() bool {
	n := 0
	for {
		r, next := l.peek()
		if !isBlank(r) && r != ',' && r != '،' {
			return n > 0
		}
		l.at = next
		n++
	}
}

// between reads what stands between date and time and returns its word: a day
// period that comes first, or glue such as "à" or "klo".
func (l *lexer) between() ([]byte, bool) {
	l.take('.') // "13. 6. 2018."
	start := l.at
	for {
		r, next := l.peek()
		if r < 0 || next-start > 40 {
			return nil, false
		}
		if digit(r) >= 0 {
			break
		}
		if r == ']' || r == '[' || r == '\n' {
			return nil, false
		}
		l.at = next
	}
	if l.at == start {
		return nil, false
	}
	if fast := l.b[start:l.at]; len(fast) <= 2 && fast[len(fast)-1] == ' ' {
		return nil, true
	}
	return l.word(l.b[start:l.at]), true
}

// word is a stamp's word as the tables have it: lower case, plain blanks, no
// marks, no punctuation around it. It is valid until the next one.
func (l *lexer) word(b []byte) []byte {
	w := l.buf[:0]
	for i := 0; i < len(b); {
		r, n := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b[i:])
		}
		i += n
		switch {
		case isMark(r):
		case isBlank(r):
			w = append(w, ' ')
		case r >= utf8.RuneSelf:
			w = utf8.AppendRune(w, unicode.ToLower(r))
		case r >= 'A' && r <= 'Z':
			w = append(w, byte(r)+'a'-'A')
		default:
			w = append(w, byte(r))
		}
	}
	return bytes.Trim(w, " ,،(")
}

const (
	unknownOrder order = iota
	dmy
	mdy
	ymd
)
