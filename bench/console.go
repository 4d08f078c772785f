package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// page is one page of the console, asked for as its links go.
type page struct {
	Path  string `json:"path"`
	Took  spread `json:"took"`
	Bytes int    `json:"bytes_max"`
	// Fails is what some of them answer instead of a page.
	Fails string `json:"fails,omitempty"`
}

const password = "correct horse battery staple"

// as is a person of the firm, whose account is made where it is not there.
func (f *firm) as(ctx context.Context, login string, role access.Role) (who govern.Actor, err error) {
	who.Via = "console"
	subject := func(s *govern.State) (err error) { who.Subject, err = s.Subject(login); return err }
	if f.books.Read(ctx, subject) == nil {
		return who, nil
	}
	_, invitation := access.NewInvitation()
	d := govern.Account{Login: login, Name: login, Roles: []access.Role{role}, Invitation: invitation}
	root, err := f.root(ctx)
	if err != nil {
		return who, err
	}
	seq, asked, err := f.books.DoOrAsk(ctx, root, govern.Request{Act: govern.ActAddUser, Data: d, Reason: "set-up"})
	if err == nil && asked {
		officer := govern.Actor{Via: "console"}
		if err = f.books.Read(ctx, func(s *govern.State) (err error) { officer.Subject, err = s.Subject("olga"); return err }); err == nil {
			_, err = f.books.Do(ctx, officer, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: seq}})
		}
	}
	if err == nil {
		err = f.books.Read(ctx, subject)
	}
	if err != nil {
		return who, fmt.Errorf("make the account of %s: %w", login, err)
	}
	_, err = f.books.SetCredential(ctx, who, f.credential(login), govern.SetCredential{Login: login, New: []string{"password", "totp", "recovery"}})
	return who, err
}

// root is the administrator, and the first account.
func (f *firm) root(ctx context.Context) (who govern.Actor, err error) {
	who.Via = "console"
	subject := func(s *govern.State) (err error) { who.Subject, err = s.Subject("root"); return err }
	if f.books.Read(ctx, subject) == nil {
		return who, nil
	}
	secret, err := json.Marshal(f.credential("root"))
	if err != nil {
		return who, err
	}
	d := govern.Account{Login: "root", Name: "root", Roles: []access.Role{access.Administrator}}
	if _, err := f.books.Do(ctx, f.operator, govern.Request{Act: govern.ActAddUser, Data: d, Secret: secret}); err != nil {
		return who, fmt.Errorf("make the first account: %w", err)
	}
	return who, f.books.Read(ctx, subject)
}

func (f *firm) credential(login string) govern.Credential {
	if f.totp == nil {
		f.totp = map[string]string{}
	}
	f.totp[login] = access.NewTOTP()
	_, hashes := access.NewRecoveryCodes()
	return govern.Credential{Password: access.Hash(password, access.Today), TOTP: f.totp[login], Recovery: hashes}
}

// pages serves the archive with the real binary, signs an officer in, and
// follows every link, each kind of page as often as visits says.
func (f *firm) pages(ctx context.Context, bin string, visits int) (all []page, err error) {
	if _, err := f.as(ctx, "olga", access.Officer); err != nil {
		return nil, err
	}
	root, err := f.root(ctx)
	if err != nil {
		return nil, err
	}
	token, hash := access.NewToken()
	_, err = f.books.Do(ctx, root, govern.Request{Act: govern.ActAddToken, Data: govern.NewToken{Name: "serve", Hash: hash, Actions: []access.Action{access.Operate}, Until: time.Now().AddDate(0, 0, 1)}})
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	file := filepath.Join(filepath.Dir(f.dir), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return nil, fmt.Errorf("write a token: %w", err)
	}
	c := exec.CommandContext(ctx, bin, "serve", "--dir", f.dir, "--listen", "127.0.0.1:0", "--token-file", file)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	defer func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended by itself, and Wait says so
		_, _ = io.Copy(io.Discard, out)
		err = errors.Join(err, c.Wait())
	}()
	base := ""
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		if u, err := url.Parse(strings.TrimSpace(lines.Text())); err == nil && u.Host != "" {
			base = u.Scheme + "://" + u.Host
		}
	}
	if base == "" {
		return nil, errors.New("serve: it says no address")
	}
	v := &visitor{base: base, found: map[string][]string{}, known: map[string]bool{}, took: map[string][]float64{}, bytes: map[string]int{}, fails: map[string]string{}}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v.client = &http.Client{Jar: jar, Timeout: time.Minute}
	if err := v.signIn(ctx, f.totp["olga"]); err != nil {
		return nil, err
	}
	return v.all(ctx, visits)
}

