package index

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/chat"
)

// Scope is what of the archive somebody may see. The zero value narrows
// nothing. A message is inside when its custodian is one of Custodians, or it
// was collected for one of Matters, where either is set; and when its day is
// From or later, and To or earlier, where these are.
type Scope struct {
	Custodians []string // groups are the caller's to expand
	Matters    []int64
	From, To   string // days, 2024-01-31
	// Nothing is for whoever may see nothing at all: a group without people.
	Nothing bool
}

// View is the index as far as a scope goes. What lies outside is not there.
type View struct {
	x  *Index
	in *within
}

// Within narrows every answer to a scope.
func (x *Index) Within(s Scope) *View { return &View{x, s.within()} }

func (x *Index) whole() *View { return &View{x, &within{all: true}} }

// within is a scope as the tables answer it.
type within struct {
	all      bool
	cond     string // on a row of message; begins with AND
	args     []any
	match    string // full-text expression; empty: dates alone narrow
	from, to int64  // row ids
	plain    bool   // custodians alone decide
	key      string
}

const insideMatter = `kind = 'm' AND mark.id IN (SELECT value FROM json_each(?))`

func (s Scope) within() *within {
	if len(s.Custodians)+len(s.Matters) == 0 && s.From == "" && s.To == "" && !s.Nothing {
		return &within{all: true}
	}
	in := &within{to: maxID, plain: s.From == "" && s.To == "" && len(s.Matters) == 0 && !s.Nothing}
	nothing := s.Nothing
	for _, d := range []struct {
		day  string
		days int
		id   *int64
	}{{s.From, 0, &in.from}, {s.To, 1, &in.to}} {
		if d.day == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, d.day)
		if err != nil {
			nothing = true // a scope that cannot be read opens nothing
			continue
		}
		*d.id = rowAt(at.AddDate(0, 0, d.days).Unix())
	}
	if nothing {
		in.to = in.from
	}
	in.cond, in.args = ` AND message.id >= ? AND message.id < ?`, []any{in.from, in.to}
	if len(s.Custodians)+len(s.Matters) > 0 {
		people, matters := asJSON(s.Custodians), asJSON(s.Matters)
		in.cond += ` AND (who IN (SELECT custodian.id FROM json_each(?) each JOIN custodian ON custodian.name = each.value)
			OR EXISTS (SELECT 1 FROM mark WHERE mark.seq = message.seq AND ` + insideMatter + `)
			OR more = 1 AND EXISTS (SELECT 1 FROM sighting JOIN mark ON mark.seq = sighting.seq WHERE sighting.of = message.seq AND ` + insideMatter + `))`
		in.args = append(in.args, people, matters, matters)
		var tokens []string
		for _, c := range s.Custodians {
			tokens = append(tokens, quoted(ownerToken(c)))
		}
		for _, m := range s.Matters {
			tokens = append(tokens, quoted(mark{markMatter, m}.token()))
		}
		in.match = anyOf(tokens)
	}
	in.key = fmt.Sprint(in.args)
	return in
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return "[]" // strings and numbers always encode
	}
	return string(b)
}

func quoted(token string) string { return `"` + token + `"` }

// narrow adds the scope to a query.
func (in *within) narrow(w *where) {
	if in.all {
		return
	}
	w.from, w.to = max(w.from, in.from), min(w.to, in.to)
	if in.match != "" {
		w.yes = append(w.yes, in.match)
	}
}

// share is how much of a chat lies inside a scope.
type share struct {
	whole       bool // all of it
	n           int64
	first, last int64 // row ids
}

// shares keeps how much of each chat lies inside, while nothing changes.
type shares struct {
	mu sync.Mutex
	by map[string]map[int64]share
}

const maxShares = 64 // scopes

// forget drops them all: another index may say other things of the same log.
func (s *shares) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by = nil
}

