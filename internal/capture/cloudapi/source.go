package cloudapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// source is a file of stored bodies.
type source struct {
	path string
	o    capture.Options
}

// Path implements capture.Source.
func (s *source) Path() string { return s.path }

// load is one import of a file.
type load struct {
	o     capture.Options
	sum   capture.Summary
	seq   int64 // of the capture
	n     int64 // ordinal of the next record
	bytes int64
	size  int64
	read  time.Time // stands for when a body came, where nothing says so
	batch *capture.Batch
	chats map[string]bool
	r     chat.Reader
}

// Run implements capture.Source.
func (s *source) Run(ctx context.Context, sink capture.Sink) (capture.Summary, error) {
	zone := cmp.Or(s.o.Zone, time.UTC)
	l := load{o: s.o, chats: map[string]bool{}, sum: capture.Summary{
		Path: s.path, Format: Name, Zone: zone.String(), ZoneAssumed: s.o.ZoneAssumed, DateOrderCertain: true, Kinds: map[string]int64{},
	}}
	if err := l.begin(ctx, sink, s.path); err != nil {
		return l.sum, err
	}
	err := split(s.path, func(b stored) error { return l.add(&b) })
	if err != nil {
		return l.sum, errors.Join(err, l.wait())
	}
	return l.sum, l.end(ctx, sink)
}

// begin keeps the file, and appends the capture.
func (l *load) begin(ctx context.Context, sink capture.Sink, p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.size, l.read = fi.Size(), fi.ModTime()
	b, err := sink.Blob(ctx, io.Reader(f))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the original file: %w", err)
	}
	l.sum.SHA256 = b.SHA256
	reading, err := json.Marshal(Reading{Version: 1, Zone: l.sum.Zone, Assumed: l.o.ZoneAssumed})
	if err != nil {
		return fmt.Errorf("encode reading: %w", err)
	}
	head := record.CaptureHead{
		Source: Name, File: filepath.Base(p), Evidence: []record.Evidence{{Name: filepath.Base(p), Blob: b}},
		Account: l.o.Account, Custodian: l.o.Custodian, Reading: reading,
	}
	part, err := record.Part(head, nil)
	if err != nil {
		return err
	}
	rec := record.Record{Kind: record.Capture, Parts: [][]byte{part}, Lineage: Name, Blobs: []record.Blob{b}}
	got, err := sink.Append(ctx, []record.Record{rec})
	if err != nil {
		return fmt.Errorf("append capture: %w", err)
	}
	l.seq = got[0].Seq
	l.batch = capture.NewBatch(ctx, sink, func(n int64) {
		if l.o.Progress != nil {
			l.o.Progress(capture.Progress{Bytes: min(l.bytes, l.size), Of: l.size, Records: n})
		}
	})
	l.r, err = Interpreter().Reader([]record.Entry{{Seq: l.seq, Kind: record.Capture, Parts: [][]byte{part}}})
	return err
}

// add appends the records of one body.
func (l *load) add(b *stored) (err error) {
	l.bytes += int64(len(b.Body))
	if b.Received.IsZero() {
		b.Received = l.read
	}
	var recs []record.Record
	if b.sent != nil {
		b.sent.At = cmp.Or(b.sent.At, l.read.UTC())
		r, err := SendRecord(l.seq, *b.sent, Sent, b.Body, nil)
		if err != nil {
			return err
		}
		r.Identity = append([]byte("sent\x00"), b.Body...)
		recs = []record.Record{r}
	} else {
		b.Ordinal = l.n
		if recs, err = Records(l.seq, b.Incoming); err != nil {
			return err
		}
	}
	l.n += int64(len(recs))
	for i := range recs {
		l.count(&recs[i])
	}
	return l.batch.AddAll(recs)
}

// count adds a record to the summary.
func (l *load) count(r *record.Record) {
	if r.Kind == record.Unparsed {
		l.sum.Unparsed++
		return
	}
	l.sum.Records++
	events, err := l.r.Events(record.Entry{Kind: r.Kind, Parts: r.Parts})
	if err != nil {
		l.sum.Unparsed++
		l.sum.Records--
		return
	}
	for i := range events {
		m := &events[i].Message
		l.chats[cmp.Or(m.Chat.JID, m.Chat.BSUID, m.Chat.Name)] = true
		if m.SentLocal != "" {
			if l.sum.First == "" || m.SentLocal < l.sum.First {
				l.sum.First = m.SentLocal
			}
			l.sum.Last = max(l.sum.Last, m.SentLocal)
		}
		switch {
		case m.Partial:
		case m.Type == chat.SystemType:
			l.sum.System++
		default:
			l.sum.Messages++
			l.sum.Kinds[string(m.Type)]++
			if len(m.Attachments) > 0 {
				l.sum.Omitted++ // it is fetched by a source that runs
			}
		}
	}
}

func (l *load) wait() error {
	if l.batch == nil {
		return nil
	}
	_, _, err := l.batch.Close()
	return err
}

// end waits for the records, and closes the capture.
func (l *load) end(ctx context.Context, sink capture.Sink) error {
	known, runs, err := l.batch.Close()
	if err != nil {
		return err
	}
	l.sum.AlreadyArchived, l.sum.Chats = known, int64(len(l.chats))
	sum, err := json.Marshal(l.sum)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	part, err := record.Part(record.CaptureEndHead{Capture: l.seq, Summary: sum, Seen: runs}, nil)
	if err != nil {
		return err
	}
	if _, err := sink.Append(ctx, []record.Record{{Kind: record.CaptureEnd, Parts: [][]byte{part}, Lineage: Name}}); err != nil {
		return fmt.Errorf("append end of capture: %w", err)
	}
	l.sum.Capture = l.seq
	return nil
}
