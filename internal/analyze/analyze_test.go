package analyze

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shape writes tokens as one line: words as they are, grams as ~gram, the
// grams of numbers as #gram.
func shape(text string) string {
	var out []string
	for _, t := range Tokens(text) {
		out = append(out, [...]string{Word: "", Gram: "~", Digits: "#"}[t.Kind]+t.Text)
	}
	return strings.Join(out, " ")
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"The café, the Café":       "the cafe the cafe",
		"cafe\u0301":               "cafe",
		"Straße ẞ Łódź Đà Ærø Þór": "strasse ss lodz da aero thor aeroe",
		"İstanbul ısı":             "istanbul isi",
		"ещё Мой":                  "еще мой",
		"Ὀδυσσεύς":                 "οδυσσευσ",
		"l'accord l’accord don't":  "l accord l accord don t laccord laccord dont",
		"john.doe@example.com":     "john doe example com",
		"ofﬁce ＡＢＣ１２３":             "office abc123",
		"合同":                       "~合同 ~同",
		"iPhone手机 ok":              "iphone ~手机 ~机 ok",
		"ﾃｽﾄ ｶﾞ":                   "~てす ~すと ~と ~が",
		"か\u3099":                  "~が",
		"สัญญา":                    "~สัญ ~ัญญ ~ญญา ~ญา ~า",
		"وَقَّعَ العَقْدُ":         "وقع العقد",
		"أحمد آمنة إلى ٱلله مـــرحبا": "احمد امنه الي الله مرحبا",
		"می\u200cخواهم کتاب":          "مي خواهم كتاب ميخواهم",
		"שָׁלוֹם לך":                  "שלומ לכ",
		"अनुबंध फ़ोन हाँ":             "अनुबंध फोन हां",
		"٥٠٠٠ ५० ５":                   "5000 50 5 #5000 #0005 #0050",
		"5,000":                       "5 000 #5000",
		"call +49 (0)151 23456":       "call 49 0 151 23456 #4915 #9151 #1512 #5123 #1234 #2345 #3456",
		"1, 2, 3, 4":                  "1 2 3 4",
		"1 2 3 4":                     "1 2 3 4",
		"in 2023. 12 people":          "in 2023 12 people",
		"b2b 5kg eur5000":             "b2b 5kg eur5000 #eur5 #ur50 #r500 #5000",
		"👍🏽 👍 ❤️":                     "👍 👍 ❤",
		"🇩🇪🇫🇷":                        "🇩🇪 🇫🇷",
		"👩‍💻 🤷‍♂️":                    "👩💻 🤷",
		"1️⃣":                         "1",
		"foo\u200bbar soft\u00adhy":   "foo bar softhy",
		"\u202bעברית\u202c":           "עברית",
		"\xff\xfe a":                  "a",
		"e-mail U.S.A. a-b-c-d-e":     "e mail u s a a b c d e email usa abcde",
		"one-two-three-four-five":     "one two three four five",
		"IMG-20240131-WA0001.jpg":     "img 20240131 wa0001 jpg #2024 #0240 #2401 #4013 #0131 #wa00 #a000 #0001",
		"5-6 Müller Jürgen":           "5 6 muller jurgen mueller juergen",
		"हिंदी हिन्दी":                "हिंदी हिंदी",
	} {
		if got := shape(text); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

// found reports whether a query of one word or phrase finds something in text.
func found(text, query string, prefix bool) [][2]int {
	return Query(query, prefix).Find(Tokens(text))
}

func TestQueryFinds(t *testing.T) {
	for _, c := range []struct {
		text, query string
		want        string // what is marked; empty: a miss
	}{
		{"see Café Noir", "cafe", "Café"},
		{"我们明天签合同吧", "签", "签"},
		{"我们明天签合同吧", "签合同", "签合同"},
		{"合作同意", "合同", ""},
		{"ああ", "あああ", ""},
		{"いあああい", "あああ", "あああ"},
		{"ฉันจะส่งสัญญาพรุ่งนี้", "สัญญา", "สัญญา"},
		{"ສະບາຍດີຕອນເຊົ້າ", "ສະບາຍ", "ສະບາຍ"},
		{"ខ្ញុំចង់ចុះកិច្ចសន្យា", "កិច្ចសន្យា", "កិច្ចសន្យា"},
		{"စာချုပ်လက်မှတ်ထိုးပါ", "စာချုပ်", "စာချုပ်"},
		{"계약서를 보내주세요", "계약", "계약"},
		{"وقع العقد اليوم", "عقد", "العقد"},
		{"بالعقد", "عقد", "بالعقد"},
		{"للعقد", "العقد", "للعقد"},
		{"تعقيد", "عقد", ""},
		{"call +49 151 2345 6789 now", "4915123456789", "+49 151 2345 6789"[1:]},
		{"call +49 (0)151 2345", "+491512345", "49 (0)151 2345"},
		{"call +44 7700 900123", "07700900123", "7700 900123"},
		{"call 4915123456789", "004915123456789", "4915123456789"},
		{"call 4915123456789", "5678", "5678"},
		{"call 4915123456789", "567", ""},
		{"DE89 3704 0044 0532 0130 00", "de89370400440532013000", "DE89 3704 0044 0532 0130 00"},
		{"DE89370400440532013000", "DE89 3704 0044", "DE8937040044"},
		{"GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19"},
		{"pay €5,000 now", "5000", "5,000"},
		{"pay 5000 now", "5,000", "5000"},
		{"pay 5'000 now", "5.000", "5'000"},
		{"pay 5000 now", "5,000.00", "5000"},
		{"1 500 000 ₽", "1500000", "1 500 000"},
		{"pay 5,000 now", "pay 5000 now", "pay 5,000 now"},
		{"the artist", "art", ""},
		{"a 👍🏿 b", "👍", "👍🏿"},
		{"a 🇫🇷 b", "🇩🇪", ""},
		{"👩‍👩‍👧 x", "👩‍👩‍👧", "👩‍👩‍👧"},
	} {
		var marked []string
		for _, r := range found(c.text, c.query, false) {
			marked = append(marked, c.text[r[0]:r[1]])
		}
		if got := strings.Join(marked, "|"); got != c.want {
			t.Errorf("%q in %q: marked %q, want %q", c.query, c.text, got, c.want)
		}
	}
}

func TestNoTokensNoMatch(t *testing.T) {
	if got := found("anything …", "…", false); got != nil {
		t.Errorf("a sign found %v", got)
	}
	if _, ok := Number("hello"); ok {
		t.Error("a word is a number")
	}
}

// check is what holds of the tokens of any text.
func check(t interface{ Fatalf(string, ...any) }, text string) []Token {
	toks := Tokens(text)
	pos := -1
	for i, k := range toks {
		if k.Text == "" || !utf8.ValidString(k.Text) || len(k.Text) > maxToken || strings.ContainsAny(k.Text, " \"'=#*()") {
			t.Fatalf("token %d of %q is %q", i, text, k.Text)
		}
		if k.Start < 0 || k.End <= k.Start || k.End > len(text) {
			t.Fatalf("token %d of %q spans %d to %d", i, text, k.Start, k.End)
		}
		if !boundary(text, k.Start) || !boundary(text, k.End) {
			t.Fatalf("token %d of %q cuts a character at %d to %d", i, text, k.Start, k.End)
		}
		if k.Pos <= pos {
			t.Fatalf("token %d of %q stands at %d after %d", i, text, k.Pos, pos)
		}
		pos = k.Pos
	}
	if again := Tokens(text); !cmp.Equal(again, toks) {
		t.Fatalf("%q gives other tokens the second time", text)
	}
	return toks
}

// boundary reports whether a valid text may be cut at i. In invalid text every
// byte is a character.
func boundary(text string, i int) bool {
	return !utf8.ValidString(text) || i == len(text) || utf8.RuneStart(text[i])
}

// alphabet has something of every rule, so that rules meet.
var alphabet = []rune("aBéß1 2.,-()+'@/DEﬁ合同テﾃﾞ계약สัญากعقالـَשםअंम़👍🏽🇩🇪\u200d\ufe0f♂٥５\u0301\u200b\u3099\n")

func texts() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(alphabet), rapid.Rune()), 0, 40, -1)
}

func TestTokensOfAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { check(t, texts().Draw(t, "text")) })
}

// A text is found by itself, in front of and behind other words.
func TestTextFindsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts().Draw(t, "text")
		m := Query(text, false)
		if len(m.Any) == 0 {
			return
		}
		for _, in := range []string{text, "word " + text, text + " word"} {
			if len(m.Find(Tokens(in))) == 0 {
				t.Fatalf("%q does not find itself in %q", text, in)
			}
		}
	})
}

// What is marked are ranges of the text, in order and apart from each other.
func TestMarksOfAnyQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, query := texts().Draw(t, "text"), texts().Draw(t, "query")
		last := -1
		for _, r := range found(text, query, rapid.Bool().Draw(t, "prefix")) {
			if r[0] <= last || r[1] <= r[0] || r[1] > len(text) {
				t.Fatalf("%q in %q marks %v", query, text, r)
			}
			last = r[1]
		}
	})
}

// A substring of a run in an unspaced script is found, and nothing else is.
func TestGramsAreSubstrings(t *testing.T) {
	for script, chars := range map[string]string{"Han": "合同作意明", "Thai": "กขสญา", "Hangul": "계약서를"} {
		t.Run(script, func(t *testing.T) {
			gen := rapid.StringOfN(rapid.SampledFrom([]rune(chars)), 1, 8, -1)
			rapid.Check(t, func(t *rapid.T) {
				text, query := gen.Draw(t, "text"), gen.Draw(t, "query")
				if got, want := len(found(text, query, false)) > 0, strings.Contains(text, query); got != want {
					t.Fatalf("%q in %q: found %v", query, text, got)
				}
			})
		})
	}
}

