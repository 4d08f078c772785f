package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// looking is an outlook that counts everything, which nobody with a scope may
// be told.
type looking struct{ t *testing.T }

func (l looking) Forecast(context.Context, time.Time, *retain.Rules) (*dispose.Forecast, error) {
	l.t.Error("a forecast of everything is made for somebody with a scope")
	return &dispose.Forecast{}, nil
}

func (l looking) Compare(context.Context, time.Time, retain.Rules) (*dispose.Comparison, error) {
	l.t.Error("a comparison of everything is made for somebody with a scope")
	return &dispose.Comparison{}, nil
}

const (
	insideWords  = "inside everything is well"
	outsideWords = "Outside-of-it"
)

// scoped is a firm in which some people see a part of the archive: one chat of
// two, one day of years.
func scoped(t *testing.T) *people {
	t.Helper()
	p := firm(t)
	inside := (&says{chat: chat.Chat{ID: "carls", Name: "Carl's own", Kind: chat.Direct}, at: time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC), n: 9000}).
		add(in("Ana Lima", insideWords), 0).out
	inside[0].Custodian = "carl"
	beyond := (&says{chat: chat.Chat{ID: "beyond", Name: outsideWords + " chat", Kind: chat.Group}, at: time.Date(2019, 3, 1, 9, 0, 0, 0, time.UTC), n: 9100}).
		add(in(outsideWords+" person", outsideWords+" text, everything"), 0).
		add(chat.Message{Direction: chat.In, From: person(outsideWords), Type: chat.Image, Attachments: []chat.Attachment{{Name: outsideWords + ".png", State: chat.Stored, SHA256: pictureSum}}}, time.Minute).out
	for i := range beyond {
		beyond[i].Custodian = "outsider"
	}
	// What is inside answers what is outside.
	inside[0].Quoted = &chat.Quoted{Key: chat.Key{ID: "K"}, Text: "as you said"}
	beyond[0].Key = &chat.Key{ID: "K"}
	a := p.index
	a.chats = []index.ChatRow{
		{ID: "carls", Name: "Carl's own", Kind: chat.Direct, Custodian: "carl", Messages: 1, First: inside[0].SentLocal, Last: inside[0].SentLocal},
		{ID: "beyond", Name: outsideWords + " chat", Kind: chat.Group, Custodian: "outsider", Messages: 2, First: beyond[0].SentLocal, Last: beyond[1].SentLocal, Participants: []string{outsideWords}},
	}
	a.said = map[string][]chat.Message{"carls": inside, "beyond": beyond}
	a.captures = []index.CaptureRow{{Seq: 1, Head: record.CaptureHead{Source: "chatexport", File: outsideWords + ".zip", Custodian: "outsider"}}}
	p.server.auditor = &trailOf{rows: []index.AuditRow{{Seq: 1, ActHead: record.ActHead{Act: traceSearch, By: outsideWords, On: []string{"chat:beyond"}}}}}
	p.server.outlook = looking{t}

	p.signIn2("olga")
	for id, name := range map[string]string{"carl": "Carl", "outsider": outsideWords + " custodian"} {
		p.does("olga", govern.ActCustodianSet, govern.CustodianData{ID: id, Name: name})
	}
	for _, on := range []string{"message:9101", "chat:beyond"} {
		p.does("olga", govern.ActNoteAdd, govern.NoteData{On: on, Text: outsideWords + " note"})
	}
	p.does("olga", govern.ActMatterOpen, govern.MatterData{Name: "Everything"})
	for login, x := range map[string]struct {
		role access.Role
		more url.Values
	}{
		"rosa":  {access.Reviewer, url.Values{"custodians": {"carl"}}},
		"days":  {access.Auditor, url.Values{"until": {"2026-12-31"}, "from": {"2024-03-01"}, "to": {"2024-03-01"}}},
		"legal": {access.Legal, url.Values{"custodians": {"carl"}, "from": {"2024-01-01"}}},
		"part":  {access.Officer, url.Values{"custodians": {"carl"}}},
		"blind": {access.Reviewer, url.Values{"groups": {"nobody"}}},
	} {
		p.signIn2("root")
		link := p.invite(login, string(x.role), x.more)
		p.signIn2("olga")
		p.confirmAll()
		p.accept(login, link)
	}
	p.signIn2("carl")
	return p
}

