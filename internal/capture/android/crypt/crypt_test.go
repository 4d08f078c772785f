package crypt

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Every shape of container that phones write is read, byte for byte.
func TestShapes(t *testing.T) {
	a, db := newAccount(1), database(50_000)
	zip := append([]byte("PK\x03\x04"), make([]byte, 300)...)
	for _, c := range []struct {
		name   string
		plain  []byte
		level  int // of zlib; -1: not compressed
		write  cut
		kind   Kind
		lock   Lock
		suffix string
	}{
		{"crypt12", db, 9, cut{version: 12, suffix: "67"}, SQLite, LockKeyFile, "67"},
		{"crypt12 without a number", db, 9, cut{version: 12, suffix: "--"}, SQLite, LockKeyFile, ""},
		{"crypt14", db, 9, cut{version: 14, features: true}, SQLite, LockKeyFile, "67"},
		{"crypt14 with a header of one length byte", db, 9, cut{version: 14}, SQLite, LockKeyFile, "67"},
		{"crypt15", db, 9, cut{version: 15, features: true, keyType: 3}, SQLite, LockDigits, "67"},
		{"crypt15 of 2022", db, 1, cut{version: 15, features: true}, SQLite, LockDigits, "67"},
		{"crypt15, zlib level 6", db, 6, cut{version: 15, features: true, keyType: 3}, SQLite, LockDigits, "67"},
		{"crypt15 with a header over 255 bytes", db, 9, cut{version: 15, features: true, keyType: 3, passkey: 400}, SQLite, LockDigits, "67"},
		{"crypt15 with a header over 16 KiB", db, 9, cut{version: 15, keyType: 4, passkey: 20_000}, SQLite, LockPasskey, "67"},
		{"password", db, 9, cut{version: 15, features: true, keyType: 2}, SQLite, LockPassword, "67"},
		{"passkey", db, 9, cut{version: 15, features: true, passkey: 400}, SQLite, LockPasskey, "67"},
		{"not compressed", db, -1, cut{version: 15}, SQLite, LockDigits, "67"},
		{"stickers", zip, -1, cut{version: 15, bare: true}, ZIP, LockDigits, "67"},
		{"an increment", zip, 9, cut{version: 14, features: true}, ZIP, LockKeyFile, "67"},
		{"settings", []byte(`{"settings":1}`), -1, cut{version: 15}, JSON, LockDigits, "67"},
		{"a sticker", []byte("RIFF\x10\x00\x00\x00WEBPVP8 "), -1, cut{version: 15, bare: true}, WebP, LockDigits, "67"},
		{"something else", []byte("something else"), 9, cut{version: 15}, Unknown, LockDigits, "67"},
		{"nothing", nil, -1, cut{version: 15}, Unknown, LockDigits, "67"},
		{"nothing, without a checksum", nil, -1, cut{version: 15, bare: true}, Unknown, LockDigits, "67"},
		{"one byte", []byte("x"), -1, cut{version: 12, suffix: "67"}, Unknown, LockKeyFile, "67"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := c.plain
			if c.level >= 0 {
				body = deflate(c.plain, c.level)
			}
			file := a.seal(body, c.write)
			v, p, got, err := open(t.Context(), file, a.key(t, c.write.version))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, c.plain) {
				t.Error("the content differs")
			}
			if p.Kind != c.kind || p.Zipped != (c.level >= 0) || p.Trailing() != 0 {
				t.Errorf("kind %s, zipped %v, trailing %d", p.Kind, p.Zipped, p.Trailing())
			}
			if v.SHA256 != sha256.Sum256(file) {
				t.Error("the hash of the file differs")
			}
			want := ChecksumRight
			if c.write.bare {
				want = ChecksumAbsent
			}
			if v.Checksum != want {
				t.Errorf("checksum %v, want %v", v.Checksum, want)
			}
			h, err := inspect(file)
			if err != nil {
				t.Fatal(err)
			}
			if h.Version != c.write.version || h.Lock != c.lock || h.PhoneSuffix != c.suffix || !bytes.HasPrefix(file, h.Header) {
				t.Errorf("version %d, lock %v, suffix %q, header of %d bytes", h.Version, h.Lock, h.PhoneSuffix, len(h.Header))
			}
		})
	}
}

