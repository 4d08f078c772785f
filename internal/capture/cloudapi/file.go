package cloudapi

import "encoding/json"

// FileAddress finds a file by Meta's ID in what a webhook said: the address
// that it gave, which works for five minutes and may be empty. ok is false
// where nothing names the file.
func FileAddress(raw []byte, id string) (address string, ok bool) {
	var v any
	if id == "" || json.Unmarshal(raw, &v) != nil {
		return "", false
	}
	return addressIn(v, id)
}

func addressIn(v any, id string) (address string, ok bool) {
	switch v := v.(type) {
	case map[string]any:
		if s, _ := v["id"].(string); s == id {
			address, _ = v["url"].(string)
			return address, true
		}
		for _, w := range v {
			if address, ok = addressIn(w, id); ok {
				return address, true
			}
		}
	case []any:
		for _, w := range v {
			if address, ok = addressIn(w, id); ok {
				return address, true
			}
		}
	}
	return "", false
}
