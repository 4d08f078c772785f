package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
	"github.com/waxseal/waxseal/internal/seal"
)

// firm is an archive of many chats over ten years, with books: custodians and
// their accounts, a policy by which the oldest tenth is due, labels, matters
// and holds. A tenth of all messages stands in one chat.
type firm struct {
	dir             string
	messages, chats int
	ar              *archive.Archive
	x               *index.Index
	books           *govern.Ledger
	operator        govern.Actor
	totp            map[string]string // secrets, by login
}

const (
	firmYears  = 10
	firmPeople = 20
)

// measured is how the firm's archive came to be.
type measuredFirm struct {
	Messages int     `json:"messages"`
	Chats    int     `json:"chats"`
	Import   float64 `json:"import_s"`
	Index    float64 `json:"index_s"`
}

// makeFirm imports its chats, by custodian, with the real binary.
func makeFirm(ctx context.Context, bin, dir string, messages, chats int) (f *firm, m measuredFirm, err error) {
	f = &firm{dir: filepath.Join(dir, "firm"), messages: messages, chats: chats, operator: govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}}
	m = measuredFirm{Messages: messages, Chats: chats}
	if _, err := run(ctx, bin, "init", "--no-passphrase", "--dir", f.dir, "--name", "Harbour Works", "--zone", "Europe/London"); err != nil {
		return nil, m, err
	}
	in := filepath.Join(dir, "exports")
	if err := f.exports(in); err != nil {
		return nil, m, err
	}
	if err := f.people(ctx); err != nil {
		return nil, m, fmt.Errorf("the firm's people: %w", err)
	}
	for p := range min(firmPeople, chats) {
		r, err := run(ctx, bin, "import", "--no-index", "--json", "--dir", f.dir, "--account", account(p), filepath.Join(in, person(p)))
		if err != nil {
			return nil, m, err
		}
		m.Import += r.Seconds
	}
	if err := os.RemoveAll(in); err != nil {
		return nil, m, fmt.Errorf("remove the exports: %w", err)
	}
	start := time.Now()
	if err := f.open(ctx); err != nil {
		return nil, m, err
	}
	m.Index = time.Since(start).Seconds()
	return f, m, nil
}

func person(n int) string  { return fmt.Sprintf("p%02d", n) }
func account(n int) string { return fmt.Sprintf("+4420790000%02d", n) }

// exports writes every chat into the folder of whose telephone it is from.
func (f *firm) exports(dir string) error {
	end := time.Now().UTC().Truncate(24 * time.Hour)
	rest := f.messages - f.messages/10
	for c := range f.chats {
		n := rest / max(1, f.chats-1)
		switch {
		case f.chats == 1:
			n = f.messages
		case c == 0:
			n = f.messages / 10
		case c == f.chats-1:
			n = rest - n*(f.chats-2)
		}
		to := filepath.Join(dir, person(c%firmPeople))
		if err := os.MkdirAll(to, 0o755); err != nil {
			return fmt.Errorf("make input: %w", err)
		}
		g := newGenerator(uint64(1000 + c))
		g.at = end.AddDate(-firmYears, 0, 0)
		g.step = end.Sub(g.at)/time.Duration(max(n, 1)) - 30*time.Second
		if err := g.file(filepath.Join(to, fmt.Sprintf("WhatsApp Chat - Site %04d.txt", c)), n); err != nil {
			return err
		}
	}
	return nil
}

