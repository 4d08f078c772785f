package main

import (
	"context"
	"io"
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
