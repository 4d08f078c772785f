package crypt

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// chunk is how much is read at a time: whole blocks, and few enough to stay in
// the processor's cache while three hashes pass over them.
const chunk = 256 << 10

// Checksum is the state of the MD5 at the end of a container. It proves
// nothing, since anybody can make it anew, but it tells damage from a wrong
// key.
type Checksum int

// States of the checksum.
const (
	ChecksumRight  Checksum = iota
	ChecksumAbsent          // as in backups of several files: stickers, wallpapers. Cut off, of anything else
	ChecksumWrong           // and the seal holds: only the checksum is damaged
)

func (s Checksum) String() string {
	switch s {
	case ChecksumRight:
		return "right"
	case ChecksumAbsent:
		return "absent"
	case ChecksumWrong:
		return "wrong"
	}
	return fmt.Sprintf("checksum %d", int(s))
}

// Verified is a container whose seal holds under a key. Only it can be read.
type Verified struct {
	SHA256   [sha256.Size]byte // of the whole file
	Checksum Checksum

	c     *Container
	block cipher.Block
	size  int64 // of the ciphertext
	tag   [blockSize]byte
}

// Verify reads the container once, in constant memory, and checks its seal with
// k. A checksum that is wrong under a seal that holds is no error.
func (c *Container) Verify(ctx context.Context, k *Key) (*Verified, error) {
	b, err := c.block(k)
	if err != nil {
		return nil, err
	}
	t, err := newTagger(b, c.iv)
	if err != nil {
		return nil, err
	}
	whole, sum := sha256.New(), md5.New()
	in := io.NewSectionReader(c.r, 0, c.size)
	if _, err := io.CopyN(io.MultiWriter(whole, sum), in, int64(len(c.Header))); err != nil {
		return nil, readError(err)
	}

	// Whether the last 16 bytes are the checksum or the tag is known only at
	// the end. Until there is room for just one of them, all is ciphertext.
	body := c.body()
	sealed := max(0, body-2*blockSize) / blockSize * blockSize
	buf := make([]byte, chunk)
	for left := sealed; left > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := buf[:min(left, chunk)]
		if _, err := io.ReadFull(in, p); err != nil {
			return nil, readError(err)
		}
		whole.Write(p)
		sum.Write(p)
		t.add(p)
		left -= int64(len(p))
	}
	rest := buf[:body-sealed+c.footer]
	if _, err := io.ReadFull(in, rest); err != nil {
		return nil, readError(err)
	}
	whole.Write(rest)
	rest = rest[:body-sealed]
	sum.Write(rest[:len(rest)-blockSize])
	summed := bytes.Equal(sum.Sum(nil), rest[len(rest)-blockSize:])

	v := &Verified{c: c, block: b}
	whole.Sum(v.SHA256[:0])
	holds := func(n int) bool { // if n bytes of rest are ciphertext
		if n < 0 {
			return false
		}
		v.size, v.tag = sealed+int64(n), t.tag(rest[:n])
		return subtle.ConstantTimeCompare(v.tag[:], rest[n:n+blockSize]) == 1
	}
	switch {
	case holds(len(rest) - 2*blockSize):
		if !summed {
			v.Checksum = ChecksumWrong
		}
		return v, nil
	case holds(len(rest) - blockSize):
		v.Checksum = ChecksumAbsent
		return v, nil
	}
	return nil, c.unsealed(k, summed)
}

// unsealed says why the seal does not hold, as far as it can be told. A right
// checksum means that the file is whole. A wrong key cannot be told from an
// altered file: in crypt15 nothing names the key.
func (c *Container) unsealed(k *Key, summed bool) error {
	switch {
	case !summed:
		return ErrDamaged
	case c.Lock == LockPassword || c.Lock == LockPasskey:
		return fmt.Errorf("%w. %w", ErrWrongKey, ErrProtected)
	case c.Version != 15 && k.kind == bareKey:
		return fmt.Errorf("%w. A .crypt%d backup is opened by the file \"key\" of the phone", ErrWrongKey, c.Version)
	}
	return ErrWrongKey
}

func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrChanged // it was longer when it was inspected
	}
	return fmt.Errorf("read the backup: %w", err)
}
