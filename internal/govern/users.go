package govern

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of accounts.
const (
	ActAddUser       = "user.add"
	ActChangeUser    = "user.change"
	ActCloseUser     = "user.close"
	ActOpenUser      = "user.open"
	ActInvite        = "user.invite" // a new link, by which a person sets their own password
	ActLockUser      = "user.lock"   // by the archive itself, after too many guesses
	ActUnlockUser    = "user.unlock"
	ActEndSessions   = "session.revoke"
	invitationLasts  = 7 * 24 * time.Hour
	lockLasts        = 24 * time.Hour
	maxUsers         = 10_000
	sentenceNoUser   = "There is no account of that name."
	sentenceClosed   = "The account is closed."
	sentenceLastOne  = "That is the last %s whose account has no end. Give the role to somebody else first."
	sentenceOfficers = "Nobody else answers for what is kept. The first officer has to accept the invitation before others get a role that reads."
)

// ViaRecovery is the door of whoever opened the archive with its recovery key.
const ViaRecovery = "recovery key"

// User is an account.
type User struct {
	Login, Name string
	Roles       []access.Role
	Scope       access.Scope
	Until       time.Time // zero: no end
	Closed      bool
	Added       time.Time

	// Credential is the entry of what the person signs in with; zero: none yet.
	Credential int64
	Password   string   // hash
	TOTP       string   // secret
	Recovery   []string // hashes of codes that are left
	Step       int64    // of the last code that was used
	LastSeen   time.Time

	Invitation   string // hash of the link's code; empty: none waits
	InvitedUntil time.Time
	LockedUntil  time.Time
	SessionsFrom time.Time // sessions that began before have ended
}

// CanSignIn reports an account that counts at an instant and has a credential.
func (u *User) CanSignIn(now time.Time) bool {
	return u.Credential != 0 && !u.Closed && (u.Until.IsZero() || now.Before(u.Until))
}

// Locked reports an account that too many guesses have locked.
func (u *User) Locked(now time.Time) bool { return now.Before(u.LockedUntil) }

// Invited reports that the account waits for its person to follow a link.
func (u *User) Invited(now time.Time) bool { return u.Invitation != "" && now.Before(u.InvitedUntil) }

// Account is the data of ActAddUser and ActChangeUser.
type Account struct {
	Login string        `json:"login"`
	Name  string        `json:"name"`
	Roles []access.Role `json:"roles"`
	Scope access.Scope  `json:"scope,omitzero"`
	Until time.Time     `json:"until,omitzero"`
	// Invitation is the hash of the code in the link.
	Invitation string `json:"invitation,omitempty"`
}

// ForUser is the data of acts on one account.
type ForUser struct {
	Login string `json:"login"`
	// Invitation, of ActInvite, is the hash of the code in the link.
	Invitation string `json:"invitation,omitempty"`
}

func userActs() map[string]kind {
	acts := map[string]kind{
		ActAddUser:    about(define(access.ManageUsers, checkAddUser, applyAddUser), func(_ *Act, d Account) []string { return onUser(d.Login) }),
		ActChangeUser: about(define(access.ManageUsers, checkChangeUser, applyChangeUser), func(_ *Act, d Account) []string { return onUser(d.Login) }),
	}
	forUser := func(action access.Action, check func(*State, *Act, *User, ForUser) error, apply func(*Act, *User, ForUser)) kind {
		return about(define(action,
			func(s *State, a *Act, d ForUser) error {
				u := s.Users[d.Login]
				if u == nil {
					return refuseAs(ErrUnknown, sentenceNoUser)
				}
				return check(s, a, u, d)
			},
			func(s *State, a *Act, d ForUser) { apply(a, s.Users[d.Login], d) },
		), func(_ *Act, d ForUser) []string { return onUser(d.Login) })
	}
	acts[ActCloseUser] = forUser(access.ManageUsers, checkCloseUser, func(_ *Act, u *User, _ ForUser) { u.Closed, u.Invitation = true, "" })
	acts[ActOpenUser] = forUser(access.ManageUsers, checkOpenUser, func(a *Act, u *User, _ ForUser) { u.Closed, u.SessionsFrom = false, a.At })
	acts[ActInvite] = forUser(access.ManageUsers, checkInvite, applyInvite)
	acts[ActUnlockUser] = forUser(access.ManageUsers, checkUnlock, func(_ *Act, u *User, _ ForUser) { u.LockedUntil = time.Time{} })
	acts[ActEndSessions] = forUser(access.Self, checkEndSessions, func(a *Act, u *User, _ ForUser) { u.SessionsFrom = a.At })
	lock := forUser(access.ManageUsers, func(*State, *Act, *User, ForUser) error { return nil }, func(a *Act, u *User, _ ForUser) { u.LockedUntil = a.At.Add(lockLasts) })
	lock.archive = true
	acts[ActLockUser] = lock
	invite := acts[ActInvite]
	invite.archive = true // for the recovery key, see checkInvite
	acts[ActInvite] = invite
	for name, second := range map[string]func(*State, *Act) access.Action{
		ActAddUser: grantsByAdding, ActChangeUser: grantsByChange, ActOpenUser: grantsByOpening, ActInvite: grantsByInvitation, ActCloseUser: endsByClosing,
	} {
		k := acts[name]
		k.second = second
		acts[name] = k
	}
	return acts
}

