package dispose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/retain"
)

// Grounds counts what is kept although its erasure is asked for, by why: the
// most first.
func Grounds(kept map[int64]retain.Decision) (all []govern.Tallied) {
	n := map[string]int64{}
	for _, d := range kept {
		n[ground(&d)]++
	}
	for say, n := range n {
		all = append(all, govern.Tallied{Name: say, N: n})
	}
	slices.SortFunc(all, func(a, b govern.Tallied) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	return all
}

// ground is why a message is kept although its erasure is asked for, with the
// clause of the GDPR that lets the firm say no.
func ground(d *retain.Decision) string {
	if d.Held {
		for _, r := range d.Reasons {
			if r.Kind == retain.Hold {
				return r.Say + " GDPR 17(3)(e)."
			}
		}
	}
	until := "with no end known"
	if !d.End.IsZero() {
		until = "until " + d.End.UTC().Format("January 2006")
	}
	for _, r := range d.Reasons {
		if r.Policy == d.Policy && r.Version > 0 {
			return fmt.Sprintf("kept %s under %s v%d (%s); GDPR 17(3)(b).", until, r.Policy, r.Version, r.Clause)
		}
	}
	return "kept " + until + " under " + d.Policy + "; GDPR 17(3)(b)."
}
