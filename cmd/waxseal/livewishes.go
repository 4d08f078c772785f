package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// wishes takes into the books what people tell WhatsApp: that they want no more
// marketing, or some again.
type wishes struct {
	l *live

	mu   sync.Mutex
	seqs []int64 // entries that may say so, to be read
	more chan struct{}
}

func newWishes(l *live) *wishes { return &wishes{l: l, more: make(chan struct{}, 1)} }

const preferences = "user_preferences" // Meta's name of the field

// wishSink looks at what is appended, and remembers what to read again: the
// answer to a delivery waits for nothing.
type wishSink struct {
	capture.Sink
	w *wishes
}

func (s wishSink) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	got, err := s.Sink.Append(ctx, batch)
	if err != nil {
		return got, err
	}
	for i := range batch {
		if len(batch[i].Parts) > 0 && bytes.Contains(batch[i].Parts[0], []byte(preferences)) {
			s.w.add(got[i].Seq)
		}
	}
	return got, nil
}

func (w *wishes) add(seq int64) {
	w.mu.Lock()
	w.seqs = append(w.seqs, seq)
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// run keeps up until ctx ends. It begins with what came before a crash.
func (w *wishes) run(ctx context.Context) {
	if err := w.catchUp(ctx); err != nil && ctx.Err() == nil {
		w.l.log.LogAttrs(ctx, slog.LevelError, "look for people's wishes", slog.String("error", err.Error()))
	}
	for {
		var again <-chan time.Time
		if err := w.read(ctx); err != nil && ctx.Err() == nil {
			w.l.log.LogAttrs(ctx, slog.LevelError, "note a person's wish", slog.String("error", err.Error()))
			again = time.After(wishAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.more:
		case <-again:
		}
	}
}

// wishAgain is how soon a wish is noted again that could not be.
var wishAgain = 10 * time.Second

// margin is how many entries are looked at again that were counted already.
const margin = 1000

// catchUp looks through what came since all deliveries were counted last.
func (w *wishes) catchUp(ctx context.Context) error {
	from := int64(-1)
	err := w.l.ledger.Read(ctx, func(s *govern.State) error {
		for name, src := range s.Sources {
			at := src.Set
			if h := s.Heard[name]; h != nil && h.Through > 0 {
				at = max(h.Through-margin, 0)
			}
			if from < 0 || at < from {
				from = at
			}
		}
		return nil
	})
	if err != nil || from < 0 { // there is no source
		return err
	}
	return w.l.ar.Scan(ctx, from, func(e record.Entry) error { return w.note(ctx, e) })
}

func (w *wishes) read(ctx context.Context) error {
	w.mu.Lock()
	seqs := w.seqs
	w.seqs = nil
	w.mu.Unlock()
	if len(seqs) == 0 {
		return nil
	}
	err := w.noteAll(ctx, seqs)
	if err != nil { // once more, all of them: what is noted changes nothing
		w.mu.Lock()
		w.seqs = append(seqs, w.seqs...)
		w.mu.Unlock()
	}
	return err
}

func (w *wishes) noteAll(ctx context.Context, seqs []int64) error {
	entries, err := w.l.ar.Get(ctx, seqs)
	if err != nil {
		return fmt.Errorf("read what was delivered: %w", err)
	}
	for _, e := range entries {
		if err := w.note(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// note enters what an entry says. What is known already, or older, changes
// nothing.
func (w *wishes) note(ctx context.Context, e record.Entry) error {
	if e.Kind != record.Item || len(e.Parts) == 0 || !bytes.Contains(e.Parts[0], []byte(preferences)) {
		return nil
	}
	for _, f := range cloudapi.About(e) {
		d, ok := wishOf(f)
		if !ok {
			continue
		}
		if d.Heard <= 0 {
			d.Heard = e.At.Unix()
		}
		known := false
		w.l.ledger.Peek(func(s *govern.State) {
			c := s.Consents[rules.Address(d.To)]
			known = c != nil && c.At.Unix() >= d.Heard
		})
		if known {
			continue
		}
		_, err := w.l.ledger.Do(ctx, govern.Actor{Via: "cloudapi"}, govern.Request{Act: govern.ActConsentSet, Reason: "The recipient chose it in WhatsApp.", Data: d})
		var no *govern.Refusal
		if err != nil && !errors.As(err, &no) {
			return err
		}
	}
	return nil
}

// wishOf is what a fact says of a person's consent.
func wishOf(f cloudapi.Fact) (d govern.ConsentSet, ok bool) {
	if f.Field != preferences {
		return d, false
	}
	var v struct {
		WAID     string `json:"wa_id"`
		BSUID    string `json:"user_id"`
		Category string `json:"category"`
		Value    string `json:"value"`
	}
	if json.Unmarshal(f.Value, &v) != nil || v.Category != "marketing_messages" {
		return d, false
	}
	answer, known := map[string]rules.Answer{"stop": rules.No, "resume": rules.Yes}[v.Value]
	return govern.ConsentSet{To: cmp.Or(v.WAID, v.BSUID), Marketing: answer, Heard: f.At.Unix()}, known && v.WAID+v.BSUID != ""
}
