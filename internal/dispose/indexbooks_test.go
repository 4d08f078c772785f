package dispose

import (
	"slices"
	"strconv"
	"testing"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
)

// TestNamesThatAreNumbers: what is called by another's number takes nothing
// from it, and gives it nothing.
func TestNamesThatAreNumbers(t *testing.T) {
	l, err := govern.Open(t.Context(), &governtest.Log{})
	if err != nil {
		t.Fatal(err)
	}
	do := func(act string, data any) int64 {
		t.Helper()
		n, err := l.Do(t.Context(), govern.Actor{Subject: access.Subject{Operator: true}}, govern.Request{Act: act, Reason: "a test", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	b := NewIndexBooks(l)
	hold := do(govern.ActHoldPlace, govern.HoldData{Name: "Acme", Query: "copper"})
	do(govern.ActHoldPlace, govern.HoldData{Name: strconv.FormatInt(hold, 10), Query: "tin"})
	for range 50 { // maps have no order
		if got, _, err := b.Hold(strconv.FormatInt(hold, 10)); err != nil || got != "copper" {
			t.Fatalf("hold %d is about %q, want copper (%v)", hold, got, err)
		}
	}
	deals := do(govern.ActLabelSet, govern.LabelData{Name: "Deals"})
	other := do(govern.ActLabelSet, govern.LabelData{Name: strconv.FormatInt(deals, 10)})
	if ids, _, err := b.Labels(strconv.FormatInt(deals, 10)); err != nil || !slices.Equal(ids, []int64{other}) {
		t.Errorf("the label %d is %v, want %d alone (%v)", deals, ids, other, err)
	}
}
