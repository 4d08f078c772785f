package gap

import (
	"math"
	"sort"
	"time"
)

// Silence says whether nothing has come for longer than this number's habit
// lets one expect.
//
// The statistic. The stretch from the last message until now is laid over the
// same hours of each of the eight weeks before, and the messages are counted
// there: n1 … n8. The next such stretch is taken for negative binomial with
// their mean m, which allows for good and bad weeks. Eight weeks tell their
// variance v badly (the true one is within three times it in 19 of 20 cases), so
// what it is above m counts threefold, and weeks differ by three tenths at
// least: the excess is x = max(3(v-m), (0.3m)²). The chance that the stretch is
// empty is P0 = (k/(k+m))^k with k = m²/x. It is unusual where P0 is below one
// in 100,000; so at least 20 messages must have been expected, and a number that
// hardly anybody writes to never rings. A holiday among the eight weeks makes v
// large, and the same holiday does not ring again.
//
// False alarms. A stretch counts from an hour on, so there are at most 168 of
// them in a week, each empty with a chance below P0 if the habit holds: at most
// 0.09 a year and number in the model. What is estimated from eight weeks is
// not exact, and habits end: a closed office rings once, and somebody explains
// it. In the test, 24 simulated years of numbers with nights, weekends, and weeks
// that are half as good or half as good again, give no false alarm.
const (
	silenceWeeks = 8
	silenceLeast = 4 // weeks that must be known
	silenceP     = 1e-5
)

// SilenceFrom is how long nothing must have come to be a silence.
const SilenceFrom = time.Hour

const week = 7 * 24 * time.Hour

// SilenceSince is how much of the past Silent wants to know.
const SilenceSince = (silenceWeeks + 2) * week

// Silent looks at the times of what came in, sorted. from is since when the
// number was listened to.
func Silent(times []time.Time, from, now time.Time) (since time.Time, unusual bool) {
	upto := func(t time.Time) int {
		return sort.Search(len(times), func(i int) bool { return times[i].After(t) })
	}
	last := upto(now)
	if last == 0 {
		return since, false
	}
	since = times[last-1]
	length := now.Sub(since)
	if length < SilenceFrom {
		return since, false
	}
	var n, sum, squares float64
	for w := 1; w <= silenceWeeks; w++ {
		a := since.Add(-time.Duration(w) * week)
		if a.Before(from) {
			break
		}
		c := float64(upto(min2(a.Add(length), since)) - upto(a))
		n, sum, squares = n+1, sum+c, squares+c*c
	}
	if n < silenceLeast {
		return since, false
	}
	return since, chanceOfNone(sum/n, (squares-sum*sum/n)/(n-1)) < silenceP
}

// min2 is the earlier: a silence of more than a week must not be laid over
// itself.
func min2(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func chanceOfNone(mean, variance float64) float64 {
	if mean == 0 {
		return 1
	}
	excess := max(3*(variance-mean), 0.09*mean*mean)
	k := mean * mean / excess
	return math.Pow(k/(k+mean), k)
}
