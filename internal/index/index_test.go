package index

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

// cases are the hard ones of every script: message, query, hit or miss.
var cases = []struct {
	message, query string
	hit            bool
}{
	{"treffen im café um 5", "cafe", true},
	{"see you at the cafe", "café", true},
	{"cafe\u0301 noir", "café", true},
	{"Königstraße 5", "KONIGSTRASSE", true},
	{"İstanbul ofisi", "istanbul", true},
	{"gửi hợp đồng cho tôi", "hop dong", true},
	{"пришли ещё раз", "еще", true},
	{"biuro Łódź", "lodz", true},
	{"我们明天签合同吧", "合同", true},
	{"我们明天签合同吧", "签", true},
	{"请把付款发票寄给我", "付款发票", true},
	{"合作同意", "合同", false},
	{"東京都庁で会議です", "東京", true},
	{"テスト送信", "ﾃｽﾄ", true},
	{"계약서를 보내주세요", "계약", true},
	{"ฉันจะส่งสัญญาพรุ่งนี้", "สัญญา", true},
	{"وَقَّعَ العَقْدُ اليوم", "العقد", true},
	{"مرحبا أحمد", "احمد", true},
	{"وقع العقد اليوم", "عقد", true},
	{"المبلغ ٥٠٠٠ ريال", "5000", true},
	{"שָׁלוֹם לך", "שלום", true},
	{"कृपया अनुबंध भेजें", "अनुबंध", true},
	{"ok deal 👍", "👍", true},
	{"ok deal 👍🏽", "👍", true},
	{"office 🇩🇪 closed", "🇩🇪", true},
	{"office 🇫🇷 closed", "🇩🇪", false},
	{"call +49 151 2345 6789", "+49 151 2345 6789", true},
	{"call +49 151 2345 6789", "4915123456789", true},
	{"call 4915123456789 now", "23456", true},
	{"call 4915123456789 now", "6789", true},
	{"DE89 3704 0044 0532 0130 00", "DE89370400440532013000", true},
	{"sign the contract", "*tract*", true},
	{"sign the contract", "contr*", true},
	{"b2b rebate", "*bat*", true},
	{"write john.doe@example.com", "john.doe@example.com", true},
	{"write john.doe@example.com", "example", true},
	{"d'accord, l'accord est signé", "accord", true},
	{"pay €5,000 now", "5000", true},
	{"ＡＢＣ１２３ です", "abc123", true},
	{"ofﬁce hours", "office", true},
	{"plan b is on", "b", true},
	{"the artist left early", "art", false},
	{"wire deposit the today", `"the deposit"`, false},
	{"gamma delta", "gamma -delta", false},
	{"gamma delta", "gamma delta", true},
	{"gamma delta", "delta OR omega", true},
	{"gamma delta", "(omega OR gamma) delta", true},
	{"ΣΊΣΥΦΟΣ", "σισυφος", true},
	{"Ærøskøbing", "aeroskobing", true},
	{"ສະບາຍດີຕອນເຊົ້າ", "ສະບາຍດີ", true},
	{"საქართველო", "საქართველო", true},
	{"1.500,00 €", "1500", true},
	{"see https://example.org/a?b=1", "example.org", true},
	{"naïve coöperate", "naive cooperate", true},
	{"mañana", "manana", true},
	{"call 4915123456789 now", "+49 151 2345 6789", true},
	{"call 4915123456789 now", "call +49 151 23456789 now", true},
	{"IBAN DE89370400440532013000", "DE89 3704 0044 0532 0130 00", true},
	{"pay 5000 now", "5 000", true},
	{"34 crates, 12 pallets", "12 34", true},
	{"12 crates", "12 34", false},
	{"call 4915123456789 now", "+49 151 9999 6789", false},
	{"call 4915123456789 now", "-4915123456789", false},
	{"smart quotes here", "“smart quotes”", true},
	{"quotes smart here", "„smart quotes“", false},
	{"quotes smart here", "«smart» here", true},
	{"O’Brien called", "obrien", true},
	{"obrien called", "O'Brien", true},
	{"they dont care", "don't", true},
	{"send an e-mail", "email", true},
	{"send an email", "e-mail", true},
	{"sent an email", `"an e-mail"`, false}, // other spellings stand by themselves
	{"the U.S.A. office", "USA", true},
	{"the USA office", "U.S.A.", true},
	{"ref AB-12345/X", "ab12345", true},
	{"Jürgen Müller", "juergen mueller", true},
	{"Mueller called", "Müller", true},
	{"Muller called", "mueller", false},
	{"the poet left", "pot", false},
	{"flight LH 400", "LH400", true},
	{"5 kg of it", "5kg", true},
	{"می\u200cخواهم بروم", "میخواهم", true},
	{"می\u200cخواهم بروم", "می خواهم", true},
	{"کتاب\u200cها", "کتاب", true},
	{"وعقد البيع", "عقد", true},
	{"החוזה נחתם", "חוזה", true},
	{"צה״ל", "צהל", true},
	{"हिन्दी में", "हिंदी", true},
	{"カタカナです", "かたかな", true},
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.query+" in "+c.message, func(t *testing.T) {
			l := newLog(t)
			k := l.capture(t, "chat", fakeReading{})
			k.said(t, "2024-05-13T09:00", "Ana", c.message)
			k.said(t, "2024-05-13T09:01", "Bob", "something else entirely, nothing of the kind")
			k.end(t)
			got := find(t, indexOf(t, l), c.query)
			if hit := slices.Contains(got, c.message); hit != c.hit || len(got) > 1 {
				t.Fatalf("found %q", got)
			}
		})
	}
}

