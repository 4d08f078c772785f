package archive_test

import (
	"testing"

	"github.com/waxseal/waxseal/internal/record"
)

// filled is an archive of n short messages.
func filled(b *testing.B, n int) string {
	b.Helper()
	dir := create(b)
	a := open(b, dir)
	for i := 0; i < n; i += 4096 {
		appendAll(b, a, items(b, "acme", i, min(n, i+4096)))
	}
	closeArchive(b, a)
	return dir
}

const benchRecords = 200_000

func BenchmarkVerify(b *testing.B) {
	a := open(b, filled(b, benchRecords))
	defer closeArchive(b, a)
	for b.Loop() {
		if r := verify(b, a); !r.OK() {
			b.Fatal(r.Problems)
		}
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkScan(b *testing.B) {
	a := open(b, filled(b, benchRecords))
	defer closeArchive(b, a)
	for b.Loop() {
		if err := a.Scan(b.Context(), 0, func(record.Entry) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
}
