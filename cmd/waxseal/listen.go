package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/govern"
)

// hooksFlags are for a listener of the ways in alone, which Meta can reach and
// browsers need not.
type hooksFlags struct {
	HooksListen   string   `help:"Address on which deliveries and sends arrive, apart from the console." placeholder:"HOST:PORT"`
	HooksTLSCert  string   `help:"Certificate of that address, with those that it follows from. It is read again when it changes." name:"hooks-tls-cert" type:"path" placeholder:"FILE"`
	HooksTLSKey   string   `help:"Its key." name:"hooks-tls-key" type:"path" placeholder:"FILE"`
	ACME          []string `help:"Name of that address for which a certificate is fetched, and renewed, by ACME: it must be reached as NAME:443. By this you agree to the terms of the authority." name:"acme" placeholder:"NAME"`
	ACMEDirectory string   `help:"The authority (default: Let's Encrypt)." name:"acme-directory" placeholder:"URL"`
	ACMEMail      string   `help:"Where the authority may write to." name:"acme-mail" placeholder:"ADDRESS"`
}

// check refuses a listener on which deliveries would cross the network in
// clear.
func (f *hooksFlags) check(behindProxy bool) error {
	if f.HooksListen == "" {
		if f.HooksTLSCert != "" || f.HooksTLSKey != "" || len(f.ACME) > 0 {
			return usagef("--hooks-tls-cert, --hooks-tls-key and --acme are of --hooks-listen")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(f.HooksListen)
	switch {
	case err != nil:
		return usagef("--hooks-listen wants HOST:PORT, such as 0.0.0.0:443")
	case (f.HooksTLSCert == "") != (f.HooksTLSKey == ""):
		return usagef("--hooks-tls-cert and --hooks-tls-key belong together")
	case f.HooksTLSCert != "" && len(f.ACME) > 0:
		return usagef("give a certificate, or have one fetched: not both")
	case len(f.ACME) == 0 && (f.ACMEDirectory != "" || f.ACMEMail != ""):
		return usagef("--acme-directory and --acme-mail belong to --acme NAME")
	case f.HooksTLSCert == "" && len(f.ACME) == 0 && !behindProxy && !loopbackHost(host):
		return exitError{exitRefused, "an address that other machines can reach needs --hooks-tls-cert and --hooks-tls-key, --acme, or --behind-proxy"}
	}
	return nil
}

// tls is how the listener does TLS; nil: it does not.
func (f *hooksFlags) tls(ctx context.Context, l *govern.Ledger) (*tls.Config, error) {
	switch {
	case f.HooksTLSCert != "":
		return tlsFromFiles(f.HooksTLSCert, f.HooksTLSKey)
	case len(f.ACME) > 0:
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: &keptCache{ledger: l}, Email: f.ACMEMail,
			HostPolicy: autocert.HostWhitelist(f.ACME...), Client: &acme.Client{DirectoryURL: f.ACMEDirectory, UserAgent: "waxseal"},
		}
		if f.ACMEDirectory == "" {
			m.Client.DirectoryURL = autocert.DefaultACMEDirectory
		}
		c := m.TLSConfig()
		c.MinVersion = tls.VersionTLS12
		return c, nil
	}
	return nil, nil //nolint:nilnil // no TLS is an answer: see above
}

// tlsFromFiles serves a certificate from files, and reads them again when they
// change: whatever renews them need not restart anything.
func tlsFromFiles(cert, key string) (*tls.Config, error) {
	f := &certFiles{cert: cert, key: key}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}, nil
}

// lookAtCert is how often the files are looked at.
const lookAtCert = 2 * time.Second

type certFiles struct {
	cert, key string

	mu     sync.Mutex
	now    *tls.Certificate
	of     [2]time.Time // when the files were changed
	looked time.Time
}

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) > lookAtCert {
		f.looked = time.Now()
		if f.changed() != f.of {
			_ = f.read() // half written, perhaps: what is there serves until the next look
		}
	}
	return f.now, nil
}

func (f *certFiles) changed() (at [2]time.Time) {
	for i, name := range []string{f.cert, f.key} {
		if fi, err := os.Stat(name); err == nil {
			at[i] = fi.ModTime()
		}
	}
	return at
}

func (f *certFiles) read() error {
	of := f.changed()
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.now, f.of = &c, of
	return nil
}

// keptCache keeps the keys of ACME in the books, sealed, as the archive's own
// acts: an account key once, and a certificate every two months. They go with
// every copy of the archive, and lie nowhere in clear. What only serves a
// challenge stays in memory.
type keptCache struct {
	ledger *govern.Ledger
	brief  sync.Map // challenges
}

func keptName(name string) string { return "acme/" + name }

