package dispose

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// Outlook answers what the books' rules, or others, would make of all messages.
type Outlook struct {
	Books    *govern.Ledger
	Facts    Facts
	Matching Matching
	// Log lets an answer be given again while nothing has changed; nil: never.
	Log Entries

	last memo[*Forecast]
}

func (o *Outlook) rules(ctx context.Context) (r retain.Rules, err error) {
	err = o.Books.Read(ctx, func(s *govern.State) error {
		r = s.Rules()
		return nil
	})
	return r, err
}

// Forecast is what would be at an instant. Without rules, the books' count. It
// may be some minutes old, where nothing but time went by. It is not to be
// changed.
func (o *Outlook) Forecast(ctx context.Context, at time.Time, rules *retain.Rules) (*Forecast, error) {
	if rules == nil {
		now, err := o.rules(ctx)
		if err != nil {
			return nil, err
		}
		rules = &now
	}
	ask := func() (*Forecast, error) {
		w, err := Gather(ctx, o.Books, o.Matching, *rules)
		if err != nil {
			return nil, err
		}
		return w.Forecast(ctx, o.Facts, *rules, at)
	}
	if o.Log == nil {
		return ask()
	}
	of, err := json.Marshal(rules)
	if err != nil {
		return nil, fmt.Errorf("encode rules: %w", err)
	}
	return o.last.get(ctx, o.Log, string(of), at, ask)
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
