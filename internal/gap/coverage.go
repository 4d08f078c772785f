package gap

import (
	"cmp"
	"slices"
	"time"
)

// Stretch is a time in which a source listened.
type Stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Counted is what the archive holds of one number and day.
type Counted struct {
	In         int64 `json:"in"`
	Out        int64 `json:"out"`
	Statuses   int64 `json:"statuses"`
	Media      int64 `json:"media"`
	Deliveries int64 `json:"deliveries"`
}

// Missing is what is known to be missing of one kind.
type Missing struct {
	Kind      Kind  `json:"kind"`
	Gaps      int64 `json:"gaps"`
	Messages  int64 `json:"messages,omitempty"`
	Explained bool  `json:"explained,omitempty"` // all of it
}

// State says in one word what is known of a day.
type State string

// The states of a day, from good to bad.
const (
	Whole     State = "whole"     // listened to all the time, and nothing known to be missing
	Explained State = "explained" // something is missing, and somebody has said why
	Partly    State = "partly"    // not listened to all the time
	Holes     State = "holes"     // something is missing
	Unheard   State = "unheard"   // not listened to at all
	NotYet    State = "not_yet"   // before the source was there, or not over
)

// Day is what is known of one number on one day.
type Day struct {
	Source   string    `json:"source"`
	Number   string    `json:"number,omitempty"`
	Day      string    `json:"day"`
	State    State     `json:"state"`
	Listened []Stretch `json:"listened"`
	Seconds  int64     `json:"listened_s"`
	Of       int64     `json:"of_s"` // how long the day was, as far as it is over
	Counted
	Missing []Missing `json:"missing,omitempty"`
}

// Incident is a gap as coverage counts it.
type Incident struct {
	Kind       Kind
	Source     string
	Number     string // empty: every number of the source
	Start, End time.Time
	Messages   int64
	Explained  bool
}

// Span is what coverage is asked of.
type Span struct {
	Source    string
	Numbers   []string
	Since     time.Time // when the source was set up
	Until     time.Time // when it was removed; zero: it runs
	From, To  time.Time // first and last day
	Now       time.Time
	Zone      *time.Location
	Stretches []Stretch // in order
	Gaps      []Incident
	Count     func(number, day string) Counted
}

// Cover says what is known of each number and day.
func Cover(s Span) (out []Day) {
	for _, n := range s.Numbers {
		y, m, d := s.From.In(s.Zone).Date()
		for at := time.Date(y, m, d, 0, 0, 0, 0, s.Zone); !at.After(s.To); at = time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, s.Zone) {
			out = append(out, s.day(n, at))
		}
	}
	return out
}

func (s *Span) day(number string, from time.Time) Day {
	to := time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, s.Zone)
	d := Day{Source: s.Source, Number: number, Day: from.Format(time.DateOnly), Listened: []Stretch{}}
	d.Counted = s.Count(number, d.Day)
	begin, end := from, to
	if begin.Before(s.Since) {
		begin = s.Since
	}
	for _, limit := range []time.Time{s.Now, s.Until} {
		if !limit.IsZero() && limit.Before(end) {
			end = limit
		}
	}
	if over := end.Sub(begin); over > 0 {
		d.Of = int64(over / time.Second)
	}
	for _, st := range s.Stretches {
		if st.From.Before(begin) {
			st.From = begin
		}
		if st.To.After(end) {
			st.To = end
		}
		if st.To.After(st.From) {
			d.Listened = append(d.Listened, st)
			d.Seconds += int64(st.To.Sub(st.From) / time.Second)
		}
	}
	d.Missing = s.missing(number, from, to)
	d.State = d.state()
	return d
}

// missing sums up the gaps of a day. One of messages counts on the day of its
// messages alone, any other on each day that it lasts.
func (s *Span) missing(number string, from, to time.Time) []Missing {
	by := map[Kind]*Missing{}
	for _, g := range s.Gaps {
		if g.Number != "" && g.Number != number || g.Kind.Informs() || !g.Start.Before(to) {
			continue
		}
		over := g.End
		switch {
		case g.Kind.OfMessages():
			over = g.Start.Add(time.Nanosecond)
		case over.IsZero():
			over = s.Now
		}
		if !over.After(from) {
			continue
		}
		m := by[g.Kind]
		if m == nil {
			m = &Missing{Kind: g.Kind, Explained: true}
			by[g.Kind] = m
		}
		m.Gaps++
		m.Messages += g.Messages
		m.Explained = m.Explained && g.Explained
	}
	var out []Missing
	for _, m := range by {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Missing) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}

// slack is how much of a day need not be listened to, to be called whole: a
// start of the program takes some seconds.
const slack = 60

func (d *Day) state() State {
	explained := true
	holes := false
	for _, m := range d.Missing {
		if m.Kind == NotListening {
			continue // the stretches say it
		}
		holes, explained = true, explained && m.Explained
	}
	switch {
	case d.Of == 0:
		if holes {
			return Holes
		}
		return NotYet
	case holes && !explained:
		return Holes
	case d.Seconds == 0:
		return Unheard
	case d.Seconds < d.Of-slack:
		return Partly
	case holes:
		return Explained
	}
	return Whole
}

// Blind is something that a way of capture cannot give, whatever is done.
type Blind struct {
	What  string `json:"what"`
	Cloud string `json:"cloud_api"`   // with a number on the Cloud API alone
	Coex  string `json:"coexistence"` // with a number that is in the Business app too
}

// BlindSpots are the limits of the Cloud API, as Meta documents them and as
// they were seen. What stands here no gap will ever tell.
func BlindSpots() []Blind {
	return []Blind{
		{"Group chats made in the app", "There are none.", "Not captured."},
		{"Clients on WhatsApp for Windows or a watch", "Captured, as far as Meta documents.", "No webhook comes."},
		{"Messages that can be viewed once", "There are none.", "Switched off."},
		{"Edits by clients", "Not given; a placeholder comes.", "Given, at times as a placeholder."},
		{"Revocations by clients", "Not given.", "Given."},
		{"Calls", "Events of the Calling API; no sound.", "Not supported."},
		{"Status posts, channels, broadcast lists", "Not given.", "Not given."},
		{"Files over 100 MB", "Meta gives none of them.", "Meta gives none of them."},
		{"Times when the number was not on the platform", "Nothing comes.", "Lost; history is not given again."},
		{"What other tools send from the same number", "A status alone, without the text.", "Echoes of the app alone; of others a status."},
	}
}
