package chatexport

import (
	"slices"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/record"
)

func TestMergeKeepsAuthorsOfBothFiles(t *testing.T) {
	r := reading{Authors: []string{"Bob", "Quy Li"}, Slots: []string{"Ana"}, Back: []string{"2024-10-27"}}
	r.merge(&reading{Authors: []string{"Ana", "Bob"}, Slots: []string{"Quy Li", "Z"}, Marks: true})
	if !r.Marks {
		t.Error("that one file marks WhatsApp's own words is not known any more")
	}
	if want := []string{"Ana", "Bob", "Quy Li"}; !slices.Equal(r.Authors, want) {
		t.Errorf("authors %q, want %q", r.Authors, want)
	}
	if want := []string{"Z"}; !slices.Equal(r.Slots, want) {
		t.Errorf("slots %q, want %q", r.Slots, want)
	}
	if want := []string{"2024-10-27"}; !slices.Equal(r.Back, want) {
		t.Errorf("back %q, want %q", r.Back, want)
	}
}

// TestMergeKeepsDatesThatWereCertain: only what a capture left open is read
// again as a later one reads it.
func TestMergeKeepsDatesThatWereCertain(t *testing.T) {
	certain := func(o, by string, possible ...string) *reading {
		return &reading{Orders: map[string]string{"/.": o}, OrderBy: by, Possible: map[string][]string{"/.": possible}}
	}
	unsure := func(o string, possible ...string) *reading {
		r := certain(o, "", possible...)
		r.Unsure = []string{"/."}
		return r
	}
	for name, c := range map[string]struct {
		first, later *reading
		want         string
		unsure       bool
	}{
		"both are proved":                 {certain("dmy", byEvidence, "dmy"), certain("mdy", byEvidence, "mdy"), "dmy", false},
		"both are inferred":               {certain("dmy", byEvidence, "dmy", "mdy"), certain("mdy", byEvidence, "dmy", "mdy"), "dmy", false},
		"the first was a guess":           {unsure("dmy", "dmy", "mdy"), certain("mdy", byEvidence, "mdy"), "mdy", false},
		"a guess that excludes the later": {unsure("dmy", "dmy", "mdy"), certain("ymd", byEvidence, "ymd"), "dmy", true},
		"the later is a guess":            {certain("dmy", byEvidence, "dmy"), unsure("mdy", "dmy", "mdy"), "dmy", false},
		"the operator against proof":      {certain("dmy", byEvidence, "dmy"), certain("mdy", byOperator, "dmy", "mdy"), "dmy", false},
		"the operator against inference":  {certain("dmy", byEvidence, "dmy", "mdy"), certain("mdy", byOperator, "dmy", "mdy"), "mdy", false},
		"the operator has second thoughts": {
			certain("dmy", byOperator, "dmy", "mdy"), certain("mdy", byOperator, "dmy", "mdy"), "mdy", false,
		},
	} {
		c.first.merge(c.later)
		if got := c.first.Orders["/."]; got != c.want || slices.Contains(c.first.Unsure, "/.") != c.unsure {
			t.Errorf("%s: %s, unsure %v; want %s", name, got, c.first.Unsure, c.want)
		}
	}
}

// TestLocaleThatChangedBetweenExports: the dates of the first stay when the
// second writes them in another order.
func TestLocaleThatChangedBetweenExports(t *testing.T) {
	m := newMemory()
	o := capture.Options{Chat: "c"}
	importPath(t, m, write(t, "c.txt", "01/02/24, 10:00 - Ana: a\n13/02/24, 10:00 - Ana: b\n"), o)
	importPath(t, m, write(t, "c.txt", "01/02/24, 10:00 - Ana: a\n02/13/24, 10:00 - Ana: b\n"), o)
	var captures []record.Entry
	for _, e := range m.entries {
		if e.Kind == record.Capture {
			captures = append(captures, e)
		}
	}
	r, err := Interpreter{}.Reader(captures)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range m.entries[:3] {
		evs, err := r.Events(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range evs {
			got = append(got, ev.Message.SentLocal)
		}
	}
	if want := []string{"2024-02-01T10:00", "2024-02-13T10:00"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLongNamesOfTwoFiles: what recurs in one of them is a name unless the
// other shows that it is not.
func TestLongNamesOfTwoFiles(t *testing.T) {
	const first = "13/05/2024, 09:00 - Bob: Note: a\n13/05/2024, 09:01 - Bob: Note: b\n13/05/2024, 09:02 - ACME: Support: c\n"
	m := newMemory()
	importPath(t, m, write(t, "chat.txt", first), capture.Options{})
	importPath(t, m, write(t, "chat.txt", first+"13/05/2024, 09:03 - Bob: hello\n13/05/2024, 09:04 - ACME: Support: d\n"), capture.Options{})
	var names []string
	for _, msg := range m.messages(t) {
		names = append(names, msg.From.Name)
	}
	if got := strings.Join(names, "|"); got != "Bob|Bob|ACME: Support|Bob|ACME: Support" {
		t.Error(got)
	}
}
