package dispose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// IndexBooks gives the index what it asks the firm's books.
type IndexBooks struct{ l *govern.Ledger }

// NewIndexBooks are those of a ledger.
func NewIndexBooks(l *govern.Ledger) IndexBooks { return IndexBooks{l} }

// read reads the books as they are now. What is asked for every message is
// answered from what was read before: the index asks Void first where an act
// changes it.
func (b IndexBooks) read(fn func(*govern.State)) error {
	return b.l.Read(context.Background(), func(s *govern.State) error { fn(s); return nil })
}

// Void says why an act counts for nothing. Where the books cannot be read, that
// is no answer: following ends with index.ErrBooks.
func (b IndexBooks) Void(seq int64) error {
	if err := b.l.Known(context.Background(), seq); err != nil {
		return fmt.Errorf("%w: %w", index.ErrBooks, err)
	}
	return b.l.Void(seq)
}

func (b IndexBooks) Labels(path string) (ids []int64, rules []string, err error) {
	err = b.read(func(s *govern.State) {
		named := s.LabelAt(path) != nil // then it is no number
		for _, id := range slices.Sorted(maps.Keys(s.Labels)) {
			p := s.LabelPath(id)
			below := len(p) > len(path) && p[len(path)] == '/' && strings.EqualFold(p[:len(path)], path)
			if !strings.EqualFold(p, path) && !below && (named || strconv.FormatInt(id, 10) != path) {
				continue
			}
			ids = append(ids, id)
			if r := s.Labels[id].Rule; r != "" {
				rules = append(rules, r)
			}
		}
	})
	return ids, rules, err
}

func (b IndexBooks) Matter(name string) (ids []int64, err error) {
	err = b.read(func(s *govern.State) {
		if m := s.MatterNamed(name); m != nil {
			ids = append(ids, m.ID)
		}
	})
	return ids, err
}

func (b IndexBooks) Hold(name string) (query string, seqs [][2]int64, err error) {
	found := false
	err = b.read(func(s *govern.State) {
		for id, h := range s.Holds {
			number := strconv.FormatInt(id, 10) == name
			if number || !found && h.Open() && strings.EqualFold(h.Name, name) {
				query, seqs, found = h.HoldQuery(), h.Messages, true
			}
			if number { // whatever another is called
				return
			}
		}
	})
	if err == nil && !found {
		err = index.ErrNotFound
	}
	return query, seqs, err
}

func (b IndexBooks) CustodianOf(account string, at time.Time) (id string) {
	b.l.Peek(func(s *govern.State) { id = s.CustodianOf(account, at) })
	return id
}

func (b IndexBooks) Group(id string) (members []string) {
	b.l.Peek(func(s *govern.State) {
		if g := s.Groups[id]; g != nil {
			members = slices.Clone(g.Members)
		}
	})
	return members
}

func (b IndexBooks) LabelPath(id int64) (path string) {
	b.l.Peek(func(s *govern.State) { path = s.LabelPath(id) })
	return path
}

func (b IndexBooks) MatterName(id int64) (name string) {
	b.l.Peek(func(s *govern.State) {
		if m := s.Matters[id]; m != nil {
			name = m.Name
		}
	})
	return name
}

func (b IndexBooks) Rules() map[int64]string {
	rules := map[int64]string{}
	b.l.Peek(func(s *govern.State) {
		for id, l := range s.Labels {
			if l.Rule != "" {
				rules[id] = l.Rule
			}
		}
	})
	return rules
}
