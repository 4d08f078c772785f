package dispose

import (
	"context"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// Outlook answers what the books' rules, or others, would make of all messages.
type Outlook struct {
	Books    *govern.Ledger
	Facts    Facts
	Matching Matching
}

func (o *Outlook) rules(ctx context.Context) (r retain.Rules, err error) {
	err = o.Books.Read(ctx, func(s *govern.State) error {
		r = s.Rules()
		return nil
	})
	return r, err
}

// Forecast is what would be at an instant. Without rules, the books' count.
func (o *Outlook) Forecast(ctx context.Context, at time.Time, rules *retain.Rules) (*Forecast, error) {
	if rules == nil {
		now, err := o.rules(ctx)
		if err != nil {
			return nil, err
		}
		rules = &now
	}
	w, err := Gather(ctx, o.Books, o.Matching, *rules)
	if err != nil {
		return nil, err
	}
	return w.Forecast(ctx, o.Facts, *rules, at)
}

// Compare is what other rules than the books' would change.
func (o *Outlook) Compare(ctx context.Context, at time.Time, after retain.Rules) (*Comparison, error) {
	before, err := o.rules(ctx)
	if err != nil {
		return nil, err
	}
	w, err := Gather(ctx, o.Books, o.Matching, before, after)
	if err != nil {
		return nil, err
	}
	return w.Compare(ctx, o.Facts, before, after, at)
}
