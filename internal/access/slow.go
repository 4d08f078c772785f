package access

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Slow makes guessing slow: every failure doubles the time that its name must
// wait, and its network too. Names are those of accounts and addresses, whether
// they exist or not. It keeps so many and no more: when it is full, the ones
// that wait the shortest are forgotten.
type Slow struct {
	now func() time.Time

	mu    sync.Mutex
	names map[string]*failures
}

type failures struct {
	n     int
	until time.Time // nothing is tried before
}

const (
	slowFree       = 3 // failures of an account that cost nothing
	slowFreeOffice = 20
	slowFirst      = time.Second // after the next
	slowMost       = 15 * time.Minute
	slowNames      = 20_000
	// slowForgets is how long a name is remembered after its wait is over.
	slowForgets = time.Hour
)

// NewSlow makes one with a clock.
func NewSlow(now func() time.Time) *Slow { return &Slow{now: now, names: map[string]*failures{}} }

// Begin counts a try of each name as a failure, before anything is compared:
// who tries a thousand times at once has failed a thousand times. Where a name
// has to wait still it counts nothing, and says how long.
func (s *Slow) Begin(names ...string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var most time.Duration
	for _, n := range names {
		if f := s.names[n]; f != nil {
			most = max(most, f.until.Sub(now))
		}
	}
	if most > 0 {
		return most
	}
	for _, n := range names {
		f := s.names[n]
		if f == nil || now.Sub(f.until) > slowForgets {
			if f == nil && len(s.names) >= slowNames {
				s.forget(now)
			}
			f = &failures{}
			s.names[n] = f
		}
		f.n++
		f.until = now
		if over := f.n - free(n); over > 0 {
			f.until = now.Add(min(slowFirst<<min(over-1, 20), slowMost))
		}
	}
	return 0
}

// free is how many failures cost nothing. Behind one address sits an office.
func free(name string) int {
	if strings.HasPrefix(name, "address:") {
		return slowFreeOffice
	}
	return slowFree
}

// Failures is how many a name has had in a row.
func (s *Slow) Failures(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.names[name]; f != nil {
		return f.n
	}
	return 0
}

// Right takes a try back that was none: the account's failures are forgotten,
// the address has one less, so that nobody washes it clean with an account of
// their own.
func (s *Slow) Right(account, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, account)
	if f := s.names[address]; f != nil {
		if f.n--; f.n <= slowFreeOffice {
			f.until = s.now()
		}
	}
}

// forget makes room: what is over goes first, then what has failed least. mu is
// held.
func (s *Slow) forget(now time.Time) {
	for n, f := range s.names {
		if now.Sub(f.until) > slowForgets {
			delete(s.names, n)
		}
	}
	for least := 1; len(s.names) >= slowNames; least *= 2 {
		for n, f := range s.names {
			if f.n <= least && len(s.names) >= slowNames*3/4 {
				delete(s.names, n)
			}
		}
	}
}

// Network names the network of an address as failures are counted: one address,
// or the /64 that a household gets.
func Network(addr string) string {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return "address:unknown"
	}
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return "address:" + p.String()
		}
	}
	return "address:" + a.String()
}
