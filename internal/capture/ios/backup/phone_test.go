package backup

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// phone makes a backup as an iPhone does.
type phone struct {
	password string // none: not encrypted
	old      bool   // a keybag of before iOS 10.2
	files    []phoneFile
	info     map[string]any // over Info.plist
	status   string
}

type phoneFile struct {
	domain, path string
	kind         Kind
	body         string
	absent       bool            // listed, and not there
	record       func(*phoneRow) // over what is listed
}

type phoneRow struct {
	id     string
	size   int64
	key    []byte
	record []byte // instead of all that
}

func regular(domain, path, body string) phoneFile {
	return phoneFile{domain: domain, path: path, kind: Regular, body: body}
}

const password = "Zażółć gęślą jaźń"

// aPhone has WhatsApp, and something of everything else.
func aPhone() *phone {
	long := bytes.Repeat([]byte("0123456789abcdef"), (chunk+chunk/2)/16)
	return &phone{files: []phoneFile{
		{domain: Personal, path: "", kind: Directory},
		{domain: Personal, path: "Message/Media", kind: Directory},
		{domain: Personal, path: "Message/link", kind: Symlink},
		regular(Personal, "ChatStorage.sqlite", "SQLite format 3\x00 and so on"),
		regular(Personal, "ChatStorage.sqlite-wal", "the newest messages"),
		regular(Personal, "Message/Media/a.jpg", string(long)),
		regular(Personal, "Message/Media/one chunk.mp4", string(long[:chunk])),
		regular(Personal, "Message/Media/one less.mp4", string(long[:chunk-1])),
		regular(Personal, "Message/Media/zażółć.opus", "0123456789abcdef"),
		regular(Personal, "Message/Media/empty", ""),
		{domain: Personal, path: "Message/Media/gone.jpg", kind: Regular, body: "gone", absent: true},
		{domain: Business, path: "", kind: Directory},
		regular("HomeDomain", "Library/Preferences/x.plist", "<plist/>"),
	}}
}

// make writes the backup into a folder.
func (p *phone) make(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "00008110-000A1B2C3D4E5F60")
	enc := newCrypt(p.password, p.old)
	manifest := p.manifest(t, dir, enc)
	list := map[string]any{"IsEncrypted": enc != nil, "Version": "10.0", "Date": time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), "Lockdown": map[string]any{"ProductVersion": "17.2", "DeviceName": "Lockdown's"}}
	if enc != nil {
		key := bytes.Repeat([]byte{7}, keySize)
		manifest = enc.cbc(key, manifest)
		list["BackupKeyBag"] = enc.bag
		list["ManifestKey"] = enc.fileKey(3, key)
	}
	info := map[string]any{"Device Name": "Świętosława's iPhone", "Phone Number": "+48 555 000 111", "Product Version": "17.2", "Product Type": "iPhone14,5", "Unique Identifier": "00008110-000A1B2C3D4E5F60", "Last Backup Date": time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
	for k, v := range p.info {
		info[k] = v
	}
	write(t, dir, "Manifest.db", manifest)
	write(t, dir, "Manifest.plist", binaryOf(list))
	write(t, dir, "Info.plist", binaryOf(info))
	if p.status != "" {
		write(t, dir, "Status.plist", binaryOf(map[string]any{"SnapshotState": p.status}))
	}
	return dir
}

