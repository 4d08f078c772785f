package backup

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBinaryList(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	want := map[string]any{"yes": true, "no": false, "n": int64(-5), "f": 1.5, "t": at, "b": []byte{1, 2}, "s": "plain", "u": "zażółć", "id": uid(513), "long": strings.Repeat("x", 70000)}
	d, err := parsePlist(binaryOf(map[string]any{"d": want, "a": []any{"x", int64(7)}}))
	check(t, err)
	inner := value[dict](d, "d")
	for k, v := range want {
		if d := cmp.Diff(v, inner.get(k)); d != "" {
			t.Errorf("%s: %s", k, d)
		}
	}
	a := value[array](d, "a")
	if a.at(0) != "x" || a.at(1) != int64(7) || a.at(2) != nil || a.at(1<<63) != nil {
		t.Error("an array's elements")
	}
	if inner.get("none") != nil || value[int64](inner, "s") != 0 || value[int64](nil, "s") != 0 {
		t.Error("what is not there")
	}
}

func TestSmallNumbers(t *testing.T) {
	for _, test := range []struct {
		object string
		want   any
	}{
		{"\x10\xff", int64(255)},
		{"\x11\xff\xfe", int64(65534)},
		{"\x12\xff\xff\xff\xfe", int64(1<<32 - 2)},
		{"\x13\xff\xff\xff\xff\xff\xff\xff\xff", int64(-1)},
		{"\x14" + strings.Repeat("\x00", 15) + "\x09", int64(9)},
		{"\x15\x00", nil},
		{"\x13\x00", nil},
		{"\x22\x3f\xc0\x00\x00", 1.5},
		{"\x33\x7f\xf8\x00\x00\x00\x00\x00\x00", nil}, // a time that is no number
		{"\x33\x7f\xef\xff\xff\xff\xff\xff\xff", nil},
		{"\x8f\x00", nil},
		{"\x6f\x13\x7f\xff\xff\xff\xff\xff\xff\xffxx", nil}, // a length beyond all
	} {
		w := &listWriter{objects: [][]byte{[]byte("\xd1\x00\x01\x00\x02"), []byte("\x51k"), []byte(test.object)}}
		d, err := parsePlist(w.finish())
		check(t, err)
		if got := d.get("k"); got != test.want {
			t.Errorf("%x: %v, want %v", test.object, got, test.want)
		}
	}
}

// A list whose arrays hold each other, a thousand times over or in a circle, is
// read like any other.
func TestFoldedList(t *testing.T) {
	w := &listWriter{objects: [][]byte{[]byte("\xd1\x00\x01\x00\x02"), []byte("\x51k")}}
	for i := range 60 {
		next := uint16(i + 3)
		if i == 59 {
			next = 2
		}
		o := listHead(0xa0, 10)
		for range 10 {
			o = binary.BigEndian.AppendUint16(o, next)
		}
		w.objects = append(w.objects, o)
	}
	d, err := parsePlist(w.finish())
	check(t, err)
	v := d.get("k")
	for range 1000 {
		v = v.(array).at(9)
	}
}

func TestListsRefused(t *testing.T) {
	for _, s := range []string{
		"", "x", "bplist00", "<", "<plist>", "<plist></plist>", "<string>a</string>", "<dict><key>a</key><string>b", "<dict><string><b/></string></dict>",
		strings.Repeat("<dict><key>a</key>", maxDepth+2) + "<true/>" + strings.Repeat("</dict>", maxDepth+2),
		strings.Repeat("<array>", 1_000_000),
	} {
		if _, err := parsePlist([]byte(s)); err == nil {
			t.Errorf("%.40q was read", s)
		}
	}
}

func FuzzPlist(f *testing.F) {
	f.Add(binaryOf(map[string]any{"IsEncrypted": true, "BackupKeyBag": []byte{1}, "Date": time.Unix(0, 0)}))
	f.Add([]byte("<plist><dict><key>a</key><array><data>QQ==</data><date>2026-01-01T00:00:00Z</date></array></dict></plist>"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		d, err := parsePlist(b)
		if err != nil {
			return
		}
		_ = infoOf(d, d, d)
		_ = fmt.Sprint(value[array](d, "$objects"), d.get("a"))
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(mbfile(5, nil))
	f.Add(mbfile(5, make([]byte, 44)))
	f.Add([]byte("<dict><key>$top</key><dict/></dict>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file File
		if err := file.read(b); err == nil && file.Size < 0 {
			t.Error("a size below nothing")
		}
	})
}
