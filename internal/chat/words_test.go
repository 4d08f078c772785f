package chat

import "testing"

func TestWords(t *testing.T) {
	receipts := func(states ...ReceiptState) (out []Receipt) {
		for _, s := range states {
			out = append(out, Receipt{State: s})
		}
		return out
	}
	reach := func(states ...ReceiptState) string { _, words := Reach(receipts(states...)); return words }
	call := func(c Call, d Direction) string { return c.Words(d) }
	for _, c := range [][2]string{
		{call(Call{Seconds: 61, Printed: "answered"}, In), "Voice call · 1:01"},
		{call(Call{Video: true, Seconds: 3723}, Out), "Video call · 1:02:03"},
		{call(Call{Missed: true, Printed: "missed"}, In), "Missed voice call"},
		{call(Call{Printed: "missed"}, In), "Missed voice call"},
		{call(Call{Video: true, Printed: "missed"}, Out), "Video call, not answered"},
		{call(Call{Printed: "rejected"}, In), "Voice call · rejected"},
		{call(Call{Printed: "answered"}, In), "Voice call · answered"},
		{reach(), ""},
		{reach(Read), "Read"},
		{reach(Failed), "Not delivered"},
		{reach(Delivered, Read, Read, Played), "Played: 1, read: 2, delivered: 1"},
		{reach("else", Read), "Read: 1"},
		{TimerWords(0), ""},
		{TimerWords(604800), "Disappears after 7 days"},
		{TimerWords(3600), "Disappears after 1 hour"},
		{TimerWords(90), "Disappears after 90 seconds"},
		{ForwardedWords(0), ""},
		{ForwardedWords(4), "Forwarded"},
		{ForwardedWords(5), "Forwarded many times"},
		{Moment("2025-03-01T10:05:07+01:00"), "2025-03-01 09:05:07 UTC"},
		{Moment("yesterday"), "yesterday"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}
