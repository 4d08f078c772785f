// Package gateway is what stands between a firm's programs and Meta's API: it
// keeps what they send, and decides with the firm's rules what goes out.
package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/gateway/rules"
	"github.com/waxseal/waxseal/internal/govern"
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

// Waits is the body of the answer 202 to who sends what does not go out at
// once. It has the shape of Meta's, so that a program finds an ID where it looks
// for one; the ID is none of WhatsApp's, and the status says what happens.
func Waits(to, callback string, request int64, d Decision) []byte {
	type contact struct {
		Input string `json:"input"`
	}
	type message struct {
		ID     string `json:"id"`
		Status string `json:"message_status"`
	}
	type about struct {
		Request int64  `json:"request"`
		Why     string `json:"why,omitempty"`
		Rule    string `json:"rule,omitempty"`
		Say     string `json:"say,omitempty"`
		Seconds int64  `json:"seconds,omitempty"`
	}
	b, err := json.Marshal(struct {
		Product  string    `json:"messaging_product"`
		Contacts []contact `json:"contacts"`
		Messages []message `json:"messages"`
		Waxseal  about     `json:"waxseal"`
	}{
		"whatsapp",
		[]contact{{to}},
		[]message{{"waxseal." + callback, "waxseal_" + d.Do}},
		about{request, d.Why, d.Rule, d.Say, int64(d.For.Seconds())},
	})
	if err != nil {
		return fmt.Appendf(nil, `{"messages":[{"id":%q}]}`, "waxseal."+callback) // strings and numbers do encode
	}
	return b
}
