package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// policy allows a page its own files and nothing else: no inline script or
// style, no other origin. connect-src is for the fragments that the scripts
// fetch.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard stands before every route.
func (s *Server) guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil || s.behindProxy {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// A page elsewhere whose name was rebound to 127.0.0.1 is, to the
		// browser, our own origin. Only the Host header tells.
		if !s.answersTo(r.Host) {
			http.Error(w, "This console does not answer to that name.", http.StatusMisdirectedRequest)
			return
		}
		if foreign(r) {
			http.Error(w, "This request was made by another site.", http.StatusForbidden)
			return
		}
		if r.ContentLength != 0 {
			r.Body = s.hurry(w, r.Body)
		}
		next.ServeHTTP(w, r)
	})
}

// bodyLasts is how long the body of a request may take to come. There is no
// such bound on the whole of a request: what a person asked for may take long.
const bodyLasts = time.Minute

// hurry gives up on a body that is sent so slowly that it only keeps us busy.
func (s *Server) hurry(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(s.bodyLasts)) // tests without a network have none
	return &hurried{body, c}
}

type hurried struct {
	io.ReadCloser
	c *http.ResponseController
}

func (h *hurried) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = h.c.SetReadDeadline(time.Time{}) // it has come: what is done with it may take long
	}
	return n, err
}

// answersTo reports a name that the console was told to answer to.
func (s *Server) answersTo(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return loopback(host) || slices.ContainsFunc(s.hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// loopback reports whether host, with or without a port, is this machine by
// number or as "localhost". No other name counts, whatever it resolves to.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// foreign reports whether another site's page asked for this, other than by a
// link that a person followed. SameSite does not tell ports apart, so without
// this a page at localhost:3000 could use the session.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") != "document"
}
