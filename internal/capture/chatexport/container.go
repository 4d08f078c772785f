package chatexport

import (
	"archive/zip"
	"bytes"
	"cmp"
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
	errRefused   = errors.New("the text in the zip was refused")
	errOverlap   = errors.New("the zip was made to unpack to more than is in it: entries of it are the same bytes. It is no export")
	errBroken    = errors.New("the zip is damaged or was not copied whole. Copy it from the phone again")
)

// Bounds on containers.
const (
	maxMembers = 200_000
	// maxDirectory is how much of a zip is read to list its members.
	maxDirectory = 16 << 20
	maxDepth     = 4
	// sniffSize is how much of a text is looked at for a header.
	sniffSize = 256 << 10
	// What grows by more than this, and is large, is a bomb, be it a member or
	// the whole: text and media of exports stay far below it.
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
	names    []string           // that may hold the chat's name
	members  map[string]*member // by their names as records have them
	order    []*member
	warnings []string
	gaps     []string
	evidence func() (io.ReadCloser, error)
	close    func() error
	named    map[*member]bool // members that some record names
	loose    bool             // a text alone, without its media
	shared   bool             // members are of other texts, too
}

// add takes a file in. Records have names without folders: of two that are
// named alike the one nearer the text is meant, and the other is kept besides.
func (e *export) add(m *member) {
	e.order = append(e.order, m)
	key := memberKey(m.name)
	if e.members == nil {
		e.members = map[string]*member{}
	}
	if other := e.members[key]; other != nil {
		if len(e.warnings) == 0 {
			e.warnings = append(e.warnings, "Files of the export have the same name: the one nearest to the text is used, the others are kept besides.")
		}
		if strings.Count(other.name, "/") <= strings.Count(m.name, "/") {
			return
		}
	}
	e.members[key] = m
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
// number of texts and zips. One that cannot be read is found all the same, and
// fails when it is run: the others are imported.
func findFolder(ctx context.Context, dir string, o capture.Options, depth int) ([]capture.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []capture.Source
	found := func(p string, open func() (*export, error)) { all = append(all, &source{path: p, o: o, open: open}) }
	failed := func(p string, err error) { found(p, func() (*export, error) { return nil, err }) }
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
			head, err := readHead(p)
			if err == nil && textual(head) == nil {
				texts = append(texts, p)
			} else if err != nil {
				failed(p, err)
			}
		}
	}
	if texts, err = withoutDocuments(texts); err != nil {
		return nil, err
	}
	one := len(texts) == 1
	if one {
		all = nil // what could not be read is a document, which the text will miss
	}
	for _, p := range texts {
		found(p, func() (*export, error) { return openFolder(p, !one) })
	}
	for _, p := range zips {
		s, err := findFile(p, o)
		switch {
		case err == nil:
			all = append(all, s)
		case !one: // else it is a document of the chat beside it
			failed(p, err)
		}
	}
	if one || depth >= maxDepth {
		return all, nil
	}
	for _, d := range dirs {
		more, err := findFolder(ctx, d, o, depth+1)
		if err != nil {
			if ctx.Err() != nil {
				return all, err
			}
			failed(d, err)
		}
		all = append(all, more...)
	}
	return all, nil
}

// withoutDocuments leaves out the texts that were sent in the chat that
// another of them holds. Only iOS gives that one a name that no document has.
func withoutDocuments(texts []string) ([]string, error) {
	at := slices.IndexFunc(texts, func(p string) bool { return filepath.Base(p) == chatText })
	if at < 0 || len(texts) == 1 {
		return texts, nil
	}
	f, err := os.Open(texts[at])
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	const most = 4 << 10 // of a name, whole in one of two pieces
	buf, kept := make([]byte, 1<<20), 0
	for {
		n, err := f.Read(buf[kept:])
		for _, p := range texts {
			if bytes.Contains(buf[:kept+n], []byte(filepath.Base(p)+">")) {
				named[p] = true
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, errors.Join(err, f.Close())
			}
			break
		}
		kept = copy(buf, buf[max(0, kept+n-most):kept+n])
	}
	return slices.DeleteFunc(texts, func(p string) bool { return named[p] }), f.Close()
}

