package dispose

import (
	"errors"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// TestAnswersAreGivenAgain while nothing has changed: a trace changes nothing,
// an act may, and so does time.
func TestAnswersAreGivenAgain(t *testing.T) {
	h, d := newHeldDesk(t)
	_, said := h.capture("chat", 3)
	who := govern.Actor{Subject: access.Subject{Operator: true}}
	asked := 0
	var m memo[int]
	ask := func() (int, error) { asked++; return asked, nil }
	get := func(of string, at time.Time) int {
		t.Helper()
		n, err := m.get(t.Context(), h.a, of, at, ask)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if get("a", noon) != 1 || get("a", noon.Add(time.Minute)) != 1 {
		t.Error("the same question was asked twice")
	}
	if _, err := d.Ledger.Trace(t.Context(), who, govern.Request{Act: "search"}); err != nil {
		t.Fatal(err)
	}
	if get("a", noon) != 1 {
		t.Error("a trace made it ask again")
	}
	hold := govern.Request{Act: govern.ActHoldPlace, Reason: "Acme v. Beta", Data: govern.HoldData{Name: "Acme", Messages: govern.RunsOf(said[:1])}}
	if _, err := d.Ledger.Do(t.Context(), who, hold); err != nil {
		t.Fatal(err)
	}
	if get("a", noon) != 2 {
		t.Error("an act changed nothing")
	}
	h.capture("another", 1)
	if get("a", noon) != 3 || get("b", noon) != 4 || get("b", noon.Add(-time.Second)) != 5 || get("b", noon.Add(time.Hour)) != 6 {
		t.Error("new messages, another question, an earlier and a later time ask again")
	}
	broken := errors.New("broken")
	if _, err := m.get(t.Context(), h.a, "c", noon, func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if get("b", noon.Add(time.Hour)) != 7 {
		t.Error("an answer outlived a failure")
	}
}
