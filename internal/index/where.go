package index

import (
	"cmp"
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
	asked   bool // the query has more than signs
	w       where
}

const maxID = int64(1) << 62

// compile builds the where of a query, narrowed to a chat where chatID is not
// zero.
func (x *Index) compile(c *conn, n node, chatID int64) (where, error) {
	k := compiler{c: c, sources: slices.Sorted(maps.Keys(x.cfg.Interpreters)), now: time.Now(), w: where{to: maxID}}
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
	if n.or == nil && n.not == nil && n.term == nil && n.filter == nil {
		return n.and
	}
	return []node{n}
}

// top compiles a part of the outermost conjunction, where dates may stand.
func (k *compiler) top(n node, negated bool) error {
	switch {
	case n.not != nil:
		return k.top(*n.not, !negated)
	case n.filter != nil && isDate(n.filter.name):
		return k.date(n.filter, negated)
	case len(n.and) > 0 && !negated:
		for _, m := range n.and {
			if err := k.top(m, false); err != nil {
				return err
			}
		}
		return nil
	}
	e, err := k.expr(n)
	if err != nil || e == "" {
		return err
	}
	k.asked = true
	if negated {
		k.w.no = append(k.w.no, e)
		return nil
	}
	k.w.yes = append(k.w.yes, e)
	k.marks(n)
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

// expr compiles a part into a full-text expression. FTS5 has a binary NOT
// only: what is negated needs something beside it.
func (k *compiler) expr(n node) (string, error) {
	switch {
	case n.term != nil:
		return k.term(n.term)
	case n.filter != nil:
		if isDate(n.filter.name) {
			return "", queryErr("a date counts for the whole query: it cannot stand in OR or in brackets with a minus")
		}
		return filters[n.filter.name].expr(k, n.filter.value)
	case n.or != nil:
		return k.either(n.or)
	case n.not != nil:
		return "", queryErr("what is left out by a minus needs something to find beside it")
	}
	return k.conjunction(n.and)
}

func (k *compiler) either(ns []node) (string, error) {
	for _, m := range ns {
		if e, err := k.expr(m); err != nil || e == "" {
			return "", cmp.Or(err, queryErr("OR needs a word, a phrase or a filter on both sides"))
		}
	}
	return k.joined(ns, " OR ")
}

func (k *compiler) joined(ns []node, with string) (string, error) {
	var parts []string
	for _, m := range ns {
		e, err := k.expr(m)
		if err != nil {
			return "", err
		}
		if e != "" {
			parts = append(parts, e)
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "(" + strings.Join(parts, with) + ")", nil
}

func (k *compiler) conjunction(ns []node) (string, error) {
	var yes, no []node
	for _, m := range ns {
		if m.not != nil {
			no = append(no, *m.not)
		} else {
			yes = append(yes, m)
		}
	}
	e, err := k.joined(yes, " AND ")
	if err != nil || len(no) == 0 {
		return e, err
	}
	if e == "" {
		return "", queryErr("what is left out by a minus needs something to find beside it")
	}
	not, err := k.joined(no, " OR ")
	if err != nil || not == "" {
		return e, err
	}
	return "(" + e + " NOT " + not + ")", nil
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
