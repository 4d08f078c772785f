package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// liveLog is a log with one capture of the Cloud API.
type liveLog struct {
	*fakeLog
	capture int64
	seen    map[string]bool
	at      time.Time
}

func newLive(t testing.TB) *liveLog {
	t.Helper()
	l := &liveLog{fakeLog: newLog(t), seen: map[string]bool{}, at: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
	reading, err := json.Marshal(cloudapi.Reading{Version: 1, Zone: "Europe/Berlin", Assumed: true, Numbers: []cloudapi.Number{{ID: "106540352242922", Phone: "+15550783881", Custodian: "sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	l.capture = l.add(t, record.Capture, record.CaptureHead{Source: cloudapi.Name, File: "main", Reading: reading}, nil)
	return l
}

// append adds records as an archive does: the same one twice is there once.
func (l *liveLog) append(rs ...record.Record) {
	for _, r := range rs {
		if id := r.Lineage + "\x00" + string(r.Identity); r.Identity != nil {
			if l.seen[id] {
				continue
			}
			l.seen[id] = true
		}
		seq := int64(len(l.entries))
		l.entries = append(l.entries, record.Entry{Seq: seq, Kind: r.Kind, At: time.Unix(1_780_000_000+seq, 0).UTC(), Parts: r.Parts})
	}
}

func (l *liveLog) deliver(t testing.TB, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		rs, err := cloudapi.Records(l.capture, cloudapi.Incoming{Body: []byte(b), Received: l.at})
		if err != nil {
			t.Fatal(err)
		}
		l.append(rs...)
	}
}

func (l *liveLog) send(t testing.TB, what cloudapi.What, h cloudapi.SendHead, raw string) int64 {
	t.Helper()
	h.Number = "106540352242922"
	seq := int64(len(l.entries))
	p, err := record.Part(cloudapi.Head{ItemHead: record.ItemHead{Capture: l.capture, Ordinal: seq}, What: what, Send: &h}, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	l.append(record.Record{Kind: record.Item, Parts: [][]byte{p}})
	return seq
}

func (l *liveLog) media(t testing.TB, h cloudapi.MediaHead, files ...record.ItemFile) {
	t.Helper()
	p, err := record.Part(cloudapi.Head{ItemHead: record.ItemHead{Capture: l.capture, Files: files}, What: cloudapi.Media, Media: &h}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.append(record.Record{Kind: record.Item, Parts: [][]byte{p}})
}

// liveConfig is an index of a log that is checked at the end: what followed it
// is what building it anew gives.
func liveIndex(t testing.TB, l Log) *Index {
	t.Helper()
	cfg := config(t, l)
	cfg.Interpreters[cloudapi.Name] = cloudapi.Interpreter()
	x := openIndex(t, cfg)
	if found, err := Check(t.Context(), cfg, func(int64, int64) {}); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	return x
}

// body is a delivery with some elements of a list.
func body(field, list, contacts string, elements ...string) string {
	if contacts != "" {
		contacts = `"contacts":[` + contacts + `],`
	}
	return `{"object":"whatsapp_business_account","entry":[{"id":"W","changes":[{"field":"` + field + `","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},` +
		contacts + `"` + list + `":[` + strings.Join(elements, ",") + `]}}]}]}`
}

func inbound(elements ...string) string {
	return body("messages", "messages", `{"profile":{"name":"Ana"},"wa_id":"491701","user_id":"DE.1"}`, elements...)
}
func reported(elements ...string) string { return body("messages", "statuses", "", elements...) }

// everything returns every message, without what depends on the order of entries, in
// the order of their keys.
func everything(t testing.TB, x *Index) (out []chat.Message) {
	t.Helper()
	res, err := x.Search(t.Context(), Search{Limit: 1000, Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range res.Hits {
		m := h.Message
		m.ID, m.Seq, m.Records, m.Chat.ID = "", 0, nil, ""
		m.Versions = slices.Clone(m.Versions)
		for i := range m.Versions {
			m.Versions[i].Seq = 0
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b chat.Message) int { return strings.Compare(nameOfKey(&a), nameOfKey(&b)) })
	return out
}

func nameOfKey(m *chat.Message) string {
	if m.Key == nil {
		return m.SentAt + m.Text
	}
	return m.Account + " " + m.Key.ID + " " + m.Key.Alias
}

// story is what can be told of a few messages.
var story = []string{
	inbound(`{"from":"491701","from_user_id":"DE.1","id":"wamid.IN1","timestamp":"1780000000","type":"unsupported","errors":[{"code":131060,"title":"Message unavailable"}],"unsupported":{"type":"unknown"}}`),
	inbound(`{"from":"491701","from_user_id":"DE.1","id":"wamid.IN1","timestamp":"1780000000","type":"text","text":{"body":"مرحبا"}}`),
	inbound(`{"from":"491701","id":"wamid.E1","timestamp":"1780000100","type":"edit","edit":{"original_message_id":"wamid.IN1","message":{"type":"text","text":{"body":"مرحبا بكم"}}}}`),
	inbound(`{"from":"491701","id":"wamid.R1","timestamp":"1780000110","type":"reaction","reaction":{"message_id":"wamid.OUT1","emoji":"👍"}}`),
	inbound(`{"from":"491701","id":"wamid.R2","timestamp":"1780000120","type":"reaction","reaction":{"message_id":"wamid.OUT1","emoji":""}}`),
	inbound(`{"from_user_id":"DE.1","id":"wamid.IN2","timestamp":1780000050,"type":"image","image":{"id":"F1","mime_type":"image/jpeg","sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","caption":"look"}}`),
	inbound(`{"from":"491701","id":"wamid.V1","timestamp":"1780000200","type":"revoke","revoke":{"original_message_id":"wamid.IN2"}}`),
	reported(`{"id":"wamid.OUT1","status":"read","timestamp":"1780000033","recipient_id":"491701"}`),
	reported(`{"id":"wamid.OUT1","status":"sent","timestamp":"1780000031","recipient_user_id":"DE.1"}`),
	reported(`{"id":"wamid.OUT1","status":"delivered","timestamp":"1780000032","recipient_id":"491701","recipient_user_id":"DE.1"}`),
	reported(`{"id":"wamid.OUT2","status":"failed","timestamp":"1780000040","recipient_id":"491702","errors":[{"code":131053,"title":"Media upload error"}]}`),
	body("smb_message_echoes", "message_echoes", "", `{"from":"15550783881","to":"491701","id":"wamid.OUT1","timestamp":"1780000030","type":"text","text":{"body":"Good morning"}}`),
	body("group_participants_update", "groups", "", `{"timestamp":"1780000300","group_id":"G1","type":"group_participants_add","added_participants":[{"wa_id":"491701"}]}`),
	body("user_id_update", "user_id_update", "", `{"wa_id":"491701","detail":"x","user_id":{"previous":"DE.1","current":"DE.2"},"timestamp":"1780000400"}`),
	body("calls", "calls", "", `{"id":"wacid.1","from":"491701","to":"15550783881","event":"terminate","timestamp":"1780000560","start_time":"1780000500","end_time":"1780000560","duration":60,"status":["Completed"]}`),
	body("calls", "calls", "", `{"id":"wacid.1","from":"491701","to":"15550783881","event":"connect","timestamp":"1780000495","direction":"USER_INITIATED"}`),
}

// TestLiveInAnyOrder: whatever the order, and however often and in what bodies
// deliveries come, the same messages are there.
func TestLiveInAnyOrder(t *testing.T) {
	state := func(t *testing.T, bodies []string) []chat.Message {
		l := newLive(t)
		l.deliver(t, bodies...)
		return everything(t, liveIndex(t, l))
	}
	want := state(t, story)
	if len(want) != 7 {
		t.Fatalf("%d messages", len(want))
	}
	check := func(name string, bodies []string) {
		if diff := cmp.Diff(want, state(t, bodies)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	check("in one body", []string{oneBody(t, story...)})
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		five := slices.Concat(story, story, story, story, story)
		rnd.Shuffle(len(five), func(i, j int) { five[i], five[j] = five[j], five[i] })
		check(fmt.Sprintf("five times, %d", seed), five)
		n := rnd.IntN(len(five)-2) + 1
		check(fmt.Sprintf("batches, %d", seed), []string{oneBody(t, five[:n]...), oneBody(t, five[n:]...)})
	}
}

// oneBody puts deliveries into one body.
func oneBody(t testing.TB, bodies ...string) string {
	t.Helper()
	var entries []string
	for _, b := range bodies {
		var d struct {
			Entry []json.RawMessage `json:"entry"`
		}
		if err := json.Unmarshal([]byte(b), &d); err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Entry {
			entries = append(entries, string(bytes.TrimSpace(e)))
		}
	}
	return `{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`
}
