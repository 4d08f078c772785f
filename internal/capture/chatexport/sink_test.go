package chatexport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// memory is an archive in memory, for what a source must promise.
type memory struct {
	entries []record.Entry
	seen    map[string]int64
	blobs   map[string][]byte
	fail    error
}

func newMemory() *memory { return &memory{seen: map[string]int64{}, blobs: map[string][]byte{}} }

func (m *memory) Blob(_ context.Context, r io.Reader) (record.Blob, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return record.Blob{}, err
	}
	sum := sha256.Sum256(b)
	h := hex.EncodeToString(sum[:])
	m.blobs[h] = b
	return record.Blob{SHA256: h, Size: int64(len(b))}, nil
}

func (m *memory) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	if m.fail != nil {
		return nil, m.fail
	}
	var out []record.Receipt
	for _, r := range batch {
		key := r.Lineage + "\x00\x00" + string(r.Identity)
		if seq, ok := m.seen[key]; ok && r.Identity != nil {
			out = append(out, record.Receipt{Seq: seq})
			continue
		}
		seq := int64(len(m.entries))
		m.entries = append(m.entries, record.Entry{Seq: seq, Kind: r.Kind, At: time.Now(), Parts: r.Parts})
		if r.Identity != nil {
			m.seen[key] = seq
		}
		out = append(out, record.Receipt{Seq: seq, New: true})
	}
	return out, nil
}

// importPath imports a path into m.
func importPath(t testing.TB, m *memory, path string, o capture.Options) []capture.Summary {
	t.Helper()
	sums, err := tryImport(t, m, path, o)
	if err != nil {
		t.Fatalf("import %s: %v", filepath.Base(path), err)
	}
	return sums
}

func tryImport(t testing.TB, m *memory, path string, o capture.Options) ([]capture.Summary, error) {
	t.Helper()
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	sources, err := Format().Find(t.Context(), path, o)
	if err != nil {
		return nil, err
	}
	var sums []capture.Summary
	for _, s := range sources {
		sum, err := s.Run(t.Context(), m)
		if err != nil {
			return sums, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// messages interprets everything that m holds, each item under the captures
// that saw it, as the index does.
func (m *memory) messages(t testing.TB) []chat.Message {
	t.Helper()
	saw := map[int64][]record.Entry{} // by entry: captures that saw it again
	for _, e := range m.entries {
		var end record.CaptureEndHead
		if e.Kind != record.CaptureEnd {
			continue
		}
		if _, err := e.Decode(&end); err != nil {
			t.Fatal(err)
		}
		for _, run := range end.Seen {
			for i := range run[2] {
				saw[run[1]+i] = append(saw[run[1]+i], m.entries[end.Capture])
			}
		}
	}
	var all []chat.Message
	readers := map[string]chat.Reader{}
	for _, e := range m.entries {
		if e.Kind != record.Item {
			continue
		}
		var h record.ItemHead
		if _, err := e.Decode(&h); err != nil {
			t.Fatal(err)
		}
		captures := append([]record.Entry{m.entries[h.Capture]}, saw[e.Seq]...)
		key := ""
		for _, c := range captures {
			key += fmt.Sprint(c.Seq, " ")
		}
		if readers[key] == nil {
			r, err := Interpreter{}.Reader(captures)
			if err != nil {
				t.Fatal(err)
			}
			readers[key] = r
		}
		evs, err := readers[key].Events(e)
		if err != nil || len(evs) != 1 {
			t.Fatalf("entry %d: %d events, %v", e.Seq, len(evs), err)
		}
		all = append(all, evs[0].Message)
	}
	return all
}

// raw joins the raw bytes of the records of the last capture, those that were
// there before included.
func (m *memory) raw(t testing.TB) []byte {
	t.Helper()
	var end record.CaptureEndHead
	last := m.entries[len(m.entries)-1]
	if _, err := last.Decode(&end); err != nil {
		t.Fatal(err)
	}
	byOrdinal := map[int64][]byte{}
	for _, e := range m.entries {
		if e.Kind != record.Item && e.Kind != record.Unparsed {
			continue
		}
		var h record.ItemHead
		b, err := e.Decode(&h)
		if err != nil {
			t.Fatal(err)
		}
		if h.Capture == end.Capture {
			byOrdinal[h.Ordinal] = b
		}
	}
	for _, run := range end.Seen {
		for i := range run[2] {
			b, err := m.entries[run[1]+i].Decode(&record.ItemHead{})
			if err != nil {
				t.Fatal(err)
			}
			byOrdinal[run[0]+i] = b
		}
	}
	var all []byte
	for i := range int64(len(byOrdinal)) {
		all = append(all, byOrdinal[i]...)
	}
	return all
}

// write puts a text into a file.
func write(t testing.TB, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func dump(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func loadZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
