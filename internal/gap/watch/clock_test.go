package watch

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// clocked is a source beside a clock that a test moves.
type clocked struct {
	t      *testing.T
	now    time.Time
	log    *governtest.Log
	ledger *govern.Ledger
	found  map[string][]time.Time // by a word of the query
	meta   fakeMeta
	ready  bool
}

type fakeMeta struct {
	sent   []string
	fails  bool
	listed []Sent
	broken bool
}

func (m *fakeMeta) Subscribed(context.Context, string) (Subscribed, error) {
	return Subscribed{Ours: true}, nil
}
func (m *fakeMeta) Number(context.Context, string) (Number, error) { return Number{}, nil }
func (m *fakeMeta) Token(context.Context) (Token, error)           { return Token{Valid: true}, nil }

func (m *fakeMeta) History(context.Context, string, time.Time) iter.Seq2[Sent, error] {
	return func(yield func(Sent, error) bool) {
		for _, s := range m.listed {
			if !yield(s, nil) {
				return
			}
		}
		if m.broken {
			yield(Sent{}, errors.New("no answer"))
		}
	}
}

func (m *fakeMeta) SendText(_ context.Context, _, _, text string) (string, error) {
	if m.fails {
		return "", errors.New("no answer")
	}
	m.sent = append(m.sent, text[strings.LastIndex(text, "canary"):])
	return "wamid.c", nil
}

// Follow, All, Found, Message and Quoted are an index without messages.
func (c *clocked) Follow(context.Context, func(int64, int64)) error            { return nil }
func (c *clocked) All(context.Context, string, func(chat.Message) error) error { return nil }
func (c *clocked) Message(context.Context, string) (m chat.Message, err error) {
	return m, index.ErrNotFound
}

func (c *clocked) Quoted(context.Context, *chat.Message) (m chat.Message, e error) {
	return m, index.ErrNotFound
}

func (c *clocked) Found(_ context.Context, query, _ string, fn func(int64, time.Time)) error {
	for word, times := range c.found {
		if strings.Contains(query, word) {
			for i, at := range times {
				fn(int64(i), at)
			}
		}
	}
	return nil
}

