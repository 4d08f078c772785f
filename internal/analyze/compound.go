package analyze

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds on compounds: more words and more digits are an address or the name
// of a file.
const (
	maxParts    = 4
	maxInitials = 8
	maxDigits   = 6
)

const zeroWidthNonJoiner = 0x200C

// joins reports signs that people write, or leave out, inside of one word:
// don't, e-mail, AT&T, and in Persian the sign that parts letters.
func joins(r rune) bool {
	switch r {
	case '\'', '’', '‘', '`', '´', '-', '‐', '–', '&', zeroWidthNonJoiner:
		return true
	}
	return false
}

// compounds appends, for words that stand together as one, such as e-mail and
// U.S.A., the word without what stands between.
func compounds(toks []Token, cells []cell) []Token {
	pos := nextPos(toks)
	for i := 0; i < len(cells); {
		if !cells[i].class.inWord() {
			i++
			continue
		}
		c, next := compoundAt(cells, i)
		i = next
		if len(c) == 0 {
			continue
		}
		pos++ // no phrase goes on from one to the next
		toks = append(toks, word(c, pos))
		pos++
	}
	return toks
}

// compoundAt returns the letters of the compound that begins at cells[i], none
// where a single word does, and where to go on.
func compoundAt(cells []cell, i int) (joined []cell, next int) {
	end := wordEnd(cells, i)
	parts, initials := 1, end == i+1
	joined = cells[i:end:end]
	for end+1 < len(cells) && cells[end+1].class.inWord() && cells[end].class == sep {
		stop := wordEnd(cells, end+1)
		part := cells[end+1 : stop]
		switch r := cells[end].r; {
		case joins(r):
		case r == '.' && initials && len(part) == 1: // U.S.A.
		case (r == '"' || r == '״' || r == '׳') && unicode.Is(unicode.Hebrew, part[0].r) && unicode.Is(unicode.Hebrew, cells[end-1].r):
		default:
			return compoundOf(joined, parts), end
		}
		initials = initials && len(part) == 1
		joined = append(joined, part...)
		parts++
		end = stop
	}
	return compoundOf(joined, parts), end
}

func compoundOf(joined []cell, parts int) []cell {
	most := maxParts
	if len(joined) == parts {
		most = maxInitials
	}
	if digits := countDigits(joined); parts < 2 || parts > most || digits > maxDigits || digits == len(joined) {
		return nil
	}
	return joined
}

// spelt is how letters with marks are written where there are none.
var spelt = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

// respelt returns a word with its umlauts written out, folded: mueller for
// Müller, which the folding takes for muller.
func respelt(raw string) (string, bool) {
	if !strings.ContainsAny(raw, "äöüåøÄÖÜÅØ\u0308\u030A") {
		return "", false
	}
	s := strings.ToLower(norm.NFC.String(raw))
	out := spelt.Replace(s)
	toks := words(nil, fold(out))
	if out == s || len(toks) != 1 || toks[0].Kind != Word {
		return "", false
	}
	return toks[0].Text, true
}

// umlauts appends the words of text whose umlauts can be written out.
func umlauts(toks []Token, s string) []Token {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return toks
	}
	pos := nextPos(toks)
	for _, t := range toks {
		if t.Kind != Word {
			continue
		}
		if w, ok := respelt(s[t.Start:t.End]); ok {
			pos++
			toks = append(toks, Token{Text: w, Start: t.Start, End: t.End, Pos: pos})
			pos++
		}
	}
	return toks
}

func nextPos(toks []Token) int {
	if len(toks) == 0 {
		return 0
	}
	return toks[len(toks)-1].Pos + 1
}
