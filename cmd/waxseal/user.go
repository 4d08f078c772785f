package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type userCmd struct {
	List   userListCmd   `cmd:"" help:"List accounts."`
	Add    userAddCmd    `cmd:"" help:"Make an account and its invitation. The first is an administrator's."`
	Invite userInviteCmd `cmd:"" help:"Make a new invitation: the person's password and telephone are forgotten."`
	Enrol  userEnrolCmd  `cmd:"" help:"Accept an invitation: choose a password, set up a telephone."`
	Close  userCloseCmd  `cmd:"" help:"Close an account."`
	Open   userOpenCmd   `cmd:"" help:"Open a closed account again."`
	Unlock userUnlockCmd `cmd:"" help:"Unlock an account that too many guesses have locked."`
	Token  userTokenCmd  `cmd:"" help:"Make a token of your own account, for a program."`
	Revoke userRevokeCmd `cmd:"" help:"Revoke a token."`
}

// withBooks runs fn on the firm's books, as whoever types.
func (a *app) withBooks(fn func(*archive.Archive, *govern.Ledger, govern.Actor) error) (err error) {
	ar, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	l, who, err := a.books(ar)
	if err != nil {
		return err
	}
	return fn(ar, l, who)
}

type userListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// userLine is an account as user list --json prints it.
type userLine struct {
	Login string        `json:"login"`
	Name  string        `json:"name"`
	Roles []access.Role `json:"roles"`
	Scope access.Scope  `json:"scope,omitzero"`
	State string        `json:"state"`
	Until time.Time     `json:"until,omitzero"`
	Seen  time.Time     `json:"seen,omitzero"`
}

func (c *userListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var rows []userLine
		now := time.Now()
		err := l.Read(a.ctx, func(s *govern.State) error {
			for _, u := range s.Users {
				rows = append(rows, userLine{u.Login, u.Name, u.Roles, u.Scope, userState(u, now), u.Until, u.LastSeen})
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(rows, func(x, y userLine) int { return strings.Compare(x.Login, y.Login) })
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, r := range rows {
			if c.JSON {
				err = enc.Encode(r)
			} else {
				roles := make([]string, len(r.Roles))
				for i, x := range r.Roles {
					roles[i] = string(x)
				}
				_, err = fmt.Fprintf(a.stdout, "%-20s %-30s %-28s %s\n", r.Login, oneLine(r.Name, 30), strings.Join(roles, ","), r.State)
			}
			if err != nil {
				return err
			}
		}
		if len(rows) == 0 && !c.JSON {
			_, err = fmt.Fprintln(a.stdout, "No accounts yet: whoever holds the keys may do everything. Make the first with: waxseal user add LOGIN --name NAME --role administrator")
		}
		return err
	})
}

func userState(u *govern.User, now time.Time) string {
	switch {
	case u.Closed:
		return "closed"
	case !u.Until.IsZero() && !now.Before(u.Until):
		return "ended"
	case u.Locked(now):
		return "locked"
	case u.CanSignIn(now):
		return "open"
	}
	return "invited"
}

type userAddCmd struct {
	Login     string   `arg:"" help:"Small letters, digits, dots and dashes: j.doe."`
	Name      string   `help:"Name of the person." required:"" placeholder:"NAME"`
	Role      []string `help:"administrator, officer, reviewer, legal, auditor or custodian. May be given more than once." required:"" placeholder:"ROLE"`
	Until     string   `help:"Last day of the account." placeholder:"DAY"`
	Custodian []string `help:"Scope: only these custodians." placeholder:"ID"`
	Group     []string `help:"Scope: only these groups of custodians." placeholder:"ID"`
	Matter    []string `help:"Scope: only what was collected for these matters." placeholder:"ID"`
	From      string   `help:"Scope: first day." placeholder:"DAY"`
	To        string   `help:"Scope: last day." placeholder:"DAY"`
	Reason    string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *userAddCmd) Run(a *app) error {
	d := govern.Account{Login: c.Login, Name: c.Name, Scope: access.Scope{Custodians: c.Custodian, Groups: c.Group, Matters: c.Matter, From: c.From, To: c.To}}
	for _, r := range c.Role {
		d.Roles = append(d.Roles, access.Role(r))
	}
	var err error
	if d.Until, err = dayAfter(c.Until); err != nil {
		return err
	}
	code, hash := access.NewInvitation()
	d.Invitation = hash
	return a.invite(govern.Request{Act: govern.ActAddUser, Data: d, Reason: c.Reason}, c.Login, code)
}

// dayAfter is the end of a day; zero for none.
func dayAfter(day string) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return t, usagef("a day is written 2024-01-31, not %s", day)
	}
	return t.AddDate(0, 0, 1), nil
}

