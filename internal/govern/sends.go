package govern

import (
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// A send that does not go out at once waits in the books: a rule holds it for a
// second person, or delays it, or Meta cannot be reached. Its text stands in the
// record of the request alone, so that it is disposed of with it.
//
//	wait → release → gone → done
//	wait → gone → done            a delay is over, Meta is there again
//	wait → gone → wait            Meta was away again, before anything left
//	wait → withdraw → done
//
// Gone is the fence: what is gone is not withdrawn any more, and what was
// withdrawn does not go. Done says that the log has what became of it, and that
// nothing is left to do.

// Acts of sends that wait.
const (
	ActSendWait     = "send.wait"     // the archive's own
	ActSendRelease  = "send.release"  // a person lets a held one go
	ActSendWithdraw = "send.withdraw" // a person, or the archive: its sender took it back, or it waited too long
	ActSendGone     = "send.gone"     // the archive's own, before it is forwarded
	ActSendDone     = "send.done"     // the archive's own, after it
)

// What a send waits for.
const (
	SendHold  = "hold"  // a second person
	SendDelay = "delay" // a time
	SendDefer = "defer" // Meta
)

// Send is one that waits, or did.
type Send struct {
	SendWait
	Since     time.Time
	Released  Signed // zero: by nobody
	Withdrawn Signed
	Gone      time.Time
	Done      time.Time
	Outcome   string // what became of it, a sentence
	Try       int    // how often it was on its way before, and nothing had left
}

// SendWait is the data of ActSendWait.
type SendWait struct {
	Request int64     `json:"request"` // entry of the request
	For     string    `json:"for"`     // SendHold, SendDelay, SendDefer
	Why     string    `json:"why,omitempty"`
	Rule    string    `json:"rule,omitempty"`
	Until   time.Time `json:"until,omitzero"` // of a delay: when it goes
	Expires time.Time `json:"expires"`        // when it is withdrawn instead
	Source  string    `json:"source,omitempty"`
	Number  string    `json:"number,omitempty"` // phone_number_id that it is sent from
	Sender  string    `json:"by,omitempty"`     // login of who sends, where it is known
}

// ForSend is the data of the other acts.
type ForSend struct {
	Request int64  `json:"request"`
	Outcome string `json:"outcome,omitempty"` // of ActSendDone
}

// Waits reports a send that neither goes nor was withdrawn.
func (s *Send) Waits() bool { return s.Gone.IsZero() && s.Withdrawn.At.IsZero() }

// Ready reports a send that goes now, as far as the books and the clock say.
func (s *Send) Ready(now time.Time) bool {
	switch {
	case !s.Waits():
		return false
	case s.For == SendHold:
		return !s.Released.At.IsZero()
	case s.For == SendDelay:
		return !now.Before(s.Until)
	}
	return true
}

func sendActs() map[string]kind {
	withdraw := about(define(access.DecideSend, checkSendWithdraw, func(s *State, a *Act, d ForSend) { s.Sends[d.Request].Withdrawn = signed(a) }), onSend)
	withdraw.archive = true
	return map[string]kind{
		ActSendWait: about(define("", checkSendWait, func(s *State, a *Act, d SendWait) {
			x := &Send{SendWait: d, Since: a.At}
			if was := s.Sends[d.Request]; was != nil {
				x.Since, x.Released, x.Try = was.Since, was.Released, was.Try+1
			}
			s.Sends[d.Request], s.waitingSends[d.Request] = x, x
		}), func(a *Act, d SendWait) []string { return onSend(a, ForSend{Request: d.Request}) }),
		ActSendRelease:  about(define(access.DecideSend, checkSendRelease, func(s *State, a *Act, d ForSend) { s.Sends[d.Request].Released = signed(a) }), onSend),
		ActSendWithdraw: withdraw,
		ActSendGone: about(define("", func(s *State, a *Act, d ForSend) error {
			x, err := s.sendThatWaits(d.Request)
			if err == nil && !x.Ready(a.At) {
				return refuse("It is not its turn.")
			}
			return err
		}, func(s *State, a *Act, d ForSend) { s.Sends[d.Request].Gone = a.At }), onSend),
		ActSendDone: about(define("", func(s *State, _ *Act, d ForSend) error {
			if x := s.waitingSends[d.Request]; x == nil || x.Waits() {
				return refuse("It is not on its way.")
			}
			return nil
		}, applySendDone), onSend),
	}
}

// keptSends is how many are remembered that nothing is left to do about.
const keptSends = 1000

func applySendDone(s *State, a *Act, d ForSend) {
	x := s.Sends[d.Request]
	x.Done, x.Outcome = a.At, d.Outcome
	delete(s.waitingSends, d.Request)
	if s.doneSends = append(s.doneSends, d.Request); len(s.doneSends) > keptSends {
		delete(s.Sends, s.doneSends[0])
		s.doneSends = s.doneSends[1:]
	}
}

func onSend(_ *Act, d ForSend) []string { return []string{"send:" + strconv.FormatInt(d.Request, 10)} }

func checkSendWait(s *State, a *Act, d SendWait) error {
	was := s.Sends[d.Request]
	switch {
	case !slices.Contains([]string{SendHold, SendDelay, SendDefer}, d.For):
		return refuse("It is not said what it waits for.")
	case d.Request < 0 || a.Seq >= 0 && d.Request >= a.Seq:
		return refuse("There is no such request.")
	case was != nil && (d.For != SendDefer || was.Gone.IsZero() || !was.Done.IsZero()):
		return refuse("It waits already.")
	}
	return nil
}

func (s *State) sendThatWaits(request int64) (*Send, error) {
	x := s.Sends[request]
	switch {
	case x == nil:
		return nil, refuseAs(ErrUnknown, "No such send waits.")
	case !x.Withdrawn.At.IsZero():
		return nil, refuse("It was withdrawn already.")
	case !x.Gone.IsZero():
		return nil, refuse("It has gone out already.")
	}
	return x, nil
}

func checkSendRelease(s *State, a *Act, d ForSend) error {
	x, err := s.sendThatWaits(d.Request)
	switch {
	case err != nil:
		return err
	case x.For != SendHold:
		return refuse("Nobody has to let it go: it goes by itself.")
	case !x.Released.At.IsZero():
		return refuse("It was let go already.")
	case x.Sender != "" && x.Sender == a.By:
		return refuseAs(ErrSecondPerson, "Whoever sends it cannot let it go: a second person has to.")
	case !a.At.Before(x.Expires):
		return refuse("It has waited too long. Send it again.")
	}
	return nil
}

func checkSendWithdraw(s *State, a *Act, d ForSend) error {
	if _, err := s.sendThatWaits(d.Request); err != nil {
		return err
	}
	return reasoned(a)
}

// SendsWaiting lists what waits, is on its way, or was withdrawn just now, in
// the order of the requests.
func (s *State) SendsWaiting() (out []Send) {
	for _, x := range s.waitingSends {
		out = append(out, *x)
	}
	sortBy(out, func(x Send) int64 { return x.Request })
	return out
}

// SendsDone lists those that nothing is left to do about, the newest first, as
// far as they are remembered.
func (s *State) SendsDone() (out []Send) {
	for _, n := range slices.Backward(s.doneSends) {
		out = append(out, *s.Sends[n])
	}
	return out
}

// Deferred reports whether sends of a number wait for Meta.
func (s *State) Deferred(number string) bool {
	for _, x := range s.waitingSends {
		if x.For == SendDefer && x.Number == number && x.Withdrawn.At.IsZero() {
			return true
		}
	}
	return false
}
