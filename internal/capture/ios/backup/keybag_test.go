package backup

import (
	"bytes"
	"context"
	stdpbkdf2 "crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"testing"
)

// The vectors of RFC 3394, section 4.
func TestUnwrap(t *testing.T) {
	const keys = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const data = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
	for _, v := range []struct {
		kek, data int
		wrapped   string
	}{
		{16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
		{32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
		{24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},
		{32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},
		{32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
	} {
		kek, wrapped := unhex(keys)[:v.kek], unhex(v.wrapped)
		got, err := unwrap(kek, wrapped)
		if err != nil || !bytes.Equal(got, unhex(data)[:v.data]) {
			t.Errorf("%d bits: %x, %v", v.kek*8, got, err)
		}
		for i := range wrapped {
			bad := slices.Clone(wrapped)
			bad[i] ^= 1
			if _, err := unwrap(kek, bad); !errors.Is(err, errUnwrap) {
				t.Errorf("a changed byte: %v", err)
			}
		}
		for n := range len(wrapped) {
			if _, err := unwrap(kek, wrapped[:n]); !errors.Is(err, errUnwrap) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The derivation is the standard library's, which is not asked because it
// cannot be interrupted.
func TestPBKDF2(t *testing.T) {
	for _, rounds := range []int{1, 2, 1000, ticks - 1, ticks, ticks + 1, ticks + 2} {
		for name, h := range map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New} {
			want, err := stdpbkdf2.Key(h, "pässwörd 密码", []byte("salt"), rounds, keySize)
			check(t, err)
			told := 0
			got, err := pbkdf2(h, []byte("pässwörd 密码"), []byte("salt"), rounds, func(n int) error { told += n; return nil })
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %d rounds: %x, %v, want %x", name, rounds, got, err, want)
			}
			if told != rounds {
				t.Errorf("%s: %d rounds told as %d", name, rounds, told)
			}
		}
	}
}

func BenchmarkDerive(b *testing.B) {
	k := keybag{salt: []byte("salt"), rounds: 10_000, salt2: []byte("salt"), rounds2: 10_000_000}
	for b.Loop() {
		if _, err := k.derive(b.Context(), []byte(password), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestKeybagRefused(t *testing.T) {
	class := slices.Concat(tlv("UUID", "class"), tlv(tagClass, 3), tlv("WRAP", wrapPassword), tlv("WPKY", make([]byte, wrappedSize)))
	head := func(kind, rounds int) []byte {
		return slices.Concat(tlv("TYPE", kind), tlv("UUID", "own"), tlv("WRAP", 0), tlv("SALT", "salt"), tlv("ITER", rounds))
	}
	good := slices.Concat(head(typeBackup, 1), class)
	_, err := parseKeybag(good)
	check(t, err)
	for name, bag := range map[string][]byte{
		"nothing":             nil,
		"half a tag":          append(slices.Clone(good), "CLA"...),
		"a length beyond all": append(slices.Clone(good), "WRAP\xff\xff\xff\xff"...),
		"a short number":      slices.Concat(good, tlv("WRAP", "x")),
		"a phone's":           slices.Concat(head(0, 1), class),
		"no rounds":           slices.Concat(head(typeBackup, 0), class),
		"rounds for ever":     slices.Concat(head(typeBackup, maxRounds+1), class),
		"rounds for ever, 2":  slices.Concat(head(typeBackup, 1), tlv("DPSL", "salt"), tlv("DPIC", -1), class),
		"no rounds, 2":        slices.Concat(head(typeBackup, 1), tlv("DPSL", "salt"), class),
		"no classes":          head(typeBackup, 1),
		"classes for ever":    slices.Concat(head(typeBackup, 1), bytes.Repeat(class, maxClasses+1)),
		"a class of nobody":   slices.Concat(tlv(tagClass, 1), good),
	} {
		if _, err := parseKeybag(bag); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One class key that is damaged does not make the password a wrong one.
func TestDamagedClass(t *testing.T) {
	c := newCrypt(password, true)
	at := bytes.Index(c.bag, []byte("WPKY")) + 8
	c.bag[at] ^= 1
	bag, err := parseKeybag(c.bag)
	check(t, err)
	keys, err := bag.unlock(t.Context(), []byte(password), nil)
	check(t, err)
	if keys[1] != nil || !bytes.Equal(keys[3], c.classes[3]) {
		t.Errorf("classes: %d", len(keys))
	}
}

func FuzzKeybag(f *testing.F) {
	for _, old := range []bool{true, false} {
		bag := newCrypt(password, old).bag
		f.Add(bag)
		f.Add(bag[:len(bag)-7])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := parseKeybag(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error: %v", err)
			}
			return
		}
		k.rounds, k.rounds2 = min(k.rounds, 3), min(k.rounds2, 3)
		keys, err := k.unlock(context.Background(), []byte(password), nil)
		if err == nil && len(keys) == 0 || err != nil && !errors.Is(err, ErrPassword) && !errors.Is(err, ErrDamaged) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	})
}