// Scan is the log.
func (c *clocked) Scan(_ context.Context, from int64, fn func(record.Entry) error) error {
	for _, e := range c.log.All() {
		if e.Seq >= from {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func newClocked(t *testing.T, cfg cloudapi.Config) *clocked {
	t.Helper()
	c := &clocked{t: t, now: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC), found: map[string][]time.Time{}, ready: true}
	c.log = &governtest.Log{Now: func() time.Time { return c.now }}
	var err error
	if c.ledger, err = govern.OpenAt(t.Context(), c.log, func() time.Time { return c.now }); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	if _, err := c.ledger.Do(t.Context(), who, govern.Request{Act: govern.ActSetSource, Data: govern.SetSource{Name: "main", Kind: cloudapi.Name, Config: b}, Secret: []byte(`{"access":"a"}`)}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *clocked) watch(live bool) *Watch {
	return New(Options{
		Index: c, Log: c, Ledger: c.ledger, Live: live, Now: func() time.Time { return c.now },
		Graph: func(cloudapi.Config) Graph { return &c.meta }, Listening: func(string) bool { return c.ready },
	})
}

// run lets a program run for a time, and looks every five minutes.
func (c *clocked) run(w *Watch, d time.Duration, o Scan) {
	c.t.Helper()
	for end := c.now.Add(d); c.now.Before(end); c.now = c.now.Add(everyScan) {
		if _, err := w.Scan(c.t.Context(), o); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *clocked) open() map[gap.Kind]int {
	c.t.Helper()
	by := map[gap.Kind]int{}
	err := c.ledger.Read(c.t.Context(), func(s *govern.State) error {
		for _, g := range s.Gaps {
			if g.State == govern.GapOpen {
				by[gap.Kind(g.Kind)]++
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return by
}

func (c *clocked) stretches() (all []govern.Stretch) {
	c.t.Helper()
	if err := c.ledger.Read(c.t.Context(), func(s *govern.State) error { all = s.Heard["main"].Stretches; return nil }); err != nil {
		c.t.Fatal(err)
	}
	return all
}

var oneNumber = cloudapi.Config{Numbers: []cloudapi.Number{{ID: "7", Phone: "+15550783881"}}}

func TestListeningIsNotedByTheHour(t *testing.T) {
	c := newClocked(t, oneNumber)
	w := c.watch(true)
	begin := c.now
	c.run(w, 5*time.Hour, Scan{})
	acts := 0
	for _, e := range c.log.All() {
		var h record.ActHead
		if _, err := e.Decode(&h); err == nil && h.Act == govern.ActSourceHeard {
			acts++
		}
	}
	if acts < 5 || acts > 6 {
		t.Errorf("%d acts in five hours", acts)
	}
	w.Close(t.Context())
	if s := c.stretches(); len(s) != 1 || !s[0].From.Equal(begin) || !s[0].To.Equal(c.now) {
		t.Errorf("listened %v", s)
	}
	c.now = c.now.Add(time.Minute) // a restart is no gap
	c.run(c.watch(true), time.Hour, Scan{})
	if by := c.open(); len(by) != 0 {
		t.Errorf("gaps %v", by)
	}
}

// TestAKilledProgramListenedAtLeastUntilItsLastDelivery: what it did not get to
// note is a gap from then on.
func TestAKilledProgramListenedAtLeastUntilItsLastDelivery(t *testing.T) {
	c := newClocked(t, oneNumber)
	w := c.watch(true)
	c.run(w, 70*time.Minute, Scan{})
	c.now = c.now.Add(10 * time.Minute)
	c.deliver()
	last := c.now.UTC()
	c.now = c.now.Add(3 * time.Hour) // killed, and started again
	begun := c.now
	w = c.watch(true)
	c.run(w, 11*time.Minute, Scan{})
	if s := c.stretches(); len(s) != 2 || !s[0].To.Equal(last) || !s[1].From.Equal(begun) {
		t.Fatalf("listened %v, not until %s", s, last)
	}
	if by := c.open(); !maps.Equal(by, map[gap.Kind]int{gap.NotListening: 1}) {
		t.Errorf("gaps %v", by)
	}
	counted := int64(0)
	if err := c.ledger.Read(t.Context(), func(s *govern.State) error {
		for _, n := range s.Heard["main"].Counts {
			counted += n.Messages
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if counted != 1 {
		t.Errorf("one message is counted %d times", counted)
	}

	// Meta's list is cut short: it proves nothing. The whole list does.
	c.meta.broken = true
	c.run(w, everyScan, Scan{Graph: true})
	if by := c.open(); by[gap.NotListening] != 1 {
		t.Errorf("filled by half a list: %v", by)
	}
	c.meta.broken = false
	c.run(w, 2*everyScan, Scan{Graph: true})
	if by := c.open(); len(by) != 0 {
		t.Errorf("not filled: %v", by)
	}
}

// deliver appends a capture and a delivery of one message.
func (c *clocked) deliver() {
	c.t.Helper()
	c.deliverField("messages", `{"metadata":{"phone_number_id":"7"},"messages":[{"from":"1650","id":"wamid.1"}]}`)
}

func (c *clocked) deliverField(field, value string) {
	c.t.Helper()
	head, err := record.Part(record.CaptureHead{Source: cloudapi.Name, File: "main"}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := c.log.Append(c.t.Context(), []record.Record{{Kind: record.Capture, Parts: [][]byte{head}}})
	if err != nil {
		c.t.Fatal(err)
	}
	rs, err := cloudapi.Records(got[0].Seq, cloudapi.Incoming{Received: c.now, Secret: "12345678", Body: []byte(`{"entry":[{"id":"1","changes":[{"field":"` + field + `","value":` + value + `}]}]}`)})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.log.Append(c.t.Context(), rs); err != nil {
		c.t.Fatal(err)
	}
}

// TestWhatCannotBeTakenIsNotListenedTo: a full disk refuses deliveries.
func TestWhatCannotBeTakenIsNotListenedTo(t *testing.T) {
	c := newClocked(t, oneNumber)
	w := c.watch(true)
	c.run(w, time.Hour, Scan{})
	c.ready = false
	c.run(w, time.Hour, Scan{})
	if by := c.open(); by[gap.NotListening] != 1 {
		t.Errorf("an hour later, gaps %v", by)
	}
	c.ready = true
	c.run(w, time.Hour, Scan{})
	if s := c.stretches(); len(s) != 2 || s[1].From.Sub(s[0].To) != time.Hour {
		t.Errorf("listened %v", s)
	}
	ended := time.Time{}
	if err := c.ledger.Read(t.Context(), func(s *govern.State) error {
		for _, g := range s.Gaps {
			ended = g.End
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if by := c.open(); by[gap.NotListening] != 1 || !ended.Equal(c.stretches()[1].From) {
		t.Errorf("gaps %v, to %s", by, ended)
	}
}

func TestACanaryIsMissed(t *testing.T) {
	cfg := oneNumber
	cfg.Canary = "9"
	c := newClocked(t, cfg)
	w := c.watch(true)
	c.run(w, everyScan, Scan{})
	if len(c.meta.sent) != 1 || len(c.open()) != 0 {
		t.Fatalf("sent %d, gaps %v", len(c.meta.sent), c.open())
	}
	c.run(w, everyScan, Scan{})
	if by := c.open(); by[gap.Canary] != 1 {
		t.Errorf("lost, and no gap: %v", by)
	}
	c.run(w, everyCanary, Scan{}) // the next is sent, and is not back yet
	if len(c.meta.sent) != 2 || c.open()[gap.Canary] != 1 {
		t.Errorf("sent %d, gaps %v", len(c.meta.sent), c.open())
	}
	c.run(w, everyCanary, Scan{})
	c.found["canary"] = []time.Time{c.now} // whichever is looked for
	c.run(w, everyCanary, Scan{})
	if by := c.open(); len(by) != 0 {
		t.Errorf("back, and a gap: %v", by)
	}
	c.meta.fails = true
	c.run(w, everyCanary, Scan{})
	if by := c.open(); by[gap.Canary] != 1 {
		t.Errorf("not sent, and no gap: %v", by)
	}
	if s := c.meta.sent; s[0] == s[1] {
		t.Error("two canaries have one name")
	}
}

// full is a log that takes no more acts, from some act on.
type full struct {
	*governtest.Log
	left int
}

func (f *full) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("no space left on device")
	}
	return f.Log.Append(ctx, batch)
}

// TestADiskThatIsFullLosesNoFinding: what a delivery said is said again, once
// there is room.
func TestADiskThatIsFullLosesNoFinding(t *testing.T) {
	for left := range 4 {
		c := newClocked(t, oneNumber)
		c.deliverField("account_update", `{"event":"PARTNER_REMOVED"}`)
		c.deliverField("history", `{"metadata":{"phone_number_id":"7"},"history":[{"errors":[{"code":2593109}]}]}`)
		disk := &full{c.log, left}
		var err error
		if c.ledger, err = govern.OpenAt(t.Context(), disk, func() time.Time { return c.now }); err != nil {
			t.Fatal(err)
		}
		w := c.watch(true)
		for range 3 {
			_, err = w.Scan(t.Context(), Scan{})
		}
		if left < 3 && err == nil {
			t.Errorf("%d acts fitted, and nothing was said", left)
		}
		disk.left = 100
		c.run(w, 2*everyScan, Scan{})
		if by := c.open(); !maps.Equal(by, map[gap.Kind]int{gap.Offboarded: 1, gap.HistoryDeclined: 1}) {
			t.Errorf("after %d acts: %v", left, by)
		}
		w.Close(t.Context())
		n := int64(0)
		if err := c.ledger.Read(t.Context(), func(s *govern.State) error {
			for _, k := range s.Heard["main"].Counts {
				n += k.Deliveries
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n != 2 {
			t.Errorf("after %d acts, two deliveries are counted %d times", left, n)
		}
	}
}

func TestRunLooksAndEnds(t *testing.T) {
	c := newClocked(t, oneNumber)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() { c.watch(true).Run(ctx); close(done) }()
	for len(c.log.All()) < 2 {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
	if s := c.stretches(); len(s) != 1 {
		t.Errorf("listened %v", s)
	}
}
