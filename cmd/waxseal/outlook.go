package main

import (
	"context"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// outlook hands forecasts what they ask of the index.
func outlook(ar *archive.Archive, x *index.Index, books *govern.Ledger) *dispose.Outlook {
	return &dispose.Outlook{
		Books: books, Log: followed{ar, x},
		Facts: func(ctx context.Context, fn func(*dispose.Fact) error) error { return x.Facts(ctx, "", fn) },
		Matching: func(ctx context.Context, query string) (func(int64) bool, error) {
			set, err := x.Matching(ctx, query)
			return set.Has, err
		},
	}
}

// followed is the log as far as the index has followed it.
type followed struct {
	*archive.Archive
	x *index.Index
}

func (f followed) Size(ctx context.Context) (int64, error) {
	if err := f.x.Follow(ctx, nil); err != nil {
		return 0, err
	}
	c, err := f.x.Coverage(ctx)
	return c.Through, err
}
