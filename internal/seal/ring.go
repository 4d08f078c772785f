package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// The root ring is the one small secret file of an archive. It stands outside
// the database and outside every backup and long lock: what it no longer holds
// is gone, whatever old copies of the rest exist.
//
// On disk it is one line of JSON and the SHA-256 of that line: a random ring
// key, wrapped once for every way of opening it (a slot), and the body, sealed
// under the ring key (docs/format.md, "Ring").

// Slot kinds.
const (
	slotPassphrase = "passphrase"
	slotKeyFile    = "key-file"
	slotRecovery   = "recovery"
)

// Errors of the ring.
var (
	// ErrLocked: no secret was given for a ring that needs one.
	ErrLocked = errors.New("archive is locked")
	// ErrPassphrase: the secret opens no slot.
	ErrPassphrase = errors.New("wrong passphrase, key file or recovery key")
	// ErrRing: the file is not a ring, is of a newer version, or is damaged.
	ErrRing = errors.New("key ring is damaged or of another version")
)

// Secret opens a ring. Exactly one field is set.
type Secret struct {
	Passphrase []byte
	KeyFile    *Key
	Recovery   string // as printed by NewRecovery; case, spaces and dashes do not count
}

type slot struct {
	Kind   string     `json:"kind"`
	Argon  *argonSlot `json:"argon2id,omitempty"`
	Sealed []byte     `json:"key"`
}

// argonSlot holds the parameters of Argon2id (RFC 9106). Memory in KiB.
type argonSlot struct {
	Salt    []byte `json:"salt"`
	Time    uint32 `json:"t"`
	Memory  uint32 `json:"m"`
	Threads uint8  `json:"p"`
}

// Bounds on parameters read from a file, so that a hostile ring cannot ask for
// all the memory there is.
const (
	maxArgonTime   = 64
	maxArgonMemory = 4 << 20 // 4 GiB
)

type ringFile struct {
	V     int    `json:"v"`
	ID    string `json:"id"`
	Slots []slot `json:"slots"`
	Body  []byte `json:"body"`
}

type ringBody struct {
	Signer string        `json:"signer"` // signing key of checkpoints, in note form
	VKey   string        `json:"vkey"`   // its public half
	Dedupe Key           `json:"dedupe"`
	Blob   Key           `json:"blob"`
	Index  Key           `json:"index"`
	Intake []*intakePair `json:"intake"`
	Blocks []block       `json:"blocks"`
}

// block is the key under which the keyring keeps some wrapped data keys.
type block struct {
	ID  int64 `json:"id"`
	Key Key   `json:"key"`
}

// MarshalText writes the key for the ring's sealed body, and only there.
func (k Key) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(k[:])), nil }

// UnmarshalText is the inverse of MarshalText.
func (k *Key) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != KeySize {
		return ErrRing
	}
	if _, err := hex.Decode(k[:], b); err != nil {
		return ErrRing
	}
	return nil
}

// Ring is an open root ring.
type Ring struct {
	ID    string
	slots []slot
	key   Key // seals the body
	body  ringBody
}

// NewRing makes the keys of a new archive. signer and vkey are the halves of
// the checkpoints' signing key, in note form.
func NewRing(id, signer, vkey string, now time.Time) (*Ring, error) {
	pair, err := newIntakePair(1, now)
	if err != nil {
		return nil, err
	}
	return &Ring{
		ID: id, key: NewKey(),
		body: ringBody{
			Signer: signer, VKey: vkey, Dedupe: NewKey(), Blob: NewKey(), Index: NewKey(),
			Intake: []*intakePair{pair},
			Blocks: []block{{ID: 1, Key: NewKey()}},
		},
	}, nil
}

func (r *Ring) slotContext(kind string) string { return "waxseal ring slot v1 " + r.ID + " " + kind }
func (r *Ring) bodyContext() string            { return "waxseal ring body v1 " + r.ID }

// AddPassphrase lets a passphrase open the ring.
func (r *Ring) AddPassphrase(pass []byte) {
	a := &argonSlot{Salt: make([]byte, 16), Time: 3, Memory: 64 << 10, Threads: 2}
	_, _ = rand.Read(a.Salt) // never fails
	k := a.key(pass)
	r.addSlot(slotPassphrase, a, k)
}

// AddKeyFile lets a key file open the ring.
func (r *Ring) AddKeyFile(k Key) { r.addSlot(slotKeyFile, nil, k.derive("waxseal key file v1")) }

// AddRecovery makes a recovery key, lets it open the ring, and returns it as
// it is to be shown, once.
func (r *Ring) AddRecovery() string {
	k := NewKey()
	r.addSlot(slotRecovery, nil, k.derive("waxseal recovery v1"))
	return formatRecovery(k)
}

