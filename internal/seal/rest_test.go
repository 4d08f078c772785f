package seal_test

import (
	"testing"

	"github.com/waxseal/waxseal/internal/seal"
)

// TestRestOfAFrameKeepsItsCommitments: under another key, without a record and
// without a part of another.
func TestRestOfAFrameKeepsItsCommitments(t *testing.T) {
	old, fresh := seal.NewKey(), seal.NewKey()
	records := [][][]byte{{[]byte("{}\na")}, {[]byte("{}\nb"), {}, []byte("secret")}, {[]byte("{}\nc")}}
	f, err := old.OpenFrame(1, old.SealFrame(1, 64, seal.Tally{}, records))
	if err != nil {
		t.Fatal(err)
	}
	salts := old.Salts()
	want := []seal.Commitment{salts.Commit(64, records[0]), salts.Commit(65, records[1]), salts.Commit(66, records[2])}
	f.TakePart(salts, 1, 2)
	f.Records[0] = nil
	got, err := fresh.OpenFrame(1, fresh.SealRest(1, f, salts))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Records[0]) != 0 || got.Records[1][2] != nil || got.Records[1][1] == nil || string(got.Records[2][0]) != "{}\nc" {
		t.Fatalf("%q", got.Records)
	}
	for slot := 1; slot < 3; slot++ {
		if got.Commit(fresh.Salts(), slot) != want[slot] {
			t.Errorf("the record in slot %d has another commitment", slot)
		}
	}
}
