package archive

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/blob/dir"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/store/sqlite"
)

// OpenFaulty opens the archive in dirName with its stores wrapped.
func OpenFaulty(ctx context.Context, dirName string, ws func(store.Store) store.Store, wb func(blob.Store) blob.Store) (*Archive, error) {
	ring, err := openRing(dirName, nil)
	if err != nil {
		return nil, err
	}
	st, err := sqlite.Open(ctx, filepath.Join(dirName, logName))
	if err != nil {
		return nil, err
	}
	return start(ctx, dirName, ring, ws(st), wb(dir.New(filepath.Join(dirName, blobsName))))
}

// SetClock replaces the archive's clock.
func (a *Archive) SetClock(now func() time.Time) { a.now = now }

// IdentityRow is the hash by which a record is known, and the tally of its row
// alone.
func IdentityRow(dedupe seal.Key, r record.Record, seq int64) (h []byte, t seal.Tally) {
	h = identityHash(hmac.New(sha256.New, dedupe[:]), &r)
	newRowMACs(&dedupe).add(&t, "identity", h, seq)
	return h, t
}

// Ring opens the ring of the archive in dirName.
func Ring(dirName string) (*seal.Ring, error) { return openRing(dirName, nil) }
