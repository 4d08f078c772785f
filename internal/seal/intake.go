package seal

import (
	"crypto/hpke"
	"encoding/json"
	"fmt"
	"time"
)

// Capture needs no secret: data keys are wrapped under an epoch key that lives
// in memory for a minute at most, and that is itself sealed to the archive's
// intake key. A stolen capture machine reads nothing that it has written.

// EpochLife is how long one epoch key is used.
const EpochLife = time.Minute

const intakeInfo = "waxseal intake v1"

func intakeSuite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	// Hybrid: these records must stay secret for decades, and what is written
	// down today can be opened by the machines of then.
	return hpke.MLKEM768X25519(), hpke.HKDFSHA256(), hpke.AES256GCM()
}

// IntakePublic is the public half of an intake key pair.
type IntakePublic struct {
	ID  int64
	pub hpke.PublicKey
}

// Epoch is a key that wraps the data keys of one minute.
type Epoch struct {
	Intake int64  // the key pair that opens Sealed
	Sealed []byte // the key, sealed to the intake: 1,168 bytes
	Until  time.Time
	key    Key
}

// ParseIntake reads the public half of an intake key pair.
func ParseIntake(id int64, public []byte) (IntakePublic, error) {
	kem, _, _ := intakeSuite()
	pub, err := kem.NewPublicKey(public)
	if err != nil {
		return IntakePublic{}, fmt.Errorf("read intake key %d: %w", id, err)
	}
	return IntakePublic{ID: id, pub: pub}, nil
}

// NewEpoch makes an epoch key and seals it to p.
func (p IntakePublic) NewEpoch(now time.Time) (*Epoch, error) {
	_, kdf, aead := intakeSuite()
	e := &Epoch{Intake: p.ID, Until: now.Add(EpochLife), key: NewKey()}
	sealed, err := hpke.Seal(p.pub, kdf, aead, []byte(intakeInfo), e.key[:])
	if err != nil {
		return nil, fmt.Errorf("seal epoch key: %w", err)
	}
	e.Sealed = sealed
	return e, nil
}

// Wrap seals a data key under the epoch.
func (e *Epoch) Wrap(k Key) []byte { return e.key.Wrap(k) }

// Zero forgets the epoch key.
func (e *Epoch) Zero() { e.key.Zero() }

// intakePair is an intake key pair as the ring keeps it.
type intakePair struct {
	ID      int64
	Created time.Time
	priv    hpke.PrivateKey
}

type intakePairJSON struct {
	ID      int64     `json:"id"`
	Created time.Time `json:"created"`
	Private []byte    `json:"private"`
}

func newIntakePair(id int64, now time.Time) (*intakePair, error) {
	kem, _, _ := intakeSuite()
	priv, err := kem.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make intake key: %w", err)
	}
	return &intakePair{ID: id, Created: now, priv: priv}, nil
}

// MarshalJSON writes the pair for the ring's sealed body, and only there.
func (p *intakePair) MarshalJSON() ([]byte, error) {
	b, err := p.priv.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode intake key: %w", err)
	}
	return json.Marshal(intakePairJSON{p.ID, p.Created, b})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (p *intakePair) UnmarshalJSON(b []byte) error {
	var j intakePairJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("decode intake key: %w", err)
	}
	kem, _, _ := intakeSuite()
	priv, err := kem.NewPrivateKey(j.Private)
	if err != nil {
		return fmt.Errorf("decode intake key: %w", err)
	}
	p.ID, p.Created, p.priv = j.ID, j.Created, priv
	return nil
}

func (p *intakePair) open(sealed []byte) (Key, error) {
	_, kdf, aead := intakeSuite()
	var k Key
	b, err := hpke.Open(p.priv, kdf, aead, []byte(intakeInfo), sealed)
	if err != nil || len(b) != KeySize {
		return k, fmt.Errorf("open epoch key: %w", ErrOpen)
	}
	copy(k[:], b)
	clear(b)
	return k, nil
}
