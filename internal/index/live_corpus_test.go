package index

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/chat"
)

// TestCorpusInAnyOrder: payloads of the shared corpus, once, one by one, five
// times shuffled, and in one body, end in the same messages. Many of them have
// one id: then what they show does not depend on the order either.
func TestCorpusInAnyOrder(t *testing.T) {
	paths, _ := filepath.Glob("../../../shared/corpus/webhooks/payloads/*.json")
	if len(paths) == 0 {
		t.Skip("the shared corpus is not there")
	}
	var bodies []string
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(b))
	}
	state := func(bodies ...string) []chat.Message {
		l := newLive(t)
		l.deliver(t, bodies...)
		return everything(t, liveIndex(t, l))
	}
	same := func(name string, want, got []chat.Message) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff[:min(len(diff), 2000)])
		}
	}
	want := state(bodies...)
	rnd := rand.New(rand.NewPCG(1, 2))
	five := slices.Concat(bodies, bodies, bodies, bodies, bodies)
	for range 3 {
		rnd.Shuffle(len(five), func(i, j int) { five[i], five[j] = five[j], five[i] })
		same("shuffled", want, state(five...))
		n := rnd.IntN(len(five) - 1)
		same("in two bodies", want, state(oneBody(t, five[:n+1]...), oneBody(t, five[n+1:]...)))
	}
	same("in one body", want, state(oneBody(t, bodies...)))
}
