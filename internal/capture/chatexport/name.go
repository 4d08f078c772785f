package chatexport

import (
	"path/filepath"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// stem is a file's name without its extension, and without the " (1)" that a
// second download gets.
func stem(p string) string {
	p = filepath.Base(strings.ReplaceAll(p, "\\", "/"))
	return cleanStem(strings.TrimSuffix(p, filepath.Ext(p)))
}

func cleanStem(s string) string {
	if i := strings.LastIndex(s, " ("); i > 0 && strings.HasSuffix(s, ")") && digits(s[i+2:len(s)-1]) && len(s)-i < 7 {
		s = s[:i]
	}
	return s
}

// iosPrefix is how iOS names its zips in every language.
const iosPrefix = "WhatsApp Chat - "

// chatName takes the chat's name from the first of names that is one that
// WhatsApp gives to exports.
func chatName(names []string) (string, bool) {
	for _, n := range names {
		n = norm.NFC.String(n)
		if c, ok := strings.CutPrefix(n, iosPrefix); ok && trimName(c) != "" {
			return trimName(c), true
		}
		best := ""
		for _, a := range loadTables().filenames {
			c, ok := strings.CutPrefix(n, norm.NFC.String(a.before))
			if !ok {
				continue
			}
			if c, ok = strings.CutSuffix(c, norm.NFC.String(a.after)); !ok || trimName(c) == "" {
				continue
			}
			// The longest prefix and suffix leave the shortest name.
			if best == "" || len(c) < len(best) {
				best = c
			}
		}
		if best != "" {
			return trimName(best), true
		}
	}
	return "", false
}
