package govern

import (
	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// State is the books: what all acts together say. Readers get it from
// Ledger.Read.
type State struct {
	Requests map[int64]*Asked       // that wait or were decided, by entry
	Policies map[string]*Policy     // by ID
	Orders   map[int64]*PolicyOrder // of authorities, by entry
	Fiscal   retain.Fiscal          // zero: nobody has said
}

func newState() *State {
	return &State{
		Requests: map[int64]*Asked{},
		Policies: map[string]*Policy{},
		Orders:   map[int64]*PolicyOrder{},
	}
}

// Subject is who a user is, and may do. While there are no accounts, whoever
// holds the keys of the archive is its operator; afterwards the empty user is
// the archive itself, which decides nothing.
func (s *State) Subject(user string) (access.Subject, error) {
	return access.Subject{ID: user, Operator: user == ""}, nil
}

// foldDisposal follows what the archive did about a disposal.
func (s *State) foldDisposal(record.Entry) error { return nil }
