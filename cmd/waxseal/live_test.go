package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// listening is the real program that listens for deliveries.
type listening struct {
	t    *testing.T
	p    program
	dir  string
	cmd  *exec.Cmd
	base string // of the console
	hook string // where deliveries go
	http *http.Client

	mu   sync.Mutex
	errs bytes.Buffer
}

// Write takes the program's log.
func (s *listening) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs.Write(b)
}

func (s *listening) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs.String()
}

const appSecret = "an app secret of a test"

// withSource makes an archive with one source.
func withSource(t *testing.T, p program, more ...string) (dir string) {
	t.Helper()
	tmp := t.TempDir()
	dir = filepath.Join(tmp, "a")
	for name, text := range map[string]string{"app": appSecret, "verify": "the verify token", "access": "an access token"} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.ok("init", "--dir", dir, "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	p.ok(append([]string{
		"source", "add", "cloudapi", "main", "--dir", dir, "--phone-id", "106540352242922=+15550783881",
		"--app-secret-file", filepath.Join(tmp, "app"), "--verify-token-file", filepath.Join(tmp, "verify"), "--access-token-file", filepath.Join(tmp, "access"), "--graph", "http://127.0.0.1:9",
	}, more...)...)
	return dir
}

var arriveAt = regexp.MustCompile(`arrive at (\S+)\.$`)

// listen starts the program. Where it ends before it listens, ok is false.
func listen(t *testing.T, p program, dir string, args ...string) (s *listening, ok bool) {
	t.Helper()
	s = &listening{t: t, p: p, dir: dir, http: &http.Client{Timeout: 10 * time.Second}}
	all := append(append([]string(nil), p.wrap...), p.path, "serve", "--dir", dir, "--listen", "127.0.0.1:0", "--disk-floor", "1")
	all = append(all, args...)
	s.cmd = exec.Command(all[0], all[1:]...)
	s.cmd.Env = append(os.Environ(), "TZ=UTC")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Stderr = s
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	apart := strings.Contains(strings.Join(args, " "), "--hooks-listen")
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if u, _, is := strings.Cut(line, "/sign-in"); is && strings.HasPrefix(u, "http") {
			s.base, s.hook = u, u+"/hooks/main"
		}
		if m := arriveAt.FindStringSubmatch(line); m != nil {
			s.hook = "http://" + m[1] + "/hooks/main"
			break
		}
		if s.base != "" && !apart {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	return s, s.hook != ""
}

func mustListen(t *testing.T, p program, dir string, args ...string) *listening {
	t.Helper()
	s, ok := listen(t, p, dir, args...)
	if !ok {
		t.Fatalf("it does not listen\n%s", s.log())
	}
	return s
}

// kill ends it at once, and end as an operator does.
func (s *listening) kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may have gone
	_ = s.cmd.Wait()                                      // killed, as it was to be
}

func (s *listening) end() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("serve: %v\n%s", err, s.log())
	}
}

func (s *listening) post(body, secret string) (int, error) {
	r, err := http.NewRequest(http.MethodPost, s.hook, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(m.Sum(nil)))
	r.Header.Set("Content-Type", "application/json")
	w, err := s.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, w.Body)
	return w.StatusCode, errors.Join(err, w.Body.Close())
}

func (s *listening) mustPost(body, secret string, want int) {
	s.t.Helper()
	if got, err := s.post(body, secret); err != nil || got != want {
		s.t.Fatalf("answered %d, %v, want %d\n%s", got, err, want, s.log())
	}
}

// delivered is a body with messages "word <n>".
func delivered(ns ...int) string {
	var ms []string
	for _, n := range ns {
		ms = append(ms, fmt.Sprintf(`{"from":"16505551234","id":"wamid.%d","timestamp":"%d","type":"text","text":{"body":"word w%d e\u00e9 \u0645\u0631\u062d\u0628\u0627"}}`, n, 1749416383+n, n))
	}
	return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Sheena Nelson"},"wa_id":"16505551234"}],"messages":[` +
		strings.Join(ms, ",") + `]},"field":"messages"}]}]}`
}

// words are how often each "w<n>" is in the archive.
func words(p program, dir string) map[string]int {
	p.t.Helper()
	all := map[string]int{}
	for line := range strings.Lines(p.ok("messages", "--dir", dir, "--json")) {
		var m struct{ Text string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			p.t.Fatal(err)
		}
		if f := strings.Fields(m.Text); len(f) > 1 {
			all[f[1]]++
		}
	}
	return all
}

