package crypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Cases of the GCM specification: the hash of the second, and of those with a
// 256-bit key the ones without additional data.
func TestVectors(t *testing.T) {
	h := toElement(unhex(t, "66e94bd4ef8a2c3b884cfa59ca342b2e"))
	x1 := toElement(unhex(t, "0388dace60b6a392f328c2b971b2fe78")).mul(h)
	if x1 != toElement(unhex(t, "5e2ec746917062882c85b0685353deb7")) {
		t.Errorf("X1 of case 2 = %x", x1.bytes())
	}
	if y := x1.add(element{lo: 128}).mul(h); y != toElement(unhex(t, "f38cbb1ad69223dcc3457ae5b6b0f885")) {
		t.Errorf("GHASH of case 2 = %x", y.bytes())
	}
	for _, c := range []struct{ name, key, iv, sealed, tag string }{
		{"13", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "530f8afbc74536b9a963b4f1c4cb738b"},
		{
			"14", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
			"cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919",
		},
		{
			"15", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
			"b094dac5d93471bdec1a502270e3cc6c",
		},
	} {
		b, err := aes.NewCipher(unhex(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		g, err := newTagger(b, unhex(t, c.iv))
		if err != nil {
			t.Fatal(err)
		}
		if tag := g.tag(unhex(t, c.sealed)); !bytes.Equal(tag[:], unhex(t, c.tag)) {
			t.Errorf("case %s: tag = %x", c.name, tag)
		}
	}
}

// In whatever pieces a ciphertext comes, its tag and its plaintext are those
// of the standard library.
func TestStreamIsGCM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		iv := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "iv")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "plain")
		b, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := cipher.NewGCMWithNonceSize(b, 16)
		if err != nil {
			t.Fatal(err)
		}
		sealed := gcm.Seal(nil, iv, plain, nil)
		text, want := sealed[:len(plain)], sealed[len(plain):]
		g, err := newTagger(b, iv)
		if err != nil {
			t.Fatal(err)
		}
		ctr := newCounter(b, iv)
		rest := text
		for len(rest) > blockSize {
			n := rapid.IntRange(0, len(rest)/blockSize).Draw(t, "blocks") * blockSize
			g.add(rest[:n])
			rest = rest[n:]
			if n == 0 {
				break
			}
		}
		if tag := g.tag(rest); !bytes.Equal(tag[:], want) {
			t.Fatalf("tag = %x, want %x", tag, want)
		}
		if tag := g.tag(rest); !bytes.Equal(tag[:], want) {
			t.Fatal("asking for the tag changes it")
		}
		for rest := text; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "bytes")
			ctr.decrypt(rest[:n])
			rest = rest[n:]
		}
		if !bytes.Equal(text, plain) {
			t.Fatal("plaintext differs")
		}
	})
}

// ivBefore returns a nonce whose counter starts n blocks before it wraps.
func ivBefore(b cipher.Block, n uint32) []byte {
	h := hashKey(b)
	inverse := h.pow(1<<64 - 1) // H^-1 = H^(2^128-2)
	inverse = inverse.pow(1 << 63).mul(inverse.pow(1 << 63)).mul(h.pow(1<<64 - 2))
	j0 := element{hi: 0x0123456789abcdef, lo: 0xffffffff<<32 | uint64(-n)}
	iv := j0.mul(inverse).add(element{lo: 128}).mul(inverse).bytes()
	return iv[:]
}

// The counter of GCM wraps within its last 32 bits. A counter that carries
// over decrypts the rest of one backup in thousands to noise, under a tag that
// is right.
func TestCounterWraps(t *testing.T) {
	a := newAccount(1)
	b, err := aes.NewCipher(a.aes[:])
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint32(6) {
		iv := ivBefore(b, n)
		c := newCounter(b, iv)
		if got, want := binary.BigEndian.Uint32(c.next[12:]), -n+1; got != want {
			t.Fatalf("the counter begins at %x, want %x", got, want)
		}
		want := database(100)
		_, _, got, err := open(t.Context(), a.seal(want, cut{version: 14, iv: iv}), a.key(t, 14))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d blocks before the wrap: %v, same content: %v", n, err, bytes.Equal(got, want))
		}
	}
}
