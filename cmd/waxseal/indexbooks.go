package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// indexBooks tells the index what the books say. They are opened when they are
// first asked: most archives that are only imported into have no acts.
type indexBooks struct {
	ctx context.Context //nolint:containedctx // the index asks without one, while a command runs
	log govern.Log

	mu     sync.Mutex
	ledger *govern.Ledger
	seen   int64 // the newest act that was asked about
}

var errNotInBooks = errors.New("not in the books")

// Void says why an act counts for nothing. Where the books cannot be read,
// that is no answer: following ends with index.ErrBooks.
func (b *indexBooks) Void(seq int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	switch {
	case b.ledger == nil:
		b.ledger, err = govern.Open(b.ctx, b.log)
	case seq > b.seen:
		err = b.ledger.Follow(b.ctx)
	}
	if err != nil {
		b.ledger = nil
		return fmt.Errorf("%w: %w", index.ErrBooks, err)
	}
	b.seen = max(b.seen, seq)
	return b.ledger.Void(seq)
}

// Labels, Matter, Hold, CustodianOf, Group, LabelPath, MatterName and Rules
// answer as books in which there is none of these.

func (b *indexBooks) Labels(string) ([]int64, []string, error) { return nil, nil, errNotInBooks }

func (b *indexBooks) Matter(string) ([]int64, error) { return nil, errNotInBooks }

func (b *indexBooks) Hold(string) (string, [][2]int64, error) { return "", nil, errNotInBooks }

func (b *indexBooks) CustodianOf(string, time.Time) string { return "" }

func (b *indexBooks) Group(string) []string { return nil }

func (b *indexBooks) LabelPath(int64) string { return "" }

func (b *indexBooks) MatterName(int64) string { return "" }

func (b *indexBooks) Rules() map[int64]string { return nil }
