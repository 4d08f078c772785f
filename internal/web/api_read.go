package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

func (s *Server) apiChats(w http.ResponseWriter, r *http.Request) error {
	text := r.URL.Query().Get("q")
	return list(s, w, r, func(cursor string, limit int) (p apiPage[index.ChatRow], err error) {
		rows, err := s.view(r).Chats(r.Context(), index.ChatFilter{Text: text, Limit: limit + 1, After: cursor})
		if err != nil {
			return p, fmt.Errorf("list chats: %w", err)
		}
		if len(rows) > limit {
			rows = rows[:limit]
			p.Next = rows[limit-1].ID
		}
		p.Items = rows
		return p, s.traceOnce(r, traceChats, cursor+" "+text, map[string]any{"query": text, "count": len(rows)})
	})
}

func (s *Server) apiMessages(w http.ResponseWriter, r *http.Request) error {
	return list(s, w, r, func(cursor string, limit int) (p apiPage[chat.Message], err error) {
		at := index.Place{After: cursor}
		if cursor == "" {
			at = index.Place{AtStart: true}
		}
		page, err := s.view(r).Page(r.Context(), r.PathValue("chat"), at, limit)
		if err != nil {
			return p, fmt.Errorf("read chat: %w", err)
		}
		if p.Items = page.Messages; page.Later && len(p.Items) > 0 {
			p.Next = p.Items[len(p.Items)-1].ID
		}
		return p, s.traceMessages(r, traceRead, page.Chat.ID, p.Items)
	})
}

func (s *Server) apiMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.trace(r, traceMessage, []string{"message:" + m.ID, "chat:" + m.Chat.ID}, nil); err != nil {
		return err
	}
	return answer(w, r, m)
}

// apiProof hands out the proof of a message, which holds its content.
func (s *Server) apiProof(w http.ResponseWriter, r *http.Request) error {
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if s.prove == nil {
		return errNoPage
	}
	proof, err := s.prove(r.Context(), m.Records)
	if err != nil {
		return fmt.Errorf("prove message: %w", err)
	}
	if err := s.trace(r, traceProof, []string{"message:" + m.ID, "chat:" + m.Chat.ID}, nil); err != nil {
		return err
	}
	return answerJSON(w, r, proof)
}

// apiHits is a page of what a query found.
type apiHits struct {
	apiPage[index.Hit]
	Total    int64    `json:"total"` // -1: counting was cut short
	Coverage apiReach `json:"coverage"`
}

// apiReach is how far the index has followed the log.
type apiReach struct {
	Through int64 `json:"through"`
	Of      int64 `json:"of"`
}

func (s *Server) apiSearch(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q := index.Search{Query: v.Get("q"), Chat: v.Get("chat"), Order: index.Order(v.Get("order"))}
	if strings.TrimSpace(q.Query) == "" {
		return errRequest
	}
	switch q.Order {
	case "", index.Newest, index.Oldest, index.Relevance:
	default:
		return errRequest
	}
	var on []string
	if q.Chat != "" {
		on = []string{"chat:" + q.Chat}
	}
	var last index.Result
	return listAs(s, w, r, func(cursor string, limit int) (p apiPage[index.Hit], err error) {
		q.Cursor, q.Limit = cursor, limit
		if last, err = s.view(r).Search(r.Context(), q); err != nil {
			return p, fmt.Errorf("search: %w", err)
		}
		p.Items, p.Next = last.Hits, last.Next
		return p, s.trace(r, traceSearch, on, map[string]any{"query": q.Query, "total": last.Total})
	}, func(p apiPage[index.Hit]) any {
		return apiHits{p, last.Total, apiReach{last.Coverage.Through, last.Coverage.Of}}
	})
}

// apiSource is a source that runs, without its secrets.
type apiSource struct {
	Name    string          `json:"name"`
	Kind    string          `json:"kind"`
	Config  json.RawMessage `json:"config"`
	Since   time.Time       `json:"since"`
	Removed time.Time       `json:"removed,omitzero"`
	Through int64           `json:"through"` // entry before which all deliveries are counted
}

func (s *Server) apiSources(w http.ResponseWriter, r *http.Request) error {
	return list(s, w, r, func(string, int) (p apiPage[apiSource], err error) {
		err = s.ledger.Read(r.Context(), func(st *govern.State) error {
			for _, name := range slices.Sorted(maps.Keys(st.Sources)) {
				src := st.Sources[name]
				row := apiSource{Name: src.Name, Kind: src.Kind, Config: slices.Clone(src.Config), Since: src.Since, Removed: src.Removed}
				if h := st.Heard[name]; h != nil {
					row.Through = h.Through
				}
				p.Items = append(p.Items, row)
			}
			return nil
		})
		return p, err
	})
}

func (s *Server) apiGaps(w http.ResponseWriter, r *http.Request) error {
	state, kind := r.URL.Query().Get("state"), r.URL.Query().Get("kind")
	switch govern.GapState(state) {
	case "", govern.GapOpen, govern.GapClosed, govern.GapExplained:
	default:
		return errRequest
	}
	return list(s, w, r, func(cursor string, limit int) (p apiPage[govern.Gap], err error) {
		after := int64(-1)
		if cursor != "" {
			if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
				return p, errRequest
			}
		}
		err = s.ledger.Read(r.Context(), func(st *govern.State) error {
			for _, id := range slices.Sorted(maps.Keys(st.Gaps)) {
				g := st.Gaps[id]
				if id <= after || state != "" && string(g.State) != state || kind != "" && g.Kind != kind {
					continue
				}
				if len(p.Items) == limit {
					p.Next = strconv.FormatInt(p.Items[limit-1].ID, 10)
					break
				}
				p.Items = append(p.Items, *g)
			}
			return nil
		})
		return p, err
	})
}

func (s *Server) apiCoverage(w http.ResponseWriter, r *http.Request) error {
	if s.days == nil {
		return errNoPage
	}
	v := r.URL.Query()
	for _, k := range []string{"from", "to"} {
		if _, err := time.Parse(time.DateOnly, v.Get(k)); v.Get(k) != "" && err != nil {
			return errRequest
		}
	}
	days, err := s.days(r.Context(), v.Get("from"), v.Get("to"))
	if err != nil {
		return err
	}
	return list(s, w, r, func(cursor string, limit int) (p apiPage[gap.Day], err error) {
		at := 0
		if cursor != "" {
			if at, err = strconv.Atoi(cursor); err != nil || at < 0 {
				return p, errRequest
			}
		}
		p.Items = days[min(at, len(days)):min(at+limit, len(days))]
		if at+limit < len(days) {
			p.Next = strconv.Itoa(at + limit)
		}
		return p, nil
	})
}

func (s *Server) apiAudit(w http.ResponseWriter, r *http.Request) error {
	q, _, err := s.askedTrail(r)
	if err != nil {
		return err
	}
	return list(s, w, r, func(cursor string, limit int) (p apiPage[index.AuditRow], err error) {
		if cursor != "" {
			if q.Before, err = strconv.ParseInt(cursor, 10, 64); err != nil || q.Before < 0 {
				return p, errRequest
			}
		}
		q.Limit = limit
		found, err := s.auditor.Audit(r.Context(), q)
		if err != nil {
			return p, err
		}
		if p.Items = found.Rows; found.Next > 0 {
			p.Next = strconv.FormatInt(found.Next, 10)
		}
		return p, s.trace(r, traceAudit, nil, map[string]any{"query": r.URL.Query().Encode()})
	})
}
