package index

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/chat"
)

// A filterKind says what a filter's value means.
type filterKind struct {
	expr func(k *compiler, value string) (string, error)
	// opens gives what stands for the filter, where that is a query itself.
	opens func(k *compiler, value string) (node, error)
}

// filters are those of the query language. Add one here, and to docs/search.md.
var filters map[string]filterKind

func init() { // not a literal: filters ask for each other's names
	filters = map[string]filterKind{
		"from":      {expr: (*compiler).from},
		"to":        {expr: (*compiler).to},
		"in":        {expr: (*compiler).in},
		"chat":      {expr: (*compiler).chat},
		"custodian": {expr: func(_ *compiler, v string) (string, error) { return quoted(ownerToken(v)), nil }},
		"account":   {expr: (*compiler).account},
		"type":      {expr: (*compiler).typed},
		"has":       {expr: (*compiler).has},
		"is":        {expr: (*compiler).is},
		"source":    {expr: (*compiler).source},
		"group":     {opens: (*compiler).group},
		"label":     {opens: (*compiler).label},
		"matter":    {opens: (*compiler).matter},
		"hold":      {opens: (*compiler).hold},
		"before":    {},
		"after":     {},
		"on":        {},
		"lang":      {expr: notYet("the language of a message is not known yet")},
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

// chat finds one chat, by any ID that it ever had.
func (k *compiler) chat(value string) (string, error) {
	id, err := chatNumber(k.c, value)
	if errors.Is(err, ErrNotFound) {
		return "", queryErr("there is no chat %q", value) // nothing would be an answer: that a hold covers no message
	}
	return idTokens("c", []int64{id}), err
}

func (k *compiler) account(value string) (string, error) {
	var ids []int64
	err := k.c.query(`SELECT id, account FROM chat`, func(st *sqlite3.Stmt) error {
		if v := st.ColumnText(1); v == value || v != "" && nameMatches(v, value) {
			ids = append(ids, st.ColumnInt64(0))
		}
		return nil
	})
	if err == nil && len(ids) > 4*maxPeople {
		err = queryErr("more than %d chats are of account %q: add in: or a date", 4*maxPeople, value)
	}
	return idTokens("c", ids), err
}

// group finds the messages of the custodians of a group.
func (k *compiler) group(value string) (node, error) {
	var tokens []string
	for _, id := range k.books.Group(value) {
		tokens = append(tokens, quoted(ownerToken(id)))
	}
	return node{match: anyOf(tokens)}, nil
}

// label finds what has a label, or one below it: by hand or by a rule.
func (k *compiler) label(value string) (node, error) {
	ids, rules, err := k.books.Labels(value)
	if err != nil || len(ids)+len(rules) == 0 {
		return node{}, queryErr("there is no label %q", value)
	}
	alts := []node{marked(markLabel, ids)}
	for _, r := range rules {
		n, err := namedQuery(r)
		if err != nil {
			return node{}, err
		}
		alts = append(alts, n)
	}
	return oneOf(alts), nil
}

// matter finds what was collected for a matter.
func (k *compiler) matter(value string) (node, error) {
	ids, err := k.books.Matter(value)
	if err != nil || len(ids) == 0 {
		return node{}, queryErr("there is no matter %q", value)
	}
	return marked(markMatter, ids), nil
}

// hold finds what a hold covers.
func (k *compiler) hold(value string) (node, error) {
	query, seqs, err := k.books.Hold(value)
	if err != nil {
		return node{}, queryErr("there is no hold %q", value)
	}
	var alts []node
	if strings.TrimSpace(query) != "" {
		n, err := namedQuery(query)
		if err != nil {
			return node{}, err
		}
		alts = append(alts, n)
	}
	if len(seqs) > 0 {
		rs := make(runs, len(seqs))
		for i, s := range seqs {
			rs[i] = [3]int64{0, s[0], s[1]}
		}
		alts = append(alts, node{runs: rs})
	}
	if len(alts) == 0 {
		return node{match: nothing}, nil
	}
	return oneOf(alts), nil
}

func marked(kind string, ids []int64) node {
	var tokens []string
	for _, id := range ids {
		tokens = append(tokens, quoted(mark{kind, id}.token()))
	}
	return node{match: anyOf(tokens)}
}

func oneOf(alts []node) node {
	if len(alts) == 1 {
		return alts[0]
	}
	return node{or: alts}
}

// namedQuery reads a query that has a name. One that asks for nothing would find
// everything.
func namedQuery(query string) (node, error) {
	n, err := parseQuery(query)
	if err == nil && len(conjuncts(n)) == 0 {
		err = queryErr("the query is empty")
	}
	return n, err
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
	"pending": "pending", "orphan": "orphan", "ghost": "ghost", "unanswered": "unanswered", "waiting": "waiting", "failed": "failed",
}

func (k *compiler) is(value string) (string, error) {
	v := strings.ToLower(value)
	if v == "system" || v == "notice" {
		return token("t", "system"), nil
	}
	if f, ok := isFlags[v]; ok {
		return token("x", f), nil
	}
	return "", noSuch("is", value, strings.Fields("revoked edited forwarded system ambiguous missing omitted unread sent received pending orphan ghost unanswered waiting failed"))
}

func isDate(name string) bool { return name == "before" || name == "after" || name == "on" }

// days are the row ids of a date inside a part of a query.
func (k *compiler) days(f *filter) (cond, error) {
	from, to, err := parseDate(f.value, k.now)
	if err != nil {
		return cond{}, err
	}
	first, end := rowAt(from.Unix()), rowAt(to.Unix())
	switch f.name {
	case "before":
		first, end = 0, first
	case "after":
		end = maxID
	}
	return cond{sql: `(` + columnHere + ` >= ? AND ` + columnHere + ` < ?)`, args: []any{first, end}}, nil
}

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
