package backup

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

var errPlist = errors.New("not a property list that can be read")

// A property list is read as dicts, arrays, string, []byte, int64, float64,
// bool, time.Time and uid; nil is what is not there or not as it should be.
type (
	dict  interface{ get(key string) any }
	array interface{ at(i uint64) any }
	uid   uint64
)

func parsePlist(b []byte) (dict, error) {
	var top any
	if bytes.HasPrefix(b, []byte("bplist0")) {
		top = parseBinary(b)
	} else {
		top = parseXML(b)
	}
	if d, ok := top.(dict); ok {
		return d, nil
	}
	return nil, errPlist
}

// value is what d holds under a key, or the zero of T.
func value[T any](d dict, key string) T {
	var v T
	if d != nil {
		v, _ = d.get(key).(T) // of another type is as good as not there
	}
	return v
}

// binaryPlist is read where it is asked, object by object, and nothing is
// unfolded: lists that hold themselves, or each other a thousand times over,
// cost nothing.
type binaryPlist struct {
	b       []byte // the objects
	table   []byte // of offsets
	offSize uint64
	refSize uint64
}

const trailerSize = 32

func parseBinary(b []byte) any {
	if len(b) < trailerSize {
		return nil
	}
	b, trailer := b[:len(b)-trailerSize], b[len(b)-trailerSize:]
	p := &binaryPlist{offSize: uint64(trailer[6]), refSize: uint64(trailer[7])}
	n := binary.BigEndian.Uint64(trailer[8:])
	top := binary.BigEndian.Uint64(trailer[16:])
	at := binary.BigEndian.Uint64(trailer[24:])
	if at > uint64(len(b)) || p.offSize-1 > 7 || p.refSize-1 > 7 || n > (uint64(len(b))-at)/p.offSize {
		return nil
	}
	p.b, p.table = b[:at], b[at:][:n*p.offSize]
	return p.object(top)
}

