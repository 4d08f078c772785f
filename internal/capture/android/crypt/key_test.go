package crypt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// grouped is a key as the phone shows it.
func grouped(b []byte, between string) string {
	var g []string
	for s := hex.EncodeToString(b); len(s) > 0; s = s[4:] {
		g = append(g, s[:4])
	}
	return strings.Join(g, between)
}

// However a key is written down, it is the same key.
func TestParseKey(t *testing.T) {
	a := newAccount(1)
	digits := hex.EncodeToString(a.root[:])
	want := parseKey(t, a.rootFile()).Fingerprint()
	for name, b := range map[string]string{
		"32 bytes":         string(a.root[:]),
		"digits":           digits,
		"a line":           digits + "\r\n",
		"upper case":       strings.ToUpper(digits),
		"groups":           grouped(a.root[:], " "),
		"dashes":           grouped(a.root[:], "-"),
		"lines":            grouped(a.root[:], "\n"),
		"typographic":      grouped(a.root[:], " \u2013 "),
		"no-break":         grouped(a.root[:], "\u00a0"),
		"copied from HTML": "\ufeff" + grouped(a.root[:], "\u200b"),
	} {
		k, err := ParseKey([]byte(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if k.secret != a.root || k.Fingerprint() != want {
			t.Errorf("%s: another key", name)
		}
	}
	k := parseKey(t, a.keyFile())
	if k.secret != a.aes || k.salt != a.salt || k.google != a.google {
		t.Error("the key file is read wrong")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	a := newAccount(1)
	digits := hex.EncodeToString(a.root[:])
	for name, b := range map[string]string{
		"nothing":                "",
		"a digit short":          digits[1:],
		"a digit too many":       digits + "0",
		"half a key":             digits[:32],
		"half a key in groups":   grouped(a.root[:], " ")[:32],
		"an O for a zero":        "O" + digits[1:],
		"a full-width digit":     "１" + digits[1:],
		"invalid UTF-8":          "\xff" + digits[1:],
		"too long":               strings.Repeat(" ", maxKeyFile) + digits,
		"key file cut":           string(a.keyFile()[:157]),
		"key file without count": string(a.keyFile()[:25]),
		"key file and more":      string(a.keyFile()) + "x",
		"another Java array":     string(java(make([]byte, 33))),
		"33 bytes":               string(a.root[:]) + "x",
	} {
		if _, err := ParseKey([]byte(b)); !errors.Is(err, ErrKeyFormat) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), digits[1:9]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

// A key shows itself nowhere, and is gone when it is zeroed.
func TestKeyIsNotShown(t *testing.T) {
	a := newAccount(1)
	k := parseKey(t, a.keyFile())
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb+verb, k, *k)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "pointer", k, "value", *k)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "pointer", k, "value", *k)
	numbers := strings.Trim(fmt.Sprintf("%d", a.aes[:4]), "[]")
	for _, secret := range []string{numbers, hex.EncodeToString(a.aes[:4]), string(a.aes[:4])} {
		if strings.Contains(out.String(), secret) {
			t.Fatalf("shown: %s", out.String())
		}
	}
	if !strings.Contains(out.String(), "key "+k.Fingerprint()) {
		t.Error("printed without its fingerprint")
	}
	k.Zero()
	if *k != (Key{}) {
		t.Error("something is left")
	}
}
