package ios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/folder"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/ios/backup"
)

// place is where WhatsApp's files of one device lie: its folder, or a backup
// that has it.
type place interface {
	// Open opens a file by its name in WhatsApp's folder; fs.ErrNotExist is of
	// one that is not there.
	Open(name string) (io.ReadCloser, error)
	// Media opens the folder of media, or returns nil for none.
	Media() (*folder.Folder, error)
	Close() error
}

// role is what a database is for.
type role int

const (
	other role = iota
	store
	contacts
	lids
	history // of calls
	roles
)

// names are those that WhatsApp gives. Axolotl.sqlite, which has the keys of
// the account, is none of an archive's business.
var names = [roles]string{store: "ChatStorage.sqlite", contacts: "ContactsV2.sqlite", lids: "LID.sqlite", history: "CallHistory.sqlite"}

// dir is WhatsApp's folder on a disk.
type dir struct {
	path  string
	media string // folder of media, or empty
}

// Open implements place.
func (d dir) Open(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(d.path, name)) }

func (d dir) owns() []string {
	if d.media == "" {
		return nil
	}
	return []string{filepath.Clean(d.media)}
}

// Media implements place.
func (d dir) Media() (*folder.Folder, error) {
	if d.media == "" {
		return nil, nil //nolint:nilnil // a nil Folder is a backup without one
	}
	return folder.Open(d.media, notMedia)
}

// Close implements place.
func (dir) Close() error { return nil }

// find looks for databases at path: a file, a folder with all that belongs to
// one device, or a backup of a phone.
func find(ctx context.Context, p string, o capture.Options) ([]capture.Source, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !info.IsDir() {
		r, err := roleOf(p)
		if err != nil {
			return nil, err
		}
		if r != store {
			return nil, capture.ErrNotMine
		}
		return []capture.Source{newSource(p, o)}, nil
	}
	sources, err := findBackups(ctx, p, o)
	if err != nil && !errors.Is(err, capture.ErrNotMine) {
		return nil, err
	}
	for _, s := range sources {
		o.Owned = append(o.Owned, s.(capture.Owner).Owns()...)
	}
	more, err := findIn(p, o)
	if len(sources) > 0 && errors.Is(err, capture.ErrNotMine) {
		err = nil
	}
	return append(sources, more...), err
}

// maxLook bounds how many files of a folder are looked into.
const maxLook = 100_000

