package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/fetch"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
)

// largestFile is what is fetched at most: WhatsApp's bound is 100 MB.
const largestFile = 128 << 20

// media is how the files of one source's messages come.
type media struct {
	l       *live
	s       *liveSource
	fetcher *fetch.Fetcher
	stop    context.CancelFunc
	ended   chan struct{}

	mu    sync.Mutex
	known map[[2]string]fetch.Pending // by message and file
}

// fetchMedia begins to fetch a source's files.
func (l *live) fetchMedia(ctx context.Context, s *liveSource) *media {
	ctx, stop := context.WithCancel(ctx)
	m := &media{l: l, s: s, stop: stop, ended: make(chan struct{})}
	c := graph.New(s.config, fetch.Client(loopbackOf(s.config().Graph)))
	m.fetcher = fetch.New(s.journal, c, m.pending, fetch.Options{
		Source: s.name, Largest: largestFile, Bell: l.bell, Log: l.log,
		Links: outbound.Client(outbound.Options{Timeout: time.Hour, MaxBytes: -1}),
	})
	go func() {
		defer close(m.ended)
		m.fetcher.Run(ctx)
	}()
	return m
}

// fetchAll begins to fetch the files of sources that were added.
func (l *live) fetchAll(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sources {
		if s.media == nil && ctx.Err() == nil {
			s.media = l.fetchMedia(ctx, s)
		}
	}
}

// wakeMedia says that messages may name more files.
func (l *live) wakeMedia() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.sources {
		if s.media != nil {
			s.media.fetcher.Wake()
		}
	}
}

// close waits until nothing is fetched any more.
func (m *media) close() {
	if m != nil {
		m.stop()
		<-m.ended
	}
}

// waiting is how many files are to be fetched; -1: nobody fetches.
func (m *media) waiting() int64 {
	if m == nil || m.s.config().Access == "" {
		return -1
	}
	return int64(len(m.fetcher.State()))
}

// pending lists the files that messages of the source's numbers lack.
func (m *media) pending(ctx context.Context) (all []fetch.Pending, err error) {
	cfg := m.s.config()
	if cfg.Access == "" {
		return nil, nil // nothing can be asked; the console says so
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.known
	m.known = map[[2]string]fetch.Pending{}
	err = m.l.x.All(ctx, "is:pending", func(c chat.Message) error {
		// A send that WhatsApp has not named yet comes once it has.
		if c.Key == nil || c.Key.ID == "" || !slices.ContainsFunc(cfg.Numbers, func(n cloudapi.Number) bool { return n.Phone == c.Account }) {
			return nil
		}
		for _, a := range c.Attachments {
			if a.State != chat.Pending || a.Ref == "" {
				continue
			}
			k := [2]string{c.Key.ID, a.Ref}
			p, ok := was[k]
			if !ok {
				var err error
				if p, err = m.named(ctx, &c, a); err != nil {
					return err
				}
			}
			m.known[k] = p
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list files to be fetched: %w", err)
	}
	return all, nil
}

// named is a file as the message's records name it.
func (m *media) named(ctx context.Context, c *chat.Message, a chat.Attachment) (fetch.Pending, error) {
	p := fetch.Pending{
		ID: a.Ref, Message: c.Key.ID, Chat: c.Key.Chat, FromMe: c.Key.FromMe, Account: c.Account,
		SHA256: a.SHA256, MIME: a.MIME, Name: a.Name,
	}
	entries, err := m.l.ar.Get(ctx, c.Records)
	if err != nil {
		return p, err
	}
	for _, e := range entries {
		var h cloudapi.Head
		if e.Kind != record.Item || len(e.Parts) == 0 {
			continue // disposed of meanwhile: the index has yet to follow
		}
		raw, err := e.Decode(&h)
		if err != nil {
			continue // another source's
		}
		if address, ok := cloudapi.FileAddress(raw, a.Ref); ok {
			p.URL, p.Since = address, e.At
		}
	}
	return p, nil
}
