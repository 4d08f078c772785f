package govern_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

var cheap = access.Cost{Time: 1, Memory: 64, Threads: 1}

// firm is the books of one with accounts.
type firm struct {
	t   *testing.T
	log *governtest.Log
	l   *govern.Ledger
	now time.Time
}

func newFirm(t *testing.T) *firm {
	f := &firm{t: t, now: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)}
	f.log = &governtest.Log{Now: func() time.Time { return f.now }}
	if _, err := f.log.Append(t.Context(), []record.Record{{Kind: record.Init, Parts: [][]byte{[]byte("{}\n")}}}); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.l, err = govern.OpenAt(t.Context(), f.log, func() time.Time { return f.now }); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *firm) as(login string) govern.Actor {
	f.t.Helper()
	who := govern.Actor{Via: "console"}
	err := f.l.Read(f.t.Context(), func(s *govern.State) (err error) { who.Subject, err = s.Subject(login); return err })
	if err != nil {
		f.t.Fatal(err)
	}
	return who
}

func (f *firm) do(login, act string, data any) error {
	_, err := f.l.Do(f.t.Context(), f.as(login), govern.Request{Act: act, Data: data})
	return err
}

func (f *firm) ask(login, act string, data any) (int64, error) {
	return f.l.Ask(f.t.Context(), f.as(login), govern.Request{Act: act, Data: data})
}

func (f *firm) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func secretPart(t *testing.T) []byte {
	b, err := json.Marshal(govern.Credential{Password: access.Hash("violet tractor humming", cheap), TOTP: access.NewTOTP()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func account(login string, roles ...access.Role) govern.Account {
	_, hash := access.NewInvitation()
	return govern.Account{Login: login, Name: "Person " + login, Roles: roles, Invitation: hash}
}

func (f *firm) enrol(login string) {
	f.t.Helper()
	_, err := f.l.Do(f.t.Context(), f.as(login), govern.Request{Act: govern.ActCredential, Data: govern.SetCredential{Login: login, New: []string{"password"}}, Secret: secretPart(f.t)})
	f.must(err)
}

// running is a firm with an administrator, an officer and a second officer.
func running(t *testing.T) *firm {
	t.Helper()
	f := newFirm(t)
	root := account("root", access.Administrator)
	root.Invitation = ""
	_, err := f.l.Do(t.Context(), f.as(""), govern.Request{Act: govern.ActAddUser, Data: root, Secret: secretPart(t)})
	f.must(err)
	f.must(f.do("root", govern.ActAddUser, account("olga", access.Officer)))
	f.enrol("olga")
	n, err := f.ask("root", govern.ActAddUser, account("otto", access.Officer))
	f.must(err)
	f.must(f.do("olga", govern.ActApprove, govern.Decision{Request: n}))
	f.enrol("otto")
	return f
}

// closeOfficer closes the account of an officer, to which another agrees.
func (f *firm) closeOfficer(login, other string) {
	f.t.Helper()
	n, err := f.ask("root", govern.ActCloseUser, govern.ForUser{Login: login})
	f.must(err)
	f.must(f.do(other, govern.ActApprove, govern.Decision{Request: n}))
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	var r *govern.Refusal
	if !errors.As(err, &r) && !errors.Is(err, access.ErrForbidden) && !errors.Is(err, access.ErrEnded) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestTwoPeopleAreTwoPeople(t *testing.T) {
	f := running(t)
	operator := govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	_, err := f.l.Do(t.Context(), operator, govern.Request{Act: govern.ActAddUser, Data: account("mole", access.Officer)})
	refused(t, "whoever holds the keys, once there are accounts", err)

	refused(t, "a reader by one hand", f.do("root", govern.ActAddUser, account("mole", access.Reviewer)))
	refused(t, "a reader by an officer alone", f.do("olga", govern.ActAddUser, account("mole", access.Reviewer)))
	n, err := f.ask("root", govern.ActAddUser, account("rita", access.Reviewer))
	f.must(err)
	refused(t, "the one who asked", f.do("root", govern.ActApprove, govern.Decision{Request: n}))

	// The administrator's second token is still the administrator.
	token := f.as("root")
	token.Via, token.Only = "token 7", []access.Action{access.Self, access.GrantReading}
	_, err = f.l.Do(t.Context(), token, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: n}})
	refused(t, "the second token of the one who asked", err)

	// An officer's token that is not for it.
	token = f.as("olga")
	token.Via, token.Only = "token 8", []access.Action{access.Self}
	_, err = f.l.Do(t.Context(), token, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: n}})
	refused(t, "a token of an officer that is not for it", err)

	// Who could have confirmed when it was asked, and cannot now.
	f.closeOfficer("otto", "olga")
	refused(t, "an officer who was closed since", f.do("otto", govern.ActApprove, govern.Decision{Request: n}))
	f.must(f.do("olga", govern.ActApprove, govern.Decision{Request: n}))
	refused(t, "twice", f.do("olga", govern.ActApprove, govern.Decision{Request: n}))
	f.enrol("rita")
	refused(t, "a reviewer grants reading", f.do("rita", govern.ActApprove, govern.Decision{Request: n}))
}

