package watch_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/gap/cover"
	"github.com/waxseal/waxseal/internal/gap/watch"
	"github.com/waxseal/waxseal/internal/govern"
)

// hasty waits for nothing.
var hasty = gap.Patience{Orphan: 1, Answer: 1, Status: 1, Target: 1, Ghost: 1, Media: 1}

const image = `"type":"image","image":{"id":%q,"mime_type":"image/jpeg","sha256":"abc="}`

// healthy brings some hundred messages of all sorts, of which nothing is
// missing.
func (f *firm) healthy() {
	for i := range 40 {
		who := fmt.Sprintf("4477009%05d", i)
		hello := f.id()
		f.in(who, hello, text(fmt.Sprintf("hello %d", i)))
		f.in(who, f.id(), `"context":{"from":"`+who+`","id":"`+hello+`"},`+text("and another thing"))
		f.in(who, f.id(), `"type":"reaction","reaction":{"message_id":"`+hello+`","emoji":"👍"}`)
		f.in(who, f.id(), `"context":{"forwarded":true},`+text("forwarded, which answers nothing"))

		cb, sent := fmt.Sprintf("waxseal:h%d", i), f.id()
		req := f.request(who, cb, "an offer")
		if i%2 == 0 { // a status may come before the answer
			f.status(who, sent, "sent", cb)
		}
		f.answer(req, who, cb, sent)
		f.status(who, sent, "read", cb)
		f.status(who, sent, "delivered", cb)

		ghost := f.id()
		f.in(who, ghost, `"type":"unsupported","errors":[{"code":131060,"title":"This message is unavailable"}]`)
		f.in(who, ghost, text("what the placeholder stood for"))
		f.in(who, f.id(), `"type":"unsupported","errors":[{"code":131051,"title":"Message type unknown"}]`)

		picture := f.id()
		f.in(who, picture, fmt.Sprintf(image, "m"+picture))
		f.media(picture, who, "m"+picture, "stored")
		f.meta.listed = append(f.meta.listed, watch.Sent{Message: sent, At: time.Unix(f.when(), 0)}, watch.Sent{Message: hello, At: time.Unix(f.when(), 0)})
	}
	f.deliver("account_update", `{"event":"VERIFIED_ACCOUNT"}`)
	f.deliver("messages", `{`+metadata+`,"statuses":[]}`)
}

