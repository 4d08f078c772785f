package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/index"
)

// archiveOf is an index of chats that are held in memory, and one of any
// length that is computed.
type archiveOf struct {
	mu       sync.Mutex // of chats, for what comes while a browser looks
	chats    []index.ChatRow
	said     map[string][]chat.Message // by chat
	captures []index.CaptureRow
	coverage index.Coverage
	broken   error           // what every question gets for an answer
	has      map[string]bool // content, of a part
	long     atomic.Int64    // messages of the chat "long"
}

func (a *archiveOf) Chats(_ context.Context, f index.ChatFilter) ([]index.ChatRow, error) {
	if a.broken != nil {
		return nil, a.broken
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []index.ChatRow
	skip := f.After != ""
	for _, c := range a.chats {
		if skip {
			skip = c.ID != f.After
			continue
		}
		if matches(c, f.Text) {
			out = append(out, c)
		}
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

// All goes through everything, whatever is asked.
func (a *archiveOf) All(_ context.Context, _ string, fn func(chat.Message) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, ms := range a.said {
		for _, m := range ms {
			if err := fn(m); err != nil {
				return err
			}
		}
	}
	return a.broken
}

// bring adds a chat before all others.
func (a *archiveOf) bring(c index.ChatRow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.chats = append([]index.ChatRow{c}, a.chats...)
}

func matches(c index.ChatRow, text string) bool {
	all := strings.ToLower(c.Name + " " + strings.Join(c.Participants, " "))
	for w := range strings.FieldsSeq(strings.ToLower(text)) {
		if !strings.Contains(" "+all, " "+w) {
			return false
		}
	}
	return true
}

// People are the participants of the chats, by the names that these have.
func (a *archiveOf) People(_ context.Context, f index.PersonFilter) (out []index.PersonRow, total int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[string]bool{}
	for _, c := range a.chats {
		for _, name := range append(slices.Clone(c.Participants), "+447700900"+strconv.Itoa(100+len(seen))) {
			p := index.PersonRow{Name: name, Messages: 3, Chats: 1, Last: "2024-01-31T09:30"}
			if strings.HasPrefix(name, "+") {
				p.Name, p.Address = "", name
			} else if name == hostileText {
				p.Name, p.Address = "", hostileText
			}
			if seen[name] || f.Unnamed && p.Name != "" || f.Skip != nil && f.Skip(&p) {
				continue
			}
			seen[name] = true
			total++
			if total > f.Offset && (f.Limit == 0 || len(out) < f.Limit) {
				out = append(out, p)
			}
		}
	}
	return out, total, a.broken
}

// Months counts what a search finds.
func (a *archiveOf) Months(ctx context.Context, query string) ([]index.Month, error) {
	by := map[string]int64{}
	for s := (index.Search{Query: query, Limit: 500}); ; {
		res, err := a.Search(ctx, s)
		if err != nil {
			return nil, err
		}
		for i := range res.Hits {
			at := res.Hits[i].Message.SentLocal
			by[at[:min(len(at), len("2024-01"))]]++
		}
		if s.Cursor = res.Next; s.Cursor == "" {
			break
		}
	}
	var out []index.Month
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, index.Month{Name: name, Messages: by[name]})
	}
	return out, nil
}

func (a *archiveOf) Chat(_ context.Context, id string) (index.ChatRow, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.chats {
		if c.ID == id {
			return c, a.broken
		}
	}
	return index.ChatRow{}, fmt.Errorf("chat: %w", index.ErrNotFound)
}

func (a *archiveOf) Page(ctx context.Context, id string, at index.Place, limit int) (index.Page, error) {
	c, err := a.Chat(ctx, id)
	if err != nil {
		return index.Page{}, err
	}
	n, get := len(a.said[id]), func(i int) chat.Message { return a.said[id][i] }
	if id == "long" {
		n, get = int(a.long.Load()), longMessage
	}
	find := func(mid string) (int, error) {
		if id == "long" {
			i, err := strconv.Atoi(mid)
			if err != nil || i < 0 || i >= n {
				return 0, fmt.Errorf("message: %w", index.ErrNotFound)
			}
			return i, nil
		}
		for i := range n {
			if get(i).ID == mid {
				return i, nil
			}
		}
		return 0, fmt.Errorf("message: %w", index.ErrNotFound)
	}
	from, to, err := span(at, n, limit, find, get)
	if err != nil {
		return index.Page{}, err
	}
	p := index.Page{Chat: c, Earlier: from > 0, Later: to < n}
	for i := from; i < to; i++ {
		p.Messages = append(p.Messages, get(i))
	}
	return p, nil
}

func span(at index.Place, n, limit int, find func(string) (int, error), get func(int) chat.Message) (from, to int, err error) {
	i := 0
	switch {
	case at.Before != "":
		i, err = find(at.Before)
		return max(0, i-limit), i, err
	case at.After != "":
		i, err = find(at.After)
		return i + 1, min(n, i+1+limit), err
	case at.Around != "":
		i, err = find(at.Around)
		from = max(0, i-limit/2)
		return from, min(n, from+limit), err
	case !at.Date.IsZero():
		day := at.Date.Format(time.DateOnly)
		for i < n && get(i).SentLocal < day {
			i++
		}
		return i, min(n, i+limit), nil
	case at.AtStart:
		return 0, min(n, limit), nil
	}
	return max(0, n-limit), n, nil
}

// longMessage is number i of the chat "long": ten a day, in lines of
// different lengths, by three people.
func longMessage(i int) chat.Message {
	at := time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC).AddDate(0, 0, i/10).Add(time.Duration(i%10) * 47 * time.Minute)
	m := chat.Message{
		ID: strconv.Itoa(i), Seq: int64(i), Records: []int64{int64(i)},
		Chat: chat.Chat{ID: "long", Name: "The long one", Kind: chat.Group}, Type: chat.Text,
		SentAt: at.Format(time.RFC3339), SentLocal: at.Format("2006-01-02T15:04:05"), Zone: "UTC", Precision: "second",
		Text:   "Message number " + strconv.Itoa(i) + strings.Repeat(" and a little more of it", i%7),
		SeenBy: []string{"chatexport"},
	}
	switch i % 5 {
	case 0, 1:
		m.Direction, m.From = chat.Out, &chat.Person{Name: "Jo Doe"}
	case 2:
		m.Direction, m.From = chat.In, &chat.Person{Name: "Ana Lima"}
	default:
		m.Direction, m.From = chat.In, &chat.Person{Name: "Bruno Costa", Phone: "+351210000000"}
	}
	return m
}

