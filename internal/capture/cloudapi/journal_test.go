package cloudapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/record"
)

// failing is a sink whose n-th append fails: before anything is written, or
// after it was and the answer was lost.
type failing struct {
	capturetest.Sink
	n, at int
	lost  bool
}

var errSink = errors.New("the disk is full")

func (s *failing) Append(ctx context.Context, rs []record.Record) ([]record.Receipt, error) {
	if s.n++; s.n != s.at {
		return s.Sink.Append(ctx, rs)
	}
	if s.lost {
		if _, err := s.Sink.Append(ctx, rs); err != nil {
			return nil, err
		}
	}
	return nil, errSink
}

func delivery(n int) func(int64) ([]record.Record, error) {
	body := fmt.Sprintf(`{"entry":[{"changes":[{"value":{"messages":[{"id":"%d"},{"id":"%d b"}]}}]}]}`, n, n)
	return func(capture int64) ([]record.Record, error) {
		return Records(capture, Incoming{Body: []byte(body), Received: time.Unix(1_700_000_000, 0)})
	}
}

// captures checks that each item is of a capture that had begun and not ended,
// and returns how many captures there are, how many have ended, and how many
// items there are.
func captures(t *testing.T, es []record.Entry) (begun, ended, items int) {
	t.Helper()
	open := map[int64]bool{}
	for _, e := range es {
		switch e.Kind {
		case record.Capture:
			begun++
			open[e.Seq] = true
		case record.CaptureEnd:
			var h record.CaptureEndHead
			if _, err := e.Decode(&h); err != nil {
				t.Fatal(err)
			}
			if !open[h.Capture] {
				t.Errorf("the end of capture %d, which does not run", h.Capture)
			}
			delete(open, h.Capture)
			ended++
		default:
			var h Head
			if _, err := e.Decode(&h); err != nil {
				t.Fatal(err)
			}
			if !open[h.Capture] {
				t.Errorf("an item of capture %d, which does not run", h.Capture)
			}
			items++
		}
	}
	return begun, ended, items
}

// Whatever append fails: who was told that it is kept is right, who tries again
// adds nothing twice, and the journal goes on.
func TestAppendsThatFail(t *testing.T) {
	for at := 1; at <= 7; at++ {
		for _, lost := range []bool{false, true} {
			sink := &failing{at: at, lost: lost}
			var cfg atomic.Pointer[Config]
			cfg.Store(&Config{Name: "main"})
			j := OpenJournal(sink, func() Config { return *cfg.Load() }, "UTC", nil)
			for n := range 4 {
				if n == 2 {
					cfg.Store(&Config{Name: "main", Numbers: []Number{{ID: "7"}}})
				}
				for tries := 0; ; tries++ {
					_, err := j.Append(t.Context(), delivery(n))
					if err == nil {
						break
					}
					if !errors.Is(err, errSink) || tries > 1 {
						t.Fatal(err)
					}
				}
			}
			if err := j.Close(t.Context()); err != nil && !errors.Is(err, errSink) {
				t.Fatal(err)
			}
			begun, ended, items := captures(t, sink.Entries)
			if items != 12 || ended > begun || !lost && begun != 2 {
				t.Errorf("append %d fails, lost %t: %d captures, %d ends, %d items", at, lost, begun, ended, items)
			}
		}
	}
}

// Many deliveries come at once while days pass and the configuration changes.
func TestDaysPassWhileDeliveriesCome(t *testing.T) {
	sink := &capturetest.Sink{}
	var cfg atomic.Pointer[Config]
	cfg.Store(&Config{Name: "main"})
	var days atomic.Int64
	var told atomic.Int64
	j := OpenJournal(sink, func() Config { return *cfg.Load() }, "UTC", func() { told.Add(1) })
	j.now = func() time.Time { return time.Unix(1_700_000_000+86400*days.Load(), 0) }
	const senders, each = 16, 50
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				if _, err := j.Append(t.Context(), delivery(s*each+n)); err != nil {
					t.Error(err)
				}
				if s == 0 && n%10 == 5 {
					days.Add(1)
				}
				if s == 1 && n%20 == 5 {
					cfg.Store(&Config{Name: "main", Numbers: []Number{{ID: fmt.Sprint(n)}}})
				}
			}
		})
	}
	wg.Wait()
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun, ended, items := captures(t, sink.Entries)
	if items != 3*senders*each || begun != ended || begun < 3 || told.Load() != senders*each {
		t.Errorf("%d items, %d captures, %d ends, told %d times", items, begun, ended, told.Load())
	}
	var counted int64
	for _, e := range sink.Entries {
		if e.Kind != record.CaptureEnd {
			continue
		}
		var h record.CaptureEndHead
		if _, err := e.Decode(&h); err != nil {
			t.Fatal(err)
		}
		var sum capture.Summary
		if err := json.Unmarshal(h.Summary, &sum); err != nil {
			t.Fatal(err)
		}
		counted += sum.Records
	}
	if counted != int64(items) {
		t.Errorf("the captures count %d of %d items", counted, items)
	}
}