// TestFiftyPlantedHoles plants one of everything that can be missing into an
// archive, several times, between what is whole: exactly those are found, and
// what is filled closes.
func TestFiftyPlantedHoles(t *testing.T) {
	f := newFirm(t, hasty)
	f.cfg.Canary, f.cfg.WABA = "9", []string{"1", "2", "3"}
	f.set(f.cfg)
	f.meta.sub["2"], f.meta.sub["3"] = watch.Subscribed{Ours: true}, watch.Subscribed{Ours: true}
	f.busy()
	f.healthy()
	f.scan(watch.Scan{Graph: true, Daily: true})
	f.scan(watch.Scan{Graph: true, Daily: true}) // its own canary is back
	if by, n := f.holes(); n != 0 {
		t.Fatalf("%d holes where there is none: %v", n, by)
	}

	const who = "16505551234"
	var fill []func()
	plant := func(n int, hole func(id string) (filled func())) {
		for range n {
			fill = append(fill, hole(f.id()))
		}
	}
	plant(7, func(id string) func() { // orphans
		f.status(who, id, "delivered", "")
		return func() {
			f.item(cloudapi.Sent, cloudapi.SendHead{At: time.Now(), Number: "7", By: "crm", Status: 200},
				fmt.Sprintf(`{"request":{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":"told later"}},"response":{"messages":[{"id":%q}]}}`, who, id))
		}
	})
	plant(4, func(id string) func() { // lost answers
		cb := "waxseal:u" + id
		f.request(who, cb, "no answer")
		return func() { f.status(who, id, "sent", cb) }
	})
	plant(5, func(id string) func() { // no status
		cb := "waxseal:n" + id
		f.answer(f.request(who, cb, "no status"), who, cb, id)
		return func() { f.status(who, id, "failed", cb) }
	})
	plant(4, func(id string) func() { // answers nothing
		f.in(who, f.id(), `"context":{"from":"`+who+`","id":"`+id+`"},`+text("yes"))
		return func() { f.in(who, id, text("late")) }
	})
	plant(3, func(id string) func() {
		f.in(who, f.id(), `"type":"reaction","reaction":{"message_id":"`+id+`","emoji":"👍"}`)
		return func() { f.in(who, id, text("late")) }
	})
	plant(5, func(id string) func() {
		f.in(who, id, `"type":"unsupported","errors":[{"code":131060,"title":"This message is unavailable"}]`)
		return func() { f.in(who, id, text("came after all")) }
	})
	plant(4, func(id string) func() {
		f.in(who, id, fmt.Sprintf(image, "p"+id))
		return func() { f.media(id, who, "p"+id, "stored") }
	})
	plant(2, func(id string) func() {
		f.in(who, id, fmt.Sprintf(image, "p"+id))
		f.media(id, who, "p"+id, "expired")
		return func() { f.media(id, who, "p"+id, "stored") }
	})
	plant(4, func(id string) func() { // listed, not here
		f.meta.listed = append(f.meta.listed, watch.Sent{Message: id, At: time.Unix(f.when(), 0)})
		return func() { f.in(who, id, text("late")) }
	})
	plant(2, func(id string) func() { // here, and its webhook failed
		f.in(who, id, text("here"))
		f.meta.listed = append(f.meta.listed, watch.Sent{Message: id, At: time.Unix(f.when(), 0), Failed: true})
		n := len(f.meta.listed) - 1
		return func() { f.meta.listed[n].Failed = false }
	})
	f.meta.sub["2"], f.meta.sub["3"] = watch.Subscribed{}, watch.Subscribed{Ours: true, Override: "https://elsewhere.example/hook"}
	f.meta.token.Expires = time.Now().Add(48 * time.Hour)
	f.meta.number.State = "FLAGGED"
	f.deliver("account_update", `{"event":"PARTNER_REMOVED"}`)
	f.deliver("history", `{`+metadata+`,"history":[{"errors":[{"code":2593109,"title":"declined"}]}]}`)
	f.deliver("new_field_a", `{"x":1}`)
	f.deliver("new_field_a", `{"x":2}`)
	f.deliver("new_field_b", `{"y":1}`)

	f.habit("+15550000008", 67*24*time.Hour, 3*24*time.Hour)
	f.away()
	f.meta.lost = true
	f.watch = f.newWatch(hasty) // which sends another canary
	f.scan(watch.Scan{Graph: true, Daily: true})
	f.scan(watch.Scan{Graph: true, Daily: true})
	want := map[gap.Kind]int{
		gap.Orphan: 7, gap.Unanswered: 4, gap.NoStatus: 5, gap.UnknownTarget: 7, gap.Ghost: 5, gap.Media: 6, gap.HistoryMissing: 6,
		gap.Subscription: 3, gap.Token: 1, gap.Offboarded: 1, gap.HistoryDeclined: 1, gap.UnknownField: 2, gap.NotListening: 1, gap.Silence: 1, gap.Canary: 1,
	}
	by, n := f.holes()
	if !maps.Equal(by, want) {
		t.Errorf("found %v\nnot %v", by, want)
	}
	if n < 50 {
		t.Errorf("%d holes", n)
	}
	for _, a := range f.bell {
		if len(a.Say) < 20 || a.Source == "" {
			t.Errorf("alarm: %+v", a)
		}
	}
	if len(f.bell) == 0 {
		t.Error("nothing rang")
	}

	for _, filled := range fill {
		filled()
	}
	f.meta.sub["2"], f.meta.sub["3"] = watch.Subscribed{Ours: true}, watch.Subscribed{Ours: true}
	f.meta.token.Expires, f.meta.number.State = time.Time{}, "CONNECTED"
	f.deliver("account_update", `{"event":"PARTNER_ADDED"}`)
	f.deliver("messages", batch("15550000008", []int64{time.Now().Add(-time.Minute).Unix()}))
	f.meta.lost = false
	f.watch = f.newWatch(hasty)
	f.scan(watch.Scan{Graph: true, Daily: true})
	f.scan(watch.Scan{Graph: true, Daily: true})
	want = map[gap.Kind]int{gap.HistoryDeclined: 1, gap.UnknownField: 2, gap.NotListening: 1}
	// An answer that was lost is known by its statuses now; what was told later
	// of a message that had none has one.
	if by, _ := f.holes(); !maps.Equal(by, want) {
		t.Errorf("filled, and open: %v\nnot %v", by, want)
	}
	f.explainAll()
	if by, n := f.holes(); n != 0 {
		t.Errorf("explained, and open: %v", by)
	}
	f.scan(watch.Scan{All: true, Graph: true, Daily: true})
	if by, n := f.holes(); n != 0 {
		t.Errorf("opened again: %v", by)
	}
	if len(f.bell) != 0 {
		t.Errorf("still ringing: %v", f.bell)
	}
}

// busy gives the books a source that has listened for ten weeks.
func (f *firm) busy() {
	f.t.Helper()
	now := time.Now().UTC()
	f.heard(now.AddDate(0, 0, -70), now.Add(-time.Minute))
}

func (f *firm) heard(from, to time.Time) {
	f.t.Helper()
	if _, err := f.ledger.Do(f.t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActSourceHeard, Data: govern.HeardData{Source: "main", From: from, To: to}}); err != nil {
		f.t.Fatal(err)
	}
}

// habit is a second number that clients wrote to every hour of ten weeks, until
// some days ago.
func (f *firm) habit(number string, from, to time.Duration) {
	f.t.Helper()
	f.cfg.Numbers = append(f.cfg.Numbers, cloudapi.Number{ID: "8", Phone: number})
	f.set(f.cfg)
	var times []int64
	for at := time.Now().Add(-from); at.Before(time.Now().Add(-to)); at = at.Add(time.Hour) {
		times = append(times, at.Unix())
	}
	for len(times) > 0 {
		n := min(len(times), 500)
		f.deliver("messages", batch(strings.TrimPrefix(number, "+"), times[:n]))
		times = times[n:]
	}
}

