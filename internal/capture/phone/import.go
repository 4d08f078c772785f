// Package phone holds what the readers of phones' databases share: the course
// of an import, how it is read, WhatsApp's addresses, cards and notices.
//
// It knows no table. It must never import archive, index or web.
package phone

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/folder"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Import is one capture of a phone's databases: Keep and Begin, then Add for
// each item, then End.
type Import struct {
	Ctx     context.Context
	Sum     capture.Summary
	Ledger  *foreign.Ledger
	Media   *folder.Folder // nil: the databases came without it
	Reading Reading
	Total   int64 // how many rows there are, about

	sink     capture.Sink
	o        capture.Options
	evidence []record.Evidence
	batch    *capture.Batch
	seq      int64 // of the Capture record
	n        int64 // ordinal of the next record
	again    map[[32]byte]int
	types    map[string]int64 // types that are not known, with how many
	chats    map[string]bool  // those that have messages
}

// New starts an import of what lies at path.
func New(ctx context.Context, sink capture.Sink, format, path string, o capture.Options) *Import {
	return &Import{
		Ctx: ctx, sink: sink, o: o, Ledger: foreign.NewLedger(), again: map[[32]byte]int{}, types: map[string]int64{}, chats: map[string]bool{},
		Sum:     capture.Summary{Path: path, Format: format, Zone: o.Zone.String(), ZoneAssumed: o.ZoneAssumed, DateOrderCertain: true, Kinds: map[string]int64{}},
		Reading: Reading{Version: 1, Zone: o.Zone.String(), Assumed: o.ZoneAssumed, Me: o.Me, Account: o.Account},
	}
}

// Keep keeps a file as evidence. The first one is what the import is of.
func (im *Import) Keep(name string, f io.Reader) error {
	b, err := im.sink.Blob(im.Ctx, f)
	if err != nil {
		return fmt.Errorf("keep the original file: %w", err)
	}
	if im.evidence == nil {
		im.Sum.SHA256 = b.SHA256
	}
	im.evidence = append(im.evidence, record.Evidence{Name: name, Blob: b})
	return nil
}

// owner is whose account it is.
func (im *Import) owner() string {
	if im.o.Custodian != "" {
		return im.o.Custodian
	}
	return im.o.Account
}

func (im *Import) lineage(chat string) string { return im.owner() + "\x00" + chat }

// Begin appends the Capture record and returns its head.
func (im *Import) Begin() (head record.CaptureHead, err error) {
	rd, err := json.Marshal(im.Reading)
	if err != nil {
		return head, fmt.Errorf("encode reading: %w", err)
	}
	head = record.CaptureHead{
		Source: im.Sum.Format, File: filepath.Base(im.Sum.Path), Evidence: im.evidence, Account: im.o.Account, Custodian: im.o.Custodian, Reading: rd,
	}
	part, err := record.Part(head, nil)
	if err != nil {
		return head, err
	}
	rec := record.Record{Kind: record.Capture, Parts: [][]byte{part}, Lineage: im.lineage(im.Sum.Format)}
	for _, e := range im.evidence {
		rec.Blobs = append(rec.Blobs, e.Blob)
	}
	got, err := im.sink.Append(im.Ctx, []record.Record{rec})
	if err != nil {
		return head, fmt.Errorf("append capture: %w", err)
	}
	im.seq = got[0].Seq
	im.batch = capture.NewBatch(im.Ctx, im.sink, im.progress)
	return head, nil
}

func (im *Import) progress(records int64) {
	if im.o.Progress != nil {
		im.o.Progress(capture.Progress{Bytes: im.n, Of: max(im.Total, im.n), Records: records})
	}
}

// Item is a row that becomes a record.
type Item struct {
	Chat     string // what names its chat in any database of the account, or the format
	Row      int64  // its number in the database
	Raw      []byte
	Identity []byte
	At       time.Time // in the zone of the reading, or zero
	Files    []record.ItemFile
	// Keyless items have no key of WhatsApp's: several may be equal.
	Keyless bool
}

// Add appends the record of an item and returns its head.
func (im *Import) Add(it Item) (record.ItemHead, error) {
	head := record.ItemHead{Capture: im.seq, Ordinal: im.n, Offset: it.Row, Files: it.Files}
	im.n++
	rec := record.Record{Kind: record.Item, Lineage: im.lineage(it.Chat)}
	id := it.Identity
	for _, f := range it.Files {
		id = append(append(id, 0), f.SHA256...)
		if f.SHA256 != "" {
			rec.Blobs = append(rec.Blobs, f.Blob)
		}
	}
	if it.Keyless {
		sum := sha256.Sum256(id)
		head.Again = im.again[sum]
		im.again[sum]++
	}
	rec.Identity = fmt.Appendf(id, "\x00%d", head.Again)
	if !it.At.IsZero() {
		rec.Period, rec.Near = it.At.Format("2006-01"), it.At.Format("2006-01-02")
	}
	part, err := record.Part(head, it.Raw)
	if err != nil {
		return head, err
	}
	rec.Parts = [][]byte{part}
	return head, im.batch.Add(rec)
}