// A ciphertext of any length around the edges of blocks and chunks, with and
// without checksum: where its tag stands is told right.
func TestLengths(t *testing.T) {
	a := newAccount(1)
	all := make([]byte, chunk+40)
	for i := range all {
		all[i] = byte(i * 7)
	}
	for _, edge := range []int{0, chunk} {
		for n := max(0, edge-35); n < edge+35; n++ {
			for _, w := range []cut{{version: 12, suffix: "67"}, {version: 15}, {version: 15, bare: true}} {
				_, _, got, err := open(t.Context(), a.seal(all[:n], w), a.key(t, w.version))
				if err != nil || !bytes.Equal(got, all[:n]) {
					t.Fatalf("%d bytes, %+v: %v", n, w, err)
				}
			}
		}
	}
}

func TestHeader(t *testing.T) {
	a := newAccount(1)
	c, err := inspect(a.seal(database(100), cut{version: 14, features: true}))
	if err != nil {
		t.Fatal(err)
	}
	if c.AppVersion != "2.26.34.7" || c.KeyVersion != "2" || c.BackupVersion != 1 ||
		!bytes.Equal(c.ServerSalt, a.salt[:]) || !bytes.Equal(c.GoogleID, a.google[:]) {
		t.Errorf("header read as %+v", c)
	}
	if len(c.Migrations) != 33 || c.Migrations[0] != (Migration{5, true}) || c.Migrations[1] != (Migration{6, false}) {
		t.Errorf("migrations = %v", c.Migrations)
	}
	if c, err = inspect(a.seal(database(100), cut{version: 12, suffix: "67"})); err != nil {
		t.Fatal(err)
	}
	if c.KeyVersion != "2" || !bytes.Equal(c.ServerSalt, a.salt[:]) || !bytes.Equal(c.GoogleID, a.google[:]) {
		t.Errorf("crypt12 header read as %+v", c)
	}
}

// Both kinds of key data may be there. The type of key decides.
func TestBothKindsOfKeyData(t *testing.T) {
	iv14, iv15 := []byte("fourteen........"), []byte("fifteen.........")
	for _, c := range []struct{ old, kind, version int }{{0, 3, 15}, {1, 0, 14}, {1, -1, 15}, {0, -1, 14}} {
		h := pbInt(nil, 1, uint64(c.old))
		h = pbBytes(h, 2, pbBytes(pbBytes(nil, 1, []byte{0, 1}), 5, iv14))
		h = pbBytes(h, 3, pbBytes(nil, 1, iv15))
		if c.kind >= 0 {
			h = pbInt(h, 6, uint64(c.kind))
		}
		got := parsePrefix(h)
		want := map[int][]byte{14: iv14, 15: iv15}[c.version]
		if got == nil || got.Version != c.version || !bytes.Equal(got.iv, want) {
			t.Errorf("types %d, %d: %+v, want version %d", c.old, c.kind, got, c.version)
		}
	}
}

func resum(b []byte, footer int) []byte {
	end := len(b) - footer - md5.Size
	sum := md5.Sum(b[:end])
	copy(b[end:], sum[:])
	return b
}