// A number is found however it, and the query, are grouped.
func TestNumbersInAnySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[1-9][0-9]{6,14}`).Draw(t, "digits")
		spell := func(label string) string {
			var b strings.Builder
			for rest := digits; rest != ""; {
				n := min(rapid.IntRange(2, 5).Draw(t, label), len(rest))
				if len(rest)-n == 1 { // one digit is no group
					n++
				}
				if b.Len() > 0 {
					b.WriteString(rapid.SampledFrom([]string{" ", "-", ".", "/", ") ", "\u00a0"}).Draw(t, label))
				}
				b.WriteString(rest[:n])
				rest = rest[n:]
			}
			return b.String()
		}
		text, query := spell("text"), spell("query")
		if len(found("call "+text+" now", query, false)) == 0 {
			t.Fatalf("%q is not found in %q", query, text)
		}
		if from := rapid.IntRange(0, len(digits)-4).Draw(t, "from"); len(found("call "+text+" now", digits[from:from+4], false)) == 0 {
			t.Fatalf("%q is not found in %q", digits[from:from+4], text)
		}
	})
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"", "café", "签合同", "สัญญา", "👩‍👩‍👧🇩🇪", "+49 (0)151", "DE89 3704", "\xff", "1️⃣", strings.Repeat("\u0301", 60), strings.Repeat("x", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		toks := check(t, text)
		for _, p := range Query(text, false).Any {
			if len(p.Tokens) == 0 {
				t.Fatalf("%q asks for nothing", text)
			}
		}
		if q := Query(text, true); len(toks) == 0 && len(q.Any) > 0 {
			t.Fatalf("%q has no token and asks for %v", text, q.Any)
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	for name, text := range map[string]string{
		"english": "Hi Ana, please sign the contract before Friday 17:30 and pay 5,000 now",
		"german":  "Können Sie mir bitte die Überweisung für die Königstraße bestätigen?",
		"arabic":  "يرجى التوقيع على العقد قبل يوم الجمعة ودفع المبلغ المتبقي",
		"chinese": "请在星期五之前签合同并把付款发票寄给我，谢谢您的帮助",
		"thai":    "ฉันจะส่งสัญญาพรุ่งนี้กรุณาตรวจสอบและลงนาม",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Tokens(text)
			}
		})
	}
}

func ExampleQuery() {
	text := "call +49 151 2345 6789"
	for _, r := range Query("4915123456789", false).Find(Tokens(text)) {
		fmt.Println(text[r[0]:r[1]])
	}
	// Output: 49 151 2345 6789
}

// What is remembered of a character is what looking it up anew gives.
func TestKnownCharactersAreFoldedAlike(t *testing.T) {
	same := func(t interface{ Fatalf(string, ...any) }, text string) {
		var anew folder
		anew.fold(text)
		if got := fold(text); !slices.Equal(got, anew.cells) {
			t.Fatalf("%q folds to %v, and anew to %v", text, got, anew.cells)
		}
	}
	for r := range rune(0x3200) {
		same(t, string(r))
		same(t, "a"+string(r)+"b")
		same(t, "สم"+string(r)+"\u0301")
	}
	rapid.Check(t, func(t *rapid.T) { same(t, texts().Draw(t, "text")) })
}

// A token is letters and digits: whoever keeps tokens side by side takes every
// other sign of ASCII for what stands between two.
func TestTokensAreLettersAndDigits(t *testing.T) {
	parts := rapid.SampledFrom([]string{"Karaköy", "ü", "Müller", "a", "'", "’", "-", ".", " ", "9", "+44", "é", "ß", "東", "\u0308", "@", "Ö", "#", "=", "_", "\u200d"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(parts, rapid.String()), 0, 8).Draw(t, "text"), "")
		for _, tok := range Tokens(text) {
			if i := strings.IndexFunc(tok.Text, func(r rune) bool {
				return r < utf8.RuneSelf && (r < 'a' || r > 'z') && (r < '0' || r > '9')
			}); i >= 0 || tok.Text == "" {
				t.Fatalf("%q of %q", tok.Text, text)
			}
		}
	})
}
