package web

import (
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/cover"
)

// strip is the picture of one number: a cell for each day. What is known of
// the day its shape says, and colour only repeats it.
type strip struct {
	Source, Number string
	Width          int
	Days           []stripDay
	Names          []timeName
	Whole, Of      int // days
}

type stripDay struct {
	X, W   int
	Y, H   int    // of the part that was listened to
	Class  string // of the state
	Shape  string // beside the bar: "cross", "dot", "line" or nothing
	Middle int
	Title  string
	Word   string
}

// stateWords are the states of a day, as people read them.
var stateWords = map[gap.State]string{
	gap.Whole: "Listened all day, nothing missing", gap.Explained: "Something missing, explained", gap.Partly: "Listened part of the day",
	gap.Holes: "Something missing", gap.Unheard: "Not listened", gap.NotYet: "Not yet, or before the source",
}

const (
	cellTop    = 4
	cellHeight = 28
	cellStep   = 12
)

// cell draws one day.
func cell(x int, state gap.State, share float64) stripDay {
	d := stripDay{X: x, W: cellStep - 2, Class: string(state), Word: stateWords[state], Middle: x + (cellStep-2)/2}
	d.H = int(share * cellHeight)
	switch state {
	case gap.Holes:
		d.Shape, d.H = "cross", max(d.H, 2)
	case gap.Explained:
		d.Shape, d.H = "dot", max(d.H, 2)
	case gap.Partly:
		d.H = min(max(d.H, 3), cellHeight-4)
	case gap.Unheard, gap.NotYet:
		d.Shape, d.H = "line", 0
	case gap.Whole:
		d.H = cellHeight
	}
	d.Y = cellTop + cellHeight - d.H
	return d
}

// stripLegend has one cell of each state.
func stripLegend() (all []stripDay) {
	for _, st := range []gap.State{gap.Whole, gap.Explained, gap.Partly, gap.Holes, gap.Unheard, gap.NotYet} {
		share := 1.0
		if st == gap.Partly {
			share = .5
		}
		all = append(all, cell(2, st, share))
	}
	return all
}

// drawStrips draws a strip for each number; days come number by number.
func drawStrips(days []gap.Day) (all []strip) {
	for i := range days {
		d := &days[i]
		n := len(all)
		if n == 0 || i > 0 && (days[i-1].Source != d.Source || days[i-1].Number != d.Number) {
			all = append(all, strip{Source: clean(d.Source), Number: clean(d.Number)})
			n++
		}
		s := &all[n-1]
		x := len(s.Days) * cellStep
		share := 0.0
		if d.Of > 0 {
			share = min(float64(d.Seconds)/float64(d.Of), 1)
		}
		c := cell(x, d.State, share)
		c.Title = fmt.Sprintf("%s: %s. Listened %s, %d in, %d out.", d.Day, c.Word, cover.Share(*d), d.In, d.Out)
		if at, err := time.Parse(time.DateOnly, d.Day); err == nil && (at.Day() == 1 || len(s.Days) == 0) {
			name := at.Format("2 Jan")
			if n := len(s.Names); n > 0 && x-s.Names[n-1].X < 48 {
				s.Names = s.Names[:n-1] // the month begins right after it
			}
			s.Names = append(s.Names, timeName{X: x, Text: name})
		}
		s.Days = append(s.Days, c)
		s.Width = x + cellStep
		if d.State != gap.NotYet {
			if s.Of++; d.State == gap.Whole {
				s.Whole++
			}
		}
	}
	return all
}
