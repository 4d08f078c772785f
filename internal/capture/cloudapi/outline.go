package cloudapi

import (
	"bytes"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// Outline is what a gateway must know of a message that it is to send.
type Outline struct {
	Type     string // "text", "template"; empty: no message, as a read receipt is none
	To       string
	Text     string // that the recipient reads, as far as the request says
	Template string
	Language string
	Links    []string // of files, which Meta fetches
	Callback string   // the sender's own
	Object   bool     // the body is a JSON object
}

// OutlineOf reads the body of a request to Meta's messages.
func OutlineOf(body []byte) (o Outline) {
	v, err := parse(body)
	if err != nil {
		return o
	}
	o.Object, o.Callback, o.To = true, v.str("biz_opaque_callback_data"), v.or("to", "recipient")
	if v.has("status") {
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
	o.Links = links(v.v, nil)
	slices.Sort(o.Links)
	return o
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

// links gathers the members called link, wherever they stand.
func links(v any, out []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if s, ok := m.(string); ok && k == "link" && s != "" {
				out = append(out, s)
				continue
			}
			out = links(m, out)
		}
	case []any:
		for _, m := range v {
			out = links(m, out)
		}
	}
	return out
}

// Plant puts a callback into a request's body, which has none: right after the
// brace that opens it. All else stays as it was written.
func Plant(body []byte, callback string) []byte {
	i := bytes.IndexByte(body, '{')
	if i < 0 {
		return body
	}
	comma := ","
	if rest := bytes.TrimLeft(body[i+1:], " \t\r\n"); len(rest) > 0 && rest[0] == '}' {
		comma = ""
	}
	out := make([]byte, 0, len(body)+len(callback)+40)
	out = append(out, body[:i+1]...)
	out = append(out, `"biz_opaque_callback_data":"`+callback+`"`+comma...)
	return append(out, body[i+1:]...)
}
