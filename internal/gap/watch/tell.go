package watch

import (
	"context"
	"errors"
	"strconv"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
)

// tell compares what was found with the books, and tells the books and the
// bell what is new.
func (w *Watch) tell(ctx context.Context, l *look) error {
	for _, c := range gap.Diff(l.known, gap.Gather(l.found, w.o.Zone), l.looked()) {
		switch {
		case c.Open != nil:
			h := c.Open
			if l.past[h.Key] && !h.Kind.OfMessages() && (h.Kind == gap.UnknownField || h.Kind == gap.NotListening) {
				continue // it was told once, and is over
			}
			id, err := w.open(ctx, h)
			if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
				continue // another process was faster
			}
			if err != nil {
				return err
			}
			l.res.Opened++
			w.ring(ctx, id, h)
		case c.Close:
			if err := w.do(ctx, govern.ActGapClose, govern.ForGap{Gap: c.Of}); err != nil {
				return err
			}
			l.res.Closed++
			w.hush(ctx, c.Of)
		default:
			d := govern.GapChange{Gap: c.Of, Add: govern.RunsOf(c.Add), Gone: govern.RunsOf(c.Gone), AddRefs: c.AddRefs, GoneRefs: c.GoneRefs, End: c.End}
			if err := w.do(ctx, govern.ActGapChange, d); err != nil {
				return err
			}
			l.res.Changed++
			if g := l.open[c.Of]; g.State == govern.GapExplained && len(c.Add)+len(c.AddRefs) > 0 { // it is open again
				w.ring(ctx, c.Of, &gap.Hole{Kind: gap.Kind(g.Kind), Source: g.Source, Reason: g.Reason})
			}
		}
	}
	return w.explained(ctx)
}

func (w *Watch) open(ctx context.Context, h *gap.Hole) (int64, error) {
	return w.o.Ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActGapOpen, Data: govern.GapData{
		Key: h.Key, Kind: string(h.Kind), Source: h.Source, Number: h.Number, Start: h.Start.UTC(), End: h.End.UTC(), Reason: h.Reason,
		Messages: govern.RunsOf(h.Messages), Refs: h.Refs,
	}})
}

func alarmKey(id int64) string { return "gap/" + strconv.FormatInt(id, 10) }

// ring tells of a gap. What only informs is in the list.
func (w *Watch) ring(ctx context.Context, id int64, h *gap.Hole) {
	if w.o.Bell == nil || h.Kind.Informs() {
		return
	}
	w.rung[id] = true
	w.o.Bell.Ring(ctx, alarm.Alarm{
		Key: alarmKey(id), Source: h.Source, At: w.o.Now().UTC(),
		Say: h.Kind.Name() + ": " + h.Reason + " See gap " + strconv.FormatInt(id, 10) + ".",
	})
}

func (w *Watch) hush(ctx context.Context, id int64) {
	if w.o.Bell != nil {
		w.o.Bell.Clear(ctx, alarmKey(id))
	}
	delete(w.rung, id)
}

// explained ends the alarms of gaps that somebody has explained meanwhile.
func (w *Watch) explained(ctx context.Context) error {
	var over []int64
	err := w.o.Ledger.Read(ctx, func(s *govern.State) error {
		for id := range w.rung {
			if g := s.Gaps[id]; g == nil || g.State != govern.GapOpen {
				over = append(over, id)
			}
		}
		return nil
	})
	for _, id := range over {
		w.hush(ctx, id)
	}
	return err
}