func onUser(login string) []string { return []string{"user:" + login} }

// dataOf reads an act's data outside of define.
func dataOf[T any](a *Act) (v T) {
	if json.Unmarshal(a.Data, &v) != nil {
		var none T
		return none
	}
	return v
}

// Who gets to read needs an officer's word, from the moment on at which one
// answers for what is kept: an administrator could otherwise make two people of
// himself, and be both halves of every decision.

func (s *State) grant(reads bool) access.Action {
	if reads && s.Officered {
		return access.GrantReading
	}
	return ""
}

func grantsByAdding(s *State, a *Act) access.Action {
	return s.grant(access.Reads(dataOf[Account](a).Roles))
}

func grantsByChange(s *State, a *Act) access.Action {
	d := dataOf[Account](a)
	u := s.Users[d.Login]
	if u == nil {
		return ""
	}
	more := slices.ContainsFunc(d.Roles, func(r access.Role) bool { return !slices.Contains(u.Roles, r) })
	longer := !u.Until.IsZero() && (d.Until.IsZero() || d.Until.After(u.Until))
	ends := !slices.Contains(d.Roles, access.Officer) || u.Until.IsZero() && !d.Until.IsZero()
	return s.grant(access.Reads(d.Roles) && (more || longer || !sameScope(u.Scope, d.Scope)) || ends && s.endsOfficer(u, a.At))
}

// endsOfficer: an administrator who could end all officers but one would be
// whom nobody has to agree with: the last one's new link is made by one hand.
func (s *State) endsOfficer(u *User, at time.Time) bool {
	return u.CanSignIn(at) && slices.Contains(u.Roles, access.Officer) && s.others(u, access.Officer, at)
}

func endsByClosing(s *State, a *Act) access.Action {
	u := s.Users[dataOf[ForUser](a).Login]
	return s.grant(u != nil && s.endsOfficer(u, a.At))
}

func grantsByOpening(s *State, a *Act) access.Action {
	u := s.Users[dataOf[ForUser](a).Login]
	return s.grant(u != nil && u.Closed && access.Reads(u.Roles))
}

// grantsByInvitation: who makes the link could follow it. Where a person who
// reads had a credential, an officer beside that person has to agree; the only
// officer there is cannot be asked.
func grantsByInvitation(s *State, a *Act) access.Action {
	u := s.Users[dataOf[ForUser](a).Login]
	if u == nil || !access.Reads(u.Roles) {
		return ""
	}
	return s.grant(s.others(u, access.Officer, a.At))
}

func sameScope(a, b access.Scope) bool {
	return slices.Equal(a.Custodians, b.Custodians) && slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Matters, b.Matters) && a.From == b.From && a.To == b.To
}

// others reports whether somebody beside u can sign in with a role.
func (s *State) others(u *User, r access.Role, at time.Time) bool {
	for _, o := range s.Users {
		if o != u && o.CanSignIn(at) && slices.Contains(o.Roles, r) {
			return true
		}
	}
	return false
}

