// Package record holds the one thing that the archive keeps: a record,
// exactly as a source said it, and the entry that is its place in the log.
//
// It must never import anything of Waxseal, nor do any I/O: every other
// package speaks in its types.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind says what a record is. The list only ever grows: kinds stand in leaves
// of the log, which are never rewritten.
type Kind string

const (
	// Init is the archive's first entry: its name, zone and public keys.
	Init Kind = "init"
	// Capture opens one run of a source: its evidence and how it is read.
	Capture Kind = "capture"
	// CaptureEnd closes a capture: what it counted and what it saw again.
	CaptureEnd Kind = "capture.end"
	// Item is one thing a source said.
	Item Kind = "item"
	// Unparsed is a stretch of a source that could not be read; it is kept,
	// counted and findable like any other.
	Unparsed Kind = "unparsed"
	// Act is something that somebody decided or changed: a policy, a hold, an
	// account, a label. What the firm's books say is a fold over the acts.
	Act Kind = "act"
	// Trace is something that somebody did and that changed nothing: signed in,
	// searched, read, asked for what was refused.
	Trace Kind = "trace"
	// Disposal says what is about to be disposed of, and by whose decision. It
	// is in the log before the first key dies.
	Disposal Kind = "disposal"
	// Certificate closes a disposal: what was done, and what was kept after all.
	Certificate Kind = "certificate"
)

// Kinds lists every kind, in the order in which they came to be.
func Kinds() []Kind {
	return []Kind{Init, Capture, CaptureEnd, Item, Unparsed, Act, Trace, Disposal, Certificate}
}

// Books reports a kind whose records are what the firm decided: whoever folds
// them reads all of these and no others.
func (k Kind) Books() bool { return k == Act || k == Disposal || k == Certificate }

// Record is one thing to be kept.
type Record struct {
	Kind Kind

	// Parts is the content, cut so that each part can be proved, and disposed
	// of, without its neighbours. Most records have one part; see Part.
	Parts [][]byte

	// Lineage names the chat or account that the record belongs to. Records of
	// one lineage are packed together, and Identity is compared within it.
	Lineage string

	// Identity is what makes two records of one lineage the same raw item: the
	// source's own bytes without what a second writing of them may change (a
	// byte order mark, the last line end), hashed where they are many, the
	// hashes of its attachments, and how many equal items came before it. Nil:
	// never compared, always kept.
	Identity []byte

	// Near is a coarse place in the lineage (the day, as the source printed
	// it). It decides nothing; identities that share it are stored side by
	// side, which is what makes a long import fast.
	Near string

	// Period is the month ("2024-05") whose pack takes the record, or empty.
	Period string

	// Blobs is the large content that the parts name by hash. Each was given
	// to the archive before.
	Blobs []Blob
}

// Blob names large content by what it is. Its place in the archive is random
// and nobody's business.
type Blob struct {
	SHA256 string `json:"sha256"` // of the content, hex
	Size   int64  `json:"size"`   // bytes
}

// Receipt says where a record went. It is given out only after the commit.
type Receipt struct {
	Seq int64
	// New is false when the same raw item was there already: Seq is then its
	// entry, and nothing was stored.
	New bool
}

// Entry is a record's place in the log, and the record's parts while they
// exist.
type Entry struct {
	Seq   int64
	Kind  Kind
	At    time.Time // of the append, UTC, to the millisecond
	Parts [][]byte  // nil once disposed of
}

// ErrPart is returned for a part that is not a head, LF and content.
var ErrPart = errors.New("record part without a head")

// Part puts a part together: the head as one line of JSON, LF, and raw, the
// source's own bytes. This is the form in which parts are committed to
// (docs/format.md, "Parts").
func Part(head any, raw []byte) ([]byte, error) {
	h, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("encode head: %w", err)
	}
	p := make([]byte, 0, len(h)+1+len(raw))
	p = append(p, h...)
	p = append(p, '\n')
	return append(p, raw...), nil
}

// Cut is the inverse of Part. The head is not decoded, raw is not copied.
func Cut(part []byte) (head, raw []byte, err error) {
	head, raw, ok := bytes.Cut(part, []byte{'\n'})
	if !ok || len(head) == 0 || head[0] != '{' {
		return nil, nil, ErrPart
	}
	return head, raw, nil
}

// Decode reads the head of the first part of e into head and returns the
// source's own bytes.
func (e Entry) Decode(head any) (raw []byte, err error) {
	if len(e.Parts) == 0 {
		return nil, fmt.Errorf("entry %d: %w", e.Seq, ErrPart)
	}
	h, raw, err := Cut(e.Parts[0])
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	if item, ok := head.(*ItemHead); ok && item.parse(h) {
		return raw, nil
	}
	if err := json.Unmarshal(h, head); err != nil {
		return nil, fmt.Errorf("entry %d: decode head: %w", e.Seq, err)
	}
	return raw, nil
}
