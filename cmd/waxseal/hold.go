package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
)

type holdCmd struct {
	Place   holdPlaceCmd   `cmd:"" help:"Place a hold: nothing that it covers can be disposed of."`
	List    holdListCmd    `cmd:"" help:"List holds."`
	Release holdReleaseCmd `cmd:"" help:"Ask for the release of a hold. Another person has to confirm it."`
}

type holdPlaceCmd struct {
	Query  string `arg:"" help:"What it covers, now and later: in the language of search."`
	Name   string `help:"What it is called." required:"" placeholder:"NAME"`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
}

func (c *holdPlaceCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		set, err := d.Index.Matching(a.ctx, c.Query) // a hold that cannot be asked helps nobody
		if err != nil {
			return err
		}
		n, err := d.Ledger.Do(a.ctx, who, govern.Request{Act: govern.ActHoldPlace, Reason: c.Reason, Data: govern.HoldData{Name: c.Name, Query: c.Query}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Hold %d covers %s messages now, and whatever comes that its query finds.\n", n, group(int64(set.Len())))
		return err
	})
}

type holdListCmd struct {
	JSON bool `help:"Print JSON, one object a line."`
}

func (c *holdListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			for _, id := range slices.Sorted(maps.Keys(s.Holds)) {
				h := s.Holds[id]
				if c.JSON {
					if err := json.NewEncoder(a.stdout).Encode(h); err != nil {
						return err
					}
					continue
				}
				state := "open"
				if !h.Open() {
					state = "released " + h.Released.Format(time.DateOnly)
				}
				if _, err := fmt.Fprintf(a.stdout, "%8d  %-20s  %s  %s\n", id, state, oneLine(h.Name, 40), oneLine(h.HoldQuery(), 60)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type holdReleaseCmd struct {
	Hold   int64  `arg:"" help:"Number of the hold."`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
}

func (c *holdReleaseCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		n, err := l.Ask(a.ctx, who, govern.Request{Act: govern.ActHoldRelease, Reason: c.Reason, Data: govern.HoldRef{Hold: c.Hold}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Asked for as request %d. Another person confirms it with: waxseal request approve %d\n", n, n)
		return err
	})
}
