package index

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// fakeLog is a log in memory. Its items hold messages as JSON; the reading of
// a capture may shift their dates, as an uncertain date order does.
type fakeLog struct{ entries []record.Entry }

func (l *fakeLog) Size(context.Context) (int64, error) { return int64(len(l.entries)), nil }

func (l *fakeLog) Scan(_ context.Context, from int64, fn func(record.Entry) error) error {
	for _, e := range l.entries[from:] {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *fakeLog) Get(_ context.Context, seqs []int64) (out []record.Entry, err error) {
	for _, s := range seqs {
		if s < 0 || s >= int64(len(l.entries)) {
			return nil, fmt.Errorf("entry %d: not there", s)
		}
		out = append(out, l.entries[s])
	}
	return out, nil
}

func (l *fakeLog) add(t testing.TB, kind record.Kind, head any, raw []byte) int64 {
	t.Helper()
	p, err := record.Part(head, raw)
	if err != nil {
		t.Fatal(err)
	}
	seq := int64(len(l.entries))
	l.entries = append(l.entries, record.Entry{Seq: seq, Kind: kind, At: time.Unix(1_700_000_000+seq, 0).UTC(), Parts: [][]byte{p}})
	return seq
}

func newLog(t testing.TB) *fakeLog {
	t.Helper()
	l := &fakeLog{}
	l.add(t, record.Init, record.InitHead{Version: 1, Name: "Acme"}, nil)
	return l
}

// reading is what a fake capture says of how it is read.
type fakeReading struct {
	Days int           // added to every date
	Sure bool          // beats one that is not
	Zone time.Duration // east of UTC
	// Assumed is true where nobody said that it is so.
	Assumed bool
	Kind    chat.ChatKind // a group, unless it is said
	JID     string        // of the chat: the capture is of a phone
	Account string        `json:"-"` // of the capture; the books say whose it is
}

// capture begins a capture of a chat.
func (l *fakeLog) capture(t testing.TB, chatName string, r fakeReading) *fakeCapture {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	source := "fake"
	if r.JID != "" {
		source = "phone"
	}
	custodian := "j.doe"
	if r.Account != "" {
		custodian = ""
	}
	seq := l.add(t, record.Capture, record.CaptureHead{Source: source, File: chatName + ".txt", Chat: chatName, Account: r.Account, Custodian: custodian, Reading: b}, nil)
	return &fakeCapture{l: l, seq: seq}
}

type fakeCapture struct {
	l    *fakeLog
	seq  int64
	n    int64
	seen [][3]int64
}

// said adds a message: "2024-05-13T09:00", author, text.
func (c *fakeCapture) said(t testing.TB, at, author, text string, more ...func(*chat.Message)) int64 {
	t.Helper()
	m := chat.Message{SentLocal: at, Precision: "minute", Type: chat.Text, Text: text, From: &chat.Person{Name: author}}
	if author == "" {
		m.From, m.Type, m.Text, m.AsPrinted, m.System = nil, chat.SystemType, "", text, &chat.System{Event: chat.NoticeOther}
	}
	for _, f := range more {
		f(&m)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c.n++
	return c.l.add(t, record.Item, record.ItemHead{Capture: c.seq, Ordinal: c.n - 1}, b)
}

// again notes that an entry was seen again.
func (c *fakeCapture) again(seq int64) {
	c.seen = append(c.seen, [3]int64{c.n, seq, 1})
	c.n++
}

func (c *fakeCapture) unread(t testing.TB, raw string) {
	t.Helper()
	c.n++
	c.l.add(t, record.Unparsed, record.ItemHead{Capture: c.seq, Ordinal: c.n - 1, Why: "test"}, []byte(raw))
}

func (c *fakeCapture) end(t testing.TB) {
	t.Helper()
	c.l.add(t, record.CaptureEnd, record.CaptureEndHead{Capture: c.seq, Summary: json.RawMessage(`{}`), Seen: c.seen}, nil)
}

type fakeInterpreter struct{}

func (fakeInterpreter) Reader(captures []record.Entry) (chat.Reader, error) {
	var merged fakeReading
	var first record.CaptureHead
	for i, c := range captures {
		var h record.CaptureHead
		if _, err := c.Decode(&h); err != nil {
			return nil, err
		}
		var r fakeReading
		if err := json.Unmarshal(h.Reading, &r); err != nil {
			return nil, err
		}
		if i == 0 {
			merged, first = r, h
		} else if r.Sure || !merged.Sure {
			merged = r
		}
	}
	return fakeReader{merged, first}, nil
}

type fakeReader struct {
	r fakeReading
	h record.CaptureHead
}

func (r fakeReader) Key() string { return fmt.Sprint(r.r) }

func (r fakeReader) Events(e record.Entry) ([]chat.Event, error) {
	raw, err := e.Decode(&record.ItemHead{})
	if err != nil {
		return nil, err
	}
	var m chat.Message
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	layout := "2006-01-02T15:04:05"[:len(m.SentLocal)]
	at, err := time.Parse(layout, m.SentLocal)
	if err != nil {
		return nil, err
	}
	at = at.AddDate(0, 0, r.r.Days)
	m.SentLocal, m.SentAt, m.Zone = at.Format(layout), at.Add(-r.r.Zone).Format(time.RFC3339), "UTC"
	m.Account = cmp.Or(m.Account, r.h.Account)
	m.Chat, m.Custodian = chat.Chat{Name: cmp.Or(r.h.Chat, m.Chat.Name), Kind: cmp.Or(r.r.Kind, chat.Group), JID: r.r.JID}, r.h.Custodian
	m.ZoneAssumed = r.r.Assumed
	return []chat.Event{{Seq: e.Seq, Source: r.h.Source, Message: m}}, nil
}

func config(t testing.TB, l Log) Config {
	t.Helper()
	return Config{Path: filepath.Join(t.TempDir(), "index.db"), Key: [32]byte{1, 2, 3}, Log: l, Interpreters: map[string]Interpreter{"fake": fakeInterpreter{}, "phone": fakeInterpreter{}}}
}

// indexOf is an index that has followed l.
func indexOf(t testing.TB, l Log) *Index {
	t.Helper()
	return openIndex(t, config(t, l))
}

func openIndex(t testing.TB, cfg Config) *Index {
	t.Helper()
	x, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return x
}

// find returns the texts that a query finds, newest first.
func find(t testing.TB, x *Index, query string) (texts []string) {
	t.Helper()
	res, err := x.Search(t.Context(), Search{Query: query})
	if err != nil {
		t.Fatalf("search %q: %v", query, err)
	}
	for _, h := range res.Hits {
		texts = append(texts, h.Message.Text)
	}
	return texts
}
