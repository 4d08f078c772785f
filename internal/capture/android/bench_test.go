package android

import (
	"os"
	"testing"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
)

// BenchmarkImport reads the database that WAXSEAL_MSGSTORE names (see
// gen_msgstore.py), all but the archive.
func BenchmarkImport(b *testing.B) {
	path := os.Getenv("WAXSEAL_MSGSTORE")
	if path == "" {
		b.Skip("WAXSEAL_MSGSTORE names no database")
	}
	records := int64(0)
	for b.Loop() {
		records += imported(b, &capturetest.Sink{}, path).Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "messages/s")
}
