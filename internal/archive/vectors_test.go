package archive_test

import (
	"crypto/hpke"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/tlog"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

// vectors are the examples of docs/format.md, made by the code that archives
// are written with.
type vectors struct {
	DataKey           string   `json:"data_key"`
	Part              string   `json:"part"`
	Salt              string   `json:"salt"`
	PartCommitment    string   `json:"part_commitment"`
	RecordCommitment  string   `json:"record_commitment"`
	Leaf              string   `json:"leaf"`
	LeafHash          string   `json:"leaf_hash"`
	Root2             string   `json:"root_of_two"`
	Identity          string   `json:"identity"`
	IdentityTally     string   `json:"identity_tally"`
	SealedFrame       string   `json:"sealed_frame"`
	FramePlain        string   `json:"frame_plain"`
	WrappedKey        string   `json:"wrapped_key"`
	SealedStream      string   `json:"sealed_stream"`
	StreamContent     string   `json:"stream_content"`
	Pack              []string `json:"pack"` // its sealed frames
	IntakePrivate     string   `json:"intake_private"`
	IntakePublic      string   `json:"intake_public"`
	EpochSealed       string   `json:"epoch_sealed"`
	EpochWrappedKey   string   `json:"epoch_wrapped_key"`
	Ring              string   `json:"ring"`
	RingKeyFile       string   `json:"ring_key_file"`
	RingPassphrase    string   `json:"ring_passphrase"`
	RingRecovery      string   `json:"ring_recovery"`
	Kinds             []string `json:"kinds"`
	ProofVKey         string   `json:"proof_vkey"`
	Proof             string   `json:"proof"`
	ProofOfMessageHas string   `json:"proof_text"`
}

func fixedKey(b byte) (k seal.Key) {
	for i := range k {
		k[i] = b + byte(i)
	}
	return k
}

// fixed fills in what is the same every time.
func fixed(t *testing.T) vectors {
	t.Helper()
	k := fixedKey(0)
	part, err := record.Part(record.ItemHead{Capture: 1, Ordinal: 7, Offset: 420}, []byte("13/05/2024, 09:00 - Ana: see you at 10\n"))
	if err != nil {
		t.Fatal(err)
	}
	salt := k.Salts().Salt(5, 0)
	pc := seal.CommitPart(salt, part)
	rc := seal.CommitRecord([]seal.Commitment{pc})
	leaf := archive.Leaf(record.Item, 1732437600123, rc)
	var tree tlog.Tree
	tree.Append(tlog.LeafHash(leaf), nil)
	tree.Append(tlog.LeafHash([]byte("second leaf")), nil)
	root, lh := tree.Root(), tlog.LeafHash(leaf)
	identity, tally := archive.IdentityRow(fixedKey(32), record.Record{
		Lineage: "ana.lima\x00Harbour Works", Near: "[13 5 2024]", Identity: []byte("13/05/2024, 09:00 - Ana: see you at 10\x001.0"),
	}, 8)
	v := vectors{
		Identity: hex.EncodeToString(identity), IdentityTally: hex.EncodeToString(tally[:]),
		DataKey: hex.EncodeToString(k[:]), Part: base64.StdEncoding.EncodeToString(part), Salt: hex.EncodeToString(salt[:]),
		PartCommitment: hex.EncodeToString(pc[:]), RecordCommitment: hex.EncodeToString(rc[:]),
		Leaf: string(leaf), LeafHash: hex.EncodeToString(lh[:]), Root2: hex.EncodeToString(root[:]),
	}
	for _, kind := range record.Kinds() {
		v.Kinds = append(v.Kinds, string(kind))
	}
	return v
}

// TestVectors: what never changes is computed again; what has a random nonce is
// opened again. Old archives stay readable as long as this test stands.
func TestVectors(t *testing.T) {
	want := fixed(t)
	if *update {
		writeVectors(t, want)
	}
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var got vectors
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	same := vectors{
		DataKey: got.DataKey, Part: got.Part, Salt: got.Salt, PartCommitment: got.PartCommitment, RecordCommitment: got.RecordCommitment,
		Identity: got.Identity, IdentityTally: got.IdentityTally,
		Leaf: got.Leaf, LeafHash: got.LeafHash, Root2: got.Root2, Kinds: got.Kinds,
	}
	if d := cmp.Diff(want, same); d != "" {
		t.Errorf("the format has changed:\n%s", d)
	}
	openVectors(t, got)
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openVectors(t *testing.T, v vectors) {
	t.Helper()
	k := fixedKey(0)
	f, err := k.OpenFrame(2, unbase64(t, v.SealedFrame))
	if err != nil || f.First != 128 || len(f.Records) != 2 || string(f.Records[1][1]) != "{}\nb" {
		t.Errorf("frame: %+v, %v", f, err)
	}
	if inner, err := k.Unwrap(unbase64(t, v.WrappedKey)); err != nil || inner != fixedKey(64) {
		t.Errorf("wrapped key: %v", err)
	}
	openPack(t, v)
	openEpoch(t, v)
	openRing(t, v)
	p, err := archive.ParseProof([]byte(v.Proof))
	if err != nil {
		t.Fatal(err)
	}
	proved, err := p.Check(v.ProofVKey)
	if err != nil || !strings.Contains(string(proved[0].Parts[0]), v.ProofOfMessageHas) {
		t.Errorf("proof: %v", err)
	}
	s := streamOf(t, v)
	if string(s) != v.StreamContent {
		t.Errorf("stream: %q", s)
	}
}

// packTexts are the parts of the pack in the vectors: each frame has two
// records of one part.
func packTexts() [][]string { return [][]string{{"{}\none", "{}\ntwo"}, {"{}\nthree", "{}\nfour"}} }

func openPack(t *testing.T, v vectors) {
	t.Helper()
	k := fixedKey(0)
	if len(v.Pack) != len(packTexts()) {
		t.Fatalf("pack of %d frames", len(v.Pack))
	}
	for n, texts := range packTexts() {
		f, err := k.OpenFrame(n, unbase64(t, v.Pack[n]))
		if err != nil || f.First != 2*n || len(f.Records) != len(texts) {
			t.Fatalf("frame %d of the pack: %+v, %v", n, f, err)
		}
		for i, want := range texts {
			if string(f.Records[i][0]) != want {
				t.Errorf("frame %d of the pack: record %d is %q", n, i, f.Records[i][0])
			}
		}
	}
}

// openEpoch opens the epoch as a stranger would, who has the numbers of the
// algorithms from docs/format.md.
func openEpoch(t *testing.T, v vectors) {
	t.Helper()
	kem, err1 := hpke.NewKEM(0x647a)
	kdf, err2 := hpke.NewKDF(0x0001)
	aead, err3 := hpke.NewAEAD(0x0002)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(v.IntakePrivate)
	if err != nil {
		t.Fatal(err)
	}
	private, err := kem.NewPrivateKey(seed)
	if err != nil || base64.StdEncoding.EncodeToString(private.PublicKey().Bytes()) != v.IntakePublic {
		t.Fatalf("the public half is another: %v", err)
	}
	sealed := unbase64(t, v.EpochSealed)
	if len(sealed) != 1120+32+16 {
		t.Errorf("epoch of %d bytes", len(sealed))
	}
	r, err := hpke.NewRecipient(sealed[:1120], private, kdf, aead, []byte("waxseal intake v1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Open(nil, sealed[1120:])
	if err != nil {
		t.Fatal(err)
	}
	epoch := seal.Key(b)
	if k, err := epoch.Unwrap(unbase64(t, v.EpochWrappedKey)); err != nil || k != fixedKey(64) {
		t.Errorf("key wrapped under the epoch: %v", err)
	}
}

func openRing(t *testing.T, v vectors) {
	t.Helper()
	file := fixedKey(128)
	if v.RingKeyFile != hex.EncodeToString(file[:]) {
		t.Errorf("ring key file: %s", v.RingKeyFile)
	}
	for kind, s := range map[string]seal.Secret{
		"key file":           {KeyFile: &file},
		"passphrase":         {Passphrase: []byte(v.RingPassphrase)},
		"recovery key":       {Recovery: v.RingRecovery},
		"recovery key typed": {Recovery: " " + strings.NewReplacer("-", " ", "O", "0", "I", "1", "B", "8").Replace(strings.ToLower(v.RingRecovery)) + "\r\n"},
	} {
		if r, err := seal.OpenRing([]byte(v.Ring), s); err != nil || r.ID != "0011223344556677" {
			t.Errorf("ring by %s: %v", kind, err)
		}
	}
}

// TestFormatDocumentShowsTheVectors keeps docs/format.md true.
func TestFormatDocumentShowsTheVectors(t *testing.T) {
	doc, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	shown := []string{v.DataKey, v.Part, v.Salt, v.PartCommitment, v.RecordCommitment, v.Leaf, v.LeafHash, v.Root2, v.Identity, v.IdentityTally, v.SealedFrame, v.FramePlain, v.SealedStream}
	for _, s := range append(shown, v.Kinds...) {
		if s == "" || !strings.Contains(string(doc), s) {
			t.Errorf("docs/format.md does not show %q", s)
		}
	}
}
