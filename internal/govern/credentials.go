package govern

import (
	"encoding/json"
	"slices"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of what a person signs in with.
const (
	ActCredential  = "user.credential"    // the person's own doing
	ActSignIn      = "user.signin"        // an act, and no trace: a code must not work twice, whichever door
	ActUseRecovery = "user.recovery.used" // signs in, too
)

// Credential is the second part of ActCredential, and of the first ActAddUser:
// all that the person signs in with. It never stands in a head.
type Credential struct {
	Password string   `json:"password"`
	TOTP     string   `json:"totp"`
	Recovery []string `json:"recovery"`
}

// SetCredential is the data of ActCredential: what changed.
type SetCredential struct {
	Login string   `json:"login"`
	New   []string `json:"new"` // "password", "totp", "recovery", "cost"
	// Step is that of the first code, which must not sign in again.
	Step int64 `json:"step,omitempty"`
}

// SignIn is the data of ActSignIn and ActUseRecovery.
type SignIn struct {
	Login    string `json:"login"`
	Step     int64  `json:"step,omitempty"`
	Recovery string `json:"recovery,omitempty"` // hash of the code
}

func credentialActs() map[string]kind {
	return map[string]kind{
		ActCredential:  about(define(access.Self, checkCredential, applyCredential), func(_ *Act, d SetCredential) []string { return onUser(d.Login) }),
		ActSignIn:      about(define(access.Self, checkSignIn, applySignIn), func(_ *Act, d SignIn) []string { return onUser(d.Login) }),
		ActUseRecovery: about(define(access.Self, checkUseRecovery, applyUseRecovery), func(_ *Act, d SignIn) []string { return onUser(d.Login) }),
	}
}

func checkCredential(s *State, a *Act, d SetCredential) error {
	u := s.Users[d.Login]
	switch {
	case u == nil:
		return refuseAs(ErrUnknown, sentenceNoUser)
	case a.By != d.Login:
		return refuse("People set their own passwords.")
	case byToken(a):
		return refuse(sentenceNoToken)
	case u.Credential == 0 && !u.Invited(a.At):
		return refuse("The invitation was used, or has run out. Ask an administrator for another.")
	case d.Step != 0 && d.Step <= u.Step:
		return refuse("That code was used. Wait for the next.")
	}
	return checkSecret(a)
}

func applyCredential(s *State, a *Act, d SetCredential) {
	s.setCredential(a, s.Users[d.Login], d.Step)
}

func (s *State) setCredential(a *Act, u *User, step int64) {
	var c Credential
	if json.Unmarshal(a.Secret, &c) != nil {
		return // check has read it
	}
	u.Credential, u.Password, u.TOTP, u.Recovery = a.Seq, c.Password, c.TOTP, c.Recovery
	u.Invitation, u.Step = "", max(u.Step, step)
	s.Enrolled = true
	s.officer(u)
}

func checkSignIn(s *State, a *Act, d SignIn) error {
	u, err := s.signsIn(a, d)
	if err != nil {
		return err
	}
	if d.Step <= u.Step {
		return refuse("That code was used. Wait for the next.")
	}
	return nil
}

func (s *State) signsIn(a *Act, d SignIn) (*User, error) {
	u := s.Users[d.Login]
	switch {
	case u == nil || a.By != d.Login || byToken(a):
		return nil, refuseAs(ErrUnknown, sentenceNoUser)
	case u.Credential == 0:
		return nil, refuse("The account has no password.")
	case u.Locked(a.At):
		return nil, refuse("The account is locked.")
	}
	return u, nil
}

func applySignIn(s *State, a *Act, d SignIn) {
	u := s.Users[d.Login]
	u.Step, u.LastSeen = d.Step, a.At
}

func checkUseRecovery(s *State, a *Act, d SignIn) error {
	u, err := s.signsIn(a, d)
	if err != nil {
		return err
	}
	if !slices.Contains(u.Recovery, d.Recovery) {
		return refuse("That recovery code was used.")
	}
	return nil
}

func applyUseRecovery(s *State, a *Act, d SignIn) {
	u := s.Users[d.Login]
	u.LastSeen = a.At
	u.Recovery = slices.DeleteFunc(slices.Clone(u.Recovery), func(h string) bool { return h == d.Recovery })
}
