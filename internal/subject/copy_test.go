package subject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

func from(ms []chat.Message) Source {
	return func(_ context.Context, fn func(*chat.Message) error) error {
		for i := range ms {
			ms[i].Seq = int64(i + 1)
			if err := fn(&ms[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// copyOf makes the copy for who, with names that the firm knows beside.
func copyOf(t interface {
	Helper()
	Fatal(args ...any)
}, ms []chat.Message, who, beside []string,
) (lines []Line, all, page string, n Counts) {
	t.Helper()
	p, err := Survey(context.Background(), from(ms), beside, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Are(who...); err != nil {
		t.Fatal(err)
	}
	var l, h bytes.Buffer
	if n, err = Write(context.Background(), from(ms), p, About{Firm: "Firma", Person: "Ana Lima", Request: 7, At: time.Unix(1.7e9, 0)}, &l, &h); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(l.Bytes()))
	for d.More() {
		var x Line
		if err := d.Decode(&x); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, x)
	}
	return lines[1 : len(lines)-1], l.String(), h.String(), n
}

var (
	ana   = chat.Person{Name: "Ana Lima", Phone: "+351910000001", JID: "351910000001@s.whatsapp.net"}
	bruno = chat.Person{Name: "Bruno Costa", Phone: "+447700900002", JID: "447700900002@s.whatsapp.net", LID: "998877665544@lid"}
	omar  = chat.Person{Name: "عمر الفاسي", Phone: "+212600000003"}
)

func said(c chat.Chat, p chat.Person, text string) chat.Message {
	return chat.Message{Chat: c, From: &p, Direction: chat.In, Type: chat.Text, Text: text, SentLocal: "2024-01-31T10:00"}
}

func TestOthersAreLeftOut(t *testing.T) {
	group := chat.Chat{ID: "g", Name: "Deal of Bruno Costa", Kind: chat.Group}
	direct := chat.Chat{ID: "d", Name: "Ana Lima", Kind: chat.Direct}
	quoting := said(group, ana, "I agree with that")
	quoting.Quoted = &chat.Quoted{From: &bruno, Text: "Bruno's quoted words"}
	answered := said(group, bruno, "Thanks Ana, call +44 7700 900002")
	answered.Quoted = &chat.Quoted{From: &ana, Text: "x"}
	card := said(group, ana, "")
	card.Contacts = []chat.Contact{{Name: "Notary Pinto", Phones: []string{"+351 21 000 0000"}}}
	file := said(group, ana, "The list of عمر الفاسي")
	file.Attachments = []chat.Attachment{{Name: "Bruno Costa.vcf", SHA256: "ab12", State: chat.Stored}}
	file.Reactions = []chat.Reaction{{From: omar, Emoji: "👍"}}
	own := said(direct, chat.Person{Name: "Jo Doe"}, "Ana, Bruno asks for you")
	own.Direction = chat.Out
	edited := said(group, ana, "bruno  COSTA said so, and so did Bruno; but Brunoesque is a word")
	edited.Versions = []chat.Version{{Text: "من عمر الفاسي ومن Bruno\u200bCosta 00447700900002 and ٠٠٤٤٧٧٠٠٩٠٠٠٠٢"}}
	ms := []chat.Message{
		said(group, bruno, "a secret between us"), quoting, answered, card, file, edited,
		said(direct, ana, "Hello Jo"), own,
		{Chat: group, Direction: chat.Notice, Type: chat.SystemType, Text: "Bruno Costa added عمر", System: &chat.System{Event: "x", Actor: "Bruno Costa", Who: []string{"عمر"}}},
		{Chat: group, Type: chat.Unknown, AsPrinted: "Bruno Costa: half a line"},
	}
	lines, all, page, n := copyOf(t, ms, []string{"Ana Lima"}, []string{"Carla Pires"})
	for _, no := range []string{"Bruno Costa", "Bruno", "bruno", "Jo Doe", "عمر", "الفاسي", "Pinto", "7700900002", "900002", "٩٠٠٠٠٢", "21 000 0000", "secret", "half a line", "quoted words", "998877665544"} {
		for what, s := range map[string]string{"lines": all, "page": html.UnescapeString(page)} {
			if strings.Contains(strings.ReplaceAll(s, "Brunoesque", ""), no) {
				t.Errorf("the %s have %q\n%s", what, no, s)
			}
		}
	}
	for _, want := range []string{"Hello", "I agree with that", "Brunoesque is a word", "Thanks Ana, call Person", "Ana, Person", "ab12"} {
		if !strings.Contains(all, want) || !strings.Contains(page, want) {
			t.Errorf("the copy does not have %q\n%s", want, all)
		}
	}
	if n != (Counts{Messages: 10, Own: 5, To: 2, Others: 3, Files: 1}) {
		t.Errorf("counts: %+v", n)
	}
	if lines[0].By != lines[2].By || lines[0].By == "You" || !lines[0].Left || lines[1].By != "You" {
		t.Errorf("people: %+v", lines)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || strings.Contains(page, "src=") {
		t.Error("the page fetches or runs something")
	}
}

func TestWhoIsMeant(t *testing.T) {
	g := chat.Chat{ID: "g", Kind: chat.Group}
	ms := []chat.Message{
		said(g, ana, "mine"), said(g, chat.Person{Name: "Ana Lima", Phone: "+15550100"}, "an impostor's"), said(g, chat.Person{Name: "Zé"}, "x"), said(g, chat.Person{Name: "Ana Lima", LID: "5@lid"}, "third"),
	}
	p, err := Survey(t.Context(), from(ms), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"Ana Lima", "Nobody", ""} {
		if err := p.Are(who); !errors.Is(err, ErrWho) {
			t.Errorf("%q: %v", who, err)
		}
	}
	if err := p.Are(); !errors.Is(err, ErrWho) {
		t.Errorf("nobody: %v", err)
	}
	for _, who := range []string{"+351 910 000 001", "00351910000001", "351910000001@s.whatsapp.net"} {
		lines, _, _, n := copyOf(t, ms, []string{who}, nil)
		if n.Own != 1 || lines[0].Text != "mine" || !lines[1].Left {
			t.Errorf("%s: %+v", who, lines)
		}
	}
	if got := p.List(); len(got) != 4 || got[0].Key == "" {
		t.Errorf("people: %+v", got)
	}
	// A phone's number and a LID turn out to be of one person.
	ms = append(ms, said(g, chat.Person{Phone: "+15550100", LID: "5@lid"}, "fourth"))
	if _, _, _, n := copyOf(t, ms, []string{"5@lid"}, nil); n.Own != 3 {
		t.Errorf("%d messages of one person under two addresses, want 3", n.Own)
	}
}

// TestNobodyElseIsNamed: whatever people are called, and however their names
// and numbers are written, no other's occurs in a copy.
func TestNobodyElseIsNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		syllable := rapid.SampledFrom([]string{"Zqa", "Xor", "Wyk", "Übq", "Żółq", "Éjx", "Ωξψ", "Жщъ", "محقق", "שצק", "佐鬱", "ปฎฐ", "<zqx>", "Q&q", "q'Jq", "Qx-qz"})
		name := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(syllable, 1, 3).Draw(t, "syllables"), rapid.SampledFrom([]string{"", " ", "  ", "\u00a0"}).Draw(t, "space"))
		})
		var ps []chat.Person
		for i := range rapid.IntRange(1, 6).Draw(t, "people") {
			p := chat.Person{Name: name.Draw(t, "name")}
			if rapid.Bool().Draw(t, "phone") {
				p.Phone = fmt.Sprintf("+4477%08d", 30010000+i*1111)
			}
			ps = append(ps, p)
		}
		write := func(p chat.Person) string {
			n := p.Name
			switch rapid.IntRange(0, 4).Draw(t, "way") {
			case 0:
				n = strings.ToUpper(n)
			case 1:
				n = strings.ToLower(n)
			case 2:
				n = norm.NFD.String(n)
			case 3:
				n = strings.Join(strings.Fields(n), " \u200f ")
			}
			if p.Phone != "" && rapid.Bool().Draw(t, "number") {
				d := p.Phone[1:]
				n = rapid.SampledFrom([]string{p.Phone, "00" + d, "0" + d[2:], d[:2] + " " + d[2:6] + " " + d[6:], "+" + d[:2] + " (0)" + d[2:6] + "-" + d[6:], "https://wa.me/" + d}).Draw(t, "number as")
			}
			return n
		}
		g := chat.Chat{ID: "g", Kind: chat.Group}
		var ms []chat.Message
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			p := rapid.SampledFrom(append(ps, ana)).Draw(t, "by")
			o := rapid.SampledFrom(ps).Draw(t, "about")
			m := said(g, p, "to "+write(o)+rapid.SampledFrom([]string{"", ".", ", yes", " / ", "\n"}).Draw(t, "after"))
			m.Attachments = []chat.Attachment{{Name: write(o) + ".pdf", State: chat.Omitted}}
			m.Mentions = []string{o.Phone}
			ms = append(ms, m)
		}
		for _, p := range ps { // each is known by a message of their own
			ms = append(ms, said(g, p, "words of their own"))
		}
		ms = append(ms, said(g, ana, "the last"))
		_, all, page, _ := copyOf(t, ms, []string{ana.Phone}, nil)
		for _, s := range []string{all, html.UnescapeString(page)} {
			plain := fold(s)
			for _, p := range ps {
				if strings.Contains(plain, fold(p.Name)) {
					t.Fatalf("%q is named\n%s", p.Name, s)
				}
				if p.Phone != "" && strings.Contains(digits(s), p.Phone[5:]) {
					t.Fatalf("%q is there\n%s", p.Phone, s)
				}
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("Bruno Costa", "a Bruno Costa b +447700900002")
	f.Add("\u202e", "\u202e\xff\x00")
	f.Fuzz(func(t *testing.T, name, text string) {
		ms := []chat.Message{said(chat.Chat{ID: "g"}, ana, text), said(chat.Chat{ID: "g"}, chat.Person{Name: name, Phone: text, LID: name}, name)}
		p, err := Survey(t.Context(), from(ms), []string{text, name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Are(ana.Phone) != nil {
			return
		}
		if _, err := Write(t.Context(), from(ms), p, About{}, &bytes.Buffer{}, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
