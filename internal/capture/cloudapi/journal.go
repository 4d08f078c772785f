package cloudapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/record"
)

// Running is a source that runs: the Journal of what comes by it. Its capture
// begins with the first item of a day, and ends with the day, with the source's
// configuration, or with the program.
type Running struct {
	sink     capture.Sink
	cfg      func() Config
	zone     string
	appended func()
	now      func() time.Time

	mu      sync.RWMutex // held for writing while a capture begins or ends
	capture int64        // entry; -1: none runs
	day     string
	reading []byte

	counting sync.Mutex
	counted  capture.Summary
}

// OpenJournal returns the journal of a source. Nothing is written before the
// first item. appended, which may be nil, is called after each commit.
func OpenJournal(sink capture.Sink, cfg func() Config, zone string, appended func()) *Running {
	if appended == nil {
		appended = func() {}
	}
	return &Running{sink: sink, cfg: cfg, zone: zone, appended: appended, now: time.Now, capture: -1}
}

// Blob implements Journal.
func (j *Running) Blob(ctx context.Context, r io.Reader) (record.Blob, error) {
	return j.sink.Blob(ctx, r)
}

// Append implements Journal.
func (j *Running) Append(ctx context.Context, build func(capture int64) ([]record.Record, error)) ([]record.Receipt, error) {
	for {
		if err := j.turn(ctx); err != nil {
			return nil, err
		}
		got, done, err := j.append(ctx, build)
		if err != nil || done {
			return got, err
		}
	}
}

// append is done unless the capture had to be another one meanwhile.
func (j *Running) append(ctx context.Context, build func(capture int64) ([]record.Record, error)) (got []record.Receipt, done bool, err error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if !j.current() {
		return nil, false, nil
	}
	recs, err := build(j.capture)
	if err != nil {
		return nil, false, err
	}
	if got, err = j.sink.Append(ctx, recs); err != nil {
		return nil, false, fmt.Errorf("append items: %w", err)
	}
	j.count(recs, got)
	j.appended()
	return got, true, nil
}

func (j *Running) current() bool {
	return j.capture >= 0 && j.day == j.today() && slices.Equal(j.reading, j.wanted())
}

func (j *Running) today() string { return j.now().UTC().Format(time.DateOnly) }

// wanted is the reading that the configuration asks for now.
func (j *Running) wanted() []byte {
	cfg := j.cfg()
	b, _ := json.Marshal(Reading{Version: 1, Zone: j.zone, Assumed: true, Source: cfg.Name, Numbers: cfg.Numbers}) // plain values
	return b
}

// turn ends a capture whose day or configuration is over, and begins the next.
func (j *Running) turn(ctx context.Context) error {
	j.mu.RLock()
	ok := j.current()
	j.mu.RUnlock()
	if ok {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current() {
		return nil
	}
	if err := j.end(ctx); err != nil {
		return err
	}
	cfg := j.cfg()
	reading := j.wanted()
	head := record.CaptureHead{Source: Name, File: cfg.Name, Reading: reading}
	if len(cfg.Numbers) == 1 {
		head.Account, head.Custodian = cfg.Numbers[0].Phone, cfg.Numbers[0].Custodian
	}
	part, err := record.Part(head, nil)
	if err != nil {
		return err
	}
	got, err := j.sink.Append(ctx, []record.Record{{Kind: record.Capture, Parts: [][]byte{part}, Lineage: lineage(cfg.Name, "")}})
	if err != nil {
		return fmt.Errorf("begin a capture: %w", err)
	}
	j.capture, j.day, j.reading = got[0].Seq, j.today(), reading
	j.counted = capture.Summary{Path: cfg.Name, Format: Name, DateOrderCertain: true, Zone: j.zone, ZoneAssumed: true, First: j.stamp()}
	return nil
}

func (j *Running) stamp() string { return j.now().UTC().Format("2006-01-02T15:04:05") }

func (j *Running) count(recs []record.Record, got []record.Receipt) {
	j.counting.Lock()
	defer j.counting.Unlock()
	j.counted.Last = j.stamp()
	for i := range got {
		switch {
		case !got[i].New:
			j.counted.AlreadyArchived++
		case recs[i].Kind == record.Unparsed:
			j.counted.Unparsed++
		default:
			j.counted.Records++
		}
	}
}

// end ends the capture that runs, if one does. j.mu is held.
func (j *Running) end(ctx context.Context) error {
	if j.capture < 0 {
		return nil
	}
	j.counted.Capture = j.capture
	sum, err := json.Marshal(j.counted)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	part, err := record.Part(record.CaptureEndHead{Capture: j.capture, Summary: sum}, nil)
	if err != nil {
		return err
	}
	// Where the answer is lost, the same end is appended again, and is known.
	end := record.Record{Kind: record.CaptureEnd, Parts: [][]byte{part}, Lineage: lineage(j.counted.Path, ""), Identity: fmt.Appendf(nil, "end\x00%d", j.capture)}
	if _, err := j.sink.Append(ctx, []record.Record{end}); err != nil {
		return fmt.Errorf("end the capture: %w", err)
	}
	j.capture = -1
	return nil
}

// Close ends the capture. What is appended afterwards begins another.
func (j *Running) Close(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end(ctx)
}
