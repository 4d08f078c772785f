package govern

import (
	"time"
)

// ActSourceHeard is the archive's own word, about once an hour, on how long a
// source listened without a break, and what came meanwhile. A stretch that no
// such act covers is one of which nobody can say that the source listened.
const ActSourceHeard = "source.heard"

// HeardData is the data of ActSourceHeard.
type HeardData struct {
	Source string    `json:"source"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	// Through is the entry before which all deliveries are counted.
	Through int64        `json:"through"`
	Counted []HeardCount `json:"counted,omitempty"`
}

// HeardCount is what came for one number on one day.
type HeardCount struct {
	Number     string `json:"number,omitempty"`
	Day        string `json:"day"` // 2026-01-31, in the archive's zone
	Deliveries int64  `json:"deliveries,omitempty"`
	Messages   int64  `json:"messages,omitempty"` // elements of deliveries that hold messages, of both directions
	Statuses   int64  `json:"statuses,omitempty"`
	Media      int64  `json:"media,omitempty"` // files that were fetched
	Sends      int64  `json:"sends,omitempty"` // requests through the gateway
}

// Add adds what another has.
func (c *HeardCount) Add(d *HeardCount) {
	c.Deliveries += d.Deliveries
	c.Messages += d.Messages
	c.Statuses += d.Statuses
	c.Media += d.Media
	c.Sends += d.Sends
}

// Heard is what a source was heard to do.
type Heard struct {
	Stretches []Stretch // in which it listened, in order
	Through   int64
	Counts    map[[2]string]*HeardCount // by number and day
}

// Stretch is a time without a break.
type Stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// heardTogether is how far apart two stretches may be and be one: the program
// looks at its clock twice.
const heardTogether = time.Second

func heardActs() map[string]kind {
	return map[string]kind{
		ActSourceHeard: about(define("", checkHeard, applyHeard), func(_ *Act, d HeardData) []string { return []string{"source:" + d.Source} }),
	}
}

func checkHeard(s *State, a *Act, d HeardData) error {
	switch {
	case s.Sources[d.Source] == nil:
		return refuseAs(ErrUnknown, "There is no source %s.", d.Source)
	case d.To.Before(d.From) || d.To.After(a.At.Add(time.Minute)):
		return refuse("A source cannot have listened before it began, nor later than now.")
	}
	return nil
}

func applyHeard(s *State, _ *Act, d HeardData) {
	h := s.Heard[d.Source]
	if h == nil {
		h = &Heard{Counts: map[[2]string]*HeardCount{}}
		s.Heard[d.Source] = h
	}
	h.Through = max(h.Through, d.Through)
	if n := len(h.Stretches); n > 0 && !d.From.After(h.Stretches[n-1].To.Add(heardTogether)) {
		if last := &h.Stretches[n-1]; last.To.Before(d.To) {
			last.To = d.To
		}
	} else {
		h.Stretches = append(h.Stretches, Stretch{d.From, d.To})
	}
	for i := range d.Counted {
		c := &d.Counted[i]
		k := [2]string{c.Number, c.Day}
		if h.Counts[k] == nil {
			h.Counts[k] = &HeardCount{Number: c.Number, Day: c.Day}
		}
		h.Counts[k].Add(c)
	}
}
