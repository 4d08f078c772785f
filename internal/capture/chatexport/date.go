package chatexport

import (
	"strings"
	"time"
	"unicode"
)

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
