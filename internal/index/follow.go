package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// batchItems is how many entries one transaction takes. Sorting so many rows
// by time before they go into the full-text table is what keeps that fast.
const batchItems = 20_000

// batchBytes bounds a batch of long texts.
const batchBytes = 24 << 20

// step is one entry, understood as far as that needs no database.
type step struct {
	seq    int64
	kind   record.Kind
	entry  record.Entry          // of a Capture
	end    record.CaptureEndHead // of a CaptureEnd
	cap    int64
	doc    *doc // nil: nothing to index
	unread bool
	act    *marking // of an Act that the index follows
	audit  *audited // nil: not in the audit trail
}

// batch is the steps from … to, exclusive.
type batch struct {
	from, to int64
	steps    []step
}

// errMoved means that another process has followed meanwhile.
var errMoved = errors.New("the index has moved on")

// errPause ends a scan whose next entries need the batch before them.
var errPause = errors.New("pause")

// Follow reads the log from where the index stands to its end. What it has
// read stays read, whatever stops it: the position is part of each
// transaction. Any number of processes may follow at once. progress, which may
// be nil, is told how many entries of how many were read.
func (x *Index) Follow(ctx context.Context, progress func(done, of int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return x.followed(ctx, 1, progress)
}

// FollowBehind follows a log that is being written. What would not fill a
// transaction is left for later: small ones cost more, and a capture that ends
// in the one that it began in is joined with others before its words are
// written.
func (x *Index) FollowBehind(ctx context.Context) error {
	return x.followed(ctx, batchItems, func(int64, int64) {})
}

func (x *Index) followed(ctx context.Context, least int64, progress func(done, of int64)) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := x.current(ctx); err != nil {
		return fmt.Errorf("follow the log: %w", room(err))
	}
	if err := x.follow(ctx, least, progress); err != nil {
		return fmt.Errorf("follow the log: %w", room(err))
	}
	return nil
}

// follow reads on in multiples of least entries.
func (x *Index) follow(ctx context.Context, least int64, progress func(done, of int64)) error {
	if err := x.sameLog(ctx); err != nil || x.asIs {
		return err
	}
	for {
		size, err := x.cfg.Log.Size(ctx)
		if err != nil {
			return err
		}
		from, err := x.w.position()
		if err != nil {
			return err
		}
		to := from + (size-from)/least*least
		if from >= to {
			return nil
		}
		if err := x.advance(ctx, from, to, func(done int64) { progress(done, size) }); err != nil && !errors.Is(err, errMoved) {
			return err
		}
	}
}

// sameLog begins the index anew where it followed another log, or a longer
// one: the archive was put back to an older copy.
func (x *Index) sameLog(ctx context.Context) error {
	size, err := x.cfg.Log.Size(ctx)
	if err != nil {
		return err
	}
	pos, err := x.w.position()
	if err != nil || size == 0 && pos == 0 {
		return err
	}
	origin := ""
	if size > 0 {
		if origin, err = x.origin(ctx); err != nil {
			return err
		}
	}
	was, err := stateText(x.w.c, "origin")
	if err != nil {
		return err
	}
	if pos > size || was != "" && was != origin {
		if err := x.restart("it followed another log"); err != nil {
			return err
		}
		was = ""
	}
	if was == "" {
		return x.w.c.exec(`INSERT OR REPLACE INTO state VALUES ('origin', ?)`, origin)
	}
	return x.sameReadings(ctx)
}

