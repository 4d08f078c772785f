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
}

type auditForm struct {
	By, Act, On, Text, From, To string
	Refused                     bool
}

type auditRow struct {
	Seq              int64
	At, By, Via, Say string
	On               []auditLink
	Why, No, Void    string
	Addressing       string
}

type auditLink struct{ Name, Href string }

// auditSays are the sentences of acts, by name; others are told by name.
var auditSays = map[string]string{
	traceRead:            "looked at messages of a chat",
	traceHold:            "took a report on a hold as a file",
	traceMessage:         "looked at a message",
	tracePrint:           "printed messages of a chat",
	traceFile:            "opened a file",
	traceSearch:          "searched",
	"audit":              "looked at the audit trail",
	"command":            "gave a command",
	"route":              "asked for a page",
	"signin":             "signed in",
	"signin.link":        "came in by a link",
	"signout":            "signed out",
	"session.end":        "ended a session",
	index.ActImport:      "Records were imported",
	index.ActDispose:     "A disposal began",
	index.ActCertificate: "A disposal was certified",
	"hold.place":         "placed a hold",
	"hold.release":       "released a hold",
	"policy.set":         "set a policy",
	"policy.assign":      "assigned a policy",
	"approve":            "confirmed a request",
	"decline":            "declined a request",
	"user.add":           "invited somebody",
	"user.close":         "closed an account",
	traceRun:             "ran a disposal",
	traceCertificate:     "took a certificate of disposal as a file",
}

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

func (s *Server) audit(w http.ResponseWriter, r *http.Request) error {
	if s.auditor == nil {
		return errNoPage
	}
	if err := wholly(r, "The audit trail is"); err != nil {
		return err
	}
	v := r.URL.Query()
	q, f, err := auditQuery(v)
	if err != nil {
		return err
	}
	found, err := s.auditor.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	if err := s.trace(r, "audit", nil, map[string]any{"query": v.Encode()}); err != nil {
		return err
	}
	p := auditPage{layout: s.layout(r, "Audit trail", "audit"), Total: found.Total, Many: found.Total < 0, Q: f}
	may := func(a access.Action) bool { return actor(r).May(a, s.now()) == nil }
	for i := range found.Rows {
		p.Rows = append(p.Rows, newAuditRow(&found.Rows[i], may))
	}
	page := func(before int64) string {
		v.Del("before")
		if before > 0 {
			v.Set("before", strconv.FormatInt(before, 10))
		}
		return "/audit?" + v.Encode()
	}
	if found.Next > 0 {
		p.Next = page(found.Next)
	}
	if q.Before > 0 {
		p.First = page(0)
	}
	return s.render(w, "audit", p)
}

func newAuditRow(r *index.AuditRow, may func(access.Action) bool) auditRow {
	row := auditRow{
		Seq: r.Seq, At: utc(r.At), By: clean(r.By), Via: clean(r.Via), Say: auditSays[r.Act],
		Why: clean(r.Reason), No: clean(r.Refused), Void: clean(r.Void), Addressing: clean(r.From),
	}
	switch {
	case r.Gone:
		row.Say = "The content of this was disposed of"
	case row.Say == "":
		row.Say = clean(r.Act)
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
	}
	if l.Href != "" && !may(action) {
		l.Href = ""
	}
	return l
}
