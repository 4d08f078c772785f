package analyze

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Phrase is tokens that stand one after the other.
type Phrase struct {
	Tokens []string
	Prefix bool // the last token is the beginning of one
	Digits bool // the tokens are grams of a number
}

// Matcher finds a word, or a phrase, in any of its spellings.
type Matcher struct {
	Any []Phrase
}

// maxSpellings bounds the alternatives of one word or phrase.
const maxSpellings = 64

// Query returns the matcher of a word or phrase of a query. With prefix, its
// last word is the beginning of one. A text without tokens matches nothing.
func Query(text string, prefix bool) Matcher {
	cells := fold(text)
	var m Matcher
	toks := words(nil, cells)
	if len(toks) == 0 {
		return m
	}
	toks, cut := openEnd(toks)
	alts := make([][][]string, len(toks))
	for i, t := range toks {
		alts[i] = forms(t, prefix && i == len(toks)-1)
		if w, ok := respelt(text[t.Start:t.End]); ok && t.Kind == Word {
			alts[i] = append(alts[i], []string{w})
		}
	}
	for _, p := range product(alts) {
		m.add(Phrase{Tokens: p, Prefix: prefix || cut})
	}
	if c := compounds(nil, cells); len(c) == 1 && c[0].Start == toks[0].Start && c[0].End == toks[len(toks)-1].End {
		m.add(Phrase{Tokens: []string{c[0].Text}, Prefix: prefix})
	}
	for _, p := range spellings(cells) {
		m.add(p)
	}
	return m
}

// Number returns the matcher of a number alone: of the digits of text in every
// spelling. ok is false where text is no number, or a short one.
func Number(text string) (m Matcher, ok bool) {
	for _, p := range spellings(fold(text)) {
		m.add(p)
	}
	return m, len(m.Any) > 0
}

func (m *Matcher) add(p Phrase) {
	for _, q := range m.Any {
		if q.Prefix == p.Prefix && q.Digits == p.Digits && slices.Equal(q.Tokens, p.Tokens) {
			return
		}
	}
	m.Any = append(m.Any, p)
}

// openEnd makes a run of grams at the end of a query match inside a longer
// run: the short grams with which a run ends are left out, and where none is
// left, the run is the beginning of a gram.
func openEnd(toks []Token) (out []Token, prefix bool) {
	last := len(toks) - 1
	if toks[last].Kind != Gram {
		return toks, false
	}
	from := last // of the run: grams after one another, each shorter by one at the end
	for from > 0 && toks[from-1].Kind == Gram && len(toks[from].Text) < len(toks[from-1].Text) &&
		strings.HasSuffix(toks[from-1].Text, toks[from].Text) {
		from--
	}
	// toks[from:] are the last full gram and the short ones after it, or, in a
	// run shorter than its grams, the whole run.
	first, _ := utf8.DecodeRuneInString(toks[from].Text)
	full := utf8.RuneCountInString(toks[from].Text) >= max(gramsOf(first).gram(), 2)
	return toks[:from+1], !full
}

// forms returns how a word of a query may stand in a text.
func forms(t Token, prefix bool) [][]string {
	if t.Kind == Word && !prefix {
		if out := withArticle(t.Text); out != nil {
			return out
		}
		if out := grouped(t.Text); out != nil {
			return out
		}
		if at := digitsAt(t.Text); at > 0 {
			return [][]string{{t.Text}, {t.Text[:at], t.Text[at:]}}
		}
	}
	return [][]string{{t.Text}}
}

// digitsAt returns where a word changes once from letters to digits, or from
// digits to letters, as LH400 and 5kg do; 0 for other words.
func digitsAt(w string) int {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	notDigit := func(r rune) bool { return !isDigit(r) }
	at := max(strings.IndexFunc(w, isDigit), strings.IndexFunc(w, notDigit))
	if at <= 0 || strings.IndexFunc(w[at:], isDigit) >= 0 && strings.IndexFunc(w[at:], notDigit) >= 0 {
		return 0
	}
	return at
}

// articles are what Arabic writes in front of a noun as part of the word, in
// the form without assimilation.
var articles = []string{"ال", "وال", "بال", "كال", "فال", "لل"}

