package ios

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// wire is a protobuf whose schema is not public: it is read by the numbers of
// its fields. What is malformed ends the reading; what stands before it counts.
type wire []byte

// field is one field of a wire: a number or bytes.
type field struct {
	num   protowire.Number
	n     uint64
	bytes wire // nil for a number
}

// each calls f with the fields, in their order, until it returns false.
func (w wire) each(f func(field) bool) {
	for len(w) > 0 {
		num, kind, tag := protowire.ConsumeTag(w)
		if tag < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(num, kind, w[tag:])
		if size < 0 {
			return
		}
		value := w[tag : tag+size]
		w = w[tag+size:]
		v := field{num: num}
		switch kind {
		case protowire.VarintType:
			v.n, _ = protowire.ConsumeVarint(value)
		case protowire.BytesType:
			v.bytes, _ = protowire.ConsumeBytes(value)
		default:
			continue // no field that is known is of another type
		}
		if !f(v) {
			return
		}
	}
}

// first returns the first field of a number.
func (w wire) first(num protowire.Number) (found field) {
	w.each(func(f field) bool {
		if f.num == num {
			found = f
		}
		return f.num != num
	})
	return found
}

// at goes down to the field that the numbers lead to.
func (w wire) at(path ...protowire.Number) (f field) {
	f.bytes = w
	for _, num := range path {
		f = f.bytes.first(num)
	}
	return f
}

// text is the text at a path, or "".
func (w wire) text(path ...protowire.Number) string { return w.at(path...).text() }

func (f field) text() string {
	if !utf8.Valid(f.bytes) {
		return ""
	}
	return string(f.bytes)
}

// int is the number at a path, or 0.
func (w wire) int(path ...protowire.Number) int64 { return int64(w.at(path...).n) } //nolint:gosec // as the app writes negative ones

// number reads the phone number in a receipt: 0x81, then a digit in each half
// of a byte, up to 0xF.
func number(b wire) string {
	if len(b) < 2 || b[0] != 0x81 {
		return ""
	}
	var s strings.Builder
	for _, c := range b[1:] {
		for _, digit := range []byte{c >> 4, c & 15} {
			switch {
			case digit < 10:
				s.WriteByte('0' + digit)
			case digit == 15:
				return s.String()
			default:
				return ""
			}
		}
	}
	return s.String()
}

// unwrap reads a protobuf that a text column holds in base64, as those of
// names do since iOS 15. It is nil for what is none.
func unwrap(s string) wire {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != 1<<3 {
		return nil
	}
	for rest := b; len(rest) > 0; {
		_, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			return nil
		}
		rest = rest[n:]
	}
	return b
}

// encoded reports whether a name is no name but a protobuf in base64.
func encoded(name string) bool { return unwrap(name) != nil }
