package subject

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words takes names and numbers of others out of texts.
type words struct {
	p *People
	// names by their first sign, the longest first. Names of whoever asked are
	// among them, with who < 0: they stay, also where another's is a part of it.
	names   map[rune][]term
	numbers map[string]int // the last digits, by who has the number
	own     map[string]bool
	shift   int // extras have no person: they are numbered behind them
}

type term struct {
	runes []rune
	who   int
	cased bool // as it is written: a part of a name may be a word as well
}

// rank puts whole names before parts of names, and one's own before others'.
func (t *term) rank() int {
	switch {
	case t.who < 0 && !t.cased:
		return 0
	case !t.cased:
		return 1
	case t.who < 0:
		return 2
	}
	return 3
}

// lastDigits are as many as tell one number from another, however it is written:
// with its country or without.
const lastDigits = 8

// shortest is how many letters and digits a name needs to be looked for in texts.
const shortest = 2

func (p *People) learn() *words {
	w := &words{p: p, names: map[rune][]term{}, numbers: map[string]int{}, own: map[string]bool{}}
	for i := range p.seen {
		if p.root(i) == i && p.them[i] {
			w.person(-1, p.seen[i].Names, p.seen[i].Addresses)
		}
	}
	for i := range p.seen {
		if p.root(i) == i && !p.them[i] {
			w.person(i, p.seen[i].Names, p.seen[i].Addresses)
		}
	}
	w.shift = len(p.seen)
	for i, s := range p.extra {
		if a := digits(s); len(a) >= 6 && len(a) >= len([]rune(s))/3 {
			w.numberOf(w.shift+i, s)
		} else {
			w.person(w.shift+i, []string{s}, nil)
		}
	}
	for _, ts := range w.names {
		slices.SortStableFunc(ts, func(a, b term) int {
			if d := len(b.runes) - len(a.runes); d != 0 {
				return d
			}
			return a.rank() - b.rank()
		})
	}
	return w
}

func (w *words) person(who int, names, addresses []string) {
	for _, n := range names {
		if d := digits(n); len(d) >= 6 && len(d) >= len([]rune(n))/3 {
			w.numberOf(who, n) // a name that is a number
			continue
		}
		w.term(who, n, false)
		w.term(who, strings.Join(strings.Fields(n), ""), false) // as files and handles have it
		if parts := strings.Fields(n); len(parts) > 1 {
			for _, part := range parts {
				w.term(who, part, true)
			}
		}
	}
	for _, a := range addresses {
		w.numberOf(who, a)
	}
}

func (w *words) term(who int, name string, cased bool) {
	name = strings.TrimFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	t := term{who: who, cased: cased}
	solid := 0
	for _, r := range signs(name) {
		if !cased {
			r.r = unicode.ToLower(r.r)
		}
		t.runes = append(t.runes, r.r)
		if unicode.IsLetter(r.r) || unicode.IsDigit(r.r) {
			solid++
		}
	}
	if solid < shortest {
		return
	}
	first := unicode.ToLower(t.runes[0])
	if slices.ContainsFunc(w.names[first], func(o term) bool { return o.cased == cased && slices.Equal(o.runes, t.runes) }) {
		return // whoever had it first
	}
	w.names[first] = append(w.names[first], t)
}

func (w *words) numberOf(who int, s string) {
	user, _, _ := strings.Cut(s, "@")
	d := tail(digits(user))
	if len(d) < 6 {
		if strings.TrimSpace(user) != "" && d == "" {
			w.term(who, user, false)
		}
		return
	}
	if who < 0 {
		w.own[d] = true
	} else if _, ok := w.numbers[d]; !ok && !w.own[d] {
		w.numbers[d] = who
	}
}

func tail(d string) string { return d[max(0, len(d)-lastDigits):] }

// call is what a name or number that was found becomes.
func (w *words) call(who int) string {
	if who >= w.shift {
		// An extra may be a person of the messages under another name: it does not
		// matter, as nobody is told apart by it.
		who = -2 - (who - w.shift)
	}
	return w.p.name(who)
}

// sign is one sign of a text as it is compared, and where it stands.
type sign struct {
	r      rune
	at, to int
}

