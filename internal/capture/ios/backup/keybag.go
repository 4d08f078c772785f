package backup

import (
	"context"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

var errKeybag = fmt.Errorf("%w: its keybag cannot be read", ErrDamaged)

// keybag is how the keys of a backup's protection classes are kept: wrapped
// under a key that is made of the password.
type keybag struct {
	salt, salt2     []byte // salt2 is that of the first derivation, since iOS 10.2
	rounds, rounds2 uint32
	classes         []wrapped
}

type wrapped struct {
	class uint32
	wrap  uint32
	key   []byte
}

const (
	// typeBackup is the keybag of a backup; others open on their phone alone.
	typeBackup = 1
	// wrapPassword marks a key that the password's unwraps.
	wrapPassword = 2
	// keySize is that of every key, wrappedSize that of one wrapped.
	keySize, wrappedSize = 32, 40
	// maxRounds is ten times what Apple asks for.
	maxRounds  = 100_000_000
	maxClasses = 64

	tagClass = "CLAS" //nolint:misspell // Apple's
)

// parseKeybag reads tags of 4 letters, each with a length and a value. A UUID
// begins a class, except the first, which is the keybag's own.
func parseKeybag(b []byte) (*keybag, error) {
	k := &keybag{}
	kind, uuids := uint32(0), 0
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, errKeybag
		}
		tag, n := string(b[:4]), binary.BigEndian.Uint32(b[4:])
		if b = b[8:]; uint64(n) > uint64(len(b)) {
			return nil, errKeybag
		}
		v := b[:n]
		b = b[n:]
		if tag == "UUID" {
			if uuids++; uuids > 1 {
				k.classes = append(k.classes, wrapped{})
			}
			continue
		}
		if !k.take(tag, v, &kind) {
			return nil, errKeybag
		}
	}
	if kind != typeBackup || len(k.salt) == 0 || !sound(k.rounds) || k.salt2 != nil && !sound(k.rounds2) || len(k.classes) == 0 || len(k.classes) > maxClasses {
		return nil, errKeybag
	}
	return k, nil
}

func sound(rounds uint32) bool { return rounds > 0 && rounds <= maxRounds }

// take keeps one value, and reports whether it can be one.
func (k *keybag) take(tag string, v []byte, kind *uint32) bool {
	var c *wrapped
	if n := len(k.classes); n > 0 {
		c = &k.classes[n-1]
	}
	var number *uint32
	switch tag {
	case "TYPE":
		number = kind
	case "ITER":
		number = &k.rounds
	case "DPIC":
		number = &k.rounds2
	case "SALT":
		k.salt = v
	case "DPSL":
		k.salt2 = v
	case tagClass, "WRAP", "WPKY":
		if c == nil { // the keybag has a WRAP of its own
			return tag == "WRAP"
		}
		switch tag {
		case tagClass:
			number = &c.class
		case "WRAP":
			number = &c.wrap
		default:
			c.key = v
		}
	}
	if number == nil {
		return true
	}
	if len(v) != 4 {
		return false
	}
	*number = binary.BigEndian.Uint32(v)
	return true
}

// unlock unwraps the class keys. Those that the password does not reach are
// left out. That the integrity check of none of them holds is how a wrong
// password shows.
func (k *keybag) unlock(ctx context.Context, password []byte, progress func(done, total int)) (map[uint32][]byte, error) {
	kek, err := k.derive(ctx, password, progress)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	keys := map[uint32][]byte{}
	tried := false
	for _, c := range k.classes {
		if c.wrap&wrapPassword == 0 || len(c.key) != wrappedSize {
			continue
		}
		tried = true
		key, err := unwrap(kek, c.key)
		if errors.Is(err, errUnwrap) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys[c.class] = key
	}
	switch {
	case !tried:
		return nil, fmt.Errorf("%w: no key of its keybag is under a password", ErrDamaged)
	case len(keys) == 0:
		return nil, ErrPassword
	}
	return keys, nil
}

// derive makes the key that wraps the class keys: PBKDF2 with SHA-256, ten
// million rounds of it, and then with SHA-1, ten thousand.
func (k *keybag) derive(ctx context.Context, password []byte, progress func(done, total int)) ([]byte, error) {
	total := int(k.rounds)
	if k.salt2 != nil {
		total += int(k.rounds2)
	}
	done := 0
	tick := func(n int) error {
		done += n
		if progress != nil {
			progress(done, total)
		}
		return ctx.Err()
	}
	secret := password
	if k.salt2 != nil {
		first, err := pbkdf2(sha256.New, secret, k.salt2, int(k.rounds2), tick)
		if err != nil {
			return nil, err
		}
		defer clear(first)
		secret = first
	}
	return pbkdf2(sha1.New, secret, k.salt, int(k.rounds), tick)
}

// ticks is how many rounds pass between two looks at the context: some
// hundredths of a second.
const ticks = 1 << 16

// pbkdf2 is that of RFC 8018 for a key of 32 bytes. The standard library's
// cannot be interrupted, and ten million rounds are seconds.
func pbkdf2(h func() hash.Hash, password, salt []byte, rounds int, tick func(n int) error) ([]byte, error) {
	mac := hmac.New(h, password)
	var out []byte
	step := ticks
	for block := uint32(1); len(out) < keySize; block++ {
		mac.Reset()
		mac.Write(salt)
		mac.Write(binary.BigEndian.AppendUint32(nil, block))
		u := mac.Sum(nil)
		t := append([]byte(nil), u...)
		for n := 1; n < rounds; n++ {
			mac.Reset()
			mac.Write(u)
			u = mac.Sum(u[:0])
			subtle.XORBytes(t, t, u)
			if n%ticks == 0 {
				if err := tick(step); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, t...)
		clear(u)
		clear(t)
		step = 0 // the next block goes the same rounds again
	}
	clear(out[keySize:])
	return out[:keySize], tick(rounds - (rounds-1)/ticks*ticks)
}

var errUnwrap = errors.New("the wrapped key fails its check")

// unwrap is the key unwrapping of RFC 3394.
func unwrap(kek, b []byte) ([]byte, error) {
	if len(b) < 24 || len(b)%8 != 0 {
		return nil, errUnwrap
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	var buf [aes.BlockSize]byte
	defer clear(buf[:])
	a := buf[:8]
	copy(a, b)
	key := append([]byte(nil), b[8:]...)
	n := len(key) / 8
	for t := 6 * n; t > 0; t-- {
		r := key[(t-1)%n*8:][:8]
		binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(a)^uint64(t))
		copy(buf[8:], r)
		block.Decrypt(buf[:], buf[:])
		copy(r, buf[8:])
	}
	const check = 0xa6a6a6a6a6a6a6a6
	if binary.BigEndian.Uint64(a) != check {
		clear(key)
		return nil, errUnwrap
	}
	return key, nil
}
