package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

const (
	linkLasts    = 15 * time.Minute
	sessionLasts = 12 * time.Hour
	sessionIdle  = 30 * time.Minute
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

// session is one browser that somebody is signed in with.
type session struct {
	ID          int64  // for the list; opens nothing
	User        string // login; empty: whoever holds the keys, while there are no accounts
	Credential  int64  // entry of what they signed in with: another one ends the session
	Began, Seen time.Time
	From, Agent string
	waits       waiting // for the person, as a request found it
}

type oneTime struct {
	user  string
	until time.Time
}

// sessions are the links that were given out and the browsers that people are
// signed in with. They live in memory: who restarts the server signs everybody
// out.
type sessions struct {
	now  func() time.Time
	name string // of the cookie
	tls  bool   // a proxy does it

	mu    sync.Mutex
	last  int64
	links map[secret]oneTime
	open  map[secret]*session
}

func newSessions(now func() time.Time) *sessions {
	// Cookies do not tell ports apart: two archives served from one machine
	// would sign each other out under one name.
	var b [4]byte
	_, _ = rand.Read(b[:]) // see newSecret
	return &sessions{
		now: now, name: "waxseal-" + base64.RawURLEncoding.EncodeToString(b[:]),
		links: map[secret]oneTime{}, open: map[secret]*session{},
	}
}

// Link returns an address under base ("http://127.0.0.1:8080") that signs one
// browser in as whoever holds the keys, once, within 15 minutes, while there
// are no accounts.
func (s *Server) Link(base string) string { return s.LinkFor(base, "") }

// LinkFor is Link for a person: it is for whoever made the account a moment
// ago, as the demo does.
func (s *Server) LinkFor(base, login string) string {
	text, k := newSecret()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	s.sessions.sweep()
	s.sessions.links[k] = oneTime{user: login, until: s.now().Add(linkLasts)}
	return strings.TrimRight(base, "/") + "/sign-in?token=" + url.QueryEscape(text)
}

func (x *session) over(now time.Time) bool {
	return now.Sub(x.Began) >= sessionLasts || now.Sub(x.Seen) >= sessionIdle
}

// sweep forgets what has run out. mu is held.
func (ss *sessions) sweep() {
	now := ss.now()
	for k, l := range ss.links {
		if !now.Before(l.until) {
			delete(ss.links, k)
		}
	}
	for k, x := range ss.open {
		if x.over(now) {
			delete(ss.open, k)
		}
	}
}

// redeem uses up a link, and says whose it was.
func (ss *sessions) redeem(token string) (user string, ok bool) {
	k := secret(sha256.Sum256([]byte(token)))
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.sweep()
	l, ok := ss.links[k]
	delete(ss.links, k)
	return l.user, ok
}

// begin opens a session and returns what its cookie holds.
func (ss *sessions) begin(x session) string {
	text, k := newSecret()
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.sweep()
	ss.last++
	x.ID, x.Began, x.Seen = ss.last, ss.now(), ss.now()
	ss.open[k] = &x
	return text
}

func (ss *sessions) key(r *http.Request) (secret, bool) {
	name := ss.name
	if r.TLS != nil || ss.tls { // another host of the domain could have set any other
		name = "__Host-" + name
	}
	c, err := r.Cookie(name)
	if err != nil {
		return secret{}, false
	}
	return sha256.Sum256([]byte(c.Value)), true
}

// of is the session of a request.
func (ss *sessions) of(r *http.Request) (session, bool) {
	k, ok := ss.key(r)
	if !ok {
		return session{}, false
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	x, ok := ss.open[k]
	if !ok || x.over(ss.now()) {
		return session{}, false
	}
	if r.Header.Get("Waxseal-By") != "clock" { // a page that looks for news by itself is no use
		x.Seen = ss.now()
	}
	return *x, true
}

// end ends the sessions that which picks.
func (ss *sessions) end(which func(*session) bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for k, x := range ss.open {
		if which(x) {
			delete(ss.open, k)
		}
	}
}

// renew lets one session go on with a new credential. Those of the old one
// have ended.
func (ss *sessions) renew(id, credential int64) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, x := range ss.open {
		if x.ID == id {
			x.Credential = credential
		}
	}
}

// list is a person's sessions, the newest first.
func (ss *sessions) list(user string) []session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.sweep()
	var out []session
	for _, x := range ss.open {
		if x.User == user {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b session) int { return int(b.ID - a.ID) })
	return out
}

