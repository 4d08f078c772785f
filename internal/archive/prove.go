package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Proof proves entries to somebody who has nothing but the proof, the public
// key of the archive and docs/format.md.
type Proof struct {
	Format  string       `json:"format"` // ProofFormat
	VKey    string       `json:"vkey"`   // public key of the archive, in note form
	Entries []EntryProof `json:"entries"`
}

// ProofFormat names the form of a Proof.
const ProofFormat = "waxseal-proof/v1"

// EntryProof proves one entry.
type EntryProof struct {
	Leaf  string      `json:"leaf"` // as it is hashed into the log
	Parts []ProofPart `json:"parts"`
	Log   string      `json:"log"` // C2SP tlog-proof
}

// ProofPart is one part of a record: opened, or only committed to.
type ProofPart struct {
	Commitment string `json:"commitment"` // hex
	Salt       string `json:"salt,omitempty"`
	Content    []byte `json:"content,omitempty"` // base64
}

// ErrProof means that the proof does not prove.
var ErrProof = errors.New("proof does not hold")

// Prove makes the proof of entries. The log is signed first where one of them
// is younger than the last checkpoint.
func (a *Archive) Prove(ctx context.Context, seqs []int64) (*Proof, error) {
	p := &Proof{Format: ProofFormat, VKey: a.vkey()}
	for _, seq := range seqs {
		e, err := a.proveEntry(ctx, seq)
		if err != nil {
			return nil, err
		}
		p.Entries = append(p.Entries, e)
	}
	return p, nil
}

func (a *Archive) proveEntry(ctx context.Context, seq int64) (p EntryProof, err error) {
	row, err := a.row(ctx, seq)
	if err != nil {
		return p, err
	}
	e, err := a.entry(ctx, row)
	if err != nil {
		return p, err
	}
	if len(e.Parts) == 0 {
		return p, fmt.Errorf("entry %d: %w", seq, ErrDisposed)
	}
	if p.Parts, err = a.openParts(ctx, row, e.Parts); err != nil {
		return p, err
	}
	signed, c, err := a.provable(ctx, seq)
	if err != nil {
		return p, err
	}
	path, err := tlog.ProveInclusion(c.Size, seq, a.hashes(ctx))
	if err != nil {
		return p, err
	}
	p.Leaf = string(Leaf(e.Kind, row.At, row.Commitment))
	p.Log = tlog.Proof{Index: seq, Hashes: path, Checkpoint: signed}.Marshal()
	return p, nil
}

func (a *Archive) openParts(ctx context.Context, row store.Entry, parts [][]byte) ([]ProofPart, error) {
	// Not from memory: another process may have written the pack anew, and the
	// salts of one pack do not go with the frame of another.
	sf, k, err := a.sealedFrame(ctx, row.Frame)
	if err != nil {
		return nil, err
	}
	f, err := k.OpenFrame(sf.N, sf.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open pack frame: %w", err)
	}
	salts := k.Salts()
	var out []ProofPart
	for i, part := range parts {
		salt := f.Salt(salts, row.Slot, i)
		if part == nil { // gone: its commitment stands for it
			out = append(out, ProofPart{Commitment: hex.EncodeToString(salt[:])})
			continue
		}
		c := seal.CommitPart(salt, part)
		out = append(out, ProofPart{Commitment: hex.EncodeToString(c[:]), Salt: hex.EncodeToString(salt[:]), Content: part})
	}
	return out, nil
}

// provable returns a checkpoint that covers seq.
func (a *Archive) provable(ctx context.Context, seq int64) ([]byte, tlog.Checkpoint, error) {
	b, c, err := a.lastCheckpoint()
	if err == nil && c.Size > seq {
		return b, c, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, c, err
	}
	if a.refused != nil {
		return nil, c, a.refused
	}
	if err := a.sign(ctx, true); err != nil {
		return nil, c, err
	}
	if b, c, err = a.lastCheckpoint(); err == nil && c.Size <= seq {
		err = fmt.Errorf("entry %d: %w", seq, ErrNotFound)
	}
	return b, c, err
}

func (a *Archive) lastCheckpoint() ([]byte, tlog.Checkpoint, error) {
	b, _, err := a.Checkpoint()
	if err != nil {
		return nil, tlog.Checkpoint{}, err
	}
	c, err := tlog.ParseCheckpoint(b, a.vkey())
	return b, c, err
}

// Proved is what a proof proves.
type Proved struct {
	Seq        int64
	Leaf       []byte
	Parts      [][]byte // nil where a part is only committed to
	Checkpoint tlog.Checkpoint
}

// ParseProof reads a proof file; ErrNotProof: it is something else.
func ParseProof(b []byte) (*Proof, error) {
	var p Proof
	if err := json.Unmarshal(b, &p); err != nil || p.Format != ProofFormat {
		return nil, ErrNotProof
	}
	return &p, nil
}

// ErrNotProof means that the file is no proof, or of another version.
var ErrNotProof = errors.New("not a proof of this version")

// Check checks a proof against the public key of the archive that vkey gives,
// or the one in the proof where vkey is empty. It needs no archive.
func (p *Proof) Check(vkey string) ([]Proved, error) {
	if vkey == "" {
		vkey = p.VKey
	}
	if len(p.Entries) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrProof)
	}
	var all []Proved
	for i, e := range p.Entries {
		got, err := e.check(vkey)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the proof: %w: %w", i+1, ErrProof, err)
		}
		all = append(all, got)
	}
	return all, nil
}

func (e EntryProof) check(vkey string) (Proved, error) {
	t, err := tlog.ParseProof(e.Log)
	if err != nil {
		return Proved{}, err
	}
	out := Proved{Seq: t.Index, Leaf: []byte(e.Leaf)}
	if out.Checkpoint, err = t.Check([]byte(e.Leaf), vkey); err != nil {
		return out, err
	}
	var leaf struct {
		Kind       record.Kind `json:"kind"`
		At         int64       `json:"at"`
		Commitment string      `json:"commitment"`
	}
	var logged seal.Commitment
	if err := errors.Join(json.Unmarshal([]byte(e.Leaf), &leaf), decodeHex(logged[:], leaf.Commitment)); err != nil {
		return out, fmt.Errorf("leaf: %w", err)
	}
	if string(Leaf(leaf.Kind, leaf.At, logged)) != e.Leaf {
		return out, errors.New("leaf is not one of this version")
	}
	var list []seal.Commitment
	for i, p := range e.Parts {
		c, err := p.check()
		if err != nil {
			return out, fmt.Errorf("part %d: %w", i, err)
		}
		list = append(list, c)
		out.Parts = append(out.Parts, p.Content)
	}
	if seal.CommitRecord(list) != logged {
		return out, errors.New("the parts are not those of the leaf")
	}
	return out, nil
}

func (p ProofPart) check() (c seal.Commitment, err error) {
	if err := decodeHex(c[:], p.Commitment); err != nil {
		return c, err
	}
	if p.Content == nil && p.Salt == "" {
		return c, nil // only committed to
	}
	var salt [32]byte
	if err := decodeHex(salt[:], p.Salt); err != nil {
		return c, err
	}
	if seal.CommitPart(salt, p.Content) != c {
		return c, errors.New("the content is not what was committed to")
	}
	return c, nil
}

func decodeHex(into []byte, s string) error {
	if hex.DecodedLen(len(s)) != len(into) {
		return errors.New("hex of another length expected")
	}
	if _, err := hex.Decode(into, []byte(s)); err != nil {
		return err
	}
	if hex.EncodeToString(into) != s {
		return errors.New("hex is not in lower case")
	}
	return nil
}
