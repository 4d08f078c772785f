package vfs

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"lukechampine.com/adiantum"
	"lukechampine.com/adiantum/hbsh"
)

// block is what the encrypted file system enciphers at a time; the tweak is
// its offset.
const block = 4096

// Encrypt writes what r gives into a new file, as the Encrypted file system
// would have written it. It returns the bytes read; the file is padded with
// zeros to whole blocks.
func Encrypt(path string, key *[32]byte, r io.Reader) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	cipher := adiantum.New(key[:])
	buf := make([]byte, 64*block)
	for {
		got, err := io.ReadFull(r, buf)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return n, err
		}
		whole := (got + block - 1) / block * block
		clear(buf[got:whole])
		for at := 0; at < whole; at += block {
			encipher(cipher, buf[at:at+block], n+int64(at))
		}
		if _, err := f.Write(buf[:whole]); err != nil {
			return n, err
		}
		n += int64(got)
		if end {
			return n, nil
		}
	}
}

func encipher(c *hbsh.HBSH, b []byte, offset int64) {
	var tweak [8]byte
	binary.LittleEndian.PutUint64(tweak[:], uint64(offset))
	c.Encrypt(b, tweak[:])
}
