package gap

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

// habit makes the times of messages to a number: office hours, a quiet
// weekend, weeks that differ.
func habit(r *rand.Rand, start time.Time, days int, perDay, spread float64) (times []time.Time) {
	factor := 1.0
	for h := range days * 24 {
		at := start.Add(time.Duration(h) * time.Hour)
		if h%(7*24) == 0 {
			factor = 1 + spread*(2*r.Float64()-1)
		}
		rate := 0.02
		if hour := at.Hour(); hour >= 8 && hour < 18 {
			rate = 0.1
		}
		if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			rate /= 8
		}
		for range poisson(r, perDay*rate*factor) {
			times = append(times, at.Add(time.Duration(r.Float64()*float64(time.Hour))))
		}
	}
	sort.Slice(times, func(i, j int) bool { return times[i].Before(times[j]) })
	return times
}

func poisson(r *rand.Rand, mean float64) (n int) {
	for p := math.Exp(-mean); ; n++ {
		if p *= r.Float64(); n == 0 {
			p = r.Float64()
		}
		if p <= math.Exp(-mean) {
			return n
		}
	}
}

var monday = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)

// TestAHabitDoesNotRing looks every five minutes of the working of the runner,
// here every 20, at three years of numbers of all sizes.
func TestAHabitDoesNotRing(t *testing.T) {
	for _, perDay := range []float64{0.5, 5, 60, 600} {
		rang := 0
		for seed := range uint64(2) {
			times := habit(rand.New(rand.NewPCG(seed, 1)), monday, 3*365, perDay, 0.5)
			was := false
			for at := monday.AddDate(0, 0, 35); at.Before(monday.AddDate(3, 0, 0)); at = at.Add(20 * time.Minute) {
				_, unusual := Silent(times, monday, at)
				if unusual && !was {
					rang++
				}
				was = unusual
			}
		}
		if rang > 0 {
			t.Errorf("%g a day: %d false alarms in six years", perDay, rang)
		}
		t.Logf("%g a day: %d false alarms in six years", perDay, rang)
	}
}

func TestSilenceRings(t *testing.T) {
	for _, tc := range []struct {
		perDay float64
		within time.Duration // of working hours, from Tuesday at nine
	}{{600, 2 * time.Hour}, {60, 10 * time.Hour}, {20, 48 * time.Hour}} {
		times := habit(rand.New(rand.NewPCG(7, 7)), monday, 100, tc.perDay, 0.2)
		stop := monday.AddDate(0, 0, 92).Add(9*time.Hour + 7*time.Minute) // a Tuesday
		n := sort.Search(len(times), func(i int) bool { return times[i].After(stop) })
		times = times[:n]
		rang := time.Time{}
		for at := stop; at.Before(stop.Add(72 * time.Hour)); at = at.Add(5 * time.Minute) {
			if since, unusual := Silent(times, monday, at); unusual {
				if rang = at; !since.Equal(times[n-1]) {
					t.Errorf("%g a day: silent since %s, not %s", tc.perDay, since, times[n-1])
				}
				break
			}
		}
		if rang.IsZero() || rang.Sub(stop) > tc.within {
			t.Errorf("%g a day: rang after %s", tc.perDay, rang.Sub(stop))
		}
	}
}

func TestSilenceNeedsAHabit(t *testing.T) {
	times := habit(rand.New(rand.NewPCG(1, 1)), monday, 20, 600, 0)
	if _, unusual := Silent(times, monday, monday.AddDate(0, 0, 25)); unusual {
		t.Error("three weeks are no habit")
	}
	if _, unusual := Silent(nil, monday, monday.AddDate(1, 0, 0)); unusual {
		t.Error("nothing ever came")
	}
	// A silence of weeks stays unusual as long as weeks from before it count.
	times = habit(rand.New(rand.NewPCG(1, 1)), monday, 90, 600, 0)
	if _, unusual := Silent(times, monday, monday.AddDate(0, 0, 90+14)); !unusual {
		t.Error("a silence of two weeks is usual")
	}
}
