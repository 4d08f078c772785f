package index

import "time"

// Books is what the index asks the firm's books. They may know more than the
// index has followed; what they say of an entry does not change.
type Books interface {
	// Void is why an act counts for nothing; nil where it counts, and ErrBooks
	// where nobody can say.
	Void(seq int64) error
	// Labels are those at a path and below it, and the queries of their rules.
	Labels(path string) (ids []int64, rules []string, err error)
	// Matter finds matters by number or name.
	Matter(name string) (ids []int64, err error)
	// Hold is what a hold covers, by number or name: what answers the query, and
	// the messages.
	Hold(name string) (query string, seqs [][2]int64, err error)
	// CustodianOf is who had an account at a time; "" where nobody had.
	CustodianOf(account string, at time.Time) string
	// Group lists the custodians of a group.
	Group(id string) []string
	// LabelPath and MatterName are what they are called; "" where there is none.
	LabelPath(id int64) string
	MatterName(id int64) string
	// Rules are the queries of labels with a rule, by label.
	Rules() map[int64]string
}

// whose is the custodian of a message: the one that its capture names, else
// whoever had the account when it was sent.
func (x *Index) whose(account, custodian, sent string) string {
	if custodian != "" || account == "" || x.cfg.Books == nil {
		return custodian
	}
	at, err := time.Parse(time.RFC3339, sent)
	if err != nil {
		return "" // nobody can say who had it then
	}
	return x.cfg.Books.CustodianOf(account, at)
}
