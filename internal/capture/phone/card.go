package phone

import (
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// Card reads the name and the numbers of a vCard.
func Card(v string) (c chat.Contact, ok bool) {
	unfolded := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(v)
	for line := range strings.Lines(unfolded) {
		name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !found {
			continue
		}
		name, _, _ = strings.Cut(name, ";")
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:] // a group: item1.TEL
		}
		value = strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, " ", `\\`, `\`).Replace(value)
		switch strings.ToUpper(name) {
		case "FN":
			c.Name, ok = value, true
		case "TEL":
			c.Phones, ok = append(c.Phones, value), true
		}
	}
	return c, ok
}