// Nothing that was changed is read, and the reason is the right one.
func TestRefused(t *testing.T) {
	a, other := newAccount(1), newAccount(2)
	packed := deflate(database(50_000), 9)
	good := func(version int) []byte {
		return a.seal(packed, cut{version: version, suffix: "67", features: true, keyType: 3})
	}
	flip := func(b []byte, at int) []byte { b[at] ^= 1; return b }
	good12, good15 := good(12), good(15)
	start := len(a.header(cut{version: 15, features: true, keyType: 3, iv: make([]byte, 16)}))
	typed := []byte(hex.EncodeToString(a.root[:]))
	for _, c := range []struct {
		name string
		file []byte
		key  []byte
		want error
		not  error
	}{
		{"ciphertext", flip(good(15), 5000), a.rootFile(), ErrDamaged, ErrWrongKey},
		{"ciphertext, checksum made anew", resum(flip(good(15), 5000), 0), a.rootFile(), ErrWrongKey, ErrDamaged},
		{"ciphertext of crypt14, checksum made anew", resum(flip(good(14), 5000), 0), a.keyFile(), ErrWrongKey, nil},
		{"ciphertext of crypt12, checksum made anew", resum(flip(good(12), 5000), 4), a.keyFile(), ErrWrongKey, nil},
		{"first byte", resum(flip(good(15), start), 0), a.rootFile(), ErrWrongKey, nil},
		{"last byte", resum(flip(good(15), len(good15)-33), 0), a.rootFile(), ErrWrongKey, nil},
		{"tag", resum(flip(good(15), len(good15)-20), 0), a.rootFile(), ErrWrongKey, nil},
		{"nonce", resum(flip(good(15), 10), 0), a.rootFile(), ErrWrongKey, nil},
		{"another's 64 digits", good(15), other.rootFile(), ErrWrongKey, ErrDamaged},
		{"another's key file", good(14), other.keyFile(), ErrWrongAccount, ErrWrongKey},
		{"another's key file, crypt12", good(12), other.keyFile(), ErrWrongAccount, nil},
		{"key file for crypt15", good(15), a.keyFile(), ErrKeyKind, nil},
		{"encrypted_backup.key for crypt14", good(14), a.rootFile(), ErrKeyKind, nil},
		{"64 digits for crypt14", good(14), typed, ErrWrongKey, nil},
		{"another's key, stickers", a.seal(packed, cut{version: 15, bare: true}), other.rootFile(), ErrDamaged, nil},
		{"password", a.seal(packed, cut{version: 15, keyType: 2}), other.rootFile(), ErrProtected, nil},
		{"passkey", a.seal(packed, cut{version: 15, keyType: 4}), other.rootFile(), ErrProtected, nil},
		{"empty file", nil, a.rootFile(), ErrNotContainer, nil},
		{"a web page", []byte(strings.Repeat("<!doctype html><html>not found</html>", 10)), a.rootFile(), ErrNotContainer, nil},
		{"a ZIP", append([]byte("PK\x03\x04"), make([]byte, 1000)...), a.rootFile(), ErrNotContainer, nil},
		{"SQLite itself", database(4096), a.rootFile(), ErrNotContainer, nil},
		{"a header of 34 GB", append([]byte("\xff\xff\xff\xff\x7f"), good15[2:]...), a.rootFile(), ErrNotContainer, ErrTruncated},
		{"a length without end", bytes.Repeat([]byte{0xff}, 100), a.rootFile(), ErrNotContainer, nil},
		{"crypt12 without its footer", good12[:len(good12)-4], a.keyFile(), ErrTruncated, nil},
		{"compressed content cut", a.seal(packed[:len(packed)-50], cut{version: 15}), a.rootFile(), ErrTruncated, ErrDamaged},
		{"compressed content without its sum", a.seal(packed[:len(packed)-4], cut{version: 15}), a.rootFile(), ErrTruncated, nil},
		{"compressed content of two bytes", a.seal(packed[:2], cut{version: 15}), a.rootFile(), ErrTruncated, nil},
		{"compressed content damaged before it was sealed", a.seal(flip(bytes.Clone(packed), len(packed)/2), cut{version: 15}), a.rootFile(), ErrContent, ErrDamaged},
		{"its sum is wrong", a.seal(flip(bytes.Clone(packed), len(packed)-1), cut{version: 15}), a.rootFile(), ErrContent, ErrTruncated},
		{"a preset dictionary", a.seal([]byte("\x78\xbb\x00\x00\x00\x00\x00"), cut{version: 15}), a.rootFile(), ErrContent, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := open(t.Context(), c.file, parseKey(t, c.key))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if c.not != nil && errors.Is(err, c.not) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The checksum alone is damaged: the content is read, with a warning.
func TestChecksumAlone(t *testing.T) {
	a, db := newAccount(1), database(50_000)
	file := a.seal(deflate(db, 9), cut{version: 15, features: true})
	file[len(file)-3] ^= 1
	v, _, got, err := open(t.Context(), file, a.key(t, 15))
	if err != nil || !bytes.Equal(got, db) {
		t.Fatal(err)
	}
	if v.Checksum != ChecksumWrong {
		t.Errorf("checksum %v", v.Checksum)
	}
}

// A container cut anywhere is refused; only what is too short to be told is
// called something else. Cut before its checksum it is whole and authentic,
// and the checksum is said to be absent.
func TestCutAnywhere(t *testing.T) {
	a := newAccount(1)
	for _, w := range []cut{
		{version: 12, suffix: "67"},
		{version: 14, features: true},
		{version: 14},
		{version: 15, features: true, keyType: 3},
		{version: 15, passkey: 400},
		{version: 15, bare: true},
	} {
		file := a.seal(deflate(database(2000), 9), w)
		k := a.key(t, w.version)
		for n := range len(file) {
			v, _, _, err := open(t.Context(), file[:n], k)
			switch {
			case err == nil && n == len(file)-md5.Size && w.version != 12 && !w.bare && v.Checksum == ChecksumAbsent:
			case errors.Is(err, ErrTruncated), errors.Is(err, ErrDamaged):
			case errors.Is(err, ErrNotContainer) && n < 8:
			default:
				t.Errorf("version %d, %d of %d bytes: %v", w.version, n, len(file), err)
			}
		}
	}
}

// What stands behind the compressed content is counted.
func TestTrailing(t *testing.T) {
	a, db := newAccount(1), database(50_000)
	_, p, got, err := open(t.Context(), a.seal(append(deflate(db, 9), "behind"...), cut{version: 15}), a.key(t, 15))
	if err != nil || !bytes.Equal(got, db) || p.Trailing() != 6 {
		t.Errorf("%v, same content: %v, trailing %d", err, bytes.Equal(got, db), p.Trailing())
	}
}

func verify(t testing.TB, r io.ReaderAt, size int64, k *Key) *Verified {
	t.Helper()
	c, err := Inspect(r, size)
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Verify(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLimit(t *testing.T) {
	a, db := newAccount(1), database(300_000)
	for _, body := range [][]byte{db, deflate(db, 9)} {
		file := a.seal(body, cut{version: 15})
		v := verify(t, bytes.NewReader(file), int64(len(file)), a.key(t, 15))
		for limit, want := range map[int]error{len(db): nil, len(db) - 1: ErrTooLarge, 100_000: ErrTooLarge, 1000: ErrTooLarge} {
			p, err := v.Plain(t.Context(), int64(limit))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(p)
			if !errors.Is(err, want) || !bytes.Equal(got, db[:limit]) {
				t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
			}
		}
		if _, err := v.Plain(t.Context(), 3); !errors.Is(err, ErrTooLarge) {
			t.Errorf("limit 3: %v", err)
		}
	}
}

func TestBomb(t *testing.T) {
	a := newAccount(1)
	file := a.seal(deflate(make([]byte, ratioFree+4*buffered), 9), cut{version: 15})
	p, err := verify(t, bytes.NewReader(file), int64(len(file)), a.key(t, 15)).Plain(t.Context(), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, p)
	if !errors.Is(err, ErrTooLarge) || n > ratioFree+buffered || p.Kind != Unknown {
		t.Errorf("%d bytes, %s, %v", n, p.Kind, err)
	}
}

// swapped is a file that another takes the place of.
type swapped struct{ io.ReaderAt }

// A file that is changed after it was verified does not end as if it were
// whole, however it was changed.
func TestChangedBetweenThePasses(t *testing.T) {
	a, db := newAccount(1), database(2*chunk)
	for name, body := range map[string][]byte{"raw": db, "zlib": deflate(db, 9)} {
		file := a.seal(body, cut{version: 15})
		flipped := bytes.Clone(file)
		flipped[len(flipped)/2] ^= 1
		last := bytes.Clone(file)
		last[len(last)-33] ^= 1
		for how, now := range map[string][]byte{"flipped": flipped, "last": last, "shorter": file[:len(file)/2]} {
			r := &swapped{bytes.NewReader(file)}
			v := verify(t, r, int64(len(file)), a.key(t, 15))
			r.ReaderAt = bytes.NewReader(now)
			p, err := v.Plain(t.Context(), math.MaxInt64)
			if err == nil {
				_, err = io.Copy(io.Discard, p)
			}
			if !errors.Is(err, ErrChanged) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
	}
}

// broken is a disk that cannot be read beyond a place.
type broken struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("input/output error")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, at)
}

// A disk that fails is not a damaged backup.
func TestReadError(t *testing.T) {
	a, db := newAccount(1), database(2*chunk)
	file := a.seal(db, cut{version: 15})
	r, size := bytes.NewReader(file), int64(len(file))
	if _, err := Inspect(broken{r, 10}, size); !errors.Is(err, errDisk) {
		t.Errorf("inspect: %v", err)
	}
	c, err := Inspect(broken{r, chunk}, size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(t.Context(), a.key(t, 15)); !errors.Is(err, errDisk) {
		t.Errorf("verify: %v", err)
	}
	s := &swapped{r}
	v := verify(t, s, size, a.key(t, 15))
	p, err := v.Plain(t.Context(), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	s.ReaderAt = &onceBroken{ReaderAt: r}
	if _, err := io.Copy(io.Discard, p); !errors.Is(err, errDisk) || errors.Is(err, ErrContent) {
		t.Errorf("plain: %v", err)
	}
}

// onceBroken fails a single time.
type onceBroken struct {
	io.ReaderAt
	done bool
}

func (o *onceBroken) ReadAt(p []byte, at int64) (int, error) {
	if !o.done {
		o.done = true
		return 0, errDisk
	}
	return o.ReaderAt.ReadAt(p, at)
}

func TestCanceled(t *testing.T) {
	a := newAccount(1)
	file := a.seal(deflate(database(50_000), 9), cut{version: 15})
	v := verify(t, bytes.NewReader(file), int64(len(file)), a.key(t, 15))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.c.Verify(ctx, a.key(t, 15)); !errors.Is(err, context.Canceled) {
		t.Errorf("verify: %v", err)
	}
	if _, err := v.Plain(ctx, math.MaxInt64); !errors.Is(err, context.Canceled) {
		t.Errorf("plain: %v", err)
	}
}

// sparse is a file of zeros behind a header.
type sparse struct{ head []byte }

func (s sparse) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(s.head)) {
		copy(p, s.head[at:])
	}
	return len(p), nil
}

func TestLargerThanTheCipher(t *testing.T) {
	h := newAccount(1).header(cut{version: 15, iv: make([]byte, 16)})
	if _, err := Inspect(sparse{h}, int64(len(h))+maxCiphertext+blockSize); err != nil {
		t.Error(err)
	}
	if _, err := Inspect(sparse{h}, int64(len(h))+maxCiphertext+blockSize+1); !errors.Is(err, ErrNotContainer) {
		t.Error(err)
	}
}

// Memory does not grow with the backup.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	a := newAccount(1)
	file := a.seal(deflate(make([]byte, size), 0), cut{version: 15})
	k := a.key(t, 15)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := verify(t, bytes.NewReader(file), int64(len(file)), k).Plain(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, p)
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	// Whatever was allocated, even if it was free again.
	if got := after.TotalAlloc - before.TotalAlloc; got > 2<<20 {
		t.Errorf("%d KiB allocated for %d MiB", got>>10, size>>20)
	}
}

// Each lock and checksum has a word.
func TestWords(t *testing.T) {
	var words []string
	for l := LockKeyFile; l <= LockPasskey+1; l++ {
		words = append(words, l.String())
	}
	for s := ChecksumRight; s <= ChecksumWrong+1; s++ {
		words = append(words, s.String())
	}
	want := []string{"key file", "64-digit key", "password", "passkey", "lock 4", "right", "absent", "wrong", "checksum 3"}
	if !slices.Equal(words, want) {
		t.Errorf("words = %q", words)
	}
}
