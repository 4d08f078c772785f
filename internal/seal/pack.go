package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// A pack holds records that belong together under one data key that seals
// nothing else. It is cut into frames that are compressed and sealed one by
// one, so that reading a record opens one frame and no more.

// FrameRecords is how many records a frame takes at most; 64 compress 3.7:1.
const FrameRecords = 64

// FrameBytes is the size of parts at which a frame is closed.
const FrameBytes = 1 << 20

// maxFrame bounds what a frame may unpack to: the largest record and the rest
// of its frame.
const maxFrame = 512 << 20

// Commitment binds content without telling it.
type Commitment [sha256.Size]byte

const (
	partDomain   = "waxseal part v1\x00"
	recordDomain = "waxseal record v1\x00"
)

// Tally stands for a set of rows outside a frame that belong to its records:
// the XOR of a MAC of each. The frame seals it, so that none of them can be
// added, changed or removed unnoticed, and they can be read in any order.
type Tally [16]byte

// Add puts a row into the set, or another set beside it.
func (t *Tally) Add(mac []byte) { subtle.XORBytes(t[:], t[:], mac) }

// CommitPart is the commitment to one part under its salt.
func CommitPart(salt [32]byte, part []byte) Commitment {
	// Most parts are short: together they are hashed faster than in pieces.
	var short [512]byte
	b := append(short[:0], partDomain...)
	b = append(b, salt[:]...)
	return sha256.Sum256(append(b, part...))
}

// CommitRecord is the commitment to a record: to the list of its parts'.
func CommitRecord(parts []Commitment) Commitment {
	var few [128]byte
	b := append(few[:0], recordDomain...)
	for _, p := range parts {
		b = append(b, p[:]...)
	}
	return sha256.Sum256(b)
}

// Salts gives the salts of one pack's parts. It is not for concurrent use.
type Salts struct{ mac hash.Hash }

// Salts returns the salts of the pack whose data key is k.
func (k *Key) Salts() *Salts {
	secret := k.derive("waxseal salt v1")
	return &Salts{hmac.New(sha256.New, secret[:])}
}

// Salt is the salt of a part of the record-th record of the pack, both from 0.
func (s *Salts) Salt(record, part int) (salt [32]byte) {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(record))
	binary.BigEndian.PutUint32(b[8:], uint32(part))
	s.mac.Reset()
	s.mac.Write(b[:])
	s.mac.Sum(salt[:0])
	return salt
}

// Commit is the commitment to the record-th record of the pack.
func (s *Salts) Commit(record int, parts [][]byte) Commitment {
	var few [4]Commitment
	list := few[:0]
	for i, p := range parts {
		list = append(list, CommitPart(s.Salt(record, i), p))
	}
	return CommitRecord(list)
}

// zstd at its default level: 64 records of a chat go from 6 to 1.5 KiB in
// about 60 µs. Both are safe for concurrent use of EncodeAll and DecodeAll.
var (
	packer   = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxFrame)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return v
}

func frameContext(n int) string { return "waxseal frame v1 " + strconv.Itoa(n) }

// SealFrame closes records as the n-th frame of the pack under k; first is the
// place in the pack of the first of them, and identities the tally of theirs.
// The layout is in docs/format.md.
func (k *Key) SealFrame(n, first int, identities Tally, records [][][]byte) []byte {
	size := 16 + len(identities)
	for _, r := range records {
		for _, p := range r {
			size += len(p) + 4
		}
	}
	b := make([]byte, 0, size)
	b = append(b, 1)
	b = append(b, identities[:]...)
	b = binary.AppendUvarint(b, uint64(first))
	b = binary.AppendUvarint(b, uint64(len(records)))
	for _, r := range records {
		b = binary.AppendUvarint(b, uint64(len(r)))
		for _, p := range r {
			b = binary.AppendUvarint(b, uint64(len(p)))
		}
	}
	for _, r := range records {
		for _, p := range r {
			b = append(b, p...)
		}
	}
	return k.Seal(packer.EncodeAll(b, make([]byte, 0, len(b)/3+64)), frameContext(n))
}

// Frames of version 2 hold the salts of their parts: a pack that was written
// anew has another data key, and salts derived from it would be others. A
// record that was disposed of has no parts, so that the others keep their
// places. Of a part that is gone alone the commitment stands in the salt's
// place: the record's is made from it as before.

