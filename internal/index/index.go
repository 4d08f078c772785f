// Package index follows the log and answers questions: which chats are there,
// what is in them, where does a word stand. It can be removed and rebuilt.
//
// It is handed the log and the interpreters; it must never import archive, a
// source or web.
package index

import (
	"context"
	"errors"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Log is what the index follows.
type Log interface {
	// Size is the number of entries; they are numbered from 0.
	Size(ctx context.Context) (int64, error)
	// Scan calls fn with the entries from … in order, until it returns an
	// error, which Scan passes on. The entry is fn's only until it returns.
	Scan(ctx context.Context, from int64, fn func(record.Entry) error) error
	// Get returns the entries in the order asked for.
	Get(ctx context.Context, seqs []int64) ([]record.Entry, error)
}

// Interpreter says how the items of a capture are read; see
// capture.Interpreter, which satisfies it.
type Interpreter interface {
	Reader(captures []record.Entry) (chat.Reader, error)
}

// Config is what an index is opened with.
type Config struct {
	Path string // of the encrypted file
	Key  [32]byte
	// Current tells which file is the index now, where another process may have
	// built it anew, and its key; nil: nobody else does.
	Current      func() (path string, key [32]byte, err error)
	Log          Log
	Interpreters map[string]Interpreter // by source name
	Books        Books                  // nil: there are no labels, matters, holds and groups
}

// Errors of the index.
var (
	// ErrFull: there is no room for the index. The log is not touched by that.
	ErrFull = errors.New("disk is full")
	// ErrReadOnly: the index cannot be written, and cannot be used as it is.
	ErrReadOnly = errors.New("index is read-only")
	ErrNotFound = errors.New("not in the index")
	// ErrBooks: the books cannot be read. The index stays as far as it was.
	ErrBooks = errors.New("the books cannot be read")
	// ErrQuery wraps what is wrong with a query, in words for its author.
	ErrQuery = errors.New("query not understood")
)

// Coverage says what an answer covered.
type Coverage struct {
	Through  int64 `json:"through"`  // entries followed
	Of       int64 `json:"of"`       // entries in the log
	Messages int64 `json:"messages"` // in the index
	Unread   int64 `json:"unread"`   // records that could not be read
}

// ChatRow is one chat in a list.
type ChatRow struct {
	ID           string        `json:"id"` // stays the same when the index is built anew
	Name         string        `json:"name"`
	Kind         chat.ChatKind `json:"kind"`
	Account      string        `json:"account,omitempty"`
	Custodian    string        `json:"custodian,omitempty"`
	Messages     int64         `json:"messages"`
	First        string        `json:"first"` // local time of the earliest message
	Last         string        `json:"last"`
	Participants []string      `json:"participants,omitempty"` // most active first, at most 50
}

// ChatFilter narrows a list of chats. The zero value lists all, the most
// recently active first.
type ChatFilter struct {
	Text  string // in the name or a participant's; every word, as a prefix
	Limit int    // 0: no limit
	After string // ID of the last chat of the page before
}

// Place says where in a chat a page stands. Exactly one field is set; the
// zero value is the chat's end.
type Place struct {
	Before  string    // message ID: the page ends just before it
	After   string    // message ID: the page starts just after it
	Around  string    // message ID: the page has it in its middle
	Date    time.Time // the page starts with the first message of that day or later
	AtStart bool
}

// Page is a stretch of a chat in the order in which it is shown.
type Page struct {
	Chat     ChatRow
	Messages []chat.Message
	Earlier  bool // there is more before
	Later    bool // there is more after
}

// Order of hits.
type Order string

// The orders of hits.
const (
	Newest    Order = "newest" // the default
	Oldest    Order = "oldest"
	Relevance Order = "relevance"
)

// Search is a question.
type Search struct {
	Query   string // in the query language of docs/search.md
	Chat    string // ID: only this chat
	Order   Order
	Limit   int    // hits on a page; 0: 50
	Cursor  string // Next of the page before
	Context int    // messages of the chat before and after each hit
	Exact   bool   // count all that answers, however long that takes
}

// Hit is one message found.
type Hit struct {
	Message chat.Message   `json:"message"`
	Marks   [][2]int       `json:"marks,omitempty"` // byte ranges in Message.Text that matched
	Before  []chat.Message `json:"before,omitempty"`
	After   []chat.Message `json:"after,omitempty"`
}

// Result is a page of hits.
type Result struct {
	Hits     []Hit
	Total    int64 // matching messages; -1 where counting was cut short
	Next     string
	Coverage Coverage
}

// CaptureRow is one import, for the page on the state of the archive.
type CaptureRow struct {
	Seq     int64
	At      time.Time
	Head    record.CaptureHead
	Summary []byte // JSON of the source's summary; nil while it runs or where it was cut short
}
