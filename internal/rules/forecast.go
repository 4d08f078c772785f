package rules

import (
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// Forecast is what rules would have done with messages that were sent.
type Forecast struct {
	Messages int64            // that were looked at
	Did      map[string]int64 // by what would have been done
	By       map[string]int64 // by ID of the rule that would have decided
	// Untimed are those whose instant is not known for certain; hours are
	// judged by what is printed.
	Untimed int64
}

// NewForecast makes an empty one.
func NewForecast() *Forecast { return &Forecast{Did: map[string]int64{}, By: map[string]int64{}} }

// ForAll are rules as a forecast takes them: what was sent does not tell by
// which source or number a firm would send it now.
func ForAll(all []Rule) (out []Rule) {
	for _, r := range all {
		r.Sources, r.Numbers = nil, nil
		out = append(out, r)
	}
	return out
}

// Add counts a message. What people received, and what was never a send, does
// not count.
func (f *Forecast) Add(s *Set, m *chat.Message) {
	if m.Direction != chat.Out || m.Type == "" || m.System != nil {
		return
	}
	at, err := time.Parse(time.RFC3339, m.SentAt)
	if err != nil {
		f.Untimed++
		if at, err = time.Parse("2006-01-02T15:04", m.SentLocal[:min(len(m.SentLocal), len("2006-01-02T15:04"))]); err != nil {
			at = time.Time{}
		}
	}
	d := s.Decide(Past(m), at)
	f.Messages++
	f.Did[d.Do]++
	if d.Rule != "" {
		f.By[d.Rule]++
	}
}

// Stopped is how many would not have gone out at once.
func (f *Forecast) Stopped() int64 { return f.Did[Block] + f.Did[Hold] + f.Did[Delay] }

// Past is a message as it would be sent.
func Past(m *chat.Message) *Send {
	s := &Send{Kind: string(m.Type), Text: m.Text, To: m.Chat.JID}
	if s.To == "" {
		s.To = m.Chat.BSUID
	}
	return s
}
