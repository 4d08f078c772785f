// Package crypt opens the containers around WhatsApp's backups on Android:
// .crypt12, .crypt14 and .crypt15.
//
// It works in two passes and constant memory. Verify reads the whole
// ciphertext and believes nothing until the seal of the phone, the tag of
// AES-256-GCM, holds; what it returns can be read in a second pass. A reader
// that decrypts first and looks at the tag last, or never, takes a changed
// backup for a real one.
//
// The package is pure: it knows nothing of databases, records or the archive,
// and imports none of them.
package crypt

import (
	"errors"
	"fmt"
	"io"
)

// Errors that a backup or a key is refused with. Each says what to do; none
// quotes a key or a number.
var (
	ErrNotContainer = errors.New("not an encrypted WhatsApp backup of Android (.crypt12, .crypt14, .crypt15)")
	ErrTruncated    = errors.New("the backup ends too early")
	ErrDamaged      = errors.New("the backup is damaged or was not copied whole: neither its checksum nor its seal is right. " +
		"Copy it from the phone again (a backup without a checksum, as of stickers, looks the same under a wrong key)")
	ErrWrongKey = errors.New("the key does not open this backup: it is another backup's key, or mistyped, " +
		"or the backup was altered and its checksum made anew")
	ErrWrongAccount = errors.New("the key file is another account's, or of another registration: " +
		"its server salt and Google ID are not those of the backup. Take the key file of the phone that wrote the backup")
	ErrKeyKind   = errors.New("this kind of key does not open this kind of backup")
	ErrKeyFormat = errors.New("not a key of WhatsApp's backups")
	ErrProtected = errors.New("the backup is protected by a password or a passkey. Those open a key that WhatsApp keeps on its servers, " +
		"so the file alone cannot be opened with them. Set a 64-digit key on the phone, back up again and give that key")
	ErrContent  = errors.New("the backup is as the phone sealed it, and what is in it cannot be unpacked")
	ErrTooLarge = errors.New("the backup unpacks to more than is allowed")
	ErrChanged  = errors.New("the backup changed while it was read. Import it again")
)

// errCut is for a container that is shorter than its parts.
var errCut = fmt.Errorf("%w. Copy it from the phone again", ErrTruncated)

// Lock is what closes a container.
type Lock int

// What closes a container. An older header does not tell digits from a
// password, and is taken for digits.
const (
	LockKeyFile  Lock = iota // the file "key" of the phone
	LockDigits               // the 64-digit key, or the file "encrypted_backup.key"
	LockPassword             // a key that a password opens, on WhatsApp's servers
	LockPasskey              // a key that a passkey opens, on WhatsApp's servers
)

func (l Lock) String() string {
	switch l {
	case LockKeyFile:
		return "key file"
	case LockDigits:
		return "64-digit key"
	case LockPassword:
		return "password"
	case LockPasskey:
		return "passkey"
	}
	return fmt.Sprintf("lock %d", int(l))
}

// Container is a backup that was recognised; nothing of it is authentic yet.
// The tag of GCM does not cover the header: what it says can be altered at
// will, and serves to find the key and to describe the file.
type Container struct {
	Version       int // 12, 14 or 15
	Lock          Lock
	KeyVersion    string
	ServerSalt    []byte // of the key file that opens it; crypt12 and crypt14
	GoogleID      []byte
	AppVersion    string
	PhoneSuffix   string // the last two digits of the account's number
	BackupVersion int
	Migrations    []Migration
	Header        []byte // as it stands in the file

	r      io.ReaderAt
	size   int64
	footer int64 // bytes after the tag and the checksum
	iv     []byte
}

// Migration is one of the header's "..._migration_finished" marks, by the
// number of its field: 10 and 34 say whether the table message has replaced
// messages.
type Migration struct {
	Field    int
	Finished bool
}

const (
	blockSize = 16 // of AES, and of the nonce, the tag and the checksum
	// maxHeader bounds a header. Real ones have 100 to 600 bytes.
	maxHeader = 64 << 10
	maxVarint = 3 // bytes of the length of the longest header
	// maxCiphertext is what GCM can seal under one nonce.
	maxCiphertext = (1<<32 - 2) * blockSize
)

// Inspect recognises a container by its content. ErrNotContainer: it is
// something else. ErrTruncated: it is one, and too short.
func Inspect(r io.ReaderAt, size int64) (*Container, error) {
	head := make([]byte, min(size, maxVarint+maxHeader))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return nil, fmt.Errorf("read the header of the backup: %w", err)
	}
	c, err := parseHeader(head)
	if err != nil {
		return nil, err
	}
	c.r, c.size = r, size
	if c.Version == 12 {
		if err := c.readFooter(); err != nil {
			return nil, err
		}
	}
	switch n := c.body() - blockSize; {
	case n < 0:
		return nil, errCut
	case n > maxCiphertext:
		return nil, fmt.Errorf("%w: it is larger than its cipher allows", ErrNotContainer)
	}
	return c, nil
}

// body is the size of ciphertext, tag and checksum.
func (c *Container) body() int64 { return c.size - int64(len(c.Header)) - c.footer }

// readFooter reads what only crypt12 has behind its checksum: "--" and two
// digits, or "----".
func (c *Container) readFooter() error {
	var b [4]byte
	c.footer = int64(len(b))
	if c.body() < 0 {
		return errCut
	}
	if _, err := io.ReadFull(io.NewSectionReader(c.r, c.size-c.footer, c.footer), b[:]); err != nil {
		return fmt.Errorf("read the end of the backup: %w", err)
	}
	digit := func(b byte) bool { return '0' <= b && b <= '9' }
	switch {
	case string(b[:]) == "----":
	case string(b[:2]) == "--" && digit(b[2]) && digit(b[3]):
		c.PhoneSuffix = string(b[2:])
	default:
		return errCut
	}
	return nil
}