func batch(number string, times []int64) string {
	var b strings.Builder
	for i, at := range times {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"from":"447700900123","id":"wamid.h%d","timestamp":"%d",%s}`, at, at, text("as every hour"))
	}
	return fmt.Sprintf(`{"messaging_product":"whatsapp","metadata":{"display_phone_number":%q,"phone_number_id":"8"},"messages":[%s]}`, number, b.String())
}

// away is a second source, to which nobody listened for half an hour.
func (f *firm) away() {
	f.t.Helper()
	cfg := f.cfg
	f.set(cloudapi.Config{Name: "second"})
	f.cfg = cfg
	now := time.Now().UTC()
	for _, s := range [][2]time.Duration{{-2 * time.Hour, -time.Hour}, {-30 * time.Minute, -time.Minute}} {
		if _, err := f.ledger.Do(f.t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: govern.ActSourceHeard, Data: govern.HeardData{Source: "second", From: now.Add(s[0]), To: now.Add(s[1])}}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *firm) explainAll() {
	f.t.Helper()
	var ids []int64
	if err := f.ledger.Read(f.t.Context(), func(s *govern.State) error {
		for id, g := range s.Gaps {
			if g.State == govern.GapOpen {
				ids = append(ids, id)
			}
		}
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
	for _, id := range ids {
		if _, err := f.ledger.Do(f.t.Context(), operator, govern.Request{Act: govern.ActGapExplain, Reason: "It is known.", Data: govern.ForGap{Gap: id}}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// TestPatienceOutlivesARestart: what is too young to be a hole when a program
// starts becomes one while it runs.
func TestPatienceOutlivesARestart(t *testing.T) {
	p := hasty
	p.Orphan = 3 * time.Second
	f := newFirm(t, p)
	f.busy()
	f.deliver("messages", fmt.Sprintf(`{%s,"statuses":[{"id":"wamid.x","status":"sent","timestamp":"%d","recipient_id":"16505551234"}]}`, metadata, time.Now().Unix()))
	f.scan(watch.Scan{})
	f.watch.Close(t.Context())
	f.watch = f.newWatch(p)
	f.scan(watch.Scan{})
	if by, _ := f.holes(); len(by) != 0 {
		t.Fatalf("found at once: %v", by)
	}
	time.Sleep(4 * time.Second)
	f.scan(watch.Scan{})
	if by, _ := f.holes(); by[gap.Orphan] != 1 {
		t.Errorf("not found: %v", by)
	}
}

// TestCoverageCountsWhatCame by the real index, and what the watch noted.
func TestCoverageCountsWhatCame(t *testing.T) {
	f := newFirm(t, hasty)
	f.busy()
	const who = "447700900001"
	for range 3 {
		f.in(who, f.id(), text("سلام"))
	}
	picture := f.id()
	f.in(who, picture, fmt.Sprintf(image, "m"))
	f.media(picture, who, "m", "stored")
	sent := f.id()
	f.answer(f.request(who, "waxseal:1", "an offer"), who, "waxseal:1", sent)
	f.status(who, sent, "sent", "waxseal:1")
	f.status(who, sent, "read", "waxseal:1")
	f.status(who, f.id(), "read", "")
	f.scan(watch.Scan{})
	f.watch.Close(t.Context())
	now := time.Now().UTC()
	days, err := cover.Days(t.Context(), f.ledger, f.x, now.AddDate(0, 0, -1), now, now, time.UTC)
	if err != nil || len(days) != 2 {
		t.Fatalf("%d days, %v", len(days), err)
	}
	var sum gap.Counted
	var missing int64
	for _, d := range days {
		sum.In, sum.Out, sum.Statuses, sum.Media, sum.Deliveries = sum.In+d.In, sum.Out+d.Out, sum.Statuses+d.Statuses, sum.Media+d.Media, sum.Deliveries+d.Deliveries
		for _, m := range d.Missing {
			missing += m.Messages
		}
	}
	if want := (gap.Counted{In: 4, Out: 2, Statuses: 3, Media: 1, Deliveries: 7}); sum != want || missing != 1 {
		t.Errorf("counted %+v, not %+v; %d missing", sum, want, missing)
	}
	if d := days[0]; d.Seconds != 24*3600 {
		t.Errorf("yesterday was listened to for %d s", d.Seconds)
	}
}

// TestWhatComesAfterAnExplanationRings.
func TestWhatComesAfterAnExplanationRings(t *testing.T) {
	f := newFirm(t, hasty)
	f.busy()
	f.status("16505551234", f.id(), "read", "")
	f.scan(watch.Scan{})
	f.explainAll()
	f.scan(watch.Scan{})
	if len(f.bell) != 0 {
		t.Errorf("explained, and rings: %v", f.bell)
	}
	f.status("16505551234", f.id(), "read", "")
	f.scan(watch.Scan{})
	if by, _ := f.holes(); len(f.bell) != 1 || by[gap.Orphan] != 2 {
		t.Errorf("%d alarms, gaps %v", len(f.bell), by)
	}
}
