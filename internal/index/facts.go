package index

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/record"
)

// Fact is what the index knows of one message without reading it.
type Fact struct {
	Seq       int64
	Sent      time.Time // the instant; zero: not known
	Chat      string    // ID
	Account   string
	Custodian string   // when it was sent
	Sources   []string // that brought it
}

// A message's zone is its offset from UTC in quarters of an hour: row ids are
// readings of clocks, and what lasts until an instant needs that.
const zoneUnit = 15 * 60

// zoneOf is the offset of a message, or nil where its instant is not known.
func zoneOf(d *doc) any {
	at, err := time.Parse(time.RFC3339, d.sent)
	if err != nil || d.local == "" {
		return nil
	}
	off := d.at - at.Unix()
	if off < 0 {
		return (off - zoneUnit/2) / zoneUnit
	}
	return (off + zoneUnit/2) / zoneUnit
}

// Facts calls fn with every message, or those of a chat, by the clocks that
// they were sent by, the oldest first. The Fact is fn's until it returns. Where
// more than 32 messages of a chat were sent in one second, the instants of
// those beyond are a little later, within the day.
func (x *Index) Facts(ctx context.Context, chat string, fn func(*Fact) error) error {
	err := x.read(ctx, func(c *conn) error {
		f, err := newFacts(c)
		if err != nil {
			return err
		}
		sql, args := `SELECT id, seq, chat, cap, more, who, zone FROM message ORDER BY id`, []any(nil)
		if chat != "" {
			id, err := chatNumber(c, chat)
			if err != nil {
				return err
			}
			sql, args = `SELECT id, seq, chat, cap, more, who, zone FROM message WHERE chat = ? ORDER BY id`, []any{id}
		}
		return c.query(sql, func(st *sqlite3.Stmt) error { return fn(f.of(st)) }, args...)
	})
	if err != nil {
		return fmt.Errorf("facts of messages: %w", err)
	}
	return nil
}

// facts are the tables that facts of messages are made of.
type facts struct {
	chats    map[int64][2]string // ID and account
	owners   map[int64]string
	sources  []string         // each once
	captures map[int64]uint64 // its source, as a bit
	again    map[int64]uint64 // sources of further sightings, by message
	sets     map[uint64][]string
	fact     Fact
}

func newFacts(c *conn) (*facts, error) {
	f := &facts{
		chats: map[int64][2]string{}, owners: map[int64]string{}, captures: map[int64]uint64{}, again: map[int64]uint64{}, sets: map[uint64][]string{},
	}
	err := c.query(`SELECT id, ref, account FROM chat`, func(st *sqlite3.Stmt) error {
		f.chats[st.ColumnInt64(0)] = [2]string{st.ColumnText(1), st.ColumnText(2)}
		return nil
	})
	if err == nil {
		err = c.query(`SELECT id, name FROM custodian`, func(st *sqlite3.Stmt) error {
			f.owners[st.ColumnInt64(0)] = st.ColumnText(1)
			return nil
		})
	}
	if err == nil {
		err = c.query(`SELECT seq, source FROM capture`, func(st *sqlite3.Stmt) error {
			f.captures[st.ColumnInt64(0)] = f.bit(st.ColumnText(1))
			return nil
		})
	}
	if err == nil {
		err = c.query(`SELECT of, cap FROM sighting`, func(st *sqlite3.Stmt) error {
			f.again[st.ColumnInt64(0)] |= f.captures[st.ColumnInt64(1)]
			return nil
		})
	}
	return f, err
}

// bit is a source as a bit; there are a handful.
func (f *facts) bit(source string) uint64 {
	i := slices.Index(f.sources, source)
	if i < 0 {
		i = len(f.sources)
		f.sources = append(f.sources, strings.Clone(source))
	}
	return 1 << min(i, 63)
}

func (f *facts) of(st *sqlite3.Stmt) *Fact {
	id, seq := st.ColumnInt64(0), st.ColumnInt64(1)
	ch := f.chats[st.ColumnInt64(2)]
	f.fact = Fact{Seq: seq, Chat: ch[0], Account: ch[1], Custodian: f.owners[st.ColumnInt64(5)]}
	if st.ColumnType(6) != sqlite3.NULL {
		f.fact.Sent = time.Unix(timeOf(id)-st.ColumnInt64(6)*zoneUnit, 0).UTC()
	}
	set := f.captures[st.ColumnInt64(3)]
	if st.ColumnInt64(4) != 0 {
		set |= f.again[seq]
	}
	f.fact.Sources = f.named(set)
	return &f.fact
}

func (f *facts) named(set uint64) []string {
	names, ok := f.sets[set]
	if !ok {
		for rest := set; rest != 0; rest &= rest - 1 {
			names = append(names, f.sources[bits.TrailingZeros64(rest)])
		}
		slices.Sort(names)
		f.sets[set] = names
	}
	return names
}

// Set is a set of messages.
type Set struct{ seqs []int64 } // sorted

// SetOf makes a set of messages, sorted.
func SetOf(sorted []int64) Set { return Set{sorted} }

// Len is how many there are.
func (s Set) Len() int { return len(s.seqs) }

// Has reports whether a message is one of them, by the entry of its first
// record.
func (s Set) Has(seq int64) bool {
	_, ok := slices.BinarySearch(s.seqs, seq)
	return ok
}

// Seqs lists them, sorted. It is not to be changed.
func (s Set) Seqs() []int64 { return s.seqs }

