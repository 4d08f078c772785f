package ios

import (
	"os"
	"testing"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
)

// BenchmarkImport reads the database that WAXSEAL_CHATSTORAGE names (see
// gen_chatstorage.py), all but the archive.
func BenchmarkImport(b *testing.B) {
	path := os.Getenv("WAXSEAL_CHATSTORAGE")
	if path == "" {
		b.Skip("WAXSEAL_CHATSTORAGE names no database")
	}
	records := int64(0)
	for b.Loop() {
		records += imported(b, &capturetest.Sink{}, path).Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "messages/s")
}
