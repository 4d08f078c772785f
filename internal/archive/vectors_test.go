package archive_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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
	SealedFrame       string   `json:"sealed_frame"`
	FramePlain        string   `json:"frame_plain"`
	WrappedKey        string   `json:"wrapped_key"`
	SealedStream      string   `json:"sealed_stream"`
	StreamContent     string   `json:"stream_content"`
	Ring              string   `json:"ring"`
	RingKeyFile       string   `json:"ring_key_file"`
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
	v := vectors{
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
	opened := got
	opened.SealedFrame, opened.FramePlain, opened.WrappedKey, opened.SealedStream, opened.StreamContent = "", "", "", "", ""
	opened.Ring, opened.RingKeyFile, opened.Proof, opened.ProofVKey, opened.ProofOfMessageHas = "", "", "", "", ""
	if d := cmp.Diff(want, opened); d != "" {
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
	file := fixedKey(128)
	if v.RingKeyFile != hex.EncodeToString(file[:]) {
		t.Errorf("ring key file: %s", v.RingKeyFile)
	}
	r, err := seal.OpenRing([]byte(v.Ring), seal.Secret{KeyFile: &file})
	if err != nil || r.ID != "0011223344556677" {
		t.Errorf("ring: %v", err)
	}
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
	shown := []string{v.DataKey, v.Part, v.Salt, v.PartCommitment, v.RecordCommitment, v.Leaf, v.LeafHash, v.Root2, v.SealedFrame, v.FramePlain, v.SealedStream}
	for _, s := range append(shown, v.Kinds...) {
		if s == "" || !strings.Contains(string(doc), s) {
			t.Errorf("docs/format.md does not show %q", s)
		}
	}
}
