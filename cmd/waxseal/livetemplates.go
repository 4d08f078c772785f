package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/record"
)

// templateLasts is how long a template's definition is believed. Changes are
// told by webhook; this bounds what a lost one can do.
const templateLasts = 10 * time.Minute

// templates keeps definitions for a while: each send of one asks for it.
type templates struct {
	mu   sync.Mutex
	turn int // grows with each change that was told
	by   map[string]kept
}

type kept struct {
	def json.RawMessage
	at  time.Time
}

// get returns what is kept, and the turn in which it was looked for.
func (t *templates) get(key string) (def json.RawMessage, turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.by[key]; ok && time.Since(k.at) < templateLasts {
		return k.def, t.turn
	}
	return nil, t.turn
}

// put keeps a definition, unless it was asked for before a change was told.
func (t *templates) put(key string, def json.RawMessage, turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn != t.turn {
		return
	}
	if t.by == nil || len(t.by) > 1000 {
		t.by = map[string]kept{}
	}
	t.by[key] = kept{def, time.Now()}
}

// forget forgets all definitions: one has changed.
func (t *templates) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn++
	t.by = nil
}

// template is the definition of a source's template, as Meta has it now.
func (o *wayOut) template(ctx context.Context, s gateway.Source, name, language string) (json.RawMessage, error) {
	key := s.Name + "\x00" + name + "\x00" + language
	def, turn := o.templates.get(key)
	if def != nil {
		return def, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := graph.New(func() cloudapi.Config { return s.Config }, o.clients.of(s.Graph))
	var errs []error
	for _, waba := range s.WABA {
		def, err := client.Template(ctx, waba, name, language)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.templates.put(key, def, turn)
		return def, nil
	}
	if len(errs) == 0 {
		return nil, errors.New("the source names no business account to ask for templates")
	}
	return nil, errors.Join(errs...)
}

// hearing is a journal that tells when something about templates comes in: the
// definitions that are kept may not hold any more.
type hearing struct {
	cloudapi.Journal
	changed func()
}

// fieldsOfTemplates begin the names of webhooks about templates, and stand in
// few others: forgetting costs one question.
var fieldsOfTemplates = [][]byte{[]byte(`"message_template_`), []byte(`"template_`)}

// Append implements cloudapi.Journal.
func (h hearing) Append(ctx context.Context, build func(int64) ([]record.Record, error)) ([]record.Receipt, error) {
	about := false
	got, err := h.Journal.Append(ctx, func(capture int64) ([]record.Record, error) {
		rs, err := build(capture)
		for _, r := range rs {
			for _, p := range r.Parts {
				for _, f := range fieldsOfTemplates {
					about = about || bytes.Contains(p, f)
				}
			}
		}
		return rs, err
	})
	if about {
		h.changed()
	}
	return got, err
}
