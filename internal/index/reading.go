package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// readings keeps the readers of captures. A reader depends on the captures
// that it is made of alone, so it may be kept for ever.
type readings struct {
	mu sync.Mutex
	by map[string]*reading
}

// forget drops them all: what they were made of may have gone.
func (r *readings) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by = nil
}

// reading is how the items of one capture are read.
type reading struct {
	chat.Reader
	source string
	head   record.CaptureHead
}

// maxReadings bounds the readers that are kept.
const maxReadings = 4096

// errNoReader is for captures of a source that this program does not know.
var errNoReader = errors.New("no interpreter for the source")

// reading returns how the items of captures[0] are read, given the others that
// saw them again.
func (x *Index) reading(ctx context.Context, captures []int64) (*reading, error) {
	key := fmt.Sprint(captures)
	x.reads.mu.Lock()
	r := x.reads.by[key]
	x.reads.mu.Unlock()
	if r != nil {
		return r, nil
	}
	entries, err := x.cfg.Log.Get(ctx, captures)
	if err != nil {
		return nil, fmt.Errorf("read captures: %w", err)
	}
	if r, err = x.readingOf(entries); err != nil {
		return nil, err
	}
	x.reads.mu.Lock()
	defer x.reads.mu.Unlock()
	if x.reads.by == nil || len(x.reads.by) >= maxReadings {
		x.reads.by = map[string]*reading{}
	}
	x.reads.by[key] = r
	return r, nil
}

// readingOf makes the reader of entries. A capture that cannot be read, or of
// an unknown source, has none: its items are then unread, not lost.
func (x *Index) readingOf(entries []record.Entry) (*reading, error) {
	r := &reading{Reader: noReader{}}
	if len(entries) == 0 || len(entries[0].Parts) == 0 {
		return r, nil
	}
	if _, err := entries[0].Decode(&r.head); err != nil {
		return r, nil //nolint:nilerr // a damaged capture leaves its items unread; verify finds the damage
	}
	r.source = r.head.Source
	in := x.cfg.Interpreters[r.source]
	if in == nil {
		return r, nil
	}
	reader, err := in.Reader(entries)
	if err != nil {
		return r, nil //nolint:nilerr // as above: what cannot be read is counted, and following goes on
	}
	r.Reader = reader
	return r, nil
}

// live is a Reader of what came in while it happened: in any order, and several
// times. Its messages stand at their own times, and what could not be read
// stands under a chat of its own, not in that of the message before it.
type live interface {
	// Unread is what an entry is shown as that Events cannot read.
	Unread(e record.Entry) chat.Message
}

func (r *reading) live() bool { _, ok := r.Reader.(live); return ok }

// noReader reads nothing.
type noReader struct{}

func (noReader) Key() string                               { return "unread" }
func (noReader) Events(record.Entry) ([]chat.Event, error) { return nil, errNoReader }

// events returns what an entry means: nothing where it is about no message.
// unread is true where it could not be read: it then gives one event of type
// unknown with the source's own words.
func (r *reading) events(e record.Entry) (ev []chat.Event, unread bool) {
	if len(e.Parts) == 0 {
		return nil, false // disposed of
	}
	if e.Kind == record.Item {
		if ev, err := r.Events(e); err == nil {
			for i := range ev {
				ev[i].Seq = e.Seq
				if ev[i].Source == "" {
					ev[i].Source = r.source
				}
			}
			return ev, false
		}
	}
	raw := string(e.Parts[0])
	if _, text, err := record.Cut(e.Parts[0]); err == nil {
		raw = string(text)
	}
	raw = strings.ToValidUTF8(strings.TrimRight(raw, "\r\n"), "\uFFFD")
	m := chat.Message{Account: r.head.Account, Custodian: r.head.Custodian, Chat: chat.Chat{Name: r.head.Chat}}
	if l, ok := r.Reader.(live); ok {
		m = l.Unread(e)
	}
	m.Type, m.Text, m.AsPrinted, m.Boundary = chat.Unknown, raw, raw, chat.Ambiguous
	return []chat.Event{{Seq: e.Seq, Source: r.source, Message: m}}, true
}

func decodeAgain(s string) (seqs []int64, err error) {
	if s == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s), &seqs); err != nil {
		return nil, fmt.Errorf("decode captures: %w", err)
	}
	return seqs, nil
}
