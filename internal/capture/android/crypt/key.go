package crypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

const (
	keySize = 32
	digits  = 2 * keySize
	// maxKeyFile is far more than any key needs, with all its spaces.
	maxKeyFile = 4 << 10
)

// keyKind is where a key came from.
type keyKind int

const (
	bareKey keyKind = iota // typed, or 32 bytes
	fileKey                // "key"
	rootKey                // "encrypted_backup.key"
)

// Key opens backups. However it is printed, it shows its fingerprint.
type Key struct {
	kind   keyKind
	secret [keySize]byte
	salt   [32]byte // of a key file
	google [16]byte
}

// Both key files are a serialised Java byte[]: this, a length, the bytes.
var javaBytes = []byte("\xac\xed\x00\x05ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00xp")

// The file "key" holds cipher version, key version, server salt, Google ID,
// its SHA-256, 16 zeros and the AES key.
const (
	fileSalt   = 3
	fileGoogle = 35
	fileSecret = 99
	fileSize   = 131
)

// ParseKey reads a key in any form that people have it in: the files "key" and
// "encrypted_backup.key", 32 bytes, or 64 digits with whatever spaces, dashes
// and line breaks stand between them.
func ParseKey(b []byte) (*Key, error) {
	k := &Key{}
	if rest, ok := bytes.CutPrefix(b, javaBytes); ok {
		if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) != uint64(len(rest)-4) {
			return nil, fmt.Errorf("%w: the key file is cut off or has something behind its end", ErrKeyFormat)
		}
		switch rest = rest[4:]; len(rest) {
		case fileSize:
			k.kind = fileKey
			copy(k.salt[:], rest[fileSalt:])
			copy(k.google[:], rest[fileGoogle:])
			copy(k.secret[:], rest[fileSecret:])
		case keySize:
			k.kind = rootKey
			copy(k.secret[:], rest)
		default:
			return nil, fmt.Errorf("%w: the key file holds %d bytes; it should be %d or %d", ErrKeyFormat, len(rest), fileSize, keySize)
		}
		return k, nil
	}
	// 32 bytes that are digits are half of a typed key, not a whole one.
	if len(b) == keySize && !isDigits(b) {
		copy(k.secret[:], b)
		return k, nil
	}
	if err := k.typed(b); err != nil {
		k.Zero()
		return nil, err
	}
	return k, nil
}

// typed reads 64 digits. Its errors say where, never what.
func (k *Key) typed(b []byte) error {
	if len(b) > maxKeyFile {
		return fmt.Errorf("%w: it is too long", ErrKeyFormat)
	}
	var hexed [digits]byte
	defer clear(hexed[:])
	n := 0
	for len(b) > 0 {
		r, w := utf8.DecodeRune(b)
		b = b[w:]
		switch {
		case separates(r):
			continue
		case !isDigit(r):
			return fmt.Errorf("%w: after %d digits stands something that is none (0 to 9, a to f)", ErrKeyFormat, n)
		case n < digits:
			hexed[n] = byte(r)
		}
		n++
	}
	if n != digits {
		return fmt.Errorf("%w: it has %d digits and should have %d", ErrKeyFormat, n, digits)
	}
	_, err := hex.Decode(k.secret[:], hexed[:])
	return err
}

// separates reports what may stand between digits: spaces, all dashes, and
// the invisible marks that come along when a key is copied from a page.
func separates(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf)
}

func isDigit(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if r := rune(c); !isDigit(r) && !separates(r) {
			return false
		}
	}
	return true
}

// Zero overwrites k. What Verify made of it stays open.
func (k *Key) Zero() { *k = Key{} }

// Fingerprint names a key without showing it. It is the same for the 64 digits
// and for the file that holds them.
func (k *Key) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte("waxseal backup key v1\x00"))
	h.Write(k.secret[:])
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Format implements fmt.Formatter for every verb: a key is not printed by
// mistake.
func (k Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "key "+k.Fingerprint()) }

// block is the cipher that k opens c with. The tag decides whether it is the
// right one, but a key of the wrong kind or account can be told at once.
func (c *Container) block(k *Key) (cipher.Block, error) {
	switch {
	case c.Version == 15 && k.kind == fileKey:
		return nil, fmt.Errorf("%w: a .crypt15 backup asks for the 64-digit key or the file \"encrypted_backup.key\", and this is the file \"key\"", ErrKeyKind)
	case c.Version != 15 && k.kind == rootKey:
		return nil, fmt.Errorf("%w: a .crypt%d backup asks for the file \"key\", and this is \"encrypted_backup.key\"", ErrKeyKind, c.Version)
	case k.kind == fileKey && !c.sameAccount(k):
		return nil, ErrWrongAccount
	case c.Version != 15:
		return aes.NewCipher(k.secret[:])
	}
	b, err := hkdf.Key(sha256.New, k.secret[:], nil, "backup encryption", keySize)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return aes.NewCipher(b)
}
