package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/fetch"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/outbound"
)

// fetches starts fetching the media of a source; stop ends it, and waits.
func (l *live) fetches(s *liveSource) {
	ctx, cancel := context.WithCancel(l.running)
	c := graph.New(s.config, fetch.Client(loopbackOf(s.config().Graph)))
	s.fetcher = fetch.New(s.journal, c, func(ctx context.Context) ([]fetch.Pending, error) { return l.pending(ctx, s) }, fetch.Options{
		Source: s.name, Bell: l.bell, Log: l.log, Links: outbound.Client(outbound.Options{MaxBytes: 128 << 20}),
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.fetcher.Run(ctx)
	}()
	s.stop = func() {
		cancel()
		<-done
	}
}

// pending lists the files that messages of a source name and that are not here.
func (l *live) pending(ctx context.Context, s *liveSource) (out []fetch.Pending, err error) {
	cfg := s.config()
	err = l.x.All(ctx, "is:pending", func(m chat.Message) error {
		ours := slices.ContainsFunc(cfg.Numbers, func(n cloudapi.Number) bool { return n.Phone == m.Account })
		if !ours || m.Key == nil || m.Key.ID == "" {
			return nil
		}
		since, _ := time.Parse(time.RFC3339, m.SentAt) // the zero time: now
		for _, a := range m.Attachments {
			if a.State == chat.Pending && a.Ref != "" {
				out = append(out, fetch.Pending{
					ID: a.Ref, Message: m.Key.ID, Chat: m.Key.Chat, FromMe: m.Key.FromMe, Account: m.Account,
					SHA256: a.SHA256, MIME: a.MIME, Name: a.Name, Since: since,
				})
			}
		}
		return nil
	})
	return out, err
}

// wake tells all that there may be more to do.
func (l *live) wake() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.sources {
		s.fetcher.Wake()
	}
}

// waiting is how many files of a source are to be fetched.
func (s *liveSource) waiting() int64 { return int64(len(s.fetcher.State())) }

// followed brings the index up to date, and wakes who waits for that.
func (l *live) followed(ctx context.Context) {
	if err := l.x.Follow(ctx, nil); err != nil {
		if ctx.Err() == nil {
			l.log.LogAttrs(ctx, slog.LevelError, "follow the log", slog.String("error", err.Error()))
		}
		return
	}
	l.wake()
}
