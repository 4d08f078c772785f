package index

import (
	"errors"
	"testing"
)

// TestMeaning: each entry says what it says, about the message as it is now.
func TestMeaning(t *testing.T) {
	l := newLive(t)
	past := l.fakeLog.capture(t, "Acme", fakeReading{})
	before := past.said(t, "2024-01-31T10:00", "Ana", "before")
	past.end(t)
	l.deliver(t, inbound(`{"from":"491701","id":"wamid.1","timestamp":"1780000000","type":"text","text":{"body":"مرحبا"}}`))
	first := int64(len(l.entries)) - 1
	l.deliver(t, inbound(`{"from":"491701","id":"wamid.2","timestamp":"1780000001","type":"reaction","reaction":{"message_id":"wamid.1","emoji":"👍"}}`))
	reaction := int64(len(l.entries)) - 1
	l.deliver(t, "nobody understands this")
	junk := int64(len(l.entries)) - 1
	x := liveIndex(t, l)
	for _, seq := range []int64{first, reaction} {
		ev, m, err := x.Meaning(t.Context(), seq)
		if err != nil || len(ev) != 1 || m.Text != "مرحبا" || len(m.Reactions) != 1 {
			t.Errorf("entry %d: %d events, %+v, %v", seq, len(ev), m, err)
		} else if partial := seq == reaction; ev[0].Message.Partial != partial {
			t.Errorf("entry %d: the event is %+v", seq, ev[0])
		}
	}
	if ev, _, err := x.Meaning(t.Context(), before); err != nil || len(ev) != 0 {
		t.Errorf("an import happened before: %d events, %v", len(ev), err)
	}
	for _, seq := range []int64{junk, 1 << 40, -1} {
		if ev, _, err := x.Meaning(t.Context(), seq); len(ev) > 0 || err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("entry %d: %d events, %v", seq, len(ev), err)
		}
	}
	if _, m, err := x.Within(Scope{Custodians: []string{"sales"}}).Meaning(t.Context(), first); err != nil || m.Text != "مرحبا" {
		t.Errorf("inside of a scope: %+v, %v", m, err)
	}
	if ev, m, err := x.Within(Scope{Custodians: []string{"j.doe"}}).Meaning(t.Context(), first); !errors.Is(err, ErrNotFound) || len(ev) > 0 || m.Text != "" {
		t.Errorf("outside of a scope: %d events, %+v, %v", len(ev), m, err)
	}
}
