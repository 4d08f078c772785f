package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/waxseal/waxseal/internal/tlog"
)

// The result of the last verification is kept beside the log as a signed note,
// not in it: to verify must not change what is verified.

const verificationOrigin = "waxseal verification v1\n"

// RecordVerification keeps a report as the last verification.
func (a *Archive) RecordVerification(r *Report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	a.ringMu.RLock()
	skey := a.ring.Signer()
	a.ringMu.RUnlock()
	signed, err := tlog.SignNote(verificationOrigin+string(b)+"\n", skey)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(a.dir, verifiedName), signed)
}

// LastVerification is the report of the last verification, or nil.
func (a *Archive) LastVerification() (*Report, error) {
	b, err := os.ReadFile(filepath.Join(a.dir, verifiedName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there was none, which is not an error
	}
	if err != nil {
		return nil, fmt.Errorf("read last verification: %w", err)
	}
	return parseVerification(b, a.vkey())
}

func parseVerification(signed []byte, vkey string) (*Report, error) {
	text, err := tlog.OpenNote(signed, vkey)
	if err != nil {
		return nil, err
	}
	var r Report
	if len(text) < len(verificationOrigin) || text[:len(verificationOrigin)] != verificationOrigin {
		return nil, tlog.ErrCheckpoint
	}
	if err := json.Unmarshal([]byte(text[len(verificationOrigin):]), &r); err != nil {
		return nil, fmt.Errorf("read last verification: %w", err)
	}
	return &r, nil
}
