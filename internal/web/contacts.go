package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
)

// numberOf is the number of somebody for whom a source has no name, or empty.
func numberOf(p *chat.Person) string {
	if p == nil || nameless(p.Name) == "" && strings.TrimSpace(p.Name) != "" {
		return ""
	}
	for _, n := range []string{p.Phone, nameless(p.Name), p.JID, p.LID} {
		if n != "" {
			return n
		}
	}
	return ""
}

// nameless returns a name that is a number, as phones show who is in no
// address book.
func nameless(name string) string {
	digits := 0
	for _, r := range name {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case unicode.IsLetter(r):
			return ""
		}
	}
	if digits < 5 {
		return ""
	}
	return name
}

// named tells what the firm calls whoever had a number at a time.
type named func(number string, at time.Time) string

// byFirm calls fill with the names that the firm has given; not where it has
// given none.
func (s *Server) byFirm(ctx context.Context, fill func(named)) error {
	who, _ := ctx.Value(actorKey{}).(govern.Actor)
	err := s.ledger.Read(ctx, func(st *govern.State) error {
		if len(st.Contacts)+len(st.Custodians) > 0 {
			fill(func(number string, at time.Time) string {
				if c := st.Contacts[govern.NormalAccount(number)]; c != nil {
					return clean(c.Name)
				}
				if id := st.CustodianOf(number, at); id != "" && mayKnow(st, who, id) {
					return custodianName(st, id)
				}
				return ""
			})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read names of numbers: %w", err)
	}
	return nil
}

// nameBubbles gives bubbles whose sender is a number the name that the firm has.
func (s *Server) nameBubbles(ctx context.Context, bs ...*bubble) error {
	bs = slices.DeleteFunc(bs, func(b *bubble) bool { return b.number == "" || b.Sender == "" })
	if len(bs) == 0 {
		return nil
	}
	return s.byFirm(ctx, func(of named) {
		for _, b := range bs {
			at, _ := time.Parse(time.RFC3339, b.Instant) // none: zero, at which numbers without a time are theirs
			b.Known = of(b.number, at)
		}
	})
}

// nameRows gives chats that are called by a number the name that the firm has.
func (s *Server) nameRows(ctx context.Context, rows []chatRow) error {
	var ask []*chatRow
	for i := range rows {
		if nameless(rows[i].Name) != "" {
			ask = append(ask, &rows[i])
		}
	}
	if len(ask) == 0 {
		return nil
	}
	return s.byFirm(ctx, func(of named) {
		for _, row := range ask {
			row.Known = of(row.Name, s.now())
		}
	})
}