// does is an act of somebody, past the pages.
func (p *people) does(login, act string, data any) int64 {
	p.t.Helper()
	who := govern.Actor{Subject: access.Subject{ID: login, Roles: access.Roles()}}
	id, err := p.server.ledger.Do(p.t.Context(), who, govern.Request{Act: act, Data: data, Reason: "for the test"})
	if err != nil {
		p.t.Fatalf("%s by %s: %v", act, login, err)
	}
	return id
}

// TestAScopeShowsNothingElse asks every route for what is outside, as everybody
// who sees a part: it is answered as what does not exist, and nothing of it is
// on any page.
func TestAScopeShowsNothingElse(t *testing.T) {
	p := scoped(t)
	fill := func(chatID, message, sum, custodian string) *strings.Replacer {
		return strings.NewReplacer("{$}", "", "{chat}", chatID, "{message}", message, "{sha256}", sum, "{file}", "app.css", "{custodian}", custodian,
			"{token}", "99999", "{login}", "nobody", "{act}", "set", "{request}", "99999", "{decision}", "approve", "{matter}", "99999", "{hold}", "99999",
			"{policy}", "nosuch", "{search}", "99999", "{note}", "99999")
	}
	outside, none := fill("beyond", "9101", pictureSum, "outsider"), fill("nosuch", "424242", strings.Repeat("0f", 32), "nosuch")
	same := strings.NewReplacer("beyond", "X", "nosuch", "X", "9101", "Y", "424242", "Y", pictureSum, "Z", strings.Repeat("0f", 32), "Z", "outsider", "V")
	queries := []string{"", "?q=everything", "?q=" + outsideWords, "?q=everything&chat={chat}", "?at={message}", "?before={message}&q=everything", "?from=2019-01-01&to=2030-01-01"}
	forms := []url.Values{
		{},
		{"on": {"message:{message}"}, "text": {"x"}},
		{"on": {"chat:{chat}"}, "text": {"x"}},
		{"q": {"everything"}, "count": {"2"}, "act": {govern.ActLabelApply}, "label": {"1"}},
		{"q": {outsideWords}, "chat": {"{chat}"}, "count": {"2"}, "act": {govern.ActLabelApply}, "label": {"1"}},
		{"name": {"x"}, "rule": {outsideWords}, "preview": {"1"}},
		{"query": {outsideWords}, "name": {"x"}, "do": {"look"}},
		{"act": {govern.ActLabelApply}, "label": {"1"}},
		{"list": {"id,name\noutsider,Changed\n"}},
	}
	for _, login := range []string{"rosa", "days", "legal", "part", "blind", "carl"} {
		for _, rt := range p.server.routes() {
			if rt.action == "" || rt.pattern == "POST /sign-out" || strings.Contains(rt.pattern, "/account") {
				continue
			}
			method, path, ok := strings.Cut(rt.pattern, " ")
			if !ok {
				continue
			}
			p.as(login)
			ask := func(r *strings.Replacer, query string, form url.Values) (int, string) {
				if method == http.MethodGet {
					w := p.do(method, r.Replace(path+query), nil)
					return w.Code, w.Body.String()
				}
				sent := url.Values{}
				for k, v := range form {
					sent.Set(k, r.Replace(v[0]))
				}
				w := p.post(r.Replace(path), sent)
				return w.Code, w.Body.String()
			}
			n := len(queries)
			if method != http.MethodGet {
				n = len(forms)
			}
			for i := range n {
				query, form := queries[min(i, len(queries)-1)], forms[min(i, len(forms)-1)]
				code, body := ask(outside, query, form)
				if method != http.MethodGet && outside.Replace(path+form.Encode()) == none.Replace(path+form.Encode()) && !strings.Contains(form.Encode(), "%7B") {
					continue // it names nothing, and is done twice
				}
				if login == "days" && strings.Contains(path, "{custodian}") {
					continue // days hide nobody of the firm's people
				}
				wantCode, want := ask(none, query, form)
				said := strings.NewReplacer("?q="+outsideWords, "", url.QueryEscape(outsideWords), "", `value="`+outsideWords+`"`, "").Replace(body)
				for _, word := range []string{outsideWords + " chat", outsideWords + " person", outsideWords + " text", outsideWords + " custodian", outsideWords + " note", outsideWords + ".zip", outsideWords + ".png"} {
					if strings.Contains(said, word) {
						t.Errorf("%s: %s%s shows %q", login, rt.pattern, query, word)
					}
				}
				if code != wantCode || same.Replace(body) != same.Replace(want) {
					t.Errorf("%s: %s%s %v tells what is outside (%d) from what is not there (%d)", login, rt.pattern, query, form, code, wantCode)
				}
			}
		}
	}
}

