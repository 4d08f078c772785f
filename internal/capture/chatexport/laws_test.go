package chatexport

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
)

// exportText draws an export: any layout, bodies with everything in them, and
// lines that are none.
func exportText(t *rapid.T) (lines []string) {
	ios := rapid.Bool().Draw(t, "ios")
	eol := "\n"
	if ios {
		eol = rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "line end")
	}
	body := rapid.OneOf(
		rapid.SampledFrom([]string{"ok", "", "null", "a\nb\n\nc", "<Media omitted>", "\u200eimage omitted", "IMG-20240513-WA0001.jpg (file attached)", "hi: there", "[13/05/2024, 09:00:05] Bob: spoof", "13/05/2024, 09:00 - Bob: spoof", "\u200e<attached: 00000001-a.pdf>", "x \u202e y", "\x00\xff\xfe", "a\u2028b\u0085c", "👩🏻‍⚖️"}),
		rapid.StringN(0, 30, 60),
	)
	// A body that ends in CR makes a bare LF a CRLF: no phone writes one, and
	// where the file ends behind it nothing tells the two kinds apart.
	body = rapid.Map(body, func(s string) string { return strings.TrimRight(s, "\r") })
	author := rapid.SampledFrom([]string{"Ana", "Bob", "ACME: Support", "Jean-Luc - Paris", "~\u202fPriya", "أحمد", "\u202a+44\u00a07700\u00a0900123\u202c"})
	if rapid.Bool().Draw(t, "orphan") {
		lines = append(lines, "no header here"+eol)
	}
	minute := 0
	for range rapid.IntRange(1, 40).Draw(t, "records") {
		minute += rapid.IntRange(-70, 400).Draw(t, "step")
		at := max(minute, 0)
		day, h, m := at/1440%28+1, at/60%24, at%60
		if ios {
			lines = append(lines, fmt.Sprintf("[%02d/05/2024, %02d:%02d:%02d] %s: %s%s", day, h, m, at%60, author.Draw(t, "author"), body.Draw(t, "body"), eol))
		} else {
			lines = append(lines, fmt.Sprintf("%02d/05/2024, %02d:%02d - %s: %s%s", day, h, m, author.Draw(t, "author"), body.Draw(t, "body"), eol))
		}
	}
	if textual([]byte(strings.Join(lines, ""))) != nil {
		t.Skip("more control characters than words")
	}
	return lines
}

func writeRapid(t *rapid.T, dir, text string) string {
	p := filepath.Join(dir, "WhatsApp Chat with X.txt")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryByteIsInSomeRecord: the records of a capture, in order, are the
// file.
func TestEveryByteIsInSomeRecord(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(exportText(rt), "")
		m := newMemory()
		importPath(t, m, writeRapid(rt, dir, text), capture.Options{})
		if got := string(m.raw(t)); got != text {
			rt.Fatalf("records hold\n%q\nof\n%q", got, text)
		}
	})
}

// TestImportTwiceAddsNothing, and a prefix and then the whole is the whole.
func TestImportTwiceAddsNothing(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		lines := exportText(rt)
		text := strings.Join(lines, "")
		once := newMemory()
		sum := importPath(t, once, writeRapid(rt, dir, text), capture.Options{})[0]
		n := len(once.messages(t))
		again := importPath(t, once, writeRapid(rt, dir, text), capture.Options{})[0]
		if len(once.messages(t)) != n || again.AlreadyArchived != sum.Records+sum.Unparsed {
			rt.Fatalf("%d messages after %d; %d were known, want %d", len(once.messages(t)), n, again.AlreadyArchived, sum.Records+sum.Unparsed)
		}
		if got := string(once.raw(t)); got != text {
			rt.Fatalf("the second capture is not the file:\n%q\n%q", got, text)
		}
	})
}

func TestPrefixAndThenTheWholeIsTheWhole(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		lines := exportText(rt)
		cut := rapid.IntRange(1, len(lines)).Draw(rt, "cut")
		prefix := strings.Join(lines[:cut], "")
		if textual([]byte(prefix)) != nil {
			return // no export yet
		}
		parts := newMemory()
		importPath(t, parts, writeRapid(rt, dir, prefix), capture.Options{})
		whole := newMemory()
		path := writeRapid(rt, dir, strings.Join(lines, ""))
		importPath(t, whole, path, capture.Options{})
		importPath(t, parts, path, capture.Options{})
		a, b := printed(parts.messages(t)), printed(whole.messages(t))
		if !slices.Equal(a, b) {
			rt.Fatalf("in parts:\n%q\nat once:\n%q", a, b)
		}
	})
}

func printed(msgs []chat.Message) (all []string) {
	for _, m := range msgs {
		all = append(all, m.SentLocal+" "+m.AsPrinted)
	}
	return all
}

func TestTwoIdenticalMessagesInOneMinuteStayTwo(t *testing.T) {
	text := "13/05/2024, 09:00 - Ana: ok\n13/05/2024, 09:00 - Ana: ok\n14/05/2024, 09:00 - Ana: x\n13/05/2024, 09:00 - Ana: ok\n"
	m := newMemory()
	for range 2 {
		importPath(t, m, write(t, "c.txt", text), capture.Options{Chat: "c"})
		if n := len(m.messages(t)); n != 4 {
			t.Fatalf("%d messages, want 4", n)
		}
	}
}

