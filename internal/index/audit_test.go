package index

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// auditLog is a log with acts of two people among messages.
func auditLog(t testing.TB) *fakeLog {
	l := newLog(t)
	act := func(kind record.Kind, h record.ActHead) int64 { return l.add(t, kind, h, nil) }
	act(record.Act, record.ActHead{Act: "hold.place", By: "ana", Via: "console", Reason: "Subpoena of the SEC", On: []string{"hold:1", "custodian:j.doe"}, Data: []byte(`{"name":"Acme","query":"نحاس"}`)})
	c := l.capture(t, "Copper", fakeReading{})
	c.said(t, "2024-05-03T10:00", "Ana", "hello")
	c.end(t)
	act(record.Trace, record.ActHead{Act: "search", By: "bo", From: "10.0.0.7", Data: []byte(`{"query":"copper"}`)})
	act(record.Trace, record.ActHead{Act: "hold.release", By: "bo", Refused: "Only a second person may", On: []string{"hold:1"}})
	act(record.Act, record.ActHead{Act: "holder.add", By: "ana"})
	l.add(t, record.Disposal, record.DisposalHead{Request: 7, Entries: [][2]int64{{3, 1}}}, nil)
	l.add(t, record.Certificate, record.CertificateHead{Disposal: 9, Records: 1}, nil)
	return l
}

func auditActs(t testing.TB, x *Index, q AuditQuery) (acts []string) {
	t.Helper()
	a, err := x.Audit(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	for _, r := range a.Rows {
		acts = append(acts, r.Act)
	}
	if q.Limit == 0 && q.Before == 0 && a.Total != int64(len(acts)) {
		t.Errorf("%+v: total %d of %d rows", q, a.Total, len(acts))
	}
	return acts
}

func TestAuditFindsActs(t *testing.T) {
	l := auditLog(t)
	x := indexOf(t, l)
	yes, no := true, false
	at := func(seq int64) time.Time { return l.entries[seq].At }
	for _, c := range []struct {
		q    AuditQuery
		want string
	}{
		{AuditQuery{}, "dispose.certificate dispose holder.add hold.release search import hold.place"},
		{AuditQuery{By: "ana"}, "holder.add hold.place"},
		{AuditQuery{By: "nobody"}, ""},
		{AuditQuery{Act: "hold."}, "hold.release hold.place"},
		{AuditQuery{Act: "hold.place"}, "hold.place"},
		{AuditQuery{Act: "dispose."}, "dispose.certificate dispose"},
		{AuditQuery{Act: "hold.", By: "bo"}, "hold.release"},
		{AuditQuery{On: "hold:1"}, "hold.release hold.place"},
		{AuditQuery{On: "hold:1", By: "ana", Act: "hold."}, "hold.place"},
		{AuditQuery{On: "hold:12"}, ""},
		{AuditQuery{On: "disposal:9"}, "dispose.certificate"},
		{AuditQuery{Text: "subpoena"}, "hold.place"},
		{AuditQuery{Text: "sub sec"}, "hold.place"},
		{AuditQuery{Text: "نحاس"}, "hold.place"},
		{AuditQuery{Text: "copper"}, "search import"},
		{AuditQuery{Text: "copper", By: "bo"}, "search"},
		{AuditQuery{Text: "10.0.0.7"}, "search"},
		{AuditQuery{Text: "second", On: "hold:1"}, "hold.release"},
		{AuditQuery{Text: `"`}, ""},
		{AuditQuery{Text: `" OR NEAR(`}, ""},
		{AuditQuery{Refused: &yes}, "hold.release"},
		{AuditQuery{Refused: &yes, By: "ana"}, ""},
		{AuditQuery{Refused: &no, By: "bo"}, "search"},
		{AuditQuery{Refused: &no, Act: "hold."}, "hold.place"},
		{AuditQuery{From: at(5), To: at(7)}, "hold.release search"},
		{AuditQuery{From: at(5), To: at(7), By: "bo", Refused: &no}, "search"},
		{AuditQuery{From: at(5), Act: "hold."}, "hold.release"},
		{AuditQuery{To: at(1)}, ""},
		{AuditQuery{Limit: 2}, "dispose.certificate dispose"},
		{AuditQuery{Limit: 2, Before: 7}, "hold.release search"},
		{AuditQuery{Before: 6, By: "bo"}, "search"},
	} {
		if got := strings.Join(auditActs(t, x, c.q), " "); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.q, got, c.want)
		}
	}
}

func TestAuditPagesMeetAndEnd(t *testing.T) {
	l := auditLog(t)
	x := indexOf(t, l)
	for _, q := range []AuditQuery{{Limit: 1}, {Limit: 3}, {Limit: 7}, {Limit: 1, By: "ana"}, {Limit: 1, Text: "hold"}, {Limit: 1, On: "hold:1"}} {
		whole := q
		whole.Limit = 100
		var got []string
		for range 10 {
			a, err := x.Audit(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range a.Rows {
				got = append(got, r.Act)
			}
			if q.Before = a.Next; q.Before == 0 {
				break
			}
		}
		if want := auditActs(t, x, whole); !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", q, got, want)
		}
	}
}

func TestAuditNeverHasTheSecondPart(t *testing.T) {
	l := newLog(t)
	seq := l.add(t, record.Act, record.ActHead{Act: "user.password", By: "ana"}, nil)
	l.entries[seq].Parts = append(l.entries[seq].Parts, []byte("{}\nargon2secret"))
	x := indexOf(t, l)
	if got := auditActs(t, x, AuditQuery{Text: "argon2secret"}); len(got) > 0 {
		t.Errorf("a secret is found: %v", got)
	}
	a, err := x.Audit(t.Context(), AuditQuery{})
	if err != nil || strings.Contains(fmt.Sprintf("%s %+v", a.Rows[0].Data, a), "argon2secret") {
		t.Errorf("a secret is shown, or %v", err)
	}
}

