package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/tlog"
)

// signEvery is how far apart checkpoints are while the log grows.
const signEvery = time.Second

// signing is whether the log has grown since it was last signed.
type signing struct {
	mu       sync.Mutex
	unsigned bool
}

// grown notes that the log has grown; the writer signs it within a second.
func (a *Archive) grown() {
	a.signing.mu.Lock()
	a.signing.unsigned = true
	a.signing.mu.Unlock()
}

// Sign signs the log as it is now.
func (a *Archive) Sign(ctx context.Context) error { return a.sign(ctx, false) }

// sign signs the committed head and puts the checkpoint beside the log and
// into every anchor. The head is read from the database: what is signed is
// what is there. Without force it does nothing where nothing has grown.
func (a *Archive) sign(ctx context.Context, force bool) error {
	a.signing.mu.Lock()
	defer a.signing.mu.Unlock()
	if !a.signing.unsigned && !force {
		return nil
	}
	h, err := a.store.Head(ctx)
	if err != nil || h.Size == 0 {
		return err
	}
	a.ringMu.RLock()
	skey, origin := a.ring.Signer(), "waxseal/"+a.ring.ID
	a.ringMu.RUnlock()
	b, err := tlog.Checkpoint{Origin: origin, Size: h.Size, Root: h.Root}.Sign(skey)
	if err != nil {
		return err
	}
	errs := []error{writeFile(filepath.Join(a.dir, checkpointName), b)}
	anchors, err := readAnchors(a.dir)
	errs = append(errs, err)
	for _, p := range anchors {
		if err := writeFile(p, b); err != nil {
			errs = append(errs, fmt.Errorf("anchor: %w", err))
		}
	}
	a.signing.unsigned = false
	return errors.Join(errs...)
}

// Checkpoint is the last signed checkpoint, as a C2SP signed note, and when it
// was written.
func (a *Archive) Checkpoint() ([]byte, time.Time, error) {
	p := filepath.Join(a.dir, checkpointName)
	b, err := os.ReadFile(p)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read checkpoint: %w", err)
	}
	fi, err := os.Stat(p)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return b, fi.ModTime(), nil
}

func (a *Archive) vkey() string {
	a.ringMu.RLock()
	defer a.ringMu.RUnlock()
	return a.ring.VKey()
}

// compareAnchors compares the log with every checkpoint that can be reached:
// the one beside it and the anchors. It returns why the log must not grow.
func (a *Archive) compareAnchors(ctx context.Context) error {
	paths, err := readAnchors(a.dir)
	if err != nil {
		return err
	}
	for _, p := range append([]string{filepath.Join(a.dir, checkpointName)}, paths...) {
		b, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not written yet, or an anchor that is not mounted
		}
		if err != nil {
			return fmt.Errorf("read anchor: %w", err)
		}
		if err := a.Compare(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// Compare checks that the log has only grown since a checkpoint that somebody
// kept. ErrRestored: it has not.
func (a *Archive) Compare(ctx context.Context, signed []byte) error {
	c, err := tlog.ParseCheckpoint(signed, a.vkey())
	if err != nil {
		return err
	}
	h, err := a.store.Head(ctx)
	if err != nil {
		return err
	}
	if c.Size > h.Size {
		return fmt.Errorf("%w: it has %d entries, the checkpoint %d", ErrRestored, h.Size, c.Size)
	}
	t, err := tlog.Load(c.Size, a.hashes(ctx))
	if err != nil {
		return fmt.Errorf("read the log's tree: %w", err)
	}
	if t.Root() != c.Root {
		return fmt.Errorf("%w: its first %d entries are not those of the checkpoint", ErrRestored, c.Size)
	}
	return nil
}

// newAnchors checks, before anything is made, that the anchors of a new
// archive are files that are not there yet, in folders that are, outside dir.
func newAnchors(dir string, paths []string) error {
	home, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return fmt.Errorf("anchor: %w", err)
		}
		if strings.HasPrefix(abs, home+string(filepath.Separator)) {
			return fmt.Errorf("anchor %s lies inside the archive: name a file on another disk or machine", p)
		}
		if _, err := os.Lstat(abs); err == nil {
			return fmt.Errorf("anchor %s is there already and would be overwritten: name a new file", p)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("anchor: %w", err)
		}
		if fi, err := os.Stat(filepath.Dir(abs)); err != nil {
			return fmt.Errorf("anchor: %w", err)
		} else if !fi.IsDir() {
			return fmt.Errorf("anchor %s: its folder is not a folder", p)
		}
	}
	return nil
}

// writeAnchors keeps the list of anchor files: one path a line.
func writeAnchors(dir string, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	var b strings.Builder
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return fmt.Errorf("anchor: %w", err)
		}
		b.WriteString(abs + "\n")
	}
	return writeFile(filepath.Join(dir, anchorsName), []byte(b.String()))
}

func readAnchors(dir string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, anchorsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read anchors: %w", err)
	}
	var paths []string
	for line := range strings.Lines(string(b)) {
		if p := strings.TrimSuffix(line, "\n"); p != "" {
			paths = append(paths, p)
		}
	}
	return paths, nil
}
