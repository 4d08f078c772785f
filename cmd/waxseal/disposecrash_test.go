package main

import (
	"bytes"
	le "encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lukechampine.com/adiantum"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// decided is an archive with a disposal that two people have decided: of two
// chats, of which one is disposed of in part and one wholly, with its photos.
func decided(t *testing.T) (p typist, request string) {
	t.Helper()
	p = firm(t)
	var some, all strings.Builder
	for i := range 80 {
		fmt.Fprintf(&some, "%d/03/2015, 09:%02d - Ana Lima: Zwiebelturm number%d old\n", 1+i/10, i%60, i)
		fmt.Fprintf(&all, "%d/04/2015, 09:%02d - Bruno: Zwiebelturm number%d too\n", 1+i/10, i%60, i)
	}
	for i := range 5 {
		fmt.Fprintf(&some, "14/05/2026, 10:%02d - Jo Doe: Petersilie number%d new\n", i, i)
	}
	folder := filepath.Join(filepath.Dir(p.dir), "WhatsApp Chat with Bruno")
	photo := "IMG-20150409-WA0001.jpg"
	fmt.Fprintf(&all, "9/04/2015, 09:00 - Bruno: %s (file attached)\n", photo)
	for name, content := range map[string]string{photo: strings.Repeat("Zwiebelturm", 20_000), "WhatsApp Chat with Bruno.txt": all.String()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", some.String()), folder, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	today := time.Now().UTC().Format(time.DateOnly)
	request = proposedOf.FindStringSubmatch(p.as("olga", "dispose", "propose", "--today", today, "--reason", "retention is over"))[1]
	p.as("lea", "request", "approve", request, "--today", today)
	return p, request
}

const decidedMessages, leftMessages = 166, 5

// TestDisposalKilledAtAnyWriteCall kills the real program at random write calls
// of a disposal. Each time: nothing is certified that was not done, no message
// is half gone, and `dispose resume` ends with one certificate.
func TestDisposalKilledAtAnyWriteCall(t *testing.T) {
	rounds := kills()
	if testing.Short() {
		rounds = 4
	}
	if _, err := exec.LookPath("strace"); err != nil && testing.Short() {
		t.Skip("strace is missing: the program is not killed in the middle of a disposal")
	}
	base, request := decided(t)
	p := program{t: t, path: binary(t)}
	run := func(dir string) []string {
		return []string{"dispose", "run", request, "--dir", dir, "--token-file", base.tokens["lea"]}
	}
	whole := base
	whole.dir = filepath.Join(t.TempDir(), "whole")
	copyDir(t, base.dir, whole.dir)
	log := filepath.Join(t.TempDir(), "calls")
	counting := p
	counting.wrap = []string{"strace", "-f", "-qq", "-o", log, "-e", "trace=" + writeCalls}
	counting.ok(run(whole.dir)...)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	calls := bytes.Count(b, []byte("\n"))
	if calls < 50 {
		t.Fatalf("only %d write calls were counted", calls)
	}
	whole.wantDone(t, request)
	r := rand.New(rand.NewPCG(11, uint64(calls)))
	for i := range rounds {
		at := 1 + (i*calls+r.IntN(calls))/rounds // all over the run's length
		t.Run(fmt.Sprintf("write call %d of %d", at, calls), func(t *testing.T) {
			p, is := p, base
			p.t, is.t = t, t
			is.dir = filepath.Join(t.TempDir(), "killed")
			copyDir(t, base.dir, is.dir)
			p.strace(writeCalls, "signal=KILL", strconv.Itoa(at)).run(run(is.dir)...)
			is.wantHonest(t)
			p.ok("verify", "--no-index", "--dir", is.dir, "--token-file", base.tokens["olga"])
			// Killed once more while it goes on.
			p.strace(writeCalls, "signal=KILL", strconv.Itoa(1+r.IntN(calls))).run("dispose", "resume", "--dir", is.dir, "--token-file", base.tokens["lea"])
			is.wantHonest(t)
			is.as("lea", "dispose", "resume")
			if !is.certified(t, request) { // it had not begun
				is.as("lea", "dispose", "run", request)
			}
			is.wantDone(t, request)
		})
	}
}

func (p typist) certified(t *testing.T, request string) bool {
	t.Helper()
	var l struct {
		Request int64
		State   string
	}
	if err := json.Unmarshal([]byte(p.as("olga", "dispose", "list", "--json")), &l); err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(l.Request, 10) == request && l.State == "certified"
}

// wantDone: all that was decided is gone, and nothing else.
func (p typist) wantDone(t *testing.T, request string) {
	t.Helper()
	if !p.certified(t, request) {
		t.Fatalf("it is not certified:\n%s", p.as("olga", "dispose", "list"))
	}
	if gone, certificates := p.wantHonest(t); gone != decidedMessages-leftMessages || certificates != 1 {
		t.Errorf("%d messages are gone by %d certificates, want %d by 1", gone, certificates, decidedMessages-leftMessages)
	}
	if out := p.as("olga", "dispose", "resume"); !strings.Contains(out, "is finished") {
		t.Errorf("something is left to do:\n%s", out)
	}
	out := p.as("olga", "chats", "--json")
	var last struct {
		Coverage struct{ Messages, Unread int64 }
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Coverage.Messages != leftMessages || last.Coverage.Unread != 0 {
		t.Errorf("%d messages are left in the index, want %d", last.Coverage.Messages, leftMessages)
	}
	if out := p.as("olga", "verify"); !strings.Contains(out, "OK") || strings.Contains(out, "not finished") {
		t.Errorf("verify:\n%s", out)
	}
	for _, word := range []string{"Zwiebelturm", "number7"} {
		p.nowhere(t, word)
	}
	if left, err := filepath.Glob(filepath.Join(p.dir, "index*.db*")); err != nil || len(left) != 1 {
		t.Errorf("files of indexes: %q, %v", left, err)
	}
}

// wantHonest opens every entry: it is whole or it is gone, and nothing is
// certified that was not done.
func (p typist) wantHonest(t *testing.T) (gone, certificates int) {
	t.Helper()
	ar, err := archive.Open(t.Context(), p.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ar.Close(); err != nil {
			t.Error(err)
		}
	}()
	items, left := 0, 0
	err = ar.Scan(t.Context(), 0, func(e record.Entry) error {
		switch e.Kind {
		case record.Item:
			items++
			if len(e.Parts) == 0 {
				gone++
				return nil
			}
			left++
			var h record.ItemHead
			if raw, err := e.Decode(&h); err != nil || len(raw) == 0 {
				t.Errorf("entry %d is half gone: %v", e.Seq, err)
			}
		case record.Certificate:
			certificates++
		case record.Init, record.Capture, record.CaptureEnd, record.Unparsed, record.Act, record.Trace, record.Disposal:
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if items != decidedMessages {
		t.Errorf("%d entries are messages, want %d", items, decidedMessages)
	}
	if certificates > 0 && left != leftMessages {
		t.Errorf("it is certified, and %d messages are there, want %d", left, leftMessages)
	}
	return gone, certificates
}

// TestWhatWasErasedComesAgain: what a data subject had erased is known by chat
// and days when it is imported again, and goes again where nothing has to keep
// it, though no policy says so; others' messages of those days stay.
func TestWhatWasErasedComesAgain(t *testing.T) {
	p := firm(t)
	said := "01/11/2026, 09:00 - Ana Lima: Zwiebelturm is my house\n01/11/2026, 09:01 - Bruno: Petersilie is mine\n"
	export := p.file("WhatsApp Chat with Garden.txt", said)
	imported := func(from string) string {
		return p.as("olga", "import", from, "--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	}
	imported(export)
	n := requestOf.FindStringSubmatch(strings.TrimPrefix(p.as("olga", "subject", "open", "erasure", "from:Ana", "--person", "Ana Lima"), "Request "))[1]
	today := time.Now().UTC().Format(time.DateOnly)
	do := func(out string) {
		t.Helper()
		request := proposedOf.FindStringSubmatch(out)[1]
		p.as("lea", "request", "approve", request, "--today", today)
		p.as("lea", "dispose", "run", request)
	}
	do(p.as("olga", "subject", "erase", n, "--today", today, "--reason", "GDPR 17"))
	if out := p.as("olga", "dispose", "due"); !strings.Contains(out, "Nothing is due") {
		t.Fatalf("due after the erasure:\n%s", out)
	}
	longer := p.file("WhatsApp Chat with Garden.txt", said+"01/11/2026, 09:02 - Bruno: Rosmarin too\n02/11/2026, 09:00 - Ana Lima: Lavendel of another day\n")
	if out := imported(longer); !strings.Contains(out, "erased for request "+n+" are due at once") {
		t.Fatalf("import:\n%s", out)
	}
	out := p.as("olga", "dispose", "propose", "--today", today, "--reason", "it was erased before")
	if !strings.Contains(out, "1 messages are due") || !strings.Contains(out, "policy erasure, certificate") {
		t.Fatalf("what was erased and came again:\n%s", out)
	}
	do(out)
	for word, want := range map[string]int{"Zwiebelturm": 0, "Petersilie": 1, "Rosmarin": 1, "Lavendel": 1} {
		if got := strings.Count(p.as("olga", "messages", "--json"), `"text":"`+word); got != want {
			t.Errorf("%s is there %d times, want %d", word, got, want)
		}
	}
	p.as("olga", "verify")
	p.nowhere(t, "Zwiebelturm")
}

// TestDiskFullWhileTheIndexIsRenewed: the old index stays and answers, nothing
// is certified, the sentence says what to do, and with room it goes on.
func TestDiskFullWhileTheIndexIsRenewed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	is, request := decided(t)
	p := program{t: t, path: binary(t)}
	run := func(dir string) []string {
		return []string{"dispose", "run", request, "--dir", dir, "--token-file", is.tokens["lea"]}
	}
	whole := filepath.Join(t.TempDir(), "whole")
	copyDir(t, is.dir, whole)
	log := filepath.Join(t.TempDir(), "calls")
	counting := p
	counting.wrap = []string{"strace", "-f", "-qq", "-y", "-o", log, "-e", "trace=pwrite64"}
	counting.ok(run(whole)...)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(is.dir, "index-*.db"))
	if err != nil || len(old) != 1 {
		t.Fatalf("%q, %v", old, err)
	}
	from := 0 // the first write to the new index
	for i, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, "index-") && !strings.Contains(line, filepath.Base(old[0])) {
			from = i + 1
			break
		}
	}
	if from == 0 {
		t.Fatal("nothing was written to the new index")
	}
	// strace counts the calls of each thread by themselves, and which thread
	// writes is chance: where none came so far, an earlier one is meant.
	before := is.dir
	for n := from + 3; ; n = n * 2 / 3 {
		if n < 4 {
			t.Fatal("the disk was full at no time")
		}
		is.dir = filepath.Join(t.TempDir(), "a")
		copyDir(t, before, is.dir)
		out, errs, code := p.strace("pwrite64", "error=ENOSPC", fmt.Sprintf("%d+", n)).run(run(is.dir)...)
		if code == exitDone || strings.Contains(out, "Done.") { // it was certified before
			continue
		}
		if code != exitFailed || !strings.Contains(errs, "disk is full") || !strings.Contains(errs, "not certified. It goes on with: waxseal dispose resume") {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
		break
	}
	if _, certificates := is.wantHonest(t); certificates != 0 {
		t.Error("it is certified")
	}
	if left, err := filepath.Glob(filepath.Join(is.dir, "index-*.db")); err != nil || len(left) != 1 { // the old one, or the new one where it was whole
		t.Errorf("files of indexes: %q, %v", left, err)
	}
	if out := is.as("olga", "search", "Petersilie"); strings.Count(out, "Petersilie") < leftMessages {
		t.Errorf("the old index does not answer:\n%s", out)
	}
	is.as("lea", "dispose", "resume")
	is.wantDone(t, request)
}

// TestServeFinishesADisposal that was cut short, when it is started.
func TestServeFinishesADisposal(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	is, request := decided(t)
	p := program{t: t, path: binary(t)}
	for at := 150; ; at += 50 { // far enough that it has begun
		p.strace(writeCalls, "signal=KILL", strconv.Itoa(at)).run("dispose", "run", request, "--dir", is.dir, "--token-file", is.tokens["lea"])
		if gone, certificates := is.wantHonest(t); certificates > 0 {
			t.Fatal("it was not cut short")
		} else if gone > 0 {
			break
		}
	}
	cmd := exec.Command(p.path, "serve", "--dir", is.dir, "--listen", "127.0.0.1:0", "--token-file", is.tokens["root"])
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if _, certificates := is.wantHonest(t); certificates > 0 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("it was not finished")
			break
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve: %v\n%s", err, errs.String())
	}
	is.wantDone(t, request)
}

// TestTheIndexKeyThatIsLeft opens no word that went, in no file of the archive,
// nor in those of a copy from before; the key from before does.
func TestTheIndexKeyThatIsLeft(t *testing.T) {
	is, request := decided(t)
	old := is
	old.dir = filepath.Join(t.TempDir(), "old")
	copyDir(t, is.dir, old.dir)
	was := old.indexKey(t)
	if !deciphers(t, old.dir, was, "zwiebelturm") {
		t.Fatal("the search does not find what is there")
	}
	is.as("lea", "dispose", "run", request)
	now := is.indexKey(t)
	for name, dir := range map[string]string{"the archive": is.dir, "an old copy": old.dir} {
		if deciphers(t, dir, now, "zwiebelturm") {
			t.Errorf("%s: the key of the index opens what went", name)
		}
	}
	if deciphers(t, is.dir, was, "zwiebelturm") {
		t.Error("the old key opens what went in a file of the archive as it is now")
	}
	if !deciphers(t, is.dir, now, "petersilie") {
		t.Error("what stayed is not there")
	}
	// The old file by the new key's name is no index: it is built anew.
	if err := os.Rename(old.index(t), is.index(t)); err != nil {
		t.Fatal(err)
	}
	if out := is.as("olga", "search", "Zwiebelturm OR Petersilie"); strings.Contains(out, "number7 old") || strings.Count(out, "Petersilie") < leftMessages {
		t.Errorf("search:\n%s", out)
	}
	is.wantDone(t, request)
}

func (p typist) index(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "index-*.db"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	return found[0]
}

func (p typist) indexKey(t *testing.T) [32]byte {
	t.Helper()
	ar, err := archive.Open(t.Context(), p.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ar.Close(); err != nil {
			t.Error(err)
		}
	}()
	return ar.IndexKey()
}

// deciphers looks for a word in all that a key makes of every file.
func deciphers(t *testing.T, dir string, key [32]byte, word string) (found bool) {
	t.Helper()
	const block = 4096
	cipher := adiantum.New(key[:])
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for at := 0; at+block <= len(b); at += block {
			var tweak [8]byte
			le.LittleEndian.PutUint64(tweak[:], uint64(at))
			cipher.Decrypt(b[at:at+block], tweak[:])
		}
		found = found || bytes.Contains(b, []byte(word))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestWhatIsDueIsNoted by the archive itself, once.
func TestWhatIsDueIsNoted(t *testing.T) {
	p := firm(t)
	p.as("olga", "import", p.file("WhatsApp Chat with Ana Lima.txt", "02/03/2015, 09:00 - Ana Lima: Zwiebelturm\n02/03/2015, 09:01 - Ana Lima: Rosmarin\n"),
		"--custodian", "j.doe", "--me", "Jo Doe", "--date-order", "dmy")
	note := func(want int64) {
		t.Helper()
		p.desk(t, func(d *dispose.Desk, _ *archive.Archive, _ func(string) govern.Actor) {
			if n, err := d.NoteDue(t.Context()); err != nil || n != want {
				t.Errorf("%d are noted, want %d (%v)", n, want, err)
			}
		})
	}
	note(0)
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	note(2)
	note(0)
	if out := p.as("olga", "audit", "--act", "dispose.due"); strings.Count(out, "dispose.due") != 1 {
		t.Errorf("audit:\n%s", out)
	}
	// What nobody proposed can be confirmed by nobody: the note decides nothing.
	if out := p.as("olga", "dispose", "list"); !strings.Contains(out, "nothing is proposed") {
		t.Errorf("list:\n%s", out)
	}
}
