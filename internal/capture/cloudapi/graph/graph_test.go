package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/outbound"
)

func TestAFileIsFoundAndRead(t *testing.T) {
	s := graphtest.New(t)
	c := s.Graph()
	m := s.Receive([]byte("picture"), "image/jpeg")
	info, err := c.Media(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256([]byte("picture")); info.SHA256 != hex.EncodeToString(sum[:]) || info.Size != 7 || info.MIME != "image/jpeg" {
		t.Fatalf("got %+v", info)
	}
	for _, address := range []string{info.URL, m.URL} {
		if b, err := read(t, c, address); err != nil || b != "picture" {
			t.Fatalf("read %q, %v", b, err)
		}
	}
	s.Pass(graphtest.URLLife)
	if _, err := read(t, c, m.URL); !graph.IsGone(err) {
		t.Errorf("an address works after its five minutes: %v", err)
	}
	if _, err := c.Media(t.Context(), m.ID); err != nil {
		t.Errorf("the ID should work for seven days: %v", err)
	}
	s.Pass(graphtest.WebhookLife)
	if _, err := c.Media(t.Context(), m.ID); !graph.IsGone(err) {
		t.Errorf("the ID works after its seven days: %v", err)
	}
}

func read(t *testing.T, c *graph.Client, address string) (string, error) {
	t.Helper()
	r, _, err := c.Download(t.Context(), address)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }() // only read
	b, err := io.ReadAll(r)
	return string(b), err
}

