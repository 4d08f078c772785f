package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/waxseal/waxseal/internal/govern"
)

// signInForm is the page for whoever is not signed in.
type signInForm struct {
	layout
	Why   string // what was wrong
	Login string
	To    string // where to go then
}

// maxForm is the most that a form of these pages sends.
const maxForm = 64 << 10

// form reads a form, or says that it is none.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	return nil
}

// accounts reports whether the archive has any.
func (s *Server) accounts(r *http.Request) bool {
	some := true // what cannot be read is not open
	err := s.ledger.Read(r.Context(), func(st *govern.State) error { some = st.Enrolled; return nil })
	return some || err != nil
}

// here is a place in this console, and no other.
func here(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(to, "/sign-") {
		return "/"
	}
	return to
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead { // a preview of the link must not use it up
		return nil
	}
	if r.URL.Query().Has("token") {
		return s.followLink(w, r)
	}
	if _, _, err := s.asks(r); err == nil {
		http.Redirect(w, r, here(r.URL.Query().Get("to")), http.StatusSeeOther)
		return nil
	}
	if !s.accounts(r) {
		return errNoSession
	}
	return s.signInPage(w, http.StatusOK, signInForm{To: here(r.URL.Query().Get("to"))})
}

func (s *Server) signInPage(w http.ResponseWriter, status int, p signInForm) error {
	p.Title = "Sign in"
	return s.renderStatus(w, status, "sign-in", p)
}

func (s *Server) followLink(w http.ResponseWriter, r *http.Request) error {
	user, ok := s.sessions.redeem(r.URL.Query().Get("token"))
	if !ok {
		if _, _, err := s.asks(r); err == nil { // the link was opened twice in one browser
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		}
		return errLink
	}
	to, credential := "/set-up", int64(0)
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		switch u := st.Users[user]; {
		case user == "" && !st.Enrolled:
			return nil
		case u != nil && u.CanSignIn(s.now()):
			to, credential = "/", u.Credential
			return nil
		}
		return errLink
	})
	if err != nil {
		return err
	}
	if user != "" {
		who := govern.Actor{Via: "console", From: s.from(r)}
		who.ID = user
		if _, err := s.ledger.Trace(r.Context(), who, govern.Request{Act: "signin.link", On: []string{"user:" + user}}); err != nil {
			return err
		}
	}
	s.open(w, r, user, credential)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// enter is what the form of the sign-in page does.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	if !s.accounts(r) {
		return errNoSession
	}
	p := signInForm{Login: plain(r.PostForm.Get("login")), To: here(r.PostForm.Get("to"))}
	v, err := s.door.Enter(r.Context(), "console", s.from(r), govern.Key{
		Login: r.PostForm.Get("login"), Password: r.PostForm.Get("password"), Code: r.PostForm.Get("code"),
	})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		p.Why = refusal.Say
		return s.signInPage(w, http.StatusUnauthorized, p)
	}
	if err != nil {
		return err
	}
	s.open(w, r, v.ID, v.Credential)
	if v.Recovered {
		return goOn(w, r, "/account", "recovered")
	}
	http.Redirect(w, r, p.To, http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if k, ok := s.sessions.key(r); ok {
		s.sessions.mu.Lock()
		delete(s.sessions.open, k)
		s.sessions.mu.Unlock()
		who := actor(r)
		if _, err := s.ledger.Trace(r.Context(), who, govern.Request{Act: "signout"}); err != nil {
			return err
		}
	}
	http.SetCookie(w, s.cookie(r, "", -1))
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
