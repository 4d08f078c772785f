package foreign

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends the row as one JSON object, its members in the order of
// the columns. NULL is left out. An integer is a number without, a real one
// with a point or an exponent; a text is a string; a BLOB is {"blob": base64}
// and a TEXT that is not UTF-8 {"text": base64}.
//
// edit, which may be nil, is asked for each value that is not NULL: it may
// give another, or false to leave it out.
func (r Row) AppendJSON(b []byte, edit func(column string, v any) (any, bool)) []byte {
	b = append(b, '{')
	n := 0
	for i, c := range r.Columns {
		v := r.Values[i]
		if v == nil {
			continue
		}
		if edit != nil {
			var keep bool
			if v, keep = edit(c, v); !keep {
				continue
			}
		}
		if n > 0 {
			b = append(b, ',')
		}
		n++
		b = append(AppendString(b, c), ':')
		b = appendValue(b, v)
	}
	return append(b, '}')
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return appendReal(b, v)
	case string:
		return AppendString(b, v)
	case Text:
		return appendBase64(append(b, `{"text":`...), v)
	case []byte:
		return appendBase64(append(b, `{"blob":`...), v)
	}
	return append(b, "null"...)
}

func appendReal(b []byte, v float64) []byte {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return append(b, "null"...) // SQLite stores no NaN; infinity is no JSON
	}
	from := len(b)
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	if !bytes.ContainsAny(b[from:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

func appendBase64(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"', '}')
}

// AppendString appends a JSON string. Only what must be escaped is.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for from, i := 0, 0; ; i++ {
		if i == len(s) {
			b = append(b, s[from:]...)
			return append(b, '"')
		}
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
}

// Fields is a row that was read back from its JSON.
type Fields map[string]any

// Fields returns the row by its columns, NULL left out.
func (r Row) Fields() Fields {
	f := make(Fields, len(r.Columns))
	for i, c := range r.Columns {
		if r.Values[i] != nil {
			f[c] = r.Values[i]
		}
	}
	return f
}

// Int returns an integer column, 0 where it has none. A real number without a
// fraction counts.
func (f Fields) Int(column string) int64 {
	switch v := f[column].(type) {
	case int64:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v)
		}
	case string:
		n, _ := strconv.ParseInt(v, 10, 64) // 0 where it is no number
		return n
	}
	return 0
}

// Real returns a column as a real number.
func (f Fields) Real(column string) (float64, bool) {
	switch v := f[column].(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Text returns a text column, and whether it was one. What is not UTF-8 is
// replaced by U+FFFD.
func (f Fields) Text(column string) (string, bool) {
	switch v := f[column].(type) {
	case string:
		return v, true
	case Text:
		return strings.ToValidUTF8(string(v), string(utf8.RuneError)), true
	case int64: // a column of numeric affinity turns "007" into 7
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// Str is Text without the question whether it was one.
func (f Fields) Str(column string) string { s, _ := f.Text(column); return s }

// Blob returns a BLOB column, or nil.
func (f Fields) Blob(column string) []byte { b, _ := f[column].([]byte); return b }
