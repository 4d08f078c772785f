package govern

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
)

// Some acts need two people: one asks, another confirms, and then it is done.
// What counts is the person, not the session or token, and what both may do at
// the moment of the confirmation.

// Acts of requests.
const (
	actAsk     = "ask"
	ActApprove = "approve"
	ActDecline = "decline" // by somebody who could have confirmed, or by who asked
)

// somebody stands for who will confirm, while nobody has.
const somebody = "somebody"

// requestLasts is how long a request waits for somebody to confirm it.
const requestLasts = 30 * 24 * time.Hour

// Asked is a request.
type Asked struct {
	Seq     int64
	At      time.Time
	By      string // who asked
	Act     string // what for
	Data    json.RawMessage
	Reason  string
	On      []string
	Second  access.Action // what the other must be allowed to do
	Decided string        // "approved", "declined", or empty
	DecidedBy
}

// DecidedBy says who decided a request.
type DecidedBy struct {
	Decider   string
	DecidedAt time.Time
	Why       string // the reason that the decider gave
}

// Waits reports whether a request can still be decided.
func (r *Asked) Waits(now time.Time) bool { return r.Decided == "" && now.Sub(r.At) < requestLasts }

type asked struct {
	Act  string          `json:"act"`
	Data json.RawMessage `json:"data"`
}

// Decision is the data of ActApprove and ActDecline.
type Decision struct {
	Request int64 `json:"request"`
	// Today is the date as the person who decides sees it outside of the
	// archive, where the request needs two people who vouch for the time.
	Today string `json:"today,omitempty"`
}

func requestActs() map[string]kind {
	return map[string]kind{
		actAsk:     about(define(access.Self, checkAsk, applyAsk), func(_ *Act, d asked) []string { return []string{"act:" + d.Act} }),
		ActApprove: about(define(access.Self, checkApprove, applyApprove), onRequest),
		ActDecline: about(define(access.Self, checkDecline, applyDecline), onRequest),
	}
}

func onRequest(_ *Act, d Decision) []string {
	return []string{"request:" + strconv.FormatInt(d.Request, 10)}
}

// inner is the act that was asked for.
func (r *Asked) inner(at time.Time, second string) *Act {
	return &Act{Seq: r.Seq, At: at, Second: second, ActHead: record.ActHead{
		Act: r.Act, By: r.By, Reason: r.Reason, On: r.On, Data: r.Data,
	}}
}

func checkAsk(s *State, a *Act, d asked) error {
	k, ok := kinds[d.Act]
	if !ok || k.second == nil {
		return refuse("That cannot be asked for.")
	}
	in := Act{Seq: a.Seq, At: a.At, Second: somebody, ActHead: record.ActHead{Act: d.Act, By: a.By, Via: a.Via, Reason: a.Reason, On: a.On, Data: d.Data}}
	if k.second(s, &in) == "" {
		return refuse("That needs no second person.")
	}
	return s.allowed(k, &in)
}

func applyAsk(s *State, a *Act, d asked) {
	r := &Asked{Seq: a.Seq, At: a.At, By: a.By, Act: d.Act, Data: d.Data, Reason: a.Reason, On: a.On}
	r.Second = kinds[d.Act].second(s, r.inner(a.At, somebody))
	s.Requests[a.Seq] = r
}

func (s *State) waiting(id int64, at time.Time) (*Asked, error) {
	r := s.Requests[id]
	switch {
	case r == nil:
		return nil, refuseAs(ErrUnknown, "There is no such request.")
	case r.Decided != "":
		return nil, refuse("That request was decided already.")
	case !r.Waits(at):
		return nil, refuse("That request has waited too long. Ask again.")
	}
	return r, nil
}

func checkApprove(s *State, a *Act, d Decision) error {
	r, err := s.waiting(d.Request, a.At)
	if err != nil {
		return err
	}
	if r.By == a.By {
		return refuseAs(ErrSecondPerson, "Whoever asks cannot confirm it: a second person has to.")
	}
	if err := s.may(a.By, r.Second, a); err != nil {
		return err
	}
	if u := s.Users[a.By]; r.Second == access.GrantReading && dataOf[ForUser](r.inner(a.At, a.By)).Login == a.By && s.others(u, access.Officer, a.At) {
		return refuseAs(ErrSecondPerson, "It is about your own account: another officer has to confirm it.")
	}
	if kinds[r.Act].vouched {
		if err := vouches(d.Today, a.At); err != nil {
			return err
		}
	}
	// Who asked must still be allowed to, and it must still be possible.
	return s.allowed(kinds[r.Act], r.inner(a.At, a.By))
}

func applyApprove(s *State, a *Act, d Decision) {
	r := s.Requests[d.Request]
	r.Decided, r.DecidedBy = "approved", DecidedBy{a.By, a.At, a.Reason}
	kinds[r.Act].apply(s, r.inner(a.At, a.By))
	if dis := s.Disposals[r.Seq]; dis != nil {
		dis.Decided = a.Seq
	}
}

func checkDecline(s *State, a *Act, d Decision) error {
	r, err := s.waiting(d.Request, a.At)
	if err != nil || r.By == a.By {
		return err
	}
	return s.may(a.By, r.Second, a)
}

func applyDecline(s *State, a *Act, d Decision) {
	r := s.Requests[d.Request]
	r.Decided, r.DecidedBy = "declined", DecidedBy{a.By, a.At, a.Reason}
}

// within is what somebody must be allowed to do for the act inside of a request
// or a decision: a token that may not do it must not ask for it either.
func (s *State) within(a *Act) []access.Action {
	switch a.Act {
	case actAsk:
		if k, ok := kinds[dataOf[asked](a).Act]; ok {
			return []access.Action{k.action}
		}
	case ActDecline:
		if r := s.Requests[dataOf[Decision](a).Request]; r != nil && r.By != a.By {
			return []access.Action{r.Second}
		}
	case ActApprove:
		if r := s.Requests[dataOf[Decision](a).Request]; r != nil {
			return []access.Action{r.Second}
		}
	}
	return nil
}

// DoOrAsk does what one person may do, and asks for what needs a second.
func (l *Ledger) DoOrAsk(ctx context.Context, who Actor, r Request) (seq int64, asked bool, err error) {
	seq, err = l.do(ctx, who, r, false)
	if errors.Is(err, ErrSecondPerson) && r.Secret == nil {
		seq, err = l.Ask(ctx, who, r)
		return seq, err == nil, err
	}
	var refusal *Refusal
	if errors.As(err, &refusal) || errors.Is(err, access.ErrForbidden) || errors.Is(err, access.ErrEnded) {
		l.Refuse(ctx, who, Request{Act: r.Act, On: r.On}, err)
	}
	return seq, false, err
}
