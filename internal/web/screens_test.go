package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
	"github.com/waxseal/waxseal/internal/rules"
)

const longArabic = "المهندسة أمل عبد الرحمن الحداد من مكتب المحاماة في بيروت"

// withBooks is a firm whose books have one of everything, with names as long
// and as strange as people have them.
func withBooks(t *testing.T) *people {
	t.Helper()
	p := firm(t)
	p.log.Skip(2000) // what waits to go out has a number below those of the books
	p.server.capture, p.server.hookState = sampleSources(p.now), sampleHooks(p.now)
	p.server.outlook = sampleOutlook(p.server.ledger, p.now())
	as := func(login string) govern.Actor {
		sub, err := subjectOf(p, login)
		if err != nil {
			t.Fatal(err)
		}
		return govern.Actor{Subject: sub, Via: "console", From: "192.0.2.7"}
	}
	do := func(act, reason string, data any) int64 {
		t.Helper()
		p.setNow(p.now().Add(time.Minute))
		id, err := p.server.ledger.Do(t.Context(), as("olga"), govern.Request{Act: act, Reason: reason, Data: data})
		if err != nil {
			t.Fatalf("%s: %v", act, err)
		}
		return id
	}
	for _, c := range []govern.CustodianData{
		{ID: "carl", Name: "Carl Custodian", Email: "carl@acme.example", Department: "Sales"},
		{ID: "j.doe", Name: "Jane Doe", Email: "jane.doe@acme.example", Department: "Trading"},
		{ID: "a.haddad", Name: longArabic, Department: "المكتب القانوني"},
		{ID: "m.roe", Name: "Maximiliane Freifrau von Roe-Hohenstein zu Lichtenberg", Department: "Back office"},
	} {
		do(govern.ActCustodianSet, "", c)
	}
	do(govern.ActCustodianAccount, "", govern.AccountData{ID: "j.doe", Account: "+447700900001", From: "2021-03-01", To: "2024-06-30"})
	do(govern.ActCustodianAccount, "", govern.AccountData{ID: "a.haddad", Account: "+447700900001", From: "2024-07-01"})
	do(govern.ActCustodianAccount, "", govern.AccountData{ID: "j.doe", Account: "+447700900042", From: "2023-01-01"})
	do(govern.ActCustodianLeft, "", govern.LeftData{ID: "m.roe", Day: "2025-12-31"})
	do(govern.ActGroupSet, "", govern.Group{ID: "desk", Name: "Trading desk, London", Members: []string{"j.doe", "m.roe", "a.haddad"}})
	do(govern.ActContactName, "", govern.Contact{Address: "+447700900123", Name: "Zoe of Zebra Ltd", Kind: "client"})
	matter := do(govern.ActMatterOpen, "", govern.MatterData{Name: "Acme against Zebra", About: "A claim about the contract of January."})
	do(govern.ActMatterMember, "", govern.MemberData{Matter: matter, User: "lena"})
	do(govern.ActLabelSet, "", govern.LabelData{Name: "Contracts", Rule: "contract*"})
	hold := do(govern.ActHoldPlace, "Letter of Zebra's lawyers of 3 May", govern.HoldData{Name: "Acme against Zebra", Query: "sign", Matter: matter})
	do(govern.ActHoldPlace, "The regulator asked.", govern.HoldData{Name: longArabic, Query: "custodian:a.haddad after:2024-01-01"})
	do(govern.ActHoldNotice, "", govern.NoticeData{Hold: hold, Text: "Please keep everything about Zebra Ltd, also on paper.\nDo not change telephones.", Custodians: []string{"carl", "j.doe", "a.haddad"}})
	do(govern.ActNoteAdd, "", govern.NoteData{On: "custodian:j.doe", Text: "Has a second telephone; see the letter of 4 May."})
	do(govern.ActNoteAdd, "", govern.NoteData{On: "hold:" + num(hold), Text: "Zebra's lawyers call on Fridays."})
	do(govern.ActSubjectOpen, "By letter.", govern.SubjectData{Kind: govern.Access, Person: "Zoe Zebra", Query: "from:zoe", Received: "2026-11-01"})
	do(govern.ActSendRuleSet, "", govern.SendRuleSet{Rule: rules.Rule{ID: "promises", Name: "Promises of returns", Do: rules.Hold, Words: []string{"guaranteed return", "عائد مضمون"}, Say: "Ask the desk first."}})
	do(govern.ActSendRuleSet, "", govern.SendRuleSet{Rule: rules.Rule{ID: "late", Name: "Evenings and weekends", Do: rules.Delay, For: 90, Outside: &rules.Hours{Zone: "Europe/London", Days: []int{1, 2, 3, 4, 5}, From: "09:00", To: "17:30"}}})
	do(govern.ActSendRuleSet, "", govern.SendRuleSet{Rule: rules.Rule{ID: "recorded", Name: longArabic, Do: rules.Disclaimer, Text: "تُحفظ هذه المحادثة."}})
	do(govern.ActConsentSet, "By mail of 3 May", govern.ConsentSet{To: "+44 7700 900123", Messages: rules.Yes, Marketing: rules.No})
	preset, _ := retain.PresetByID("us-bd-comms-3y")
	do(govern.ActPolicySet, "", govern.PolicySet{Policy: preset.Policy})
	do(govern.ActPolicyAssign, "", govern.PolicyTo{Policy: "us-bd-comms-3y"})
	do(govern.ActPolicyOrder, "Letter of 3 May", govern.PolicyProlong{Authority: "FCA", Extra: retain.Period{Years: 2}, From: "2021-01-01"})
	if _, err := p.server.ledger.Ask(t.Context(), as("olga"), govern.Request{Act: govern.ActHoldRelease, Reason: "Settled.", Data: govern.HoldRef{Hold: hold}}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []govern.AlarmData{
		{Key: "cloudapi/main/signatures", Source: "main", Say: "Many deliveries have a wrong signature: the app secret was changed at Meta and not here, or somebody tries. Compare the app secret; add the new one with waxseal source rotate."},
		{Key: "archive/disk", Say: "The disk of the archive is nearly full. Deliveries are refused, and WhatsApp tries again for 36 hours at least: make room before that."},
	} {
		if _, err := p.server.ledger.Do(t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActAlarmRing, Data: a}); err != nil {
			t.Fatal(err)
		}
	}
	p.as("root")
	p.invite("nina", "reviewer", nil)
	p.setNow(p.now().Add(9 * 24 * time.Hour))
	p.withHooks("https://crm.acme.example/tools/whatsapp/waxseal-receiver/v2?tenant=acme-trading-london&queue=messages-of-the-desk", p.who("root"), p.who("olga"))
	p.waits(9, govern.SendHold, "rita", 0)
	p.waits(901, govern.SendHold, "olga", 0)
	p.waits(902, govern.SendDelay, "", 90*time.Minute)
	p.waits(903, govern.SendDefer, "", 0)
	p.waits(904, govern.SendDelay, "rita", time.Hour)
	do(govern.ActSendWithdraw, "Sent to the wrong client", govern.ForSend{Request: 904})
	return p
}

