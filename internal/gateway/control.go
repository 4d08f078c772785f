package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/rules"
)

// What is sent, and what is done with it.
type (
	Send     = rules.Send
	Decision = rules.Decision
)

// Control decides by the rules and consents in the firm's books.
type Control struct {
	books *govern.Ledger

	mu  sync.Mutex
	set *rules.Set
	of  int64 // entry of the act that changed the rules last
}

// NewControl makes one.
func NewControl(books *govern.Ledger) *Control { return &Control{books: books, of: -1} }

// Decide implements Rules, by the books as they are now. Where they cannot be
// read, nothing goes out.
func (c *Control) Decide(s *Send, at time.Time) (d Decision) {
	err := c.books.Read(context.Background(), func(st *govern.State) error {
		d = c.ready(st).Decide(s, at)
		if d.Do == rules.Forward && s.Deferrable && st.Deferred(s.Number) {
			d.Do, d.Why = rules.Defer, "Earlier messages of the number wait until Meta can be reached."
		}
		return nil
	})
	if err != nil {
		return Decision{Do: rules.Block, Why: "The firm's rules cannot be read, so nothing goes out."}
	}
	return d
}

// ready compiles the rules where they have changed. Consents are asked of the
// books that are being read.
func (c *Control) ready(st *govern.State) *rules.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil || c.of != st.SendRulesChanged {
		c.set, c.of = rules.New(st.RulesForSends(), nil), st.SendRulesChanged
	}
	return c.set.With(st.ConsentOf)
}
