package chatexport

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// authorSurvey counts how an author's bodies begin.
type authorSurvey struct {
	n     int64
	plain int64 // without a mark, or a mark and media: a person
	same  int64 // with the same stamp as the record before
	// about are notices about a name that begins with this one; whole are those
	// in which the first colon stands elsewhere. other: some record is neither.
	about map[string]int64
	whole int64
	other bool
}

// author counts the names that a record may be by.
func (ls *layoutSurvey) author(rest []byte, same bool) {
	rest = bytes.TrimRight(rest, "\r\n")
	name, body, ok := cutAuthor(rest)
	if ls.unsigned = !ok; !ok {
		ls.named(string(rest))
		return
	}
	if ls.authors == nil {
		ls.authors, ls.doubles, ls.about = map[string]*authorSurvey{}, map[string]int{}, map[string]int{}
	}
	a := ls.authors[string(name)]
	if a == nil {
		if len(ls.authors) >= maxAuthors || len(name) > maxName {
			ls.capped = ls.capped || len(name) <= maxName
			return
		}
		a = &authorSurvey{}
		ls.authors[string(name)] = a
	}
	a.n++
	if same {
		a.same++
	}
	if ls.person(body) {
		a.plain++
	}
	// "ACME: Support: hello" may be by ACME: Support.
	for i := range 2 {
		more, next, ok := cutAuthor(body)
		if !ok || next == nil || len(more) > 40 || startsMarked(string(body)) || !partOfName(string(more)) {
			a.other = a.other || i == 0 && !ls.notice(a, rest)
			return
		}
		long := string(rest[:len(rest)-len(next)-2])
		// "ACME: Support added ACME: Support" is a notice about the long name.
		if i == 0 && ls.doubles[long] < 2 && ls.notice(a, rest) {
			return
		}
		if n, ok := ls.doubles[long]; ok {
			ls.doubles[long] = n + 1
		} else if len(ls.doubles) < maxDoubles {
			ls.doubles[long] = 1
		}
		body = next
	}
}

// notice notes a record of what may be an author and is a notice. Most authors
// are people, and their first record tells.
func (ls *layoutSurvey) notice(a *authorSurvey, rest []byte) bool {
	if a.other {
		return false
	}
	names, leads, ok := noticeNaming(string(rest))
	if !ok {
		return false
	}
	if !leads {
		a.whole++
	}
	for _, n := range names {
		if len(ls.about) < maxDoubles {
			ls.about[n]++
		}
		if a.about == nil {
			a.about = map[string]int64{}
		}
		a.about[n]++
	}
	return true
}

// person reports whether a body is a person's: not one that begins with the
// mark of WhatsApp's own sentences, unless it is media or the like.
func (ls *layoutSurvey) person(body []byte) bool {
	if !startsOwn(body) || len(body) > maxNotice {
		return true
	}
	c := classify(string(body), true)
	if c.kind != chat.Text {
		ls.marked = true
		return true
	}
	ls.named(string(body))
	return false
}

// cutAuthor cuts "author: body", "author:" and "author:.".
func cutAuthor(rest []byte) (name, body []byte, ok bool) {
	i := bytes.Index(rest, []byte(": "))
	switch {
	case i > 0:
		return rest[:i], rest[i+2:], true
	case len(rest) > 1 && rest[len(rest)-1] == ':':
		return rest[:len(rest)-1], nil, true
	case len(rest) > 2 && bytes.HasSuffix(rest, []byte(":.")):
		return rest[:len(rest)-2], nil, true
	}
	return nil, nil, false
}

// named takes the group's name and kind from a notice.
func (ls *layoutSurvey) named(body string) {
	if len(body) > 600 || ls.group != "" && ls.isGroup && ls.encrypted {
		return
	}
	switch n := notice(body, ""); n.Event {
	case chat.NoticeEncrypted:
		ls.encrypted = true
	case chat.NoticeGroupCreated:
		ls.isGroup = true
		if ls.group == "" {
			ls.group = n.Value
		}
	case chat.NoticeMemberAdded, chat.NoticeMemberLeft, chat.NoticeMemberRemoved, chat.NoticeMemberJoined, chat.NoticeSubject, chat.NoticeAdmin:
		ls.isGroup = true
	}
}

// people tells the authors from what only looks like one.
func (ls *layoutSurvey) people(ios bool) (authors, slots []string) {
	long, _ := ls.longNames()
	for name, a := range ls.authors {
		full, covered := long[name]
		if covered {
			name = full
		} else if ls.notAName(name, a) {
			continue
		}
		name = valid(name)
		if ios && a.plain == 0 {
			slots = append(slots, name)
		} else {
			authors = append(authors, name)
		}
	}
	slices.Sort(authors)
	slices.Sort(slots)
	return slices.Compact(authors), slices.Compact(slots)
}

// longNames finds names that hold ": " themselves, by the short name: every
// record that begins with it goes on with the same words, or is a notice about
// them. once are short names of which there is one such record: another file
// may tell.
func (ls *layoutSurvey) longNames() (long map[string]string, once []string) {
	long = map[string]string{}
	for name, n := range ls.doubles {
		short, _, _ := strings.Cut(name, ": ")
		a := ls.authors[short]
		if a == nil || a.other || a.n != int64(n)+a.about[plain(name)] {
			continue
		}
		if n < 2 {
			once = append(once, valid(short))
		} else if len(name) > len(long[short]) {
			long[short] = name
		}
	}
	return long, once
}

// notAName reports whether what stands before the first colon is a notice that
// holds a colon: it quotes something, or says something of a known author.
func (ls *layoutSurvey) notAName(name string, a *authorSurvey) bool {
	if unbalanced(name) {
		return true
	}
	if a.whole == a.n {
		return true
	}
	// "X: Y left" may be what X wrote. That X: Y is somebody must be told twice.
	for n, about := range a.about {
		if about == a.n && ls.about[n] > 1 {
			return true
		}
	}
	if a.n > 2 {
		return false
	}
	if utf8.RuneCountInString(name) > 100 {
		return true
	}
	if strings.Count(name, " ") < 3 {
		return false
	}
	for other, b := range ls.authors {
		rest, ok := strings.CutPrefix(name, other+" ")
		if ok && b.n >= a.n && len(strings.Fields(rest)) >= 3 {
			return true
		}
	}
	return false
}

// unbalanced reports whether a quotation begins in s and does not end: what
// follows the colon is still part of it.
func unbalanced(s string) bool {
	for _, q := range []string{"“”", "„“", "«»", "「」", "『』", "‘’"} {
		open, n := utf8.DecodeRuneInString(q)
		end, _ := utf8.DecodeRuneInString(q[n:])
		if i := strings.LastIndexFunc(s, func(r rune) bool { return r == open }); i >= 0 && !strings.ContainsRune(s[i+utf8.RuneLen(open):], end) {
			return open != '‘'
		}
	}
	return strings.Count(s, `"`)%2 == 1
}
