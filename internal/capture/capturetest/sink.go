// Package capturetest holds what tests of sources share: a sink that keeps the
// archive's promises in memory.
package capturetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Sink keeps records in memory as an archive would: it skips identical raw
// items, and takes no record that names a blob it was not given.
type Sink struct {
	mu      sync.Mutex
	Entries []record.Entry
	Records []record.Record
	Blobs   map[string]int64
	known   map[string]int64
}

// Blob implements capture.Sink.
func (s *Sink) Blob(_ context.Context, r io.Reader) (record.Blob, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return record.Blob{}, err
	}
	b := record.Blob{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Blobs == nil {
		s.Blobs = map[string]int64{}
	}
	s.Blobs[b.SHA256] = n
	return b, nil
}

// All are the entries so far, while others may append.
func (s *Sink) All() []record.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Entries)
}

// Append implements capture.Sink.
func (s *Sink) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]int64{}
	}
	var out []record.Receipt
	for _, r := range batch {
		for _, b := range r.Blobs {
			if _, ok := s.Blobs[b.SHA256]; !ok {
				return nil, fmt.Errorf("a record names a blob that was not given")
			}
		}
		seq := int64(len(s.Entries))
		if r.Identity != nil {
			id := r.Lineage + "\x00" + string(r.Identity)
			if old, ok := s.known[id]; ok {
				out = append(out, record.Receipt{Seq: old})
				continue
			}
			s.known[id] = seq
		}
		s.Entries = append(s.Entries, record.Entry{Seq: seq, Kind: r.Kind, At: time.UnixMilli(1), Parts: r.Parts})
		s.Records = append(s.Records, r)
		out = append(out, record.Receipt{Seq: seq, New: true})
	}
	return out, nil
}
