package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
)

func payload(value string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},` + value + `}}]}]}` + "\n"
}

// TestGapsOnTheCommandLine: what stored payloads lack is found, explained, and
// closed when another import has it.
func TestGapsOnTheCommandLine(t *testing.T) {
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a")}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	if out := p.ok("gap", "list"); !strings.Contains(out, "No gaps") {
		t.Errorf("an empty list: %q", out)
	}
	if out := p.ok("report", "coverage"); !strings.Contains(out, "No number is listened to") || !strings.Contains(out, "Files over 100 MB") {
		t.Errorf("an empty report: %q", out)
	}
	_, _, _ = p.run("import", "--format", "cloudapi", p.file("one.jsonl",
		payload(`"statuses":[{"id":"wamid.A","status":"delivered","timestamp":"1700000000","recipient_id":"16505551234"}]`)+
			payload(`"messages":[{"from":"16505551234","id":"wamid.B","timestamp":"1700000100","type":"text","text":{"body":"نعم"},"context":{"from":"16505551234","id":"wamid.Z"}}]`)))
	if out := p.ok("gap", "scan", "--offline"); !strings.Contains(out, "2 gaps opened") {
		t.Fatalf("scan: %s", out)
	}
	list := func(args ...string) (all []govern.Gap) {
		t.Helper()
		for line := range strings.Lines(p.ok(append([]string{"gap", "list", "--json"}, args...)...)) {
			var g govern.Gap
			if err := json.Unmarshal([]byte(line), &g); err != nil {
				t.Fatal(err)
			}
			all = append(all, g)
		}
		return all
	}
	all := list("--kind", string(gap.UnknownTarget))
	if len(all) != 1 || all[0].Number != "+15550783881" || all[0].Count() != 1 || len(list()) != 2 {
		t.Fatalf("gaps %+v", list())
	}
	id := fmt.Sprint(all[0].ID)
	if out := p.ok("gap", "show", id); !strings.Contains(out, "1 message missing") || strings.Contains(out, "نعم") {
		t.Errorf("show: %s", out)
	}
	if _, errs, code := p.run("gap", "explain", "1", "--reason", "x"); code != exitRefused || !strings.Contains(errs, "There is no open gap 1") {
		t.Errorf("explain what is not there: %d %s", code, errs)
	}
	if _, _, code := p.run("gap", "list", "--kind", "nonsense"); code != exitUsage {
		t.Errorf("a kind that is none: %d", code)
	}
	p.ok("gap", "explain", id, "--reason", "It is older than the archive.")
	if open := list("--open"); len(open) != 1 || open[0].Kind != string(gap.Orphan) {
		t.Errorf("open %+v", open)
	}
	_, _, _ = p.run("import", "--format", "cloudapi", p.file("two.jsonl", payload(`"messages":[{"from":"16505551234","id":"wamid.Z","timestamp":"1699990000","type":"text","text":{"body":"shall we?"}}]`)))
	if out := p.ok("gap", "scan", "--offline"); !strings.Contains(out, "1 filled") {
		t.Errorf("scan after the import: %s", out)
	}
	if all := list("--all"); len(all) != 2 || len(list()) != 1 {
		t.Errorf("gaps %+v", all)
	}
	for _, bad := range [][]string{{"--from", "x"}, {"--from", "2026-02-02", "--to", "2026-02-01"}} {
		if _, _, code := p.run(append([]string{"report", "coverage"}, bad...)...); code != exitUsage {
			t.Errorf("%v: exit %d", bad, code)
		}
	}
}

// TestCoverageOfASource states the days of a number that nobody listens to yet.
func TestCoverageOfASource(t *testing.T) {
	p := typist{t: t, dir: filepath.Join(t.TempDir(), "a")}
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
	p.ok("source", "add", "cloudapi", "main", "--phone-id", "7=+15550783881", "--app-secret-file", p.file("s", "0123456789abcdef0123456789abcdef"), "--access-token-file", p.file("t", "token"))
	var days []gap.Day
	for line := range strings.Lines(p.ok("report", "coverage", "--json")) {
		var d gap.Day
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if d.Day != "" {
			days = append(days, d)
		}
	}
	if len(days) != 30 || days[0].State != gap.NotYet || days[29].Number != "+15550783881" {
		t.Errorf("%d days: %+v", len(days), days)
	}
	if out := p.ok("gap", "scan", "--offline", "--json"); !strings.Contains(out, `"opened":0`) {
		t.Errorf("scan: %s", out)
	}
}
