package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// desk runs fn at the desk of the archive, with somebody as they sign in.
func (p typist) desk(t *testing.T, fn func(*dispose.Desk, *archive.Archive, func(login string) govern.Actor)) {
	t.Helper()
	a := &app{ctx: t.Context(), cli: &cli{Dir: p.dir}, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	ar, err := a.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ar.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = a.onIndex(ar, func(x *index.Index) error {
		d, _, err := a.desk(ar, x)
		if err != nil {
			return err
		}
		fn(d, ar, func(login string) (who govern.Actor) {
			if err := d.Ledger.Read(a.ctx, func(s *govern.State) (err error) { who.Subject, err = s.Subject(login); return err }); err != nil {
				t.Fatal(err)
			}
			return who
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// decided is a disposal of what is due, which olga proposed and lea confirmed.
func (p typist) decided(t *testing.T) (request string) {
	t.Helper()
	today := time.Now().UTC().Format(time.DateOnly)
	out := p.as("olga", "dispose", "propose", "--today", today, "--reason", "retention is over")
	m := proposedOf.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("nothing was proposed:\n%s", out)
	}
	p.as("lea", "request", "approve", m[1], "--today", today)
	return m[1]
}

// TestHoldCoversWhatItNamesUnderAnotherRecord: a hold names messages by their
// records; which of them a message is known by may change.
func TestHoldCoversWhatItNamesUnderAnotherRecord(t *testing.T) {
	p := firm(t)
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"),
		"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.as("olga", "import", p.file("WhatsApp Chat - Ana Lima.txt", "[02/03/2015, 09:00:10] Ana Lima: Zwiebelturm\n[02/03/2015, 09:01:10] Ana Lima: Rosmarin\n"),
		"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	p.desk(t, func(d *dispose.Desk, _ *archive.Archive, as func(string) govern.Actor) {
		due, err := d.Due(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		records, err := d.Index.Records(t.Context(), due.Messages[:1])
		if err != nil || len(due.Messages) != 2 || len(records) != 2 {
			t.Fatalf("%d messages are due, the first with the records %v (%v); want 2 with 2 each", len(due.Messages), records, err)
		}
		_, err = d.Ledger.Do(t.Context(), as("olga"), govern.Request{Act: govern.ActHoldPlace, Reason: "a claim", Data: govern.HoldData{Name: "claim", Messages: govern.Runs{{records[1], 1}}}})
		if err != nil {
			t.Fatal(err)
		}
		if due, err = d.Due(t.Context(), time.Now()); err != nil || len(due.Messages) != 1 {
			t.Errorf("%d messages are due, and one of them is held by its second record (%v)", len(due.Messages), err)
		}
	})
}

// TestTwoProcessesAtOneDisposal: whoever is faster certifies, and the other
// gives the same certificate.
func TestTwoProcessesAtOneDisposal(t *testing.T) {
	p := firm(t)
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"),
		"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	request, err := strconv.ParseInt(p.decided(t), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	p.desk(t, func(slow *dispose.Desk, ar *archive.Archive, _ func(string) govern.Actor) {
		var first int64
		renew := slow.Renew
		slow.Renew = func(ctx context.Context, progress func(done, of int64)) error {
			p.desk(t, func(fast *dispose.Desk, _ *archive.Archive, _ func(string) govern.Actor) {
				if first, err = fast.Run(ctx, request, nil); err != nil {
					t.Fatal(err)
				}
			})
			return renew(ctx, progress)
		}
		second, err := slow.Run(t.Context(), request, nil)
		if err != nil || second != first {
			t.Errorf("certificates %d and %d (%v)", first, second, err)
		}
		n := 0
		if _, err := ar.Acts(t.Context(), 0, func(e record.Entry) error {
			if e.Kind == record.Certificate {
				n++
			}
			return nil
		}); err != nil || n != 1 {
			t.Errorf("%d certificates (%v)", n, err)
		}
	})
	p.as("olga", "verify")
}

// TestAnOrderStandsAgainstErasure: what an authority ordered to keep is kept
// from a data subject's erasure, whether a policy names it or not.
func TestAnOrderStandsAgainstErasure(t *testing.T) {
	p := firm(t)
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"),
		"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.desk(t, func(d *dispose.Desk, _ *archive.Archive, as func(string) govern.Actor) {
		if due, _, err := d.Erasure(t.Context(), "Zwiebelturm", time.Now()); err != nil || len(due.Messages) != 1 {
			t.Fatalf("before the order: %v", err)
		}
		_, err := d.Ledger.Do(t.Context(), as("olga"), govern.Request{Act: govern.ActPolicyOrder, Reason: "an inquiry", Data: govern.PolicyProlong{Authority: "SEC", Extra: retain.Period{Years: 30}}})
		if err != nil {
			t.Fatal(err)
		}
		due, kept, err := d.Erasure(t.Context(), "Zwiebelturm", time.Now())
		if err != nil || len(due.Messages) != 0 || len(kept) != 1 {
			t.Errorf("an order keeps it, and %d messages would be erased (%v)", len(due.Messages), err)
		}
	})
}

