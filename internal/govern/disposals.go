package govern

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
)

// Acts of disposals, and of the clock that they depend on.
const (
	ActDispose   = "dispose" // by two people, who both vouch for the date
	ActClockJump = "clock.jump"
	ActDue       = "dispose.due" // noted by the archive itself: something is due, and nothing proposed
)

// vouchLasts is how long two people's word for the date is enough for a run to
// begin.
const vouchLasts = 3 * 24 * time.Hour

// Tallied counts messages by a name: a policy, a custodian, a chat, a month.
type Tallied struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// ChatDay is a day in a chat: what is erased is known again by it.
type ChatDay struct {
	Chat string `json:"chat"`
	Day  string `json:"day"` // of UTC: "2016-11-24", or "unknown"
}

// DisposalData is the data of ActDispose: what is to be disposed of. It holds
// no content.
type DisposalData struct {
	// Today is the date as who proposes it sees it outside of the archive.
	Today    string  `json:"today"`
	At       string  `json:"at"` // instant of the decisions, RFC 3339
	Messages Runs    `json:"messages"`
	Entries  Runs    `json:"entries"` // all their records, and captures that are empty without them
	Evidence []int64 `json:"evidence,omitempty"`
	// Erased are those of the messages that were erased for a data subject
	// before, and came again.
	Erased Runs `json:"erased,omitempty"`
	// Subject is the request of a data subject that it answers; zero: retention
	// is over.
	Subject int64 `json:"subject,omitempty"`

	Policies   []Tallied `json:"policies,omitempty"` // ID and version: "us-ria-5y v2"
	Custodians []Tallied `json:"custodians,omitempty"`
	Chats      []Tallied `json:"chats,omitempty"`  // by ID
	Months     []Tallied `json:"months,omitempty"` // "2016-11", or "unknown"
	Days       []ChatDay `json:"days,omitempty"`   // of an erasure
	// Held counts what would be due and is under a hold, by hold.
	Held []Tallied `json:"held,omitempty"`
}

// Disposal is a disposal that two people have decided.
type Disposal struct {
	Request  int64 // entry
	Data     DisposalData
	Reason   string
	Proposer string
	Approver string
	Approved time.Time
	Decided  int64 // entry of the confirmation

	// Entry is that of the record with which the archive began; zero: not yet.
	Entry int64
	Began time.Time
	// Certificate is the entry of the one that closed it; zero: not finished.
	Certificate int64
	Certified   time.Time
	Head        record.CertificateHead
}

// Jump is a reading of the archive's clock that did not fit the one before it.
type Jump struct {
	Seq     int64
	At      time.Time
	Was, Is time.Time
}

// DueData is the data of ActDue, which the archive itself appends.
type DueData struct {
	At       string `json:"at"` // instant of the decisions, RFC 3339
	Messages int64  `json:"messages"`
}

// DueNote is what the archive has noted last.
type DueNote struct {
	Seq      int64
	At       time.Time
	Messages int64
}

// MayNoteDue reports whether it is time to note that something is due: once a
// month at most, and not while people are at it.
func (s *State) MayNoteDue(now time.Time) bool {
	if s.DueNoted != nil && now.Before(s.DueNoted.At.AddDate(0, 1, 0)) {
		return false
	}
	for _, r := range s.Requests {
		if r.Act == ActDispose && r.Waits(now) {
			return false
		}
	}
	for _, d := range s.Disposals {
		if d.Certificate == 0 && (d.Entry != 0 || s.MayRun(d, now) == nil) {
			return false
		}
	}
	return true
}

// JumpData is the data of ActClockJump, which the archive itself appends.
type JumpData struct {
	Was time.Time `json:"was"`
	Is  time.Time `json:"is"`
}

func disposalActs() map[string]kind {
	dispose := two(about(define(access.ProposeDisposal, checkDispose, func(s *State, a *Act, d DisposalData) {
		s.Disposals[a.Seq] = &Disposal{Request: a.Seq, Data: d, Reason: a.Reason, Proposer: a.By, Approver: a.Second, Approved: a.At}
	}), func(_ *Act, d DisposalData) []string {
		if d.Subject != 0 {
			return []string{"subject:" + strconv.FormatInt(d.Subject, 10)}
		}
		return nil
	}), access.ApproveDisposal)
	dispose.vouched = true
	jump := define("", func(_ *State, _ *Act, d JumpData) error {
		if d.Is.IsZero() {
			return refuse("Say what the clock read.")
		}
		return nil
	}, func(s *State, a *Act, d JumpData) { s.Jumps = append(s.Jumps, Jump{a.Seq, a.At, d.Was, d.Is}) })
	due := define("", func(s *State, a *Act, d DueData) error {
		if d.Messages <= 0 || !s.MayNoteDue(a.At) {
			return refuse("There is nothing to note.")
		}
		return nil
	}, func(s *State, a *Act, d DueData) { s.DueNoted = &DueNote{a.Seq, a.At, d.Messages} })
	return map[string]kind{ActDispose: dispose, ActClockJump: jump, ActDue: due}
}

