package govern

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

func TestPartsOfRuns(t *testing.T) {
	long := Runs{{0, 1}, {5, maxInAct + 7}, {2 * maxInAct, maxInAct}}
	parts := long.Parts()
	var n int64
	for _, p := range parts {
		if err := p.checked(-1); err != nil {
			t.Errorf("a part of %d: %v", p.Len(), err)
		}
		n += p.Len()
	}
	if n != long.Len() || len(parts) != 3 {
		t.Errorf("%d parts of %d messages, want 3 of %d", len(parts), n, long.Len())
	}
	if len(Runs(nil).Parts()) != 0 {
		t.Error("nothing has parts")
	}
}

// TestOrderIsChecked does what labels, matters and notes must refuse.
func TestOrderIsChecked(t *testing.T) {
	log := &governtest.Log{}
	log.Skip(200_000)
	l, err := Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	who := Actor{Subject: access.Subject{Operator: true}}
	do := func(act, reason string, data any) (int64, error) {
		return l.Do(t.Context(), who, Request{Act: act, Reason: reason, Data: data})
	}
	must := func(id int64, err error) int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	a := must(do(ActLabelSet, "", LabelData{Name: "صفقات"}))
	b := must(do(ActLabelSet, "", LabelData{Name: "Acme", Parent: a}))
	m := must(do(ActMatterOpen, "", MatterData{Name: "Inquiry"}))
	n := must(do(ActNoteAdd, "", NoteData{On: "message:3", Text: strings.Repeat("نص", 5_000)}))
	var many []int64
	for i := range int64(100_000) {
		many = append(many, i*2)
	}
	must(do(ActLabelApply, "", Labelled{Label: b, Messages: RunsOf(many)}))
	must(do(ActLabelApply, "", Labelled{Label: b, Messages: RunsOf(many)})) // twice is once
	must(do(ActMatterCollect, "", Collected{Matter: m, Messages: RunsOf(many)}))
	for _, c := range []struct {
		name, act, reason string
		data              any
	}{
		{"a cycle", ActLabelSet, "", LabelData{Label: a, Name: "x", Parent: b}},
		{"itself above", ActLabelSet, "", LabelData{Label: a, Name: "x", Parent: a}},
		{"the same path", ActLabelSet, "", LabelData{Name: "ACME", Parent: a}},
		{"overridden direction", ActLabelSet, "", LabelData{Name: "a\u202eb"}},
		{"no such label", ActLabelApply, "", Labelled{Label: m, Messages: Runs{{1, 1}}}},
		{"not sorted", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{5, 1}, {1, 1}}}},
		{"overlapping", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{1, 5}, {3, 1}}}},
		{"negative", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{-2, 1}}}},
		{"empty run", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{2, 0}}}},
		{"beyond all numbers", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{1<<63 - 1, 5}}}},
		{"too many", ActLabelApply, "", Labelled{Label: b, Messages: Runs{{0, maxInAct + 1}}}},
		{"no messages", ActMatterCollect, "", Collected{Matter: m}},
		{"no such matter", ActMatterCollect, "", Collected{Matter: b, Messages: Runs{{1, 1}}}},
		{"closing without a reason", ActMatterClose, "", MatterData{Matter: m}},
		{"a note on nothing", ActNoteAdd, "", NoteData{On: "message:", Text: "x"}},
		{"a note on anything", ActNoteAdd, "", NoteData{On: "user:eve", Text: "x"}},
		{"an endless note", ActNoteAdd, "", NoteData{On: "message:1", Text: strings.Repeat("x", maxText+1)}},
		{"a search for nothing", ActSearchSave, "", SearchData{Name: "x", Query: " "}},
	} {
		var no *Refusal
		if _, err := do(c.act, c.reason, c.data); !errors.As(err, &no) {
			t.Errorf("%s: %v, want a refusal", c.name, err)
		}
	}
	must(do(ActNoteWithdraw, "", NoteRef{Note: n}))
	must(do(ActMatterClose, "settled", MatterData{Matter: m}))

	// Two people at once: the second act came while the label was closed.
	must(do(ActLabelSet, "", LabelData{Label: b, Name: "Acme", Parent: a, Closed: true}))
	data, _ := json.Marshal(Labelled{Label: b, Messages: Runs{{1, 1}}})
	rec, err := actRecord(record.Act, record.ActHead{Act: ActLabelApply, Data: data}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got, err := log.Append(t.Context(), []record.Record{rec})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Read(t.Context(), func(s *State) error {
		if h := s.Matters[m].Acts; len(h) != 3 || h[1].Messages != 100_000 || h[2].Reason != "settled" {
			t.Errorf("history of the matter: %+v", h)
		}
		if s.LabelPath(b) != "صفقات/Acme" || s.LabelAt("صفقات/acme") == nil {
			t.Errorf("path %q", s.LabelPath(b))
		}
		if len(s.NotesOn("message:3")) != 0 {
			t.Error("a withdrawn note is shown")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if l.Void(got[0].Seq) == nil {
		t.Error("an act on a closed label counts")
	}
}
