package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// ScopeOf is what of the index a person may see, as the books are now. A scope
// that names nobody who is there opens nothing: it was not meant to open all.
func ScopeOf(st *govern.State, who access.Subject) index.Scope {
	sc := who.Scope
	out := index.Scope{Custodians: st.CustodiansIn(sc), From: sc.From, To: sc.To}
	for _, m := range sc.Matters {
		if id, err := strconv.ParseInt(m, 10, 64); err == nil {
			out.Matters = append(out.Matters, id)
		}
	}
	names := len(sc.Custodians)+len(sc.Groups)+len(sc.Matters) > 0 || slices.Contains(who.Roles, access.Custodian)
	out.Nothing = names && len(out.Custodians)+len(out.Matters) == 0
	return out
}

type viewKey struct{}

// seeing keeps with a request what of the index its person may see.
func (s *Server) seeing(ctx context.Context, who govern.Actor) (context.Context, error) {
	if !partly(who) {
		return context.WithValue(ctx, viewKey{}, s.whole), nil
	}
	if s.narrow == nil {
		return nil, errors.New("the index cannot be narrowed to a scope")
	}
	var sc index.Scope
	if err := s.ledger.Read(ctx, func(st *govern.State) error { sc = ScopeOf(st, who.Subject); return nil }); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, viewKey{}, s.narrow(sc)), nil
}

// view is the index as far as whoever asks may see it: there is no other way to
// it from a handler.
func (s *Server) view(r *http.Request) Index { return s.viewOf(r.Context()) }

func (*Server) viewOf(ctx context.Context) Index {
	x, _ := ctx.Value(viewKey{}).(Index)
	return x // nil where nobody is signed in: such a route shows nothing
}

// partly reports that somebody sees a part of the archive.
func partly(who govern.Actor) bool {
	return !who.Scope.All() || slices.Contains(who.Roles, access.Custodian)
}

// wholly refuses what is about the whole archive to whoever sees a part of it.
func wholly(r *http.Request, what string) error {
	if !partly(actor(r)) {
		return nil
	}
	return govern.Refuse(nil, "%s about the whole archive, and your account sees a part of it.", what)
}

// mayKnow reports whether a custodian is one whom a person reads, for pages
// that name them.
func mayKnow(st *govern.State, who govern.Actor, custodian string) bool {
	sc := who.Scope
	if !partly(who) || len(sc.Custodians)+len(sc.Groups)+len(sc.Matters) == 0 && !slices.Contains(who.Roles, access.Custodian) {
		return true
	}
	return slices.Contains(st.CustodiansIn(sc), custodian)
}
