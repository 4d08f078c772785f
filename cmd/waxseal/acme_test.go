package main

import (
	"crypto/tls"
	"crypto/x509"
	bigendian "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// authority is Pebble, the small sister of Let's Encrypt's server. It looks a
// name up, connects to it, and signs for it as the great one does.
type authority struct {
	dir  string // its ACME directory
	root *x509.CertPool
	end  func()
}

// newAuthority starts one that validates names at a port of this machine.
func newAuthority(t *testing.T, port string) *authority {
	t.Helper()
	tmp := t.TempDir()
	path := filepath.Join(tmp, "pebble")
	if out, err := exec.Command("go", "build", "-C", "../../tools", "-o", path, "github.com/letsencrypt/pebble/v2/cmd/pebble").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	own := selfSigned(t, tmp, 1)
	at, admin := freePort(t), freePort(t)
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:" + at, "managementListenAddress": "127.0.0.1:" + admin, "httpPort": 9, "tlsPort": json.Number(port),
		"certificate": filepath.Join(tmp, "cert.pem"), "privateKey": filepath.Join(tmp, "key.pem"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "conf.json"), conf, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-config", filepath.Join(tmp, "conf.json"), "-dnsserver", nameServer(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	a := &authority{dir: "https://127.0.0.1:" + at + "/dir", root: x509.NewCertPool(), end: func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()         // killed, as it was to be
			if t.Failed() {
				t.Log(log.String())
			}
		}
	}}
	t.Cleanup(a.end)
	client := trusting(own, "")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		w, err := client.Get("https://127.0.0.1:" + admin + "/roots/0")
		if err == nil {
			b, err := io.ReadAll(w.Body)
			if err != nil || !a.root.AppendCertsFromPEM(b) || w.Body.Close() != nil {
				t.Fatalf("no root: %v", err)
			}
			break
		}
		if time.Now().After(end) {
			a.end()
			t.Fatalf("pebble: %v\n%s", err, log.String())
		}
	}
	t.Setenv("SSL_CERT_FILE", filepath.Join(tmp, "cert.pem")) // the program trusts it, as a machine trusts the great one
	return a
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil || l.Close() != nil {
		t.Fatal(err)
	}
	return port
}

// nameServer says of every name that it is this machine. Pebble asks by TCP.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test has ended
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = errors.Join(answerNames(c), c.Close()) // who asked asks again
		}
	}()
	return l.Addr().String()
}

// answerNames answers one question: a message behind its length.
func answerNames(c net.Conn) error {
	size := make([]byte, 2)
	if _, err := io.ReadFull(c, size); err != nil {
		return err
	}
	b := make([]byte, bigendian.BigEndian.Uint16(size))
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}})
		}
	}
	out, err := m.AppendPack(make([]byte, 2, 512))
	if err != nil {
		return err
	}
	bigendian.BigEndian.PutUint16(out, uint16(len(out)-2))
	_, err = c.Write(out)
	return err
}

// TestACertificateIsFetched: the program gets its own certificate, keeps it
// sealed, and serves it again without asking.
func TestACertificateIsFetched(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary, and an authority")
	}
	p := program{t: t, path: binary(t)}
	dir, port := withSource(t, p), freePort(t)
	ca := newAuthority(t, port)
	const name = "hooks.acme.example"
	args := []string{"--hooks-listen", "127.0.0.1:" + port, "--acme", name, "--acme-directory", ca.dir, "--acme-mail", "ops@acme.example"}
	https := func(s *listening, name string) {
		s.http, s.hook = trusting(ca.root, name), "https://127.0.0.1:"+port+"/hooks/main"
		s.http.Timeout = 60 * time.Second
	}
	s := mustListen(t, p, dir, args...)
	https(s, name)
	s.within("a certificate is there", func() bool {
		status, err := s.post(delivered(1), appSecret)
		return err == nil && status == http.StatusOK
	})
	first := serial(t, port, name, ca.root)
	if c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{ServerName: "other.example", RootCAs: ca.root}); err == nil {
		t.Errorf("another name has a certificate; closed: %v", c.Close())
	}
	s.end()
	ca.end()
	s = mustListen(t, p, dir, args...)
	https(s, name)
	s.mustPost(delivered(2), appSecret, http.StatusOK)
	if again := serial(t, port, name, ca.root); again != first {
		t.Errorf("after a start, another certificate: %s, %s", first, again)
	}
	s.end()
	if out := p.ok("audit", "--dir", dir); strings.Count(out, " keep") > 4 || !strings.Contains(out, " keep") {
		t.Errorf("the trail: %s", out)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "PRIVATE KEY") || strings.Contains(string(b), name) {
			t.Errorf("%s has a key or a name in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.ok("verify", "--dir", dir)
}

// serial is the number of the certificate that is served.
func serial(t *testing.T, port, name string, roots *x509.CertPool) string {
	t.Helper()
	c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	n := c.ConnectionState().PeerCertificates[0].SerialNumber
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(n)
}
