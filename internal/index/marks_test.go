package index

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarks(t *testing.T) {
	text := "The Contract is ready; the contractor is not. عقد"
	for query, want := range map[string][]string{
		"contract":              {"Contract"},
		"contract* -ready":      {"Contract", "contractor"},
		"*tract* from:ana":      {"Contract", "contractor"},
		`"contract is" OR عقد`:  {"Contract is", "عقد"},
		"from:ana after:2024":   nil,
		"nothing of this":       nil,
		`"contract is ready" x`: {"Contract is ready"},
	} {
		ms, err := Marks(query, []string{text, ""})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var got []string
		for _, m := range ms[0] {
			got = append(got, text[m[0]:m[1]])
		}
		if d := cmp.Diff(want, got); d != "" || ms[1] != nil {
			t.Errorf("%s: %s", query, d)
		}
	}
	if _, err := Marks(`"open`, nil); !errors.Is(err, ErrQuery) {
		t.Errorf("a query that is not understood: %v", err)
	}
}