// TestSharedCases runs the list beside the repository, where it is.
func TestSharedCases(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "..", "..", "..", "shared", "corpus", "search-cases.tsv"))
	if err != nil {
		t.Skip("the list of cases does not lie beside the repository")
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || f[0] == "case" {
			continue
		}
		n++
		l := newLog(t)
		k := l.capture(t, "chat", fakeReading{})
		k.said(t, "2024-05-13T09:00", "Ana", f[1])
		k.end(t)
		if got := find(t, indexOf(t, l), f[2]); (len(got) == 1) != (f[3] == "hit") {
			t.Errorf("%s: %q in %q: found %q", f[0], f[2], f[1], got)
		}
	}
	if n < 40 {
		t.Errorf("only %d cases", n)
	}
}

func sample(t testing.TB) *fakeLog {
	t.Helper()
	l := newLog(t)
	k := l.capture(t, "Acme deal", fakeReading{})
	k.said(t, "2024-01-31T23:30", "Ana Lima", "the contract is ready")
	k.said(t, "2024-02-01T09:00", "Bob Stone", "see https://example.org")
	k.said(t, "2024-02-01T09:01", "Bob Stone", "", func(m *chat.Message) {
		m.Type, m.Attachments = chat.Image, []chat.Attachment{{Name: "IMG-1.jpg", State: chat.Missing}}
	})
	k.said(t, "2024-02-29T09:01", "+44 7700 900123", "contract signed")
	k.said(t, "2024-02-29T09:02", "", "Ana Lima left")
	k.unread(t, "nobody can read this contract")
	k.end(t)
	k = l.capture(t, "Family", fakeReading{})
	k.said(t, "2023-06-01T10:00", "Ana Lima", "contract of the flat", func(m *chat.Message) { m.Edited = true })
	k.end(t)
	return l
}

