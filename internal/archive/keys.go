package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
)

// blockKeys is how many keys a block takes before a new one is opened. To
// destroy one key its block is written again, so blocks are not large.
const blockKeys = 4096

// openRing reads and opens the ring of the archive in dir.
func openRing(dir string, secret func() (seal.Secret, error)) (*seal.Ring, error) {
	file, err := os.ReadFile(filepath.Join(dir, ringName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingRing(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read ring: %w", err)
	}
	if k, err := ReadKeyFile(filepath.Join(dir, ringKeyName)); err == nil {
		r, err := seal.OpenRing(file, seal.Secret{KeyFile: &k})
		if errors.Is(err, seal.ErrPassphrase) { // nobody typed anything wrong
			err = fmt.Errorf("%w: %s does not open it", seal.ErrRing, ringKeyName)
		}
		return r, err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if secret == nil {
		return nil, seal.ErrLocked
	}
	s, err := secret()
	if err != nil {
		return nil, err
	}
	return seal.OpenRing(file, s)
}

// missingRing tells an archive that lost its ring from a folder that is none.
func missingRing(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, logName)); err == nil {
		return fmt.Errorf("%w: %s is missing; without it nothing can be read", ErrIncomplete, ringName)
	}
	return ErrNotArchive
}

// ReadKeyFile reads a key file: 64 hex digits, and white space around them.
func ReadKeyFile(path string) (seal.Key, error) {
	var k seal.Key
	b, err := os.ReadFile(path)
	if err != nil {
		return k, fmt.Errorf("read key file: %w", err)
	}
	if err := k.UnmarshalText([]byte(strings.TrimSpace(string(b)))); err != nil {
		return k, fmt.Errorf("read key file: 64 hex digits expected: %w", seal.ErrPassphrase)
	}
	return k, nil
}

func writeKeyFile(path string, k seal.Key) error {
	return writeFile(path, []byte(hex.EncodeToString(k[:])+"\n"))
}

func writeRing(dir string, r *seal.Ring) error {
	b, err := r.Encode()
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, ringName), b)
}

// writeFile replaces a small file as a whole: a crash leaves the old one or
// the new one.
func writeFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", filepath.Base(path), err)
			_ = os.Remove(f.Name()) // what is left of it is of no use
		}
	}()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (a *Archive) reloadRing() error {
	a.ringMu.Lock()
	defer a.ringMu.Unlock()
	file, err := os.ReadFile(filepath.Join(a.dir, ringName))
	if err != nil {
		return fmt.Errorf("read ring: %w", err)
	}
	return a.ring.Reload(file)
}

// changeRing runs fn on the ring as it is on disk while no other process can
// change it, and writes it where fn says so.
func (a *Archive) changeRing(ctx context.Context, fn func(r *seal.Ring, tx store.Tx) (bool, error)) error {
	return a.store.Exclusive(ctx, func(tx store.Tx) error {
		if err := a.reloadRing(); err != nil {
			return err
		}
		a.ringMu.Lock()
		defer a.ringMu.Unlock()
		changed, err := fn(a.ring, tx)
		if err != nil || !changed {
			return err
		}
		return writeRing(a.dir, a.ring)
	})
}

// intake returns the newest intake key. The database can be written without a
// secret, so each of its intake keys is looked up in the ring first: what was
// sealed to a foreign one could be opened by its owner, and by nobody else.
func (a *Archive) intake(ctx context.Context) (store.Intake, error) {
	rows, err := a.store.Intakes(ctx)
	if err != nil {
		return store.Intake{}, fmt.Errorf("read intake keys: %w", err)
	}
	if len(rows) == 0 {
		return store.Intake{}, fmt.Errorf("%w: there is no intake key", store.ErrDamaged)
	}
	for _, in := range rows {
		ours, err := a.ringHasIntake(in)
		if err != nil {
			return in, err
		}
		if !ours {
			return in, foreignIntake(in)
		}
	}
	return rows[len(rows)-1], nil
}

func foreignIntake(in store.Intake) error {
	return fmt.Errorf("%w: intake key %d is not one of the ring's", store.ErrDamaged, in.ID)
}

