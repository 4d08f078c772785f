package govern

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/waxseal/waxseal/internal/record"
)

// atOnce is how many acts are appended together.
const atOnce = 1000

// toAct is an act as it is asked about.
func toAct(act string, data any) (*Act, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", act, err)
	}
	return &Act{Seq: -1, ActHead: record.ActHead{Act: act, Data: b}}, nil
}

// DoAll appends acts that follow from each other, a thousand at a time, and
// returns how many counted. Whoever calls it has played them on a copy of the
// books: one that does not count when its turn comes is in the log and void,
// and ends it. Acts that need a second person, or a secret, are not for it.
func (l *Ledger) DoAll(ctx context.Context, who Actor, rs []Request) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(ctx); err != nil {
		return 0, err
	}
	for len(rs) > 0 {
		some := rs[:min(len(rs), atOnce)]
		rs = rs[len(some):]
		batch := make([]record.Record, 0, len(some))
		for _, r := range some {
			rec, err := l.oneOfMany(ctx, who, r)
			if err != nil {
				return n, err
			}
			batch = append(batch, rec)
		}
		got, err := l.log.Append(ctx, batch)
		if err != nil {
			return n, fmt.Errorf("append %d acts: %w", len(batch), err)
		}
		if err := l.follow(ctx); err != nil {
			return n, err
		}
		for _, g := range got {
			if err := l.void[g.Seq]; err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

func (l *Ledger) oneOfMany(ctx context.Context, who Actor, r Request) (record.Record, error) {
	k, ok := kinds[r.Act]
	if !ok || k.second != nil {
		return record.Record{}, fmt.Errorf("no act %q among many", r.Act)
	}
	a, err := toAct(r.Act, r.Data)
	if err != nil {
		return record.Record{}, err
	}
	a.At = l.now().UTC()
	a.By, a.Via, a.From, a.Reason, a.On = who.ID, who.Via, who.From, r.Reason, r.On
	if err := who.May(k.action, a.At); err != nil {
		l.refused(ctx, a.ActHead, err)
		return record.Record{}, err
	}
	if k.on != nil {
		a.On = append(a.On, k.on(a)...)
	}
	return actRecord(record.Act, a.ActHead, nil, a.At)
}
