package cloudapi

import (
	"bytes"
	"encoding/json"
)

// uncut is an element where it stands in a delivery that was not cut.
type uncut struct {
	raw      []byte
	in       Context
	contacts [][]byte
}

// uncutElements finds the elements of a body.
func uncutElements(body []byte) (out []uncut) {
	var d struct {
		Entry []struct {
			ID      json.RawMessage `json:"id"`
			Changes []struct {
				Field string                     `json:"field"`
				Value map[string]json.RawMessage `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &d) != nil {
		return nil
	}
	for _, e := range d.Entry {
		for _, c := range e.Changes {
			in := Context{Field: c.Field}
			if v, err := parse(c.Value["metadata"]); err == nil {
				in.Phone, in.Number = v.str("display_phone_number"), v.str("phone_number_id")
			}
			var contacts [][]byte
			for _, x := range items(c.Value["contacts"]) {
				contacts = append(contacts, x)
			}
			for _, path := range []string{"messages", "statuses", "message_echoes", "calls", "groups", "user_id_update", "user_preferences"} {
				for _, x := range items(c.Value[path]) {
					el := in
					el.Path = path
					out = append(out, uncut{x, el, contacts})
				}
			}
		}
	}
	return out
}

func items(b []byte) (out []json.RawMessage) {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		_ = json.Unmarshal(b, &out) // else there are none
	}
	return out
}