func (r *Ring) addSlot(kind string, a *argonSlot, k Key) {
	r.slots = append(r.slots, slot{Kind: kind, Argon: a, Sealed: k.Seal(r.key[:], r.slotContext(kind))})
}

func (a *argonSlot) key(pass []byte) Key {
	var k Key
	copy(k[:], argon2.IDKey(pass, a.Salt, a.Time, a.Memory, a.Threads, KeySize))
	return k
}

func (a *argonSlot) valid() bool {
	return a != nil && len(a.Salt) >= 8 && a.Time > 0 && a.Time <= maxArgonTime &&
		a.Memory >= 8 && a.Memory <= maxArgonMemory && a.Threads > 0
}

// formatRecovery writes 32 bytes as 13 groups of four letters and digits (52
// base32 digits): short enough to write down.
func formatRecovery(k Key) string {
	s := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k[:])
	var groups []string
	for g := range slices.Chunk([]byte(s), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, "-")
}

func parseRecovery(s string) (Key, bool) {
	s = strings.Map(func(c rune) rune {
		switch c {
		case '-', ' ', '\n', '\r', '\t':
			return -1
		case '0': // base32 has no 0, 1 or 8: what people read into it
			return 'O'
		case '1':
			return 'I'
		case '8':
			return 'B'
		}
		return c
	}, strings.ToUpper(s))
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	var k Key
	if err != nil || len(b) != KeySize {
		return k, false
	}
	copy(k[:], b)
	return k, true
}

// Encode returns the ring's file.
func (r *Ring) Encode() ([]byte, error) {
	plain, err := json.Marshal(r.body)
	if err != nil {
		return nil, fmt.Errorf("encode ring: %w", err)
	}
	defer clear(plain)
	line, err := json.Marshal(ringFile{V: 1, ID: r.ID, Slots: r.slots, Body: r.key.Seal(plain, r.bodyContext())})
	if err != nil {
		return nil, fmt.Errorf("encode ring: %w", err)
	}
	sum := sha256.Sum256(line)
	return append(append(append(line, '\n'), hex.EncodeToString(sum[:])...), '\n'), nil
}

// OpenRing reads a ring's file with a secret.
func OpenRing(file []byte, s Secret) (*Ring, error) {
	f, err := parseRing(file)
	if err != nil {
		return nil, err
	}
	r := &Ring{ID: f.ID, slots: f.Slots}
	if err := r.unlock(s); err != nil {
		return nil, err
	}
	r.body, err = r.openBody(f.Body)
	return r, err
}

func (r *Ring) openBody(sealed []byte) (ringBody, error) {
	var b ringBody
	plain, err := r.key.Open(sealed, r.bodyContext())
	if err != nil {
		return b, fmt.Errorf("%w: body", ErrRing)
	}
	defer clear(plain)
	if err := json.Unmarshal(plain, &b); err != nil || len(b.Intake) == 0 || len(b.Blocks) == 0 {
		return b, fmt.Errorf("%w: body", ErrRing)
	}
	return b, nil
}

func parseRing(file []byte) (ringFile, error) {
	var f ringFile
	line, rest, ok := strings.Cut(string(file), "\n")
	sum := sha256.Sum256([]byte(line))
	if !ok || rest != hex.EncodeToString(sum[:])+"\n" {
		return f, fmt.Errorf("%w: checksum", ErrRing)
	}
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		return f, fmt.Errorf("%w: not JSON", ErrRing)
	}
	if f.V != 1 {
		return f, fmt.Errorf("%w: version %d, this program reads 1", ErrRing, f.V)
	}
	return f, nil
}

func (r *Ring) unlock(s Secret) error {
	kind, k, err := s.slotKey()
	if err != nil {
		return err
	}
	for _, sl := range r.slots {
		if sl.Kind != kind {
			continue
		}
		if kind == slotPassphrase {
			if !sl.Argon.valid() {
				return fmt.Errorf("%w: passphrase parameters", ErrRing)
			}
			k = sl.Argon.key(s.Passphrase)
		}
		if b, err := k.Open(sl.Sealed, r.slotContext(kind)); err == nil && len(b) == KeySize {
			copy(r.key[:], b)
			return nil
		}
	}
	return ErrPassphrase
}

func (s Secret) slotKey() (kind string, k Key, err error) {
	switch {
	case s.Passphrase != nil:
		return slotPassphrase, k, nil
	case s.KeyFile != nil:
		return slotKeyFile, s.KeyFile.derive("waxseal key file v1"), nil
	case s.Recovery != "":
		rk, ok := parseRecovery(s.Recovery)
		if !ok {
			return "", k, ErrPassphrase
		}
		return slotRecovery, rk.derive("waxseal recovery v1"), nil
	}
	return "", k, ErrLocked
}

