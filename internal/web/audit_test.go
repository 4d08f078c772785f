package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

// trailOf is an audit trail that answers always the same.
type trailOf struct {
	rows  []index.AuditRow
	asked index.AuditQuery
	// broken is what the second page gets for an answer.
	broken error
}

func (a *trailOf) Audit(_ context.Context, q index.AuditQuery) (index.Audit, error) {
	a.asked = q
	if q.Before == 7 { // the last page
		return index.Audit{Rows: a.rows[:min(1, len(a.rows))]}, a.broken
	}
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

// TestEveryActHasItsSentence: what people do is told in words.
func TestEveryActHasItsSentence(t *testing.T) {
	for _, act := range govern.Acts() {
		if auditSays[act] == "" {
			t.Errorf("%s is told by its name", act)
		}
	}
	nouns := []string{"hold", "label", "matter", "policy", "custodian", "group", "user", "request", "asked", "gap", "rule", "send"}
	for act, say := range auditSays {
		if _, rest, named := strings.Cut(say, "{"); named {
			if kind, _, _ := strings.Cut(rest, "}"); !slices.Contains(nouns, kind) {
				t.Errorf("%s is about %q, which has no name", act, kind)
			}
		}
	}
}

// TestTheTrailNamesThings by what they are called now.
func TestTheTrailNamesThings(t *testing.T) {
	p := firm(t)
	hold := p.does("olga", govern.ActHoldPlace, govern.HoldData{Name: "Acme", Query: "custodian:j.doe"})
	matter := p.does("olga", govern.ActMatterOpen, govern.MatterData{Name: "قضية"})
	err := p.server.ledger.Read(t.Context(), func(st *govern.State) error {
		for _, x := range []struct {
			act  string
			seq  int64
			on   []string
			want string
		}{
			{govern.ActHoldPlace, hold, nil, "placed the hold “Acme”"},
			{govern.ActHoldNotice, hold + 9, []string{fmt.Sprint("hold:", hold)}, "gave notice of the hold “Acme”"},
			{govern.ActHoldNotice, hold + 9, []string{"hold:99999"}, "gave notice of a hold"},
			{govern.ActMatterReopen, 0, []string{fmt.Sprint("matter:", matter)}, "opened the matter “قضية” again"},
			{govern.ActCloseUser, 0, []string{"user:rita"}, "closed the account “Person rita”"},
			{govern.ActCloseUser, 0, []string{"user:nobody"}, "closed an account"},
			{actAsk, 0, []string{"act:" + govern.ActHoldRelease}, "asked a second person to confirm: “Release a hold”"},
			{"made.up", 0, nil, "made.up"},
		} {
			said := tell(st, &index.AuditRow{Seq: x.seq, ActHead: record.ActHead{Act: x.act, On: x.on}})
			got := said.Say + said.After
			if said.Name != "" {
				got = said.Say + " “" + said.Name + "”" + said.After
			}
			if got != x.want {
				t.Errorf("%s: %q, want %q", x.act, got, x.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestACopyOfTheTrail: as many rows as there are, each formula defused, noted
// before it goes; what breaks off does not end like a whole one.
func TestACopyOfTheTrail(t *testing.T) {
	c, l := tracedConsole(t)
	row := index.AuditRow{Seq: 9, Kind: record.Act, ActHead: record.ActHead{Act: "hold.place", By: "ana", Reason: "=cmd|' /C calc'!A0", On: []string{"hold:9"}}}
	trail := &trailOf{rows: []index.AuditRow{row, row}}
	c.server.auditor = trail
	for form, want := range map[string]int{"jsonl": 3, "csv": 4} {
		w := c.do(http.MethodGet, "/audit/export/"+form+"?act=hold.", nil)
		body := w.Body.String()
		if w.Code != http.StatusOK || strings.Count(body, "\n") != want || !strings.Contains(w.Header().Get("Content-Disposition"), "."+form) || trail.asked.Act != "hold." {
			t.Errorf("%s: %d, asked %+v\n%s", form, w.Code, trail.asked, body)
		}
		if form == "csv" && strings.Contains(body, ",=") {
			t.Errorf("a formula is in the table:\n%s", body)
		}
	}
	if all := l.All(); len(all) != 2 || !strings.Contains(string(all[0].Parts[0]), traceAuditExport) {
		t.Errorf("two copies left %d traces", len(all))
	}
	c.get("/audit/export/xlsx", http.StatusNotFound)
	trail.broken = errors.New("disk is gone")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("half a copy ends like a whole one")
			}
		}()
		c.do(http.MethodGet, "/audit/export/csv", nil)
	}()
}

func TestAuditLinksWhatItsReaderMayOpen(t *testing.T) {
	auditor := func(a access.Action) bool { return a == access.SeeAudit || a == access.SeePolicies }
	for on, want := range map[string]string{"user:ana": "", "chat:acme": "", "message:9": "", "policy:nine": "/policies/nine", "hold:9": ""} {
		if l := auditLinkTo(on, auditor); l.Href != want || l.Name != on {
			t.Errorf("%s: %+v", on, l)
		}
	}
}