// A payload that nobody signed may name any address: it must not be shown the
// access token.
func TestTheTokenIsShownToMetaAlone(t *testing.T) {
	s := graphtest.New(t)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("it was asked, with %q", r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	c := s.Graph()
	for _, address := range []string{
		thief.URL, "https://evil.example/a", "https://lookaside.fbsbx.com.evil.example/a", "https://evilfbsbx.com/a", "http://lookaside.fbsbx.com/a",
		"https://lookaside.fbsbx.com:8443/a", "https://lookaside.fbsbx.com@evil.example/a", "//x", "", "\x00", "file:///etc/passwd",
	} {
		if _, err := read(t, c, address); !errors.Is(err, graph.ErrElsewhere) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestErrorsSayWhatTheyAre(t *testing.T) {
	s := graphtest.New(t)
	c := s.Graph()
	ask := func() error { _, err := c.Number(t.Context(), graphtest.Number); return err }
	s.Set(graphtest.Fault{Status: 429, Code: 130429, After: 7 * time.Second})
	err := ask()
	var e *graph.Error
	if !graph.IsLimit(err) || graph.IsGone(err) || graph.IsAuth(err) || !errors.As(err, &e) || e.After != 7*time.Second {
		t.Errorf("too many requests: %v", err)
	}
	s.Set(graphtest.Fault{Status: 400, Code: 190})
	if err := ask(); !graph.IsAuth(err) || graph.IsGone(err) {
		t.Errorf("a token that has run out: %v", err)
	}
	end := s.Set(graphtest.Fault{Lost: true, Times: -1}) // net/http asks again where nothing can happen twice
	if err := ask(); err == nil || strings.Contains(err.Error(), s.URL) {
		t.Errorf("a lost answer: %v", err)
	}
	end()
	s.Set(graphtest.Fault{Cut: true})
	if err := ask(); err == nil {
		t.Error("half an answer passes for one")
	}
	if err := ask(); err != nil {
		t.Errorf("no fault: %v", err)
	}
	s.Token = "another"
	cfg := s.Config()
	cfg.Access = "wrong"
	c = graph.New(func() cloudapi.Config { return cfg }, outbound.Client(outbound.Options{Allow: graphtest.Loopback}))
	if err := ask(); !graph.IsAuth(err) || strings.Contains(err.Error(), "token") {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestHistoryIsReadToItsEnd(t *testing.T) {
	s := graphtest.New(t)
	c := s.Graph()
	start := s.Now()
	for i := range 250 {
		s.Deliver(graphtest.Number, graph.Delivered{Message: fmt.Sprint("wamid.", i), Events: []graph.DeliveredEvent{
			{Status: "SENT", Webhook: "FAILED", URI: "https://archive.example/hooks/main", At: start.Add(time.Duration(i) * time.Minute), Why: "timeout"},
		}})
	}
	for _, x := range []struct {
		since time.Time
		want  int
	}{{start, 250}, {start.Add(200 * time.Minute), 50}, {start.Add(time.Hour * 24), 0}} {
		n := 0
		for d, err := range c.History(t.Context(), graphtest.Number, x.since) {
			if err != nil {
				t.Fatal(err)
			}
			if e := d.Events[0]; e.Webhook != "FAILED" || e.Why != "timeout" || e.URI == "" || e.At.Before(x.since) {
				t.Fatalf("got %+v", d)
			}
			n++
		}
		if n != x.want {
			t.Errorf("since %v: %d messages, want %d", x.since, n, x.want)
		}
	}
	s.Set(graphtest.Fault{Path: "message_history", Status: 500})
	for _, err := range c.History(t.Context(), graphtest.Number, start) {
		if err == nil {
			t.Fatal("what could not be asked looks like an empty history")
		}
	}
}

func TestWhatMetaSaysOfAnAccount(t *testing.T) {
	s := graphtest.New(t)
	c := s.Graph()
	s.Subscribe(graph.App{ID: "7001", Name: "archive"}, graph.App{ID: "7002", Name: "crm", Override: "https://crm.example/hook"})
	apps, err := c.Subscribed(t.Context(), graphtest.WABA)
	if err != nil || len(apps) != 2 || apps[0].ID != "7001" || apps[1].Override != "https://crm.example/hook" {
		t.Fatalf("apps %+v, %v", apps, err)
	}
	s.SetTemplate(`{"name":"hello_world","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"Hello {{1}}"}]}`)
	s.SetTemplate(`{"name":"hello_world","language":"de","components":[{"type":"BODY","text":"Hallo {{1}}"}]}`)
	s.SetTemplate(`{"name":"hello_world","language":"de","components":[{"type":"BODY","text":"Guten Tag {{1}}"}]}`)
	d, err := c.Template(t.Context(), graphtest.WABA, "hello_world", "de")
	if err != nil || !strings.Contains(string(d), "Guten Tag") {
		t.Fatalf("template %s, %v", d, err)
	}
	if _, err := c.Template(t.Context(), graphtest.WABA, "hello", "de"); !graph.IsGone(err) {
		t.Errorf("part of a name finds a template: %v", err)
	}
	s.SetNumber(graph.Number{ID: "5", Phone: "+44 7700 900001", Status: "DISCONNECTED", OnApp: true})
	if n, err := c.Number(t.Context(), "5"); err != nil || n.Status != "DISCONNECTED" || !n.OnApp {
		t.Errorf("number %+v, %v", n, err)
	}
	expires := s.Now().Add(time.Hour)
	s.SetToken(graph.Token{App: "7001", Valid: true, Expires: expires, Scopes: []string{"whatsapp_business_messaging"}})
	if k, err := c.TokenInfo(t.Context()); err != nil || !k.Valid || !k.Expires.Equal(expires) || len(k.Scopes) != 1 {
		t.Errorf("token %+v, %v", k, err)
	}
}

func TestATextIsSentOnce(t *testing.T) {
	s := graphtest.New(t)
	c := s.Graph()
	id, err := c.SendText(t.Context(), graphtest.Number, "447700900001", "nonce")
	if err != nil || len(s.Sent()) != 1 || s.Sent()[0].ID != id || s.Sent()[0].To != "447700900001" {
		t.Fatalf("sent %q, %v", id, err)
	}
	s.Set(graphtest.Fault{Path: "/messages", Lost: true})
	if _, err := c.SendText(t.Context(), graphtest.Number, "447700900001", "nonce"); err == nil {
		t.Error("a lost answer passes for one")
	}
	if n := len(s.Sent()); n != 2 || s.Count("/messages") != 2 {
		t.Errorf("%d sends were taken, by %d requests", n, s.Count("/messages"))
	}
}
