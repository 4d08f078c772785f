package index

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/analyze"
)

// Bounds on queries: what is longer was not typed by a person.
const (
	maxQuery = 4000 // bytes
	maxTerms = 64
	maxDepth = 8
)

// node is a parsed query: one of its kinds is set.
type node struct {
	and    []node
	or     []node
	not    *node
	term   *term
	filter *filter
	// What filters stand for may be these, too.
	match string // a full-text expression
	runs  runs   // messages with these records, as [0, entry, length]
}

// term is a word or phrase to find.
type term struct {
	text   string
	prefix bool // word*
	infix  bool // *word*
	bare   bool // a word without quotation marks or stars
	number bool // only as a number, in any of its spellings
}

// filter is a condition such as from:ana.
type filter struct{ name, value string }

func queryErr(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(format, args...))
}

// parseQuery reads the query language of docs/search.md. An empty query gives
// an empty conjunction, which everything answers.
func parseQuery(s string) (node, error) {
	if len(s) > maxQuery {
		return node{}, queryErr("it is longer than %d characters", maxQuery)
	}
	p := &queryParser{rest: strings.ToValidUTF8(s, " ")}
	n, err := p.alternatives(0)
	if err != nil {
		return n, err
	}
	if p.skip(); p.rest != "" {
		return n, queryErr("a bracket is closed that was not opened")
	}
	return n, nil
}

type queryParser struct {
	rest  string
	terms int
}

func (p *queryParser) skip() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// alternatives reads "a b OR c".
func (p *queryParser) alternatives(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, queryErr("brackets are nested too deep")
	}
	var alts []node
	for {
		n, err := p.conjunction(depth)
		if err != nil {
			return n, err
		}
		alts = append(alts, n)
		if !p.or() {
			break
		}
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	for _, a := range alts {
		if len(a.and) == 0 {
			return a, queryErr("OR needs something to find on both sides")
		}
	}
	return node{or: alts}, nil
}

// word takes a word that stands by itself.
func (p *queryParser) word(w string) bool {
	p.skip()
	after, ok := strings.CutPrefix(p.rest, w)
	if !ok {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(after); after != "" && !unicode.IsSpace(r) && r != '(' && r != ')' {
		return false
	}
	p.rest = after
	return true
}

func (p *queryParser) conjunction(depth int) (node, error) {
	var n node
	open := false // an AND waits for its right side
	for {
		and := p.word("AND")
		switch {
		case and && (open || len(n.and) == 0), open && p.atEnd():
			return n, queryErr("AND needs something to find on both sides")
		case and:
			open = true
			continue
		case p.atEnd():
			n.and = joinNumbers(n.and)
			return n, nil
		}
		open = false
		one, err := p.one(depth)
		if err != nil {
			return n, err
		}
		if p.terms++; p.terms > maxTerms {
			return n, queryErr("it has more than %d words", maxTerms)
		}
		n.and = append(n.and, one)
	}
}

// maxGroups is how many groups a number may be written in: an IBAN has nine.
const maxGroups = 12

// joinNumbers lets bare words that are a number together, such as
// +49 151 2345, also find it where it is written in one. Blanks part words of
// a query, so no word by itself could.
func joinNumbers(ns []node) []node {
	var out []node
	for len(ns) > 0 {
		n := 0
		for n < min(len(ns), maxGroups) && ns[n].term != nil && ns[n].term.bare {
			n++
		}
		for ; n > 1; n-- {
			if joined := joinedText(ns[:n]); startsNumber(joined) && isNumber(joined) {
				words := node{and: slices.Clone(ns[:n])}
				out = append(out, node{or: []node{words, {term: &term{text: joined, number: true}}}})
				break
			}
		}
		if n <= 1 {
			n = 1
			out = append(out, ns[0])
		}
		ns = ns[n:]
	}
	return out
}

func joinedText(ns []node) string {
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = n.term.text
	}
	return strings.Join(words, " ")
}

// startsNumber spares most words the closer look.
func startsNumber(s string) bool {
	return strings.IndexFunc(s[:min(len(s), 12)], unicode.IsDigit) >= 0
}

func isNumber(s string) bool {
	_, ok := analyze.Number(s)
	return ok
}

func (p *queryParser) or() bool { return p.word("OR") || p.word("||") || p.word("|") }

// atEnd reports whether a conjunction ends here.
func (p *queryParser) atEnd() bool {
	p.skip()
	q := *p
	return p.rest == "" || p.rest[0] == ')' || q.or()
}

