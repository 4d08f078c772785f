package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/chatexport"
	"github.com/waxseal/waxseal/internal/record"
)

// nowhere is a sink that acknowledges and forgets.
type nowhere struct{ seq int64 }

func (s *nowhere) Blob(_ context.Context, r io.Reader) (record.Blob, error) {
	n, err := io.Copy(io.Discard, r)
	return record.Blob{Size: n}, err
}

func (s *nowhere) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	receipts := make([]record.Receipt, len(batch))
	for i := range receipts {
		receipts[i] = record.Receipt{Seq: s.seq, New: true}
		s.seq++
	}
	return receipts, nil
}

// scanAlone splits, dates and names the records of input and prints what it
// took: the part of reading that the public parsers do. Like readAlone, it
// runs in a process of its own, so that the memory is that of the reading.
func scanAlone(ctx context.Context, input string, w io.Writer) error {
	start := time.Now()
	s, err := chatexport.Scan(ctx, input)
	if err != nil {
		return fmt.Errorf("scan alone: %w", err)
	}
	return json.NewEncoder(w).Encode(parsed{N: s.Records, Seconds: time.Since(start).Seconds()})
}

// readAlone makes records of input, in two passes as an import does, and
// prints what it took.
func readAlone(ctx context.Context, input string, w io.Writer) error {
	start := time.Now()
	sources, err := chatexport.Format().Find(ctx, input, capture.Options{Zone: time.UTC})
	if err != nil {
		return fmt.Errorf("read alone: %w", err)
	}
	if len(sources) != 1 {
		return errors.New("read alone: not one export")
	}
	s, err := sources[0].Run(ctx, &nowhere{})
	if err != nil {
		return fmt.Errorf("read alone: %w", err)
	}
	return json.NewEncoder(w).Encode(parsed{N: s.Records, Seconds: time.Since(start).Seconds()})
}

func measureReading(ctx context.Context, how, input string) (p parsed, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, fmt.Errorf("measure reading: %w", err)
	}
	c := exec.CommandContext(ctx, self, how, input)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return p, fmt.Errorf("measure reading: %w", err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("measure reading: %w", err)
	}
	p.RSS = peakRSS(c.ProcessState)
	return p, nil
}
