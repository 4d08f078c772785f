package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// shelf is an archive and an index for a desk: its messages are those of the
// sample that old gives, sent ten years ago.
type shelf struct {
	*governtest.Log
	now  func() time.Time
	old  []int64
	wait chan struct{} // nil: a disposal is done at once
	fail error         // what a disposal ends with

	finds  []int64 // what every query finds
	recent bool    // the messages are of this year
}

func (l *shelf) Size(context.Context) (int64, error) { return int64(len(l.All())), nil }

func (l *shelf) Get(_ context.Context, seqs []int64) (out []record.Entry, err error) {
	for _, seq := range seqs {
		all := l.All()
		if seq < 0 || seq >= int64(len(all)) {
			return nil, fmt.Errorf("entry %d: %w", seq, archive.ErrNotFound)
		}
		out = append(out, all[seq])
	}
	return out, nil
}

func (l *shelf) Dispose(ctx context.Context, _ int64, still archive.Still, progress func(done, of int64)) (archive.Disposed, error) {
	size, _ := l.Size(ctx)
	if _, err := still(ctx, size); err != nil {
		return archive.Disposed{}, err
	}
	progress(1, int64(len(l.old)))
	if l.wait != nil {
		<-l.wait
	}
	return archive.Disposed{Records: int64(len(l.old)), Blobs: 2, Shared: 1}, l.fail
}

func (l *shelf) Follow(context.Context, func(done, of int64)) error { return nil }

func (l *shelf) Coverage(ctx context.Context) (index.Coverage, error) {
	n, err := l.Size(ctx)
	return index.Coverage{Through: n, Of: n}, err
}

func (l *shelf) Facts(_ context.Context, _ string, fn func(*index.Fact) error) error {
	for i, seq := range l.old {
		years := -10
		if l.recent {
			years = -1
		}
		f := index.Fact{Seq: seq, Sent: l.now().AddDate(years, i, 0), Chat: "acme", Custodian: []string{"j.doe", hostileText, ""}[i%3]}
		if err := fn(&f); err != nil {
			return err
		}
	}
	return nil
}

func (l *shelf) Matching(context.Context, string) (index.Set, error) {
	return index.SetOf(l.finds), nil
}

func (l *shelf) Records(_ context.Context, ms []int64) ([]int64, error) { return slices.Clone(ms), nil }

func (l *shelf) Of(_ context.Context, entries [][2]int64) ([]int64, error) {
	return govern.Runs(entries).Seqs(), nil
}

func (l *shelf) ChatIDs(context.Context) (map[string]string, error) {
	return map[string]string{"acme": "acme"}, nil
}

func (l *shelf) Touched(context.Context, []int64) (touched, emptied []int64, err error) {
	return []int64{1}, nil, nil
}

func (l *shelf) Captures(context.Context) ([]index.CaptureRow, error) { return nil, nil }

// desked is a firm whose old messages are due, and whose books have a policy.
type desked struct {
	*people
	shelf *shelf
	run   *dispose.Runner
}

func deskedFirm(t *testing.T) *desked {
	t.Helper()
	p := firm(t)
	return deskOf(t, p)
}

func deskOf(t *testing.T, p *people) *desked {
	t.Helper()
	d := &desked{people: p, shelf: &shelf{Log: p.log, now: p.now, old: []int64{3, 4, 5, 6, 9, 12, 17, 901, 905}}}
	p.log.Skip(2000)
	books := p.server.ledger
	if err := books.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	desk := &dispose.Desk{
		Archive: d.shelf, Index: d.shelf, Ledger: books, Now: d.shelf.now,
		Renew: func(context.Context, func(done, of int64)) error { return nil },
	}
	d.run = dispose.NewRunner(t.Context(), desk, func(int64, error) {})
	p.server.desk = d.run
	p.server.prove = func(_ context.Context, entries []int64) ([]byte, error) {
		return json.Marshal(map[string][]int64{"entries": entries})
	}
	return d
}