// invite does or asks for what makes an invitation, and prints its code.
func (a *app) invite(r govern.Request, login, code string) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		_, asked, err := l.DoOrAsk(a.ctx, who, r)
		if err != nil {
			return err
		}
		wait := ""
		if asked {
			wait = "An officer has to confirm that first (waxseal request list); the code works from then on.\n"
		}
		_, err = fmt.Fprintf(a.stdout, "Invitation of %s, shown this once. It works once, within seven days:\n\n    %s\n\n%sThe person opens /invitation?code=CODE in the console, or types: waxseal user enrol CODE\n", login, code, wait)
		return err
	})
}

type userInviteCmd struct {
	Login  string `arg:"" help:"Login of the account."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *userInviteCmd) Run(a *app) error {
	code, hash := access.NewInvitation()
	return a.invite(govern.Request{Act: govern.ActInvite, Data: govern.ForUser{Login: c.Login, Invitation: hash}, Reason: c.Reason}, c.Login, code)
}

type userEnrolCmd struct {
	Code            string `arg:"" help:"Code of the invitation."`
	NewPasswordFile string `help:"File that holds the new password, instead of asking for it." type:"path" placeholder:"FILE"`
	Unconfirmed     bool   `help:"Do not ask for a first code from the telephone: for scripts."`
}

func (c *userEnrolCmd) Run(a *app) error {
	return a.withBooks(func(ar *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		var u govern.User
		err := l.Read(a.ctx, func(s *govern.State) error {
			if known := s.ByInvitation(access.HashInvitation(c.Code), time.Now()); known != nil {
				u = *known
				return nil
			}
			return exitError{exitRefused, "this invitation is not known, was used, or has run out"}
		})
		if err != nil {
			return err
		}
		password, err := c.password(a)
		if err != nil {
			return err
		}
		if wrong := access.Weak(password, u.Login, u.Name, ar.Info().Name); wrong != "" {
			return usagef("%s", wrong)
		}
		secret := access.NewTOTP()
		if _, err := fmt.Fprintf(a.stdout, "Type this into the authenticator app of your telephone:\n\n    %s\n    %s\n\n", secret, access.TOTPAddress(ar.Info().Name, u.Login, secret)); err != nil {
			return err
		}
		var step int64
		if !c.Unconfirmed {
			code, err := a.personal("", "Code that it shows now: ", "--unconfirmed")
			if err != nil {
				return err
			}
			var ok bool
			if step, ok = access.CheckTOTP(secret, code, time.Now(), u.Step); !ok {
				return exitError{exitFailed, "that is not the code for this secret; nothing was changed, and the invitation still works"}
			}
		}
		codes, hashes := access.NewRecoveryCodes()
		who.Subject = access.Subject{ID: u.Login, Name: u.Name, Roles: u.Roles, Until: u.Until}
		if _, err := l.SetCredential(a.ctx, who, govern.Credential{Password: access.Hash(password, passwordCost), TOTP: secret, Recovery: hashes},
			govern.SetCredential{Login: u.Login, New: []string{"password", "totp", "recovery"}, Step: step}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Recovery codes, shown this once; each signs you in once without the telephone:\n\n    %s\n\nThe account %s is open.\n", strings.Join(codes, "\n    "), u.Login)
		return err
	})
}

func (c *userEnrolCmd) password(a *app) (string, error) {
	password, err := a.personal(c.NewPasswordFile, "New password: ", "--new-password-file")
	if err != nil || c.NewPasswordFile != "" {
		return password, err
	}
	again, err := a.personal("", "The same again: ", "--new-password-file")
	if err == nil && again != password {
		return "", usagef("the two passwords differ")
	}
	return password, err
}

// userAct does one act on an account.
func (a *app) userAct(act, login, reason, done string) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		_, asked, err := l.DoOrAsk(a.ctx, who, govern.Request{Act: act, Data: govern.ForUser{Login: login}, Reason: reason})
		if err != nil {
			return err
		}
		if asked {
			done = "An officer has to confirm that: waxseal request list."
		}
		_, err = fmt.Fprintln(a.stdout, done)
		return err
	})
}

type userCloseCmd struct {
	Login  string `arg:"" help:"Login of the account."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *userCloseCmd) Run(a *app) error {
	return a.userAct(govern.ActCloseUser, c.Login, c.Reason, "The account is closed, and its sessions have ended.")
}

