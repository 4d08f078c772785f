package cloudapi

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// thing is an object as Meta wrote it. Members of another type than expected
// are as good as absent: what one has wrong must not hide the others.
type thing map[string]json.RawMessage

func thingOf(raw []byte) thing {
	var t thing
	if json.Unmarshal(raw, &t) != nil {
		return nil
	}
	return t
}

// text is a scalar member.
func (t thing) text(key string) string {
	var l loose
	_ = l.UnmarshalJSON(t[key]) // not a scalar
	return string(l)
}

// first is the first of the members that says something.
func (t thing) first(keys ...string) string {
	for _, k := range keys {
		if s := t.text(k); s != "" {
			return s
		}
	}
	return ""
}

func (t thing) is(key string) bool { return t.text(key) == "true" }

func (t thing) at(key string) thing { return thingOf(t[key]) }

// has reports a member that is an object.
func (t thing) has(key string) bool { return t.at(key) != nil }

// list is a list's members that are objects.
func (t thing) list(key string) (out []thing) {
	var all []json.RawMessage
	if json.Unmarshal(t[key], &all) != nil {
		return nil
	}
	for _, raw := range all {
		if o := thingOf(raw); o != nil {
			out = append(out, o)
		}
	}
	return out
}

// texts is a list's members that are scalars.
func (t thing) texts(key string) (out []string) {
	var all []loose
	if json.Unmarshal(t[key], &all) != nil {
		return nil
	}
	for _, l := range all {
		if l != "" {
			out = append(out, string(l))
		}
	}
	return out
}

func (t thing) number(key string) (float64, bool) {
	f, err := strconv.ParseFloat(t.text(key), 64)
	return f, err == nil
}

// time is a member in unix seconds, or in the form of RFC 3339.
func (t thing) time(key string) time.Time {
	s := t.text(key)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		if n > 1<<36 { // milliseconds
			n /= 1000
		}
		if n <= 1<<36 {
			return time.Unix(n, 0).UTC()
		}
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// errors are what Meta says went wrong, one a line.
func (t thing) errors() (out []string) {
	for _, e := range t.list("errors") {
		s := e.text("code")
		for _, more := range []string{e.first("title", "message"), e.at("error_data").text("details")} {
			if more != "" && !strings.Contains(s, more) {
				s += ": " + more
			}
		}
		out = append(out, s)
	}
	return out
}
