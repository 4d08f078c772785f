package android

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
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/android/crypt"
	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// find looks for databases at path: a file, or a folder with all that belongs
// to one phone.
func find(ctx context.Context, p string, o capture.Options) ([]capture.Source, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if info.IsDir() {
		return findIn(ctx, p, o)
	}
	if packed(p) {
		return nil, errPacked
	}
	key, err := keyOf(o.Key, filepath.Dir(p))
	if err != nil {
		return nil, err
	}
	switch k, err := kindOf(ctx, p, key); {
	case err != nil:
		return nil, err
	case k == store, k == added:
		return []capture.Source{newSource(p, key, k, o)}, nil
	case k == contacts:
		return nil, errContacts
	}
	return nil, capture.ErrNotMine
}

// errContacts is for a database of contacts that is imported by itself.
var errContacts = errors.New("this is WhatsApp's database of contacts: import msgstore.db, or the folder that holds both")

// errPacked is for a backup in a zip.
var errPacked = errors.New("this zip holds a backup of a phone. Unpack it and import the folder")

// packed reports whether a file is a zip with a phone's database in it.
func packed(p string) bool {
	z, err := zip.OpenReader(p)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return false
	}
	defer z.Close() //nolint:errcheck // only read
	return slices.ContainsFunc(z.File, func(f *zip.File) bool {
		name := path.Base(f.Name)
		return strings.HasPrefix(name, "msgstore") && isDatabase(name) || name == "ChatStorage.sqlite" || name == "Manifest.db"
	})
}

// isDatabase reports names of databases and of containers.
func isDatabase(name string) bool {
	return strings.HasSuffix(name, ".db") || strings.Contains(name, ".crypt")
}

// newSource looks beside a database for what belongs to it.
func newSource(p string, key *crypt.Key, k kind, o capture.Options) *source {
	s := &source{path: p, key: key, kind: k, o: o, media: o.Media}
	dir := filepath.Dir(p)
	for _, folder := range []string{".", "../Backups", "../databases"} {
		for _, name := range []string{"wa.db", "wa.db.crypt15", "wa.db.crypt14", "wa.db.crypt12"} {
			if wa := filepath.Join(dir, folder, name); s.wa == "" && regular(wa) {
				s.wa = wa
			}
		}
	}
	for _, folder := range []string{".", ".."} {
		media := filepath.Join(dir, folder, "Media")
		if info, err := os.Stat(media); s.media == "" && err == nil && info.IsDir() {
			s.media = media
		}
	}
	return s
}

func regular(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular()
}

// maxLook bounds how many files of a folder are looked into.
const maxLook = 100_000

// findIn looks through a folder. Backups are read oldest first; the one in
// clear counts where a container of the same name lies beside it. What cannot
// be read is found all the same, and fails when it is run; without a key, a
// container with another name than msgstore is one of those that have no
// messages.
func findIn(ctx context.Context, dir string, o capture.Options) ([]capture.Source, error) {
	l, err := list(dir, &o)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(o.Key, l.dirs...)
	if err != nil {
		return nil, err
	}
	var found []*source
	var bad []capture.Source
	var names []string // of databases of contacts
	first := capture.ErrNotMine
	for _, p := range l.files {
		if i := strings.LastIndex(p, ".crypt"); i > 0 && slices.Contains(l.files, p[:i]) {
			continue
		}
		k, err := kindOf(ctx, p, key)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch is := strings.HasPrefix(filepath.Base(p), "msgstore"); {
		case err == nil && (k == store || k == added):
			found = append(found, newSource(p, key, k, o))
		case err == nil && k == contacts:
			names = append(names, p)
		case err != nil && !errors.Is(err, capture.ErrNotMine) && errors.Is(first, capture.ErrNotMine):
			first = fmt.Errorf("%s: %w", filepath.Base(p), err)
			fallthrough
		case is:
			if err == nil || errors.Is(err, capture.ErrNotMine) {
				err = errNoStore
			}
			if is || !errors.Is(err, errNoKey) {
				bad = append(bad, capture.Broken(p, err))
			}
		}
	}
	if len(found) == 0 {
		return nil, first
	}
	slices.SortStableFunc(found, func(a, b *source) int { return age(a.path).Compare(age(b.path)) })
	var out []capture.Source
	for _, s := range found {
		if s.media == "" && len(l.media) == 1 {
			s.media = l.media[0]
		}
		if s.wa == "" && len(names) == 1 {
			s.wa = names[0]
		}
		out = append(out, s)
	}
	return append(out, bad...), nil
}

// errNoStore is for a file with the name of WhatsApp's database that is none.
var errNoStore = errors.New("this is no database of WhatsApp's messages, and no backup of one: it was not copied whole, perhaps")

