package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// The API is for programs: the same content as the pages, under the same
// permissions, scopes and traces, by a token or a session. openapi.yaml
// describes it, and a test holds the two together.

// openAPI is the description that programs are written from.
//
//go:embed openapi.yaml
var openAPI []byte

// apiPrefix is where the API stands.
const apiPrefix = "/api/v1/"

// Bounds of lists.
const (
	apiRows    = 50
	apiMaxRows = 500
)

// apiRoutes are the API's lines of the table of routes.
func (s *Server) apiRoutes() []route {
	return []route{
		{"GET /api/v1/openapi.yaml", access.Self, s.api(s.apiDescription)},
		{"GET /api/v1/chats", access.Read, s.api(s.apiChats)},
		{"GET /api/v1/chats/{chat}", access.Read, s.api(s.apiChat)},
		{"GET /api/v1/chats/{chat}/messages", access.Read, s.api(s.apiChatMessages)},
		{"GET /api/v1/messages/{message}", access.Read, s.api(s.apiMessage)},
		{"GET /api/v1/messages/{message}/proof", access.Prove, s.api(s.apiProof)},
		{"GET /api/v1/search", access.Search, s.api(s.apiSearch)},
		{"GET /api/v1/media/{sha256}", access.Read, s.api(s.media)},
		{"GET /api/v1/gaps", access.SeeCapture, s.api(whole("Gaps are", s.apiGaps))},
		{"GET /api/v1/sources", access.SeeCapture, s.api(whole("Sources are", s.apiSources))},
		{"GET /api/v1/audit", access.SeeAudit, s.api(whole("The audit trail is", s.apiAudit))},
		{"/api/", access.Self, func(http.ResponseWriter, *http.Request) error { return errNoPage }},
	}
}

// errOften is for a token that asks too often.
var errOften = errors.New("too many requests")

// api stands before each handler of the API: a program that runs wild must not
// keep people from their pages.
func (s *Server) api(handle func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who := actor(r)
		if !s.paces.take(who.ID+"\x00"+who.Via, s.now()) {
			w.Header().Set("Retry-After", "1")
			return errOften
		}
		return handle(w, r)
	}
}

// A caller may ask burst times at once, and rate times a second for ever.
const (
	apiBurst = 60
	apiRate  = 20
)

// paces bounds how often each caller asks.
type paces struct {
	mu sync.Mutex
	by map[string]pace
}

type pace struct {
	left float64
	at   time.Time
}

func (p *paces) take(who string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil || len(p.by) > 10_000 {
		p.by = map[string]pace{}
	}
	is, ok := p.by[who]
	if !ok {
		is = pace{apiBurst, now}
	}
	is.left = min(apiBurst, is.left+max(0, now.Sub(is.at).Seconds())*apiRate)
	is.at = now
	defer func() { p.by[who] = is }()
	if is.left < 1 {
		return false
	}
	is.left--
	return true
}

