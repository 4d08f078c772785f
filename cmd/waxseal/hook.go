package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/push"
	"github.com/waxseal/waxseal/internal/web"
)

type hookCmd struct {
	Add    hookAddCmd    `cmd:"" help:"Tell another program what happens, by a signed webhook; an officer confirms it."`
	List   hookListCmd   `cmd:"" help:"List webhooks, and how far they were told."`
	Test   hookTestCmd   `cmd:"" help:"Tell something harmless, to see that it arrives."`
	Replay hookReplayCmd `cmd:"" help:"Tell again from an entry or a day, or go on where it was parked."`
	Pause  hookPauseCmd  `cmd:"" help:"Tell nothing for a while, or go on."`
	Remove hookRemoveCmd `cmd:"" help:"Tell nothing any longer."`
}

type hookAddCmd struct {
	ID        string   `arg:"" help:"What the hook is called: small letters, digits and hyphens."`
	URL       string   `arg:"" help:"Address that is told." name:"url"`
	Event     []string `help:"What it is told, such as message.received (default: all). May be given more than once." placeholder:"EVENT"`
	Custodian []string `help:"Only what is of this custodian. May be given more than once." placeholder:"ID"`
	Group     []string `help:"Only what is of this group of custodians." placeholder:"ID"`
	KeyFile   string   `help:"File that holds the key to sign with, instead of making one." name:"hook-key-file" type:"path" placeholder:"FILE"`
	Reason    string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *hookAddCmd) Run(a *app) error {
	d := govern.HookData{ID: c.ID, URL: c.URL, Events: c.Event, Scope: access.Scope{Custodians: c.Custodian, Groups: c.Group}}
	if len(d.Events) == 0 {
		for _, e := range govern.HookEvents() {
			if d.Scope.All() || strings.HasPrefix(e, "message.") || strings.HasPrefix(e, "media.") {
				d.Events = append(d.Events, e)
			}
		}
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		r, say := govern.Request{Act: govern.ActHookSet, Reason: c.Reason, Data: d}, ""
		known := false
		if err := l.Read(a.ctx, func(s *govern.State) error { known = s.Hooks[c.ID] != nil; return nil }); err != nil {
			return err
		}
		switch {
		case c.KeyFile != "":
			key, err := a.sourceSecret(c.KeyFile, "", "--hook-key-file")
			if err != nil {
				return err
			}
			r.Secret = []byte(key)
		case !known:
			key := rand.Text()
			r.Secret = []byte(key)
			say = "This key, shown this once, signs what is told (header " + alarm.Signature + "):\n\n  " + key + "\n\n"
		}
		set, err := l.Do(a.ctx, who, r)
		if err != nil {
			return err
		}
		open := false
		if err := l.Read(a.ctx, func(s *govern.State) error { open = s.Hooks[c.ID].Opened != 0; return nil }); err != nil {
			return err
		}
		if open {
			_, err = fmt.Fprintf(a.stdout, "%sThe hook %s is set.\n", say, c.ID)
			return err
		}
		id, asked, err := l.DoOrAsk(a.ctx, who, govern.Request{Act: govern.ActHookOpen, Reason: c.Reason, Data: govern.HookOpen{ID: c.ID, Set: set}})
		if err != nil {
			return err
		}
		if asked {
			say += fmt.Sprintf("The hook %s tells nothing until an officer confirms request %d: waxseal request approve %d\n", c.ID, id, id)
		} else {
			say += fmt.Sprintf("The hook %s is told what happens from now on. See that it arrives: waxseal hook test %s\n", c.ID, c.ID)
		}
		_, err = fmt.Fprint(a.stdout, say)
		return err
	})
}

type hookListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// hookLine is a hook as hook list --json prints it.
type hookLine struct {
	govern.HookData
	State   string    `json:"state"`
	Next    int64     `json:"next"` // entry that is told next, as it was noted last
	Reached time.Time `json:"reached,omitzero"`
	Failing time.Time `json:"failing,omitzero"`
	Why     string    `json:"why,omitempty"`
}

