package crypt

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"testing"
)

// account is a phone's keys, and writes containers as the phone does. Its AES
// is the standard library's, whole messages at a time: nothing of it is shared
// with what is tested.
type account struct {
	root, aes, salt [32]byte
	google          [16]byte
}

func newAccount(seed byte) *account {
	r := rand.NewChaCha8([32]byte{seed})
	a := &account{}
	for _, b := range [][]byte{a.root[:], a.aes[:], a.salt[:], a.google[:]} {
		_, _ = r.Read(b)
	}
	return a
}

func java(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(bytes.Clone(javaBytes), uint32(len(b))), b...)
}

func (a *account) keyFile() []byte {
	hashed := sha256.Sum256(a.google[:])
	return java(bytes.Join([][]byte{{0, 1, 2}, a.salt[:], a.google[:], hashed[:], make([]byte, 16), a.aes[:]}, nil))
}

func (a *account) rootFile() []byte { return java(a.root[:]) }

// key is the one that opens a container of that version.
func (a *account) key(t testing.TB, version int) *Key {
	t.Helper()
	b := a.keyFile()
	if version == 15 {
		b = a.rootFile()
	}
	return parseKey(t, b)
}

func parseKey(t testing.TB, b []byte) *Key {
	t.Helper()
	k, err := ParseKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cut is one way to write a container.
type cut struct {
	version  int
	suffix   string // of crypt12's footer
	bare     bool   // no checksum
	features bool   // the table of migrations
	keyType  int    // field 6; 0: none
	passkey  int    // bytes of field 5; 0: none
	iv       []byte
}

func (a *account) seal(body []byte, w cut) []byte {
	if w.iv == nil {
		w.iv = []byte("0123456789abcdef")
	}
	key := a.aes[:]
	if w.version == 15 {
		mac := func(key, b []byte) []byte {
			m := hmac.New(sha256.New, key)
			m.Write(b)
			return m.Sum(nil)
		}
		key = mac(mac(make([]byte, 32), a.root[:]), []byte("backup encryption\x01"))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, 16)
	if err != nil {
		panic(err)
	}
	out := gcm.Seal(a.header(w), w.iv, body, nil)
	if !w.bare {
		sum := md5.Sum(out)
		out = append(out, sum[:]...)
	}
	if w.version == 12 {
		out = append(out, "--"+w.suffix...)
	}
	return out
}

func (a *account) header(w cut) []byte {
	if w.version == 12 {
		return bytes.Join([][]byte{{0, 1, 2}, a.salt[:], a.google[:], w.iv}, nil)
	}
	var h []byte
	if w.version == 14 {
		h = pbInt(h, 1, 0)
		h = pbBytes(h, 2, pbBytes(pbBytes(pbBytes(pbBytes(pbBytes(nil, 1, []byte{0, 1}), 2, []byte("2")), 3, a.salt[:]), 4, a.google[:]), 5, w.iv))
	} else {
		h = pbInt(h, 1, 1)
		h = pbBytes(h, 3, pbBytes(nil, 1, w.iv))
	}
	meta := pbBytes(pbBytes(nil, 1, []byte("2.26.34.7")), 3, []byte("67"))
	if w.features {
		meta = pbInt(meta, 4, 1)
		for i := firstMigration; i <= lastMigration; i++ {
			meta = pbInt(meta, i, uint64(i%2))
		}
	}
	h = pbBytes(h, 4, meta)
	if w.passkey > 0 {
		h = pbBytes(h, 5, pbBytes(nil, 7, make([]byte, w.passkey)))
	}
	if w.keyType > 0 {
		h = pbInt(h, 6, uint64(w.keyType))
	}
	return append(binary.AppendUvarint(nil, uint64(len(h))), h...)
}

func pbInt(b []byte, num int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(num)<<3), v)
}

func pbBytes(b []byte, num int, v []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(b, uint64(num)<<3|2), uint64(len(v))), v...)
}

func deflate(b []byte, level int) []byte {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// database is n bytes that begin as SQLite's files do and compress as they do,
// about five to one.
func database(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	words := make([][]byte, 500)
	for i := range words {
		words[i] = make([]byte, 2+r.IntN(12))
		for j := range words[i] {
			words[i][j] = byte('a' + r.IntN(26))
		}
	}
	b := append(make([]byte, 0, n+16), "SQLite format 3\x00"...)
	for len(b) < n {
		b = append(b, words[r.IntN(len(words))]...)
	}
	return b[:n]
}

func inspect(b []byte) (*Container, error) { return Inspect(bytes.NewReader(b), int64(len(b))) }

// open reads a container to its end.
func open(ctx context.Context, b []byte, k *Key) (*Verified, *Plain, []byte, error) {
	c, err := inspect(b)
	if err != nil {
		return nil, nil, nil, err
	}
	v, err := c.Verify(ctx, k)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := v.Plain(ctx, math.MaxInt64)
	if err != nil {
		return v, nil, nil, err
	}
	got, err := io.ReadAll(p)
	return v, p, got, err
}
