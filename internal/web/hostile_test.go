package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/network"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// hostileName is of hostileText what the books take as a name: all that is shown.
var hostileName = strings.Map(func(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}, strings.ToValidUTF8(hostileText, "\ufffd"))

// trailOfLog is the audit trail of a log in memory.
type trailOfLog struct{ log *governtest.Log }

func (a trailOfLog) Audit(context.Context, index.AuditQuery) (index.Audit, error) {
	var all index.Audit
	for _, e := range slices.Backward(a.log.All()) {
		row := index.AuditRow{Seq: e.Seq, At: e.At, Kind: e.Kind}
		if e.Kind != record.Act && e.Kind != record.Trace {
			continue
		}
		if _, err := e.Decode(&row.ActHead); err != nil {
			return all, err
		}
		all.Rows = append(all.Rows, row)
	}
	all.Total = int64(len(all.Rows))
	return all, nil
}

// lastOf is the newest entry of a log.
func lastOf(l *governtest.Log) int64 {
	all := l.All()
	return all[len(all)-1].Seq
}

// hostileFirm is a firm whose people write markup, scripts and directions
// wherever there is room: one of every noun, in every state.
func hostileFirm(t *testing.T) *people {
	t.Helper()
	c := &console{t: t, index: sampleArchive(), files: sampleFiles(), state: sampleState(), date: date{t: time.Date(2026, 11, 24, 14, 2, 7, 0, time.UTC)}}
	clock := c.now
	p := &people{console: c, log: &governtest.Log{Now: clock}, keys: map[string]key{}}
	p.log.Skip(2000)
	ledger, err := govern.OpenAt(t.Context(), p.log, clock)
	if err != nil {
		t.Fatal(err)
	}
	c.server, err = New(Config{
		Name: hostileText, Index: c.index, Blobs: c.files, State: stateOf(&c.state), Ledger: ledger, Cost: cheap, Now: clock,
		Auditor: trailOfLog{p.log},
		Capture: func(context.Context) ([]SourceState, error) {
			return []SourceState{{
				Name: hostileName, Kind: hostileText, Callback: hostileText, Secrets: []string{hostileText}, Began: c.now(), Last: c.now(),
				Numbers: []SourceNumber{{hostileText, hostileText, hostileText}}, BadSignatures: 1, Refused: 2, NotJSON: 3,
			}, {Name: "main", MediaWaiting: -1}}, nil
		},
		Outlook: &dispose.Outlook{
			Books: ledger,
			Facts: func(_ context.Context, fn func(*dispose.Fact) error) error {
				for i := range 50 {
					f := dispose.Fact{Seq: int64(i), Chat: hostileText, Custodian: hostileText, Account: hostileText, Sources: []string{hostileText}, Sent: c.now().AddDate(-i, 0, 0)}
					if err := fn(&f); err != nil {
						return err
					}
				}
				return nil
			},
			Matching: func(context.Context, string) (func(int64) bool, error) {
				return func(n int64) bool { return n%2 == 0 }, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.signIn()
	operator := govern.Actor{Subject: access.Subject{Operator: true}, Via: hostileText, From: hostileText}
	does := func(act string, data any) int64 {
		t.Helper()
		c.setNow(c.now().Add(time.Second))
		n, _, err := ledger.DoOrAsk(t.Context(), operator, govern.Request{Act: act, Reason: hostileName, On: []string{hostileName}, Data: data})
		if err != nil {
			t.Fatalf("%s: %v", act, err)
		}
		return n
	}
	some := govern.Runs{{1, 3}, {901, 2}}
	does(govern.ActCustodianSet, govern.CustodianData{ID: "j.doe", Name: hostileName, Department: hostileName, Email: "j.doe@acme.example"})
	does(govern.ActCustodianAccount, govern.AccountData{ID: "j.doe", Account: "+447700900001", To: "2023-12-31"})
	does(govern.ActCustodianLeft, govern.LeftData{ID: "j.doe", Day: "2024-02-29"})
	does(govern.ActGroupSet, govern.Group{ID: "desk", Name: hostileName, Members: []string{"j.doe"}})
	does(govern.ActContactName, govern.Contact{Address: "+447700900009", Name: hostileName, Kind: "client"})
	matter := does(govern.ActMatterOpen, govern.MatterData{Name: hostileName, About: hostileText})
	does(govern.ActMatterCollect, govern.Collected{Matter: matter, Messages: some})
	closed := does(govern.ActMatterOpen, govern.MatterData{Name: "2" + hostileName, About: hostileText})
	does(govern.ActMatterClose, govern.MatterData{Matter: closed})
	label := does(govern.ActLabelSet, govern.LabelData{Name: `<img src=x onerror=alert(1)>`, Rule: "alert"})
	does(govern.ActLabelSet, govern.LabelData{Name: strings.NewReplacer("/", "|", `"`, "'").Replace(hostileName), Parent: label})
	does(govern.ActLabelApply, govern.Labelled{Label: label, Messages: some})
	hold := does(govern.ActHoldPlace, govern.HoldData{Name: hostileName, Query: `"<script>alert(1)</script>" in:acme`, Messages: some, Matter: matter})
	does(govern.ActHoldNotice, govern.NoticeData{Hold: hold, Text: hostileText, Custodians: []string{"j.doe"}})
	does(govern.ActHoldRelease, govern.HoldRef{Hold: hold})
	for _, on := range []string{"matter:" + fmt.Sprint(matter), "message:901", "message:1", "custodian:j.doe", "hold:" + fmt.Sprint(hold), "chat:hostile/../x?y#z", "chat:acme"} {
		does(govern.ActNoteAdd, govern.NoteData{On: on, Text: hostileText})
	}
	does(govern.ActSearchSave, govern.SearchData{Name: hostileName, Query: hostileName, Shared: true})
	does(govern.ActSearchSave, govern.SearchData{Name: hostileName, Query: hostileName, Matter: matter})
	does(govern.ActChatClose, govern.ChatData{Chat: "hostile/../x?y#z"})
	does(govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{
		ID: "promises", Name: shorten(hostileName, 90), Do: rules.Hold, Words: []string{"alert", hostileName[:min(len(hostileName), 40)]}, Pattern: "<script>", To: []string{hostileText}, Links: true,
		Numbers: []string{hostileText}, Kinds: []string{hostileText}, Say: hostileName, Outside: &rules.Hours{Zone: "UTC", Days: []int{1}, From: "09:00", To: "10:00"}, Consent: rules.Missing,
	}})
	does(govern.ActConsentSet, govern.ConsentSet{To: `<img src=x onerror=alert(1)>`, Messages: rules.No})
	itself := func(act string, data any) {
		t.Helper()
		if _, err := ledger.Do(t.Context(), govern.Actor{Via: hostileText}, govern.Request{Act: act, Data: data}); err != nil {
			t.Fatalf("%s: %v", act, err)
		}
	}
	for i, n := range []int64{1, 9, 901, 905, 906, 907} {
		to := []string{govern.SendHold, govern.SendDelay, govern.SendDefer}[i%3]
		itself(govern.ActSendWait, govern.SendWait{Request: n, For: to, Why: hostileText, Rule: "promises", Until: c.now().Add(time.Second), Expires: c.now().Add(time.Hour), Source: hostileText, Number: hostileText, Sender: "olga"})
	}
	for _, key := range []string{"1", "2"} {
		itself(govern.ActAlarmRing, govern.AlarmData{Key: key + hostileText, Source: hostileName, Say: hostileText})
		itself(govern.ActAlarmTold, govern.AlarmTold{Key: key + hostileText, State: lastOf(p.log), Route: hostileText})
	}
	itself(govern.ActAlarmClear, govern.AlarmData{Key: "2" + hostileText})
	does(govern.ActSendWithdraw, govern.ForSend{Request: 906})
	itself(govern.ActSendDone, govern.ForSend{Request: 906, Outcome: hostileText})
	does(govern.ActSendRelease, govern.ForSend{Request: 905})
	for _, kind := range []string{"access", "erasure"} {
		does(govern.ActSubjectOpen, govern.SubjectData{Kind: kind, Person: hostileName, Query: hostileName, Received: "2026-11-01"})
	}
	number, err := json.Marshal(hostileText)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Do(t.Context(), operator, govern.Request{Act: govern.ActSetSource, Secret: []byte("{}"), Data: govern.SetSource{Name: "main", Kind: "cloudapi", Config: json.RawMessage(`{"numbers":[{"id":"7","phone":` + string(number) + `}]}`)}}); err != nil {
		t.Fatal(err)
	}
	own := func(act string, data any) {
		t.Helper()
		if _, err := ledger.Do(t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: act, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	own(govern.ActSourceHeard, govern.HeardData{Source: "main", From: c.now().AddDate(0, 0, -9), To: c.now().AddDate(0, 0, -2)})
	for _, kind := range []string{"orphan_outbound", hostileText} {
		own(govern.ActGapOpen, govern.GapData{Key: kind, Kind: kind, Source: "main", Number: hostileText, Start: c.now(), Reason: hostileText, Messages: some, Refs: []string{hostileText}})
	}
	p.withHooks("https://crm.acme.example/'\"><script>alert(1)</script>", operator, operator)
	c.server.hookState = func(string) (HookState, bool) { return HookState{Answer: hostileText, At: c.now(), Tries: 2}, true }
	c.withPolicies()
	deskOf(t, p)

	p.as1st("root")
	p.accept("olga", p.invite("olga", "officer", nil))
	p.as("root")
	p.post("/users", url.Values{"login": {"mal"}, "name": {hostileName}, "role": {"reviewer"}, "reason": {hostileName}, "custodians": {hostileName}, "matters": {hostileName}, "groups": {hostileName}})
	p.as("olga")
	p.post("/account/tokens", url.Values{"name": {hostileName}, "until": {"2027-01-01"}, "action": {"search"}})
	p.do(http.MethodGet, "/users", nil) // refused, and in the trail
	return p
}

// as1st makes the first account, of somebody with a hostile name.
func (p *people) as1st(login string) {
	p.t.Helper()
	secret := strings.ReplaceAll(p.find(secretIn, p.get("/set-up", http.StatusOK)), " ", "")
	p.enrolled(login, secret, p.post("/set-up", url.Values{
		"login": {login}, "name": {hostileName}, "password": {passwordOf(login)}, "again": {passwordOf(login)}, "code": {p.code(secret)},
	}))
}

// strange are values that nobody's page makes.
var strange = []string{
	"", ".", "..", "../..", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%c0%ae%c0%ae%c0%af", "%0d%0aSet-Cookie:%20a=b",
	url.PathEscape(hostileText), strings.Repeat("9", 40), "-1", "0", "9223372036854775807", "9223372036854775808", "1e3", "0x10", "+1", "%E2%80%AE1", "' OR 1=1 --",
	strings.Repeat("%2e%2e%5c", 9), "C:%5cwindows%5cwin.ini", strings.Repeat("a", 5000), "{{.}}", "%25%32%65",
}

var paramIn = regexp.MustCompile(`\{(\w+)\}`)

// known are the values that the parts of addresses have in a firm. A number
// may be of anything that the books number.
func (p *people) known(param string) []string {
	switch param {
	case "chat":
		return []string{"acme", "phone", url.PathEscape("hostile/../x?y#z")}
	case "message":
		return []string{"1", "9", "901", "905", "906"}
	case "sha256":
		return []string{pictureSum, sum(drawing), sum(voice)}
	case "policy":
		return []string{"hostile", "us-ria-5y"}
	case "custodian":
		return []string{"j.doe"}
	case "group":
		return []string{"desk"}
	case "login":
		return []string{"root", "olga", "mal"}
	case "rule":
		return []string{"promises", "new"}
	case "send":
		return []string{"1", "9", "901", "906"}
	case "file":
		return []string{"app.css", "app.js"}
	}
	var all []string
	for _, e := range p.log.All() {
		var h record.ActHead
		if e.Kind == record.Act && json.Unmarshal(e.Parts[0], &h) == nil && h.Refused == "" {
			all = append(all, fmt.Sprint(e.Seq))
		}
	}
	return all
}

// addresses are those of a pattern with values for its parts.
func addresses(pattern string, values func(param string) []string) []string {
	_, path, ok := strings.Cut(pattern, " ")
	if !ok {
		path = pattern + "anything"
	}
	out := []string{strings.ReplaceAll(path, "{$}", "")}
	for {
		m := paramIn.FindStringSubmatchIndex(out[0])
		if m == nil {
			return out
		}
		var next []string
		for _, v := range values(out[0][m[2]:m[3]]) {
			for _, o := range out {
				next = append(next, strings.Replace(o, out[0][m[0]:m[1]], v, 1))
			}
		}
		out = next
	}
}

// hostileQuery has hostile text under every name that a page reads.
func hostileQuery() string {
	v := url.Values{}
	for _, k := range []string{
		"q", "done", "at", "date", "start", "before", "after", "from", "to", "by", "act", "on", "query", "preset", "policy", "name", "group", "order", "chat",
		"count", "label", "matter", "hold", "custodian", "refused", "reason", "today", "page", "limit", "code", "id", "kind", "format", "month", "year",
	} {
		v.Set(k, hostileText)
	}
	return v.Encode()
}

// TestHostileContentOnEveryPage walks all routes of the console: with all that
// the books number, and with what no page of ours would ask for.
func TestHostileContentOnEveryPage(t *testing.T) {
	p := hostileFirm(t)
	query := hostileQuery()
	check := func(path string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, nil)
		if err != nil {
			return // no client can send it
		}
		r.RemoteAddr, r.RequestURI = "127.0.0.1:5000", path
		r.AddCookie(p.cookie)
		w := httptest.NewRecorder()
		p.server.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("GET %.200s: %d\n%.300s", path, w.Code, w.Body)
		}
		guarded(t, path, w)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Run(path[:min(60, len(path))], func(t *testing.T) { harmless(t, w.Body.String()) })
		}
	}
	for _, login := range []string{"olga", "root"} {
		p.as(login)
		for _, rt := range p.server.routes() {
			if strings.HasPrefix(rt.pattern, "POST ") {
				continue
			}
			for _, path := range addresses(rt.pattern, p.known) {
				check(path)
				check(path + "?" + query)
			}
			if strings.Contains(rt.pattern, "{") && login == "olga" {
				for _, path := range addresses(rt.pattern, func(string) []string { return strange }) {
					check(path)
				}
			}
		}
	}
}

// guarded looks at what every answer carries.
func guarded(t *testing.T, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	csp := h.Get("Content-Security-Policy")
	media := strings.HasPrefix(strings.TrimPrefix(path, "/api/v1"), "/media/") && w.Code == http.StatusOK
	if !media && csp != policy && w.Code != http.StatusMovedPermanently || media && !strings.HasPrefix(csp, "sandbox; default-src 'none'") {
		t.Errorf("%.100s: policy %q", path, csp)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%.100s: headers %v", path, h)
	}
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
			t.Errorf("%.100s: cookie %+v", path, c)
		}
	}
	if kind := h.Get("Content-Type"); strings.Contains(kind, "svg") && !strings.HasPrefix(path, "/static/") || strings.HasPrefix(kind, "text/html") && media {
		t.Errorf("%.100s: a stranger's file is called %s", path, kind)
	}
}

