package retain_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/waxseal/waxseal/internal/retain"
)

var update = flag.Bool("update", false, "write the wanted decisions again")

// TestCases runs testdata/*.txtar. "in" has a line for each thing, and a line
// "now" for each instant at which to decide; "want" has the decisions with all
// their reasons. Days are counted in the zone of the line "fiscal", else in UTC.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := decide(t, string(ar.Files[0].Data))
			if *update {
				ar.Files = append(ar.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(ar.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// scene is what the lines of a case build.
type scene struct {
	t     *testing.T
	rules retain.Rules
	facts retain.Facts
	out   strings.Builder
}

func decide(t *testing.T, in string) string {
	s := &scene{t: t}
	for line := range strings.Lines(in) {
		if line = strings.TrimSpace(line); line != "" {
			s.line(line)
		}
	}
	return s.out.String()
}

func (s *scene) line(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	words := strings.Fields(rest)
	opt := map[string]string{}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		opt[k] = v
	}
	switch verb {
	case "fiscal":
		f, err := retain.ParseFiscal(words[0], words[1])
		s.check(err, line)
		s.rules.Fiscal = f
	case "preset":
		p, ok := retain.PresetByID(words[0])
		if !ok {
			s.t.Fatalf("no preset in %q", line)
		}
		s.policy(p.Policy, opt)
		s.assign(words[0], opt)
	case "policy":
		p := retain.Policy{ID: words[0], Clock: retain.Clock(opt["clock"]), Min: s.period(opt["min"]), Max: s.period(opt["max"]), Accessible: s.period(opt["accessible"])}
		_, p.Propose = opt["propose"]
		_, p.Forever = opt["forever"]
		s.policy(p, opt)
		s.assign(words[0], opt)
	case "version":
		p := s.rules.Policies[len(s.rules.Policies)-1]
		p.Version++
		p.From = s.time(opt["from"])
		if v, ok := opt["min"]; ok {
			p.Min = s.period(v)
		}
		s.rules.Policies = append(s.rules.Policies, p)
	case "assign":
		s.assign(words[0], opt)
	case "order":
		s.rules.Orders = append(s.rules.Orders, retain.Prolong{
			Authority: opt["authority"], Reason: "r", Extra: s.period(opt["extra"]), At: s.time(opt["at"]),
			From: opt["from"], Until: opt["until"], To: target(opt, ""),
		})
	case "message":
		s.message(opt)
	case "hold":
		s.facts.Holds = append(s.facts.Holds, rest)
	case "release":
		s.facts.Holds = without(s.facts.Holds, rest)
	case "now":
		s.now(rest)
	default:
		s.t.Fatalf("not understood: %q", line)
	}
}

func (s *scene) policy(p retain.Policy, opt map[string]string) {
	p.Version = 1
	p.From = s.time(opt["from"])
	s.rules.Policies = append(s.rules.Policies, p)
	s.check(p.Check(), p.ID)
}

func (s *scene) assign(id string, opt map[string]string) {
	s.rules.Assignments = append(s.rules.Assignments, retain.Assignment{Policy: id, To: target(opt, "to-"), From: s.time(opt["assigned"]), End: s.time(opt["withdrawn"])})
}

func target(opt map[string]string, prefix string) retain.Target {
	return retain.Target{
		Custodian: opt[prefix+"custodian"], Group: opt[prefix+"group"], Chat: opt[prefix+"chat"],
		Label: opt[prefix+"label"], Source: opt[prefix+"source"], Account: opt[prefix+"account"],
	}
}

func (s *scene) message(opt map[string]string) {
	f := &s.facts
	list := func(v string) []string { return strings.FieldsFunc(v, func(r rune) bool { return r == ',' }) }
	f.Chat, f.Account, f.Custodian = opt["chat"], opt["account"], opt["custodian"]
	f.Groups, f.Labels, f.Sources = list(opt["groups"]), list(opt["labels"]), list(opt["sources"])
	f.Sent, f.ChatLast, f.ChatClosed = s.time(opt["sent"]), s.time(opt["chat-last"]), s.time(opt["chat-closed"])
	f.Left, f.MatterClosed = s.time(opt["left"]), s.time(opt["matter-closed"])
}

func without(all []string, one string) []string {
	var left []string
	for _, s := range all {
		if s != one {
			left = append(left, s)
		}
	}
	return left
}

func (s *scene) check(err error, what string) {
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

func (s *scene) period(text string) retain.Period {
	p, err := retain.ParsePeriod(text)
	s.check(err, text)
	return p
}

// time reads a day or a minute in the firm's zone, or an instant.
func (s *scene) time(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	zone := time.UTC
	if s.rules.Fiscal.Zone != "" {
		var err error
		zone, err = time.LoadLocation(s.rules.Fiscal.Zone)
		s.check(err, text)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t
		}
	}
	s.t.Fatalf("no time: %q", text)
	return time.Time{}
}

func (s *scene) now(text string) {
	d := retain.Decide(s.facts, s.rules, s.time(text))
	say := "may be disposed of"
	switch {
	case d.Keep && d.Until.IsZero():
		say = "keep; no end is known"
	case d.Keep:
		say = "keep"
	case d.Must:
		say = "must be disposed of"
	case d.Propose:
		say = "may be disposed of, and is proposed"
	}
	if !d.Accessible.IsZero() && s.time(text).Before(d.Accessible) {
		say += "; easily accessible"
	}
	fmt.Fprintf(&s.out, "%s: %s\n", text, say)
	for _, r := range d.Reasons {
		fmt.Fprintf(&s.out, "  %s\n", r.Say)
	}
}
