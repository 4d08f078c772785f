package chatexport

import (
	"bytes"
	_ "embed"
	"strings"
	"unicode/utf8"
)

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
