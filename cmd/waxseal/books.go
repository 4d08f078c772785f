package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/seal"
)

// passwordCost is what a guess at a password costs; tests guess cheaply.
var passwordCost = access.Today

// commandActions is what a person must be allowed to do for a command, by its
// words. An empty action needs nobody: it shows and changes nothing of an archive
// that is there. A command that is not here does not run.
var commandActions = map[string]access.Action{
	"demo":             "",
	"init":             "",
	"version":          "",
	"import":           access.Import,
	"serve":            access.Operate,
	"chats":            access.Read,
	"messages":         access.Read,
	"search":           access.Search,
	"report reconcile": access.Report,
	"audit":            access.SeeAudit,
	"verify":           access.Verify,
	"prove":            access.Prove,
	"index rebuild":    access.Operate,

	"send list":     access.SeeSends,
	"send show":     access.SeeSends,
	"send release":  access.DecideSend,
	"send withdraw": access.DecideSend,
	"rule list":     access.SeeSends,
	"rule set":      access.ManageSendRules,
	"rule remove":   access.ManageSendRules,
	"rule test":     access.SeeSends,
	"rule forecast": access.SeeSends,
	"consent list":  access.SeeSends,
	"consent set":   access.ManageSendRules,

	"hook add":    access.Operate,
	"hook list":   access.SeeCapture,
	"hook test":   access.Operate,
	"hook replay": access.Operate,
	"hook pause":  access.Operate,
	"hook remove": access.Operate,

	"report coverage": access.SeeCapture,
	"gap list":        access.SeeCapture,
	"gap show":        access.SeeCapture,
	"gap explain":     access.ExplainGap,
	"gap scan":        access.ExplainGap,

	"hold place":   access.PlaceHold,
	"hold list":    access.SeeHolds,
	"hold release": access.ReleaseHold,

	"dispose due":         access.SeeDisposals,
	"dispose propose":     access.ProposeDisposal,
	"dispose run":         access.ApproveDisposal,
	"dispose resume":      access.ApproveDisposal,
	"dispose list":        access.SeeDisposals,
	"dispose certificate": access.SeeDisposals,
	"subject open":        access.SubjectRequest,
	"subject list":        access.SubjectRequest,
	"subject erase":       access.SubjectRequest,
	"subject answer":      access.SubjectRequest,
	"subject copy":        access.Export,

	"label list":   access.Order,
	"label add":    access.ManageLabels,
	"label rule":   access.ManageLabels,
	"label apply":  access.Order,
	"label remove": access.Order,
	"label close":  access.ManageLabels,

	"matter list":    access.SeeMatters,
	"matter open":    access.ManageMatters,
	"matter show":    access.SeeMatters,
	"matter collect": access.Order,
	"matter drop":    access.Order,
	"matter member":  access.ManageMatters,
	"matter note":    access.Order,
	"matter close":   access.ManageMatters,
	"note add":       access.Order,

	"user list":       access.ManageUsers,
	"user add":        access.ManageUsers,
	"user invite":     access.ManageUsers,
	"user close":      access.ManageUsers,
	"user open":       access.ManageUsers,
	"user unlock":     access.ManageUsers,
	"user enrol":      "", // the invitation is the key
	"user token":      access.Self,
	"user revoke":     access.Self,
	"policy list":     access.SeePolicies,
	"policy presets":  "",
	"policy set":      access.ManagePolicies,
	"policy assign":   access.ManagePolicies,
	"policy withdraw": access.ManagePolicies,
	"policy order":    access.ManagePolicies,
	"policy lift":     access.ManagePolicies,
	"policy fiscal":   access.ManagePolicies,
	"policy forecast": access.SeePolicies,

	"source add":    access.Operate,
	"source list":   access.SeeCapture,
	"source show":   access.SeeCapture,
	"source set":    access.Operate,
	"source rotate": access.Operate,
	"source remove": access.Operate,

	"alarm list":         access.SeeCapture,
	"alarm route add":    access.Operate,
	"alarm route list":   access.SeeCapture,
	"alarm route test":   access.Operate,
	"alarm route remove": access.Operate,

	"request list":       access.Self,
	"request approve":    access.Self,
	"request decline":    access.Self,
	"custodian list":     access.SeeCustodians,
	"custodian set":      access.ManageCustodians,
	"custodian account":  access.ManageCustodians,
	"custodian left":     access.ManageCustodians,
	"custodian returned": access.ManageCustodians,
	"custodian group":    access.ManageCustodians,
	"custodian import":   access.ManageCustodians,
	"custodian unknown":  access.SeeCustodians,
	"custodian name":     access.ManageCustodians,
	"hold notice":        access.PlaceHold,
	"hold acknowledge":   access.Self,
	"hold report":        access.SeeHolds,
}

// commandOf is a command by its words.
func commandOf(n *kong.Node) string {
	var words []string
	for ; n != nil && n.Type == kong.CommandNode; n = n.Parent {
		words = append([]string{n.Name}, words...)
	}
	return strings.Join(words, " ")
}

// books opens the firm's books and says who types.
func (a *app) books(ar *archive.Archive) (*govern.Ledger, govern.Actor, error) {
	if a.ledger == nil {
		l, err := govern.Open(a.ctx, ar)
		if err != nil {
			return nil, govern.Actor{}, err
		}
		a.ledger = l
	}
	return a.ledger, a.who, nil
}

