package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/demo"
	"github.com/waxseal/waxseal/internal/govern"
)

// firmAtWork makes the accounts of the sample firm as a firm makes its own:
// the administrator sets up, the officer accepts, and then the officer confirms
// whoever gets to read. Then each of them does their work.
type firmAtWork struct {
	a *app
	l *govern.Ledger
}

func (a *app) firmAtWork(ar *archive.Archive) (firmAtWork, error) {
	l, _, err := a.books(ar)
	return firmAtWork{a: a, l: l}, err
}

// accounts makes the accounts, and lists what each signs in with.
func (f firmAtWork) accounts() (string, error) {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range demo.People() {
		password, secret, err := f.add(p)
		if err != nil {
			return "", fmt.Errorf("make the account of %s: %w", p.Name, err)
		}
		_, _ = fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", p.Login, p.Role, password, secret) // memory is not full
	}
	_ = tw.Flush() // see above
	return b.String(), nil
}

// as is a person of the firm.
func (f firmAtWork) as(login string) (who govern.Actor, err error) {
	who.Via = "command"
	err = f.l.Read(f.a.ctx, func(s *govern.State) (err error) { who.Subject, err = s.Subject(login); return err })
	return who, err
}

func (f firmAtWork) add(p demo.Person) (password, secret string, err error) {
	password, secret = demoPassword(), access.NewTOTP()
	_, hashes := access.NewRecoveryCodes()
	cred := govern.Credential{Password: access.Hash(password, passwordCost), TOTP: secret, Recovery: hashes}
	d := govern.Account{Login: p.Login, Name: p.Name, Roles: []access.Role{access.Role(p.Role)}}
	if p.Days > 0 {
		d.Until = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, p.Days)
	}
	if p.Role == string(access.Administrator) {
		part, err := json.Marshal(cred)
		if err != nil {
			return "", "", err
		}
		who, err := f.as("")
		if err == nil {
			_, err = f.l.Do(f.a.ctx, who, govern.Request{Act: govern.ActAddUser, Data: d, Secret: part})
		}
		return password, secret, err
	}
	_, d.Invitation = access.NewInvitation()
	who, err := f.as(demo.People()[0].Login)
	if err != nil {
		return "", "", err
	}
	seq, asked, err := f.l.DoOrAsk(f.a.ctx, who, govern.Request{Act: govern.ActAddUser, Data: d, Reason: "Set-up of the archive"})
	if err == nil && asked {
		if who, err = f.as(demo.Officer); err == nil {
			_, err = f.l.Do(f.a.ctx, who, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: seq}})
		}
	}
	if err != nil {
		return "", "", err
	}
	if who, err = f.as(p.Login); err != nil {
		return "", "", err
	}
	_, err = f.l.SetCredential(f.a.ctx, who, cred, govern.SetCredential{Login: p.Login, New: []string{"password", "totp", "recovery"}})
	return password, secret, err
}

// token is the officer's, for a month, for all that the officer may do.
func (f firmAtWork) token(path string) error {
	who, err := f.as(demo.Officer)
	if err != nil {
		return err
	}
	token, hash := access.NewToken()
	d := govern.NewToken{Name: "Command line of the sample", Hash: hash, Until: time.Now().AddDate(0, 1, 0)}
	for _, x := range access.Actions() {
		if who.May(x, time.Now()) == nil {
			d.Actions = append(d.Actions, x)
		}
	}
	slices.Sort(d.Actions)
	if _, err := f.l.Do(f.a.ctx, who, govern.Request{Act: govern.ActAddToken, Data: d}); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	return nil
}

// demoPassword is made up anew for every sample: nobody can guess their way
// into one that was left running.
func demoPassword() string {
	code, _ := access.NewInvitation()
	return code[:4] + "-" + code[4:8] + "-" + code[8:12]
}
