package record_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/record"
)

func TestPartRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<40)
		h := record.ItemHead{Capture: n.Draw(t, "c"), Ordinal: n.Draw(t, "n"), Offset: n.Draw(t, "o"), Again: rapid.IntRange(0, 3).Draw(t, "k"), Late: rapid.IntRange(0, 9).Draw(t, "late") == 0}
		if rapid.IntRange(0, 4).Draw(t, "file") == 0 {
			h.Files = []record.ItemFile{{Name: rapid.String().Draw(t, "name"), Reason: "r"}}
		}
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		p, err := record.Part(h, raw)
		if err != nil {
			t.Fatal(err)
		}
		var got record.ItemHead
		back, err := record.Entry{Parts: [][]byte{p}}.Decode(&got)
		if err != nil || string(back) != string(raw) {
			t.Fatalf("%q, %v", back, err)
		}
		var want record.ItemHead // through encoding/json alone
		b, err := json.Marshal(h)
		if err == nil {
			err = json.Unmarshal(b, &want)
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%+v, want %+v, %v", got, want, err)
		}
	})
}

func TestBrokenParts(t *testing.T) {
	for _, p := range []string{"", "{}", "[]\nx", "\nx"} {
		if _, _, err := record.Cut([]byte(p)); !errors.Is(err, record.ErrPart) {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{`{"c":01,"n":1,"o":1}`, `{"c":1,"n":1,"o":1,"k":}`, `{"c":1,"n":1}x`} {
		if _, err := (record.Entry{Parts: [][]byte{[]byte(p + "\n")}}).Decode(&record.ItemHead{}); err == nil {
			t.Errorf("%s is taken", p)
		}
	}
	if _, err := (record.Entry{}).Decode(&record.ItemHead{}); !errors.Is(err, record.ErrPart) {
		t.Error(err)
	}
}
