package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/index"
)

// benchText is an export of n short messages of one group.
func benchText(b *testing.B, n int) string {
	b.Helper()
	words := strings.Fields("the plan for friday is fine please send invoice number and delivery date before noon thanks see you at site office with drawings team agreed budget risk call later maybe tomorrow")
	var t strings.Builder
	x := uint32(7)
	for i := range n {
		at := time.Date(2023, 3, 18, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * 50 * time.Second)
		fmt.Fprintf(&t, "%s - %s:", at.Format("02/01/2006, 15:04"), []string{"Ana Lima", "Bruno Costa", "Chloé Martin", "Farid N"}[i%4])
		for range 3 + i%12 {
			x = x*1664525 + 1013904223
			t.WriteString(" " + words[int(x>>16)%len(words)])
		}
		t.WriteByte('\n')
	}
	p := filepath.Join(b.TempDir(), "WhatsApp Chat with X.txt")
	if err := os.WriteFile(p, []byte(t.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return p
}

func benchArchive(b *testing.B, text string) *archive.Archive {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "a")
	if _, err := archive.Create(b.Context(), dir, archive.CreateOptions{Name: "B", Zone: "UTC", NoPassphrase: true}); err != nil {
		b.Fatal(err)
	}
	ar, err := archive.Open(b.Context(), dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	sources, err := find(b.Context(), all.Formats(), text, capture.Options{Zone: time.UTC})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := sources[0].Run(context.Background(), ar); err != nil {
		b.Fatal(err)
	}
	return ar
}

const benchMessages = 200_000

func benchIndex(b *testing.B, ar *archive.Archive) index.Config {
	cfg, err := (&app{ctx: b.Context()}).indexConfig(ar)
	if err != nil {
		b.Fatal(err)
	}
	return cfg
}

// BenchmarkImport is reading, sealing and logging: until all is acknowledged.
func BenchmarkImport(b *testing.B) {
	text := benchText(b, benchMessages)
	for b.Loop() {
		if err := benchArchive(b, text).Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchMessages*b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkFollow is the index from nothing: until all is searchable.
func BenchmarkFollow(b *testing.B) {
	ar := benchArchive(b, benchText(b, benchMessages))
	defer func() { _ = ar.Close() }() // nothing is measured any more
	for b.Loop() {
		if err := index.Remove(ar.IndexPath()); err != nil {
			b.Fatal(err)
		}
		x, err := index.Open(b.Context(), benchIndex(b, ar))
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Follow(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchMessages*b.N)/b.Elapsed().Seconds(), "messages/s")
}
