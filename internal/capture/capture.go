// Package capture is the contract between the archive and the ways in: a
// Source pushes records into a Sink, and an Interpreter says later what they
// mean.
//
// A source never learns where its records go; it must never import archive,
// index or web.
package capture

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Sink takes what a source brings.
type Sink interface {
	// Blob keeps large content. It becomes part of the archive with the first
	// record that names it.
	Blob(ctx context.Context, r io.Reader) (record.Blob, error)
	// Append makes a batch durable. When it returns nil, the batch is
	// committed to stable storage. There is one receipt a record, in order.
	Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error)
}

// Source is one configured way in: here, one export that was found.
type Source interface {
	// Path names what is read, for people.
	Path() string
	// Run reads the source to its end. What it could not read is in the
	// summary, and in the archive; an error means that nothing more could be
	// done, and that what was acknowledged before it stays.
	Run(ctx context.Context, sink Sink) (Summary, error)
}

// Owner is a Source to which more belongs than other formats must take for
// their own: a phone's folder has everything that was ever sent among its
// media, chat exports too.
type Owner interface {
	Source
	// Owns lists files and folders.
	Owns() []string
}

// Broken is a source that was found and cannot be read: it fails with err, and
// what was found beside it is imported.
func Broken(path string, err error) Source { return broken{path, err} }

type broken struct {
	path string
	err  error
}

func (b broken) Path() string                               { return b.path }
func (b broken) Run(context.Context, Sink) (Summary, error) { return Summary{}, b.err }

// Interpreter says what a source's records mean. It is pure: the same records
// give the same events, so they can be read again by a better one.
type Interpreter interface {
	// Reader returns how the items of a capture are read. captures is the
	// Capture entry that brought them, followed by those that saw them again,
	// oldest first: what a later one knows better (an explicit zone, a date
	// order that its longer file made certain) counts.
	Reader(captures []record.Entry) (chat.Reader, error)
}

// Format is one line of the list in capture/all.
type Format struct {
	Name string
	// Find looks at path, a file or folder, by content and not by name, and
	// returns what it can read there. ErrNotMine: nothing of this format.
	// Any other error is about something that is of this format and broken.
	Find        func(ctx context.Context, path string, o Options) ([]Source, error)
	Interpreter Interpreter
}

// ErrNotMine is returned by Format.Find for something of another format.
var ErrNotMine = errors.New("not of this format")

// Options is what the person who imports knows and the source may not.
type Options struct {
	Zone        *time.Location         // of the source's local times
	ZoneAssumed bool                   // Zone is the archive's, not said for this import
	DateOrder   string                 // "dmy", "mdy", "ymd"; empty: decided by evidence
	Account     string                 // phone number of the account, or empty
	Custodian   string                 // id, or empty
	Me          string                 // the exporter's own name as the source prints it
	Chat        string                 // name of the chat, or empty
	Key         string                 // opens an encrypted backup: a file's name, or 64 hexadecimal digits
	Password    func() ([]byte, error) // of an encrypted backup; nil: none was given
	Media       string                 // folder of a backup's media, where it does not lie beside the database
	Scratch     string                 // folder for private copies; they are enciphered
	// Owned lists what belongs to sources that were found before: see Owner.
	Owned []string
	// Progress is told how many bytes of how many were read, and how many
	// records are acknowledged. It may be nil and must be quick.
	Progress func(p Progress)
}

// Owns reports whether path belongs to a source that was found before.
func (o *Options) Owns(path string) bool { return slices.Contains(o.Owned, filepath.Clean(path)) }

// Progress is how far an import has come.
type Progress struct {
	Bytes, Of int64 // of the source's own bytes; two passes count twice
	Records   int64
}

