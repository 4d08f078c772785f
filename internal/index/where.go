package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
)

// where is a query as the tables answer it: a full-text expression of what
// must be there, one of what must not, and a range of row ids.
type where struct {
	yes, no []string   // full-text expressions, joined by AND and OR
	from    int64      // lowest row id
	to      int64      // one past the highest
	except  [][2]int64 // ranges of row ids inside that do not answer
	also    []cond     // conditions that the full-text table alone cannot answer
	find    []finder   // what to mark in the text of hits
}

// finder marks what a term found.
type finder struct {
	m     analyze.Matcher
	infix string
}

// compiler turns a parsed query into a where. Names are looked up in the
// index, on its connection.
type compiler struct {
	c       *conn
	sources []string // that this program can read
	now     time.Time
	books   Books
	asked   bool // the query has more than signs
	w       where
	inside  []string // filters whose queries are being compiled
	opened  int      // how many were
}

const maxID = int64(1) << 62

// compile builds the where of a query, narrowed to a chat where chatID is not
// zero.
func (x *Index) compile(c *conn, n node, chatID int64) (where, error) {
	k := compiler{c: c, sources: slices.Sorted(maps.Keys(x.cfg.Interpreters)), now: time.Now(), books: x.cfg.Books, w: where{to: maxID}}
	parts := conjuncts(n)
	for _, part := range parts {
		if err := k.top(part, false); err != nil {
			return k.w, err
		}
	}
	if len(parts) > 0 && !k.asked {
		// Everything would answer, which nobody means by a lone sign.
		return k.w, queryErr("signs alone find nothing: write a word, a phrase or a filter")
	}
	if chatID != 0 {
		k.w.yes = append(k.w.yes, token("c", strconv.FormatInt(chatID, 10)))
	}
	return k.w, nil
}

func conjuncts(n node) []node {
	if n.or == nil && n.not == nil && n.term == nil && n.filter == nil && n.match == "" && n.runs == nil {
		return n.and
	}
	return []node{n}
}

// cond is a part of a query: a full-text expression, or a condition on row ids
// in SQL, where the column's name is still to be put in. Neither: it asks for
// nothing.
type cond struct {
	match string
	sql   string
	args  []any
}

const columnHere = "\x00"

// inSQL makes any part a condition in SQL.
func (c cond) inSQL() cond {
	if c.match == "" {
		return c
	}
	return cond{sql: columnHere + ` IN (SELECT rowid FROM fts WHERE fts MATCH ?)`, args: []any{c.match}}
}

func (c cond) empty() bool { return c.match == "" && c.sql == "" }

func (c cond) not() cond {
	c = c.inSQL()
	return cond{sql: `NOT (` + c.sql + `)`, args: c.args}
}

// join joins parts with AND or OR; those for the full-text table stay together.
func join(cs []cond, with string) cond {
	var matches, sqls []string
	var args []any
	for _, c := range cs {
		if c.match != "" {
			matches = append(matches, c.match)
		} else if c.sql != "" {
			sqls, args = append(sqls, c.sql), append(args, c.args...)
		}
	}
	var c cond
	if len(matches) > 0 {
		c.match = "(" + strings.Join(matches, with) + ")"
	}
	if len(sqls) == 0 {
		return c
	}
	if c.match != "" {
		m := c.inSQL()
		sqls, args = append(sqls, m.sql), append(args, m.args...)
	}
	return cond{sql: "(" + strings.Join(sqls, with) + ")", args: args}
}

// top compiles a part of the outermost conjunction, where dates may stand.
func (k *compiler) top(n node, negated bool) error {
	switch {
	case n.not != nil:
		return k.top(*n.not, !negated)
	case n.filter != nil && isDate(n.filter.name):
		return k.date(n.filter, negated)
	case n.filter != nil && filters[n.filter.name].opens != nil && !negated:
		return k.open(n.filter, func(m node) error { return k.top(m, false) })
	case len(n.and) > 0 && !negated:
		for _, m := range n.and {
			if err := k.top(m, false); err != nil {
				return err
			}
		}
		return nil
	}
	e, err := k.cond(n)
	if err != nil || e.empty() {
		return err
	}
	k.asked = true
	switch {
	case e.sql != "" && negated:
		k.w.also = append(k.w.also, e.not())
	case e.sql != "":
		k.w.also = append(k.w.also, e)
	case negated:
		k.w.no = append(k.w.no, e.match)
	default:
		k.w.yes = append(k.w.yes, e.match)
	}
	if !negated && len(k.inside) == 0 {
		k.marks(n)
	}
	return nil
}

