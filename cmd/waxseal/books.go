package main

import (
	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
)

// commandActions is what a person must be allowed to do for a command, by its
// words. An empty action needs nobody: it opens no archive. A command that is
// not here does not run.
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
	"verify":           access.Verify,
	"prove":            access.Prove,
	"index rebuild":    access.Operate,
	"policy list":      access.SeePolicies,
	"policy presets":   "",
	"policy set":       access.ManagePolicies,
	"policy assign":    access.ManagePolicies,
	"policy withdraw":  access.ManagePolicies,
	"policy order":     access.ManagePolicies,
	"policy lift":      access.ManagePolicies,
	"policy fiscal":    access.ManagePolicies,
	"policy forecast":  access.SeePolicies,
}

// books opens the firm's books and says who types.
func (a *app) books(ar *archive.Archive) (*govern.Ledger, govern.Actor, error) {
	l, err := govern.Open(a.ctx, ar)
	if err != nil {
		return nil, govern.Actor{}, err
	}
	// While there are no accounts, whoever opens the archive is its operator.
	return l, govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}, nil
}
