package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// The archive stops for no clock, and believes none: where the host's clock
// was put back, or moved while the archive was open, an act says so in front
// of what is appended next. Terms are counted from these times.

// ClockJump is the name of that act.
const ClockJump = "clock.jump"

// clockSlack is how far a clock may be put right without a word.
const clockSlack = time.Minute

// clockHead is the data of a ClockJump.
type clockHead struct {
	Was time.Time `json:"was"` // what the clock should at least have read
	Is  time.Time `json:"is"`  // what it read
}

// clock is what the writer knows of earlier readings.
type clock struct {
	entry time.Time // of the last entry
	read  time.Time // at the last append, with its monotonic reading
}

// jumped compares a reading with earlier ones. A machine that slept looks like
// one whose clock was put forward: the monotonic clock slept, too.
func (c clock) jumped(now time.Time) (h clockHead, ok bool) {
	if !c.read.IsZero() {
		was := c.read.Round(0).Add(now.Sub(c.read)) // wall clock, had nobody touched it
		if d := now.Round(0).Sub(was); d > clockSlack || d < -clockSlack {
			return clockHead{utcMilli(was), utcMilli(now)}, true
		}
	}
	if !c.entry.IsZero() && c.entry.Sub(now) > clockSlack {
		return clockHead{utcMilli(c.entry), utcMilli(now)}, true
	}
	return h, false
}

func utcMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// clockRecord is the act that says what the clock did, or nil.
func (a *Archive) clockRecord() (*record.Record, error) {
	h, ok := a.clock.jumped(a.now())
	if !ok {
		return nil, nil //nolint:nilnil // there is nothing to say
	}
	data, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("note the clock: %w", err)
	}
	part, err := record.Part(record.ActHead{Act: ClockJump, Via: "archive", Data: data}, nil)
	if err != nil {
		return nil, err
	}
	return &record.Record{Kind: record.Act, Parts: [][]byte{part}}, nil
}

// lastAt is when the last entry was appended.
func (a *Archive) lastAt(ctx context.Context, size int64) (time.Time, error) {
	if size == 0 {
		return time.Time{}, nil
	}
	row, err := a.row(ctx, size-1)
	return time.UnixMilli(row.At), err
}