// SealRest closes what is left of the frame f as the n-th of the pack under k.
// derived gives the salts of the frame's old pack, where it was of version 1.
func (k *Key) SealRest(n int, f Frame, derived *Salts) []byte {
	b := []byte{2}
	b = append(b, f.Identities[:]...)
	b = binary.AppendUvarint(b, uint64(f.First))
	b = binary.AppendUvarint(b, uint64(len(f.Records)))
	for _, r := range f.Records {
		b = binary.AppendUvarint(b, uint64(len(r)))
		for _, p := range r {
			if p == nil {
				b = append(b, 0)
				continue
			}
			b = binary.AppendUvarint(b, uint64(len(p))+1)
		}
	}
	for i, r := range f.Records {
		for j, p := range r {
			salt := f.Salt(derived, i, j)
			if p == nil && f.salts == nil {
				panic("seal: a part is taken out with Frame.TakePart")
			}
			b = append(b, salt[:]...)
			b = append(b, p...)
		}
	}
	return k.Seal(packer.EncodeAll(b, make([]byte, 0, len(b)/2+64)), frameContext(n))
}

// TakePart takes the content of a part out of the frame, and leaves its
// commitment. derived gives the salts of the frame's pack.
func (f *Frame) TakePart(derived *Salts, slot, part int) {
	if f.salts == nil {
		f.salts = make([][][32]byte, len(f.Records))
		for i, r := range f.Records {
			for j := range r {
				f.salts[i] = append(f.salts[i], derived.Salt(f.First+i, j))
			}
		}
	}
	if p := f.Records[slot][part]; p != nil {
		f.salts[slot][part] = CommitPart(f.salts[slot][part], p)
		f.Records[slot][part] = nil
	}
}

// Salt is the salt of a part of the record in a slot, or the commitment of one
// that is gone (nil); derived are those of the frame's pack.
func (f Frame) Salt(derived *Salts, slot, part int) [32]byte {
	if f.salts != nil {
		return f.salts[slot][part]
	}
	return derived.Salt(f.First+slot, part)
}

// Commit is the commitment to the record in a slot.
func (f Frame) Commit(derived *Salts, slot int) Commitment {
	if f.salts == nil {
		return derived.Commit(f.First+slot, f.Records[slot])
	}
	var few [4]Commitment
	list := few[:0]
	for i, p := range f.Records[slot] {
		if p == nil {
			list = append(list, f.salts[slot][i])
			continue
		}
		list = append(list, CommitPart(f.salts[slot][i], p))
	}
	return CommitRecord(list)
}

// ErrFrame is returned for a frame that opened and does not read: not ours, or
// of a newer version.
var ErrFrame = errors.New("pack frame not understood")

// Frame is an open frame.
type Frame struct {
	First      int          // place in the pack of its first record
	Identities Tally        // of the identities of its records
	Records    [][][]byte   // a part that is gone is nil
	salts      [][][32]byte // of version 2
}

// Size is about how many bytes the records have.
func (f Frame) Size() (n int) {
	for _, r := range f.Records {
		for _, p := range r {
			n += len(p)
		}
	}
	return n
}

// OpenFrame is the inverse of SealFrame.
func (k *Key) OpenFrame(n int, sealed []byte) (Frame, error) {
	packed, err := k.Open(sealed, frameContext(n))
	if err != nil {
		return Frame{}, err
	}
	b, err := unpacker.DecodeAll(packed, nil)
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return parseFrame(b)
}

func parseFrame(b []byte) (Frame, error) {
	if len(b) == 0 || b[0] != 1 && b[0] != 2 {
		return Frame{}, fmt.Errorf("%w: version", ErrFrame)
	}
	salted := b[0] == 2
	c := cursor{b: b[1:]}
	var f Frame
	copy(f.Identities[:], c.take(len(f.Identities)))
	f.First = c.int()
	count := c.int()
	if count > len(b) {
		return Frame{}, fmt.Errorf("%w: count", ErrFrame)
	}
	lengths := make([][]int, count)
	for i := range lengths {
		parts := c.int()
		if parts > len(b) {
			return Frame{}, fmt.Errorf("%w: parts", ErrFrame)
		}
		lengths[i] = make([]int, parts)
		for j := range lengths[i] {
			lengths[i][j] = c.int()
		}
	}
	f.Records = make([][][]byte, count)
	if salted {
		f.salts = make([][][32]byte, count)
	}
	for i, ls := range lengths {
		f.Records[i] = make([][]byte, len(ls))
		if salted {
			f.salts[i] = make([][32]byte, len(ls))
		}
		for j, l := range ls {
			if salted {
				copy(f.salts[i][j][:], c.take(32))
				if l--; l < 0 {
					continue // gone
				}
			}
			f.Records[i][j] = c.take(l)
		}
	}
	if c.bad || len(c.b) != 0 {
		return Frame{}, fmt.Errorf("%w: lengths", ErrFrame)
	}
	return f, nil
}

// cursor reads a frame; after the first mistake it only says bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) int() int {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || v > maxFrame {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return int(v)
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	p := c.b[:n:n]
	c.b = c.b[n:]
	return p
}