// marks notes what a part finds, for showing it.
func (k *compiler) marks(n node) {
	switch {
	case n.term != nil && n.term.infix:
		for _, t := range analyze.Tokens(n.term.text) {
			k.w.find = append(k.w.find, finder{infix: t.Text})
		}
	case n.term != nil:
		k.w.find = append(k.w.find, finder{m: n.term.matcher()})
	}
	for _, m := range append(slices.Clone(n.and), n.or...) {
		k.marks(m)
	}
}

// nothing is a full-text expression that no message answers; every message
// that is indexed has a token of its type.
const nothing = `"=none"`

// cond compiles a part.
func (k *compiler) cond(n node) (cond, error) {
	switch {
	case n.match != "":
		return cond{match: n.match}, nil
	case n.runs != nil:
		return inRuns(n.runs)
	case n.term != nil:
		e, err := k.term(n.term)
		return cond{match: e}, err
	case n.filter != nil:
		return k.filter(n.filter)
	case n.or != nil:
		return k.either(n.or)
	case n.not != nil:
		return k.without(nil, []node{*n.not})
	}
	return k.conjunction(n.and)
}

func (k *compiler) filter(f *filter) (c cond, err error) {
	switch kind := filters[f.name]; {
	case isDate(f.name):
		return k.days(f)
	case kind.opens != nil:
		err = k.open(f, func(n node) error {
			c, err = k.cond(n)
			k.asked = k.asked || !c.empty()
			return err
		})
		return c, err
	default:
		c.match, err = kind.expr(k, f.value)
		return c, err
	}
}

func (k *compiler) conds(ns []node) (out []cond, err error) {
	for _, m := range ns {
		c, err := k.cond(m)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (k *compiler) either(ns []node) (cond, error) {
	cs, err := k.conds(ns)
	if err == nil && slices.ContainsFunc(cs, cond.empty) {
		err = queryErr("OR needs a word, a phrase or a filter on both sides")
	}
	return join(cs, " OR "), err
}

func (k *compiler) conjunction(ns []node) (cond, error) {
	var yes, no []node
	for _, m := range ns {
		if m.not != nil {
			no = append(no, *m.not)
		} else {
			yes = append(yes, m)
		}
	}
	cs, err := k.conds(yes)
	if err != nil || len(no) == 0 {
		return join(cs, " AND "), err
	}
	return k.without(cs, no)
}

// without takes away what answers one of no. FTS5 has a binary NOT only, and
// nobody means nearly everything: what is left out needs something beside it,
// if not in a query that has a name.
func (k *compiler) without(yes []cond, no []node) (cond, error) {
	y := join(yes, " AND ")
	if y.empty() && len(k.inside) == 0 {
		return y, queryErr("what is left out by a minus needs something to find beside it")
	}
	cs, err := k.conds(no)
	if err != nil {
		return y, err
	}
	switch n := join(cs, " OR "); {
	case n.empty():
		return y, nil
	case y.match != "" && n.match != "":
		return cond{match: "(" + y.match + " NOT " + n.match + ")"}, nil
	default:
		return join([]cond{y.inSQL(), n.not()}, " AND "), nil
	}
}

// Bounds on queries that stand for others.
const (
	maxInside = 8
	maxOpened = 256
)

// open calls fn with what a filter stands for.
func (k *compiler) open(f *filter, fn func(node) error) error {
	key := f.name + ":" + strings.ToLower(f.value)
	k.opened++
	switch {
	case slices.Contains(k.inside, key):
		return queryErr("%s leads back to itself", key)
	case len(k.inside) >= maxInside || k.opened > maxOpened:
		return queryErr("%s leads to too many other queries", key)
	case k.books == nil:
		return queryErr("there are no books to ask for %s", key)
	}
	n, err := filters[f.name].opens(k, f.value)
	if err != nil {
		return err
	}
	asked := k.asked
	k.asked, k.inside = false, append(k.inside, key)
	defer func() { k.asked, k.inside = asked || k.asked, k.inside[:len(k.inside)-1] }()
	if err = fn(n); err == nil && !k.asked {
		err = queryErr("signs alone find nothing")
	}
	if err != nil {
		if errors.Is(err, ErrQuery) {
			err = queryErr("in %s: %s", key, strings.TrimPrefix(err.Error(), ErrQuery.Error()+": "))
		}
		return err
	}
	return nil
}

// inRuns finds the messages with records in runs.
func inRuns(rs runs) (cond, error) {
	b, err := json.Marshal(rs)
	if err != nil {
		return cond{}, err
	}
	const run = ` >= run.value ->> 1 AND %[1]s < (run.value ->> 1) + (run.value ->> 2)`
	message, sighting := "message.seq"+fmt.Sprintf(run, "message.seq"), "sighting.seq"+fmt.Sprintf(run, "sighting.seq")
	return cond{
		sql: columnHere + ` IN (SELECT message.id FROM json_each(?) run CROSS JOIN message ON ` + message + `
			UNION SELECT message.id FROM json_each(?) run CROSS JOIN sighting ON ` + sighting + ` JOIN message ON message.seq = sighting.of)`,
		args: []any{string(b), string(b)},
	}, nil
}

// token is the full-text expression of a filter's token.
func token(kind, value string) string { return `"` + string(filterSign) + kind + value + `"` }

// phrase is the full-text expression of tokens that stand one after the other.
// Tokens hold letters, digits and signs above ASCII, and no quotation mark.
func phrase(p analyze.Phrase) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, t := range p.Tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		if p.Digits {
			b.WriteByte(digitSign)
		}
		b.WriteString(strings.ReplaceAll(t, `"`, ""))
	}
	b.WriteByte('"')
	if p.Prefix {
		b.WriteByte('*')
	}
	return b.String()
}

