package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// trailOf is an audit trail that answers always the same.
type trailOf struct {
	rows  []index.AuditRow
	asked index.AuditQuery
}

func (a *trailOf) Audit(_ context.Context, q index.AuditQuery) (index.Audit, error) {
	a.asked = q
	return index.Audit{Rows: a.rows, Total: int64(len(a.rows)), Next: 7}, nil
}

func TestAuditPage(t *testing.T) {
	c, l := tracedConsole(t)
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	trail := &trailOf{rows: []index.AuditRow{
		{Seq: 9, At: at, Kind: record.Act, ActHead: record.ActHead{Act: "hold.place", By: "ana", Reason: hostileText, On: []string{"hold:9", "chat:acme", hostileText}}, Void: "closed"},
		{Seq: 8, At: at, Kind: record.Trace, ActHead: record.ActHead{Act: hostileText, By: hostileText, Via: hostileText, From: hostileText, Refused: hostileText}},
		{Seq: 7, At: at, Kind: record.Act, Gone: true},
	}}
	c.server.auditor = trail
	body := c.get("/audit?by=ana&act=hold.&refused=1&to=2026-11-24&q=a", http.StatusOK)
	harmless(t, body)
	for _, want := range []string{"placed a hold", "Counted for nothing", `href="/chats/acme"`, "disposed of", "before=7"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	q := trail.asked
	if q.By != "ana" || q.Act != "hold." || q.Refused == nil || !q.To.Equal(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked %+v", q)
	}
	if all := l.All(); len(all) != 1 || all[0].Kind != record.Trace {
		t.Errorf("the look at it left %d traces", len(all))
	}
	for _, bad := range []string{"from=x", "to=1", "before=-1", "before=x"} {
		c.get("/audit?"+bad, http.StatusBadRequest)
	}
	trail.rows = nil
	harmless(t, c.get("/audit", http.StatusOK))
}

func TestAuditLinksWhatItsReaderMayOpen(t *testing.T) {
	auditor := func(a access.Action) bool { return a == access.SeeAudit || a == access.SeePolicies }
	for on, want := range map[string]string{"user:ana": "", "chat:acme": "", "message:9": "", "policy:nine": "/policies/nine", "hold:9": ""} {
		if l := auditLinkTo(on, auditor); l.Href != want || l.Name != on {
			t.Errorf("%s: %+v", on, l)
		}
	}
}
