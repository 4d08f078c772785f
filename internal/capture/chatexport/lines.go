package chatexport

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how the text of an export is written down.
type encoding uint8

const (
	utf8Text encoding = iota
	utf16le
	utf16be
)

func (e encoding) String() string { return [...]string{"utf-8", "utf-16le", "utf-16be"}[e] }

func parseEncoding(s string) encoding {
	switch s {
	case "utf-16le":
		return utf16le
	case "utf-16be":
		return utf16be
	}
	return utf8Text
}

// sniff tells the encoding by the first bytes: a byte order mark, or zeros in
// every second place.
func sniff(b []byte) encoding {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return utf16le
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return utf16be
	case len(b) >= 4 && b[1] == 0 && b[3] == 0 && b[0] != 0:
		return utf16le
	case len(b) >= 4 && b[0] == 0 && b[2] == 0 && b[1] != 0:
		return utf16be
	}
	return utf8Text
}

// text decodes raw bytes for reading; raw bytes are what is kept. UTF-8 is
// given as it is, with its bad bytes.
func (e encoding) text(raw []byte) []byte {
	if e == utf8Text {
		return raw
	}
	unit := func(i int) rune {
		if i+1 >= len(raw) {
			return utf8.RuneError
		}
		if e == utf16be {
			return rune(raw[i])<<8 | rune(raw[i+1])
		}
		return rune(raw[i+1])<<8 | rune(raw[i])
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i+1 < len(raw); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			if r = utf16.DecodeRune(r, unit(i+2)); r != utf8.RuneError {
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// onlyCR reports whether the lines of a text end in CR alone, by its first bytes:
// old programs for the Macintosh saved text like that.
func onlyCR(enc encoding, head []byte) bool {
	text := enc.text(head)
	return bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0
}

// maxRecord bounds one record in memory. A stretch without a header that is
// longer is cut here and kept in pieces.
const maxRecord = 64 << 20

const readSize = 1 << 20

// lineReader gives the lines of a text, line ends included, and keeps the bytes
// from a place that its user holds on to.
type lineReader struct {
	r    io.Reader
	enc  encoding
	eol  byte
	buf  []byte
	hold int // start of what the user still needs
	at   int // start of the line to come
	seen int // how far the line to come was searched for its end
	base int64
	err  error
}

func newLineReader(r io.Reader, enc encoding, cr bool) *lineReader {
	eol := byte('\n')
	if cr {
		eol = '\r'
	}
	return &lineReader{r: r, enc: enc, eol: eol, buf: make([]byte, 0, readSize+readSize/4)}
}

// next returns where the next line starts and ends in buf. It is valid until
// the next call, which may move buf: places are relative to hold.
func (l *lineReader) next() (start, end int, err error) {
	for {
		if i := l.newline(); i >= 0 {
			start, end = l.at, i
			l.at, l.seen = i, i
			return start, end, nil
		}
		if l.err != nil {
			if l.at < len(l.buf) {
				start, end = l.at, len(l.buf)
				l.at, l.seen = end, end
				return start, end, nil
			}
			return 0, 0, l.err
		}
		if len(l.buf)-l.hold >= maxRecord {
			start, end = l.at, len(l.buf)&^1
			l.at, l.seen = end, end
			return start, end, nil
		}
		l.fill()
	}
}

// newline finds the end of the line to come.
func (l *lineReader) newline() int {
	if l.enc == utf8Text {
		if i := bytes.IndexByte(l.buf[l.seen:], l.eol); i >= 0 {
			return l.seen + i + 1
		}
		l.seen = len(l.buf)
		return -1
	}
	lo, hi := l.eol, byte(0)
	if l.enc == utf16be {
		lo, hi = hi, lo
	}
	for i := l.seen; i+1 < len(l.buf); i += 2 {
		if l.buf[i] == lo && l.buf[i+1] == hi {
			return i + 2
		}
		l.seen = i + 2
	}
	return -1
}

// fill reads more, moving what is held to the front.
func (l *lineReader) fill() {
	if l.hold > 0 {
		n := copy(l.buf, l.buf[l.hold:])
		l.buf = l.buf[:n]
		l.at -= l.hold
		l.seen -= l.hold
		l.base += int64(l.hold)
		l.hold = 0
	}
	if cap(l.buf)-len(l.buf) < readSize/4 {
		bigger := make([]byte, len(l.buf), 2*cap(l.buf))
		copy(bigger, l.buf)
		l.buf = bigger
	}
	n, err := l.r.Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	switch {
	case errors.Is(err, io.EOF):
		l.err = io.EOF
	case err != nil:
		l.err = err
	}
}

// stretch is a part of a text: a record with its header, or lines before the
// first one.
type stretch struct {
	raw    []byte // valid until the next call
	offset int64
	head   header
	isHead bool
	huge   bool // cut for its length
}

// splitter cuts a text into stretches.
type splitter struct {
	l       *lineReader
	layout  layout
	crlf    bool // only a header after CRLF begins a record
	words   bool // headers may have unknown words
	dates   dateMemo
	started bool
	cur     stretch
	after   bool
	done    bool
}

func newSplitter(text io.Reader, r *reading) *splitter {
	return &splitter{l: newLineReader(text, parseEncoding(r.Encoding), r.CR), layout: layoutOf(r.Layout), crlf: r.CRLF, words: r.Words, after: true}
}

// next returns the next stretch, or io.EOF.
func (s *splitter) next() (stretch, error) {
	if s.done {
		return stretch{}, io.EOF
	}
	for {
		start, end, err := s.l.next()
		if err != nil {
			return s.last(err)
		}
		line := s.l.buf[start:end]
		h, ok := s.header(line)
		s.after = endsCRLF(line, s.l.enc)
		huge := start-s.l.hold >= maxRecord
		if !ok && !huge {
			if !s.started {
				s.begin(start, header{}, false)
			}
			continue
		}
		if !s.started {
			s.begin(start, h, ok)
			continue
		}
		out := s.cur
		out.raw = s.l.buf[s.l.hold:start]
		out.huge = huge && !ok
		s.begin(start, h, ok)
		return out, nil
	}
}

// begin starts a stretch at a place in the buffer. What was before it may go,
// but only when the reader is asked for more: the last stretch is still read.
func (s *splitter) begin(start int, h header, isHead bool) {
	s.started = true
	s.cur = stretch{offset: s.l.base + int64(start), head: h, isHead: isHead}
	s.l.hold = start
}

func (s *splitter) last(err error) (stretch, error) {
	s.done = true
	if !errors.Is(err, io.EOF) {
		return stretch{}, err
	}
	if !s.started {
		return stretch{}, io.EOF
	}
	out := s.cur
	out.raw = s.l.buf[s.l.hold:]
	return out, nil
}

func (s *splitter) header(line []byte) (header, bool) {
	if s.crlf && !s.after {
		return header{}, false
	}
	h, ok := s.dates.header(s.l.enc.text(headOf(line, s.l.enc)))
	if !ok || s.layout != noLayout && h.shape.Layout != s.layout || h.odd && !s.words {
		return header{}, false
	}
	return h, true
}

// headOf is as much of a line as a header can take.
func headOf(line []byte, enc encoding) []byte {
	if enc == utf8Text {
		return line
	}
	return line[:min(len(line), 2*maxStamp)]
}