// signs are what a text is compared by: without signs that are not shown, with
// every white space as one, and underscores as white space.
func signs(s string) (out []sign) {
	for at, r := range s {
		to := at + len(string(r))
		switch {
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r):
			continue
		case unicode.IsSpace(r) || r == '_':
			if n := len(out); n > 0 && out[n-1].r == ' ' {
				out[n-1].to = to
				continue
			}
			r = ' '
		}
		out = append(out, sign{r, at, to})
	}
	return out
}

func fold(s string) string {
	var b strings.Builder
	for _, r := range signs(norm.NFC.String(s)) {
		b.WriteRune(unicode.ToLower(r.r))
	}
	return b.String()
}

// text takes others out of a text.
func (w *words) text(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	return w.withoutNames(w.withoutNumbers(s))
}

func (w *words) withoutNames(s string) string {
	all := signs(s)
	var b strings.Builder
	done := 0
	for i := 0; i < len(all); i++ {
		t := w.match(all, i)
		if t == nil {
			continue
		}
		last := i + len(t.runes) - 1
		if t.who >= 0 {
			b.WriteString(s[done:all[i].at])
			b.WriteString(w.call(t.who))
			done = all[last].to
		}
		i = last
	}
	b.WriteString(s[done:])
	return b.String()
}

// match finds the longest name that stands at a place.
func (w *words) match(all []sign, i int) *term {
	ts := w.names[unicode.ToLower(all[i].r)]
	for k := range ts {
		t := &ts[k]
		if i+len(t.runes) > len(all) || !t.stands(all[i:]) {
			continue
		}
		if i > 0 && joined(all[i-1].r, all[i].r) {
			continue
		}
		if end := i + len(t.runes); end < len(all) && joined(all[end-1].r, all[end].r) {
			continue
		}
		return t
	}
	return nil
}

func (t *term) stands(all []sign) bool {
	for j, r := range t.runes {
		got := all[j].r
		if !t.cased {
			got = unicode.ToLower(got)
		}
		if got != r {
			return false
		}
	}
	return true
}

// joined reports whether two signs are of one word. Scripts without capitals
// write words, particles and endings together: there a name is one wherever it
// stands.
func joined(a, b rune) bool {
	word := func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsDigit(r) }
	return word(a) && word(b) || unicode.IsMark(b) && !unicode.IsSpace(a)
}

// between are what stands between the digits of a number.
const between = " \u00a0\u202f().-–/+"

// withoutNumbers replaces every run of digits that holds another's number.
func (w *words) withoutNumbers(s string) string {
	if len(w.numbers) == 0 {
		return s
	}
	var b strings.Builder
	done, at := 0, -1 // of the run
	var run []byte
	end := 0
	flush := func() {
		if who, ok := w.numberIn(string(run)); ok && at >= 0 {
			b.WriteString(s[done:at])
			b.WriteString(w.call(who))
			done = end
		}
		run, at = run[:0], -1
	}
	for i, r := range s {
		d, ok := digit(r)
		switch {
		case ok:
			if at < 0 {
				at = i
				if i > 0 && s[i-1] == '+' {
					at--
				}
			}
			run = append(run, d)
			end = i + len(string(r))
		case at >= 0 && (strings.ContainsRune(between, r) || unicode.Is(unicode.Cf, r)):
		default:
			flush()
		}
	}
	flush()
	b.WriteString(s[done:])
	return b.String()
}

// numberIn finds another's number among digits.
func (w *words) numberIn(run string) (who int, ok bool) {
	for n := lastDigits; n >= 6; n-- {
		for i := 0; i+n <= len(run); i++ {
			if who, ok := w.numbers[run[i:i+n]]; ok {
				return who, true
			}
		}
	}
	return 0, false
}

// digits are the digits of a text, as ASCII, of any script.
func digits(s string) string {
	var b strings.Builder
	for _, r := range s {
		if d, ok := digit(r); ok {
			b.WriteByte(d)
		}
	}
	return b.String()
}

// digit reads a decimal digit of any script: they stand in tens.
func digit(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r), true
	case r < 0x80 || !unicode.Is(unicode.Nd, r):
		return 0, false
	}
	if r >= 0x1D7CE && r <= 0x1D7FF { // several styles of mathematics, side by side
		return byte('0' + (r-0x1D7CE)%10), true
	}
	zero := r
	for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
		zero--
	}
	return byte('0' + (r-zero)%10), true
}