func TestDeliveriesAreServed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	p := program{t: t, path: binary(t)}
	dir := withSource(t, p)
	s := mustListen(t, p, dir)
	w, err := s.http.Get(s.hook + "?hub.mode=subscribe&hub.verify_token=the+verify+token&hub.challenge=4711")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(w.Body); err != nil || string(b) != "4711" || w.StatusCode != http.StatusOK || w.Body.Close() != nil {
		t.Errorf("verification: %d %q %v", w.StatusCode, b, err)
	}
	s.mustPost(delivered(1), "a wrong secret", http.StatusUnauthorized)
	s.mustPost(delivered(1), appSecret, http.StatusOK)
	s.mustPost(delivered(2, 3, 4), appSecret, http.StatusOK)
	s.mustPost(delivered(2, 3, 4), appSecret, http.StatusOK)
	s.mustPost("signed, and nobody understands it", appSecret, http.StatusOK)
	s.mustPost(strings.Repeat("x", 9<<20), appSecret, http.StatusRequestEntityTooLarge)

	// What is changed in the books counts without a restart.
	rotated := filepath.Join(filepath.Dir(dir), "rotated")
	if err := os.WriteFile(rotated, []byte("another secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := p.ok("source", "rotate", "main", "--dir", dir, "--app-secret-file", rotated)
	old := strings.Fields(out[strings.LastIndex(out, ":"):])[2]
	s.within("the new secret counts", func() bool { n, err := s.post(delivered(5), "another secret"); return err == nil && n == http.StatusOK })
	s.mustPost(delivered(6), appSecret, http.StatusOK)
	p.ok("source", "rotate", "main", "--dir", dir, "--drop", old)
	s.within("the old secret is gone", func() bool {
		n, err := s.post(delivered(7), appSecret)
		return err == nil && n == http.StatusUnauthorized
	})
	p.ok("source", "add", "cloudapi", "second", "--dir", dir, "--phone-id", "7=+15550783882", "--app-secret-file", rotated)
	main := s.hook
	s.hook = s.base + "/hooks/second"
	s.within("another source listens", func() bool { n, err := s.post(delivered(8), "another secret"); return err == nil && n == http.StatusOK })
	p.ok("source", "remove", "second", "--dir", dir)
	s.within("it listens no longer", func() bool {
		n, err := s.post(delivered(9), "another secret")
		return err == nil && n == http.StatusNotFound
	})
	s.hook = main
	if got := words(p, dir); got["w1"] != 1 || got["w2"] != 1 || got["w4"] != 1 || got["w6"] != 1 || got["w8"] != 1 {
		t.Errorf("archived: %v", got)
	}
	s.end()
	if l := s.log(); strings.Contains(l, "word") || strings.Contains(l, "16505551234") || strings.Contains(l, appSecret) {
		t.Errorf("the log quotes a message or a secret:\n%s", l)
	}
	p.ok("verify", "--dir", dir)
}

// within waits for what the program notices by itself.
func (s *listening) within(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within 10 s: %s\n%s", what, s.log())
		}
	}
}

// TestKilledWhileItListens kills the real program at any write call of
// deliveries. What was answered 200 is there; what was not comes again, and is
// there once.
func TestKilledWhileItListens(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary dozens of times")
	}
	p := program{t: t, path: binary(t)}
	base := withSource(t, p)
	bodies := make([]string, 24)
	for i := range bodies {
		bodies[i] = delivered(100*i, 100*i+1)
		if i%3 == 0 {
			bodies[i] = delivered(100 * i)
		}
	}
	tmp := t.TempDir()
	calls := writesOfAThread(t, p, base, tmp, bodies)
	r := mathrand.New(mathrand.NewPCG(11, uint64(calls)))
	acked := 0
	for i := range kills() {
		at := 1 + r.IntN(calls)
		t.Run(fmt.Sprintf("write call %d", at), func(t *testing.T) {
			p := p
			p.t = t
			dir := filepath.Join(tmp, fmt.Sprint("killed", i))
			copyDir(t, base, dir)
			defer func() { _ = os.RemoveAll(dir) }() // room for the next
			s, ok := listen(t, p.strace(writeCalls, "signal=KILL", strconv.Itoa(at)), dir)
			var took []string
			var mu sync.Mutex
			var sending sync.WaitGroup
			for from := range 3 {
				sending.Go(func() {
					for n := from; ok && n < len(bodies); n += 3 {
						if status, err := s.post(bodies[n], appSecret); err != nil || status != http.StatusOK {
							return
						}
						mu.Lock()
						took = append(took, wordsIn.FindAllString(bodies[n], -1)...)
						mu.Unlock()
					}
				})
			}
			sending.Wait()
			s.kill()
			acked += len(took)
			p.wrap = nil
			p.ok("verify", "--dir", dir, "--no-index")
			got := words(p, dir)
			for _, w := range took {
				if got[w] != 1 {
					t.Errorf("%s was answered 200 and is there %d times", w, got[w])
				}
			}
			s = mustListen(t, p, dir)
			for _, b := range bodies {
				s.mustPost(b, appSecret, http.StatusOK)
			}
			s.end()
			got = words(p, dir)
			for _, b := range bodies {
				for _, w := range wordsIn.FindAllString(b, -1) {
					if got[w] != 1 {
						t.Errorf("%s is there %d times", w, got[w])
					}
				}
			}
			p.ok("verify", "--dir", dir)
		})
	}
	t.Logf("%d messages were answered before a kill", acked)
	if acked == 0 {
		t.Error("no kill came after an answer: nothing was tested")
	}
}

