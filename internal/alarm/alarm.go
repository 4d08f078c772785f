// Package alarm is what the archive tells people while it runs: capture has
// stopped, a disk is full, somebody knocks with wrong signatures.
package alarm

import (
	"context"
	"time"
)

// Alarm is one state that somebody must know of. No text, name or number of a
// message stands in it.
type Alarm struct {
	// Key names the state: "cloudapi/main/signatures". Of two alarms with one
	// key the later is the state now.
	Key    string    `json:"key"`
	Source string    `json:"source,omitempty"` // name of the source
	At     time.Time `json:"at"`
	Say    string    `json:"say"` // a sentence, and what to do
}

// Bell tells of alarms. Ring and Clear are quick, and never fail: what cannot
// be told is logged.
type Bell interface {
	Ring(ctx context.Context, a Alarm)
	// Clear says that the state is over.
	Clear(ctx context.Context, key string)
}
