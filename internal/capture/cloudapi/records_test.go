package cloudapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// rebuilt puts a body into records and together again.
func rebuilt(tb testing.TB, body []byte) (recs []record.Record) {
	tb.Helper()
	recs, err := Records(3, Incoming{Body: body, Received: time.Unix(1_700_000_000, 0)})
	if err != nil {
		tb.Fatal(err)
	}
	var es []record.Entry
	for i, r := range recs {
		es = append(es, record.Entry{Seq: int64(i), Kind: r.Kind, Parts: r.Parts})
	}
	got, err := Body(es[0], es[1:])
	if err != nil {
		tb.Fatalf("%v of %.300q", err, body)
	}
	if !bytes.Equal(got, body) {
		tb.Fatalf("%.300q came back as %.300q", body, got)
	}
	return recs
}

func TestADeliveryIsCut(t *testing.T) {
	msg := func(from, id string) string {
		return fmt.Sprintf(`{"from":%q,"id":%q,"timestamp":"1700000000","type":"text","text":{"body":"a \"b\" [c] {d} \u0000"}}`, from, id)
	}
	value := func(s string) string {
		return `{"object":"whatsapp_business_account","entry":[{"id":"1","time":5,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"+1 555-078-3881","phone_number_id":"7"},` + s + `},"field":"messages"}]}]}`
	}
	for name, c := range map[string]struct {
		body string
		want []string // path and contacts of each element
	}{
		"one":               {value(`"contacts":[{"wa_id":"4"}],"messages":[` + msg("4", "a") + `]`), []string{"messages 1"}},
		"two of one":        {value(`"contacts":[{"wa_id":"4"}],"messages":[` + msg("4", "a") + ` , ` + msg("4", "b") + `]`), []string{"messages 1", "messages 1"}},
		"contact of nobody": {value(`"contacts":[{"wa_id":"9"}],"messages":[` + msg("4", "a") + `,` + msg("4", "b") + `]`), []string{"messages 1", "messages 0"}},
		"statuses, too":     {value(`"messages":[` + msg("4", "a") + `],"statuses":[{"id":"b"}]`), []string{"messages 0", "statuses 0"}},
		"history":           {value(`"history":[{"metadata":{"phase":1},"threads":[{"id":"4","messages":[` + msg("4", "a") + `]},{"id":"5","messages":[` + msg("5", "b") + `]}]}]`), []string{"history.threads.messages 0", "history.threads.messages 0"}},
		"declined":          {value(`"history":[{"errors":[{"code":2593109}]}]`), []string{"history 0"}},
		"a change":          {value(`"event":"DISABLED_UPDATE"`), []string{" 0"}},
		"errors alone":      {value(`"errors":[{"code":1},{"code":2}]`), []string{" 0"}},
		"nothing":           {`{"object":"whatsapp_business_account","entry":[]}`, nil},
		"a list":            {`[1,2]`, nil},
		"cut short":         {value(`"messages":[`)[:150], nil},
		"empty":             {``, nil},
	} {
		var got []string
		for _, e := range Elements([]byte(c.body)) {
			got = append(got, fmt.Sprint(e.Context.Path, " ", len(e.Contacts)))
		}
		if strings.Join(got, ",") != strings.Join(c.want, ",") {
			t.Errorf("%s: %q", name, got)
		}
		rebuilt(t, []byte(c.body))
	}
}

func TestTheCorpusComesBackByteForByte(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpus/webhooks/*/*.*")
	if len(files) == 0 {
		t.Skip("the shared corpus is not there")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rebuilt(t, b)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"entry":[{"id":"1","changes":[{"field":"messages","value":{"contacts":[{"wa_id":"4"}],"messages":[{"from":"4"},{"from":4}],"statuses":[{}]}}]}]}`))
	f.Add([]byte(`{"field":"history","value":{"history":[{"threads":[{"id":1,"messages":[{},{}]}]}]}}`))
	f.Add([]byte(`{"messages":[{"messages":[{}]},[],1,"a"],"contacts":[{}],"contacts":[{"a":[{}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) { rebuilt(t, body) })
}

func FuzzStored(f *testing.F) {
	one := `{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"a"},{"id":"b"}]}}]}]}`
	f.Add([]byte(one + "\n" + one + "\n"))
	f.Add([]byte("[" + one + "," + one + "]"))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"{\"entry\":[{}]}"}}}],"a":{}}}`))
	f.Add([]byte(`{"request":{"to":1},"response":{"body":null,"status":"x"},"messaging_product":""}`))
	f.Add([]byte(`{"body":"{\"entry\":[{\"changes\":[{\"value\":1}]}]}"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		last := int64(-1)
		_, err := stretches(bytes.NewReader(file), func(s stored) error {
			if isHAR(file) {
				s.offset = last + 1
			}
			if s.offset <= last || s.offset >= int64(len(file)) {
				t.Fatalf("offset %d after %d", s.offset, last)
			}
			last = s.offset
			if s = opened(s); s.send == nil {
				rebuilt(t, s.raw)
			} else if !json.Valid(s.raw) {
				t.Fatalf("%q", s.raw)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errShort) {
			t.Fatal(err)
		}
	})
}
