package govern

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of tokens, and their bounds.
const (
	ActAddToken     = "token.add"
	ActRevokeToken  = "token.revoke"
	tokenLasts      = 366 * 24 * time.Hour
	maxTokens       = 50 // of one person that are in force
	sentenceNoToken = "A token cannot do that: sign in."
)

// Token is a person's key for a program.
type Token struct {
	ID      int64
	User    string
	Name    string
	Hash    string
	Actions []access.Action
	Until   time.Time
	Revoked time.Time
	Added   time.Time
}

// Works reports a token that is in force.
func (t *Token) Works(now time.Time) bool { return t.Revoked.IsZero() && now.Before(t.Until) }

// NewToken is the data of ActAddToken.
type NewToken struct {
	Name    string          `json:"name"`
	Hash    string          `json:"hash"`
	Actions []access.Action `json:"actions"`
	Until   time.Time       `json:"until"`
}

// ForToken is the data of ActRevokeToken.
type ForToken struct {
	Token int64 `json:"token"`
}

func tokenActs() map[string]kind {
	return map[string]kind{
		ActAddToken: define(access.Self, checkAddToken, applyAddToken),
		ActRevokeToken: about(define(access.Self, checkRevokeToken, func(s *State, a *Act, d ForToken) { s.Tokens[d.Token].Revoked = a.At }),
			func(_ *Act, d ForToken) []string { return []string{"token:" + strconv.FormatInt(d.Token, 10)} }),
	}
}

// byToken reports an act that came by a token: a program never manages what its
// person signs in with.
func byToken(a *Act) bool { return strings.HasPrefix(a.Via, "token ") }

func checkAddToken(s *State, a *Act, d NewToken) error {
	n := 0
	for _, t := range s.Tokens {
		if t.User == a.By && t.Works(a.At) {
			n++
		}
	}
	switch {
	case byToken(a) || a.By == "":
		return refuse(sentenceNoToken)
	case strings.TrimSpace(d.Name) == "" || utf8.RuneCountInString(d.Name) > 100:
		return refuse("A token has a name, so that you know later what it was for.")
	case len(d.Hash) != 64:
		return refuse("A token needs its secret.")
	case len(d.Actions) == 0:
		return refuse("Say what the token is for.")
	case !d.Until.After(a.At) || d.Until.Sub(a.At) > tokenLasts:
		return refuse("A token ends within a year.")
	case n >= maxTokens:
		return refuse("You have %d tokens. Revoke one first.", maxTokens)
	}
	for _, action := range d.Actions {
		if err := s.may(a.By, action, a); err != nil {
			return refuse("You cannot give a token what you may not do yourself: %s.", action)
		}
	}
	return nil
}

func applyAddToken(s *State, a *Act, d NewToken) {
	s.Tokens[a.Seq] = &Token{ID: a.Seq, User: a.By, Name: strings.TrimSpace(d.Name), Hash: d.Hash, Actions: d.Actions, Until: d.Until, Added: a.At}
}

func checkRevokeToken(s *State, a *Act, d ForToken) error {
	t := s.Tokens[d.Token]
	switch {
	case t == nil:
		return refuseAs(ErrUnknown, "There is no such token.")
	case !t.Revoked.IsZero():
		return refuse("The token was revoked already.")
	case t.User == a.By:
		return nil
	}
	return s.may(a.By, access.ManageUsers, a)
}

// TokenSubject is who a token speaks for, by its hash.
func (s *State) TokenSubject(hash string, now time.Time) (access.Subject, *Token, error) {
	for _, t := range s.Tokens { // of secrets of 256 bits, the hash's timing tells nothing
		if hash == "" || t.Hash != hash {
			continue
		}
		if !t.Works(now) {
			break
		}
		sub, err := s.Subject(t.User)
		sub.Only = append([]access.Action{}, t.Actions...)
		return sub, t, err
	}
	return access.Subject{}, nil, refuse("That token is not known, was revoked, or has run out.")
}
