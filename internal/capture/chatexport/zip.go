package chatexport

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

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
