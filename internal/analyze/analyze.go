// Package analyze turns text into search tokens, in every script, and says
// where in the text they stand.
//
// It is pure: the same text gives the same tokens in every program of one
// Version. It must never import anything of Waxseal.
//
// Text is cut into words, as Unicode has them after NFKC, with case and
// diacritics folded; scripts that are written without spaces are cut into
// overlapping grams, one at each character, so that a phrase of grams is
// exactly a substring. Beside them stand the grams of numbers: the digits of
// a telephone number, an IBAN or an amount, joined whatever stood between
// them, so that any spelling finds any other.
package analyze

import "unicode/utf8"

// Version changes when, and only when, some text gives other tokens than
// before. An index that was written by another version is built anew.
const Version = 2

// Kind is the kind of a token.
type Kind uint8

const (
	// Word is a whole word, or an emoji.
	Word Kind = iota
	// Gram is one of the overlapping pieces of a run in an unspaced script.
	Gram
	// Digits is one of the overlapping pieces of a joined number.
	Digits
)

// Token is one thing that can be found.
type Token struct {
	Text string
	Kind Kind
	// Start and End are the byte range in the text: of a Word and of Digits
	// the whole, of a Gram its first character (the next one has its own).
	Start, End int
	// Pos is the place among the tokens. Other spellings come after the words:
	// the Digits, compounds in one word, umlauts written out. They leave a
	// place free before each.
	Pos int
}

// maxToken bounds a token, in bytes. A longer word (an encoded file, say) is
// found by its beginning; text and queries are cut alike.
const maxToken = 120

// Tokens returns what can be found in text: words and grams in the order of
// the text, then other spellings of them.
func Tokens(text string) []Token {
	cells := fold(text)
	toks := words(make([]Token, 0, len(cells)/4+4), cells)
	return umlauts(compounds(numbers(toks, cells), cells), text)
}

// words appends the words and grams of cells.
func words(toks []Token, cells []cell) []Token {
	for i := 0; i < len(cells); {
		switch c := cells[i].class; {
		case c == sep:
			i++
		case c == emoji:
			j := i + 1
			for j < len(cells) && cells[j].class == joined {
				j++
			}
			toks = append(toks, word(cells[i:j], len(toks)))
			i = j
		case c.gram() > 0:
			j := i + 1
			for j < len(cells) && cells[j].class.gram() > 0 {
				j++
			}
			toks = grams(toks, cells[i:j])
			i = j
		default:
			j := i + 1
			for j < len(cells) && cells[j].class.inWord() {
				j++
			}
			toks = append(toks, word(cells[i:j], len(toks)))
			i = j
		}
	}
	return toks
}

func word(cells []cell, pos int) Token {
	return Token{Text: text(cells), Start: int(cells[0].start), End: int(cells[len(cells)-1].end), Pos: pos}
}

// text joins the characters of cells, cut at maxToken.
func text(cells []cell) string {
	b := make([]byte, 0, 32)
	for _, c := range cells {
		if len(b)+utf8.UTFMax > maxToken {
			break
		}
		b = utf8.AppendRune(b, c.r)
	}
	return string(b)
}

// grams appends one gram for each character of a run: as many characters as
// its script takes, fewer at the end of the run. They share one string.
func grams(toks []Token, run []cell) []Token {
	b := make([]byte, 0, len(run)*3)
	for _, c := range run {
		b = utf8.AppendRune(b, c.r)
	}
	s, from := string(b), 0
	for i, c := range run {
		end := from
		for _, d := range run[i:min(i+c.class.gram(), len(run))] {
			end += utf8.RuneLen(d.r)
		}
		toks = append(toks, Token{Text: s[from:end], Kind: Gram, Start: int(c.start), End: int(c.end), Pos: len(toks)})
		from += utf8.RuneLen(c.r)
	}
	return toks
}