func (a *Archive) ringHasIntake(in store.Intake) (bool, error) {
	a.ringMu.RLock()
	ours := a.ring.HasIntake(in.ID, in.Public)
	a.ringMu.RUnlock()
	if ours {
		return true, nil
	}
	// Another process may have made it since the ring was read.
	if err := a.reloadRing(); err != nil {
		return false, err
	}
	a.ringMu.RLock()
	defer a.ringMu.RUnlock()
	return a.ring.HasIntake(in.ID, in.Public), nil
}

// settle moves data keys from the intake into keyring blocks, and retires
// intake keys. After it nothing depends on what a capture machine has seen.
func (a *Archive) settle(ctx context.Context) error {
	if err := a.moveKeys(ctx); err != nil {
		return err
	}
	a.epoch, a.epochID = nil, 0 // its row is gone
	if err := a.retireIntakes(ctx); err != nil {
		return fmt.Errorf("retire intake keys: %w", err)
	}
	_, err := a.store.Scrub(ctx) // where readers are at work, the next one does it
	return err
}

func (a *Archive) moveKeys(ctx context.Context) error {
	for {
		n, err := a.settleSome(ctx)
		if errors.Is(err, store.ErrMoved) { // a disposal has retired the block
			err = a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) { return false, tx.AddBlock(r.CurrentBlock()) })
			n = 1
		}
		if err != nil {
			return fmt.Errorf("move keys into the keyring: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

func (a *Archive) settleSome(ctx context.Context) (int, error) {
	var rows []store.Key
	err := a.store.EpochKeys(ctx, 1024, func(k store.Key) error { rows = append(rows, k); return nil })
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	block, err := a.roomyBlock(ctx)
	if err != nil {
		return 0, err
	}
	a.ringMu.RLock()
	outer, err := a.ring.Block(block)
	a.ringMu.RUnlock()
	if err != nil {
		return 0, err
	}
	for i := range rows {
		k, err := a.dataKey(ctx, rows[i].ID)
		if err != nil {
			return 0, err
		}
		rows[i] = store.Key{ID: rows[i].ID, Block: block, Wrapped: outer.Wrap(k)}
	}
	return len(rows), a.store.Rewrap(ctx, rows)
}

// roomyBlock is the block for new keys; a full one is followed by another. The
// ring is on disk before a key is wrapped under the new block.
func (a *Archive) roomyBlock(ctx context.Context) (int64, error) {
	a.ringMu.RLock()
	block := a.ring.CurrentBlock()
	a.ringMu.RUnlock()
	n, err := a.store.BlockKeys(ctx, block)
	if err != nil || n < blockKeys {
		return block, err
	}
	err = a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) {
		if block != r.CurrentBlock() { // another process has just opened one
			block = r.CurrentBlock()
			return false, nil
		}
		block = r.AddBlock()
		return true, tx.AddBlock(block)
	})
	return block, err
}

// retireIntakes makes a new intake key pair every week and destroys old ones
// when their epochs have moved. The public half leaves the database, and that
// is committed, before the private half dies: in between nothing can be sealed
// to it.
func (a *Archive) retireIntakes(ctx context.Context) error {
	err := a.store.Exclusive(ctx, func(tx store.Tx) error { return tx.DropIdleIntakes() })
	if err != nil {
		return err
	}
	return a.changeRing(ctx, func(r *seal.Ring, tx store.Tx) (bool, error) {
		rows, err := tx.Intakes()
		if err != nil {
			return false, err
		}
		if len(rows) == 0 {
			return false, fmt.Errorf("%w: no intake key", store.ErrDamaged)
		}
		var ids []int64
		for _, in := range rows {
			if !r.HasIntake(in.ID, in.Public) {
				return false, foreignIntake(in)
			}
			ids = append(ids, in.ID)
		}
		dropped := r.KeepIntake(ids)
		rotated, err := r.RotateIntake(a.now())
		if err != nil || !rotated {
			return dropped, err
		}
		id, public := r.Intake()
		return true, tx.AddIntake(store.Intake{ID: id, Public: public})
	})
}
