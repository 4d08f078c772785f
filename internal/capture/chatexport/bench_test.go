package chatexport

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// benchExport writes an export of n records in the layout of one platform.
func benchExport(b *testing.B, n int, ios bool) string {
	b.Helper()
	p := filepath.Join(b.TempDir(), "export.txt")
	f, err := os.Create(p)
	if err != nil {
		b.Fatal(err)
	}
	names := []string{"Ana Lima", "Bruno Costa", "Chloé Martin", "Dr. Esra Kaya", "Farid N"}
	words := []string{"the plan for friday is fine", "please send invoice number and delivery date before noon", "ok thanks", "see you at the site office with drawings\nand a copy\n\nof the draft", "great update"}
	var buf []byte
	for i := range n {
		minute := i / 3
		day, h, m := minute/1440%28+1, minute/60%24, minute%60
		month := minute / 1440 / 28 % 12
		if ios {
			buf = fmt.Appendf(buf, "[%02d/%02d/2023, %02d:%02d:%02d] %s: %s\r\n", day, month+1, h, m, i%60, names[i%5], words[i%7%5])
		} else {
			buf = fmt.Appendf(buf, "%02d/%02d/2023, %02d:%02d - %s: %s\n", day, month+1, h, m, names[i%5], words[i%7%5])
		}
		if len(buf) > 1<<20 {
			if _, err := f.Write(buf); err != nil {
				b.Fatal(err)
			}
			buf = buf[:0]
		}
	}
	if _, err := f.Write(buf); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkScan(b *testing.B) {
	for _, platform := range []string{"android", "ios"} {
		b.Run(platform, func(b *testing.B) {
			const n = 300_000
			p := benchExport(b, n, platform == "ios")
			b.ReportAllocs()
			for b.Loop() {
				s, err := Scan(b.Context(), p)
				if err != nil || s.Records != n {
					b.Fatal(s, err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
