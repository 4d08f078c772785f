package govern

import (
	"cmp"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/retain"
)

// State is the books: what all acts together say. Readers get it from
// Ledger.Read.
type State struct {
	Requests map[int64]*Asked // that wait or were decided, by entry

	Users  map[string]*User // by login
	Tokens map[int64]*Token // by entry
	// Officered is set once somebody who answers for what is kept has accepted:
	// from then on nobody gets to read without an officer's word.
	Officered bool

	Policies map[string]*Policy     // by ID
	Orders   map[int64]*PolicyOrder // of authorities, by entry
	Fiscal   retain.Fiscal          // zero: nobody has said
	// ReasonRequired is set where nobody reads without saying why.
	ReasonRequired bool

	Custodians  map[string]*Custodian  // by ID
	holders     map[string][]string    // who had an account at any time
	Groups      map[string]*Group      // by ID
	Contacts    map[string]*Contact    // by address
	Holds       map[int64]*Hold        // by entry, released ones too
	Labels      map[int64]*Label       // by entry
	Matters     map[int64]*Matter      // by entry
	Notes       map[int64]*Note        // by entry
	Searches    map[int64]*SavedSearch // by entry
	ChatsClosed map[string]time.Time   // by ID of the chat

	Disposals map[int64]*Disposal // decided ones, by entry of the request
	Jumps     []Jump              // of the archive's clock
	DueNoted  *DueNote            // that something is due; nil: never
	began     map[int64]*Disposal // by entry of the record

	Subjects map[int64]*SubjectRequest // by entry

	Sources map[string]*Source // by name

	Alarms      map[string]*Alarm      // by key, in the state noted last
	AlarmRoutes map[string]*AlarmRoute // by name
	Kept        map[string][]byte      // by name

	SendRules map[string]*SendRule // by ID
	// SendRulesChanged is the entry of the act that changed them last.
	SendRulesChanged int64
	Consents         map[string]*Consent // by address
	Sends            map[int64]*Send     // that wait or did, by entry of the request
	Heard            map[string]*Heard   // by name of the source
	Gaps             map[int64]*Gap      // by entry, closed ones too
	gapOf            map[string]int64    // those that are not closed, by key
	waitingSends     map[int64]*Send     // of these, what something is left to do about
	doneSends        []int64             // the others, oldest first
	Hooks            map[string]*Hook    // by ID
	// Enrolled is set once anybody can sign in. Until then whoever holds the
	// keys is the operator: an invitation that nobody accepts locks nobody out.
	Enrolled bool
}

func newState() *State {
	return &State{
		Requests:    map[int64]*Asked{},
		Users:       map[string]*User{},
		Tokens:      map[int64]*Token{},
		Policies:    map[string]*Policy{},
		Orders:      map[int64]*PolicyOrder{},
		Custodians:  map[string]*Custodian{},
		holders:     map[string][]string{},
		Groups:      map[string]*Group{},
		Contacts:    map[string]*Contact{},
		Holds:       map[int64]*Hold{},
		Labels:      map[int64]*Label{},
		Matters:     map[int64]*Matter{},
		Notes:       map[int64]*Note{},
		Searches:    map[int64]*SavedSearch{},
		ChatsClosed: map[string]time.Time{},
		Subjects:    map[int64]*SubjectRequest{},
		Disposals:   map[int64]*Disposal{},
		began:       map[int64]*Disposal{},

		Hooks:   map[string]*Hook{},
		Sources: map[string]*Source{},

		Alarms:      map[string]*Alarm{},
		AlarmRoutes: map[string]*AlarmRoute{},
		Kept:        map[string][]byte{},

		SendRules: map[string]*SendRule{},
		Consents:  map[string]*Consent{},
		Sends:     map[int64]*Send{},

		Heard: map[string]*Heard{},

		Gaps:  map[int64]*Gap{},
		gapOf: map[string]int64{},

		waitingSends: map[int64]*Send{},
	}
}

// Subject is who a user is, and may do. Until somebody can
// sign in, whoever holds the keys of the archive is its operator; afterwards the empty user is
// the archive itself, which decides nothing.
func (s *State) Subject(user string) (access.Subject, error) {
	if user == "" {
		return access.Subject{Operator: !s.Enrolled}, nil
	}
	u := s.Users[user]
	if u == nil {
		return access.Subject{}, refuseAs(ErrUnknown, "There is no account of that name.")
	}
	return access.Subject{ID: u.Login, Name: u.Name, Roles: u.Roles, Scope: u.Scope, Until: u.Until, Closed: u.Closed}, nil
}

func sortBy[T any](all []T, key func(T) int64) {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
