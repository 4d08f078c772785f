package cloudapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// errTemplate is for a definition or a request that is none.
var errTemplate = errors.New("not a template")

// placeholder is {{1}} or {{name}} in a template's text.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// Rendered is the text that the recipient reads: a template's definition, as
// the Graph API gives it, with the parameters of a request's body put in. What
// is no text stands in brackets: a file as its kind and name, a button as its
// text and address, a place without a value as it was defined.
func Rendered(definition, body json.RawMessage) (string, error) {
	def, err := parse(definition)
	if err != nil {
		return "", errTemplate
	}
	whole, err := parse(body)
	send := whole.get("template")
	if err != nil || !send.isObject() || len(def.list("components")) == 0 {
		return "", errTemplate
	}
	return strings.Join(rendered(def, send), "\n"), nil
}

// rendered are the lines of a template, or of one card of a carousel.
func rendered(def, send value) (out []string) {
	for _, c := range def.list("components") {
		switch strings.ToUpper(c.str("type")) {
		case "HEADER":
			out = addLine(out, headerOf(c, send))
		case "BODY":
			// What tells a code may have no text of its own: WhatsApp has it.
			out = addLine(out, cmp.Or(filled(c.str("text"), values(send, "body", "")), spoken(onlyOf(send, "body"))))
		case "LIMITED_TIME_OFFER":
			out = addLine(out, offerOf(c.get("limited_time_offer"), send))
		case "FOOTER":
			out = addLine(out, c.str("text"))
			if n := c.str("code_expiration_minutes"); n != "" && c.str("text") == "" {
				out = append(out, "[the code expires in "+n+" minutes]")
			}
		case "BUTTONS":
			for i, b := range c.list("buttons") {
				out = append(out, buttonOf(b, send, strconv.Itoa(i)))
			}
		case "CAROUSEL":
			for i, card := range c.list("cards") {
				out = append(out, "[card "+strconv.Itoa(i+1)+"]")
				out = append(out, rendered(card, cardOf(send, i))...)
			}
		}
	}
	return out
}

// addLine adds a line that says something. Two may be the same: both are read.
func addLine(out []string, s string) []string {
	if s == "" {
		return out
	}
	return append(out, s)
}

// onlyOf is what is sent, without the components of other kinds.
func onlyOf(send value, kind string) value {
	var cs []any
	for _, c := range send.list("components") {
		if strings.EqualFold(c.str("type"), kind) {
			cs = append(cs, c.v)
		}
	}
	return value{map[string]any{"components": cs}}
}

// headerOf is a text, or what stands in its place.
func headerOf(c, send value) string {
	format := strings.ToLower(c.str("format"))
	if format == "" || format == "text" {
		return filled(c.str("text"), values(send, "header", ""))
	}
	what := format
	for _, h := range onlyOf(send, "header").list("components") {
		for _, p := range h.list("parameters") {
			if said := p.get(format); said.isObject() {
				what = strings.Join(addLine(addLine([]string{format}, said.or("filename", "name")), said.str("address")), " ")
			}
		}
	}
	return "[" + what + "]"
}

// offerOf is an offer with an end.
func offerOf(def, send value) string {
	text := def.str("text")
	for _, c := range onlyOf(send, "limited_time_offer").list("components") {
		for _, p := range c.list("parameters") {
			if ms, ok := p.get("limited_time_offer").int("expiration_time_ms"); ok && ms > 0 {
				text = strings.TrimSpace(text + " [until " + time.UnixMilli(ms).UTC().Format(time.RFC3339) + "]")
			}
		}
	}
	return text
}

// buttonOf is a button's text and what it leads to.
func buttonOf(def, send value, index string) string {
	at := values(send, "button", index)
	to := cmp.Or(filled(def.str("url"), at), def.str("phone_number"))
	for _, c := range onlyOf(send, "button").list("components") {
		if c.str("index") == index {
			for _, p := range c.list("parameters") {
				to = cmp.Or(to, p.str("coupon_code"))
			}
		}
	}
	text := strings.TrimSpace(def.str("text") + " " + to)
	return "[" + cmp.Or(text, strings.ToLower(def.str("type"))) + "]"
}

// cardOf is what is sent for one card of a carousel.
func cardOf(send value, index int) value {
	for _, c := range onlyOf(send, "carousel").list("components") {
		for i, card := range c.list("cards") {
			if n, ok := card.int("card_index"); ok && n == int64(index) || !ok && i == index {
				return card
			}
		}
	}
	return value{}
}

// parameter is a value as the recipient reads it.
func parameter(p value) string {
	return cmp.Or(p.str("text"), p.str("currency", "fallback_value"), p.str("date_time", "fallback_value"))
}

// values are the parameters of a component, by place and by name.
func values(send value, kind, index string) map[string]string {
	out := map[string]string{}
	for _, c := range send.list("components") {
		if !strings.EqualFold(c.str("type"), kind) || index != "" && c.str("index") != index {
			continue
		}
		for i, p := range c.list("parameters") {
			v := cmp.Or(parameter(p), p.str("payload"))
			out[strconv.Itoa(i+1)] = v
			if name := p.str("parameter_name"); name != "" {
				out[name] = v
			}
		}
	}
	return out
}

// filled puts values into a text; a place without a value stays as it is.
func filled(text string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		if v, ok := values[placeholder.FindStringSubmatch(s)[1]]; ok {
			return v
		}
		return s
	})
}