func checkDispose(s *State, a *Act, d DisposalData) error {
	if err := vouches(d.Today, a.At); a.Second == somebody && err != nil {
		return err // while it is asked for; who confirms it vouches anew
	}
	if d.Subject != 0 {
		if r := s.Subjects[d.Subject]; r == nil || r.Kind != Erasure || !r.Open() {
			return refuseAs(ErrUnknown, "There is no open request for erasure %d.", d.Subject)
		}
	}
	if at, err := time.Parse(time.RFC3339, d.At); err != nil || at.After(a.At.Add(time.Hour)) {
		return refuse("What is due is decided as of now, or an earlier time.")
	}
	for _, rs := range []Runs{d.Messages, d.Entries} {
		if len(rs) == 0 {
			return refuse("Nothing is due.")
		}
		last := int64(0) // the first entry is the archive's own
		for _, r := range rs {
			if r[1] <= 0 || r[0] <= last || r[0] > math.MaxInt64-r[1] {
				return refuse("The list of entries is not in order.")
			}
			last = r[0] + r[1] - 1
		}
		if a.Seq >= 0 && last >= a.Seq {
			return refuse("The list names entries that came later.")
		}
	}
	if !within(d.Messages, d.Entries) {
		return refuse("Messages are named whose records are not.")
	}
	if len(d.Erased) > 0 && !within(d.Erased, d.Messages) {
		return refuse("Messages are named as erased before that are not among those that go.")
	}
	return reasoned(a)
}

// vouches compares the date that somebody reads elsewhere with the archive's
// clock, to a day: the zones of the world span more than one.
func vouches(today string, at time.Time) error {
	if today == "" {
		return refuse("Say which date it is today: a disposal needs two people who vouch for it.")
	}
	t, err := day(today)
	if err != nil {
		return err
	}
	if off := at.Sub(t.Add(12 * time.Hour)); off > 36*time.Hour || off < -36*time.Hour {
		return refuse("The clock of this machine reads %s and you say that it is %s. Set the clock right first.", at.UTC().Format(time.DateOnly), today)
	}
	return nil
}

// MayRun reports whether a disposal may begin at an instant: its date was
// vouched for lately, and no reading of the clock was strange since.
func (s *State) MayRun(d *Disposal, now time.Time) error {
	if d.Certificate != 0 {
		return refuse("That disposal is done: certificate %d.", d.Certificate)
	}
	if d.Entry != 0 {
		return nil // it goes on
	}
	// By entries, not by times: a clock that jumped is asked nothing.
	if n := len(s.Jumps); n > 0 && s.Jumps[n-1].Seq > d.Decided {
		return refuse("The clock of this machine jumped after the disposal was confirmed. Propose it again: two people have to vouch for the date anew.")
	}
	if age := now.Sub(d.Approved); age < -time.Hour || age > vouchLasts {
		return refuse("The disposal was confirmed %s ago, and the date that was vouched for then is no longer fresh. Propose it again.", age.Round(time.Hour))
	}
	return nil
}

// foldDisposal follows what the archive did about a disposal.
func (s *State) foldDisposal(e record.Entry) error {
	if e.Kind == record.Disposal {
		var h record.DisposalHead
		if _, err := e.Decode(&h); err != nil {
			return err
		}
		d := s.Disposals[h.Request]
		switch {
		case d == nil:
			return fmt.Errorf("disposal %d: nobody has decided it: %w", e.Seq, ErrUndecided)
		case !within(h.Entries, d.Data.Entries):
			return fmt.Errorf("disposal %d: it takes more than was decided: %w", e.Seq, ErrUndecided)
		case d.Entry != 0:
			return fmt.Errorf("disposal %d: it has begun already, with entry %d", e.Seq, d.Entry)
		}
		d.Entry, d.Began = e.Seq, e.At
		s.began[e.Seq] = d
		return nil
	}
	var h record.CertificateHead
	if _, err := e.Decode(&h); err != nil {
		return err
	}
	d := s.began[h.Disposal]
	switch {
	case d == nil:
		return fmt.Errorf("certificate %d: it is of no disposal that counts: %w", e.Seq, ErrUndecided)
	case d.Certificate != 0:
		return fmt.Errorf("certificate %d: there is one already, %d", e.Seq, d.Certificate)
	}
	d.Certificate, d.Certified, d.Head = e.Seq, e.At, h
	if r := s.Subjects[d.Data.Subject]; r != nil && r.Open() {
		r.Closed, r.Answer, r.Disposal = e.At, AnswerErased, d.Request
	}
	return nil
}

// within reports whether every entry of some runs is in others.
func within(rs, in Runs) bool {
	for _, r := range rs {
		i := sort.Search(len(in), func(i int) bool { return in[i][0]+in[i][1] > r[0] })
		if i == len(in) || r[0] < in[i][0] || r[1] > in[i][0]+in[i][1]-r[0] {
			return false
		}
	}
	return true
}