// one reads a word, a phrase, a filter or a bracket, with - before it.
func (p *queryParser) one(depth int) (node, error) {
	if after, ok := strings.CutPrefix(p.rest, "-"); ok && after != "" && after[0] != ' ' || p.word("NOT") {
		if ok {
			p.rest = after
		}
		if p.atEnd() {
			return node{}, queryErr("nothing stands behind a minus or NOT")
		}
		n, err := p.one(depth)
		return node{not: &n}, err
	}
	if after, ok := strings.CutPrefix(p.rest, "("); ok {
		p.rest = after
		n, err := p.alternatives(depth + 1)
		if err != nil {
			return n, err
		}
		p.skip()
		if after, ok = strings.CutPrefix(p.rest, ")"); !ok {
			return n, queryErr("a bracket is not closed")
		}
		p.rest = after
		if n.or == nil && len(n.and) == 1 {
			n = n.and[0]
		}
		return n, nil
	}
	return p.leaf()
}

func (p *queryParser) leaf() (node, error) {
	if p.rest[0] == '"' {
		s, err := p.quoted()
		return node{term: &term{text: s}}, err
	}
	if s, ok := p.curled(); ok {
		return node{term: &term{text: s}}, nil
	}
	name, value, err := p.bare()
	if err != nil {
		return node{}, err
	}
	if name != "" {
		return node{filter: &filter{name, value}}, nil
	}
	t := wildcard(value)
	if strings.Contains(strings.Trim(t.text, "*"), "*") {
		return node{}, queryErr("a star stands at the end of a word or on both sides of a part: word* or *part*; to find the text beside stars, put it in quotation marks")
	}
	return node{term: t}, nil
}

// wildcard reads the stars of word* and *word*.
func wildcard(w string) *term {
	t := &term{text: w}
	if in, ok := strings.CutPrefix(w, "*"); ok && len(in) > 0 {
		t.text, t.infix = in, true
	}
	if in, ok := strings.CutSuffix(t.text, "*"); ok && len(in) > 0 {
		t.text = in
		t.prefix = !t.infix
	}
	t.bare = !t.infix && !t.prefix
	return t
}

// curled reads a phrase in the quotation marks that telephones and word
// processors put in place of the straight ones.
func (p *queryParser) curled() (string, bool) {
	r, size := utf8.DecodeRuneInString(p.rest)
	if !strings.ContainsRune("“”„‟«»", r) {
		return "", false
	}
	end := strings.IndexAny(p.rest[size:], "“”„‟«»\"")
	if end <= 0 {
		return "", false
	}
	s := p.rest[size : size+end]
	_, closing := utf8.DecodeRuneInString(p.rest[size+end:])
	p.rest = p.rest[size+end+closing:]
	return s, true
}

func (p *queryParser) quoted() (string, error) {
	end := strings.IndexByte(p.rest[1:], '"')
	if end < 0 {
		return "", queryErr("a quotation mark is not closed")
	}
	s := p.rest[1 : 1+end]
	p.rest = p.rest[end+2:]
	return s, nil
}

// bare reads a word up to a blank, or name:value. A colon makes a filter only
// behind a name that is one, or that could be meant as one.
func (p *queryParser) bare() (name, value string, err error) {
	end := strings.IndexFunc(p.rest, func(r rune) bool { return unicode.IsSpace(r) || r == ')' || r == '(' })
	if end < 0 {
		end = len(p.rest)
	}
	if end == 0 { // an odd bracket; taken as a sign
		end = 1
	}
	w := p.rest[:end]
	if head, after, ok := strings.Cut(w, ":"); ok && isName(head) {
		if _, known := filters[strings.ToLower(head)]; !known && after != "" && !strings.HasPrefix(after, "//") {
			return "", "", queryErr("there is no filter %q; there are: %s", head+":", strings.Join(filterNames(), " "))
		} else if known {
			return p.value(strings.ToLower(head))
		}
	}
	p.rest = p.rest[end:]
	return "", w, nil
}

// value reads what stands behind a filter's colon.
func (p *queryParser) value(name string) (string, string, error) {
	p.rest = p.rest[len(name)+1:]
	v, err := p.filterValue()
	if err == nil && strings.TrimSpace(v) == "" {
		err = queryErr("nothing stands behind %s:", name)
	}
	return name, v, err
}

func (p *queryParser) filterValue() (string, error) {
	if strings.HasPrefix(p.rest, `"`) {
		return p.quoted()
	}
	if v, ok := p.curled(); ok {
		return v, nil
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return unicode.IsSpace(r) || r == ')' })
	if end < 0 {
		end = len(p.rest)
	}
	v := p.rest[:end]
	p.rest = p.rest[end:]
	return v, nil
}

// isName reports whether a word could be the name of a filter.
func isName(s string) bool {
	if s == "" || len(s) > 20 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func filterNames() []string {
	var names []string
	for n := range filters {
		names = append(names, n+":")
	}
	slices.Sort(names)
	return names
}