// brief reports what is needed for a minute.
func isBrief(name string) bool {
	return strings.HasSuffix(name, "+token") || strings.HasSuffix(name, "+http-01")
}

// Get implements autocert.Cache.
func (c *keptCache) Get(ctx context.Context, name string) (b []byte, err error) {
	if v, ok := c.brief.Load(name); ok {
		return v.([]byte), nil
	}
	err = c.ledger.Read(ctx, func(s *govern.State) error {
		kept, ok := s.Kept[keptName(name)]
		if !ok {
			return autocert.ErrCacheMiss
		}
		b = append(b, kept...)
		return nil
	})
	return b, err
}

// Put implements autocert.Cache.
func (c *keptCache) Put(ctx context.Context, name string, data []byte) error {
	if isBrief(name) {
		c.brief.Store(name, data)
		return nil
	}
	return c.keep(ctx, name, data)
}

// Delete implements autocert.Cache.
func (c *keptCache) Delete(ctx context.Context, name string) error {
	if c.brief.Delete(name); isBrief(name) {
		return nil
	}
	return c.keep(ctx, name, nil)
}

func (c *keptCache) keep(ctx context.Context, name string, data []byte) error {
	_, err := c.ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActKeep, Data: govern.KeepData{Name: keptName(name)}, Secret: data})
	return err
}

const (
	// alarmCertificate is of the certificate of the hooks.
	alarmCertificate = "archive/certificate"
	lookAtExpiry     = time.Hour
	// expiresSoon is well after it should have been renewed, and well before
	// deliveries fail: ACME renews a month before.
	expiresSoon = 14 * 24 * time.Hour
)

// watchCertificate has the certificates of names fetched before anybody asks
// for them, and rings where one is not there or ends soon: renewal fails in
// silence, and then deliveries do.
func watchCertificate(ctx context.Context, t *tls.Config, names []string, bell alarm.Bell, log *slog.Logger) {
	tick := time.NewTicker(lookAtExpiry)
	defer tick.Stop()
	for {
		good := true
		for _, name := range names {
			c, err := t.GetCertificate(&tls.ClientHelloInfo{
				ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
				SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256}, SupportedVersions: []uint16{tls.VersionTLS13},
			})
			if err != nil && ctx.Err() == nil {
				log.LogAttrs(ctx, slog.LevelError, "get the certificate of the hooks", slog.String("error", err.Error()))
			}
			good = good && err == nil && c.Leaf != nil && time.Until(c.Leaf.NotAfter) > expiresSoon
		}
		if good {
			bell.Clear(ctx, alarmCertificate)
		} else if ctx.Err() == nil {
			bell.Ring(ctx, alarm.Alarm{Key: alarmCertificate, Say: "The certificate of the address that deliveries come to is not there, or ends within 14 days. Without one nothing is delivered: renew it, or see why it is not renewed."})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// bound is a server and what it listens on.
type bound struct {
	*http.Server
	l net.Listener
}

// newServer bounds what whoever asks can cost before anything is known of them.
// How long a body may take is the business of what reads it.
func newServer(h http.Handler, t *tls.Config, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, TLSConfig: t, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// lastAnswers is how long requests may take to end that were begun before the
// program is ended: a send must not lose the answer that it waits for.
const lastAnswers = 20 * time.Second

// serveAll serves until ctx ends, or one of them cannot go on. They stop in
// their order.
func serveAll(ctx context.Context, all []bound) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, 2*len(all))
	for _, b := range all {
		go func() {
			err := b.serve()
			if errors.Is(err, http.ErrServerClosed) {
				err = nil
			}
			errs <- err
			stop()
		}()
	}
	<-ctx.Done()
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	var first error
	for _, b := range all {
		first = errors.Join(first, b.Shutdown(down))
	}
	for range all {
		if err := <-errs; err != nil {
			first = errors.Join(first, fmt.Errorf("serve: %w", err))
		}
	}
	return first
}

func (b bound) serve() error {
	if b.TLSConfig != nil {
		return b.ServeTLS(b.l, "", "")
	}
	return b.Serve(b.l)
}

// room bounds the memory that bodies take which nobody has checked yet.
type room struct{ free atomic.Int64 }

// hooksRoom is for deliveries that arrive at once: 80 of the largest.
const hooksRoom = 256 << 20

var errNoRoom = errors.New("too much arrives at once")

// of counts what arrives of a body; give back what it took with done.
func (m *room) of(body io.ReadCloser) (counted io.ReadCloser, done func()) {
	c := &countedBody{ReadCloser: body, room: m}
	return c, func() { m.free.Add(c.took) }
}

type countedBody struct {
	io.ReadCloser
	room *room
	took int64
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.took += int64(n)
	if c.room.free.Add(-int64(n)) < 0 {
		return 0, errNoRoom
	}
	return n, err
}
