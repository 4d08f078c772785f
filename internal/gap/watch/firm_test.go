package watch_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/watch"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
)

// firm is an archive that listens to a number, with a Meta that says what a
// test wants.
type firm struct {
	t        *testing.T
	ar       *archive.Archive
	x        *index.Index
	ledger   *govern.Ledger
	journal  *cloudapi.Running
	receiver *cloudapi.Receiver
	watch    *watch.Watch
	meta     meta
	bell     bell
	cfg      cloudapi.Config
	n        int // of the last message
}

// bell keeps the alarms that ring.
type bell map[string]alarm.Alarm

func (b bell) Ring(_ context.Context, a alarm.Alarm) { b[a.Key] = a }
func (b bell) Clear(_ context.Context, key string)   { delete(b, key) }

// meta is what Meta says.
type meta struct {
	sub    map[string]watch.Subscribed
	token  watch.Token
	number watch.Number
	listed []watch.Sent
	lost   bool // nothing can be sent
	firm   *firm
}

func (m *meta) Subscribed(_ context.Context, waba string) (watch.Subscribed, error) {
	return m.sub[waba], nil
}
func (m *meta) Token(context.Context) (watch.Token, error) { return m.token, nil }
func (m *meta) Number(_ context.Context, id string) (watch.Number, error) {
	if id != "7" {
		return watch.Number{}, nil
	}
	return m.number, nil
}

func (m *meta) History(_ context.Context, number string, _ time.Time) iter.Seq2[watch.Sent, error] {
	return func(yield func(watch.Sent, error) bool) {
		for _, s := range m.listed {
			if number == "7" && !yield(s, nil) {
				return
			}
		}
	}
}

func (m *meta) SendText(_ context.Context, _, _, text string) (string, error) {
	if m.lost {
		return "", errors.New("no answer")
	}
	id := m.firm.id()
	m.firm.at("15559990000", id, time.Now().Unix(), `"type":"text","text":{"body":`+quote(text)+`}`)
	return id, nil
}

const ours = "15550783881"

func newFirm(t *testing.T, patience gap.Patience) *firm {
	t.Helper()
	f := &firm{t: t, bell: bell{}, cfg: cloudapi.Config{
		Name: "main", WABA: []string{"1"}, Numbers: []cloudapi.Number{{ID: "7", Phone: "+" + ours}},
		Secrets: cloudapi.Secrets{App: []string{"s"}, Access: "a"},
	}}
	f.meta = meta{firm: f, sub: map[string]watch.Subscribed{"1": {Ours: true}}, token: watch.Token{Valid: true}}
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "a")
	if _, err := archive.Create(ctx, dir, archive.CreateOptions{Name: "Acme", Zone: "UTC", NoPassphrase: true}); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.ar, err = archive.Open(ctx, dir, func() (seal.Secret, error) { return seal.Secret{}, nil }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.ar.Close() })
	if f.ledger, err = govern.Open(ctx, f.ar); err != nil {
		t.Fatal(err)
	}
	f.set(f.cfg)
	f.x, err = index.Open(ctx, index.Config{
		Path: f.ar.IndexPath(), Key: f.ar.IndexKey(), Log: f.ar, Books: dispose.NewIndexBooks(f.ledger),
		Interpreters: map[string]index.Interpreter{cloudapi.Name: cloudapi.Interpreter()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.x.Close() })
	get := func() cloudapi.Config { return f.cfg }
	f.journal = cloudapi.OpenJournal(f.ar, get, "UTC", nil)
	f.receiver = cloudapi.NewReceiver(f.journal, get, cloudapi.ReceiverOptions{})
	f.watch = f.newWatch(patience)
	return f
}

func (f *firm) newWatch(patience gap.Patience) *watch.Watch {
	return watch.New(watch.Options{
		Index: f.x, Log: f.ar, Ledger: f.ledger, Bell: f.bell, Live: true, Patience: patience,
		Graph:   func(cloudapi.Config) watch.Graph { return &f.meta },
		Journal: func(string) cloudapi.Journal { return f.journal },
		Unknown: func(raw []byte, in cloudapi.Context) []string {
			if strings.HasPrefix(in.Field, "new_") {
				return []string{in.Field}
			}
			return nil
		},
	})
}

var operator = govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}