// Particles are written so, too, before words that have no article. A short
// word with a letter before it is too often another word.
var (
	particles       = []string{"و", "ب", "ل", "ف", "ك"}
	hebrewParticles = []string{"ה", "ו", "ב", "ל", "מ", "ש", "כ", "וה", "שה", "מה"}
)

const minStem = 3 // characters

// withArticle returns the word of an Arabic or Hebrew query with everything
// that is written before it; nil for other words. An Arabic query that has an
// article finds the others, too.
func withArticle(w string) [][]string {
	first, _ := utf8.DecodeRuneInString(w)
	if first >= 0x05D0 && first <= 0x05EA && utf8.RuneCountInString(w) >= minStem {
		return before([][]string{{w}}, hebrewParticles, w)
	}
	if first < 0x0621 || first > 0x06D3 || utf8.RuneCountInString(w) < 2 {
		return nil
	}
	out := [][]string{{w}}
	stem := w
	for _, a := range []string{"وال", "بال", "كال", "فال", "ال"} {
		if rest, ok := strings.CutPrefix(w, a); ok && utf8.RuneCountInString(rest) >= 2 {
			stem = rest
			break
		}
	}
	out = before(out, articles, stem)
	if utf8.RuneCountInString(stem) >= minStem {
		out = before(out, particles, stem)
	}
	return out
}

func before(out [][]string, particles []string, stem string) [][]string {
	for _, p := range particles {
		if p+stem != out[0][0] {
			out = append(out, []string{p + stem})
		}
	}
	return out
}

// grouped returns an amount of a query both ways, 5000 and 5 000 (the sign
// between is no token), for phrases, where grams cannot stand.
func grouped(w string) [][]string {
	if len(w) < 4 || len(w) > 12 || strings.Trim(w, "0123456789") != "" {
		return nil
	}
	head := len(w) % 3
	var parts []string
	if head > 0 {
		parts = append(parts, w[:head])
	}
	for i := head; i < len(w); i += 3 {
		parts = append(parts, w[i:i+3])
	}
	return [][]string{{w}, parts}
}

// product returns every choice of one form for each word, at most
// maxSpellings: what is over the bound loses forms from the back.
func product(alts [][][]string) [][]string {
	out := [][]string{nil}
	for _, forms := range alts {
		if len(out)*len(forms) > maxSpellings {
			forms = forms[:1]
		}
		next := make([][]string, 0, len(out)*len(forms))
		for _, p := range out {
			for _, f := range forms {
				next = append(next, append(slices.Clip(p), f...))
			}
		}
		out = next
	}
	return out
}

// Find returns the byte ranges of the text of toks that m matches, in order,
// merged where they touch.
func (m Matcher) Find(toks []Token) [][2]int {
	var out [][2]int
	for _, p := range m.Any {
		out = p.find(toks, out)
	}
	return Merge(out)
}

func (p Phrase) find(toks []Token, out [][2]int) [][2]int {
	n := len(p.Tokens)
	for i := 0; i+n <= len(toks); i++ {
		if p.at(toks[i : i+n]) {
			out = append(out, p.bytes(toks[i:]))
		}
	}
	return out
}

// at reports whether toks are the phrase.
func (p Phrase) at(toks []Token) bool {
	for k, want := range p.Tokens {
		t := &toks[k]
		if (t.Kind == Digits) != p.Digits || t.Pos != toks[0].Pos+k {
			return false
		}
		if p.Prefix && k == len(p.Tokens)-1 {
			if !strings.HasPrefix(t.Text, want) {
				return false
			}
		} else if t.Text != want {
			return false
		}
	}
	return true
}

// bytes returns the range of the phrase at the head of toks. The last gram of
// a run covers as many characters as the query has of it.
func (p Phrase) bytes(toks []Token) [2]int {
	last := len(p.Tokens) - 1
	end := toks[last].End
	if toks[last].Kind == Gram {
		n := last + utf8.RuneCountInString(p.Tokens[last]) - 1
		end = toks[min(n, len(toks)-1)].End
	}
	return [2]int{toks[0].Start, end}
}

// Merge sorts ranges and joins those that overlap or touch.
func Merge(rs [][2]int) [][2]int {
	slices.SortFunc(rs, func(a, b [2]int) int {
		if a[0] != b[0] {
			return a[0] - b[0]
		}
		return a[1] - b[1]
	})
	out := rs[:0]
	for _, r := range rs {
		if n := len(out); n > 0 && r[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out
}