// TestAnotherWritingIsTheSameItem: a byte order mark and a lost last line end
// change no item.
func TestAnotherWritingIsTheSameItem(t *testing.T) {
	text := "13/05/2024, 09:00 - Ana: a\n13/05/2024, 09:01 - Bob: b\n"
	m := newMemory()
	for i, again := range []string{text, "\ufeff" + text, strings.TrimSuffix(text, "\n"), strings.ReplaceAll(text, "\n", "\r\n")} {
		sum := importPath(t, m, write(t, "c.txt", again), capture.Options{Chat: "c"})[0]
		if want := int64(min(i, 1) * 2); sum.AlreadyArchived != want {
			t.Errorf("%d: %d were known, want %d", i, sum.AlreadyArchived, want)
		}
	}
}

func TestFileThatCameLaterIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "WhatsApp Chat with Ana.txt")
	if err := os.WriteFile(text, []byte("13/05/2024, 09:00 - Ana: IMG-20240513-WA0001.jpg (file attached)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	if sum := importPath(t, m, dir, capture.Options{})[0]; sum.AttachmentsMissing != 1 {
		t.Fatal(dump(sum))
	}
	if err := os.WriteFile(filepath.Join(dir, "IMG-20240513-WA0001.jpg"), []byte("photo"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := importPath(t, m, dir, capture.Options{})[0]
	if sum.AttachmentsMissing != 0 || sum.AlreadyArchived != 0 || len(m.blobs) != 2 {
		t.Fatal(dump(sum), len(m.blobs))
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{"13/05/2024, 09:00 - Ana: a", "[3/18/R4, 14:56:01] x", "[١٨/٣/٢٠٢٢، ٢:٥٦:٠٠ م] a", "2024年1月15日 15:04 - a", "20/6/2017 8:28 p.\u00a0m. - x", "[14:56:01, 3/18/22] A: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := parseHeader(b)
		if !ok {
			return
		}
		if h.rest <= 0 || h.rest > len(b) {
			t.Fatalf("rest = %d of %d", h.rest, len(b))
		}
		for _, o := range []order{dmy, mdy, ymd} {
			if c, ok := h.civil(o); ok {
				c.appendLocal(nil, true)
			}
		}
		var m dateMemo
		for range 2 {
			if again, ok := m.header(b); !ok || again != h {
				t.Fatalf("%+v when read after itself, want %+v", again, h)
			}
		}
	})
}

// TestDatesThatAreRemembered: a header reads the same whatever was read before.
func TestDatesThatAreRemembered(t *testing.T) {
	lines := []string{
		"13/05/2024, 09:00 - Ana: a", "13/05/2024, 9:01 PM - Ana: b", "13/05/2024, 25:00 - no", "13/05/2024,  09:02 - Ana: c", "13/05/2024, - no",
		"\u200e[13/05/2024, 09:00:05] Ana: d", "[13/05/2024, 09:00:06] Ana: e", "[2024. 1. 15. 오후 3:04:05] Ana: f", "[2024. 1. 15. 오전 3:04:06] Ana: g",
		"13/05/2024, 09:00:01: Ana: h", "40/40/2024, 09:00 - no", "13/05/2024 lunch 09:00 - Ana: i", "13:05, 12 Oct 2022 - Ana: j", "text",
	}
	rapid.Check(t, func(rt *rapid.T) {
		var m dateMemo
		for range 30 {
			line := []byte(rapid.SampledFrom(lines).Draw(rt, "line"))
			want, ok := parseHeader(line)
			if got, gotOK := m.header(line); gotOK != ok || ok && got != want {
				rt.Fatalf("%q: %+v, %t; want %+v, %t", line, got, gotOK, want, ok)
			}
		}
	})
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"POLL:\nq\nOPTION: a (1 vote)", "\u200e<attached: 00000001-a.pdf>", "x (file attached)\ny", "EVENT: a\nEvent Start time: 1", "Location: https://maps.google.com/?q=1,2"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(_ *testing.T, s string, ios bool) {
		classify(s, ios)
		notice(s, "Ana")
		mentions(s)
		person(s)
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("13/05/2024, 09:00 - Ana: a\n"))
	f.Add([]byte("\xff\xfe1\x003\x00/\x000\x005\x00/\x002\x000\x002\x004\x00,\x00 \x000\x009\x00:\x000\x000\x00 \x00-\x00 \x00A\x00:\x00 \x00a\x00\n\x00"))
	f.Add([]byte("[13/05/2024, 09:00:05] Ana: fwd:\n[12/05/2024, 18:00:00] Bob: x\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newMemory()
		_, err := tryImport(t, m, write(t, "c.txt", string(b)), capture.Options{})
		if err != nil {
			return
		}
		m.messages(t)
		if string(m.raw(t)) != string(b) {
			t.Fatalf("records hold %q of %q", m.raw(t), b)
		}
	})
}
