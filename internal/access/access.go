// Package access says who may do what. It is one table and one function; every
// route of the console, every command and every act of the books asks it.
//
// It knows nothing of the archive, and does no I/O.
package access

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Role is what a person does for the firm.
type Role string

// The roles. Administrator and the reading roles exclude each other: who runs
// the archive does not read it, and who reads does not run it.
const (
	Administrator Role = "administrator" // runs it, reads nothing
	Officer       Role = "officer"       // answers for what is kept
	Reviewer      Role = "reviewer"      // reads within a scope
	Legal         Role = "legal"         // matters, holds
	Auditor       Role = "auditor"       // reads and changes nothing, for a limited time
	Custodian     Role = "custodian"     // their own messages
)

// Roles lists them, as pages show them.
func Roles() []Role { return []Role{Administrator, Officer, Reviewer, Legal, Auditor, Custodian} }

// Action is one thing that can be done.
type Action string

// The actions.
const (
	Self             Action = "self"              // one's own account: password, sessions, acknowledgements
	State            Action = "state"             // the page on the archive: sizes, checkpoints, verification
	Read             Action = "read"              // chats, messages, media, within the scope
	Search           Action = "search"            // within the scope
	Report           Action = "report"            // what captures differ in
	Prove            Action = "prove"             // a proof of a message
	Export           Action = "export"            // content leaves the archive
	Import           Action = "import"            // content comes in
	Operate          Action = "operate"           // index, sources, configuration
	Verify           Action = "verify"            //
	ManageUsers      Action = "users.manage"      // accounts, roles, tokens of others
	GrantReading     Action = "users.grant"       // confirms a role that reads
	SeeCustodians    Action = "custodians.see"    //
	ManageCustodians Action = "custodians.manage" // the firm's people, their accounts and groups
	SeePolicies      Action = "policies.see"      // with forecasts
	ManagePolicies   Action = "policies.manage"   //
	ApprovePolicy    Action = "policies.approve"  // confirms one that shortens
	SeeHolds         Action = "holds.see"         //
	PlaceHold        Action = "holds.place"       //
	ReleaseHold      Action = "holds.release"     // proposes, and confirms as the second person
	SeeDisposals     Action = "disposals.see"     // with certificates
	ProposeDisposal  Action = "disposals.propose" //
	ApproveDisposal  Action = "disposals.approve" //
	Order            Action = "order"             // labels, notes, collecting into matters
	ManageLabels     Action = "labels.manage"     // the scheme, and rules
	SeeMatters       Action = "matters.see"       //
	ManageMatters    Action = "matters.manage"    //
	SubjectRequest   Action = "subject.request"   // access and erasure that a data subject asked for
	SeeAudit         Action = "audit.see"         //
	SeeCapture       Action = "capture.see"       // sources, deliveries, gaps, coverage
	ExplainGap       Action = "gaps.explain"      // says why something was not captured
	SeeSends         Action = "sends.see"         // what waits in the gateway
	DecideSend       Action = "sends.decide"      // lets go what a rule held
	ManageSendRules  Action = "sends.rules"       //
)

