package analyze

import "strings"

const (
	// gram4 is the length of the grams of numbers: people remember the last
	// four digits.
	gram4 = 4
	// maxNumber bounds a joined number: an IBAN has 34 characters. A longer
	// row of digits goes on in the next number.
	maxNumber = 40
)

// number is a row of digits, and of the letters of an IBAN, joined.
type number struct {
	cells  []cell // the digits and letters alone
	groups int
	whole  int // cells before the decimals of an amount; len(cells): no decimals
}

// numbers appends the grams of every number in cells.
func numbers(toks []Token, cells []cell) []Token {
	pos := len(toks)
	for i := 0; i < len(cells); {
		if !cells[i].class.inWord() {
			i++
			continue
		}
		n, next := numberAt(cells, i)
		i = next
		if !n.grammed() {
			continue
		}
		pos++
		for k := 0; k+gram4 <= len(n.cells); k++ {
			t := word(n.cells[k:k+gram4], pos)
			t.Kind = Digits
			toks = append(toks, t)
			pos++
		}
	}
	return toks
}

// grammed reports whether the number's words alone would not find it.
func (n number) grammed() bool {
	return len(n.cells) > gram4 || len(n.cells) == gram4 && n.groups > 1
}

// numberAt reads the number whose first group starts at cells[i], and returns
// where to go on. A word that is no number gives an empty one.
func numberAt(cells []cell, i int) (n number, next int) {
	end := wordEnd(cells, i)
	first := cells[i:end]
	switch digits := countDigits(first); {
	case digits == 0:
		return number{}, end
	case ibanStart(first):
		if n, next = iban(cells, i, end); n.groups > 0 {
			return n, next
		}
		fallthrough
	case digits < len(first): // b2b, 5kg, eur5000, a hash
		if digits < gram4 {
			return number{}, end
		}
		return number{cells: first[:min(len(first), maxNumber)], groups: 2, whole: len(first)}, end
	}
	return plain(cells, i, end)
}

// plain joins groups of digits over what people write between them.
func plain(cells []cell, i, end int) (number, int) {
	if end-i > maxNumber {
		end = i + maxNumber
	}
	n := number{cells: append([]cell(nil), cells[i:end]...), groups: 1, whole: end - i}
	for {
		at := gap(cells, end)
		if at < 0 || at >= len(cells) || cells[at].class != digit {
			return n, end
		}
		stop := wordEnd(cells, at)
		group := cells[at:stop]
		trunk := len(group) == 1 && group[0].r == '0' && cells[at-1].r == '(' && stop < len(cells) && cells[stop].r == ')'
		if countDigits(group) < len(group) || len(group) < 2 && !trunk || len(n.cells)+len(group) > maxNumber {
			return n, end
		}
		if !trunk { // +49 (0)151: the zero is not dialled
			n.whole = len(n.cells)
			if between := cells[end].r; at-end > 1 || between != '.' && between != ',' && between != '٫' || len(group) != 2 {
				n.whole += len(group)
			}
			n.cells = append(n.cells, group...)
			n.groups++
		}
		end = stop
	}
}

// gap returns where the next group may start after what stands between two
// groups of one number, or -1. Two signs are taken only where one is a
// bracket or both are blanks round a dash: "1, 2" are two numbers.
func gap(cells []cell, at int) int {
	n, brackets, dashes, other := 0, 0, 0, 0
	for ; at+n < len(cells) && cells[at+n].class == sep; n++ {
		switch cells[at+n].r {
		case '(', ')':
			brackets++
		case '-', '‐', '–', '/':
			dashes++
		case ' ':
		case '.', ',', '\'', '’', '·', '٫', '٬', '_':
			other++
		default:
			return -1
		}
	}
	switch {
	case n == 0:
		return -1
	case n == 1, n == 2 && brackets > 0, n == 3 && brackets+dashes > 0 && other == 0:
		return at + n
	}
	return -1
}

func ibanStart(w []cell) bool {
	return len(w) >= gram4 && w[0].class == letter && w[1].class == letter &&
		w[0].r <= 'z' && w[1].r <= 'z' && w[2].class == digit && w[3].class == digit
}

// iban reads "DE89 3704 0044 …": blocks of four with the country's letters in
// front. Fewer than 15 characters are none.
func iban(cells []cell, i, end int) (number, int) {
	n := number{cells: append([]cell(nil), cells[i:end]...), groups: 1}
	if len(n.cells) > maxNumber {
		return number{}, end
	}
	for end+1 < len(cells) && len(n.cells)%4 == 0 && (cells[end].r == ' ' || cells[end].r == '-') && cells[end+1].class.inWord() {
		stop := wordEnd(cells, end+1)
		group := cells[end+1 : stop]
		if len(group) > 4 || len(n.cells)+len(group) > 34 || len(group) < 4 && countDigits(group) < len(group) || !asciiOnly(group) {
			break
		}
		n.cells = append(n.cells, group...)
		n.groups++
		end = stop
	}
	if len(n.cells) < 8 || countDigits(n.cells) < gram4 {
		return number{}, end
	}
	n.whole = len(n.cells)
	return n, end
}

func wordEnd(cells []cell, i int) int {
	for i < len(cells) && cells[i].class.inWord() {
		i++
	}
	return i
}

func countDigits(w []cell) int {
	n := 0
	for _, c := range w {
		if c.class == digit {
			n++
		}
	}
	return n
}

func asciiOnly(w []cell) bool {
	for _, c := range w {
		if c.r >= 128 {
			return false
		}
	}
	return true
}

// spellings returns the ways in which a text may have the one number that a
// query is; none where it is no number.
func spellings(cells []cell) []Phrase {
	i := 0
	for i < len(cells) && !cells[i].class.inWord() {
		if cells[i].class != sep {
			return nil
		}
		i++
	}
	if i == len(cells) {
		return nil
	}
	n, next := numberAt(cells, i)
	for _, c := range cells[next:] {
		if c.class != sep {
			return nil
		}
	}
	if len(n.cells) < gram4 {
		return nil
	}
	all := text(n.cells)
	out := spelling(nil, all)
	if n.whole < len(n.cells) && strings.Trim(all[n.whole:], "0") == "" {
		out = spelling(out, all[:n.whole])
	}
	if dialled := strings.TrimLeft(all, "0"); len(all) >= 9 && len(all)-len(dialled) > 0 && len(all)-len(dialled) <= 2 {
		out = spelling(out, dialled)
	}
	return out
}

// spelling appends the word and the grams of one row of digits.
func spelling(out []Phrase, s string) []Phrase {
	if len(s) < gram4 {
		return append(out, Phrase{Tokens: []string{s}})
	}
	out = append(out, Phrase{Tokens: []string{s}})
	p := Phrase{Digits: true}
	for k := 0; k+gram4 <= len(s); k++ {
		p.Tokens = append(p.Tokens, s[k:k+gram4])
	}
	return append(out, p)
}
