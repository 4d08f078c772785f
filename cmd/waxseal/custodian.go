package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type custodianCmd struct {
	List     custodianListCmd     `cmd:"" help:"List the firm's people, with their accounts over time."`
	Set      custodianSetCmd      `cmd:"" help:"Add one of the firm's people, or change what is known of them."`
	Account  custodianAccountCmd  `cmd:"" help:"Say from when to when a number was somebody's."`
	Left     custodianLeftCmd     `cmd:"" help:"Say that somebody left, and which day was their last."`
	Returned custodianReturnedCmd `cmd:"" help:"Take back that somebody left."`
	Group    custodianGroupCmd    `cmd:"" help:"Say who is in a group."`
	Import   custodianImportCmd   `cmd:"" help:"Take people, accounts and groups from a CSV file."`
	Unknown  custodianUnknownCmd  `cmd:"" help:"List accounts in the archive that are nobody's."`
	Name     custodianNameCmd     `cmd:"" help:"Give a number that is not one of the firm's people's a name."`
}

type custodianListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *custodianListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			if len(s.Custodians) == 0 && !c.JSON {
				_, err := fmt.Fprintln(a.stdout, "No custodians yet. Add one with: waxseal custodian set ID --name NAME, or many with: waxseal custodian import FILE.csv")
				return err
			}
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			for _, id := range slices.Sorted(maps.Keys(s.Custodians)) {
				k := s.Custodians[id]
				groups := s.GroupsOf(id)
				if c.JSON {
					if err := enc.Encode(struct {
						*govern.Custodian
						Groups []string `json:"groups,omitempty"`
					}{k, groups}); err != nil {
						return err
					}
					continue
				}
				var of []string
				for i := range k.Accounts {
					of = append(of, k.Accounts[i].Account+" "+k.Accounts[i].Span())
				}
				if len(groups) > 0 {
					of = append(of, "groups "+strings.Join(groups, ", "))
				}
				if !k.Left.IsZero() {
					of = append(of, "left after "+k.Left.AddDate(0, 0, -1).Format("2006-01-02"))
				}
				if _, err := fmt.Fprintf(a.stdout, "%-16s %-28s %s\n", id, oneLine(k.Name, 28), oneLine(strings.Join(of, "; "), 2000)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// act does one act as whoever types.
func (a *app) act(say string, r govern.Request) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		if _, err := l.Do(a.ctx, who, r); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.stdout, printable(say))
		return err
	})
}

type custodianSetCmd struct {
	ID         string  `arg:"" help:"Small letters, digits, dots and dashes: j.doe."`
	Name       string  `help:"Name of the person; may be left out where it is known." placeholder:"NAME"`
	Email      *string `help:"Address for mail." placeholder:"ADDRESS"`
	Department *string `help:"Where in the firm." placeholder:"NAME"`
	Reason     string  `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianSetCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		d := govern.CustodianData{ID: c.ID, Name: c.Name}
		err := l.Read(a.ctx, func(s *govern.State) error {
			if k := s.Custodians[c.ID]; k != nil { // what is not said stays
				d.Email, d.Department = k.Email, k.Department
				if d.Name == "" {
					d.Name = k.Name
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if c.Email != nil {
			d.Email = *c.Email
		}
		if c.Department != nil {
			d.Department = *c.Department
		}
		if _, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActCustodianSet, Reason: c.Reason, Data: d}); err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, printable("Custodian "+c.ID+", "+d.Name+"."))
		return err
	})
}

type custodianAccountCmd struct {
	ID      string `arg:"" help:"The custodian."`
	Account string `arg:"" help:"The number, such as +447700900001."`
	From    string `help:"First day on which it was theirs (default: always)." placeholder:"DAY"`
	To      string `help:"Last day (default: it still is)." placeholder:"DAY"`
	Drop    bool   `help:"Take back what was said of the time that begins on --from."`
	Reason  string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianAccountCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActCustodianAccount, Reason: c.Reason, Data: govern.AccountData{ID: c.ID, Account: c.Account, From: c.From, To: c.To, Drop: c.Drop}})
}

type custodianLeftCmd struct {
	ID     string `arg:"" help:"The custodian."`
	Day    string `arg:"" help:"Their last day, 2024-01-31."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianLeftCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActCustodianLeft, Reason: c.Reason, Data: govern.LeftData{ID: c.ID, Day: c.Day}})
}

