package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type labelCmd struct {
	List   labelListCmd   `cmd:"" help:"List the labels."`
	Add    labelAddCmd    `cmd:"" help:"Make a label: Deals, or Deals/Acme below it."`
	Rule   labelRuleCmd   `cmd:"" help:"Set a label's rule: what the search finds has the label, now and later."`
	Apply  labelApplyCmd  `cmd:"" help:"Put a label on everything that a search finds."`
	Remove labelRemoveCmd `cmd:"" help:"Take a label off everything that a search finds."`
	Close  labelCloseCmd  `cmd:"" help:"Close a label: nobody puts messages into it any more."`
}

// sayDone prints a result: a sentence, or an object for programs.
func (a *app) sayDone(asJSON bool, v any, format string, args ...any) error {
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	_, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf(format, args...)))
	return err
}

// numbered is the result of an act.
type numbered struct {
	ID       int64  `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Messages int64  `json:"messages,omitempty"`
}

// labelLine is a label as label list --json prints it.
type labelLine struct {
	govern.Label
	Path string `json:"path"`
}

type labelListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *labelListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var rows []labelLine
		if err := l.Read(a.ctx, func(s *govern.State) error {
			for id, x := range s.Labels {
				rows = append(rows, labelLine{*x, s.LabelPath(id)})
			}
			return nil
		}); err != nil {
			return err
		}
		slices.SortFunc(rows, func(x, y labelLine) int { return strings.Compare(x.Path, y.Path) })
		if len(rows) == 0 && !c.JSON {
			return a.sayDone(false, nil, "No labels yet. Make one with: waxseal label add NAME")
		}
		for _, r := range rows {
			state := ""
			if r.Closed {
				state = "  closed"
			}
			if err := a.sayDone(c.JSON, r, "%8d  %-40s %s%s", r.ID, oneLine(r.Path, 200), oneLine(r.Rule, 200), state); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeLabel changes a label that is there.
func (a *app) changeLabel(path, reason string, asJSON bool, done string, change func(*govern.LabelData)) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		x, err := a.label(l, path)
		if err != nil {
			return err
		}
		d := govern.LabelData{Label: x.ID, Name: x.Name, Parent: x.Parent, Rule: x.Rule, Closed: x.Closed}
		change(&d)
		if _, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActLabelSet, Reason: reason, Data: d}); err != nil {
			return err
		}
		return a.sayDone(asJSON, numbered{ID: x.ID, Name: path}, "%s", done)
	})
}

// label finds a label by its path.
func (a *app) label(l *govern.Ledger, path string) (found govern.Label, err error) {
	err = l.Read(a.ctx, func(s *govern.State) error {
		x := s.LabelAt(path)
		if x == nil {
			return govern.Refuse(govern.ErrUnknown, "There is no label %q. Make it with: waxseal label add", path)
		}
		found = *x
		return nil
	})
	return found, err
}

type labelAddCmd struct {
	Path   string `arg:"" help:"Name of the label, behind the labels above it: Deals/Acme."`
	Rule   string `help:"A search: what it finds has the label, now and later." placeholder:"QUERY"`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *labelAddCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		if err := a.understood(x, c.Rule); err != nil {
			return err
		}
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		d := govern.LabelData{Name: c.Path, Rule: c.Rule}
		if i := strings.LastIndex(c.Path, "/"); i >= 0 {
			above, err := a.label(l, c.Path[:i])
			if err != nil {
				return err
			}
			d.Parent, d.Name = above.ID, c.Path[i+1:]
		}
		id, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActLabelSet, Reason: c.Reason, Data: d})
		if err != nil {
			return err
		}
		return a.sayDone(c.JSON, numbered{ID: id, Name: c.Path}, "Label %d, %s.", id, c.Path)
	})
}

// understood refuses a rule that no search is.
func (a *app) understood(x *index.View, rule string) error {
	if rule == "" {
		return nil
	}
	_, err := x.Search(a.ctx, index.Search{Query: rule, Limit: 1})
	return err
}

type labelRuleCmd struct {
	Path   string   `arg:"" help:"The label: Deals/Acme."`
	Query  []string `arg:"" optional:"" help:"The search; none: the label has no rule any more."`
	Reason string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool     `help:"Print JSON."`
}

func (c *labelRuleCmd) Run(a *app) error {
	rule := strings.Join(c.Query, " ")
	if err := a.withView(func(_ *archive.Archive, x *index.View) error { return a.understood(x, rule) }); err != nil {
		return err
	}
	a.ledger = nil // of the archive that was closed again
	return a.changeLabel(c.Path, c.Reason, c.JSON, "The rule is set.", func(d *govern.LabelData) { d.Rule = rule })
}

type labelCloseCmd struct {
	Path   string `arg:"" help:"The label: Deals/Acme."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *labelCloseCmd) Run(a *app) error {
	return a.changeLabel(c.Path, c.Reason, c.JSON, "The label is closed.", func(d *govern.LabelData) { d.Closed = true })
}

// withFound does an act with all that a search finds, in as many parts as acts
// take.
func (a *app) withFound(query []string, act, reason string, asJSON bool, target func(*govern.Ledger) (name string, data func(govern.Runs) any, err error)) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		name, data, err := target(l)
		if err != nil {
			return err
		}
		var seqs []int64
		if err := x.All(a.ctx, strings.Join(query, " "), func(m chat.Message) error {
			seqs = append(seqs, m.Seq)
			return nil
		}); err != nil {
			return err
		}
		if len(seqs) == 0 {
			return exitError{exitRefused, "Nothing is found, so nothing was done."}
		}
		runs := govern.RunsOf(seqs)
		for _, part := range runs.Parts() {
			if _, err := l.Do(a.ctx, who, govern.Request{Act: act, Reason: reason, Data: data(part)}); err != nil {
				return err
			}
		}
		return a.sayDone(asJSON, numbered{Name: name, Messages: runs.Len()}, "%s: %s.", name, count(runs.Len(), "message"))
	})
}

// bulkFlags are what commands share that do something with all that is found.
type bulkFlags struct {
	Query  []string `arg:"" help:"The search; everything that it finds."`
	Reason string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool     `help:"Print JSON."`
}

func (a *app) labelFound(path string, f bulkFlags, act string) error {
	return a.withFound(f.Query, act, f.Reason, f.JSON, func(l *govern.Ledger) (string, func(govern.Runs) any, error) {
		x, err := a.label(l, path)
		return path, func(r govern.Runs) any { return govern.Labelled{Label: x.ID, Messages: r} }, err
	})
}

type labelApplyCmd struct {
	Path string `arg:"" help:"The label: Deals/Acme."`
	bulkFlags
}

func (c *labelApplyCmd) Run(a *app) error {
	return a.labelFound(c.Path, c.bulkFlags, govern.ActLabelApply)
}

type labelRemoveCmd struct {
	Path string `arg:"" help:"The label: Deals/Acme."`
	bulkFlags
}

func (c *labelRemoveCmd) Run(a *app) error {
	return a.labelFound(c.Path, c.bulkFlags, govern.ActLabelRemove)
}
