package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/cover"
	"github.com/waxseal/waxseal/internal/gap/watch"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/outbound"
)

type gapCmd struct {
	List    gapListCmd    `cmd:"" help:"List what live capture is missing."`
	Show    gapShowCmd    `cmd:"" help:"Show one gap, with the messages that it is about."`
	Explain gapExplainCmd `cmd:"" help:"Say why a gap is there, and what was done."`
	Scan    gapScanCmd    `cmd:"" help:"Look for gaps now. The server does it every five minutes."`
}

type gapListCmd struct {
	Open bool   `help:"Only those that nobody has explained."`
	All  bool   `help:"Those that are filled, too."`
	Kind string `help:"Only of this kind, such as orphan_outbound." placeholder:"KIND"`
	JSON bool   `help:"One JSON object a line."`
}

func (c *gapListCmd) Run(a *app) error {
	if c.Kind != "" && !slices.Contains(gap.Kinds(), gap.Kind(c.Kind)) {
		return usagef("there is no kind of gap %q; there are: %s", c.Kind, kindList())
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			all := s.GapList(func(g *govern.Gap) bool {
				return (c.Kind == "" || g.Kind == c.Kind) && (g.State == govern.GapOpen || !c.Open && g.State == govern.GapExplained || c.All && g.State == govern.GapClosed)
			})
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			for _, g := range all {
				var err error
				if c.JSON {
					err = enc.Encode(g)
				} else {
					_, err = fmt.Fprintf(a.stdout, "%-8d %-10s %-30s %-16s %-10s %s\n", g.ID, g.State, gap.Kind(g.Kind).Name(), oneLine(g.Number, 16), gapDay(g), gapCount(g))
				}
				if err != nil {
					return err
				}
			}
			if len(all) == 0 && !c.JSON {
				_, err := fmt.Fprintln(a.stdout, "No gaps.")
				return err
			}
			return nil
		})
	})
}

func kindList() string {
	var all []string
	for _, k := range gap.Kinds() {
		all = append(all, string(k))
	}
	return strings.Join(all, " ")
}

func gapDay(g *govern.Gap) string { return g.Start.UTC().Format(time.DateOnly) }

func gapCount(g *govern.Gap) string {
	if gap.Kind(g.Kind).OfMessages() {
		return count(g.Count(), "message")
	}
	return oneLine(g.Source, 40)
}

type gapShowCmd struct {
	Gap  int64 `arg:"" help:"Number of the gap."`
	JSON bool  `help:"As one JSON object."`
}

func (c *gapShowCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			g := s.Gaps[c.Gap]
			if g == nil {
				return govern.Refuse(govern.ErrUnknown, "There is no gap %d.", c.Gap)
			}
			if c.JSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetEscapeHTML(false)
				return enc.Encode(g)
			}
			var b strings.Builder
			fmt.Fprintf(&b, "Gap %d: %s, %s\n", g.ID, gap.Kind(g.Kind).Name(), g.State)
			fmt.Fprintf(&b, "  source    %s %s\n", oneLine(g.Source, 40), oneLine(g.Number, 20))
			fmt.Fprintf(&b, "  from      %s\n  to        %s\n  found     %s\n", gapTime(g.Start), gapTime(g.End), gapTime(g.At))
			fmt.Fprintf(&b, "  %s\n", oneLine(g.Reason, 500))
			if n := g.Count(); n > 0 {
				fmt.Fprintf(&b, "  %s missing, %s filled since\n", count(n, "message"), group(g.Filled))
			}
			if n := g.Messages.Len(); n > 0 {
				fmt.Fprintf(&b, "  in the archive, in part: %s\n", shortList(g.Messages))
			}
			if len(g.Refs) > 0 {
				fmt.Fprintf(&b, "  not in the archive: %s\n", oneLine(strings.Join(g.Refs, " "), 2000))
			}
			if g.Why != "" {
				fmt.Fprintf(&b, "  explained %s by %s: %s\n", gapTime(g.Explained), oneLine(orOperator(g.ExplainedBy), 60), oneLine(g.Why, 500))
			}
			_, err := fmt.Fprint(a.stdout, b.String())
			return err
		})
	})
}

func orOperator(login string) string {
	if login == "" {
		return "whoever held the keys"
	}
	return login
}