// origin names a log by its first entry.
func (x *Index) origin(ctx context.Context) (string, error) {
	first, err := x.cfg.Log.Get(ctx, []int64{0})
	if err != nil || len(first) == 0 {
		return "", fmt.Errorf("read the first entry: %w", err)
	}
	h := sha256.New()
	for _, p := range first[0].Parts {
		h.Write(p)
	}
	h.Write(fmt.Append(nil, first[0].Kind, first[0].At.UnixMilli()))
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// sameReadings begins the index anew where this program reads a capture in
// another way than the one that wrote the index.
func (x *Index) sameReadings(ctx context.Context) error {
	caps, err := x.w.captures()
	if err != nil {
		return err
	}
	for seq, c := range caps {
		r, err := x.reading(ctx, append([]int64{seq}, c.again...))
		if err != nil {
			return err
		}
		if r.Key() != c.key {
			if err := x.restart("captures are read in another way now"); err != nil {
				return err
			}
			origin, err := x.origin(ctx)
			if err != nil {
				return err
			}
			return x.w.c.exec(`INSERT OR REPLACE INTO state VALUES ('origin', ?)`, origin)
		}
	}
	return nil
}

func (x *Index) restart(why string) error {
	if x.asIs {
		return fmt.Errorf("%w: %s", ErrReadOnly, why)
	}
	x.w.lose()
	x.anew = why
	return x.begin(x.w.c)
}

// advance reads on from entry from to entry to, exclusive, or less far: one
// goroutine interprets and analyses, the other writes.
func (x *Index) advance(ctx context.Context, from, to int64, progress func(done int64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	caps, err := x.w.captures()
	if err != nil {
		return err
	}
	batches := make(chan batch, 1)
	scanned := make(chan error, 1)
	go func() {
		defer close(batches)
		s := scan{x: x, ctx: ctx, captures: caps, out: batches, b: batch{from: from, to: from}}
		err := prefix{x.cfg.Log, to}.Scan(ctx, from, s.entry)
		if err == nil || errors.Is(err, errPause) {
			err = s.flush()
		}
		scanned <- err
	}()
	for b := range batches {
		if err = x.w.apply(ctx, b); err != nil {
			break
		}
		progress(b.to)
	}
	cancel()
	for range batches { // let the scan see that it is over
	}
	if scanErr := <-scanned; err == nil {
		err = scanErr
	}
	return err
}

// scan turns entries into steps.
type scan struct {
	x        *Index
	ctx      context.Context
	captures map[int64]captureState
	out      chan<- batch
	b        batch
	bytes    int
}

func (s *scan) entry(e record.Entry) error {
	st := step{seq: e.Seq, kind: e.Kind, audit: auditedOf(e)}
	pause := false
	switch e.Kind {
	case record.Act:
		st.act = markingOf(e)
	case record.Init, record.Trace, record.Disposal, record.Certificate:
	case record.Capture:
		// A capture that is in one batch with its end is joined with others
		// before its words are written.
		if len(s.b.steps) >= batchItems/2 {
			if err := s.flush(); err != nil {
				return err
			}
		}
		st.entry = clone(e)
		s.captures[e.Seq] = captureState{}
	case record.CaptureEnd:
		if len(e.Parts) > 0 {
			// What does not decode ends no capture; verify finds the damage.
			if _, err := e.Decode(&st.end); err != nil {
				st.end = record.CaptureEndHead{Capture: -1}
			}
		}
		// What it saw again may change how items are read from here on.
		pause = len(st.end.Seen) > 0
	case record.Item, record.Unparsed:
		if err := s.item(e, &st); err != nil {
			return err
		}
	}
	s.b.steps = append(s.b.steps, st)
	s.b.to = e.Seq + 1
	if pause {
		return errPause
	}
	if len(s.b.steps) >= batchItems || s.bytes >= batchBytes {
		return s.flush()
	}
	return nil
}

// item makes the doc of an entry. A head that does not decode leaves the entry
// unread, under no capture.
func (s *scan) item(e record.Entry, st *step) error {
	if len(e.Parts) == 0 {
		return nil // disposed of
	}
	var h record.ItemHead
	if _, err := e.Decode(&h); err != nil {
		h.Capture = -1
	}
	st.cap = h.Capture
	r := &reading{Reader: noReader{}}
	if c, ok := s.captures[h.Capture]; ok {
		var err error
		if r, err = s.x.reading(s.ctx, append([]int64{h.Capture}, c.again...)); err != nil {
			return err
		}
	}
	ev, unread := r.events(e)
	if len(ev) == 0 {
		return nil // about no message
	}
	m := chat.Fold(ev)
	d := docOf(&m, unread)
	d.live = r.live()
	if unread {
		d.under(&r.head)
	}
	st.doc, st.unread = &d, unread
	s.bytes += len(d.words) + 256
	return nil
}

func (s *scan) flush() error {
	if len(s.b.steps) == 0 {
		return nil
	}
	select {
	case s.out <- s.b:
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	s.b = batch{from: s.b.to, to: s.b.to}
	s.bytes = 0
	return nil
}

func clone(e record.Entry) record.Entry {
	parts := make([][]byte, len(e.Parts))
	for i, p := range e.Parts {
		parts[i] = append([]byte(nil), p...)
	}
	e.Parts = parts
	return e
}
