package watch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// look is one scan: what it looks at, and what it finds.
type look struct {
	w   *Watch
	o   Scan
	now time.Time
	res Result

	found []gap.Finding
	known []gap.Known
	open  map[int64]*govern.Gap
	past  map[string]bool // keys of gaps that are closed
	came  map[int64]bool  // entries that came since the last look

	seen map[int64]bool  // messages, by any of their records, that were looked at
	keys map[string]bool // keys that were looked for
	refs map[string]bool // names that Meta listed, by number and name

	next    int64 // entry that the next look begins with
	counted map[*source]map[[2]string]*govern.HeardCount
	last    map[*source]time.Time // delivery that came last
}

func newLook(w *Watch, o Scan) *look {
	return &look{
		w: w, o: o, now: w.o.Now().UTC(), open: map[int64]*govern.Gap{}, past: map[string]bool{}, came: map[int64]bool{},
		seen: map[int64]bool{}, keys: map[string]bool{}, refs: map[string]bool{},
		next: w.next, counted: map[*source]map[[2]string]*govern.HeardCount{}, last: map[*source]time.Time{},
	}
}

func (l *look) looked() gap.Looked {
	return gap.Looked{
		Message: func(_ gap.Kind, entry int64) bool { return l.seen[entry] },
		Key:     func(k gap.Known) bool { return l.keys[k.Key] },
		Ref:     func(k gap.Known, ref string) bool { return l.refs[l.open[k.ID].Number+" "+ref] },
	}
}

// find adds a finding that is of no message.
func (l *look) find(f gap.Finding) { l.found = append(l.found, f) }

// over says that what a finding names was looked for.
func (l *look) over(f gap.Finding) { l.keys[f.Key(l.w.o.Zone)] = true }

// unasked notes that something could not be looked at.
func (l *look) unasked(format string, args ...any) {
	l.res.Unasked = append(l.res.Unasked, fmt.Sprintf(format, args...))
}

// books reads the gaps.
func (l *look) books(ctx context.Context) error {
	return l.w.o.Ledger.Read(ctx, func(s *govern.State) error {
		for id, g := range s.Gaps {
			if g.State == govern.GapClosed {
				l.past[g.Key] = true
				continue
			}
			c := *g
			l.open[id] = &c
			if g.State == govern.GapOpen && !gap.Kind(g.Kind).Informs() && !l.w.started {
				l.w.rung[id] = true // by an earlier run: its alarm ends here
			}
			l.known = append(l.known, gap.Known{ID: id, Key: g.Key, Kind: gap.Kind(g.Kind), Over: !g.End.IsZero(), Messages: g.Messages.Seqs(), Refs: append([]string(nil), g.Refs...)})
		}
		return nil
	})
}

