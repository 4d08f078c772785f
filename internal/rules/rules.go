// Package rules decides what a business may send: what is blocked, what waits
// for a second person, what goes out a little later, and what is added to it.
//
// It is pure: the same rules, consents, message and instant give the same
// decision, and a sentence that says why. The sentence names the rule and never
// quotes the message, because it stands where the message's text must not.
package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
)

// What is done with a send.
const (
	Forward = "forward"
	Delay   = "delay" // goes out later by itself, unless somebody withdraws it
	Hold    = "hold"  // waits for a second person
	Block   = "block"
	Defer   = "defer" // waits until Meta can be reached; no rule says that

	// Disclaimer is what a rule adds to a text; the send goes on.
	Disclaimer = "disclaimer"
)

// Send is a message that somebody asks the gateway to send.
type Send struct {
	Source string          // name of the source
	Number string          // phone_number_id that it is sent from
	To     string          // as the sender wrote it: a phone, a group, a business-scoped id
	Kind   string          // its type: "text", "template"; "marketing" by that door
	Text   string          // what the recipient reads, as far as one text says it
	Body   json.RawMessage // as the sender wrote it
	// Template names a template, and Category is Meta's of it: "MARKETING".
	Template   string
	Category   string
	Deferrable bool   // may wait while Meta cannot be reached
	Urgent     bool   // is not delayed; nothing else changes
	By         string // login of who sends, where the sender says so
}

// Marketing reports a send that needs consent to marketing.
func (s *Send) Marketing() bool {
	return s.Kind == "marketing" || strings.EqualFold(s.Category, "marketing")
}

// Decision is what is done with a send.
type Decision struct {
	Do   string
	Why  string // a sentence
	Rule string // ID of the rule that decided
	For  time.Duration
	Body json.RawMessage // where it is not what the sender wrote
	Say  string          // what the sender is told, in the firm's words
}

// Rule is one rule of a firm. All its conditions must hold; within a list one
// is enough. A rule without a condition is about every send.
type Rule struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Off  bool   `json:"off,omitempty"`

	// What it is about: empty lists are everything.
	Sources []string `json:"sources,omitempty"`
	Numbers []string `json:"numbers,omitempty"` // phone_number_id
	Kinds   []string `json:"kinds,omitempty"`

	Words   []string `json:"words,omitempty"`   // words and phrases, in any script
	Pattern string   `json:"pattern,omitempty"` // RE2
	To      []string `json:"to,omitempty"`      // recipients; a * at the end stands for more
	Links   bool     `json:"links,omitempty"`   // leads somewhere
	Outside *Hours   `json:"outside,omitempty"` // of these hours
	Consent string   `json:"consent,omitempty"` // Refused or Missing

	Do   string `json:"do"`
	For  int    `json:"seconds,omitempty"` // of a delay
	Text string `json:"text,omitempty"`    // of a disclaimer
	Say  string `json:"say,omitempty"`     // to the sender
}

// Conditions about consent.
const (
	Refused = "refused" // the recipient has said no
	Missing = "missing" // the recipient has not said yes
)

// Hours are when a firm works.
type Hours struct {
	Zone     string   `json:"zone"`               // IANA
	Days     []int    `json:"days"`               // 1 is Monday, 7 is Sunday
	From     string   `json:"from"`               // 09:00
	To       string   `json:"to"`                 // 17:30; 24:00 is the end of the day
	Holidays []string `json:"holidays,omitempty"` // 2026-12-25
}

// Consent is what a recipient has said: to messages, and to marketing.
type Consent struct{ Messages, Marketing Answer }

// Answer is yes, no, or nothing.
type Answer string

// The answers.
const (
	Yes Answer = "yes"
	No  Answer = "no"
)

// to is the answer that counts for a send. Who wants no messages wants no
// marketing either.
func (c Consent) to(s *Send) Answer {
	if c.Messages == No || !s.Marketing() {
		return c.Messages
	}
	return c.Marketing
}

