package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// world is an archive and what the laws of disposal say of it.
type world struct {
	typist
	r       *rand.Rand
	exports []string              // files
	said    map[string]*saidOnce  // by word
	ruled   map[string]bool       // custodians whom a policy names
	holds   []func(saidOnce) bool // open ones
	stay    map[string]bool       // words that were there when a hold came
}

type saidOnce struct {
	word, chat, author string
	custodian          string
	old                bool
}

var wordOf = regexp.MustCompile(`wort[0-9]+x[0-9]+`)

// draw makes exports of some chats of two custodians, brings them, some in two
// parts, and gives one custodian or both a policy.
func (w *world) draw(t *testing.T) {
	t.Helper()
	w.said, w.ruled, w.stay = map[string]*saidOnce{}, map[string]bool{}, map[string]bool{}
	for chat := range 2 + w.r.IntN(2) {
		var b strings.Builder
		var prefix string
		custodian := []string{"j.doe", "k.roe"}[chat%2]
		at := time.Date(2014+w.r.IntN(4), 3, 1, 9, 0, 0, 0, time.UTC)
		n := 12 + w.r.IntN(40)
		for i := range n {
			if at = at.Add(time.Duration(1+w.r.IntN(60*24*20)) * time.Minute); i == n*3/4 {
				at = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
				prefix = b.String()
			}
			s := &saidOnce{word: fmt.Sprintf("wort%dx%d", chat, i), chat: fmt.Sprint("Chat", chat), author: []string{"Ana", "Bruno", "Jo"}[w.r.IntN(3)], custodian: custodian, old: i < n*3/4}
			w.said[s.word] = s
			fmt.Fprintf(&b, "%s - %s: %s was said\n", at.Format("02/01/2006, 15:04"), s.author, s.word)
		}
		name := fmt.Sprintf("WhatsApp Chat with Chat%d.txt", chat)
		if w.r.IntN(2) == 0 { // an earlier export has the beginning
			w.bring(w.file(name, prefix), custodian)
		}
		w.exports = append(w.exports, w.file(name, b.String()))
		w.bring(w.exports[chat], custodian)
	}
	w.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y")
	for i, c := range []string{"j.doe", "k.roe"} {
		if i == 0 || w.r.IntN(2) == 0 {
			w.ruled[c] = true
			w.as("olga", "policy", "assign", "three", "--custodian", c)
		}
	}
}

func (w *world) bring(path, custodian string) {
	w.t.Helper()
	w.as("olga", "import", path, "--custodian", custodian, "--me", "Jo", "--date-order", "dmy")
}

func (w *world) held(s saidOnce) bool {
	return slices.ContainsFunc(w.holds, func(h func(saidOnce) bool) bool { return h(s) })
}

// hold places a hold of some kind. What is there of what it covers must stay.
func (w *world) hold(t *testing.T, d *dispose.Desk, ar *archive.Archive, who govern.Actor) {
	t.Helper()
	pick := *w.said[w.words()[w.r.IntN(len(w.said))]]
	query, covers := pick.word, func(s saidOnce) bool { return s.word == pick.word }
	switch w.r.IntN(4) {
	case 0:
		query, covers = "from:"+pick.author+" in:"+pick.chat, func(s saidOnce) bool { return s.author == pick.author && s.chat == pick.chat }
	case 1:
		query, covers = "in:"+pick.chat, func(s saidOnce) bool { return s.chat == pick.chat }
	}
	_, err := d.Ledger.Do(context.WithoutCancel(t.Context()), who, govern.Request{Act: govern.ActHoldPlace, Reason: "a claim", Data: govern.HoldData{Name: fmt.Sprint("hold ", len(w.holds), w.r.Int()), Query: query}})
	if err != nil {
		t.Fatal(err)
	}
	for word := range w.there(t, ar) {
		if covers(*w.said[word]) {
			w.stay[word] = true
		}
	}
	w.holds = append(w.holds, covers)
}

