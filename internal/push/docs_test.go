package push

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
)

// TestTheExamplesVerify runs what docs/live.md tells receivers to do.
func TestTheExamplesVerify(t *testing.T) {
	doc, err := os.ReadFile("../../docs/live.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc2, _ := strings.Cut(string(doc), "## Other tools: outgoing webhooks")
	dir := t.TempDir()
	for _, x := range []struct {
		lang, file string
		run        []string
	}{{"go", "verify.go", []string{"go", "run"}}, {"python", "verify.py", []string{"python3"}}, {"sh", "verify.sh", []string{"sh"}}} {
		_, code, ok := strings.Cut(doc2, "```"+x.lang+"\n")
		code, _, _ = strings.Cut(code, "```")
		if !ok {
			t.Errorf("no example in %s", x.lang)
			continue
		}
		needs := []string{x.run[0]}
		if x.lang == "sh" {
			needs = append(needs, "openssl")
		}
		missing := false
		for _, n := range needs {
			if _, err := exec.LookPath(n); err != nil {
				missing = true
			}
		}
		if missing {
			t.Logf("%s is not tried here", x.lang)
			continue
		}
		path := filepath.Join(dir, x.file)
		if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		body := `{"kind":"test","text":"مرحبا\n"}`
		now, key := time.Now(), []byte(hookKey)
		for _, c := range []struct {
			name, body, header string
			good               bool
		}{
			{"right", body, alarm.Sign(key, []byte(body), now), true},
			{"other body", body + " ", alarm.Sign(key, []byte(body), now), false},
			{"other key", body, alarm.Sign([]byte("another key, also long"), []byte(body), now), false},
			{"old", body, alarm.Sign(key, []byte(body), now.Add(-time.Hour)), false},
		} {
			cmd := exec.CommandContext(t.Context(), x.run[0], append(x.run[1:], path)...)
			cmd.Stdin = strings.NewReader(c.body)
			cmd.Env = append(os.Environ(), "WAXSEAL_KEY="+hookKey, "WAXSEAL_SIGNATURE="+c.header)
			if out, err := cmd.CombinedOutput(); (err == nil) != c.good {
				t.Errorf("%s, %s: %v\n%s", x.lang, c.name, err, out)
			}
		}
	}
}
