package cloudapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/record"
)

// imported imports a file into a sink.
func imported(tb testing.TB, sink *capturetest.Sink, name, content string) (capture.Summary, error) {
	tb.Helper()
	p := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return importedPath(tb, sink, p)
}

func importedPath(tb testing.TB, sink *capturetest.Sink, p string) (capture.Summary, error) {
	tb.Helper()
	found, err := cloudapi.Format().Find(tb.Context(), p, capture.Options{Zone: time.UTC})
	if err != nil {
		return capture.Summary{}, err
	}
	return found[0].Run(tb.Context(), sink)
}

// bodies are those of a sink's deliveries, put together again, and the raw
// bytes of what was sent.
func bodies(tb testing.TB, sink *capturetest.Sink) (out []string) {
	tb.Helper()
	for i, e := range sink.Entries {
		if e.Kind != record.Item && e.Kind != record.Unparsed {
			continue
		}
		var h cloudapi.Head
		raw, err := e.Decode(&h)
		if err != nil {
			tb.Fatal(err)
		}
		if h.What == cloudapi.Delivery {
			if raw, err = cloudapi.Body(e, sink.Entries[i+1:i+1+h.Delivery.Pieces]); err != nil {
				tb.Fatal(err)
			}
		}
		if h.What == cloudapi.Delivery || h.What == cloudapi.Sent {
			out = append(out, string(raw))
		}
	}
	return out
}

func body(ids ...string) string {
	var all []string
	for _, id := range ids {
		all = append(all, fmt.Sprintf(`{"from":"16505551234","id":%q,"timestamp":"1700000000","type":"text","text":{"body":"\u0645\u0631\u062d\u0628\u0627 \u0000 \/ %s"}}`, "wamid."+id, id))
	}
	return `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},"contacts":[{"wa_id":"16505551234","profile":{"name":"A"}}],"messages":[` + strings.Join(all, ",") + `]},"field":"messages"}]}]}`
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func TestWhatAFirmHasKept(t *testing.T) {
	a, b, c := body("A"), body("B", "C"), body("D")
	send := `{"messaging_product":"whatsapp","to":"16505551234","type":"text","text":{"body":"hi"}}`
	answer := `{"messages":[{"id":"wamid.S"}]}`
	sent := `{"request":` + send + `,"response":` + answer + `}`
	har := func(more string) string {
		return `{"log":{"version":"1.2","creator":{"name":"x"},"entries":[` +
			`{"startedDateTime":"2023-11-14T22:13:20.000Z","request":{"method":"POST","url":"https://acme.example/hook","headers":[{"name":"x-hub-signature-256","value":"sha256=00"},{"name":"Authorization","value":"Bearer x"}],"postData":{"mimeType":"application/json","text":` + quoted(a) + `}},"response":{"status":200,"content":{}}},` +
			`{"startedDateTime":"2023-11-14T22:13:20.000Z","request":{"method":"GET","url":"https://acme.example/"},"response":{"status":200,"content":{}}},` +
			`{"startedDateTime":7},` +
			`{"startedDateTime":"2023-11-14T22:13:20.000Z","request":{"method":"POST","url":"https://graph.facebook.com/v23.0/7/messages","postData":{"text":` + quoted(send) + `}},"response":{"status":200,"content":{"text":` + quoted(answer) + `}}}` + more
	}
	manyLines := strings.ReplaceAll(a, `,"`, ",\n \"")
	for name, c := range map[string]struct {
		file     string
		want     []string
		unparsed int64 // -1: none, and yet it is not whole
	}{
		"a body":              {a, []string{a}, 0},
		"with a mark":         {"\xef\xbb\xbf" + a + "\r\n", []string{a}, 0},
		"of many lines":       {manyLines, []string{manyLines}, 0},
		"one a line":          {a + "\n\n" + b + "\r\n" + c, []string{a, b, c}, 0},
		"a bad line":          {a + "\n" + b[:200] + "\n" + c + "\n", []string{a, b[:200], c}, 1},
		"another's line":      {a + "\n" + `{"level":"info"}` + "\n", []string{a, `{"level":"info"}`}, 1},
		"a list":              {"[" + a + ",\n " + b + "]\n", []string{a, b}, 0},
		"a list cut short":    {"[" + a + ",\n " + b[:300], []string{a, b[:300]}, 1},
		"a list without end":  {"[" + a + ",\n " + b, []string{a, b}, -1},
		"one after another":   {"{\n" + a[1:] + "\n{\n" + b[1:], []string{"{\n" + a[1:], "{\n" + b[1:]}, 0},
		"a change":            {`{"field":"messages","value":{"messaging_product":"whatsapp","statuses":[{"id":"a"}]}}`, []string{`{"field":"messages","value":{"messaging_product":"whatsapp","statuses":[{"id":"a"}]}}`}, 0},
		"in an envelope":      {`{"headers":{"x":"y"},"body":` + quoted(a) + "}\n" + `{"at":1,"payload":` + b + `}`, []string{a, b}, 0},
		"sent":                {sent, []string{sent}, 0},
		"sent, with paths":    {`{"request":{"method":"POST","path":"/v23.0/7/messages","body":` + send + `},"response":{"status":200,"body":` + answer + `}}`, []string{sent}, 0},
		"traffic":             {har("]}}"), []string{a, sent}, 0},
		"traffic, cut":        {har(`,{"startedDateTime`), []string{a, sent, `{"startedDateTime`}, 1},
		"traffic without end": {har(""), []string{a, sent}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &capturetest.Sink{}
			sum, err := imported(t, sink, "kept.json", c.file)
			if err != nil {
				t.Fatal(err)
			}
			if got := bodies(t, sink); strings.Join(got, "\n\n") != strings.Join(c.want, "\n\n") {
				t.Errorf("%q", got)
			}
			if sum.Unparsed != max(c.unparsed, 0) || sum.Complete() != (c.unparsed == 0) {
				t.Errorf("%+v", sum)
			}
			if e := sink.Entries[len(sink.Entries)-1]; e.Kind != record.CaptureEnd || len(sink.Blobs) != 1 {
				t.Errorf("it ends with %s, and has %d files of evidence", e.Kind, len(sink.Blobs))
			}
			n := len(sink.Entries)
			again, err := imported(t, sink, "kept.json", c.file)
			if err != nil || len(sink.Entries) != n+2 || again.AlreadyArchived != sum.Records+sum.Unparsed {
				t.Errorf("again: %d entries more, %+v, %v", len(sink.Entries)-n, again, err)
			}
		})
	}
}