func (f *firm) set(cfg cloudapi.Config) {
	f.t.Helper()
	f.cfg = cfg
	b, err := json.Marshal(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	sec, err := json.Marshal(cfg.Secrets)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.ledger.Do(f.t.Context(), operator, govern.Request{Act: govern.ActSetSource, Data: govern.SetSource{Name: cfg.Name, Kind: cloudapi.Name, Config: b}, Secret: sec}); err != nil {
		f.t.Fatal(err)
	}
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

func (f *firm) id() string { f.n++; return fmt.Sprintf("wamid.%d", f.n) }

// post delivers a body, signed.
func (f *firm) post(body string) {
	f.t.Helper()
	mac := hmac.New(sha256.New, []byte("s"))
	mac.Write([]byte(body))
	r := httptest.NewRequest(http.MethodPost, "/hooks/main", strings.NewReader(body))
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	if f.receiver.ServeHTTP(w, r); w.Code != http.StatusOK {
		f.t.Fatalf("a delivery was answered with %d", w.Code)
	}
}

// deliver posts the change of one field.
func (f *firm) deliver(field, value string) {
	f.t.Helper()
	f.post(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":` + quote(field) + `,"value":` + value + `}]}]}`)
}

const metadata = `"messaging_product":"whatsapp","metadata":{"display_phone_number":"` + ours + `","phone_number_id":"7"}`

// when is the time of the messages that a test makes: some hours ago, so that
// no patience but that for what just came delays what is found.
func (f *firm) when() int64 { return time.Now().Add(-3 * time.Hour).Unix() }

// in delivers a message of a client.
func (f *firm) in(from, id, rest string) {
	f.t.Helper()
	f.at(from, id, f.when(), rest)
}

func (f *firm) at(from, id string, at int64, rest string) {
	f.t.Helper()
	f.deliver("messages", fmt.Sprintf(`{%s,"contacts":[{"profile":{"name":"Ana"},"wa_id":%q}],"messages":[{"from":%q,"id":%q,"timestamp":"%d",%s}]}`, metadata, from, from, id, at, rest))
}

func text(body string) string { return `"type":"text","text":{"body":` + quote(body) + `}` }

// status delivers a step of a message of the business.
func (f *firm) status(to, id, status, callback string) {
	f.t.Helper()
	cb := ""
	if callback != "" {
		cb = `,"biz_opaque_callback_data":` + quote(callback)
	}
	f.deliver("messages", fmt.Sprintf(`{%s,"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q%s}]}`, metadata, id, status, f.when(), to, cb))
}

// request notes a send, as the gateway does before it forwards it.
func (f *firm) request(to, callback, body string) int64 {
	f.t.Helper()
	h := cloudapi.SendHead{At: time.Unix(f.when(), 0), Method: http.MethodPost, Path: "/v23.0/7/messages", Number: "7", Callback: callback, Decision: "forward", By: "crm"}
	return f.item(cloudapi.Request, h, fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":%s}}`, to, quote(body)))
}

// answer notes what Meta answered.
func (f *firm) answer(request int64, to, callback, id string) {
	f.t.Helper()
	h := cloudapi.SendHead{At: time.Unix(f.when(), 0), Request: request, Number: "7", Callback: callback, Status: 200}
	f.item(cloudapi.Answer, h, fmt.Sprintf(`{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q}]}`, to, to, id))
}

func (f *firm) item(what cloudapi.What, h cloudapi.SendHead, raw string) int64 {
	f.t.Helper()
	got, err := f.journal.Append(f.t.Context(), func(capture int64) ([]record.Record, error) {
		r, err := cloudapi.SendRecord(capture, h, what, []byte(raw), nil)
		return []record.Record{r}, err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return got[0].Seq
}

// media notes what came of fetching a file.
func (f *firm) media(message, from, id, state string) {
	f.t.Helper()
	ctx := f.t.Context()
	_, err := f.journal.Append(ctx, func(capture int64) ([]record.Record, error) {
		var file *record.ItemFile
		h := cloudapi.MediaHead{At: time.Now(), ID: id, Message: message, Chat: from + "@s.whatsapp.net", Account: "+" + ours, State: state, MIME: "image/jpeg"}
		if state == "stored" {
			blob, err := f.journal.Blob(ctx, strings.NewReader("picture "+id))
			if err != nil {
				return nil, err
			}
			file = &record.ItemFile{Name: id + ".jpg", Blob: blob}
		}
		r, err := cloudapi.MediaRecord(capture, h, file)
		return []record.Record{r}, err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *firm) scan(o watch.Scan) watch.Result {
	f.t.Helper()
	res, err := f.watch.Scan(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return res
}

// holes are those that are open, by kind: of messages as many as there are.
func (f *firm) holes() (by map[gap.Kind]int, total int) {
	f.t.Helper()
	by = map[gap.Kind]int{}
	err := f.ledger.Read(f.t.Context(), func(s *govern.State) error {
		for _, g := range s.Gaps {
			n := 1
			if gap.Kind(g.Kind).OfMessages() {
				n = int(g.Count())
			}
			if g.State == govern.GapOpen {
				by[gap.Kind(g.Kind)] += n
				total += n
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return by, total
}
