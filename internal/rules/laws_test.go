package rules_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/rules"
)

var strictness = []string{rules.Forward, rules.Delay, rules.Hold, rules.Block}

var (
	someWords = []string{"return", "guaranteed return", "عائد", "内幕", "never", "soon"}
	someHours = []*rules.Hours{nil, nil, {Zone: "Europe/London", Days: []int{1, 2, 3, 4, 5}, From: "09:00", To: "17:00"}, {Zone: "Asia/Dubai", Days: []int{7}, From: "00:00", To: "24:00"}}
	at        = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

func pick(of []string) *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 2, rapid.ID)
}

func anyRule() *rapid.Generator[rules.Rule] {
	return rapid.Custom(func(t *rapid.T) rules.Rule {
		r := rules.Rule{
			ID: rapid.StringMatching(`[a-d][a-z]{0,3}`).Draw(t, "id"), Name: "R", Off: rapid.IntRange(0, 5).Draw(t, "off") == 0,
			Do:    rapid.SampledFrom([]string{rules.Block, rules.Hold, rules.Delay, rules.Disclaimer}).Draw(t, "do"),
			Words: pick(someWords).Draw(t, "words"), Kinds: pick([]string{"text", "image", "marketing"}).Draw(t, "kinds"),
			To: pick([]string{"+44*", "+447700900123", "1*"}).Draw(t, "to"), Links: rapid.IntRange(0, 3).Draw(t, "links") == 0,
			Pattern: rapid.SampledFrom([]string{"", "", `\d{4}`, "r.t"}).Draw(t, "pattern"),
			Outside: rapid.SampledFrom(someHours).Draw(t, "hours"), Consent: rapid.SampledFrom([]string{"", "", rules.Refused, rules.Missing}).Draw(t, "consent"),
		}
		switch r.Do {
		case rules.Delay:
			r.For = rapid.IntRange(1, 60).Draw(t, "for")
		case rules.Disclaimer:
			r.Text = rapid.SampledFrom([]string{"Calls are recorded.", "ليست نصيحة", `"\`}).Draw(t, "text")
		}
		if err := r.Check(); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		return r
	})
}

func anySend() *rapid.Generator[*rules.Send] {
	return rapid.Custom(func(t *rapid.T) *rules.Send {
		s := &rules.Send{To: rapid.SampledFrom([]string{"+447700900123", "12025550123", "447700900999"}).Draw(t, "to"), Kind: rapid.SampledFrom([]string{"text", "image", "marketing"}).Draw(t, "kind")}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(append(someWords, "hello", "1234", "https://x.example", "é")), 0, 6).Draw(t, "text"), " ")
		var body any = map[string]any{"type": "text", "to": s.To, "text": map[string]string{"body": text}}
		if s.Kind == "image" {
			body = map[string]any{"type": "image", "to": s.To, "image": map[string]string{"id": "1", "caption": text}}
		}
		s.Body, _ = json.Marshal(body) // can be encoded
		return s
	})
}

func said(a string) rules.Consent {
	return map[string]rules.Consent{"447700900123": {Marketing: rules.No}, "12025550123": {Messages: rules.Yes}}[a]
}

func TestAnotherRuleNeverLetsMoreGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, more, send := rapid.SliceOfN(anyRule(), 0, 6).Draw(t, "rules"), anyRule().Draw(t, "more"), anySend().Draw(t, "send")
		was, is := rules.New(all, said).Decide(send, at), rules.New(append(slices.Clone(all), more), said).Decide(send, at)
		if slices.Index(strictness, is.Do) < slices.Index(strictness, was.Do) || is.Do == was.Do && is.For < was.For {
			t.Fatalf("%+v, and with one more %+v", was, is)
		}
		if is.Do != rules.Forward && (is.Rule == "" || is.Why == "") {
			t.Fatalf("no reason: %+v", is)
		}
	})
}

func TestTheOrderOfRulesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, send := rapid.SliceOfNDistinct(anyRule(), 0, 6, func(r rules.Rule) string { return r.ID }).Draw(t, "rules"), anySend().Draw(t, "send")
		was := rules.New(all, said).Decide(send, at)
		is := rules.New(rapid.Permutation(all).Draw(t, "order"), said).Decide(send, at)
		if was.Do != is.Do || was.Why != is.Why || !bytes.Equal(was.Body, is.Body) {
			t.Fatalf("%+v, and in another order %+v", was, is)
		}
	})
}

func TestWhatDoesNotLoosenStopsAsMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was, is, send := anyRule().Draw(t, "was"), anyRule().Draw(t, "is"), anySend().Draw(t, "send")
		if rapid.Bool().Draw(t, "near") { // changed in one place or two
			next := was
			switch rapid.IntRange(0, 5).Draw(t, "change") {
			case 0:
				next.Words = append(slices.Clone(was.Words), "hello")
			case 1:
				next.To = is.To
			case 2:
				next.Pattern, next.Links = is.Pattern, is.Links
			case 3:
				next.Outside = is.Outside
			case 4:
				next.Consent = is.Consent
			case 5:
				next.Kinds, next.Off = is.Kinds, is.Off
			}
			is = next
		}
		if rules.Loosens(&was, &is) || !was.Stops() {
			return
		}
		before, after := rules.New([]rules.Rule{was}, said).Decide(send, at), rules.New([]rules.Rule{is}, said).Decide(send, at)
		if slices.Index(strictness, after.Do) < slices.Index(strictness, before.Do) {
			t.Fatalf("%s became %s", before.Do, after.Do)
		}
	})
}

func TestADisclaimerChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRule().Filter(func(r rules.Rule) bool { return r.Do == rules.Disclaimer && !r.Off }).Draw(t, "rule")
		r.Words, r.Pattern, r.Links, r.To, r.Kinds, r.Outside, r.Consent = nil, "", false, nil, nil, nil, ""
		send := anySend().Draw(t, "send")
		set := rules.New([]rules.Rule{r}, said)
		d := set.Decide(send, at)
		q, _ := json.Marshal("\n\n" + r.Text) // can be encoded
		if got := bytes.Replace(d.Body, q[1:len(q)-1], nil, 1); d.Body != nil && !bytes.Equal(got, send.Body) {
			t.Fatalf("%s became %s", send.Body, d.Body)
		}
		again := *send
		again.Body = d.Body
		if d.Body == nil {
			again.Body = send.Body
		}
		if d = set.Decide(&again, at); d.Body != nil {
			t.Fatalf("twice: %s", d.Body)
		}
	})
}

func TestRulesThatAreNone(t *testing.T) {
	for name, r := range map[string]rules.Rule{
		"no name":         {ID: "a", Do: rules.Block},
		"id":              {ID: "A b", Name: "A", Do: rules.Block},
		"does nothing":    {ID: "a", Name: "A"},
		"defers":          {ID: "a", Name: "A", Do: rules.Defer},
		"no delay":        {ID: "a", Name: "A", Do: rules.Delay},
		"delay of a week": {ID: "a", Name: "A", Do: rules.Delay, For: 7 * 86400},
		"no text":         {ID: "a", Name: "A", Do: rules.Disclaimer, Text: "  "},
		"pattern":         {ID: "a", Name: "A", Do: rules.Block, Pattern: "("},
		"word of signs":   {ID: "a", Name: "A", Do: rules.Block, Words: []string{"…"}},
		"zone":            {ID: "a", Name: "A", Do: rules.Block, Outside: &rules.Hours{Zone: "Mars", Days: []int{1}, From: "09:00", To: "17:00"}},
		"hours":           {ID: "a", Name: "A", Do: rules.Block, Outside: &rules.Hours{Zone: "UTC", Days: []int{1}, From: "17:00", To: "09:00"}},
		"day":             {ID: "a", Name: "A", Do: rules.Block, Outside: &rules.Hours{Zone: "UTC", Days: []int{8}, From: "07:00", To: "09:00"}},
		"holiday":         {ID: "a", Name: "A", Do: rules.Block, Outside: &rules.Hours{Zone: "UTC", Days: []int{1}, From: "07:00", To: "09:00", Holidays: []string{"Christmas"}}},
		"consent":         {ID: "a", Name: "A", Do: rules.Block, Consent: "maybe"},
	} {
		if r.Check() == nil {
			t.Errorf("%s: taken", name)
		}
		// In the books of a newer version a rule may stand that this one cannot
		// read. It stops what it is about, rather than nothing.
		if d := rules.New([]rules.Rule{r}, nil).Decide(&rules.Send{To: "1", Kind: "text"}, at); slices.Index(strictness, d.Do) < 2 {
			t.Errorf("%s: %s", name, d.Do)
		}
	}
}

func TestTryShowsWhere(t *testing.T) {
	all := []rules.Rule{{ID: "a", Name: "A", Do: rules.Block, Words: []string{"guaranteed return"}}, {ID: "b", Name: "B", Do: rules.Hold, Words: []string{"x"}}}
	got := rules.New(all, nil).Try(&rules.Send{To: "1", Text: "A Guaranteed, return!"}, at)
	if len(got) != 2 || !got[0].Match || got[1].Match || !slices.Equal(got[0].Where, []string{"Guaranteed, return"}) {
		t.Errorf("%+v", got)
	}
}

func TestForecast(t *testing.T) {
	f, set := rules.NewForecast(), rules.New(rules.ForAll([]rules.Rule{
		{ID: "a", Name: "A", Do: rules.Block, Words: []string{"guaranteed"}, Numbers: []string{"1"}},
		{ID: "b", Name: "B", Do: rules.Delay, For: 10, To: []string{"+44*"}},
		{ID: "late", Name: "Late", Do: rules.Hold, Outside: &rules.Hours{Zone: "UTC", Days: []int{1, 2, 3, 4, 5}, From: "09:00", To: "17:00"}},
	}), nil)
	out := func(text, jid, sent string) *chat.Message {
		return &chat.Message{Direction: chat.Out, Type: chat.Text, Text: text, Chat: chat.Chat{JID: jid}, SentAt: sent}
	}
	for _, m := range []*chat.Message{
		out("guaranteed", "12025550123@s.whatsapp.net", "2026-11-24T10:00:00Z"), out("hello", "447700900123@s.whatsapp.net", "2026-11-24T10:00:00Z"),
		out("hello", "12025550123@s.whatsapp.net", "2026-11-24T10:00:00Z"), out("hello", "12025550123@s.whatsapp.net", "2026-11-24T20:00:00Z"),
		{Direction: chat.In, Type: chat.Text, Text: "guaranteed"},
		{Direction: chat.Out},
		{Direction: chat.Out, Type: chat.Text, SentLocal: "2026"},
	} {
		f.Add(set, m)
	}
	if f.Messages != 5 || f.Did[rules.Block] != 1 || f.Did[rules.Delay] != 1 || f.By["late"] != 2 || f.Untimed != 1 || f.Stopped() != 4 {
		t.Errorf("%+v", f)
	}
}
