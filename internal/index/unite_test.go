package index

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waxseal/waxseal/internal/chat"
)

// line is one message of a conversation that both a phone and an export have.
type line struct {
	at         time.Time
	who, words string // who: a name; "" for the owner
}

// talk is a conversation of the owner and others, over some months.
func talk(people ...string) (out []line) {
	at := time.Date(2024, 3, 20, 21, 50, 7, 0, time.UTC)
	for i := range 40 {
		words := fmt.Sprintf("what was said as number %d", i)
		if i%4 == 0 {
			words = "ok"
		}
		out = append(out, line{at, append(people, "")[i%(len(people)+1)], words})
		at = at.Add(time.Duration(7+i*i*11) * time.Minute)
	}
	return out
}

var phones = map[string]string{"Ana": "447700900001", "Bob": "447700900002", "": "447700900009"}

// exported makes the capture of a chat export: names, minutes of a clock.
func exported(t testing.TB, l *fakeLog, name string, r fakeReading, clock *time.Location, lines []line) {
	t.Helper()
	k := l.capture(t, name, r)
	for _, s := range lines {
		k.said(t, s.at.In(clock).Format("2006-01-02T15:04"), cmp.Or(s.who, "The owner"), s.words, func(m *chat.Message) { m.AsPrinted = m.Text })
	}
	k.end(t)
}

// backedUp makes the capture of a phone's database: addresses, instants.
func backedUp(t testing.TB, l *fakeLog, name string, r fakeReading, clock *time.Location, lines []line) {
	t.Helper()
	k := l.capture(t, name, r)
	for i, s := range lines {
		k.said(t, s.at.In(clock).Format("2006-01-02T15:04:05"), "x", s.words, func(m *chat.Message) {
			m.Precision, m.Direction = "second", chat.In
			if s.who == "" {
				m.Direction = chat.Out
			}
			m.From = &chat.Person{Phone: "+" + phones[s.who], JID: phones[s.who] + "@s.whatsapp.net"}
			m.Key = &chat.Key{ID: fmt.Sprintf("K%d", i), FromMe: s.who == "", Chat: r.JID}
		})
	}
	k.end(t)
}

// TestExportAndBackupAreOneChat: in whatever order they came, on whatever
// clock, each message is there once, with the time and the names of both.
func TestExportAndBackupAreOneChat(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	hour := time.FixedZone("", 60*60)
	for name, c := range map[string]struct {
		people []string
		kind   chat.ChatKind
		jid    string
		phone  string // the chat's name there
		export fakeReading
		clock  *time.Location
	}{
		"direct, one zone":        {[]string{"Ana"}, chat.Direct, "447700900001@s.whatsapp.net", "+447700900001", fakeReading{}, time.UTC},
		"direct, zone given":      {[]string{"Ana"}, chat.Direct, "447700900001@s.whatsapp.net", "+447700900001", fakeReading{Zone: time.Hour}, hour},
		"direct, zone assumed":    {[]string{"Ana"}, chat.Direct, "447700900001@s.whatsapp.net", "+447700900001", fakeReading{Assumed: true}, berlin},
		"group, its name changed": {[]string{"Ana", "Bob"}, chat.Group, "1203@g.us", "Deal team 2", fakeReading{}, time.UTC},
		"group, of that name":     {[]string{"Ana", "Bob"}, chat.Group, "1203@g.us", "The chat", fakeReading{Assumed: true}, berlin},
	} {
		for _, exportFirst := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", export first: ", exportFirst), func(t *testing.T) {
				l, lines := newLog(t), talk(c.people...)
				c.export.Kind = c.kind
				export := func() { exported(t, l, "The chat", c.export, c.clock, lines[:30]) }
				backup := func() {
					backedUp(t, l, c.phone, fakeReading{JID: c.jid, Kind: c.kind, Assumed: true}, time.UTC, lines[5:])
				}
				if exportFirst {
					export()
					backup()
				} else {
					backup()
					export()
				}
				cfg := config(t, l)
				x, err := Open(t.Context(), cfg)
				if err == nil {
					err = x.Follow(t.Context(), nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				ms := all(t, x)
				both := 0
				for _, m := range ms {
					if len(m.SeenBy) == 2 {
						both++
						if m.From.JID == "" || m.From.Name == "" || m.Precision != "second" || m.Versions != nil {
							t.Errorf("%+v", m)
						}
					}
				}
				if len(ms) != 40 || both != 25 {
					t.Errorf("%d messages, %d seen by both, want 40 and 25", len(ms), both)
				}
				rows, err := x.Chats(t.Context(), ChatFilter{})
				if err != nil || len(rows) != 1 || rows[0].Messages != 40 {
					t.Errorf("%+v, %v", rows, err)
				}
				if want := map[bool]string{true: "The chat", false: c.phone}[c.kind == chat.Direct]; rows[0].Name != want {
					t.Errorf("the chat is called %s, want %s", rows[0].Name, want)
				}
				// A later export of what is one chat by now.
				l.capture(t, "The chat", c.export).said(t, "2024-07-01T12:00", "Ana", "later")
				if err := x.Follow(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				if rows, err = x.Chats(t.Context(), ChatFilter{}); err != nil || len(rows) != 1 || rows[0].Messages != 41 {
					t.Errorf("%+v, %v", rows, err)
				}
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) > 0 {
					t.Errorf("%q, %v", found, err)
				}
			})
		}
	}
}