// TestScreensOfTheBooks opens the pages of people and keeping as a telephone
// and a desktop show them: nothing is wider than the screen, and what is there
// to be touched is large enough for a finger.
func TestScreensOfTheBooks(t *testing.T) {
	b := newBrowser(t)
	p := withBooks(t)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	signIn := func(login string) {
		k := p.keys[login]
		b.open("/sign-in")
		b.typed(`main form.card`, map[string]string{"login": login, "password": k.password, "code": p.code(k.secret)})
		b.sent(`main form.card`, `document.querySelector(".person") !== null`)
		b.forgive() // a page without a session answers 401
	}
	var hold, arabic, matter string
	if err := p.server.ledger.Read(t.Context(), func(st *govern.State) error {
		for id, h := range st.Holds {
			if h.Name == longArabic {
				arabic = num(id)
			} else {
				hold = num(id)
			}
		}
		for id := range st.Matters {
			matter = num(id)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	const unfold = `for (const d of document.querySelectorAll("main details")) d.open = true`
	type page struct{ name, path, do string }
	look := func(pages []page) {
		for _, w := range []struct {
			name          string
			width, height int64
		}{{"390", 390, 844}, {"1280", 1280, 860}} {
			b.window(w.width, w.height)
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				for _, p := range pages {
					b.open(p.path)
					if p.do != "" {
						eval[bool](b, `(() => { `+p.do+`; return true })()`)
					}
					if got := eval[int64](b, `document.scrollingElement.scrollWidth`); got > w.width {
						t.Errorf("%s at %s is %d wide", p.name, w.name, got)
					}
					if w.width == 390 && scheme == "light" {
						for _, small := range eval[[]string](b, tooSmall) {
							t.Errorf("%s: %s", p.name, small)
						}
					}
					b.picture("books-" + p.name + "-" + w.name + "-" + scheme)
				}
			}
		}
		b.window(1280, 860)
		b.scheme("light")
	}
	signIn("olga")
	look([]page{
		{"home", "/", ""},
		{"menu", "/holds", `for (const d of document.querySelectorAll(".nav-small, .nav-group")) d.open = true`},
		{"policies", "/policies", ""},
		{"policy", "/policies/us-bd-comms-3y", ""},
		{"policy-new", "/policies/new", ""},
		{"forecast", "/policies/forecast", ""},
		{"holds", "/holds", ""},
		{"hold", "/holds/" + hold, ""},
		{"hold-open", "/holds/" + hold, unfold},
		{"hold-arabic", "/holds/" + arabic, ""},
		{"hold-new", "/holds/new", ""},
		{"custodians", "/custodians", ""},
		{"custodian", "/custodians/j.doe", ""},
		{"custodian-open", "/custodians/j.doe", unfold},
		{"custodian-arabic", "/custodians/a.haddad", ""},
		{"unknown", "/custodians/unknown", ""},
		{"people-import", "/custodians/import", ""},
		{"groups", "/groups", ""},
		{"group", "/groups/desk", unfold},
		{"labels", "/labels", ""},
		{"matters", "/matters", ""},
		{"matter", "/matters/" + matter, ""},
		{"bulk", "/search/all?q=sign", ""},
		{"search", "/search?q=sign", ""},
		{"state", "/state", ""},
		{"sources", "/sources", unfold},
		{"hooks", "/hooks", unfold},
		{"requests", "/requests", ""},
		{"account", "/account", ""},
		{"message", "/messages/9", unfold},
		{"sends", "/sends", ""},
		{"send", "/sends/901", ""},
		{"send-rules", "/sends/rules", ""},
		{"send-rule", "/sends/rules/promises", ""},
		{"send-rule-new", "/sends/rules/new", ""},
		{"send-forecast", "/sends/rules/forecast", ""},
		{"consents", "/sends/consents", ""},
	})
	b.open("/sends/rules")
	b.typed("#try form", map[string]string{"text": "هذا العائد مضمون لك"})
	b.sent("#try form", `document.querySelector(".tried mark") !== null`)
	b.picture("books-send-tried")
	b.signOut()
	signIn("carl")
	look([]page{{"home-custodian", "/", ""}, {"notices", "/notices", ""}, {"banner", "/account", ""}})
	b.run(chromedp.Click(chromedp.CSS(`.nav [href="/notices"]`)))
	b.until("the notices", `location.pathname === "/notices"`)
	b.sent(`article.waits`, `document.querySelector(".empty") !== null`)
	look([]page{{"notices-done", "/notices", ""}})
	b.signOut()
	signIn("root")
	look([]page{{"users", "/users", ""}, {"user", "/users/rita", ""}, {"hooks-root", "/hooks", unfold + `; document.querySelector("#hook-paused").scrollIntoView()`}, {"home-root", "/", ""}})
	b.forgive()
	if strings.Contains(eval[string](b, `document.body.textContent`), "Zoe") {
		t.Error("who runs the archive is shown a client's name")
	}
}

// TestTheMenu opens by the keyboard, one group at a time, and closes again; on a
// telephone all of it is one sheet.
func TestTheMenu(t *testing.T) {
	b := newBrowser(t)
	b.window(1280, 800)
	b.open("/policies")
	if got := eval[string](b, `[...document.querySelectorAll(".nav > .nav-group > summary")].map(s => s.className + s.firstChild.textContent).join()`); got != "hereKeeping,People,Capture,Sending" {
		t.Fatalf("groups %q", got)
	}
	shown := func(want string) {
		t.Helper()
		if got := eval[string](b, `[...document.querySelectorAll(".nav-group[open] > summary")].map(s => s.firstChild.textContent).join()`); got != want {
			t.Errorf("open is %q, want %q", got, want)
		}
	}
	eval[bool](b, `(document.querySelector(".nav-group > summary").focus(), true)`)
	b.run(chromedp.KeyEvent(kb.Enter))
	shown("Keeping")
	if got := eval[string](b, `document.querySelector('.nav [aria-current="page"]').textContent`); got != "Policies" {
		t.Errorf("the page is marked as %q", got)
	}
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Escape))
	shown("")
	if !eval[bool](b, `document.activeElement.matches(".nav-group > summary")`) {
		t.Error("the focus is lost with the group")
	}
	b.run(chromedp.KeyEvent(kb.Enter), chromedp.Click(chromedp.CSS(`.nav-group:nth-of-type(2) > summary`)))
	shown("People")
	b.run(chromedp.Click(chromedp.CSS(`main h1`)))
	shown("")

	b.window(390, 844)
	b.open("/policies")
	b.run(chromedp.Click(chromedp.CSS(`.nav-small > summary`)))
	if !eval[bool](b, `(() => { const n = document.querySelector(".nav-small nav").getBoundingClientRect(); return n.left === 0 && n.width === innerWidth && n.bottom <= innerHeight })()`) {
		t.Error("the menu does not stand within the screen")
	}
	b.run(chromedp.Click(chromedp.CSS(`.nav-small [href="/holds"]`)))
	b.until("the holds", `location.pathname === "/holds"`)
}

// tooSmall lists what a finger cannot touch; see TestAFingerFindsEverything.
const tooSmall = `(() => {
	const out = [];
	for (const e of document.querySelectorAll("button, .button, input, select, summary, textarea, .nav-small a, .card-top > a")) {
		if (!e.checkVisibility() || e.matches("[type=checkbox], [type=radio], [type=hidden], .bubble *, .text *")) continue;
		const h = e.getBoundingClientRect().height;
		if (h < 43.9) out.push(e.tagName + "." + e.className + " " + (e.name || e.textContent.trim().slice(0, 20)) + " " + h.toFixed(0));
	}
	return out;
})()`
