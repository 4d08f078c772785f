package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/analyze"
)

// Bounds of rules.
const (
	MaxRules   = 200
	maxWords   = 2000 // of one rule
	maxPhrase  = 200  // characters
	maxList    = 5000 // recipients, holidays
	maxPattern = 2000
	maxText    = 1000
	maxDelay   = 24 * 60 * 60
)

var (
	ruleID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)
	clock  = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`)
)

// Check says what is wrong with a rule, as a sentence without its full stop.
func (r *Rule) Check() error {
	switch {
	case !ruleID.MatchString(r.ID):
		return errors.New("the ID of a rule is small letters, digits, dots and dashes, at most 40, such as promises")
	case strings.TrimSpace(r.Name) == "" || utf8.RuneCountInString(r.Name) > 100 || !shown(r.Name):
		return errors.New("give the rule a name, at most 100 characters, all of which are shown")
	case !slices.Contains([]string{Block, Hold, Delay, Disclaimer}, r.Do):
		return errors.New("a rule blocks, holds, delays, or adds a disclaimer")
	case r.Do == Delay && (r.For < 1 || r.For > maxDelay):
		return errors.New("a delay is a number of seconds, at most a day")
	case r.Do != Delay && r.For != 0:
		return errors.New("seconds are of a delay alone")
	case r.Do == Disclaimer && strings.TrimSpace(r.Text) == "":
		return errors.New("write the disclaimer")
	case r.Do != Disclaimer && r.Text != "":
		return errors.New("a text is of a disclaimer alone")
	case r.Consent != "" && r.Consent != Refused && r.Consent != Missing:
		return errors.New("of consent a rule asks whether it was refused, or is missing")
	}
	for _, text := range []string{r.Text, r.Say} {
		if utf8.RuneCountInString(text) > maxText || !utf8.ValidString(text) {
			return fmt.Errorf("texts of rules have %d characters at most", maxText)
		}
	}
	if err := r.checkWords(); err != nil {
		return err
	}
	if len(r.To) > maxList || slices.ContainsFunc(r.To, func(s string) bool { return Address(strings.TrimSuffix(s, "*")) == "" }) {
		return fmt.Errorf("recipients are phone numbers or their beginnings with a * behind, at most %d", maxList)
	}
	if r.Outside != nil {
		return r.Outside.check()
	}
	return nil
}

func shown(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

func (r *Rule) checkWords() error {
	if len(r.Words) > maxWords {
		return fmt.Errorf("a list has %d words at most", maxWords)
	}
	for _, w := range r.Words {
		if utf8.RuneCountInString(w) > maxPhrase || len(analyze.Query(w, false).Any) == 0 {
			return fmt.Errorf("a word or phrase of the list cannot be found in any text: it has letters or digits, and %d characters at most", maxPhrase)
		}
	}
	if len(r.Pattern) > maxPattern {
		return errors.New("the pattern is too long")
	}
	if _, err := regexp.Compile(r.Pattern); err != nil {
		return errors.New("the pattern cannot be read: it is a regular expression in the syntax RE2")
	}
	return nil
}

func (h *Hours) check() error {
	if _, err := time.LoadLocation(h.Zone); err != nil || h.Zone == "" || h.Zone == "Local" {
		return errors.New("the hours need a time zone, such as Europe/London")
	}
	switch {
	case !clock.MatchString(h.From) || !clock.MatchString(h.To) || h.From >= h.To:
		return errors.New("the hours are written as 09:00 to 17:30")
	case len(h.Days) == 0 || slices.ContainsFunc(h.Days, func(d int) bool { return d < 1 || d > 7 }):
		return errors.New("say on which days the firm works: 1 is Monday, 7 is Sunday")
	case len(h.Holidays) > maxList:
		return errors.New("there are too many holidays")
	}
	for _, day := range h.Holidays {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return errors.New("holidays are written as 2026-12-25")
		}
	}
	return nil
}

// Stops reports a rule that can keep a message from going out for good.
func (r *Rule) Stops() bool { return !r.Off && (r.Do == Block || r.Do == Hold) }

// Loosens reports whether a rule in the place of another, or none, could let
// something go out that the other stops. Where it is not sure it says yes.
func Loosens(was *Rule, is *Rule) bool {
	if was == nil || !was.Stops() {
		return false
	}
	return is == nil || !is.Stops() || strength(is.Do) < strength(was.Do) ||
		!widens(was.Sources, is.Sources) || !widens(was.Numbers, is.Numbers) || !widens(was.Kinds, is.Kinds) ||
		!widens(was.Words, is.Words) || !widens(was.To, is.To) ||
		is.Pattern != "" && is.Pattern != was.Pattern || is.Links && !was.Links ||
		is.Outside != nil && !was.Outside.same(is.Outside) ||
		is.Consent != "" && is.Consent != was.Consent && (is.Consent != Missing || was.Consent != Refused)
}

// widens reports whether all that one list names is in the other; an empty one
// names everything.
func widens(was, is []string) bool {
	if len(is) == 0 {
		return true
	}
	return len(was) > 0 && !slices.ContainsFunc(was, func(x string) bool { return !slices.Contains(is, x) })
}

func (h *Hours) same(o *Hours) bool {
	return h != nil && h.Zone == o.Zone && h.From == o.From && h.To == o.To && slices.Equal(h.Days, o.Days) && slices.Equal(h.Holidays, o.Holidays)
}
