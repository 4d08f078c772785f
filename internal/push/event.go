// Package push tells other programs what happens: signed webhooks, in the order
// of the log, at least once.
//
// The log is the queue. A hook's place in it is an act in the books, which is
// written once a minute at most while something is told, when telling begins to
// fail, and at the end: after a kill up to a minute's events are told again,
// under the names that they had. Nothing of what is told is stored a second
// time.
package push

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// Test is the kind of an event that says nothing: see Pusher.Test.
const Test = "test"

// Event is the body of a webhook.
type Event struct {
	ID   string `json:"id"` // unique in the archive, and the same each time it is told
	Kind string `json:"kind"`
	At   string `json:"at"`  // of the entry, RFC 3339
	Seq  int64  `json:"seq"` // the entry
	// Message is the message as it is when it is told.
	Message *chat.Message `json:"message,omitempty"`
	Gap     *Gap          `json:"gap,omitempty"`
	Send    *Send         `json:"send,omitempty"`
	Alarm   *Alarm        `json:"alarm,omitempty"`
}

// Gap is a hole in what was captured.
type Gap struct {
	ID     int64  `json:"id"`
	State  string `json:"state"`
	Kind   string `json:"kind,omitempty"`
	Source string `json:"source,omitempty"`
	Number string `json:"number,omitempty"`
	Start  string `json:"start,omitempty"`
	End    string `json:"end,omitempty"`
	Reason string `json:"reason,omitempty"`
	Count  int64  `json:"count,omitempty"`
}

// Send is a message that waits in the gateway.
type Send struct {
	Request int64  `json:"request"`
	For     string `json:"for"` // "hold", "delay", "defer"
	Why     string `json:"why,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Alarm is a state that somebody has to know of.
type Alarm struct {
	Key   string `json:"key"`
	State string `json:"state"` // "rings", "over"
	Say   string `json:"say,omitempty"`
}

func newEvent(kind string, e record.Entry) Event {
	return Event{ID: fmt.Sprintf("%d-%s", e.Seq, kind), Kind: kind, At: e.At.UTC().Format(time.RFC3339Nano), Seq: e.Seq}
}

// kindOf is the event that a record of a message is; empty: none.
func kindOf(m *chat.Message) string {
	if m.Sending != nil {
		switch m.Sending.State {
		case chat.SendAccepted:
			return govern.HookSent
		case chat.SendBlocked, chat.SendWithdrawn, chat.SendRefused:
			return govern.HookStatus
		case chat.SendWaits, chat.SendDeferred, chat.SendForwarded: // what becomes of it is told
			return ""
		}
	}
	switch {
	case m.Revoked:
		return govern.HookRevoked
	case m.Edited:
		return govern.HookEdited
	case !m.Partial && m.Direction == chat.In:
		return govern.HookReceived
	case !m.Partial && m.Direction == chat.Out:
		return govern.HookSent
	case !m.Partial:
		return ""
	case len(m.Receipts) > 0:
		return govern.HookStatus
	case len(m.Reactions) > 0:
		return govern.HookReaction
	}
	for _, a := range m.Attachments {
		if a.State == chat.Stored {
			return govern.HookStored
		}
	}
	return ""
}

// acts are what acts of the archive are told as.
var acts = map[string]string{
	govern.ActGapOpen: govern.HookGapOpened, govern.ActGapClose: govern.HookGapClosed, govern.ActSendWait: govern.HookSendWaiting,
	govern.ActAlarmRing: govern.HookAlarm, govern.ActAlarmClear: govern.HookAlarm,
}

// ofAct is the event that an act is; false: none.
func ofAct(s *govern.State, e record.Entry) (Event, bool) {
	var h record.ActHead
	if len(e.Parts) == 0 {
		return Event{}, false
	}
	if _, err := e.Decode(&h); err != nil || acts[h.Act] == "" {
		return Event{}, false
	}
	ev := newEvent(acts[h.Act], e)
	switch h.Act {
	case govern.ActGapOpen, govern.ActGapClose:
		var d govern.ForGap
		if d.Gap = e.Seq; h.Act == govern.ActGapClose && json.Unmarshal(h.Data, &d) != nil {
			return ev, false
		}
		g := s.Gaps[d.Gap]
		if g == nil {
			return ev, false
		}
		ev.Gap = &Gap{ID: g.ID, State: "open", Kind: g.Kind, Source: g.Source, Number: g.Number, Start: stamp(g.Start), End: stamp(g.End), Reason: g.Reason, Count: g.Count()}
		if h.Act == govern.ActGapClose {
			ev.Gap.State, ev.Gap.Count = "closed", 0
		}
	case govern.ActSendWait:
		var d govern.SendWait
		if json.Unmarshal(h.Data, &d) != nil {
			return ev, false
		}
		ev.Send = &Send{Request: d.Request, For: d.For, Why: d.Why, Rule: d.Rule, Expires: stamp(d.Expires)}
	default:
		var d govern.AlarmData
		if json.Unmarshal(h.Data, &d) != nil {
			return ev, false
		}
		ev.Alarm = &Alarm{Key: d.Key, State: "rings", Say: d.Say}
		if h.Act == govern.ActAlarmClear {
			ev.Alarm.State = "over"
		}
	}
	return ev, true
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
