package dispose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// Matching finds the messages that a query answers.
type Matching func(ctx context.Context, query string) (has func(seq int64) bool, err error)

// Gather is the world that the books and the index describe, as far as rules
// ask for it. A query that cannot be answered is an error: who guesses what a
// hold covers disposes of what is held.
func Gather(ctx context.Context, books *govern.Ledger, matching Matching, rules ...retain.Rules) (*World, error) {
	w := &World{Groups: map[string][]string{}, Left: map[string]time.Time{}}
	var queries []asked
	err := books.Read(ctx, func(s *govern.State) error {
		for id, c := range s.Custodians {
			w.Groups[id] = s.GroupsOf(id)
			if !c.Left.IsZero() {
				w.Left[id] = c.Left
			}
		}
		w.ChatsClosed = maps.Clone(s.ChatsClosed)
		queries = append(queries, w.askHolds(s)...)
		labels, err := w.askLabels(s, rules)
		if err != nil {
			return err
		}
		queries = append(queries, labels...)
		if slices.ContainsFunc(rules, func(r retain.Rules) bool {
			return slices.ContainsFunc(r.Policies, func(p retain.Policy) bool { return p.Clock == retain.MatterClosed })
		}) {
			queries = append(queries, w.askMatters(s)...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The books are not locked while the index works.
	for _, q := range queries {
		has, err := matching(ctx, q.query)
		if err != nil {
			return nil, fmt.Errorf("find what %s covers: %w", q.what, err)
		}
		q.found(has)
	}
	return w, nil
}

// asked is a query whose answer belongs somewhere.
type asked struct {
	what, query string
	found       func(func(int64) bool)
}

func (w *World) askHolds(s *govern.State) (queries []asked) {
	unread, asks := func(int64) bool { return true }, false
	for _, n := range slices.Sorted(maps.Keys(s.Holds)) {
		h := s.Holds[n]
		if !h.Open() {
			continue
		}
		what, i := "hold "+strconv.FormatInt(n, 10), len(w.Holds)
		messages := slices.Clone(h.Messages)
		w.Holds = append(w.Holds, Marked{[]string{what + " (" + h.Name + ")"}, messages.Has})
		q := h.HoldQuery()
		live := q != ""
		asks = asks || live
		if len(h.Messages) > 0 { // the index knows which messages have these records by now
			q = "hold:" + strconv.FormatInt(n, 10)
		}
		if q != "" {
			queries = append(queries, asked{what, q, func(has func(int64) bool) {
				w.Holds[i].Has = func(seq int64) bool { return has(seq) || live && unread(seq) || messages.Has(seq) }
			}})
		}
	}
	if asks {
		// What cannot be read may be what a query would find.
		queries = append([]asked{{"what cannot be read", "is:unread", func(has func(int64) bool) { unread = has }}}, queries...)
	}
	return queries
}

// askLabels asks for the labels that targets name. The index counts what has a
// label below one as of that one too.
func (w *World) askLabels(s *govern.State, rules []retain.Rules) (queries []asked, err error) {
	named := map[string]bool{}
	for _, r := range rules {
		for _, a := range r.Assignments {
			named[a.To.Label] = true
		}
		for _, o := range r.Orders {
			named[o.To.Label] = true
		}
	}
	delete(named, "")
	for _, id := range slices.Sorted(maps.Keys(named)) {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || s.Labels[n] == nil {
			return nil, &govern.Refusal{Say: fmt.Sprintf("A policy is for the label %q, which there is not.", id)}
		}
		i := len(w.Labels)
		w.Labels = append(w.Labels, Marked{Names: []string{id}})
		queries = append(queries, asked{"label " + id, fmt.Sprintf("label:%q", s.LabelPath(n)), func(has func(int64) bool) { w.Labels[i].Has = has }})
	}
	return queries, nil
}

func (w *World) askMatters(s *govern.State) (queries []asked) {
	for _, n := range slices.Sorted(maps.Keys(s.Matters)) {
		i, id := len(w.Matters), strconv.FormatInt(n, 10)
		w.Matters = append(w.Matters, Matter{Closed: s.Matters[n].Closed})
		queries = append(queries, asked{"matter " + id, "matter:" + id, func(has func(int64) bool) { w.Matters[i].Has = has }})
	}
	return queries
}