// findIn looks through a folder, and not among its media. Databases are read
// oldest first.
func findIn(path string, o capture.Options) ([]capture.Source, error) {
	var found []string
	looked := 0
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be listed cannot be recognised
		case d.IsDir() && o.Owns(p):
			return filepath.SkipDir
		case d.IsDir() && (d.Name() == "Message" || d.Name() == "Media") && p != path:
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if looked++; looked > maxLook {
			return filepath.SkipAll
		}
		if r, err := roleOf(p); err == nil && r == store {
			found = append(found, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look through the folder: %w", err)
	}
	if len(found) == 0 {
		return nil, capture.ErrNotMine
	}
	slices.SortStableFunc(found, func(a, b string) int { return age(a).Compare(age(b)) })
	var out []capture.Source
	for _, p := range found {
		out = append(out, newSource(p, o))
	}
	return out, nil
}

// newSource looks beside a database, by content, for what belongs to it.
func newSource(p string, o capture.Options) *source {
	d := dir{path: filepath.Dir(p), media: o.Media}
	s := &source{path: p, o: o}
	s.files[store] = filepath.Base(p)
	beside, _ := os.ReadDir(d.path) // what cannot be listed is not there
	for _, e := range beside[:min(len(beside), maxBeside)] {
		if !e.Type().IsRegular() {
			continue
		}
		if r, err := roleOf(filepath.Join(d.path, e.Name())); err == nil && r > store && s.files[r] == "" {
			s.files[r] = e.Name()
		}
	}
	for _, m := range []string{"Message", "Media"} {
		if info, err := os.Stat(filepath.Join(d.path, m)); err == nil && info.IsDir() && d.media == "" {
			d.media = filepath.Join(d.path, m)
		}
	}
	s.at = d
	return s
}

// maxBeside bounds how many files beside a database are looked into.
const maxBeside = 1000

// notMedia reports files that lie among the media and are none.
func notMedia(p string) bool {
	b := filepath.Base(p)
	return b == ".DS_Store" || b == ".nomedia"
}

// age orders databases by when they were written, as the file system says.
func age(p string) time.Time {
	info, err := os.Stat(p)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

var sqliteMagic = []byte("SQLite format 3\x00")

// roleOf tells by the words of the schema, which stand in the first pages.
// What is opened is looked at again.
func roleOf(p string) (role, error) {
	f, err := os.Open(p)
	if err != nil {
		return other, fmt.Errorf("read: %w", err)
	}
	head := make([]byte, len(sqliteMagic), 1<<20)
	_, err = io.ReadFull(f, head)
	if err == nil && bytes.Equal(head, sqliteMagic) {
		var n int
		n, err = io.ReadFull(f, head[len(head):cap(head)])
		head = head[:len(head)+n]
	}
	if closed := f.Close(); closed != nil && err == nil {
		err = closed
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return other, fmt.Errorf("read: %w", err)
	}
	if !bytes.HasPrefix(head, sqliteMagic) {
		return other, capture.ErrNotMine
	}
	for r, table := range [roles]string{store: sessions, contacts: "ZWAADDRESSBOOKCONTACT", lids: "ZWAPHONENUMBERLIDPAIR", history: calls} {
		if table != "" && bytes.Contains(head, []byte(table)) {
			return role(r), nil
		}
	}
	return other, nil
}

// errNotWhatsApp is for databases with WhatsApp's table names and other
// columns.
var errNotWhatsApp = errors.New("this is a SQLite database, and not one of WhatsApp's: it has none of its tables of messages")

// open keeps the files as evidence and reads them into private copies.
func (r *run) open() error {
	for i, name := range r.s.files {
		if name == "" {
			continue
		}
		db, err := r.database(name)
		r.db[i] = db
		switch {
		case err == nil:
		case role(i) == store || r.Ctx.Err() != nil || errors.Is(err, errKeep):
			return fmt.Errorf("%s: %w", name, err)
		default:
			r.Sum.Warnings = append(r.Sum.Warnings, "One of the databases beside it, "+names[i]+", could not be read: names, numbers or calls may be missing.")
		}
	}
	db := r.db[store]
	if t := db.Table(messages); t == nil || t.Key != "Z_PK" || !t.Has("ZCHATSESSION") || db.Table(sessions) == nil {
		return fmt.Errorf("%s: %w", r.s.files[store], errNotWhatsApp)
	}
	return nil
}

const logLost = "-wal: the log, which has what is newest, cannot be read"

// errKeep marks errors of the archive, not of a file.
var errKeep = errors.New("keep the evidence")

// database keeps a file, and the log beside it, and opens a private copy.
func (r *run) database(name string) (*foreign.DB, error) {
	if err := r.evidence(name); err != nil {
		return nil, err
	}
	f, err := r.s.at.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var wal io.Reader
	switch w, err := r.s.at.Open(name + "-wal"); {
	case err == nil:
		defer w.Close() //nolint:errcheck // only read
		switch err := r.evidence(name + "-wal"); {
		case errors.Is(err, errKeep):
			return nil, err
		case err != nil:
			r.Sum.Damage = append(r.Sum.Damage, name+logLost)
		default:
			wal = w
		}
	case !errors.Is(err, fs.ErrNotExist):
		r.Sum.Damage = append(r.Sum.Damage, name+logLost)
	}
	return foreign.Copy(r.Ctx, r.s.o.Scratch, &cut{Reader: f, say: func(error) {}}, wal)
}

func (r *run) evidence(name string) error {
	f, err := r.s.at.Open(name)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	in := &watched{Reader: &cut{Reader: f, say: func(err error) { r.Sum.Damage = append(r.Sum.Damage, name+": "+err.Error()) }}}
	err = errors.Join(r.Keep(filepath.Base(name), in), f.Close())
	if err != nil && in.err == nil {
		return fmt.Errorf("%w: %w", errKeep, err)
	}
	return err
}

// cut ends a file where it is damaged, after saying so: what comes before can
// be read.
type cut struct {
	io.Reader
	n   int64
	say func(error)
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.n += int64(n); c.n > 0 && errors.Is(err, backup.ErrDamaged) {
		c.say(err)
		err = io.EOF
	}
	return n, err
}

// watched tells errors of a file from those of the archive.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// stem is a database's name in the ledger.
func (r role) stem() string { return strings.TrimSuffix(names[r], ".sqlite") }
