package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
)

// Traces of who saw content.
const (
	traceRead    = "read"
	traceChats   = "read.chats"
	traceMessage = "read.message"
	traceProof   = "read.proof"
	tracePrint   = "read.print"
	traceFile    = "read.file"
	traceSearch  = "search"

	traceAudit       = "audit"
	traceAuditExport = "audit.export"
	traceRun         = "dispose.run"
	traceCertificate = "read.certificate" // taken as a file
)

// trace notes in the log that somebody is about to see something. It comes
// before the answer, and where it cannot be written, nothing is shown.
func (s *Server) trace(r *http.Request, act string, on []string, data map[string]any) error {
	why, _ := r.Context().Value(reasonKey{}).(string)
	if _, err := s.ledger.Trace(r.Context(), actor(r), govern.Request{Act: act, Reason: why, On: on, Data: data}); err != nil {
		return fmt.Errorf("note who reads: %w", err)
	}
	return nil
}

// traceMessages notes a look at some messages of a chat.
func (s *Server) traceMessages(r *http.Request, act, chatID string, ms []chat.Message) error {
	data := map[string]any{"count": len(ms)}
	if n := len(ms); n > 0 {
		data["first"], data["last"] = ms[0].ID, ms[n-1].ID
	}
	return s.trace(r, act, []string{"chat:" + chatID}, data)
}

// once is how long a look stands for the next ones: browsers fetch a video in
// many pieces, and an open list of chats looks for news.
const once = time.Hour

// look is what somebody saw, in a session or by a token.
type look struct {
	session  int64
	who, via string
	what     string
}

// looks are those of lately.
type looks struct {
	mu   sync.Mutex
	last map[look]time.Time
}

// fresh reports a look that stands for this one.
func (l *looks) fresh(key look, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.last[key]
	return ok && now.Sub(at) < once
}

func (l *looks) note(key look, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || len(l.last) >= 10_000 {
		l.last = map[look]time.Time{}
	}
	l.last[key] = now
}

// traceOnce notes a look, once an hour for each session.
func (s *Server) traceOnce(r *http.Request, act, what string, data map[string]any) error {
	who := actor(r)
	key, now := look{sessionOf(r).ID, who.ID, who.Via, act + " " + what}, s.now()
	if s.looks.fresh(key, now) {
		return nil
	}
	if err := s.trace(r, act, nil, data); err != nil {
		return err
	}
	s.looks.note(key, now)
	return nil
}