// Signer is the signing key of checkpoints, in note form.
func (r *Ring) Signer() string { return r.body.Signer }

// VKey is the public half of Signer, in note form.
func (r *Ring) VKey() string { return r.body.VKey }

// DedupeKey keys the hashes by which identical raw items are known.
func (r *Ring) DedupeKey() *Key { return &r.body.Dedupe }

// BlobKey keys the hashes by which equal blobs are known.
func (r *Ring) BlobKey() *Key { return &r.body.Blob }

// IndexKey opens the index.
func (r *Ring) IndexKey() Key { return r.body.Index }

// Intake is the public half of the newest intake key pair.
func (r *Ring) Intake() (id int64, public []byte) {
	p := r.body.Intake[len(r.body.Intake)-1]
	return p.ID, p.priv.PublicKey().Bytes()
}

// HasIntake reports whether public is the public half of the intake key pair
// of that id: what is sealed to it can be opened.
func (r *Ring) HasIntake(id int64, public []byte) bool {
	return slices.ContainsFunc(r.body.Intake, func(p *intakePair) bool {
		return p.ID == id && bytes.Equal(p.priv.PublicKey().Bytes(), public)
	})
}

// Reload reads the ring's file again, which another process may have written.
func (r *Ring) Reload(file []byte) error {
	f, err := parseRing(file)
	if err != nil {
		return err
	}
	if f.ID != r.ID {
		return fmt.Errorf("%w: ring of another archive", ErrRing)
	}
	body, err := r.openBody(f.Body)
	if err != nil {
		return err
	}
	r.slots, r.body = f.Slots, body
	return nil
}

// OpenEpoch opens an epoch key that was sealed to one of the intake keys.
func (r *Ring) OpenEpoch(intake int64, sealed []byte) (Key, error) {
	for _, p := range r.body.Intake {
		if p.ID == intake {
			return p.open(sealed)
		}
	}
	return Key{}, fmt.Errorf("intake key %d: %w", intake, ErrOpen)
}

// Block returns a block key.
func (r *Ring) Block(id int64) (*Key, error) {
	for i := range r.body.Blocks {
		if r.body.Blocks[i].ID == id {
			return &r.body.Blocks[i].Key, nil
		}
	}
	return nil, fmt.Errorf("key block %d: %w", id, ErrOpen)
}

// CurrentBlock is the block that takes new keys.
func (r *Ring) CurrentBlock() int64 { return r.body.Blocks[len(r.body.Blocks)-1].ID }

// AddBlock opens a new block for new keys. The ring must be written before a
// key is wrapped under it.
func (r *Ring) AddBlock() int64 {
	id := r.CurrentBlock() + 1
	r.body.Blocks = append(r.body.Blocks, block{ID: id, Key: NewKey()})
	return id
}

// KeepBlocks destroys the block keys that are not in ids, and reports whether
// there were any. No data key may be wrapped under them any more, nor come.
func (r *Ring) KeepBlocks(ids []int64) bool {
	keep := slices.DeleteFunc(slices.Clone(r.body.Blocks), func(b block) bool { return !slices.Contains(ids, b.ID) })
	dropped := len(keep) < len(r.body.Blocks)
	r.body.Blocks = keep
	return dropped
}

// SetIndexKey replaces the key of the index.
func (r *Ring) SetIndexKey(k Key) { r.body.Index = k }

// NewIntake makes a new intake key pair.
func (r *Ring) NewIntake(now time.Time) error {
	p, err := newIntakePair(r.body.Intake[len(r.body.Intake)-1].ID+1, now)
	if err == nil {
		r.body.Intake = append(r.body.Intake, p)
	}
	return err
}

// IntakeLife is how long one intake key pair takes new epochs.
const IntakeLife = 7 * 24 * time.Hour

// RotateIntake makes a new intake key pair when the newest is a week old, and
// reports whether it did.
func (r *Ring) RotateIntake(now time.Time) (bool, error) {
	newest := r.body.Intake[len(r.body.Intake)-1]
	if now.Sub(newest.Created) < IntakeLife {
		return false, nil
	}
	err := r.NewIntake(now)
	return err == nil, err
}

// KeepIntake destroys the intake keys that are not in ids, and reports whether
// there were any. Their epochs must have moved, and no new one may come.
func (r *Ring) KeepIntake(ids []int64) bool {
	keep := slices.DeleteFunc(slices.Clone(r.body.Intake), func(p *intakePair) bool {
		return !slices.Contains(ids, p.ID)
	})
	dropped := len(keep) < len(r.body.Intake)
	r.body.Intake = keep
	return dropped
}

// Opens lists the kinds of secret that open the ring.
func (r *Ring) Opens() []string {
	var kinds []string
	for _, s := range r.slots {
		if !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}