func gapTime(t time.Time) string {
	if t.IsZero() {
		return "not over"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// shortList names the first messages of many.
func shortList(rs govern.Runs) string {
	var all []string
	for _, seq := range rs.Seqs() {
		if len(all) == 20 {
			all = append(all, "…")
			break
		}
		all = append(all, fmt.Sprint(seq))
	}
	return strings.Join(all, " ")
}

type gapExplainCmd struct {
	Gap    int64  `arg:"" help:"Number of the gap."`
	Reason string `help:"Why it is there, and what was done; it stands in the audit trail." required:"" placeholder:"TEXT"`
}

func (c *gapExplainCmd) Run(a *app) error {
	return a.act("Explained. It stays in the list, and in the report on coverage.", govern.Request{Act: govern.ActGapExplain, Reason: c.Reason, Data: govern.ForGap{Gap: c.Gap}})
}

type gapScanCmd struct {
	All     bool `help:"Look at every message of the Cloud API, not at the last days alone."`
	Offline bool `help:"Do not ask Meta."`
	JSON    bool `help:"As one JSON object."`
}

func (c *gapScanCmd) Run(a *app) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		o := watch.Options{Index: x, Log: ar, Ledger: l, Zone: zoneOf(ar), Unknown: cloudapi.Unknown}
		if !c.Offline {
			o.Graph = askMeta
		}
		res, err := watch.New(o).Scan(a.ctx, watch.Scan{Graph: !c.Offline, Daily: true, All: c.All})
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(a.stdout).Encode(res)
		}
		_, err = fmt.Fprintf(a.stdout, "%s looked at: %s opened, %s changed, %s filled.\n", count(res.Messages, "message"), count(res.Opened, "gap"), group(res.Changed), group(res.Closed))
		for _, u := range res.Unasked {
			if err == nil {
				_, err = fmt.Fprintln(a.stdout, printable(u))
			}
		}
		if err == nil && len(res.Unasked) > 0 {
			return exitError{exitIncomplete, "not everything could be looked at"}
		}
		return err
	})
}

type coverageCmd struct {
	From string `help:"First day (default: 30 days ago)." placeholder:"2026-01-31"`
	To   string `help:"Last day (default: today)." placeholder:"2026-01-31"`
	JSON bool   `help:"One JSON object a line: the days, and last what cannot be known."`
}

func (c *coverageCmd) Run(a *app) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		zone, now := zoneOf(ar), time.Now()
		from, to, err := cover.Between(c.From, c.To, now, zone)
		if err != nil {
			return usagef("%v", err)
		}
		days, err := cover.Days(a.ctx, l, x, from, to, now, zone)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			for _, d := range days {
				if err := enc.Encode(d); err != nil {
					return err
				}
			}
			return enc.Encode(map[string]any{"unknowable": gap.BlindSpots(), "zone": zone.String()})
		}
		_, err = fmt.Fprint(a.stdout, coverageText(days, zone))
		return err
	})
}

func coverageText(days []gap.Day, zone *time.Location) string {
	var b strings.Builder
	if len(days) == 0 {
		b.WriteString("No number is listened to. Add a source with: waxseal source add cloudapi\n")
	}
	number := ""
	for _, d := range days {
		if d.State == gap.NotYet && d.In+d.Out == 0 {
			continue
		}
		if n := d.Source + " " + d.Number; n != number {
			number = n
			fmt.Fprintf(&b, "\n%s, days of %s\n%-10s %-10s %9s %8s %8s %9s %7s  %s\n", oneLine(n, 80), zone, "day", "state", "listened", "in", "out", "statuses", "files", "missing")
		}
		var missing []string
		for _, m := range d.Missing {
			s := strings.ToLower(m.Kind.Name())
			if m.Messages > 0 {
				s += " " + group(m.Messages)
			}
			if m.Explained {
				s += " (explained)"
			}
			missing = append(missing, s)
		}
		fmt.Fprintf(&b, "%-10s %-10s %9s %8s %8s %9s %7s  %s\n", d.Day, d.State, cover.Share(d), group(d.In), group(d.Out), group(d.Statuses), group(d.Media), strings.Join(missing, ", "))
	}
	b.WriteString("\nWhat cannot be known, whatever is done (on the Cloud API alone; with the Business app too):\n")
	for _, s := range gap.BlindSpots() {
		fmt.Fprintf(&b, "  %s: %s With the app: %s\n", s.What, s.Cloud, s.Coex)
	}
	return b.String()
}

// zoneOf is the zone that the archive's days are of.
func zoneOf(ar *archive.Archive) *time.Location {
	if zone, err := time.LoadLocation(ar.Info().Zone); err == nil {
		return zone
	}
	return time.UTC // of an archive that a newer version made
}

// askMeta is what Meta is asked by.
func askMeta(cfg cloudapi.Config) watch.Graph {
	o := outbound.Options{Allow: loopbackOf(cfg.Graph)}
	return watch.Ask(graph.New(func() cloudapi.Config { return cfg }, outbound.Client(o)), cfg.Name)
}

// watchGaps looks for gaps while the program listens, until ctx ends.
func (l *live) watchGaps(ctx context.Context) {
	watch.New(watch.Options{
		Index: l.x, Log: l.ar, Ledger: l.ledger, Graph: askMeta, Live: true, Bell: l.bell, Zone: zoneOf(l.ar), Logger: l.log,
		Listening: func(string) bool { return l.ready() == nil },
		Journal:   l.journalOf, Unknown: cloudapi.Unknown,
	}).Run(ctx)
}

// journalOf is the journal of a source that runs; nil: it does not.
func (l *live) journalOf(name string) cloudapi.Journal {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if s := l.sources[name]; s != nil {
		return s.journal
	}
	return nil
}
