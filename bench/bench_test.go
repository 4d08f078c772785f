package main

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

func TestSameInputEachTime(t *testing.T) {
	sum := func() [32]byte {
		var b bytes.Buffer
		if err := newGenerator(seedMain).export(&b, 2000); err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(b.Bytes())
	}
	if a, b := sum(), sum(); a != b {
		t.Error("two runs have different inputs")
	}
}

func TestShapeOfTheInput(t *testing.T) {
	var b bytes.Buffer
	if err := newGenerator(seedMain).export(&b, 20_000); err != nil {
		t.Fatal(err)
	}
	share := func(what string) float64 { return float64(strings.Count(b.String(), what)) / 200 }
	for what, want := range map[string]float64{"\r\n": 100, "image omitted": 5, "This message was deleted.": 2, " left\r\n": 1} {
		if got := share(what); got < want*0.8 || got > want*1.2 {
			t.Errorf("%q stands in %.2f %% of the messages, want about %.0f", what, got, want)
		}
	}
}

func TestReadAlone(t *testing.T) {
	path := t.TempDir() + "/WhatsApp Chat - Harbour Works.txt"
	if _, err := exportFile(path, seedMain, 1000); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"-scan", "-read"} {
		var out bytes.Buffer
		if err := command(t.Context(), []string{how, path}, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), `"n":1000,`) {
			t.Errorf("%s: read %s", how, out.String())
		}
	}
}

// A bad number of messages is refused before anything is measured.
func TestRefusesNonsense(t *testing.T) {
	if err := command(t.Context(), []string{"-messages", "many"}, &bytes.Buffer{}); err == nil {
		t.Error("many messages were taken for a number")
	}
}

func TestGroup(t *testing.T) {
	for n, want := range map[float64]string{7: "7", 1234: "1,234", 1e6: "1,000,000"} {
		if got := group(n); got != want {
			t.Errorf("%v is %s", n, got)
		}
	}
}

// TestKeepingRuns: what the firm's figures are of is there, at a small size.
func TestKeepingRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary")
	}
	t.Chdir("..")
	bin, err := binary(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := options{only: map[string]bool{"keeping": true, "pages": true, "disposal": true}, chats: 20, acts: 200, visits: 1, pause: time.Millisecond}
	k, err := measureKeeping(t.Context(), o, bin, t.TempDir(), 2000)
	if err != nil {
		t.Fatal(err)
	}
	if k.Outlook.Due < 150 || k.Disposal == nil || k.Disposal.Messages < 150 || k.Disposal.Messages > 210 {
		t.Errorf("a tenth of 2,000 is due: %+v, disposed of %+v", k.Outlook, k.Disposal)
	}
	seen := map[string]page{}
	for _, p := range k.Pages {
		seen[p.Path] = p
	}
	for _, path := range []string{"/chats", "/chats/{}", "/search?q", "/audit", "/policies/forecast", "/holds/{}", "/custodians/{}", "/messages/{}", "/state"} {
		if p := seen[path]; p.Took.N != 1 || p.Bytes < 1000 || p.Fails != "" {
			t.Errorf("page %s: %+v", path, p)
		}
	}
}

// What is measured is what happens: each delivery is in the log, and found.
func TestDeliveries(t *testing.T) {
	o := options{only: map[string]bool{"deliveries": true, "soak300": true}, deliver: 50 * time.Millisecond, soak: 500 * time.Millisecond}
	m, err := measureDeliveries(t.Context(), o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Rates) != 4 || m.Rates[0].Rate == 0 || m.Soak.Deliveries != 150 || m.Soak.Searchable == 0 {
		t.Errorf("%+v %+v", m.Rates, m.Soak)
	}
}
