package cloudapi

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		in   Context
		raw  string
		want []string
	}{
		{Context{Field: "messages", Path: "messages"}, `{"id":"x","type":"text","text":{"body":"b","style":{"a":1}},"mood":"glad"}`, []string{"messages.mood", "messages.text.style"}},
		{Context{Field: "messages", Path: "messages"}, `{"type":"poll","poll":{}}`, []string{"messages.poll", "messages.type:poll"}},
		{Context{Field: "messages", Path: "messages"}, `{"type":"my secret","+4917012345":1,"491701":2}`, []string{"messages.?", "messages.type:?"}},
		{Context{Field: "messages", Path: "messages"}, `7`, []string{"messages:no object"}},
		{Context{Field: "messages", Path: "statuses"}, `{"id":"x","status":"seen","errors":[{"code":1,"new":2},{"new":3}]}`, []string{"statuses.errors.new", "statuses.status:seen"}},
		{Context{Field: "new_things"}, `{}`, []string{"field:new_things"}},
		{Context{Field: "messages", Path: "gifts"}, `{}`, []string{"messages.gifts"}},
		{Context{Field: "account_update"}, `{"event":"X","new":1}`, nil},
	} {
		if got := Unknown([]byte(c.raw), c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.raw, got, c.want)
		}
	}
}

// TestNothingOfTheCorpusIsUnknown, but what its authors invented.
func TestNothingOfTheCorpusIsUnknown(t *testing.T) {
	paths, _ := filepath.Glob(sharedCorpus + "payloads/*.json")
	if len(paths) == 0 {
		t.Skip("the shared corpus is not there")
	}
	for _, p := range paths {
		body, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, el := range Elements(body) {
			if u := Unknown(body[el.At:el.End], el.Context); len(u) > 0 {
				t.Errorf("%s: %q", filepath.Base(p), u)
			}
		}
	}
}
