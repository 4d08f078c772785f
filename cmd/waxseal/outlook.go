package main

import (
	"context"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// outlook hands forecasts what they ask of the index.
func outlook(x *index.Index, books *govern.Ledger) *dispose.Outlook {
	return &dispose.Outlook{
		Books: books,
		Facts: func(ctx context.Context, fn func(*dispose.Fact) error) error {
			return x.All(ctx, "", func(m chat.Message) error {
				f := dispose.Fact{Seq: m.Seq, Chat: m.Chat.ID, Account: m.Account, Custodian: m.Custodian}
				if m.SentAt != "" {
					sent, err := time.Parse(time.RFC3339, m.SentAt)
					if err != nil {
						return fmt.Errorf("read the time of message %d: %w", m.Seq, err)
					}
					f.Sent = sent
				}
				return fn(&f)
			})
		},
		Matching: func(ctx context.Context, query string) (func(int64) bool, error) {
			found := map[int64]bool{}
			err := x.All(ctx, query, func(m chat.Message) error {
				found[m.Seq] = true
				return nil
			})
			return func(seq int64) bool { return found[seq] }, err
		},
	}
}
