package gap

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func message(set func(*chat.Message)) *chat.Message {
	m := &chat.Message{Seq: 7, Account: "+15550783881", Direction: chat.Out, Type: chat.Text, SentAt: "2026-11-24T11:00:00Z", Key: &chat.Key{ID: "wamid.x", FromMe: true, Chat: "16505551234@s.whatsapp.net"}}
	set(m)
	return m
}

func TestWhatIsMissingOfAMessage(t *testing.T) {
	accepted := &chat.Sending{State: chat.SendAccepted}
	status := []chat.Receipt{{State: chat.Sent, At: "2026-11-24T11:00:01Z"}}
	for _, tc := range []struct {
		name string
		set  func(*chat.Message)
		want []Kind
	}{
		{"whole", func(m *chat.Message) { m.Sending, m.Receipts = accepted, status }, nil},
		{"statuses alone", func(m *chat.Message) { m.Partial, m.Type, m.Receipts = true, "", status }, []Kind{Orphan}},
		{"a reaction alone", func(m *chat.Message) { m.Partial, m.Reactions = true, []chat.Reaction{{Emoji: "x"}} }, []Kind{UnknownTarget}},
		{"a reaction to what statuses tell of", func(m *chat.Message) {
			m.Partial, m.Receipts, m.Reactions = true, status, []chat.Reaction{{Emoji: "x"}}
		}, []Kind{UnknownTarget}},
		{"a revocation alone", func(m *chat.Message) { m.Partial, m.Revoked = true, true }, []Kind{UnknownTarget}},
		{"an edit alone, with a file", func(m *chat.Message) {
			m.Partial, m.Edited, m.Attachments = true, true, []chat.Attachment{{State: chat.Pending}}
		}, []Kind{UnknownTarget, Media}},
		{"no answer", func(m *chat.Message) { m.Sending = &chat.Sending{State: chat.SendForwarded} }, []Kind{Unanswered}},
		{"no status", func(m *chat.Message) { m.Sending = accepted }, []Kind{NoStatus}},
		{"held", func(m *chat.Message) { m.Sending = &chat.Sending{State: chat.SendWaits} }, nil},
		{"refused", func(m *chat.Message) { m.Sending = &chat.Sending{State: chat.SendRefused} }, nil},
		{"an echo", func(*chat.Message) {}, nil},
		{"answers nothing that is here", func(m *chat.Message) { m.Quoted = &chat.Quoted{Key: chat.Key{ID: "gone"}} }, []Kind{UnknownTarget}},
		{"answers what is here", func(m *chat.Message) { m.Quoted = &chat.Quoted{Key: chat.Key{ID: "here"}} }, nil},
		{"ghost", func(m *chat.Message) {
			m.Type, m.Errors = chat.Unsupported, []string{"131060: This message is unavailable"}
		}, []Kind{Ghost}},
		{"not supported at all", func(m *chat.Message) { m.Type, m.Errors = chat.Unsupported, []string{"131051: Message type unknown"} }, nil},
		{"two files that wait", func(m *chat.Message) { m.Attachments = []chat.Attachment{{State: chat.Pending}, {State: chat.Pending}} }, []Kind{Media}},
		{"expired", func(m *chat.Message) { m.Attachments = []chat.Attachment{{State: chat.Stored}, {State: chat.Expired}} }, []Kind{Media}},
		{"left out by the source", func(m *chat.Message) { m.Attachments = []chat.Attachment{{State: chat.Omitted}} }, nil},
	} {
		var got []Kind
		for _, f := range Patient.Of(Seen{message(tc.set), "main", noon}, func(m *chat.Message) bool { return m.Quoted.Key.ID == "here" }, noon.Add(2*time.Hour)) {
			got = append(got, f.Kind)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, not %v", tc.name, got, tc.want)
		}
		if early := Patient.Of(Seen{message(tc.set), "main", noon}, func(*chat.Message) bool { return false }, noon.Add(time.Minute)); len(early) > 0 && tc.name != "expired" {
			t.Errorf("%s: found after a minute", tc.name)
		}
	}
}