// enter asks who types, where the archive has accounts, and whether they may.
// Whoever holds the archive's keys could write a program that does not ask:
// docs/threat-model.md says what that means.
func (a *app) enter(ar *archive.Archive) error {
	action := commandActions[a.command]
	a.who = govern.Actor{Via: "command"}
	if action == "" {
		return nil
	}
	if readOnly := ar.Writable() != nil; readOnly && action == access.Verify {
		return nil // a copy that cannot note who came: and verify shows nothing of its content
	}
	l, _, err := a.books(ar)
	if err != nil {
		return err
	}
	accounts := false
	if err := l.Read(a.ctx, func(s *govern.State) error { accounts = s.Enrolled; return nil }); err != nil {
		return err
	}
	switch {
	case !accounts:
		a.who.Operator = true
		return nil
	case a.recovered && a.cli.As == "" && a.command == "user invite":
		a.who.Via = govern.ViaRecovery
		return nil
	}
	if a.who, err = a.signIn(l); err != nil {
		return err
	}
	on := []string{"command:" + a.command}
	if err := a.who.May(action, time.Now()); err != nil {
		l.Refuse(a.ctx, a.who, govern.Request{Act: "command", On: on}, err)
		return err
	}
	if err := a.wholly(); err != nil {
		return err
	}
	if err := a.reasoned(l, action); err != nil {
		return err
	}
	_, err = l.Trace(a.ctx, a.who, govern.Request{Act: "command", Reason: a.cli.Because, On: on, Data: map[string]any{"args": withoutCode(a.args)}})
	return err
}

// reasoned refuses to show content to who does not say why, where the firm asks
// for that.
func (a *app) reasoned(l *govern.Ledger, action access.Action) error {
	required := false
	if err := l.Read(a.ctx, func(s *govern.State) error { required = s.ReasonRequired; return nil }); err != nil {
		return err
	}
	shows := slices.Contains([]access.Action{access.Read, access.Search, access.SeeSends, access.Report, access.Prove, access.Export}, action)
	if required && shows && strings.TrimSpace(a.cli.Because) == "" {
		return exitError{exitRefused, "the firm asks why, before anybody reads: say it with --because TEXT"}
	}
	return nil
}

// wholeCommands are about the whole archive, and would tell of what is outside
// of a scope.
var wholeCommands = []string{"report reconcile", "audit", "policy forecast", "dispose due", "dispose propose", "dispose run", "dispose resume", "dispose list", "dispose certificate", "subject open", "subject erase", "custodian import", "rule forecast", "consent list", "report coverage", "gap list", "gap show", "gap explain", "gap scan"}

// wholly refuses those to whoever sees a part of it.
func (a *app) wholly() error {
	if slices.Contains(wholeCommands, a.command) && !a.who.Scope.All() {
		return exitError{exitRefused, "this is about the whole archive, and your account sees a part of it"}
	}
	return nil
}

// withoutCode is what was typed, without what signs in.
func withoutCode(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--as-code":
			i++
		case !strings.HasPrefix(args[i], "--as-code="):
			out = append(out, args[i])
		}
	}
	return out
}

// signIn finds out who types: by a token, or by login, password and code.
func (a *app) signIn(l *govern.Ledger) (govern.Actor, error) {
	door := govern.NewDoor(l, passwordCost)
	if token, err := a.token(); token != "" || err != nil {
		if err != nil {
			return govern.Actor{}, err
		}
		return door.Token(a.ctx, token, "")
	}
	if a.cli.As == "" {
		return govern.Actor{}, exitError{exitRefused, "this archive has accounts: say who you are with --as LOGIN, or give a token with --token-file or WAXSEAL_TOKEN"}
	}
	k := govern.Key{Login: a.cli.As, Code: a.cli.AsCode}
	password, err := a.personal(a.cli.AsPasswordFile, "Your password: ", "--as-password-file")
	if err != nil {
		return govern.Actor{}, err
	}
	k.Password = password
	if k.Code == "" {
		if k.Code, err = a.personal("", "Code from your telephone: ", "--as-code"); err != nil {
			return govern.Actor{}, err
		}
	}
	v, err := door.Enter(a.ctx, "command", "", k)
	return v.Actor, err
}

// token is one that was given, or empty.
func (a *app) token() (string, error) {
	if a.cli.TokenFile == "" {
		if a.cli.As != "" {
			return "", nil
		}
		return strings.TrimSpace(os.Getenv("WAXSEAL_TOKEN")), nil
	}
	b, err := os.ReadFile(a.cli.TokenFile)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	if t := strings.TrimSpace(string(b)); t != "" {
		return t, nil
	}
	return "", usagef("the token file is empty: %s", a.cli.TokenFile)
}

// personal reads what only the person knows, from a file or at the terminal.
func (a *app) personal(file, ask, flag string) (string, error) {
	if file != "" {
		p, err := readPassphrase(file)
		return string(p), err
	}
	p, err := a.prompt(ask)
	if errors.Is(err, seal.ErrLocked) {
		return "", usagef("there is no terminal to ask at: give %s", flag)
	}
	return string(p), err
}
