package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/index"
)

// latency is how long one kind of search took, in milliseconds.
type latency struct {
	What    string  `json:"what"`
	Queries int     `json:"queries"`
	Hits    float64 `json:"hits_median"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	P99     float64 `json:"p99_ms"`
}

// kind is one kind of question; next makes the next of them.
type kind struct {
	what  string
	next  func() string
	order index.Order
	chat  bool // within the small chat only
}

// kinds are the questions, drawn from the vocabulary of the input.
func kinds() []kind {
	g := newGenerator(seedQueries)
	band := func(from, n int) func() string { return func() string { return g.words[from+g.n(n)] } }
	rare := commonOnes + midOnes
	phrases := newGenerator(seedMain) // its first messages stand in the archive
	phrase := func() string {
		for {
			_, b, _ := phrases.next(nil)
			if w := strings.Fields(string(b)); len(w) > 5 && !strings.Contains(string(b), mark) {
				return `"` + w[1] + " " + w[2] + `"`
			}
		}
	}
	prefix := func() string { return g.words[commonOnes+g.n(midOnes)][:3] + "*" }
	return []kind{
		{"word, common, by date", band(0, commonOnes), index.Newest, false},
		{"word, middling, by date", band(commonOnes, midOnes), index.Newest, false},
		{"word, rare, by date", band(rare, rareOnes), index.Newest, false},
		{"phrase, by date", phrase, index.Newest, false},
		{"prefix of three letters, by date", prefix, index.Newest, false},
		{"word, common, by relevance", band(0, commonOnes), index.Relevance, false},
		{"word, middling, by relevance", band(commonOnes, midOnes), index.Relevance, false},
		{"phrase, by relevance", phrase, index.Relevance, false},
		{"word, middling, in a small chat", band(commonOnes, midOnes), index.Newest, true},
	}
}

// measureSearch asks n questions of each kind: fifty hits with their text.
func measureSearch(ctx context.Context, dir, smallChat string, n int) (all []latency, err error) {
	ar, x, err := openIndex(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("measure search: %w", err)
	}
	defer func() { err = errors.Join(err, x.Close(), ar.Close()) }()
	id := ""
	chats, err := x.Chats(ctx, index.ChatFilter{})
	if err != nil {
		return nil, fmt.Errorf("measure search: %w", err)
	}
	for _, c := range chats {
		if c.Name == smallChat {
			id = c.ID
		}
	}
	for _, k := range kinds() {
		s := index.Search{Order: k.order, Limit: 50}
		if k.chat {
			s.Chat = id
		}
		l, err := ask(ctx, x, k, s, n)
		if err != nil {
			return nil, fmt.Errorf("measure search: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

func ask(ctx context.Context, x *index.Index, k kind, s index.Search, n int) (latency, error) {
	var took, hits []float64
	for range n {
		s.Query = k.next()
		start := time.Now()
		res, err := x.Search(ctx, s)
		if err != nil {
			return latency{}, err
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		hits = append(hits, float64(res.Total))
	}
	slices.Sort(took)
	slices.Sort(hits)
	at := func(p int) float64 { return took[min(len(took)-1, len(took)*p/100)] }
	return latency{What: k.what, Queries: n, Hits: hits[len(hits)/2], P50: at(50), P95: at(95), P99: at(99)}, nil
}

func openIndex(ctx context.Context, dir string) (*archive.Archive, *index.Index, error) {
	ar, err := archive.Open(ctx, dir, noSecret)
	if err != nil {
		return nil, nil, err
	}
	read := map[string]index.Interpreter{}
	for _, f := range all.Formats() {
		read[f.Name] = f.Interpreter
	}
	x, err := index.Open(ctx, index.Config{Path: ar.IndexPath(), Key: ar.IndexKey(), Log: ar, Interpreters: read})
	if err == nil {
		err = x.Follow(ctx, nil)
	}
	if err != nil {
		return nil, nil, errors.Join(err, ar.Close())
	}
	return ar, x, nil
}