func TestWhatIsNotStoredWebhooks(t *testing.T) {
	for name, file := range map[string]string{
		"nothing": "", "text": "13/05/2024, 09:00 - Bob: whatsapp_business_account", "other JSON": `{"a":1}`, "a number": "5",
	} {
		if _, err := imported(t, &capturetest.Sink{}, "x.json", file); !errors.Is(err, capture.ErrNotMine) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was imported and what Meta delivered are one record, whichever came
// first, and on whatever day.
func TestImportedAndDeliveredIsOne(t *testing.T) {
	for _, b := range []string{
		body("A"), body("A", "B"),
		`{"object":"whatsapp_business_account","entry":[{"id":"1","time":1700000000,"changes":[{"value":{"event":"DISABLED_UPDATE"},"field":"account_update"}]}]}`,
		`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"event":"VERIFIED"},"field":"account_update"}]}]}`,
	} {
		s := newStation()
		if code := s.post(b, sign("new", b)); code != 200 {
			t.Fatal(code)
		}
		sum, err := imported(t, s.sink, "kept.json", b+"\n")
		if err != nil || sum.AlreadyArchived != sum.Records {
			t.Errorf("%+v %v", sum, err)
		}
		if sum, err := imported(t, s.sink, "kept.jsonl", body("X")+"\n"+b+"\n"); err != nil || sum.AlreadyArchived != sum.Records-1 {
			t.Errorf("%+v %v", sum, err)
		}
	}
}

// A folder is stored webhooks where it holds nothing else.
func TestAFolderOfBodies(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("2023/a.json", body("A"))
	write("2023/b.json", body("B", "C"))
	write(".DS_Store", "x")
	sink := &capturetest.Sink{}
	sum, err := importedPath(t, sink, dir)
	if err != nil || len(bodies(t, sink)) != 2 || sum.Messages != 3 || len(sink.Blobs) != 2 {
		t.Errorf("%+v %v", sum, err)
	}
	write("chat.txt", "13/05/2024, 09:00 - Bob: a webhook came as a file")
	if _, err := importedPath(t, sink, dir); !errors.Is(err, capture.ErrNotMine) {
		t.Error(err)
	}
}

func TestTheCorpusIsImported(t *testing.T) {
	const dir = "../../../../shared/corpus/webhooks/"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared corpus is not there")
	}
	sink := &capturetest.Sink{}
	sum, err := importedPath(t, sink, dir+"payloads")
	if err != nil || !sum.Complete() {
		t.Fatalf("%+v %v", sum, err)
	}
	files, _ := filepath.Glob(dir + "outbound/*.json")
	for _, f := range files {
		s, err := importedPath(t, sink, f)
		if err != nil || s.Records != 1 || !s.Complete() {
			t.Errorf("%s: %+v %v", f, s, err)
		}
	}
}
