package cloudapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// source is files of stored bodies. They come through the same door as what
// Meta delivers: one that was delivered, too, adds nothing.
type source struct {
	path   string
	files  []string
	others int // files of the folder that are something else
	o      capture.Options
}

// Path implements capture.Source.
func (s *source) Path() string { return s.path }

// Run implements capture.Source.
func (s *source) Run(ctx context.Context, sink capture.Sink) (capture.Summary, error) {
	im := &importing{ctx: ctx, sink: sink, s: s, chats: map[string]bool{}}
	im.sum = capture.Summary{Path: s.path, Format: Name, Zone: s.o.Zone.String(), ZoneAssumed: s.o.ZoneAssumed, DateOrderCertain: true, Kinds: map[string]int64{}}
	err := im.do()
	return im.sum, err
}

// importing is an import in progress.
type importing struct {
	ctx    context.Context
	sink   capture.Sink
	s      *source
	sum    capture.Summary
	reader chat.Reader
	seq    int64 // of the Capture record
	n      int64 // ordinal of the next record
	batch  *capture.Batch
	others int64 // requests in archives of traffic that are of no matter here
	values int64
	chats  map[string]bool
	done   int64 // bytes read
	total  int64
}

func (im *importing) do() error {
	evidence, err := im.keep()
	if err != nil {
		return err
	}
	if err := im.begin(evidence); err != nil {
		return err
	}
	im.batch = capture.NewBatch(im.ctx, im.sink, im.progress)
	for _, name := range im.s.files {
		if err := im.file(name); err != nil {
			return fmt.Errorf("read %s: %w", filepath.Base(name), err)
		}
	}
	return im.end()
}

func (im *importing) progress(records int64) {
	if im.s.o.Progress != nil {
		im.s.o.Progress(capture.Progress{Bytes: im.done, Of: max(im.total, im.done), Records: records})
	}
}

// keep keeps the files as evidence.
func (im *importing) keep() (out []record.Evidence, err error) {
	for _, name := range im.s.files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		b, err := im.sink.Blob(im.ctx, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("keep the original file: %w", err)
		}
		shown, err := filepath.Rel(im.s.path, name)
		if err != nil || shown == "." {
			shown = filepath.Base(name)
		}
		out = append(out, record.Evidence{Name: filepath.ToSlash(shown), Blob: b})
		im.total += b.Size
	}
	im.sum.SHA256 = out[0].SHA256
	return out, nil
}

func (im *importing) lineage() string { return lineage("", im.s.o.Custodian+im.s.o.Account) }

// begin appends the record that opens the capture.
func (im *importing) begin(evidence []record.Evidence) error {
	reading, err := json.Marshal(Reading{Version: 1, Zone: im.sum.Zone, Assumed: im.sum.ZoneAssumed})
	if err != nil {
		return fmt.Errorf("encode reading: %w", err)
	}
	head := record.CaptureHead{
		Source: Name, File: filepath.Base(im.s.path), Evidence: evidence, Account: im.s.o.Account, Custodian: im.s.o.Custodian, Reading: reading,
	}
	part, err := record.Part(head, nil)
	if err != nil {
		return err
	}
	rec := record.Record{Kind: record.Capture, Parts: [][]byte{part}, Lineage: im.lineage()}
	for _, e := range evidence {
		rec.Blobs = append(rec.Blobs, e.Blob)
	}
	if im.reader, err = Interpreter().Reader([]record.Entry{{Kind: record.Capture, Parts: rec.Parts}}); err != nil {
		return err
	}
	got, err := im.sink.Append(im.ctx, []record.Record{rec})
	if err != nil {
		return fmt.Errorf("append capture: %w", err)
	}
	im.seq = got[0].Seq
	return nil
}

// file reads a file to its end.
func (im *importing) file(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	others, err := stretches(&counter{f, &im.done}, im.take)
	im.others += others
	if errors.Is(err, errShort) {
		im.sum.Damage = append(im.sum.Damage, "The file ends before its list does: what followed is not there.")
		return nil
	}
	return err
}

// counter counts what is read.
type counter struct {
	io.Reader
	n *int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	*c.n += int64(n)
	return n, err
}

// take makes the records of a value.
func (im *importing) take(s stored) error {
	im.values++
	s = opened(s)
	recs, err := im.records(s)
	if err != nil {
		return err
	}
	im.n += int64(len(recs))
	for _, r := range recs {
		im.count(r)
	}
	return im.batch.Add(recs...)
}

func (im *importing) records(s stored) ([]record.Record, error) {
	if s.send == nil {
		return Records(im.seq, Incoming{Body: s.raw, Header: s.header, Received: s.at, Ordinal: im.n, Offset: s.offset})
	}
	r, err := SendRecord(im.seq, *s.send, Sent, s.raw, nil)
	if err != nil {
		return nil, err
	}
	// As what a sender tells by itself (gateway), where it gives no key.
	sum := sha256.Sum256(append([]byte("sent\x00raw\x00"), s.raw...))
	r.Identity = sum[:]
	return []record.Record{r}, nil
}

// count adds a record to the summary.
func (im *importing) count(r record.Record) {
	s := &im.sum
	if r.Kind == record.Unparsed {
		s.Unparsed++
		return
	}
	es, err := im.reader.Events(record.Entry{Kind: r.Kind, Parts: r.Parts})
	if err != nil {
		s.Unparsed++
		return
	}
	s.Records++
	for _, e := range es {
		m := &e.Message
		if m.Partial {
			continue
		}
		if m.Chat.JID != "" {
			im.chats[m.Chat.JID] = true
		}
		s.Kinds[string(m.Type)]++
		if m.SentLocal != "" && (s.First == "" || m.SentLocal < s.First) {
			s.First = m.SentLocal
		}
		s.Last = max(s.Last, m.SentLocal)
		if m.Type == chat.SystemType {
			s.System++
		} else {
			s.Messages++
		}
	}
}

// end waits for the records and closes the capture.
func (im *importing) end() error {
	known, runs, err := im.batch.Close()
	if err != nil {
		return err
	}
	s := &im.sum
	s.AlreadyArchived, s.Chats = known, int64(len(im.chats))
	if im.others > 0 {
		s.Tables = []capture.TableCount{{Name: "requests", Rows: im.others + im.values, Records: im.values, Excluded: im.others, Reason: "neither a webhook nor a message that was sent"}}
		s.Warnings = append(s.Warnings, "An archive of traffic may hold access tokens. It is kept as it is; make those tokens invalid.")
	}
	if im.values == 0 {
		s.Gaps = append(s.Gaps, "The file holds no webhook and no message that was sent.")
	}
	if n := im.s.others; n > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d files of the folder are no stored webhooks. They were not taken.", n))
	}
	sum, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	part, err := record.Part(record.CaptureEndHead{Capture: im.seq, Summary: sum, Seen: runs}, nil)
	if err != nil {
		return err
	}
	rec := record.Record{Kind: record.CaptureEnd, Parts: [][]byte{part}, Lineage: im.lineage()}
	if _, err := im.sink.Append(im.ctx, []record.Record{rec}); err != nil {
		return fmt.Errorf("append end of capture: %w", err)
	}
	s.Capture = im.seq
	return nil
}
