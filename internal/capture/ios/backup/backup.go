// Package backup opens what Finder, iTunes and their like make of an iPhone: a
// folder with a file for each of the phone's, named by a hash, and Manifest.db,
// which says what each of them was. With a password, all of them are encrypted.
//
// Nothing is written here, least of all beside the backup, which is evidence.
// Manifest.db is handed out as a stream, in clear; who reads it keeps a private
// copy (foreign.Copy) and gives back that. It must never import archive, index
// or web.
package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
)

// Errors of a backup.
var (
	ErrNotBackup  = fmt.Errorf("%w: it is no backup of an iPhone", capture.ErrNotMine)
	ErrOld        = errors.New("the backup is of iOS 9 or older, and is not read. Restore it to a phone and back that up again")
	ErrIncomplete = errors.New("the backup was not copied or not made whole. Copy its whole folder again")
	ErrDamaged    = errors.New("the backup is damaged")
	ErrLocked     = errors.New("the backup is encrypted and needs its password")
	ErrPassword   = errors.New("that is not the backup's password")
	ErrClass      = errors.New("the file's key opens on the phone alone")
	ErrAbsent     = errors.New("the backup does not hold this file")
	ErrNotRegular = errors.New("it is a folder or a link, not a file")
	ErrNoWhatsApp = errors.New("the backup holds no WhatsApp. WhatsApp leaves itself out when its end-to-end encrypted iCloud backup is on: turn that off, and back the phone up again")
)

// Info is what a backup says of itself without a password.
type Info struct {
	Device    string // what its owner calls the phone
	Number    string // as the phone shows it
	Product   string // iPhone14,5
	IOS       string // 17.2
	UDID      string
	Made      time.Time
	Encrypted bool
	// Unfinished says that the backup was still being made when it was copied,
	// or was broken off: files may be missing, or be those of an earlier one.
	Unfinished bool
}

// LogValue keeps the owner's name and number out of logs.
func (i Info) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ios", i.IOS), slog.Bool("encrypted", i.Encrypted))
}

// Backup is an open backup. Its methods may be used by several goroutines,
// except Unlock and Close.
type Backup struct {
	Info Info

	root        *os.Root // links that lead out of it are not followed
	keybag      []byte
	manifestKey []byte
	keys        map[uint32][]byte // of the protection classes, once unlocked
}

