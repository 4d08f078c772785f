package archive_test

import (
	"fmt"
	"testing"

	"github.com/waxseal/waxseal/internal/record"
)

// filled is an archive of n short messages of some chats that take turns.
func filled(b *testing.B, n, chats int) string {
	b.Helper()
	dir := create(b)
	a := open(b, dir)
	for i := 0; i < n; i += 4096 {
		batch := items(b, "acme", i, min(n, i+4096))
		for j := range batch {
			batch[j].Lineage = fmt.Sprint("chat ", j%chats)
		}
		appendAll(b, a, batch)
	}
	closeArchive(b, a)
	return dir
}

const benchRecords = 200_000

func BenchmarkVerify(b *testing.B) {
	for _, chats := range []int{1, 50} {
		b.Run(fmt.Sprint("chats=", chats), func(b *testing.B) {
			a := open(b, filled(b, benchRecords, chats))
			defer closeArchive(b, a)
			for b.Loop() {
				if r := verify(b, a); !r.OK() {
					b.Fatal(r.Problems)
				}
			}
			b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkScan(b *testing.B) {
	a := open(b, filled(b, benchRecords, 1))
	defer closeArchive(b, a)
	for b.Loop() {
		if err := a.Scan(b.Context(), 0, func(record.Entry) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkDispose disposes of 10,000 records of 100,000.
func BenchmarkDispose(b *testing.B) {
	dir := filled(b, 100_000, 10)
	for b.Loop() {
		b.StopTimer()
		a := open(b, copyOf(b, dir))
		seq := disposal(b, a, record.DisposalHead{Entries: [][2]int64{{20_000, 10_000}}})
		b.StartTimer()
		if d := dispose(b, a, seq, nothingHeld); d.Records != 10_000 {
			b.Fatalf("%+v", d)
		}
		b.StopTimer()
		closeArchive(b, a)
		b.StartTimer()
	}
}