type custodianReturnedCmd struct {
	ID     string `arg:"" help:"The custodian."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianReturnedCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActCustodianReturned, Reason: c.Reason, Data: govern.LeftData{ID: c.ID}})
}

type custodianGroupCmd struct {
	ID      string   `arg:"" help:"The group, such as desk-one."`
	Members []string `arg:"" optional:"" help:"All who are in it, by their IDs."`
	Name    string   `help:"Name of the group." required:"" placeholder:"NAME"`
	Reason  string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianGroupCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActGroupSet, Reason: c.Reason, Data: govern.Group{ID: c.ID, Name: c.Name, Members: c.Members}})
}

type custodianNameCmd struct {
	Address string `arg:"" help:"The number or address."`
	Name    string `arg:"" help:"What the firm calls it."`
	Kind    string `help:"client, staff or other." placeholder:"KIND"`
}

func (c *custodianNameCmd) Run(a *app) error {
	return a.act("Noted.", govern.Request{Act: govern.ActContactName, Data: govern.Contact{Address: c.Address, Name: c.Name, Kind: c.Kind}})
}

type custodianImportCmd struct {
	File   string `arg:"" help:"CSV in UTF-8. Its first line names the columns: id, name, email, department, account, from, to, group."`
	DryRun bool   `help:"Say what it would change, and change nothing."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *custodianImportCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read list of people: %w", err)
		}
		people, bad, err := govern.ReadPeople(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		var p *govern.PeoplePlan
		if err := l.Read(a.ctx, func(s *govern.State) error { p = s.PlanPeople(people, bad); return nil }); err != nil {
			return err
		}
		for _, b := range p.Bad {
			a.printErr("line %d: %s", b.Line, b.Say)
		}
		if len(p.Bad) > 0 {
			return exitError{exitRefused, fmt.Sprintf("nothing was changed: %s cannot be taken", count(int64(len(p.Bad)), "line"))}
		}
		if c.DryRun {
			for _, s := range p.Steps {
				if _, err := fmt.Fprintln(a.stdout, oneLine(s.Say, 500)); err != nil {
					return err
				}
			}
			_, err := fmt.Fprintf(a.stdout, "%s would be made; nothing was changed.\n", count(int64(len(p.Steps)), "change"))
			return err
		}
		rs := p.Requests()
		for i := range rs {
			rs[i].Reason = c.Reason
		}
		n, err := l.DoAll(a.ctx, who, rs)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s read, %s made.\n", count(int64(p.Lines), "line"), count(int64(n), "change"))
		return err
	})
}

type custodianUnknownCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// unknownLine is an account that is nobody's.
type unknownLine struct {
	Account  string `json:"account"`
	Name     string `json:"name,omitempty"` // as a contact
	Chats    int    `json:"chats"`
	Messages int64  `json:"messages"`
	Last     string `json:"last"`
}

func (c *custodianUnknownCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		chats, err := x.Chats(a.ctx, index.ChatFilter{})
		if err != nil {
			return err
		}
		by := map[string]*unknownLine{}
		for _, r := range chats {
			if r.Custodian != "" {
				continue
			}
			u := by[r.Account]
			if u == nil {
				u = &unknownLine{Account: r.Account}
				by[r.Account] = u
			}
			u.Chats, u.Messages, u.Last = u.Chats+1, u.Messages+r.Messages, max(u.Last, r.Last)
		}
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		if err := l.Read(a.ctx, func(s *govern.State) error {
			for account, u := range by {
				if k := s.Contacts[govern.NormalAccount(account)]; k != nil {
					u.Name = k.Name
				}
			}
			return nil
		}); err != nil {
			return err
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, account := range slices.Sorted(maps.Keys(by)) {
			u := by[account]
			switch {
			case c.JSON:
				err = enc.Encode(u)
			default:
				name := "(account not known)"
				if account != "" {
					name = oneLine(account, 40)
				}
				_, err = fmt.Fprintf(a.stdout, "%-24s %-24s %s, %s, last %s\n", name, oneLine(u.Name, 24), count(int64(u.Chats), "chat"), count(u.Messages, "message"), date(u.Last))
			}
			if err != nil {
				return err
			}
		}
		if len(by) == 0 && !c.JSON {
			_, err = fmt.Fprintln(a.stdout, "Every chat has its custodian.")
		}
		return err
	})
}