// listed is what a folder holds that may belong to a phone.
type listed struct {
	files []string // that may be databases
	dirs  []string // in which a key may lie
	media []string // folders of media
}

func list(dir string, o *capture.Options) (l listed, err error) {
	looked := 0
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be listed cannot be recognised
		case d.IsDir() && o.Owns(p):
			return filepath.SkipDir
		case d.IsDir():
			if d.Name() == "Media" && p != dir {
				l.media = append(l.media, p)
				return filepath.SkipDir
			}
			l.dirs = append(l.dirs, p)
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		if looked++; looked > maxLook {
			return filepath.SkipAll
		}
		if isDatabase(filepath.Base(p)) {
			l.files = append(l.files, p)
		}
		return nil
	})
	if err != nil {
		return l, fmt.Errorf("look through the folder: %w", err)
	}
	return l, nil
}

// kind is what a file is, by its content.
type kind int

const (
	other    kind = iota
	store         // msgstore.db
	contacts      // wa.db
	added         // an increment of msgstore.db
)

var sqliteMagic = []byte("SQLite format 3\x00")

// kindOf looks into a file, and into the container that it may be.
func kindOf(ctx context.Context, p string, key *crypt.Key) (k kind, err error) {
	f, err := os.Open(p)
	if err != nil {
		return other, fmt.Errorf("read: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var r io.Reader = f
	if !startsWith(f, sqliteMagic) {
		plain, _, err := unseal(ctx, f, key)
		if err != nil {
			return other, err
		}
		if plain.Kind == crypt.ZIP {
			return kindOfZIP(plain)
		}
		if plain.Kind != crypt.SQLite {
			return other, capture.ErrNotMine
		}
		r = plain
	}
	head := make([]byte, 1<<20)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return other, fmt.Errorf("read: %w", err)
	}
	return kindOfSchema(head[:n]), nil
}

func kindOfZIP(plain *crypt.Plain) (kind, error) {
	z, err := openIncrement(plain)
	if err != nil || !isIncrement(z) {
		return other, errors.Join(err, capture.ErrNotMine)
	}
	return added, nil
}

func startsWith(r io.ReaderAt, magic []byte) bool {
	head := make([]byte, len(magic))
	n, _ := r.ReadAt(head, 0) // what cannot be read does not start with it
	return bytes.Equal(head[:n], magic)
}

// errNoKey is for a container without a key.
var errNoKey = errors.New("the backup is encrypted: give its key with --key, the 64 digits or the file that holds them (encrypted_backup.key; for .crypt12 and .crypt14 the file named key)")

// maxPlain bounds what a container may unpack to.
const maxPlain = 1 << 40

// unseal checks the seal of a container and begins to read what is in it.
// capture.ErrNotMine: it is no container.
func unseal(ctx context.Context, f *os.File, key *crypt.Key) (*crypt.Plain, *crypt.Verified, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("read: %w", err)
	}
	c, err := crypt.Inspect(f, info.Size())
	if errors.Is(err, crypt.ErrNotContainer) {
		return nil, nil, capture.ErrNotMine
	}
	if err != nil {
		return nil, nil, err
	}
	if key == nil {
		return nil, nil, errNoKey
	}
	v, err := c.Verify(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	plain, err := v.Plain(ctx, maxPlain)
	return plain, v, err
}

// keyOf reads the key that was given: a file's name, or the digits. Without
// one, a key that lies beside the backups counts.
func keyOf(given string, beside ...string) (*crypt.Key, error) {
	if given != "" {
		b, err := os.ReadFile(given)
		if err != nil && !strings.ContainsAny(given, `/\.`) { // not the name of a file
			b, err = []byte(given), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the key: %w", err)
		}
		return crypt.ParseKey(b)
	}
	for _, name := range []string{"encrypted_backup.key", "key"} {
		for _, dir := range beside {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				if key, err := crypt.ParseKey(b); err == nil {
					return key, nil
				}
			}
		}
	}
	return nil, nil //nolint:nilnil // no key is an answer: what is in clear needs none
}

// kindOfSchema tells by the words of the schema, which stand in the first
// pages. What is opened is looked at again.
func kindOfSchema(head []byte) kind {
	low := bytes.ToLower(head)
	has := func(words ...string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !bytes.Contains(low, []byte(w)) })
	}
	switch {
	case has("key_remote_jid"), has("chat_row_id", "key_id"):
		return store
	case has("wa_contacts"):
		return contacts
	}
	return other
}

// inputs are the databases of one import, opened.
type inputs struct {
	db, wa *foreign.DB
	zip    *zip.Reader // instead of db: an increment
}

