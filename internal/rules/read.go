package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/waxseal/waxseal/internal/analyze"
)

// reading is what a recipient would read of a send: every text in it, wherever
// it stands. A list of words that looks at the body alone is walked around with
// a button, a caption or a name.
type reading struct {
	texts  []string
	tokens [][]analyze.Token
	links  []string // that a button leads to
	// partly is set where not all of it could be read: whatever a rule looks
	// for may stand in the rest.
	partly bool
	card   bool // the value is in a card, whose labels and addresses are shown
}

// unread are the members that no recipient sees: the protocol's own. What is
// not here is read, so what WhatsApp invents is read too.
var unread = []string{
	"messaging_product", "recipient_type", "type", "sub_type", "id", "message_id", "to", "status", "biz_opaque_callback_data",
	"code", "policy", "index", "language", "format", "mode", "flow_token", "flow_message_version", "flow_id", "flow_action",
	"catalog_id", "product_retailer_id", "parameter_name", "calendar", "link", "preview_url", "namespace", "payment_type",
}

// Bounds of what is read of one send; WhatsApp takes far less.
const (
	maxTexts = 2000
	maxDepth = 200
)

func read(s *Send) *reading {
	r := &reading{}
	r.add(s.Text)
	if len(s.Body) > 0 {
		d := json.NewDecoder(bytes.NewReader(s.Body))
		r.partly = !r.value(d, "", 0) || d.More() || len(r.texts) == maxTexts
	}
	for _, t := range r.texts {
		r.tokens = append(r.tokens, analyze.Tokens(t))
	}
	return r
}

func (r *reading) add(text string) {
	text = strings.Map(seen, text)
	if text != "" && len(r.texts) < maxTexts && !slices.Contains(r.texts, text) {
		r.texts = append(r.texts, text)
	}
}

// seen leaves out signs of no width that cut words apart for a program and for
// no reader. The joiners that scripts need stay.
func seen(r rune) rune {
	if r == '\u200b' || r == '\u2060' || r == '\ufeff' || r == '\u180e' || r == '\u00ad' || unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
		return -1
	}
	return r
}

// solid leaves out the joiners, too, and whatever else may have no width.
func solid(r rune) rune {
	if unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// value reads the next value. A member that is there twice is read twice: it
// is not known which of them Meta takes.
func (r *reading) value(d *json.Decoder, name string, depth int) bool {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return false
	}
	switch t := t.(type) {
	case string:
		switch {
		case name == "url" && !r.card:
			r.links = append(r.links, t)
		case r.card || !slices.Contains(unread, name):
			r.add(t)
		}
	case json.Delim:
		for d.More() {
			in := name
			if t == '{' {
				key, err := d.Token()
				if err != nil {
					return false
				}
				in, _ = key.(string)
			}
			was := r.card
			r.card = was || in == "contacts"
			ok := r.value(d, in, depth+1)
			if r.card = was; !ok {
				return false
			}
		}
		_, err = d.Token()
		return err == nil
	}
	return true
}

// words returns what stands in the texts of a list.
func (r *reading) words(list []analyze.Matcher) (where []string) {
	for i, text := range r.texts {
		for _, m := range list {
			for _, at := range m.Find(r.tokens[i]) {
				where = append(where, text[at[0]:at[1]])
			}
		}
	}
	return where
}

// links are addresses, in texts and behind buttons.
func (r *reading) leads() []string { return append(slices.Clone(r.links), r.pattern(link)...) }

// maxWhere bounds what is shown of one pattern.
const maxWhere = 20

func (r *reading) pattern(re *regexp.Regexp) (where []string) {
	for _, text := range r.texts {
		found := re.FindAllString(text, maxWhere)
		if plain := strings.Map(solid, text); len(found) == 0 && plain != text {
			found = re.FindAllString(plain, maxWhere)
		}
		where = append(where, found...)
	}
	return where
}

// Disclaimers.

// appendText puts a disclaimer at the end of what the recipient reads, unless
// it stands there, and changes no other byte.
func appendText(body []byte, text string) ([]byte, error) {
	var msg struct {
		Type                   string
		Text                   *struct{ Body *string }
		Image, Video, Document *struct{ Caption *string }
		Interactive            *struct{ Body *struct{ Text *string } }
	}
	if err := json.Unmarshal(body, &msg); err != nil {
		return nil, errUnreadable
	}
	if _, err := find(body, []string{"type"}); errors.Is(err, errTwice) {
		return nil, err // which of them Meta takes is not known
	}
	msg.Type = strings.ToLower(msg.Type)
	var path []string
	var is *string
	limit := maxCaption
	media := func(name string, m *struct{ Caption *string }) {
		if path = []string{name, "caption"}; m != nil {
			is = m.Caption
		}
	}
	switch {
	case msg.Type == "text" || msg.Type == "" && msg.Text != nil:
		limit = maxBody
		if path = []string{"text", "body"}; msg.Text != nil {
			is = msg.Text.Body
		}
	case msg.Type == "image":
		media(msg.Type, msg.Image)
	case msg.Type == "video":
		media(msg.Type, msg.Video)
	case msg.Type == "document":
		media(msg.Type, msg.Document)
	case msg.Type == "interactive":
		path = []string{"interactive", "body", "text"}
		if msg.Interactive != nil && msg.Interactive.Body != nil {
			is = msg.Interactive.Body.Text
		}
	default: // a sticker, a reaction, a template: there is no text that could take it
		return body, nil
	}
	for i := range path {
		if _, err := find(body, path[:i+1]); errors.Is(err, errTwice) {
			return nil, err
		}
	}
	if is == nil {
		return addMember(body, path, text)
	}
	if strings.HasSuffix(strings.TrimSpace(*is), strings.TrimSpace(text)) {
		return body, nil
	}
	if utf16Len(*is)+utf16Len("\n\n"+text) > limit {
		return nil, errTooLong
	}
	return extend(body, path, text)
}
