package rules

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/analyze"
)

// compiled is a rule that is ready to match.
type compiled struct {
	Rule
	words   []analyze.Matcher
	pattern *regexp.Regexp
	zone    *time.Location
	broken  bool // matches everything
}

func compile(r Rule) compiled {
	c := compiled{Rule: r}
	if err := r.Check(); err != nil {
		c.broken = true
		if c.Do = r.Do; strength(r.Do) < strength(Hold) {
			c.Do = Hold
		}
		return c
	}
	for _, w := range r.Words {
		c.words = append(c.words, analyze.Query(w, strings.HasSuffix(w, "*")))
	}
	if r.Pattern != "" {
		c.pattern = regexp.MustCompile(r.Pattern) // checked
	}
	if r.Outside != nil {
		c.zone, _ = time.LoadLocation(r.Outside.Zone) // checked
	}
	return c
}

// condition is one of a rule's, and how it is said of a send that meets it.
type condition struct {
	say  string
	text bool // of what the recipient reads
	find func(s *Set, send *Send, seen *reading, at time.Time) (where []string, ok bool)
}

// verdict of one rule.
type verdict bool

const yes verdict = true

func (r *compiled) matches(s *Set, send *Send, seen *reading, at time.Time, where *[]string) verdict {
	if r.broken {
		return yes
	}
	if !among(r.Sources, send.Source) || !among(r.Numbers, send.Number) || !among(r.Kinds, send.Kind) {
		return !yes
	}
	for _, c := range r.conditions() {
		found, ok := c.find(s, send, seen, at)
		if !ok {
			return !yes
		}
		if where != nil {
			*where = append(*where, found...)
		}
	}
	return yes
}

// inText is a condition about what the recipient reads. It is met by what
// cannot be wholly read: nobody gets around a rule by writing illegibly.
func inText(say string, find func(*reading) []string) condition {
	return condition{say: say, text: true, find: func(_ *Set, _ *Send, seen *reading, _ time.Time) ([]string, bool) {
		where := find(seen)
		return where, len(where) > 0 || seen.partly
	}}
}

func among(list []string, x string) bool { return len(list) == 0 || slices.Contains(list, x) }

// conditions are those that the rule has, in the order in which they are said.
func (r *compiled) conditions() (out []condition) {
	if r.broken {
		return []condition{{say: "the rule cannot be read"}}
	}
	if len(r.Words) > 0 {
		out = append(out, inText("it has a word or phrase of the rule's list", func(seen *reading) []string { return seen.words(r.words) }))
	}
	if r.pattern != nil {
		out = append(out, inText("it has what the rule's pattern describes", func(seen *reading) []string { return seen.pattern(r.pattern) }))
	}
	if r.Links {
		out = append(out, inText("it has a link", (*reading).leads))
	}
	if len(r.To) > 0 {
		out = append(out, condition{say: "the recipient is on the rule's list", find: func(_ *Set, send *Send, _ *reading, _ time.Time) ([]string, bool) {
			return nil, r.listed(send.To)
		}})
	}
	if r.Outside != nil {
		out = append(out, condition{say: "it is outside of working hours", find: func(_ *Set, _ *Send, _ *reading, at time.Time) ([]string, bool) {
			return nil, !r.Outside.open(at.In(r.zone))
		}})
	}
	switch r.Consent {
	case Refused:
		out = append(out, condition{say: "the recipient has refused it", find: func(s *Set, send *Send, _ *reading, _ time.Time) ([]string, bool) {
			return nil, s.consents(Address(send.To)).to(send) == No
		}})
	case Missing:
		out = append(out, condition{say: "the recipient has not agreed to it", find: func(s *Set, send *Send, _ *reading, _ time.Time) ([]string, bool) {
			return nil, s.consents(Address(send.To)).to(send) != Yes
		}})
	}
	return out
}

// link is an address as people and programs write it.
var link = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.)\S+|\b(?:[\p{L}\p{N}-]+\.)+[a-z]{2,24}/\S*`)

func (r *compiled) listed(to string) bool {
	to = Address(to)
	return slices.ContainsFunc(r.To, func(pattern string) bool {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(to, Address(begin))
		}
		return to == Address(pattern)
	})
}

// open reports whether a firm works at an instant, in its own zone.
func (h *Hours) open(at time.Time) bool {
	day := int(at.Weekday()+6)%7 + 1
	clock := at.Format("15:04")
	return slices.Contains(h.Days, day) && !slices.Contains(h.Holidays, at.Format(time.DateOnly)) &&
		h.From <= clock && clock < h.To
}
