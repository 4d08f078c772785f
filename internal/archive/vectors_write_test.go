package archive_test

import (
	"bytes"
	"crypto/hpke"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/tlog"
)

// writeVectors makes the sealed examples: each has a random nonce, so they
// differ every time, and stay once written.
func writeVectors(t *testing.T, v vectors) {
	t.Helper()
	k := fixedKey(0)
	frame := k.SealFrame(2, 128, seal.Tally(bytes.Repeat([]byte{0xa5}, 16)), [][][]byte{{[]byte("{}\na")}, {[]byte("{}\n"), []byte("{}\nb")}})
	v.SealedFrame = base64.StdEncoding.EncodeToString(frame)
	v.FramePlain = "01 a5…a5 8001 02  01 04  02 03 04  7b7d0a61 7b7d0a 7b7d0a62"
	v.WrappedKey = base64.StdEncoding.EncodeToString(k.Wrap(fixedKey(64)))
	v.StreamContent = "a voice note, or the export itself"
	var out bytes.Buffer
	w := seal.NewStreamWriter(&out, k)
	if _, err := io.WriteString(w, v.StreamContent); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v.SealedStream = base64.StdEncoding.EncodeToString(out.Bytes())
	writePackAndEpoch(t, &v)
	skey, vkey, err := tlog.NewSigner("waxseal/0011223344556677")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing("0011223344556677", skey, vkey, time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	file := fixedKey(128)
	ring.AddKeyFile(file)
	v.RingPassphrase, v.RingRecovery = "correct horse battery", ring.AddRecovery()
	ring.AddPassphrase([]byte(v.RingPassphrase))
	b, err := ring.Encode()
	if err != nil {
		t.Fatal(err)
	}
	v.Ring, v.RingKeyFile = string(b), hex.EncodeToString(file[:])
	a := open(t, create(t))
	defer closeArchive(t, a)
	appendAll(t, a, items(t, "acme", 0, 20))
	p, err := a.Prove(t.Context(), []int64{8})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	v.Proof, v.ProofVKey, v.ProofOfMessageHas = string(proof), p.VKey, "message number 7 about the contract"
	all, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/vectors.json", append(all, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writePackAndEpoch(t *testing.T, v *vectors) {
	t.Helper()
	k, seed := fixedKey(0), fixedKey(32)
	for n, texts := range packTexts() {
		var records [][][]byte
		for _, s := range texts {
			records = append(records, [][]byte{[]byte(s)})
		}
		v.Pack = append(v.Pack, base64.StdEncoding.EncodeToString(k.SealFrame(n, 2*n, seal.Tally{}, records)))
	}
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	public := private.PublicKey().Bytes()
	in, err := seal.ParseIntake(1, public)
	if err != nil {
		t.Fatal(err)
	}
	e, err := in.NewEpoch(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.IntakePrivate, v.IntakePublic = hex.EncodeToString(seed[:]), base64.StdEncoding.EncodeToString(public)
	v.EpochSealed, v.EpochWrappedKey = base64.StdEncoding.EncodeToString(e.Sealed), base64.StdEncoding.EncodeToString(e.Wrap(fixedKey(64)))
}

func streamOf(t *testing.T, v vectors) []byte {
	t.Helper()
	b := unbase64(t, v.SealedStream)
	got, err := io.ReadAll(seal.NewStreamReader(bytes.NewReader(b), int64(len(b)), int64(len(v.StreamContent)), fixedKey(0)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