func (c *hookListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			if len(s.Hooks) == 0 && !c.JSON {
				_, err := fmt.Fprintln(a.stdout, "Nobody is told what happens. Add a webhook with: waxseal hook add NAME URL")
				return err
			}
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			for _, id := range slices.Sorted(maps.Keys(s.Hooks)) {
				h := s.Hooks[id]
				line := hookLine{h.HookData, h.State(), h.Next, h.Reached, h.Failing, h.Why}
				var err error
				if c.JSON {
					err = enc.Encode(line)
				} else {
					_, err = fmt.Fprintf(a.stdout, "%-16s %-10s %-12d %s\n", id, line.State, line.Next, oneLine(h.URL, 200))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type hookTestCmd struct {
	outsideFlags
	ID string `arg:"" help:"The hook."`
}

func (c *hookTestCmd) Run(a *app) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var h *govern.Hook
		if err := l.Read(a.ctx, func(s *govern.State) error { h = s.Hooks[c.ID]; return nil }); err != nil {
			return err
		}
		if h == nil {
			return exitError{exitRefused, "there is no hook " + oneLine(c.ID, 40)}
		}
		if err := push.SendTest(a.ctx, client, h); err != nil {
			return exitError{exitFailed, "it was not taken: " + push.Why(err)}
		}
		_, err := fmt.Fprintln(a.stdout, "It was taken.")
		return err
	})
}

type hookReplayCmd struct {
	ID     string `arg:"" help:"The hook."`
	From   string `help:"Entry or day (2026-01-31, UTC) to begin at (default: where it stands)." placeholder:"ENTRY|DAY"`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *hookReplayCmd) Run(a *app) error {
	return a.withBooks(func(ar *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		d := govern.HookReplay{ID: c.ID}
		if err := l.Read(a.ctx, func(s *govern.State) error {
			if h := s.Hooks[c.ID]; h != nil {
				d.From = h.Next
			}
			return nil
		}); err != nil {
			return err
		}
		if c.From != "" {
			n, err := entryAt(a.ctx, ar, c.From)
			if err != nil {
				return err
			}
			d.From = n
		}
		id, asked, err := l.DoOrAsk(a.ctx, who, govern.Request{Act: govern.ActHookReplay, Reason: c.Reason, Data: d})
		if err != nil {
			return err
		}
		if asked {
			_, err = fmt.Fprintf(a.stdout, "Asked: that was before the hook was confirmed. An officer confirms request %d: waxseal request approve %d\n", id, id)
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "The hook %s is told from entry %d on.\n", c.ID, d.From)
		return err
	})
}

// entryAt is an entry by its number, or the first of a day.
func entryAt(ctx context.Context, ar *archive.Archive, s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, usagef("--from wants the number of an entry, or a day such as 2026-01-31")
	}
	size, err := ar.Size(ctx)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(size), func(i int) bool { // entries stand in the order of their times
		es, gerr := ar.Get(ctx, []int64{int64(i)})
		if gerr != nil {
			err = gerr
			return true
		}
		return !es[0].At.Before(day)
	})
	return int64(n), err
}

type hookPauseCmd struct {
	ID     string `arg:"" help:"The hook."`
	GoOn   bool   `help:"Go on where it stands."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *hookPauseCmd) Run(a *app) error {
	say := "The hook " + c.ID + " is told nothing until it goes on: waxseal hook pause " + c.ID + " --go-on"
	if c.GoOn {
		say = "The hook " + c.ID + " goes on where it stood."
	}
	return a.act(say, govern.Request{Act: govern.ActHookPause, Reason: c.Reason, Data: govern.HookPause{ID: c.ID, Paused: !c.GoOn}})
}

type hookRemoveCmd struct {
	ID     string `arg:"" help:"The hook."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *hookRemoveCmd) Run(a *app) error {
	return a.act("The hook "+c.ID+" is told nothing any longer.", govern.Request{Act: govern.ActHookRemove, Reason: c.Reason, Data: govern.ForHook{ID: c.ID}})
}

// pusher tells the webhooks of the books.
func (l *live) pusher(client *http.Client) *push.Pusher {
	return push.New(push.Options{
		Ledger: l.ledger, Log: l.ar, Client: client, Bell: l.bell, Logger: l.log,
		Through: func(ctx context.Context) (int64, error) {
			cov, err := l.x.Coverage(ctx)
			return cov.Through, err
		},
		Within: func(ctx context.Context, sc access.Scope) (push.Messages, error) {
			var in index.Scope
			err := l.ledger.Read(ctx, func(s *govern.State) error { in = web.ScopeOf(s, access.Subject{Scope: sc}); return nil })
			return l.x.Within(in), err
		},
	})
}
