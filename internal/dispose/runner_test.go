package dispose

import (
	"context"
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/govern"
)

// TestARunnerDoesOneAtATime, and nothing that nobody has decided.
func TestARunnerDoesOneAtATime(t *testing.T) {
	_, d := newHeldDesk(t)
	failed := make(chan error, 1)
	r := NewRunner(t.Context(), d, func(_ int64, err error) { failed <- err })
	if err := r.Start(t.Context(), 99); !errors.Is(err, govern.ErrUnknown) {
		t.Errorf("what nobody has decided starts: %v", err)
	}
	if err := r.Resume(t.Context()); err != nil || r.Progress() != (Running{}) {
		t.Errorf("nothing is unfinished: %v, %+v", err, r.Progress())
	}
	if !r.take(7) || r.take(8) || r.Progress().Request != 7 {
		t.Error("two run at a time")
	}
	r.work.Go(func() { r.run(7) })
	r.Wait()
	if p := r.Progress(); !p.Ended || !errors.Is(p.Err, govern.ErrUnknown) || !errors.Is(<-failed, govern.ErrUnknown) {
		t.Errorf("a run that fails: %+v", p)
	}
	if !r.take(8) {
		t.Error("after one that failed no other runs")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r = NewRunner(ctx, d, func(int64, error) { t.Error("the end of the program is told as a fault") })
	r.take(9)
	r.run(9)
	if !r.Progress().Ended {
		t.Error("a run goes on after the end of its context")
	}
}
