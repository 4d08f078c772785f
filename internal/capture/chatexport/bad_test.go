package chatexport

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// zipOf writes a zip of names and contents, in order.
func zipOf(t testing.TB, name string, files ...[2]string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		m, err := w.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

const small = "[13/05/2024, 09:00:00] Ana: a\r\n"

func TestRefused(t *testing.T) {
	encrypted := zipOf(t, "e.zip", [2]string{"_chat.txt", small})
	b, err := os.ReadFile(encrypted)
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []string{"PK\x03\x04", "PK\x01\x02"} { // the flag stands at 6 and at 8
		i := bytes.Index(b, []byte(sig))
		b[i+map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[sig]] |= 1
	}
	if err := os.WriteFile(encrypted, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.zip")
	if err := os.WriteFile(cut, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path string
		want error
	}{
		"empty":              {write(t, "a.txt", ""), capture.ErrNotMine},
		"blank":              {write(t, "a.txt", " \n\n"), capture.ErrNotMine},
		"prose":              {write(t, "a.txt", "Dear Ana,\nthe contract of 13/05/2024 is signed.\n"), capture.ErrNotMine},
		"binary":             {write(t, "a.txt", strings.Repeat("\x00\x01\x02\xff", 300)), capture.ErrNotMine},
		"windows-1251":       {write(t, "a.txt", "13.05.2024, 09:00 - \xc0\xed\xed\xe0: \xef\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0?\n"), errEncoding},
		"zip without a chat": {zipOf(t, "a.zip", [2]string{"photo.jpg", "x"}), errNoChat},
		"empty zip":          {zipOf(t, "a.zip"), errNoChat},
		"two chats":          {zipOf(t, "a.zip", [2]string{"one.txt", small}, [2]string{"two.txt", small}), errTwoChats},
		"archive in a zip":   {zipOf(t, "a.zip", [2]string{"chat.zip", "PK"}), errNoChat},
		"encrypted":          {encrypted, errEncrypted},
		"cut short":          {cut, errBroken},
		"empty folder":       {t.TempDir(), capture.ErrNotMine},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			_, err := tryImport(t, m, tc.path, capture.Options{})
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			if len(m.entries) != 0 {
				t.Fatal("something was archived of a file that was refused")
			}
		})
	}
}

func TestZipWithHostileMembers(t *testing.T) {
	p := zipOf(t, "WhatsApp Chat - Ana.zip",
		[2]string{"_chat.txt", "[13/05/2024, 09:00:00] Ana: " + lrm + "<attached: 00000001-evil.pdf>\r\n[13/05/2024, 09:00:01] Ana: " + lrm + "<attached: 00000002-good.pdf>\r\n"},
		[2]string{"../../00000001-evil.pdf", "evil"},
		[2]string{"00000002-good.pdf", "good"},
		[2]string{"C:\\windows\\x.pdf", "x"},
		[2]string{"/etc/passwd", "x"},
	)
	m := newMemory()
	sum := importPath(t, m, p, capture.Options{})[0]
	msgs := m.messages(t)
	if a := msgs[0].Attachments[0]; a.State != chat.Missing || !strings.Contains(a.Reason, "refused") {
		t.Error(dump(a))
	}
	if a := msgs[1].Attachments[0]; a.State != chat.Stored || string(m.blobs[a.SHA256]) != "good" {
		t.Error(dump(a))
	}
	if sum.Chat != "Ana" || sum.AttachmentsMissing != 1 {
		t.Error(dump(sum))
	}
}

