package govern_test

import (
	"errors"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

func TestARequestOfADataSubjectIsDueInAMonth(t *testing.T) {
	b := newPolicyBooks(t)
	for received, due := range map[string]string{"2026-01-31": "2026-02-28", "2026-10-31": "2026-11-30", "2026-11-24": "2026-12-24", "2024-01-30": "2024-02-29"} {
		b.now = b.now.Add(time.Minute)
		n, err := b.l.Do(t.Context(), operator, govern.Request{Act: govern.ActSubjectOpen, Data: govern.SubjectData{
			Kind: govern.Erasure, Person: "Ana Lima", Query: "from:ana", Received: received,
		}})
		if err != nil {
			t.Fatal(err)
		}
		_ = b.l.Read(t.Context(), func(s *govern.State) error { // cannot fail
			if got := s.Subjects[n].Due.Format(time.DateOnly); got != due {
				t.Errorf("received %s: due %s, want %s", received, got, due)
			}
			return nil
		})
	}
	b.refused(govern.ActSubjectOpen, govern.SubjectData{Kind: govern.Access, Person: "Ana", Query: "from:ana", Received: "2027-01-01"})
	b.refused(govern.ActSubjectOpen, govern.SubjectData{Kind: "forgetting", Person: "Ana", Query: "from:ana", Received: "2026-11-01"})
	b.refused(govern.ActSubjectOpen, govern.SubjectData{Kind: govern.Access, Person: "Ana", Received: "2026-11-01"})
}

// TestErasureIsAnsweredByADisposalAlone: nobody says that it was done but the
// certificate.
func TestErasureIsAnsweredByADisposalAlone(t *testing.T) {
	b := newPolicyBooks(t)
	b.do(govern.ActSubjectOpen, govern.SubjectData{Kind: govern.Access, Person: "Bob", Query: "from:bob", Received: "2026-11-20"}) // entry 0 is no act in an archive
	n, err := b.l.Do(t.Context(), operator, govern.Request{Act: govern.ActSubjectOpen, Data: govern.SubjectData{
		Kind: govern.Erasure, Person: "Ana Lima", Query: "from:ana", Received: "2026-11-20",
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.refused(govern.ActSubjectClose, govern.SubjectAnswer{Subject: n, Answer: govern.AnswerErased})
	b.refused(govern.ActSubjectClose, govern.SubjectAnswer{Subject: n, Answer: govern.AnswerCopy})
	b.do(govern.ActSubjectClose, govern.SubjectAnswer{Subject: n, Answer: govern.AnswerRefused})
	b.refused(govern.ActSubjectClose, govern.SubjectAnswer{Subject: n, Answer: govern.AnswerWithdrawn})
	_, err = b.l.Ask(t.Context(), operator, govern.Request{Act: govern.ActDispose, Reason: "GDPR 17", Data: govern.DisposalData{
		Today: "2026-11-24", Messages: govern.Runs{{1, 1}}, Entries: govern.Runs{{1, 1}}, Subject: n,
	}})
	if !errors.Is(err, govern.ErrUnknown) {
		t.Errorf("a disposal for a request that was refused: %v", err)
	}
}
