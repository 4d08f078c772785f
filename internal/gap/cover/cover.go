// Package cover says from the books and the index what was listened to, counted
// and missed: per number and day.
package cover

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// Books are the firm's books. *govern.Ledger is them.
type Books interface {
	Read(ctx context.Context, fn func(*govern.State) error) error
}

// Finder finds messages. *index.Index is one.
type Finder interface {
	Found(ctx context.Context, query, chat string, fn func(seq int64, at time.Time)) error
}

// Days says what is known of each number of each source on the days from … to,
// in the clocks of the zone.
func Days(ctx context.Context, books Books, find Finder, from, to, now time.Time, zone *time.Location) ([]gap.Day, error) {
	spans, err := spansOf(ctx, books, from, to, now, zone)
	if err != nil {
		return nil, err
	}
	var out []gap.Day
	for _, s := range spans {
		found := map[string]map[string]*gap.Counted{}
		for _, n := range s.Numbers {
			if found[n], err = count(ctx, find, n, from, to); err != nil {
				return nil, err
			}
		}
		heard := s.Count
		s.Count = func(number, day string) gap.Counted {
			c := heard(number, day)
			if f := found[number][day]; f != nil {
				c.In, c.Out = f.In, f.Out
			}
			return c
		}
		out = append(out, gap.Cover(s.Span)...)
	}
	return out, nil
}

type span struct{ gap.Span }

// spansOf reads the sources, how long they were listened to, and their gaps.
func spansOf(ctx context.Context, books Books, from, to, now time.Time, zone *time.Location) (out []*span, err error) {
	err = books.Read(ctx, func(st *govern.State) error {
		for name, src := range st.Sources {
			s := &span{gap.Span{Source: name, Since: src.Since, Until: src.Removed, From: from, To: to, Now: now, Zone: zone, Numbers: Numbers(src)}}
			counts := map[[2]string]gap.Counted{}
			if h := st.Heard[name]; h != nil {
				for _, x := range h.Stretches {
					s.Stretches = append(s.Stretches, gap.Stretch(x))
				}
				if len(h.Stretches) > 0 && h.Stretches[0].From.Before(s.Since) {
					s.Since = h.Stretches[0].From
				}
				for k, c := range h.Counts {
					counts[k] = gap.Counted{Statuses: c.Statuses, Media: c.Media, Deliveries: c.Deliveries}
				}
			}
			s.Count = func(number, day string) gap.Counted { return counts[[2]string{number, day}] }
			for _, g := range st.Gaps {
				if g.State != govern.GapClosed && g.Source == name {
					s.Gaps = append(s.Gaps, gap.Incident{
						Kind: gap.Kind(g.Kind), Source: g.Source, Number: g.Number, Start: g.Start, End: g.End, Messages: g.Count(), Explained: g.State == govern.GapExplained,
					})
				}
			}
			out = append(out, s)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b *span) int { return cmp.Compare(a.Source, b.Source) })
	return out, err
}

// Numbers are the business numbers of a source, as its configuration has them.
func Numbers(src *govern.Source) (all []string) {
	var cfg struct {
		Numbers []struct {
			Phone string `json:"phone"`
		} `json:"numbers"`
	}
	if json.Unmarshal(src.Config, &cfg) != nil {
		return nil // of another version: it has none that could be told
	}
	for _, n := range cfg.Numbers {
		all = append(all, n.Phone)
	}
	return all
}

// count counts a number's messages by day and direction.
func count(ctx context.Context, find Finder, number string, from, to time.Time) (map[string]*gap.Counted, error) {
	out := map[string]*gap.Counted{}
	for _, way := range []string{"received", "sent"} {
		query := fmt.Sprintf("source:cloudapi is:%s account:%s after:%s before:%s", way, strings.TrimSpace(number),
			from.Format(time.DateOnly), to.AddDate(0, 0, 1).Format(time.DateOnly))
		err := find.Found(ctx, query, "", func(_ int64, at time.Time) {
			if at.IsZero() {
				return
			}
			day := at.Format(time.DateOnly)
			if out[day] == nil {
				out[day] = &gap.Counted{}
			}
			if way == "sent" {
				out[day].Out++
			} else {
				out[day].In++
			}
		})
		if err != nil && !errors.Is(err, index.ErrQuery) { // that nothing has come yet
			return nil, fmt.Errorf("count messages of a number: %w", err)
		}
	}
	return out, nil
}

// usual is how many days are shown where nobody says.
const usual = 30

// most bounds the days of one report.
const most = 400

// Between reads the days of a report, as people write them.
func Between(first, last string, now time.Time, zone *time.Location) (from, to time.Time, err error) {
	y, m, d := now.In(zone).Date()
	to = time.Date(y, m, d, 0, 0, 0, 0, zone)
	if last != "" {
		if to, err = time.ParseInLocation(time.DateOnly, last, zone); err != nil {
			return from, to, errors.New("the last day is written as 2026-01-31")
		}
	}
	from = to.AddDate(0, 0, 1-usual)
	if first != "" {
		if from, err = time.ParseInLocation(time.DateOnly, first, zone); err != nil {
			return from, to, errors.New("the first day is written as 2026-01-31")
		}
	}
	switch n := to.Sub(from) / (24 * time.Hour); {
	case n < 0:
		err = errors.New("the first day is after the last")
	case n > most:
		err = fmt.Errorf("a report is of %d days at most", most)
	}
	return from, to, err
}

// Share is how much of a day was listened to, in per cent. Only all of it is
// 100.
func Share(d gap.Day) string {
	if d.Of == 0 {
		return "–"
	}
	n := d.Seconds * 100 / d.Of
	if n == 0 && d.Seconds > 0 {
		return "<1 %"
	}
	return fmt.Sprintf("%d %%", n)
}
