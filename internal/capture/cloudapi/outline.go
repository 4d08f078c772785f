package cloudapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// Outline is what a gateway must know of a message that it is to send.
type Outline struct {
	Type     string // "text", "template"
	To       string
	Text     string // that the recipient reads, as far as the request says
	Template string
	Language string
	Links    []string // of files, which Meta fetches
	Uploads  []string // ids of files that were uploaded before
	Callback string   // the sender's own
	Object   bool     // the body is a JSON object
	Notice   bool     // it says that a message was read, or that somebody types
}

// OutlineOf reads the body of a request to Meta's messages.
func OutlineOf(body []byte) (o Outline) {
	v, err := parse(body)
	if err != nil {
		return o
	}
	o.Object, o.Callback, o.To = true, v.str("biz_opaque_callback_data"), v.or("to", "recipient")
	if strings.ContainsAny(o.To, ".eE") && !v.isText("to") && !v.isText("recipient") {
		o.To = "" // 1.65e10: who reads it makes another number of it
	}
	if v.has("status") && !v.has("to") && !v.has("recipient") {
		o.Notice = true
		return o
	}
	var m chat.Message
	content(&m, v)
	o.Type, o.Text = typeOf(v), m.Text
	if t := v.get("template"); t.isObject() {
		o.Template, o.Language = t.str("name"), t.str("language", "code")
		if o.Text == "" {
			o.Text = spoken(t)
		}
	}
	o.files(v.v)
	for _, l := range []*[]string{&o.Links, &o.Uploads} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
	return o
}

// MessageID is WhatsApp's id in an answer of Meta's, or empty.
func MessageID(answer []byte) string {
	v, _ := parse(answer) // what is no JSON has none
	for _, m := range v.list("messages") {
		return m.str("id")
	}
	return ""
}

// spoken is what can be read of a template without its definition: the values
// that are put in.
func spoken(t value) string {
	var out []string
	for _, c := range t.list("components") {
		for _, p := range c.list("parameters") {
			out = appendText(out, parameter(p))
		}
	}
	return strings.Join(out, "\n")
}

// mediaKinds are the members that are files.
var mediaKinds = []string{"audio", "document", "image", "sticker", "video"}

// files gathers what a body names its files by, wherever they stand.
func (o *Outline) files(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if f := (value{m}); slices.Contains(mediaKinds, k) && f.isObject() {
				if s := f.str("link"); s != "" {
					o.Links = append(o.Links, s)
				} else if s := f.str("id"); s != "" {
					o.Uploads = append(o.Uploads, s)
				}
			}
			o.files(m)
		}
	case []any:
		for _, m := range v {
			o.files(m)
		}
	}
}

// place is where a member of an object stands in its text: from its name to the
// end of its value.
type place struct {
	name           string
	at, value, end int64
}

// places finds the members of a JSON object.
func places(body []byte) (out []place) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		var p place
		p.at = d.InputOffset()
		p.at += int64(bytes.IndexByte(body[p.at:], '"')) // after a comma
		t, err := d.Token()
		if err != nil {
			return nil
		}
		p.name, _ = t.(string) // the names of members are
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil
		}
		p.end = d.InputOffset()
		p.value = p.end - int64(len(raw))
		out = append(out, p)
	}
	return out
}

// Plant puts a callback into a request's body: in place of an empty one, else
// right after the brace that opens it. All else stays as it was written.
func Plant(body []byte, callback string) []byte {
	const name = "biz_opaque_callback_data"
	all := places(body)
	found := false
	for _, p := range slices.Backward(all) {
		if p.name == name {
			found = true
			body = slices.Concat(body[:p.value], []byte(`"`+callback+`"`), body[p.end:])
		}
	}
	i := bytes.IndexByte(body, '{')
	if found || i < 0 {
		return body
	}
	comma := ","
	if len(all) == 0 {
		comma = ""
	}
	return slices.Concat(body[:i+1], []byte(`"`+name+`":"`+callback+`"`+comma), body[i+1:])
}

// Without takes a member out of a JSON object, for a secret that is not to be
// kept, and returns its value.
func Without(body []byte, name string) (rest []byte, was string) {
	for {
		all := places(body)
		i := slices.IndexFunc(all, func(p place) bool { return p.name == name })
		if i < 0 {
			return body, was
		}
		from, to := all[i].at, all[i].end
		_ = json.Unmarshal(body[all[i].value:to], &was) // no string is no secret
		switch {                                        // with the comma on one side of it
		case i > 0:
			from = all[i-1].end
		case i+1 < len(all):
			to = all[i+1].at
		}
		body = slices.Concat(body[:from], body[to:])
	}
}
