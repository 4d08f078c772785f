package govern_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

func plan(t *testing.T, l *govern.Ledger, list string) (p *govern.PeoplePlan) {
	t.Helper()
	people, bad, err := govern.ReadPeople(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Read(t.Context(), func(s *govern.State) error { p = s.PlanPeople(people, bad); return nil }); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAListOfPeopleTwiceChangesNothing(t *testing.T) {
	l, err := govern.Open(t.Context(), &governtest.Log{})
	if err != nil {
		t.Fatal(err)
	}
	lists := []string{
		"\ufeffGroup;Account;ID;Name;To;From;Shoe size\r\nDesk One;0044 7700 900001;j.doe;\"Doe; Jane\";2023-12-31;;38\r\n\r\nDesk One;+44 7700 900001;a.lima;Ana Lima;;2024-01-01;\r\n",
		"id,name,account,from\nم,x,,\nz.ali,علي حسن,+971 50 000 0001,2024-02-29\n",
	}
	for i, list := range lists {
		p := plan(t, l, list)
		if i == 1 {
			if len(p.Bad) != 1 || p.Bad[0].Line != 2 {
				t.Fatalf("bad lines %v, want line 2", p.Bad)
			}
			list = strings.Replace(list, "م,x,,\n", "", 1)
			p = plan(t, l, list)
		}
		if len(p.Bad) > 0 || len(p.Steps) == 0 {
			t.Fatalf("list %d: %+v", i, p)
		}
		if n, err := l.DoAll(t.Context(), operator, p.Requests()); err != nil || n != len(p.Steps) {
			t.Fatalf("%d of %d: %v", n, len(p.Steps), err)
		}
		if p := plan(t, l, list); len(p.Steps)+len(p.Bad) != 0 {
			t.Fatalf("again: %+v", p)
		}
	}
	if err := l.Read(t.Context(), func(s *govern.State) error {
		for at, want := range map[string]string{"2023-12-31": "j.doe", "2024-01-01": "a.lima"} {
			day, _ := time.Parse(time.DateOnly, at)
			if got := s.CustodianOf("+44 7700-900001", day); got != want {
				t.Errorf("on %s it was %q's, want %q", at, got, want)
			}
		}
		if g := s.Groups["desk-one"]; g == nil || g.Name != "Desk One" || !slices.Equal(g.Members, []string{"a.lima", "j.doe"}) {
			t.Errorf("group %+v", g)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestBadLinesOfAListAreAllNamed(t *testing.T) {
	l, err := govern.Open(t.Context(), &governtest.Log{})
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, l, `id,name,email,account,from,to
j.doe,Jane,jane@acme.example,+447700900001,2024-01-01,
a.lima,Ana,nobody,,,
j.doe,Janet,,,,
bob,,,,,
eve,Eve,,+44 7700 900001,2024-06-01,
sam,Sam,,1,2024-13-01,
tim,Tim,,2,2024-02-01,2024-01-01
pat,Pat,,,2024-01-01,
kim,Kim,,,,,more
`)
	want := []string{
		`3 "nobody" is no address for mail.`, "4 It contradicts line 2.", "5 Give the custodian a name.",
		"6 Jane has +447700900001 from 2024-01-01 on. Say when that ends first.", `7 "2024-13-01" is no date: write it as 2024-01-31.`,
		"8 The last day is before the first.", "9 It has days, and no account.", "10 It has more fields than the first line.",
	}
	var got []string
	for _, b := range p.Bad {
		got = append(got, fmt.Sprint(b.Line, " ", b.Say))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, list := range []string{"", "name\nJane\n", "id,ID\n", "\xff\xfei\x00d\x00"} {
		if _, _, err := govern.ReadPeople(strings.NewReader(list)); err == nil {
			t.Errorf("%q is taken", list)
		}
	}
}

func TestAHugeListOfPeople(t *testing.T) {
	l, err := govern.Open(t.Context(), &governtest.Log{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("id,name,account,group\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "p%d,Person %d,+4477%08d,g%d\n", i, i, i, i%50)
	}
	p := plan(t, l, b.String())
	if len(p.Bad) > 0 || len(p.Steps) != 20_050 {
		t.Fatalf("%d steps, bad %v", len(p.Steps), p.Bad)
	}
	if n, err := l.DoAll(t.Context(), operator, p.Requests()); n != 20_050 || err != nil {
		t.Fatal(n, err)
	}
}

func FuzzReadPeople(f *testing.F) {
	f.Add("id,name\nj.doe,Jane\n")
	f.Add("\ufeffid;name;account\n\"a\"\"b\";x;+1\n")
	f.Fuzz(func(t *testing.T, list string) {
		people, bad, err := govern.ReadPeople(strings.NewReader(list))
		if err != nil {
			return
		}
		l, err := govern.Open(t.Context(), &governtest.Log{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			var p *govern.PeoplePlan
			_ = l.Read(t.Context(), func(s *govern.State) error { p = s.PlanPeople(people, bad); return nil }) // cannot fail
			if n, err := l.DoAll(t.Context(), operator, p.Requests()); err != nil {
				t.Fatalf("step %d of a plan: %v", n, err)
			}
		}
	})
}

// What is held is what the open holds cover together, in whatever order they
// were placed, widened and released.
func TestHoldsInAnyOrder(tt *testing.T) {
	rapid.Check(tt, func(t *rapid.T) {
		f := running(tt)
		for range 40 { // messages
			if _, err := f.log.Append(tt.Context(), []record.Record{{Kind: record.Item, Parts: [][]byte{[]byte("{}\n")}}}); err != nil {
				t.Fatal(err)
			}
		}
		l, ann, ben := f.l, f.as("olga"), f.as("otto")
		open := map[int64][]int64{}
		some := rapid.SliceOfN(rapid.Int64Range(0, 39), 1, 5)
		for i := range rapid.IntRange(1, 12).Draw(t, "acts") {
			ids := slices.Sorted(maps.Keys(open))
			switch act := rapid.IntRange(0, 2).Draw(t, "act"); {
			case act == 0 || len(ids) == 0:
				seqs := some.Draw(t, "messages")
				id, err := l.Do(t.Context(), ann, govern.Request{Act: govern.ActHoldPlace, Reason: "a letter", Data: govern.HoldData{Name: fmt.Sprint("hold ", i), Messages: govern.RunsOf(seqs)}})
				if err != nil {
					t.Fatal(err)
				}
				open[id] = seqs
			case act == 1:
				id, seqs := rapid.SampledFrom(ids).Draw(t, "hold"), some.Draw(t, "more")
				if _, err := l.Do(t.Context(), ann, govern.Request{Act: govern.ActHoldChange, Data: govern.HoldChange{Hold: id, Messages: govern.RunsOf(seqs)}}); err != nil {
					t.Fatal(err)
				}
				open[id] = append(open[id], seqs...)
			default:
				id := rapid.SampledFrom(ids).Draw(t, "hold")
				q, err := l.Ask(t.Context(), ann, govern.Request{Act: govern.ActHoldRelease, Reason: "settled", Data: govern.HoldRef{Hold: id}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := l.Do(t.Context(), ann, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: q}}); err == nil {
					t.Fatal("one person released a hold")
				}
				if _, err := l.Do(t.Context(), ben, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: q}}); err != nil {
					t.Fatal(err)
				}
				delete(open, id)
			}
			covered(t, l, open)
		}
	})
}

func covered(t *rapid.T, l *govern.Ledger, open map[int64][]int64) {
	err := l.Read(t.Context(), func(s *govern.State) error {
		for seq := range int64(40) {
			want, got := false, false
			for _, seqs := range open {
				want = want || slices.Contains(seqs, seq)
			}
			for _, h := range s.Holds {
				got = got || h.Open() && h.Messages.Has(seq)
			}
			if got != want {
				t.Errorf("message %d held: %v, want %v", seq, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
