package cloudapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// errTemplate is for a definition or a request that is none.
var errTemplate = errors.New("not a template")

// placeholder is {{1}} or {{name}} in a template's text.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// Rendered is the text that the recipient reads: a template's definition, as
// the Graph API gives it, with the parameters of a request's body put in. What
// is a file stands as its kind in brackets, buttons as their texts in brackets.
func Rendered(definition, body json.RawMessage) (string, error) {
	def, send := thingOf(definition), thingOf(body).at("template")
	if def == nil || send == nil || len(def.list("components")) == 0 {
		return "", errTemplate
	}
	var out []string
	for _, c := range def.list("components") {
		switch kind := strings.ToUpper(c.text("type")); kind {
		case "HEADER":
			if f := strings.ToUpper(c.text("format")); f != "" && f != "TEXT" {
				out = append(out, "["+strings.ToLower(f)+"]")
				continue
			}
			out = append(out, some(filled(c.text("text"), values(send, "header", "")))...)
		case "BODY":
			out = append(out, some(filled(c.text("text"), values(send, "body", "")))...)
		case "FOOTER":
			out = append(out, some(c.text("text"))...)
		case "BUTTONS":
			for i, b := range c.list("buttons") {
				text := b.text("text")
				if u := filled(b.text("url"), values(send, "button", strconv.Itoa(i))); u != "" {
					text = strings.Join(some(text, u), " ")
				}
				out = append(out, "["+cmp.Or(text, strings.ToLower(b.text("type")))+"]")
			}
		}
	}
	return strings.Join(out, "\n"), nil
}

// values are the parameters of a component, by place and by name.
func values(send thing, kind, index string) map[string]string {
	out := map[string]string{}
	for _, c := range send.list("components") {
		if !strings.EqualFold(c.text("type"), kind) || index != "" && c.text("index") != index {
			continue
		}
		for i, p := range c.list("parameters") {
			v := cmp.Or(p.text("text"), p.at("currency").text("fallback_value"), p.at("date_time").text("fallback_value"), p.text("payload"))
			out[strconv.Itoa(i+1)] = v
			if name := p.text("parameter_name"); name != "" {
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
