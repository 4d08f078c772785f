package govern

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on what people write.
const (
	maxName = 200    // characters
	maxText = 20_000 // characters: a note, a notice
)

// named refuses a name that is empty, too long, or has signs that are not
// shown: a name must not look like another one.
func named(what, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return refuse("Give the %s a name.", what)
	case utf8.RuneCountInString(s) > maxName:
		return refuse("The name of the %s is longer than %d characters.", what, maxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unseen):
		return refuse("The name of the %s has signs that are not shown. Type it again.", what)
	}
	return nil
}

// unseen are signs that change how others are shown, and those that are not
// shown. The joiners that scripts and emoji need are not among them.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\ufeff' || unicode.Is(unicode.Co, r)
}

// text refuses a text that is empty or too long.
func text(what, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return refuse("Write a %s.", what)
	case utf8.RuneCountInString(s) > maxText:
		return refuse("The %s is longer than %d characters.", what, maxText)
	case !utf8.ValidString(s):
		return refuse("The %s is not readable text.", what)
	}
	return nil
}

// reasoned refuses an act without a reason.
func reasoned(a *Act) error {
	if strings.TrimSpace(a.Reason) == "" {
		return refuse("Say why: the reason is kept with it.")
	}
	return text("reason", a.Reason)
}

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// identifier refuses what cannot be an ID: it is typed in queries and commands.
func identifier(what, s string) error {
	if !idForm.MatchString(s) {
		return refuse("The ID of the %s is small letters, digits, dots, dashes and underscores, at most 64, such as j.doe.", what)
	}
	return nil
}

// day reads a date, 2024-01-31; empty gives the zero time.
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, refuse("%q is no date: write it as 2024-01-31.", s)
	}
	return t, nil
}
