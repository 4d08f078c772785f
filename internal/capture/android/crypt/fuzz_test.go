package crypt

import (
	"bytes"
	"math"
	"testing"
)

// FuzzInspect: a header of any content is read or refused, and what is read is
// of the file.
func FuzzInspect(f *testing.F) {
	a := newAccount(1)
	for _, w := range []cut{
		{version: 12, suffix: "67"},
		{version: 14, features: true},
		{version: 14},
		{version: 15, features: true, keyType: 3},
		{version: 15, passkey: 400},
		{version: 15, bare: true},
	} {
		b := a.seal(deflate(database(200), 9), w)
		f.Add(b)
		f.Add(b[:50])
	}
	f.Add([]byte("\xff\xff\xff\xff\x7f\x08\x01\x1a\x12\x0a\x10"))
	k := parseKey(f, a.rootFile())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := inspect(b)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, c.Header) || len(c.iv) != blockSize || c.body() < blockSize {
			t.Fatalf("read as %+v", c)
		}
		v, err := c.Verify(t.Context(), k)
		if err != nil {
			return
		}
		if _, err := v.Plain(t.Context(), math.MaxInt64); err != nil {
			t.Log(err)
		}
	})
}

// FuzzParseKey: what is read has 32 bytes that came from the input.
func FuzzParseKey(f *testing.F) {
	a := newAccount(1)
	f.Add(a.keyFile())
	f.Add(a.rootFile())
	f.Add(a.root[:])
	f.Add([]byte(grouped(a.root[:], " ")))
	f.Add([]byte(grouped(a.root[:], "\u2013")))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKey(b)
		if err != nil {
			if k != nil {
				t.Fatal("a key and an error")
			}
			return
		}
		if !bytes.Contains(b, k.secret[:]) && len(b) < digits {
			t.Fatal("a key from nowhere")
		}
	})
}
