package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/index"
)

type auditCmd struct {
	Text    []string `arg:"" optional:"" help:"Only what has these words in it."`
	By      string   `help:"Only what this person did." placeholder:"LOGIN"`
	Act     string   `help:"Only this act, or all that begin so where it ends with a dot: hold." placeholder:"ACT"`
	On      string   `help:"Only what is about this: hold:12, custodian:j.doe, message:415." placeholder:"WHAT"`
	Since   string   `help:"From this day on (UTC)." placeholder:"DATE"`
	Until   string   `help:"Until this day, inclusive (UTC)." placeholder:"DATE"`
	Refused bool     `help:"Only what was refused."`
	Limit   int      `help:"Newest rows to print; 0 prints all." default:"50"`
	JSON    bool     `help:"One JSON object a line." xor:"form"`
	CSV     bool     `name:"csv" help:"A table for spreadsheets." xor:"form"`
}

// auditAtOnce is how many rows are read at once.
const auditAtOnce = 500

func (c *auditCmd) Run(a *app) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	return a.withIndex(func(_ *archive.Archive, x *index.Index) error {
		out := auditPrinter{a: a, c: c, csv: index.WriteAuditCSV(a.stdout)}
		left, total := c.Limit, int64(0)
		for {
			q.Limit = auditAtOnce
			if c.Limit > 0 {
				q.Limit = min(q.Limit, left)
			}
			page, err := x.Audit(a.ctx, q)
			if err != nil {
				return err
			}
			if q.Before == 0 {
				total = page.Total
			}
			for i := range page.Rows {
				if err := out.row(&page.Rows[i]); err != nil {
					return err
				}
			}
			left -= len(page.Rows)
			if q.Before = page.Next; q.Before == 0 || c.Limit > 0 && left <= 0 {
				return out.end(total, q.Before != 0)
			}
		}
	})
}

func (c *auditCmd) query() (q index.AuditQuery, err error) {
	q = index.AuditQuery{By: c.By, Act: c.Act, On: c.On, Text: strings.Join(c.Text, " ")}
	if c.Limit < 0 {
		return q, usagef("--limit is not below 0")
	}
	if c.Refused {
		q.Refused = &c.Refused
	}
	for _, d := range []struct {
		day, flag string
		days      int
		to        *time.Time
	}{{c.Since, "--since", 0, &q.From}, {c.Until, "--until", 1, &q.To}} {
		if d.day == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, d.day)
		if err != nil {
			return q, usagef("%s wants a day such as 2024-01-31, not %q", d.flag, d.day)
		}
		*d.to = at.AddDate(0, 0, d.days)
	}
	return q, nil
}

// auditPrinter prints rows of the audit trail as they come.
type auditPrinter struct {
	a   *app
	c   *auditCmd
	csv func([]index.AuditRow) error
}

func (p *auditPrinter) row(r *index.AuditRow) error {
	at := r.At.UTC().Format(time.RFC3339)
	switch {
	case p.c.JSON:
		return json.NewEncoder(p.a.stdout).Encode(r)
	case p.c.CSV:
		return p.csv([]index.AuditRow{*r})
	}
	say := r.Act
	for _, s := range []string{strings.Join(r.On, " "), quoted("because", r.Reason), quoted("refused:", r.Refused), quoted("counted for nothing:", r.Void)} {
		if s != "" {
			say += "  " + s
		}
	}
	if r.Gone {
		say = "its content was disposed of"
	}
	by := r.By
	if by == "" {
		by = "—"
	}
	_, err := fmt.Fprintf(p.a.stdout, "%8d  %s  %-16s %s\n", r.Seq, at, oneLine(by, 16), oneLine(say, 160))
	return err
}

func quoted(word, s string) string {
	if s == "" {
		return ""
	}
	return word + " “" + s + "”"
}

func (p *auditPrinter) end(total int64, more bool) error {
	switch {
	case p.c.CSV:
		return p.csv(nil)
	case p.c.JSON:
		return nil
	}
	n := group(total)
	if total < 0 {
		n = "more than " + group(index.MaxAudited)
	}
	text := n + " in the audit trail."
	if more {
		text += " These are the newest; --limit 0 prints all."
	}
	_, err := fmt.Fprintln(p.a.stdout, text)
	return err
}
