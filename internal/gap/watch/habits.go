package watch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// least is how long nobody need have listened for a gap: a restart is none.
const least = 2 * time.Minute

// stretches finds the times in which nobody can say that a source listened.
// One ends when Meta's list of messages was compared with the archive for all
// of it, and nothing was missing.
func (l *look) stretches(context.Context) error {
	for _, s := range l.w.names() {
		all := s.heard.Stretches
		for i, st := range all {
			to, over := l.now, time.Time{}
			switch {
			case i+1 < len(all):
				to, over = all[i+1].From, all[i+1].From
			case !s.began.IsZero() || s.gone:
				continue // it listens, or is not meant to
			case l.w.listens(s):
				continue // it is about to be noted: see heard
			}
			if i+1 == len(all) && !l.w.o.Live && to.Sub(st.To) < 2*everyHeard {
				continue // another program may be listening, which notes it once an hour
			}
			if to.Sub(st.To) < least {
				continue
			}
			l.find(gap.Finding{
				Kind: gap.NotListening, Source: s.name, Start: st.To, End: over, Mark: strconv.FormatInt(st.To.Unix(), 10),
				Reason: "Waxseal did not run, or could not take what came. Meta delivers again for 36 hours at least; what was sent by other tools meanwhile, and what Meta gave up, is missing.",
			})
		}
	}
	return nil
}

// silence finds numbers to which nothing comes, unlike their habit.
func (l *look) silence(ctx context.Context) error {
	for _, s := range l.w.names() {
		if s.gone || len(s.heard.Stretches) == 0 || l.w.o.Live && s.began.IsZero() {
			continue // what is not listened to is silent
		}
		for _, n := range s.cfg.Numbers {
			times, err := l.received(ctx, n.Phone, 24*time.Hour)
			if err != nil {
				return err
			}
			// Most numbers are not silent: the weeks before are read for the others.
			if len(times) == 0 || l.now.Sub(times[len(times)-1]) >= gap.SilenceFrom {
				if times, err = l.received(ctx, n.Phone, gap.SilenceSince); err != nil {
					return err
				}
			}
			since, unusual := gap.Silent(times, s.heard.Stretches[0].From, l.now)
			for _, k := range l.known { // an earlier silence is over when something came
				if g := l.open[k.ID]; k.Kind == gap.Silence && g.Source == s.name && g.Number == n.Phone {
					l.keys[k.Key] = true
				}
			}
			if unusual {
				l.find(gap.Finding{
					Kind: gap.Silence, Source: s.name, Number: n.Phone, Start: since, Mark: strconv.FormatInt(since.Unix(), 10),
					Reason: "Nothing has come, and by the habit of the last eight weeks that is a chance of less than one in 100,000. Look at the subscription and at the number itself.",
				})
			}
		}
	}
	return nil
}

// received are the times of what came in to a number, sorted.
func (l *look) received(ctx context.Context, number string, back time.Duration) (times []time.Time, err error) {
	query := fmt.Sprintf("source:%s is:received account:%s after:%s", cloudapi.Name, number, l.now.Add(-back).Format(time.DateOnly))
	err = l.w.o.Index.Found(ctx, query, "", func(_ int64, at time.Time) {
		if !at.IsZero() { // by the clock on the wall
			times = append(times, time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, l.w.o.Zone))
		}
	})
	if err != nil && !errors.Is(err, index.ErrQuery) { // that nothing has come yet
		return nil, fmt.Errorf("look for silence: %w", err)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times, nil
}

// canary is a message that a second number sends to the first, to see whether
// it arrives.
type canary struct {
	word   string
	at     time.Time
	waits  bool   // it is looked for
	failed string // why the last one is a hole; empty: it came
}

const (
	everyCanary  = time.Hour
	canaryReturn = 2 * time.Minute
)

// canaries reports whether one is to be sent, or has to be back.
func (w *Watch) canaries(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, s := range w.sources {
		c := w.canary[name]
		if s.cfg.Canary != "" && !s.gone && (c == nil || now.Sub(c.at) >= everyCanary || c.waits && now.Sub(c.at) >= canaryReturn) {
			return true
		}
	}
	return false
}

// canaries looks for those that were sent, and sends the next.
func (l *look) canaries(ctx context.Context) error {
	if !l.w.o.Live || l.w.o.Graph == nil {
		return nil
	}
	for _, s := range l.w.names() {
		if s.cfg.Canary == "" || s.gone || len(s.cfg.Numbers) == 0 {
			continue
		}
		c := l.w.canary[s.name]
		if c == nil || !c.waits && l.now.Sub(c.at) >= everyCanary {
			next, err := l.send(ctx, s)
			if err != nil {
				return err
			}
			if c != nil && next.failed == "" {
				next.failed = c.failed // until the new one is back
			}
			c, l.w.canary[s.name] = next, next
		}
		if err := l.back(ctx, c); err != nil {
			return err
		}
		f := gap.Finding{Kind: gap.Canary, Source: s.name, Number: s.cfg.Numbers[0].Phone, Start: c.at}
		switch {
		case c.failed != "":
			f.Reason = c.failed
			l.find(f)
		case !c.waits:
			l.over(f)
		}
	}
	return nil
}

// back looks whether a canary has come.
func (l *look) back(ctx context.Context, c *canary) error {
	if !c.waits {
		return nil
	}
	there := false
	err := l.w.o.Index.Found(ctx, "is:received "+c.word, "", func(int64, time.Time) { there = true })
	switch {
	case err != nil && !errors.Is(err, index.ErrQuery):
		return fmt.Errorf("look for a canary: %w", err)
	case there:
		c.waits, c.failed = false, ""
	case l.now.Sub(c.at) >= canaryReturn:
		c.waits, c.failed = false, "A message that was sent for a test, from the second number to this one, did not come back within two minutes."
	}
	return nil
}

// send sends a canary, and notes in the archive what was sent: else its
// statuses would be a gap themselves.
func (l *look) send(ctx context.Context, s *source) (*canary, error) {
	c := &canary{word: "canary" + strings.ToLower(rand.Text()), at: l.now, waits: true}
	text, to := "Waxseal looks whether messages arrive: "+c.word, strings.TrimPrefix(s.cfg.Numbers[0].Phone, "+")
	id, err := l.w.o.Graph(s.cfg).SendText(ctx, s.cfg.Canary, to, text)
	if err != nil {
		c.waits, c.failed = false, "A message for a test could not be sent from the second number."
		return c, nil //nolint:nilerr // it is a finding, and the error may quote an answer
	}
	var j cloudapi.Journal
	if l.w.o.Journal != nil {
		j = l.w.o.Journal(s.name)
	}
	if j == nil {
		return c, nil
	}
	raw, err := json.Marshal(map[string]any{
		"request":  map[string]any{"messaging_product": "whatsapp", "to": to, "type": "text", "text": map[string]string{"body": text}},
		"response": map[string]any{"messages": []map[string]string{{"id": id}}},
	})
	if err != nil {
		return nil, err
	}
	_, err = j.Append(ctx, func(capture int64) ([]record.Record, error) {
		r, err := cloudapi.SendRecord(capture, cloudapi.SendHead{At: l.now, Number: s.cfg.Canary, By: "canary", Status: 200}, cloudapi.Sent, raw, nil)
		return []record.Record{r}, err
	})
	if err != nil {
		return nil, fmt.Errorf("note a canary: %w", err)
	}
	return c, nil
}
