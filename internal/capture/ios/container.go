package ios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/folder"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/ios/backup"
)

// findBackups looks at path for backups of iPhones, and in them for WhatsApp.
// Where there are several, those without it are passed over.
func findBackups(ctx context.Context, path string, o capture.Options) (out []capture.Source, err error) {
	dirs, err := backup.Find(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, s := range out {
				if s, ok := s.(*source); ok {
					err = errors.Join(err, s.at.Close())
				}
			}
			out = nil
		}
	}()
	var none error
	for _, dir := range dirs {
		found, err := inBackup(ctx, dir, o)
		switch {
		case errors.Is(err, backup.ErrNoWhatsApp):
			none = err
		case err != nil && (len(dirs) == 1 || ctx.Err() != nil):
			return out, fmt.Errorf("%s: %w", filepath.Base(dir), err)
		case err != nil:
			out = append(out, broken{capture.Broken(dir, err), dir})
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, none
	}
	return out, nil
}

// broken is a backup that cannot be read, among others.
type broken struct {
	capture.Source
	dir string
}

// Owns implements capture.Owner.
func (b broken) Owns() []string { return []string{b.dir} }

// inBackup opens one backup and looks for WhatsApp in it.
func inBackup(ctx context.Context, dir string, o capture.Options) (out []capture.Source, err error) {
	b, err := backup.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.Info.Encrypted {
		if o.Password == nil {
			return nil, backup.ErrLocked
		}
		password, err := o.Password()
		if err != nil {
			return nil, err
		}
		if err := b.Unlock(ctx, password, nil); err != nil {
			return nil, err
		}
	}
	manifest, err := copyManifest(ctx, b, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, manifest.Close()) }()
	domains, err := backup.WhatsApp(manifest)
	if err != nil {
		return nil, err
	}
	open := &opened{b, len(domains)}
	for _, domain := range domains {
		s := &source{path: dir, backup: filepath.Clean(dir), o: o}
		if domain == backup.Business {
			s.path = filepath.Join(dir, "WhatsApp Business")
		}
		if b.Info.Unfinished {
			s.notes = append(s.notes, "The backup was still being made when it was copied, or broken off: files may be missing.")
		}
		at := archived{opened: open, files: map[string]backup.File{}}
		for f, err := range backup.Files(manifest, domain) {
			if err != nil {
				return nil, err
			}
			if f.Kind == backup.Regular {
				at.files[f.Path] = f
			}
		}
		for r, name := range names {
			if _, ok := at.files[name]; ok {
				s.files[r] = name
			}
		}
		s.at = at
		out = append(out, s)
	}
	return out, nil
}

func copyManifest(ctx context.Context, b *backup.Backup, o capture.Options) (*foreign.DB, error) {
	r, err := b.Manifest()
	if err != nil {
		return nil, err
	}
	db, err := foreign.Copy(ctx, o.Scratch, r, nil)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read Manifest.db: %w", err)
	}
	return db, nil
}

// opened is a backup that is closed when all that use it are done.
type opened struct {
	*backup.Backup
	users int
}

// archived is WhatsApp's folder in a backup.
type archived struct {
	*opened
	files map[string]backup.File
}

// Open implements place. A file that the backup lists and does not hold is an
// error of its own.
func (a archived) Open(name string) (io.ReadCloser, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return a.Backup.Open(f)
}

// Media implements place.
func (a archived) Media() (*folder.Folder, error) {
	const top = "Message/"
	var paths []string
	for p := range a.files {
		if p, ok := strings.CutPrefix(p, top); ok && !notMedia(p) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return folder.New(paths, func(p string) (io.ReadCloser, error) { return a.Open(top + p) }, func() error { return nil }), nil
}

// Close implements place.
func (a archived) Close() error {
	if a.users--; a.users > 0 {
		return nil
	}
	return a.Backup.Close()
}