// TestWhatOnlyLooksLikeOneChat: what went to many, what is of others, and what
// is too little stays apart.
func TestWhatOnlyLooksLikeOneChat(t *testing.T) {
	lines := talk("Ana")
	toMany := slices.DeleteFunc(slices.Clone(lines), func(s line) bool { return s.who != "" })
	elsewhere := slices.Clone(lines)
	for i := range elsewhere {
		elsewhere[i].words += " elsewhere"
	}
	for name, c := range map[string][2][]line{
		"only what the owner wrote": {toMany, toMany},
		"other words":               {lines, elsewhere},
		"too little":                {lines[:2], lines[:2]},
		"a part that went to many":  {lines, toMany},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			exported(t, l, "Ana", fakeReading{Kind: chat.Direct}, time.UTC, c[0])
			backedUp(t, l, "+447700900002", fakeReading{Kind: chat.Direct, JID: "447700900002@s.whatsapp.net"}, time.UTC, c[1])
			x := indexOf(t, l)
			rows, err := x.Chats(t.Context(), ChatFilter{})
			if n := len(all(t, x)); err != nil || len(rows) != 2 || n != len(c[0])+len(c[1]) {
				t.Errorf("%d messages, %+v, %v", n, rows, err)
			}
		})
	}
}

// TestTwoChatsThatFitAreNotOne: nobody knows which of them it is.
func TestTwoChatsThatFitAreNotOne(t *testing.T) {
	l, lines := newLog(t), talk("Ana")
	for _, n := range []string{"447700900001", "447700900002"} {
		backedUp(t, l, "+"+n, fakeReading{Kind: chat.Direct, JID: n + "@s.whatsapp.net"}, time.UTC, lines)
	}
	exported(t, l, "Ana", fakeReading{Kind: chat.Direct}, time.UTC, lines)
	if rows, err := indexOf(t, l).Chats(t.Context(), ChatFilter{}); err != nil || len(rows) != 3 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestChatCalledByItsNumber: an unsaved contact's chat is exported under the
// number, with blanks; few words are enough then.
func TestChatCalledByItsNumber(t *testing.T) {
	l, lines := newLog(t), talk("Ana")[:2]
	exported(t, l, "+44 7700 900001", fakeReading{Kind: chat.Direct}, time.UTC, lines)
	backedUp(t, l, "+447700900001", fakeReading{Kind: chat.Direct, JID: "447700900001@s.whatsapp.net"}, time.UTC, lines)
	x := indexOf(t, l)
	if rows, err := x.Chats(t.Context(), ChatFilter{}); err != nil || len(rows) != 1 || rows[0].Messages != 2 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestUnitedIndexIsRebuiltTheSame: as TestRebuildIsTheSame, for chats of which
// exports and backups have parts.
func TestUnitedIndexIsRebuiltTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := newLog(t)
		lines := talk("Ana")
		for range rapid.IntRange(1, 4).Draw(rt, "captures") {
			from := rapid.IntRange(0, 20).Draw(rt, "from")
			some := slices.Clone(lines[from:rapid.IntRange(from, len(lines)).Draw(rt, "to")])
			for i := range some {
				if rapid.IntRange(0, 5).Draw(rt, "other") == 0 {
					some[i].words = rapid.SampledFrom([]string{"ok", "no", "other words"}).Draw(rt, "words")
				}
			}
			if rapid.Bool().Draw(rt, "export") {
				zone := rapid.IntRange(-1, 1).Draw(rt, "zone")
				r := fakeReading{Kind: chat.Direct, Assumed: rapid.Bool().Draw(rt, "assumed")}
				if !r.Assumed {
					r.Zone = time.Duration(zone) * time.Hour
				}
				exported(t, whole, rapid.SampledFrom([]string{"Ana", "Ann"}).Draw(rt, "name"), r, time.FixedZone("", zone*60*60), some)
			} else {
				n := rapid.SampledFrom([]string{"447700900001", "447700900002"}).Draw(rt, "number")
				backedUp(t, whole, "+"+n, fakeReading{Kind: chat.Direct, JID: n + "@s.whatsapp.net"}, time.UTC, some)
			}
		}
		grown := &fakeLog{}
		cfg := config(t, grown)
		x, err := Open(t.Context(), cfg)
		for err == nil && len(grown.entries) < len(whole.entries) {
			grown.entries = whole.entries[:min(len(grown.entries)+rapid.IntRange(1, 60).Draw(rt, "step"), len(whole.entries))]
			err = x.Follow(t.Context(), nil)
		}
		if err != nil {
			rt.Fatal(err)
		}
		shown := map[int64]int{}
		for _, m := range all(t, x) {
			for _, r := range m.Records {
				shown[r]++
			}
			if !strings.HasPrefix(m.SentLocal, "2024-") {
				rt.Errorf("%+v", m)
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
		for _, e := range whole.entries {
			if e.Kind == "item" && shown[e.Seq] != 1 {
				rt.Fatalf("entry %d is shown %d times", e.Seq, shown[e.Seq])
			}
		}
		if err := x.Close(); err != nil {
			rt.Fatal(err)
		}
		if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) > 0 {
			rt.Fatalf("%q, %v", found, err)
		}
	})
}
