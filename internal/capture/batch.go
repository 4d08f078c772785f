package capture

import (
	"context"
	"fmt"

	"github.com/waxseal/waxseal/internal/record"
)

// Batches are bounded by both.
const (
	batchRecords = 4096
	batchBytes   = 4 << 20
)

// Batch gathers the records of one capture and appends them while the source
// reads on. One batch is on its way at a time: records are acknowledged in
// their order.
type Batch struct {
	ctx    context.Context
	sink   Sink
	acked  func(records int64) // may be nil
	recs   []record.Record
	bytes  int
	sent   int64
	known  int64
	runs   [][3]int64
	flight chan answer
}

// answer is what came of a batch.
type answer struct {
	first    int64 // ordinal of its first record
	receipts []record.Receipt
	err      error
}

// NewBatch returns an empty batch for sink. acked, which may be nil, is told
// how many records are durable.
func NewBatch(ctx context.Context, sink Sink, acked func(records int64)) *Batch {
	return &Batch{ctx: ctx, sink: sink, acked: acked}
}

// Add takes the next records; the ordinal of each is the number of those before
// it. Those of one call become durable together.
func (b *Batch) Add(rs ...record.Record) error {
	b.recs = append(b.recs, rs...)
	for _, r := range rs {
		for _, p := range r.Parts {
			b.bytes += len(p)
		}
	}
	if len(b.recs) >= batchRecords || b.bytes >= batchBytes {
		return b.flush()
	}
	return nil
}

// Close appends what is left and waits for it. known is how many records the
// archive had already, runs which they are (see record.CaptureEndHead).
func (b *Batch) Close() (known int64, runs [][3]int64, err error) {
	if err := b.flush(); err != nil {
		return 0, nil, err
	}
	if err := b.wait(); err != nil {
		return 0, nil, err
	}
	return b.known, b.runs, nil
}

func (b *Batch) flush() error {
	if len(b.recs) == 0 {
		return nil
	}
	if err := b.wait(); err != nil {
		return err
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	recs, first := b.recs, b.sent
	b.sent += int64(len(recs))
	b.recs, b.bytes = make([]record.Record, 0, batchRecords), 0
	b.flight = make(chan answer, 1)
	go func(out chan<- answer) {
		got, err := b.sink.Append(b.ctx, recs)
		out <- answer{first, got, err}
	}(b.flight)
	return nil
}

// wait takes the answer to the batch that is on its way.
func (b *Batch) wait() error {
	if b.flight == nil {
		return nil
	}
	a := <-b.flight
	b.flight = nil
	if a.err != nil {
		return fmt.Errorf("append records: %w", a.err)
	}
	for i, rc := range a.receipts {
		if !rc.New {
			b.known++
			b.again(a.first+int64(i), rc.Seq)
		}
	}
	if b.acked != nil {
		b.acked(a.first + int64(len(a.receipts)))
	}
	return nil
}

// again notes that an ordinal is an entry that was there, in runs.
func (b *Batch) again(ordinal, seq int64) {
	if n := len(b.runs); n > 0 {
		last := &b.runs[n-1]
		if last[0]+last[2] == ordinal && last[1]+last[2] == seq {
			last[2]++
			return
		}
	}
	b.runs = append(b.runs, [3]int64{ordinal, seq, 1})
}
