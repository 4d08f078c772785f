package retain_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/retain"
)

var (
	names  = rapid.SampledFrom([]string{"", "", "a", "b"})
	listOf = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2)
	clocks = rapid.SampledFrom(retain.Clocks())
	period = rapid.Custom(func(t *rapid.T) retain.Period {
		return retain.Period{Years: rapid.IntRange(0, 8).Draw(t, "years"), Months: rapid.IntRange(0, 14).Draw(t, "months"), Days: rapid.IntRange(0, 40).Draw(t, "days")}
	})
	fiscal = rapid.Custom(func(t *rapid.T) retain.Fiscal {
		return retain.Fiscal{
			Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Day: rapid.IntRange(1, 29).Draw(t, "day"),
			Zone: rapid.SampledFrom([]string{"UTC", "Europe/London", "Pacific/Apia", "America/St_Johns"}).Draw(t, "zone"),
		}
	})
	to = rapid.Custom(func(t *rapid.T) retain.Target {
		return retain.Target{Custodian: names.Draw(t, "custodian"), Group: names.Draw(t, "group"), Label: names.Draw(t, "label"), Source: names.Draw(t, "source")}
	})
	policies = rapid.Custom(func(t *rapid.T) retain.Policy {
		p := retain.Policy{ID: rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "id"), Version: rapid.IntRange(1, 3).Draw(t, "version"), Clock: clocks.Draw(t, "clock"), Min: period.Draw(t, "min"), Max: period.Draw(t, "max"), Propose: rapid.Bool().Draw(t, "propose")}
		p.Forever = rapid.IntRange(0, 9).Draw(t, "forever") == 0
		return p
	})
	rules = rapid.Custom(func(t *rapid.T) retain.Rules {
		r := retain.Rules{Fiscal: fiscal.Draw(t, "fiscal"), Policies: rapid.SliceOfN(policies, 0, 5).Draw(t, "policies")}
		for range rapid.IntRange(0, 4).Draw(t, "assignments") {
			r.Assignments = append(r.Assignments, retain.Assignment{Policy: rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "of"), To: to.Draw(t, "to")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "orders") {
			r.Orders = append(r.Orders, retain.Prolong{Authority: "A", Reason: "r", To: to.Draw(t, "to"), Extra: period.Draw(t, "extra")})
		}
		return r
	})
	instants = rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(1262304000, 2208988800).Draw(t, "instant"), 0)
	})
	maybe = rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 3).Draw(t, "known") == 0 {
			return time.Time{}
		}
		return instants.Draw(t, "at")
	})
	facts = rapid.Custom(func(t *rapid.T) retain.Facts {
		return retain.Facts{
			Sent: maybe.Draw(t, "sent"), Custodian: names.Draw(t, "custodian"), Groups: listOf.Draw(t, "groups"), Labels: listOf.Draw(t, "labels"), Sources: listOf.Draw(t, "sources"),
			ChatLast: maybe.Draw(t, "last"), ChatClosed: maybe.Draw(t, "closed"), Left: maybe.Draw(t, "left"), MatterClosed: maybe.Draw(t, "matter"),
		}
	})
)

func law(t *testing.T, check func(*rapid.T, retain.Facts, retain.Rules, time.Time)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		check(t, facts.Draw(t, "facts"), rules.Draw(t, "rules"), instants.Draw(t, "now"))
	})
}

func TestWhatIsHeldIsNeverDisposedOf(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		f.Holds = []string{"hold 1"}
		if d := retain.Decide(f, r, now); !d.Keep || d.Must || d.Propose || !d.Until.IsZero() {
			t.Fatalf("held, and %+v", d)
		}
	})
}

func TestWhatNoPolicyNamesStays(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		if len(r.At(now).Policies(&f)) > 0 {
			return
		}
		if d := retain.Decide(f, r, now); !d.Keep || d.Must || d.Propose {
			t.Fatalf("no policy, and %+v", d)
		}
	})
}

func TestWhatHasNoTimeStays(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		f.Sent = time.Time{}
		if d := retain.Decide(f, r, now); !d.Keep || d.Must || d.Propose || !d.Until.IsZero() {
			t.Fatalf("no time, and %+v", d)
		}
	})
}

// TestAMinimumNeverShortens: another policy that keeps, or an order, takes
// nothing away, once a policy names the message at all.
func TestAMinimumNeverShortens(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		before := retain.Decide(f, r, now)
		named := len(r.At(now).Policies(&f)) > 0
		more := r
		if rapid.Bool().Draw(t, "an order") {
			more.Orders = append(slices.Clone(r.Orders), retain.Prolong{Authority: "B", Reason: "r", Extra: period.Draw(t, "extra")})
		} else if named {
			p := policies.Draw(t, "another")
			p.ID, p.Max = "z", retain.Period{}
			more.Policies = append(slices.Clone(r.Policies), p)
			more.Assignments = append(slices.Clone(r.Assignments), retain.Assignment{Policy: "z"})
		}
		after := retain.Decide(f, more, now)
		switch {
		case before.Keep && !after.Keep:
			t.Fatalf("kept before, and not after: %+v, %+v", before, after)
		case before.Keep && before.Until.IsZero() && !after.Until.IsZero():
			t.Fatalf("without end before, and until %v after", after.Until)
		case !after.Until.IsZero() && after.Until.Before(before.Until):
			t.Fatalf("until %v before, and %v after", before.Until, after.Until)
		case after.Must && !before.Must:
			t.Fatalf("a minimum makes it go: %+v", after)
		}
	})
}

