package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/seal"
)

type disposeCmd struct {
	Due         disposeDueCmd         `cmd:"" help:"Say what is due for disposal, and what holds keep."`
	Propose     disposeProposeCmd     `cmd:"" help:"Propose what is due. Another person has to confirm it."`
	Run         disposeRunCmd         `cmd:"" help:"Do a disposal that two people have decided."`
	Resume      disposeResumeCmd      `cmd:"" help:"Finish disposals that were cut short."`
	List        disposeListCmd        `cmd:"" help:"List disposals."`
	Certificate disposeCertificateCmd `cmd:"" help:"Show the certificate of a disposal."`
}

// desk is where disposals are prepared and done.
func (a *app) desk(ar *archive.Archive, x *index.Index) (*dispose.Desk, govern.Actor, error) {
	l, who, err := a.books(ar)
	if err != nil {
		return nil, who, err
	}
	return &dispose.Desk{Archive: ar, Index: x, Ledger: l, Now: time.Now, Renew: renewIndex(ar, x)}, who, nil
}

// withDesk runs fn with the archive, its index and its books open.
func (a *app) withDesk(fn func(*dispose.Desk, govern.Actor) error) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		d, who, err := a.desk(ar, x)
		if err != nil {
			return err
		}
		return fn(d, who)
	})
}

type disposeDueCmd struct {
	At   string `help:"As it would be on that day." placeholder:"2031-01-31"`
	JSON bool   `help:"Print JSON."`
}

func (c *disposeDueCmd) Run(a *app) error {
	at := time.Now()
	if c.At != "" {
		t, err := time.Parse(time.DateOnly, c.At)
		if err != nil {
			return usagef("--at wants a day, such as 2031-01-31")
		}
		at = t
	}
	return a.withDesk(func(d *dispose.Desk, _ govern.Actor) error {
		due, err := d.Due(a.ctx, at)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(a.stdout).Encode(due.Data)
		}
		_, err = fmt.Fprint(a.stdout, dueText(due))
		return err
	})
}

func dueText(due *dispose.Due) string {
	var b strings.Builder
	if len(due.Messages) == 0 {
		b.WriteString("Nothing is due for disposal.\n")
	} else {
		fmt.Fprintf(&b, "%s messages are due for disposal: %s records, and the evidence of %s imports.\n",
			group(int64(len(due.Messages))), group(due.Data.Entries.Len()), group(int64(len(due.Data.Evidence))))
		for _, l := range []struct {
			name string
			of   []govern.Tallied
		}{{"policy", due.Data.Policies}, {"custodian", due.Data.Custodians}, {"month", due.Data.Months}} {
			for _, t := range l.of {
				name := t.Name
				if name == "" {
					name = "none"
				}
				fmt.Fprintf(&b, "  %10s  %s %s\n", group(t.N), l.name, oneLine(name, 60))
			}
		}
	}
	for _, t := range due.Data.Held {
		fmt.Fprintf(&b, "%s would be due and are kept by %s.\n", group(t.N), t.Name)
	}
	return b.String()
}

type disposeProposeCmd struct {
	Today  string `help:"Today's date, as you read it elsewhere: two people vouch for it." required:"" placeholder:"2026-11-24"`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
}

func (c *disposeProposeCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		due, err := d.Due(a.ctx, time.Now())
		if err != nil {
			return err
		}
		if len(due.Messages) == 0 {
			_, err := fmt.Fprint(a.stdout, dueText(due))
			return err
		}
		n, err := d.Propose(a.ctx, who, due, c.Today, c.Reason)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%sProposed as request %d. Another person confirms it with:\n\n  waxseal request approve %d --today DATE\n", dueText(due), n, n)
		return err
	})
}

type disposeRunCmd struct {
	Request int64 `arg:"" help:"Number of the request."`
}

func (c *disposeRunCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, _ govern.Actor) error { return a.runDisposal(d, c.Request) })
}

func (a *app) runDisposal(d *dispose.Desk, request int64) error {
	var bar *progress
	was := ""
	n, err := d.Run(a.ctx, request, func(step string, done, of int64) {
		if step != was {
			if bar != nil {
				bar.done()
			}
			bar, was = a.bar(step), step
		}
		bar.set(done, of, group(done)+" records")
	})
	if bar != nil {
		bar.done()
	}
	if err != nil {
		if begun, e := d.Unfinished(context.WithoutCancel(a.ctx)); e == nil && slices.Contains(begun, request) {
			a.printErr("waxseal: The disposal %d is not finished, and not certified. It goes on with: waxseal dispose resume", request)
		}
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "Done. Certificate %d: waxseal dispose certificate %d\n", n, n)
	return err
}