// entries reads what the log has more: it counts what was delivered, and finds
// what deliveries say of capture.
func (l *look) entries(ctx context.Context) error {
	if err := l.books(ctx); err != nil || len(l.w.sources) == 0 {
		return err
	}
	captures := map[int64]string{} // sources by captures; empty: of another kind
	err := l.w.o.Log.Scan(ctx, l.next, func(e record.Entry) error {
		l.next = e.Seq + 1
		if e.Kind != record.Item || len(e.Parts) == 0 {
			return nil
		}
		var h cloudapi.Head
		raw, err := e.Decode(&h)
		if err != nil || h.What == "" {
			return nil //nolint:nilerr // an item of another source, or one that nobody can read: counted there
		}
		name, ok := captures[h.Capture]
		if !ok {
			if name, err = l.capture(ctx, h.Capture); err != nil {
				return err
			}
			if name != "" && l.w.sources[name] == nil { // it may have been added since the books were read
				if err := l.w.learn(ctx); err != nil {
					return err
				}
			}
			captures[h.Capture] = name
		}
		l.came[e.Seq], l.w.recent[e.Seq] = true, e.At
		if s := l.w.sources[name]; s != nil && e.Seq >= s.from {
			l.count(s, e.At, &h, raw)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	for seq, at := range l.w.recent {
		if l.now.Sub(at) > young {
			delete(l.w.recent, seq)
		}
	}
	return nil
}

// done takes over what was read, once the books have been told of it: what a
// look found that failed, the next must find again.
func (l *look) done() {
	l.w.next = l.next
	for s, by := range l.counted {
		for k, c := range by {
			if s.counted[k] == nil {
				s.counted[k] = &govern.HeardCount{Number: c.Number, Day: c.Day}
			}
			s.counted[k].Add(c)
		}
	}
	for s, at := range l.last {
		s.last = at
	}
}

// young is for how long a message of which something is missing is looked at
// again, until patience with it is over.
const young = 3 * time.Hour

// follow brings the index as far as the entries were read: one that it does not
// know yet would be taken for one that tells of no message.
func (l *look) follow(ctx context.Context) error {
	if err := l.w.o.Index.Follow(ctx, nil); err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	return nil
}

var errEnough = errors.New("enough")

// capture is the name of the source that a capture is of.
func (l *look) capture(ctx context.Context, seq int64) (name string, err error) {
	err = l.w.o.Log.Scan(ctx, seq, func(e record.Entry) error {
		var h record.CaptureHead
		if e.Kind == record.Capture {
			if _, err := e.Decode(&h); err == nil && h.Source == cloudapi.Name {
				name = h.File
			}
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return name, err
}

// count counts an item of a source.
func (l *look) count(s *source, at time.Time, h *cloudapi.Head, raw []byte) {
	add := func(number string, set func(*govern.HeardCount)) {
		k := [2]string{number, at.In(l.w.o.Zone).Format(time.DateOnly)}
		if l.counted[s] == nil {
			l.counted[s] = map[[2]string]*govern.HeardCount{}
		}
		if l.counted[s][k] == nil {
			l.counted[s][k] = &govern.HeardCount{Number: number, Day: k[1]}
		}
		set(l.counted[s][k])
	}
	element := func(in cloudapi.Context, raw []byte) {
		number := l.number(s, in)
		switch last := in.Path[strings.LastIndexByte(in.Path, '.')+1:]; last {
		case "statuses":
			add(number, func(c *govern.HeardCount) { c.Statuses++ })
		case "messages", "message_echoes", "standby":
			add(number, func(c *govern.HeardCount) { c.Messages++ })
		}
		l.says(s, in, number, at, raw)
	}
	switch {
	case h.What == cloudapi.Delivery && h.Delivery != nil:
		if h.Delivery.Secret != "" && at.After(l.last[s]) {
			l.last[s] = at
		}
		first := cloudapi.Context{}
		if h.Delivery.Pieces == 0 {
			for _, e := range cloudapi.Elements(raw) {
				first = e.Context
				element(e.Context, raw[e.At:e.End])
			}
		}
		add(l.number(s, first), func(c *govern.HeardCount) { c.Deliveries++ })
	case h.What == cloudapi.Piece && h.Piece != nil:
		element(h.Piece.In, raw)
	case h.What == cloudapi.Media && h.Media != nil && len(h.Files) > 0:
		add(h.Media.Account, func(c *govern.HeardCount) { c.Media++ })
	case h.What == cloudapi.Request && h.Send != nil:
		add(l.number(s, cloudapi.Context{Number: h.Send.Number}), func(c *govern.HeardCount) { c.Sends++ })
	}
}

// number is the E.164 of the business number that an element is of.
func (l *look) number(s *source, in cloudapi.Context) string {
	for _, n := range s.cfg.Numbers {
		if in.Number != "" && n.ID == in.Number {
			return n.Phone
		}
	}
	d := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, in.Phone)
	if d == "" {
		return ""
	}
	return "+" + d
}

// says finds what an element tells of capture itself.
func (l *look) says(s *source, in cloudapi.Context, number string, at time.Time, raw []byte) {
	for _, e := range gap.Events(gap.Told{Source: s.name, WABA: in.WABA, Field: in.Field, Number: number, At: at, Raw: raw}) {
		if e.Finding != nil {
			l.find(*e.Finding)
			continue
		}
		l.over(*e.Over)
		l.drop(e.Over.Key(l.w.o.Zone)) // it left and came back within one look
	}
	if l.w.o.Unknown == nil {
		return
	}
	for _, path := range l.w.o.Unknown(raw, in) {
		l.find(gap.Finding{
			Kind: gap.UnknownField, Source: s.name, Start: at, End: at, Mark: path,
			Reason: "Meta delivered for the first time what this version does not know: " + path + ". It is kept as it came.",
		})
	}
}

func (l *look) drop(key string) {
	kept := l.found[:0]
	for _, f := range l.found {
		if f.Key(l.w.o.Zone) != key {
			kept = append(kept, f)
		}
	}
	l.found = kept
}

// messages looks for holes in messages.
func (l *look) messages(ctx context.Context) error {
	if fresh := !l.w.started; l.o.All || fresh {
		l.w.started = true
		return l.all(ctx)
	}
	return l.some(ctx)
}

// some looks at what came since, at what is young, and at what gaps are about.
func (l *look) some(ctx context.Context) error {
	ids := map[int64]bool{}
	for seq := range l.came {
		ids[seq] = true
	}
	for seq := range l.w.young {
		ids[seq] = true
	}
	for _, g := range l.open {
		if gap.Kind(g.Kind).OfMessages() && (l.o.All || l.o.Daily || l.now.Sub(g.At) < again) {
			for _, seq := range g.Messages.Seqs() {
				ids[seq] = true
			}
		}
	}
	for seq := range ids {
		if l.seen[seq] {
			continue
		}
		m, err := l.w.o.Index.Message(ctx, strconv.FormatInt(seq, 10))
		if errors.Is(err, index.ErrNotFound) {
			l.seen[seq] = true // it tells of no message, or was disposed of
			delete(l.w.young, seq)
			continue
		}
		if err != nil {
			return fmt.Errorf("look at a message: %w", err)
		}
		if err := l.message(ctx, &m); err != nil {
			return err
		}
	}
	return nil
}

// again is for how long the messages of a gap are looked at at every scan: as
// long as Meta may deliver late. Afterwards it is done once a day.
const again = 8 * 24 * time.Hour

// all looks at every message that came by the Cloud API. After a start, where
// the books know of an earlier run, it is those of the last days: what came
// before was looked at then.
func (l *look) all(ctx context.Context) error {
	query := "source:" + cloudapi.Name
	if !l.o.All && l.w.ranBefore() {
		query += " after:" + l.now.Add(-days).Format(time.DateOnly)
	}
	err := l.w.o.Index.All(ctx, query, func(m chat.Message) error { return l.message(ctx, &m) })
	if err != nil && !errors.Is(err, index.ErrQuery) { // that nothing has come by it yet
		return fmt.Errorf("look at messages: %w", err)
	}
	return l.some(ctx)
}

const days = 3 * 24 * time.Hour

func (w *Watch) ranBefore() bool {
	for _, s := range w.sources {
		if s.heard.Through == 0 {
			return false
		}
	}
	return len(w.sources) > 0
}

// message looks at one message.
func (l *look) message(ctx context.Context, m *chat.Message) error {
	if l.seen[m.Seq] {
		return nil
	}
	l.res.Messages++
	at := time.Time{}
	for _, seq := range m.Records {
		l.seen[seq] = true
		if t := l.w.recent[seq]; t.After(at) {
			at = t
		}
	}
	l.seen[m.Seq] = true
	var failed error
	there := func(m *chat.Message) bool {
		_, err := l.w.o.Index.Quoted(ctx, m)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			failed = err
		}
		return err == nil
	}
	seen := gap.Seen{Message: m, Source: l.w.named(m.Account), At: at}
	may := gap.Patience{}.Of(seen, there, l.now) // without any patience
	if len(may) > 0 {
		l.found = append(l.found, l.w.o.Patience.Of(seen, there, l.now)...)
	}
	for _, seq := range append(m.Records, m.Seq) {
		delete(l.w.young, seq)
	}
	if len(may) > 0 && seen.Age(l.now) < young {
		l.w.young[m.Seq] = true
	}
	if failed != nil {
		return fmt.Errorf("look for what a message answers: %w", failed)
	}
	return nil
}
