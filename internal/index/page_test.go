package index

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOrderAndPages(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	for i := range 250 {
		k.said(t, time.Date(2024, 5, 13, 9, i, 0, 0, time.UTC).Format("2006-01-02T15:04"), "Ana", fmt.Sprint("wax ", i))
	}
	k.end(t)
	x := indexOf(t, l)
	for _, order := range []Order{Newest, Oldest, Relevance} {
		var got []string
		s := Search{Query: "wax", Order: order, Limit: 60, Exact: true}
		for {
			res, err := x.Search(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if res.Total != 250 {
				t.Fatalf("total = %d", res.Total)
			}
			for _, h := range res.Hits {
				got = append(got, h.Message.Text)
			}
			if s.Cursor = res.Next; s.Cursor == "" {
				break
			}
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != 250 {
			t.Errorf("%s: %d different hits of 250", order, len(slices.Compact(got)))
		}
	}
	res, err := x.Search(t.Context(), Search{Query: "249 OR 0", Context: 2})
	if err != nil || len(res.Hits) != 2 || len(res.Hits[0].Before) != 2 || len(res.Hits[0].After) != 0 || len(res.Hits[1].After) != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if m := res.Hits[0].Marks; !cmp.Equal(m, [][2]int{{4, 7}}) {
		t.Errorf("marks = %v", m)
	}
}

func TestPageScrollsBothWays(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	for i := range 500 {
		at := time.Date(2024, 5, 13, 0, i*7, 0, 0, time.UTC)
		if i == 250 {
			at = at.AddDate(0, 0, -1) // the clock was wrong: order stays that of the source
		}
		k.said(t, at.Format("2006-01-02T15:04"), "Ana", fmt.Sprint(i))
	}
	k.end(t)
	x := indexOf(t, l)
	rows, err := x.Chats(t.Context(), ChatFilter{Text: "an"})
	if err != nil || len(rows) != 1 || rows[0].Messages != 500 || rows[0].Participants[0] != "Ana" {
		t.Fatalf("%+v, %v", rows, err)
	}
	var down, up []string
	at := Place{AtStart: true}
	for more := true; more; {
		p, err := x.Page(t.Context(), rows[0].ID, at, 37)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Messages {
			down = append(down, m.Text)
		}
		more = p.Later
		at = Place{After: p.Messages[len(p.Messages)-1].ID}
	}
	at = Place{}
	for more := true; more; {
		p, err := x.Page(t.Context(), rows[0].ID, at, 41)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Backward(p.Messages) {
			up = append(up, m.Text)
		}
		more = p.Earlier
		at = Place{Before: p.Messages[0].ID}
	}
	slices.Reverse(up)
	for i := range 500 {
		if down[i] != fmt.Sprint(i) || up[i] != fmt.Sprint(i) {
			t.Fatalf("place %d: %s going down, %s going up", i, down[i], up[i])
		}
	}
	p, err := x.Page(t.Context(), rows[0].ID, Place{Date: time.Date(2024, 5, 14, 0, 0, 0, 0, time.UTC)}, 10)
	if err != nil || p.Messages[0].SentLocal[:10] != "2024-05-14" || !p.Earlier || !p.Later {
		t.Fatalf("%+v, %v", p, err)
	}
	p, err = x.Page(t.Context(), rows[0].ID, Place{Around: p.Messages[0].ID}, 11)
	if err != nil || len(p.Messages) != 11 {
		t.Fatalf("%+v, %v", p, err)
	}
}

// inChat returns the texts of a chat as it is shown, in pages of two.
func inChat(t testing.TB, x *Index, id string) (texts []string) {
	t.Helper()
	for at := (Place{AtStart: true}); ; {
		p, err := x.Page(t.Context(), id, at, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Messages {
			texts = append(texts, m.Text)
		}
		if !p.Later {
			return texts
		}
		at = Place{After: p.Messages[len(p.Messages)-1].ID}
	}
}

// TestWrongClockTakesNobodyAlong: records dated far ahead stand there alone,
// and one dated back stands where its source has it.
func TestWrongClockTakesNobodyAlong(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"one ahead":    {"1 2 9 3 4 5", "1 2 3 4 5 9"},
		"the first":    {"9 1 2 3", "1 2 3 9"},
		"two ahead":    {"1 2 8 9 3 4 5 6", "1 2 3 4 5 6 8 9"},
		"five ahead":   {"1 95 96 97 98 99 2 3 4 5 6", "1 2 3 4 5 6 95 96 97 98 99"},
		"ahead twice":  {"1 2 9 3 4 8 5 6", "1 2 3 4 5 6 8 9"},
		"one late":     {"3 4 5 1 6 7", "3 4 5 1 6 7"},
		"one long ago": {"3 4 -5 5 6", "3 4 -5 5 6"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			k := l.capture(t, "chat", fakeReading{})
			for s := range strings.FieldsSeq(c.says) {
				n, err := strconv.Atoi(s)
				if err != nil {
					t.Fatal(err)
				}
				at := time.Date(2024, 5, 1, 0, n, 0, 0, time.UTC)
				switch {
				case n > 7:
					at = at.AddDate(1, 0, 0)
				case n < 0:
					at = at.AddDate(0, n, 0)
				}
				k.said(t, at.Format("2006-01-02T15:04"), "Ana", s)
			}
			k.end(t)
			if got := strings.Join(inOnlyChat(t, indexOf(t, l)), " "); got != c.want {
				t.Errorf("%s is shown as %s, want %s", c.says, got, c.want)
			}
		})
	}
}

// TestPagesSkipNobody: two captures may put messages at one place of a chat.
func TestPagesSkipNobody(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	k.said(t, "2024-05-13T10:00", "Ana", "a")
	k.said(t, "2024-05-13T09:59", "Ana", "b") // where the next id would be
	k.end(t)
	k = l.capture(t, "chat", fakeReading{})
	k.said(t, "2024-05-13T10:00", "Bob", "c")
	k.said(t, "2024-05-13T10:01", "Bob", "d")
	k.end(t)
	if got := inOnlyChat(t, indexOf(t, l)); !cmp.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("shown: %q", got)
	}
}

// TestFullMinuteStaysInItsDay: more messages than a minute has row ids for.
func TestFullMinuteStaysInItsDay(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	const n = 60<<tieBits + 10
	for range n {
		k.said(t, "2024-05-13T23:59", "Ana", "wax")
	}
	k.said(t, "2024-05-14T00:00", "Ana", "wax")
	k.end(t)
	x := indexOf(t, l)
	for query, want := range map[string]int64{"wax on:2024-05-13": n, "on:2024-05-14": 1, "after:2024-05-14": 1, "before:2024-05-14": n, "wax -on:2024-05": 0, "-on:2024-05-13": 1} {
		if res, err := x.Search(t.Context(), Search{Query: query, Exact: true}); err != nil || res.Total != want {
			t.Errorf("%s: %d, %v", query, res.Total, err)
		}
	}
}

// inOnlyChat returns the texts of the one chat that there is.
func inOnlyChat(t testing.TB, x *Index) []string {
	t.Helper()
	rows, err := x.Chats(t.Context(), ChatFilter{})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d chats, %v", len(rows), err)
	}
	return inChat(t, x, rows[0].ID)
}
