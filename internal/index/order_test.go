package index

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

func withBooks(t testing.TB, l Log, b *fakeBooks) *Index {
	t.Helper()
	cfg := config(t, l)
	cfg.Books = b
	return openIndex(t, cfg)
}

// TestLabels: by hand and by rule, with those below, and off again; acts that
// count for nothing change nothing.
func TestLabels(t *testing.T) {
	l := sample(t) // messages at 2…8, and 10
	b := newBooks()
	b.labels = map[int64]string{12: "Deals", 13: "Deals/Acme", 14: "Links", 15: "Loop", 16: "Old"}
	b.rules = map[int64]string{14: "has:link", 15: "label:Loop", 16: "flat OR (contract on:2024-01)"}
	b.matters = map[int64]string{20: "Smith v. Acme"}
	b.groups["sales"] = []string{"j.doe"}
	b.query["flat"] = "in:family"
	b.query["2024"] = "contract after:2024"
	b.covers["2024"] = [][2]int64{{3, 1}}
	b.covers["few"] = [][2]int64{{2, 2}}
	b.query["none"] = "…"
	l.label(t, actLabelApply, 13, [2]int64{2, 2}, [2]int64{500, 1 << 62})
	l.label(t, actLabelApply, 12, [2]int64{3, 1})
	l.label(t, actLabelRemove, 13, [2]int64{3, 1})
	void := l.label(t, actLabelApply, 12, [2]int64{0, 100})
	b.void[void] = true
	l.label(t, actMatterCollect, 20, [2]int64{5, 1}, [2]int64{10, -4})
	l.act(t, actLabelApply, `"nonsense"`)
	x := withBooks(t, l, b)
	for query, want := range map[string][]string{
		"label:Deals":                        {"see https://example.org", "the contract is ready"},
		"label:Deals/Acme":                   {"the contract is ready"},
		"label:Links":                        {"see https://example.org"},
		"label:Old":                          {"the contract is ready", "contract of the flat"},
		"-label:Old contract":                {"nobody can read this contract", "contract signed"},
		"label:Old OR label:Links":           {"see https://example.org", "the contract is ready", "contract of the flat"},
		`matter:"Smith v. Acme"`:             {"contract signed"},
		"matter:20 OR label:Links":           {"contract signed", "see https://example.org"},
		"hold:flat":                          {"contract of the flat"},
		"hold:few":                           {"see https://example.org", "the contract is ready"},
		"hold:2024":                          {"nobody can read this contract", "contract signed", "see https://example.org", "the contract is ready"},
		"hold:2024 signed":                   {"contract signed"},
		"-hold:2024 contract":                {"contract of the flat"},
		"group:sales flat":                   {"contract of the flat"},
		"group:nobody":                       nil,
		"signed OR on:2023":                  {"contract signed", "contract of the flat"},
		"contract (in:family OR on:2024-01)": {"the contract is ready", "contract of the flat"},
		"contract -(in:acme on:2024-01)":     {"nobody can read this contract", "contract signed", "contract of the flat"},
	} {
		if got := find(t, x, query); !cmp.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for query, says := range map[string]string{"label:Loop": "leads back", "hold:none": "signs", "label:x": "no label", "matter:x": "no matter", "hold:x": "no hold"} {
		if _, err := x.Search(t.Context(), Search{Query: query}); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", query, err)
		}
	}
	res, err := x.Search(t.Context(), Search{Query: "has:link"})
	if err != nil || len(res.Hits) != 1 || !cmp.Equal(res.Hits[0].Message.Labels, []string{"Deals", "Links"}) {
		t.Errorf("%v, %v", res.Hits, err)
	}
	m, err := x.Message(t.Context(), "5")
	if err != nil || !cmp.Equal(m.Matters, []string{"Smith v. Acme"}) {
		t.Errorf("%v, %v", m.Matters, err)
	}
}

// TestLabelsStay: a label stays on a message that another capture has, too,
// whichever of its records it was put on, and comes off with all of them.
func TestLabelsStay(t *testing.T) {
	l := newLog(t)
	b := newBooks()
	b.labels = map[int64]string{7: "L"}
	k := l.capture(t, "chat", fakeReading{})
	first := k.said(t, "2024-05-13T09:00", "Ana", "signed")
	k.end(t)
	k = l.capture(t, "chat", fakeReading{Zone: 3600e9})
	second := k.said(t, "2024-05-13T10:00", "Ana", "signed", func(m *chat.Message) { m.Edited = false })
	l.label(t, actLabelApply, 7, [2]int64{second, 1})
	l.label(t, actLabelApply, 7, [2]int64{first, 1})
	k.said(t, "2024-05-13T10:01", "Bob", "another")
	k.end(t)
	x := withBooks(t, l, b)
	for _, h := range find(t, x, "label:L") {
		if h != "signed" {
			t.Errorf("%q is labelled", h)
		}
	}
	l.label(t, actLabelRemove, 7, [2]int64{first, 1})
	l.label(t, actLabelRemove, 7, [2]int64{second, 1})
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := find(t, x, "label:L"); len(got) > 0 {
		t.Errorf("still labelled: %q", got)
	}
}