// openText opens a text alone.
func openText(p string) (*export, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	text := member{name: filepath.Base(p), size: fi.Size(), open: func() (io.ReadCloser, error) { return os.Open(p) }}
	return &export{
		text: text, names: []string{stem(p)}, evidence: text.open, loose: true,
		close: func() error { return nil }, named: map[*member]bool{},
	}, nil
}

// openFolder opens a text and what lies beside and below it. In a folder that
// it shares with other texts only what it names is its own.
func openFolder(p string, shared bool) (*export, error) {
	e, err := openText(p)
	if err != nil {
		return nil, err
	}
	e.loose, e.shared = false, shared
	dir := filepath.Dir(p)
	if !shared {
		e.names = append(e.names, filepath.Base(dir))
	}
	err = filepath.WalkDir(dir, func(q string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && q != dir:
			e.gaps = append(e.gaps, "A folder beside the text could not be read.")
			return nil
		case err != nil || q == p:
			return err
		case d.IsDir() && shared && q != dir:
			return fs.SkipDir
		case d.IsDir():
			return nil
		case len(e.order) == maxMembers:
			return errTooMany
		}
		e.add(fileMember(dir, q, d.Type()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func fileMember(dir, p string, kind fs.FileMode) *member {
	m := &member{name: filepath.Base(p), open: func() (io.ReadCloser, error) { return os.Open(p) }}
	if rel, err := filepath.Rel(dir, p); err == nil {
		m.name = filepath.ToSlash(rel)
	}
	switch {
	case kind&fs.ModeSymlink != 0:
		m.refuse = "it is a link, not a file"
	case !kind.IsRegular():
		m.refuse = "it is not a file"
	}
	return m
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
	dir := &directory{r: f, left: maxDirectory}
	z, err := zip.NewReader(dir, fi.Size())
	dir.listed = true
	if errors.Is(err, zip.ErrInsecurePath) {
		err = nil // every name is looked at below
	}
	switch {
	case errors.Is(err, errTooMany):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", errBroken, err)
	}
	return exportOf(z, stem(p), fi.Size())
}

// directory bounds what is read of a zip before its members are counted: the
// numbers in it may be lies.
type directory struct {
	r      io.ReaderAt
	left   int
	listed bool
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if !d.listed {
		if d.left -= len(p); d.left < 0 {
			return 0, errTooMany
		}
	}
	return d.r.ReadAt(p, off)
}

func exportOf(z *zip.Reader, name string, size int64) (*export, error) {
	if len(z.File) > maxMembers {
		return nil, errTooMany
	}
	if err := apart(z.File); err != nil {
		return nil, err
	}
	var all []*member
	whole := &unpacked{size: size}
	for _, zf := range z.File {
		if strings.HasSuffix(zf.Name, "/") {
			continue
		}
		if zf.Flags&1 != 0 {
			return nil, errEncrypted
		}
		all = append(all, zipMember(zf, whole))
	}
	chatAt, err := chooseChat(all, name)
	if err != nil {
		return nil, err
	}
	e := &export{text: *all[chatAt], named: map[*member]bool{}}
	e.names = []string{name, stem(all[chatAt].name)}
	for i, m := range all {
		if i != chatAt {
			e.add(m)
		}
	}
	return e, nil
}

// apart refuses a zip in which members share bytes: so a few of them unpack to
// any size.
func apart(files []*zip.File) error {
	type span struct{ from, to int64 }
	spans := make([]span, 0, len(files))
	for _, zf := range files {
		from, err := zf.DataOffset()
		if err != nil || zf.CompressedSize64 == 0 {
			continue // what is broken is told when it is opened
		}
		to := from + int64(zf.CompressedSize64)
		if to <= from {
			return errOverlap
		}
		spans = append(spans, span{from, to})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return errOverlap
		}
	}
	return nil
}

func zipMember(zf *zip.File, whole *unpacked) *member {
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
	case bomb(m.size, int64(zf.CompressedSize64)):
		m.refuse = "it " + errBomb.Error()
	}
	counted := int64(0) // of this member, into whole
	m.open = func() (io.ReadCloser, error) {
		rc, err := zf.Open()
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", errBroken, err)
		}
		return &guarded{ReadCloser: rc, packed: int64(zf.CompressedSize64), counted: &counted, whole: whole}, nil
	}
	return m
}

func bomb(n, packed int64) bool { return n < 0 || n > ratioFree && n/max(1, packed) > maxRatio }

// unpacked is what all members of a zip came to, each counted once.
type unpacked struct{ n, size int64 }

// guarded counts what a member unpacks to: the sizes that a zip declares may
// be lies.
type guarded struct {
	io.ReadCloser
	packed  int64
	n       int64
	counted *int64
	whole   *unpacked
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	g.n += int64(n)
	if more := g.n - *g.counted; more > 0 {
		g.whole.n += more
		*g.counted = g.n
		if bomb(g.n, g.packed) || bomb(g.whole.n, g.whole.size) {
			return n, errBomb
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w (%w)", errBroken, err)
	}
	return n, err
}

// chatText is how iOS names the text of every export.
const chatText = "_chat.txt"

// chooseChat finds the chat among a zip's members: _chat.txt, else a text that
// is named as the zip is, else the one text that reads as an export, or does so
// in far more lines than the others: somebody sent a quotation as a file.
func chooseChat(all []*member, name string) (int, error) {
	var chats []int
	var unread error // of the first text that could not be looked at
	lines := map[int]int{}
	nested := false
	for i, m := range all {
		switch ext := strings.ToLower(path.Ext(m.name)); ext {
		case ".zip", ".rar", ".7z", ".tar", ".gz":
			nested = nested || m.refuse == ""
		case ".txt":
			n, err := readsAsChat(m)
			switch {
			case err != nil && (m.name == chatText || stem(m.name) == cleanStem(name)):
				return 0, err
			case err != nil && unread == nil:
				unread = err
			case n > 0:
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
		func(m *member) bool { return m.name == chatText },
		func(m *member) bool { return stem(m.name) == cleanStem(name) },
		func(m *member) bool { return path.Base(m.name) == chatText },
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
	case unread != nil:
		return 0, unread
	case nested:
		return 0, fmt.Errorf("%w: it holds other archives. Unpack it and import what is in it", errNoChat)
	}
	return 0, errNoChat
}

// readsAsChat counts the headers at the start of a text, 0 for what is none.
func readsAsChat(m *member) (n int, err error) {
	if m.refuse != "" {
		return 0, fmt.Errorf("%w: %s", errRefused, m.refuse)
	}
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
	m := em.e.members[memberKey(name)]
	if m == nil {
		reason := reasonMissing
		if em.e.loose {
			reason = "Only the text was imported, without the folder or zip that its files are in."
		}
		h.head.Files = []record.ItemFile{{Name: name, Reason: reason}}
		return nil
	}
	em.e.named[m] = true
	f, err := em.keep(m)
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
func (r *run) keep(m *member) (record.ItemFile, error) {
	if f, ok := r.stored[m]; ok {
		return f, nil
	}
	f := record.ItemFile{Name: m.name}
	if m.refuse != "" {
		f.Reason = "The file was refused: " + m.refuse + "."
	} else if err := r.keepBlob(m, &f); err != nil {
		return f, err
	}
	r.stored[m] = f
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
		_ = src.Close() // says again what reading said
		return nil
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
	if len(r.e.order) == 0 || r.e.shared {
		return nil, nil
	}
	if err := r.namedMembers(); err != nil {
		return nil, err
	}
	var extra []record.Evidence
	for _, m := range r.e.order {
		if r.e.named[m] {
			continue
		}
		f, err := r.keep(m)
		if err != nil {
			return nil, err
		}
		if f.SHA256 == "" {
			r.sum.Miss(f.Reason, valid(f.Name))
			continue
		}
		r.sum.Unreferenced = append(r.sum.Unreferenced, valid(f.Name))
		extra = append(extra, record.Evidence{Name: valid(f.Name), Blob: f.Blob})
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
		rec := r.p.parse(t, h, n < earlyRecords)
		if m := r.e.members[memberKey(rec.content.file)]; m != nil && rec.content.file != "" {
			r.e.named[m] = true
		}
	}
}
