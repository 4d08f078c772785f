package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"sync"
)

// extent is the width and height, in pixels, that a picture or a video is
// shown at. The zero value: not known.
type extent struct{ W, H int }

// within scales e down to a box, and never up.
func (e extent) within(w, h int) extent {
	if e.W <= 0 || e.H <= 0 {
		return extent{}
	}
	if e.W > w {
		e = extent{w, max(1, e.H*w/e.W)}
	}
	if e.H > h {
		e = extent{max(1, e.W*h/e.H), h}
	}
	return e
}

// mostExtents is how many files' extents are remembered, a few bytes each.
const mostExtents = 50_000

// extents remembers what was measured. A file's hash names its content, so
// that nothing here ever becomes untrue.
type extents struct {
	mu sync.Mutex
	of map[string]extent
}

// measure says how large a stored file is shown, so that a page keeps the
// place free before the browser has it. Not known is an answer: what cannot be
// read here is said when the file itself is asked for.
func (s *Server) measure(ctx context.Context, sum string) extent {
	s.extents.mu.Lock()
	e, ok := s.extents.of[sum]
	s.extents.mu.Unlock()
	if ok {
		return e
	}
	content, _, err := s.blobs.OpenBlob(ctx, sum)
	if err != nil {
		return extent{}
	}
	e = extentOf(content)
	_ = content.Close() // only read from
	s.extents.mu.Lock()
	defer s.extents.mu.Unlock()
	if s.extents.of == nil || len(s.extents.of) >= mostExtents {
		s.extents.of = map[string]extent{}
	}
	s.extents.of[sum] = e
	return e
}

// extentOf reads an extent from the head of a file, by its content.
func extentOf(r io.ReadSeeker) extent {
	var head [32]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && n == 0 {
		return extent{}
	}
	b := head[:] // zeros follow a short file: its extent is zero
	le, be := binary.LittleEndian, binary.BigEndian
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return newExtent(be.Uint32(b[16:]), be.Uint32(b[20:]))
	case bytes.HasPrefix(b, []byte("GIF8")):
		return newExtent(uint32(le.Uint16(b[6:])), uint32(le.Uint16(b[8:])))
	case bytes.HasPrefix(b, []byte("RIFF")) && string(b[8:12]) == "WEBP":
		return webpExtent(b)
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return jpegExtent(r)
	case string(b[4:8]) == "ftyp":
		return movieExtent(r)
	}
	return extent{}
}

// newExtent refuses what no telephone makes: a stranger wrote these numbers.
func newExtent(w, h uint32) extent {
	if w == 0 || h == 0 || w > 1<<16 || h > 1<<16 {
		return extent{}
	}
	return extent{int(w), int(h)}
}

func webpExtent(b []byte) extent {
	le := binary.LittleEndian
	switch string(b[12:16]) {
	case "VP8 ":
		return newExtent(uint32(le.Uint16(b[26:])&0x3fff), uint32(le.Uint16(b[28:])&0x3fff))
	case "VP8L":
		v := le.Uint32(b[21:])
		return newExtent(v&0x3fff+1, v>>14&0x3fff+1)
	case "VP8X":
		return newExtent(le.Uint32(b[24:])&0xffffff+1, le.Uint32(b[26:])>>8+1)
	}
	return extent{}
}

// mostParts is how many segments or boxes of one file are looked at.
const mostParts = 256

// jpegExtent walks the segments up to the frame's. Exif may say before it that
// the picture is shown lying on its side.
func jpegExtent(r io.ReadSeeker) extent {
	at, turned := int64(2), false
	for range mostParts {
		var b [9]byte
		if !readAt(r, at, b[:]) || b[0] != 0xff {
			return extent{}
		}
		n := int64(binary.BigEndian.Uint16(b[2:]))
		switch k := b[1]; {
		case k == 0xff: // fill
			at++
			continue
		case k >= 0xc0 && k <= 0xcf && k != 0xc4 && k != 0xc8 && k != 0xcc:
			h, w := uint32(binary.BigEndian.Uint16(b[5:])), uint32(binary.BigEndian.Uint16(b[7:]))
			if turned {
				w, h = h, w
			}
			return newExtent(w, h)
		case k == 0xe1 && string(b[4:8]) == "Exif":
			tiff := make([]byte, min(max(n-8, 0), 4096))
			turned = readAt(r, at+10, tiff) && turnedBy(tiff)
		case k == 0xd9 || k == 0xda: // the end, or the picture itself
			return extent{}
		}
		at += 2 + n
	}
	return extent{}
}

// turnedBy reads Exif's orientation: 5 to 8 exchange width and height.
func turnedBy(tiff []byte) bool {
	if len(tiff) < 8 {
		return false
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > len(tiff) {
		return false
	}
	for range order.Uint16(tiff[at:]) {
		if at+14 > len(tiff) {
			return false
		}
		if order.Uint16(tiff[at+2:]) == 0x0112 {
			o := order.Uint16(tiff[at+10:])
			return o >= 5 && o <= 8
		}
		at += 12
	}
	return false
}

// movieExtent looks for the first track of an ISO film that is seen: moov,
// trak, tkhd. The boxes before it, the film itself among them, are skipped.
func movieExtent(r io.ReadSeeker) extent {
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return extent{}
	}
	at := int64(0)
	for range mostParts {
		var b [16]byte
		if !readAt(r, at, b[:]) {
			return extent{}
		}
		n, head := int64(binary.BigEndian.Uint32(b[:])), int64(8)
		if n == 1 {
			n, head = int64(binary.BigEndian.Uint64(b[8:])&(1<<62-1)), 16
		}
		switch string(b[4:8]) {
		case "moov", "trak":
			at += head
			continue
		case "tkhd":
			if e := trackExtent(r, at+head); e.W > 0 {
				return e
			}
		}
		if n < head || n > end-at { // 0: to the end of the file
			return extent{}
		}
		at += n
	}
	return extent{}
}

// trackExtent reads a track's header. Its matrix turns what telephones film
// upright and store lying.
func trackExtent(r io.ReadSeeker, at int64) extent {
	var b [96]byte
	if !readAt(r, at, b[:84]) {
		return extent{}
	}
	v := b[40:]
	if b[0] == 1 { // times of 64 bits
		if !readAt(r, at, b[:]) {
			return extent{}
		}
		v = b[52:]
	}
	be := binary.BigEndian
	w, h := be.Uint32(v[36:])>>16, be.Uint32(v[40:])>>16
	if be.Uint32(v) == 0 && be.Uint32(v[4:]) != 0 {
		w, h = h, w
	}
	return newExtent(w, h)
}

func readAt(r io.ReadSeeker, at int64, b []byte) bool {
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return false
	}
	_, err := io.ReadFull(r, b)
	return err == nil
}