// Summary is a capture's account of itself. It is printed by `import --json`
// and kept in the capture's last record.
type Summary struct {
	Path               string `json:"path"`
	Capture            int64  `json:"capture,omitempty"` // its entry; known once it has ended
	Format             string `json:"format"`
	SHA256             string `json:"sha256"`
	Chat               string `json:"chat,omitempty"`
	Records            int64  `json:"records"`  // system lines included, unparsed not
	Messages           int64  `json:"messages"` // records that people wrote
	System             int64  `json:"system"`
	Unparsed           int64  `json:"unparsed"`
	Attachments        int64  `json:"attachments"`         // records that name a file
	AttachmentsMissing int64  `json:"attachments_missing"` // of those, the file was not there
	Omitted            int64  `json:"omitted"`             // media that the export says were left out
	AlreadyArchived    int64  `json:"already_archived"`
	DateOrder          string `json:"date_order"`
	DateOrderCertain   bool   `json:"date_order_certain"`
	// DateOrders are those that the file allows, where it is not certain;
	// DateOrderPassedBy is whether the one that was given is none of them.
	DateOrders        []string `json:"date_orders,omitempty"`
	DateOrderPassedBy bool     `json:"date_order_passed_by,omitempty"`
	First             string   `json:"first,omitempty"` // local time of the first record, as printed
	Last              string   `json:"last,omitempty"`
	Zone              string   `json:"zone"`
	ZoneAssumed       bool     `json:"zone_assumed,omitempty"`
	Ambiguous         int64    `json:"ambiguous,omitempty"` // records whose boundary or time is not certain
	// Of a database: what it held, and what became of it.
	Container *Container       `json:"container,omitempty"` // that it came in
	Chats     int64            `json:"chats,omitempty"`
	Kinds     map[string]int64 `json:"kinds,omitempty"`  // messages by type
	Tables    []TableCount     `json:"tables,omitempty"` // every table that has rows
	// Unknown names what this program does not know and has kept as it is:
	// types, tables.
	Unknown []string `json:"unknown,omitempty"`
	// Damage lists what of a damaged source could not be read.
	Damage []string `json:"damage,omitempty"`
	// Holes lists the numbers that a table gave and that have no rows.
	Holes []Hole `json:"holes,omitempty"`
	// Unreferenced lists files of the export that no record names. They are
	// kept too.
	Unreferenced []string `json:"unreferenced,omitempty"`
	// Garbled counts messages by somebody whose name is not all text.
	Garbled int64 `json:"garbled,omitempty"`
	// Missing says why files are not there.
	Missing []Missing `json:"missing,omitempty"`
	// Gaps are sentences about what is probably not in the source at all.
	Gaps []string `json:"gaps,omitempty"`
	// Warnings are sentences for the person who imports; no message text,
	// name or number stands in them.
	Warnings []string `json:"warnings,omitempty"`
}

// Container says how an encrypted backup was opened.
type Container struct {
	Key      string `json:"key"`      // fingerprint of the key that opened it
	Checksum string `json:"checksum"` // "right", "absent" or "wrong"; the seal was right
}

// TableCount says what became of a table's rows: Rows = Records + Attached +
// Excluded.
type TableCount struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	Records  int64  `json:"records,omitempty"`  // became records
	Attached int64  `json:"attached,omitempty"` // stand in the records of other rows
	Excluded int64  `json:"excluded,omitempty"` // stay in the evidence alone
	Reason   string `json:"reason,omitempty"`   // why they were excluded
}

// Hole is a stretch of row numbers that has no rows.
type Hole struct {
	Table string `json:"table"`
	From  int64  `json:"from"` // first missing
	To    int64  `json:"to"`   // last missing
}

// Missing is a reason for which files are not there.
type Missing struct {
	Reason string   `json:"reason"`
	Files  int64    `json:"files"`
	First  []string `json:"first"` // names of the first of them
}

// missingNames is how many names Missing lists.
const missingNames = 5

// Miss counts a file that is not there.
func (s *Summary) Miss(reason, name string) {
	i := slices.IndexFunc(s.Missing, func(m Missing) bool { return m.Reason == reason })
	if i < 0 {
		i = len(s.Missing)
		s.Missing = append(s.Missing, Missing{Reason: reason})
	}
	m := &s.Missing[i]
	if m.Files++; len(m.First) < missingNames {
		m.First = append(m.First, name)
	}
}

// Complete reports whether nothing is missing, unread or uncertain. Omitted
// media are no fault: the export itself says that they were left out.
func (s *Summary) Complete() bool {
	return s.Unparsed == 0 && s.AttachmentsMissing == 0 && s.DateOrderCertain && !s.DateOrderPassedBy &&
		s.Garbled == 0 && len(s.Missing) == 0 && len(s.Gaps) == 0 && len(s.Damage) == 0
}
