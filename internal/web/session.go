package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

const (
	linkLasts    = 15 * time.Minute
	sessionLasts = 12 * time.Hour
)

// secret is what stands in a link or a cookie. The server keeps its hash, so
// that a look at its memory opens nothing.
type secret [sha256.Size]byte

func newSecret() (text string, s secret) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	text = base64.RawURLEncoding.EncodeToString(b[:])
	return text, sha256.Sum256([]byte(text))
}

// sessions are the links that were given out and the browsers that followed
// them. They live in memory: who restarts the server signs everybody out.
type sessions struct {
	now  func() time.Time
	name string // of the cookie

	mu    sync.Mutex
	links map[secret]time.Time // until when
	open  map[secret]time.Time
}

func newSessions(now func() time.Time) *sessions {
	// Cookies do not tell ports apart: two archives served from one machine
	// would sign each other out under one name.
	var b [4]byte
	_, _ = rand.Read(b[:]) // see newSecret
	return &sessions{
		now: now, name: "waxseal-" + base64.RawURLEncoding.EncodeToString(b[:]),
		links: map[secret]time.Time{}, open: map[secret]time.Time{},
	}
}

// Link returns an address under base ("http://127.0.0.1:8080") that signs one
// browser in, once, within 15 minutes.
func (s *Server) Link(base string) string {
	text, k := newSecret()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	s.sessions.sweep()
	s.sessions.links[k] = s.now().Add(linkLasts)
	return strings.TrimRight(base, "/") + "/sign-in?token=" + url.QueryEscape(text)
}

// sweep forgets what has run out. mu is held.
func (ss *sessions) sweep() {
	now := ss.now()
	for _, m := range []map[secret]time.Time{ss.links, ss.open} {
		for k, until := range m {
			if !now.Before(until) {
				delete(m, k)
			}
		}
	}
}

// redeem turns the token of a link into that of a session, once.
func (ss *sessions) redeem(token string) (string, bool) {
	k := secret(sha256.Sum256([]byte(token)))
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.sweep()
	if _, ok := ss.links[k]; !ok {
		return "", false
	}
	delete(ss.links, k)
	text, k := newSecret()
	ss.open[k] = ss.now().Add(sessionLasts)
	return text, true
}

func (ss *sessions) key(r *http.Request) (secret, bool) {
	for _, name := range []string{"__Host-" + ss.name, ss.name} {
		if c, err := r.Cookie(name); err == nil {
			return sha256.Sum256([]byte(c.Value)), true
		}
	}
	return secret{}, false
}

func (ss *sessions) valid(r *http.Request) bool {
	k, ok := ss.key(r)
	if !ok {
		return false
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	until, ok := ss.open[k]
	return ok && ss.now().Before(until)
}

// cookie carries a session. __Host- needs TLS: on plain http, which only
// loopback is ever served by, browsers would not all keep it.
func (ss *sessions) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	c := &http.Cookie{
		Name: ss.name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if r.TLS != nil {
		c.Name, c.Secure = "__Host-"+ss.name, true
	}
	return c
}

// signedIn lets only a person through who may do what the route is for.
func (s *Server) signedIn(action access.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.sessions.valid(r) {
			s.fail(w, r, errNoSession)
			return
		}
		// While there are no accounts, a session is whoever holds the keys.
		who := govern.Actor{Subject: access.Subject{Operator: true}, Via: "console"}
		if err := who.May(action, s.now()); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, who)))
	})
}

type actorKey struct{}

// actor is who asks, where the route needs somebody.
func actor(r *http.Request) govern.Actor {
	who, _ := r.Context().Value(actorKey{}).(govern.Actor)
	return who
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead { // a preview of the link must not use it up
		return nil
	}
	text, ok := s.sessions.redeem(r.URL.Query().Get("token"))
	if !ok {
		if s.sessions.valid(r) { // the link was opened twice in one browser
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		}
		return errLink
	}
	http.SetCookie(w, s.sessions.cookie(r, text, int(sessionLasts.Seconds())))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if k, ok := s.sessions.key(r); ok {
		s.sessions.mu.Lock()
		delete(s.sessions.open, k)
		s.sessions.mu.Unlock()
	}
	http.SetCookie(w, s.sessions.cookie(r, "", -1))
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	http.Redirect(w, r, "/chats", http.StatusSeeOther)
	return nil
}
