// Package web is the console: pages made on the server that let a person find
// and read what the archive holds.
//
// It reads the index and the blobs through the small interfaces below. What it
// changes it changes through the firm's books, as acts in the log. It must never import a source, a store or cmd. Everything
// that it shows, names included, was written by strangers: no text reaches a
// page except through html/template, and nothing is fetched from elsewhere.
package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// Chats lists conversations and opens them.
type Chats interface {
	Chats(ctx context.Context, f index.ChatFilter) ([]index.ChatRow, error)
	Page(ctx context.Context, chatID string, at index.Place, limit int) (index.Page, error)
	Chat(ctx context.Context, chatID string) (index.ChatRow, error)
}

// Messages finds messages: one by its ID or by an answer to it, many by a
// question.
type Messages interface {
	Message(ctx context.Context, id string) (chat.Message, error)
	// Quoted finds the message that m answers.
	Quoted(ctx context.Context, m *chat.Message) (chat.Message, error)
	Search(ctx context.Context, s index.Search) (index.Result, error)
	// Found finds all, without reading them.
	Found(ctx context.Context, query, chatID string, fn func(seq int64, at time.Time)) error
}

// Captures says what was brought in and how far the index has followed.
type Captures interface {
	Captures(ctx context.Context) ([]index.CaptureRow, error)
	Coverage(ctx context.Context) (index.Coverage, error)
}

// People lists who wrote, and counts what a query finds by month.
type People interface {
	People(ctx context.Context, f index.PersonFilter) (rows []index.PersonRow, total int, err error)
	Months(ctx context.Context, query string) ([]index.Month, error)
}

// Index is what the console reads. *index.View satisfies it.
type Index interface {
	Chats
	Messages
	Captures
	People
	// HasBlob reports whether a message that can be seen carries a content.
	HasBlob(ctx context.Context, sha256 string) (bool, error)
}

// Blobs opens large content by its hash. An error that wraps fs.ErrNotExist
// means that there is none.
type Blobs interface {
	OpenBlob(ctx context.Context, sha256 string) (content io.ReadSeekCloser, size int64, err error)
}

// State is what the archive says of itself.
type State struct {
	ID           string // of the archive
	Entries      int64
	Bytes        int64     // on disk
	Checkpoint   string    // text of the last one, a signed note; empty: none yet
	CheckpointAt time.Time // when it was signed
	Verified     *Verification
	Warnings     []string // sentences: what an officer should know, and do
}

// Verification is the result of the last run of `waxseal verify`.
type Verification struct {
	At     time.Time
	OK     bool
	Result string // a sentence
}

// Config is what a console is made of.
type Config struct {
	Name  string // of the firm
	Index Index  // all of it
	// Within is the index as far as a scope goes; without it, who has a scope
	// sees nothing.
	Within func(index.Scope) Index
	Blobs  Blobs
	State  func(context.Context) (State, error)
	// Ledger is the firm's books; every change and every look at content goes
	// through it.
	Ledger *govern.Ledger
	// Outlook tells what policies would do; without it there are no forecasts.
	Outlook Outlook
	// Auditor finds in the audit trail; without it there is no page of it.
	Auditor Auditor
	// Capture tells of the sources that run here; without it there are none.
	Capture Capture
	// Hooks tells how a webhook fares; without it only what the books say is known.
	Hooks func(id string) (HookState, bool)
	// Desk prepares disposals and does them; without it there are no pages of them.
	Desk Desk
	// Days says what live capture covered from one day to another; empty: the
	// last weeks. Nil: as the page on coverage.
	Days func(ctx context.Context, from, to string) ([]gap.Day, error)
	// Prove makes the proof of entries, as a file.
	Prove func(ctx context.Context, entries []int64) ([]byte, error)
	Log   *slog.Logger
	// Zone is that of the archive's days; nil: UTC.
	Zone *time.Location
	// Hosts are the names that the console answers to beside those of this
	// machine itself.
	Hosts []string
	// BehindProxy says that a proxy of ours does TLS, and names who asks.
	BehindProxy bool
	// Cost is what one guess at a password costs; zero: access.Today.
	Cost access.Cost
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Server is the console.
type Server struct {
	name        string
	whole       Index // see view
	narrow      func(index.Scope) Index
	blobs       Blobs
	state       func(context.Context) (State, error)
	ledger      *govern.Ledger
	outlook     Outlook
	auditor     Auditor
	capture     Capture
	hookState   func(id string) (HookState, bool)
	desk        Desk
	prove       func(context.Context, []int64) ([]byte, error)
	days        func(ctx context.Context, from, to string) ([]gap.Day, error)
	rates       rates // of tokens, at the API
	log         *slog.Logger
	zone        *time.Location
	now         func() time.Time
	door        *govern.Door
	cost        access.Cost
	bodyLasts   time.Duration
	key         []byte // of enrolments that wait for their first code
	hosts       []string
	behindProxy bool
	pages       pages
	static      static
	sessions    *sessions
	extents     extents
	looks       looks
	reasons     reasons
	handler     http.Handler
}

// New returns a console that nobody has signed in to yet; see Link.
func New(c Config) (*Server, error) {
	if c.Index == nil || c.Blobs == nil || c.State == nil || c.Ledger == nil {
		return nil, errors.New("console needs an index, blobs, a state and the books")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Cost == (access.Cost{}) {
		c.Cost = access.Today
	}
	st, err := readStatic()
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	pg, err := parsePages(st)
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	s := &Server{
		name: plain(c.Name), whole: c.Index, narrow: c.Within, blobs: c.Blobs, state: c.State, ledger: c.Ledger,
		outlook: c.Outlook, auditor: c.Auditor, capture: c.Capture, hookState: c.Hooks, desk: c.Desk, prove: c.Prove, days: c.Days, log: c.Log, now: c.Now, zone: cmp.Or(c.Zone, time.UTC),
		pages: pg, static: st, sessions: newSessions(c.Now),
		door: govern.NewDoor(c.Ledger, c.Cost), cost: c.Cost, bodyLasts: bodyLasts, key: make([]byte, 32), hosts: c.Hosts, behindProxy: c.BehindProxy,
	}
	if s.days == nil {
		s.days = s.coveredDays
	}
	s.sessions.tls = c.BehindProxy
	_, _ = rand.Read(s.key) // never fails: it ends the program instead
	s.handler = s.guard(s.mux())
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
