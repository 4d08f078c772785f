package dispose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// Approve confirms a disposal. It is refused while the index does not know all
// that was asked for: whoever confirms could not have looked at it.
func (d *Desk) Approve(ctx context.Context, who govern.Actor, dec govern.Decision, reason string) (int64, error) {
	if err := d.Index.Follow(ctx, nil); err != nil {
		return 0, err
	}
	c, err := d.Index.Coverage(ctx)
	if err != nil {
		return 0, err
	}
	if c.Through <= dec.Request {
		return 0, govern.Refuse(ErrBehind, "The index has not followed the log as far as the request. Confirm it when you have seen what it takes.")
	}
	return d.Ledger.Do(ctx, who, govern.Request{Act: govern.ActApprove, Data: dec, Reason: reason})
}

// NoteDue looks for what is due, and where there is something and nobody is at
// it, notes that in the log: once a month at most. It returns how many messages
// it noted.
func (d *Desk) NoteDue(ctx context.Context) (messages int64, err error) {
	may := false
	err = d.Ledger.Read(ctx, func(s *govern.State) error { may = s.MayNoteDue(d.Now()); return nil })
	if err != nil || !may {
		return 0, err
	}
	due, err := d.Due(ctx, d.Now())
	if err != nil || len(due.Messages) == 0 {
		return 0, err
	}
	data := govern.DueData{At: due.Data.At, Messages: int64(len(due.Messages))}
	_, err = d.Ledger.Do(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActDue, Data: data})
	var refusal *govern.Refusal
	if errors.As(err, &refusal) {
		return 0, nil // another process was faster
	}
	return data.Messages, err
}

// erased are the days of chats in which something was erased for a data
// subject, and what finds the subject's messages.
type erased struct {
	certificate int64
	days        map[[2]string]bool // chat and day
	mine        func(int64) bool
}

func (e *erased) has(f *Fact) bool {
	return f.Seq > e.certificate && e.days[[2]string{f.Chat, dayOf(f)}] && e.mine(f.Seq)
}

// erasures are those that were certified: what is imported again of them is to
// go again, whether or not a policy has ended.
func (d *Desk) erasures(ctx context.Context) (all []*erased, err error) {
	var queries []string
	err = d.Ledger.Read(ctx, func(s *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(s.Disposals)) {
			dis := s.Disposals[id]
			r := s.Subjects[dis.Data.Subject]
			if r == nil || dis.Certificate == 0 {
				continue
			}
			e := &erased{certificate: dis.Certificate, days: map[[2]string]bool{}}
			for _, day := range dis.Data.Days {
				e.days[[2]string{day.Chat, day.Day}] = true
			}
			all, queries = append(all, e), append(queries, r.Query)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, e := range all {
		if e.mine, err = d.matching(ctx, queries[i]); err != nil {
			return nil, fmt.Errorf("find what was erased and came again: %w", err)
		}
	}
	return all, nil
}

func dayOf(f *Fact) string {
	if f.Sent.IsZero() {
		return "unknown"
	}
	return f.Sent.Format(time.DateOnly)
}

// sentMonth is a message's month as it is counted.
func sentMonth(f *Fact) string {
	if f.Sent.IsZero() {
		return "unknown"
	}
	return f.Sent.Format("2006-01")
}

// Returned is what was imported of a chat and time of which something was
// disposed of before.
type Returned struct {
	Certificate int64 `json:"certificate"`
	Subject     int64 `json:"subject,omitempty"` // request of a data subject that it carried out
	Messages    int64 `json:"messages"`
}

// Returned tells which certificates are of the chats and months of messages
// from an entry on.
func (d *Desk) Returned(ctx context.Context, from int64) (all []Returned, err error) {
	type key struct{ chat, month string }
	covers := map[int64]func(key) bool{}
	err = d.Ledger.Read(ctx, func(s *govern.State) error {
		for _, dis := range s.Disposals {
			if dis.Certificate == 0 || dis.Certificate >= from {
				continue
			}
			chats, months := namesOf(dis.Data.Chats), namesOf(dis.Data.Months)
			covers[dis.Certificate] = func(k key) bool { return chats[k.chat] && months[k.month] }
			all = append(all, Returned{Certificate: dis.Certificate, Subject: dis.Data.Subject})
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	came := map[key]int64{}
	err = d.facts("")(ctx, func(f *Fact) error {
		if f.Seq >= from {
			came[key{f.Chat, sentMonth(f)}]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		for k, n := range came {
			if covers[all[i].Certificate](k) {
				all[i].Messages += n
			}
		}
	}
	all = slices.DeleteFunc(all, func(r Returned) bool { return r.Messages == 0 })
	slices.SortFunc(all, func(a, b Returned) int { return int(min(max(a.Certificate-b.Certificate, -1), 1)) })
	return all, nil
}

func namesOf(ts []govern.Tallied) map[string]bool {
	m := map[string]bool{}
	for _, t := range ts {
		m[t.Name] = true
	}
	return m
}

// erasureName is what a message that goes again goes under.
func erasureName(certificate int64) string {
	return "erasure, certificate " + strconv.FormatInt(certificate, 10)
}
