package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// Domains of WhatsApp's files.
const (
	Personal = "AppDomainGroup-group.net.whatsapp.WhatsApp.shared"
	Business = "AppDomainGroup-group.net.whatsapp.WhatsAppSMB.shared"
)

// chatStorage is the file without which there are no messages.
const chatStorage = "ChatStorage.sqlite"

// File is a row of Manifest.db. Domain and Path are what the phone wrote, or
// whoever had the backup since: they lead nowhere until somebody has looked at
// them.
type File struct {
	ID       string // the hash of domain and path; names the file in the backup
	Domain   string
	Path     string
	Kind     Kind
	Size     int64
	Modified time.Time
	Created  time.Time

	key    []byte // class and wrapped key; nil if there is none
	broken error  // the row's own fault, told when the file is opened
}

// Kind is what a file was on the phone.
type Kind int64

// Kinds of files, as Manifest.db numbers them.
const (
	Regular   Kind = 1
	Directory Kind = 2
	Symlink   Kind = 4
)

// maxRecord bounds what is read of a file's record; they are 2 KiB, with
// extended attributes some more.
const maxRecord = 1 << 20

const filesOf = `
	SELECT fileID, domain, relativePath, flags, CASE WHEN length(file) <= ?2 THEN file END
	FROM Files WHERE domain = ?1`

// The plus leaves the search to the index of paths: a domain has thousands.
const fileNamed = `
	SELECT fileID, domain, relativePath, flags, CASE WHEN length(file) <= ?2 THEN file END
	FROM Files WHERE +domain = ?1 AND relativePath = ?3`

// Files lists what a backup has in one domain. A row that cannot be read is
// listed as well, and says so when it is opened.
func Files(manifest *foreign.DB, domain string) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		more := true
		err := files(manifest, filesOf, func(f File) bool { more = yield(f, nil); return more }, domain, int64(maxRecord))
		if err != nil && more { // who has seen enough needs no more
			yield(File{}, err)
		}
	}
}

// Lookup finds one file of a backup, ErrAbsent if it lists none of that name.
func Lookup(manifest *foreign.DB, domain, path string) (File, error) {
	var found File
	err := files(manifest, fileNamed, func(f File) bool { found = f; return false }, domain, int64(maxRecord), path)
	if err == nil && found.Domain == "" {
		err = ErrAbsent
	}
	return found, err
}

// WhatsApp lists the domains in which a backup has WhatsApp's messages, or
// answers ErrNoWhatsApp. An empty domain is no sign of them: phones list the
// folders of apps that they do not back up.
func WhatsApp(manifest *foreign.DB) ([]string, error) {
	var found []string
	for _, domain := range []string{Personal, Business} {
		f, err := Lookup(manifest, domain, chatStorage)
		switch {
		case errors.Is(err, ErrAbsent) || err == nil && f.Kind != Regular:
		case err != nil:
			return nil, err
		default:
			found = append(found, domain)
		}
	}
	if len(found) == 0 {
		return nil, ErrNoWhatsApp
	}
	return found, nil
}

func files(manifest *foreign.DB, query string, yield func(File) bool, args ...any) error {
	if manifest.Table("Files") == nil {
		return fmt.Errorf("%w: Manifest.db has no list of files", ErrDamaged)
	}
	err := manifest.Query(query, func(r foreign.Row) error {
		kind, _ := r.Values[3].(int64)
		record, _ := r.Values[4].([]byte)
		f := File{ID: text(r.Values[0]), Domain: text(r.Values[1]), Path: text(r.Values[2]), Kind: Kind(kind)}
		f.broken = f.read(record)
		if !yield(f) {
			return errEnough
		}
		return nil
	}, args...)
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil && len(manifest.Damage()) > 0: // what is left of a list is not the list
		return fmt.Errorf("%w: Manifest.db: %s", ErrDamaged, manifest.Damage()[0])
	case err != nil:
		return fmt.Errorf("%w: read Manifest.db: %w", ErrDamaged, err)
	}
	return nil
}

// errEnough ends a reading early.
var errEnough = errors.New("enough")

func text(v any) string { s, _ := v.(string); return s }

// read takes from a file's record, an MBFile that NSKeyedArchiver wrote, what
// opens the file. The archive is a list of objects that name each other by
// number.
func (f *File) read(record []byte) error {
	archive, err := parsePlist(record)
	if err != nil {
		return fmt.Errorf("%w: the file's record is %w", ErrDamaged, err)
	}
	objects := value[array](archive, "$objects")
	object := func(v any) any {
		if id, ok := v.(uid); ok && objects != nil {
			return objects.at(uint64(id))
		}
		return v
	}
	root := value[uid](value[dict](archive, "$top"), "root")
	file, _ := object(root).(dict)
	size := value[int64](file, "Size")
	if file == nil || file.get("Size") == nil || size < 0 {
		return fmt.Errorf("%w: the file's record is %w", ErrDamaged, errPlist)
	}
	f.Size = size
	f.Modified = time.Unix(value[int64](file, "LastModified"), 0).UTC()
	f.Created = time.Unix(value[int64](file, "Birth"), 0).UTC()
	if f.Kind == 0 { // not every tool that makes backups says it in the row
		f.Kind = kindOf(value[int64](file, "Mode"))
	}
	if wrapped := file.get("EncryptionKey"); wrapped != nil {
		key := object(wrapped)
		if data, ok := key.(dict); ok {
			key = object(data.get("NS.data"))
		}
		raw, _ := key.([]byte) // one that cannot be read is still one: empty
		f.key = append([]byte{}, raw...)
	}
	return nil
}

// kindOf is the kind that a file's mode says.
func kindOf(mode int64) Kind {
	switch mode & 0o170000 {
	case 0o100000:
		return Regular
	case 0o040000:
		return Directory
	case 0o120000:
		return Symlink
	}
	return 0
}

// fileKey unwraps the key of a file, or of Manifest.db: the number of its
// class, and the key as that class's key wraps it.
func (b *Backup) fileKey(wrapped []byte) ([]byte, error) {
	if len(wrapped) != 4+wrappedSize {
		return nil, fmt.Errorf("%w: its key has a wrong length", ErrDamaged)
	}
	classKey := b.keys[binary.LittleEndian.Uint32(wrapped)]
	if classKey == nil {
		return nil, ErrClass
	}
	key, err := unwrap(classKey, wrapped[4:])
	if errors.Is(err, errUnwrap) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return key, err
}
