package phone

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Reading is how the items of one import are read. It stands in the Capture
// record.
type Reading struct {
	Version int    `json:"v"`
	Zone    string `json:"zone"`
	Assumed bool   `json:"zone_assumed,omitempty"`
	Me      string `json:"me,omitempty"`      // the owner's name
	Account string `json:"account,omitempty"` // the owner's number

	Loc *time.Location `json:"-"` // of Zone
}

// ReadingOf returns the reading of a capture.
func ReadingOf(head record.CaptureHead) (rd Reading, err error) {
	if err := json.Unmarshal(head.Reading, &rd); err != nil {
		return rd, fmt.Errorf("reading of the capture: %w", err)
	}
	if rd.Version != 1 {
		return rd, fmt.Errorf("reading of the capture: version %d, this program knows 1", rd.Version)
	}
	if rd.Loc, err = time.LoadLocation(rd.Zone); err != nil {
		return rd, fmt.Errorf("zone of the capture: %w", err)
	}
	return rd, nil
}

// ReadingOfAll returns the head of the first capture and its reading. What an
// explicit zone of a later one says counts for those before it.
func ReadingOfAll(captures []record.Entry) (first record.CaptureHead, rd Reading, err error) {
	for i, e := range captures {
		var head record.CaptureHead
		if _, err := e.Decode(&head); err != nil {
			return first, rd, err
		}
		r, err := ReadingOf(head)
		if err != nil {
			return first, rd, err
		}
		switch {
		case i == 0:
			first, rd = head, r
		case rd.Assumed && !r.Assumed:
			rd.Zone, rd.Assumed, rd.Loc = r.Zone, false, r.Loc
		}
	}
	if len(captures) == 0 {
		return first, rd, errors.New("a reader of no capture")
	}
	return first, rd, nil
}

// Key names what the reading makes of items; see chat.Reader.
func (rd Reading) Key(format string) string {
	return fmt.Sprintf("%s 1 %s %t %q %q", format, rd.Zone, rd.Assumed, rd.Me, rd.Account)
}

// Message is what every message of a capture has: whose it is, and when.
// at may be zero: not known.
func (rd Reading) Message(head record.CaptureHead, at time.Time) chat.Message {
	m := chat.Message{Account: head.Account, Custodian: head.Custodian, Zone: rd.Zone, ZoneAssumed: rd.Assumed, Precision: "second"}
	if !at.IsZero() {
		m.SentAt, m.SentLocal = Stamp(at), at.In(rd.Loc).Format("2006-01-02T15:04:05")
	}
	return m
}

// Owner is the person whose phone it is, or nil where nothing is known.
func (rd Reading) Owner() *chat.Person {
	if rd.Me == "" && rd.Account == "" {
		return nil
	}
	return &chat.Person{Name: rd.Me, Phone: rd.Account}
}

// Stamp is a time as messages have it, or "" for none.
func Stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
