// Package outbound makes the requests that leave the archive: to Meta, to
// links that somebody else wrote, to receivers of webhooks and alarms.
//
// An address that somebody else chose must not reach what stands inside: the
// check is made on the address that is connected to, after names are resolved
// and for every redirect.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Errors of requests that are not made.
var (
	// ErrInside: the address is not of the public network.
	ErrInside = errors.New("the address is not of the public network")
	// ErrClear: only https leaves the house.
	ErrClear = errors.New("only https addresses are asked")
	// ErrLarge: the answer is larger than was to be read.
	ErrLarge = errors.New("the answer is too large")
)

// Options are the bounds of a client. Zero values take the defaults.
type Options struct {
	Timeout   time.Duration // of a whole request, its body included; default 30 s
	Redirects int           // that are followed; default 3; negative: none, the answer is handed on as it is
	MaxBytes  int64         // of an answer's body; default 16 MiB; negative: no bound
	// Allow are networks that may be asked although they are inside, by http
	// too: for tests, and for a server that the administrator named.
	Allow []netip.Prefix
}

// Client returns a client within bounds. It uses no proxy of the environment:
// what a proxy connects to cannot be checked.
func Client(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Redirects == 0 {
		o.Redirects = 3
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 20
	}
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: o.control}
	t := &http.Transport{
		DialContext: d.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Timeout:   o.Timeout,
		Transport: bounded{t, o},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case o.Redirects < 0:
				return http.ErrUseLastResponse
			case len(via) > o.Redirects:
				return fmt.Errorf("more than %d redirects", o.Redirects)
			}
			if r.URL.Host != via[0].URL.Host { // net/http keeps them for subdomains
				r.Header.Del("Authorization")
				r.Header.Del("Cookie")
			}
			r.Header.Del("Referer") // the address may be all that opens a file
			return nil
		},
	}
}

// control refuses to connect to an address inside.
func (o Options) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInside, err)
	}
	if ip := ap.Addr().WithZone("").Unmap(); !o.allowed(ip) && !public(ip) {
		return ErrInside
	}
	return nil
}

func (o Options) allowed(ip netip.Addr) bool {
	return slices.ContainsFunc(o.Allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// inside are the networks that are not public beside those that netip knows
// (IANA's registries of special-purpose addresses). Some of IPv6 hold an
// address of IPv4.
var inside = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// public reports an address that anybody may ask.
func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Public reports whether the networks say that an address may be asked.
func Public(ip netip.Addr) bool { return public(ip.WithZone("").Unmap()) }

// bounded asks by https alone, and bounds what is read.
type bounded struct {
	next http.RoundTripper
	o    Options
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !b.byName(r.Context(), r.URL.Hostname())) {
		return nil, ErrClear
	}
	w, err := b.next.RoundTrip(r)
	if err != nil || b.o.MaxBytes < 0 {
		return w, err
	}
	if w.ContentLength > b.o.MaxBytes {
		return nil, errors.Join(ErrLarge, w.Body.Close())
	}
	w.Body = &limited{w.Body, b.o.MaxBytes}
	return w, nil
}

// byName reports a host of which all addresses are allowed: it may be asked by
// http.
func (b bounded) byName(ctx context.Context, host string) bool {
	if len(b.o.Allow) == 0 {
		return false
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	return err == nil && len(ips) > 0 && !slices.ContainsFunc(ips, func(ip netip.Addr) bool { return !b.o.allowed(ip.Unmap()) })
}

// limited is a body that ends with an error where it is too long: half a file
// must not pass for a whole one.
type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, ErrLarge
	}
	return n, err
}
