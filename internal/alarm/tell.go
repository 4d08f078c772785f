package alarm

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/smtp"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// Signature is the header of a webhook: "t=1764000000,v1=…", the HMAC-SHA256
// under the route's key of the time, a dot, and the body.
const Signature = "Waxseal-Signature"

// Sign makes the header of a body.
func Sign(key, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, key)
	m.Write([]byte(t + "."))
	m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}

// Post tells one notice to a webhook.
func Post(ctx context.Context, client *http.Client, to *govern.AlarmRoute, n *Notice, at time.Time) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("alarm webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "waxseal")
	req.Header.Set(Signature, Sign(to.Secret, body, at))
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("alarm webhook: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("alarm webhook: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("alarm webhook: answered %d", resp.StatusCode)
	}
	return nil
}

// errNoTLS means that a server would be written to in clear.
var errNoTLS = errors.New("the mail server offers no TLS")

// Mail sends one mail. Port 465 is TLS from the first byte; elsewhere STARTTLS
// must be offered, unless the route says that the server has none.
func Mail(ctx context.Context, to *govern.AlarmRoute, subject, text string) error {
	host, port, err := net.SplitHostPort(to.Server)
	if err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.Server)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return errors.Join(fmt.Errorf("reach the mail server: %w", err), conn.Close())
		}
	}
	safe := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if port == "465" && !to.Plain {
		conn = tls.Client(conn, safe)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(fmt.Errorf("greet the mail server: %w", err), conn.Close())
	}
	if err := deliver(c, to, safe, subject, text); err != nil {
		return errors.Join(err, c.Close())
	}
	_ = c.Quit() // it has taken the mail; some servers hang up at once
	return nil
}

func deliver(c *smtp.Client, to *govern.AlarmRoute, safe *tls.Config, subject, text string) error {
	if err := c.Hello("waxseal"); err != nil {
		return fmt.Errorf("greet the mail server: %w", err)
	}
	if _, is := c.TLSConnectionState(); !is && !to.Plain {
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return errNoTLS
		}
		if err := c.StartTLS(safe); err != nil {
			return fmt.Errorf("mail server's TLS: %w", err)
		}
	}
	if to.User != "" {
		if err := c.Auth(smtp.PlainAuth("", to.User, string(to.Secret), safe.ServerName)); err != nil {
			return fmt.Errorf("sign in at the mail server: %w", err)
		}
	}
	if err := c.Mail(to.From); err != nil {
		return fmt.Errorf("mail from: %w", err)
	}
	for _, addr := range to.To {
		if err := c.Rcpt(addr); err != nil {
			return fmt.Errorf("mail to: %w", err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	_, err = w.Write(compose(to, subject, text, time.Now()))
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}

// compose is a mail, ready to be sent. Addresses were checked when the route
// was set; subject and text may hold anything.
func compose(to *govern.AlarmRoute, subject, text string, at time.Time) []byte {
	var b bytes.Buffer
	head := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	head("From", to.From)
	head("To", strings.Join(to.To, ",\r\n "))
	head("Subject", mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(subject), " ")))
	head("Date", at.Format(time.RFC1123Z))
	head("Message-ID", "<"+rand.Text()+"@waxseal>")
	head("Auto-Submitted", "auto-generated")
	head("MIME-Version", "1.0")
	head("Content-Type", "text/plain; charset=utf-8")
	head("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory
	_ = w.Close()
	return b.Bytes()
}

func subjectOf(firm string, say []Notice) string {
	rings := 0
	for i := range say {
		if say[i].State == "ringing" {
			rings++
		}
	}
	switch rings {
	case 0:
		return "Over: the archive of " + firm
	case 1:
		return "Alarm: the archive of " + firm
	}
	return strconv.Itoa(rings) + " alarms: the archive of " + firm
}

func textOf(say []Notice) string {
	var b strings.Builder
	for _, n := range say {
		fmt.Fprintf(&b, "%s\n  %s\n", n.Say, n.Key)
		if n.State == "over" {
			fmt.Fprintf(&b, "  over; it was so from %s to %s\n\n", n.Since.Format(time.RFC3339), n.Over.Format(time.RFC3339))
		} else {
			fmt.Fprintf(&b, "  since %s\n\n", n.Since.Format(time.RFC3339))
		}
	}
	return b.String()
}
