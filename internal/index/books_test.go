package index

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// fakeBooks are books in memory.
type fakeBooks struct {
	void    map[int64]bool
	labels  map[int64]string // paths
	rules   map[int64]string
	matters map[int64]string
	query   map[string]string     // of holds
	covers  map[string][][2]int64 // by holds
	had     []fakeTenure
	groups  map[string][]string
}

type fakeTenure struct {
	account, custodian string
	from               time.Time
}

func newBooks() *fakeBooks {
	return &fakeBooks{
		void: map[int64]bool{}, labels: map[int64]string{}, rules: map[int64]string{}, matters: map[int64]string{},
		query: map[string]string{}, covers: map[string][][2]int64{}, groups: map[string][]string{},
	}
}

var errNoSuch = errors.New("not in the books")

func (b *fakeBooks) Void(seq int64) error {
	if b.void[seq] {
		return errNoSuch
	}
	return nil
}

func (b *fakeBooks) Labels(path string) (ids []int64, rules []string, err error) {
	for id, p := range b.labels {
		if p == path || len(p) > len(path) && p[:len(path)+1] == path+"/" {
			ids = append(ids, id)
			if r := b.rules[id]; r != "" {
				rules = append(rules, r)
			}
		}
	}
	slices.Sort(ids)
	return ids, rules, nil
}

func (b *fakeBooks) Matter(name string) (ids []int64, err error) {
	for id, n := range b.matters {
		if n == name || strconv.FormatInt(id, 10) == name {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (b *fakeBooks) Hold(name string) (string, [][2]int64, error) {
	q, ok := b.query[name]
	if c, covers := b.covers[name]; covers {
		return q, c, nil
	}
	if !ok {
		return "", nil, errNoSuch
	}
	return q, nil, nil
}

func (b *fakeBooks) CustodianOf(account string, at time.Time) (who string) {
	for _, h := range b.had {
		if h.account == account && !at.Before(h.from) {
			who = h.custodian
		}
	}
	return who
}

func (b *fakeBooks) Group(id string) []string   { return b.groups[id] }
func (b *fakeBooks) LabelPath(id int64) string  { return b.labels[id] }
func (b *fakeBooks) MatterName(id int64) string { return b.matters[id] }
func (b *fakeBooks) Rules() map[int64]string    { return b.rules }
func (b *fakeBooks) tenure(a, c string, from string) {
	at, err := time.Parse(time.DateOnly, from)
	if err != nil {
		panic(err)
	}
	b.had = append(b.had, fakeTenure{a, c, at})
}

// act adds an act of the books.
func (l *fakeLog) act(t testing.TB, act string, data string) int64 {
	t.Helper()
	return l.add(t, record.Act, record.ActHead{Act: act, Data: []byte(data)}, nil)
}

func (l *fakeLog) label(t testing.TB, act string, label int64, runs ...[2]int64) int64 {
	t.Helper()
	key := "label"
	if act == actMatterCollect || act == actMatterDrop {
		key = "matter"
	}
	return l.act(t, act, fmt.Sprintf(`{"%s":%d,"messages":%s}`, key, label, asJSON(runs)))
}
