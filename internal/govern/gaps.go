package govern

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of gaps: what live capture is missing. The archive itself finds and
// closes them; people say why they are.
const (
	ActGapOpen    = "gap.open"
	ActGapChange  = "gap.change"
	ActGapClose   = "gap.close" // the hole is filled
	ActGapExplain = "gap.explain"
)

// GapState is what became of a gap.
type GapState string

// The states of a gap.
const (
	GapOpen      GapState = "open"
	GapClosed    GapState = "closed"    // the hole is filled
	GapExplained GapState = "explained" // somebody has said why, and it stays a hole
)

// Gap is a hole in what was captured.
type Gap struct {
	ID     int64     `json:"id"` // entry of the act that opened it
	At     time.Time `json:"at"` // when it was found
	Key    string    `json:"key"`
	Kind   string    `json:"kind"`
	Source string    `json:"source"`
	Number string    `json:"number,omitempty"` // of the business
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"` // zero: it is not over
	Reason string    `json:"reason"`
	State  GapState  `json:"state"`

	Messages Runs     `json:"messages,omitempty"` // entries that it is about
	Refs     []string `json:"refs,omitempty"`     // names of messages that are not in the archive
	Filled   int64    `json:"filled,omitempty"`   // messages that it was about and is no more

	Closed      time.Time `json:"closed,omitzero"`
	Explained   time.Time `json:"explained,omitzero"`
	ExplainedBy string    `json:"explained_by,omitempty"`
	Why         string    `json:"why,omitempty"` // in the words of whoever explained it
}

// Count is how many messages are missing.
func (g *Gap) Count() int64 { return g.Messages.Len() + int64(len(g.Refs)) }

// GapData is the data of ActGapOpen.
type GapData struct {
	Key      string    `json:"key"`
	Kind     string    `json:"kind"`
	Source   string    `json:"source"`
	Number   string    `json:"number,omitempty"`
	Start    time.Time `json:"start,omitzero"`
	End      time.Time `json:"end,omitzero"`
	Reason   string    `json:"reason"`
	Messages Runs      `json:"messages,omitempty"`
	Refs     []string  `json:"refs,omitempty"`
}

// GapChange is the data of ActGapChange: what more is missing, and what was
// filled.
type GapChange struct {
	Gap      int64     `json:"gap"`
	Add      Runs      `json:"add,omitempty"`
	Gone     Runs      `json:"gone,omitempty"`
	AddRefs  []string  `json:"add_refs,omitempty"`
	GoneRefs []string  `json:"gone_refs,omitempty"`
	End      time.Time `json:"end,omitzero"`
}

// ForGap is the data of ActGapClose and ActGapExplain.
type ForGap struct {
	Gap int64 `json:"gap"`
}

func gapActs() map[string]kind {
	on := func(gap int64) []string { return []string{"gap:" + strconv.FormatInt(gap, 10)} }
	return map[string]kind{
		ActGapOpen:   about(define("", checkGapOpen, applyGapOpen), func(_ *Act, d GapData) []string { return []string{"source:" + d.Source} }),
		ActGapChange: about(define("", checkGapChange, applyGapChange), func(_ *Act, d GapChange) []string { return on(d.Gap) }),
		ActGapClose:  about(define("", checkForGap, applyGapClose), func(_ *Act, d ForGap) []string { return on(d.Gap) }),
		ActGapExplain: about(define(access.ExplainGap, checkGapExplain, func(s *State, a *Act, d ForGap) {
			g := s.Gaps[d.Gap]
			g.State, g.Explained, g.ExplainedBy, g.Why = GapExplained, a.At, a.By, a.Reason
		}), func(_ *Act, d ForGap) []string { return on(d.Gap) }),
	}
}

// maxRefs bounds the names that a gap lists.
const maxRefs = 10_000

func checkGapOpen(s *State, a *Act, d GapData) error {
	switch {
	case d.Key == "" || d.Kind == "" || d.Reason == "":
		return refuse("A gap has a key, a kind and a reason.")
	case s.openGap(d.Key) != nil:
		return refuse("The gap is open already.")
	case len(d.Refs) > maxRefs:
		return refuse("A gap lists %d names at most.", maxRefs)
	}
	return d.Messages.checked(a.Seq)
}

// openGap is the gap of a key that is not closed.
func (s *State) openGap(key string) *Gap { return s.Gaps[s.gapOf[key]] }

func applyGapOpen(s *State, a *Act, d GapData) {
	s.Gaps[a.Seq] = &Gap{
		ID: a.Seq, At: a.At, Key: d.Key, Kind: d.Kind, Source: d.Source, Number: d.Number, Start: d.Start, End: d.End,
		Reason: d.Reason, State: GapOpen, Messages: d.Messages, Refs: slices.Clone(d.Refs),
	}
	s.gapOf[d.Key] = a.Seq
}

func checkForGap(s *State, _ *Act, d ForGap) error {
	if g := s.Gaps[d.Gap]; g == nil || g.State == GapClosed {
		return refuseAs(ErrUnknown, "There is no open gap %d.", d.Gap)
	}
	return nil
}

func checkGapChange(s *State, a *Act, d GapChange) error {
	if err := checkForGap(s, a, ForGap{d.Gap}); err != nil {
		return err
	}
	if len(s.Gaps[d.Gap].Refs)+len(d.AddRefs) > maxRefs {
		return refuse("A gap lists %d names at most.", maxRefs)
	}
	if err := d.Add.checked(a.Seq); err != nil {
		return err
	}
	return d.Gone.checked(a.Seq)
}

// applyGapChange keeps an explanation for what it was given for: of what came
// later nobody has said why.
func applyGapChange(s *State, _ *Act, d GapChange) {
	g := s.Gaps[d.Gap]
	had := g.Count()
	left := append(g.Messages.Seqs(), d.Add.Seqs()...)
	g.Messages = RunsOf(slices.DeleteFunc(left, d.Gone.Has))
	refs := append(g.Refs, d.AddRefs...)
	g.Refs = slices.DeleteFunc(refs, func(r string) bool { return slices.Contains(d.GoneRefs, r) })
	slices.Sort(g.Refs)
	g.Refs = slices.Compact(g.Refs)
	more := d.Add.Len() + int64(len(d.AddRefs))
	g.Filled += max(had+more-g.Count(), 0)
	if g.State == GapExplained && more > 0 {
		g.State = GapOpen
	}
	if g.End.Before(d.End) {
		g.End = d.End
	}
}

func applyGapClose(s *State, a *Act, d ForGap) {
	g := s.Gaps[d.Gap]
	g.State, g.Closed, g.Filled = GapClosed, a.At, g.Filled+g.Count()
	g.Messages, g.Refs = nil, nil
	if g.End.IsZero() {
		g.End = a.At
	}
	delete(s.gapOf, g.Key)
}

func checkGapExplain(s *State, a *Act, d ForGap) error {
	if err := checkForGap(s, a, d); err != nil {
		return err
	}
	if strings.TrimSpace(a.Reason) == "" {
		return refuse("Say why the gap is there, and what was done about it.")
	}
	return nil
}

// GapList lists the gaps that a filter lets, the newest first.
func (s *State) GapList(keep func(*Gap) bool) (all []*Gap) {
	for _, g := range s.Gaps {
		if keep == nil || keep(g) {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *Gap) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.ID, a.ID)) })
	return all
}