// TestZipBomb: a member that unpacks to far more than it could hold is left
// out with its reason; the chat is imported.
func TestZipBomb(t *testing.T) {
	p := filepath.Join(t.TempDir(), "b.zip")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	c, err := w.Create("_chat.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("[13/05/2024, 09:00:00] Ana: " + lrm + "<attached: 00000001-b.pdf>\r\n")); err != nil {
		t.Fatal(err)
	}
	if c, err = w.Create("00000001-b.pdf"); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 100 {
		if _, err := c.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	importPath(t, m, p, capture.Options{})
	if a := m.messages(t)[0].Attachments[0]; a.State != chat.Missing || !strings.Contains(a.Reason, "refused") {
		t.Fatal(dump(a))
	}
}

func TestLinksInFoldersAreRefused(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, "secret", "secret")
	if err := os.WriteFile(filepath.Join(dir, "_chat.txt"), []byte("[13/05/2024, 09:00:00] Ana: "+lrm+"<attached: 00000001-x.pdf>\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "00000001-x.pdf")); err != nil {
		t.Skip("no links here:", err)
	}
	m := newMemory()
	importPath(t, m, dir, capture.Options{})
	if a := m.messages(t)[0].Attachments[0]; a.State != chat.Missing || !strings.Contains(a.Reason, "link") {
		t.Fatal(dump(a))
	}
	for _, b := range m.blobs {
		if string(b) == "secret" {
			t.Fatal("a link was followed")
		}
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"WhatsApp Chat with Ana.txt": "13/05/2024, 09:00 - Ana: a\n", "WhatsApp Chat with Bob.txt": "13/05/2024, 09:00 - Bob: b\n",
		"notes.txt": "nothing", "sub/WhatsApp Chat with Eve.txt": "13/05/2024, 09:00 - Eve: e\n",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var chats []string
	for _, s := range importPath(t, newMemory(), dir, capture.Options{}) {
		chats = append(chats, s.Chat)
	}
	if got := strings.Join(chats, ","); got != "Ana,Bob,Eve" {
		t.Fatal(got)
	}
}

func TestUnreferencedFilesAreKept(t *testing.T) {
	p := zipOf(t, "WhatsApp Chat - Ana.zip", [2]string{"_chat.txt", small}, [2]string{"00000099-not referenced.pdf", "kept"})
	m := newMemory()
	sum := importPath(t, m, p, capture.Options{})[0]
	if len(sum.Unreferenced) != 1 || len(m.blobs) != 2 {
		t.Fatal(dump(sum))
	}
}

func TestHugeMessageAndManyInOneSecond(t *testing.T) {
	big := strings.Repeat("x", 10<<20)
	msgs, _ := read(t, "13/05/2024, 09:00 - Ana: "+big+"\n13/05/2024, 09:01 - Bob: b\n", capture.Options{})
	if len(msgs) != 2 || msgs[0].Text != big {
		t.Fatal("a message of 10 MB did not survive")
	}
	var b strings.Builder
	for range 10_000 {
		b.WriteString("[13/05/2024, 09:00:00] Ana: ok\r\n")
	}
	if msgs, _ = read(t, b.String(), capture.Options{}); len(msgs) != 10_000 {
		t.Fatalf("%d of 10,000 messages of one second", len(msgs))
	}
}

// nowhere takes records and keeps nothing.
type nowhere struct{ identity int }

func (n *nowhere) Blob(_ context.Context, r io.Reader) (record.Blob, error) {
	size, err := io.Copy(io.Discard, r)
	return record.Blob{SHA256: "x", Size: size}, err
}

func (n *nowhere) Append(_ context.Context, batch []record.Record) ([]record.Receipt, error) {
	for i := range batch {
		n.identity = max(n.identity, len(batch[i].Identity))
	}
	return make([]record.Receipt, len(batch)), nil
}

// TestMemoryOfALongMessage: all that is ever allocated for it, both passes and
// what was collected meanwhile included.
func TestMemoryOfALongMessage(t *testing.T) {
	const size = 40 << 20
	for name, unit := range map[string]string{"words": "the quick brown fox ", "lines": "the quick brown fox\n", "marked": lrm + "the quick brown fox "} {
		text := "13/05/2024, 09:00 - Ana: " + strings.Repeat(unit, size/len(unit)) + "\n13/05/2024, 09:01 - Bob: b\n"
		p := write(t, "c.txt", text)
		sources, err := Format().Find(t.Context(), p, capture.Options{Zone: time.UTC})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sink := &nowhere{}
		if _, err := sources[0].Run(t.Context(), sink); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if times := float64(after.TotalAlloc-before.TotalAlloc) / size; times > 12 || sink.identity > 2*maxIdentity {
			t.Errorf("%s: %.1f times the message, an identity of %d bytes", name, times, sink.identity)
		}
	}
}

func TestOddNames(t *testing.T) {
	for _, name := range []string{"a: b", "x - y", "Zoë 🤓", "a\u2028b", "\u202eevil", "[bracket]", "12/05/2024", "a\u0085b", "\"quoted\"", "<b>bold</b>", strings.Repeat("n", 150)} {
		var b strings.Builder
		for i := range 4 {
			fmt.Fprintf(&b, "13/05/2024, 09:0%d - %s: hello %d\n", i, name, i)
		}
		msgs, _ := read(t, b.String(), capture.Options{})
		for _, m := range msgs {
			if m.From == nil || m.From.Name != trimName(name) || !strings.HasPrefix(m.Text, "hello") {
				t.Errorf("%q: %s", name, dump(m))
			}
		}
	}
}

// TestEveryCLDRLocaleReads: the headers of all locales' short formats, in a
// language that is in no table.
func TestUnknownLanguageReads(t *testing.T) {
	msgs, sum := read(t, "13/05/2024, 09:00 - Ujumbe na simu zimefichwa kabisa\n13/05/2024, 09:01 - Amina: habari\n13/05/2024, 09:02 - Juma: nzuri\n", capture.Options{})
	if sum.Records != 3 || sum.System != 1 || msgs[1].Text != "habari" || msgs[0].System.Event != chat.NoticeOther {
		t.Fatal(dump(msgs))
	}
}

func TestSinkFailureEndsTheImport(t *testing.T) {
	m := newMemory()
	m.fail = errors.New("no room")
	if _, err := tryImport(t, m, write(t, "c.txt", "13/05/2024, 09:00 - Ana: a\n"), capture.Options{}); !errors.Is(err, m.fail) {
		t.Fatal(err)
	}
}

func TestCancelled(t *testing.T) {
	sources, err := Format().Find(t.Context(), write(t, "c.txt", "13/05/2024, 09:00 - Ana: a\n"), capture.Options{Zone: loadZone(t, "UTC")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sources[0].Run(ctx, newMemory()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestZipWithAQuotationAsAFile: the chat is the text that reads as one
// throughout, whatever the two are called.
func TestZipWithAQuotationAsAFile(t *testing.T) {
	m := newMemory()
	p := zipOf(t, "a.zip", [2]string{"minutes.txt", "Agreed:\n" + small}, [2]string{"talk.txt", strings.Repeat(small, 30)})
	if sum := importPath(t, m, p, capture.Options{})[0]; sum.Records != 30 || len(sum.Unreferenced) != 1 {
		t.Error(dump(sum))
	}
}

// TestOverlappingMembers: a directory that lists one member's bytes many times
// unpacks to any size.
func TestOverlappingMembers(t *testing.T) {
	p := zipOf(t, "o.zip", [2]string{"_chat.txt", small}, [2]string{"a.pdf", strings.Repeat("x", 1000)})
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("PK\x01\x02")) // of a.pdf
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	twice := slices.Concat(b[:end], b[at:end], b[end:])
	tail := twice[len(twice)-22:]
	tail[8], tail[10] = 3, 3
	tail[12] += byte(end - at) // the size of a directory of three, below 256
	if err := os.WriteFile(p, twice, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tryImport(t, newMemory(), p, capture.Options{}); !errors.Is(err, errOverlap) {
		t.Fatal(err)
	}
}

// TestManySmallBombs: each member stays under what one may be, and all of them
// together do not.
func TestManySmallBombs(t *testing.T) {
	const members = 4
	zeros := strings.Repeat("\x00", 40<<20)
	files := [][2]string{{"_chat.txt", small}}
	for i := range members {
		files = append(files, [2]string{fmt.Sprintf("%d.bin", i), zeros})
	}
	sum := importPath(t, newMemory(), zipOf(t, "b.zip", files...), capture.Options{})[0]
	if sum.Complete() || len(sum.Missing) != 1 || sum.Missing[0].Files != members-1 || len(sum.Unreferenced) != 1 {
		t.Fatal(dump(sum))
	}
}

func TestTextsThatCannotBeRead(t *testing.T) {
	broken := func(name, victim string) string {
		p := zipOf(t, name, [2]string{"WhatsApp Chat with Ana.txt", "13/05/2024, 09:00 - Ana: notes.txt (file attached)\n"}, [2]string{"notes.txt", "some notes"})
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		b[bytes.Index(b, []byte(victim))+len(victim)] = 0xff // the first byte of its stream
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	sum := importPath(t, newMemory(), broken("a.zip", "notes.txt"), capture.Options{})[0]
	if sum.Records != 1 || sum.AttachmentsMissing != 1 || sum.Missing[0].First[0] != "notes.txt" || sum.Complete() {
		t.Fatal(dump(sum))
	}
	if _, err := tryImport(t, newMemory(), broken("a.zip", "Ana.txt"), capture.Options{}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	bomb := zipOf(t, "a.zip", [2]string{"_chat.txt", small + strings.Repeat("\x00", 100<<20)})
	if _, err := tryImport(t, newMemory(), bomb, capture.Options{}); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), errBomb.Error()) {
		t.Fatal(err)
	}
}

func TestTooLongADirectory(t *testing.T) {
	p := filepath.Join(t.TempDir(), "d.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range maxDirectory/60_000 + 10 {
		if _, err := w.Create(strings.Repeat("n", 60_000) + fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(p, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := tryImport(t, newMemory(), p, capture.Options{}); !errors.Is(err, errTooMany) {
		t.Fatal(err)
	}
}

// tree writes files into a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFilesOfOneNameAreAllKept(t *testing.T) {
	const text = "13/05/2024, 09:00 - Ana: a.jpg (file attached)\n"
	dir := tree(t, map[string]string{"WhatsApp Chat with Ana.txt": text, "a.jpg": "near", "Sent/a.jpg": "far"})
	zipped := zipOf(t, "z.zip", [2]string{"Sent/a.jpg", "far"}, [2]string{"WhatsApp Chat with Ana.txt", text}, [2]string{"a.jpg", "near"})
	for _, p := range []string{dir, zipped} {
		m := newMemory()
		sum := importPath(t, m, p, capture.Options{})[0]
		a := m.messages(t)[0].Attachments[0]
		if string(m.blobs[a.SHA256]) != "near" || len(m.blobs) != 3 || len(sum.Unreferenced) != 1 || sum.Unreferenced[0] != "Sent/a.jpg" {
			t.Error(dump(sum), dump(a))
		}
	}
}

func TestTextsInAFolder(t *testing.T) {
	const bob = "13/05/2024, 09:00 - Bob: IMG-20240513-WA0001.jpg (file attached)\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  string // chat: files found, files missing
	}{
		"a chat that was sent": {map[string]string{
			chatText:                                "[13/05/2024, 09:00:00] Ana: " + lrm + "<attached: 00000001-WhatsApp Chat with Carol.txt>\r\n",
			"00000001-WhatsApp Chat with Carol.txt": "13/05/2024, 09:00 - Carol: c\n",
		}, "1 chat: 1, 0"},
		"a chat besides": {map[string]string{
			chatText: small, "WhatsApp Chat with Bob.txt": bob, "IMG-20240513-WA0001.jpg": "x",
		}, "2 chats: 1, 0"},
		"media that two chats share a folder with": {map[string]string{
			"WhatsApp Chat with Ana.txt": "13/05/2024, 09:00 - Ana: IMG-20240513-WA0002.jpg (file attached)\n",
			"WhatsApp Chat with Bob.txt": bob, "IMG-20240513-WA0001.jpg": "x", "IMG-20240513-WA0002.jpg": "y",
		}, "2 chats: 2, 0"},
	} {
		t.Run(name, func(t *testing.T) {
			sums := importPath(t, newMemory(), tree(t, tc.files), capture.Options{})
			var found, missing int64
			for _, s := range sums {
				found, missing = found+s.Attachments-s.AttachmentsMissing, missing+s.AttachmentsMissing
			}
			got := fmt.Sprintf("%d chats: %d, %d", len(sums), found, missing)
			if len(sums) == 1 {
				got = strings.Replace(got, "chats", "chat", 1)
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestDanglingLinkDoesNotEndTheImport(t *testing.T) {
	dir := tree(t, map[string]string{"WhatsApp Chat with Ana.txt": "13/05/2024, 09:00 - Ana: a\n"})
	if err := os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, "a.jpg")); err != nil {
		t.Skip("no links here:", err)
	}
	sum := importPath(t, newMemory(), dir, capture.Options{})[0]
	if sum.Records != 1 || len(sum.Missing) != 1 || sum.Missing[0].First[0] != "a.jpg" || sum.Complete() {
		t.Fatal(dump(sum))
	}
}

func TestBrokenZipBesideOthersFailsAlone(t *testing.T) {
	dir := tree(t, map[string]string{
		"WhatsApp Chat with Ana.txt": "13/05/2024, 09:00 - Ana: a\n", "WhatsApp Chat with Bob.txt": "13/05/2024, 09:00 - Bob: b\n", "c.zip": "PK\x03\x04",
	})
	sources, err := Format().Find(t.Context(), dir, capture.Options{Zone: time.UTC})
	if err != nil || len(sources) != 3 {
		t.Fatal(len(sources), err)
	}
	for i, s := range sources {
		if _, err := s.Run(t.Context(), newMemory()); errors.Is(err, errBroken) != (i == 2) {
			t.Errorf("%s: %v", s.Path(), err)
		}
	}
}

// TestSenderThatIsNotText stays a message, in the reading that is kept too.
func TestSenderThatIsNotText(t *testing.T) {
	msgs, sum := read(t, "13/05/2024, 09:00 - An\xffa: one\n13/05/2024, 09:01 - An\xffa: two\n13/05/2024, 09:02 - Bob: three\n", capture.Options{})
	if sum.Messages != 3 || sum.Garbled != 2 || sum.Complete() {
		t.Error(dump(sum))
	}
	for i, want := range []string{"An\ufffda", "An\ufffda", "Bob"} {
		if msgs[i].From == nil || msgs[i].From.Name != want {
			t.Error(dump(msgs[i]))
		}
	}
}
