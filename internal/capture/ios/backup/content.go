package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

// decrypter deciphers AES-CBC under a zero IV, which is right where every key
// is used once. The last block is held back until the end is seen: it tells
// the padding.
type decrypter struct {
	src    io.Reader
	mode   cipher.BlockMode
	padded bool
	buf    []byte
	last   []byte // the block held back
	out    []byte // what can be given out
	err    error  // what comes after that
}

const chunk = 64 << 10

func newDecrypter(src io.Reader, key []byte, padded bool) (*decrypter, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &decrypter{
		src: src, mode: cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)), padded: padded,
		buf: make([]byte, aes.BlockSize+chunk), last: make([]byte, 0, aes.BlockSize),
	}, nil
}

func (d *decrypter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *decrypter) fill() {
	held := copy(d.buf, d.last)
	n, err := io.ReadFull(d.src, d.buf[held:held+chunk])
	whole := n - n%aes.BlockSize
	fresh := d.buf[held : held+whole]
	d.mode.CryptBlocks(fresh, fresh)
	d.out, d.last = d.buf[:held+whole], d.last[:0]
	switch {
	case err == nil && d.padded:
		end := len(d.out) - aes.BlockSize
		d.last = append(d.last, d.out[end:]...)
		d.out = d.out[:end]
	case err == nil:
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		d.err = err
	case n != whole:
		d.err = fmt.Errorf("%w: the file was cut", ErrDamaged)
	default:
		d.err = io.EOF
		if d.padded && len(d.out) > 0 {
			d.unpad()
		}
	}
}

// unpad takes the padding of PKCS #7 off. A wrong key shows here, mostly: that
// there is no padding is the only thing that the cipher could notice.
func (d *decrypter) unpad() {
	n := int(d.out[len(d.out)-1])
	if n == 0 || n > aes.BlockSize {
		d.err = errPadding
		return
	}
	for _, c := range d.out[len(d.out)-n:] {
		if int(c) != n {
			d.err = errPadding
			return
		}
	}
	d.out = d.out[:len(d.out)-n]
}

var errPadding = fmt.Errorf("%w: the file does not end as an encrypted one does", ErrDamaged)

// sized ends with an error where what it read is not as long as the backup
// lists it. Nothing is cut: what is there was given out before.
type sized struct {
	io.Reader
	io.Closer
	n, want int64
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.n += int64(n)
	if errors.Is(err, io.EOF) && s.n != s.want {
		err = fmt.Errorf("%w: it holds %d bytes where the backup lists %d", ErrDamaged, s.n, s.want)
	}
	return n, err
}