func write(t testing.TB, dir, name string, body []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func hashOf(domain, path string) string {
	h := sha1.Sum([]byte(domain + "-" + path))
	return hex.EncodeToString(h[:])
}

// manifest writes the files and returns the database that lists them.
func (p *phone) manifest(t testing.TB, dir string, enc *crypt) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Manifest.db")
	c, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	check(t, c.Exec(`PRAGMA synchronous=OFF;
		CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB);
		CREATE INDEX FilesDomainIdx ON Files(domain);
		CREATE INDEX FilesRelativePathIdx ON Files(relativePath)`))
	s, _, err := c.Prepare(`INSERT INTO Files VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range p.files {
		row := phoneRow{id: hashOf(f.domain, f.path), size: int64(len(f.body))}
		body := []byte(f.body)
		if enc != nil && f.kind == Regular {
			key := bytes.Repeat([]byte{byte(i + 1)}, keySize)
			row.key = enc.fileKey(uint32(3+i%2), key)
			body = enc.cbc(key, pad(body))
		}
		if f.kind == Regular && !f.absent {
			write(t, dir, filepath.Join(row.id[:2], row.id), body)
		}
		if f.record != nil {
			f.record(&row)
		}
		if row.record == nil {
			row.record = mbfile(row.size, row.key)
		}
		check(t, s.BindText(1, row.id), s.BindText(2, f.domain), s.BindText(3, f.path), s.BindInt64(4, int64(f.kind)), s.BindBlob(5, row.record), s.Exec())
	}
	check(t, s.Close(), c.Close())
	body, err := os.ReadFile(path)
	check(t, err)
	return body
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// mbfile is a file's record as NSKeyedArchiver writes it.
func mbfile(size int64, key []byte) []byte {
	file := map[string]any{"Size": size, "LastModified": int64(1700000000), "Birth": int64(1600000000), "Mode": int64(0o100644), "$class": uid(3)}
	objects := []any{"$null", file, map[string]any{"NS.data": key}, map[string]any{"$classname": "MBFile"}}
	if key != nil {
		file["EncryptionKey"] = uid(2)
	}
	return binaryOf(map[string]any{"$version": int64(100000), "$archiver": "NSKeyedArchiver", "$top": map[string]any{"root": uid(1)}, "$objects": objects})
}

// crypt is the keys of an encrypted backup.
type crypt struct {
	bag     []byte
	classes map[uint32][]byte
}

const testRounds2, testRounds = 300_000, 50

func newCrypt(password string, old bool) *crypt {
	if password == "" {
		return nil
	}
	k := keybag{salt: []byte("a salt of 20 bytes.."), rounds: testRounds}
	bag := slices.Concat(tlv("VERS", 5), tlv("TYPE", typeBackup), tlv("UUID", "own"), tlv("HMCK", "-"), tlv("WRAP", 0), tlv("SALT", k.salt), tlv("ITER", testRounds))
	if !old {
		k.salt2, k.rounds2 = []byte("another of 20 bytes."), testRounds2
		bag = slices.Concat(bag, tlv("DPWT", 0), tlv("DPIC", testRounds2), tlv("DPSL", k.salt2))
	}
	kek, err := k.derive(context.Background(), []byte(password), nil)
	if err != nil {
		panic(err)
	}
	c := &crypt{classes: map[uint32][]byte{}}
	for class := uint32(1); class <= 4; class++ {
		key := bytes.Repeat([]byte{byte(class)}, keySize)
		c.classes[class] = key
		bag = slices.Concat(bag, tlv("UUID", "class"), tlv(tagClass, int(class)), tlv("WRAP", wrapPassword), tlv("KTYP", 0), tlv("WPKY", wrap(kek, key)))
	}
	// A key that never leaves its phone.
	c.bag = slices.Concat(bag, tlv("UUID", "class"), tlv(tagClass, 9), tlv("WRAP", 1), tlv("WPKY", wrap(kek, kek)))
	return c
}

func tlv(tag string, v any) []byte {
	var body []byte
	switch v := v.(type) {
	case int:
		body = binary.BigEndian.AppendUint32(nil, uint32(v))
	case string:
		body = []byte(v)
	case []byte:
		body = v
	}
	return append(binary.BigEndian.AppendUint32([]byte(tag), uint32(len(body))), body...)
}

// wrap is the key wrapping of RFC 3394.
func wrap(kek, key []byte) []byte {
	block, err := aes.NewCipher(kek)
	if err != nil {
		panic(err)
	}
	out := append(bytes.Repeat([]byte{0xa6}, 8), key...)
	var buf [16]byte
	n := len(key) / 8
	for t := range 6 * n {
		r := out[8+t%n*8:][:8]
		copy(buf[:8], out[:8])
		copy(buf[8:], r)
		block.Encrypt(buf[:], buf[:])
		copy(r, buf[8:])
		binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(buf[:8])^uint64(t+1))
	}
	return out
}

func (c *crypt) fileKey(class uint32, key []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, class), wrap(c.classes[class], key)...)
}

func (c *crypt) cbc(key, body []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(body))
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(out, body)
	return out
}

func pad(b []byte) []byte {
	n := 16 - len(b)%16
	return append(slices.Clone(b), bytes.Repeat([]byte{byte(n)}, n)...)
}

// binaryOf writes a binary property list. A self-made list of objects is
// written as it stands.
func binaryOf(v any) []byte {
	w := &listWriter{}
	w.add(v)
	return w.finish()
}

type listWriter struct{ objects [][]byte }

func (w *listWriter) add(v any) uint16 {
	i := len(w.objects)
	w.objects = append(w.objects, nil)
	var b []byte
	switch v := v.(type) {
	case bool:
		b = []byte{0x08}
		if v {
			b[0] = 0x09
		}
	case int64:
		b = binary.BigEndian.AppendUint64([]byte{0x13}, uint64(v))
	case float64:
		b = binary.BigEndian.AppendUint64([]byte{0x23}, math.Float64bits(v))
	case time.Time:
		b = binary.BigEndian.AppendUint64([]byte{0x33}, math.Float64bits(float64(v.Unix()-978307200)))
	case uid:
		b = []byte{0x81, byte(v >> 8), byte(v)}
	case []byte:
		b = append(listHead(0x40, len(v)), v...)
	case string:
		u := []rune(v)
		if len(u) == len(v) {
			b = append(listHead(0x50, len(v)), v...)
			break
		}
		b = listHead(0x60, len(u)) // no test needs more than the first plane
		for _, r := range u {
			b = binary.BigEndian.AppendUint16(b, uint16(r))
		}
	case []any:
		b = listHead(0xa0, len(v))
		for _, e := range v {
			b = binary.BigEndian.AppendUint16(b, w.add(e))
		}
	case map[string]any:
		b = listHead(0xd0, len(v))
		var vals []byte
		for k, e := range v {
			b = binary.BigEndian.AppendUint16(b, w.add(k))
			vals = binary.BigEndian.AppendUint16(vals, w.add(e))
		}
		b = append(b, vals...)
	default:
		panic(fmt.Sprintf("a list of %T", v))
	}
	w.objects[i] = b
	return uint16(i)
}

func listHead(kind byte, n int) []byte {
	if n < 15 {
		return []byte{kind | byte(n)}
	}
	return binary.BigEndian.AppendUint32([]byte{kind | 0xf, 0x12}, uint32(n))
}

func (w *listWriter) finish() []byte {
	out := []byte("bplist00")
	var table []byte
	for _, o := range w.objects {
		table = binary.BigEndian.AppendUint32(table, uint32(len(out)))
		out = append(out, o...)
	}
	at := len(out)
	out = append(out, table...)
	out = append(out, 0, 0, 0, 0, 0, 0, 4, 2)
	out = binary.BigEndian.AppendUint64(out, uint64(len(w.objects)))
	out = binary.BigEndian.AppendUint64(out, 0)
	return binary.BigEndian.AppendUint64(out, uint64(at))
}

// database opens a private copy of Manifest.db.
func database(t testing.TB, b *Backup) *foreign.DB {
	t.Helper()
	db, err := opened(t, b)
	check(t, err)
	return db
}

func opened(t testing.TB, b *Backup) (*foreign.DB, error) {
	t.Helper()
	r, err := b.Manifest()
	check(t, err)
	db, err := foreign.Copy(t.Context(), t.TempDir(), r, nil)
	check(t, r.Close())
	if err == nil {
		t.Cleanup(func() { check(t, db.Close()) })
	}
	return db, err
}

func unlocked(t testing.TB, dir, password string) *Backup {
	t.Helper()
	b, err := Open(dir)
	check(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	check(t, b.Unlock(t.Context(), []byte(password), nil))
	return b
}

// contents is the hash of every file of a domain, or the error that it ends in.
func contents(t testing.TB, b *Backup, c *foreign.DB, domain string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for f, err := range Files(c, domain) {
		check(t, err)
		if f.Kind != Regular {
			continue
		}
		sum, err := hashFile(b, f)
		if err != nil {
			all[f.Path] = err
			continue
		}
		all[f.Path] = sum
	}
	return all
}

func hashFile(b *Backup, f File) (string, error) {
	r, err := b.Open(f)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, r.Close())
}