// TestAScopeShowsWhatIsInside: and to whoever has a scope of nobody, nothing.
func TestAScopeShowsWhatIsInside(t *testing.T) {
	p := scoped(t)
	for login, sees := range map[string]bool{"rosa": true, "days": true, "legal": true, "part": true, "carl": true, "blind": false} {
		p.as(login)
		for _, path := range []string{"/chats/carls", "/messages/9001", "/chats/carls/print", "/fragment/chats/carls"} {
			want := http.StatusNotFound
			if sees {
				want = http.StatusOK
			}
			if body := p.get(path, want); sees != strings.Contains(body, insideWords) {
				t.Errorf("%s: %s, inside: %v", login, path, sees)
			}
		}
		if body := p.get("/search?q=everything", http.StatusOK); sees != strings.Contains(body, "is well") {
			t.Errorf("%s: search, inside: %v", login, sees)
		}
		if body := p.get("/messages/"+map[bool]string{true: "9001", false: "x"}[sees], map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[sees]); sees && !strings.Contains(body, "Not in the archive") {
			t.Errorf("%s: what it answers is outside, and named", login)
		}
	}
	p.as("legal")
	for path, form := range map[string]url.Values{
		"/labels": {"name": {"x"}, "rule": {"everything"}, "preview": {"1"}}, "/holds": {"query": {"everything"}, "name": {"x"}, "do": {"look"}},
	} {
		if body := p.post(path, form).Body.String(); !strings.Contains(body, "1 message") {
			t.Errorf("%s counts what is outside", path)
		}
	}
	if body := p.get("/search/all?q=everything", http.StatusOK); !strings.Contains(body, `name="count" value="1"`) {
		t.Error("what is done with all would be done with what is outside")
	}
	p.signIn2("olga")
	p.get("/chats/beyond", http.StatusOK)
	p.get("/messages/9101", http.StatusOK)
	p.get("/media/"+pictureSum, http.StatusOK)
}

// TestScopeOf: what a scope names decides, and a scope that names nobody opens
// nothing.
func TestScopeOf(t *testing.T) {
	p := firm(t)
	p.does("olga", govern.ActCustodianSet, govern.CustodianData{ID: "ann", Name: "Ann"})
	p.does("olga", govern.ActGroupSet, govern.Group{ID: "desk", Name: "Desk", Members: []string{"ann"}})
	of := func(sc access.Scope, roles ...access.Role) (out index.Scope) {
		if err := p.server.ledger.Read(t.Context(), func(st *govern.State) error {
			out = ScopeOf(st, access.Subject{Scope: sc, Roles: roles})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, x := range []struct {
		name       string
		sc         access.Scope
		roles      []access.Role
		custodians int
		matters    int
		nothing    bool
	}{
		{"everything", access.Scope{}, []access.Role{access.Officer}, 0, 0, false},
		{"days", access.Scope{From: "2024-01-01"}, nil, 0, 0, false},
		{"a custodian", access.Scope{Custodians: []string{"carl"}}, nil, 1, 0, false},
		{"a group", access.Scope{Groups: []string{"desk"}}, nil, 1, 0, false},
		{"a group without people", access.Scope{Groups: []string{"empty"}}, nil, 0, 0, true},
		{"a group without people, and days", access.Scope{Groups: []string{"empty"}, From: "2024-01-01"}, nil, 0, 0, true},
		{"a group without people, and a matter", access.Scope{Groups: []string{"empty"}, Matters: []string{"7"}}, nil, 0, 1, false},
		{"a matter that is no number", access.Scope{Matters: []string{"Acme"}}, nil, 0, 0, true},
		{"a custodian of nobody", access.Scope{}, []access.Role{access.Custodian}, 0, 0, true},
	} {
		if got := of(x.sc, x.roles...); len(got.Custodians) != x.custodians || len(got.Matters) != x.matters || got.Nothing != x.nothing {
			t.Errorf("%s: %+v", x.name, got)
		}
	}
}