type disposeResumeCmd struct{}

func (disposeResumeCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, _ govern.Actor) error {
		list, err := d.Unfinished(a.ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(a.stdout, "Every disposal that was begun is finished.")
			return err
		}
		for _, request := range list {
			if err := a.runDisposal(d, request); err != nil {
				return err
			}
		}
		return nil
	})
}

type disposeListCmd struct {
	JSON bool `help:"Print JSON, one object a line."`
}

func (c *disposeListCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, _ govern.Actor) error {
		list, err := d.List(a.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			for _, l := range list {
				if err := json.NewEncoder(a.stdout).Encode(l); err != nil {
					return err
				}
			}
			return nil
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(a.stdout, "Nothing was ever disposed of, and nothing is proposed.")
			return err
		}
		for _, l := range list {
			if _, err := fmt.Fprintf(a.stdout, "%8d  %-10s  %10s messages  %s\n", l.Request, l.State, group(l.Messages), oneLine(l.Reason, 60)); err != nil {
				return err
			}
		}
		return nil
	})
}

type disposeCertificateCmd struct {
	Number int64 `arg:"" help:"Entry of the certificate."`
	JSON   bool  `help:"Print JSON."`
}

func (c *disposeCertificateCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, _ govern.Actor) error {
		cert, err := d.Certificate(a.ctx, c.Number)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(a.stdout).Encode(cert)
		}
		_, err = fmt.Fprint(a.stdout, certificateText(cert))
		return err
	})
}

func certificateText(c *dispose.Certified) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Certificate of disposal %d\n\n", c.Entry)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("Disposed of", "%s messages: the content of %s records and %s files", group(c.Data.Messages), group(c.Head.Records), group(c.Head.Blobs))
	if c.Head.Shared > 0 {
		line("", "%s files stay: other messages have them too", group(c.Head.Shared))
	}
	line("Proposed by", "%s", oneLine(c.Data.Proposer, 60))
	line("Confirmed by", "%s, %s", oneLine(c.Data.Approver, 60), c.Data.Approved.UTC().Format("2 January 2006 15:04 MST"))
	line("Because", "%s", oneLine(c.Data.Reason, 200))
	for _, p := range c.Data.Policies {
		line("Under", "%s (%s messages)", oneLine(p.Name, 60), group(p.N))
	}
	for _, k := range c.Data.KeptUnder {
		line("Kept", "%s messages, which %s keeps after all", group(k.N), oneLine(k.Name, 60))
	}
	line("Done", "%s, disposal %d of request %d", c.At.UTC().Format("2 January 2006 15:04 MST"), c.Head.Disposal, c.Data.Request)
	if c.Complete {
		line("Complete", "since %s: older copies of the key ring have lapsed", c.Head.Complete.UTC().Format("2 January 2006"))
	} else {
		line("Complete", "on %s, when older copies of the key ring have lapsed", c.Head.Complete.UTC().Format("2 January 2006"))
	}
	b.WriteString("\nThe entries stay in the log, without content. Prove this certificate with: waxseal prove " + strconv.FormatInt(c.Entry, 10) + "\n")
	return b.String()
}

// renewIndex builds the index anew under another key, and lets go of what an
// earlier one left behind.
func renewIndex(ar *archive.Archive, x *index.Index) func(context.Context, func(done, of int64)) error {
	return func(ctx context.Context, progress func(done, of int64)) error {
		k := seal.NewKey()
		err := x.Renew(ctx, ar.IndexPathOf(k), k, func() error { return ar.SetIndexKey(ctx, k) }, progress)
		if err != nil {
			return err
		}
		return dropStrayIndexes(ar)
	}
}

func dropStrayIndexes(ar *archive.Archive) error {
	stray, err := ar.StrayIndexes()
	for _, path := range stray {
		if e := os.Remove(path); !errors.Is(e, fs.ErrNotExist) { // another process may be faster
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return fmt.Errorf("remove the old index: %w", err)
	}
	return nil
}
