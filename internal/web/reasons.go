package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// A firm may ask for a reason before content is shown. It is given once in a
// session for each chat and each search, and stands in the trace of every look.

// reasons are those that were given, by session and what they are for. They
// live as long as the server: after that they are asked for again.
type reasons struct {
	mu    sync.Mutex
	given map[int64]map[string]string
}

// Bounds on reasons: of sessions, and within one.
const mostReasons = 10_000

const maxReason = 2000 // characters

func (x *reasons) of(session int64, what string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.given[session][what]
}

// recent lists what was given in a session, for it to be given again.
func (x *reasons) recent(session int64) (all []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.given[session] {
		all = append(all, r)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), 20)]
}

func (x *reasons) give(session int64, what, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.given == nil || len(x.given) >= mostReasons {
		x.given = map[int64]map[string]string{}
	}
	if x.given[session] == nil || len(x.given[session]) >= mostReasons {
		x.given[session] = map[string]string{}
	}
	x.given[session][what], x.given[session][anyReason] = why, why
}

// anyReason is what pictures and other files of a page are seen by.
const anyReason = "any"

type reasonKey struct{}

// reasonFor is what a request shows content of; empty: it shows none.
func (s *Server) reasonFor(r *http.Request, action access.Action) (string, error) {
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	switch {
	case action != access.Read && action != access.Search && action != access.Prove:
		return "", nil
	case r.PathValue("chat") != "":
		return "chat:" + r.PathValue("chat"), nil
	case r.PathValue("message") != "":
		m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
		return "chat:" + m.Chat.ID, err
	case r.PathValue("sha256") != "":
		return anyReason, nil
	case strings.HasPrefix(strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(apiPath, "/")), "/search") && r.Method == http.MethodGet && query != "":
		return "search:" + query, nil
	}
	return "", nil
}

// reasoned lets a request through that says why, where the firm asks for that.
// A program says it in a header, each time.
func (s *Server) reasoned(r *http.Request, action access.Action) (_ context.Context, what string, err error) {
	ctx, required := r.Context(), false
	if err := s.ledger.Read(ctx, func(st *govern.State) error { required = st.ReasonRequired; return nil }); err != nil || !required {
		return ctx, "", err
	}
	if what, err = s.reasonFor(r, action); what == "" || err != nil {
		return ctx, "", err
	}
	why := plain(strings.TrimSpace(r.Header.Get("Waxseal-Reason")))
	if id := sessionOf(r).ID; why == "" && id != 0 {
		why = s.reasons.of(id, what)
	}
	if runes := []rune(why); len(runes) > maxReason {
		why = string(runes[:maxReason])
	}
	if why == "" {
		return ctx, what, errReason
	}
	return context.WithValue(ctx, reasonKey{}, why), what, nil
}

var errReason = errors.New("a reason is asked for")

// reasonPage asks why.
type reasonPage struct {
	layout
	For    string // what the reason is for
	Say    string
	Back   string
	Recent []string
	Wrong  string
}

func (s *Server) askReason(w http.ResponseWriter, r *http.Request, what, back, wrong string) error {
	p := reasonPage{layout: s.layout(r, "Say why", ""), For: clean(what), Back: here(back), Wrong: wrong}
	kind, query, _ := strings.Cut(what, ":")
	switch kind {
	case "search":
		p.Say = "Before “" + closed(clean(shorten(query, 100))) + "” is searched for, say why."
	case "chat":
		p.Say = "Before this chat is shown, say why you read it."
	default:
		p.Say = "Before this file is shown, say why you look at it."
	}
	for _, why := range s.reasons.recent(sessionOf(r).ID) {
		p.Recent = append(p.Recent, clean(why))
	}
	return s.renderStatus(w, http.StatusPreconditionRequired, "reason", p)
}

// giveReason takes a reason, and goes on to what it is for.
func (s *Server) giveReason(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	what, why, back := r.PostForm.Get("for"), plain(strings.TrimSpace(r.PostForm.Get("reason"))), r.PostForm.Get("back")
	id := sessionOf(r).ID
	switch {
	case id == 0 || len(what) > 4000:
		return errRequest
	case why == "" || len([]rune(why)) > maxReason:
		return s.askReason(w, r, what, back, "Write a reason of at most 2,000 characters. It is kept in the audit trail.")
	}
	s.reasons.give(id, what, why)
	http.Redirect(w, r, here(back), http.StatusSeeOther)
	return nil
}

// setReason says whether a reason is asked for.
func (s *Server) setReason(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{
		Act: govern.ActSettingsReason, Reason: plain(r.PostForm.Get("reason")), Data: govern.ReasonRule{Required: r.PostForm.Get("required") != ""},
	}); err != nil {
		return err
	}
	return goOn(w, r, "/audit", "reason-set")
}
