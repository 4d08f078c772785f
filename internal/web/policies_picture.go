package web

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/dispose"
)

// picturePage is a picture of what comes to its end when: a column for each
// year or month, a colour for each policy, what is held dashed. The table
// beside it says the same.
type picturePage struct {
	ID      string // of the picture on the page
	Width   int
	Height  int
	Base    int // where columns stand
	Right   int // where lines end
	Bars    []bar
	Lines   []gridLine
	Labels  []label
	Now     int // where the day of the forecast stands; negative: outside
	Series  []series
	Columns []column
	By      string // "month", "year" or "decade"
}

type bar struct {
	X, Y, W, H int
	Class      string
	Title      string
}

type gridLine struct {
	Y    int
	Text string
}

type label struct {
	X    int
	Text string
}

type series struct {
	Class, Name string
	Messages    int64
}

// column is a row of the table.
type column struct {
	Name     string
	Messages int64
	Held     int64
	Over     bool // before the day of the forecast
	parts    map[string]dispose.Month
}

const (
	pictureWidth, pictureHeight = 760, 260
	pictureLeft, pictureBase    = 64, 216
	pictureTop                  = 18
	mostColumns                 = 36
	seriesColours               = 8
)

// drawMonths draws; nil where nothing has a known end.
func drawMonths(months []dispose.Month, at time.Time) *picturePage {
	if len(months) == 0 {
		return nil
	}
	p := &picturePage{ID: "ends", Width: pictureWidth, Height: pictureHeight, Base: pictureBase, Right: pictureWidth - 8, By: "month"}
	first, last := months[0].Month, months[len(months)-1].Month
	switch n := monthsFrom(first, last); {
	case n > 12*60:
		p.By = "decade"
	case n > mostColumns:
		p.By = "year"
	}
	p.Columns = columns(months, p.By)
	classes := p.name(months)
	most := int64(1)
	for _, c := range p.Columns {
		most = max(most, c.Messages)
	}
	top := roundUp(most)
	high := pictureBase - pictureTop
	for i := int64(0); i <= 4; i++ {
		if top < 4 && i%4 != 0 {
			continue // there are no halves of messages
		}
		p.Lines = append(p.Lines, gridLine{pictureBase - int(int64(high)*i/4), count(top * i / 4)})
	}
	wide := (pictureWidth - 8 - pictureLeft) / len(p.Columns)
	gap := max(1, min(6, wide/6))
	bars := min(wide-gap, 64)
	key := columnOf(at.Format("2006-01"), p.By)
	p.Now = -1
	each := (len(p.Columns)*52 + pictureWidth - 1) / pictureWidth // of the labels, so that they do not touch
	for i := range p.Columns {
		c := &p.Columns[i]
		x := pictureLeft + i*wide + gap/2
		c.Over = c.Name < key
		if p.Now < 0 && c.Name >= key {
			p.Now = x - gap/2
		}
		if i%max(1, each) == 0 {
			p.Labels = append(p.Labels, label{x + bars/2, c.Name})
		}
		p.stack(c, x, bars, high, top, classes)
	}
	return p
}

// stack draws a column.
func (p *picturePage) stack(c *column, x, wide, high int, top int64, classes map[string]string) {
	y := pictureBase
	for _, policy := range slices.Sorted(maps.Keys(c.parts)) {
		m := c.parts[policy]
		for _, part := range []struct {
			n     int64
			class string
			held  string
		}{{m.Messages - m.Held, classes[policy], ""}, {m.Held, classes[policy] + " held", ", held"}} {
			if part.n == 0 {
				continue
			}
			h := max(2, int(int64(high)*part.n/top))
			y -= h
			name := policy
			if name == "" {
				name = "no policy"
			}
			p.Bars = append(p.Bars, bar{x, y, wide, h, part.class, fmt.Sprintf("%s, %s: %s%s", c.Name, name, plural(part.n, "message"), part.held)})
		}
	}
}

// name gives each policy its colour.
func (p *picturePage) name(months []dispose.Month) map[string]string {
	sums := map[string]int64{}
	held := int64(0)
	for _, m := range months {
		sums[m.Policy] += m.Messages
		held += m.Held
	}
	classes := map[string]string{}
	for i, policy := range slices.Sorted(maps.Keys(sums)) {
		classes[policy] = "series s" + strconv.Itoa(i%seriesColours)
		p.Series = append(p.Series, series{classes[policy], policy, sums[policy]})
	}
	if held > 0 {
		p.Series = append(p.Series, series{"series held", "held beyond that", held})
	}
	return classes
}

// columnOf is the column in which a month is.
func columnOf(month, by string) string {
	switch {
	case len(month) < len("2006-01") || by == "month":
		return month
	case by == "decade":
		return month[:3] + "0"
	}
	return month[:4]
}

// columns sums months, with those in between in which nothing ends.
func columns(months []dispose.Month, by string) []column {
	var out []column
	for _, m := range months {
		name := columnOf(m.Month, by)
		for len(out) > 0 && out[len(out)-1].Name < name {
			out = append(out, column{Name: following(out[len(out)-1].Name, by), parts: map[string]dispose.Month{}})
		}
		if len(out) == 0 {
			out = append(out, column{Name: name, parts: map[string]dispose.Month{}})
		}
		c := &out[len(out)-1]
		c.Messages += m.Messages
		c.Held += m.Held
		part := c.parts[m.Policy]
		part.Messages += m.Messages
		part.Held += m.Held
		c.parts[m.Policy] = part
	}
	return out
}

// following is the column after.
func following(name, by string) string {
	if t, err := time.Parse("2006-01", name); err == nil {
		return t.AddDate(0, 1, 0).Format("2006-01")
	}
	year, _ := strconv.Atoi(name) // digits: columnOf made it
	if by == "decade" {
		return fmt.Sprintf("%04d", year+10)
	}
	return fmt.Sprintf("%04d", year+1)
}

// monthsFrom is how many months there are from one to the other.
func monthsFrom(first, last string) int {
	a, errA := time.Parse("2006-01", first)
	b, errB := time.Parse("2006-01", last)
	if errA != nil || errB != nil {
		return mostColumns + 1
	}
	return (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month()) + 1
}

// roundUp is a number at which an axis can end.
func roundUp(n int64) int64 {
	step := int64(1)
	for {
		for _, k := range []int64{1, 2, 4, 8} {
			if n <= k*step {
				return k * step
			}
		}
		step *= 10
	}
}
