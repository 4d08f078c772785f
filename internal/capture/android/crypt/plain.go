package crypt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
)

// Kind is what a backup turns out to be, by its first bytes. Names do not
// tell: an increment is called a .db and is a ZIP.
type Kind string

// Kinds of content.
const (
	SQLite  Kind = "sqlite"
	ZIP     Kind = "zip" // an increment, or a backup of several files
	JSON    Kind = "json"
	WebP    Kind = "webp"
	Unknown Kind = "unknown"
)

// Content that grows by more than maxRatio, and is large, is a bomb: databases
// stay far below it.
const (
	maxRatio  = 250
	ratioFree = 64 << 20
	// kindSize is how much of the content tells its kind.
	kindSize = 16
	buffered = 64 << 10
)

// Plain is the content of a backup. Read returns io.EOF only when the content
// was whole and the ciphertext was still the one that had been verified; until
// then nothing of it may be taken as final.
type Plain struct {
	Kind   Kind
	Zipped bool // it was compressed with zlib

	content *unpacker
	out     *bufio.Reader
}

// Read implements io.Reader.
func (p *Plain) Read(b []byte) (int, error) { return p.out.Read(b) }

// Trailing is how many bytes stand behind a compressed content, once Read has
// returned io.EOF. WhatsApp leaves none.
func (p *Plain) Trailing() int64 { return p.content.trailing }

// Plain begins the second pass. It gives at most limit bytes; ErrTooLarge says
// that there is more.
func (v *Verified) Plain(ctx context.Context, limit int64) (*Plain, error) {
	t, err := newTagger(v.block, v.c.iv)
	if err != nil {
		return nil, err
	}
	d := &decrypter{
		ctx:     ctx,
		in:      io.NewSectionReader(v.c.r, int64(len(v.c.Header)), v.size),
		counter: newCounter(v.block, v.c.iv),
		tagger:  t,
		want:    v.tag,
		left:    v.size,
		buf:     make([]byte, min(v.size, chunk)),
	}
	u := &unpacker{packed: bufio.NewReaderSize(d, buffered), sealed: v.size, limit: limit}
	u.plain = u.packed
	p := &Plain{content: u}
	if head, err := u.packed.Peek(2); err == nil && isZlib(head) {
		p.Zipped = true
		if u.plain, err = zlib.NewReader(u.packed); err != nil {
			return nil, u.end(err)
		}
	}
	p.out = bufio.NewReaderSize(u, buffered)
	head, err := p.out.Peek(kindSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	p.Kind = kindOf(head)
	return p, nil
}

// isZlib tells a zlib header as WhatsApp writes it: deflate with a window of
// 32 KiB, at any level.
func isZlib(head []byte) bool {
	return head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0
}

func kindOf(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return SQLite
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return ZIP
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return WebP
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return JSON
	}
	return Unknown
}

// decrypter reads the ciphertext a second time. It hashes it again, which
// costs little: the file may be another one by now.
type decrypter struct {
	ctx     context.Context
	in      io.Reader
	counter *counter
	tagger  *tagger
	want    [blockSize]byte
	left    int64
	buf     []byte
	ready   []byte // decrypted, of buf
	err     error  // the first, for good
}

func (d *decrypter) Read(b []byte) (int, error) {
	if len(d.ready) == 0 && d.err == nil {
		d.err = d.fill()
	}
	if d.err != nil {
		return 0, d.err
	}
	n := copy(b, d.ready)
	d.ready = d.ready[n:]
	return n, nil
}

func (d *decrypter) fill() error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	if d.left == 0 {
		if d.tagger.tag(nil) != d.want {
			return ErrChanged
		}
		return io.EOF
	}
	p := d.buf[:min(d.left, chunk)]
	if _, err := io.ReadFull(d.in, p); err != nil {
		return readError(err)
	}
	d.left -= int64(len(p))
	d.tagger.add(p)
	d.counter.decrypt(p)
	d.ready = p
	return nil
}

// unpacker gives the content, within bounds.
type unpacker struct {
	packed   *bufio.Reader
	plain    io.Reader // packed, or what inflates it
	sealed   int64     // bytes of ciphertext
	limit    int64
	size     int64 // given so far
	trailing int64
	err      error // the first, for good
}

func (u *unpacker) Read(b []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.plain.Read(b)
	switch room := u.limit - u.size; {
	case int64(n) > room:
		n, err = int(room), ErrTooLarge
	case err != nil:
		err = u.end(err)
	}
	u.size += int64(n)
	if u.size > ratioFree && u.size/maxRatio > u.sealed {
		err = ErrTooLarge
	}
	u.err = err
	return n, err
}

// end reads on to the tag, and says how the content ended. If the ciphertext is
// no longer the one that had been verified, that is the reason for anything.
func (u *unpacker) end(err error) error {
	n, below := io.Copy(io.Discard, u.packed)
	switch {
	case below != nil:
		return below
	case errors.Is(err, io.EOF):
		u.trailing = n
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = ErrTruncated
	}
	return fmt.Errorf("%w: %w", ErrContent, err)
}