// TestWhoAskedMustStillBeAllowed: a request dies with the role of who asked.
func TestWhoAskedMustStillBeAllowed(t *testing.T) {
	f := running(t)
	f.must(f.do("root", govern.ActAddUser, account("rob", access.Administrator)))
	f.enrol("rob")
	n, err := f.ask("rob", govern.ActAddUser, account("mole", access.Reviewer))
	f.must(err)
	f.must(f.do("root", govern.ActCloseUser, govern.ForUser{Login: "rob"}))
	refused(t, "what somebody asked who is closed", f.do("olga", govern.ActApprove, govern.Decision{Request: n}))
	n, err = f.ask("root", govern.ActAddUser, account("late", access.Reviewer))
	f.must(err)
	f.now = f.now.Add(31 * 24 * time.Hour)
	refused(t, "what has waited a month", f.do("olga", govern.ActApprove, govern.Decision{Request: n}))
}

func TestAnAdministratorDoesNotBecomeAnOfficer(t *testing.T) {
	f := running(t)
	for what, err := range map[string]error{
		"both roles":                  f.do("root", govern.ActChangeUser, govern.Account{Login: "root", Name: "R", Roles: []access.Role{access.Administrator, access.Officer}}),
		"another role":                f.do("root", govern.ActChangeUser, govern.Account{Login: "root", Name: "R", Roles: []access.Role{access.Officer}}),
		"an officer's new invitation": f.do("root", govern.ActInvite, govern.ForUser{Login: "olga", Invitation: strings.Repeat("a", 64)}),
		"an officer's password":       f.do("root", govern.ActCredential, govern.SetCredential{Login: "olga", New: []string{"password"}}),
		"a wider scope":               f.do("root", govern.ActChangeUser, govern.Account{Login: "otto", Name: "O", Roles: []access.Role{access.Officer}, Scope: access.Scope{From: "2024-01-01"}}),
		"the last administrator":      f.do("root", govern.ActCloseUser, govern.ForUser{Login: "root"}),
		"an end of the last":          f.do("root", govern.ActChangeUser, govern.Account{Login: "root", Name: "R", Roles: []access.Role{access.Administrator}, Until: f.now.Add(time.Hour)}),
		"their own invitation":        f.do("root", govern.ActInvite, govern.ForUser{Login: "root", Invitation: strings.Repeat("a", 64)}),
	} {
		refused(t, what, err)
	}
	f.closeOfficer("otto", "olga")
	refused(t, "the last officer", f.do("root", govern.ActCloseUser, govern.ForUser{Login: "olga"}))
	refused(t, "a reader is opened again", f.do("root", govern.ActOpenUser, govern.ForUser{Login: "otto"}))
	// The only officer there is cannot be asked about their own telephone.
	f.must(f.do("root", govern.ActInvite, govern.ForUser{Login: "olga", Invitation: strings.Repeat("a", 64)}))
	refused(t, "the last officer, after a reset", f.do("root", govern.ActCloseUser, govern.ForUser{Login: "olga"}))
}

// TestAnInvitationToTheWrongPersonCanBeTakenBack, before anybody has accepted.
func TestAnInvitationToTheWrongPersonCanBeTakenBack(t *testing.T) {
	f := newFirm(t)
	_, err := f.l.Do(t.Context(), f.as(""), govern.Request{Act: govern.ActAddUser, Data: account("root", access.Administrator), Secret: secretPart(t)})
	f.must(err)
	ends := account("olga", access.Officer)
	ends.Until = f.now.Add(24 * time.Hour)
	refused(t, "the first officer for a day", f.do("root", govern.ActAddUser, ends))
	f.must(f.do("root", govern.ActAddUser, account("wrong", access.Officer)))
	f.must(f.do("root", govern.ActCloseUser, govern.ForUser{Login: "wrong"}))
	f.must(f.do("root", govern.ActAddUser, account("olga", access.Officer)))
	f.enrol("olga")
}

