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
	def, err := parse(definition)
	if err != nil {
		return "", errTemplate
	}
	whole, err := parse(body)
	send := whole.get("template")
	if err != nil || !send.isObject() || len(def.list("components")) == 0 {
		return "", errTemplate
	}
	var out []string
	for _, c := range def.list("components") {
		switch strings.ToUpper(c.str("type")) {
		case "HEADER":
			if f := c.str("format"); f != "" && !strings.EqualFold(f, "text") {
				out = append(out, "["+strings.ToLower(f)+"]")
				continue
			}
			out = appendText(out, filled(c.str("text"), values(send, "header", "")))
		case "BODY":
			out = appendText(out, filled(c.str("text"), values(send, "body", "")))
		case "FOOTER":
			out = appendText(out, c.str("text"))
		case "BUTTONS":
			for i, b := range c.list("buttons") {
				text := strings.TrimSpace(b.str("text") + " " + filled(b.str("url"), values(send, "button", strconv.Itoa(i))))
				out = append(out, "["+cmp.Or(text, strings.ToLower(b.str("type")))+"]")
			}
		}
	}
	return strings.Join(out, "\n"), nil
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
