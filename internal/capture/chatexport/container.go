package chatexport

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/record"
)

// Errors that a file is refused with.
var (
	errNoHeader  = fmt.Errorf("%w: no line begins as a WhatsApp message does. Export the chat again on the phone and import that file", capture.ErrNotMine)
	errEmpty     = fmt.Errorf("%w: the file is empty", capture.ErrNotMine)
	errEncoding  = fmt.Errorf("%w: the file is not in UTF-8, as WhatsApp writes it. Import the file that the phone made, or save this one as UTF-8 and import that", capture.ErrNotMine)
	errBinary    = fmt.Errorf("%w: the file is not text", capture.ErrNotMine)
	errNoChat    = errors.New("the zip holds no chat: no text file in it begins as a WhatsApp export does")
	errTwoChats  = errors.New("the zip holds more than one chat. Unpack it and import the folder")
	errEncrypted = errors.New("the zip is encrypted. Unpack it with its password and import what was in it")
	errTooMany   = errors.New("the zip has too many entries to be an export")
	errBomb      = errors.New("unpacks to far more than it could hold")
	errBroken    = errors.New("the zip is damaged or was not copied whole. Copy it from the phone again")
)

// Bounds on containers.
const (
	maxMembers = 200_000
	maxDepth   = 4
	// sniffSize is how much of a text is looked at for a header.
	sniffSize = 256 << 10
	// A member that grows by more than this, and is large, is a bomb: text
	// and media of exports stay far below it.
	maxRatio  = 250
	ratioFree = 64 << 20
)

// member is a file of an export.
type member struct {
	name   string
	size   int64
	open   func() (io.ReadCloser, error)
	refuse string // why it is not read
}

// export is an open export.
type export struct {
	text     member
	names    []string // that may hold the chat's name
	members  map[string]*member
	order    []string
	warnings []string
	evidence func() (io.ReadCloser, error)
	close    func() error
	named    map[string]bool // members that some record names
	loose    bool            // a text alone, without its media
}

func (e *export) add(m *member) {
	key := memberKey(m.name)
	if e.members == nil {
		e.members = map[string]*member{}
	}
	if _, ok := e.members[key]; ok {
		e.warnings = append(e.warnings, "Two files of the export have the same name; the first is used.")
		return
	}
	e.members[key] = m
	e.order = append(e.order, key)
}

// memberKey is a name as it is compared: composed, without marks.
func memberKey(name string) string {
	name = strings.Map(func(r rune) rune {
		if isMark(r) {
			return -1
		}
		return r
	}, name)
	return norm.NFC.String(path.Base(name))
}

// find implements capture.Format.Find.
func find(ctx context.Context, p string, o capture.Options) ([]capture.Source, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		if !fi.Mode().IsRegular() {
			return nil, fmt.Errorf("%w: not a regular file", capture.ErrNotMine)
		}
		s, err := findFile(p, o)
		if err != nil {
			return nil, err
		}
		return []capture.Source{s}, nil
	}
	all, err := findFolder(ctx, p, o, 0)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%w: the folder holds no chat export (.txt or .zip)", capture.ErrNotMine)
	}
	return all, err
}

func findFile(p string, o capture.Options) (*source, error) {
	head, err := readHead(p)
	if err != nil {
		return nil, err
	}
	if isZip(head) {
		z, err := openZip(p)
		if err != nil {
			return nil, err
		}
		if err := z.close(); err != nil {
			return nil, err
		}
		return &source{path: p, o: o, open: func() (*export, error) { return openZip(p) }}, nil
	}
	if err := textual(head); err != nil {
		return nil, err
	}
	return &source{path: p, o: o, open: func() (*export, error) { return openText(p) }}, nil
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

func readHead(p string) ([]byte, error) {
	f, err := os.Open(p)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, sniffSize))
	return b, errors.Join(err, f.Close())
}

