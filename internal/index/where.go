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
	"github.com/waxseal/waxseal/internal/chat"
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

// A filterKind says what a filter's value means.
type filterKind struct {
	expr func(k *compiler, value string) (string, error)
}

// filters are those of the query language. Add one here, and to docs/search.md.
var filters map[string]filterKind

func init() { // not a literal: filters ask for each other's names
	filters = map[string]filterKind{
		"from":      {(*compiler).from},
		"to":        {(*compiler).to},
		"in":        {(*compiler).in},
		"custodian": {func(k *compiler, v string) (string, error) { return k.owned("custodian", v) }},
		"account":   {func(k *compiler, v string) (string, error) { return k.owned("account", v) }},
		"type":      {(*compiler).typed},
		"has":       {(*compiler).has},
		"is":        {(*compiler).is},
		"source":    {(*compiler).source},
		"before":    {nil},
		"after":     {nil},
		"on":        {nil},
		"lang":      {notYet("the language of a message is not known yet")},
		"label":     {notYet("there are no labels yet")},
		"matter":    {notYet("there are no matters yet")},
	}
}

// noSuch is the error of a filter's value that is not one of those there are.
func noSuch(filter, value string, there []string) error {
	return queryErr("there is no %s:%s; %s: takes %s", filter, value, filter, strings.Join(there, " "))
}

func notYet(why string) func(*compiler, string) (string, error) {
	return func(*compiler, string) (string, error) { return "", queryErr("%s", why) }
}

// maxPeople bounds how many people or chats a name may stand for.
const maxPeople = 500

// people are the persons whose name or number answers every word of a value.
func (k *compiler) people(value string) ([]int64, error) {
	var ids []int64
	err := k.c.query(`SELECT id, ident FROM person`, func(st *sqlite3.Stmt) error {
		if nameMatches(st.ColumnText(1), value) {
			ids = append(ids, st.ColumnInt64(0))
		}
		return nil
	})
	if err == nil && len(ids) > maxPeople {
		err = queryErr("more than %d people are called %q: write more of the name", maxPeople, value)
	}
	return ids, err
}

// nameMatches reports whether a name has every word of a value, the last of
// them as a beginning. Numbers are compared without what stands between.
func nameMatches(name, value string) bool {
	if value == "" {
		return false
	}
	toks := analyze.Tokens(name)
	if m, ok := analyze.Number(value); ok && len(m.Find(toks)) > 0 {
		return true
	}
	words := strings.Fields(value)
	for i, w := range words {
		m := analyze.Query(w, i == len(words)-1)
		if len(m.Any) > 0 && len(m.Find(toks)) == 0 {
			return false
		}
	}
	return len(words) > 0
}

func idTokens(kind string, ids []int64) string {
	var parts []string
	for _, id := range ids {
		parts = append(parts, token(kind, strconv.FormatInt(id, 10)))
	}
	return anyOf(parts)
}

func (k *compiler) from(value string) (string, error) {
	if value == "me" {
		return token("x", "out"), nil
	}
	ids, err := k.people(value)
	return idTokens("f", ids), err
}

// to finds what was written where somebody could read it: in their chats, by
// somebody else.
func (k *compiler) to(value string) (string, error) {
	if value == "me" {
		return token("x", "in"), nil
	}
	ids, err := k.people(value)
	if err != nil {
		return "", err
	}
	chats, err := k.chats(`SELECT id, name FROM chat`, value)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		err := k.c.query(`SELECT chat FROM member WHERE person = ?`, func(st *sqlite3.Stmt) error {
			if c := st.ColumnInt64(0); !slices.Contains(chats, c) {
				chats = append(chats, c)
			}
			return nil
		}, id)
		if err != nil {
			return "", err
		}
	}
	if len(chats) > maxPeople {
		return "", queryErr("%q takes part in more than %d chats: add in:", value, maxPeople)
	}
	e := idTokens("c", chats)
	if len(ids) > 0 {
		e = "(" + e + " NOT " + idTokens("f", ids) + ")"
	}
	return e, nil
}

func (k *compiler) in(value string) (string, error) {
	ids, err := k.chats(`SELECT id, name FROM chat`, value)
	return idTokens("c", ids), err
}

func (k *compiler) chats(sql, value string) (ids []int64, err error) {
	err = k.c.query(sql, func(st *sqlite3.Stmt) error {
		if nameMatches(st.ColumnText(1), value) {
			ids = append(ids, st.ColumnInt64(0))
		}
		return nil
	})
	if err == nil && len(ids) > maxPeople {
		err = queryErr("more than %d chats are called %q: write more of the name", maxPeople, value)
	}
	return ids, err
}

