package foreign

import (
	"encoding/base64"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Scanner reads the JSON of records that hold rows. Rows are read by the
// million, and this is several times faster than encoding/json; it takes what
// that takes, and errors stick: the first one ends the reading.
type Scanner struct {
	b   []byte
	i   int
	err error
}

// ErrJSON is returned for what is not the JSON of a record.
var ErrJSON = errors.New("a record that is no well-formed JSON")

// maxDepth bounds what is skipped.
const maxDepth = 100

// NewScanner reads b.
func NewScanner(b []byte) *Scanner { return &Scanner{b: b} }

// Err returns the first error. done is whether all was to be read.
func (s *Scanner) Err(done bool) error {
	if s.space(); s.err == nil && done && s.i != len(s.b) {
		s.fail()
	}
	return s.err
}

func (s *Scanner) fail() { s.err, s.i = ErrJSON, len(s.b) }

func (s *Scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *Scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take takes c, or nothing.
func (s *Scanner) take(c byte) bool {
	if s.peek() == c && s.i < len(s.b) {
		s.i++
		return true
	}
	return false
}

// Object calls member with each name; member must read the value.
func (s *Scanner) Object(member func(name string)) {
	if !s.take('{') {
		s.fail()
		return
	}
	for n := 0; s.err == nil && !s.take('}'); n++ {
		if n > 0 && !s.take(',') {
			s.fail()
			return
		}
		name := s.String()
		if !s.take(':') {
			s.fail()
			return
		}
		member(name)
	}
}

// Array calls item before each element; item must read it.
func (s *Scanner) Array(item func()) {
	if !s.take('[') {
		s.fail()
		return
	}
	for n := 0; s.err == nil && !s.take(']'); n++ {
		if n > 0 && !s.take(',') {
			s.fail()
			return
		}
		item()
	}
}

// String reads a string.
func (s *Scanner) String() string {
	if !s.take('"') {
		s.fail()
		return ""
	}
	from := s.i
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			out := string(s.b[from:s.i])
			s.i++
			return out
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			s.fail()
			return ""
		}
	}
	s.fail()
	return ""
}

// escaped reads on from the first escape of a string that begins at from.
func (s *Scanner) escaped(from int) string {
	out := append([]byte(nil), s.b[from:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return string(out)
		case c < ' ':
			s.fail()
			return ""
		case c != '\\':
			out = append(out, c)
			continue
		}
		if s.i == len(s.b) {
			break
		}
		e := s.b[s.i]
		s.i++
		switch e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'n', 't', 'r', 'b', 'f':
			out = append(out, map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f'}[e])
		case 'u':
			r := s.hex()
			if utf16.IsSurrogate(r) && s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
				s.i += 2
				r = utf16.DecodeRune(r, s.hex())
			}
			out = utf8.AppendRune(out, r)
		default:
			s.fail()
			return ""
		}
	}
	s.fail()
	return ""
}

func (s *Scanner) hex() rune {
	if s.i+4 > len(s.b) {
		s.fail()
		return 0
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	if err != nil {
		s.fail()
		return 0
	}
	s.i += 4
	return rune(n)
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	switch {
	case s.word("true"):
		return true
	case !s.word("false"):
		s.fail()
	}
	return false
}

func (s *Scanner) word(w string) bool {
	s.space()
	if len(s.b)-s.i >= len(w) && string(s.b[s.i:s.i+len(w)]) == w {
		s.i += len(w)
		return true
	}
	return false
}

// Fields reads a row.
func (s *Scanner) Fields() Fields {
	f := make(Fields, 16)
	s.Object(func(name string) {
		if v := s.value(); v != nil {
			f[name] = v
		}
	})
	return f
}

// value reads one value of a row.
func (s *Scanner) value() any {
	switch c := s.peek(); {
	case c == '"':
		return s.String()
	case c == '{':
		return s.bytes()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case !s.word("null"):
		s.fail()
	}
	return nil
}

// bytes reads {"blob": base64} or {"text": base64}.
func (s *Scanner) bytes() (v any) {
	s.Object(func(name string) {
		b, err := base64.StdEncoding.DecodeString(s.String())
		switch {
		case err != nil || v != nil:
			s.fail()
		case name == "blob":
			v = b
		case name == "text":
			v = Text(b)
		default:
			s.fail()
		}
	})
	return v
}

func (s *Scanner) number() any {
	from, whole := s.i, true
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '.' || c == 'e' || c == 'E' || c == '+':
			whole = false
		case c != '-' && (c < '0' || c > '9'):
			goto end
		}
	}
end:
	text := string(s.b[from:s.i])
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.fail()
	}
	return v
}

// Skip reads any value and forgets it.
func (s *Scanner) Skip() { s.skip(0) }

func (s *Scanner) skip(depth int) {
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
	case c == '{':
		s.Object(func(string) { s.skip(depth + 1) })
	case c == '[':
		s.Array(func() { s.skip(depth + 1) })
	case c == 't' || c == 'f':
		s.Bool()
	default:
		s.value()
	}
}
