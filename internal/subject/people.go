// Package subject makes the copy that a data subject gets of what the archive
// has about them, with everybody else left out of it.
//
// It is handed messages and writes files. It must never import the archive,
// the index or web.
package subject

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// Source calls fn with the messages of a request, in the order of their
// entries. It is asked more than once.
type Source func(ctx context.Context, fn func(*chat.Message) error) error

// People are all who occur in some messages: whoever asked, and others, who
// are told apart by their addresses, and by their names where they have none.
type People struct {
	parent []int          // of a person, who may turn out to be another
	by     map[string]int // addresses, and names as "name:"+name
	seen   []Somebody
	them   map[int]bool
	number map[int]int // who is "Person 2"
	extra  []string    // names and addresses from elsewhere
	words  *words
}

// Somebody is a person as messages know them.
type Somebody struct {
	// Key picks them: an address, or a name where they have none.
	Key       string
	Names     []string
	Addresses []string
	Messages  int64 // that they wrote
}

// ErrWho means that it cannot be told who of the people is meant.
var ErrWho = errors.New("cannot tell who is meant")

// In tells the names and numbers of those who are in a chat.
type In func(ctx context.Context, chat string) ([]string, error)

// Survey reads all messages once and finds who occurs in them. beside are
// names and numbers of people that the firm knows from elsewhere; in may be nil.
func Survey(ctx context.Context, src Source, beside []string, in In) (*People, error) {
	p := &People{by: map[string]int{}, them: map[int]bool{}, number: map[int]int{}}
	extra, chats := map[string]bool{}, map[string]bool{}
	for _, s := range beside {
		extra[s] = true
	}
	err := src(ctx, func(m *chat.Message) error {
		for _, who := range within(m) {
			p.meet(who)
		}
		if w := author(m); w != nil {
			p.seen[p.meet(w)].Messages++
		}
		for _, s := range mentioned(m) {
			extra[s] = true
		}
		chats[m.Chat.ID] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	for id := range chats {
		if in == nil || id == "" {
			continue
		}
		names, err := in(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read who is in a chat: %w", err)
		}
		for _, s := range names {
			extra[s] = true
		}
	}
	p.extra = slices.Sorted(maps.Keys(extra))
	return p, nil
}

// author is who wrote a message; nil: nobody, or not known.
func author(m *chat.Message) *chat.Person {
	switch {
	case m.Direction == chat.Notice:
		return nil
	case m.From != nil && *m.From != (chat.Person{}):
		return m.From
	case m.Direction == chat.Out && m.Account != "":
		return &chat.Person{Phone: m.Account}
	}
	return nil
}

// within are all persons that a message names.
func within(m *chat.Message) (out []*chat.Person) {
	for _, p := range []*chat.Person{m.From, m.RevokedBy} {
		if p != nil {
			out = append(out, p)
		}
	}
	if m.Quoted != nil && m.Quoted.From != nil {
		out = append(out, m.Quoted.From)
	}
	for i := range m.Reactions {
		out = append(out, &m.Reactions[i].From)
	}
	for i := range m.Receipts {
		out = append(out, &m.Receipts[i].Who)
	}
	if m.Poll != nil {
		for i := range m.Poll.Options {
			for j := range m.Poll.Options[i].Voters {
				out = append(out, &m.Poll.Options[i].Voters[j])
			}
		}
	}
	return out
}

// mentioned are names and numbers in a message that belong to no person of it.
func mentioned(m *chat.Message) []string {
	out := append([]string{m.Account, m.Chat.JID, m.Chat.LID}, m.Mentions...)
	if m.Chat.Kind == chat.Direct {
		out = append(out, m.Chat.Name)
	}
	if m.System != nil {
		out = append(append(out, m.System.Actor), m.System.Who...)
	}
	for _, c := range m.Contacts {
		out = append(append(out, c.Name), c.Phones...)
	}
	return out
}

// addresses of a person, each as it is compared.
func addresses(p *chat.Person) (out []string) {
	for _, a := range []string{p.Phone, p.JID, p.LID, p.BSUID} {
		if a = address(a); a != "" && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// address is a number or a WhatsApp address as it is compared: a phone's JID is
// its number.
func address(a string) string {
	user, host, at := strings.Cut(strings.TrimSpace(a), "@")
	if at && host != "s.whatsapp.net" && host != "c.us" {
		return strings.ToLower(a)
	}
	if n := digits(user); n != "" && len(n) >= len(user)/2 {
		return strings.TrimPrefix(n, "00")
	}
	return strings.ToLower(strings.TrimSpace(a))
}

// meet returns the number of a person, and makes one of those who turn out to
// be the same.
func (p *People) meet(who *chat.Person) int {
	at, name := -1, strings.TrimSpace(who.Name)
	all := addresses(who)
	keys := all
	if len(all) == 0 {
		keys = []string{"name:" + fold(name)}
	}
	for _, k := range keys {
		if i, ok := p.by[k]; ok {
			i = p.root(i)
			if at >= 0 && i != at {
				p.parent[i] = at
				p.unite(at, i)
			} else {
				at = i
			}
		}
	}
	if at < 0 {
		at = len(p.parent)
		p.parent = append(p.parent, at)
		p.seen = append(p.seen, Somebody{})
	}
	for _, k := range keys {
		p.by[k] = at
	}
	s := &p.seen[at]
	if name != "" && !slices.Contains(s.Names, name) {
		s.Names = append(s.Names, name)
	}
	for _, a := range []string{who.Phone, who.JID, who.LID, who.BSUID} {
		if a != "" && !slices.Contains(s.Addresses, a) {
			s.Addresses = append(s.Addresses, a)
		}
	}
	return at
}

func (p *People) unite(to, from int) {
	a, b := &p.seen[to], &p.seen[from]
	a.Messages += b.Messages
	for _, n := range b.Names {
		if !slices.Contains(a.Names, n) {
			a.Names = append(a.Names, n)
		}
	}
	for _, n := range b.Addresses {
		if !slices.Contains(a.Addresses, n) {
			a.Addresses = append(a.Addresses, n)
		}
	}
}

func (p *People) root(i int) int {
	for p.parent[i] != i {
		i = p.parent[i]
	}
	return i
}

// key names a person so that Are finds them again.
func (s *Somebody) key() string {
	switch {
	case len(s.Addresses) > 0:
		return s.Addresses[0]
	case len(s.Names) > 0:
		return s.Names[0]
	}
	return ""
}

// List lists everybody who can be picked, those who wrote most first.
func (p *People) List() (out []Somebody) {
	for i := range p.seen {
		if p.root(i) != i {
			continue
		}
		s := p.seen[i]
		if s.Key = s.key(); s.Key != "" {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Somebody) int { return int(b.Messages - a.Messages) })
	return out
}

// Are says who of the people asked for the copy: by addresses, or by names
// that one person alone has.
func (p *People) Are(keys ...string) error {
	for _, k := range keys {
		i, err := p.pick(k)
		if err != nil {
			return err
		}
		p.them[i] = true
	}
	if len(p.them) == 0 {
		return fmt.Errorf("%w: say who asked", ErrWho)
	}
	p.words = p.learn()
	return nil
}

// pick finds a person by an address; by a name, if they have no address; and by
// the name of somebody with an address, if nobody else has it.
func (p *People) pick(key string) (int, error) {
	name := fold(strings.TrimSpace(key))
	for _, k := range []string{address(key), "name:" + name} {
		if i, ok := p.by[k]; ok {
			return p.root(i), nil
		}
	}
	found := -1
	for i := range p.seen {
		if p.root(i) != i || !slices.ContainsFunc(p.seen[i].Names, func(n string) bool { return fold(n) == name }) {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("%w: several people have that name, give a number", ErrWho)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("%w: nobody in the messages has that name or number", ErrWho)
	}
	return found, nil
}

// is reports whether a person is who asked.
func (p *People) is(who *chat.Person) bool {
	return who != nil && p.them[p.find(who)]
}

func (p *People) find(who *chat.Person) int {
	for _, a := range addresses(who) {
		if i, ok := p.by[a]; ok {
			return p.root(i)
		}
	}
	if i, ok := p.by["name:"+fold(strings.TrimSpace(who.Name))]; ok {
		return p.root(i)
	}
	return -1
}

// call is what the copy calls a person.
func (p *People) call(who *chat.Person) string {
	if who == nil {
		return "Somebody"
	}
	i := p.find(who)
	if i < 0 {
		return "Somebody"
	}
	return p.name(i)
}

func (p *People) name(i int) string {
	if p.them[i] {
		return "You"
	}
	n, ok := p.number[i]
	if !ok {
		n = len(p.number) + 1
		p.number[i] = n
	}
	return fmt.Sprintf("Person %d", n)
}
