package cloudapi_test

import (
	"testing"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
)

func TestFileAddress(t *testing.T) {
	for _, x := range []struct {
		raw, id, want string
		ok            bool
	}{
		{`{"entry":[{"changes":[{"value":{"messages":[{"id":"wamid.A","image":{"id":"9","url":"https:\/\/lookaside.fbsbx.com\/x"}}]}}]}]}`, "9", "https://lookaside.fbsbx.com/x", true},
		{`{"id":"wamid.A","type":"image","image":{"id":"9"}}`, "9", "", true},
		{`{"id":"wamid.A","image":{"id":"9","url":7}}`, "9", "", true},
		{`{"id":"wamid.A","image":{"id":9,"url":"u"}}`, "9", "", false},
		{`{"id":"","image":{"id":"","url":"u"}}`, "", "", false},
		{`{"image":{"id":"9",`, "9", "", false},
		{``, "9", "", false},
	} {
		if got, ok := cloudapi.FileAddress([]byte(x.raw), x.id); got != x.want || ok != x.ok {
			t.Errorf("%s: %q, %v", x.raw, got, ok)
		}
	}
}