// TestTimeOnlyEndsKeeping: with the same rules and facts, what may go may go
// later too, and what must, must; and Until says when that changes.
func TestTimeOnlyEndsKeeping(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		later := now.Add(time.Duration(rapid.Int64Range(0, 20*365*24).Draw(t, "hours")) * time.Hour)
		a, b := retain.Decide(f, r, now), retain.Decide(f, r, later)
		if !a.Keep && b.Keep || a.Must && !b.Must || a.Propose && !b.Propose {
			t.Fatalf("%v: %+v\n%v: %+v", now, a, later, b)
		}
		if !a.Until.Equal(b.Until) || a.Keep && !a.Until.IsZero() && b.Keep == !later.Before(a.Until) {
			t.Fatalf("until %v, and %v later; kept at %v: %v", a.Until, b.Until, later, b.Keep)
		}
	})
}

func TestReasonsSayWhatWasDecided(t *testing.T) {
	law(t, func(t *rapid.T, f retain.Facts, r retain.Rules, now time.Time) {
		d := retain.Decide(f, r, now)
		if len(d.Reasons) == 0 {
			t.Fatal("no reason")
		}
		var until time.Time
		for _, why := range d.Reasons {
			if why.Say == "" {
				t.Fatalf("%+v says nothing", why)
			}
			if (why.Kind == retain.Minimum || why.Kind == retain.Order) && why.Until.After(until) {
				until = why.Until
			}
		}
		if !d.Until.IsZero() && !d.Until.Equal(until) {
			t.Fatalf("until %v, and the reasons say %v", d.Until, until)
		}
		d.Reasons = nil
		in := r.At(now)
		if w := in.Weigh(&f, in.Policies(&f)); !w.Until.Equal(d.Until) || w.Keep != d.Keep || w.Must != d.Must || w.Propose != d.Propose {
			t.Fatalf("with reasons %+v, without %+v", d, w)
		}
	})
}

// TestNotShorterHolds: what it promises of two periods is so from every day.
func TestNotShorterHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, from := period.Draw(t, "a"), period.Draw(t, "b"), instants.Draw(t, "from")
		if !a.NotShorter(b) || a.Zero() || b.Zero() {
			return
		}
		until := func(p retain.Period) time.Time {
			r := retain.Rules{Policies: []retain.Policy{{ID: "p", Version: 1, Clock: retain.Sent, Min: p}}, Assignments: []retain.Assignment{{Policy: "p"}}}
			return retain.Decide(retain.Facts{Sent: from}, r, from).Until
		}
		if until(a).Before(until(b)) {
			t.Fatalf("%v is said not to be shorter than %v, and from %v it is", a, b, from)
		}
	})
}

func TestPeriodsReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := period.Draw(t, "p")
		if got, err := retain.ParsePeriod(p.String()); err != nil || got != p {
			t.Fatalf("%v reads as %v, %v", p, got, err)
		}
	})
	for _, bad := range []string{"y", "5", "-1y", "5y3y", "1d1y", "999y", "٥y", "5 years"} {
		if p, err := retain.ParsePeriod(bad); err == nil {
			t.Errorf("%q reads as %v", bad, p)
		}
	}
}

func TestPresetsAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range retain.Presets() {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
		if seen[p.ID] || p.Name == "" || p.Clause == "" || p.Confidence == "" {
			t.Errorf("%s: twice, or without name, clause or confidence", p.ID)
		}
		seen[p.ID] = true
	}
	if !seen[retain.Proposed] {
		t.Error("there is no preset that is proposed")
	}
}

func BenchmarkDecide(b *testing.B) {
	f, r, now := sample()
	in := r.At(now)
	b.Run("with reasons", func(b *testing.B) {
		for b.Loop() {
			in.Decide(&f)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	})
	b.Run("weigh", func(b *testing.B) {
		for b.Loop() {
			in.Weigh(&f, in.Policies(&f))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	})
}

func sample() (retain.Facts, retain.Rules, time.Time) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := retain.Rules{Fiscal: retain.Fiscal{Month: time.December, Day: 31, Zone: "Europe/London"}}
	for _, id := range []string{"us-ria-5y", "eu-mifid-5y", "us-finra-6y"} {
		p, _ := retain.PresetByID(id)
		p.Version = 1
		r.Policies = append(r.Policies, p.Policy)
		r.Assignments = append(r.Assignments, retain.Assignment{Policy: id})
	}
	return retain.Facts{Sent: now.AddDate(-4, 0, 0), Custodian: "j.doe"}, r, now
}
