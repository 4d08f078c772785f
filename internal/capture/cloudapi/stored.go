package cloudapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// stored is something that a file of stored bodies holds.
type stored struct {
	raw    []byte // a delivery's body, or {"request":…,"response":…}
	send   *SendHead
	header map[string]string
	at     time.Time // of a delivery; zero: the file does not say
	offset int64     // in the file; of a body in an archive of traffic, not known
}

// Bounds of files: what is longer is kept in stretches, unread.
const (
	maxValue   = 64 << 20
	maxStretch = 1 << 20
)

// stretches hands out what a file holds: the values of a list, or one after
// the other, or one a line; the requests of an archive of traffic. It returns
// how many there were that are of no matter here.
func stretches(f io.Reader, take func(stored) error) (others int64, err error) {
	br := bufio.NewReaderSize(f, sniffSize)
	at := int64(0)
	if head, _ := br.Peek(len(bom)); bytes.Equal(head, bom) { // what is wrong with it, reading tells
		at += int64(len(bom))
		if _, err := br.Discard(len(bom)); err != nil {
			return 0, err
		}
	}
	head, err := br.Peek(sniffSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if isHAR(head) {
		return traffic(br, take)
	}
	first, err := line(br)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if body := bytes.TrimSpace(first); len(body) > 0 && body[0] == '{' && json.Valid(body) {
		return 0, lines(br, first, at, take)
	}
	return 0, stream(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(first), br), sniffSize), at, take)
}

// line reads to the end of a line, or as much of it as a value may have.
func line(br *bufio.Reader) (out []byte, err error) {
	for len(out) < maxValue {
		part, err := br.ReadSlice('\n')
		out = append(out, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return out, err
		}
	}
	return out, nil
}

func lines(br *bufio.Reader, first []byte, at int64, take func(stored) error) error {
	for text, last := first, false; ; {
		if body := bytes.TrimSpace(text); len(body) > 0 {
			if err := take(stored{raw: body, offset: at + int64(bytes.Index(text, body[:1]))}); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		at += int64(len(text))
		next, err := line(br)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text, last = next, err != nil
	}
}

// meter stops a decoder at a value that is too long.
type meter struct {
	r    io.Reader
	left int
	err  error // of the file
}

// errShort is returned for a file that ends between two values.
var errShort = errors.New("the file ends before its list does")

var errLong = errors.New("the value is too long")

func (m *meter) Read(b []byte) (int, error) {
	if m.left <= 0 {
		return 0, errLong
	}
	n, err := m.r.Read(b)
	if m.left -= n; err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// stream hands out the values of a list, or one after the other. From where it
// is no JSON, the rest is unread.
func stream(r *bufio.Reader, at int64, take func(stored) error) error {
	m := &meter{r: r, left: maxValue}
	d := json.NewDecoder(m)
	list := false
	if head, err := r.Peek(1); err == nil && head[0] == '[' {
		list = true
		if _, err := d.Token(); err != nil {
			return rest(d, m, at, take)
		}
	}
	for {
		if !d.More() { // the end of the list, or of the file, or what is wrong
			t, err := d.Token()
			switch {
			case errors.Is(err, io.EOF) && list:
				return errShort
			case errors.Is(err, io.EOF) && m.err == nil:
				return nil
			case err != nil || t != json.Delim(']'):
				return rest(d, m, at, take)
			}
			list = false
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return rest(d, m, at, take)
		}
		m.left = maxValue
		if err := take(stored{raw: raw, offset: at + d.InputOffset() - int64(len(raw))}); err != nil {
			return err
		}
	}
}

// rest hands out what a decoder could not read, in stretches.
func rest(d *json.Decoder, m *meter, at int64, take func(stored) error) error {
	if m.err != nil {
		return m.err
	}
	at += d.InputOffset()
	in := io.MultiReader(d.Buffered(), m.r)
	for {
		b := make([]byte, maxStretch)
		n, err := io.ReadFull(in, b)
		if body := bytes.TrimSpace(b[:n]); len(body) > 0 {
			if err := take(stored{raw: body, offset: at + int64(bytes.Index(b, body[:1]))}); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}