// visitor follows links.
type visitor struct {
	base   string
	client *http.Client
	found  map[string][]string // addresses, by kind of page
	known  map[string]bool
	took   map[string][]float64
	bytes  map[string]int
	fails  map[string]string
}

func (v *visitor) signIn(ctx context.Context, totp string) error {
	form := url.Values{"login": {"olga"}, "password": {password}, "code": {access.TOTPCode(totp, access.TOTPStep(time.Now()))}, "to": {"/state"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := v.client.Do(r)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if _, err := io.Copy(io.Discard, a.Body); err != nil || a.Request.URL.Path != "/state" {
		return errors.Join(fmt.Errorf("signing in ends at %s, %s", a.Request.URL.Path, a.Status), err, a.Body.Close())
	}
	return a.Body.Close()
}

var (
	hrefs = regexp.MustCompile(`(?:href|data-more|data-older|data-newer)="(/[^"#]*)`)
	// A part of a path that names one thing among many.
	names = regexp.MustCompile(`^(?:[0-9]+|[0-9a-f]{8,}|p[0-9]{2}|[A-Za-z0-9_-]{10,}|nine|olga|root|lea)$`)
)

// kind is an address without what it names.
func kindOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	parts := strings.Split(u.Path, "/")
	for i, p := range parts {
		if i > 1 && names.MatchString(p) {
			parts[i] = "{}"
		}
	}
	kind := strings.Join(parts, "/")
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(u.Query())) {
		if u.Query().Get(k) != "" {
			keys = append(keys, k)
		}
	}
	if len(keys) > 0 {
		kind += "?" + strings.Join(keys, "&")
	}
	return kind
}

func (v *visitor) meet(address string) {
	address = html.UnescapeString(address)
	if v.known[address] || strings.HasPrefix(address, "/static/") || strings.HasPrefix(address, "/media/") || strings.HasPrefix(address, "/sign-") {
		return
	}
	v.known[address] = true
	k := kindOf(address)
	v.found[k] = append(v.found[k], address)
}

// get asks for an address, and meets the links in the answer.
func (v *visitor) get(ctx context.Context, address string) (took float64, bytes int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+address, nil)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	a, err := v.client.Do(r)
	if err != nil {
		return 0, 0, fmt.Errorf("get %s: %w", address, err)
	}
	b, err := io.ReadAll(a.Body)
	took = float64(time.Since(start).Microseconds()) / 1000
	if err := errors.Join(err, a.Body.Close()); err != nil {
		return 0, 0, fmt.Errorf("get %s: %w", address, err)
	}
	if a.StatusCode != http.StatusOK {
		v.fails[kindOf(address)] = a.Status
	}
	for _, m := range hrefs.FindAllSubmatch(b, -1) {
		v.meet(string(m[1]))
	}
	return took, len(b), nil
}

// all visits kinds of pages until there is no new one. The heaviest questions
// are asked too, to which no link leads.
func (v *visitor) all(ctx context.Context, visits int) (out []page, err error) {
	g := newGenerator(seedQueries)
	for _, a := range []string{"/chats", "/account", "/audit?act=chat.read", "/audit?by=olga", "/chats?q=site", "/search?q=" + common[0]} {
		v.meet(a)
	}
	for range visits {
		v.meet("/search?q=" + g.words[commonOnes+g.n(midOnes)])
		v.meet("/search?q=" + g.words[commonOnes+g.n(midOnes)] + "+custodian:" + person(g.n(firmPeople)))
	}
	for done := map[string]bool{}; ; {
		next := ""
		for _, k := range slices.Sorted(maps.Keys(v.found)) {
			if !done[k] {
				next = k
				break
			}
		}
		if next == "" {
			break
		}
		done[next] = true
		for i := range visits {
			address := v.found[next][i%len(v.found[next])]
			took, n, err := v.get(ctx, address)
			if err != nil {
				return nil, err
			}
			v.took[next] = append(v.took[next], took)
			v.bytes[next] = max(v.bytes[next], n)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(v.took)) {
		out = append(out, page{Path: k, Took: spreadOf(v.took[k]), Bytes: v.bytes[k], Fails: v.fails[k]})
	}
	return out, nil
}