func anyOf(exprs []string) string {
	switch len(exprs) {
	case 0:
		return nothing
	case 1:
		return exprs[0]
	}
	return "(" + strings.Join(exprs, " OR ") + ")"
}

// term compiles a word or phrase. One of signs alone, such as "…", asks for
// nothing.
func (k *compiler) term(t *term) (string, error) {
	if t.infix {
		return k.infix(t.text)
	}
	m := t.matcher()
	if len(m.Any) == 0 {
		return "", nil
	}
	var parts []string
	for _, p := range m.Any {
		parts = append(parts, phrase(p))
	}
	return anyOf(parts), nil
}

func (t *term) matcher() analyze.Matcher {
	if t.number {
		m, _ := analyze.Number(t.text) // it is one: see joinNumbers
		return m
	}
	return analyze.Query(t.text, t.prefix)
}

// maxWords bounds how many words of the archive *part* may stand for.
const maxWords = 1000

const wordsWith = `SELECT term FROM vocab WHERE instr(term, ?) > 0 AND term NOT GLOB '[=#]*' LIMIT ?`

// infix finds the words that have the text inside, by looking at every word
// that the archive holds.
func (k *compiler) infix(text string) (string, error) {
	toks := analyze.Tokens(text)
	toks = slices.DeleteFunc(toks, func(t analyze.Token) bool { return t.Kind == analyze.Digits })
	if len(toks) == 0 {
		return "", nil
	}
	if len(toks) > 1 || toks[0].Kind == analyze.Gram {
		// Scripts without spaces are found inside of anything as it is.
		return k.term(&term{text: text})
	}
	var parts []string
	err := k.c.query(wordsWith, func(st *sqlite3.Stmt) error {
		parts = append(parts, `"`+strings.ReplaceAll(st.ColumnText(0), `"`, "")+`"`)
		return nil
	}, toks[0].Text, maxWords+1)
	if err != nil {
		return "", err
	}
	if len(parts) > maxWords {
		return "", queryErr("more than %d words hold *%s*: write more letters", maxWords, toks[0].Text)
	}
	return anyOf(parts), nil
}

// match is the full-text expression, or empty where everything answers.
func (w *where) match() string {
	if len(w.yes) == 0 {
		return ""
	}
	e := strings.Join(w.yes, " AND ")
	if len(w.no) > 0 {
		e = "(" + e + ") NOT (" + strings.Join(w.no, " OR ") + ")"
	}
	return e
}

// ids is the condition on a column of row ids, and its arguments.
func (w *where) ids(column string) (cond string, args []any) {
	cond, args = column+` >= ? AND `+column+` < ?`, []any{w.from, w.to}
	for _, r := range w.except {
		cond += ` AND (` + column + ` < ? OR ` + column + ` >= ?)`
		args = append(args, r[0], r[1])
	}
	filtered := column
	if column == "rowid" {
		// SQLite would scan the full-text table for each side of an OR, which
		// cannot be scanned without words.
		filtered = "+rowid"
	}
	for _, c := range w.also {
		cond += ` AND ` + strings.ReplaceAll(c.sql, columnHere, filtered)
		args = append(args, c.args...)
	}
	return cond, args
}

// fts is the condition on rows of the full-text table, and its arguments;
// match is not empty.
func (w *where) fts() (cond string, args []any) {
	cond, args = w.ids("rowid")
	return `fts MATCH ? AND ` + cond, append([]any{w.match()}, args...)
}

// sql is the condition on rows of messages, and its arguments.
func (w *where) sql() (cond string, args []any) {
	cond, args = w.ids("id")
	switch m := w.match(); {
	case m != "":
		cond += ` AND id IN (SELECT rowid FROM fts WHERE fts MATCH ?)`
		args = append(args, m)
	case len(w.no) > 0:
		cond += ` AND id NOT IN (SELECT rowid FROM fts WHERE fts MATCH ?)`
		args = append(args, strings.Join(w.no, " OR "))
	}
	return cond, args
}