// leaves refuses what would leave the archive without an administrator or an
// officer.
func (s *State) leaves(u *User, roles []access.Role, at time.Time) error {
	for _, r := range []access.Role{access.Administrator, access.Officer} {
		counts := r == access.Administrator || s.Officered
		if counts && !u.Closed && slices.Contains(u.Roles, r) && !slices.Contains(roles, r) && !s.stays(u, r, at) {
			return refuse(sentenceLastOne, r)
		}
	}
	return nil
}

// stays reports whether somebody beside u can sign in with a role, and has no
// end: an archive without an officer would have nobody who makes one.
func (s *State) stays(u *User, r access.Role, at time.Time) bool {
	for _, o := range s.Users {
		if o != u && o.CanSignIn(at) && o.Until.IsZero() && slices.Contains(o.Roles, r) {
			return true
		}
	}
	return false
}

var loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]$`)

func checkAccount(a *Act, d Account) error {
	switch {
	case !loginForm.MatchString(d.Login):
		return refuse("A login is 2 to 64 small letters, digits, dots, dashes and underscores, such as j.doe.")
	case strings.TrimSpace(d.Name) == "" || utf8.RuneCountInString(d.Name) > 200:
		return refuse("Every account has the name of a person, of at most 200 characters.")
	case len(d.Roles) == 0:
		return refuse("An account has at least one role.")
	case slices.Contains(d.Roles, access.Administrator) && access.Reads(d.Roles):
		return refuse("Whoever runs the archive does not read it: the role of administrator excludes all others.")
	case slices.Contains(d.Roles, access.Auditor) && len(d.Roles) > 1:
		return refuse("An auditor has no other role.")
	case slices.Contains(d.Roles, access.Auditor) && d.Until.IsZero():
		return refuse("An auditor's account has an end. Say until when.")
	case slices.Contains(d.Roles, access.Custodian) && len(d.Roles) > 1:
		return refuse("A custodian's account has no other role: its scope is the custodian's own messages.")
	case slices.Contains(d.Roles, access.Custodian) && len(d.Scope.Custodians) != 1:
		return refuse("A custodian's account sees their own messages. Say which custodian, in the scope.")
	case !d.Until.IsZero() && !d.Until.After(a.At):
		return refuse("The end of an account lies ahead.")
	}
	for i, r := range d.Roles {
		if !slices.Contains(access.Roles(), r) || slices.Contains(d.Roles[:i], r) {
			return refuse("There is no role %q, or it is there twice.", r)
		}
	}
	return checkScope(d.Scope)
}

func checkScope(s access.Scope) error {
	for _, day := range []string{s.From, s.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return refuse("A day of a scope is written 2024-01-31.")
		}
	}
	if s.From != "" && s.To != "" && s.From > s.To {
		return refuse("The scope ends before it begins.")
	}
	for _, list := range [][]string{s.Custodians, s.Groups, s.Matters} {
		if slices.Contains(list, "") || len(list) > 1000 {
			return refuse("A scope lists at most 1,000 names, none of them empty.")
		}
	}
	return nil
}

func checkAddUser(s *State, a *Act, d Account) error {
	if err := checkAccount(a, d); err != nil {
		return err
	}
	first := !s.Enrolled
	switch {
	case byToken(a):
		return refuse(sentenceNoToken)
	case s.Users[d.Login] != nil:
		return refuse("There is an account of that name. Logins are never used again.")
	case len(s.Users) >= maxUsers:
		return refuse("There are %d accounts, which is all there can be.", maxUsers)
	case first && (len(s.Users) == 0 || a.Secret != nil) && !slices.Contains(d.Roles, access.Administrator):
		return refuse("The first account is an administrator's, who then invites the others.")
	case !first && a.Secret != nil:
		return refuse("People set their own passwords, by an invitation.")
	case first && a.Secret != nil:
		return checkSecret(a)
	case !d.Until.IsZero() && (first || !s.Officered && slices.Contains(d.Roles, access.Officer)):
		return refuse("The first of a role has an account without an end.")
	case !first && !s.Officered && access.Reads(d.Roles) && !slices.Contains(d.Roles, access.Officer):
		return refuse(sentenceOfficers)
	case len(d.Invitation) != 64:
		return refuse("A new account needs an invitation.")
	}
	return nil
}

func checkSecret(a *Act) error {
	var c Credential
	if json.Unmarshal(a.Secret, &c) != nil || c.Password == "" || access.TOTPCode(c.TOTP, 1) == "" {
		return refuse("A credential is a password and a code from a telephone.")
	}
	return nil
}

func applyAddUser(s *State, a *Act, d Account) {
	u := &User{Login: d.Login, Name: strings.TrimSpace(d.Name), Roles: d.Roles, Scope: d.Scope, Until: d.Until, Added: a.At}
	s.Users[d.Login] = u
	if a.Secret != nil {
		s.setCredential(a, u, 0)
		return
	}
	u.Invitation, u.InvitedUntil = d.Invitation, a.At.Add(invitationLasts)
}

func checkChangeUser(s *State, a *Act, d Account) error {
	u := s.Users[d.Login]
	switch {
	case u == nil:
		return refuseAs(ErrUnknown, sentenceNoUser)
	case byToken(a):
		return refuse(sentenceNoToken)
	case d.Invitation != "":
		return refuse("An account that changes gets no invitation.")
	}
	if err := checkAccount(a, d); err != nil {
		return err
	}
	if !s.Officered && access.Reads(d.Roles) && !slices.Contains(d.Roles, access.Officer) {
		return refuse(sentenceOfficers)
	}
	roles := d.Roles
	if !d.Until.IsZero() {
		roles = nil // it will end, and then nobody is left
	}
	return s.leaves(u, roles, a.At)
}

func applyChangeUser(s *State, _ *Act, d Account) {
	u := s.Users[d.Login]
	u.Name, u.Roles, u.Scope, u.Until = strings.TrimSpace(d.Name), d.Roles, d.Scope, d.Until
	s.officer(u)
}

// officer notes that the archive has had an officer who could sign in.
func (s *State) officer(u *User) {
	if u.Credential != 0 && slices.Contains(u.Roles, access.Officer) {
		s.Officered = true
	}
}

func checkCloseUser(s *State, a *Act, u *User, _ ForUser) error {
	switch {
	case byToken(a):
		return refuse(sentenceNoToken)
	case u.Closed:
		return refuse(sentenceClosed)
	}
	return s.leaves(u, nil, a.At)
}

func checkOpenUser(_ *State, a *Act, u *User, _ ForUser) error {
	switch {
	case byToken(a):
		return refuse(sentenceNoToken)
	case !u.Closed:
		return refuse("The account is open.")
	}
	return nil
}

func checkInvite(s *State, a *Act, u *User, d ForUser) error {
	switch {
	case byToken(a):
		return refuse(sentenceNoToken)
	case u.Closed:
		return refuse(sentenceClosed)
	case a.By == "" && s.Enrolled && (a.Via != ViaRecovery || !slices.Contains(u.Roles, access.Administrator)):
		return refuse("The recovery key of the archive helps an administrator in, and nobody else.")
	case u.Login == a.By:
		return refuse("Your own password you change yourself, on the page of your account.")
	case len(d.Invitation) != 64:
		return refuse("An invitation needs its code.")
	}
	return nil
}

func applyInvite(a *Act, u *User, d ForUser) {
	u.Invitation, u.InvitedUntil = d.Invitation, a.At.Add(invitationLasts)
	// The telephone may be in other hands: what it opened is closed.
	u.Credential, u.Password, u.TOTP, u.Recovery = 0, "", "", nil
	u.SessionsFrom, u.LockedUntil = a.At, time.Time{}
}

func checkUnlock(_ *State, a *Act, u *User, _ ForUser) error {
	if !u.Locked(a.At) {
		return refuse("The account is not locked.")
	}
	return nil
}

func checkEndSessions(s *State, a *Act, u *User, _ ForUser) error {
	if u.Login == a.By {
		return nil
	}
	return s.may(a.By, access.ManageUsers, a)
}

// ByInvitation finds whom an invitation is for, by the hash of its code.
func (s *State) ByInvitation(hash string, now time.Time) *User {
	for _, u := range s.Users {
		if hash != "" && u.Invitation == hash && u.Invited(now) && !u.Closed {
			return u
		}
	}
	return nil
}