func TestTheRecoveryKeyHelpsAnAdministratorInAndNobodyElse(t *testing.T) {
	f := running(t)
	code, hash := access.NewInvitation()
	invite := func(via, login string) error {
		_, err := f.l.Do(t.Context(), govern.Actor{Via: via}, govern.Request{Act: govern.ActInvite, Data: govern.ForUser{Login: login, Invitation: hash}})
		return err
	}
	refused(t, "by the keys", invite("command", "root"))
	refused(t, "an officer, by the recovery key", invite(govern.ViaRecovery, "olga"))
	f.must(invite(govern.ViaRecovery, "root"))
	f.must(f.l.Read(t.Context(), func(s *govern.State) error {
		if u := s.ByInvitation(access.HashInvitation(code), f.now); u == nil || u.Login != "root" || u.Credential != 0 {
			return fmt.Errorf("invited: %+v", u)
		}
		return nil
	}))
}

func TestInvitationsRunOut(t *testing.T) {
	f := running(t)
	f.must(f.do("root", govern.ActAddUser, account("rob", access.Administrator)))
	f.now = f.now.Add(8 * 24 * time.Hour)
	_, err := f.l.Do(t.Context(), f.as("rob"), govern.Request{Act: govern.ActCredential, Data: govern.SetCredential{Login: "rob"}, Secret: secretPart(t)})
	refused(t, "an invitation of last week", err)
}

// TestUsersFoldAgain: books that are read anew say the same.
func TestUsersFoldAgain(t *testing.T) {
	f := running(t)
	again, err := govern.OpenAt(t.Context(), f.log, func() time.Time { return f.now })
	f.must(err)
	said := func(l *govern.Ledger) (out string) {
		f.must(l.Read(t.Context(), func(s *govern.State) error {
			b, err := json.Marshal(s.Users)
			out = string(b)
			return err
		}))
		return out
	}
	if a, b := said(f.l), said(again); a != b {
		t.Errorf("the books read anew say otherwise:\n%s\n%s", a, b)
	}
}

func TestTheDoorMakesAnewWhatHasBecomeCheap(t *testing.T) {
	f := newFirm(t)
	secret := access.NewTOTP()
	part, err := json.Marshal(govern.Credential{Password: access.Hash("violet tractor humming", cheap), TOTP: secret, Recovery: []string{access.HashInvitation("aaaa")}})
	f.must(err)
	root := account("root", access.Administrator)
	_, err = f.l.Do(t.Context(), f.as(""), govern.Request{Act: govern.ActAddUser, Data: root, Secret: part})
	f.must(err)
	dearer := access.Cost{Time: 2, Memory: 64, Threads: 1}
	door := govern.NewDoor(f.l, dearer)
	v, err := door.Enter(t.Context(), "console", "192.0.2.7", govern.Key{Login: "root", Password: "violet tractor humming", Code: "aaaa"})
	f.must(err)
	f.must(f.l.Read(t.Context(), func(s *govern.State) error {
		u := s.Users["root"]
		if !strings.Contains(u.Password, "t=2") || u.Credential != v.Credential || len(u.Recovery) != 0 || u.TOTP != secret {
			return fmt.Errorf("after signing in: %+v, session of %d", u, v.Credential)
		}
		return nil
	}))
}

// TestOfficersAnswerForEachOther: an administrator leaves no officer alone by
// one hand, and no officer confirms what is about their own account.
func TestOfficersAnswerForEachOther(t *testing.T) {
	f := running(t)
	refused(t, "close an officer by one hand", f.do("root", govern.ActCloseUser, govern.ForUser{Login: "otto"}))
	demoted := account("otto", access.Reviewer)
	demoted.Invitation = ""
	refused(t, "take the role from an officer by one hand", f.do("root", govern.ActChangeUser, demoted))
	ending := account("otto", access.Officer)
	ending.Invitation, ending.Until = "", f.now.Add(time.Hour)
	refused(t, "end an officer by one hand", f.do("root", govern.ActChangeUser, ending))

	_, link := access.NewInvitation()
	n, err := f.ask("root", govern.ActInvite, govern.ForUser{Login: "otto", Invitation: link})
	f.must(err)
	refused(t, "a new link, confirmed by whom it is for", f.do("otto", govern.ActApprove, govern.Decision{Request: n}))
	f.must(f.do("olga", govern.ActDecline, govern.Decision{Request: n}))

	f.closeOfficer("otto", "olga")
	refused(t, "the last officer", f.do("root", govern.ActCloseUser, govern.ForUser{Login: "olga"}))
}

// TestATokenDeclinesWhatItMayConfirm: a token for one's own account decides
// nothing in its person's name.
func TestATokenDeclinesWhatItMayConfirm(t *testing.T) {
	f := running(t)
	n, err := f.ask("root", govern.ActAddUser, account("rita", access.Reviewer))
	f.must(err)
	token := f.as("olga")
	token.Only = []access.Action{access.Self}
	_, err = f.l.Do(t.Context(), token, govern.Request{Act: govern.ActDecline, Data: govern.Decision{Request: n}})
	refused(t, "a token for nothing declines", err)
}
