package crypt

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
)

// AES-GCM as a stream. The standard library opens a message only whole, which
// takes as much memory as the backup is large; but it has fast code for both
// halves of GCM, and they can be had apart.
//
// The counter half is cipher.NewCTR, begun at the right block. The other half,
// GHASH, is a polynomial in the hash key H over GF(2^128): blocks X1..Xn hash
// to Y = X1·Hⁿ + … + Xn·H. Sealing no plaintext with X as additional data
// gives
//
//	tag = E(J0) + (Y + L)·H,  L: the length of X
//
// and E(J0) alone is the tag of nothing at all. So one call hashes a piece at
// the speed of the library, and pieces are joined by (Y₁ then Y₂) = Y₁·Hⁿ + Y₂,
// n the blocks of the second. That leaves one multiplication a piece, for
// which the plain method of SP 800-38D is quick enough.

// element is one of GF(2^128), in GCM's order: the first bit of the first byte
// is the lowest power.
type element struct{ hi, lo uint64 }

func toElement(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (x element) bytes() (b [blockSize]byte) {
	binary.BigEndian.PutUint64(b[:], x.hi)
	binary.BigEndian.PutUint64(b[8:], x.lo)
	return b
}

func (x element) add(y element) element { return element{x.hi ^ y.hi, x.lo ^ y.lo} }

// mul is SP 800-38D, algorithm 1. Its time depends on x, which here tells
// nobody anything: who runs it has both the file and the key.
func (x element) mul(y element) (z element) {
	for _, word := range [...]uint64{x.hi, x.lo} {
		for range 64 {
			if word>>63 == 1 {
				z = z.add(y)
			}
			word <<= 1
			carry := y.lo & 1
			y.lo = y.lo>>1 | y.hi<<63
			y.hi = y.hi>>1 ^ carry*(0xe1<<56)
		}
	}
	return z
}

// pow is x to the n.
func (x element) pow(n uint64) element {
	z := element{hi: 1 << 63} // one
	for i := bits.Len64(n); i > 0; i-- {
		if z = z.mul(z); n>>(i-1)&1 == 1 {
			z = z.mul(x)
		}
	}
	return z
}

// tagger computes the tag of a ciphertext that comes in pieces.
type tagger struct {
	gcm   cipher.AEAD
	iv    []byte
	mask  element // E(J0)
	h     element
	acc   element // Y·H of what came so far
	size  uint64  // of what came so far
	n     uint64  // blocks of the last piece
	shift element // h to the n
	buf   [blockSize]byte
}

// newTagger is for one key and one 16-byte nonce.
func newTagger(b cipher.Block, iv []byte) (*tagger, error) {
	gcm, err := cipher.NewGCMWithNonceSize(b, len(iv))
	if err != nil {
		return nil, err
	}
	t := &tagger{gcm: gcm, iv: iv, h: hashKey(b)}
	t.mask = toElement(gcm.Seal(nil, iv, nil, nil))
	return t, nil
}

func hashKey(b cipher.Block) element {
	var h [blockSize]byte
	b.Encrypt(h[:], h[:])
	return toElement(h[:])
}

// add takes the next piece. Every piece but the last is whole blocks.
func (t *tagger) add(p []byte) {
	if len(p) == 0 {
		return
	}
	if n := uint64(len(p)+blockSize-1) / blockSize; n != t.n {
		t.n, t.shift = n, t.h.pow(n)
	}
	s := toElement(t.gcm.Seal(t.buf[:0], t.iv, nil, p)).add(t.mask)
	length := element{hi: uint64(len(p)) * 8} // as additional data
	t.acc = t.acc.mul(t.shift).add(s).add(length.mul(t.h))
	t.size += uint64(len(p))
}

// tag is what the tag would be if last were the end of the ciphertext. It
// leaves t as it is.
func (t *tagger) tag(last []byte) [blockSize]byte {
	end := *t
	end.add(last)
	length := element{lo: end.size * 8} // as ciphertext
	return end.acc.add(length.mul(end.h)).add(end.mask).bytes()
}

// counter is the counter half of GCM. Unlike cipher.NewCTR's, its counter has
// 32 bits: it wraps without a carry into the rest of the block. With a nonce
// of 16 bytes it begins anywhere, so for a backup of a gigabyte that happens
// once in sixty.
type counter struct {
	block  cipher.Block
	next   [blockSize]byte
	left   uint64 // bytes until the counter wraps
	stream cipher.Stream
}

func newCounter(b cipher.Block, iv []byte) *counter {
	// J0 of a nonce that is not 12 bytes long is its hash.
	h := hashKey(b)
	j0 := toElement(iv).mul(h).add(element{lo: uint64(len(iv)) * 8}).mul(h).bytes()
	c := &counter{block: b, next: j0}
	c.seek(binary.BigEndian.Uint32(j0[12:]) + 1)
	return c
}

func (c *counter) seek(n uint32) {
	binary.BigEndian.PutUint32(c.next[12:], n)
	c.left = (1<<32 - uint64(n)) * blockSize
	c.stream = cipher.NewCTR(c.block, c.next[:])
}

// decrypt works in place.
func (c *counter) decrypt(p []byte) {
	for len(p) > 0 {
		n := min(uint64(len(p)), c.left)
		c.stream.XORKeyStream(p[:n], p[:n])
		if c.left -= n; c.left == 0 {
			c.seek(0)
		}
		p = p[n:]
	}
}
