package govern

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

var lawDay = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestWhatADisposalMayName tries lists that nobody could have meant.
func TestWhatADisposalMayName(t *testing.T) {
	s := newState()
	for _, c := range []struct {
		what string
		d    DisposalData
		fine bool
	}{
		{"what is due", DisposalData{Messages: Runs{{5, 2}}, Entries: Runs{{3, 9}}}, true},
		{"nothing", DisposalData{Entries: Runs{{3, 9}}}, false},
		{"the archive's first entry", DisposalData{Messages: Runs{{0, 1}}, Entries: Runs{{0, 1}}}, false},
		{"more entries than there are numbers", DisposalData{Messages: Runs{{5, 2}}, Entries: Runs{{3, math.MaxInt64}}}, false},
		{"entries to come", DisposalData{Messages: Runs{{5, 2}}, Entries: Runs{{3, 98}}}, false},
		{"messages without records", DisposalData{Messages: Runs{{5, 2}}, Entries: Runs{{6, 2}}}, false},
		{"what will be due", DisposalData{At: "2027-11-24T12:00:00Z", Messages: Runs{{5, 2}}, Entries: Runs{{5, 2}}}, false},
	} {
		if c.d.At == "" {
			c.d.At = lawDay.Format(time.RFC3339)
		}
		c.d.Today = "2026-11-24"
		a := &Act{Seq: 100, At: lawDay, Second: somebody, ActHead: record.ActHead{Reason: "a test"}}
		if err := checkDispose(s, a, c.d); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestOnlyWhatWasDecidedIsDisposedOf: records of the archive's own count where
// two people stand behind them, once.
func TestOnlyWhatWasDecidedIsDisposedOf(t *testing.T) {
	s := newState()
	s.Disposals[50] = &Disposal{Request: 50, Data: DisposalData{Entries: Runs{{3, 9}, {20, 5}}, Evidence: []int64{3}}}
	fold := func(seq int64, k record.Kind, head any) error {
		part, err := record.Part(head, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.foldDisposal(record.Entry{Seq: seq, Kind: k, At: lawDay, Parts: [][]byte{part}})
	}
	for i, c := range []struct {
		kind      record.Kind
		head      any
		void      bool
		undecided bool
	}{
		{record.Disposal, record.DisposalHead{Request: 51, Entries: [][2]int64{{3, 1}}}, true, true},
		{record.Disposal, record.DisposalHead{Request: 50, Entries: [][2]int64{{3, 10}}}, true, true},
		{record.Disposal, record.DisposalHead{Request: 50, Entries: [][2]int64{{21, 1}, {30, 1}}}, true, true},
		{record.Disposal, record.DisposalHead{Request: 50, Entries: [][2]int64{{21, math.MaxInt64}}}, true, true},
		{record.Certificate, record.CertificateHead{Disposal: 100}, true, true},
		{record.Disposal, record.DisposalHead{Request: 50, Entries: [][2]int64{{3, 9}, {21, 1}}, Evidence: []int64{3}}, false, false},
		{record.Disposal, record.DisposalHead{Request: 50, Entries: [][2]int64{{3, 9}}}, true, false}, // another process was faster
		{record.Certificate, record.CertificateHead{Disposal: 105, Data: json.RawMessage(`{}`)}, false, false},
		{record.Certificate, record.CertificateHead{Disposal: 105}, true, false},
	} {
		if err := fold(100+int64(i), c.kind, c.head); (err != nil) != c.void || errors.Is(err, ErrUndecided) != c.undecided {
			t.Errorf("%d: %s: %v", i, c.kind, err)
		}
	}
}

func BenchmarkWithin(b *testing.B) {
	var rs Runs
	for i := range int64(100_000) {
		rs = append(rs, [2]int64{1 + 2*i, 1})
	}
	for b.Loop() {
		if !within(rs, rs) {
			b.Fatal("they are not within themselves")
		}
	}
}

// TestAJumpAfterTheConfirmation: what comes after what is told by entries. A
// clock that was put back gives the jump a time before the confirmation.
func TestAJumpAfterTheConfirmation(t *testing.T) {
	d := &Disposal{Request: 50, Decided: 60, Approved: lawDay}
	for _, c := range []struct {
		seq  int64
		at   time.Time
		fine bool
	}{
		{55, lawDay.Add(time.Hour), true}, // both have vouched since
		{61, lawDay.Add(time.Hour), false},
		{61, lawDay.Add(-48 * time.Hour), false},
	} {
		s := newState()
		s.Jumps = []Jump{{Seq: c.seq, At: c.at}}
		if err := s.MayRun(d, lawDay.Add(time.Minute)); (err == nil) != c.fine {
			t.Errorf("a jump in entry %d at %s: %v", c.seq, c.at, err)
		}
	}
}

// TestWhatIsDueIsNotedOnceAMonth, by the archive alone, and while nobody is at
// it.
func TestWhatIsDueIsNotedOnceAMonth(t *testing.T) {
	s := newState()
	note := func(by string, at time.Time, n int64) error {
		data, err := json.Marshal(DueData{Messages: n})
		if err != nil {
			t.Fatal(err)
		}
		a := &Act{Seq: 10, At: at, ActHead: record.ActHead{Act: ActDue, By: by, Data: data}}
		if err := s.allowed(kinds[ActDue], a); err != nil {
			return err
		}
		kinds[ActDue].apply(s, a)
		return nil
	}
	if note("olga", lawDay, 5) == nil || note("", lawDay, 0) == nil {
		t.Error("it is the archive that notes, and something")
	}
	if err := note("", lawDay, 5); err != nil || s.DueNoted.Messages != 5 {
		t.Fatalf("%+v, %v", s.DueNoted, err)
	}
	if note("", lawDay.AddDate(0, 0, 27), 6) == nil {
		t.Error("twice in a month")
	}
	next := lawDay.AddDate(0, 1, 1)
	s.Requests[50] = &Asked{Seq: 50, At: next, Act: ActDispose}
	if note("", next, 6) == nil {
		t.Error("while a request waits")
	}
	s.Requests[50].Decided = "approved"
	s.Disposals[50] = &Disposal{Request: 50, Approved: next}
	if note("", next, 6) == nil {
		t.Error("while one is decided")
	}
	s.Disposals[50].Certificate = 90
	if err := note("", next, 6); err != nil {
		t.Error(err)
	}
}