// rule puts every message under a policy that lets old ones go.
func (d *desked) rule() {
	d.t.Helper()
	var who govern.Actor
	if err := d.server.ledger.Read(d.t.Context(), func(st *govern.State) (err error) {
		who.Subject, err = st.Subject("olga")
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	for _, q := range []govern.Request{
		{Act: govern.ActPolicySet, Reason: "r", Data: govern.PolicySet{Policy: retain.Policy{
			ID: "three", Name: "Three <b>years", Clause: "Rule 17a-4 <i>", Clock: retain.Sent, Min: retain.Period{Years: 3}, Propose: true,
		}}},
		{Act: govern.ActPolicyAssign, Reason: "r", Data: govern.PolicyTo{Policy: "three"}},
	} {
		if _, err := d.server.ledger.Do(d.t.Context(), who, q); err != nil {
			d.t.Fatal(err)
		}
	}
	d.setNow(d.now().Add(time.Second))
}

var seenIn = regexp.MustCompile(`name="seen" value="([0-9a-f]+)"`)

// propose proposes what is due, as olga, and returns the page of it.
func (d *desked) propose(reason string) string {
	d.t.Helper()
	d.as("olga")
	w := d.post("/disposals/propose", url.Values{
		"seen": {d.find(seenIn, d.get("/disposals/propose", http.StatusOK))}, "today": {d.now().Format(time.DateOnly)}, "reason": {reason},
	})
	if w.Code != http.StatusSeeOther {
		d.t.Fatalf("propose: %d\n%.1500s", w.Code, w.Body)
	}
	page, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	return page
}

func (d *desked) wants(path string, status int, words ...string) string {
	d.t.Helper()
	body := d.get(path, status)
	harmless(d.t, body)
	for _, w := range words {
		if !strings.Contains(body, w) {
			d.t.Errorf("%s does not say %q", path, w)
		}
	}
	return body
}

// TestADisposalFromItsPageToItsCertificate, between two people.
func TestADisposalFromItsPageToItsCertificate(t *testing.T) {
	d := deskedFirm(t)
	for _, login := range []string{"olga", "lena", "anna"} {
		d.signIn2(login)
	}
	d.as("olga")
	d.wants("/disposals", http.StatusOK, "Nothing is due", "never disposed of anything")
	d.wants("/disposals/propose", http.StatusOK, "Nothing is due")
	d.rule()
	d.wants("/disposals", http.StatusOK, "Propose what is due", "Three &lt;b&gt;years, version 1", "Rule 17a-4")
	before := d.traces(`"read.message"`)
	d.wants("/disposals/propose", http.StatusOK, "Some of the messages", "seller wants to sign")
	if d.traces(`"read.message"`) != before+1 {
		t.Error("samples were shown without a trace")
	}
	v := url.Values{"seen": {"0000000000000000"}, "today": {d.now().Format(time.DateOnly)}, "reason": {"x"}}
	if w := d.post("/disposals/propose", v); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "has changed since") {
		t.Errorf("what nobody saw is proposed: %d", w.Code)
	}
	v.Set("seen", d.find(seenIn, d.get("/disposals/propose", http.StatusOK)))
	for _, wrong := range []string{"", "2020-01-01", "nonsense", hostileText} {
		v.Set("today", wrong)
		w := d.post("/disposals/propose", v)
		harmless(t, w.Body.String())
		if w.Code != http.StatusConflict {
			t.Errorf("proposed on %q: %d", wrong, w.Code)
		}
	}
	d.as("lena")
	d.get("/disposals/propose", http.StatusForbidden)

	page := d.propose(strings.ToValidUTF8(hostileText, ""))
	body := d.wants(page, http.StatusOK, "you cannot confirm it", "Take it back", "Some of the messages")
	if strings.Contains(body, ">Confirm<") {
		t.Error("who proposed it is offered to confirm it")
	}
	if body := d.wants("/requests", http.StatusOK, page); strings.Contains(body, page+"/approve") || strings.Contains(body, `/approve"`) {
		t.Error("a disposal is confirmed without a look at it")
	}
	today := url.Values{"today": {d.now().Format(time.DateOnly)}}
	if w := d.post(page+"/confirm", today); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "second person") {
		t.Errorf("who proposed it confirms it: %d", w.Code)
	}
	d.as("anna")
	if body := d.wants(page, http.StatusOK, "To be confirmed by"); strings.Contains(body, "<form class=\"form\"") {
		t.Error("an auditor is offered to confirm")
	}
	d.as("lena")
	d.wants(page, http.StatusOK, ">Confirm<", ">Decline<", `name="today"`)
	if w := d.post(page+"/run", nil); w.Code != http.StatusNotFound && w.Code != http.StatusConflict {
		t.Errorf("run before it is confirmed: %d", w.Code)
	}
	if w := d.post(page+"/confirm", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "which date it is today") {
		t.Errorf("confirmed without a date: %d", w.Code)
	}
	if w := d.post(page+"/confirm", today); w.Code != http.StatusSeeOther {
		t.Fatalf("confirm: %d\n%.800s", w.Code, w.Body)
	}
	if body := d.wants(page, http.StatusOK, ">Run<"); strings.Contains(body, ">Confirm<") || strings.Contains(body, "Some of the messages") {
		t.Error("what is confirmed can be confirmed")
	}

	d.shelf.wait = make(chan struct{})
	if w := d.post(page+"/run", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("run: %d\n%.800s", w.Code, w.Body)
	}
	if w := d.do(http.MethodGet, page, nil); w.Header().Get("Refresh") != "2" || !strings.Contains(w.Body.String(), "<progress") || strings.Contains(w.Body.String(), ">Run<") {
		t.Error("a page of a run does not go on by itself")
	}
	d.wants("/disposals", http.StatusOK, "A disposal is running")
	if w := d.post(page+"/run", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "One is done at a time") {
		t.Errorf("run twice at once: %d", w.Code)
	}
	close(d.shelf.wait)
	d.run.Wait()
	body = d.wants(page, http.StatusOK, "/disposals/certificates/", "What was confirmed")
	certificate := d.find(regexp.MustCompile(`href="(/disposals/certificates/\d+)"`), body)
	d.wants("/disposals", http.StatusOK, certificate, "Done")
	d.as("anna")
	d.wants(certificate, http.StatusOK, "9 messages", "2 files", "1 file that other messages have", "Person olga", "Person lena", "Three &lt;b&gt;years, version 1", "Complete on", "3–6, 9, 12, 17, 901, 905", "/proof")
	for _, f := range []string{"json", "proof"} {
		if w := d.do(http.MethodGet, certificate+"/"+f, nil); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("the certificate as %s: %d", f, w.Code)
		}
	}
	if d.traces(`"read.certificate"`) != 2 {
		t.Error("a certificate was taken without a trace")
	}
	for _, path := range []string{"/disposals/1", "/disposals/x", "/disposals/certificates/3", "/disposals/certificates/x", certificate + "/exe", "/disposals/certificates/999999"} {
		d.get(path, http.StatusNotFound)
	}
	d.as("rita")
	d.get("/disposals", http.StatusForbidden)
}