func (k *compiler) owned(column, value string) (string, error) {
	var ids []int64
	sql := `SELECT id, custodian FROM chat`
	if column == "account" {
		sql = `SELECT id, account FROM chat`
	}
	err := k.c.query(sql, func(st *sqlite3.Stmt) error {
		if v := st.ColumnText(1); v == value || column == "account" && v != "" && nameMatches(v, value) {
			ids = append(ids, st.ColumnInt64(0))
		}
		return nil
	})
	if err == nil && len(ids) > 4*maxPeople {
		err = queryErr("more than %d chats are of %s %q: add in: or a date", 4*maxPeople, column, value)
	}
	return idTokens("c", ids), err
}

var types = []chat.Type{
	chat.Text, chat.Image, chat.Video, chat.Audio, chat.Voice, chat.Document, chat.Sticker, chat.Place, chat.LivePlace, chat.ContactCard,
	chat.PollType, chat.OccasionType, chat.CallType, chat.Order, chat.Interactive, chat.Template, chat.ViewOnce, chat.SystemType, chat.Unsupported, chat.Unknown,
}

// typeAliases are what people say for a type.
var typeAliases = map[string]chat.Type{
	"photo": chat.Image, "picture": chat.Image, "file": chat.Document, "pdf": chat.Document, "place": chat.Place, "card": chat.ContactCard, "notice": chat.SystemType,
}

func (k *compiler) typed(value string) (string, error) {
	v := tokenName(value)
	if t, ok := typeAliases[v]; ok {
		v = tokenName(string(t))
	}
	var names []string
	for _, t := range types {
		if tokenName(string(t)) == v {
			return token("t", v), nil
		}
		names = append(names, string(t))
	}
	return "", noSuch("type", value, names)
}

// source finds what a source brought; one of which the index holds something
// is known, even if this program reads it no longer.
func (k *compiler) source(value string) (string, error) {
	there := slices.Clone(k.sources)
	err := k.c.query(`SELECT DISTINCT source FROM capture`, func(st *sqlite3.Stmt) error {
		if s := st.ColumnText(0); s != "" && !slices.Contains(there, s) {
			there = append(there, s)
		}
		return nil
	})
	v := tokenName(value)
	if err == nil && !slices.ContainsFunc(there, func(s string) bool { return tokenName(s) == v }) {
		err = noSuch("source", value, there)
	}
	return token("s", v), err
}

var hasFlags = map[string]string{"attachment": "attachment", "media": "attachment", "link": "link", "reaction": "reaction"}

func (k *compiler) has(value string) (string, error) {
	if f, ok := hasFlags[strings.ToLower(value)]; ok {
		return token("x", f), nil
	}
	e, err := k.typed(value)
	if err != nil {
		return "", noSuch("has", value, []string{"attachment link reaction and every type"})
	}
	return e, nil
}

var isFlags = map[string]string{
	"revoked": "revoked", "edited": "edited", "forwarded": "forwarded", "ambiguous": "ambiguous", "uncertain": "ambiguous", "unread": "unread", "unparsed": "unread",
	"missing": "missing", "omitted": "omitted", "sent": "out", "received": "in",
}

func (k *compiler) is(value string) (string, error) {
	v := strings.ToLower(value)
	if v == "system" || v == "notice" {
		return token("t", "system"), nil
	}
	if f, ok := isFlags[v]; ok {
		return token("x", f), nil
	}
	return "", noSuch("is", value, strings.Fields("revoked edited forwarded system ambiguous missing omitted unread sent received"))
}

func isDate(name string) bool { return name == "before" || name == "after" || name == "on" }

// date narrows the whole query. Dates are those of the message's own zone, as
// its source printed it, and so are row ids.
func (k *compiler) date(f *filter, negated bool) error {
	from, to, err := parseDate(f.value, k.now)
	if err != nil {
		return err
	}
	k.asked = true
	first, end := rowAt(from.Unix()), rowAt(to.Unix())
	switch {
	case f.name == "on" && negated:
		k.w.except = append(k.w.except, [2]int64{first, end})
	case f.name == "on":
		k.w.from, k.w.to = max(k.w.from, first), min(k.w.to, end)
	case (f.name == "after") != negated:
		k.w.from = max(k.w.from, first)
	default:
		k.w.to = min(k.w.to, first)
	}
	return nil
}

// parseDate reads a year, a month, a day, today or yesterday, and returns the
// days that it spans.
func parseDate(v string, now time.Time) (from, to time.Time, err error) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch strings.ToLower(v) {
	case "today":
		return today, today.AddDate(0, 0, 1), nil
	case "yesterday":
		return today.AddDate(0, 0, -1), today, nil
	}
	for _, f := range []struct {
		layout              string
		years, months, days int
	}{{"2006-01-02", 0, 0, 1}, {"2006-1-2", 0, 0, 1}, {"2006/01/02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if d, err := time.Parse(f.layout, v); err == nil && d.Year() >= 1970 && d.Year() < 3000 {
			return d, d.AddDate(f.years, f.months, f.days), nil
		}
	}
	return from, to, queryErr("%q is no date: write 2024, 2024-03 or 2024-03-31, today or yesterday", v)
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