// cookie carries a session. __Host- needs TLS: on plain http, which only
// loopback is ever served by, browsers would not all keep it.
func (s *Server) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	c := &http.Cookie{
		Name: s.sessions.name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if r.TLS != nil || s.behindProxy {
		c.Name, c.Secure = "__Host-"+s.sessions.name, true
	}
	return c
}

// open signs a browser in.
func (s *Server) open(w http.ResponseWriter, r *http.Request, user string, credential int64) {
	if k, ok := s.sessions.key(r); ok { // a browser has one session
		s.sessions.mu.Lock()
		delete(s.sessions.open, k)
		s.sessions.mu.Unlock()
	}
	agent := []rune(plain(r.UserAgent()))
	text := s.sessions.begin(session{User: user, Credential: credential, From: s.from(r), Agent: string(agent[:min(len(agent), 200)])})
	http.SetCookie(w, s.cookie(r, text, int(sessionLasts.Seconds())))
}

// from is the address that a request came from.
func (s *Server) from(r *http.Request) string {
	if s.behindProxy {
		// Our proxy has added the last one; those before it say what they like.
		list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if ip := net.ParseIP(strings.TrimSpace(list[len(list)-1])); ip != nil {
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// asks finds who makes a request, as the books know them at this moment: a
// closed account ends its sessions at once.
func (s *Server) asks(r *http.Request) (govern.Actor, session, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		token, _ := strings.CutPrefix(h, "Bearer ")
		who, err := s.door.Token(r.Context(), token, s.from(r))
		if errors.Is(err, govern.ErrNotIn) {
			err = errToken
		}
		return who, session{}, err
	}
	x, ok := s.sessions.of(r)
	if !ok {
		return govern.Actor{}, session{}, errNoSession
	}
	who := govern.Actor{Via: "console", From: s.from(r)}
	err := s.ledger.Read(r.Context(), func(st *govern.State) (err error) {
		if who.Subject, err = st.Subject(x.User); err != nil {
			return err
		}
		if x.User == "" {
			if !who.Operator {
				return errNoSession
			}
			x.waits = waitsFor(st, who, s.now())
			return nil
		}
		u := st.Users[x.User]
		if !u.CanSignIn(s.now()) || u.Credential != x.Credential || u.SessionsFrom.After(x.Began) {
			return errNoSession
		}
		x.waits = waitsFor(st, who, s.now())
		return nil
	})
	return who, x, err
}

// signedIn lets only a person through who may do what the route is for.
func (s *Server) signedIn(action access.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, x, err := s.asks(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), actorKey{}, who)
		r = r.WithContext(context.WithValue(ctx, sessionKey{}, x))
		if err := who.May(action, s.now()); err != nil {
			s.ledger.Refuse(ctx, who, govern.Request{Act: "route", On: []string{"action:" + string(action), "route:" + r.Pattern}}, err)
			s.fail(w, r, err)
			return
		}
		if ctx, err = s.seeing(r.Context(), who); err != nil {
			s.fail(w, r, err)
			return
		}
		r = r.WithContext(ctx)
		switch ctx, what, err := s.reasoned(r, action); {
		case errors.Is(err, errReason) && !isAPI(r):
			if err := s.askReason(w, r, what, strings.TrimPrefix(r.URL.RequestURI(), "/fragment"), ""); err != nil {
				s.fail(w, r, err)
			}
		case err != nil:
			s.fail(w, r, err)
		default:
			next.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

type (
	actorKey   struct{}
	sessionKey struct{}
)

// actor is who asks, where the route needs somebody.
func actor(r *http.Request) govern.Actor {
	who, _ := r.Context().Value(actorKey{}).(govern.Actor)
	return who
}

// sessionOf is the browser's session, where it has one.
func sessionOf(r *http.Request) session {
	x, _ := r.Context().Value(sessionKey{}).(session)
	return x
}
