package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/chatexport"
	"github.com/waxseal/waxseal/internal/record"
)

// counter is a sink that keeps nothing.
type counter struct{ seq int64 }

func (c *counter) Blob(_ context.Context, r io.Reader) (record.Blob, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return record.Blob{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, err
}

func (c *counter) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	receipts := make([]record.Receipt, len(batch))
	for i := range receipts {
		receipts[i] = record.Receipt{Seq: c.seq, New: true}
		c.seq++
	}
	return receipts, nil
}

// The real source finds in every export what was written into it: each record,
// each file, and a date order that is beyond doubt.
func realSource(t *testing.T, made []Import) {
	missing := int64(0)
	for _, m := range made {
		zone, err := time.LoadLocation(m.Zone)
		if err != nil {
			t.Fatal(err)
		}
		sources, err := chatexport.Format().Find(t.Context(), m.Path, capture.Options{Zone: zone, Account: m.Account, Custodian: m.Custodian, Me: m.Me})
		if err != nil || len(sources) != 1 {
			t.Fatalf("%s: %d sources, %v", m.Chat, len(sources), err)
		}
		s, err := sources[0].Run(t.Context(), &counter{})
		if err != nil {
			t.Fatalf("%s: %v", m.Chat, err)
		}
		missing += s.AttachmentsMissing
		t.Logf("%-28s %4d records %2d notices %3d attachments %2d omitted %s..%s %v", m.Chat, s.Records, s.System, s.Attachments, s.Omitted, s.First, s.Last, s.Warnings)
		if s.Records != int64(m.Messages) || s.Unparsed != 0 {
			t.Errorf("%s: read %d records, %d not, of %d", m.Chat, s.Records, s.Unparsed, m.Messages)
		}
		if s.Chat != m.Chat || !s.DateOrderCertain || len(s.Unreferenced) > 0 {
			t.Errorf("%s: read as %q, order %s certain %v, unreferenced %d", m.Chat, s.Chat, s.DateOrder, s.DateOrderCertain, len(s.Unreferenced))
		}
	}
	if missing != 1 {
		t.Errorf("%d attachments missing, one is", missing)
	}
}
