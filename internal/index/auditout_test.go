package index

import "testing"

func TestFormulasAreDefused(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Acme": "Acme", "=HYPERLINK(1)": "'=HYPERLINK(1)", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "é=": "é=", " =1": "' =1", "＝1": "'＝1",
	} {
		if got := Defused(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
