package chatexport

// jumps finds headers that may stand inside a message, by their time: it lies
// well before that of the record above them, or after, and soon the time is back,
// as where somebody quotes lines of another day. Clocks that are put back an
// hour, and phones that lay in a drawer, do not do so.
type jumps struct {
	recent [jumpRecords]moment // the records before, in a ring
	n      int
	from   int     // minute of the record before time went back
	gone   []int64 // offsets of the records since
	ahead  []int64 // of those before, since time had leapt ahead
	found  []int64
}

type moment struct {
	minute int
	offset int64
}

func (j *jumps) take(m moment, dated, inside bool) {
	if !dated { // in the other order, as a stranger's phone writes it
		j.find(m.offset)
		return
	}
	switch {
	case len(j.gone) == 0:
		if last := j.before(1).minute; inside && j.n > 0 && last-m.minute > jumpMinutes {
			j.from, j.gone = last, append(j.gone, m.offset)
			j.leapt(m.minute)
		}
	case m.minute >= j.from-backMinutes:
		j.find(j.gone...)
		j.gone = j.gone[:0]
	case len(j.gone) < jumpRecords:
		j.gone = append(j.gone, m.offset)
	default: // it stays there: it was ahead before, if anything
		j.find(j.ahead...)
		j.gone = j.gone[:0]
	}
	j.recent[j.n%jumpRecords] = m
	j.n++
}

// before is the nth record before the one to come.
func (j *jumps) before(n int) moment { return j.recent[(j.n+jumpRecords-n)%jumpRecords] }

// leapt notes the records since time was last where it has come back to.
func (j *jumps) leapt(minute int) {
	j.ahead = j.ahead[:0]
	for i := 1; i <= min(j.n, jumpRecords); i++ {
		m := j.before(i)
		if m.minute <= minute+backMinutes {
			return
		}
		j.ahead = append(j.ahead, m.offset)
	}
	j.ahead = j.ahead[:0]
}

// end is called at the end of the file, where it cannot be told which it was.
func (j *jumps) end() {
	if len(j.gone) > 0 {
		j.find(j.gone...)
		j.find(j.ahead...)
	}
}

func (j *jumps) find(offsets ...int64) {
	if len(j.found) < maxFound {
		j.found = append(j.found, offsets...)
	}
}

// minSuspicion is how many records a file must have before an author can be
// suspected where there are but two, or most records have the stamp of the one
// before: in a short one everybody is new.
const minSuspicion = 20

// suspects are authors that may not be: whose every record has the same stamp
// as the one before it, as a header has that somebody wrote into a message.
// No byte tells it from a real one on Android, nor on iOS in a file that has
// lost its CRs.
func (ls *layoutSurvey) suspects(authors []string) (all []string) {
	few := max(ls.headers/20, 1)
	if ls.headers >= minSuspicion {
		few = max(few, 3)
	} else if len(authors) < 3 || ls.same*2 > ls.headers {
		return nil
	}
	for _, name := range authors {
		if a := ls.authors[name]; a != nil && a.n == a.same && a.n <= few {
			all = append(all, name)
		}
	}
	return all
}

// loose are the offsets of headers that their time makes suspect, where no line
// end tells. Several orders in one file leave no time to go by.
func (s *survey) loose(r *reading) map[int64]bool {
	all := map[int64]bool{}
	ls := &s.layouts[s.layout()]
	orders := r.summaryOrder(ls.order)
	if r.CRLF || parseOrder(orders) == unknownOrder {
		return all
	}
	for _, at := range ls.jumps[parseOrder(orders)].found {
		all[at] = true
	}
	return all
}
