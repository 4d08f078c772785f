package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Large content is sealed as a stream of chunks under a key of its own: the
// nonce is the chunk's number and whether it is the last (the STREAM
// construction), so that a chunk that was dropped, doubled, swapped or cut off
// does not open. A counter is safe here because the key is used for one stream
// and never again.

// ChunkSize is the size of the content in every chunk but the last.
const ChunkSize = 256 << 10

const (
	streamContext = "waxseal blob v1"
	chunkHead     = 4 // length of what follows, big endian
	tagSize       = 16
	methodRaw     = 0
	methodZstd    = 1
)

func streamAEAD(k *Key) cipher.AEAD {
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic("seal: aes: " + err.Error()) // only for wrong key sizes
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		panic("seal: gcm: " + err.Error())
	}
	return a
}

func chunkNonce(n int64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:], uint64(n))
	if last {
		nonce[11] = 1
	}
	return nonce
}

// StreamWriter seals what is written to it.
type StreamWriter struct {
	w    io.Writer
	aead cipher.AEAD
	n    int64
	buf  []byte
	out  []byte
	zip  []byte
}

// NewStreamWriter seals to w under k, which must seal nothing else. Close
// writes the last chunk; without it the stream does not open.
func NewStreamWriter(w io.Writer, k Key) *StreamWriter {
	return &StreamWriter{w: w, aead: streamAEAD(&k), buf: make([]byte, 0, ChunkSize)}
}

// Write implements io.Writer.
func (s *StreamWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		// A full chunk is kept back until more comes: only then is it known
		// not to be the last.
		if len(s.buf) == ChunkSize {
			if err := s.chunk(false); err != nil {
				return 0, err
			}
		}
		n := min(len(p), ChunkSize-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
	}
	return written, nil
}

// Close seals the last chunk. It does not close the writer below.
func (s *StreamWriter) Close() error { return s.chunk(true) }

func (s *StreamWriter) chunk(last bool) error {
	plain := append(s.zip[:0], methodZstd)
	plain = packer.EncodeAll(s.buf, plain)
	if len(plain) > len(s.buf)*9/10 { // media: keep it as it is
		plain = append(append(plain[:0], methodRaw), s.buf...)
	}
	s.zip = plain
	s.out = append(s.out[:0], 0, 0, 0, 0)
	s.out = s.aead.Seal(s.out, chunkNonce(s.n, last), plain, []byte(streamContext))
	binary.BigEndian.PutUint32(s.out, uint32(len(s.out)-chunkHead))
	if _, err := s.w.Write(s.out); err != nil {
		return err
	}
	s.n++
	s.buf = s.buf[:0]
	return nil
}

// StreamReader opens a sealed stream. It reads and seeks; it is not for
// concurrent use.
type StreamReader struct {
	r     io.ReaderAt
	aead  cipher.AEAD
	size  int64   // of the content
	sums  int64   // of the sealed stream
	at    int64   // place in the content
	offs  []int64 // offsets of the chunks found so far
	cur   int64   // number of the chunk in plain, -1: none
	plain []byte
	raw   []byte
}

// NewStreamReader opens the sealed stream r of sealedSize bytes, whose content
// has size bytes, under k.
func NewStreamReader(r io.ReaderAt, sealedSize, size int64, k Key) *StreamReader {
	return &StreamReader{r: r, aead: streamAEAD(&k), size: size, sums: sealedSize, offs: []int64{0}, cur: -1}
}

// Read implements io.Reader.
func (s *StreamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.at >= s.size && s.cur >= 0 {
		return 0, io.EOF
	}
	// An empty stream has one chunk, too: it is opened before it is believed.
	want := s.at / ChunkSize
	if s.cur != want {
		if err := s.load(want); err != nil {
			return 0, err
		}
	}
	if s.at >= s.size {
		return 0, io.EOF
	}
	n := copy(p, s.plain[s.at%ChunkSize:])
	s.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (s *StreamReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	s.at = offset
	return offset, nil
}

// chunks is how many chunks a content of size bytes has.
func chunks(size int64) int64 { return max(1, (size+ChunkSize-1)/ChunkSize) }

func (s *StreamReader) load(n int64) error {
	s.cur = -1
	sealed, err := s.sealedChunk(n)
	if err != nil {
		return err
	}
	last := n == chunks(s.size)-1
	body, err := s.aead.Open(sealed[:0], chunkNonce(n, last), sealed, []byte(streamContext))
	if err != nil || len(body) == 0 {
		return fmt.Errorf("chunk %d: %w", n, ErrOpen)
	}
	switch body[0] {
	case methodRaw:
		s.plain = append(s.plain[:0], body[1:]...)
	case methodZstd:
		if s.plain, err = unpacker.DecodeAll(body[1:], s.plain[:0]); err != nil {
			return fmt.Errorf("chunk %d: %w", n, ErrFrame)
		}
	default:
		return fmt.Errorf("chunk %d: %w", n, ErrFrame)
	}
	want := int64(ChunkSize)
	if last {
		want = s.size - n*ChunkSize
		if s.offs[n]+chunkHead+int64(len(sealed)) != s.sums {
			return fmt.Errorf("chunk %d: %w: data after the end", n, ErrOpen)
		}
	}
	if int64(len(s.plain)) != want {
		return fmt.Errorf("chunk %d: %w: length", n, ErrOpen)
	}
	s.cur = n
	return nil
}

// sealedChunk finds the n-th chunk by walking the lengths before it.
func (s *StreamReader) sealedChunk(n int64) ([]byte, error) {
	for {
		have := int64(len(s.offs)) - 1
		i := min(have, n)
		var head [chunkHead]byte
		if _, err := s.r.ReadAt(head[:], s.offs[i]); err != nil {
			return nil, cut(i, err)
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if length > ChunkSize+ChunkSize/8+tagSize {
			return nil, fmt.Errorf("chunk %d: %w", i, ErrOpen)
		}
		if i < n {
			s.offs = append(s.offs, s.offs[i]+chunkHead+length)
			continue
		}
		if int64(cap(s.raw)) < length {
			s.raw = make([]byte, length)
		}
		s.raw = s.raw[:length]
		if _, err := s.r.ReadAt(s.raw, s.offs[i]+chunkHead); err != nil {
			return nil, cut(i, err)
		}
		return s.raw, nil
	}
}

func cut(n int64, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("chunk %d: %w: cut short", n, ErrOpen)
	}
	return fmt.Errorf("chunk %d: %w", n, err)
}
