package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// Auditor answers from the audit trail. *index.Index is one.
type Auditor interface {
	Audit(ctx context.Context, q index.AuditQuery) (index.Audit, error)
}

const auditOnPage = 50

// auditPage is the audit trail: who did what, the newest first.
type auditPage struct {
	layout
	Rows    []auditRow
	Total   int64
	Many    bool // counting was cut short
	Q       auditForm
	Problem string
	First   string // address of the newest page; empty: it is this
	Next    string
	// Required is set where nobody reads without a reason; MaySet: whoever looks
	// may change that.
	Required, MaySet bool
	JSONL            string // addresses of copies
	CSV              string
}

type auditForm struct {
	By, Act, On, Text, From, To string
	Refused                     bool
}

type auditRow struct {
	Seq         int64
	At, By, Via string
	told
	On            []auditLink
	Why, No, Void string
	Addressing    string
}

type auditLink struct{ Name, Href string }

// auditQuery reads the filters of an address.
func auditQuery(v url.Values) (q index.AuditQuery, f auditForm, err error) {
	get := func(k string) string { return strings.TrimSpace(v.Get(k)) }
	f = auditForm{get("by"), get("act"), get("on"), get("q"), get("from"), get("to"), v.Has("refused")}
	q = index.AuditQuery{By: f.By, Act: f.Act, On: f.On, Text: f.Text, Limit: auditOnPage}
	if f.Refused {
		q.Refused = &f.Refused
	}
	if f.From != "" {
		if q.From, err = time.Parse(time.DateOnly, f.From); err != nil {
			return q, f, fmt.Errorf("from: %w", errRequest)
		}
	}
	if f.To != "" {
		to, err := time.Parse(time.DateOnly, f.To)
		if err != nil {
			return q, f, fmt.Errorf("to: %w", errRequest)
		}
		q.To = to.AddDate(0, 0, 1)
	}
	if b := v.Get("before"); b != "" {
		if q.Before, err = strconv.ParseInt(b, 10, 64); err != nil || q.Before < 0 {
			return q, f, fmt.Errorf("before: %w", errRequest)
		}
	}
	return q, f, nil
}

// askedTrail reads the question of an address to the trail, where the person may ask.
func (s *Server) askedTrail(r *http.Request) (q index.AuditQuery, f auditForm, err error) {
	if s.auditor == nil {
		return q, f, errNoPage
	}
	return auditQuery(r.URL.Query())
}

func (s *Server) audit(w http.ResponseWriter, r *http.Request) error {
	q, f, err := s.askedTrail(r)
	if err != nil {
		return err
	}
	found, err := s.auditor.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	if err := s.trace(r, traceAudit, nil, map[string]any{"query": v.Encode()}); err != nil {
		return err
	}
	p := auditPage{layout: s.layout(r, "Audit trail", "audit"), Total: found.Total, Many: found.Total < 0, Q: f}
	may := func(a access.Action) bool { return actor(r).May(a, s.now()) == nil }
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Required, p.MaySet = st.ReasonRequired, may(access.ManagePolicies)
		for i := range found.Rows {
			p.Rows = append(p.Rows, newAuditRow(st, &found.Rows[i], may))
		}
		return nil
	}); err != nil {
		return err
	}
	page := func(path string, before int64) string {
		v.Del("before")
		if before > 0 {
			v.Set("before", strconv.FormatInt(before, 10))
		}
		return path + "?" + v.Encode()
	}
	if found.Next > 0 {
		p.Next = page("/audit", found.Next)
	}
	if q.Before > 0 {
		p.First = page("/audit", 0)
	}
	p.JSONL, p.CSV = page("/audit/export/jsonl", 0), page("/audit/export/csv", 0)
	return s.render(w, "audit", p)
}

// auditAtOnce is how many rows are read at once for a copy.
const auditAtOnce = 500

// exportAudit hands out all rows that answer, the newest first.
func (s *Server) exportAudit(w http.ResponseWriter, r *http.Request) error {
	q, _, err := s.askedTrail(r)
	if err != nil {
		return err
	}
	form := r.PathValue("form")
	kind := map[string]string{"jsonl": "application/jsonl", "csv": "text/csv"}[form]
	if kind == "" {
		return errNoPage
	}
	q.Before, q.Limit = 0, auditAtOnce
	if err := s.trace(r, traceAuditExport, nil, map[string]any{"query": r.URL.Query().Encode(), "form": form}); err != nil {
		return err
	}
	page, err := s.auditor.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind+"; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="waxseal-audit-%s.%s"`, s.now().UTC().Format("20060102-150405"), form))
	write := index.WriteAuditJSON(w)
	if form == "csv" {
		write = index.WriteAuditCSV(w)
	}
	for {
		if err = write(page.Rows); err != nil {
			break // the reader is gone
		}
		if q.Before = page.Next; q.Before == 0 {
			return nil
		}
		if page, err = s.auditor.Audit(r.Context(), q); err != nil {
			s.log.ErrorContext(r.Context(), "copy of the audit trail", "err", err)
			break
		}
	}
	panic(http.ErrAbortHandler) // half a copy must not look like a whole one
}

func newAuditRow(st *govern.State, r *index.AuditRow, may func(access.Action) bool) auditRow {
	row := auditRow{
		Seq: r.Seq, At: utc(r.At), By: clean(r.By), Via: clean(r.Via), told: tell(st, r),
		Why: clean(r.Reason), No: clean(r.Refused), Void: clean(r.Void), Addressing: clean(r.From),
	}
	for _, on := range r.On {
		row.On = append(row.On, auditLinkTo(on, may))
	}
	return row
}

// auditLinkTo is the object of an act, with its page where it has one that the
// reader may open.
func auditLinkTo(on string, may func(access.Action) bool) auditLink {
	l := auditLink{Name: clean(on)}
	kind, id, _ := strings.Cut(on, ":")
	action := access.Action("")
	switch kind {
	case "chat":
		action, l.Href = access.Read, chatHref(id)
	case "message":
		action, l.Href = access.Read, "/messages/"+url.PathEscape(id)
	case "user":
		action, l.Href = access.ManageUsers, "/users/"+url.PathEscape(id)
	case "policy":
		action, l.Href = access.SeePolicies, "/policies/"+url.PathEscape(id)
	case "hold":
		action, l.Href = access.SeeHolds, "/holds/"+url.PathEscape(id)
	case "gap":
		action, l.Href = access.SeeCapture, "/gaps/"+url.PathEscape(id)
	case "matter":
		action, l.Href = access.SeeMatters, "/matters/"+url.PathEscape(id)
	case "custodian":
		action, l.Href = access.SeeCustodians, "/custodians/"+url.PathEscape(id)
	}
	if l.Href != "" && !may(action) {
		l.Href = ""
	}
	return l
}
