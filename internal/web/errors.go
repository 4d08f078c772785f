package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

var (
	errNoSession  = errors.New("no session")
	errLink       = errors.New("link used up or too old")
	errNoPage     = errors.New("no such page")
	errNoAccount  = errors.New("no account of a person")
	errToken      = errors.New("token not known")
	errInvitation = errors.New("invitation used up or too old")
	errRequest    = errors.New("request not understood")
)

// errorPage is shown where a page cannot be.
type errorPage struct {
	layout
	Status    int
	Say       string // what happened, in our words
	Do        string // what the person can do
	Command   string // to type, where that is what to do
	Reference string // of the line in the log
}

// errorFor is the table from errors to what a person sees. Never the error
// itself: it may quote a message.
func errorFor(err error) errorPage {
	var refusal *govern.Refusal
	switch {
	case errors.Is(err, errNoSession):
		return signInPage("Sign in", "This console opens with a link that works once.")
	case errors.Is(err, errLink):
		return signInPage("This link no longer works", "A link works once, within 15 minutes. This one was used, has run out, or was cut short.")
	case errors.Is(err, errToken):
		return errorPage{
			layout: layout{Title: "Token not valid"}, Status: http.StatusUnauthorized,
			Say: "This token is not known, was revoked, or has run out; or there were too many tries.",
			Do:  "Make another on the page of your account.",
		}
	case errors.Is(err, errInvitation):
		return errorPage{
			layout: layout{Title: "This invitation no longer works"}, Status: http.StatusUnauthorized,
			Say: "An invitation works once, within seven days. This one was used, has run out, or was cut short.",
			Do:  "Ask the administrator of the archive for another. If somebody else has used it, say so: it is in the audit trail.",
		}
	case errors.Is(err, index.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoPage):
		return errorPage{
			layout: layout{Title: "Not found"}, Status: http.StatusNotFound,
			Say: "There is nothing at this address.",
			Do:  "The link may be cut short, or made for another archive. The index may also not have followed that far yet.",
		}
	case errors.Is(err, errNoAccount):
		return errorPage{
			layout: layout{Title: "Not for programs"}, Status: http.StatusForbidden,
			Say: "A token has no password, no telephone and no sessions.",
			Do:  "Sign in with a browser.",
		}
	case errors.Is(err, access.ErrForbidden), errors.Is(err, access.ErrEnded):
		return errorPage{
			layout: layout{Title: "Not permitted"}, Status: http.StatusForbidden,
			Say: "Your account does not include this.",
			Do:  "Ask an administrator of the archive for the role that you need. That you were refused is in the audit trail.",
		}
	case errors.As(err, &refusal):
		return errorPage{
			layout: layout{Title: "Not done"}, Status: http.StatusConflict,
			Say: refusal.Say,
			Do:  "Nothing was changed. Go back to the page that you came from.",
		}
	case errors.Is(err, errRequest):
		return errorPage{
			layout: layout{Title: "Not understood"}, Status: http.StatusBadRequest,
			Say: "The address has something in it that cannot be read.",
			Do:  "Go back and try again from the page that you came from.",
		}
	}
	id := reference()
	return errorPage{
		layout: layout{Title: "Something went wrong"}, Status: http.StatusInternalServerError,
		Say:       "Something went wrong on our side. Nothing in the archive was changed.",
		Do:        "Try again. If it stays, give the reference to whoever runs the archive: it names the line in the log.",
		Reference: id,
	}
}

func signInPage(title, why string) errorPage {
	return errorPage{
		layout: layout{Title: title}, Status: http.StatusUnauthorized, Say: why,
		Do:      "Whoever runs the archive gets a link, valid for 15 minutes, by typing this on the machine that holds it. Then open the link that it prints.",
		Command: "waxseal serve",
	}
}

func reference() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return hex.EncodeToString(b[:])
}

// fail says to the person what became of the request, and the rest to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to be told
	}
	if isAPI(r) {
		s.failAPI(w, r, err)
		return
	}
	if errors.Is(err, errNoSession) && s.accounts(r) {
		to := "/"
		if r.Method == http.MethodGet {
			to = here(r.URL.RequestURI())
		}
		if s.signInPage(w, http.StatusUnauthorized, signInForm{To: to}) == nil {
			return
		}
	}
	p := errorFor(err)
	p.layout = s.layout(r, p.Title, "")
	p.SignedIn = p.Status != http.StatusUnauthorized && sessionOf(r).ID != 0
	if !p.SignedIn {
		p.Firm = "" // who is not signed in learns nothing of the archive, its owner included
	}
	if p.Reference != "" {
		s.log.ErrorContext(r.Context(), "request failed", "reference", p.Reference, "route", r.Pattern, "err", err)
	}
	var b bytes.Buffer
	if err := s.pages.execute(&b, "error", p); err != nil {
		s.log.ErrorContext(r.Context(), "render error page", "err", err)
		http.Error(w, p.Say, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Del("Content-Disposition")
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes()) // the reader is gone: nobody to tell
}
