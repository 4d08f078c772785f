// Package governtest is a log in memory, for tests of the books.
package governtest

import (
	"context"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Log is a log in memory. The zero value is an empty one.
type Log struct {
	Now func() time.Time // nil: time.Now

	mu      sync.Mutex
	entries []record.Entry
}

// Append implements govern.Log.
func (l *Log) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now
	if l.Now != nil {
		now = l.Now
	}
	var out []record.Receipt
	for _, r := range batch {
		e := record.Entry{Seq: int64(len(l.entries)), Kind: r.Kind, At: now().UTC().Truncate(time.Millisecond), Parts: r.Parts}
		l.entries = append(l.entries, e)
		out = append(out, record.Receipt{Seq: e.Seq, New: true})
	}
	return out, nil
}

// Acts implements govern.Log.
func (l *Log) Acts(_ context.Context, from int64, fn func(record.Entry) error) (int64, error) {
	all := l.All()
	for _, e := range all[min(from, int64(len(all))):] {
		if !e.Kind.Books() {
			continue
		}
		if err := fn(e); err != nil {
			return 0, err
		}
	}
	return int64(len(all)), nil
}

// All returns every entry, traces too.
func (l *Log) All() []record.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]record.Entry(nil), l.entries...)
}

// Skip adds entries that are not of the books, as messages are.
func (l *Log) Skip(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.entries = append(l.entries, record.Entry{Seq: int64(len(l.entries)), Kind: record.Item})
	}
}
