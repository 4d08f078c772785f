package index

import (
	"fmt"
	"slices"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
)

func TestPeople(t *testing.T) {
	l := newLog(t)
	a := l.capture(t, "a", fakeReading{Account: drawnAccounts[0]})
	a.said(t, "2024-05-13T09:00", "Ana", "one")
	a.said(t, "2024-05-14T09:00", "\u202a+44 7700 900123\u202c", "two")
	a.said(t, "2024-05-15T09:00", "\u202a+44 7700 900123\u202c", "three")
	a.end(t)
	b := l.capture(t, "b", fakeReading{Account: drawnAccounts[1]})
	b.said(t, "2024-06-01T09:00", "", "four", func(m *chat.Message) { m.From = &chat.Person{Phone: "+447700900123"} })
	b.said(t, "2023-01-01T09:00", "", "five", func(m *chat.Message) { m.From = &chat.Person{LID: "77@lid"} })
	b.said(t, "2023-02-01T09:00", "", "six", func(m *chat.Message) { m.From = &chat.Person{Name: "Zoe", Phone: "+447700900555"} })
	b.end(t)
	cfg := config(t, l)
	books := newBooks()
	books.tenure(drawnAccounts[0], "ann", "2020-01-01")
	cfg.Books = books
	x := openIndex(t, cfg)
	list := func(v *View, f PersonFilter) (out []string) {
		t.Helper()
		rows, n, err := v.People(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			p := &rows[i]
			out = append(out, fmt.Sprintf("%s/%s %d %s", p.Name, p.Address, p.Messages, p.Last[:10]))
		}
		return append(out, fmt.Sprint(n))
	}
	all := &View{x, &within{all: true}}
	for name, c := range map[string]struct {
		v    *View
		f    PersonFilter
		want []string
	}{
		"all":      {all, PersonFilter{}, []string{"/+447700900123 3 2024-06-01", "/77@lid 1 2023-01-01", "Ana/ 1 2024-05-13", "Zoe/+447700900555 1 2023-02-01", "4"}},
		"unnamed":  {all, PersonFilter{Unnamed: true}, []string{"/+447700900123 3 2024-06-01", "/77@lid 1 2023-01-01", "2"}},
		"page":     {all, PersonFilter{Offset: 1, Limit: 1}, []string{"/77@lid 1 2023-01-01", "4"}},
		"skipped":  {all, PersonFilter{Unnamed: true, Skip: func(p *PersonRow) bool { return p.Address == "77@lid" }}, []string{"/+447700900123 3 2024-06-01", "1"}},
		"of ann":   {x.Within(Scope{Custodians: []string{"ann"}}), PersonFilter{}, []string{"/+447700900123 2 2024-05-15", "Ana/ 1 2024-05-13", "2"}},
		"of days":  {x.Within(Scope{From: "2024-05-15", To: "2024-05-31"}), PersonFilter{}, []string{"/+447700900123 1 2024-05-15", "1"}},
		"nothing":  {x.Within(Scope{Nothing: true}), PersonFilter{}, []string{"0"}},
		"past all": {all, PersonFilter{Offset: 99, Limit: 5}, []string{"4"}},
	} {
		if got := list(c.v, c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMonths(t *testing.T) {
	l := newLog(t)
	a := l.capture(t, "a", fakeReading{})
	for _, at := range []string{"2024-05-13T09:00", "2024-05-31T23:59", "2024-06-01T00:00", "2022-02-28T10:00"} {
		a.said(t, at, "Ana", "hello")
	}
	a.said(t, "2024-06-02T00:00", "Ana", "other")
	a.end(t)
	x := indexOf(t, l)
	got, err := x.Months(t.Context(), "hello")
	if want := []Month{{"2022-02", 1}, {"2024-05", 2}, {"2024-06", 1}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("months %v (%v), want %v", got, err, want)
	}
	if got, err := x.Within(Scope{To: "2024-05-20"}).Months(t.Context(), "hello"); err != nil || !slices.Equal(got, []Month{{"2022-02", 1}, {"2024-05", 1}}) {
		t.Errorf("months inside %v (%v)", got, err)
	}
	if _, err := x.Months(t.Context(), `"open`); err == nil {
		t.Error("a query that is not understood has months")
	}
}