// TestCustodianOfTheDay: where a capture names no custodian, it is whoever had
// the number when the message was sent, as the books say now.
func TestCustodianOfTheDay(t *testing.T) {
	l := newLog(t)
	b := newBooks()
	k := l.capture(t, "chat", fakeReading{Account: "+447700900001"})
	k.said(t, "2024-01-13T09:00", "Ana", "old")
	k.said(t, "2024-05-13T09:00", "Ana", "new")
	k.end(t)
	x := withBooks(t, l, b)
	b.tenure("+447700900001", "ann", "2020-01-01")
	l.act(t, actAccount, `{"account":"+44 7700 900001"}`)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := find(t, x, "custodian:ann"); !cmp.Equal(got, []string{"new", "old"}) {
		t.Errorf("ann has %q", got)
	}
	b.tenure("+447700900001", "bob", "2024-03-01")
	l.act(t, actAccount, `{"account":"+44 7700 900001"}`)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string][]string{"ann": {"old"}, "bob": {"new"}} {
		if got := find(t, x, "custodian:"+who); !cmp.Equal(got, want) {
			t.Errorf("%s has %q, want %q", who, got, want)
		}
		res, err := x.Within(Scope{Custodians: []string{who}}).Search(t.Context(), Search{})
		if err != nil || len(res.Hits) != 1 || res.Hits[0].Message.Custodian != who || res.Hits[0].Message.Text != want[0] {
			t.Errorf("%s: %v, %v", who, res.Hits, err)
		}
	}
	// What the books know and the index has not followed yet is no fault of it.
	for range 2 {
		found, err := Check(t.Context(), x.cfg, nil)
		if err != nil || len(found) > 0 {
			t.Errorf("%q, %v", found, err)
		}
		b.tenure("+447700900001", "cid", "2024-04-01")
		l.act(t, actAccount, `{}`)
	}
}

// TestBooksThatCannotBeRead: then nobody knows which acts count, and the index
// stays as far as it was.
func TestBooksThatCannotBeRead(t *testing.T) {
	l := sample(t)
	cfg := config(t, l)
	cfg.Books = brokenBooks{newBooks()}
	x := openIndex(t, cfg)
	l.label(t, actLabelApply, 7, [2]int64{2, 1})
	if err := x.Follow(t.Context(), nil); !errors.Is(err, ErrBooks) {
		t.Errorf("followed: %v", err)
	}
	if cov, err := x.Coverage(t.Context()); err != nil || cov.Through != cov.Of-1 {
		t.Errorf("%+v, %v", cov, err)
	}
}

type brokenBooks struct{ *fakeBooks }

func (brokenBooks) Void(int64) error { return ErrBooks }