// on runs fn with the archive and its books open.
func (f *firm) on(ctx context.Context, fn func(*archive.Archive, *govern.Ledger) error) (err error) {
	ar, err := archive.Open(ctx, f.dir, noSecret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	books, err := govern.Open(ctx, ar)
	if err != nil {
		return err
	}
	return fn(ar, books)
}

func noSecret() (seal.Secret, error) { return seal.Secret{}, errors.New("the archive asks for a key") }

func (f *firm) people(ctx context.Context) error {
	return f.on(ctx, func(_ *archive.Archive, books *govern.Ledger) error {
		for p := range firmPeople {
			id := person(p)
			for _, r := range []govern.Request{
				{Act: govern.ActCustodianSet, Data: govern.CustodianData{ID: id, Name: "Person " + id}},
				{Act: govern.ActCustodianAccount, Data: govern.AccountData{ID: id, Account: account(p)}},
			} {
				if _, err := books.Do(ctx, f.operator, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// open opens the archive, its books and its index, which follows.
func (f *firm) open(ctx context.Context) (err error) {
	if f.ar, err = archive.Open(ctx, f.dir, noSecret); err != nil {
		return err
	}
	if f.books, err = govern.Open(ctx, f.ar); err != nil {
		return err
	}
	read := map[string]index.Interpreter{}
	for _, i := range all.Formats() {
		read[i.Name] = i.Interpreter
	}
	f.x, err = index.Open(ctx, index.Config{Path: f.ar.IndexPath(), Key: f.ar.IndexKey(), Log: f.ar, Interpreters: read, Books: dispose.NewIndexBooks(f.books)})
	if err != nil {
		return err
	}
	return f.x.Follow(ctx, nil)
}

func (f *firm) close() error { return errors.Join(f.x.Close(), f.ar.Close()) }

// policy is one by which the oldest tenth is due.
func (f *firm) policy() retain.Policy {
	kept := firmYears * 365 * 9 / 10
	return retain.Policy{ID: "nine", Name: "Nine tenths", Clock: retain.Sent, Min: retain.Period{Days: kept}, Propose: true}
}

// order fills the books with what decisions and pages have to look at.
func (f *firm) order(ctx context.Context) error {
	do := func(act, reason string, data any) (int64, error) {
		n, err := f.books.Do(ctx, f.operator, govern.Request{Act: act, Reason: reason, Data: data})
		if err != nil {
			err = fmt.Errorf("%s: %w", act, err)
		}
		return n, err
	}
	if _, err := do(govern.ActPolicySet, "the firm's own", govern.PolicySet{Policy: f.policy()}); err != nil {
		return err
	}
	if _, err := do(govern.ActPolicyAssign, "", govern.PolicyTo{Policy: "nine"}); err != nil {
		return err
	}
	g := newGenerator(seedQueries)
	n := max(1, f.messages/1000)
	some := func() (govern.Runs, error) {
		set, err := f.x.Matching(ctx, g.of(common))
		seqs := set.Seqs()
		return govern.RunsOf(seqs[:min(n, len(seqs))]), err
	}
	for i := range 30 {
		d := govern.LabelData{Name: fmt.Sprintf("Label %02d", i)}
		if i%3 == 0 {
			d.Rule = g.words[commonOnes+midOnes+i]
		}
		id, err := do(govern.ActLabelSet, "", d)
		if err != nil {
			return err
		}
		if err := f.mark(do, some, govern.ActLabelApply, func(r govern.Runs) any { return govern.Labelled{Label: id, Messages: r} }); err != nil {
			return err
		}
	}
	for i := range 10 {
		id, err := do(govern.ActMatterOpen, "a claim", govern.MatterData{Name: fmt.Sprintf("Matter %02d", i), About: "A claim"})
		if err != nil {
			return err
		}
		if err := f.mark(do, some, govern.ActMatterCollect, func(r govern.Runs) any { return govern.Collected{Matter: id, Messages: r} }); err != nil {
			return err
		}
	}
	for i := range 10 {
		d := govern.HoldData{Name: fmt.Sprintf("Hold %02d", i), Query: g.words[commonOnes+midOnes+100+i]}
		if i%2 == 0 {
			r, err := some()
			if err != nil {
				return err
			}
			d.Query, d.Messages = "", r
		}
		if _, err := do(govern.ActHoldPlace, "a claim", d); err != nil {
			return err
		}
	}
	return f.x.Follow(ctx, nil)
}

func (f *firm) mark(do func(string, string, any) (int64, error), some func() (govern.Runs, error), act string, data func(govern.Runs) any) error {
	r, err := some()
	if err != nil || len(r) == 0 {
		return err
	}
	_, err = do(act, "", data(r))
	return err
}

// history appends acts and traces, half and half, as years of use leave them.
func (f *firm) history(ctx context.Context, n int) error {
	const batch = 1000
	at := time.Now().UTC()
	for from := 0; from < n; from += batch {
		var rs []record.Record
		for i := from; i < min(n, from+batch); i++ {
			kind, h := record.Trace, record.ActHead{Act: "chat.read", Via: "console", From: "127.0.0.1", On: []string{"custodian:" + person(i%firmPeople)}, Data: []byte(`{"messages":50}`)}
			if i%2 == 0 {
				number := fmt.Sprintf("+44207%07d", i)
				kind = record.Act
				h = record.ActHead{Act: govern.ActContactName, Via: "command", On: []string{"contact:" + number}, Data: fmt.Appendf(nil, `{"address":%q,"name":"Client %d","kind":"client"}`, number, i)}
			}
			part, err := record.Part(h, nil)
			if err != nil {
				return err
			}
			rs = append(rs, record.Record{Kind: kind, Parts: [][]byte{part}, Lineage: "\x00" + string(kind), Period: at.Format("2006-01")})
		}
		if _, err := f.ar.Append(ctx, rs); err != nil {
			return fmt.Errorf("append acts: %w", err)
		}
	}
	return f.x.Follow(ctx, nil)
}