// TestWhatStaysIsReadAsBefore: a capture of which nothing stays may have said
// how to read another's records that do.
func TestWhatStaysIsReadAsBefore(t *testing.T) {
	p := firm(t)
	old := "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"
	chat := func(text string, more ...string) {
		t.Helper()
		args := append([]string{"import", p.file("WhatsApp Chat with Ana Lima.txt", text), "--custodian", "j.doe", "--me", "Jo Doe", "--token-file", p.tokens["olga"]}, more...)
		if out, errs, code := p.run(args...); code != exitDone && code != exitIncomplete {
			t.Fatalf("import: exit %d\n%s%s", code, out, errs)
		}
	}
	chat(old + "04/05/2026, 09:00 - Ana Lima: Petersilie\n")
	chat(old, "--date-order", "dmy")
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	p.as("lea", "dispose", "run", p.decided(t))
	if out := p.as("olga", "search", "Petersilie"); !strings.Contains(out, "2026-05-04 09:00") || strings.Contains(out, "uncertain") {
		t.Errorf("what stays is read in another way:\n%s", out)
	}
	p.as("olga", "verify")
	// A third import follows.
	chat(old+"04/05/2026, 09:00 - Ana Lima: Petersilie\n04/05/2026, 09:01 - Ana Lima: Dill\n", "--date-order", "dmy")
	p.as("olga", "verify")
	if out := p.as("olga", "dispose", "due"); !strings.Contains(out, "2 messages are due") {
		t.Errorf("due:\n%s", out)
	}
}

// TestCapturesGoWithTheLastOfThem: of a chat that was exported again and again
// and went in parts, nothing stays.
func TestCapturesGoWithTheLastOfThem(t *testing.T) {
	p := firm(t)
	chat := p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 08:00 - Messages and calls are end-to-end encrypted.\n02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n")
	for range 3 {
		p.as("olga", "import", chat, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	}
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	p.place(t, "Rosmarin")
	p.as("lea", "dispose", "run", p.decided(t))
	p.as("olga", "verify")
	hold := requestOf.FindStringSubmatch(p.as("olga", "hold", "list"))[1]
	release := proposedOf.FindStringSubmatch(p.as("olga", "hold", "release", hold, "--reason", "settled"))[1]
	p.as("lea", "request", "approve", release)
	p.as("lea", "dispose", "run", p.decided(t))
	p.as("olga", "verify")
	p.desk(t, func(d *dispose.Desk, ar *archive.Archive, _ func(string) govern.Actor) {
		rows, err := d.Index.Captures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if es, err := ar.Get(t.Context(), []int64{r.Seq}); err != nil || len(es[0].Parts) > 0 {
				t.Errorf("the record of capture %d is there (%v)", r.Seq, err)
			}
		}
		if due, err := d.Due(t.Context(), time.Now()); err != nil || len(due.Messages) > 0 {
			t.Errorf("something is due (%v)", err)
		}
	})
}

// TestResumedAfterEachStep: a run that was cut short behind the archive's part,
// or behind the index's, is finished by resume, and its certificate says what
// was kept meanwhile.
func TestResumedAfterEachStep(t *testing.T) {
	for _, step := range []string{"before the index", "after the index"} {
		p := firm(t)
		p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"),
			"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
		p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
		request, err := strconv.ParseInt(p.decided(t), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		p.place(t, "Rosmarin")
		p.desk(t, func(d *dispose.Desk, _ *archive.Archive, _ func(string) govern.Actor) {
			killed, renew := errors.New("killed"), d.Renew
			d.Renew = func(ctx context.Context, progress func(done, of int64)) error {
				if step == "after the index" {
					if err := renew(ctx, progress); err != nil {
						t.Fatal(err)
					}
				}
				return killed
			}
			if _, err := d.Run(t.Context(), request, nil); !errors.Is(err, killed) {
				t.Fatal(err)
			}
		})
		if out := p.as("olga", "verify", "--no-index"); !strings.Contains(out, "not finished") {
			t.Errorf("%s: verify:\n%s", step, out)
		}
		out := p.as("lea", "dispose", "resume")
		certificate := certificateOf.FindStringSubmatch(out)
		if certificate == nil {
			t.Fatalf("%s: resume:\n%s", step, out)
		}
		if out := p.as("olga", "dispose", "certificate", certificate[1]); !strings.Contains(out, "1 messages: the content of 1 records and 1 files") || !strings.Contains(out, "1 messages, which hold") {
			t.Errorf("%s: certificate:\n%s", step, out)
		}
		if out := p.as("olga", "search", "Rosmarin"); !strings.Contains(out, "1 hit") {
			t.Errorf("%s: what is held is not there:\n%s", step, out)
		}
		p.as("olga", "verify")
		p.nowhere(t, "Zwiebelturm")
	}
}

var certificateOf = regexp.MustCompile(`Certificate (\d+)`)

// TestFilesThatCameAfterTheDecision: an export that was imported between the
// decision and the run has the words, too, and brought no new record of them.
func TestFilesThatCameAfterTheDecision(t *testing.T) {
	p := firm(t)
	old := "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n"
	chat := func(text string) {
		t.Helper()
		p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", text), "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	}
	chat(old)
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	request := p.decided(t)
	later := old + "24/11/2026, 09:00 - Ana Lima: Petersilie\n"
	chat(later)
	p.as("lea", "dispose", "run", request)
	p.desk(t, func(_ *dispose.Desk, ar *archive.Archive, _ func(string) govern.Actor) {
		for _, text := range []string{old, later} {
			sum := sha256.Sum256([]byte(text))
			if c, err := ar.OpenBlob(t.Context(), hex.EncodeToString(sum[:])); !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("a file with what was disposed of is there (%v)", errors.Join(err, c.Close()))
			}
		}
	})
	p.as("olga", "verify")
	if out := p.as("olga", "search", "Petersilie"); !strings.Contains(out, "1 hit") {
		t.Errorf("what stays:\n%s", out)
	}
}
