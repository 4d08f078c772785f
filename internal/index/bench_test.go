package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// madeLog is a log whose items are made when they are asked for: n messages
// of captures of perCapture each, one chat a capture.
type madeLog struct {
	n     int64
	words []string
}

const perCapture = 10_000

func (l *madeLog) Size(context.Context) (int64, error) { return l.n, nil }

func (l *madeLog) entry(seq int64) record.Entry {
	e := record.Entry{Seq: seq, Kind: record.Item, At: time.Unix(1_700_000_000, 0)}
	var head string
	var raw []byte
	switch c := seq % perCapture; {
	case seq == 0:
		e.Kind, head = record.Init, `{}`
	case c == 0 || seq == 1:
		e.Kind, head = record.Capture, `{"source":"made","chat":"chat `+strconv.FormatInt(seq/perCapture, 10)+`"}`
	default:
		e.Kind = record.Item
		head = `{"c":` + strconv.FormatInt(max(seq-c, 1), 10) + `,"n":` + strconv.FormatInt(c, 10) + `}`
		raw = l.text(seq)
	}
	e.Parts = [][]byte{append([]byte(head+"\n"), raw...)}
	return e
}

// text is about ten words, the frequent ones often.
func (l *madeLog) text(seq int64) (b []byte) {
	r := rand.New(rand.NewPCG(uint64(seq), 7))
	for range 5 + r.IntN(11) {
		f := r.Float64()
		b = append(append(b, l.words[int(f*f*f*f*float64(len(l.words)))]...), ' ')
	}
	return b
}

func (l *madeLog) Scan(_ context.Context, from int64, fn func(record.Entry) error) error {
	for ; from < l.n; from++ {
		if err := fn(l.entry(from)); err != nil {
			return err
		}
	}
	return nil
}

func (l *madeLog) Get(_ context.Context, seqs []int64) (out []record.Entry, err error) {
	for _, s := range seqs {
		out = append(out, l.entry(s))
	}
	return out, nil
}

type madeInterpreter struct{}

func (madeInterpreter) Reader(cs []record.Entry) (chat.Reader, error) {
	var h record.CaptureHead
	_, err := cs[0].Decode(&h)
	return madeReader{h.Chat}, err
}

type madeReader struct{ chat string }

func (madeReader) Key() string { return "made" }

func (r madeReader) Events(e record.Entry) ([]chat.Event, error) {
	_, raw, err := record.Cut(e.Parts[0])
	if err != nil {
		return nil, err
	}
	at := time.Unix(1_600_000_000+e.Seq%perCapture*9_000+e.Seq/perCapture*17, 0).UTC()
	return []chat.Event{{Seq: e.Seq, Message: chat.Message{
		Chat: chat.Chat{Name: r.chat, Kind: chat.Group}, From: &chat.Person{Name: "person " + strconv.FormatInt(e.Seq%7, 10) + r.chat},
		SentAt: at.Format(time.RFC3339), SentLocal: at.Format("2006-01-02T15:04:05"), Zone: "UTC", Precision: "second",
		Type: chat.Text, Text: string(raw),
	}}}, nil
}

func newMadeLog(n int64) *madeLog {
	l := &madeLog{n: n}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 30_000 {
		w := make([]byte, 2+r.IntN(8))
		for j := range w {
			w[j] = byte('a' + r.IntN(26))
		}
		l.words = append(l.words, string(w)+strconv.Itoa(i % 10)[:i%2])
	}
	return l
}

func followed(b *testing.B, n int64) (*Index, *madeLog) {
	b.Helper()
	l := newMadeLog(n)
	cfg := config(b, l)
	cfg.Interpreters = map[string]Interpreter{"made": madeInterpreter{}}
	x, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := x.Close(); err != nil {
			b.Error(err)
		}
	})
	start := time.Now()
	if err := x.Follow(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d messages followed, %.0f a second", n, float64(n)/time.Since(start).Seconds())
	return x, l
}

// BenchmarkFollow prints messages a second and bytes a message.
func BenchmarkFollow(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		start := time.Now()
		x, _ := followed(b, n)
		b.ReportMetric(n/time.Since(start).Seconds(), "messages/s")
		info, err := os.Stat(x.cfg.Path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/n, "B/message")
	}
}

// BenchmarkSearch prints the 95th percentile of questions to a million
// messages.
func BenchmarkSearch(b *testing.B) {
	x, l := followed(b, 1_000_000)
	for _, k := range []struct {
		name  string
		query func(i int) string
	}{
		{"common word", func(i int) string { return l.words[i%20] }},
		{"word", func(i int) string { return l.words[i*37%30_000] }},
		{"two words", func(i int) string { return l.words[i%100] + " " + l.words[i*7%300] }},
		{"phrase", func(i int) string {
			return `"` + strings.Join(strings.Fields(string(l.text(int64(i*997 + 5))))[:2], " ") + `"`
		}},
		{"word in a chat", func(i int) string { return l.words[i%100] + fmt.Sprintf(` in:"chat %d"`, i%90) }},
		{"word in a month", func(i int) string { return l.words[i%100] + " on:2021-03" }},
	} {
		b.Run(k.name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if _, err := x.Search(b.Context(), Search{Query: k.query(i)}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkLabelInBulk prints messages a second that one act labels, and takes
// the label off again.
func BenchmarkLabelInBulk(b *testing.B) {
	const n = 100_000
	l := &grownLog{madeLog: newMadeLog(2 * n)}
	cfg := config(b, l)
	cfg.Interpreters = map[string]Interpreter{"made": madeInterpreter{}}
	books := newBooks()
	books.labels[7] = "L"
	cfg.Books = books
	x := openIndex(b, cfg)
	for b.Loop() {
		for _, act := range []string{actLabelApply, actLabelRemove} {
			head := fmt.Sprintf(`{"act":%q,"data":{"label":7,"messages":[[50000,%d]]}}`, act, n)
			l.more = append(l.more, record.Entry{Seq: l.n + int64(len(l.more)), Kind: record.Act, Parts: [][]byte{[]byte(head + "\n")}})
			start := time.Now()
			if err := x.Follow(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n/time.Since(start).Seconds(), act+"/s")
			start = time.Now()
			res, err := x.Search(b.Context(), Search{Query: "label:L", Exact: true})
			if err != nil || res.Total > 0 != (act == actLabelApply) {
				b.Fatalf("%d labelled, %v", res.Total, err)
			}
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "search-"+act+"-ms")
		}
	}
}

// grownLog is a madeLog with some entries behind it.
type grownLog struct {
	*madeLog
	more []record.Entry
}

func (l *grownLog) Size(context.Context) (int64, error) { return l.n + int64(len(l.more)), nil }

func (l *grownLog) Scan(ctx context.Context, from int64, fn func(record.Entry) error) error {
	if err := l.madeLog.Scan(ctx, from, fn); err != nil {
		return err
	}
	for _, e := range l.more[max(0, from-l.n):] {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}
