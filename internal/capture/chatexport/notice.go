package chatexport

import (
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// maxNotice is more bytes than any notice has.
const maxNotice = 4 << 10

// notice says what a notice's sentence means. One that is not known keeps its
// text and is NoticeOther.
func notice(body string, author string) *chat.System {
	s, _ := readNotice(body, author)
	return s
}

// readNotice is notice, and whether the sentence is in the tables.
func readNotice(body, author string) (s *chat.System, known bool) {
	if len(body) > maxNotice {
		return &chat.System{Event: chat.NoticeOther}, false
	}
	t := loadTables()
	p := plain(body)
	for _, e := range t.encrypted {
		if strings.HasPrefix(p, e) {
			return &chat.System{Event: chat.NoticeEncrypted}, true
		}
	}
	if len(p) > 600 {
		return &chat.System{Event: chat.NoticeOther}, false
	}
	// The sentence with the most words of its own is the one that was meant:
	// "{a} added {b}" also fits much else.
	var best *template
	var holes filled
	for i := range t.notices {
		n := &t.notices[i]
		if best != nil && n.words <= best.words {
			continue
		}
		if got, ok := n.match(p); ok {
			best, holes = n, got
		}
	}
	if best == nil {
		return &chat.System{Event: chat.NoticeOther}, false
	}
	return best.system(holes, author), true
}

func (t *template) system(got filled, author string) *chat.System {
	s := &chat.System{Event: t.event, Actor: got.actor, Value: got.group}
	if got.person != "" {
		s.Who = strings.Split(got.person, ", ")
	}
	switch t.event {
	case chat.NoticeMemberLeft, chat.NoticeMemberJoined, chat.NoticeNumber:
		if s.Actor != "" {
			s.Who = append(s.Who, s.Actor)
		}
	case chat.NoticeSecurityCode:
		s.Who, s.Actor = append(s.Who, s.Actor), ""
	}
	if s.Actor == "" && author != "" && s.Event != chat.NoticeSecurityCode && s.Event != chat.NoticeEncrypted {
		s.Actor = author
	}
	return s
}

// knownNotice reports whether a sentence is in the tables.
func knownNotice(body string) bool {
	_, known := readNotice(body, "")
	return known
}

// noticeNaming reads a line with a colon in it as a notice, and returns the
// people in it whose names hold one. leads is set where the first of them
// stands at the start of the line, as an author does: such a line may be a
// notice about "ACME: Support", and it may be what ACME wrote.
func noticeNaming(line string) (names []string, leads, ok bool) {
	s, ok := readNotice(line, "")
	if !ok {
		return nil, false, false
	}
	for _, n := range append(s.Who, s.Actor) {
		if strings.Count(n, ": ") > 1 { // an author before the notice
			return nil, false, false
		}
		if strings.Contains(n, ": ") && !slices.Contains(names, n) {
			names = append(names, n)
			leads = leads || strings.HasPrefix(plain(line), n)
		}
	}
	return names, leads, true
}

// partOfName reports whether what stands between two colons can belong to a
// name: it is neither WhatsApp's own marker nor an open quotation.
func partOfName(s string) bool {
	return !strings.Contains(s, "<") && !unbalanced(s) && !loadTables().location[strings.ToLower(strings.TrimSpace(s))]
}
