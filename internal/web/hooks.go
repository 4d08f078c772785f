package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// HookState is how a webhook fares in the program that answers.
type HookState struct {
	Next   int64 // entry that is told next
	Answer string
	At     time.Time // of the answer
	Tries  int       // of the event that is not taken
	Told   int64     // since the program began
}

// hooksPage shows who is told what happens.
type hooksPage struct {
	layout
	Hooks     []hookCard
	MayManage bool
	Serves    bool // the program that answers tells them
}

type hookCard struct {
	ID, URL, Scope, State, Tag, Say string
	Events                          []string
	By, Since                       string
	Request                         int64 // that waits for an officer
	Behind                          int64 // entries; -1: it is told nothing
	Answer, Why                     string
	Told                            int64
	Tries                           int
	Next                            int64 // 0: it was told nothing yet
}

// hookSays are the states of a hook in words, and how they are marked.
var hookSays = map[string][3]string{
	"waits":   {"waits for confirmation", "warn", "It is told nothing until an officer has confirmed it as it is."},
	"tells":   {"is told", "good", ""},
	"failing": {"fails", "bad", "Its receiver does not take what it is told. It is tried again, nothing overtakes, and nothing is lost; after three days it is parked."},
	"paused":  {"paused", "", "It is told nothing until it goes on where it stood."},
	"parked":  {"parked", "bad", "Its receiver took nothing for three days, or said that it is gone. Nothing is lost: when it answers again, it goes on where it stood."},
}

func (s *Server) hooks(w http.ResponseWriter, r *http.Request) error {
	p := hooksPage{layout: s.layout(r, "Webhooks", "hooks"), MayManage: actor(r).May(access.Operate, s.now()) == nil, Serves: s.hookState != nil}
	end, err := s.whole.Coverage(r.Context())
	if err != nil {
		return fmt.Errorf("read how far the index is: %w", err)
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(st.Hooks)) {
			p.Hooks = append(p.Hooks, s.hookCard(st, st.Hooks[id], end.Through))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.render(w, "hooks", p)
}

func (s *Server) hookCard(st *govern.State, h *govern.Hook, through int64) hookCard {
	says := hookSays[h.State()]
	c := hookCard{
		ID: clean(h.ID), URL: clean(h.URL), Scope: hookScope(h), Events: h.Events, State: says[0], Tag: says[1], Say: says[2],
		By: clean(h.By), Since: utc(h.Since), Why: clean(h.Why), Next: h.Next, Behind: -1,
	}
	if u := st.Users[h.By]; u != nil {
		c.By = clean(u.Name)
	}
	for _, q := range st.Requests {
		var d govern.HookOpen
		if q.Act == govern.ActHookOpen && q.Waits(s.now()) && json.Unmarshal(q.Data, &d) == nil && d.ID == h.ID && d.Set == h.Set {
			c.Request = max(c.Request, q.Seq)
		}
	}
	if s.hookState != nil {
		if is, ok := s.hookState(h.ID); ok {
			if c.Told, c.Tries = is.Told, is.Tries; is.Answer != "" {
				c.Answer = clean(is.Answer) + ", " + utc(is.At)
			}
			if h.Tells() {
				c.Next = is.Next
			}
		}
	}
	if h.First != 0 {
		c.Behind = max(through-c.Next, 0)
	}
	if !h.Failing.IsZero() {
		c.Why = strings.TrimSpace(c.Why + " since " + utc(h.Failing))
	}
	return c
}

// hookScope says what of the archive a hook is told.
func hookScope(h *govern.Hook) string {
	if h.Scope.All() {
		return "the whole archive"
	}
	return scopeText(h.Scope)
}

// hookFields say what somebody confirms who confirms a request about a hook:
// the request names it alone. Nothing is said of another state of the hook
// than the one that was asked for.
func hookFields(st *govern.State, q *govern.Asked) []requestField {
	var d govern.HookOpen // a request to tell again has the same name
	if json.Unmarshal(q.Data, &d) != nil {
		return nil
	}
	h := st.Hooks[d.ID]
	switch {
	case h == nil:
		return []requestField{{"now", "It was removed since."}}
	case q.Act == govern.ActHookOpen && h.Set != d.Set:
		return []requestField{{"now", "It was set again since. This request cannot be confirmed."}}
	}
	return []requestField{{"address", clean(h.URL)}, {"is told", strings.Join(h.Events, ", ")}, {"of", hookScope(h)}}
}

func toHooks(*govern.Asked) string { return "/hooks" }