// File keeps the file that a row names, and says of one that is not there why.
// hash is what its content should have (hex, or empty), kept is whether the
// phone had it; prefixes are those of folder.Folder.Find.
func (im *Import) File(name, hash string, kept bool, prefixes ...string) (record.ItemFile, error) {
	f := record.ItemFile{Name: name}
	if im.Media == nil {
		f.Reason = "the backup was imported without its media folder"
		return f, nil
	}
	p := im.Media.Find(name, prefixes...)
	switch {
	case p == "" && !kept:
		f.Reason = "never downloaded to the phone, or removed from it"
		return f, nil
	case p == "":
		f.Reason = "not in the media folder"
		return f, nil
	}
	b, reason, err := im.Media.Keep(im.Ctx, im.sink, p)
	if err != nil {
		return f, err
	}
	switch {
	case b.SHA256 == "":
		f.Reason = reason
	case hash != "" && hash != b.SHA256:
		f.Reason = "the file of this name has another content than the message's"
	default:
		f.Blob = b
	}
	return f, nil
}

// KeepRest keeps the files that no row names: they are part of what was handed
// in.
func (im *Import) KeepRest() error {
	if im.Media == nil {
		return nil
	}
	unread := 0
	for _, p := range im.Media.Rest() {
		b, _, err := im.Media.Keep(im.Ctx, im.sink, p)
		if err != nil {
			return err
		}
		if b.SHA256 == "" {
			unread++
			continue
		}
		im.Sum.Unreferenced = append(im.Sum.Unreferenced, p)
		it := Item{Chat: im.Sum.Format, Raw: []byte(`{"t":"file"}`), Identity: []byte("file\x00" + p), Files: []record.ItemFile{{Name: p, Blob: b}}}
		if _, err := im.Add(it); err != nil {
			return err
		}
	}
	if unread > 0 {
		im.Sum.Damage = append(im.Sum.Damage, fmt.Sprintf("files of the media folder that no message names and that cannot be read: %d", unread))
	}
	return nil
}

// jump is how many numbers are too many for messages that were removed.
const jump = 1_000_000

// Holes notes the numbers of a table that have no rows, missing in all, and
// says what that may mean.
func (im *Import) Holes(table string, holes []capture.Hole, missing int64) {
	im.Sum.Holes = append(im.Sum.Holes, holes...)
	for _, h := range holes {
		if n := h.To - h.From + 1; n >= jump {
			missing -= n
			im.Sum.Warnings = append(im.Sum.Warnings, fmt.Sprintf("The numbers of table %s jump by %d: the database was made anew, as when a phone is restored from a backup.", table, n))
		}
	}
	if missing > 0 {
		im.Sum.Warnings = append(im.Sum.Warnings, fmt.Sprintf("%d numbers of table %s have no row: messages were removed on the phone, or never stored.", missing, table))
	}
}

// Count adds a message to the summary.
func (im *Import) Count(m *chat.Message) {
	s := &im.Sum
	s.Records++
	s.Kinds[string(m.Type)]++
	im.chats[m.Chat.JID] = true
	if m.SentLocal != "" {
		if s.First == "" || m.SentLocal < s.First {
			s.First = m.SentLocal
		}
		s.Last = max(s.Last, m.SentLocal)
	}
	if m.TypeCode != "" {
		im.types[m.TypeCode]++
	}
	if m.Type == chat.SystemType {
		s.System++
		return
	}
	s.Messages++
	for _, a := range m.Attachments {
		switch a.State {
		case chat.Omitted, chat.Expired, chat.Pending:
			s.Omitted++
		case chat.Missing:
			s.AttachmentsMissing++
			s.Attachments++
			s.Miss(a.Reason, a.Name)
		case chat.Stored:
			s.Attachments++
		}
	}
}

// End waits for the records and closes the capture. unknown is what this
// program does not know, beside types.
func (im *Import) End(unknown []string) error {
	known, runs, err := im.batch.Close()
	if err != nil {
		return err
	}
	s := &im.Sum
	s.AlreadyArchived, s.Chats, s.Tables = known, int64(len(im.chats)), im.Ledger.List()
	for _, t := range slices.Sorted(maps.Keys(im.types)) {
		s.Unknown = append(s.Unknown, fmt.Sprintf("message type %s (%d)", t, im.types[t]))
	}
	s.Unknown = append(s.Unknown, unknown...)
	sum, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	part, err := record.Part(record.CaptureEndHead{Capture: im.seq, Summary: sum, Seen: runs}, nil)
	if err != nil {
		return err
	}
	rec := record.Record{Kind: record.CaptureEnd, Parts: [][]byte{part}, Lineage: im.lineage(s.Format)}
	if _, err := im.sink.Append(im.Ctx, []record.Record{rec}); err != nil {
		return fmt.Errorf("append end of capture: %w", err)
	}
	s.Capture = im.seq
	return nil
}
