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
	// One by one, each followed before the next comes.
	l := newLive(t)
	cfg := config(t, l)
	cfg.Interpreters[cloudapi.Name] = cloudapi.Interpreter()
	x := openIndex(t, cfg)
	for _, i := range rand.New(rand.NewPCG(9, 9)).Perm(len(story)) {
		l.deliver(t, story[i])
		if err := x.Follow(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, everything(t, x)); diff != "" {
		t.Errorf("one by one: %s", diff)
	}
	if found, err := Check(t.Context(), cfg, func(int64, int64) {}); err != nil || len(found) > 0 {
		t.Error(found, err)
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

// TestSendThroughTheGateway: a send has a name of the gateway's own until
// WhatsApp gives it one, and is one message in whatever order it is told of.
func TestSendThroughTheGateway(t *testing.T) {
	const alias = cloudapi.AliasOf + "11111111-2222-3333-4444-555555555555"
	at := func(s int64) time.Time { return time.Unix(1_780_000_000+s, 0).UTC() }
	request := cloudapi.SendHead{At: at(0), Method: "POST", Path: "/v23.0/106540352242922/messages", Callback: alias, Decision: "forward"}
	const text = `{"messaging_product":"whatsapp","to":"+49 1701","type":"text","text":{"body":"your order"}}`
	answer := cloudapi.SendHead{At: at(1), Callback: alias, Status: 200}
	const answered = `{"messaging_product":"whatsapp","contacts":[{"input":"+49 1701","wa_id":"491701"}],"messages":[{"id":"wamid.S1"}]}`
	echo := func(state string, s int64, callback string) string {
		return reported(fmt.Sprintf(`{"id":"wamid.S1","status":%q,"timestamp":"%d","recipient_id":"491701","biz_opaque_callback_data":%q}`, state, 1_780_000_000+s, callback))
	}
	for name, c := range map[string]struct {
		tell  func(l *liveLog)
		state chat.SendState
		flags string
	}{
		"no answer": {func(*liveLog) {}, chat.SendForwarded, "unanswered"},
		"answer, then statuses": {func(l *liveLog) {
			answer.Request = l.send(t, cloudapi.Answer, answer, answered)
			l.deliver(t, echo("delivered", 3, alias), echo("sent", 2, alias))
		}, chat.SendAccepted, ""},
		"statuses before the answer": {func(l *liveLog) {
			l.deliver(t, echo("sent", 2, alias))
			l.send(t, cloudapi.Answer, answer, answered)
		}, chat.SendAccepted, ""},
		"the answer is lost": {func(l *liveLog) { l.deliver(t, echo("read", 9, alias)) }, chat.SendAccepted, ""},
		"refused": {func(l *liveLog) {
			l.send(t, cloudapi.Answer, cloudapi.SendHead{At: at(1), Callback: alias, Status: 400}, `{"error":{"code":131009,"message":"Parameter value is not valid"}}`)
		}, chat.SendRefused, "failed"},
		"Meta is in trouble": {func(l *liveLog) {
			l.send(t, cloudapi.Answer, cloudapi.SendHead{At: at(1), Callback: alias, Status: 503}, `oops`)
		}, chat.SendForwarded, "unanswered"},
	} {
		l := newLive(t)
		first := l.send(t, cloudapi.Request, request, text)
		answer.Request = first
		c.tell(l)
		x := liveIndex(t, l)
		got := everything(t, x)
		if len(got) != 1 || got[0].Sending == nil || got[0].Sending.State != c.state || got[0].Text != "your order" || got[0].Chat.Name != "+491701" {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for _, f := range strings.Fields("unanswered failed orphan waiting pending ghost") {
			if found := find(t, x, "is:"+f); (len(found) == 1) != (f == c.flags) {
				t.Errorf("%s: is:%s finds %v", name, f, found)
			}
		}
	}

	// The sender has callback data of its own, which statuses of others have too:
	// then the answer alone ties a send to its statuses.
	l := newLive(t)
	request.Callback, answer.Callback = "", ""
	answer.Request = l.send(t, cloudapi.Request, request, text)
	l.deliver(t, echo("sent", 2, "campaign"), reported(`{"id":"wamid.S2","status":"sent","timestamp":"1780000002","recipient_id":"491701","biz_opaque_callback_data":"campaign"}`))
	l.send(t, cloudapi.Answer, answer, answered)
	x := liveIndex(t, l)
	if got := everything(t, x); len(got) != 2 || got[0].Text != "your order" || len(got[0].Receipts) != 1 || got[1].Text != "" {
		t.Errorf("own callback data: %+v", got)
	}
	if found := find(t, x, "is:orphan"); len(found) != 1 {
		t.Errorf("orphans: %v", found)
	}
}

// TestWhatWaits: held sends, files to be fetched and contents that never came
// are found.
func TestWhatWaits(t *testing.T) {
	l := newLive(t)
	held := l.send(t, cloudapi.Request, cloudapi.SendHead{At: l.at, Path: "/v23.0/1/messages", Decision: "hold", Why: "a word", Rule: "words"}, `{"to":"491701","type":"text","text":{"body":"held"}}`)
	l.deliver(t,
		inbound(`{"from":"491701","id":"wamid.F","timestamp":"1780000000","type":"document","document":{"id":"D1","filename":"a.pdf","caption":"a file"}}`),
		inbound(`{"from":"491701","id":"wamid.G","timestamp":"1780000001","type":"unsupported","errors":[{"code":131060,"title":"t"}]}`),
	)
	x := liveIndex(t, l)
	for q, n := range map[string]int{"is:waiting": 1, "is:pending": 1, "is:ghost": 1, "is:failed": 0, "is:orphan": 0, "is:unanswered": 0} {
		if found := find(t, x, q); len(found) != n {
			t.Errorf("%s: %v", q, found)
		}
	}
	l.send(t, cloudapi.Step, cloudapi.SendHead{At: l.at, Request: held, Decision: "withdraw", By: "j.doe"}, "")
	sum := strings.Repeat("ab", 32)
	l.media(t, cloudapi.MediaHead{At: l.at, ID: "D1", Message: "wamid.F", Chat: "491701@s.whatsapp.net", Account: "+15550783881", State: "missing", Why: "not yet"})
	l.media(t, cloudapi.MediaHead{At: l.at, ID: "D1", Message: "wamid.F", Chat: "491701@s.whatsapp.net", Account: "+15550783881", State: "stored", MIME: "application/pdf"}, record.ItemFile{Name: "a.pdf", Blob: record.Blob{SHA256: sum, Size: 7}})
	l.deliver(t, inbound(`{"from":"491701","id":"wamid.G","timestamp":"1780000001","type":"text","text":{"body":"here it is"}}`))
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, q := range strings.Fields("is:waiting is:pending is:ghost") {
		if found := find(t, x, q); len(found) != 0 {
			t.Errorf("%s: %v", q, found)
		}
	}
	for _, m := range everything(t, liveIndex(t, l)) {
		switch m.Key.ID {
		case "wamid.F":
			if a := m.Attachments; len(a) != 1 || a[0].State != chat.Stored || a[0].SHA256 != sum || a[0].Name != "a.pdf" || a[0].Ref != "D1" {
				t.Errorf("%+v", a)
			}
		case "wamid.G":
			if len(m.Versions) != 1 || m.Versions[0].Type != chat.Unsupported || m.Errors != nil || m.TypeCode != "" {
				t.Errorf("%+v", m)
			}
		default:
			if m.Sending.State != chat.SendWithdrawn || m.Sending.By != "j.doe" || m.Sending.Rule != "words" {
				t.Errorf("%+v", m.Sending)
			}
		}
	}
}

// TestOneChatByAnyAddress: somebody who is known by number, by business-scoped
// id, and by both, has one chat, whichever came first.
func TestOneChatByAnyAddress(t *testing.T) {
	texts := []string{
		body("messages", "messages", "", `{"from":"491701","id":"wamid.A","timestamp":"1780000000","type":"text","text":{"body":"by number"}}`),
		body("messages", "messages", "", `{"from_user_id":"DE.1","id":"wamid.B","timestamp":"1780000001","type":"text","text":{"body":"by id"}}`),
		inbound(`{"from":"491701","from_user_id":"DE.1","id":"wamid.C","timestamp":"1780000002","type":"text","text":{"body":"by both"}}`),
	}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}} {
		l := newLive(t)
		for _, i := range order {
			l.deliver(t, texts[i])
		}
		x := liveIndex(t, l)
		rows, err := x.Chats(t.Context(), ChatFilter{})
		if err != nil || len(rows) != 1 || rows[0].Name != "Ana" || rows[0].Messages != 3 {
			t.Fatalf("%v: %+v, %v", order, rows, err)
		}
		page, err := x.Page(t.Context(), rows[0].ID, Place{}, 10)
		if err != nil || len(page.Messages) != 3 || page.Messages[0].Text != "by number" || page.Messages[2].Text != "by both" {
			t.Errorf("%v: %+v, %v", order, page, err)
		}
	}
	l := newLive(t)
	l.deliver(t, texts[1])
	x := liveIndex(t, l)
	if found := find(t, x, "from:DE.1"); len(found) != 1 {
		t.Errorf("by id: %v", found)
	}
}

// TestAnswersLive: an answer leads to what it answers, by either side.
func TestAnswersLive(t *testing.T) {
	l := newLive(t)
	l.deliver(t, body("smb_message_echoes", "message_echoes", "", `{"from":"15550783881","to":"491701","id":"wamid.O","timestamp":"1780000000","type":"text","text":{"body":"question"}}`),
		inbound(`{"from":"491701","id":"wamid.A","timestamp":"1780000001","type":"text","text":{"body":"answer"},"context":{"from":"15550783881","id":"wamid.O"}}`),
		inbound(`{"from":"491701","id":"wamid.B","timestamp":"1780000002","type":"text","text":{"body":"and more"},"context":{"from":"491701","id":"wamid.A"}}`))
	x := liveIndex(t, l)
	res, err := x.Search(t.Context(), Search{Order: Oldest})
	if err != nil || len(res.Hits) != 3 {
		t.Fatal(res, err)
	}
	for i, want := range []string{"question", "answer"} {
		if q, err := x.Quoted(t.Context(), &res.Hits[i+1].Message); err != nil || q.Text != want {
			t.Errorf("%q, %v, want %q", q.Text, err, want)
		}
	}
}

// TestUnreadLive: what is not understood stands under a chat of its own.
func TestUnreadLive(t *testing.T) {
	l := newLive(t)
	l.deliver(t, inbound(`{"from":"491701","id":"wamid.A","timestamp":"1780000000","type":"text","text":{"body":"x"}}`), `not JSON`, body("messages", "messages", "", `{"from":"491701","type":"text","text":{"body":"no id, no time"}}`))
	x := liveIndex(t, l)
	rows, err := x.Chats(t.Context(), ChatFilter{})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	if found := find(t, x, "is:unread"); !slices.Equal(found, []string{"not JSON"}) {
		t.Errorf("%q", found)
	}
}

// TestReactionsThatWereSent stand with their message: what Meta answers to one,
// and reports of it, is no message that went out unseen.
func TestReactionsThatWereSent(t *testing.T) {
	l := newLive(t)
	l.deliver(t, inbound(`{"from":"491701","id":"wamid.IN","timestamp":"1780000000","type":"text","text":{"body":"hello"}}`))
	h := cloudapi.SendHead{At: l.at, Path: "/v23.0/1/messages", Kind: "reaction", Decision: "forward"}
	h.Request = l.send(t, cloudapi.Request, h, `{"to":"491701","type":"reaction","reaction":{"message_id":"wamid.IN","emoji":"👍"}}`)
	h.Status = 200
	l.send(t, cloudapi.Answer, h, `{"contacts":[{"wa_id":"491701"}],"messages":[{"id":"wamid.RE"}]}`)
	l.deliver(t, reported(`{"id":"wamid.RE","status":"sent","timestamp":"1780000002","recipient_id":"491701"}`))
	x := liveIndex(t, l)
	if found := find(t, x, "has:reaction"); !slices.Equal(found, []string{"hello"}) {
		t.Errorf("%q", found)
	}
	for _, q := range []string{"is:orphan", "is:unanswered", "is:failed"} {
		if found := find(t, x, q); len(found) > 0 {
			t.Errorf("%s: %q", q, found)
		}
	}
}
