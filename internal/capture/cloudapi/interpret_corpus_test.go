package cloudapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

const sharedCorpus = "../../../../shared/corpus/webhooks/"

// manifest reads a table of the corpus, or skips where it is not there.
func manifest(t *testing.T, name string) (rows [][]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedCorpus, name))
	if err != nil {
		t.Skip("the shared corpus is not there")
	}
	for line := range strings.Lines(string(b)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\r\n"), "\t"))
	}
	return rows[1:]
}

// testReader reads the items of a capture with one number.
func testReader(t testing.TB) *reader {
	t.Helper()
	reading, err := json.Marshal(Reading{Version: 1, Zone: "Europe/Berlin", Assumed: true, Numbers: []Number{{ID: "106540352242922", Phone: "+15550783881", Custodian: "sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := record.Part(record.CaptureHead{Source: Name, Reading: reading}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Interpreter().Reader([]record.Entry{{Seq: 1, Kind: record.Capture, Parts: [][]byte{p}}})
	if err != nil {
		t.Fatal(err)
	}
	return r.(*reader)
}

// entriesOf are the entries of a delivery.
func entriesOf(t testing.TB, body []byte) (out []record.Entry) {
	t.Helper()
	rs, err := Records(1, Incoming{Body: body, Received: time.Unix(1_790_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		out = append(out, record.Entry{Seq: int64(i) + 2, Kind: r.Kind, At: time.Unix(1_790_000_000, 0).UTC(), Parts: r.Parts})
	}
	return out
}

// told is what a delivery says, as the corpus writes it.
type told map[string]any

// tellsOf puts a message into the words of the corpus. It has no words for
// src, conversation, pricing and callback_data, which stay in the record.
func tellsOf(m *chat.Message) told {
	w := told{"rec": "message", "ts": unix(m.SentAt)}
	set := func(k string, v any, ok bool) {
		if ok {
			w[k] = v
		}
	}
	who := func(p *chat.Person) map[string]any {
		if p == nil {
			return nil
		}
		o := map[string]any{}
		if p.JID != "" {
			o["phone"] = strings.TrimSuffix(p.JID, phones)
		}
		if p.BSUID != "" {
			o["bsuid"] = p.BSUID
		}
		if p.ParentBSUID != "" {
			o["parent_bsuid"] = p.ParentBSUID
		}
		return o
	}
	peer := who(&chat.Person{JID: m.Chat.JID, BSUID: m.Chat.BSUID})
	me := map[string]any{"phone": strings.TrimPrefix(m.Account, "+")}
	w["dir"], w["from"], w["to"] = string(m.Direction), who(m.From), me
	if m.Direction == chat.Out {
		w["from"], w["to"] = who(m.From), peer
	}
	if m.From == nil {
		w["from"] = peer
	}
	w["id"] = m.Key.ID
	kinds := map[chat.Type]string{chat.Voice: "audio", chat.Place: "location", chat.ContactCard: "contacts", chat.SystemType: "system"}
	w["type"] = string(m.Type)
	if k := kinds[m.Type]; k != "" {
		w["type"] = k
	}
	set("text", m.Text, m.Text != "")
	set("forwarded", true, m.Forwarded > 0)
	set("frequently_forwarded", true, m.Forwarded >= 5)
	set("reply_to", m.ReplyTo, m.ReplyTo != "")
	var codes []any
	for _, e := range m.Errors {
		n, _, _ := strings.Cut(e, ":")
		c, err := strconv.Atoi(n)
		codes = append(codes, float64(c))
		set("error_codes", codes, err == nil)
	}
	if m.Type == chat.Unsupported {
		w["content_missing"] = true
		if m.TypeCode == "unknown" {
			w["type"] = "unknown"
		}
	}
	if c := m.Choice; c != nil {
		set("choice_id", c.ID, c.ID != "" && c.Kind != "nfm_reply" && c.Kind != "call_permission_reply")
		set("form_json", c.Form, c.Form != "")
		if c.Kind == "button" && len(c.Options) == 0 {
			w["type"] = "button"
		} else {
			w["interactive"] = c.Kind
		}
	}
	if b := m.Basket; b != nil {
		w["items"] = float64(len(b.Items))
	}
	if l := m.Location; l != nil && l.Lat != nil {
		w["lat"], w["lng"] = *l.Lat, *l.Lon
	}
	if p := m.Product; p != nil {
		w["referred_product"] = p.ID
	}
	if r := m.Referral; r != nil {
		o := map[string]any{}
		for k, v := range map[string]string{"source_id": r.ID, "source_type": r.Source, "headline": r.Headline, "body": r.Body, "ctwa_clid": r.Click} {
			if v != "" {
				o[k] = v
			}
		}
		w["referral"] = o
	}
	if len(m.Attachments) > 0 {
		a := m.Attachments[0]
		o := map[string]any{"id": a.Ref, "mime": a.MIME}
		if a.Name != "" {
			o["filename"] = a.Name
		}
		if m.Text != "" {
			o["caption"] = m.Text
		}
		if a.SHA256 != "" {
			o["sha256"] = a.SHA256
		}
		w["media"] = o
	}
	switch {
	case len(m.Reactions) > 0:
		r := m.Reactions[0]
		w["rec"], w["type"], w["target"], w["dir"] = "reaction", "reaction", m.Key.ID, "in"
		w["from"] = who(&r.From)
		set("emoji", r.Emoji, r.Emoji != "")
		set("removed", true, r.Emoji == "")
		delete(w, "id")
	case m.Edited:
		w["rec"], w["new_type"], w["type"], w["target"], w["dir"] = "edit", w["type"], "edit", m.Key.ID, "in"
		delete(w, "id")
	case m.Revoked:
		w["rec"], w["type"], w["target"], w["dir"] = "revoke", "revoke", m.Key.ID, "in"
		delete(w, "id")
	case len(m.Receipts) > 0 && m.Partial:
		w["rec"], w["status"] = "status", string(m.Receipts[0].State)
		if why := m.Receipts[0].Why; why != "" {
			n, _, _ := strings.Cut(why, ":")
			c, _ := strconv.Atoi(n)
			w["error_codes"] = []any{float64(c)}
		}
	case m.Call != nil && m.Partial:
		w["rec"] = "call_status"
	case m.Call != nil:
		w["rec"], w["event"], w["direction"] = "call", "connect", "USER_INITIATED"
		if m.Direction == chat.Out {
			w["direction"] = "BUSINESS_INITIATED"
		}
	case m.Type == chat.SystemType:
		w["rec"], w["dir"] = "identity_change", "in"
		w["change"] = map[string]string{chat.NoticeNumber: "user_changed_number"}[m.System.Event]
		w["new"] = map[string]any{"phone": strings.TrimPrefix(m.System.Value, "+")}
	}
	return w
}

func unix(s string) float64 {
	at, _ := time.Parse(time.RFC3339, s)
	return float64(at.Unix())
}

// tells are what the facts of items that are about no message say.
func tells(f Fact) told {
	var v map[string]any
	_ = json.Unmarshal(f.Value, &v)
	if f.Field == "user_preferences" {
		return told{"rec": "preference", "from": map[string]any{"phone": v["wa_id"]}, "category": v["category"], "value": v["value"], "ts": float64(f.At.Unix())}
	}
	return told{"rec": "other", "field": f.Field, "event": f.Event}
}

// TestCorpus: each payload gives the records that its line says, and its bytes
// come back.
func TestCorpus(t *testing.T) {
	r := testReader(t)
	for _, row := range manifest(t, "MANIFEST.tsv") {
		name := filepath.Base(row[0])
		body, err := os.ReadFile(filepath.Join(sharedCorpus, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		var want []told
		if err := json.Unmarshal([]byte(row[6]), &want); err != nil {
			t.Fatal(err)
		}
		entries := entriesOf(t, body)
		back, err := Body(entries[0], entries[1:])
		if err != nil || !bytes.Equal(back, body) {
			t.Errorf("%s: the body does not come back: %v", name, err)
		}
		var got []told
		for _, e := range entries {
			ev, err := r.Events(e)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for i := range ev {
				got = append(got, tellsOf(&ev[i].Message))
			}
			for _, f := range About(e) {
				got = append(got, tells(f))
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d: %v", name, len(got), len(want), got)
			continue
		}
		for i := range want {
			differs(t, name, want[i], got[i])
		}
	}
}

// unmapped are words of the corpus for what the archive has in the record
// alone, or, for the id of a change, names by what it changes.
var unmapped = []string{"src", "conversation", "pricing", "callback_data"}

func differs(t *testing.T, name string, want, got told) {
	t.Helper()
	for k, w := range want {
		g, ok := got[k]
		switch {
		case slices.Contains(unmapped, k), k == "id" && got["target"] != nil, k == "status" && got["rec"] == "call_status":
			continue
		case k == "from" || k == "to" || k == "new" || k == "media":
			sub(t, name+" "+k, w.(map[string]any), g)
			continue
		case k == "lat" || k == "lng":
			if _, isNumber := w.(float64); !isNumber {
				continue // a placeholder
			}
		}
		if a, b := asJSON(t, w), asJSON(t, g); !ok || a != b {
			t.Errorf("%s: %s is %s, want %s", name, k, b, a)
		}
	}
}

// sub compares a person or a file.
func sub(t *testing.T, name string, want map[string]any, got any) {
	t.Helper()
	g, _ := got.(map[string]any)
	for k, w := range want {
		s, _ := w.(string)
		is, _ := g[k].(string)
		switch k {
		case "animated", "voice", "url":
			continue
		case "parent_bsuid":
			if is == "" {
				continue // of somebody whom only the record of a change names
			}
		case "sha256":
			if s = hexSum(s); s == "" {
				continue // a placeholder
			}
		case "phone":
			if d := phoneDigits(s); d != "" {
				s = d
			}
		}
		if is != s {
			t.Errorf("%s: %s is %q, want %q", name, k, is, s)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCorpusOfSends: each request is what its line says, with the name that the
// answer gives it.
func TestCorpusOfSends(t *testing.T) {
	r := testReader(t)
	for _, row := range manifest(t, "outbound/MANIFEST.tsv") {
		name := filepath.Base(row[0])
		b, err := os.ReadFile(filepath.Join(sharedCorpus, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		var both struct {
			Request struct {
				Path string          `json:"path"`
				Body json.RawMessage `json:"body"`
			} `json:"request"`
			Response struct {
				Status int             `json:"status"`
				Body   json.RawMessage `json:"body"`
			} `json:"response"`
		}
		if err := json.Unmarshal(b, &both); err != nil {
			t.Fatal(err)
		}
		item := func(seq int64, what What, h SendHead, raw []byte) []chat.Event {
			h.Number, h.At = "106540352242922", time.Unix(1_790_000_000, 0)
			p, err := record.Part(Head{What: what, Send: &h}, raw)
			if err != nil {
				t.Fatal(err)
			}
			ev, err := r.Events(record.Entry{Seq: seq, Kind: record.Item, Parts: [][]byte{p}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return ev
		}
		ev := item(7, Request, SendHead{Path: both.Request.Path, Decision: "forward"}, both.Request.Body)
		kind, to, text, reply, id := row[1], row[2], strings.Trim(row[3], "'"), row[4], row[5]
		if id == "" {
			if len(ev) != 0 {
				t.Errorf("%s: %+v", name, ev)
			}
			continue
		}
		if len(ev) != 1 {
			t.Errorf("%s: %d events", name, len(ev))
			continue
		}
		m := ev[0].Message
		got := tellsOf(&m)
		if d := phoneDigits(to); d != "" {
			to = d
		}
		if is := strings.TrimSuffix(m.Chat.JID, phones); is != to || m.ReplyTo != reply {
			t.Errorf("%s: to %q, reply to %q, want %q and %q", name, is, m.ReplyTo, to, reply)
		}
		if kind == "reaction" {
			if got["rec"] != "reaction" {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if v, err := parse(both.Request.Body); err == nil && v.str("type") == "" {
			kind = string(m.Type) // the request does not say
		}
		if got["type"] != kind || got["dir"] != "out" {
			t.Errorf("%s: %v, want %s", name, got, kind)
		}
		if text != "" && m.Text != text && (m.Choice == nil || m.Choice.ID != text) {
			t.Errorf("%s: %q, want %q", name, m.Text, text)
		}
		answer := item(8, Answer, SendHead{Request: 7, Status: both.Response.Status}, both.Response.Body)
		if len(answer) != 1 {
			t.Errorf("%s: %d events of the answer", name, len(answer))
			continue
		}
		ev = append(ev, answer...)
		if one := chat.Fold(ev); one.Key.ID != id || !chat.SameKey(&ev[0].Message, &ev[1].Message, false) || one.Sending.State != chat.SendAccepted || one.Text != m.Text {
			t.Errorf("%s: %+v", name, one)
		}
	}
}
