package analyze

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	zeroWidthSpace  = 0x200B
	zeroWidthJoiner = 0x200D
)

var (
	asciiFold  [128]rune
	asciiClass [128]class
)

func init() {
	for b := range rune(128) {
		asciiFold[b] = unicode.ToLower(b)
		switch {
		case b >= '0' && b <= '9':
			asciiClass[b] = digit
		case unicode.IsLetter(b):
			asciiClass[b] = letter
		}
	}
}

// markless lists the scripts whose marks are accents or optional vowels: the
// same word is often written without them.
var markless = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew,
	unicode.Armenian, unicode.Georgian, unicode.Coptic, unicode.Syriac,
}

// alike maps lower-case letters without marks to what people type for them.
var alike = map[rune]string{
	'ß': "ss", 'ł': "l", 'đ': "d", 'ð': "d", 'ø': "o", 'æ': "ae", 'œ': "oe", 'þ': "th",
	'ı': "i", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ĸ': "k", 'ſ': "s", 'ƒ': "f", 'ƀ': "b", 'ɓ': "b",
	'ɖ': "d", 'ɗ': "d", 'ǥ': "g", 'ɨ': "i", 'ɫ': "l", 'ƙ': "k", 'ƴ': "y", 'ƶ': "z", 'ȼ': "c",
	'ɉ': "j", 'ɍ': "r", 'ɏ': "y", 'ƥ': "p", 'ʉ': "u", 'ǝ': "ə", 'ⱥ': "a", 'ꝑ': "p",
	'ʻ': "", 'ʼ': "", 'ʹ': "",
	'ς': "σ", 'ґ': "г", 'ғ': "г", 'қ': "к", 'ң': "н", 'ү': "у", 'ұ': "у", 'һ': "х", 'ө': "о",
	// Arabic: letter forms that keyboards of different countries send.
	'ى': "ي", 'ی': "ي", 'ې': "ي", 'ے': "ي", 'ک': "ك", 'ڪ': "ك", 'ة': "ه", 'ۃ': "ه", 'ہ': "ه",
	'ھ': "ه", 'ە': "ه", 'ٱ': "ا", 'ـ': "",
	// Hebrew: the forms at the end of a word.
	'ך': "כ", 'ם': "מ", 'ן': "נ", 'ף': "פ", 'ץ': "צ",
}

// alikeMark maps vowel signs that are written for one another.
var alikeMark = map[rune]rune{
	0x0901: 0x0902, 0x0981: 0x0982, 0x0A01: 0x0A02, 0x0A81: 0x0A82, // candrabindu, anusvara
}

// Places in the blocks of Indic scripts, which are alike.
const (
	anusvara = 0x02
	virama   = 0x4D
)

// nasal reports the consonants of Devanagari, Bengali and Gujarati that are
// written as a dot, too, where another consonant follows.
func nasal(r rune) bool {
	switch r &^ 0x7F {
	case 0x0900, 0x0980, 0x0A80:
		switch r & 0x7F {
		case 0x19, 0x1E, 0x23, 0x28, 0x2E:
			return true
		}
	}
	return false
}

// droppedMark reports marks that many leave out when they type: the nukta.
func droppedMark(r rune) bool {
	switch r {
	case 0x093C, 0x09BC, 0x0A3C, 0x0ABC, 0x0B3C, 0x0CBC:
		return true
	}
	return false
}

// ignorable reports characters that show nothing: joiners, direction marks,
// soft hyphens, variation selectors.
func ignorable(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5
}

// gramsOf returns the class of the grams of r's script; sep: it has none.
func gramsOf(r rune) class {
	switch {
	case r < 0x0E00:
		return sep
	case r < 0x0F00: // Thai and Lao, all of both
		return triple
	case r == 0x3005 || r == 0x3006 || r == 0x3007 || r == 0x303B || r >= 0x3099 && r <= 0x309E || r >= 0x30FC && r <= 0x30FE:
		return pair // signs that Unicode counts to no one script
	case unicode.In(r, pairScripts...):
		return pair
	case unicode.In(r, tripleScripts...):
		return triple
	}
	return sep
}

var (
	pairScripts = []*unicode.RangeTable{
		unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi,
	}
	tripleScripts = []*unicode.RangeTable{
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Javanese, unicode.Balinese,
		unicode.Tai_Tham, unicode.New_Tai_Lue, unicode.Tai_Le, unicode.Tai_Viet, unicode.Cham,
	}
)

// digitValue returns the value of a decimal digit of any script. Unicode keeps
// each script's ten digits in one row from zero.
func digitValue(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if lo := rune(t.Lo); r >= lo && r <= rune(t.Hi) {
			return (r - lo) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo := rune(t.Lo); r >= lo && r <= rune(t.Hi) {
			return (r - lo) % 10
		}
	}
	return 0
}

func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
func skinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// pictograph reports characters that start an emoji or another sign that
// people write as one. Skin tones alone are none.
func pictograph(r rune) bool {
	switch {
	case r < 0x2190 || skinTone(r):
		return false
	case r >= 0x1F000 && r <= 0x1FAFF:
		return !unicode.IsLetter(r) && !enclosed(r)
	case r >= 0x2190 && r <= 0x21FF || r >= 0x2300 && r <= 0x23FF || r >= 0x2600 && r <= 0x27BF || r >= 0x2B00 && r <= 0x2BFF:
		return unicode.Is(unicode.So, r) || unicode.Is(unicode.Sm, r)
	case r >= 0x25A0 && r <= 0x25FF:
		return true
	case r == 0x3030 || r == 0x303D:
		return true
	}
	return false
}

// enclosed reports the letters and ideographs in boxes that NFKC opens.
func enclosed(r rune) bool { return r >= 0x1F100 && r <= 0x1F1E5 || r >= 0x1F200 && r <= 0x1F2FF }

// tableEnd bounds the characters that are looked up once and then known:
// those of the alphabets, and the punctuation of all.
const tableEnd = 0x2100

// known is what is known of a character.
type known struct {
	first bool // nothing before it joins with it
	alone bool // what it folds to depends on nothing around it
	cells []cell
}

// knowns folds every character below tableEnd by itself, once.
var knowns = sync.OnceValue(func() *[tableEnd]known {
	var t [tableEnd]known
	for r := range rune(tableEnd) {
		s := string(r)
		t[r].first = norm.NFKC.PropertiesString(s).BoundaryBefore()
		if r < utf8.RuneSelf || unicode.In(r, unicode.M, unicode.Cf) {
			continue // these depend on what stands before them
		}
		var f folder
		f.fold(s)
		t[r].cells = f.cells
		t[r].alone = true
		for _, c := range norm.NFKC.String(s) {
			t[r].alone = t[r].alone && !unicode.In(c, unicode.M, unicode.Cf)
		}
	}
	return &t
})