func TestFilters(t *testing.T) {
	x := indexOf(t, sample(t))
	for query, want := range map[string][]string{
		"contract":                             {"nobody can read this contract", "contract signed", "the contract is ready", "contract of the flat"},
		"contract from:ana":                    {"the contract is ready", "contract of the flat"},
		`from:"Ana Lima" in:acme`:              {"the contract is ready"},
		"from:447700900123":                    {"contract signed"},
		"in:family":                            {"contract of the flat"},
		"contract after:2024 before:2025":      {"nobody can read this contract", "contract signed", "the contract is ready"},
		"contract on:2024-01":                  {"the contract is ready"},
		"contract on:2024-01-31":               {"the contract is ready"},
		"contract -on:2024-01-31 in:acme":      {"nobody can read this contract", "contract signed"},
		"after:2024-02-29 type:text":           {"contract signed"},
		"before:2024":                          {"contract of the flat"},
		"has:link":                             {"see https://example.org"},
		"has:attachment":                       {""},
		"type:image is:missing":                {""},
		"is:edited":                            {"contract of the flat"},
		"is:system":                            {""},
		"is:unread":                            {"nobody can read this contract"},
		"-contract has:link":                   {"see https://example.org"},
		"custodian:j.doe signed":               {"contract signed"},
		"custodian:nobody":                     nil,
		"source:fake flat":                     {"contract of the flat"},
		"IMG":                                  {""},
		"contract - signed & sealed … OR flat": {"contract of the flat"},
		"signed AND contract":                  {"contract signed"},
		"(flat OR signed) AND NOT in:family":   {"contract signed"},
		"flat || signed":                       {"contract signed", "contract of the flat"},
		"":                                     {"nobody can read this contract", "", "contract signed", "", "see https://example.org", "the contract is ready", "contract of the flat"},
	} {
		if got := find(t, x, query); !cmp.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestQueriesThatAreNotUnderstood(t *testing.T) {
	x := indexOf(t, sample(t))
	for q, word := range map[string]string{"type:nonsense": "image", "has:nonsense": "link", "is:nonsense": "revoked", "source:nonsense": "fake", "colour:red": "from:"} {
		if _, err := x.Search(t.Context(), Search{Query: q}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s does not say what there is: %v", q, err)
		}
	}
	for _, q := range []string{
		`"open`, "(a", "a)", "colour:red", "type:nonsense", "has:nonsense", "is:nonsense", "on:yesteryear", "a OR -b", "a OR", "label:x", "lang:de", "from:", `from:""`, `in:" "`, "NOT",
		"-", "*", `""`, "…", "- * …", "()", "AND", "a AND", "AND a", "a AND AND b", "a AND OR b", "NOT OR a", "(NOT) a", "a -)", "a OR …", "con*ct", "source:nonsense",
		strings.Repeat("a ", 100), strings.Repeat("x", 5000), strings.Repeat("(", 20) + "a", "a OR on:2024",
	} {
		if _, err := x.Search(t.Context(), Search{Query: q}); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", q, err)
		}
	}
}

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

func all(t testing.TB, x *Index) (ms []chat.Message) {
	t.Helper()
	if err := x.All(t.Context(), "", func(m chat.Message) error { ms = append(ms, m); return nil }); err != nil {
		t.Fatal(err)
	}
	return ms
}

func TestSightingsAndVersions(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{})
	hello := k.said(t, "2024-05-13T09:00", "Ana", "hello")
	k.said(t, "2024-05-13T09:00", "Ana", "secret plan")
	k.said(t, "2024-05-13T09:01", "Bob", "ok")
	k.said(t, "2024-05-13T09:01", "Bob", "ok")
	k.said(t, "2024-05-13T09:02", "Bob", "five pm")
	k.end(t)
	k = l.capture(t, "chat", fakeReading{})
	k.again(hello)
	k.said(t, "2024-05-13T09:00", "Ana", "", func(m *chat.Message) { m.Revoked, m.Type = true, chat.Unknown })
	k.said(t, "2024-05-13T09:01", "Bob", "ok ") // another writing of the same
	k.said(t, "2024-05-13T09:01", "Bob", "ok ")
	k.said(t, "2024-05-13T09:02", "Bob", "six pm", func(m *chat.Message) { m.Edited = true })
	k.said(t, "2024-05-13T09:05", "Ana", "new")
	k.end(t)
	x := indexOf(t, l)
	ms := all(t, x)
	var got []string
	for _, m := range ms {
		s := m.Text
		if m.Revoked {
			s += "(revoked)"
		}
		for _, v := range m.Versions {
			s += " was:" + v.Text
		}
		got = append(got, fmt.Sprint(s, " ", len(m.Records)))
	}
	want := []string{"hello 1", "(revoked) was:secret plan 2", "ok  2", "ok  2", "six pm was:five pm 2", "new 1"}
	if !cmp.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if f := find(t, x, "secret"); len(f) != 1 {
		t.Errorf("what was revoked is not found: %q", f)
	}
	if rows, err := x.Chats(t.Context(), ChatFilter{}); err != nil || rows[0].Messages != 6 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestZoneDoesNotPartSightings: what two captures print alike is one message,
// whatever zone either is thought to be of.
func TestZoneDoesNotPartSightings(t *testing.T) {
	l := newLog(t)
	for i, zone := range []time.Duration{0, 5*time.Hour + 30*time.Minute} {
		k := l.capture(t, "chat", fakeReading{Zone: zone})
		k.said(t, "2024-05-13T23:58", "Ana", "hello"+strings.Repeat(" ", i))
		k.end(t)
	}
	x := indexOf(t, l)
	if ms := all(t, x); len(ms) != 1 || len(ms[0].Records) != 2 {
		t.Fatalf("%+v", ms)
	}
	if got := find(t, x, "hello on:2024-05-13"); len(got) != 1 {
		t.Fatal("not found under the date that was printed")
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
			if got := strings.Join(inChat(t, indexOf(t, l), "1"), " "); got != c.want {
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
	if got := inChat(t, indexOf(t, l), "1"); !cmp.Equal(got, []string{"a", "b", "c", "d"}) {
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

func TestLaterCaptureThatKnowsBetterIsBelieved(t *testing.T) {
	l := newLog(t)
	k := l.capture(t, "chat", fakeReading{Days: 30})
	a := k.said(t, "2024-05-13T09:00", "Ana", "first")
	k.said(t, "2024-05-14T09:00", "Ana", "second")
	k.end(t)
	x := indexOf(t, l)
	if ms := all(t, x); ms[0].SentLocal != "2024-06-12T09:00" {
		t.Fatalf("%+v", ms[0])
	}
	k = l.capture(t, "chat", fakeReading{Sure: true})
	k.again(a)
	k.end(t)
	if err := x.Follow(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if ms := all(t, x); ms[0].SentLocal != "2024-05-13T09:00" || ms[1].SentLocal != "2024-05-14T09:00" {
		t.Fatalf("%+v", ms)
	}
	if got := find(t, x, "first on:2024-05-13"); len(got) != 1 {
		t.Fatal("not found under its new date")
	}
	if got := find(t, x, "first on:2024-06-12"); len(got) != 0 {
		t.Fatal("found under its old date")
	}
}

// drawLog makes a log of several captures of few chats, with sightings.
func drawLog(t *testing.T, rt *rapid.T) *fakeLog {
	l := newLog(t)
	var seqs []int64
	for range rapid.IntRange(1, 5).Draw(rt, "captures") {
		k := l.capture(t, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "chat"), fakeReading{
			Days: rapid.IntRange(0, 2).Draw(rt, "days"), Sure: rapid.Bool().Draw(rt, "sure"), Zone: time.Duration(rapid.IntRange(-1, 1).Draw(rt, "zone")) * time.Hour,
		})
		for range rapid.IntRange(0, 12).Draw(rt, "items") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				k.unread(t, "unreadable words")
			case 1, 2:
				if len(seqs) > 0 {
					k.again(rapid.SampledFrom(seqs).Draw(rt, "again"))
				}
			default:
				at := time.Date(2024, 5, 13, 9, rapid.IntRange(0, 6).Draw(rt, "minute"), 0, 0, time.UTC).AddDate(0, rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, -7, 24}).Draw(rt, "months"), 0)
				seqs = append(seqs, k.said(t, at.Format("2006-01-02T15:04"), rapid.SampledFrom([]string{"Ana", "Bob", ""}).Draw(rt, "author"),
					rapid.SampledFrom([]string{"ok", "hello world", "签合同", "+49 151 23456789"}).Draw(rt, "text"), func(m *chat.Message) {
						if m.From != nil {
							m.Revoked = rapid.IntRange(0, 5).Draw(rt, "revoked") == 0
							m.Edited = rapid.IntRange(0, 5).Draw(rt, "edited") == 0
						}
					}))
			}
		}
		if rapid.IntRange(0, 5).Draw(rt, "cut short") > 0 {
			k.end(t)
		}
	}
	return l
}

// TestRebuildIsTheSame: an index that followed step by step is the index that
// is built from nothing, row by row and token by token; and it shows every
// record of the log exactly once, and every message on one page of its chat.
func TestRebuildIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := drawLog(t, rt)
		grown := &fakeLog{}
		cfg := config(t, grown)
		x, err := Open(t.Context(), cfg)
		if err != nil {
			rt.Fatal(err)
		}
		for len(grown.entries) < len(whole.entries) {
			n := min(len(grown.entries)+rapid.IntRange(1, 15).Draw(rt, "step"), len(whole.entries))
			grown.entries = whole.entries[:n]
			if err := x.Follow(t.Context(), nil); err != nil {
				rt.Fatal(err)
			}
		}
		shown := map[int64]int{}
		for _, m := range all(t, x) {
			for _, r := range m.Records {
				shown[r]++
			}
		}
		rows, err := x.Chats(t.Context(), ChatFilter{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range rows {
			if n := len(inChat(t, x, r.ID)); int64(n) != r.Messages {
				rt.Fatalf("%d of %d messages of a chat are on its pages", n, r.Messages)
			}
		}
		if err := x.Close(); err != nil {
			rt.Fatal(err)
		}
		found, err := Check(t.Context(), cfg, nil)
		if err != nil || len(found) > 0 {
			rt.Fatalf("%q, %v", found, err)
		}
		for _, e := range whole.entries {
			want := 0
			if e.Kind == "item" || e.Kind == "unparsed" {
				want = 1
			}
			if shown[e.Seq] != want {
				rt.Fatalf("entry %d (%s) is shown %d times", e.Seq, e.Kind, shown[e.Seq])
			}
		}
	})
}