func (in *inputs) close() error {
	var errs []error
	for _, db := range []*foreign.DB{in.db, in.wa} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// errNotWhatsApp is for databases with WhatsApp's table names and other
// columns.
var errNotWhatsApp = errors.New("this is a SQLite database, and not one of WhatsApp's: it has none of its tables of messages")

// open keeps the files as evidence and reads them into private copies.
func (r *run) open() (err error) {
	if r.s.kind == added {
		if r.in.zip, err = r.openZIP(r.s.path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(r.s.path), err)
		}
		return nil
	}
	if r.in.db, err = r.database(r.s.path); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(r.s.path), err)
	}
	if !ours(r.in.db) {
		return fmt.Errorf("%s: %w", filepath.Base(r.s.path), errNotWhatsApp)
	}
	if r.s.wa != "" {
		if r.in.wa, err = r.database(r.s.wa); err != nil {
			r.in.wa = nil
			r.Sum.Warnings = append(r.Sum.Warnings, "The database of contacts beside it could not be read: names may be missing.")
		}
	}
	for _, table := range []string{"message", "messages"} {
		if r.in.db.Table(table) != nil {
			err := r.in.db.Query(`SELECT count(*) FROM `+foreign.Quote(table), func(row foreign.Row) error {
				n, _ := row.Values[0].(int64)
				r.Total += n
				return nil
			})
			if err != nil {
				return fmt.Errorf("count messages: %w", err)
			}
		}
	}
	return nil
}

// ours reports whether a database has WhatsApp's messages.
func ours(db *foreign.DB) bool {
	if t := db.Table("message"); t != nil && t.Key == "_id" && t.Has("chat_row_id") && t.Has("key_id") {
		return true
	}
	t := db.Table("messages")
	return t != nil && t.Key == "_id" && t.Has("key_remote_jid") && t.Has("key_id")
}

// database keeps a file, and the log beside it, and opens a private copy.
func (r *run) database(p string) (db *foreign.DB, err error) {
	if err := r.keepFile(p); err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if !startsWith(f, sqliteMagic) {
		return r.container(p, f)
	}
	var wal io.Reader
	if regular(p + "-wal") {
		if err := r.keepFile(p + "-wal"); err != nil {
			return nil, err
		}
		w, err := os.Open(p + "-wal")
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		defer func() { err = errors.Join(err, w.Close()) }()
		wal = w
	}
	return foreign.Copy(r.Ctx, r.s.o.Scratch, f, wal)
}

// container keeps what is in a container, too: without the key, nobody could
// read it later.
func (r *run) container(p string, f *os.File) (*foreign.DB, error) {
	plain, v, err := unseal(r.Ctx, f, r.s.key)
	if err != nil {
		return nil, err
	}
	db, err := foreign.Copy(r.Ctx, r.s.o.Scratch, plain, nil)
	if err != nil {
		return nil, err
	}
	if err := r.opened(p, v, plain); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// opened keeps the content of a container that was read to its end, and notes
// how it was opened.
func (r *run) opened(p string, v *crypt.Verified, plain *crypt.Plain) error {
	if err := r.warn(v, plain); err != nil {
		return err
	}
	again, err := v.Plain(r.Ctx, maxPlain)
	if err != nil {
		return err
	}
	name := filepath.Base(p)
	if i := strings.LastIndex(name, ".crypt"); i > 0 {
		name = name[:i]
	}
	if err := r.Keep(name, again); err != nil {
		return err
	}
	r.Sum.Container = &capture.Container{Key: r.s.key.Fingerprint(), Checksum: v.Checksum.String()}
	return nil
}

// warn says what is odd about a container whose seal holds.
func (r *run) warn(v *crypt.Verified, plain *crypt.Plain) error {
	if n, err := plain.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the backup to its end: %w", err)
	}
	switch v.Checksum {
	case crypt.ChecksumWrong:
		r.Sum.Warnings = append(r.Sum.Warnings, "The checksum at the end of the backup is wrong and its seal is right: the content is what the phone sealed.")
	case crypt.ChecksumAbsent:
		r.Sum.Warnings = append(r.Sum.Warnings, "The backup has no checksum at its end: the file was cut there. Its seal is right: the content is what the phone sealed.")
	case crypt.ChecksumRight:
	}
	if n := plain.Trailing(); n > 0 {
		r.Sum.Warnings = append(r.Sum.Warnings, fmt.Sprintf("%d bytes stand behind the content of the backup; WhatsApp leaves none.", n))
	}
	return nil
}

func (r *run) keepFile(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return errors.Join(r.Keep(filepath.Base(p), f), f.Close())
}

// age orders backups: by when they were written, as the file system says.
func age(p string) time.Time {
	info, err := os.Stat(p)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
