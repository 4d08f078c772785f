package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/waxseal/waxseal/internal/access"
)

// leaves are the commands of the program, by their words, as kong knows them.
func leaves(t *testing.T) []string {
	t.Helper()
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range parser.Model.Leaves(false) {
		all = append(all, commandOf(n))
	}
	return all
}

// TestEveryCommandIsInTheTable: a command that nobody has decided about does
// not run.
func TestEveryCommandIsInTheTable(t *testing.T) {
	all := leaves(t)
	for _, c := range all {
		action, ok := commandActions[c]
		if !ok {
			t.Errorf("%q is not in the table of actions", c)
		}
		if action != "" && !slices.Contains(access.Actions(), action) {
			t.Errorf("%q needs %q, which does not exist", c, action)
		}
	}
	for c := range commandActions {
		if !slices.Contains(all, c) {
			t.Errorf("%q is in the table of actions, and no command", c)
		}
	}
	for c, action := range commandActions {
		if action == "" && !slices.Contains([]string{"demo", "init", "version", "user enrol", "policy presets"}, c) {
			t.Errorf("%q needs nobody", c)
		}
	}
}

// typist runs commands on one archive, as one person or another.
type typist struct {
	t      *testing.T
	dir    string
	tokens map[string]string
}

func (p typist) run(args ...string) (out, errs string, code int) {
	var stdout, stderr bytes.Buffer
	code = run(append(args, "--dir", p.dir), strings.NewReader(""), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

func (p typist) ok(args ...string) string {
	p.t.Helper()
	out, errs, code := p.run(args...)
	if code != 0 {
		p.t.Fatalf("waxseal %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func (p typist) file(name, content string) string {
	path := filepath.Join(filepath.Dir(p.dir), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

var (
	invitationOf  = regexp.MustCompile(`(?m)^    ([a-z2-7]{40})$`)
	recoveryKeyOf = regexp.MustCompile(`(?m)^    \S.*$`)
	secretOf      = regexp.MustCompile(`(?m)^    ([A-Z2-7]{32})$`)
	tokenOf       = regexp.MustCompile(`wxs_[a-z2-7]+`)
	requestOf     = regexp.MustCompile(`(?m)^ *(\d+)`)
	recoveryOf    = regexp.MustCompile(`[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}`)
)

// enrol opens an account by its invitation, and gives it a token for all that
// its role may do.
func (p typist) enrol(login string, role access.Role, invited string) (secret string, codes []string) {
	p.t.Helper()
	password := p.file(login+".password", "violet tractor humming "+login)
	out := p.ok("user", "enrol", invitationOf.FindStringSubmatch(invited)[1], "--new-password-file", password, "--unconfirmed")
	secret, codes = secretOf.FindStringSubmatch(out)[1], recoveryOf.FindAllString(out, -1)
	args := []string{"user", "token", "all", "--until", time.Now().AddDate(0, 1, 0).Format(time.DateOnly), "--as", login, "--as-password-file", password, "--as-code", codes[0]}
	for _, a := range access.Actions() {
		if (access.Subject{Roles: []access.Role{role}}).May(a, time.Now()) == nil {
			args = append(args, "--action", string(a))
		}
	}
	p.tokens[login] = p.file(login+".token", tokenOf.FindString(p.ok(args...)))
	return secret, codes[1:]
}

// TestPeopleOnTheCommandLine goes the way of a firm without a browser.
func TestPeopleOnTheCommandLine(t *testing.T) {
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a"), tokens: map[string]string{}}
	key := filepath.Join(filepath.Dir(p.dir), "key")
	recovery := p.file("recovery", strings.TrimSpace(recoveryKeyOf.FindString(p.ok("init", "--name", "Acme", "--zone", "UTC", "--new-key-file", key))))
	t.Setenv("WAXSEAL_KEY_FILE", key)
	secret, codes := p.enrol("root", access.Administrator, p.ok("user", "add", "root", "--name", "Root", "--role", "administrator"))
	as := func(code string) []string {
		return []string{"--as", "root", "--as-password-file", filepath.Join(filepath.Dir(p.dir), "root.password"), "--as-code", code}
	}
	totp := access.TOTPCode(secret, access.TOTPStep(time.Now()))
	invited := p.ok(append([]string{"user", "add", "olga", "--name", "Olga", "--role", "officer"}, as(totp)...)...)
	if _, errs, code := p.run(append([]string{"user", "list"}, as(totp)...)...); code != exitRefused || !strings.Contains(errs, "not right") {
		t.Fatalf("a code works twice, in two programs: exit %d, %s", code, errs)
	}
	p.enrol("olga", access.Officer, invited)
	olga := []string{"--token-file", p.tokens["olga"]}
	p.ok(append([]string{"chats"}, olga...)...)
	if _, _, code := p.run(append([]string{"chats"}, as(codes[0])...)...); code != exitRefused {
		t.Errorf("an administrator reads: exit %d", code)
	}
	// A reader needs the officer.
	invited = p.ok(append([]string{"user", "add", "rita", "--name", "Rita", "--role", "reviewer"}, as(codes[1])...)...)
	if !strings.Contains(invited, "An officer has to confirm") {
		t.Fatalf("a reader by one hand:\n%s", invited)
	}
	if _, _, code := p.run("user", "enrol", invitationOf.FindStringSubmatch(invited)[1], "--new-password-file", filepath.Join(filepath.Dir(p.dir), "root.password"), "--unconfirmed"); code != exitRefused {
		t.Errorf("an invitation that nobody confirmed: exit %d", code)
	}
	id := requestOf.FindStringSubmatch(p.ok(append([]string{"request", "list"}, olga...)...))[1]
	if _, _, code := p.run(append([]string{"request", "approve", id}, as(codes[2])...)...); code != exitRefused {
		t.Errorf("an administrator confirms: exit %d", code)
	}
	p.ok(append([]string{"request", "approve", id}, olga...)...)
	p.enrol("rita", access.Reviewer, invited)
	p.ok("chats", "--token-file", p.tokens["rita"])
	p.ok(append([]string{"user", "close", "rita"}, as(codes[3])...)...)
	if _, _, code := p.run("chats", "--token-file", p.tokens["rita"]); code != exitRefused {
		t.Errorf("a closed account's token: exit %d", code)
	}
	// A password does not cross the network in clear.
	root := []string{"--token-file", p.tokens["root"]}
	for want, args := range map[string][]string{
		"needs --tls-cert": {"serve", "--listen", "0.0.0.0:0"},
		"--host NAME":      {"serve", "--listen", "0.0.0.0:0", "--behind-proxy"},
		"HOST:PORT":        {"serve", "--listen", "nonsense"},
		"--tls-key belong": {"serve", "--listen", "0.0.0.0:0", "--tls-cert", "x"},
	} {
		if _, errs, code := p.run(append(args, root...)...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
	// The last administrator has lost everything but the firm's recovery key.
	if _, errs, code := p.run("user", "invite", "root"); code != exitRefused {
		t.Errorf("anybody resets the administrator: exit %d, %s", code, errs)
	}
	if err := os.Unsetenv("WAXSEAL_KEY_FILE"); err != nil { // t.Setenv puts it back
		t.Fatal(err)
	}
	if _, errs, code := p.run("user", "invite", "root", "--recovery-file", key); code == 0 {
		t.Errorf("any file is a recovery key: %s", errs)
	}
	if _, errs, code := p.run("user", "invite", "olga", "--recovery-file", recovery); code != exitRefused || !strings.Contains(errs, "nobody else") {
		t.Errorf("the recovery key resets an officer: exit %d, %s", code, errs)
	}
	invited = p.ok("user", "invite", "root", "--recovery-file", recovery)
	t.Setenv("WAXSEAL_KEY_FILE", key)
	p.enrol("root", access.Administrator, invited)
}

// TestEveryCommandForEveryRole types every command as everybody: refused is
// what the table refuses, and nothing else is.
func TestEveryCommandForEveryRole(t *testing.T) {
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a"), tokens: map[string]string{}}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	_, codes := p.enrol("administrator", access.Administrator, p.ok("user", "add", "administrator", "--name", "Root", "--role", "administrator"))
	root := func(args ...string) []string {
		code := codes[0]
		codes = codes[1:]
		return append(args, "--as", "administrator", "--as-password-file", filepath.Join(filepath.Dir(p.dir), "administrator.password"), "--as-code", code)
	}
	p.enrol("officer", access.Officer, p.ok(root("user", "add", "officer", "--name", "Olga", "--role", "officer")...))
	for _, x := range []struct {
		role access.Role
		more []string
	}{{access.Reviewer, nil}, {access.Legal, nil}, {access.Auditor, []string{"--until", "2199-01-01"}}, {access.Custodian, []string{"--custodian", "c.doe"}}} {
		invited := p.ok(root(append([]string{"user", "add", string(x.role), "--name", "Somebody", "--role", string(x.role)}, x.more...)...)...)
		id := requestOf.FindStringSubmatch(p.ok("request", "list", "--token-file", p.tokens["officer"]))[1]
		p.ok("request", "approve", id, "--token-file", p.tokens["officer"])
		p.enrol(string(x.role), x.role, invited)
	}
	roles := append(access.Roles(), "")
	for command, action := range commandActions {
		if action == "" || command == "serve" {
			continue // needs nobody; does not end where it is allowed
		}
		args := append(strings.Fields(command), commandArgs[command]...)
		for _, role := range roles {
			full := args
			if role != "" {
				full = append(slices.Clone(args), "--token-file", p.tokens[string(role)])
			}
			_, errs, _ := p.run(full...)
			refused := strings.Contains(errs, "Your account does not include this") || strings.Contains(errs, "say who you are")
			allowed := (access.Subject{Roles: []access.Role{role}}).May(action, time.Now()) == nil
			if refused == allowed {
				t.Errorf("%s as %q: refused %v, allowed %v\n%s", command, role, refused, allowed, errs)
			}
			if strings.Contains(errs, "Usage") || strings.Contains(errs, "expected") || strings.Contains(errs, "missing") {
				t.Errorf("%s: give the test its arguments: %s", command, errs)
			}
		}
	}
}

// commandArgs are arguments that let a command get as far as asking who types.
var commandArgs = map[string][]string{
	"hook add": {"crm", "https://crm.example/in"}, "hook test": {"crm"}, "hook replay": {"crm"}, "hook pause": {"crm"}, "hook remove": {"crm"},
	"policy set": {"x", "--min", "0y"}, "policy assign": {"x"}, "policy withdraw": {"x", "--reason", "r"}, "policy lift": {"1", "--reason", "r"},
	"policy order": {"X", "--extra", "2y", "--reason", "r"}, "policy fiscal": {"12-31", "--zone", "UTC"},
	"send show": {"99999"}, "send release": {"99999"}, "send withdraw": {"99999", "--reason", "r"}, "rule test": {"text"},
	"rule set": {"x", "--do", "block"}, "rule remove": {"nosuch", "--reason", "r"}, "consent set": {"+447700900123", "--messages", "yes"},
	"custodian set":      {"a.lima", "--name", "Ana Lima"},
	"custodian account":  {"nobody", "+447700900001"},
	"custodian left":     {"nobody", "2024-01-31"},
	"custodian returned": {"nobody"},
	"custodian group":    {"desk", "nobody", "--name", "Desk"},
	"custodian import":   {os.DevNull},
	"custodian name":     {"+447700900099", "Client"},
	"gap show":           {"1"}, "gap explain": {"1", "--reason", "r"}, "gap scan": {"--offline"},
	"hold place":       {"contract", "--name", "Acme", "--reason", "a letter"},
	"hold notice":      {"1", "nobody", "--text", "Keep all."},
	"hold acknowledge": {"1", "1", "nobody"},
	"hold release":     {"1", "--reason", "settled"},
	"hold report":      {"1"},
	"import":           {"nothing.zip"}, "search": {"word"}, "prove": {"1", "-o", "-"}, "user add": {"x.y", "--name", "X", "--role", "reviewer"},
	"user invite": {"nobody"}, "user close": {"nobody"}, "user open": {"nobody"}, "user unlock": {"nobody"}, "user token": {"x", "--action", "search", "--until", "2199-01-01"},
	"label add": {"X"}, "label rule": {"X", "word"}, "label apply": {"X", "word"}, "label remove": {"X", "word"}, "label close": {"X"}, "note add": {"1", "text"},
	"matter open": {"X"}, "matter show": {"X"}, "matter collect": {"X", "word"}, "matter drop": {"X", "word"}, "matter member": {"X", "nobody"},
	"matter note": {"X", "text"}, "matter close": {"X", "--reason", "r"},
	"subject open": {"erasure", "word", "--person", "X"}, "subject erase": {"99999"}, "subject answer": {"99999", "refused", "--reason", "x"}, "subject copy": {"99999", "-o", os.DevNull},
	"source show": {"x"}, "source set": {"x"}, "source rotate": {"x"}, "source remove": {"x"},
	"alarm route add": {"x", "--url", "https://ops.example/x"}, "alarm route test": {"x"}, "alarm route remove": {"x"},
	"source add":      {"cloudapi", "x", "--phone-id", "7=+15550783881"},
	"dispose propose": {"--today", "2026-01-01", "--reason", "x"}, "dispose run": {"99999"}, "dispose certificate": {"1"},
	"user revoke": {"99999"}, "request approve": {"99999"}, "request decline": {"99999"},
}
