package dispose

import (
	"context"
	"sync"

	"github.com/waxseal/waxseal/internal/govern"
)

// Runner is a desk that does disposals while others go on working, one at a
// time.
type Runner struct {
	*Desk
	ctx    context.Context
	failed func(request int64, err error)
	work   sync.WaitGroup

	mu   sync.Mutex
	last Running
}

// Running is how far a run of a disposal came.
type Running struct {
	Request  int64 // zero: none was begun
	Step     string
	Done, Of int64
	Ended    bool
	Err      error // why it ended before its end
}

// NewRunner makes a runner whose work ends with ctx. failed is told of runs
// that ended before their end.
func NewRunner(ctx context.Context, d *Desk, failed func(request int64, err error)) *Runner {
	return &Runner{Desk: d, ctx: ctx, failed: failed}
}

// Start begins a disposal that was decided, or goes on with it.
func (r *Runner) Start(ctx context.Context, request int64) error {
	if _, err := r.decided(ctx, request); err != nil {
		return err
	}
	if !r.take(request) {
		return govern.Refuse(nil, "A disposal is running. One is done at a time.")
	}
	r.work.Go(func() { r.run(request) })
	return nil
}

// Resume goes on with what was begun and not finished.
func (r *Runner) Resume(ctx context.Context) error {
	list, err := r.Unfinished(ctx)
	if err != nil || len(list) == 0 || !r.take(list[0]) {
		return err
	}
	r.work.Go(func() {
		for i, request := range list {
			if r.run(request); i+1 == len(list) || r.ctx.Err() != nil || !r.take(list[i+1]) {
				return
			}
		}
	})
	return nil
}

// take makes a disposal the one that runs, unless there is one.
func (r *Runner) take(request int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.Request != 0 && !r.last.Ended {
		return false
	}
	r.last = Running{Request: request}
	return true
}

func (r *Runner) run(request int64) {
	_, err := r.Run(r.ctx, request, func(step string, done, of int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last.Step, r.last.Done, r.last.Of = step, done, of
	})
	r.mu.Lock()
	r.last.Ended, r.last.Err = true, err
	r.mu.Unlock()
	if err != nil && r.ctx.Err() == nil {
		r.failed(request, err)
	}
}

// Progress is how far the run came that was begun last.
func (r *Runner) Progress() Running {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Wait waits for the run to end: after the end of the context, for it to stop.
func (r *Runner) Wait() { r.work.Wait() }
