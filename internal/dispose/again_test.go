package dispose

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// heldDesk is a desk whose archive is real, and whose index knows what the
// test says of it.
type heldDesk struct {
	t     *testing.T
	a     *archive.Archive
	facts []index.Fact
	of    map[int64]int64 // captures of entries
	all   map[int64]int   // items of captures

	joined map[int64]int64 // messages of further records
	ids    map[string]string
	asked  int    // for facts
	had    int64  // entries that the index has followed
	late   func() // happens just after it followed
}

func (h *heldDesk) Follow(ctx context.Context, _ func(done, of int64)) (err error) {
	if h.had, err = h.a.Size(ctx); h.late != nil {
		h.late()
	}
	return err
}

func (h *heldDesk) Coverage(ctx context.Context) (index.Coverage, error) {
	n, err := h.a.Size(ctx)
	return index.Coverage{Through: h.had, Of: n}, err
}

func (h *heldDesk) Facts(_ context.Context, _ string, fn func(*index.Fact) error) error {
	h.asked++
	for i := range h.facts {
		if err := fn(&h.facts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (h *heldDesk) Matching(context.Context, string) (index.Set, error) { return index.Set{}, nil }

func (h *heldDesk) Records(_ context.Context, messages []int64) ([]int64, error) {
	all := slices.Clone(messages)
	for seq, of := range h.joined {
		if slices.Contains(messages, of) {
			all = append(all, seq)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (h *heldDesk) Of(_ context.Context, entries [][2]int64) (messages []int64, err error) {
	for i := range h.facts {
		if govern.Runs(entries).Has(h.facts[i].Seq) {
			messages = append(messages, h.facts[i].Seq)
		}
	}
	for seq, of := range h.joined {
		if govern.Runs(entries).Has(seq) && !slices.Contains(messages, of) {
			messages = append(messages, of)
		}
	}
	slices.Sort(messages)
	return messages, nil
}

func (h *heldDesk) Touched(_ context.Context, entries []int64) (touched, emptied []int64, err error) {
	n := map[int64]int{}
	for _, e := range entries {
		if c, ok := h.of[e]; ok {
			n[c]++
		}
	}
	for c := range n {
		touched = append(touched, c)
		if n[c] == h.all[c] {
			emptied = append(emptied, c)
		}
	}
	slices.Sort(touched)
	slices.Sort(emptied)
	return touched, emptied, nil
}

func (h *heldDesk) ChatIDs(context.Context) (map[string]string, error) { return h.ids, nil }

func (h *heldDesk) Captures(context.Context) ([]index.CaptureRow, error) { return nil, nil }

// capture brings n messages, each of which was sent ten years ago, in packs of
// their own months.
func (h *heldDesk) capture(name string, n int) (capture int64, messages []int64) {
	h.t.Helper()
	file, err := h.a.Blob(h.t.Context(), strings.NewReader("the whole export of "+name))
	if err != nil {
		h.t.Fatal(err)
	}
	capture = h.add(record.Capture, record.CaptureHead{Source: "test", File: name, Evidence: []record.Evidence{{Name: name, Blob: file}}}, "", file)
	for i := range n {
		seq := h.add(record.Item, record.ItemHead{Capture: capture, Ordinal: int64(i)}, fmt.Sprintf("%s says %d", name, i))
		h.facts = append(h.facts, index.Fact{Seq: seq, Sent: noon.AddDate(-10, 0, 0), Chat: name})
		h.of[seq] = capture
		messages = append(messages, seq)
	}
	h.all[capture] = n
	h.add(record.CaptureEnd, record.CaptureEndHead{Capture: capture}, "")
	return capture, messages
}

func (h *heldDesk) add(k record.Kind, head any, raw string, blobs ...record.Blob) int64 {
	h.t.Helper()
	part, err := record.Part(head, []byte(raw))
	if err != nil {
		h.t.Fatal(err)
	}
	got, err := h.a.Append(h.t.Context(), []record.Record{{Kind: k, Parts: [][]byte{part}, Lineage: "chat", Period: "2016-11", Blobs: blobs}})
	if err != nil {
		h.t.Fatal(err)
	}
	return got[0].Seq
}

func (h *heldDesk) there(seq int64) bool {
	h.t.Helper()
	es, err := h.a.Get(h.t.Context(), []int64{seq})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(es[0].Parts) > 0
}

func newHeldDesk(t *testing.T) (*heldDesk, *Desk) {
	dir := filepath.Join(t.TempDir(), "a")
	if _, err := archive.Create(t.Context(), dir, archive.CreateOptions{Name: "Acme", Zone: "UTC", NoPassphrase: true}); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	books, err := govern.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	h := &heldDesk{t: t, a: a, of: map[int64]int64{}, all: map[int64]int{}}
	return h, &Desk{Archive: a, Index: h, Ledger: books, Now: time.Now}
}

// begun is a disposal of everything in some captures, with its record.
func (h *heldDesk) begun(d *Desk, messages []int64, captures ...int64) *govern.Disposal {
	h.t.Helper()
	var entries []int64
	for _, c := range captures {
		of, err := d.capture(h.t.Context(), c)
		if err != nil {
			h.t.Fatal(err)
		}
		entries = append(entries, of...)
	}
	// It answers a data subject: here no policy has to let the messages go.
	dis := &govern.Disposal{Data: govern.DisposalData{Messages: govern.RunsOf(messages), Entries: govern.RunsOf(entries), Evidence: captures, Subject: 1}}
	dis.Entry = h.add(record.Disposal, record.DisposalHead{Entries: dis.Data.Entries, Evidence: captures}, "")
	return dis
}

// holdAt places a hold between the n-th question and the step that it is asked
// for.
func holdAt(t *testing.T, d *Desk, n int, still archive.Still, messages []int64) archive.Still {
	return func(ctx context.Context, size int64) ([]int64, error) {
		kept, err := still(ctx, size)
		if n--; n == 0 {
			who := govern.Actor{Subject: access.Subject{Operator: true}}
			_, err := d.Ledger.Do(ctx, who, govern.Request{Act: govern.ActHoldPlace, Reason: "Acme v. Beta", Data: govern.HoldData{Name: "Acme", Messages: govern.RunsOf(messages)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		return kept, err
	}
}

// TestWhatIsThereCanBeRead: whenever a hold comes, a message that is there
// still has the record of its capture, and verify passes.
func TestWhatIsThereCanBeRead(t *testing.T) {
	for n := 1; n <= 4; n++ {
		h, d := newHeldDesk(t)
		capture, said := h.capture("chat", 30)
		dis := h.begun(d, said, capture)
		again := &again{d: d, dis: dis, size: -1}
		res, err := h.a.Dispose(t.Context(), dis.Entry, holdAt(t, d, n, again.still, said[5:9]), nil)
		if err != nil {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(slices.Clone(said), func(seq int64) bool { return !h.there(seq) })
		if len(left) > 0 && !h.there(capture) {
			t.Errorf("hold at question %d: %d messages are there, and not their capture", n, len(left))
		}
		if n == 1 && !slices.Equal(left, said[5:9]) {
			t.Errorf("hold before the first step: %v stay, want %v", left, said[5:9])
		}
		if _, err := d.certify(t.Context(), *dis, res, again.why); !errors.Is(err, govern.ErrUndecided) { // by nobody, in the books
			t.Fatal(err)
		}
		if r, err := h.a.Verify(t.Context(), archive.VerifyOptions{}); err != nil || !r.OK() {
			t.Fatalf("hold at question %d: verify: %+v, %v", n, r, err)
		}
	}
}

// TestAHoldThatComesDuringARunWins: messages that a hold covers stay with what
// they are read by; the files that have the words of those that went go all
// the same, and files that nothing went of stay.
func TestAHoldThatComesDuringARunWins(t *testing.T) {
	h, d := newHeldDesk(t)
	some, someSaid := h.capture("some", 40)    // half of it is held
	whole, wholeSaid := h.capture("whole", 10) // all of it is
	none, noneSaid := h.capture("none", 10)    // nothing is
	dis := h.begun(d, slices.Concat(someSaid, wholeSaid, noneSaid), some, whole, none)
	again := &again{d: d, dis: dis, size: -1}
	still := holdAt(t, d, 1, again.still, append(slices.Clone(someSaid[:20]), wholeSaid...))
	res, err := h.a.Dispose(t.Context(), dis.Entry, still, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, seq := range someSaid {
		if h.there(seq) != (i < 20) {
			t.Errorf("message %d of the capture that is held in part: %v", i, h.there(seq))
		}
	}
	for _, seq := range append(wholeSaid, some, whole) {
		if !h.there(seq) {
			t.Errorf("entry %d is held, or what reads what is held, and went", seq)
		}
	}
	for _, seq := range append(noneSaid, none) {
		if h.there(seq) {
			t.Errorf("entry %d was not held, and stays", seq)
		}
	}
	if res.Blobs != 2 {
		t.Errorf("%d files went, want those of two captures", res.Blobs)
	}
	if n := govern.Runs(res.Kept).Len(); n != 20+10+4 {
		t.Errorf("%d entries were kept, want 30 messages and the beginning and end of two captures", n)
	}
	if _, err := d.certify(t.Context(), *dis, res, again.why); !errors.Is(err, govern.ErrUndecided) { // by nobody, in the books
		t.Fatal(err)
	}
	r, err := h.a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || !r.OK() {
		t.Fatalf("verify: %+v, %v", r, err)
	}
}

// TestAHoldCoversRecordsThatJoinedAnotherMessage: the index may learn, after a
// disposal was decided, that what goes is of an older message, which is held.
func TestAHoldCoversRecordsThatJoinedAnotherMessage(t *testing.T) {
	h, d := newHeldDesk(t)
	_, older := h.capture("older", 1)
	capture, said := h.capture("chat", 3)
	h.joined = map[int64]int64{said[1]: said[0]} // seen again
	h.facts = slices.DeleteFunc(h.facts, func(f index.Fact) bool { return f.Seq == said[1] })
	dis := h.begun(d, []int64{said[0], said[2]}, capture)
	h.joined = map[int64]int64{said[0]: older[0], said[1]: older[0]}
	h.facts = slices.DeleteFunc(h.facts, func(f index.Fact) bool { return f.Seq == said[0] })
	again := &again{d: d, dis: dis, size: -1}
	res, err := h.a.Dispose(t.Context(), dis.Entry, holdAt(t, d, 1, again.still, older), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, seq := range said {
		if h.there(seq) != (i < 2) {
			t.Errorf("record %d: there is %v, and the message of the first two is held", i, h.there(seq))
		}
	}
	if why := again.why[said[0]]; len(res.Kept) == 0 || !strings.Contains(why, "Acme") {
		t.Errorf("it stays because %q", why)
	}
}

// TestTracesDecideNothingAnew: people read and search all the time, and only
// what could change a decision is a reason to make it again.
func TestTracesDecideNothingAnew(t *testing.T) {
	h, d := newHeldDesk(t)
	capture, said := h.capture("chat", 3)
	dis := h.begun(d, said, capture)
	again := &again{d: d, dis: dis, size: -1}
	still := func() (kept []int64, asked int) {
		t.Helper()
		before := h.asked
		size, err := h.a.Size(t.Context())
		if err == nil {
			kept, err = again.still(t.Context(), size)
		}
		if err != nil {
			t.Fatal(err)
		}
		return kept, h.asked - before
	}
	if kept, asked := still(); len(kept) != 0 || asked == 0 {
		t.Fatalf("at first %v are kept, the index was asked %d times", kept, asked)
	}
	who := govern.Actor{Subject: access.Subject{Operator: true}}
	for range 3 {
		if _, err := d.Ledger.Trace(t.Context(), who, govern.Request{Act: "search"}); err != nil {
			t.Fatal(err)
		}
		if kept, asked := still(); len(kept) != 0 || asked != 0 {
			t.Errorf("after a trace %v are kept, the index was asked %d times", kept, asked)
		}
	}
	hold := govern.Request{Act: govern.ActHoldPlace, Reason: "Acme v. Beta", Data: govern.HoldData{Name: "Acme", Messages: govern.RunsOf(said[:1])}}
	if _, err := d.Ledger.Do(t.Context(), who, hold); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Ledger.Trace(t.Context(), who, govern.Request{Act: "search"}); err != nil {
		t.Fatal(err)
	}
	if kept, asked := still(); !slices.Contains(kept, said[0]) || asked == 0 {
		t.Errorf("after a hold and a trace %v are kept, the index was asked %d times", kept, asked)
	}
}

// TestWorkBesideIsNotBehind: what is appended while the index follows does not
// make it behind.
func TestWorkBesideIsNotBehind(t *testing.T) {
	h, d := newHeldDesk(t)
	h.capture("chat", 3)
	h.late = func() {
		if _, err := d.Ledger.Trace(t.Context(), govern.Actor{}, govern.Request{Act: "search"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.follow(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAPolicyFollowsItsChat: a chat that was united with another has another ID,
// and what was assigned to it counts as before.
func TestAPolicyFollowsItsChat(t *testing.T) {
	h, d := newHeldDesk(t)
	_, said := h.capture("united", 1)
	h.ids = map[string]string{"before": "united", "united": "united"}
	operator := govern.Actor{Subject: access.Subject{Operator: true}}
	for _, p := range []struct {
		preset, id string
		to         retain.Target
	}{{"us-bd-comms-3y", "all", retain.Target{}}, {"us-bd-comms-3y", "long", retain.Target{Chat: "before"}}} {
		preset := rulesOf(t, p.preset).Policies[0]
		preset.ID, preset.From, preset.Min = p.id, time.Time{}, retain.Period{Years: map[string]int{"all": 3, "long": 30}[p.id]}
		if _, err := d.Ledger.Do(t.Context(), operator, govern.Request{Act: govern.ActPolicySet, Reason: "a test", Data: govern.PolicySet{Policy: preset}}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Ledger.Do(t.Context(), operator, govern.Request{Act: govern.ActPolicyAssign, Reason: "a test", Data: govern.PolicyTo{Policy: p.id, To: p.to}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Decisions(t.Context(), "", said, time.Now())
	if dec := got[said[0]]; err != nil || !dec.Keep || dec.Policy != "long" {
		t.Errorf("%+v (%v), want it kept by the policy of its chat", dec, err)
	}
}
