package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// binary builds the real program, as it is shipped.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "waxseal")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// program runs the real binary.
type program struct {
	t    *testing.T
	path string
	wrap []string // a command before it
}

func (p program) run(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	all := append(append([]string(nil), p.wrap...), p.path)
	all = append(all, args...)
	cmd := exec.Command(all[0], all[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "TZ=UTC")
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			p.t.Fatalf("run %v: %v", all, err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (p program) ok(args ...string) string {
	p.t.Helper()
	out, errs, code := p.run(args...)
	if code != 0 {
		p.t.Fatalf("waxseal %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// strace wraps the program so that its n-th call of a kind is met by an event:
// "signal=KILL" or "error=ENOSPC".
func (p program) strace(calls, event, when string) program {
	p.t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		p.t.Fatal("strace is missing: ./test installs what the tests need")
	}
	p.wrap = []string{path, "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:%s:when=%s", calls, event, when)}
	return p
}

// export writes a chat export of n messages with attachments into dir.
func export(t *testing.T, dir string, n int) string {
	t.Helper()
	folder := filepath.Join(dir, "WhatsApp Chat with Ana Lima")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range n {
		day, minute := i/600+1, i%600
		stamp := fmt.Sprintf("%02d/05/2024, %02d:%02d", day+12, minute/60+8, minute%60)
		if i%50 == 7 {
			name := fmt.Sprintf("IMG-202405%02d-WA%04d.jpg", day+12, i)
			if err := os.WriteFile(filepath.Join(folder, name), bytes.Repeat([]byte(name), 500), 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s - Bob Stone: %s (file attached)\n", stamp, name)
			continue
		}
		fmt.Fprintf(&b, "%s - %s: message %d about the contract\n", stamp, []string{"Ana Lima", "Bob Stone"}[i%2], i)
	}
	if err := os.WriteFile(filepath.Join(folder, "WhatsApp Chat with Ana Lima.txt"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

const writeCalls = "pwrite64,write,fsync,fdatasync,renameat,renameat2,unlinkat,ftruncate"

// countWrites is how many write calls a whole import makes.
func countWrites(t *testing.T, p program, dir, from string) int {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	p.wrap = []string{"strace", "-f", "-qq", "-o", log, "-e", "trace=" + writeCalls}
	p.ok("import", "--dir", dir, "--tz", "UTC", from)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

// kills is how many times the import is killed: a few dozen in ./test, more
// with WAXSEAL_KILLS.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("WAXSEAL_KILLS")); err == nil {
		return n
	}
	return 30
}

// TestKilledAtAnyWriteCall kills the real program at random write calls of an
// import. Each time: the archive verifies, the same import goes on where it
// was, and in the end everything is there once.
func TestKilledAtAnyWriteCall(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary dozens of times")
	}
	const messages = 1500
	tmp := t.TempDir()
	p := program{t: t, path: binary(t)}
	from := export(t, tmp, messages)
	base := filepath.Join(tmp, "base")
	p.ok("init", "--dir", base, "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	whole := filepath.Join(tmp, "whole")
	copyDir(t, base, whole)
	calls := countWrites(t, p, whole, from)
	if calls < 50 {
		t.Fatalf("only %d write calls were counted", calls)
	}
	r := rand.New(rand.NewPCG(7, uint64(calls)))
	for i := range kills() {
		at := 1 + r.IntN(calls)
		t.Run(fmt.Sprintf("write call %d of %d", at, calls), func(t *testing.T) {
			p := p
			p.t = t
			dir := filepath.Join(tmp, fmt.Sprint("killed", i))
			copyDir(t, base, dir)
			defer func() { _ = os.RemoveAll(dir) }() // room for the next
			p.strace(writeCalls, "signal=KILL", strconv.Itoa(at)).run("import", "--dir", dir, "--tz", "UTC", from)
			wantWholeAfter(t, p, dir, from, messages)
		})
	}
}

// wantWholeAfter verifies the archive, imports again, and counts.
func wantWholeAfter(t *testing.T, p program, dir, from string, messages int) {
	t.Helper()
	p.ok("verify", "--dir", dir, "--no-index")
	p.ok("import", "--dir", dir, "--tz", "UTC", from)
	p.ok("verify", "--dir", dir)
	out := p.ok("chats", "--dir", dir, "--json")
	var last struct {
		Coverage struct{ Messages, Unread int64 }
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Coverage.Messages != int64(messages) || len(lines) != 2 {
		t.Fatalf("%d messages in %d chats, want %d in 1", last.Coverage.Messages, len(lines)-1, messages)
	}
}

// TestDiskFull lets writes fail for want of room from some call on. The error
// is clear, nothing acknowledged is lost, and the import goes on when there is
// room.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary many times")
	}
	const messages = 1500
	tmp := t.TempDir()
	p := program{t: t, path: binary(t)}
	from := export(t, tmp, messages)
	base := filepath.Join(tmp, "base")
	p.ok("init", "--dir", base, "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	for _, at := range []int{1, 5, 20, 60, 110} {
		t.Run(fmt.Sprintf("from write call %d", at), func(t *testing.T) {
			p := p
			p.t = t
			dir := filepath.Join(tmp, fmt.Sprint("full", at))
			copyDir(t, base, dir)
			out, errs, code := p.strace("pwrite64", "error=ENOSPC", fmt.Sprintf("%d+", at)).run("import", "--dir", dir, "--tz", "UTC", from)
			if code != 1 || !strings.Contains(errs, "disk is full") {
				t.Fatalf("exit %d\n%s%s", code, out, errs)
			}
			wantWholeAfter(t, p, dir, from, messages)
		})
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
