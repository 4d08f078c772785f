package govern

import (
	"errors"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern/governtest"
)

func TestAGapOpensGrowsIsExplainedAndCloses(t *testing.T) {
	log := &governtest.Log{}
	log.Skip(100)
	l, err := Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	own := Actor{Via: "archive"}
	person := Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	gap := func(id int64) (g Gap) {
		t.Helper()
		if err := l.Read(t.Context(), func(s *State) error { g = *s.Gaps[id]; return nil }); err != nil {
			t.Fatal(err)
		}
		return g
	}
	data := GapData{Key: "orphan_outbound/main/+44/2026-11-24", Kind: "orphan_outbound", Source: "main", Start: time.Now(), Reason: "Sent by another way.", Messages: Runs{{3, 2}}, Refs: []string{"B"}}
	id, err := l.Do(t.Context(), own, Request{Act: ActGapOpen, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if _, err := l.Do(t.Context(), own, Request{Act: ActGapOpen, Data: data}); !errors.As(err, &refusal) {
		t.Errorf("one key is open twice: %v", err)
	}
	if _, err := l.Do(t.Context(), person, Request{Act: ActGapExplain, Data: ForGap{id}}); !errors.As(err, &refusal) {
		t.Errorf("explained without a word: %v", err)
	}
	if _, err := l.Do(t.Context(), person, Request{Act: ActGapExplain, Reason: "Sent from the inbox.", Data: ForGap{id}}); err != nil {
		t.Fatal(err)
	}
	if g := gap(id); g.State != GapExplained || g.Why != "Sent from the inbox." {
		t.Errorf("explained: %+v", g)
	}
	if _, err := l.Do(t.Context(), own, Request{Act: ActGapChange, Data: GapChange{Gap: id, Gone: Runs{{3, 1}}, GoneRefs: []string{"B"}}}); err != nil {
		t.Fatal(err)
	}
	if g := gap(id); g.State != GapExplained || g.Count() != 1 || g.Filled != 2 {
		t.Errorf("a part was filled: %+v", g)
	}
	if _, err := l.Do(t.Context(), own, Request{Act: ActGapChange, Data: GapChange{Gap: id, Add: Runs{{9, 1}}, AddRefs: []string{"A"}}}); err != nil {
		t.Fatal(err)
	}
	if g := gap(id); g.State != GapOpen || g.Count() != 3 {
		t.Errorf("what came after the explanation is explained by it: %+v", g)
	}
	if _, err := l.Do(t.Context(), own, Request{Act: ActGapClose, Data: ForGap{id}}); err != nil {
		t.Fatal(err)
	}
	if g := gap(id); g.State != GapClosed || g.Filled != 5 || g.Count() != 0 {
		t.Errorf("closed: %+v", g)
	}
	if _, err := l.Do(t.Context(), person, Request{Act: ActGapExplain, Reason: "x", Data: ForGap{id}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a closed gap is explained: %v", err)
	}
	if again, err := l.Do(t.Context(), own, Request{Act: ActGapOpen, Data: data}); err != nil || again == id {
		t.Errorf("the hole is there again: %d, %v", again, err)
	}
}

// TestOnlyTheArchiveFindsGaps: a person opens none and fills none.
func TestOnlyTheArchiveFindsGaps(t *testing.T) {
	s := newState()
	at := time.Now()
	for _, name := range []string{ActGapOpen, ActGapChange, ActGapClose, ActSourceHeard} {
		a, err := supposed(at, name, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		a.By = "olga"
		if err := s.allowed(kinds[name], a); !errors.Is(err, access.ErrForbidden) {
			t.Errorf("%s by a person: %v", name, err)
		}
	}
}

func TestStretchesThatTouchAreOne(t *testing.T) {
	log := &governtest.Log{}
	l, err := Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	person := Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	if _, err := l.Do(t.Context(), person, Request{Act: ActSetSource, Data: SetSource{Name: "main", Kind: "cloudapi"}, Secret: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	t0 := time.Now().Add(-10 * time.Hour).UTC()
	for i, h := range []HeardData{
		{From: t0, To: t0.Add(time.Hour), Through: 5, Counted: []HeardCount{{Number: "+44", Day: "2026-01-01", Statuses: 1}}},
		{From: t0.Add(time.Hour), To: t0.Add(2 * time.Hour), Through: 9, Counted: []HeardCount{{Number: "+44", Day: "2026-01-01", Statuses: 2}}},
		{From: t0.Add(3 * time.Hour), To: t0.Add(4 * time.Hour), Through: 9},
	} {
		h.Source = "main"
		if _, err := l.Do(t.Context(), Actor{Via: "archive"}, Request{Act: ActSourceHeard, Data: h}); err != nil {
			t.Fatal(i, err)
		}
	}
	future := HeardData{Source: "main", From: t0, To: time.Now().Add(time.Hour)}
	if _, err := l.Do(t.Context(), Actor{Via: "archive"}, Request{Act: ActSourceHeard, Data: future}); err == nil {
		t.Error("a source listened in the future")
	}
	err = l.Read(t.Context(), func(s *State) error {
		h := s.Heard["main"]
		if len(h.Stretches) != 2 || !h.Stretches[0].To.Equal(t0.Add(2*time.Hour)) || h.Through != 9 || h.Counts[[2]string{"+44", "2026-01-01"}].Statuses != 3 {
			t.Errorf("heard: %+v", h)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
