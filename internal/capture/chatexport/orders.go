package chatexport

import (
	"bytes"
	"slices"
)

// shapeSurvey is the evidence for the date order of one shape.
type shapeSurvey struct {
	n       int64
	invalid [4]int64 // by order: readings that are no date, or out of range
	only    [4]int64 // dates that are one in this order of day and month, not the other
	back    [4]int64 // steps back of more than a day
	votes   [4]int64 // dates in names of files that agree
	differ  bool     // some date differs between the orders that are possible
	last    [4]int   // day number of the record before
	upper   int64    // of them, with AM or PM in capitals
	travel  [4]int64 // days that its dates go forth and back, all in all
}

func (ls *layoutSurvey) shape(h *header) *shapeSurvey {
	if ls.recent != nil && ls.stamp.shape == h.shape {
		return ls.recent
	}
	ls.recent = ls.newShape(h)
	return ls.recent
}

func (ls *layoutSurvey) newShape(h *header) *shapeSurvey {
	key := h.shape.key()
	sh := ls.shapes[key]
	if sh == nil {
		if len(ls.shapes) >= maxShapes {
			return nil
		}
		if ls.shapes == nil {
			ls.shapes = map[string]*shapeSurvey{}
		}
		sh = &shapeSurvey{}
		ls.shapes[key] = sh
		ls.order = append(ls.order, key)
	}
	return sh
}

// firstYear is the year in which WhatsApp appeared.
const firstYear = 2009

func inRange(c civil, limit civil) bool {
	return c.year >= firstYear && c.dayNumber() <= limit.dayNumber()
}

