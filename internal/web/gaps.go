package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/cover"
	"github.com/waxseal/waxseal/internal/govern"
)

func init() {
	maps.Copy(said, map[string]string{
		"gap-explained": "Explained. The gap stays in the list, and in the report on coverage.",
	})
}

// gapsPage lists what live capture is missing.
type gapsPage struct {
	layout
	State, Kind string // of the filter
	States      []filterLink
	Kinds       []choice
	Rows        []gapRow
	More        int
	Strips      []strip
	Legend      []stripDay
	Sources     bool // there are some
	Days        int  // of the strips
}

type filterLink struct {
	Name, Href string
	N          int
	Here       bool
}

type gapRow struct {
	ID                     int64
	Kind, Reason           string
	Source, Number         string
	Day, From, To          string
	State                  string
	Messages, Filled       int64
	OfMessages, Open, Info bool
}

// gapPage is one gap.
type gapPage struct {
	layout
	Wrong string
	gapRow
	Found, Explained, By, Why, Closed string
	Linked                            []int64 // messages that may be opened
	Unnamed                           int64   // more of them
	Refs                              []string
	May, MayRead                      bool
}

// maxGapRows is how many gaps one page lists, and maxLinked how many messages
// the page of one.
const (
	maxGapRows = 200
	maxLinked  = 100
	stripDays  = 42
)

// gapState is a line of the choice among states.
type gapState struct {
	state govern.GapState
	name  string
}

var gapStates = []gapState{{govern.GapOpen, "Open"}, {govern.GapExplained, "Explained"}, {govern.GapClosed, "Filled"}}

func (s *Server) gaps(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p := gapsPage{layout: s.layout(r, "Gaps", "gaps"), State: "open", Kind: q.Get("kind"), Legend: stripLegend(), Days: stripDays}
	if slices.ContainsFunc(gapStates, func(g gapState) bool { return string(g.state) == q.Get("state") }) {
		p.State = q.Get("state")
	}
	for _, k := range gap.Kinds() {
		p.Kinds = append(p.Kinds, choice{string(k), k.Name()})
	}
	if !slices.Contains(gap.Kinds(), gap.Kind(p.Kind)) {
		p.Kind = ""
	}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Sources = len(st.Sources) > 0
		ofKind := func(g *govern.Gap) bool { return p.Kind == "" || g.Kind == p.Kind }
		by := map[govern.GapState]int{}
		all := st.GapList(ofKind)
		for _, g := range all {
			by[g.State]++
			switch {
			case string(g.State) != p.State:
			case len(p.Rows) < maxGapRows:
				p.Rows = append(p.Rows, s.gapRow(g))
			default:
				p.More++
			}
		}
		for _, state := range gapStates {
			v := url.Values{"state": {string(state.state)}}
			if p.Kind != "" {
				v.Set("kind", p.Kind)
			}
			p.States = append(p.States, filterLink{state.name, "/gaps?" + v.Encode(), by[state.state], string(state.state) == p.State})
		}
		return nil
	})
	if err != nil {
		return err
	}
	now := s.now()
	y, m, d := now.In(s.zone).Date()
	to := time.Date(y, m, d, 0, 0, 0, 0, s.zone)
	days, err := cover.Days(r.Context(), s.ledger, s.whole, to.AddDate(0, 0, 1-stripDays), to, now, s.zone)
	if err != nil {
		return err
	}
	p.Strips = drawStrips(days)
	return s.render(w, "gaps", p)
}

func (s *Server) gapRow(g *govern.Gap) gapRow {
	k := gap.Kind(g.Kind)
	row := gapRow{
		ID: g.ID, Kind: k.Name(), Reason: clean(g.Reason), Source: clean(g.Source), Number: clean(g.Number), Day: dayIn(g.Start, s.zone),
		From: utc(g.Start), State: string(g.State), Messages: g.Count(), Filled: g.Filled, OfMessages: k.OfMessages(), Open: g.State == govern.GapOpen, Info: k.Informs(),
	}
	if row.Kind == "" {
		row.Kind = clean(g.Kind) // of a newer version
	}
	if !g.End.IsZero() {
		row.To = utc(g.End)
	}
	return row
}

func (s *Server) gap(w http.ResponseWriter, r *http.Request) error {
	return s.showGap(w, r, http.StatusOK, "")
}

