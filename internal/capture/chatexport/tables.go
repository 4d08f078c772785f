package chatexport

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"
)

// The strings that WhatsApp itself writes into exports, one a line: language,
// what it is, and the string, with {f} for a file name, {a} for a person, {g}
// for a group and {chat} for a chat. Add a language by adding its lines.
//
//go:embed strings.tsv
var stringTable string

// affix is a string with one hole: what stands before it and after it.
type affix struct{ before, after string }

// template is a notice with holes.
type template struct {
	event string
	parts []string // literal text around the holes
	holes []byte   // 'a', 'b', 'g', 'o'
	words int      // bytes of literal text
}

// filled is what stands in a template's holes.
type filled struct{ actor, person, group string }

// tables is the string table in the form in which it is looked up.
type tables struct {
	attached  []affix           // holes are file names
	filenames []affix           // holes are chat names
	omitted   map[string]string // placeholder → kind of media
	says      map[string]says
	sayings   firsts
	edited    map[string]bool
	location  map[string]bool // lower case
	encrypted []string        // first words, plain
	notices   []template
}

var loadTables = sync.OnceValue(func() *tables {
	t := &tables{
		omitted: map[string]string{}, says: map[string]says{"null": sayNothing}, edited: map[string]bool{}, location: map[string]bool{},
	}
	for line := range strings.Lines(stringTable) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) == 3 && !strings.HasPrefix(line, "#") {
			t.add(f[1], f[2])
		}
	}
	for s := range t.says {
		t.sayings.add(s)
	}
	return t
})

// firsts are the first bytes of some sentences: most bodies begin otherwise, and
// need not be looked up.
type firsts [utf8.RuneSelf]bool

func (f *firsts) add(s string) {
	if s[0] < utf8.RuneSelf {
		f[s[0]] = true
	}
}

// has reports whether s may be one of the sentences. What begins with a blank, a
// mark or another script may always be.
func (f *firsts) has(s string) bool {
	return s == "" || s[0] <= ' ' || s[0] >= utf8.RuneSelf || f[s[0]]
}

func (t *tables) add(what, s string) {
	kind, arg, _ := strings.Cut(what, ".")
	switch kind {
	case "attached":
		before, after, _ := strings.Cut(s, "{f}")
		t.attached = append(t.attached, affix{before, after})
	case "filename":
		before, after, _ := strings.Cut(s, "{chat}")
		t.filenames = append(t.filenames, affix{before, after})
	case "omitted":
		t.omitted[plain(s)] = arg
	case "revoked":
		t.says[plain(s)] = sayRevoked
	case "edited":
		t.edited[plain(strings.Trim(s, "<>"))] = true
	case "location":
		t.location[strings.ToLower(strings.TrimSpace(s))] = true
	case "live":
		t.says[plain(s)] = sayLive
	case "call":
		if t.says[plain(s)] = sayVoice; arg == "video" {
			t.says[plain(s)] = sayVideo
		}
	case "waiting":
		t.says[plain(s)] = sayWaiting
	case "viewonce":
		t.says[plain(s)] = sayViewOnce
	case "encrypted":
		t.encrypted = append(t.encrypted, plain(s))
	case "notice":
		t.notices = append(t.notices, parseTemplate(arg, plain(s)))
	}
}

// says is what a sentence means that WhatsApp writes in an author's name.
type says uint8

const (
	sayText says = iota
	sayRevoked
	sayLive
	sayWaiting
	sayViewOnce
	sayVoice
	sayVideo
	sayNothing
)

func (s says) call() bool { return s == sayVoice || s == sayVideo }

// sentence looks a body up. Nearly every body is text, so it is compared as it
// is first, and made plain only where something in it would be changed.
func (t *tables) sentence(body string, has trait) says {
	if !t.sayings.has(body) {
		return sayText
	}
	if s, ok := t.says[trimStop(body)]; ok {
		return s
	}
	if has&(hasMark|hasOdd) == 0 && !strings.HasSuffix(body, " ") && !strings.Contains(body, "  ") {
		return sayText
	}
	return t.says[plain(body)]
}

// stops end sentences.
const stops = ".।。۔"

// trimStop is strings.TrimRight of stops: few bodies end in what could be one.
func trimStop(s string) string {
	if n := len(s); n > 0 && (s[n-1] == '.' || s[n-1] >= utf8.RuneSelf) {
		return strings.TrimRight(s, stops)
	}
	return s
}

// plain is a string as the tables compare it: without marks and outer blanks,
// without the stop at its end, every blank a space, one at a time.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case isMark(r):
			return -1
		case isBlank(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if in, ok := strings.CutPrefix(s, "<"); ok && strings.HasSuffix(in, ">") {
		return "<" + strings.TrimRight(strings.Trim(in[:len(in)-1], " "), ".।。") + ">"
	}
	return strings.TrimRight(s, stops)
}

func parseTemplate(event, s string) template {
	t := template{event: event}
	for {
		open := strings.IndexByte(s, '{')
		if open < 0 || open+2 >= len(s) || s[open+2] != '}' {
			t.parts = append(t.parts, s)
			t.words += len(s)
			return t
		}
		t.parts = append(t.parts, s[:open])
		t.words += open
		t.holes = append(t.holes, s[open+1])
		s = s[open+3:]
	}
}

// match fills a template's holes from s.
func (t *template) match(s string) (got filled, ok bool) {
	last := len(t.holes)
	if last == 0 {
		return got, s == t.parts[0]
	}
	if len(s) <= t.words || !strings.HasPrefix(s, t.parts[0]) || !strings.HasSuffix(s, t.parts[last]) {
		return got, false
	}
	s = s[len(t.parts[0]):]
	for i, hole := range t.holes {
		var value string
		lit := t.parts[i+1]
		if i == last-1 {
			value, ok = strings.CutSuffix(s, lit)
		} else {
			value, s, ok = strings.Cut(s, lit)
		}
		if !ok || value == "" || len(value) > 300 {
			return got, false
		}
		switch hole {
		case 'a':
			got.actor = value
		case 'b':
			got.person = value
		case 'g':
			got.group = value
		}
	}
	return got, true
}