type userOpenCmd struct {
	Login  string `arg:"" help:"Login of the account."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *userOpenCmd) Run(a *app) error {
	return a.userAct(govern.ActOpenUser, c.Login, c.Reason, "The account is open again.")
}

type userUnlockCmd struct {
	Login string `arg:"" help:"Login of the account."`
}

func (c *userUnlockCmd) Run(a *app) error {
	return a.userAct(govern.ActUnlockUser, c.Login, "", "The account is unlocked.")
}

type userTokenCmd struct {
	Name   string   `arg:"" help:"What it is for."`
	Action []string `help:"What it may do: search, read, import, verify …. May be given more than once." required:"" placeholder:"ACTION"`
	Until  string   `help:"Last day, within a year." required:"" placeholder:"DAY"`
}

func (c *userTokenCmd) Run(a *app) error {
	until, err := dayAfter(c.Until)
	if err != nil {
		return err
	}
	token, hash := access.NewToken()
	d := govern.NewToken{Name: c.Name, Hash: hash, Until: until}
	for _, x := range c.Action {
		d.Actions = append(d.Actions, access.Action(x))
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		n, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActAddToken, Data: d})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Token %d, shown this once:\n\n    %s\n", n, token)
		return err
	})
}

type userRevokeCmd struct {
	Token int64 `arg:"" help:"Number of the token."`
}

func (c *userRevokeCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		if _, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActRevokeToken, Data: govern.ForToken{Token: c.Token}}); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.stdout, "The token is revoked.")
		return err
	})
}

type requestCmd struct {
	List    requestListCmd    `cmd:"" help:"List what waits for a second person."`
	Approve requestApproveCmd `cmd:"" help:"Confirm a request."`
	Decline requestDeclineCmd `cmd:"" help:"Decline a request, or take back your own."`
}

type requestListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// requestLine is a request as request list prints it.
type requestLine struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	By     string          `json:"by"`
	Act    string          `json:"act"`
	Reason string          `json:"reason,omitempty"`
	Data   json.RawMessage `json:"data"`
}

func (c *requestListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		var rows []requestLine
		now := time.Now()
		err := l.Read(a.ctx, func(s *govern.State) error {
			for _, r := range s.Requests {
				if r.Waits(now) && (r.By == who.ID || who.May(r.Second, now) == nil || who.May(access.SeeAudit, now) == nil) {
					rows = append(rows, requestLine{r.Seq, r.At, r.By, r.Act, r.Reason, r.Data})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(rows, func(x, y requestLine) int { return int(x.ID - y.ID) })
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, r := range rows {
			if c.JSON {
				err = enc.Encode(r)
			} else {
				_, err = fmt.Fprintf(a.stdout, "%8d  %s  %-20s by %-16s %s %s\n", r.ID, r.At.UTC().Format(time.DateTime), r.Act, r.By, oneLine(string(r.Data), 300), oneLine(r.Reason, 200))
			}
			if err != nil {
				return err
			}
		}
		if len(rows) == 0 && !c.JSON {
			_, err = fmt.Fprintln(a.stdout, "Nothing waits.")
		}
		return err
	})
}

type requestApproveCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Reason  string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	Today   string `help:"The date as you see it outside of this machine, where the request needs people who vouch for the time." placeholder:"DAY"`
}

func (c *requestApproveCmd) Run(a *app) error {
	return a.decide(govern.ActApprove, govern.Decision{Request: c.Request, Today: c.Today}, c.Reason, "Confirmed, and done.")
}

type requestDeclineCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Reason  string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *requestDeclineCmd) Run(a *app) error {
	return a.decide(govern.ActDecline, govern.Decision{Request: c.Request}, c.Reason, "Declined. Nothing was changed.")
}

func (a *app) decide(act string, d govern.Decision, reason, done string) error {
	return a.withBooks(func(ar *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		disposes := false
		err := l.Read(a.ctx, func(s *govern.State) error {
			r := s.Requests[d.Request]
			disposes = act == govern.ActApprove && r != nil && r.Act == govern.ActDispose
			return nil
		})
		switch {
		case err != nil:
		case disposes:
			done = "Confirmed. It is done with: waxseal dispose run " + strconv.FormatInt(d.Request, 10)
			err = a.onIndex(ar, func(x *index.Index) error {
				desk, who, err := a.desk(ar, x)
				if err == nil {
					_, err = desk.Approve(a.ctx, who, d, reason)
				}
				return err
			})
		default:
			_, err = l.Do(a.ctx, who, govern.Request{Act: act, Data: d, Reason: reason})
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, done)
		return err
	})
}