// isAPI reports a request whose answers are JSON, errors included.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// apiError is the body of an answer that is an error.
type apiError struct {
	Code      string `json:"code"` // a word that stays the same
	Say       string `json:"say"`
	Do        string `json:"do,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// apiCodes are words for statuses.
var apiCodes = map[int]string{
	http.StatusBadRequest: "not_understood", http.StatusUnauthorized: "not_signed_in", http.StatusForbidden: "not_permitted",
	http.StatusNotFound: "not_found", http.StatusConflict: "not_done", http.StatusTooManyRequests: "too_often",
	http.StatusPreconditionRequired: "reason_required", http.StatusInternalServerError: "failed",
}

// failAPI is fail for programs.
func (s *Server) failAPI(w http.ResponseWriter, r *http.Request, p errorPage, err error) {
	e := apiError{Code: apiCodes[p.Status], Say: p.Say, Do: p.Do, Reference: p.Reference}
	switch {
	case errors.Is(err, index.ErrQuery):
		p.Status, e = http.StatusBadRequest, apiError{Code: "query", Say: problem(err)}
	case errors.Is(err, errOften):
		p.Status, e = http.StatusTooManyRequests, apiError{Code: "too_often", Say: "There are too many requests.", Do: "Ask 20 times a second at most."}
	case errors.Is(err, errReason):
		p.Status, e = http.StatusPreconditionRequired, apiError{Code: "reason_required", Say: "The firm asks why, before anybody reads.", Do: "Say it in the header Waxseal-Reason."}
	case errors.Is(err, errNoSession):
		e.Say, e.Do = "The request has no token.", "Send one as Authorization: Bearer TOKEN; people make them on the page of their account."
	}
	if e.Reference != "" {
		s.log.ErrorContext(r.Context(), "request failed", "reference", e.Reference, "route", r.Pattern, "err", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(map[string]apiError{"error": e}) // who asked may have gone
}

// reply writes a value as JSON. Numbers and texts of strangers are escaped as
// in a page: some programs put them into one.
func reply(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // who asked may have gone
	return nil
}

// list writes rows: one JSON object with all, or a row a line with what follows
// them in the last, where a program asks for that.
func list[T any](w http.ResponseWriter, r *http.Request, name string, rows []T, more map[string]any) error {
	if !strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		if rows == nil {
			rows = []T{}
		}
		more[name] = rows
		return reply(w, more)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, row := range rows {
		if err := enc.Encode(row); err != nil {
			return fmt.Errorf("encode answer: %w", err)
		}
	}
	if err := enc.Encode(more); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // who asked may have gone
	return nil
}

// limit reads how many rows are wanted.
func limit(q url.Values) (int, error) {
	s := q.Get("limit")
	if s == "" {
		return apiRows, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > apiMaxRows {
		return 0, fmt.Errorf("limit: %w", errRequest)
	}
	return n, nil
}

func (s *Server) apiDescription(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	_, _ = w.Write(openAPI) // who asked may have gone
	return nil
}

func (s *Server) apiChats(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	n, err := limit(q)
	if err != nil {
		return err
	}
	rows, err := s.view(r).Chats(r.Context(), index.ChatFilter{Text: q.Get("q"), After: q.Get("after"), Limit: n + 1})
	if err != nil {
		return fmt.Errorf("list chats: %w", err)
	}
	more := map[string]any{}
	if len(rows) > n {
		rows = rows[:n]
		more["next"] = rows[n-1].ID
	}
	if err := s.traceOnce(r, traceChats, "list", nil); err != nil {
		return err
	}
	return list(w, r, "chats", rows, more)
}

func (s *Server) apiChat(w http.ResponseWriter, r *http.Request) error {
	c, err := s.view(r).Chat(r.Context(), r.PathValue("chat"))
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	if err := s.traceOnce(r, traceChats, "chat:"+c.ID, nil); err != nil {
		return err
	}
	return reply(w, c)
}

func (s *Server) apiChatMessages(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	n, err := limit(q)
	if err != nil {
		return err
	}
	at, _, err := placeIn(q)
	if err != nil {
		return err
	}
	page, err := s.view(r).Page(r.Context(), r.PathValue("chat"), at, n)
	if err != nil {
		return fmt.Errorf("read page of a chat: %w", err)
	}
	if err := s.traceMessages(r, traceRead, page.Chat.ID, page.Messages); err != nil {
		return err
	}
	more := map[string]any{}
	if k := len(page.Messages); k > 0 && page.Earlier {
		more["before"] = page.Messages[0].ID
	}
	if k := len(page.Messages); k > 0 && page.Later {
		more["after"] = page.Messages[k-1].ID
	}
	return list(w, r, "messages", page.Messages, more)
}

func (s *Server) apiMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.trace(r, traceMessage, []string{"message:" + m.ID, "chat:" + m.Chat.ID}, nil); err != nil {
		return err
	}
	return reply(w, m)
}

func (s *Server) apiProof(w http.ResponseWriter, r *http.Request) error {
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if s.prove == nil {
		return errNoPage
	}
	if err := s.trace(r, traceMessage, []string{"message:" + m.ID, "chat:" + m.Chat.ID}, map[string]any{"proof": true}); err != nil {
		return err
	}
	b, err := s.prove(r.Context(), m.Records)
	if err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(b) // who asked may have gone
	return nil
}

func (s *Server) apiSearch(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	n, err := limit(q)
	if err != nil {
		return err
	}
	ask := index.Search{Query: strings.TrimSpace(q.Get("q")), Chat: q.Get("chat"), Order: index.Order(q.Get("order")), Cursor: q.Get("cursor"), Limit: n}
	if ask.Query == "" || ask.Order != "" && !slices.Contains([]index.Order{index.Newest, index.Oldest, index.Relevance}, ask.Order) {
		return fmt.Errorf("search: %w", errRequest)
	}
	res, err := s.view(r).Search(r.Context(), ask)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	var on []string
	if ask.Chat != "" {
		on = []string{"chat:" + ask.Chat}
	}
	if err := s.trace(r, traceSearch, on, map[string]any{"query": ask.Query, "total": res.Total}); err != nil {
		return err
	}
	hits := make([]chat.Message, 0, len(res.Hits))
	for _, h := range res.Hits {
		hits = append(hits, h.Message)
	}
	more := map[string]any{"total": res.Total, "coverage": res.Coverage}
	if res.Next != "" {
		more["next"] = res.Next
	}
	return list(w, r, "messages", hits, more)
}

func (s *Server) apiGaps(w http.ResponseWriter, r *http.Request) error {
	state := r.URL.Query().Get("state")
	var out []govern.Gap
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, g := range st.Gaps {
			if state == "" || string(g.State) == state {
				out = append(out, *g)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(out, func(a, b govern.Gap) int { return int(b.ID - a.ID) })
	return list(w, r, "gaps", out, map[string]any{})
}

// apiSource is a source as programs see it.
type apiSource struct {
	Name          string    `json:"name"`
	Kind          string    `json:"kind"`
	Since         time.Time `json:"since"`
	Numbers       []string  `json:"numbers,omitempty"`
	Last          time.Time `json:"last,omitzero"` // delivery
	Deliveries    int64     `json:"deliveries"`
	BadSignatures int64     `json:"bad_signatures"`
	Refused       int64     `json:"refused"`
}

func (s *Server) apiSources(w http.ResponseWriter, r *http.Request) error {
	var out []apiSource
	if s.capture != nil {
		all, err := s.capture(r.Context())
		if err != nil {
			return fmt.Errorf("list sources: %w", err)
		}
		for _, c := range all {
			one := apiSource{Name: c.Name, Kind: c.Kind, Since: c.Since, Last: c.Last, Deliveries: c.Deliveries, BadSignatures: c.BadSignatures, Refused: c.Refused}
			for _, n := range c.Numbers {
				one.Numbers = append(one.Numbers, n.Phone)
			}
			out = append(out, one)
		}
	}
	return list(w, r, "sources", out, map[string]any{})
}

func (s *Server) apiAudit(w http.ResponseWriter, r *http.Request) error {
	if s.auditor == nil {
		return errNoPage
	}
	q, _, err := auditQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if q.Limit, err = limit(r.URL.Query()); err != nil {
		return err
	}
	a, err := s.auditor.Audit(r.Context(), q)
	if err != nil {
		return fmt.Errorf("search the audit trail: %w", err)
	}
	if err := s.trace(r, traceAudit, nil, map[string]any{"rows": len(a.Rows)}); err != nil {
		return err
	}
	more := map[string]any{}
	if n := len(a.Rows); n == q.Limit {
		more["before"] = a.Rows[n-1].Seq
	}
	return list(w, r, "rows", a.Rows, more)
}