// TestQueriesAreWhatTheySay: words, dates, labels, matters and holds in any
// brackets find what the same question finds that is asked of each message.
func TestQueriesAreWhatTheySay(t *testing.T) {
	l := newLog(t)
	b := newBooks()
	b.labels = map[int64]string{1: "A", 2: "B"}
	b.rules = map[int64]string{2: "red before:2024-05-03"}
	b.matters = map[int64]string{3: "M"}
	b.query["H"] = "-blue"
	b.covers["H"] = [][2]int64{{4, 3}, {12, 1}}
	b.query["Q"] = "after:2024-05-04 -green"
	k := l.capture(t, "chat", fakeReading{})
	words := []string{"red", "green", "blue", "red blue", "green blue", "red green blue"}
	for i := range 24 {
		k.said(t, time.Date(2024, 5, 1+i%6, 9, i, 0, 0, time.UTC).Format("2006-01-02T15:04"), "Ana", words[i*5%6])
	}
	k.end(t)
	l.label(t, actLabelApply, 1, [2]int64{5, 9})
	l.label(t, actMatterCollect, 3, [2]int64{10, 7})
	x := withBooks(t, l, b)
	everything := all(t, x)
	type leaf struct {
		query string
		holds func(m *chat.Message) bool
	}
	word := func(w string) func(*chat.Message) bool {
		return func(m *chat.Message) bool { return strings.Contains(m.Text, w) }
	}
	in := func(from, to int64) func(*chat.Message) bool {
		return func(m *chat.Message) bool { return m.Seq >= from && m.Seq < to }
	}
	leaves := []leaf{
		{"red", word("red")},
		{"green", word("green")},
		{"blue", word("blue")},
		{"before:2024-05-03", func(m *chat.Message) bool { return m.SentLocal < "2024-05-03" }},
		{"after:2024-05-05", func(m *chat.Message) bool { return m.SentLocal >= "2024-05-05" }},
		{"on:2024-05-02", func(m *chat.Message) bool { return m.SentLocal[:10] == "2024-05-02" }},
		{"label:A", in(5, 14)},
		{"matter:3", in(10, 17)},
		{"label:B", func(m *chat.Message) bool { return word("red")(m) && m.SentLocal < "2024-05-03" }},
		{"hold:H", func(m *chat.Message) bool { return !word("blue")(m) || in(4, 7)(m) || in(12, 13)(m) }},
		{"hold:Q", func(m *chat.Message) bool { return m.SentLocal >= "2024-05-04" && !word("green")(m) }},
	}
	var draw func(rt *rapid.T, depth int) leaf
	draw = func(rt *rapid.T, depth int) leaf {
		kind := rapid.IntRange(0, 3).Draw(rt, "kind")
		if depth == 0 || kind == 0 {
			return rapid.SampledFrom(leaves).Draw(rt, "leaf")
		}
		a, c := draw(rt, depth-1), draw(rt, depth-1)
		switch kind {
		case 1:
			return leaf{"(" + a.query + " " + c.query + ")", func(m *chat.Message) bool { return a.holds(m) && c.holds(m) }}
		case 2:
			return leaf{"(" + a.query + " OR " + c.query + ")", func(m *chat.Message) bool { return a.holds(m) || c.holds(m) }}
		}
		return leaf{"(" + a.query + " -" + c.query + ")", func(m *chat.Message) bool { return a.holds(m) && !c.holds(m) }}
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := draw(rt, 3)
		var want []string
		for i := range everything {
			if q.holds(&everything[i]) {
				want = append(want, everything[i].ID)
			}
		}
		for _, order := range []Order{Oldest, Relevance} {
			res, err := x.Search(t.Context(), Search{Query: q.query, Order: order, Exact: true})
			if err != nil {
				rt.Fatalf("%s: %v", q.query, err)
			}
			var got []string
			for i := range res.Hits {
				got = append(got, res.Hits[i].Message.ID)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || res.Total != int64(len(want)) {
				rt.Fatalf("%s: %v (%d), want %v", q.query, got, res.Total, want)
			}
		}
	})
}

// TestOldLinks: a chat is found under every ID that it ever had, and has the
// same one in an index that is built anew.
func TestOldLinks(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "+44 7700 900123", fakeReading{Kind: chat.Direct})
	k.said(t, "2024-05-13T09:00", "Ana", "one")
	k.end(t)
	x := indexOf(t, l)
	was, err := x.Chats(t.Context(), ChatFilter{})
	if err != nil || len(was) != 1 {
		t.Fatalf("%v, %v", was, err)
	}
	k = l.capture(t, "Ana Lima", fakeReading{Kind: chat.Direct, JID: "447700900123@s.whatsapp.net"})
	k.said(t, "2024-05-13T09:05", "Ana", "two")
	k.end(t)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	now, err := x.Chats(t.Context(), ChatFilter{})
	if err != nil || len(now) != 1 || now[0].ID == was[0].ID {
		t.Fatalf("%v, %v", now, err)
	}
	old, err := x.Chat(t.Context(), was[0].ID)
	if err != nil || !cmp.Equal(old, now[0]) {
		t.Errorf("the old link shows %v, %v", old, err)
	}
	if got := find(t, x, "chat:"+was[0].ID); !cmp.Equal(got, []string{"two", "one"}) {
		t.Errorf("chat: finds %q", got)
	}
	if _, err := x.Matching(t.Context(), "chat:nosuchchat"); !errors.Is(err, ErrQuery) {
		t.Errorf("a chat that there is not: %v", err)
	}
	anew, err := indexOf(t, l).Chats(t.Context(), ChatFilter{})
	if err != nil || !cmp.Equal(anew, now) {
		t.Errorf("built anew: %v, %v", anew, err)
	}
}
