package cloudapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// value is something of a JSON text. What a member is asked for and is not is
// simply empty: Meta sends numbers as strings and strings as numbers, and one
// wrong member must not take the others along.
type value struct{ v any }

var errNoObject = errors.New("not a JSON object")

// parse reads a JSON object.
func parse(b []byte) (value, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return value{}, errNoObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || v == nil {
		return value{}, errNoObject
	}
	return value{v}, nil
}

// get follows members.
func (v value) get(path ...string) value {
	for _, p := range path {
		m, ok := v.v.(map[string]any)
		if !ok {
			return value{}
		}
		v = value{m[p]}
	}
	return v
}

// str is a string, or a number as it is written.
func (v value) str(path ...string) string {
	switch s := v.get(path...).v.(type) {
	case string:
		return s
	case json.Number:
		return s.String()
	}
	return ""
}

func (v value) isText(member string) bool { _, ok := v.get(member).v.(string); return ok }

// or is the first of some members that says something.
func (v value) or(members ...string) string {
	for _, m := range members {
		if s := v.str(m); s != "" {
			return s
		}
	}
	return ""
}

func (v value) flag(path ...string) bool {
	switch b := v.get(path...).v.(type) {
	case bool:
		return b
	case string:
		return b == "true"
	}
	return false
}

func (v value) int(path ...string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(v.str(path...)), 10, 64)
	return n, err == nil
}

func (v value) float(path ...string) *float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(v.str(path...)), 64)
	if err != nil || f != f {
		return nil
	}
	return &f
}

func (v value) list(path ...string) []value {
	all, _ := v.get(path...).v.([]any)
	out := make([]value, len(all))
	for i, x := range all {
		out[i] = value{x}
	}
	return out
}

func (v value) isObject() bool { _, ok := v.v.(map[string]any); return ok }

// has reports whether an object has a member that is not null.
func (v value) has(member string) bool { return v.get(member).v != nil }
