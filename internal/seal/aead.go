// Package seal holds the keys of an archive and what they close: the ring,
// wrapped data keys, pack frames, commitments and sealed streams.
//
// It knows nothing of databases, files of the archive or the log. Key types
// have no String and no LogValue, so that they cannot be printed by mistake.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the size of every symmetric key, in bytes.
const KeySize = 32

// Key is a symmetric key.
type Key [KeySize]byte

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails: crypto/rand.Read aborts the program instead
	return k
}

// Zero overwrites k.
func (k *Key) Zero() { clear(k[:]) }

// derive returns a key that serves purpose and nothing else.
func (k *Key) derive(purpose string) Key {
	var d Key
	b, err := hkdf.Key(sha256.New, k[:], nil, purpose, KeySize)
	if err != nil {
		panic("seal: hkdf: " + err.Error()) // only for lengths over 255 hashes
	}
	copy(d[:], b)
	return d
}

// ErrOpen is returned for anything sealed that does not open: changed, cut, or
// sealed under another key. Which of them cannot be told, on purpose.
var ErrOpen = errors.New("seal broken or wrong key")

// gcm returns AES-256-GCM with a random nonce in front of what it seals. A
// counter would repeat after a restore from a copy, which is fatal for GCM.
func (k *Key) gcm() cipher.AEAD {
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic("seal: aes: " + err.Error()) // only for wrong key sizes
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		panic("seal: gcm: " + err.Error())
	}
	return a
}

// Seal closes plain under k, bound to context.
func (k *Key) Seal(plain []byte, context string) []byte {
	return k.gcm().Seal(nil, nil, plain, []byte(context))
}

// Open is the inverse of Seal.
func (k *Key) Open(sealed []byte, context string) ([]byte, error) {
	plain, err := k.gcm().Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// wrapContext binds wrapped keys, so that no other sealed thing passes for one.
const wrapContext = "waxseal key v1"

// Wrap seals a key under k: 60 bytes.
func (k *Key) Wrap(inner Key) []byte { return k.Seal(inner[:], wrapContext) }

// Unwrap is the inverse of Wrap.
func (k *Key) Unwrap(wrapped []byte) (Key, error) {
	var inner Key
	b, err := k.Open(wrapped, wrapContext)
	if err != nil {
		return inner, err
	}
	if len(b) != KeySize {
		return inner, fmt.Errorf("unwrap key: %w", ErrOpen)
	}
	copy(inner[:], b)
	clear(b)
	return inner, nil
}
