package chatexport

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
)

var nativeDigits = map[string]string{
	"latn": "0123456789", "arab": "٠١٢٣٤٥٦٧٨٩", "arabext": "۰۱۲۳۴۵۶۷۸۹", "deva": "०१२३४५६७८९", "beng": "০১২৩৪৫৬৭৮৯", "mymr": "၀၁၂၃၄၅၆၇၈၉", "thai": "๐๑๒๓๔๕๖๗๘๙", "tibt": "༠༡༢༣༤༥༦༧༨༩",
	"nkoo": "߀߁߂߃߄߅߆߇߈߉", "cakm": "𑄶𑄷𑄸𑄹𑄺𑄻𑄼𑄽𑄾𑄿", "adlm": "𞥐𞥑𞥒𞥓𞥔𞥕𞥖𞥗𞥘𞥙", "olck": "᱐᱑᱒᱓᱔᱕᱖᱗᱘᱙", "rohg": "𐴰𐴱𐴲𐴳𐴴𐴵𐴶𐴷𐴸𐴹", "hmnp": "𞅀𞅁𞅂𞅃𞅄𞅅𞅆𞅇𞅈𞅉", "mtei": "꯰꯱꯲꯳꯴꯵꯶꯷꯸꯹",
}

// pattern writes a time in a CLDR pattern.
func pattern(p string, t time.Time, am, pm string) string {
	for name, mark := range map[string]string{"<NBSP>": nbsp, "<NNBSP>": nn, "<RLM>": rlm, "<LRM>": lrm} {
		p = strings.ReplaceAll(p, name, mark)
	}
	var b strings.Builder
	for i := 0; i < len(p); {
		if p[i] == '\'' {
			end := strings.IndexByte(p[i+1:], '\'')
			if end == 0 {
				b.WriteByte('\'')
			} else {
				b.WriteString(p[i+1 : i+1+end])
			}
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(p) && p[i+n] == p[i] {
			n++
		}
		h12 := (t.Hour()+11)%12 + 1
		num := func(v int) { fmt.Fprintf(&b, "%0*d", n, v) }
		switch p[i] {
		case 'y':
			if n == 2 {
				num(t.Year() % 100)
			} else {
				fmt.Fprint(&b, t.Year())
			}
		case 'M', 'L':
			num(int(t.Month()))
		case 'd':
			num(t.Day())
		case 'H':
			num(t.Hour())
		case 'h':
			num(h12)
		case 'm':
			num(t.Minute())
		case 's':
			num(t.Second())
		case 'a':
			if t.Hour() < 12 {
				b.WriteString(am)
			} else {
				b.WriteString(pm)
			}
		default:
			b.WriteString(p[i : i+n])
		}
		i += n
	}
	return b.String()
}

// odd are the locales whose formats are not read: words between the parts of
// a date or before everything, in languages that WhatsApp does not speak.
var odd = map[string]bool{"brx": true, "dz": true, "ee": true, "kkj": true}

// TestEveryCLDRLocaleReads writes exports in the short formats of all locales,
// in both layouts, with a language that is in no table.
func TestEveryCLDRLocaleReads(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpus(t), "..", "..", "tables", "cldr48_short_datetime.tsv"))
	if err != nil {
		t.Skip("the table of locales does not lie beside the repository")
	}
	start := time.Date(2024, 1, 28, 9, 5, 7, 0, time.UTC)
	n := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 7 || strings.HasPrefix(f[0], "short_date") || strings.ContainsAny(f[0], "GU") || strings.Contains(f[1], "B") {
			continue
		}
		digitsOf := nativeDigits[f[5]]
		am, pm, _ := strings.Cut(f[4], " | ")
		if digitsOf == "" || strings.Contains(f[1], "a") && pm == "" {
			continue
		}
		if odd[f[6]] {
			continue
		}
		n++
		for _, ios := range []bool{false, true} {
			localeReads(t, f, digitsOf, am, pm, ios, start)
		}
	}
	if n < 100 {
		t.Errorf("only %d formats were tried", n)
	}
}

func localeReads(t *testing.T, f []string, digitsOf, am, pm string, ios bool, start time.Time) {
	t.Helper()
	var text strings.Builder
	var want []string
	for i := range 40 {
		at := start.Add(time.Duration(i) * 7 * time.Hour)
		clock := f[2]
		if ios {
			clock = f[1]
		}
		glue := strings.NewReplacer("<NBSP>", nbsp, "<NNBSP>", nn, "<RLM>", rlm, "<LRM>", lrm, "'", "").Replace(f[3])
		for name, mark := range map[string]string{"<NBSP>": nbsp, "<NNBSP>": nn, "<RLM>": rlm} {
			am, pm = strings.ReplaceAll(am, name, mark), strings.ReplaceAll(pm, name, mark)
		}
		stamp := strings.NewReplacer("{1}", pattern(f[0], at, am, pm), "{0}", pattern(clock, at, am, pm)).Replace(glue)
		if digitsOf != nativeDigits["latn"] {
			native := []rune(digitsOf)
			stamp = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return native[r-'0']
				}
				return r
			}, stamp)
		}
		if ios {
			fmt.Fprintf(&text, "[%s] Amina: habari %d\r\n", stamp, i)
			want = append(want, at.Format("2006-01-02T15:04:05"))
		} else {
			fmt.Fprintf(&text, "%s - Amina: habari %d\n", stamp, i)
			want = append(want, at.Format("2006-01-02T15:04"))
		}
	}
	m := newMemory()
	sums, err := tryImport(t, m, write(t, "c.txt", text.String()), capture.Options{})
	first, _, _ := strings.Cut(text.String(), "\n")
	if err != nil {
		t.Errorf("%.40s: %v: %q", f[6], err, first)
		return
	}
	got := m.messages(t)
	for i, w := range want {
		if i >= len(got) || got[i].SentLocal != w || got[i].Text != fmt.Sprint("habari ", i) {
			t.Errorf("%.40s: record %d is not %s: %q %s", f[6], i, w, strings.Split(text.String(), "\n")[i], dump(sums))
			return
		}
	}
}
