package archive

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// entryRun is a run of rows that share a pack frame, on its way through
// verification.
type entryRun struct {
	rows     []store.Entry
	leaves   []tlog.Hash
	problems []string
	named    []string
	opened   bool
	bytes    int64
	key      int64
	done     chan struct{}
}

// entries opens every record, compares it with its commitment and grows the
// tree again from nothing. Runs are checked side by side and added in order.
func (v *verifier) entries(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := max(2, runtime.GOMAXPROCS(0))
	todo := make(chan *entryRun, 2*workers)
	order := make(chan *entryRun, 64*workers)
	readErr := make(chan error, 1)
	go func() {
		defer close(order)
		defer close(todo)
		readErr <- v.readRuns(ctx, todo, order)
	}()
	for range workers {
		go func() {
			for r := range todo {
				v.check(ctx, r)
				close(r.done)
			}
		}()
	}
	v.grown, v.keys = &tlog.Tree{}, map[int64]bool{}
	v.root()
	for r := range order {
		<-r.done
		v.add(r)
	}
	return <-readErr
}

func (v *verifier) readRuns(ctx context.Context, todo, order chan<- *entryRun) error {
	var run *entryRun
	send := func() error {
		if run == nil {
			return nil
		}
		for _, c := range []chan<- *entryRun{todo, order} {
			select {
			case c <- run:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		run = nil
		return nil
	}
	err := v.a.rows(ctx, 0, v.head.Size, func(row store.Entry) error {
		if run != nil && run.rows[0].Frame != row.Frame {
			if err := send(); err != nil {
				return err
			}
		}
		if run == nil {
			run = &entryRun{done: make(chan struct{})}
		}
		run.rows = append(run.rows, row)
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}

// check opens a run's frame and compares its records.
func (v *verifier) check(ctx context.Context, r *entryRun) {
	for _, row := range r.rows {
		kind, err := kindOf(row.Kind)
		if err != nil {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: %v", row.Seq, err))
		}
		r.leaves = append(r.leaves, tlog.LeafHash(Leaf(kind, row.At, row.Commitment)))
	}
	id := r.rows[0].Frame
	if id == 0 {
		// The leaf is all there is, and a certificate would have to say why.
		for _, row := range r.rows {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: its record is gone and no certificate of disposal says why", row.Seq))
		}
		return
	}
	f, salts, err := v.openFrame(ctx, id, r)
	if err != nil {
		first, last := r.rows[0].Seq, r.rows[len(r.rows)-1].Seq
		r.problems = append(r.problems, fmt.Sprintf("entries %d to %d cannot be read: %v", first, last, err))
		return
	}
	r.opened = true
	for _, row := range r.rows {
		if row.Slot < 0 || row.Slot >= len(f.Records) {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: no such place in its pack frame", row.Seq))
			continue
		}
		parts := f.Records[row.Slot]
		if c, _ := salts.Commit(f.First+row.Slot, parts); c != row.Commitment {
			r.problems = append(r.problems, fmt.Sprintf("entry %d: its record is not the one that was logged", row.Seq))
		}
		for _, p := range parts {
			r.bytes += int64(len(p))
			r.named = append(r.named, namedIn(p)...)
		}
	}
}

func (v *verifier) openFrame(ctx context.Context, id int64, r *entryRun) (seal.Frame, *seal.Salts, error) {
	row, err := v.a.store.Frame(ctx, id)
	if err != nil {
		return seal.Frame{}, nil, err
	}
	k, err := v.a.dataKey(ctx, row.Key)
	if err != nil {
		return seal.Frame{}, nil, err
	}
	f, err := k.OpenFrame(row.N, row.Sealed)
	r.key = row.Key
	return f, k.Salts(), err
}

// namedIn returns the SHA-256 of the blobs that a part's head names.
func namedIn(part []byte) (sums []string) {
	head, _, _ := bytes.Cut(part, []byte{'\n'})
	mark := []byte(`"sha256":"`)
	for {
		_, rest, ok := bytes.Cut(head, mark)
		if !ok {
			return sums
		}
		if sum, _, ok := bytes.Cut(rest, []byte{'"'}); ok && len(sum) == 64 {
			sums = append(sums, string(sum))
		}
		head = rest
	}
}

// add grows the tree by a run that was checked.
func (v *verifier) add(r *entryRun) {
	for _, h := range r.leaves {
		v.tiles = v.grown.Append(h, v.tiles)
		v.root()
	}
	for _, p := range r.problems {
		v.r.problem("%s", p)
	}
	for _, n := range r.named {
		v.named[n] = true
	}
	v.r.Bytes += r.bytes
	if !r.opened {
		return
	}
	if !v.keys[r.key] {
		v.keys[r.key] = true
		v.r.Keys++
	}
	v.r.Frames++
	v.r.Records += int64(len(r.rows))
	v.progress()
}

// root keeps the root where a checkpoint speaks of the tree as it is now.
func (v *verifier) root() {
	if _, ok := v.rootsAt[v.grown.Size()]; ok {
		v.rootsAt[v.grown.Size()] = v.grown.Root()
	}
}
