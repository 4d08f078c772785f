package cloudapi_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
)

// Each file is a template, a message made from it, and what the recipient
// reads.
func TestRendered(t *testing.T) {
	files, err := filepath.Glob("testdata/template/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, f := range a.Files {
				part[f.Name] = string(f.Data)
			}
			got, err := cloudapi.Rendered([]byte(part["template"]), []byte(part["message"]))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSuffix(part["want"], "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestNoTemplate(t *testing.T) {
	const def, body = `{"components":[{"type":"BODY","text":"x"}]}`, `{"template":{"name":"a"}}`
	if got, err := cloudapi.Rendered([]byte(def), []byte(body)); err != nil || got != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, x := range [][2]string{{"", body}, {"null", body}, {"{}", body}, {`{"components":[]}`, body}, {def, ""}, {def, "[]"}, {def, "{}"}, {def, `{"template":"a"}`}} {
		if got, err := cloudapi.Rendered([]byte(x[0]), []byte(x[1])); err == nil {
			t.Errorf("%q of %q is %q", x[1], x[0], got)
		}
	}
}

func FuzzRendered(f *testing.F) {
	f.Add([]byte(`{"components":[{"type":"BODY","text":"{{1}}"}]}`), []byte(`{"template":{"components":[{"type":"body","parameters":[{"type":"text","text":"x"}]}]}}`))
	f.Fuzz(func(_ *testing.T, def, body []byte) { _, _ = cloudapi.Rendered(def, body) }) // it must not panic
}