// Find finds the backups in a folder: itself, or those beside each other in
// it, as Finder keeps them. One that cannot be read is found too; Open says
// why.
func Find(dir string) ([]string, error) {
	if is, err := isBackup(dir); is || err != nil {
		return []string{dir}, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, n := range names {
		if !n.IsDir() {
			continue
		}
		path := filepath.Join(dir, n.Name())
		is, err := isBackup(path)
		if err != nil {
			return nil, err
		}
		if is {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return nil, ErrNotBackup
	}
	return found, nil
}

func isBackup(dir string) (bool, error) {
	b, err := Open(dir)
	switch {
	case err == nil:
		return true, b.Close()
	case errors.Is(err, ErrNotBackup):
		return false, nil
	case errors.Is(err, ErrOld) || errors.Is(err, ErrIncomplete) || errors.Is(err, ErrDamaged):
		return true, nil
	}
	return false, err
}

// Open opens the backup in a folder and reads what it says of itself. An
// encrypted one is then to be unlocked.
func Open(dir string) (*Backup, error) {
	if fi, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !fi.IsDir() {
		return nil, ErrNotBackup
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	b := &Backup{root: root}
	if err := b.describe(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return b, nil
}

// Close closes the backup and forgets its keys. What readers that are still
// open hold of theirs is out of its reach.
func (b *Backup) Close() error {
	b.forget()
	return b.root.Close()
}

func (b *Backup) forget() {
	for _, key := range b.keys {
		clear(key)
	}
	b.keys = nil
}

// describe tells by content whether the folder is a backup, and reads the
// lists beside the files.
func (b *Backup) describe() error {
	manifest, err := b.plist("Manifest.plist")
	unread := errors.Is(err, errPlist)
	if err != nil && !unlisted(err) {
		return err
	}
	info, err := b.plist("Info.plist")
	if err != nil && !unlisted(err) {
		return err
	}
	status, err := b.plist("Status.plist")
	if err != nil && !unlisted(err) {
		return err
	}
	db, err := b.head("Manifest.db")
	if err != nil {
		return err
	}
	old, err := b.head("Manifest.mbdb")
	if err != nil {
		return err
	}
	known := manifest != nil && (manifest.get("IsEncrypted") != nil || manifest.get("BackupKeyBag") != nil)
	mine := known || info != nil && info.get("Last Backup Date") != nil && info.get("Unique Identifier") != nil
	switch {
	case db == nil && bytes.HasPrefix(old, []byte("mbdb")):
		return ErrOld
	case !mine:
		return ErrNotBackup
	case db == nil:
		return fmt.Errorf("%w: Manifest.db is not there", ErrIncomplete)
	case unread || !known && !bytes.Equal(db, sqliteHead):
		return fmt.Errorf("%w: Manifest.plist, which holds the keys, is not there or not whole", ErrIncomplete)
	}
	b.Info = infoOf(info, manifest, status)
	b.keybag = value[[]byte](manifest, "BackupKeyBag")
	b.manifestKey = value[[]byte](manifest, "ManifestKey")
	if b.Info.Encrypted && b.keybag == nil {
		return fmt.Errorf("%w: it is encrypted, and its keybag is not there", ErrDamaged)
	}
	return nil
}

// unlisted reports that there is no such list, or none that can be read.
func unlisted(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errPlist) || errors.Is(err, errIrregular)
}

func infoOf(info, manifest, status dict) Info {
	phone := value[dict](manifest, "Lockdown")
	first := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	i := Info{
		Device:    first(value[string](info, "Device Name"), value[string](phone, "DeviceName")),
		Number:    value[string](info, "Phone Number"),
		Product:   first(value[string](info, "Product Type"), value[string](phone, "ProductType")),
		IOS:       first(value[string](info, "Product Version"), value[string](phone, "ProductVersion")),
		UDID:      first(value[string](info, "Unique Identifier"), value[string](phone, "UniqueDeviceID")),
		Made:      value[time.Time](info, "Last Backup Date"),
		Encrypted: value[bool](manifest, "IsEncrypted"),
	}
	if i.Made.IsZero() {
		i.Made = value[time.Time](manifest, "Date")
	}
	state := value[string](status, "SnapshotState")
	i.Unfinished = state != "" && state != "finished"
	return i
}

// Unlock opens the keys of an encrypted backup. It answers ErrPassword where
// the password is not the backup's, and may then be called again.
//
// Apple makes guessing slow: ten million rounds, which are seconds. progress,
// if it is not nil, is told how many are done; ctx breaks them off.
func (b *Backup) Unlock(ctx context.Context, password []byte, progress func(done, total int)) error {
	if !b.Info.Encrypted {
		return nil
	}
	if len(password) == 0 {
		return ErrLocked
	}
	bag, err := parseKeybag(b.keybag)
	if err != nil {
		return err
	}
	b.forget()
	b.keys, err = bag.unlock(ctx, password, progress)
	return err
}

var sqliteHead = []byte("SQLite format 3\x00")

// Manifest is Manifest.db in clear. It is to be copied, not kept, and what is
// made of it must not be in clear on any disk.
func (b *Backup) Manifest() (io.ReadCloser, error) {
	if b.Info.Encrypted && b.keys == nil {
		return nil, ErrLocked
	}
	f, err := b.open("Manifest.db")
	if err != nil {
		return nil, err
	}
	r, err := b.manifest(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (b *Backup) manifest(f *os.File) (io.ReadCloser, error) {
	src, err := b.plain(f, b.manifestKey, false) // before iOS 10.2 there is no key
	if err != nil {
		return nil, fmt.Errorf("open Manifest.db: %w", err)
	}
	r := bufio.NewReader(src)
	head, err := r.Peek(len(sqliteHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(head, sqliteHead) {
		return nil, fmt.Errorf("%w: Manifest.db is no database, or of another backup", ErrDamaged)
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}

// Open opens a file of the backup, in clear. What it reads ends with
// ErrDamaged, and not with io.EOF, where the file is not what the backup lists.
func (b *Backup) Open(file File) (io.ReadCloser, error) {
	switch {
	case file.Kind != Regular:
		return nil, ErrNotRegular
	case !validID(file.ID):
		return nil, fmt.Errorf("%w: its name is none", ErrDamaged)
	case file.broken != nil:
		return nil, file.broken
	case b.Info.Encrypted && b.keys == nil:
		return nil, ErrLocked
	}
	f, err := b.open(file.ID[:2] + "/" + file.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	r, err := b.plain(f, file.key, true)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &sized{Reader: r, Closer: f, want: file.Size}, nil
}

// plain deciphers what is encrypted. What has no key was not.
func (b *Backup) plain(src io.Reader, wrapped []byte, padded bool) (io.Reader, error) {
	if !b.Info.Encrypted || wrapped == nil {
		return src, nil
	}
	key, err := b.fileKey(wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newDecrypter(src, key, padded)
}

// validID reports whether a name is a hash, as all of them are, and so leads
// nowhere else.
func validID(id string) bool {
	if len(id) != 40 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

var errIrregular = fmt.Errorf("%w: a link or a folder stands where a file should", ErrDamaged)

// open opens a regular file of the folder. A link could lead to any other, and
// a pipe would keep the reader waiting.
func (b *Backup) open(name string) (*os.File, error) {
	fi, err := b.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errIrregular
	}
	return b.root.Open(name)
}

// maxPlist bounds the lists beside the files. Info.plist holds the icons of
// all apps.
const maxPlist = 64 << 20

func (b *Backup) plist(name string) (_ dict, err error) {
	f, err := b.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	body, err := io.ReadAll(io.LimitReader(f, maxPlist))
	if err != nil {
		return nil, err
	}
	return parsePlist(body)
}

// head is the start of a file, nil if there is none.
func (b *Backup) head(name string) (_ []byte, err error) {
	f, err := b.open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errIrregular) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, len(sqliteHead))
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}
