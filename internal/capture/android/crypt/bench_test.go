package crypt

import (
	"bytes"
	"compress/zlib"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha256"
	"io"
	"math"
	"testing"
)

// The two passes, beside what the machine can do at most: the standard
// library's hashes, its GCM over the whole file in memory, its inflate. All in
// bytes of ciphertext, but for inflate's and plain's zlib, which are in bytes
// of content.
func BenchmarkPasses(b *testing.B) {
	a, db := newAccount(1), database(32<<20)
	packed := deflate(db, 6)
	k := a.key(b, 15)
	block, err := aes.NewCipher(a.aes[:])
	if err != nil {
		b.Fatal(err)
	}
	iv := make([]byte, 16)
	gcm, err := cipher.NewGCMWithNonceSize(block, 16)
	if err != nil {
		b.Fatal(err)
	}
	raw, zipped := a.seal(db, cut{version: 15}), a.seal(packed, cut{version: 15})
	run := func(name string, size int, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	plain := func(file []byte) func() error {
		v := verify(b, bytes.NewReader(file), int64(len(file)), k)
		return func() error {
			p, err := v.Plain(b.Context(), math.MaxInt64)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, p)
			return err
		}
	}
	run("verify", len(raw), func() error {
		c, err := inspect(raw)
		if err != nil {
			return err
		}
		_, err = c.Verify(b.Context(), k)
		return err
	})
	run("plain/raw", len(db), plain(raw))
	run("plain/zlib", len(db), plain(zipped))
	run("tag", len(db), func() error {
		t, err := newTagger(block, iv)
		if err != nil {
			return err
		}
		for p := db; len(p) > 0; p = p[chunk:] {
			t.add(p[:chunk])
		}
		t.tag(nil)
		return nil
	})
	sealed := gcm.Seal(nil, iv, db, nil)
	out := make([]byte, 0, len(db))
	run("machine/gcm", len(db), func() error {
		_, err := gcm.Open(out, iv, sealed, nil)
		return err
	})
	run("machine/md5", len(db), func() error { md5.Sum(db); return nil })
	run("machine/sha256", len(db), func() error { sha256.Sum256(db); return nil })
	run("machine/inflate", len(db), func() error {
		r, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r)
		return err
	})
}
