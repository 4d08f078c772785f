package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf16"
)

// What a text of WhatsApp holds, in characters.
const (
	maxBody    = 4096
	maxCaption = 1024
)

// Why a disclaimer cannot be added, as the end of a sentence.
var (
	errUnreadable = errors.New("what was to be sent cannot be read")
	errTooLong    = errors.New("with it the text is longer than WhatsApp takes")
	errTwice      = errors.New("the text stands there more than once")
)

// utf16Len counts as WhatsApp's own clients do, which is never less than the
// number of characters.
func utf16Len(s string) int { return len(utf16.Encode([]rune(s))) }

// quoted is a text as it stands inside of the quotation marks.
func quoted(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can be encoded
	q := bytes.TrimSpace(b.Bytes())
	return q[1 : len(q)-1]
}

// extend appends to the string at a path, and leaves all other bytes alone.
func extend(body []byte, path []string, text string) ([]byte, error) {
	at, err := find(body, path)
	if err != nil {
		return nil, err
	}
	return insert(body, at-1, quoted("\n\n"+text)), nil // before its closing mark
}

// addMember adds a caption to media that have none.
func addMember(body []byte, path []string, text string) ([]byte, error) {
	at, err := find(body, path[:len(path)-1])
	if err != nil {
		return nil, err
	}
	member := append(quoted(path[len(path)-1]), `":"`...)
	member = append(append([]byte{'"'}, member...), quoted(text)...)
	member = append(member, '"')
	inside := bytes.TrimRight(body[:at-1], " \t\r\n")
	if inside[len(inside)-1] != '{' {
		member = append([]byte{','}, member...)
	}
	return insert(body, at-1, member), nil // before its closing brace
}

func insert(body []byte, at int, what []byte) []byte {
	out := make([]byte, 0, len(body)+len(what))
	out = append(append(out, body[:at]...), what...)
	return append(out, body[at:]...)
}

// find returns where the value at a path ends. Names are compared as Go does
// when it decodes: the case of letters does not count. A member that is there
// twice is found twice, and that is an error: it is not known which one counts.
func find(body []byte, path []string) (int, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var ends []int
	if err := seek(d, path, true, &ends); err != nil {
		return 0, errUnreadable
	}
	switch len(ends) {
	case 0:
		return 0, errUnreadable
	case 1:
		return ends[0], nil
	}
	return 0, errTwice
}

// seek reads one value; on is whether the path has led here so far.
func seek(d *json.Decoder, path []string, on bool, ends *[]int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if delim, ok := t.(json.Delim); ok {
		for d.More() {
			here := false
			if delim == '{' {
				key, err := d.Token()
				if err != nil {
					return err
				}
				name, _ := key.(string) // a name is one
				here = on && len(path) > 0 && strings.EqualFold(name, path[0])
			}
			rest := path
			if here {
				rest = path[1:]
			}
			if err := seek(d, rest, here, ends); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	if on && len(path) == 0 {
		*ends = append(*ends, int(d.InputOffset()))
	}
	return nil
}
