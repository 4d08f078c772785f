package web

import (
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// tenures is the picture of whose account was whose when: one row an account.
type tenures struct {
	Width, Height, Base, Foot int
	Rows                      []tenureRow
	Years                     []timeName
	Left                      int // where the custodian left; zero: not
}

type tenureRow struct {
	Name     string
	Y, TextY int
	Bars     []tenureBar
}

type tenureBar struct {
	X, W int
	Name string // its time in words
	Open bool   // on one side
}

const (
	tenureNames = 150 // width of the accounts' names
	tenureRows  = 12  // what is more stands in the list alone
)

func drawTenures(c *govern.Custodian, now time.Time) tenures {
	t := tenures{Width: 720}
	first, last := now, now
	see := func(at time.Time) {
		switch {
		case at.IsZero():
		case at.Before(first):
			first = at
		case at.After(last):
			last = at
		}
	}
	for i := range c.Accounts {
		see(c.Accounts[i].From)
		see(c.Accounts[i].To)
	}
	see(c.Left)
	// A margin, so that what is open on a side is seen to be.
	first, last = first.AddDate(-1, 0, 0), last.AddDate(0, 2, 0)
	span := last.Sub(first).Hours()
	if span <= 0 {
		return t // further apart than a duration can be: no picture
	}
	width := float64(t.Width - tenureNames - 10)
	x := func(at time.Time) int {
		return tenureNames + int(min(1, max(0, at.Sub(first).Hours()/span))*width)
	}
	by := map[string]int{}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		n, ok := by[a.Account]
		if !ok {
			if n = len(t.Rows); n == tenureRows {
				continue
			}
			by[a.Account] = n
			t.Rows = append(t.Rows, tenureRow{Name: shorten(a.Account, 22), Y: 8 + 24*n, TextY: 19 + 24*n})
		}
		b := tenureBar{X: tenureNames, Name: a.Span(), Open: a.From.IsZero() || a.To.IsZero()}
		if !a.From.IsZero() {
			b.X = x(a.From)
		}
		end := t.Width - 10
		if !a.To.IsZero() {
			end = x(a.To)
		}
		b.W = max(2, end-b.X)
		t.Rows[n].Bars = append(t.Rows[n].Bars, b)
	}
	t.Base = 8 + 24*len(t.Rows)
	t.Foot, t.Height = t.Base+14, t.Base+20
	if !c.Left.IsZero() {
		t.Left = x(c.Left)
	}
	every := max(1, (last.Year()-first.Year()+9)/10)
	for y := first.Year() + 1; y <= last.Year(); y += every {
		if at := x(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)); at < t.Width-30 {
			t.Years = append(t.Years, timeName{X: at, Text: strconv.Itoa(y)})
		}
	}
	return t
}
