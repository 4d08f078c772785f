package alarm_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain trusts, as an administrator's machine does, an authority of its own.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "alarm")
	if err != nil {
		panic(err)
	}
	ours, theirs = selfSigned(), selfSigned()
	pemFile := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.Certificate[0]}), 0o600); err != nil {
		panic(err)
	}
	if err := os.Setenv("SSL_CERT_FILE", pemFile); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // a folder of tests
	os.Exit(code)
}

var ours, theirs tls.Certificate

func selfSigned() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// mailServer is a server that takes mail, as RFC 5321 has it.
type mailServer struct {
	tls, stranger, silent bool
	user, password        string

	addr string
	got  chan taken

	mu   sync.Mutex
	said []string // lines, in clear
}

type taken struct {
	from  string
	to    []string
	data  string
	clear bool
}

func (s *mailServer) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.got = l.Addr().String(), make(chan taken, 8)
	t.Cleanup(func() { _ = l.Close() }) // it may have been closed
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
}

func (s *mailServer) wait() taken {
	select {
	case m := <-s.got:
		return m
	case <-time.After(10 * time.Second):
		return taken{}
	}
}

func (s *mailServer) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// talk is one session. It ends where the client breaks a rule.
func (s *mailServer) talk(c net.Conn) {
	defer func() { _ = c.Close() }() // whoever talks has gone
	if s.silent {
		_, _ = io.Copy(io.Discard, c) // until it is given up
		return
	}
	safe, signedIn := false, s.user == ""
	tp := textproto.NewConn(c)
	say := func(line string) { _ = tp.PrintfLine("%s", line) } // the next read fails
	say("220 mail.test ready")
	var m taken
	for {
		line, err := tp.ReadLine()
		if err != nil {
			return
		}
		if !safe {
			s.mu.Lock()
			s.said = append(s.said, line)
			s.mu.Unlock()
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail.test")
			if s.tls && !safe {
				say("250-STARTTLS")
			}
			if safe && s.user != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			with := ours
			if s.stranger {
				with = theirs
			}
			tc := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{with}})
			if tc.Handshake() != nil {
				return
			}
			safe, tp = true, &textproto.Conn{Reader: *textproto.NewReader(bufio.NewReader(tc)), Writer: *textproto.NewWriter(bufio.NewWriter(tc))}
		case "AUTH":
			b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if err != nil || string(b) != "\x00"+s.user+"\x00"+s.password {
				say("535 no")
				return
			}
			signedIn = true
			say("235 yes")
		case "MAIL":
			if !signedIn {
				say("530 sign in")
				return
			}
			m = taken{from: address(rest), clear: !safe}
			say("250 ok")
		case "RCPT":
			m.to = append(m.to, address(rest))
			say("250 ok")
		case "DATA":
			say("354 go on")
			lines, err := tp.ReadDotLines()
			if err != nil {
				return
			}
			m.data = strings.Join(lines, "\r\n") + "\r\n"
			s.got <- m
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
