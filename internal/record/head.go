package record

import (
	"bytes"
	"encoding/json"
	"time"
)

// The heads of parts. Every field is part of the format: names are short
// because a head stands before every message. docs/format.md lists them.

// InitHead is the head of the first entry.
type InitHead struct {
	Version int       `json:"v"`
	ID      string    `json:"id"`   // of the archive, random
	Name    string    `json:"name"` // of the firm
	Zone    string    `json:"zone"` // IANA; what local times are read in where a source has none
	Created time.Time `json:"created"`
	VKey    string    `json:"vkey"` // public key of checkpoints, in note form
}

// CaptureHead is the head of the record that opens a capture.
type CaptureHead struct {
	Source    string          `json:"source"`             // "chatexport"
	File      string          `json:"file"`               // base name of what was read
	Evidence  []Evidence      `json:"evidence,omitempty"` // the files themselves
	Account   string          `json:"account,omitempty"`
	Custodian string          `json:"custodian,omitempty"`
	Chat      string          `json:"chat,omitempty"`    // its name, where the capture is of one chat
	Reading   json.RawMessage `json:"reading,omitempty"` // the source's own: how its items are read
}

// Evidence is one original file that was kept whole.
type Evidence struct {
	Name string `json:"name"`
	Blob
}

// ItemHead is the head of an Item and of an Unparsed record.
type ItemHead struct {
	Capture int64 `json:"c"`           // entry of the capture that brought it
	Ordinal int64 `json:"n"`           // place in the source, from 0
	Offset  int64 `json:"o"`           // of the first raw byte in the source's text
	Again   int   `json:"k,omitempty"` // how many equal items came before it in the source
	// Late marks a local time that the source had already passed on that day:
	// after a step back, as when summer time ends.
	Late bool `json:"late,omitempty"`
	// Loose marks a record whose beginning is not certain: it, or the one
	// before it, may hold a header that somebody wrote into a message.
	Loose bool       `json:"loose,omitempty"`
	Files []ItemFile `json:"f,omitempty"`
	// Why says, for Unparsed, what could not be read.
	Why string `json:"why,omitempty"`
}

// ItemFile is an attachment: found (Blob is set) or not (Reason says why).
type ItemFile struct {
	Name   string `json:"name"`
	Reason string `json:"reason,omitempty"`
	Blob
}

// CaptureEndHead is the head of the record that closes a capture. A capture
// without one was cut short: what it brought is there, its counts are not.
type CaptureEndHead struct {
	Capture int64           `json:"c"`
	Summary json.RawMessage `json:"summary"`
	// Seen lists what the capture held and the archive had already, as runs of
	// [ordinal, entry, length]: ordinals ordinal… are the entries entry….
	Seen [][3]int64 `json:"seen,omitempty"`
}

// ActHead is the head of an Act and of a Trace. A second part, where there is
// one, holds what proves a person (a password's hash, a secret shared with a
// telephone): it is proved and shown apart from the act.
type ActHead struct {
	Act string `json:"act"`           // "hold.place"
	By  string `json:"by,omitempty"`  // ID of a user; empty: the archive itself, or whoever holds its keys
	Via string `json:"via,omitempty"` // the door: "console", "command", "token 12"
	// From is the network address, where there is one.
	From   string `json:"from,omitempty"`
	Reason string `json:"reason,omitempty"` // in the person's words
	// Refused says why it was not done.
	Refused string `json:"refused,omitempty"`
	// On names what the act is about, each as kind and name: "hold:12",
	// "custodian:j.doe", "message:415".
	On   []string        `json:"on,omitempty"`
	Data json.RawMessage `json:"data,omitempty"` // the act's own
}

// DisposalHead is the head of a Disposal.
type DisposalHead struct {
	Request int64 `json:"request"` // entry of the request that was approved
	// Entries are those whose content goes, as runs of [first, length], in order.
	Entries [][2]int64 `json:"entries"`
	// Evidence are the captures whose files of evidence go: something that was
	// cut from them does.
	Evidence []int64 `json:"evidence,omitempty"`
}

// CertificateHead is the head of a Certificate.
type CertificateHead struct {
	Disposal int64 `json:"disposal"` // entry of the disposal
	// Kept are entries of the disposal that were kept after all, because a hold
	// came in time, as runs of [first, length].
	Kept     [][2]int64      `json:"kept,omitempty"`
	Records  int64           `json:"records"`  // whose content is gone
	Blobs    int64           `json:"blobs"`    // files that went
	Shared   int64           `json:"shared"`   // files that stay, because other records name them
	Complete time.Time       `json:"complete"` // when the last older copy of the ring has lapsed
	Data     json.RawMessage `json:"data,omitempty"`
}

// parse reads the form that nearly every item has, {"c":1,"n":7,"o":420} with
// or without "k", and reports false for any other. Items are read by the
// million, and this is ten times faster than encoding/json.
func (h *ItemHead) parse(b []byte) bool {
	var got ItemHead
	var again int64
	rest := b
	for _, f := range []struct {
		name string
		into *int64
	}{{`{"c":`, &got.Capture}, {`,"n":`, &got.Ordinal}, {`,"o":`, &got.Offset}, {`,"k":`, &again}} {
		after, ok := bytes.CutPrefix(rest, []byte(f.name))
		if !ok {
			if f.into == &again {
				break
			}
			return false
		}
		n := 0
		for n < len(after) && n < 18 && after[n] >= '0' && after[n] <= '9' {
			*f.into = *f.into*10 + int64(after[n]-'0')
			n++
		}
		if n == 0 || n > 1 && after[0] == '0' {
			return false
		}
		rest = after[n:]
	}
	if len(rest) != 1 || rest[0] != '}' {
		return false
	}
	got.Again = int(again)
	*h = got
	return true
}
