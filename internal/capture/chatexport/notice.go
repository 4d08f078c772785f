package chatexport

import (
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// notice says what a notice's sentence means. One that is not known keeps its
// text and is NoticeOther.
func notice(body string, author string) *chat.System {
	t := loadTables()
	p := plain(body)
	for _, e := range t.encrypted {
		if strings.HasPrefix(p, plain(e)) {
			return &chat.System{Event: chat.NoticeEncrypted}
		}
	}
	if len(p) > 600 {
		return &chat.System{Event: chat.NoticeOther}
	}
	best, bestLen := (*chat.System)(nil), -1
	for i := range t.notices {
		n := &t.notices[i]
		got, ok := n.match(p)
		if !ok {
			continue
		}
		// The sentence with the most words of its own is the one that was
		// meant: "{a} added {b}" also fits much else.
		if l := n.literal(); l > bestLen {
			best, bestLen = n.system(got, author), l
		}
	}
	if best == nil {
		return &chat.System{Event: chat.NoticeOther}
	}
	return best
}

func (t *template) literal() (n int) {
	for _, p := range t.parts {
		n += len(p)
	}
	return n
}

func (t *template) system(got map[string]string, author string) *chat.System {
	s := &chat.System{Event: t.event, Actor: got["a"], Value: got["g"]}
	if b := got["b"]; b != "" {
		for who := range strings.SplitSeq(b, ", ") {
			s.Who = append(s.Who, who)
		}
	}
	switch t.event {
	case chat.NoticeMemberLeft, chat.NoticeMemberJoined, chat.NoticeNumber:
		if s.Actor != "" {
			s.Who = append(s.Who, s.Actor)
		}
	case chat.NoticeSecurityCode:
		s.Who, s.Actor = append(s.Who, s.Actor), ""
	case chat.NoticeMemberAdded:
		// "You added {a}": the table's one person is the one who was added.
		if s.Actor != "" && len(s.Who) == 0 && t.parts[0] != "" {
			s.Who, s.Actor = []string{s.Actor}, ""
		}
	}
	if s.Actor == "" && author != "" && s.Event != chat.NoticeSecurityCode && s.Event != chat.NoticeEncrypted {
		s.Actor = author
	}
	return s
}

// knownNotice reports whether a sentence is in the tables.
func knownNotice(body string) bool {
	s := notice(body, "")
	return s.Event != chat.NoticeOther
}
