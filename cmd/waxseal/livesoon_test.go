package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/index"
)

// TestADeliveryIsFoundWithinASecond measures from the post to the search.
func TestADeliveryIsFoundWithinASecond(t *testing.T) {
	p := typist{t: t, dir: t.TempDir() + "/a", tokens: map[string]string{}}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	secret := t.TempDir() + "/app"
	if err := os.WriteFile(secret, []byte(appSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	p.ok("source", "add", "cloudapi", "main", "--phone-id", "106540352242922=+15550783881", "--app-secret-file", secret)
	a := &app{ctx: t.Context(), cli: &cli{Dir: p.dir}, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, command: "serve"}
	err := a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		ledger, _, err := a.books(ar)
		if err != nil {
			return err
		}
		bell, err := alarm.New(t.Context(), alarm.Options{Ledger: ledger})
		if err != nil {
			return err
		}
		l, err := newLive(t.Context(), &live{ar: ar, x: x, ledger: ledger, bell: bell, log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() { l.followSoon(ctx) })
		defer following.Wait()
		defer stop()
		srv := httptest.NewServer(l.before(http.NotFoundHandler()))
		defer srv.Close()
		s := &listening{t: t, hook: srv.URL + "/hooks/main", http: srv.Client()}
		var took []time.Duration
		for n := range 10 {
			from := time.Now()
			s.mustPost(delivered(n), appSecret, http.StatusOK)
			for {
				r, err := x.Within(index.Scope{}).Search(t.Context(), index.Search{Query: "w" + strconv.Itoa(n), Limit: 1})
				if err != nil {
					return err
				}
				if len(r.Hits) == 1 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			took = append(took, time.Since(from))
		}
		slices.Sort(took)
		if t.Logf("found after %s", took); took[len(took)/2] > time.Second {
			t.Errorf("half of the deliveries are found after more than %s", took[len(took)/2])
		}
		return l.close(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
}
