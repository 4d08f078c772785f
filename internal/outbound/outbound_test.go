package outbound_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/outbound"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Each of these has been a way in somewhere.
func TestAddressesInside(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2",
		"172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "fc00::1", "fd00:ec2::254",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		if outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s passes for public", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "157.240.1.1", "100.128.0.1", "172.32.0.1", "192.169.0.1", "2606:4700::1", "2a03:2880:f10c::1", "::ffff:8.8.8.8"} {
		if !outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s passes for inside", s)
		}
	}
}

func get(t *testing.T, c *http.Client, address string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	w, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Body.Close() }() // only read
	b, err := io.ReadAll(w.Body)
	return string(b), err
}

func TestWhatStandsInsideIsNotAsked(t *testing.T) {
	asked := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inside.Close()
	port := inside.URL[strings.LastIndex(inside.URL, ":"):]
	c := outbound.Client(outbound.Options{})
	// The name is one that resolves to an address inside: what a name server
	// answers counts when the connection is made, not before.
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
		if _, err := get(t, c, "https://"+host+port+"/"); !errors.Is(err, outbound.ErrInside) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := get(t, c, "http://127.0.0.1"+port+"/"); !errors.Is(err, outbound.ErrClear) {
		t.Errorf("http: %v", err)
	}
	for _, s := range []string{"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/"} {
		if _, err := get(t, c, s); err == nil {
			t.Errorf("%s is asked", s)
		}
	}
	if asked {
		t.Error("the server inside was asked")
	}
}

// A redirect leads inside, although the first address is allowed.
func TestRedirectsAreChecked(t *testing.T) {
	only := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	reached := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer inside.Close()
	to := "http://127.0.0.2:" + inside.URL[strings.LastIndex(inside.URL, ":")+1:] + "/"
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }))
	defer first.Close()
	c := outbound.Client(outbound.Options{Allow: only})
	if _, err := get(t, c, first.URL); !errors.Is(err, outbound.ErrClear) {
		t.Errorf("by http: %v", err)
	}
	to = strings.Replace(to, "http:", "https:", 1)
	if _, err := get(t, c, first.URL); !errors.Is(err, outbound.ErrInside) {
		t.Errorf("by https: %v", err)
	}
	if reached {
		t.Error("the server inside was asked")
	}
}

func TestRedirectsAreFew(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n++; http.Redirect(w, r, "/again", http.StatusFound) }))
	defer srv.Close()
	for _, x := range []struct{ redirects, want int }{{0, 4}, {1, 2}, {-1, 1}} { // the last has the answer itself, as it is
		n = 0
		if _, err := get(t, outbound.Client(outbound.Options{Allow: loopback, Redirects: x.redirects}), srv.URL); (err == nil) != (x.redirects < 0) || n != x.want {
			t.Errorf("%d redirects: %d requests, %v", x.redirects, n, err)
		}
	}
}

func TestSecretsStayWithTheirHost(t *testing.T) {
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer other.Close()
	var here http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if here = r.Header; r.URL.Path == "/there" {
			return
		}
		to := "/there"
		if r.URL.Path == "/away" {
			to = other.URL
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer srv.Close()
	c := outbound.Client(outbound.Options{Allow: loopback})
	if _, err := get(t, c, srv.URL+"/away?key=1"); err != nil || got == nil || got.Get("Authorization") != "" || got.Get("Referer") != "" {
		t.Errorf("another host got %v, %v", got, err)
	}
	if _, err := get(t, c, srv.URL+"/here"); err != nil || here.Get("Authorization") == "" {
		t.Errorf("the same host got %v, %v", here, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := strings.Repeat("x", 1000)
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush() // no length is told then
		}
		_, _ = io.WriteString(w, body) // whoever asked may have gone
	}))
	defer srv.Close()
	for _, path := range []string{"/", "/stream"} {
		for _, x := range []struct {
			most int64
			err  error
		}{{999, outbound.ErrLarge}, {1, outbound.ErrLarge}, {1000, nil}, {-1, nil}} {
			b, err := get(t, outbound.Client(outbound.Options{Allow: loopback, MaxBytes: x.most}), srv.URL+path)
			if !errors.Is(err, x.err) || err == nil && len(b) != 1000 || x.most > 0 && int64(len(b)) > x.most {
				t.Errorf("%s, at most %d: %d bytes, %v", path, x.most, len(b), err)
			}
		}
	}
}

func TestAnswersAreInTime(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "x")             // whoever asked may have gone
			_ = http.NewResponseController(w).Flush() // it never ends
		}
		<-r.Context().Done()
	}))
	defer srv.Close()
	c := outbound.Client(outbound.Options{Allow: loopback, Timeout: 50 * time.Millisecond})
	for _, path := range []string{"/", "/body"} {
		if _, err := get(t, c, srv.URL+path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A proxy connects for us, to where we cannot see.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	tr := outbound.Client(outbound.Options{}).Transport
	r := httptest.NewRequest(http.MethodGet, "https://127.0.0.1:1/", nil)
	if w, err := tr.RoundTrip(r); !errors.Is(err, outbound.ErrInside) {
		if w != nil {
			_ = w.Body.Close() // the test has failed
		}
		t.Errorf("got %v", err)
	}
}