// shares returns the chats with something inside.
func (v *View) shares(c *conn) (map[int64]share, error) {
	changed, err := stateText(c, "changed")
	if err != nil {
		return nil, err
	}
	origin, err := stateText(c, "origin")
	if err != nil {
		return nil, err
	}
	key := strings.Join([]string{origin, changed, v.in.key}, "\n")
	v.x.shares.mu.Lock()
	known := v.x.shares.by[key]
	v.x.shares.mu.Unlock()
	if known != nil {
		return known, nil
	}
	by, err := v.count(c)
	if err != nil {
		return nil, err
	}
	v.x.shares.mu.Lock()
	defer v.x.shares.mu.Unlock()
	if v.x.shares.by == nil || len(v.x.shares.by) >= maxShares {
		v.x.shares.by = map[string]map[int64]share{}
	}
	v.x.shares.by[key] = by
	return by, nil
}

// count looks at every message, or, where custodians alone decide, at those
// whose captures name none.
func (v *View) count(c *conn) (map[int64]share, error) {
	by := map[int64]share{}
	some := ``
	if v.in.plain {
		some = ` AND chat IN (SELECT id FROM chat WHERE custodian = '')`
		err := c.query(`SELECT id FROM chat WHERE messages > 0 AND custodian <> '' AND custodian IN (SELECT value FROM json_each(?))`, func(st *sqlite3.Stmt) error {
			by[st.ColumnInt64(0)] = share{whole: true}
			return nil
		}, v.in.args[2])
		if err != nil {
			return nil, err
		}
	}
	err := c.query(`SELECT chat, count(*), min(id), max(id) FROM message WHERE 1`+some+v.in.cond+` GROUP BY chat`, func(st *sqlite3.Stmt) error {
		by[st.ColumnInt64(0)] = share{n: st.ColumnInt64(1), first: st.ColumnInt64(2), last: st.ColumnInt64(3)}
		return nil
	}, v.in.args...)
	return by, err
}

// tell makes the row of a chat what is inside of it.
func (s *share) tell(r *ChatRow) {
	if s.whole {
		return
	}
	const layout = "2006-01-02T15:04"
	r.Messages = s.n
	r.First, r.Last = time.Unix(timeOf(s.first), 0).UTC().Format(layout), time.Unix(timeOf(s.last), 0).UTC().Format(layout)
}

// wrote reports whether somebody wrote inside, in a chat.
func (in *within) wrote(c *conn, chatID, person int64) (bool, error) {
	w := where{to: maxID, yes: []string{idTokens("c", []int64{chatID}), idTokens("f", []int64{person})}}
	in.narrow(&w)
	cond, args := w.fts()
	_, ok, err := c.number(`SELECT rowid FROM fts WHERE `+cond+` LIMIT 1`, args...)
	return ok, err
}

// HasBlob reports whether a message inside carries a content. To whoever may
// see everything, it says that of all.
func (v *View) HasBlob(ctx context.Context, sha256 string) (has bool, err error) {
	if v.in.all {
		return true, nil
	}
	k, ok := fileKey(sha256)
	if !ok {
		return false, nil
	}
	err = v.x.read(ctx, func(c *conn) error {
		var refs []ref
		err := c.query(`SELECT `+refColumns+` FROM message WHERE seq IN (SELECT seq FROM file WHERE k = ?)`+v.in.cond+` ORDER BY seq LIMIT ?`,
			func(st *sqlite3.Stmt) error { refs = append(refs, refOf(st)); return nil }, append(append([]any{k}, v.in.args...), maxSameKey)...)
		if err != nil {
			return err
		}
		ss, err := v.x.show(ctx, c, refs)
		has = slices.ContainsFunc(ss, func(s shown) bool {
			return slices.ContainsFunc(s.msg.Attachments, func(a chat.Attachment) bool { return a.State == chat.Stored && strings.EqualFold(a.SHA256, sha256) })
		})
		return err
	})
	if err != nil {
		err = fmt.Errorf("look for content: %w", err)
	}
	return has, err
}
