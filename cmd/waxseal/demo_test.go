package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheDemoIsServed: whoever tries Waxseal follows the link and finds what
// the sample firm has done, as its officer.
func TestTheDemoIsServed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program: run without -short")
	}
	path := binary(t)
	t.Setenv("PATH", "") // there is no browser to be opened
	link, base := started(t, exec.Command(path, "demo", "--dir", filepath.Join(t.TempDir(), "a")))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visitor := &http.Client{Jar: jar}
	get := func(address string) string {
		t.Helper()
		resp, err := visitor.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }() // only read
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", address, resp.Status, err)
		}
		return string(b)
	}
	get(link)
	for page, want := range map[string]string{
		"/policies":          "hk-sfc-7y",
		"/policies/forecast": "uk-fca-5y",
		"/holds":             "Holm complaint",
		"/labels":            "Fraud attempts",
		"/matters":           "Leeds Logistics",
		"/custodians":        "William Hale",
		"/requests":          "The police have closed the file",
		"/disposals":         "Yearly disposal under the records policy",
		"/audit":             "c.dubois",
	} {
		if !strings.Contains(get(base+page), want) {
			t.Errorf("%s does not show %q", page, want)
		}
	}
}
