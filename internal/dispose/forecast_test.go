package dispose

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/retain"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func listed(all []Fact) Facts {
	return func(ctx context.Context, fn func(*Fact) error) error {
		for i := range all {
			if err := fn(&all[i]); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
}

// firm are n messages of 1,000 chats over ten years, a few without a time.
func firm(n int) []Fact {
	all := make([]Fact, n)
	start := noon.AddDate(-10, 0, 0)
	sources := [][]string{{"chatexport"}, {"android"}, {"android", "chatexport"}}
	for i := range all {
		c := i % 1000
		all[i] = Fact{
			Seq: int64(i), Chat: fmt.Sprintf("c%d", c), Account: fmt.Sprintf("+4470%d", c%50), Custodian: fmt.Sprintf("p%d", c%50), Sources: sources[i%3],
			Sent: start.Add(time.Duration(float64(i) / float64(n) * float64(noon.Sub(start)))),
		}
		if i%9973 == 0 {
			all[i].Sent = time.Time{}
		}
	}
	return all
}

func rulesOf(t testing.TB, ids ...string) retain.Rules {
	r := retain.Rules{Fiscal: retain.Fiscal{Month: time.March, Day: 31, Zone: "Europe/London"}}
	for _, id := range ids {
		p, ok := retain.PresetByID(id)
		if !ok {
			t.Fatal(id)
		}
		p.Version = 1
		r.Policies = append(r.Policies, p.Policy)
		r.Assignments = append(r.Assignments, retain.Assignment{Policy: id})
	}
	return r
}

func every(n int64) func(int64) bool { return func(seq int64) bool { return seq%n == 0 } }

func someWorld() *World {
	return &World{
		Groups: map[string][]string{"p1": {"g"}}, Left: map[string]time.Time{"p2": noon.AddDate(-3, 0, 0)},
		ChatsClosed: map[string]time.Time{"c3": noon.AddDate(-8, 0, 0)},
		Labels:      []Marked{{[]string{"7", "1"}, every(13)}},
		Holds:       []Marked{{[]string{"12 (Acme)"}, every(101)}},
		Matters:     []Matter{{noon.AddDate(-9, 0, 0), every(5)}, {time.Time{}, every(35)}},
	}
}

// TestForecastAgreesWithDecide: what is counted is what each message is told.
func TestForecastAgreesWithDecide(t *testing.T) {
	facts := listed(firm(500))
	w := someWorld()
	rapid.Check(t, func(t *rapid.T) {
		r := retain.Rules{Fiscal: retain.Fiscal{Month: time.February, Day: 29, Zone: "Pacific/Auckland"}}
		for i, p := range rapid.SliceOfN(rapid.SampledFrom(retain.Presets()), 1, 4).Draw(t, "presets") {
			p.ID, p.Version = fmt.Sprint(p.ID, i), 1
			r.Policies = append(r.Policies, p.Policy)
			r.Assignments = append(r.Assignments, retain.Assignment{Policy: p.ID, To: rapid.SampledFrom([]retain.Target{
				{}, {Custodian: "p2"}, {Group: "g"}, {Label: "1"}, {Source: "android"}, {Chat: "c3"}, {Account: "+44703"},
			}).Draw(t, "to")})
		}
		at := noon.AddDate(0, rapid.IntRange(-60, 200).Draw(t, "months"), 0)
		got, err := w.Forecast(context.Background(), facts, r, at)
		if err != nil {
			t.Fatal(err)
		}
		want := newCounter(r, at)
		v, err := w.prepare(context.Background(), facts, at, r)
		if err != nil {
			t.Fatal(err)
		}
		_ = facts(context.Background(), func(f *Fact) error { // cannot fail
			d := retain.Decide(*v.add(f).at(f), r, at)
			want.add(f, &d)
			return nil
		})
		if diff := cmp.Diff(want.forecast(), got); diff != "" {
			t.Fatal(diff)
		}
		sum := got.Total
		if sum.Kept+sum.NoPolicy+sum.Held+sum.May+sum.Must != sum.Messages || sum.Messages != 500 {
			t.Fatalf("columns do not add up: %+v", sum)
		}
	})
}

func (a *alike) at(f *Fact) *retain.Facts {
	a.facts.Sent = f.Sent
	return &a.facts
}

func TestCompareTellsWhatAChangeDoes(t *testing.T) {
	facts, w := listed(firm(10000)), &World{}
	long, short := rulesOf(t, "us-finra-6y"), rulesOf(t, "us-bd-comms-3y")
	c, err := w.Compare(t.Context(), facts, long, short, noon)
	if err != nil {
		t.Fatal(err)
	}
	if c.Goes == 0 || c.Stays != 0 || c.Later != 0 || c.Sooner != c.Before.Total.Messages-2 { // two have no time
		t.Errorf("six years to three: %+v", c)
	}
	if c.After.Total.Due()-c.Before.Total.Due() != c.Goes {
		t.Errorf("%d go, and the forecasts say %d", c.Goes, c.After.Total.Due()-c.Before.Total.Due())
	}
	back, err := w.Compare(t.Context(), facts, short, long, noon)
	if err != nil {
		t.Fatal(err)
	}
	if back.Stays != c.Goes || back.Later != c.Sooner || back.Goes != 0 {
		t.Errorf("and back: %+v", back)
	}
	same, err := w.Compare(t.Context(), facts, long, long, noon)
	if err != nil {
		t.Fatal(err)
	}
	if same.Goes+same.Stays+same.Sooner+same.Later+same.Must != 0 {
		t.Errorf("no change: %+v", same)
	}
}

func TestWhatNoPolicyNamesIsCountedAsSuch(t *testing.T) {
	f, err := (&World{}).Forecast(t.Context(), listed(firm(100)), retain.Rules{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if f.Total.NoPolicy != 100 || f.Total.Due() != 0 || len(f.Months) != 0 {
		t.Errorf("without rules: %+v", f)
	}
}

// BenchmarkForecast is over a million messages with two policies, a hold and
// a label; the second with a change of rules.
func BenchmarkForecast(b *testing.B) {
	facts, w := listed(firm(1_000_000)), someWorld()
	before, after := rulesOf(b, "us-ria-5y", "us-bd-comms-3y"), rulesOf(b, "us-finra-6y", "us-bd-comms-3y")
	b.Run("forecast", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Forecast(b.Context(), facts, before, noon); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compare", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Compare(b.Context(), facts, before, after, noon); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestEveryMessageSaysWhy, until when, and by which version of which policy.
func TestEveryMessageSaysWhy(t *testing.T) {
	all := firm(200)
	got, err := someWorld().Decisions(t.Context(), listed(all), rulesOf(t, "us-bd-comms-3y"), noon, []int64{0, 101, 199})
	if err != nil {
		t.Fatal(err)
	}
	for seq, want := range map[int64]string{0: "Held: 12 (Acme).", 101: "Held: 12 (Acme).", 199: "Kept until the end of"} {
		if d := got[seq]; !d.Keep || len(d.Reasons) == 0 || !strings.HasPrefix(d.Reasons[0].Say, want) {
			t.Errorf("message %d: %+v, want %q", seq, d, want)
		}
	}
}
