package web

import (
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// run is a stretch of a text: plain, or a link.
type run struct {
	Pieces []piece
	Link   *link // nil: plain text
}

// Marked reports whether a search found something in the run.
func (r run) Marked() bool {
	for _, p := range r.Pieces {
		if p.Mark {
			return true
		}
	}
	return false
}

// piece is a stretch of a run, found by a search or not.
type piece struct {
	Text string
	Mark bool
}

// link is an address that a text holds. It is shown in full, with its host
// apart, since the host is what a reader must judge.
type link struct {
	Href   string
	Before string // "https://"
	Host   string
	After  string
	Warn   string // a sentence, where the address hides where it leads
}

// address finds what may be a link. The address ends at white space, at quotes
// and brackets, and at controls, so that a direction override cannot stand in
// one.
var address = regexp.MustCompile(`(?i)\bhttps?://[^\s"<>\x60{}|\\^\p{C}]+`)

// links returns the byte ranges of the addresses in s.
func links(s string) [][]int {
	all := address.FindAllStringIndex(s, -1)
	for i, l := range all {
		all[i][1] = l[0] + len(trimAddress(s[l[0]:l[1]]))
	}
	return all
}

// trimAddress takes off what ends the sentence and not the address: dots,
// commas, and a closing bracket that was not opened in it.
func trimAddress(a string) string {
	for a != "" {
		r, n := utf8.DecodeLastRuneInString(a)
		switch {
		case strings.ContainsRune(`.,:;!?'*_~…”’»`, r):
		case r == ')' && strings.Count(a, "(") < strings.Count(a, ")"):
		case r == ']' && strings.Count(a, "[") < strings.Count(a, "]"):
		default:
			return a
		}
		a = a[:len(a)-n]
	}
	return a
}

// runs cuts a text into plain stretches and links, with marks (byte ranges of
// text) where a search found it.
func runs(text string, marks [][2]int) []run {
	marks = sane(marks, len(text))
	var out []run
	at := 0
	for _, l := range links(text) {
		k := newLink(text[l[0]:l[1]])
		if k == nil {
			continue
		}
		if at < l[0] {
			out = append(out, run{Pieces: pieces(text, at, l[0], marks)})
		}
		out = append(out, run{Pieces: pieces(text, l[0], l[1], marks), Link: k})
		at = l[1]
	}
	if at < len(text) {
		out = append(out, run{Pieces: pieces(text, at, len(text), marks)})
	}
	return out
}

// sane returns the marks that lie in a text of n bytes, in order and apart.
// The index is trusted to be right, not to be free of mistakes: a bad mark
// must cost a highlight, not the page.
func sane(marks [][2]int, n int) [][2]int {
	sorted := append([][2]int(nil), marks...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i][0] < sorted[j][0] })
	var out [][2]int
	end := 0
	for _, m := range sorted {
		m[0], m[1] = max(m[0], end), min(m[1], n)
		if m[0] < m[1] {
			out = append(out, m)
			end = m[1]
		}
	}
	return out
}

// pieces cuts text[from:to] at the marks.
func pieces(text string, from, to int, marks [][2]int) []piece {
	var out []piece
	add := func(a, b int, mark bool) {
		if a < b {
			out = append(out, piece{Text: clean(text[a:b]), Mark: mark})
		}
	}
	for _, m := range marks {
		a, b := max(m[0], from), min(m[1], to)
		if a >= b {
			continue
		}
		add(from, a, false)
		add(a, b, true)
		from = b
	}
	add(from, to, false)
	return out
}

// clean makes a text fit for a page without changing what can be read of it:
// bytes that are no UTF-8 become U+FFFD, and control characters their visible
// pictures. Direction marks stay, closed; the page isolates them.
func clean(s string) string {
	return closed(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == 0x2028 || r == 0x2029: // they end the page's isolation too
			return '\n'
		case r == '\r':
			return -1
		case r < 0x20:
			return 0x2400 + r
		case r == 0x7f:
			return 0x2421
		case r >= 0x80 && r < 0xa0:
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// closed closes the isolates that a text opens, line by line, and takes out
// what closes one that it did not open. To a browser, <bdi> is such a pair of
// characters around a text: a text with the half of one ends it too early, or
// takes its end for its own, and then writes on into what stands beside it.
func closed(s string) string {
	const end = "\u2069"
	if !strings.ContainsAny(s, "\u2066\u2067\u2068"+end) {
		return s
	}
	var b strings.Builder
	open := 0
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(strings.Repeat(end, open))
			open = 0
		case r >= 0x2066 && r <= 0x2068:
			open++
		case r == 0x2069 && open == 0:
			continue
		case r == 0x2069:
			open--
		}
		b.WriteRune(r)
	}
	return b.String() + strings.Repeat(end, open)
}

// plain is clean for a place that cannot isolate direction: a title, an
// attribute, a file's name. Overrides are made visible there, so that
// "gpj.exe" cannot be written as a picture.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return utf8.RuneError
		}
		return r
	}, clean(s))
}

// newLink reads an address. Nil: it is none that a browser may follow.
func newLink(a string) *link {
	u, err := url.Parse(a)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil
	}
	before, rest, ok := strings.Cut(a, "://")
	if !ok {
		return nil
	}
	authority, after := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, after = rest[:i], rest[i:]
	}
	l := &link{Href: a, Before: before + "://", Host: authority, After: after}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		l.Before, l.Host = l.Before+authority[:i+1], authority[i+1:]
	}
	l.Warn = warning(u)
	return l
}

// warning says, in a sentence, how an address may deceive about where it leads.
func warning(u *url.URL) string {
	host := u.Hostname()
	switch {
	case u.User != nil:
		return "This link leads to " + plain(host) + ", not to what stands before the @."
	case numeric(host):
		return "This link leads to a number and not to a name."
	case strings.Contains(strings.ToLower("."+host), ".xn--"):
		return "This address stands in code for letters that may look like others."
	case mixed(host):
		return "This address mixes alphabets: some of its letters may only look like those that you know."
	case !ascii(host):
		return "This address has letters that may look like others."
	}
	return ""
}

// numeric reports whether a host is an address, in any of the spellings that
// browsers take for one: 1.2.3.4, 0x7f000001, 2130706433.
func numeric(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && strings.Trim(last, "0123456789") == "" ||
		strings.HasPrefix(strings.ToLower(last), "0x")
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// mixed reports whether one label of a host has letters of more than one
// script. Japanese and Korean, which mix by nature, do not count.
func mixed(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		seen := ""
		for _, r := range label {
			sc := script(r)
			if sc == "" {
				continue
			}
			if seen != "" && seen != sc {
				return true
			}
			seen = sc
		}
	}
	return false
}

func script(r rune) string {
	if !unicode.IsLetter(r) {
		return ""
	}
	for _, s := range []struct {
		name  string
		table *unicode.RangeTable
	}{
		{"Latin", unicode.Latin},
		{"Cyrillic", unicode.Cyrillic},
		{"Greek", unicode.Greek},
		{"Armenian", unicode.Armenian},
		{"Hebrew", unicode.Hebrew},
		{"Arabic", unicode.Arabic},
		{"CJK", unicode.Han},
		{"CJK", unicode.Hiragana},
		{"CJK", unicode.Katakana},
		{"CJK", unicode.Hangul},
	} {
		if unicode.Is(s.table, r) {
			return s.name
		}
	}
	return "other"
}
