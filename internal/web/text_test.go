package web

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLinks(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string // hosts
	}{
		{"see https://acme.example/a?b=c#d.", []string{"acme.example"}},
		{"(https://acme.example/x_(y))", []string{"acme.example"}},
		{"HTTP://ACME.EXAMPLE, and http://b.example!", []string{"ACME.EXAMPLE", "b.example"}},
		{"javascript:alert(1) data:text/html,x ftp://a.example //b.example www.c.example", nil},
		{"https://", nil},
		{"http://user:pw@bank.example/", []string{"bank.example"}},
		{"https://a.example\u202e/moc", []string{"a.example"}},
		{"xhttps://a.example", nil},
	} {
		var got []string
		for _, r := range runs(tc.text, nil) {
			if r.Link != nil {
				got = append(got, r.Link.Host)
				if r.Link.Before+r.Link.Host+r.Link.After != r.Link.Href {
					t.Errorf("%q: shown as %q", r.Link.Href, r.Link.Before+r.Link.Host+r.Link.After)
				}
			}
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%q: %s", tc.text, d)
		}
	}
}

func TestLinkWarnings(t *testing.T) {
	for address, want := range map[string]string{
		"https://acme.example/login@home": "",
		"https://münchen.example":         "letters that may look like others",
		"https://пример.example":          "letters that may look like others",
		"https://раypal.example":          "mixes alphabets",
		"https://xn--pypal-4ve.example":   "code for letters",
		"https://203.0.113.9/":            "a number",
		"https://3405803785/":             "a number",
		"https://0xcb007109/":             "a number",
		"https://[2001:db8::1]/":          "a number",
		"https://acme.example@evil.test/": "leads to evil.test, not to",
		"https://東京オフィス.example":          "letters that may look like others",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got := warning(u)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// TestRunsKeepTheText is the law of runs: cutting a text into links and marks
// changes nothing of it, whatever the marks are.
func TestRunsKeepTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(see |https?://[a-z.@/()]{0,20}|[ .,é]){0,8}`)).Draw(t, "text")
		var marks [][2]int
		for range rapid.IntRange(0, 4).Draw(t, "marks") {
			marks = append(marks, [2]int{rapid.IntRange(-3, 60).Draw(t, "from"), rapid.IntRange(-3, 60).Draw(t, "to")})
		}
		var b strings.Builder
		for _, r := range runs(text, marks) {
			for _, p := range r.Pieces {
				b.WriteString(p.Text)
			}
		}
		if len(marks) == 0 && b.String() != clean(text) {
			t.Fatalf("%q became %q", clean(text), b.String())
		}
		if !utf8.ValidString(b.String()) {
			t.Fatalf("not UTF-8: %q", b.String())
		}
	})
}

func TestMarks(t *testing.T) {
	got := runs("the contract at https://contract.example/x", [][2]int{{4, 12}, {24, 32}, {90, 95}, {5, 7}})
	var b strings.Builder
	for _, r := range got {
		for _, p := range r.Pieces {
			if p.Mark {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
	}
	if want := "the [contract] at https://[contract].example/x"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestCleanAndPlain(t *testing.T) {
	if got := clean("a\x00b\r\nc\x1b\x7f\u0085\xff"); got != "a␀b\nc␛␡\ufffd\ufffd" {
		t.Errorf("clean: %q", got)
	}
	if got := plain("photo\u202egpj.exe\n"); got != "photo\ufffdgpj.exe " {
		t.Errorf("plain: %q", got)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 4212331: "4,212,331", -1234: "-1,234"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 12_345_678: "12 MB", 999_900: "1.0 MB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestClosed(t *testing.T) {
	for in, want := range map[string]string{
		"no marks":                   "no marks",
		"\u2068Ana\u2069 said":       "\u2068Ana\u2069 said",
		"\u2067open":                 "\u2067open\u2069",
		"\u2067\u2066two":            "\u2067\u2066two\u2069\u2069",
		"not opened\u2069\u202eevil": "not opened\u202eevil",
		"\u2067line\nnext\u2069":     "\u2067line\u2069\nnext",
		"a\u2029b\u2028c":            "a\nb\nc",
		"\u2068a\u2069\u2069\u2068b": "\u2068a\u2069\u2068b\u2069",
	} {
		if got := clean(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for in, want := range map[string]string{"short": "short", "a longer one": "a lon…", "\u2067a longer one": "\u2067a lo…\u2069"} {
		if got := shorten(in, 5); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}
