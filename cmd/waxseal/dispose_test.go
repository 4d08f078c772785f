package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// firm is an archive with an administrator, an officer and a lawyer.
func firm(t *testing.T) typist {
	t.Helper()
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a"), tokens: map[string]string{}}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	_, codes := p.enrol("root", access.Administrator, p.ok("user", "add", "root", "--name", "Ruth Root", "--role", "administrator"))
	root := func(args ...string) []string {
		code := codes[0]
		codes = codes[1:]
		return append(args, "--as", "root", "--as-password-file", filepath.Join(filepath.Dir(p.dir), "root.password"), "--as-code", code)
	}
	p.enrol("olga", access.Officer, p.ok(root("user", "add", "olga", "--name", "Olga Officer", "--role", "officer")...))
	invited := p.ok(root("user", "add", "lea", "--name", "Lea Legal", "--role", "legal")...)
	p.ok("request", "approve", requestOf.FindStringSubmatch(p.as("olga", "request", "list"))[1], "--token-file", p.tokens["olga"])
	p.enrol("lea", access.Legal, invited)
	return p
}

// as types a command as somebody, and it must succeed.
func (p typist) as(login string, args ...string) string {
	p.t.Helper()
	return p.ok(append(args, "--token-file", p.tokens[login])...)
}

// refused types a command as somebody, and it must be refused.
func (p typist) refused(login string, args ...string) string {
	p.t.Helper()
	out, errs, code := p.run(append(args, "--token-file", p.tokens[login])...)
	if code != exitRefused {
		p.t.Fatalf("waxseal %s as %s: exit %d, want %d\n%s%s", strings.Join(args, " "), login, code, exitRefused, out, errs)
	}
	return errs
}

var proposedOf = regexp.MustCompile(`request (\d+)`)

// TestDisposalFromPolicyToCertificate is what the whole of governance is for:
// a policy lets old messages go, a hold keeps some, two people decide, what
// goes is gone, what stays is whole, and a certificate says so.
func TestDisposalFromPolicyToCertificate(t *testing.T) {
	p := firm(t)
	var old strings.Builder
	for i := range 30 {
		fmt.Fprintf(&old, "%d/03/2015, 09:%02d - Ana Lima: Zwiebelturm number%d old\n", 1+i/10, i, i)
	}
	for i := range 5 {
		fmt.Fprintf(&old, "14/05/2026, 10:%02d - Jo Doe: Petersilie number%d new\n", i, i)
	}
	export := p.file("WhatsApp Chat with Ana Lima.txt", old.String())
	held := p.file("WhatsApp Chat with Bruno.txt", "02/03/2015, 08:00 - Bruno: Rosmarin is held\n02/03/2015, 08:01 - Jo Doe: Rosmarin too\n")
	p.as("olga", "import", export, held, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")

	today := time.Now().UTC().Format(time.DateOnly)
	if out := p.as("olga", "dispose", "due"); !strings.Contains(out, "Nothing is due") {
		t.Fatalf("without a policy something is due:\n%s", out)
	}
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	p.place(t, "in:Bruno")

	out := p.as("olga", "dispose", "due")
	if !strings.Contains(out, "30 messages are due") || !strings.Contains(out, "2 would be due and are kept by hold") {
		t.Fatalf("due:\n%s", out)
	}
	p.refused("olga", "dispose", "propose", "--today", "2020-01-01", "--reason", "retention is over")
	p.refused("lea", "dispose", "propose", "--today", today, "--reason", "retention is over")
	request := proposedOf.FindStringSubmatch(p.as("olga", "dispose", "propose", "--today", today, "--reason", "retention is over"))[1]
	p.refused("olga", "request", "approve", request, "--today", today)
	p.refused("lea", "dispose", "run", request) // not confirmed yet
	p.refused("lea", "request", "approve", request)
	p.as("lea", "request", "approve", request, "--today", today)
	if out := p.as("lea", "dispose", "run", request); !strings.Contains(out, "Certificate") {
		t.Fatalf("run:\n%s", out)
	}
	p.refused("lea", "dispose", "run", request) // twice

	if out := p.as("olga", "search", "Zwiebelturm"); strings.Contains(out, "old") {
		t.Fatalf("what was disposed of is found:\n%s", out)
	}
	if out := p.as("olga", "search", "Petersilie"); strings.Count(out, "Petersilie") < 5 {
		t.Fatalf("what stayed is not found:\n%s", out)
	}
	if out := p.as("olga", "search", "Rosmarin"); strings.Count(out, "Rosmarin") < 2 {
		t.Fatalf("what is held is not found:\n%s", out)
	}
	if out := p.as("olga", "verify"); !strings.Contains(out, "OK") {
		t.Fatalf("verify:\n%s", out)
	}
	if out := p.as("olga", "dispose", "list"); !strings.Contains(out, "certified") {
		t.Fatalf("list:\n%s", out)
	}
	p.nowhere(t, "Zwiebelturm")
	// What is imported again is new, and due at once.
	if out := p.as("olga", "import", export, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy"); !strings.Contains(out, "30 messages are of a chat and a time of which certificate") {
		t.Fatalf("the import does not say that they were disposed of:\n%s", out)
	}
	if out := p.as("olga", "dispose", "due"); !strings.Contains(out, "30 messages are due") {
		t.Fatalf("imported again:\n%s", out)
	}
}

// nowhere looks for a word in every file of the archive.
func (p typist) nowhere(t *testing.T, word string) {
	t.Helper()
	err := filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(strings.ToLower(string(b)), strings.ToLower(word)) {
			t.Errorf("%s holds %q in clear", filepath.Base(path), word)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// place places a hold by a query, as olga.
func (p typist) place(t *testing.T, query string) {
	t.Helper()
	p.as("olga", "hold", "place", query, "--name", "Bruno's claim", "--reason", "litigation is expected")
}

// TestVerifyAsksWhoDecided: whoever holds the keys can write that something
// was disposed of, or certified; nobody has decided it.
func TestVerifyAsksWhoDecided(t *testing.T) {
	p := firm(t)
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n"), "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	p.desk(t, func(d *dispose.Desk, ar *archive.Archive, _ func(string) govern.Actor) {
		due, err := d.Due(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		part, err := record.Part(record.DisposalHead{Request: 5, Entries: due.Data.Entries, Evidence: due.Data.Evidence}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ar.Append(t.Context(), []record.Record{{Kind: record.Disposal, Parts: [][]byte{part}}})
		if err != nil {
			t.Fatal(err)
		}
		still := func(context.Context, int64) ([]int64, error) { return nil, nil }
		if _, err := ar.Dispose(t.Context(), got[0].Seq, still, nil); err != nil {
			t.Fatal(err)
		}
		if part, err = record.Part(record.CertificateHead{Disposal: got[0].Seq}, nil); err == nil {
			_, err = ar.Append(t.Context(), []record.Record{{Kind: record.Certificate, Parts: [][]byte{part}}})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	out, errs, code := p.run("verify", "--no-index", "--token-file", p.tokens["olga"])
	if code != exitTampered || strings.Count(out, "no decision of two people") != 2 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}
