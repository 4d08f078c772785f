package govern

import (
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of notes, saved searches and the ends of chats.
const (
	ActNoteAdd      = "note.add"
	ActNoteWithdraw = "note.withdraw"
	ActSearchSave   = "search.save"
	ActSearchForget = "search.forget"
	ActChatClose    = "chat.close"
	ActChatReopen   = "chat.reopen"
)

// Note is what somebody wrote about something. It is never changed; one that is
// withdrawn stays in the log.
type Note struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	On        string    `json:"on"`
	Text      string    `json:"text"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
}

// NoteData is the data of ActNoteAdd: On is "message:12", "chat:ID",
// "matter:7", "custodian:j.doe" or "hold:3".
type NoteData struct {
	On   string `json:"on"`
	Text string `json:"text"`
}

// NoteRef is the data of ActNoteWithdraw.
type NoteRef struct {
	Note int64 `json:"note"`
}

// SavedSearch is a query that somebody keeps: their own, everybody's, or a
// matter's.
type SavedSearch struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Name   string    `json:"name"`
	Query  string    `json:"query"`
	Shared bool      `json:"shared,omitempty"`
	Matter int64     `json:"matter,omitempty"`
}

// SearchData is the data of ActSearchSave.
type SearchData struct {
	Name   string `json:"name"`
	Query  string `json:"query"`
	Shared bool   `json:"shared,omitempty"`
	Matter int64  `json:"matter,omitempty"`
}

// SearchRef is the data of ActSearchForget.
type SearchRef struct {
	Search int64 `json:"search"`
}

// ChatData is the data of ActChatClose and ActChatReopen.
type ChatData struct {
	Chat string `json:"chat"` // ID
}

func noteActs() map[string]kind {
	ofChat := func(_ *Act, d ChatData) []string { return []string{"chat:" + d.Chat} }
	return map[string]kind{
		ActNoteAdd: about(define(access.Order, checkNote, func(s *State, a *Act, d NoteData) {
			s.Notes[a.Seq] = &Note{Seq: a.Seq, At: a.At, By: a.By, On: d.On, Text: d.Text}
		}), func(_ *Act, d NoteData) []string { return []string{d.On} }),
		ActNoteWithdraw: about(define(access.Order, func(s *State, a *Act, d NoteRef) error {
			n := s.Notes[d.Note]
			switch {
			case n == nil || !n.Withdrawn.IsZero():
				return refuseAs(ErrUnknown, "There is no such note.")
			case n.By != a.By:
				return refuse("Only who wrote a note withdraws it. Write another.")
			}
			return nil
		}, func(s *State, a *Act, d NoteRef) { s.Notes[d.Note].Withdrawn = a.At }),
			func(_ *Act, d NoteRef) []string { return nil }),
		ActSearchSave: about(define(access.Search, func(s *State, _ *Act, d SearchData) error {
			if strings.TrimSpace(d.Query) == "" || len(d.Query) > 4000 {
				return refuse("Write what to search for, in at most 4,000 characters.")
			}
			if d.Matter != 0 {
				if _, err := s.openMatter(d.Matter); err != nil {
					return err
				}
			}
			return named("search", d.Name)
		}, func(s *State, a *Act, d SearchData) {
			s.Searches[a.Seq] = &SavedSearch{a.Seq, a.At, a.By, d.Name, d.Query, d.Shared, d.Matter}
		}), func(_ *Act, d SearchData) []string {
			if d.Matter == 0 {
				return nil
			}
			return onMatter(d.Matter)
		}),
		ActSearchForget: define(access.Search, func(s *State, a *Act, d SearchRef) error {
			q := s.Searches[d.Search]
			switch {
			case q == nil:
				return refuseAs(ErrUnknown, "There is no such search.")
			case q.By != a.By && !q.Shared && q.Matter == 0:
				return refuse("That search is somebody else's.")
			}
			return nil
		}, func(s *State, _ *Act, d SearchRef) { delete(s.Searches, d.Search) }),
		ActChatClose: about(define(access.ManageMatters, func(s *State, a *Act, d ChatData) error {
			if d.Chat == "" {
				return refuse("Say which chat.")
			}
			if !s.ChatsClosed[d.Chat].IsZero() {
				return refuse("That chat is closed already.")
			}
			return reasoned(a)
		}, func(s *State, a *Act, d ChatData) { s.ChatsClosed[d.Chat] = a.At }), ofChat),
		ActChatReopen: about(define(access.ManageMatters, func(s *State, a *Act, d ChatData) error {
			if s.ChatsClosed[d.Chat].IsZero() {
				return refuse("That chat is not closed.")
			}
			return reasoned(a)
		}, func(s *State, _ *Act, d ChatData) { delete(s.ChatsClosed, d.Chat) }), ofChat),
	}
}

func checkNote(s *State, _ *Act, d NoteData) error {
	what, name, ok := strings.Cut(d.On, ":")
	if !ok || name == "" {
		return refuse("Say what the note is about.")
	}
	switch what {
	case "message", "chat", "hold", "disposal":
	case "matter":
		if s.MatterNamed(name) == nil {
			return refuseAs(ErrUnknown, "There is no matter %s.", name)
		}
	case "custodian":
		if s.Custodians[name] == nil {
			return refuseAs(ErrUnknown, "There is no custodian %q.", name)
		}
	default:
		return refuse("Notes are about messages, chats, matters, custodians and holds.")
	}
	return text("note", d.Text)
}

// NotesOn are the notes about something that were not withdrawn, oldest first.
func (s *State) NotesOn(on string) (all []*Note) {
	for _, n := range s.Notes {
		if n.On == on && n.Withdrawn.IsZero() {
			all = append(all, n)
		}
	}
	sortBy(all, func(n *Note) int64 { return n.Seq })
	return all
}

// SearchesOf are the saved searches that a user sees: their own and shared ones.
func (s *State) SearchesOf(user string) (all []*SavedSearch) {
	for _, q := range s.Searches {
		if q.Matter == 0 && (q.Shared || q.By == user) {
			all = append(all, q)
		}
	}
	sortBy(all, func(q *SavedSearch) int64 { return q.ID })
	return all
}
