package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: kb}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// trusting is a client that knows one authority, and begins anew each time.
func trusting(pool *x509.CertPool, name string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}}}
}

// TestHooksApart: deliveries have an address of their own, with TLS; there is
// no console at it, and no deliveries at the console.
func TestHooksApart(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	p := program{t: t, path: binary(t)}
	dir, certs := withSource(t, p), t.TempDir()
	for want, args := range map[string][]string{
		"needs --hooks-tls-cert": {"--hooks-listen", "0.0.0.0:0"},
		"belong together":        {"--hooks-listen", "127.0.0.1:0", "--hooks-tls-cert", "x"},
		"not both":               {"--hooks-listen", "127.0.0.1:0", "--hooks-tls-cert", "x", "--hooks-tls-key", "y", "--acme", "hooks.example"},
		"are of --hooks-listen":  {"--acme", "hooks.example"},
		"HOST:PORT":              {"--hooks-listen", "nonsense"},
		"read certificate":       {"--hooks-listen", "127.0.0.1:0", "--hooks-tls-cert", os.DevNull, "--hooks-tls-key", os.DevNull},
	} {
		if _, errs, code := p.run(append([]string{"serve", "--dir", dir, "--listen", "127.0.0.1:0"}, args...)...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
	pool := selfSigned(t, certs, 1)
	s := mustListen(t, p, dir, "--hooks-listen", "127.0.0.1:0", "--hooks-tls-cert", filepath.Join(certs, "cert.pem"), "--hooks-tls-key", filepath.Join(certs, "key.pem"))
	plain, hook := s.http, strings.Replace(s.hook, "http://", "https://", 1)
	s.hook, s.http = hook, trusting(pool, "")
	s.mustPost(delivered(1), appSecret, http.StatusOK)
	for _, path := range []string{"/", "/sign-in", "/static/app.css", "/hooks/other", "/gateway/wrong/v23.0/1/messages"} {
		w, err := s.http.Get(strings.TrimSuffix(hook, "/hooks/main") + path)
		if err != nil {
			t.Fatal(err)
		}
		if w.StatusCode != http.StatusNotFound {
			t.Errorf("%s beside the hooks: %d", path, w.StatusCode)
		}
		_ = w.Body.Close() // not read
	}
	s.hook, s.http = s.base+"/hooks/main", plain
	if status, err := s.post(delivered(2), appSecret); err != nil || status == http.StatusOK {
		t.Errorf("the console takes deliveries: %d, %v", status, err)
	}
	// A certificate that is renewed is served without a restart.
	pool = selfSigned(t, certs, 2)
	s.hook, s.http = hook, trusting(pool, "")
	s.within("the new certificate is served", func() bool {
		status, err := s.post(delivered(3), appSecret)
		return err == nil && status == http.StatusOK
	})
	// One that is half written changes nothing.
	if err := os.WriteFile(filepath.Join(certs, "cert.pem"), []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2*lookAtCert + time.Second)
	s.mustPost(delivered(4), appSecret, http.StatusOK)
	s.end()
	if got := words(p, dir); got["w1"] != 1 || got["w2"] != 0 || got["w3"] != 1 || got["w4"] != 1 {
		t.Errorf("archived: %v", got)
	}
}