func (sh *shapeSurvey) take(h *header, line []byte, limit civil) (days [4]int) {
	sh.n++
	if at := line[:h.rest]; h.shape.Half && (bytes.Contains(at, []byte("PM")) || bytes.Contains(at, []byte("AM"))) {
		sh.upper++
	}
	for _, o := range []order{dmy, mdy, ymd} {
		c, ok := h.civil(o)
		if !ok || !inRange(c, limit) {
			sh.invalid[o]++
			continue
		}
		d := c.dayNumber()
		days[o] = d
		if sh.last[o]-d > 1 {
			sh.back[o]++
		}
		if sh.last[o] != 0 {
			sh.travel[o] += int64(abs(d - sh.last[o]))
		}
		sh.last[o] = d
	}
	switch {
	case days[dmy] != 0 && days[mdy] == 0:
		sh.only[dmy]++
	case days[mdy] != 0 && days[dmy] == 0:
		sh.only[mdy]++
	}
	if days[dmy] != days[mdy] && days[dmy] != 0 && days[mdy] != 0 || days[ymd] != 0 && days[ymd] != max(days[dmy], days[mdy]) {
		sh.differ = true
	}
	if y, ok := dateInName(line[h.rest:]); ok {
		for o, d := range days {
			if d != 0 && abs(d-y) <= 1 {
				sh.votes[o]++
			}
		}
	}
	return days
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// dateInName finds a date in the name of a media file: IMG-20240504-WA0001.jpg
// or 00000012-PHOTO-2024-05-04-09-10-11.jpg. It returns its day number.
func dateInName(line []byte) (int, bool) {
	i := bytes.Index(line, []byte("-20"))
	if i < 0 || i+11 > len(line) {
		return 0, false
	}
	s := line[i+1:]
	if len(s) > 12 && s[8] == '-' && s[9] == 'W' && s[10] == 'A' && digits(string(s[:8])) {
		return dayOf(s[0:4], s[4:6], s[6:8])
	}
	if len(s) > 10 && s[4] == '-' && s[7] == '-' && s[10] == '-' && i >= 6 {
		return dayOf(s[0:4], s[5:7], s[8:10])
	}
	return 0, false
}

func dayOf(y, m, d []byte) (int, bool) {
	n := func(b []byte) int {
		v := 0
		for _, c := range b {
			if c < '0' || c > '9' {
				return 0
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	c := civil{year: n(y), month: int8(n(m)), day: int8(n(d))}
	if c.month < 1 || c.month > 12 || c.day < 1 || int(c.day) > daysIn(c.year, int(c.month)) {
		return 0, false
	}
	return c.dayNumber(), true
}

// decideOrders decides the date order of each shape, by evidence in the order
// of its strength. It reports whether the operator's word had to be passed by.
func (ls *layoutSurvey) decideOrders(r *reading, given order) (contradicted bool) {
	var sure order
	taken := given == unknownOrder
	for _, key := range ls.order {
		o, certain := ls.shapes[key].decide()
		by := byEvidence
		if given != unknownOrder {
			if possible(ls.shapes[key], given) {
				o, certain, by, taken = given, true, byOperator, true
			} else {
				// Where four digits say which is the year, an order that has
				// it elsewhere was not meant for this shape.
				contradicted = contradicted || key[1] == '.' || (given == ymd) == (key[1] == '0')
			}
		}
		r.Orders[key], r.Possible[key] = o.String(), ls.shapes[key].choices()
		switch {
		case !certain:
			r.Unsure = append(r.Unsure, key)
		case by == byOperator:
			r.OrderBy = byOperator
		case r.OrderBy == "":
			r.OrderBy = byEvidence
		}
		if certain && o != ymd && sure == unknownOrder {
			sure = o
		}
	}
	// A shape that cannot decide follows one that can.
	for _, key := range r.Unsure {
		if sure != unknownOrder && possible(ls.shapes[key], sure) {
			r.Orders[key] = sure.String()
		}
	}
	return contradicted || !taken
}

// possible reports whether no other order leaves fewer dates that are none.
func possible(sh *shapeSurvey, o order) bool { return sh.invalid[o] == slices.Min(sh.invalid[dmy:]) }

// choices are the orders that an operator may choose.
func (sh *shapeSurvey) choices() (all []string) {
	for _, o := range []order{dmy, mdy, ymd} {
		if possible(sh, o) {
			all = append(all, o.String())
		}
	}
	return all
}

// decide returns the order of a shape, and whether it is certain. It is not
// where hardly a date is one in it, nor where day and month stand in both orders.
func (sh *shapeSurvey) decide() (order, bool) {
	o, certain := sh.choose()
	contested := min(sh.only[dmy], sh.only[mdy])*overwhelming >= max(sh.only[dmy], sh.only[mdy], 1)
	return o, certain && !contested && sh.n > sh.invalid[o]
}

func (sh *shapeSurvey) choose() (order, bool) {
	left := sh.possible()
	if len(left) == 1 {
		return left[0], true
	}
	if best, ok := single(left, func(o order) int64 { return -sh.votes[o] }); ok {
		return best, true
	}
	if !sh.differ {
		return left[0], true
	}
	if best, ok := single(left, func(o order) int64 { return sh.back[o] }); ok {
		return best, true
	}
	// Nothing decides. Chats go from day to day rather than from month to
	// month: the better guess, and no more than that.
	best, ok := single(left, func(o order) int64 { return sh.travel[o] })
	if !ok && sh.upper == sh.n && slices.Contains(left, mdy) {
		best = mdy // AM and PM in capitals: few but Americans write them
	}
	return best, false
}

// possible are the orders with the fewest dates that are none. A year of two
// digits comes first in few locales (Korean, Basque, Nepali): that reading
// counts only where the slot of the year moves more slowly for it, or nothing
// else fits.
func (sh *shapeSurvey) possible() []order {
	fewest := slices.Min(sh.invalid[dmy:])
	var left []order
	for _, o := range []order{dmy, mdy, ymd} {
		if sh.invalid[o] == fewest {
			left = append(left, o)
		}
	}
	if len(left) < 2 || left[len(left)-1] != ymd {
		return left
	}
	others := left[:len(left)-1]
	for _, o := range others {
		if sh.travel[o] <= sh.travel[ymd] && sh.votes[ymd] <= sh.votes[o] {
			return others
		}
	}
	return []order{ymd}
}

// single returns the one order with the lowest cost, if it is one.
func single(left []order, cost func(order) int64) (order, bool) {
	best, n := left[0], 0
	for _, o := range left {
		switch {
		case cost(o) < cost(best):
			best, n = o, 1
		case cost(o) == cost(best):
			n++
		}
	}
	return best, n == 1
}
