package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/index"
)

// lookEvery is how often a console that is served looks for what is due.
const lookEvery = 24 * time.Hour

// watchDue notes in the log that something is due and nobody is at it.
func watchDue(ctx context.Context, ar *archive.Archive, d *dispose.Desk, log *slog.Logger) {
	for ar.Writable() == nil {
		n, err := d.NoteDue(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.LogAttrs(ctx, slog.LevelError, "look for what is due", slog.String("error", err.Error()))
		case n > 0:
			log.LogAttrs(ctx, slog.LevelInfo, "messages are due for disposal", slog.Int64("messages", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// returned tells which certificates of disposal are of what captures brought.
func (a *app) returned(ar *archive.Archive, captures []capture.Summary) (all []dispose.Returned, err error) {
	if len(captures) == 0 {
		return nil, nil
	}
	first := slices.MinFunc(captures, func(a, b capture.Summary) int { return int(min(max(a.Capture-b.Capture, -1), 1)) })
	err = a.onIndex(ar, func(x *index.Index) error {
		d, _, err := a.desk(ar, x)
		if err == nil {
			all, err = d.Returned(a.ctx, first.Capture)
		}
		return err
	})
	return all, err
}

// returnedText says it to people.
func returnedText(r dispose.Returned) string {
	s := fmt.Sprintf("%s are of a chat and a time of which certificate %d has disposed. They are new in the archive", count(r.Messages, "message"), r.Certificate)
	if r.Subject != 0 {
		return s + "; those that were erased for request " + fmt.Sprint(r.Subject) + " are due at once: waxseal dispose due\n"
	}
	return s + ", and due again where nothing keeps them: waxseal dispose due\n"
}