// Address is a recipient as consents and lists know it: the digits of a phone,
// anything else as it is.
func Address(to string) string {
	to, _, _ = strings.Cut(strings.TrimSpace(to), "@s.whatsapp.net")
	var digits strings.Builder
	for _, r := range to {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("@_=*", r): // no sign that people put into a number
			return to
		}
	}
	if digits.Len() == 0 {
		return to
	}
	return digits.String()
}

// Set is the rules of a firm, ready to decide. It is safe for concurrent use.
type Set struct {
	rules    []compiled
	consents func(address string) Consent
}

// New makes a set. consents says what a recipient has said; nil: nobody has
// said anything. A rule that Check refuses is about everything: it must not
// be what lets a message go.
func New(all []Rule, consents func(address string) Consent) *Set {
	if consents == nil {
		consents = func(string) Consent { return Consent{} }
	}
	s := &Set{consents: consents}
	for _, r := range all {
		if !r.Off {
			s.rules = append(s.rules, compile(r))
		}
	}
	slices.SortFunc(s.rules, func(a, b compiled) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// With is the same rules with other consents.
func (s *Set) With(consents func(address string) Consent) *Set {
	return &Set{rules: s.rules, consents: consents}
}

// strength orders what rules do: the strictest wins.
func strength(do string) int { return slices.Index([]string{Disclaimer, Delay, Hold, Block}, do) }

// Decide says what is done with a send at an instant. The strictest rule that
// matches wins, of several delays the longest, and disclaimers add up.
func (s *Set) Decide(send *Send, at time.Time) Decision {
	d := Decision{Do: Forward}
	seen := read(send)
	var add []*compiled
	for i := range s.rules {
		r := &s.rules[i]
		if r.matches(s, send, seen, at, nil) != yes {
			continue
		}
		if r.Do == Disclaimer {
			add = append(add, r)
			continue
		}
		if r.Do == Delay && send.Urgent {
			continue
		}
		wait := time.Duration(r.For) * time.Second
		if stricter := strength(r.Do) - strength(d.Do); stricter > 0 || stricter == 0 && wait > d.For {
			d.Do, d.Rule, d.Why, d.For, d.Say = r.Do, r.ID, r.why(seen), wait, r.Say
		}
	}
	if d.Do != Block {
		s.addAll(&d, send, add)
	}
	return d
}

// addAll appends what the rules add. What cannot take it does not go out: a
// disclaimer that is missing where the firm wants one is worse than a message
// that is.
func (s *Set) addAll(d *Decision, send *Send, add []*compiled) {
	body := send.Body
	for _, r := range add {
		with, err := appendText(body, r.Text)
		if err != nil {
			d.Do, d.Rule, d.For, d.Body, d.Say = Block, r.ID, 0, nil, r.Say
			d.Why = sentence(r.Rule) + " adds a disclaimer, and " + err.Error() + "."
			return
		}
		body = with
	}
	if string(body) != string(send.Body) {
		d.Body = body
		if d.Do == Forward {
			d.Why = "A disclaimer was added."
		}
	}
}

func sentence(r Rule) string { return "The rule “" + r.Name + "”" }

// why is the sentence of a rule that matched.
func (r *compiled) why(seen *reading) string {
	var because []string
	for _, c := range r.conditions() {
		say := c.say
		if c.text && seen.partly {
			say = "it cannot be wholly read"
		}
		if !slices.Contains(because, say) {
			because = append(because, say)
		}
	}
	do := map[string]string{Block: " blocks it", Hold: " holds it for a second person", Delay: " delays it"}[r.Do]
	if len(because) == 0 {
		return sentence(r.Rule) + do + ", as everything that is sent."
	}
	return sentence(r.Rule) + do + ": " + strings.Join(because, ", ") + "."
}

// Finding is what one rule thinks of a send, for who tries it.
type Finding struct {
	Rule  Rule
	Match bool
	// Where are the words that were found, as they stand in what was sent.
	Where []string
}

// Try says what each rule thinks of a send, for people who look at it.
func (s *Set) Try(send *Send, at time.Time) (out []Finding) {
	seen := read(send)
	for i := range s.rules {
		f := Finding{Rule: s.rules[i].Rule}
		f.Match = s.rules[i].matches(s, send, seen, at, &f.Where) == yes
		out = append(out, f)
	}
	return out
}
