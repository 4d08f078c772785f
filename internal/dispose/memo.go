package dispose

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Entries is what is asked of the log to know whether anything changed.
type Entries interface {
	Size(ctx context.Context) (int64, error)
	Get(ctx context.Context, seqs []int64) ([]record.Entry, error)
}

// quietAtMost bounds how many entries are looked at for that.
const quietAtMost = 4096

// quiet reports whether nothing but traces was appended between two sizes of
// the log: people at work leave them all the time, and they change nothing.
func quiet(ctx context.Context, log Entries, from, size int64) (bool, error) {
	if from < 0 || size < from || size-from > quietAtMost {
		return false, nil
	}
	since := make([]int64, 0, size-from)
	for seq := from; seq < size; seq++ {
		since = append(since, seq)
	}
	es, err := log.Get(ctx, since)
	if err != nil {
		return false, fmt.Errorf("read what came since: %w", err)
	}
	for i := range es {
		if es[i].Kind != record.Trace {
			return false, nil
		}
	}
	return true, nil
}

// memoLasts is how long an answer about now is one about now.
const memoLasts = 5 * time.Minute

// memo keeps the last answer about all messages: pages ask for it again and
// again, and it takes a second for a million.
type memo[T any] struct {
	mu   sync.Mutex // whoever asks meanwhile waits for the same answer
	of   string
	at   time.Time
	size int64 // of the log, up to which nothing changed
	had  bool
	it   T
}

// get returns the answer to a question at an instant, or asks it.
func (m *memo[T]) get(ctx context.Context, log Entries, of string, at time.Time, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size, err := log.Size(ctx) // before it is asked: what comes meanwhile is asked about again
	if err != nil {
		return m.it, err
	}
	if age := at.Sub(m.at); m.had && m.of == of && age >= 0 && age < memoLasts {
		same, err := quiet(ctx, log, m.size, size)
		if err != nil || same {
			m.size = size
			return m.it, err
		}
	}
	it, err := ask()
	if err != nil {
		m.had = false
		return it, err
	}
	m.of, m.at, m.size, m.had, m.it = of, at, size, true, it
	return it, nil
}