func TestCheckFindsWhatDiffers(t *testing.T) {
	for what, change := range map[string]string{
		"":         `SELECT 1`,
		"messages": `UPDATE message SET chat = 2 WHERE chat = 1`,
		"words":    `INSERT INTO fts (rowid, t) SELECT min(id), 'forged' FROM message`,
		"people":   `UPDATE person SET ident = 'Eve' WHERE id = 1`,
		"counts":   `UPDATE state SET value = value + 1 WHERE key = 'messages'`,
	} {
		t.Run(what, func(t *testing.T) {
			cfg := config(t, sample(t))
			x, err := Open(t.Context(), cfg)
			if err == nil {
				err = errors.Join(x.Follow(t.Context(), nil), x.w.c.exec(change), x.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			found, err := Check(t.Context(), cfg, nil)
			if err != nil || what == "" && len(found) > 0 || what != "" && (len(found) != 1 || !strings.HasPrefix(found[0], what)) {
				t.Fatalf("%q, %v", found, err)
			}
		})
	}
}

// TestDamagedIndexIsNeverTrusted: whatever was done to the file, it is found
// by Check, or the answers are right.
func TestDamagedIndexIsBuiltAnew(t *testing.T) {
	l := sample(t)
	cfg := config(t, l)
	x, err := Open(t.Context(), cfg)
	if err == nil {
		err = errors.Join(x.Follow(t.Context(), nil), x.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"contract", "Ana", "example", "SQLite"} {
		if bytes.Contains(b, []byte(w)) {
			t.Errorf("%q stands in clear in the index", w)
		}
	}
	for name, change := range map[string]func(){
		"other key":  func() { cfg.Key[0]++ },
		"first page": func() { b[20] ^= 1 },
		"cut":        func() { b = b[:len(b)/3] },
	} {
		t.Run(name, func(t *testing.T) {
			change()
			if err := os.WriteFile(cfg.Path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) == 0 {
				t.Errorf("not found: %v", err)
			}
			x, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Follow(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if n := len(all(t, x)); n != 7 {
				t.Errorf("%d messages after building anew, want 7", n)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			if b, err = os.ReadFile(cfg.Path); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{`"a b" OR c`, "from:ana -x", "*a*", "(a b) c*", "on:2024 -before:2023", `in:"x`, "签 * ) ( \" - :", "-\"", "a\x00b", "=c1", "#1234", "NEAR(a b)", "t : a"} {
		f.Add(q)
	}
	l := sample(f)
	x := indexOf(f, l)
	f.Fuzz(func(t *testing.T, q string) {
		for _, order := range []Order{Newest, Relevance} {
			if _, err := x.Search(t.Context(), Search{Query: q, Order: order}); err != nil && !errors.Is(err, ErrQuery) {
				t.Fatalf("%q: %v", q, err)
			}
		}
	})
}
