package cloudapi

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

var update = flag.Bool("update", false, "write what the interpreter gives into testdata")

// wrap is a delivery of some elements.
func wrap(field, list string, elements ...string) []byte {
	return []byte(`{"object":"whatsapp_business_account","entry":[{"id":"W","time":1780000000,"changes":[{"field":"` + field +
		`","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"+1 (555) 078-3881","phone_number_id":"106540352242922"},` +
		`"contacts":[{"profile":{"name":"آنا"},"wa_id":"491701","user_id":"DE.1"}],"` + list + `":[` + strings.Join(elements, ",") + `]}}]}]}`)
}

// TestFixtures: what each kind of element means. A line of testdata is a field,
// a list and an element; the line below it is the message, or "none".
func TestFixtures(t *testing.T) {
	r := testReader(t)
	path := filepath.Join("testdata", "elements.txt")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var in string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
			continue
		case in == "" || !strings.HasPrefix(line, "= "):
			in = line
		default:
			continue
		}
		f := strings.SplitN(in, " ", 3)
		var got []string
		for _, e := range entriesOf(t, wrap(f[0], f[1], f[2])) {
			ev, err := r.Events(e)
			if err != nil {
				t.Errorf("%s: %v", in, err)
			}
			for i := range ev {
				got = append(got, short(t, &ev[i].Message))
			}
		}
		if len(got) == 0 {
			got = []string{"none"}
		}
		out.WriteString(in + "\n= " + strings.Join(got, "\n= ") + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(b), out.String()); diff != "" && !*update {
		t.Error(diff)
	}
}

// short is a message without what all of them have.
func short(t *testing.T, m *chat.Message) string {
	t.Helper()
	c := *m
	if c.Account != "+15550783881" || c.Custodian != "sales" || c.Zone != "Europe/Berlin" || !c.ZoneAssumed || c.Precision != "second" {
		t.Errorf("%+v", c)
	}
	c.Account, c.Custodian, c.Zone, c.ZoneAssumed, c.Precision, c.SentLocal = "", "", "", false, "", ""
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.TrimPrefix(string(b), `{"id":"","seq":0,"records":null,`)
	if m.Partial {
		s = "about " + s
	}
	return s
}

// TestOneBadElement: what is wrong with one element leaves its neighbours
// alone.
func TestOneBadElement(t *testing.T) {
	r := testReader(t)
	good := `{"from":"491701","id":"wamid.G","timestamp":"1780000000","type":"text","text":{"body":"a\u0000b"}}`
	for _, bad := range []string{
		`{}`, `{"type":7}`, `{"from":{},"id":[],"timestamp":{},"type":"text","text":"no object"}`, `{"type":"text","text":null}`,
		`{"id":"wamid.B","type":"image","image":[]}`, `{"id":"wamid.B","type":"contacts","contacts":{"a":1}}`, `{"id":"wamid.B","type":"order","order":{"product_items":[1,"x",null,{"quantity":[]}]}}`,
		`{"id":"wamid.B","timestamp":"99999999999999999999","type":"text"}`, `{"id":"wamid.B","timestamp":-5,"type":"interactive","interactive":{"type":"interactive"}}`,
		`{"id":"wamid.B","type":"location","location":{"latitude":"NaN","longitude":1e999}}`, `{"id":"wamid.B","type":"reaction","reaction":{}}`, `{"type":"edit"}`,
	} {
		messages := 0
		for _, e := range entriesOf(t, wrap("messages", "messages", good, bad, strings.Replace(good, "wamid.G", "wamid.H", 1))) {
			ev, err := r.Events(e)
			if err != nil {
				t.Errorf("%s: %v", bad, err)
			}
			for _, x := range ev {
				m := x.Message
				if m.Key == nil || m.Key.ID == "" || m.SentAt == "" || m.SentLocal == "" {
					t.Errorf("%s: no key or no time: %+v", bad, m)
				}
				if m.Text == "a\x00b" {
					messages++
				}
			}
		}
		if messages != 2 {
			t.Errorf("%s: %d of its neighbours", bad, messages)
		}
	}
}

// FuzzEvents: no item breaks the reader, and what it reads is the same twice.
func FuzzEvents(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "elements.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if p := strings.SplitN(strings.TrimSpace(line), " ", 3); len(p) == 3 && !strings.HasPrefix(line, "=") {
			f.Add(uint8(0), wrap(p[0], p[1], p[2]))
			f.Add(uint8(1), []byte(p[2]))
		}
	}
	r := testReader(f)
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		var entries []record.Entry
		heads := []Head{
			{What: Request, Send: &SendHead{Path: "/v23.0/1/messages", Decision: "forward"}},
			{What: Answer, Send: &SendHead{Request: 3, Status: 200}},
			{What: Sent, Send: &SendHead{}},
			{What: Step, Send: &SendHead{Sent: string(raw)}},
		}
		if kind %= 5; kind == 0 {
			entries = entriesOf(t, raw)
		} else {
			p, err := record.Part(heads[kind-1], raw)
			if err != nil {
				t.Fatal(err)
			}
			entries = []record.Entry{{Seq: 9, Kind: record.Item, Parts: [][]byte{p}}}
		}
		for _, e := range entries {
			if e.Kind != record.Item {
				continue
			}
			ev, err := r.Events(e)
			again, _ := r.Events(e)
			if diff := cmp.Diff(ev, again); diff != "" {
				t.Error(diff)
			}
			if err != nil {
				continue
			}
			for _, x := range ev {
				if m := x.Message; m.Key == nil || m.Key.ID == "" && m.Key.Alias == "" {
					t.Errorf("without a key: %+v", m)
				}
				m := chat.Fold([]chat.Event{x, x})
				if one := chat.Fold(ev); m.Text != one.Text || m.Type != one.Type {
					t.Errorf("%+v, %+v", m, one)
				}
			}
			for _, f := range About(e) {
				if strings.Contains(f.Say, "\n") {
					t.Errorf("%q", f.Say)
				}
			}
		}
		for _, el := range Elements(raw) {
			Unknown(raw[el.At:el.End], el.Context)
		}
	})
}
