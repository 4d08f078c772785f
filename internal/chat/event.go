package chat

import "github.com/waxseal/waxseal/internal/record"

// Event is what one record says about one message.
type Event struct {
	Seq    int64  // the entry
	Source string // "chatexport"
	// Message is the message as this record shows it. ID, Seq, Records, SeenBy
	// and Versions are the fold's to fill.
	Message Message
}

// Reader turns the records of one capture into events. It is pure.
type Reader interface {
	// Key changes when, and only when, the reading changes: entries read under
	// two readers with equal keys give equal events.
	Key() string
	// Events returns what the record means. One that is about no message gives
	// no event; one that cannot be read gives an error.
	Events(e record.Entry) ([]Event, error)
}