var wordsIn = regexp.MustCompile(`w[0-9]+`)

// writesOfAThread is how many write calls the busiest thread makes: strace
// counts by thread.
func writesOfAThread(t *testing.T, p program, base, tmp string, bodies []string) (most int) {
	t.Helper()
	dir, log := filepath.Join(tmp, "counted"), filepath.Join(tmp, "calls")
	copyDir(t, base, dir)
	p.wrap = []string{"strace", "-f", "-qq", "-o", log, "-e", "trace=" + writeCalls}
	s := mustListen(t, p, dir)
	for _, b := range bodies {
		s.mustPost(b, appSecret, http.StatusOK)
	}
	s.kill()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for line := range strings.Lines(string(b)) {
		if id, rest, _ := strings.Cut(line, " "); strings.Contains(rest, "(") {
			by[id]++
			most = max(most, by[id])
		}
	}
	if most < 20 {
		t.Fatalf("only %d write calls were counted", most)
	}
	return most
}

// TestDeliveriesOnAFullDisk: nothing is taken that cannot be kept, and people
// are told.
func TestDeliveriesOnAFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	p := program{t: t, path: binary(t)}
	dir := withSource(t, p)
	var told sync.Map
	ops := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // an empty one tells nothing
		told.Store(string(b), true)
	}))
	t.Cleanup(ops.Close)
	p.ok("alarm", "route", "add", "ops", "--dir", dir, "--url", ops.URL)
	saw := func(what string) bool {
		found := false
		told.Range(func(k, _ any) bool { found = found || strings.Contains(k.(string), what); return true })
		return found
	}

	health := func(s *listening) int {
		w, err := s.http.Get(strings.TrimSuffix(s.hook, "/hooks/main") + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return w.StatusCode
	}
	// Little room: refused early.
	s := mustListen(t, p, dir, "--disk-floor", "1000000000", "--allow-network", "127.0.0.0/8")
	s.mustPost(delivered(1), appSecret, http.StatusServiceUnavailable)
	if got := health(s); got != http.StatusServiceUnavailable {
		t.Errorf("health: %d", got)
	}
	s.within("people are told", func() bool { return saw(`"archive/disk","state":"ringing"`) })
	if out := p.ok("alarm", "list", "--dir", dir); !strings.Contains(out, "rings") || !strings.Contains(out, "archive/disk") {
		t.Errorf("the books do not have it: %s", out)
	}
	s.end()
	fullFrom(t, p, dir)
	// Room again: Meta comes again, and it is over.
	s = mustListen(t, p, dir, "--allow-network", "127.0.0.0/8")
	s.mustPost(delivered(1), appSecret, http.StatusOK)
	if got := health(s); got != http.StatusOK {
		t.Errorf("health: %d", got)
	}
	s.end()
	if got := words(p, dir); got["w1"] != 1 {
		t.Errorf("archived: %v", got)
	}
}

// fullFrom lets the disk be full from some write on, until one comes after it
// listens.
func fullFrom(t *testing.T, p program, dir string) {
	t.Helper()
	for from := 16; from <= 512; from *= 2 {
		dead := filepath.Join(t.TempDir(), "full")
		copyDir(t, dir, dead)
		s, ok := listen(t, p.strace("pwrite64", "error=ENOSPC", fmt.Sprint(from, "+")), dead)
		var took []string
		refused := 0
		for n := 100; ok && n < 160; n++ {
			status, err := s.post(delivered(n), appSecret)
			switch {
			case err != nil:
				t.Fatalf("%v\n%s", err, s.log())
			case status == http.StatusOK:
				took = append(took, fmt.Sprint("w", n))
			case status == http.StatusServiceUnavailable:
				refused++
			default:
				t.Errorf("answered %d", status)
			}
		}
		s.kill()
		if !ok {
			continue // it was full before it listened
		}
		t.Logf("full from write %d on: %d taken, %d refused", from, len(took), refused)
		got := words(p, dead)
		for _, w := range took {
			if got[w] != 1 {
				t.Errorf("%s was answered 200 and is there %d times", w, got[w])
			}
		}
		p.ok("verify", "--dir", dead)
		if refused > 0 {
			return
		}
	}
	t.Error("the disk was never full while it listened")
}
