package dispose

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/retain"
)

func TestAHoldIsFoundInAForecast(t *testing.T) {
	log := &governtest.Log{Now: func() time.Time { return noon }}
	books, err := govern.OpenAt(t.Context(), log, log.Now)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // so that there are messages to name
		if _, err := books.Trace(t.Context(), govern.Actor{}, govern.Request{Act: "nothing"}); err != nil {
			t.Fatal(err)
		}
	}
	who := govern.Actor{Subject: access.Subject{Operator: true}}
	hold, err := books.Do(t.Context(), who, govern.Request{Act: govern.ActHoldPlace, Reason: "Acme v. Beta", Data: govern.HoldData{Name: "Acme", Query: "contract", Messages: govern.Runs{{3, 2}}}})
	if err != nil {
		t.Fatal(err)
	}
	rules := rulesOf(t, "us-bd-comms-3y")
	find := func(_ context.Context, query string) (func(int64) bool, error) {
		switch query {
		case fmt.Sprintf("hold:%d", hold): // its query, and what has the records 3 and 4
			return func(seq int64) bool { return seq == 9 || seq == 3 || seq == 4 }, nil
		case "is:unread": // what a query cannot see is held
			return func(seq int64) bool { return seq == 11 }, nil
		}
		return nil, fmt.Errorf("asked for %q", query)
	}
	w, err := Gather(t.Context(), books, find, rules)
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.Forecast(t.Context(), listed(firm(12)), rules, noon)
	if err != nil || f.Total.Held != 4 {
		t.Errorf("%d are held, want 3 and 4 by number, 9 by query, and 11, which nobody can read (%v)", f.Total.Held, err)
	}
	broken := errors.New("index is behind")
	if _, err := Gather(t.Context(), books, func(context.Context, string) (func(int64) bool, error) { return nil, broken }, rules); !errors.Is(err, broken) {
		t.Errorf("a hold that cannot be looked up: %v", err)
	}
	rules.Assignments[0].To = retain.Target{Label: "7"}
	if _, err := Gather(t.Context(), books, find, rules); err == nil {
		t.Error("a label that is not there")
	}
}