func (s *Server) showGap(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id, err := strconv.ParseInt(r.PathValue("gap"), 10, 64)
	if err != nil {
		return errNoPage
	}
	who := actor(r)
	p := gapPage{Wrong: wrong, MayRead: who.May(access.Read, s.now()) == nil}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		g := st.Gaps[id]
		if g == nil {
			return errNoPage
		}
		p.gapRow, p.Found, p.Why = s.gapRow(g), utc(g.At), clean(g.Why)
		p.May = g.State != govern.GapClosed && who.May(access.ExplainGap, s.now()) == nil
		if !g.Explained.IsZero() {
			p.Explained, p.By = utc(g.Explained), "whoever held the keys"
			if u := st.Users[g.ExplainedBy]; u != nil {
				p.By = clean(u.Name)
			}
		}
		if !g.Closed.IsZero() {
			p.Closed = utc(g.Closed)
		}
		for _, seq := range g.Messages.Seqs() {
			if len(p.Linked) == maxLinked {
				break
			}
			p.Linked = append(p.Linked, seq)
		}
		p.Unnamed = g.Messages.Len() - int64(len(p.Linked))
		for _, ref := range g.Refs[:min(len(g.Refs), maxLinked)] {
			p.Refs = append(p.Refs, clean(ref))
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.layout = s.layout(r, "Gap "+strconv.FormatInt(id, 10), "gaps")
	return s.renderStatus(w, status, "gap", p)
}

func (s *Server) explainGap(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("gap"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	_, err = s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActGapExplain, Reason: r.PostForm.Get("reason"), Data: govern.ForGap{Gap: id}})
	refusal := (*govern.Refusal)(nil)
	switch {
	case errors.Is(err, govern.ErrUnknown):
		return errNoPage
	case errors.As(err, &refusal):
		return s.showGap(w, r, http.StatusConflict, clean(refusal.Say))
	case err != nil:
		return err
	}
	return goOn(w, r, "/gaps/"+strconv.FormatInt(id, 10), "gap-explained")
}

// coveragePage states per number and day what was listened to, counted,
// missing, and what cannot be known.
type coveragePage struct {
	layout
	Wrong, From, To string
	Zone            string
	Numbers         []coveredNumber
	Blind           []gap.Blind
	Legend          []stripDay
	Coverage        coverage
	At              string
}

type coveredNumber struct {
	Source, Number string
	Strip          strip
	Days           []coveredDay
	Sum            gap.Counted
}

type coveredDay struct {
	gap.Day
	Name, Word, Share string
	Heard             string // the stretches, where it was not all the day
	Gaps              []string
}

func (s *Server) coverageReport(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p := coveragePage{layout: s.layout(r, "Coverage", "coverage"), Zone: s.zone.String(), Blind: gap.BlindSpots(), Legend: stripLegend(), At: utc(s.now())}
	status := http.StatusOK
	from, to, err := cover.Between(q.Get("from"), q.Get("to"), s.now(), s.zone)
	if err != nil {
		p.Wrong, status = clean(upperFirst(err.Error()))+".", http.StatusBadRequest
		from, to, _ = cover.Between("", "", s.now(), s.zone) // always right
	}
	p.From, p.To = from.Format(time.DateOnly), to.Format(time.DateOnly)
	days, err := cover.Days(r.Context(), s.ledger, s.whole, from, to, s.now(), s.zone)
	if err != nil {
		return err
	}
	for _, d := range days {
		n := len(p.Numbers)
		if n == 0 || p.Numbers[n-1].Source != d.Source || p.Numbers[n-1].Number != d.Number {
			p.Numbers = append(p.Numbers, coveredNumber{Source: d.Source, Number: d.Number})
			n++
		}
		c := &p.Numbers[n-1]
		c.Days = append(c.Days, coverDay(d, s.zone))
		c.Sum.In, c.Sum.Out, c.Sum.Statuses, c.Sum.Media = c.Sum.In+d.In, c.Sum.Out+d.Out, c.Sum.Statuses+d.Statuses, c.Sum.Media+d.Media
	}
	for i, st := range drawStrips(days) {
		p.Numbers[i].Strip = st
	}
	for i := range p.Numbers {
		p.Numbers[i].Source, p.Numbers[i].Number = clean(p.Numbers[i].Source), clean(p.Numbers[i].Number)
	}
	if p.Coverage, err = s.coverage(r); err != nil {
		return err
	}
	return s.renderStatus(w, status, "coverage", p)
}

// coveredDays is what the API states of days, written as people write them.
func (s *Server) coveredDays(ctx context.Context, first, last string) ([]gap.Day, error) {
	from, to, err := cover.Between(first, last, s.now(), s.zone)
	if err != nil {
		return nil, errors.Join(errRequest, err)
	}
	return cover.Days(ctx, s.ledger, s.whole, from, to, s.now(), s.zone)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// maxStretches is how many times of a day are written out.
const maxStretches = 6

func coverDay(d gap.Day, zone *time.Location) coveredDay {
	c := coveredDay{Day: d, Name: d.Day, Word: stateWords[d.State], Share: cover.Share(d)}
	if at, err := time.Parse(time.DateOnly, d.Day); err == nil {
		c.Name = at.Format("Mon 2 January 2006")
	}
	if d.Seconds < d.Of {
		var all []string
		for i, st := range d.Listened {
			if i == maxStretches {
				all = append(all, "…")
				break
			}
			all = append(all, st.From.In(zone).Format("15:04")+"–"+st.To.In(zone).Format("15:04"))
		}
		c.Heard = strings.Join(all, ", ")
	}
	for _, m := range d.Missing {
		say := m.Kind.Name()
		if m.Messages > 0 {
			say += ": " + count(m.Messages)
		}
		if m.Explained {
			say += " (explained)"
		}
		c.Gaps = append(c.Gaps, say)
	}
	return c
}