func TestADisposalIsDeclinedTakenBackAndFails(t *testing.T) {
	d := deskedFirm(t)
	d.signIn2("olga")
	d.signIn2("lena")
	d.rule()
	page := d.propose("one")
	if w := d.post(page+"/take-back", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("take back: %d", w.Code)
	}
	d.wants(page, http.StatusOK, "Declined")
	page = d.propose("two")
	d.as("lena")
	if w := d.post(page+"/decline", url.Values{"reason": {hostileText}}); w.Code != http.StatusSeeOther {
		t.Fatalf("decline: %d", w.Code)
	}
	d.wants(page, http.StatusOK, "Declined", "Person lena")
	page = d.propose("three")
	d.as("lena")
	today := url.Values{"today": {d.now().Format(time.DateOnly)}}
	d.post(page+"/confirm", today)
	d.shelf.fail = fmt.Errorf("disk: secret words")
	d.post(page+"/run", nil)
	d.run.Wait()
	if body := d.wants(page, http.StatusOK, "stopped before its end", ">Run<", "Go on with it"); strings.Contains(body, "secret words") {
		t.Error("the page shows an error")
	}
	d.shelf.fail = nil
	d.post(page+"/run", nil)
	d.run.Wait()
	d.wants(page, http.StatusOK, "/disposals/certificates/")
	// Whose date is no longer fresh cannot be run.
	page = d.propose("four")
	d.as("lena")
	d.post(page+"/confirm", today)
	d.setNow(d.now().AddDate(0, 0, 4))
	d.signIn2("lena")
	if body := d.wants(page, http.StatusOK, "no longer fresh"); strings.Contains(body, ">Run<") {
		t.Error("a date of four days ago is enough")
	}
}

func TestSpread(t *testing.T) {
	rs := govern.Runs{{1, 3}, {10, 1}, {20, 1000}}
	for n := range int64(1100) {
		got := spread(rs, n)
		if int64(len(got)) != min(n, rs.Len()) || !slices.IsSorted(got) || slices.ContainsFunc(got, func(s int64) bool { return !rs.Has(s) }) {
			t.Fatalf("%d of %v: %v", n, rs, got)
		}
	}
	if got := without(govern.Runs{{1, 10}, {20, 2}}, [][2]int64{{1, 2}, {5, 1}, {10, 1}, {20, 2}}); fmt.Sprint(got) != "[[3 2] [6 4]]" {
		t.Errorf("without: %v", got)
	}
}
