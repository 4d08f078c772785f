package web

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormWritesTheQuery(t *testing.T) {
	for _, tc := range []struct{ query, form, want string }{
		{`invoice`, `f-from=Ana Lima&f-type=`, `invoice from:"Ana Lima"`},
		{`from:ana invoice type:voice`, `f-from=bruno&f-type=voice`, `invoice type:voice from:bruno`},
		{`from:"Ana Lima" "to be signed"`, `f-from=`, `"to be signed"`},
		{`-from:ana x`, `f-from=bob`, `-from:ana x from:bob`},
		{`http://x.example note:well`, `f-has=link`, `http://x.example note:well has:link`},
		{``, `f-after=2024-01-01&f-before=2024-02-01`, `after:2024-01-01 before:2024-02-01`},
		{`is:edited is:revoked`, `f-is=forwarded`, `is:revoked is:forwarded`},
		{`x`, `f-from=a"b c`, `x from:"ab c"`},
	} {
		form, err := url.ParseQuery(tc.form)
		if err != nil {
			t.Fatal(err)
		}
		if got := write(tc.query, form); got != tc.want {
			t.Errorf("%s + %s = %s, want %s", tc.query, tc.form, got, tc.want)
		}
	}
}

func TestQueryFillsTheForm(t *testing.T) {
	got := filled(`From:"Ana Lima" x -type:image type:voice after:2024-01-01 from:second`)
	want := map[string]string{"from": "Ana Lima", "type": "voice", "after": "2024-01-01"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSearchFormLeadsToTheQuery(t *testing.T) {
	c := newConsole(t, nil)
	w := c.do(http.MethodGet, "/search?q=invoice&f-from=Ana&chat=acme&order=oldest", nil)
	u, err := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusSeeOther || err != nil {
		t.Fatalf("%d %v", w.Code, err)
	}
	if got := u.Query(); got.Get("q") != "invoice from:Ana" || got.Get("chat") != "acme" || got.Get("order") != "oldest" {
		t.Errorf("leads to %s", u)
	}
}