// textual reports why the start of a file is not that of an export.
func textual(head []byte) error {
	if len(bytes.TrimSpace(head)) == 0 {
		return errEmpty
	}
	enc := sniff(head)
	headed := headers(enc.text(head)) > 0
	switch odd := enc == utf8Text && binary(head); {
	case odd && headed && bytes.IndexByte(head, 0) < 0:
		return errEncoding
	case odd:
		return errBinary
	case !headed:
		return errNoHeader
	}
	return nil
}

// headers counts the lines of a text that begin as a record does.
func headers(text []byte) (n int) {
	for line := range bytes.Lines(text) {
		if _, ok := parseHeader(line); ok {
			n++
		}
	}
	return n
}

// binary reports whether bytes are no text: many of them are none of UTF-8 or
// are control characters.
func binary(b []byte) bool {
	b = b[:min(len(b), 4096)]
	odd := 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || r < 32 && r != '\n' && r != '\r' && r != '\t' {
			odd++
		}
		i += n
	}
	return odd > len(b)/10
}

// findFolder finds the exports in a folder: a text with its media, or any
// number of texts and zips.
func findFolder(ctx context.Context, dir string, o capture.Options, depth int) ([]capture.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts, zips, dirs []string
	for _, n := range names {
		p := filepath.Join(dir, n.Name())
		switch {
		case n.IsDir():
			dirs = append(dirs, p)
		case !n.Type().IsRegular():
		case strings.EqualFold(filepath.Ext(p), ".zip"):
			zips = append(zips, p)
		case strings.EqualFold(filepath.Ext(p), ".txt"):
			texts = append(texts, p)
		}
	}
	var all []capture.Source
	texts = slices.DeleteFunc(texts, func(p string) bool { head, err := readHead(p); return err != nil || textual(head) != nil })
	for _, p := range texts {
		alone := len(texts) > 1
		all = append(all, &source{path: p, o: o, open: func() (*export, error) {
			if alone {
				return openText(p)
			}
			return openFolder(p)
		}})
	}
	for _, p := range zips {
		s, err := findFile(p, o)
		if err != nil {
			if len(texts) == 1 { // a document of the chat beside it
				continue
			}
			return all, fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
		all = append(all, s)
	}
	if len(texts) == 1 || depth >= maxDepth {
		return all, nil
	}
	for _, d := range dirs {
		more, err := findFolder(ctx, d, o, depth+1)
		if err != nil {
			return all, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func fileMember(p string) (member, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return member{}, err
	}
	return member{name: filepath.Base(p), size: fi.Size(), open: func() (io.ReadCloser, error) { return os.Open(p) }}, nil
}

// openText opens a text alone.
func openText(p string) (*export, error) {
	text, err := fileMember(p)
	if err != nil {
		return nil, err
	}
	return &export{
		text: text, names: []string{stem(p)}, evidence: text.open, loose: true,
		close: func() error { return nil }, named: map[string]bool{},
	}, nil
}

// openFolder opens a text and what lies beside and below it.
func openFolder(p string) (*export, error) {
	e, err := openText(p)
	if err != nil {
		return nil, err
	}
	e.loose = false
	dir := filepath.Dir(p)
	e.names = append(e.names, filepath.Base(dir))
	n := 0
	err = filepath.WalkDir(dir, func(q string, d fs.DirEntry, err error) error {
		if err != nil || q == p || d.IsDir() {
			return err
		}
		if n++; n > maxMembers {
			return errTooMany
		}
		m, err := fileMember(q)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			m.refuse = "it is a link, not a file"
		}
		e.add(&m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// openZip opens a zip and finds the chat in it.
func openZip(p string) (*export, error) {
	f, err := os.Open(p)
	if err != nil {
		return nil, err
	}
	e, err := readZip(f, p)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	e.close = f.Close
	e.evidence = func() (io.ReadCloser, error) { return os.Open(p) }
	return e, nil
}

func readZip(f *os.File, p string) (*export, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, fi.Size())
	if errors.Is(err, zip.ErrInsecurePath) {
		err = nil // every name is looked at below
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errBroken, err)
	}
	return exportOf(z, stem(p))
}

func exportOf(z *zip.Reader, name string) (*export, error) {
	if len(z.File) > maxMembers {
		return nil, errTooMany
	}
	var all []*member
	for _, zf := range z.File {
		if strings.HasSuffix(zf.Name, "/") {
			continue
		}
		if zf.Flags&1 != 0 {
			return nil, errEncrypted
		}
		all = append(all, zipMember(zf))
	}
	chatAt, err := chooseChat(all, name)
	if err != nil {
		return nil, err
	}
	e := &export{text: *all[chatAt], named: map[string]bool{}}
	e.names = []string{name, stem(all[chatAt].name)}
	for i, m := range all {
		if i != chatAt {
			e.add(m)
		}
	}
	return e, nil
}

func zipMember(zf *zip.File) *member {
	name := zf.Name
	if zf.NonUTF8 && !utf8.ValidString(name) {
		if s, err := charmap.CodePage437.NewDecoder().String(name); err == nil {
			name = s
		}
	}
	m := &member{name: name, size: int64(zf.UncompressedSize64)}
	switch {
	case !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || len(name) > 1 && name[1] == ':':
		m.refuse = "its name leads out of the export"
		m.name = path.Base(strings.ReplaceAll(name, "\\", "/"))
	case zf.Mode()&fs.ModeType != 0:
		m.refuse = "it is a link, not a file"
	case zf.UncompressedSize64 > ratioFree && zf.UncompressedSize64/max(1, zf.CompressedSize64) > maxRatio:
		m.refuse = "it " + errBomb.Error()
	}
	m.open = func() (io.ReadCloser, error) {
		rc, err := zf.Open()
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", errBroken, err)
		}
		return &guarded{ReadCloser: rc, packed: int64(zf.CompressedSize64)}, nil
	}
	return m
}

// guarded counts what a member unpacks to: the sizes that a zip declares may
// be lies.
type guarded struct {
	io.ReadCloser
	packed int64
	n      int64
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	g.n += int64(n)
	if g.n > ratioFree && g.n/max(1, g.packed) > maxRatio {
		return n, errBomb
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w (%w)", errBroken, err)
	}
	return n, err
}

// chooseChat finds the chat among a zip's members: _chat.txt, else a text that
// is named as the zip is, else the one text that reads as an export, or does so
// in far more lines than the others: somebody sent a quotation as a file.
func chooseChat(all []*member, name string) (int, error) {
	var chats []int
	lines := map[int]int{}
	nested := false
	for i, m := range all {
		if m.refuse != "" {
			continue
		}
		switch ext := strings.ToLower(path.Ext(m.name)); ext {
		case ".zip", ".rar", ".7z", ".tar", ".gz":
			nested = true
		case ".txt":
			n, err := readsAsChat(m)
			if err != nil {
				return 0, err
			}
			if n > 0 {
				chats, lines[i] = append(chats, i), n
			}
		}
	}
	pick := func(match func(*member) bool) (int, bool) {
		at := slices.DeleteFunc(slices.Clone(chats), func(i int) bool { return !match(all[i]) })
		if len(at) == 1 {
			return at[0], true
		}
		return 0, false
	}
	for _, match := range []func(*member) bool{
		func(m *member) bool { return m.name == "_chat.txt" },
		func(m *member) bool { return stem(m.name) == cleanStem(name) },
		func(m *member) bool { return path.Base(m.name) == "_chat.txt" },
		func(m *member) bool { _, ok := chatName([]string{stem(m.name)}); return ok },
		func(*member) bool { return true },
	} {
		if i, ok := pick(match); ok {
			return i, nil
		}
	}
	slices.SortFunc(chats, func(a, b int) int { return lines[b] - lines[a] })
	switch {
	case len(chats) > 1 && lines[chats[0]] > overwhelming*lines[chats[1]]:
		return chats[0], nil
	case len(chats) > 1:
		return 0, errTwoChats
	case nested:
		return 0, fmt.Errorf("%w: it holds other archives. Unpack it and import what is in it", errNoChat)
	}
	return 0, errNoChat
}

// readsAsChat counts the headers at the start of a text, 0 for what is none.
func readsAsChat(m *member) (n int, err error) {
	r, err := m.open()
	if err != nil {
		return 0, err
	}
	head, err := io.ReadAll(io.LimitReader(r, sniffSize))
	if err := errors.Join(err, r.Close()); err != nil && len(head) == 0 {
		return 0, err
	}
	if textual(head) == nil {
		n = headers(sniff(head).text(head))
	}
	return n, nil
}

const reasonMissing = "The export names this file and does not hold it."

// attach finds the file that a record names, and gives it to the sink once.
func (em *emitter) attach(h *held) error {
	name := h.rec.content.file
	if name == "" || h.rec.system {
		return nil
	}
	key := memberKey(name)
	m := em.e.members[key]
	if m == nil {
		reason := reasonMissing
		if em.e.loose {
			reason = "Only the text was imported, without the files that belong to it."
		}
		h.head.Files = []record.ItemFile{{Name: name, Reason: reason}}
		return nil
	}
	em.e.named[key] = true
	f, err := em.keep(key, m)
	if err != nil {
		return err
	}
	f.Name = name
	h.head.Files = []record.ItemFile{f}
	if f.SHA256 != "" {
		h.out.Blobs = []record.Blob{f.Blob}
	}
	return nil
}

// keep gives a member to the sink. One that cannot be read is left out with
// its reason; the chat is imported all the same.
func (r *run) keep(key string, m *member) (record.ItemFile, error) {
	if f, ok := r.stored[key]; ok {
		return f, nil
	}
	f := record.ItemFile{Name: m.name}
	if m.refuse != "" {
		f.Reason = "The file was refused: " + m.refuse + "."
	} else if err := r.keepBlob(m, &f); err != nil {
		return f, err
	}
	r.stored[key] = f
	return f, nil
}

func (r *run) keepBlob(m *member, f *record.ItemFile) error {
	src, err := m.open()
	if err != nil {
		f.Reason = "The file could not be read."
		return nil //nolint:nilerr // the reason is in the record
	}
	watched := &watch{r: src}
	b, err := r.sink.Blob(r.ctx, watched)
	switch {
	case watched.err != nil:
		f.Reason = "The file could not be read whole."
		if errors.Is(watched.err, errBomb) {
			f.Reason = "The file was refused: it " + errBomb.Error() + "."
		}
		return src.Close()
	case err != nil:
		return errors.Join(fmt.Errorf("keep file: %w", err), src.Close())
	}
	f.Blob = b
	return src.Close()
}

// watch tells an error of the source from one of the sink.
type watch struct {
	r   io.Reader
	err error
}

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// keepUnreferenced keeps the files of the export that no record names. Which
// they are is known only after the text was read: it is read for that alone.
func (r *run) keepUnreferenced() ([]record.Evidence, error) {
	if len(r.e.members) == 0 {
		return nil, nil
	}
	if err := r.namedMembers(); err != nil {
		return nil, err
	}
	var extra []record.Evidence
	for _, key := range r.e.order {
		if r.e.named[key] {
			continue
		}
		f, err := r.keep(key, r.e.members[key])
		if err != nil {
			return nil, err
		}
		r.sum.Unreferenced = append(r.sum.Unreferenced, valid(f.Name))
		if f.SHA256 != "" {
			extra = append(extra, record.Evidence{Name: valid(f.Name), Blob: f.Blob})
		}
	}
	return extra, nil
}

// namedMembers finds out which members the text names.
func (r *run) namedMembers() (err error) {
	text, err := r.e.text.open()
	if err != nil {
		return fmt.Errorf("read export: %w", err)
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	sp := newSplitter(text, r.r)
	for n := 0; ; n++ {
		st, err := sp.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read export: %w", err)
		}
		if n&0xfff == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		t := r.enc.text(st.raw)
		h, ok := parseHeader(t)
		if !ok {
			continue
		}
		if rec := r.p.parse(t, h, n < earlyRecords); rec.content.file != "" {
			r.e.named[memberKey(rec.content.file)] = true
		}
	}
}