// TestHostileContentRunsNothing opens in a real browser every page that shows
// something, and touches what it can: nothing runs, nothing leaves, and our own
// policy has nothing to refuse.
func TestHostileContentRunsNothing(t *testing.T) {
	b := newBrowser(t)
	p := hostileFirm(t)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	for _, login := range []string{"olga", "root"} {
		p.as(login)
		command(b, network.SetCookie, network.SetCookieParams{Name: p.cookie.Name, Value: p.cookie.Value, URL: srv.URL})
		for _, path := range p.pagesOf(login) {
			b.open(path)
			eval[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), document.querySelectorAll("a, button, input, textarea, select, summary, [tabindex]").forEach(e => { e.focus(); e.dispatchEvent(new MouseEvent("mouseover", { bubbles: true })) }), true)`)
			b.missing()
			if t.Failed() {
				t.Fatalf("at %s", path)
			}
		}
	}
}

// missing says what was noted so far, but for files that the samples name and
// the archive does not have, and for a focus that the test has taken.
func (b *browser) missing() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		lost := strings.Contains(w, "Failed to load resource") && strings.Contains(w, "/media/")
		if !lost && !strings.Contains(w, "Autofocus processing was blocked") {
			b.t.Error(w)
		}
	}
	b.wrong = nil
}
