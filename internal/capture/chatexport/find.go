package chatexport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/capture"
)

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
		case o.Owns(p):
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
		found(p, func() (*export, error) { return openFolder(p, !one, o) })
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
