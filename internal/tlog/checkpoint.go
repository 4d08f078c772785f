package tlog

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a statement of a log's size and root hash.
type Checkpoint struct {
	Origin string // names the log, and the key that signs for it
	Size   int64
	Root   Hash
}

// Errors of checkpoints.
var (
	// ErrCheckpoint: not a checkpoint, or not of this log, or not signed by it.
	ErrCheckpoint = errors.New("not a checkpoint of this log")
)

// NewSigner makes a signing key for origin and returns both halves in note
// form.
func NewSigner(origin string) (skey, vkey string, err error) {
	skey, vkey, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("make signing key: %w", err)
	}
	return skey, vkey, nil
}

// Sign returns the checkpoint as a C2SP signed note.
func (c Checkpoint) Sign(skey string) ([]byte, error) { return SignNote(c.text(), skey) }

// SignNote signs a text, which must end in a newline.
func SignNote(text, skey string) ([]byte, error) {
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	b, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("sign note: %w", err)
	}
	return b, nil
}

// OpenNote checks a signed note and returns its text. Signatures of others
// (witnesses) are passed over.
func OpenNote(signed []byte, vkey string) (string, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return "", fmt.Errorf("read verifier key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return "", fmt.Errorf("%w: signature does not verify", ErrCheckpoint)
	}
	return n.Text, nil
}

func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint reads a signed note and checks its signature with vkey.
func ParseCheckpoint(signed []byte, vkey string) (Checkpoint, error) {
	text, err := OpenNote(signed, vkey)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseText(text)
	// The name of a verifier key stands before its first plus sign.
	if origin, _, _ := strings.Cut(vkey, "+"); err == nil && c.Origin != origin {
		err = fmt.Errorf("%w: origin", ErrCheckpoint)
	}
	return c, err
}

// LooksLikeCheckpoint reports whether somebody could have signed this as a
// checkpoint of some log. It checks no signature.
func LooksLikeCheckpoint(signed []byte) bool {
	text, signatures, ok := strings.Cut(string(signed), "\n\n")
	_, err := parseText(text + "\n")
	return ok && err == nil && strings.HasPrefix(signatures, "— ")
}

func parseText(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return c, fmt.Errorf("%w: lines", ErrCheckpoint)
	}
	c.Origin = lines[0]
	c.Size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("%w: size", ErrCheckpoint)
	}
	if c.Root, err = parseHash(lines[2]); err != nil {
		return c, fmt.Errorf("%w: root", ErrCheckpoint)
	}
	return c, nil
}

// parseHash reads a hash in the one way it is written.
func parseHash(s string) (Hash, error) {
	h, err := tlog.ParseHash(s)
	if err == nil && h.String() != s {
		err = ErrProof
	}
	return h, err
}

// CheckVKey reports whether vkey is a public key in note form.
func CheckVKey(vkey string) error {
	if _, err := note.NewVerifier(vkey); err != nil {
		return fmt.Errorf("read verifier key: %w", err)
	}
	return nil
}

// Proof is the proof of one leaf, in the C2SP tlog-proof form.
type Proof struct {
	Index      int64
	Hashes     []Hash
	Checkpoint []byte // signed note
}

const proofHeader = "c2sp.org/tlog-proof@v1"

// Marshal writes the proof as C2SP tlog-proof text.
func (p Proof) Marshal() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\n", proofHeader, p.Index)
	for _, h := range p.Hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.String()
}

// ErrProof is returned for text that is not a proof.
var ErrProof = errors.New("not a tlog proof")

// ParseProof is the inverse of Marshal. It checks the form, not the proof.
func ParseProof(s string) (Proof, error) {
	var p Proof
	head, checkpoint, ok := strings.Cut(s, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return p, ErrProof
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return p, fmt.Errorf("%w: index", ErrProof)
	}
	var err error
	digits := lines[0][len("index "):]
	if p.Index, err = strconv.ParseInt(digits, 10, 64); err != nil || p.Index < 0 || strconv.FormatInt(p.Index, 10) != digits {
		return p, fmt.Errorf("%w: index", ErrProof)
	}
	for _, l := range lines[1:] {
		h, err := parseHash(l)
		if err != nil {
			return p, fmt.Errorf("%w: hash", ErrProof)
		}
		p.Hashes = append(p.Hashes, h)
	}
	p.Checkpoint = []byte(checkpoint)
	return p, nil
}

// Check checks the proof for a leaf against the key of the log, and returns
// the checkpoint that it holds under.
func (p Proof) Check(leaf []byte, vkey string) (Checkpoint, error) {
	c, err := ParseCheckpoint(p.Checkpoint, vkey)
	if err != nil {
		return c, err
	}
	return c, CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, LeafHash(leaf))
}
