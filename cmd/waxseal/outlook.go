package main

import (
	"context"

	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// outlook hands forecasts what they ask of the index.
func outlook(x *index.Index, books *govern.Ledger) *dispose.Outlook {
	return &dispose.Outlook{
		Books: books,
		Facts: func(ctx context.Context, fn func(*dispose.Fact) error) error { return x.Facts(ctx, "", fn) },
		Matching: func(ctx context.Context, query string) (func(int64) bool, error) {
			set, err := x.Matching(ctx, query)
			return set.Has, err
		},
	}
}
