package watch_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/watch"
)

// TestTheCorpusInAnyOrder: what is missing does not depend on the order in
// which Meta delivers, nor on how often.
func TestTheCorpusInAnyOrder(t *testing.T) {
	paths, _ := filepath.Glob("../../../../shared/corpus/webhooks/payloads/*.json")
	if len(paths) == 0 {
		t.Skip("the shared corpus is not there")
	}
	var first map[gap.Kind]int
	for run := range 3 {
		f := newFirm(t, hasty)
		order := paths
		if run > 0 { // everything twice, shuffled
			order = append(append([]string(nil), paths...), paths...)
			r := rand.New(rand.NewPCG(uint64(run), 0))
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		for _, p := range order {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			f.post(string(b))
			if run == 2 && f.n%7 == 0 { // and is looked at in between
				f.scan(watch.Scan{})
			}
			f.n++
		}
		f.scan(watch.Scan{})
		f.scan(watch.Scan{All: true})
		by, _ := f.holes()
		delete(by, gap.Offboarded) // which of leaving and coming back was last is the order's
		if first == nil {
			first = by
		}
		if !maps.Equal(by, first) {
			t.Errorf("run %d: %v, not %v", run, by, first)
		}
		for _, a := range f.bell {
			if strings.Contains(a.Say, "wamid") || strings.Contains(a.Say, "1650") {
				t.Errorf("an alarm quotes a message: %s", a.Say)
			}
		}
	}
	t.Logf("%v", first)
}
