package cloudapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestPlant(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:            `{"biz_opaque_callback_data":"c"}`,
		" {\n }":        " {\"biz_opaque_callback_data\":\"c\"\n }",
		`{ "to" : "1"}`: `{"biz_opaque_callback_data":"c", "to" : "1"}`,
		`{"biz_opaque_callback_data":"","to":"1"}`:                                       `{"biz_opaque_callback_data":"c","to":"1"}`,
		`{"to":"1", "biz_opaque_callback_data" : null }`:                                 `{"to":"1", "biz_opaque_callback_data" : "c" }`,
		`{"biz_opaque_callback_data":"","x":{"biz_opaque_callback_data":"","y":[1,{}]}}`: `{"biz_opaque_callback_data":"c","x":{"biz_opaque_callback_data":"","y":[1,{}]}}`,
		`not JSON`: `not JSON`,
		`[]`:       `[]`,
	} {
		if got := string(Plant([]byte(body), "c")); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestWithout(t *testing.T) {
	for body, want := range map[string]string{
		`{"k":"s"}`:                           `{}`,
		`{ "k" : "s" , "a":1}`:                `{"a":1}`,
		`{"a":1, "k":"s"}`:                    `{"a":1}`,
		`{"a":1,"k":"x","b":[2,{"k":"in"}]}`:  `{"a":1,"b":[2,{"k":"in"}]}`,
		`{"k":"x","k":"y","a":{},"k" :  "s"}`: `{"a":{}}`,
		`{"\u006b":"s","a":1}`:                `{"a":1}`,
		`["k"]`:                               `["k"]`,
		`{"a":1,"k":"s"`:                      `{"a":1`, // it is not archived, even so
	} {
		got, was := Without([]byte(body), "k")
		if strings.ReplaceAll(string(got), " ", "") != strings.ReplaceAll(want, " ", "") || was == "" && strings.HasSuffix(body, "}") {
			t.Errorf("%s: %s, %q", body, got, was)
		}
	}
}

func TestOutline(t *testing.T) {
	o := OutlineOf([]byte(`{"to":1650,"type":"template","template":{"name":"a","language":{"code":"en"},"components":[
		{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.org/a.png"}},{"type":"document","document":{"id":"4711"}}]},
		{"type":"body","parameters":[{"type":"text","text":"Ana"}]}]}}`))
	if o.To != "1650" || o.Template != "a" || o.Language != "en" || o.Text != "Ana" || o.Notice ||
		!slices.Equal(o.Links, []string{"https://example.org/a.png"}) || !slices.Equal(o.Uploads, []string{"4711"}) {
		t.Errorf("%+v", o)
	}
	if o := OutlineOf([]byte(`{"status":"read","message_id":"wamid.X"}`)); !o.Notice || !o.Object {
		t.Errorf("a read receipt: %+v", o)
	}
	if o := OutlineOf([]byte(`{"status":"read","to":"1","text":{"body":"a"}}`)); o.Notice || o.Text != "a" {
		t.Errorf("what calls itself a read receipt: %+v", o)
	}
}

// FuzzOutline: whatever a sender writes, what leaves is the same but for what
// was planted, and a member that was taken out is gone.
func FuzzOutline(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"biz_opaque_callback_data":null}`, `{"access_token":"x","to":"\u0661"}`, `{"a":"\"}{","b":[[]]} `, "\ufeff{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o := OutlineOf(body)
		if !o.Object || o.Callback != "" {
			return
		}
		var was, is map[string]any
		if json.Unmarshal(body, &was) != nil || json.Unmarshal(Plant(body, "c"), &is) != nil {
			t.Fatalf("%q: %q", body, Plant(body, "c"))
		}
		if is["biz_opaque_callback_data"] != "c" {
			t.Errorf("%q: %q", body, Plant(body, "c"))
		}
		rest, _ := Without(body, "access_token")
		var left map[string]any
		if json.Unmarshal(rest, &left) != nil {
			t.Fatalf("%q: %q", body, rest)
		}
		_, had := was["access_token"]
		if _, has := left["access_token"]; has || len(left)+len(was) != 2*len(was) && !had {
			t.Errorf("%q: %q", body, rest)
		}
	})
}
