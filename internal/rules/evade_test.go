package rules_test

import (
	"encoding/json"
	"testing"

	"github.com/waxseal/waxseal/internal/rules"
)

// A disclaimer is added to what Meta reads, whose names of members are exact.
func TestADisclaimerIsNotWalkedAround(t *testing.T) {
	set := rules.New([]rules.Rule{{ID: "d", Name: "D", Do: rules.Disclaimer, Text: "Not advice."}}, nil)
	for _, body := range []string{
		`{"type":"text","Type":"sticker","text":{"body":"buy"}}`,
		`{"type":"sticker","type":"text","text":{"body":"buy"}}`,
		`{"type":"text","text":{"body":"buy"},"Text":{"body":"Not advice."}}`,
		`{"type":"text","text":{"body":"buy","BODY":"Not advice."}}`,
		`{"type":"TEXT","text":{"body":"buy"}}`,
		`{"type":"image","image":{"id":"1"},"IMAGE":{"caption":"Not advice."}}`,
	} {
		d := set.Decide(&rules.Send{Kind: "text", Body: json.RawMessage(body)}, at)
		if d.Do != rules.Block && (d.Body == nil || !json.Valid(d.Body)) {
			t.Errorf("%s: %+v, %s", body, d, d.Body)
		}
	}
}

// Words are found where a reader sees them.
func TestWordsAreNotHidden(t *testing.T) {
	set := rules.New([]rules.Rule{{ID: "w", Name: "W", Do: rules.Block, Words: []string{"guaranteed"}}}, nil)
	pattern := rules.New([]rules.Rule{{ID: "p", Name: "P", Do: rules.Block, Pattern: "guaranteed"}}, nil)
	for _, text := range []string{
		"guar\u200banteed", "guar\u200danteed", "guar\u200canteed", "guar\u2063anteed", "guar\u206aanteed", "guar\ufe0fanteed", "guar\u034fanteed",
		"guar\u3164anteed", "guar\u115fanteed", "guar\U000e0041anteed", "guar\U000e0100anteed", "guar\uffa0anteed", "guar\u17b4anteed", "guar\u180banteed", "guar\u0000anteed", "guar\u007fanteed",
	} {
		body, _ := json.Marshal(map[string]any{"type": "text", "text": map[string]string{"body": text}})
		for _, s := range []*rules.Set{set, pattern} {
			if d := s.Decide(&rules.Send{Kind: "text", Body: body}, at); d.Do != rules.Block {
				t.Errorf("%+q: %+v", text, d)
			}
		}
	}
	for _, body := range []string{
		`{"type":"contacts","contacts":[{"name":{"formatted_name":"A"},"phones":[{"phone":"1","type":"guaranteed"}]}]}`,
		`{"type":"contacts","contacts":[{"name":{"formatted_name":"A"},"urls":[{"url":"guaranteed","type":"HOME"}]}]}`,
	} {
		if d := set.Decide(&rules.Send{Kind: "contacts", Body: json.RawMessage(body)}, at); d.Do != rules.Block {
			t.Errorf("%s: %+v", body, d)
		}
	}
}

// A recipient on a list is one however the number is written.
func TestNumbersAreKnownAgain(t *testing.T) {
	for _, to := range []string{"+44 7700 900123", "44-7700-900123", "+44/7700/900123", "44\t7700\u2009900123", "+44\u20117700\u200b900123", " (44)7700900123\n", "447700900123@s.whatsapp.net", "44,7700;900123"} {
		if got := rules.Address(to); got != "447700900123" {
			t.Errorf("%+q: %q", to, got)
		}
	}
	for _, to := range []string{"US.13491208655302741918", "Y2FwaV9ncm91cDoxNzA1", "120363@g.us", "44*", ""} {
		if got := rules.Address(to); got != to {
			t.Errorf("%q: %q", to, got)
		}
	}
}
