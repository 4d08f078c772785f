package rules_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/waxseal/waxseal/internal/rules"
)

var update = flag.Bool("update", false, "write the wanted decisions again")

// TestCases runs testdata/*.txtar. "rules" has each rule as "id: what it does",
// and its conditions below; "sends" has the instant, the recipient and the text
// of each message, or its body as JSON; "want" has the decisions.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all, consents := readRules(t, string(ar.Files[0].Data))
			got := decide(t, rules.New(all, func(a string) rules.Consent { return consents[a] }), string(ar.Files[1].Data))
			if *update {
				ar.Files = append(ar.Files[:2], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(ar.Files[2].Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func readRules(t *testing.T, text string) (all []rules.Rule, consents map[string]rules.Consent) {
	t.Helper()
	consents = map[string]rules.Consent{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("not understood: %q", line)
		}
		if key == "consent" { // NUMBER marketing no
			f := strings.Fields(value)
			c := consents[rules.Address(f[0])]
			if f[1] == "marketing" {
				c.Marketing = rules.Answer(f[2])
			} else {
				c.Messages = rules.Answer(f[2])
			}
			consents[rules.Address(f[0])] = c
			continue
		}
		if line[0] != ' ' {
			all = append(all, rules.Rule{ID: key, Name: strings.ToUpper(key[:1]) + key[1:], Do: value})
			continue
		}
		r := &all[len(all)-1]
		switch key {
		case "word":
			r.Words = append(r.Words, value)
		case "pattern":
			r.Pattern = value
		case "to":
			r.To = append(r.To, value)
		case "kind":
			r.Kinds = append(r.Kinds, value)
		case "number":
			r.Numbers = append(r.Numbers, value)
		case "links":
			r.Links = true
		case "off":
			r.Off = true
		case "consent is":
			r.Consent = value
		case "seconds":
			r.For, _ = strconv.Atoi(value)
		case "text":
			r.Text = value
		case "say":
			r.Say = value
		case "outside": // 09:00 17:30 Europe/London 1,2,3,4,5 HOLIDAY…
			f := strings.Fields(value)
			h := &rules.Hours{From: f[0], To: f[1], Zone: f[2], Holidays: f[4:]}
			for d := range strings.SplitSeq(f[3], ",") {
				n, _ := strconv.Atoi(d)
				h.Days = append(h.Days, n)
			}
			r.Outside = h
		default:
			t.Fatalf("not understood: %q", line)
		}
	}
	for i := range all {
		if err := all[i].Check(); err != nil {
			t.Fatalf("%s: %v", all[i].ID, err)
		}
	}
	return all, consents
}

func decide(t *testing.T, set *rules.Set, sends string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(sends) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		at, err := time.Parse(time.RFC3339, f[0])
		if err != nil || len(f) != 4 {
			t.Fatalf("not understood: %q, %v", line, err)
		}
		s := &rules.Send{To: f[1], Kind: f[2], Body: []byte(f[3])}
		if f[3][0] != '{' {
			s.Text = f[3]
			s.Body, _ = json.Marshal(map[string]any{"messaging_product": "whatsapp", "to": f[1], "type": "text", "text": map[string]string{"body": f[3]}}) // can be encoded
		}
		d := set.Decide(s, at)
		fmt.Fprintf(&out, "%s", d.Do)
		if d.For > 0 {
			fmt.Fprintf(&out, " %s", d.For)
		}
		fmt.Fprintf(&out, ". %s\n", d.Why)
		if d.Say != "" {
			fmt.Fprintf(&out, "  to the sender: %s\n", d.Say)
		}
		if d.Body != nil {
			fmt.Fprintf(&out, "  sends: %s\n", d.Body)
		}
	}
	return out.String()
}
