package archive_test

import (
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/record"
)

// TestClockThatWasMovedIsSaidOnce: nothing stops for the clock, and the log
// says what it did.
func TestClockThatWasMovedIsSaidOnce(t *testing.T) {
	for name, by := range map[string]time.Duration{"put back": -time.Hour, "put right": -30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			dir := create(t)
			a := open(t, dir)
			appendAll(t, a, items(t, "acme", 0, 3))
			before, err := a.Size(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			a.SetClock(func() time.Time { return time.Now().Round(0).Add(by) })
			got := appendAll(t, a, items(t, "acme", 3, 5))
			appendAll(t, a, items(t, "acme", 5, 6))
			want := before
			if by == -time.Hour {
				want++
				es, err := a.Get(t.Context(), []int64{before})
				var h record.ActHead
				if err == nil {
					_, err = es[0].Decode(&h)
				}
				if err != nil || es[0].Kind != record.Act || h.Act != archive.ClockJump || h.Via != "archive" || es[0].At.After(start) {
					t.Fatalf("%+v, %v", h, err)
				}
			}
			if got[0].Seq != want || !got[0].New {
				t.Fatalf("the first record is entry %d, want %d", got[0].Seq, want)
			}
			closeArchive(t, a)
			wantOK(t, dir)
		})
	}
}
