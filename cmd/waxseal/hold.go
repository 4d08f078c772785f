package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type holdCmd struct {
	List        holdListCmd        `cmd:"" help:"List holds."`
	Place       holdPlaceCmd       `cmd:"" help:"Hold what a query finds, now and later: none of it is disposed of."`
	Notice      holdNoticeCmd      `cmd:"" help:"Tell custodians of a hold."`
	Acknowledge holdAcknowledgeCmd `cmd:"" help:"Acknowledge a notice, or note that somebody did on paper."`
	Release     holdReleaseCmd     `cmd:"" help:"Ask that a hold is released; a second person confirms it with: waxseal request approve."`
	Report      holdReportCmd      `cmd:"" help:"Report on a hold: what it covers, who was told, who acknowledged."`
}

type holdListCmd struct {
	All  bool `help:"Released ones, too."`
	JSON bool `help:"One JSON object a line."`
}

func (c *holdListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			n := 0
			for _, id := range slices.Sorted(maps.Keys(s.Holds)) {
				h := s.Holds[id]
				if !h.Open() && !c.All {
					continue
				}
				n++
				state := "since " + h.At.Format("2006-01-02")
				if !h.Open() {
					state = "released " + h.Released.Format("2006-01-02")
				}
				var err error
				if c.JSON {
					err = enc.Encode(h)
				} else {
					_, err = fmt.Fprintf(a.stdout, "%-8d %-30s %-20s %s\n", id, oneLine(h.Name, 30), state, oneLine(h.HoldQuery(), 200))
				}
				if err != nil {
					return err
				}
			}
			if n == 0 && !c.JSON {
				_, err := fmt.Fprintln(a.stdout, "No holds.")
				return err
			}
			return nil
		})
	})
}

type holdPlaceCmd struct {
	Query  string `arg:"" help:"What it covers, in the language of search: custodian:j.doe, in:acme, after:2024."`
	Name   string `help:"Name of the hold." required:"" placeholder:"NAME"`
	Reason string `help:"Why; it stands in the audit trail." required:"" placeholder:"TEXT"`
	Matter int64  `help:"Holds, too, what is collected for this matter." placeholder:"N"`
}

func (c *holdPlaceCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		// What cannot be asked would hold everything: it is refused while
		// somebody is there to mend it.
		found, err := x.Search(a.ctx, index.Search{Query: c.Query, Limit: 1, Exact: true})
		if err != nil {
			return err
		}
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		id, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActHoldPlace, Reason: c.Reason, Data: govern.HoldData{Name: c.Name, Matter: c.Matter, Query: c.Query}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Hold %d is placed. It covers %s now, and all that its query finds later.\n", id, count(found.Total, "message"))
		return err
	})
}

type holdNoticeCmd struct {
	Hold      int64    `arg:"" help:"Number of the hold."`
	Custodian []string `arg:"" help:"Who is told."`
	Text      string   `help:"What they are told." required:"" placeholder:"TEXT"`
}

func (c *holdNoticeCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		id, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActHoldNotice, Data: govern.NoticeData{Hold: c.Hold, Text: c.Text, Custodians: c.Custodian}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Notice %d waits for %s to acknowledge it.\n", id, count(int64(len(c.Custodian)), "custodian"))
		return err
	})
}

type holdAcknowledgeCmd struct {
	Hold      int64  `arg:"" help:"Number of the hold."`
	Notice    int64  `arg:"" help:"Number of the notice."`
	Custodian string `arg:"" help:"Whose acknowledgement it is."`
	Reason    string `help:"Where an officer notes it: how it was given, and when." placeholder:"TEXT"`
}

func (c *holdAcknowledgeCmd) Run(a *app) error {
	return a.act("Acknowledged.", govern.Request{Act: govern.ActHoldAcknowledge, Reason: c.Reason, Data: govern.AcknowledgeData{Hold: c.Hold, Notice: c.Notice, Custodian: c.Custodian}})
}

type holdReleaseCmd struct {
	Hold   int64  `arg:"" help:"Number of the hold."`
	Reason string `help:"Why; it stands in the audit trail." required:"" placeholder:"TEXT"`
}

func (c *holdReleaseCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		id, err := l.Ask(a.ctx, who, govern.Request{Act: govern.ActHoldRelease, Reason: c.Reason, Data: govern.HoldRef{Hold: c.Hold}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Asked. The hold stays until a second person confirms request %d: waxseal request approve %d\n", id, id)
		return err
	})
}

type holdReportCmd struct {
	Hold int64 `arg:"" help:"Number of the hold."`
	JSON bool  `help:"As one JSON object."`
}

// holdReport is what hold report --json prints.
type holdReport struct {
	*govern.Hold
	Found    int64          `json:"found"`  // messages that the query finds now
	Broken   bool           `json:"broken"` // it cannot be asked: everything is held
	Coverage index.Coverage `json:"coverage"`
}

func (c *holdReportCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		l, _, err := a.books(ar)
		if err != nil {
			return err
		}
		return l.Read(a.ctx, func(s *govern.State) error {
			h := s.Holds[c.Hold]
			if h == nil {
				return usagef("there is no hold %d: waxseal hold list --all", c.Hold)
			}
			r := holdReport{Hold: h}
			if q := h.HoldQuery(); q != "" {
				res, err := x.Search(a.ctx, index.Search{Query: q, Limit: 1, Exact: true})
				if r.Broken = errors.Is(err, index.ErrQuery); err != nil && !r.Broken {
					return err
				}
				r.Found = res.Total
			}
			if r.Coverage, err = x.Coverage(a.ctx); err != nil {
				return err
			}
			if c.JSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetEscapeHTML(false)
				return enc.Encode(r)
			}
			return r.print(a)
		})
	})
}

func (r *holdReport) print(a *app) error {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("Hold %d: %s", r.ID, r.Name)
	line("Placed %s by %s: %s", r.At.Format("2006-01-02 15:04 MST"), byWhom(r.By), oneLine(r.Reason, 2000))
	switch {
	case r.Broken:
		line("Its query can no longer be asked: everything is held. %s", r.Query)
	default:
		line("Covers %s that its query finds now, and all that it finds later: %s", count(r.Found, "message"), r.HoldQuery())
	}
	if n := r.Messages.Len(); n > 0 {
		line("Covers %s by their numbers.", count(n, "message"))
	}
	for i := range r.Notices {
		n := &r.Notices[i]
		line("Notice %d, %s, by %s: %s", n.Seq, n.At.Format("2006-01-02"), byWhom(n.By), oneLine(n.Text, 2000))
		for _, c := range n.Custodians {
			k, ok := n.Acknowledged[c]
			switch {
			case !ok:
				line("  %s has not acknowledged it", c)
			case k.Note != "":
				line("  %s acknowledged it; noted %s by %s: %s", c, k.At.Format("2006-01-02"), byWhom(k.By), oneLine(k.Note, 500))
			default:
				line("  %s acknowledged it %s", c, k.At.Format("2006-01-02"))
			}
		}
	}
	if !r.Open() {
		line("Released %s by %s and %s: %s", r.Released.Format("2006-01-02"), byWhom(r.ReleasedBy[0]), byWhom(r.ReleasedBy[1]), oneLine(r.Why, 2000))
	}
	if _, err := a.stdout.Write([]byte(b.String())); err != nil {
		return err
	}
	return printCoverage(a.stdout, r.Coverage)
}

func byWhom(login string) string {
	if login == "" {
		return "whoever held the keys"
	}
	return login
}