// voidBooks says of one act that it counts for nothing.
type voidBooks struct {
	Books
	seq int64
}

func (b voidBooks) Void(seq int64) error {
	if seq == b.seq {
		return errors.New("a closed account did it")
	}
	return nil
}

func (voidBooks) Rules() map[int64]string { return nil }

func (voidBooks) CustodianOf(string, time.Time) string { return "" }

func TestAuditTellsWhatCountsForNothing(t *testing.T) {
	cfg := config(t, auditLog(t))
	cfg.Books = voidBooks{seq: 1}
	x := openIndex(t, cfg)
	a, err := x.Audit(t.Context(), AuditQuery{By: "ana"})
	if err != nil || len(a.Rows) != 2 || a.Rows[1].Void == "" || a.Rows[0].Void != "" {
		t.Errorf("%+v, %v", a.Rows, err)
	}
}

func TestAuditSurvivesActsWhoseContentIsGone(t *testing.T) {
	l := auditLog(t)
	cfg := config(t, l)
	x := openIndex(t, cfg)
	l.entries[1].Parts = nil
	a, err := x.Audit(t.Context(), AuditQuery{By: "ana"})
	if err != nil || len(a.Rows) != 2 || !a.Rows[1].Gone || a.Rows[1].By != "" {
		t.Errorf("%+v, %v", a.Rows, err)
	}
	y := indexOf(t, l) // built when it was gone
	if got := auditActs(t, y, AuditQuery{By: "ana"}); !slices.Equal(got, []string{"holder.add"}) {
		t.Errorf("built anew: %v", got)
	}
}

func TestAuditIsChecked(t *testing.T) {
	for _, spoil := range []string{`UPDATE act SET by = 'eve' WHERE seq = 1`, `DELETE FROM act_on WHERE seq = 1`, `INSERT INTO said (rowid, t) VALUES (77, 'word')`} {
		cfg := config(t, auditLog(t))
		x := openIndex(t, cfg)
		if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) > 0 {
			t.Fatalf("a good index: %v, %v", found, err)
		}
		if err := x.w.c.Exec(spoil); err != nil {
			t.Fatal(err)
		}
		if found, err := Check(t.Context(), cfg, nil); err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", spoil, found, err)
		}
	}
}

// Whatever an act holds, following goes on, and its row is there.
func TestAuditOfHostileActs(t *testing.T) {
	l := newLog(t)
	l.add(t, record.Act, record.ActHead{Act: "", By: strings.Repeat("x", 1<<20), On: []string{"hold:1", "hold:1", ""}, Data: []byte(`[[[{"a":"\ud800"}]],1e400]`)}, nil)
	for _, part := range []string{"", "{", "{\"act\":7}\n", "null\n", "{}\n"} {
		seq := l.add(t, record.Trace, record.ActHead{}, nil)
		l.entries[seq].Parts = [][]byte{[]byte(part)}
	}
	x := indexOf(t, l)
	if n := len(auditActs(t, x, AuditQuery{})); n != 6 {
		t.Errorf("%d rows", n)
	}
}

func BenchmarkAudit(b *testing.B) {
	l := newLog(b)
	for i := range 100_000 {
		h := record.ActHead{Act: []string{"read", "search", "hold.place"}[i%100/49], By: fmt.Sprint("user", i%7), On: []string{fmt.Sprint("chat:", i%500)}, Data: []byte(fmt.Sprintf(`{"query":"copper %d"}`, i))}
		l.add(b, record.Trace, h, nil)
	}
	x := indexOf(b, l)
	for name, q := range map[string]AuditQuery{
		"newest": {}, "by": {By: "user3"}, "act": {Act: "hold."}, "by+act": {By: "user3", Act: "read"}, "on": {On: "chat:77"},
		"text": {Text: "copper"}, "rare": {Text: "99998"}, "days": {From: l.entries[100].At, To: l.entries[900].At},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := x.Audit(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestWhatAnActBeganIsFoundByIt: an act cannot name what it begins, whose
// number is the act's own.
func TestWhatAnActBeganIsFoundByIt(t *testing.T) {
	l := newLog(t)
	for act, data := range map[string]string{"hold.place": "{}", "ask": "{}", "matter.open": "{}", "subject.open": "{}", "label.set": "{}"} {
		seq := l.add(t, record.Act, record.ActHead{Act: act, By: "ana", Data: []byte(data)}, nil)
		x := indexOf(t, l)
		if got := auditActs(t, x, AuditQuery{On: fmt.Sprint(begins[act], ":", seq)}); !slices.Equal(got, []string{act}) {
			t.Errorf("about what %s began: %v", act, got)
		}
	}
	seq := l.add(t, record.Act, record.ActHead{Act: "label.set", By: "ana", On: []string{"label:1"}, Data: []byte(`{"label":1}`)}, nil)
	no := l.add(t, record.Trace, record.ActHead{Act: "hold.place", By: "ana", Refused: "no"}, nil)
	x := indexOf(t, l)
	for _, on := range []string{fmt.Sprint("label:", seq), fmt.Sprint("hold:", no)} {
		if got := auditActs(t, x, AuditQuery{On: on}); len(got) > 0 {
			t.Errorf("%s was not begun: %v", on, got)
		}
	}
}
