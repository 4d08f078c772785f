package web

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/waxseal/waxseal/internal/chat"
)

// encoded makes a picture of 60 by 20.
func encoded(t testing.TB, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewRGBA(image.Rect(0, 0, 60, 20))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }
func asGIF(w io.Writer, m image.Image) error  { return gif.Encode(w, m, nil) }

// turn puts Exif's "shown on its side" before a JPEG's own segments.
func turn(b []byte) []byte {
	exif := "\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	return []byte("\xff\xd8" + exif + string(b[2:]))
}

func TestExtent(t *testing.T) {
	webp := "RIFF\x00\x00\x00\x00WEBP"
	plain := encoded(t, asJPEG)
	for name, tc := range map[string]struct {
		file []byte
		want extent
	}{
		"png":               {encoded(t, png.Encode), extent{60, 20}},
		"gif":               {encoded(t, asGIF), extent{60, 20}},
		"jpeg":              {plain, extent{60, 20}},
		"jpeg on its side":  {turn(plain), extent{20, 60}},
		"webp":              {[]byte(webp + "VP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x3c\x40\x14\x00"), extent{60, 20}},
		"webp, no loss":     {[]byte(webp + "VP8L\x00\x00\x00\x00\x2f\x3b\xc0\x04\x00"), extent{60, 20}},
		"webp, extended":    {[]byte(webp + "VP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x3b\x00\x00\x13\x00\x00"), extent{60, 20}},
		"film":              {video, extent{320, 240}},
		"sound":             {voice, extent{}},
		"nothing":           {nil, extent{}},
		"cut short":         {plain[:12], extent{}},
		"webp, cut short":   {[]byte(webp + "VP8 "), extent{}},
		"film without film": {[]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x00moov"), extent{}},
	} {
		if got := extentOf(bytes.NewReader(tc.file)); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// FuzzExtent: a stranger's file costs no more than its head, whatever it says.
func FuzzExtent(f *testing.F) {
	f.Add(turn(encoded(f, asJPEG)))
	f.Add(video)
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := extentOf(bytes.NewReader(b)); e.W < 0 || e.H < 0 || e.W > 1<<16 || e.H > 1<<16 {
			t.Errorf("%v", e)
		}
	})
}

func TestWithin(t *testing.T) {
	for in, want := range map[extent]extent{
		{640, 480}: {320, 240}, {100, 50}: {100, 50}, {1080, 2400}: {189, 420}, {60000, 1}: {320, 1}, {0, 7}: {},
	} {
		if got := in.within(320, 420); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}

// TestPicturesKeepTheirShape looks that the place of a picture is as large
// before it came as when it is there, and that none of it is cut off.
func TestPicturesKeepTheirShape(t *testing.T) {
	b := newBrowser(t)
	lying := encoded(t, asJPEG)
	for name, file := range map[string][]byte{"wide.jpg": lying, "tall.jpg": turn(lying)} {
		b.web.files[sum(file)] = file
		m := with(in("Ana Lima", ""), attached(chat.Image, name, file))
		m.ID = strings.TrimSuffix(name, ".jpg")
		m.Chat = chat.Chat{ID: "acme"}
		b.web.index.said["acme"] = append(b.web.index.said["acme"], m)
	}
	shape := func(id string) []float64 {
		return eval[[]float64](b, `(() => { const i = document.querySelector("#m`+id+` img"), r = i.getBoundingClientRect(); return [r.width, r.height] })()`)
	}
	b.open("/chats/acme?start=1")
	before := map[string][]float64{}
	for _, id := range []string{"wide", "tall"} {
		before[id] = shape(id)
	}
	for id, want := range map[string][2]float64{"wide": {60, 20}, "tall": {20, 60}} {
		b.run(chromedp.ScrollIntoView(chromedp.CSS("#m" + id + " img")))
		b.until("the picture "+id, `document.querySelector("#m`+id+` img").naturalWidth > 0`)
		after := shape(id)
		if after[0] != want[0] || after[1] != want[1] || before[id][0] != want[0] || before[id][1] != want[1] {
			t.Errorf("%s: %v before, %v when it came, want %v", id, before[id], after, want)
		}
	}
}