func (w *world) words() []string {
	words := make([]string, 0, len(w.said))
	for word := range w.said {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

// there are the words in records that are there.
func (w *world) there(t *testing.T, ar *archive.Archive) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := ar.Scan(context.WithoutCancel(t.Context()), 0, func(e record.Entry) error {
		if e.Kind == record.Item && len(e.Parts) > 0 {
			var h record.ItemHead
			raw, err := e.Decode(&h)
			if err != nil {
				return err
			}
			out[string(wordOf.Find(raw))] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// due are the words that the law lets go now.
func (w *world) due(there map[string]bool) (out []string) {
	for _, word := range w.words() {
		if s := w.said[word]; there[word] && s.old && w.ruled[s.custodian] && !w.held(*s) {
			out = append(out, word)
		}
	}
	return out
}

// between calls fn before and after each question for holds.
type between struct {
	dispose.Archive
	fn func()
}

func (b between) Dispose(ctx context.Context, seq int64, still archive.Still, progress func(done, of int64)) (archive.Disposed, error) {
	return b.Archive.Dispose(ctx, seq, func(ctx context.Context, size int64) ([]int64, error) {
		b.fn()
		kept, err := still(ctx, size)
		b.fn()
		return kept, err
	}, progress)
}

// TestLawsOfDisposal draws archives, policies and holds, and disposes of what
// is due, while holds come at any moment and the run is cut short at any. What
// was there when a hold came stays; what no policy names stays; all else that
// was due goes, once; the certificate counts right; the archive verifies, the
// index is the one that is built from nothing; and what is imported again is
// new, and due at once.
func TestLawsOfDisposal(t *testing.T) {
	rounds := max(6, kills()/3)
	if testing.Short() {
		rounds = 3
	}
	base := firm(t)
	for i := range rounds {
		t.Run(fmt.Sprint("seed ", i), func(t *testing.T) {
			w := &world{typist: base, r: rand.New(rand.NewPCG(23, uint64(i)))}
			w.t, w.dir = t, filepath.Join(t.TempDir(), "a")
			copyDir(t, base.dir, w.dir)
			w.draw(t)
			w.round(t)
			for i, path := range w.exports {
				w.bring(path, []string{"j.doe", "k.roe"}[i%2])
			}
			w.round(t)
		})
	}
}

// round proposes what is due, and does it.
func (w *world) round(t *testing.T) {
	t.Helper()
	w.desk(t, func(d *dispose.Desk, ar *archive.Archive, as func(string) govern.Actor) {
		olga, lea := as("olga"), as("lea")
		if w.r.IntN(2) == 0 {
			w.hold(t, d, ar, olga)
		}
		before := w.there(t, ar)
		want := w.due(before)
		due, err := d.Due(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(due.Messages) != len(want) {
			t.Fatalf("%d messages are due, want %d", len(due.Messages), len(want))
		}
		if len(want) == 0 {
			return
		}
		today := time.Now().UTC().Format(time.DateOnly)
		request, err := d.Propose(t.Context(), olga, due, today, "retention is over")
		if err == nil {
			_, err = d.Approve(t.Context(), lea, govern.Decision{Request: request, Today: today}, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		certificate := w.run(t, d, ar, olga, request)
		after := w.there(t, ar)
		gone := 0
		for word := range before {
			switch s := w.said[word]; {
			case after[word] && slices.Contains(want, word) && !w.stay[word]:
				t.Errorf("%s was due and not held, and is there", word)
			case after[word]:
			case w.stay[word]:
				t.Errorf("%s is held, and is gone", word)
			case !slices.Contains(want, word):
				t.Errorf("%s of %s was not due, and is gone", word, s.custodian)
			default:
				gone++
			}
		}
		w.counts(t, d, ar, certificate, due, gone)
		r, err := ar.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil || !r.OK() {
			t.Errorf("verify: %+v, %v", r, err)
		}
	})
	if out := w.as("olga", "verify"); !strings.Contains(out, "OK") {
		t.Errorf("verify:\n%s", out)
	}
}

// run does a disposal that was decided. Holds come between any two steps, and
// it is cut short at some.
func (w *world) run(t *testing.T, d *dispose.Desk, ar *archive.Archive, olga govern.Actor, request int64) (certificate int64) {
	t.Helper()
	holds, cuts := w.r.IntN(3), w.r.IntN(4)
	for {
		ctx, cancel := context.WithCancel(t.Context())
		cut := func() {
			if cuts > 0 && w.r.IntN(3) == 0 {
				cuts--
				cancel()
			}
		}
		is := dispose.Desk{Index: d.Index, Ledger: d.Ledger, Now: d.Now}
		is.Archive = between{d.Archive, func() {
			if holds > 0 && w.r.IntN(3) == 0 {
				holds--
				w.hold(t, d, ar, olga)
			}
			cut()
		}}
		is.Renew = func(ctx context.Context, progress func(done, of int64)) error {
			cut()
			err := d.Renew(ctx, progress)
			cut()
			return err
		}
		n, err := is.Run(ctx, request, func(string, int64, int64) { cut() })
		wasCut := ctx.Err() != nil
		cancel()
		if err == nil {
			return n
		}
		if !wasCut {
			t.Fatal(err)
		}
		if _, err := ar.Acts(t.Context(), 0, func(e record.Entry) error {
			var h record.CertificateHead
			if e.Kind != record.Certificate {
				return nil
			}
			if _, err := e.Decode(&h); err != nil {
				return err
			}
			var c dispose.Certificate
			if err := json.Unmarshal(h.Data, &c); err != nil || c.Request == request {
				return fmt.Errorf("it was cut short and is certified (%w)", err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// counts compares a certificate with what happened.
func (w *world) counts(t *testing.T, d *dispose.Desk, ar *archive.Archive, certificate int64, due *dispose.Due, gone int) {
	t.Helper()
	c, err := d.Certificate(t.Context(), certificate)
	if err != nil {
		t.Fatal(err)
	}
	kept := int64(0)
	for _, k := range c.Data.KeptUnder {
		kept += k.N
	}
	if c.Data.Messages != int64(gone) || c.Data.Messages+kept != int64(len(due.Messages)) {
		t.Errorf("the certificate says that %d messages went and %d stayed; %d of %d went", c.Data.Messages, kept, gone, len(due.Messages))
	}
	empty := int64(0)
	es, err := ar.Get(t.Context(), due.Data.Entries.Seqs())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if len(e.Parts) == 0 {
			empty++
		}
	}
	if c.Head.Records != empty || c.Head.Records+govern.Runs(c.Head.Kept).Len() != int64(len(es)) {
		t.Errorf("the certificate says that %d records went and %d stayed; %d of %d went", c.Head.Records, govern.Runs(c.Head.Kept).Len(), empty, len(es))
	}
}
