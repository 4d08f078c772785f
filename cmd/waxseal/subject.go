package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

type subjectCmd struct {
	Open   subjectOpenCmd   `cmd:"" help:"Enter what a data subject asks for."`
	List   subjectListCmd   `cmd:"" help:"List what data subjects asked for."`
	Erase  subjectEraseCmd  `cmd:"" help:"Say what can be erased and what has to be kept, and why; and propose it."`
	Answer subjectAnswerCmd `cmd:"" help:"Close a request: a copy was given, it is refused, or it was withdrawn."`
}

type subjectOpenCmd struct {
	Kind     string   `arg:"" enum:"access,erasure" help:"access or erasure."`
	Query    []string `arg:"" help:"What finds their messages, in the query language of search."`
	Person   string   `help:"Who asks." required:"" placeholder:"NAME"`
	Received string   `help:"The day on which it came (default: today)." placeholder:"2026-01-31"`
	Reason   string   `help:"Anything else." placeholder:"TEXT"`
}

func (c *subjectOpenCmd) Run(a *app) error {
	if c.Received == "" {
		c.Received = time.Now().Format(time.DateOnly)
	}
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		query := strings.Join(c.Query, " ")
		if _, err := d.Index.Matching(a.ctx, query); err != nil {
			return err
		}
		n, err := d.Ledger.Do(a.ctx, who, govern.Request{Act: govern.ActSubjectOpen, Reason: c.Reason, Data: govern.SubjectData{
			Kind: c.Kind, Person: c.Person, Query: query, Received: c.Received,
		}})
		if err != nil {
			return err
		}
		return d.Ledger.Read(a.ctx, func(s *govern.State) error {
			_, err := fmt.Fprintf(a.stdout, "Request %d, to be answered until %s.\n", n, s.Subjects[n].Due.Format(time.DateOnly))
			return err
		})
	})
}

type subjectListCmd struct {
	JSON bool `help:"Print JSON, one object a line."`
}

func (c *subjectListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			for _, n := range slices.Sorted(maps.Keys(s.Subjects)) {
				r := s.Subjects[n]
				if c.JSON {
					if err := json.NewEncoder(a.stdout).Encode(r); err != nil {
						return err
					}
					continue
				}
				state := "open, due " + r.Due.Format(time.DateOnly)
				if !r.Open() {
					state = r.Answer + ", " + r.Closed.Format(time.DateOnly)
				}
				if _, err := fmt.Fprintf(a.stdout, "%8d  %-8s %-24s %-24s %s\n", r.ID, r.Kind, state, oneLine(r.Person, 24), oneLine(r.Query, 60)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type subjectEraseCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Today   string `help:"Propose it: today's date, as you read it elsewhere." placeholder:"2026-11-24"`
	Reason  string `help:"Why." placeholder:"TEXT"`
}

func (c *subjectEraseCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		query := ""
		err := d.Ledger.Read(a.ctx, func(s *govern.State) error {
			r := s.Subjects[c.Request]
			if r == nil || r.Kind != govern.Erasure || !r.Open() {
				return govern.Refuse(govern.ErrUnknown, "There is no open request for erasure %d.", c.Request)
			}
			query = r.Query
			return nil
		})
		if err != nil {
			return err
		}
		due, kept, err := d.Erasure(a.ctx, query, time.Now())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(a.stdout, erasureText(due, kept)); err != nil || c.Today == "" || len(due.Messages) == 0 {
			return err
		}
		due.Data.Subject = c.Request
		n, err := d.Propose(a.ctx, who, due, c.Today, c.Reason)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Proposed as request %d. Another person confirms it with:\n\n  waxseal request approve %d --today DATE\n", n, n)
		return err
	})
}

// erasureText says what can go, and of what stays each ground once.
func erasureText(due *dispose.Due, kept map[int64]retain.Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s can be erased, %s to be kept.\n", count(int64(len(due.Messages)), "message"), group(int64(len(kept))))
	grounds := map[string]int64{}
	for _, d := range kept {
		grounds[ground(&d)]++
	}
	for _, g := range slices.Sorted(maps.Keys(grounds)) {
		fmt.Fprintf(&b, "  %10s  %s\n", group(grounds[g]), oneLine(g, 300))
	}
	return b.String()
}

// ground is why a message is kept although its erasure is asked for, with the
// clause of the GDPR that lets the firm say no.
func ground(d *retain.Decision) string {
	if d.Held {
		for _, r := range d.Reasons {
			if r.Kind == retain.Hold {
				return r.Say + " GDPR 17(3)(e)."
			}
		}
	}
	until := "with no end known"
	if !d.End.IsZero() {
		until = "until " + d.End.UTC().Format("January 2006")
	}
	for _, r := range d.Reasons {
		if r.Policy == d.Policy && r.Version > 0 {
			return fmt.Sprintf("kept %s under %s v%d (%s); GDPR 17(3)(b).", until, r.Policy, r.Version, r.Clause)
		}
	}
	return "kept " + until + " under " + d.Policy + "; GDPR 17(3)(b)."
}

type subjectAnswerCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Answer  string `arg:"" enum:"copy,refused,withdrawn" help:"copy, refused or withdrawn."`
	Reason  string `help:"Why: it is kept with it." required:"" placeholder:"TEXT"`
}

func (c *subjectAnswerCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		_, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActSubjectClose, Reason: c.Reason, Data: govern.SubjectAnswer{Subject: c.Request, Answer: c.Answer}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, "Answered.")
		return err
	})
}
