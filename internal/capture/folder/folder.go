// Package folder reads the folder of media that belongs to a phone's database:
// one that lies beside it, or one inside a backup of the phone.
//
// Names in a database are hostile: only what was found in the folder is ever
// opened, and never outside of it.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/record"
)

// Folder is an open folder of media. A nil Folder is a backup without one.
type Folder struct {
	open   func(path string) (io.ReadCloser, error)
	close  func() error
	paths  []string // relative to the folder, with slashes
	exact  map[string]bool
	files  map[string]string   // paths by their lower-case form
	bases  map[string][]string // paths by the lower-case form of their last part
	kept   map[string]record.Blob
	failed map[string]string // why a file could not be kept
}

// Open opens a folder on the disk. skip says which files are none of its media.
func Open(dir string, skip func(path string) bool) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the media folder: %w", err)
	}
	var paths []string
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || skip(p) {
			return nil //nolint:nilerr // what cannot be listed is missing where a message names it
		}
		paths = append(paths, p)
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("list the media folder: %w", err), root.Close())
	}
	return New(paths, func(p string) (io.ReadCloser, error) { return root.Open(p) }, root.Close), nil
}

// New makes a folder of files that lie somewhere else: their paths, relative
// to the folder and with slashes, and what opens and closes them.
func New(paths []string, open func(path string) (io.ReadCloser, error), closed func() error) *Folder {
	m := &Folder{open: open, close: closed, paths: paths, exact: map[string]bool{}, files: map[string]string{}, bases: map[string][]string{}, kept: map[string]record.Blob{}, failed: map[string]string{}}
	for _, p := range paths {
		m.exact[p], m.files[strings.ToLower(p)] = true, p
		b := strings.ToLower(path.Base(p))
		m.bases[b] = append(m.bases[b], p)
	}
	return m
}

// Close closes the folder.
func (m *Folder) Close() error { return m.close() }

// Find returns where the file that a database names lies, or "". prefixes are
// what the name may have in front of the path in the folder, and the other way
// round. Files side by side are found by their last part, where only one has
// it.
func (m *Folder) Find(name string, prefixes ...string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	clean := path.Clean("/" + name)[1:]
	if clean != name || clean == "" {
		return "" // absolute, or with "..": not a name that WhatsApp gives
	}
	if m.exact[clean] {
		return clean
	}
	low := strings.ToLower(clean)
	if f, ok := m.files[low]; ok {
		return f
	}
	for _, prefix := range prefixes {
		if f, ok := m.files[strings.TrimPrefix(low, prefix)]; ok {
			return f
		}
		if f, ok := m.files[prefix+low]; ok {
			return f
		}
	}
	if found := m.bases[path.Base(low)]; len(found) == 1 {
		return found[0]
	}
	return ""
}

// Keep gives a file to the sink, once. reason says why a file that cannot be
// read was not kept.
func (m *Folder) Keep(ctx context.Context, sink capture.Sink, p string) (b record.Blob, reason string, err error) {
	if b, ok := m.kept[p]; ok {
		return b, m.failed[p], nil
	}
	b, err = m.keep(ctx, sink, p)
	if err != nil {
		return b, "", err
	}
	m.kept[p] = b
	return b, m.failed[p], nil
}

func (m *Folder) keep(ctx context.Context, sink capture.Sink, p string) (record.Blob, error) {
	f, err := m.open(p)
	if err != nil {
		m.failed[p] = "the file cannot be opened"
		return record.Blob{}, nil //nolint:nilerr // said with the message that names it
	}
	in := &reader{f: f}
	b, err := sink.Blob(ctx, in)
	closed := f.Close()
	if in.err != nil { // the file's error, not the sink's
		m.failed[p] = "the file cannot be read to its end"
		return record.Blob{}, nil //nolint:nilerr // said with the message that names it
	}
	if err != nil {
		return b, fmt.Errorf("keep a media file: %w", err)
	}
	if closed != nil {
		return b, fmt.Errorf("close a media file: %w", closed)
	}
	return b, nil
}

// reader tells errors of the file from those of the sink.
type reader struct {
	f   io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// Rest lists the files that nobody has kept, sorted.
func (m *Folder) Rest() (left []string) {
	for _, p := range m.paths {
		if _, ok := m.kept[p]; !ok {
			left = append(left, p)
		}
	}
	slices.Sort(left)
	return left
}
