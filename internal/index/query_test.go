package index

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		strings.Repeat("a ", 100), strings.Repeat("x", 5000), strings.Repeat("(", 20) + "a",
	} {
		if _, err := x.Search(t.Context(), Search{Query: q}); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", q, err)
		}
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
