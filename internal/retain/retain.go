// Package retain decides how long a message is kept, and why. It is pure: it
// is given facts, policies, holds and an instant, and does no I/O.
package retain

import "time"

// Clock is when a policy's time begins.
type Clock string

// The clocks of COMPLIANCE.md §4.
const (
	Sent         Clock = "sent"          // the message's own time
	ChatLast     Clock = "chat-last"     // the last message of its chat
	ChatClosed   Clock = "chat-closed"   // the chat was closed by an act
	PersonLeft   Clock = "person-left"   // the custodian left the firm
	FiscalYear   Clock = "fiscal-year"   // the end of the fiscal year of the message
	MatterClosed Clock = "matter-closed" // the last matter that it was collected for was closed
)

// Period is a length of calendar time. The zero value is none.
type Period struct {
	Years  int `json:"years,omitempty"`
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

// Zero reports no time at all.
func (p Period) Zero() bool { return p == Period{} }

// Fiscal is when a firm's fiscal year ends: the end of that day in the zone.
type Fiscal struct {
	Month time.Month `json:"month"`
	Day   int        `json:"day"`  // 29 February is the last day of February in other years
	Zone  string     `json:"zone"` // IANA
}

// Policy is one version of a retention policy.
type Policy struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Name    string `json:"name"`
	// Clause is the rule that it answers, as it is cited; never a claim.
	Clause string `json:"clause,omitempty"`
	Clock  Clock  `json:"clock"`
	// Min is how long it must be kept. Forever: it never ends.
	Min     Period `json:"min"`
	Forever bool   `json:"forever,omitempty"`
	// Max is when it must go, from the same clock; zero: no maximum.
	Max Period `json:"max,omitzero"`
	// Accessible is how long it must be easily accessible.
	Accessible Period `json:"accessible,omitzero"`
	// Propose is whether disposal is proposed once Min is over.
	Propose bool   `json:"propose"`
	Fiscal  Fiscal `json:"fiscal,omitzero"` // of FiscalYear; zero: the firm's
	// From is when this version begins to count.
	From time.Time `json:"from"`
}

// Target says which messages a policy is for. What is set must all hold; the
// zero value is every message.
type Target struct {
	Custodian string `json:"custodian,omitempty"`
	Group     string `json:"group,omitempty"` // of custodians
	Chat      string `json:"chat,omitempty"`  // ID
	Label     string `json:"label,omitempty"`
	Source    string `json:"source,omitempty"`
	Account   string `json:"account,omitempty"`
}

// Assignment puts messages under a policy, in all its versions.
type Assignment struct {
	Policy string    `json:"policy"`
	To     Target    `json:"to"`
	From   time.Time `json:"from"`
	End    time.Time `json:"end,omitzero"` // when it was withdrawn
}

// Prolong is the order of an authority: what it covers is kept for longer.
type Prolong struct {
	ID        int64     `json:"id"`
	Authority string    `json:"authority"`
	Reason    string    `json:"reason"`
	To        Target    `json:"to"`
	From      string    `json:"from,omitempty"` // messages from this day on
	Until     string    `json:"until,omitempty"`
	Extra     Period    `json:"extra"` // beyond the end of the minimum
	At        time.Time `json:"at"`
}

// Rules are all that a decision follows.
type Rules struct {
	Policies    []Policy // every version
	Assignments []Assignment
	Orders      []Prolong
	Fiscal      Fiscal // the firm's
}

// Facts are what a decision needs to know of a message.
type Facts struct {
	Sent      time.Time // the instant; zero: not known, and then nothing ends
	Chat      string    // ID
	Account   string
	Custodian string
	Groups    []string // of the custodian
	Labels    []string
	Sources   []string
	Holds     []string // that cover it
	// ChatLast is the time of the last message of its chat.
	ChatLast time.Time
	// ChatClosed, Left and MatterClosed are zero while it has not happened.
	ChatClosed, Left, MatterClosed time.Time
}
