package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

const (
	// messagesOnPaper is where one print ends and the next begins: some 250
	// sheets, which a browser still lays out in seconds.
	messagesOnPaper = 2000
	messagesRead    = 500 // at once
)

// printPage is a chat, or some days of it, to be put on paper: everything is
// shown at once, and every sheet says what it is of.
type printPage struct {
	layout
	Chat     chatInfo
	From, To string // days, empty: the chat's ends
	Days     days
	Messages int64
	First    string // day of the first message on it
	Last     string
	Later    bool   // does not begin where the range begins
	Next     string // address of the rest; empty: it ends where the range ends
	Coverage coverage
	State    State
	At       string
}

// dates is a range of days; an empty end is open.
type dates struct{ from, to string }

func datesIn(q url.Values) (d dates, err error) {
	d = dates{q.Get("from"), q.Get("to")}
	for _, day := range []string{d.from, d.to} {
		if _, bad := time.Parse(time.DateOnly, day); day != "" && bad != nil {
			return d, fmt.Errorf("date: %w", errRequest)
		}
	}
	return d, nil
}

// has reports whether a message belongs to the range. What has no date of its
// own stands among those that do.
func (d dates) has(m *chat.Message) bool {
	day := dateOnly(m.SentLocal)
	return day == "" || day >= d.from && (d.to == "" || day <= d.to)
}

// start is where reading begins.
func (d dates) start(after string) index.Place {
	switch {
	case after != "":
		return index.Place{After: after}
	case d.from != "":
		day, _ := time.Parse(time.DateOnly, d.from) // datesIn did, and it is one
		return index.Place{Date: day}
	}
	return index.Place{AtStart: true}
}

func (s *Server) print(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	d, err := datesIn(q)
	if err != nil {
		return err
	}
	row, ms, more, err := s.read(r.Context(), r.PathValue("chat"), d, q.Get("after"))
	if err != nil {
		return err
	}
	if err := s.traceMessages(r, tracePrint, row.ID, ms); err != nil {
		return err
	}
	bs, err := s.bubbles(r.Context(), ms, view{paper: true})
	if err != nil {
		return err
	}
	cov, err := s.coverage(r)
	if err != nil {
		return err
	}
	st, err := s.state(r.Context())
	if err != nil {
		return fmt.Errorf("read state of the archive: %w", err)
	}
	p := printPage{
		layout: s.layout(r, chatName(row.Name)+" · Print", "chats"), Chat: newChatInfo(row), From: d.from, To: d.to,
		Days: cutDays(bs), Messages: int64(len(ms)), Later: q.Get("after") != "", Coverage: cov, State: st, At: utc(s.now()),
	}
	if n := len(ms); n > 0 {
		p.First, p.Last = shortDay(ms[0].SentLocal), shortDay(ms[n-1].SentLocal)
		if more {
			q.Set("after", ms[n-1].ID)
			p.Next = p.Chat.Print + "?" + q.Encode()
		}
	}
	return s.render(w, "print", p)
}

// read returns the messages of a range, as many as one print holds, and
// whether there are more. A date that is out of order does not end the range:
// a whole page without one of its days does.
func (s *Server) read(ctx context.Context, chatID string, d dates, after string) (row index.ChatRow, ms []chat.Message, more bool, err error) {
	for at := d.start(after); ; {
		page, err := s.viewOf(ctx).Page(ctx, chatID, at, messagesRead)
		if err != nil {
			return row, nil, false, fmt.Errorf("read page of a chat: %w", err)
		}
		row = page.Chat
		some := false
		for i := range page.Messages {
			if !d.has(&page.Messages[i]) {
				continue
			}
			if len(ms) == messagesOnPaper {
				return row, ms, true, nil
			}
			some = true
			ms = append(ms, page.Messages[i])
		}
		if !page.Later || !some || len(page.Messages) == 0 {
			return row, ms, false, nil
		}
		at = index.Place{After: page.Messages[len(page.Messages)-1].ID}
	}
}

// onPaper makes a bubble show what a screen shows when it is asked.
func (b *bubble) onPaper() {
	b.Paper, b.Named = true, b.Side != "notice"
	b.Long, b.Unrolled = 0, true
	if b.Poll != nil {
		b.Poll.Open = true
	}
	for i := range b.Files {
		f := &b.Files[i]
		if f.Paper = true; f.Show == "video" || f.Show == "audio" {
			f.Show = "document"
		}
	}
}

// Root is the size and the root hash of the last checkpoint, for the foot of a
// sheet: who holds the checkpoint can tell which log the sheet is of.
func (p printPage) Root() string {
	lines := strings.Split(p.State.Checkpoint, "\n")
	if len(lines) < 3 {
		return ""
	}
	return plain(lines[1] + " entries, root " + lines[2])
}