func TestHolesGatherAndFill(t *testing.T) {
	f := func(m int64, at time.Time) Finding {
		return Finding{Kind: Orphan, Source: "main", Number: "+1", Start: at, Reason: "r", Message: m}
	}
	found := Gather([]Finding{f(5, noon), f(3, noon.Add(-time.Hour)), f(9, noon.Add(24*time.Hour)), {Kind: Token, Source: "main", Start: noon, Reason: "r"}}, time.UTC)
	if h := found["orphan_outbound/main/+1/2026-11-24"]; len(found) != 3 || h == nil || !slices.Equal(h.Messages, []int64{3, 5}) || !h.Start.Equal(noon.Add(-time.Hour)) {
		t.Fatalf("gathered: %+v", found)
	}
	all := Looked{Message: func(Kind, int64) bool { return true }, Key: func(Known) bool { return true }, Ref: func(Known, string) bool { return true }}
	if c := Diff(nil, found, all); len(c) != 3 {
		t.Fatalf("opens %d", len(c))
	}
	known := []Known{
		{ID: 20, Key: "orphan_outbound/main/+1/2026-11-24", Kind: Orphan, Messages: []int64{3, 4}},
		{ID: 21, Key: "orphan_outbound/main/+1/2026-11-25", Kind: Orphan, Messages: []int64{9}},
		{ID: 22, Key: "orphan_outbound/main/+1/2026-11-23", Kind: Orphan, Messages: []int64{1, 2}},
		{ID: 23, Key: "silence/main/+1/7", Kind: Silence},
		{ID: 24, Key: "token/main//", Kind: Token},
	}
	got := Diff(known, found, all)
	want := []Change{{Of: 20, Add: []int64{5}, Gone: []int64{4}}, {Of: 22, Close: true}, {Of: 23, Close: true}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, c := range got {
		if c.Of != want[i].Of || c.Close != want[i].Close || !slices.Equal(c.Add, want[i].Add) || !slices.Equal(c.Gone, want[i].Gone) {
			t.Errorf("%+v, not %+v", c, want[i])
		}
	}
	// What was not looked at is not filled.
	none := Looked{Message: func(_ Kind, m int64) bool { return m != 4 && m != 2 }, Key: func(Known) bool { return false }, Ref: func(Known, string) bool { return false }}
	got = Diff(known, found, none)
	for _, c := range got {
		if c.Close || slices.Contains(c.Gone, 4) || slices.Contains(c.Gone, 2) {
			t.Errorf("filled unseen: %+v", c)
		}
	}
}

func TestARefHidesTheNumber(t *testing.T) {
	raw := "\x1c\x18\x0b16505551234\x15\x02\x00\x11\x18\x143EB0A9253F3C1B1A2F4D\x00"
	if r := RefOf("wamid." + base64.StdEncoding.EncodeToString([]byte(raw))); r != "3EB0A9253F3C1B1A2F4D" {
		t.Errorf("ref %q", r)
	}
	for _, w := range []string{"wamid.", "", "wacid.abc", "wamid.!!!", "16505551234"} {
		if r := RefOf(w); len(r) != 12 || strings.Contains(r, "1650") {
			t.Errorf("ref of %q: %q", w, r)
		}
	}
}

func TestEventsOfAccounts(t *testing.T) {
	of := func(field, raw string) []Event {
		return Events(Told{Source: "main", WABA: "1", Field: field, Number: "+1555", At: noon, Raw: []byte(raw)})
	}
	if e := of("account_update", `{"event":"PARTNER_REMOVED"}`); len(e) != 1 || e[0].Finding == nil || e[0].Finding.Kind != Offboarded || e[0].Finding.Mark != "1" {
		t.Errorf("%+v", e)
	}
	for _, raw := range []string{`{"event":"PARTNER_ADDED"}`, `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}`} {
		if e := of("account_update", raw); len(e) != 1 || e[0].Over == nil {
			t.Errorf("%s: %+v", raw, e)
		}
	}
	if e := of("history", `{"errors":[{"code":2593109}]}`); len(e) != 1 || e[0].Finding.Kind != HistoryDeclined || e[0].Finding.Number != "+1555" || !strings.Contains(e[0].Finding.Reason, "did not share") {
		t.Errorf("%+v", e)
	}
	for _, raw := range []string{"", "null", "[]", `{"event":3}`, `{"event":"VERIFIED_ACCOUNT"}`, `{}`} {
		for _, field := range []string{"account_update", "history", "messages"} {
			if e := of(field, raw); e != nil {
				t.Errorf("%s of %s: %+v", raw, field, e)
			}
		}
	}
}

func TestADayIsCovered(t *testing.T) {
	day := func(n int, h time.Duration) time.Time {
		return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC).Add(h * time.Hour)
	}
	s := Span{
		Source: "main", Numbers: []string{"+1", "+2"}, Since: day(2, 6), Now: day(7, 12), From: day(1, 0), To: day(8, 0), Zone: time.UTC,
		Stretches: []Stretch{{day(2, 6), day(4, 12)}, {day(6, 0), day(7, 12)}},
		Gaps: []Incident{
			{Kind: Orphan, Number: "+1", Start: day(3, 5), End: day(3, 6), Messages: 4},
			{Kind: Ghost, Number: "+1", Start: day(6, 5), Messages: 1, Explained: true},
			{Kind: NotListening, Start: day(4, 12), End: day(6, 0)},
			{Kind: UnknownField, Start: day(2, 7)},
		},
		Count: func(n, d string) Counted { return Counted{In: int64(len(n))} },
	}
	days := Cover(s)
	var got []string
	for _, d := range days {
		got = append(got, d.Number+" "+d.Day[8:]+" "+string(d.State))
	}
	want := []string{
		"+1 01 not_yet", "+1 02 whole", "+1 03 holes", "+1 04 partly", "+1 05 unheard", "+1 06 explained", "+1 07 whole", "+1 08 not_yet",
		"+2 01 not_yet", "+2 02 whole", "+2 03 whole", "+2 04 partly", "+2 05 unheard", "+2 06 whole", "+2 07 whole", "+2 08 not_yet",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nnot\n%q", got, want)
	}
	if d := days[1]; d.Of != 18*3600 || d.Seconds != d.Of || d.In != 2 {
		t.Errorf("%+v", d)
	}
	if d := days[2]; len(d.Missing) != 1 || d.Missing[0].Messages != 4 {
		t.Errorf("%+v", d)
	}
}

// TestADayHas23Hours where the clocks go forward.
func TestADayHas23Hours(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Skip(err)
	}
	from := time.Date(2026, 3, 28, 0, 0, 0, 0, zone)
	days := Cover(Span{Numbers: []string{""}, Since: from, From: from, To: from.AddDate(0, 0, 2), Now: from.AddDate(0, 0, 9), Zone: zone, Count: func(string, string) (c Counted) { return c }})
	if len(days) != 3 || days[1].Of != 23*3600 || days[1].Day != "2026-03-29" {
		t.Errorf("%+v", days)
	}
}
