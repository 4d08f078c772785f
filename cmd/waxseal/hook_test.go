package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
)

const hookKey = "the key of a hook in a test"

// crm is a receiver of webhooks, which can be down.
type crm struct {
	t *testing.T

	mu      sync.Mutex
	down    bool
	refused int
	taken   []toldEvent // in the order that it came, again included
}

type toldEvent struct {
	ID, Kind string
	Seq      int64
	Message  struct{ Text string }
}

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed in the middle of it
	}
	if c.down {
		c.refused++
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	header := r.Header.Get(alarm.Signature)
	at, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil || alarm.Sign([]byte(hookKey), body, time.Unix(unix, 0)) != header {
		c.t.Errorf("wrong signature %q", header)
	}
	var ev toldEvent
	if err := json.Unmarshal(body, &ev); err != nil || ev.ID != r.Header.Get("Waxseal-Id") || ev.Kind != "message.received" {
		c.t.Errorf("told %+v, %v", ev, err)
	}
	c.taken = append(c.taken, ev)
}

func (c *crm) is(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down, c.refused = down, 0
}

func (c *crm) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.taken)
}

func (c *crm) refuses() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused > 0
}

// words are what it was told first, in that order. What it is told again comes
// under the name that it had.
func (c *crm) words() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	by, last := map[string]string{}, int64(-1)
	for _, ev := range c.taken {
		w := ev.Message.Text
		if f := strings.Fields(w); len(f) > 1 {
			w = f[1]
		}
		if was, again := by[ev.ID]; again {
			if was != w {
				c.t.Errorf("%s was %s, and is %s", ev.ID, was, w)
			}
			continue
		}
		if ev.Seq <= last {
			c.t.Errorf("%s overtook another", ev.ID)
		}
		by[ev.ID], last = w, ev.Seq
		out = append(out, w)
	}
	return out
}

// TestHooksOfTheRealProgram: each message that comes in is told, in order,
// whatever becomes of the receiver and of the program.
func TestHooksOfTheRealProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	p := program{t: t, path: binary(t)}
	dir := withSource(t, p)
	c := &crm{t: t}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(hookKey), 0o600); err != nil {
		t.Fatal(err)
	}
	p.ok("hook", "add", "crm", srv.URL, "--dir", dir, "--event", "message.received", "--hook-key-file", key)
	told := func(s *listening, upTo int) {
		t.Helper()
		var want []string
		for n := 1; n <= upTo; n++ {
			want = append(want, fmt.Sprint("w", n))
		}
		s.within(fmt.Sprintf("told up to w%d", upTo), func() bool { return len(c.words()) >= upTo })
		if got := c.words(); !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	}
	start := func() *listening { return mustListen(t, p, dir, "--allow-network", "127.0.0.0/8") }

	s := start()
	s.mustPost(delivered(1), appSecret, http.StatusOK)
	told(s, 1)
	s.mustPost(delivered(1), appSecret, http.StatusOK) // the same again tells nothing
	c.is(true)
	s.mustPost(delivered(2), appSecret, http.StatusOK)
	s.mustPost(delivered(3, 4), appSecret, http.StatusOK)
	s.within("it is refused", c.refuses)
	s.within("the books say that it fails", func() bool { return strings.Contains(p.ok("hook", "list", "--dir", dir), "failing") })
	c.is(false)
	told(s, 4)

	c.is(true)
	s.mustPost(delivered(5, 6), appSecret, http.StatusOK)
	s.within("it is refused", c.refuses)
	s.kill() // while it is to tell w5
	c.is(false)
	s = start()
	s.mustPost(delivered(7), appSecret, http.StatusOK)
	told(s, 7)
	s.mustPost(delivered(8), appSecret, http.StatusOK)
	told(s, 8)
	s.kill() // before it is noted that w8 was told
	s = start()
	s.mustPost(delivered(9), appSecret, http.StatusOK)
	told(s, 9)
	s.end()
	all := c.count()
	s = start() // after an end in order nothing is told again
	s.mustPost(delivered(10), appSecret, http.StatusOK)
	told(s, 10)
	if n := c.count(); n != all+1 {
		t.Errorf("%d events were told again after an end in order", n-all-1)
	}
	s.end()
	if l := s.log(); strings.Contains(l, "word w") || strings.Contains(l, srv.URL) || strings.Contains(l, hookKey) {
		t.Errorf("the log quotes a message, an address or a key:\n%s", l)
	}
	p.ok("verify", "--dir", dir)
}
