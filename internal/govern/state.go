package govern

import (
	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
)

// State is the books: what all acts together say. Readers get it from
// Ledger.Read.
type State struct {
	Requests map[int64]*Asked // that wait or were decided, by entry
	Users    map[string]*User // by login
	Tokens   map[int64]*Token // by entry
	// Officered is set once somebody who answers for what is kept has accepted:
	// from then on nobody gets to read without an officer's word.
	Officered bool
	// Enrolled is set once anybody can sign in. Until then whoever holds the
	// keys is the operator: an invitation that nobody accepts locks nobody out.
	Enrolled bool
}

func newState() *State {
	return &State{Requests: map[int64]*Asked{}, Users: map[string]*User{}, Tokens: map[int64]*Token{}}
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

// foldDisposal follows what the archive did about a disposal.
func (s *State) foldDisposal(record.Entry) error { return nil }
