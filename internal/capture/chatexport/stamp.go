package chatexport

import (
	"bytes"
	_ "embed"
	"strings"
	"time"
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

// clock reads "15:04", "15.04.05" or "15 h 04 min 05 s".
func (l *lexer) clock(s *stamp) bool {
	h, n := l.number()
	if n == 0 || n > 2 || h > 24 {
		return false
	}
	s.hour = int8(h)
	r, next := l.peek()
	if r != ':' && r != '.' {
		return l.longClock(s)
	}
	l.at = next
	m, n := l.number()
	if n == 0 || n > 2 || m > 59 {
		return false
	}
	s.minute = int8(m)
	if l.take(r) {
		sec, n := l.number()
		if n == 0 || n > 2 || sec > 60 {
			return false
		}
		s.second, s.shape.Seconds = int8(min(sec, 59)), true
	}
	return h < 24 || m == 0
}

func (l *lexer) longClock(s *stamp) bool {
	units := []string{"h", "min", "s"}
	for i, u := range units {
		at := l.at
		l.blanks()
		if !l.literal(u) {
			// The blank before the dash belongs to the terminator.
			l.at = at
			return i > 0
		}
		l.blanks()
		v, n := l.number()
		if n == 0 {
			return i > 0
		}
		if v > 59 || i == 2 {
			return false
		}
		if i == 0 {
			s.minute = int8(v)
		} else {
			s.second, s.shape.Seconds = int8(v), true
		}
	}
	return true
}

func (l *lexer) literal(s string) bool {
	at := l.at
	for _, want := range s {
		if !l.take(want) {
			l.at = at
			return false
		}
	}
	return true
}

// period reads the day period after the clock, or uses the word before it.
func (l *lexer) period(s *stamp, before []byte) bool {
	if len(before) > 0 && !isGlue(before) {
		if s.shape.Half = s.apply(before); !s.shape.Half {
			s.odd, s.doubt = true, s.hour <= 12
		}
	}
	if rest := l.b[l.at:]; len(rest) > 1 && (rest[0] == ']' || rest[0] == ' ' && rest[1] == '-') {
		return true
	}
	if l.take(')') { // eu: "{1} ({0})"
		return true
	}
	start := l.at
	for {
		r, next := l.peek()
		if r < 0 || r == ']' || r == '\n' || next-start > 48 {
			break
		}
		if r == '-' || r == '–' || r == ':' || r == ')' || digit(r) >= 0 {
			break
		}
		l.at = next
	}
	if l.at == start {
		return true
	}
	raw := l.b[start:l.at]
	w := l.word(raw)
	if len(w) == 0 {
		l.at = start
		return l.skipEra(s)
	}
	// The blank before the dash belongs to the terminator.
	trimmed := len(raw)
	for trimmed > 0 {
		r, n := utf8.DecodeLastRune(raw[:trimmed])
		if !isBlank(r) && !isMark(r) {
			break
		}
		trimmed -= n
	}
	l.at = start + trimmed
	s.shape.Half = true
	if !s.apply(w) {
		if !plausibleWord(w) {
			return false
		}
		s.odd, s.doubt = true, true
	}
	l.take(')')
	return true
}

func (l *lexer) skipEra(*stamp) bool {
	at := l.at
	l.blanks()
	if !l.take(')') { // eu: "{1} ({0})"
		l.at = at
	}
	return true
}

// plausibleWord keeps prose from passing for a day period.
func plausibleWord(w []byte) bool {
	return utf8.RuneCount(w) <= 20 && bytes.Count(w, []byte(" ")) <= 3
}

// glueWords stand between date and time and say nothing.
var glueWords = map[string]bool{
	"à": true, "klo": true, "kl": true, "kl.": true, "um": true, "at": true, "a las": true, "às": true, "alle": true, "ore": true, "в": true, "о": true,
	"u": true, "kell": true, "ob": true, "në": true, "saat": true, "om": true, "των": true, "στις": true, "ve": true, "v": true, "lúc": true, "pukul": true, "г": true, "г.": true,
	"be": true, "b.e.": true, "พ.ศ.": true, "ค.ศ.": true, "ad": true, "ce": true, "日": true, "ku": true, "nang": true,
}

func isGlue(w []byte) bool {
	if glueWords[string(w)] {
		return true
	}
	// "г., " and the like: letters with a stop that are glue without it.
	return glueWords[string(bytes.TrimRight(w, "., "))]
}

//go:embed dayperiods.tsv
var dayPeriodTable string

// span is a stretch of hours, [from, to); it may pass midnight.
type span struct{ from, to int8 }

func (s span) has(h int8) bool {
	if s.from < s.to {
		return h >= s.from && h < s.to
	}
	return h >= s.from || h < s.to
}

// dayPeriods are the day periods of CLDR 48 by their lower-case word.
var dayPeriods = parseDayPeriods(dayPeriodTable)

func parseDayPeriods(table string) map[string][]span {
	m := map[string][]span{}
	for line := range strings.Lines(table) {
		w, spans, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		for s := range strings.FieldsSeq(spans) {
			if len(s) != 5 {
				continue
			}
			m[w] = append(m[w], span{int8((s[0]-'0')*10 + s[1] - '0'), int8((s[3]-'0')*10 + s[4] - '0')})
		}
	}
	return m
}

// apply turns a 12-hour clock into the hour of the day by the word beside it.
// It reports whether the word is known and fits.
func (s *stamp) apply(w []byte) bool {
	spans := dayPeriods[string(w)]
	if spans == nil {
		spans = dayPeriods[string(bytes.TrimRight(w, "."))]
	}
	if spans == nil {
		return false
	}
	if s.hour > 12 || s.hour == 0 { // "00:08 a. m." is written, and means 00:08
		return true
	}
	morning, evening := s.hour%12, s.hour%12+12
	fits := func(h int8) bool {
		for _, p := range spans {
			if p.has(h) {
				return true
			}
		}
		return false
	}
	switch m, e := fits(morning), fits(evening); {
	case m && !e:
		s.hour = morning
	case e && !m:
		s.hour = evening
	case m && e:
		s.hour = morning
		s.doubt = true
	default:
		// Just outside its span: the nearer half of the day.
		if spans[0].from >= 12 {
			s.hour = evening
		} else {
			s.hour = morning
		}
	}
	return true
}

var months = map[string]int16{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}

// date reads three components.
func (l *lexer) date(s *stamp) bool {
	v0, n0 := l.number()
	if n0 == 0 || n0 > 4 || n0 == 3 {
		return false
	}
	s.f[0] = int16(v0)
	s.shape.Long = -1
	if n0 == 4 {
		s.shape.Long = 0
	}
	r, next := l.peek()
	switch r {
	case '/', '.', '-':
		l.at = next
		s.shape.Sep = byte(r)
	case '年':
		l.at = next
		s.shape.Sep = 'y'
	case ' ':
		return l.namedDate(s)
	default:
		return false
	}
	return l.restOfDate(s, r)
}

func (l *lexer) restOfDate(s *stamp, sep rune) bool {
	l.blanks()
	v1, n1 := l.number()
	if n1 == 0 || n1 > 2 {
		return false
	}
	s.f[1] = int16(v1)
	if sep == '年' {
		if !l.take('月') {
			return false
		}
	} else if !l.take(sep) {
		return false
	}
	l.blanks()
	era := l.era()
	v2, n2 := l.number()
	if n2 == 0 || n2 > 4 || n2 == 3 {
		return false
	}
	if n2 == 4 {
		if s.shape.Long == 0 {
			return false
		}
		s.shape.Long = 2
	}
	s.f[2] = int16(v2)
	if sep == '年' {
		return l.take('日')
	}
	return s.year(era)
}

// era reads the letter of a Japanese era before the year: R4 is 2022.
func (l *lexer) era() rune {
	r, next := l.peek()
	switch r {
	case 'R', 'H', 'S':
		l.at = next
		return r
	}
	return 0
}

// year settles the calendar of the long component.
func (s *stamp) year(era rune) bool {
	switch era {
	case 'R':
		s.f[2] += 2018
	case 'H':
		s.f[2] += 1988
	case 'S':
		s.f[2] += 1925
	}
	if era != 0 {
		s.shape.Calendar, s.shape.Long = japanese, 2
		return true
	}
	if s.shape.Long < 0 {
		return true
	}
	switch y := s.f[s.shape.Long]; {
	case y >= 2400 && y <= 2700:
		s.shape.Calendar = buddhist
	case y >= 1300 && y <= 1500:
		s.shape.Calendar = persian
	}
	return true
}

// namedDate reads "12 Oct 2022".
func (l *lexer) namedDate(s *stamp) bool {
	l.blanks()
	start := l.at
	for {
		r, next := l.peek()
		if !unicode.IsLetter(r) {
			break
		}
		l.at = next
	}
	m, ok := months[strings.ToLower(string(l.b[start:l.at]))]
	if !ok {
		return false
	}
	l.take('.')
	l.blanks()
	y, n := l.number()
	if n != 4 {
		return false
	}
	s.f[1], s.f[2], s.named = m, int16(y), true
	s.shape.Sep, s.shape.Long = ' ', 2
	return true
}

// order is the order of the components of a date.
type order uint8

const (
	unknownOrder order = iota
	dmy
	mdy
	ymd
)

func (o order) String() string { return [...]string{"", "dmy", "mdy", "ymd"}[o] }

func parseOrder(s string) order {
	for _, o := range []order{dmy, mdy, ymd} {
		if o.String() == s {
			return o
		}
	}
	return unknownOrder
}

// civil is a date and time of day without a zone.
type civil struct {
	year                             int
	month, day, hour, minute, second int8
}

// civil reads the stamp in an order. It reports false for what is no date.
func (s *stamp) civil(o order) (c civil, ok bool) {
	var d, m, y int16
	switch {
	case s.named:
		d, m, y = s.f[0], s.f[1], s.f[2]
	case o == dmy:
		d, m, y = s.f[0], s.f[1], s.f[2]
	case o == mdy:
		m, d, y = s.f[0], s.f[1], s.f[2]
	default:
		y, m, d = s.f[0], s.f[1], s.f[2]
	}
	// Four digits are a year and nothing else.
	if s.shape.Long >= 0 && !s.named && (o == ymd) != (s.shape.Long == 0) {
		return c, false
	}
	if m < 1 || m > 12 || d < 1 {
		return c, false
	}
	year := int(y)
	switch s.shape.Calendar {
	case buddhist:
		year -= 543
	case persian:
		var md, dd int
		year, md, dd = fromPersian(year, int(m), int(d))
		m, d = int16(md), int16(dd)
	default:
		year = century(year)
	}
	if int(d) > daysIn(year, int(m)) {
		return c, false
	}
	c = civil{year, int8(m), int8(d), s.hour, s.minute, s.second}
	if c.hour == 24 {
		c.hour = 0
	}
	return c, true
}

// century completes a year of two digits. A Thai phone counts them in the Buddhist
// calendar, where 65 is 2565 and 2022: WhatsApp appeared in 2552.
func century(year int) int {
	const buddhistFirst = firstYear + 543 - 2500
	switch {
	case year >= buddhistFirst && year < 100:
		return year + 2500 - 543
	case year < 100:
		return year + 2000
	}
	return year
}

// legal reports whether the date is one in some order.
func (s *stamp) legal() bool {
	for _, o := range []order{dmy, mdy, ymd} {
		if _, ok := s.civil(o); ok {
			return true
		}
	}
	return false
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// fromPersian turns a date of the solar hijri calendar into a Gregorian one,
// by the 33-year cycle, which is right for the years that matter here.
func fromPersian(y, m, d int) (gy, gm, gd int) {
	days := 365*(y-1) + (8*y+21)/33 + d
	if m <= 7 {
		days += 31 * (m - 1)
	} else {
		days += 30*(m-7) + 186
	}
	// 1 Farvardin 1 is 22 March 622 (Julian: 19).
	t := time.Date(622, 3, 20, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days)
	return t.Year(), int(t.Month()), t.Day()
}

// dayNumber counts days, for comparing dates.
func (c civil) dayNumber() int {
	y, m := c.year, int(c.month)
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + int(c.day)
}

// appendLocal writes the time as exports are compared: 2023-03-18T14:56, with
// seconds where the source has them.
func (c civil) appendLocal(b []byte, seconds bool) []byte {
	two := func(b []byte, v int8) []byte { return append(b, '0'+byte(v)/10, '0'+byte(v)%10) }
	b = append(b, '0'+byte(c.year/1000), '0'+byte(c.year/100%10), '0'+byte(c.year/10%10), '0'+byte(c.year%10), '-')
	b = two(b, c.month)
	b = append(b, '-')
	b = two(b, c.day)
	b = append(b, 'T')
	b = two(b, c.hour)
	b = append(b, ':')
	b = two(b, c.minute)
	if seconds {
		b = append(b, ':')
		b = two(b, c.second)
	}
	return b
}

func (c civil) time(loc *time.Location) time.Time {
	return time.Date(c.year, time.Month(c.month), int(c.day), int(c.hour), int(c.minute), int(c.second), 0, loc)
}