// number is a big-endian number of up to 8 bytes.
func number(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func (p *binaryPlist) object(i uint64) any {
	if i >= uint64(len(p.table))/p.offSize {
		return nil
	}
	at := number(p.table[i*p.offSize:][:p.offSize])
	if at >= uint64(len(p.b)) {
		return nil
	}
	marker, rest := p.b[at], p.b[at+1:]
	low := uint64(marker & 0xf)
	switch marker >> 4 {
	case 0x0:
		switch marker {
		case 0x08:
			return false
		case 0x09:
			return true
		}
		return nil
	case 0x1:
		return binaryInt(rest, low)
	case 0x2, 0x3:
		return binaryReal(rest, marker)
	case 0x8:
		if low < 8 && low < uint64(len(rest)) {
			return uid(number(rest[:low+1]))
		}
		return nil
	}
	n, rest, ok := length(low, rest)
	if !ok {
		return nil
	}
	switch marker >> 4 {
	case 0x4:
		if body, ok := cut(rest, n, 1); ok {
			return body
		}
	case 0x5:
		if body, ok := cut(rest, n, 1); ok {
			return string(body)
		}
	case 0x6:
		if body, ok := cut(rest, n, 2); ok {
			return text16(body)
		}
	case 0xa:
		if refs, ok := cut(rest, n, p.refSize); ok {
			return binaryArray{p, refs}
		}
	case 0xd:
		if refs, ok := cut(rest, n, 2*p.refSize); ok {
			return binaryDict{p, refs[:len(refs)/2], refs[len(refs)/2:]}
		}
	}
	return nil
}

// binaryInt is a number of 1, 2 or 4 bytes, which has no sign, of 8, which has
// one, or of 16, of which the lower half counts.
func binaryInt(b []byte, low uint64) any {
	n := uint64(1) << low
	if low > 4 || n > uint64(len(b)) {
		return nil
	}
	return int64(number(b[max(n, 8)-8 : n]))
}

func binaryReal(b []byte, marker byte) any {
	switch {
	case marker == 0x22 && len(b) >= 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case marker == 0x23 && len(b) >= 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case marker == 0x33 && len(b) >= 8:
		return appleTime(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	return nil
}

// appleTime is a time in seconds since 2001. One that no calendar has is nil.
func appleTime(s float64) any {
	const epoch, most = 978307200, 1e11
	if !(math.Abs(s) < most) {
		return nil
	}
	whole, frac := math.Modf(s)
	return time.Unix(epoch+int64(whole), int64(frac*1e9)).UTC()
}

// length is that of a string, array or dict: in the marker, or, where that is
// full, in the number after it.
func length(low uint64, b []byte) (n uint64, rest []byte, ok bool) {
	if low != 0xf {
		return low, b, true
	}
	if len(b) == 0 || b[0]>>4 != 1 || b[0]&0xf > 3 {
		return 0, nil, false
	}
	size := 1 << (b[0] & 0xf)
	if len(b) < 1+size {
		return 0, nil, false
	}
	return number(b[1 : 1+size]), b[1+size:], true
}

// cut takes n pieces of a size off the start of b.
func cut(b []byte, n, size uint64) ([]byte, bool) {
	if n > uint64(len(b))/size {
		return nil, false
	}
	return b[:n*size], true
}

func text16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

type binaryArray struct {
	p    *binaryPlist
	refs []byte
}

func (a binaryArray) at(i uint64) any {
	if i >= uint64(len(a.refs))/a.p.refSize {
		return nil
	}
	return a.p.object(number(a.refs[i*a.p.refSize:][:a.p.refSize]))
}

type binaryDict struct {
	p          *binaryPlist
	keys, vals []byte
}

func (d binaryDict) get(key string) any {
	keys, vals := binaryArray{d.p, d.keys}, binaryArray{d.p, d.vals}
	for i := range uint64(len(d.keys)) / d.p.refSize {
		if s, ok := keys.at(i).(string); ok && s == key {
			return vals.at(i)
		}
	}
	return nil
}

type (
	xmlDict  map[string]any
	xmlArray []any
)

func (d xmlDict) get(key string) any { return d[key] }

func (a xmlArray) at(i uint64) any {
	if i >= uint64(len(a)) {
		return nil
	}
	return a[i]
}

// maxDepth is how deep an XML list may be nested; those of backups are 5.
const maxDepth = 32

func parseXML(b []byte) any {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		t, err := d.Token()
		if err != nil {
			return nil
		}
		if s, ok := t.(xml.StartElement); ok && s.Name.Local != "plist" {
			v, err := xmlValue(d, s, 0)
			if err != nil {
				return nil
			}
			return v
		}
	}
}

// xmlValue reads an element to its end.
func xmlValue(d *xml.Decoder, s xml.StartElement, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errPlist
	}
	switch s.Name.Local {
	case "dict", "array":
		return xmlContainer(d, s.Name.Local == "dict", depth)
	}
	text, err := xmlText(d)
	if err != nil {
		return nil, err
	}
	switch s.Name.Local {
	case "string", "key":
		return text, nil
	case "true", "false":
		return s.Name.Local == "true", nil
	case "integer":
		return valid(strconv.ParseInt(strings.TrimSpace(text), 0, 64)), nil
	case "real":
		return valid(strconv.ParseFloat(strings.TrimSpace(text), 64)), nil
	case "date":
		return valid(time.Parse(time.RFC3339, strings.TrimSpace(text))), nil
	case "data":
		return valid(base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))), nil
	}
	return nil, nil
}

// valid is a leaf's value. A list is not refused for a date that is none.
func valid[T any](v T, err error) any {
	if err != nil {
		return nil
	}
	return v
}

func xmlText(d *xml.Decoder) (string, error) {
	var text []byte
	for {
		t, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.StartElement:
			return "", errPlist
		case xml.EndElement:
			return string(text), nil
		}
	}
}

func xmlContainer(d *xml.Decoder, isDict bool, depth int) (any, error) {
	var all xmlArray
	byKey, key := xmlDict{}, ""
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			v, err := xmlValue(d, t, depth+1)
			switch {
			case err != nil:
				return nil, err
			case !isDict:
				all = append(all, v)
			case t.Name.Local == "key":
				key, _ = v.(string) // it is one
			default:
				byKey[key] = v
			}
		case xml.EndElement:
			if isDict {
				return byKey, nil
			}
			return all, nil
		}
	}
}
