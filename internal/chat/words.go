package chat

import (
	"fmt"
	"strings"
	"time"
)

// Words says how a call went. d is the direction of the message about it.
func (c *Call) Words(d Direction) string {
	s := "Voice call"
	if c.Video {
		s = "Video call"
	}
	printed := c.Printed
	switch missed := c.Missed || printed == "missed"; {
	case missed && d == Out:
		s, printed = s+", not answered", ""
	case missed:
		s = "Missed " + strings.ToLower(s)
	}
	if printed == "missed" {
		printed = ""
	}
	if c.Seconds > 0 {
		if printed == "answered" {
			printed = "" // its length says so
		}
		s += " · " + length(c.Seconds)
	}
	if printed != "" {
		s += " · " + printed
	}
	return s
}

// length writes seconds as 1:02:03 or 2:03.
func length(seconds int) string {
	h, m, s := seconds/3600, seconds/60%60, seconds%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// Reach sums up receipts: how far a message came, and in words with how many.
// It is empty where there are none.
func Reach(rs []Receipt) (state ReceiptState, words string) {
	n := map[ReceiptState]int{}
	rs = Furthest(rs)
	for _, r := range rs {
		n[r.State]++
	}
	for _, s := range []struct {
		state       ReceiptState
		first, then string
	}{{Played, "Played", "played"}, {Read, "Read", "read"}, {Delivered, "Delivered", "delivered"}, {Failed, "Not delivered", "not delivered"}, {Sent, "Sent", "sent"}} {
		switch {
		case n[s.state] == 0:
		case len(rs) == 1:
			return s.state, s.first
		case state == "":
			state, words = s.state, fmt.Sprintf("%s: %d", s.first, n[s.state])
		default:
			words += fmt.Sprintf(", %s: %d", s.then, n[s.state])
		}
	}
	return state, words
}

// Words says what became of a message that was to be sent, or "" where it went
// out.
func (s *Sending) Words() string {
	switch s.State {
	case SendWaits, SendDeferred:
		return "Not sent yet: it waits"
	case SendForwarded:
		return "Handed to Meta: no answer is known"
	case SendBlocked:
		return "Not sent: blocked"
	case SendWithdrawn:
		return "Not sent: withdrawn"
	case SendRefused:
		return "Not sent"
	case SendAccepted:
	}
	return ""
}

// ForwardedWords says how often a message was forwarded before it came here.
func ForwardedWords(n int) string {
	switch {
	case n <= 0:
		return ""
	case n >= 5: // WhatsApp's own threshold
		return "Forwarded many times"
	}
	return "Forwarded"
}

// TimerWords says after what time a message disappears.
func TimerWords(seconds int64) string {
	if seconds <= 0 {
		return ""
	}
	for _, u := range []struct {
		seconds int64
		name    string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}} {
		if n := seconds / u.seconds; seconds%u.seconds == 0 {
			if n == 1 {
				return "Disappears after 1 " + u.name
			}
			return fmt.Sprintf("Disappears after %d %ss", n, u.name)
		}
	}
	return ""
}

// Moment writes an instant, RFC 3339, to the second. What is none stays.
func Moment(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return s
}
