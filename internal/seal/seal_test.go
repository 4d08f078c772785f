package seal_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/seal"
)

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := seal.NewKey()
		part := rapid.SliceOfN(rapid.Byte(), 0, 200)
		records := rapid.SliceOfN(rapid.SliceOfN(part, 0, 4), 0, 70).Draw(t, "records")
		first := rapid.IntRange(0, 1<<20).Draw(t, "first")
		var identities seal.Tally
		identities.Add(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "identities"))
		sealed := k.SealFrame(3, first, identities, records)
		f, err := k.OpenFrame(3, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if f.First != first || f.Identities != identities || len(f.Records) != len(records) {
			t.Fatalf("%d records from %d, want %d from %d", len(f.Records), f.First, len(records), first)
		}
		for i, r := range records {
			for j, p := range r {
				if !bytes.Equal(f.Records[i][j], p) {
					t.Fatalf("part %d of record %d differs", j, i)
				}
			}
		}
		if _, err := k.OpenFrame(4, sealed); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("a frame opens in another's place: %v", err)
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "changed byte")
		sealed[at] ^= 1
		if _, err := k.OpenFrame(3, sealed); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("a changed frame opens: %v", err)
		}
	})
}

func TestStreamRoundTripAndTampering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 10), rapid.SampledFrom([]int{
			seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 2 * seal.ChunkSize, 3*seal.ChunkSize + 7,
		})).Draw(t, "size")
		content := make([]byte, size)
		if rapid.Bool().Draw(t, "random") {
			for i := range content {
				content[i] = byte(i * i >> 3)
			}
		}
		k := seal.NewKey()
		var out bytes.Buffer
		w := seal.NewStreamWriter(&out, k)
		for rest := content; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, seal.ChunkSize*2).Draw(t, "write"))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		read := func(b []byte) ([]byte, error) {
			return io.ReadAll(seal.NewStreamReader(bytes.NewReader(b), int64(len(b)), int64(size), k))
		}
		if got, err := read(out.Bytes()); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("read %d of %d back: %v", len(got), size, err)
		}
		bad := bytes.Clone(out.Bytes())
		bad[rapid.IntRange(0, len(bad)-1).Draw(t, "changed byte")] ^= 1
		if _, err := read(bad); err == nil {
			t.Fatal("a changed stream opens")
		}
		if _, err := read(out.Bytes()[:rapid.IntRange(0, out.Len()-1).Draw(t, "cut")]); err == nil {
			t.Fatal("a cut stream opens")
		}
		if _, err := read(append(bytes.Clone(out.Bytes()), 0)); err == nil {
			t.Fatal("a stream with something behind it opens")
		}
	})
}

func TestRing(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	r, err := seal.NewRing("00ff", "signer", "vkey", now)
	if err != nil {
		t.Fatal(err)
	}
	file := seal.NewKey()
	r.AddKeyFile(file)
	recovery := r.AddRecovery()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]seal.Secret{
		"key file":                     {KeyFile: &file},
		"recovery key":                 {Recovery: recovery},
		"recovery key, as people type": {Recovery: " " + strings.ToLower(strings.ReplaceAll(recovery, "-", " ")) + "\n"},
	} {
		got, err := seal.OpenRing(b, s)
		if err != nil || got.Signer() != "signer" || got.IndexKey() != r.IndexKey() {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := seal.NewKey()
	for name, s := range map[string]seal.Secret{"another key": {KeyFile: &other}, "no recovery key": {Recovery: "what"}} {
		if _, err := seal.OpenRing(b, s); !errors.Is(err, seal.ErrPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if _, err := seal.OpenRing(bad, seal.Secret{KeyFile: &file}); !errors.Is(err, seal.ErrRing) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

func TestEpochOpensWithTheRingAlone(t *testing.T) {
	now := time.Now()
	r, err := seal.NewRing("00ff", "s", "v", now)
	if err != nil {
		t.Fatal(err)
	}
	id, public := r.Intake()
	in, err := seal.ParseIntake(id, public)
	if err != nil {
		t.Fatal(err)
	}
	e, err := in.NewEpoch(now)
	if err != nil {
		t.Fatal(err)
	}
	data := seal.NewKey()
	wrapped := e.Wrap(data)
	outer, err := r.OpenEpoch(e.Intake, e.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := outer.Unwrap(wrapped); err != nil || got != data {
		t.Fatalf("unwrap: %v", err)
	}
	if rotated, err := r.RotateIntake(now.Add(time.Hour)); err != nil || rotated {
		t.Fatalf("rotated after an hour: %v", err)
	}
	if rotated, err := r.RotateIntake(now.Add(seal.IntakeLife)); err != nil || !rotated {
		t.Fatalf("not rotated after a week: %v", err)
	}
	if !r.KeepIntake([]int64{2}) {
		t.Fatal("the old pair was not destroyed")
	}
	if _, err := r.OpenEpoch(e.Intake, e.Sealed); !errors.Is(err, seal.ErrOpen) {
		t.Fatalf("an epoch of a destroyed pair opens: %v", err)
	}
}

func FuzzOpenRing(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"v":1,"id":"x","slots":[{"kind":"passphrase","argon2id":{"salt":"AAAAAAAAAAA=","t":1,"m":4294967295,"p":1},"key":""}],"body":""}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := seal.OpenRing(b, seal.Secret{Passphrase: []byte("x")}); err == nil {
			t.Fatalf("opened %v", r)
		}
	})
}
