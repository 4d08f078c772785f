package chatexport

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// reading is what was decided from the whole of an export: how its records are
// read. It stands in the Capture record, so that the records mean the same for
// ever, and a better reader can see what this one knew.
type reading struct {
	Version  int    `json:"v"`
	Encoding string `json:"encoding"` // "utf-8", "utf-16le", "utf-16be"
	Layout   string `json:"layout"`   // "bracket", "dash", "colon"
	CRLF     bool   `json:"crlf,omitempty"`
	CR       bool   `json:"cr,omitempty"` // lines end in CR alone
	// Words says that its headers have words beside the time that are in no table.
	Words bool `json:"words,omitempty"`
	// Marks says that WhatsApp's own words have direction marks before them here:
	// the same words without one are somebody's.
	Marks  bool              `json:"marks,omitempty"`
	Orders map[string]string `json:"orders"` // date order by shape
	// OrderBy is how the order became known: "" assumed, "evidence", "operator".
	OrderBy string `json:"order_by,omitempty"`
	// Unsure lists the shapes whose order is only assumed.
	Unsure []string `json:"unsure,omitempty"`
	// Possible lists, by shape, the orders in which its dates are dates.
	Possible map[string][]string `json:"possible,omitempty"`

	Authors []string `json:"authors,omitempty"`
	Slots   []string `json:"slots,omitempty"` // author slots that only notices stand in
	// Long are authors whose names hold ": ", which is known by their recurring;
	// Once are those of whom one record leaves open whether they have such names.
	Long []string `json:"long,omitempty"`
	Once []string `json:"once,omitempty"`
	// Suspects are authors that may be part of the message before.
	Suspects []string `json:"suspects,omitempty"`
	Capped   bool     `json:"capped,omitempty"` // there were more authors than are listed
	Back     []string `json:"back,omitempty"`   // hours in which the clock went back
	Zone     string   `json:"zone"`
	Assumed  bool     `json:"zone_assumed,omitempty"`
	Me       string   `json:"me,omitempty"`
	Chat     string   `json:"chat"`
	Kind     string   `json:"kind"`

	passedBy bool // the operator's order was, by dates in the file
}

const (
	byEvidence = "evidence"
	byOperator = "operator"
)

// key names a shape in the JSON.
func (s shape) key() string {
	b := []byte{s.Sep, '.'}
	if s.Long >= 0 {
		b[1] = '0' + byte(s.Long)
	}
	if s.Half {
		b = append(b, 'h')
	}
	return string(b) + [...]string{"", "b", "j", "p"}[s.Calendar]
}

func (r *reading) ios() bool { return r.Layout != dash.String() }

// merge takes what a later capture of the same records knows better.
func (r *reading) merge(later *reading) {
	for shape, o := range later.Orders {
		if !r.mayTake(later, shape) {
			continue
		}
		r.Orders[shape] = o
		r.Unsure = slices.DeleteFunc(r.Unsure, func(s string) bool { return s == shape })
		if slices.Contains(later.Unsure, shape) {
			r.Unsure = append(r.Unsure, shape)
		}
		r.narrow(shape, later.Possible)
	}
	rank := map[string]int{"": 0, byEvidence: 1, byOperator: 2}
	if rank[later.OrderBy] > rank[r.OrderBy] {
		r.OrderBy = later.OrderBy
	}
	if r.Assumed || !later.Assumed {
		r.Zone, r.Assumed = later.Zone, later.Assumed
	}
	if later.Me != "" {
		r.Me = later.Me
	}
	if later.Kind == string(chat.Group) {
		r.Kind = later.Kind
	}
	// Either file may hold records that the other lacks: who wrote in one of
	// them stays an author, and what one of them leaves in doubt stays so.
	mine, theirs := r.without(later), later.without(r)
	r.Authors = union(mine, theirs)
	r.Long, r.Once = union(r.Long, later.Long), union(r.Once, later.Once)
	r.Suspects = union(r.Suspects, later.Suspects)
	r.Back = union(r.Back, later.Back)
	r.Slots = slices.DeleteFunc(union(r.Slots, later.Slots), func(s string) bool {
		_, author := slices.BinarySearch(r.Authors, s)
		return author
	})
	r.Capped = r.Capped || later.Capped
	r.Marks = r.Marks || later.Marks
}

// mayTake reports whether the dates of a shape may be read again as a later
// capture reads them: it was not certain how, or the operator has decided since,
// and every date of this capture is one in that order. Dates that were certain
// stay: a phone may write them in another order by the time of the next export.
func (r *reading) mayTake(later *reading, shape string) bool {
	if _, ok := r.Orders[shape]; !ok {
		return true
	}
	possible, surveyed := r.Possible[shape]
	if surveyed && !slices.Contains(possible, later.Orders[shape]) {
		return false
	}
	if slices.Contains(r.Unsure, shape) {
		return true
	}
	said := later.OrderBy == byOperator && !slices.Contains(later.Unsure, shape) && len(later.Possible[shape]) != 1
	return said && (surveyed || r.OrderBy == byOperator)
}

// narrow leaves what is possible in the other capture, too.
func (r *reading) narrow(shape string, other map[string][]string) {
	theirs, ok := other[shape]
	if !ok {
		return
	}
	if mine, ok := r.Possible[shape]; ok {
		theirs = slices.DeleteFunc(slices.Clone(theirs), func(o string) bool { return !slices.Contains(mine, o) })
	}
	if r.Possible == nil {
		r.Possible = map[string][]string{}
	}
	r.Possible[shape] = theirs
}

// without are r's authors but for those whose names are none: in the other file
// "Bob" wrote otherwise, and so it was he who wrote "Note: x" in this one.
func (r *reading) without(other *reading) []string {
	return slices.DeleteFunc(slices.Clone(r.Authors), func(name string) bool {
		if !slices.Contains(r.Long, name) || slices.Contains(other.Authors, name) {
			return false
		}
		for short := name; ; {
			i := strings.LastIndex(short, ": ")
			if i < 0 {
				return false
			}
			if short = short[:i]; slices.Contains(other.Authors, short) && !slices.Contains(other.Once, short) {
				return true
			}
		}
	})
}

// union is what a or b holds, sorted, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *reading) location() (*time.Location, error) {
	loc, err := time.LoadLocation(r.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone of the capture: %w", err)
	}
	return loc, nil
}

func parseReading(b json.RawMessage) (*reading, error) {
	var r reading
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("reading of the capture: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("reading of the capture: version %d, this program knows 1", r.Version)
	}
	if r.Orders == nil {
		r.Orders = map[string]string{}
	}
	return &r, nil
}

// open are the orders that an operator may choose where none is certain.
func (r *reading) open() (all []string) {
	for _, shape := range r.Unsure {
		all = union(all, r.Possible[shape])
	}
	return all
}

// summaryOrder is the date order as a summary says it.
func (r *reading) summaryOrder(seen []string) string {
	var all []string
	for _, s := range seen {
		if o := r.Orders[s]; !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return strings.Join(all, "+")
}
