package govern

import (
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of what data subjects ask for.
const (
	ActSubjectOpen  = "subject.open"
	ActSubjectClose = "subject.close" // answered
)

// What a data subject can ask for.
const (
	Access  = "access"
	Erasure = "erasure"
)

// How a request of a data subject can end.
const (
	AnswerCopy      = "copy"      // a copy was given
	AnswerErased    = "erased"    // by a disposal, which says so itself
	AnswerRefused   = "refused"   // with the clause
	AnswerWithdrawn = "withdrawn" //
)

// TraceCopy is the trace of a copy that was made for a data subject.
const TraceCopy = "subject.copy"

// SubjectRequest is what a data subject asked for.
type SubjectRequest struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	By     string    `json:"by"` // who entered it
	Kind   string    `json:"kind"`
	Person string    `json:"person"` // in the firm's words
	Query  string    `json:"query"`  // what finds their messages
	// Received is the day on which it came, Due a month later.
	Received string    `json:"received"`
	Due      time.Time `json:"due"`

	Closed   time.Time `json:"closed,omitzero"`
	Answer   string    `json:"answer,omitempty"`
	Why      string    `json:"why,omitempty"`
	Disposal int64     `json:"disposal,omitempty"` // request of the disposal that carried it out
}

// Open reports a request that waits for its answer.
func (r *SubjectRequest) Open() bool { return r.Closed.IsZero() }

// SubjectData is the data of ActSubjectOpen.
type SubjectData struct {
	Kind     string `json:"kind"`
	Person   string `json:"person"`
	Query    string `json:"query"`
	Received string `json:"received"` // 2026-01-31
}

// SubjectAnswer is the data of ActSubjectClose.
type SubjectAnswer struct {
	Subject int64  `json:"subject"`
	Answer  string `json:"answer"`
}

func subjectActs() map[string]kind {
	return map[string]kind{
		ActSubjectOpen: define(access.SubjectRequest, checkSubject, func(s *State, a *Act, d SubjectData) {
			day, _ := time.Parse(time.DateOnly, d.Received) // checked
			s.Subjects[a.Seq] = &SubjectRequest{
				ID: a.Seq, At: a.At, By: a.By, Kind: d.Kind, Person: d.Person, Query: d.Query, Received: d.Received, Due: aMonthAfter(day),
			}
		}),
		ActSubjectClose: about(define(access.SubjectRequest, checkSubjectClose, func(s *State, a *Act, d SubjectAnswer) {
			r := s.Subjects[d.Subject]
			r.Closed, r.Answer, r.Why = a.At, d.Answer, a.Reason
		}), func(_ *Act, d SubjectAnswer) []string {
			return []string{"subject:" + strconv.FormatInt(d.Subject, 10)}
		}),
	}
}

// aMonthAfter is the same day of the next month, or its last.
func aMonthAfter(day time.Time) time.Time {
	next := day.AddDate(0, 1, 0)
	if next.Day() != day.Day() {
		next = next.AddDate(0, 0, -next.Day())
	}
	return next
}

func checkSubject(_ *State, a *Act, d SubjectData) error {
	if d.Kind != Access && d.Kind != Erasure {
		return refuse("Say what is asked for: access or erasure.")
	}
	if err := named("person", d.Person); err != nil {
		return err
	}
	if strings.TrimSpace(d.Query) == "" {
		return refuse("Say which messages are theirs: a query.")
	}
	day, err := time.Parse(time.DateOnly, d.Received)
	if err != nil {
		return refuse("Give the day on which the request came: 2026-01-31.")
	}
	if day.After(a.At.Add(24 * time.Hour)) {
		return refuse("The request cannot have come after today.")
	}
	return nil
}

func checkSubjectClose(s *State, a *Act, d SubjectAnswer) error {
	r := s.Subjects[d.Subject]
	switch {
	case r == nil:
		return refuseAs(ErrUnknown, "There is no request of a data subject %d.", d.Subject)
	case !r.Open():
		return refuse("That request was answered already.")
	case d.Answer == AnswerCopy && r.Kind == Access, d.Answer == AnswerRefused, d.Answer == AnswerWithdrawn:
		return reasoned(a)
	}
	return refuse("That is no answer to it.")
}

// Names are the names and numbers of all whom the books know.
func (s *State) Names() (all []string) {
	for _, u := range s.Users {
		all = append(all, u.Name)
	}
	for _, c := range s.Custodians {
		all = append(all, c.Name)
		for _, t := range c.Accounts {
			all = append(all, t.Account)
		}
	}
	for _, c := range s.Contacts {
		all = append(all, c.Name, c.Address)
	}
	return all
}
