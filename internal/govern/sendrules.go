package govern

import (
	"maps"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/rules"
)

// Rules say what may go out, and consents who wants it. What can let something
// go out that a rule stops takes two people.

// Acts of rules for sends, and of consents.
const (
	ActSendRuleSet    = "rule.set"
	ActSendRuleRemove = "rule.remove"
	ActConsentSet     = "consent.set"
)

// SendRule is a rule, and who set it.
type SendRule struct {
	rules.Rule
	Signed
}

// SendRuleSet is the data of ActSendRuleSet: the whole of it.
type SendRuleSet struct {
	Rule rules.Rule `json:"rule"`
}

// ForSendRule is the data of ActSendRuleRemove.
type ForSendRule struct {
	Rule string `json:"rule"`
}

// Consent is what a recipient has said, and who noted it.
type Consent struct {
	rules.Consent
	Signed
	Heard bool // from WhatsApp, and not from a person who noted it
}

// ConsentSet is the data of ActConsentSet. What is empty stays as it is.
type ConsentSet struct {
	To        string       `json:"to"`
	Messages  rules.Answer `json:"messages,omitempty"`
	Marketing rules.Answer `json:"marketing,omitempty"`
	// Heard is the time at which WhatsApp says that the recipient chose, unix
	// seconds: an older choice that comes later changes nothing.
	Heard int64 `json:"heard,omitempty"`
}

func sendRuleActs() map[string]kind {
	set := about(define(access.ManageSendRules, checkSendRuleSet, func(s *State, a *Act, d SendRuleSet) {
		s.SendRules[d.Rule.ID] = &SendRule{d.Rule, signed(a)}
		s.SendRulesChanged = a.Seq
	}), func(_ *Act, d SendRuleSet) []string { return onSendRule(d.Rule.ID) })
	set.second = func(s *State, a *Act) access.Action {
		d := dataOf[SendRuleSet](a)
		return s.loosens(d.Rule.ID, &d.Rule)
	}
	remove := about(define(access.ManageSendRules, func(s *State, a *Act, d ForSendRule) error {
		if s.SendRules[d.Rule] == nil {
			return refuseAs(ErrUnknown, "There is no rule %q.", d.Rule)
		}
		return reasoned(a)
	}, func(s *State, a *Act, d ForSendRule) {
		delete(s.SendRules, d.Rule)
		s.SendRulesChanged = a.Seq
	}), func(_ *Act, d ForSendRule) []string { return onSendRule(d.Rule) })
	remove.second = func(s *State, a *Act) access.Action { return s.loosens(dataOf[ForSendRule](a).Rule, nil) }
	consent := about(define(access.ManageSendRules, checkConsent, applyConsent), func(_ *Act, d ConsentSet) []string { return []string{"contact:" + rules.Address(d.To)} })
	consent.archive = true // a recipient says it to WhatsApp, too
	return map[string]kind{ActSendRuleSet: set, ActSendRuleRemove: remove, ActConsentSet: consent}
}

func onSendRule(id string) []string { return []string{"rule:" + id} }

// loosens names who must confirm a change, where it could let something go.
func (s *State) loosens(id string, is *rules.Rule) access.Action {
	if was := s.SendRules[id]; was != nil && rules.Loosens(&was.Rule, is) {
		return access.DecideSend
	}
	return ""
}

func checkSendRuleSet(s *State, a *Act, d SendRuleSet) error {
	if err := d.Rule.Check(); err != nil {
		return wrong(err)
	}
	was := s.SendRules[d.Rule.ID]
	switch {
	case was == nil && len(s.SendRules) >= rules.MaxRules:
		return refuse("There are %d rules, and that is as many as there can be.", rules.MaxRules)
	case was != nil:
		return reasoned(a)
	}
	return nil
}

func checkConsent(s *State, a *Act, d ConsentSet) error {
	for _, answer := range []rules.Answer{d.Messages, d.Marketing} {
		if answer != "" && answer != rules.Yes && answer != rules.No {
			return refuse("Consent is yes or no.")
		}
	}
	was := s.Consents[rules.Address(d.To)]
	switch {
	case rules.Address(d.To) == "" || len(d.To) > maxName:
		return refuse("Say whose consent it is: a phone number.")
	case d.Messages == "" && d.Marketing == "":
		return refuse("Say what the recipient agreed to or refused.")
	case d.Heard != 0 && a.By != "":
		return refuse("Only the archive notes what WhatsApp says.")
	case d.Heard != 0 && was != nil && d.Heard <= was.At.Unix():
		return refuse("A later answer of the recipient is known.")
	}
	return nil
}

func applyConsent(s *State, a *Act, d ConsentSet) {
	c := &Consent{Signed: signed(a), Heard: d.Heard != 0}
	if was := s.Consents[rules.Address(d.To)]; was != nil {
		c.Consent = was.Consent
	}
	if d.Heard != 0 {
		c.At = time.Unix(d.Heard, 0).UTC()
	}
	if d.Messages != "" {
		c.Messages = d.Messages
	}
	if d.Marketing != "" {
		c.Marketing = d.Marketing
	}
	s.Consents[rules.Address(d.To)] = c
}

// RulesForSends lists the rules by ID. The caller may keep and change them.
func (s *State) RulesForSends() (out []rules.Rule) {
	for _, id := range slices.Sorted(maps.Keys(s.SendRules)) {
		out = append(out, s.SendRules[id].Rule)
	}
	return out
}

// ConsentOf is what a recipient has said.
func (s *State) ConsentOf(address string) rules.Consent {
	if c := s.Consents[address]; c != nil {
		return c.Consent
	}
	return rules.Consent{}
}

// LoosensSends reports whether a rule in the place of the one of its ID takes a
// second person; nil: none in its place.
func (s *State) LoosensSends(id string, is *rules.Rule) bool { return s.loosens(id, is) != "" }