func (a *archiveOf) Message(_ context.Context, id string) (chat.Message, error) {
	if a.broken != nil {
		return chat.Message{}, a.broken
	}
	for _, ms := range a.said {
		for _, m := range ms {
			if m.ID == id {
				return m, nil
			}
		}
	}
	return chat.Message{}, fmt.Errorf("message: %w", index.ErrNotFound)
}

// Quoted finds what a message answers, in its own chat first.
func (a *archiveOf) Quoted(_ context.Context, m *chat.Message) (chat.Message, error) {
	if m.Quoted != nil {
		for _, id := range append([]string{m.Chat.ID}, slices.Sorted(maps.Keys(a.said))...) {
			for _, o := range a.said[id] {
				if m.Quoted.Of(&o) {
					return o, a.broken
				}
			}
		}
	}
	return chat.Message{}, fmt.Errorf("quoted message: %w", index.ErrNotFound)
}

// Found is Search without an end.
func (a *archiveOf) Found(ctx context.Context, query, chatID string, fn func(seq int64, at time.Time)) error {
	r, err := a.Search(ctx, index.Search{Query: query, Chat: chatID})
	for _, h := range r.Hits {
		at, _ := time.Parse(time.DateOnly, h.Message.SentLocal[:min(10, len(h.Message.SentLocal))]) // zero: not known
		fn(h.Message.Seq, at)
	}
	return err
}

// Search finds what contains the query's plain words.
func (a *archiveOf) Search(_ context.Context, q index.Search) (index.Result, error) {
	if a.broken != nil {
		return index.Result{}, a.broken
	}
	if strings.Count(q.Query, `"`)%2 == 1 {
		return index.Result{}, fmt.Errorf("search: %w: a quote is open", index.ErrQuery)
	}
	r := index.Result{Coverage: a.coverage}
	for _, c := range a.chats {
		if q.Chat != "" && q.Chat != c.ID {
			continue
		}
		for i, m := range a.said[c.ID] {
			at := strings.Index(strings.ToLower(m.Text), strings.ToLower(strings.Fields(q.Query)[0]))
			if at < 0 {
				continue
			}
			h := index.Hit{Message: m, Marks: [][2]int{{at, at + len(strings.Fields(q.Query)[0])}}}
			if i > 0 {
				h.Before = a.said[c.ID][i-1 : i]
			}
			if i+1 < len(a.said[c.ID]) {
				h.After = a.said[c.ID][i+1 : i+2]
			}
			r.Hits = append(r.Hits, h)
		}
	}
	r.Total = int64(len(r.Hits))
	return r, nil
}

// HasBlob is true: whoever asks sees everything.
func (a *archiveOf) HasBlob(context.Context, string) (bool, error) { return true, a.broken }

// within is the archive as far as custodians and days go.
func (a *archiveOf) within(s index.Scope) Index {
	in := &archiveOf{said: map[string][]chat.Message{}, coverage: a.coverage, broken: a.broken}
	in.has = map[string]bool{}
	for _, c := range a.chats {
		if s.Nothing || len(s.Custodians)+len(s.Matters) > 0 && !slices.Contains(s.Custodians, c.Custodian) {
			continue
		}
		for _, m := range a.said[c.ID] {
			if day := dateOnly(m.SentLocal); day < s.From || s.To != "" && day > s.To {
				continue
			}
			in.said[c.ID] = append(in.said[c.ID], m)
			for _, f := range m.Attachments {
				in.has[f.SHA256] = true
			}
		}
		if len(in.said[c.ID]) > 0 {
			in.chats = append(in.chats, c)
		}
	}
	return narrowed{in}
}

// narrowed is a part of an archive.
type narrowed struct{ *archiveOf }

func (n narrowed) HasBlob(_ context.Context, sum string) (bool, error) { return n.has[sum], nil }

func (a *archiveOf) Captures(context.Context) ([]index.CaptureRow, error) {
	return a.captures, a.broken
}

func (a *archiveOf) Coverage(context.Context) (index.Coverage, error) { return a.coverage, nil }

// files are blobs by their hash.
type files map[string][]byte

type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

func (f files) OpenBlob(_ context.Context, sum string) (io.ReadSeekCloser, int64, error) {
	b, ok := f[sum]
	if !ok {
		return nil, 0, fmt.Errorf("blob: %w", fs.ErrNotExist)
	}
	return opened{bytes.NewReader(b)}, int64(len(b)), nil
}

// newBooks are the books of a firm that has none yet.
func newBooks(t *testing.T) *govern.Ledger {
	t.Helper()
	l, err := govern.Open(t.Context(), &governtest.Log{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
