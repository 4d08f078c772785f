package analyze

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class says what a character is for the cutting of tokens.
type class uint8

const (
	sep    class = iota
	letter       // of a script that is written with spaces
	digit
	pair   // of a script whose grams are of two characters
	triple // of a script whose grams are of three
	emoji  // the first character of an emoji
	joined // a further character of the same emoji
)

// gram returns how many characters a gram of the class has; 0: no grams.
func (c class) gram() int {
	switch c {
	case pair:
		return 2
	case triple:
		return 3
	default:
		return 0
	}
}

func (c class) inWord() bool { return c == letter || c == digit }

// cell is one folded character and the bytes of the text that it came from.
// Several cells may share bytes (a ligature), and bytes may have no cell.
type cell struct {
	r          rune
	class      class
	start, end int32
}

// folder is the state of one pass over a text.
type folder struct {
	cells []cell
	known *[tableEnd]known // nil: every character is looked up anew, for tests
}

// fold returns the characters of text as they are compared.
func fold(text string) []cell {
	f := folder{cells: make([]cell, 0, len(text)), known: knowns()}
	f.fold(text)
	return f.cells
}

func (f *folder) fold(text string) {
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			f.add(asciiFold[b], asciiClass[b], i, i+1)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if f.quick(text, i, r, size) {
			i += size
			continue
		}
		if n := f.emoji(text, i, r, size); n > 0 {
			i += n
			continue
		}
		n := norm.NFKC.NextBoundaryInString(text[i:], true)
		if n < size { // never by its contract; a cut must advance all the same
			n = size
		}
		f.segment(text[i:i+n], i, i+n, r, n == size)
		i += n
	}
}

// quick folds the character at text[i:] where it stands by itself and is known
// from before.
func (f *folder) quick(text string, i int, r rune, size int) bool {
	if f.known == nil || r < utf8.RuneSelf || r >= tableEnd && !plainHan(r) {
		return false
	}
	if end := i + size; end < len(text) {
		if next, _ := utf8.DecodeRuneInString(text[end:]); !plainHan(next) && (next >= tableEnd || !f.known[next].first) {
			return false
		}
	}
	if plainHan(r) {
		f.add(r, pair, i, i+size)
		return true
	}
	k := &f.known[r]
	if !k.alone {
		return false
	}
	for _, c := range k.cells {
		f.add(c.r, c.class, i, i+size)
	}
	return true
}

func (f *folder) add(r rune, c class, start, end int) {
	f.cells = append(f.cells, cell{r, c, int32(start), int32(end)})
}

// segment folds one piece of text that NFKC composes by itself.
func (f *folder) segment(s string, start, end int, first rune, single bool) {
	if single && plainHan(first) {
		f.add(first, pair, start, end)
		return
	}
	if first == utf8.RuneError && single {
		f.add(first, sep, start, end)
		return
	}
	for _, r := range norm.NFKC.String(s) {
		f.char(r, start, end)
	}
}

// plainHan reports characters that no folding changes, the bulk of Chinese,
// Japanese and Korean text.
func plainHan(r rune) bool { return r >= 0x4E00 && r <= 0x9FFF || r >= 0xAC00 && r <= 0xD7A3 }

// char folds one character of composed text.
func (f *folder) char(r rune, start, end int) {
	switch {
	case r < utf8.RuneSelf:
		f.add(asciiFold[r], asciiClass[r], start, end)
	case ignorable(r):
		switch {
		case r == zeroWidthSpace && !f.inGrams():
			f.add(' ', sep, start, end)
		case r == zeroWidthNonJoiner && len(f.cells) > 0 && unicode.Is(unicode.Arabic, f.cells[len(f.cells)-1].r):
			f.add(r, sep, start, end)
		}
	case unicode.Is(unicode.M, r):
		f.mark(r, start, end)
	case unicode.Is(unicode.Nd, r):
		f.add('0'+digitValue(r), digit, start, end)
	case unicode.IsLetter(r) || unicode.Is(unicode.N, r):
		f.letter(r, start, end)
	case unicode.Is(unicode.So, r):
		f.add(r, emoji, start, end)
	default:
		f.add(r, sep, start, end)
	}
}

func (f *folder) letter(r rune, start, end int) {
	if n := gramsOf(r); n != sep {
		if r >= 0x30A1 && r <= 0x30F6 { // katakana as hiragana
			r -= 0x60
		}
		f.add(r, n, start, end)
		return
	}
	if unicode.In(r, markless...) && r != 'й' && r != 'Й' {
		for _, d := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.M, d) {
				f.simple(d, start, end)
			}
		}
		return
	}
	f.simple(r, start, end)
}

// simple folds a letter that has no marks left.
func (f *folder) simple(r rune, start, end int) {
	r = unicode.ToLower(r)
	if s, ok := alike[r]; ok {
		for _, c := range s {
			f.add(c, letter, start, end)
		}
		return
	}
	f.add(r, letter, start, end)
}

// mark decides what a mark means: part of an unspaced run, part of a word in a
// script that writes vowels as marks, or an accent, which is not compared.
func (f *folder) mark(r rune, start, end int) {
	if len(f.cells) == 0 {
		return
	}
	last := &f.cells[len(f.cells)-1]
	switch {
	case last.class.gram() > 0 && gramsOf(r) != sep:
		f.add(r, last.class, start, end)
	case last.class != letter || unicode.In(last.r, markless...) || unicode.Is(unicode.Inherited, r) || droppedMark(r):
		if last.class == letter {
			last.end = int32(end)
		}
	case nasal(last.r) && r == last.r&^0x7F|virama:
		last.r, last.end = last.r&^0x7F|anusvara, int32(end)
	default:
		if m, ok := alikeMark[r]; ok {
			r = m
		}
		f.add(r, letter, start, end)
	}
}

func (f *folder) inGrams() bool {
	return len(f.cells) > 0 && f.cells[len(f.cells)-1].class.gram() > 0
}

// emoji folds an emoji at text[i:] with everything that belongs to it, and
// returns its length in bytes; 0: none stands there. Skin tones, the form of
// presentation and the sign of gender are not compared.
func (f *folder) emoji(text string, i int, r rune, size int) int {
	if regional(r) {
		second, n := utf8.DecodeRuneInString(text[i+size:])
		if !regional(second) {
			f.add(r, emoji, i, i+size)
			return size
		}
		f.add(r, emoji, i, i+size+n)
		f.add(second, joined, i, i+size+n)
		return size + n
	}
	if !pictograph(r) {
		return 0
	}
	from, end, pending := len(f.cells), i+size, false
	f.add(r, emoji, i, end)
	for end < len(text) {
		next, n := utf8.DecodeRuneInString(text[end:])
		switch {
		case next == zeroWidthJoiner:
			pending = true
		case next == 0xFE0F || next == 0xFE0E || skinTone(next) || next == 0x20E3:
		case next >= 0xE0020 && next <= 0xE007F: // tags: the flags of Scotland, Wales …
			f.add(next, joined, i, end)
		case pending && (next == '♀' || next == '♂'):
			pending = false
		case pending && pictograph(next):
			f.add(next, joined, i, end)
			pending = false
		default:
			n = 0
		}
		if n == 0 {
			break
		}
		end += n
	}
	for j := from; j < len(f.cells); j++ {
		f.cells[j].start, f.cells[j].end = int32(i), int32(end)
	}
	return end - i
}