// table is who may do what. What does not stand in it does not exist.
var table = map[Action][]Role{
	Self:             {Administrator, Officer, Reviewer, Legal, Auditor, Custodian},
	State:            {Administrator, Officer, Auditor},
	Read:             {Officer, Reviewer, Legal, Auditor, Custodian},
	Search:           {Officer, Reviewer, Legal, Auditor, Custodian},
	Report:           {Officer, Auditor},
	Prove:            {Officer, Legal, Auditor},
	Export:           {Officer, Legal},
	Import:           {Administrator, Officer},
	Operate:          {Administrator},
	Verify:           {Administrator, Officer, Auditor},
	ManageUsers:      {Administrator},
	GrantReading:     {Officer},
	SeeCustodians:    {Administrator, Officer, Reviewer, Legal, Auditor},
	ManageCustodians: {Administrator, Officer},
	SeePolicies:      {Officer, Reviewer, Legal, Auditor},
	ManagePolicies:   {Officer},
	ApprovePolicy:    {Officer, Legal},
	SeeHolds:         {Officer, Legal, Auditor},
	PlaceHold:        {Officer, Legal},
	ReleaseHold:      {Officer, Legal},
	SeeDisposals:     {Officer, Legal, Auditor},
	ProposeDisposal:  {Officer},
	ApproveDisposal:  {Officer, Legal},
	Order:            {Officer, Reviewer, Legal},
	ManageLabels:     {Officer, Legal},
	SeeMatters:       {Officer, Reviewer, Legal, Auditor},
	ManageMatters:    {Officer, Legal},
	SubjectRequest:   {Officer, Legal},
	SeeAudit:         {Officer, Auditor},
	SeeCapture:       {Administrator, Officer, Auditor},
	ExplainGap:       {Administrator, Officer},
	SeeSends:         {Officer, Reviewer, Legal, Auditor},
	DecideSend:       {Officer, Legal},
	ManageSendRules:  {Officer},
}

// Actions lists every action, sorted.
func Actions() []Action {
	all := make([]Action, 0, len(table))
	for a := range table {
		all = append(all, a)
	}
	slices.Sort(all)
	return all
}

// Errors of decisions.
var (
	// ErrForbidden: the person's roles do not include it.
	ErrForbidden = errors.New("not permitted")
	// ErrEnded: the account is closed, or its time is over.
	ErrEnded = errors.New("account is closed")
)

// Subject is who asks.
type Subject struct {
	ID    string
	Name  string
	Roles []Role
	Scope Scope
	// Until ends the account; zero: open.
	Until  time.Time
	Closed bool
	// Operator is whoever holds the archive's keys while it has no accounts
	// yet: there is nobody else who could be asked. It may do everything that
	// needs one person.
	Operator bool
	// Only narrows what a token may do; nil: all that the person may.
	Only []Action
}

// May decides. It is nil, ErrForbidden or ErrEnded.
func (s Subject) May(a Action, now time.Time) error {
	roles, ok := table[a]
	switch {
	case !ok:
		return fmt.Errorf("%w: there is no action %q", ErrForbidden, a)
	case s.Operator:
		return nil
	case s.Closed, !s.Until.IsZero() && !now.Before(s.Until):
		return ErrEnded
	case s.Only != nil && !slices.Contains(s.Only, a):
		return fmt.Errorf("%w: the token is not for that", ErrForbidden)
	}
	for _, r := range s.Roles {
		if slices.Contains(roles, r) {
			return nil
		}
	}
	return ErrForbidden
}

// Scope narrows what a person may read. The zero value narrows nothing. What
// is set must all hold; within a list, one is enough. Custodians and Groups are
// one list, and so is Matters beside it: a message is inside when its custodian
// is one of them, or when it was collected for one of the matters.
type Scope struct {
	Custodians []string `json:"custodians,omitempty"` // IDs
	Groups     []string `json:"groups,omitempty"`     // IDs of groups of custodians
	Matters    []string `json:"matters,omitempty"`    // IDs
	From       string   `json:"from,omitempty"`       // first day, 2024-01-31
	To         string   `json:"to,omitempty"`         // last day
}

// All reports a scope that narrows nothing.
func (s Scope) All() bool {
	return len(s.Custodians)+len(s.Groups)+len(s.Matters) == 0 && s.From == "" && s.To == ""
}

// reading are the roles of those who see content, or decide what becomes of it.
var reading = []Role{Officer, Reviewer, Legal, Auditor, Custodian}

// Reads reports whether one of the roles is a reading one.
func Reads(roles []Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(reading, r) })
}

// Has reports whether the person has a role now.
func (s Subject) Has(r Role, now time.Time) bool {
	return !s.Closed && (s.Until.IsZero() || now.Before(s.Until)) && slices.Contains(s.Roles, r)
}
