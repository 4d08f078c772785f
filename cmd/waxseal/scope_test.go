package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// TestAScopeOnTheCommandLine: who reads a part of the archive sees nothing else
// by any command, and what is outside is answered as what is not there.
func TestAScopeOnTheCommandLine(t *testing.T) {
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a"), tokens: map[string]string{}}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	for custodian, said := range map[string]string{"ann": "the inner word", "bob": "the outer word"} {
		p.ok("import", p.file("WhatsApp Chat with "+custodian+"s friend.txt", "13/05/2024, 09:12 - Someone: "+said+"\n"), "--custodian", custodian, "--account", "+4477009000"+map[string]string{"ann": "01", "bob": "02"}[custodian])
	}
	ids := map[string]string{}
	for _, custodian := range []string{"ann", "bob"} {
		ids[custodian] = regexp.MustCompile(`"id":"(\d+)"`).FindStringSubmatch(p.ok("messages", "--json", "custodian:"+custodian))[1]
	}
	_, codes := p.enrol("root", access.Administrator, p.ok("user", "add", "root", "--name", "Root", "--role", "administrator"))
	root := func(args ...string) []string {
		code := codes[0]
		codes = codes[1:]
		return append(args, "--as", "root", "--as-password-file", filepath.Join(filepath.Dir(p.dir), "root.password"), "--as-code", code)
	}
	p.enrol("olga", access.Officer, p.ok(root("user", "add", "olga", "--name", "Olga", "--role", "officer")...))
	olga := []string{"--token-file", p.tokens["olga"]}
	for _, x := range []struct {
		login string
		role  access.Role
		more  []string
	}{
		{"part", access.Officer, []string{"--custodian", "ann"}},
		{"ann", access.Custodian, []string{"--custodian", "ann"}},
		{"days", access.Auditor, []string{"--custodian", "ann", "--until", time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}},
	} {
		invited := p.ok(root(append([]string{"user", "add", x.login, "--name", x.login, "--role", string(x.role)}, x.more...)...)...)
		id := requestOf.FindStringSubmatch(p.ok(append([]string{"request", "list"}, olga...)...))[1]
		p.ok(append([]string{"request", "approve", id}, olga...)...)
		p.enrol(x.login, x.role, invited)
	}
	p.ok(append([]string{"label", "add", "Deals"}, olga...)...)
	for _, login := range []string{"part", "ann", "days"} {
		as := func(args ...string) (string, string, int) {
			return p.run(append(args, "--token-file", p.tokens[login])...)
		}
		for _, args := range [][]string{{"chats"}, {"chats", "--json"}, {"messages"}, {"messages", "--json"}, {"messages", "word"}, {"search", "word"}, {"search", "word", "--json", "--context", "5"}} {
			out, errs, code := as(args...)
			if code != 0 || strings.Contains(out, "outer") || strings.Contains(out, "bob") {
				t.Errorf("%s: %v: exit %d\n%s%s", login, args, code, out, errs)
			}
			if args[0] != "chats" && !strings.Contains(out, "inner") {
				t.Errorf("%s: %v does not show what is inside\n%s", login, args, out)
			}
		}
		_, gone, code := as("prove", ids["bob"], "-o", "-")
		if _, never, other := as("prove", "424242", "-o", "-"); code != other || strings.ReplaceAll(gone, ids["bob"], "N") != strings.ReplaceAll(never, "424242", "N") {
			t.Errorf("%s: a proof of what is outside: exit %d, %s", login, code, gone)
		}
		for _, args := range [][]string{{"report", "reconcile"}, {"audit"}, {"policy", "forecast"}, {"dispose", "due"}} {
			if out, errs, code := as(args...); code != exitRefused || strings.Contains(out, "outer") {
				t.Errorf("%s: %v: exit %d, %s", login, args, code, errs)
			}
		}
	}
	part := []string{"--token-file", p.tokens["part"]}
	p.ok(append([]string{"prove", ids["ann"], "-o", "-"}, part...)...)
	if out := p.ok(append([]string{"label", "apply", "Deals", "word"}, part...)...); !strings.Contains(out, "1 message") {
		t.Errorf("labels reach outside: %s", out)
	}
	if out := p.ok(append([]string{"hold", "place", "word", "--name", "Acme", "--reason", "a letter"}, part...)...); !strings.Contains(out, "covers 1 message") {
		t.Errorf("a hold counts what is outside: %s", out)
	}
	if _, errs, code := p.run(append([]string{"note", "add", ids["bob"], "seen"}, part...)...); code == 0 {
		t.Errorf("a note about what is outside: %s", errs)
	}
	if out := p.ok(append([]string{"search", "label:Deals", "--json"}, olga...)...); strings.Contains(out, "outer") || !strings.Contains(out, "inner") {
		t.Errorf("labelled: %s", out)
	}
}