// Matching finds every message that answers a query.
func (x *Index) Matching(ctx context.Context, query string) (Set, error) {
	n, err := parseQuery(query)
	if err != nil {
		return Set{}, err
	}
	seqs, err := x.whole().answering(ctx, n)
	return Set{seqs}, err
}

// Records lists all entries about some messages, further sightings included,
// sorted.
func (x *Index) Records(ctx context.Context, messages []int64) (all []int64, err error) {
	all = slices.Clone(messages)
	err = x.read(ctx, func(c *conn) error {
		return c.among(`SELECT seq FROM json_each(?1) CROSS JOIN sighting ON of = value`, messages, func(st *sqlite3.Stmt) error {
			all = append(all, st.ColumnInt64(0))
			return nil
		})
	})
	slices.Sort(all)
	return slices.Compact(all), err
}

// Of lists the messages that have a record among some entries, given as runs of
// [first, length]; sorted.
func (x *Index) Of(ctx context.Context, entries [][2]int64) (messages []int64, err error) {
	err = x.read(ctx, func(c *conn) error {
		for _, r := range entries {
			err := c.query(`SELECT seq FROM message WHERE seq >= ?1 AND seq < ?1 + ?2 UNION SELECT of FROM sighting WHERE seq >= ?1 AND seq < ?1 + ?2`,
				func(st *sqlite3.Stmt) error { messages = append(messages, st.ColumnInt64(0)); return nil }, r[0], r[1])
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(messages)
	return slices.Compact(messages), err
}

// Touched tells which captures brought, or saw again, some entries, and which
// captures say nothing about what stays: they brought nothing of it, saw nothing
// of it again, and no other that stays is read with what they know.
func (x *Index) Touched(ctx context.Context, entries []int64) (touched, emptied []int64, err error) {
	err = x.read(ctx, func(c *conn) error {
		caps, err := capturesOf(c)
		if err != nil {
			return err
		}
		goes, has := map[int64]int64{}, map[int64]int64{} // entries by capture: those that go, and all
		var going []int64
		for _, table := range []string{"message", "sighting"} {
			err := c.among(`SELECT cap, seq FROM json_each(?1) CROSS JOIN `+table+` ON seq = value`, entries, func(st *sqlite3.Stmt) error {
				goes[st.ColumnInt64(0)]++
				going = append(going, st.ColumnInt64(1))
				return nil
			})
			if err == nil { // faster than GROUP BY, which sorts
				err = c.query(`SELECT cap FROM `+table, func(st *sqlite3.Stmt) error { has[st.ColumnInt64(0)]++; return nil })
			}
			if err != nil {
				return err
			}
		}
		slices.Sort(going)
		empty := map[int64]bool{}
		for id := range caps {
			saw, stays, err := x.sawAgain(ctx, c, id, going)
			if err != nil {
				return err
			}
			if goes[id] > 0 || saw {
				touched = append(touched, id)
			}
			empty[id] = has[id] == goes[id] && !stays && caps[id].ended
		}
		emptied = unneeded(caps, touched, empty)
		return nil
	})
	slices.Sort(touched)
	slices.Sort(emptied)
	return touched, emptied, err
}

// unneeded are those of the touched captures that are empty, and empty ones that
// said how to read these, of which no capture that stays needs any.
func unneeded(caps map[int64]captureState, touched []int64, empty map[int64]bool) (out []int64) {
	leaves := map[int64]bool{}
	for _, id := range touched {
		for _, c := range append([]int64{id}, caps[id].again...) {
			if empty[id] && empty[c] {
				leaves[c] = true
			}
		}
	}
	for was := -1; was != len(leaves); {
		was = len(leaves)
		for id, c := range caps {
			if leaves[id] {
				continue
			}
			for _, needed := range c.again {
				delete(leaves, needed)
			}
		}
	}
	return slices.Collect(maps.Keys(leaves))
}

// among asks about entries, many at a time: ?1 is a list of them.
func (c *conn) among(sql string, entries []int64, row func(*sqlite3.Stmt) error) error {
	for some := range slices.Chunk(entries, 4096) {
		list, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if err := c.query(sql, row, string(list)); err != nil {
			return err
		}
	}
	return nil
}

// sawAgain reports whether a capture had some of the entries, which were there
// before it, and whether it had others that are there.
func (x *Index) sawAgain(ctx context.Context, c *conn, capture int64, going []int64) (saw, others bool, err error) {
	ended, ok, err := c.number(`SELECT ended FROM capture WHERE seq = ? AND ended IS NOT NULL`, capture)
	if err != nil || !ok {
		return false, false, err
	}
	es, err := x.cfg.Log.Get(ctx, []int64{ended})
	if err != nil || len(es[0].Parts) == 0 {
		return false, false, err
	}
	var h record.CaptureEndHead
	if _, err := es[0].Decode(&h); err != nil {
		return false, false, nil //nolint:nilerr // it says nothing that can be read
	}
	for _, r := range h.Seen {
		i, _ := slices.BinarySearch(going, r[1])
		j, _ := slices.BinarySearch(going, r[1]+r[2])
		saw = saw || j > i
		there, _, err := c.number(`SELECT (SELECT count(*) FROM message WHERE seq >= ?1 AND seq < ?2) + (SELECT count(*) FROM sighting WHERE seq >= ?1 AND seq < ?2)`, r[1], r[1]+r[2])
		if err != nil {
			return false, false, err
		}
		others = others || there > int64(j-i)
	}
	return saw, others, nil
}
