package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/docs"
	"github.com/waxseal/waxseal/internal/index"
)

// The REST API is for programs that read. Its routes stand in the table with the
// pages', so that who may, what is traced and which part is seen are decided
// once. docs/openapi.yaml says what it answers, and a test holds both to it.

const apiPath = "/api/v1/"

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// Bounds of the API.
const (
	apiLimit    = 50  // rows on a page
	apiMaxLimit = 500 //
	apiBurst    = 60  // requests that a token may make at once
	apiRate     = 20  // and then in a second
)

// apiError is what a program is told that gets no answer.
type apiError struct {
	Error apiWrong `json:"error"`
}

type apiWrong struct {
	Code      string `json:"code"`
	Say       string `json:"say"`
	Reference string `json:"reference,omitempty"` // of the line in the log
}

// apiCodes are words for statuses: programs compare them, and they stay.
var apiCodes = map[int]string{
	http.StatusBadRequest: "not_understood", http.StatusUnauthorized: "not_signed_in", http.StatusForbidden: "not_permitted", http.StatusNotFound: "not_found",
	http.StatusConflict: "refused", http.StatusPreconditionRequired: "reason_required", http.StatusTooManyRequests: "too_many_requests", http.StatusInternalServerError: "failed",
}

var errTooMany = errors.New("too many requests")

// failAPI says to a program what became of its request.
func (s *Server) failAPI(w http.ResponseWriter, r *http.Request, err error) {
	p := errorFor(err)
	switch {
	case errors.Is(err, errNoSession):
		p.Say = "Give a token: Authorization: Bearer TOKEN."
	case errors.Is(err, errReason):
		p = errorPage{Status: http.StatusPreconditionRequired, Say: "Say why you read, in the header Waxseal-Reason: it stands in the audit trail."}
	case errors.Is(err, errTooMany):
		w.Header().Set("Retry-After", "1")
		p = errorPage{Status: http.StatusTooManyRequests, Say: fmt.Sprintf("A token may ask %d times in a second.", apiRate)}
	case errors.Is(err, index.ErrQuery):
		p = errorPage{Status: http.StatusBadRequest, Say: "The query is not understood: " + problem(err) + "."}
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.Reference != "" {
		s.log.ErrorContext(r.Context(), "request failed", "reference", p.Reference, "route", r.Pattern, "err", err)
	}
	h := w.Header()
	for _, k := range []string{"Content-Disposition", "ETag", "Content-Length"} {
		h.Del(k)
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(apiError{apiWrong{apiCodes[p.Status], p.Say, p.Reference}}) // the reader is gone: nobody to tell
}

// api is a handler for programs: a token asks so often and no more.
func (s *Server) api(handle func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if via := actor(r).Via; strings.HasPrefix(via, "token ") && !s.rates.take(via, s.now()) {
			return errTooMany
		}
		return handle(w, r)
	}
}

// rates are how often tokens ask.
type rates struct {
	mu sync.Mutex
	of map[string]*rate
}

type rate struct {
	left float64
	at   time.Time
}

func (x *rates) take(who string, now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil || len(x.of) > 10_000 {
		x.of = map[string]*rate{}
	}
	r := x.of[who]
	if r == nil {
		r = &rate{apiBurst, now}
		x.of[who] = r
	}
	r.left = min(apiBurst, r.left+max(0, now.Sub(r.at).Seconds())*apiRate)
	if r.at = now; r.left < 1 {
		return false
	}
	r.left--
	return true
}

// answer writes one object. It is never kept by a cache; who asks again may say
// what they have.
func answer(w http.ResponseWriter, r *http.Request, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return answerJSON(w, r, b.Bytes())
}

func answerJSON(w http.ResponseWriter, r *http.Request, b []byte) error {
	sum := sha256.Sum256(b)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Add("Vary", "Accept")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(b) // the reader is gone: nobody to tell
	return nil
}

// apiPage is a page of a list.
type apiPage[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page
}

// list answers with a page of a list, or with all that follows as lines where
// the program asks for these. read gives what stands at a cursor, and has noted
// who reads it.
func list[T any](s *Server, w http.ResponseWriter, r *http.Request, read func(cursor string, limit int) (apiPage[T], error)) error {
	return listAs(s, w, r, read, func(p apiPage[T]) any { return p })
}

// listAs is list with what else is told with a page.
func listAs[T any](s *Server, w http.ResponseWriter, r *http.Request, read func(cursor string, limit int) (apiPage[T], error), as func(apiPage[T]) any) error {
	limit := apiLimit
	if l := r.URL.Query().Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 || n > apiMaxLimit {
			return errRequest
		}
		limit = n
	}
	cursor := r.URL.Query().Get("cursor")
	if !lines(r) {
		p, err := read(cursor, limit)
		if err != nil {
			return err
		}
		if p.Items == nil {
			p.Items = []T{}
		}
		return answer(w, r, as(p))
	}
	if !r.URL.Query().Has("limit") {
		limit = apiMaxLimit
	}
	p, err := read(cursor, limit)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Add("Vary", "Accept")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for {
		for _, x := range p.Items {
			if err := enc.Encode(x); err != nil {
				panic(http.ErrAbortHandler) // the reader is gone
			}
		}
		if p.Next == "" {
			return nil
		}
		if p, err = read(p.Next, limit); err != nil {
			s.log.ErrorContext(r.Context(), "list for a program", "route", r.Pattern, "err", err)
			panic(http.ErrAbortHandler) // half a list must not look like a whole one
		}
	}
}

// lines reports a program that wants one object a line.
func lines(r *http.Request) bool {
	for _, a := range r.Header.Values("Accept") {
		if strings.Contains(a, "application/x-ndjson") {
			return true
		}
	}
	return false
}

// openAPI hands out the description of the API.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(docs.OpenAPI) // the reader is gone: nobody to tell
	return nil
}
