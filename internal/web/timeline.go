package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/index"
)

// timeline is the picture of a matter or a hold: how many of its messages were
// sent in each month or year, and when something was done with it.
type timeline struct {
	Width, Height, Base int
	Bars                []timeBar
	Marks               []timeMark
	Names               []timeName
}

type timeBar struct {
	X, Y, W, H int
	Name       string // of the month or year
	Messages   int64
}

type timeMark struct {
	X    int
	What string
}

type timeName struct {
	X    int
	Text string
}

// maxTimeBars is how many months are drawn before years are.
const maxTimeBars = 60

// drawTimeline draws messages by month, and when something was done.
func drawTimeline(by []index.Month, acts []time.Time) timeline {
	t := timeline{Width: 720, Height: 150, Base: 112}
	cut := len("2024-01")
	first, last := "", ""
	see := func(month string) {
		if first == "" || month < first {
			first = month
		}
		last = max(last, month)
	}
	by = slices.DeleteFunc(slices.Clone(by), func(m index.Month) bool { return len(m.Name) != cut }) // of a clock beyond all years
	for _, m := range by {
		see(m.Name)
	}
	for _, at := range acts {
		see(at.UTC().Format("2006-01"))
	}
	if first == "" {
		return t
	}
	names := months(first, last)
	if len(names) > maxTimeBars {
		cut = len("2024")
		names = years(first, last)
	}
	sums, most := map[string]int64{}, int64(1)
	for _, m := range by {
		sums[m.Name[:cut]] += m.Messages
		most = max(most, sums[m.Name[:cut]])
	}
	step := float64(t.Width-20) / float64(len(names))
	every := (len(names) + 11) / 12
	for i, name := range names {
		x := 10 + int(float64(i)*step)
		if n := sums[name]; n > 0 {
			h := max(2, int(90*n/most))
			t.Bars = append(t.Bars, timeBar{X: x, Y: t.Base - h, W: max(1, min(int(step)-2, 40)), H: h, Name: name, Messages: n})
		}
		if i%every == 0 {
			t.Names = append(t.Names, timeName{X: x, Text: name})
		}
	}
	for _, at := range acts {
		i := slices.Index(names, at.UTC().Format("2006-01")[:cut])
		if i < 0 {
			continue
		}
		x := 10 + int(float64(i)*step+min(step/2, 20))
		if n := len(t.Marks); n == 0 || t.Marks[n-1].X != x {
			t.Marks = append(t.Marks, timeMark{X: x, What: names[i]})
		}
	}
	return t
}

// months lists those from first to last; what is no month ends the list.
func months(first, last string) (all []string) {
	y, m := split(first)
	for len(all) <= maxTimeBars {
		name := strconv.Itoa(y) + "-" + strconv.Itoa(100 + m)[1:]
		if all = append(all, name); name >= last {
			return all
		}
		if m++; m > 12 {
			y, m = y+1, 1
		}
	}
	return all
}

// maxYears bounds a picture with a message from a wrong clock.
const maxYears = 300

func years(first, last string) (all []string) {
	from, _ := split(first)
	to, _ := split(last)
	for y := max(from, to-maxYears); y <= to; y++ {
		all = append(all, strconv.Itoa(y))
	}
	return all
}

func split(month string) (year, m int) {
	year, _ = strconv.Atoi(month[:4]) // digits, as the index writes it
	m, _ = strconv.Atoi(month[5:7])   // see above
	return year, max(m, 1)
}
