package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// Capture tells how the sources fare that run, sorted by name.
type Capture func(context.Context) ([]SourceState, error)

// SourceState is how one source fares. Counts are those of the program that
// answers, since it began.
type SourceState struct {
	Name     string
	Kind     string
	Since    time.Time // it is in the books
	Callback string    // address that deliveries come to; without a host where nobody has said it
	Numbers  []SourceNumber
	Secrets  []string // fingerprints of app secrets, the newest first
	Token    bool     // it has an access token
	Began    time.Time
	Last     time.Time // delivery; zero: none since it began

	Deliveries, Redelivered, NotJSON, BadSignatures, Refused, Bytes int64
	MediaWaiting                                                    int64 // files that are to be fetched; -1: nobody fetches
}

// SourceNumber is a number that a source listens to.
type SourceNumber struct{ Phone, ID, Custodian string }

// sourcesPage shows the ways in that run.
type sourcesPage struct {
	layout
	Sources   []sourceCard
	Alarms    []alarmLine // that belong to no source
	Over      []alarmLine // the newest
	Routes    []string
	MayManage bool
	Serves    bool // the program that answers listens
}

type sourceCard struct {
	SourceState
	Volume string
	Alarms []alarmLine
}

type alarmLine struct {
	Say, Key, When string
	Told           []string
}

// alarmsOver is how many alarms that are over are listed.
const alarmsOver = 10

func (s *Server) sources(w http.ResponseWriter, r *http.Request) error {
	p := sourcesPage{layout: s.layout(r, "Sources", "sources"), MayManage: actor(r).May(access.Operate, s.now()) == nil, Serves: s.capture != nil}
	if s.capture != nil {
		all, err := s.capture(r.Context())
		if err != nil {
			return fmt.Errorf("read the sources: %w", err)
		}
		for _, src := range all {
			p.Sources = append(p.Sources, sourceCard{SourceState: src, Volume: size(src.Bytes)})
		}
	}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, a := range alarmsOf(st) {
			line := alarmLine{Say: clean(a.Say), Key: clean(a.Key), When: "since " + utc(a.Since)}
			for name := range a.Told {
				line.Told = append(line.Told, clean(name))
			}
			slices.Sort(line.Told)
			i := slices.IndexFunc(p.Sources, func(c sourceCard) bool { return c.Name == a.Source })
			switch {
			case !a.Rings():
				line.When = "from " + utc(a.Since) + " to " + utc(a.Over)
				if len(p.Over) < alarmsOver {
					p.Over = append(p.Over, line)
				}
			case i < 0:
				p.Alarms = append(p.Alarms, line)
			default:
				p.Sources[i].Alarms = append(p.Sources[i].Alarms, line)
			}
		}
		for name := range st.AlarmRoutes {
			p.Routes = append(p.Routes, clean(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(p.Routes)
	return s.render(w, "sources", p)
}

// alarmsOf are all alarms, the newest first.
func alarmsOf(st *govern.State) (all []*govern.Alarm) {
	for _, a := range st.Alarms {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *govern.Alarm) int { return cmp.Compare(b.Seq, a.Seq) })
	return all
}

// taskAlarms tells whoever can do something of what rings.
func taskAlarms(st *govern.State, who govern.Actor, now time.Time) *task {
	if who.May(access.SeeCapture, now) != nil || partly(who) {
		return nil
	}
	var items []taskItem
	for _, a := range alarmsOf(st) {
		if a.Rings() {
			items = append(items, taskItem{Name: clean(a.Say), Href: "/sources", Note: "since " + utc(a.Since), Late: true})
		}
	}
	if items == nil {
		return nil
	}
	t := &task{Title: plural(int64(len(items)), "alarm"), Href: "/sources", Go: "Look at the sources", Say: "Something keeps messages from being archived, or may soon. What is not delivered in time is lost."}
	t.add(items...)
	return t
}
