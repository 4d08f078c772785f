package index

import (
	"context"
	"fmt"

	"github.com/waxseal/waxseal/internal/chat"
)

// Meaning is what an entry that came in live says, and the message that it is
// about as it is now. An entry of an import gives no events: it happened before.
func (x *Index) Meaning(ctx context.Context, seq int64) ([]chat.Event, chat.Message, error) {
	return x.whole().Meaning(ctx, seq)
}

// Meaning is what an entry inside says, as Index.Meaning.
func (v *View) Meaning(ctx context.Context, seq int64) (ev []chat.Event, m chat.Message, err error) {
	err = v.x.read(ctx, func(c *conn) error {
		r, err := refBySeq(c, seq, v.in)
		if err != nil {
			return err
		}
		ps, err := parts(c, r)
		if err != nil {
			return err
		}
		for _, p := range ps {
			if p.seq == seq {
				if ev, err = v.x.said(ctx, c, p); err != nil || len(ev) == 0 {
					return err
				}
			}
		}
		ms, err := v.x.messages(ctx, c, []ref{r}, byRules)
		if err == nil && len(ms) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			m = ms[0]
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("meaning of entry %d: %w", seq, err)
	}
	return ev, m, err
}

// said is what one record of a live source says.
func (x *Index) said(ctx context.Context, c *conn, p part) ([]chat.Event, error) {
	caps, err := againOf(c, p.cap)
	if err != nil || caps == nil {
		return nil, err
	}
	r, err := x.reading(ctx, caps)
	if err != nil || !r.live() {
		return nil, err
	}
	es, err := x.cfg.Log.Get(ctx, []int64{p.seq})
	if err != nil {
		return nil, err
	}
	var ev []chat.Event
	for _, e := range es {
		more, unread := r.events(e)
		if !unread {
			ev = append(ev, more...)
		}
	}
	return ev, nil
}
