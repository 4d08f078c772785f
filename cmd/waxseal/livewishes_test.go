package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
	"github.com/waxseal/waxseal/internal/seal"
)

// busyBooks take nothing for a while.
type busyBooks struct {
	*archive.Archive
	full atomic.Bool
}

func (b *busyBooks) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if b.full.Load() {
		return nil, errors.New("full")
	}
	return b.Archive.Append(ctx, batch)
}

// TestWhoStopsMarketingIsNoted: what a recipient chooses in WhatsApp is in the
// books soon after it was delivered, and after a start where the program was
// killed in between; once, however often it is looked at.
func TestWhoStopsMarketingIsNoted(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "a")
	if _, err := archive.Create(ctx, dir, archive.CreateOptions{Name: "Acme", Zone: "UTC", NoPassphrase: true}); err != nil {
		t.Fatal(err)
	}
	ar, err := archive.Open(ctx, dir, func() (seal.Secret, error) { return seal.Secret{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ar.Close() })
	books := &busyBooks{Archive: ar}
	ledger, err := govern.Open(ctx, books)
	if err != nil {
		t.Fatal(err)
	}
	cfg := cloudapi.Config{Name: "main", Numbers: []cloudapi.Number{{ID: "7", Phone: "+15550783881"}}}
	config, _ := json.Marshal(cfg) // can be encoded
	operator := govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	if _, err := ledger.Do(ctx, operator, govern.Request{Act: govern.ActSetSource, Data: govern.SetSource{Name: "main", Kind: cloudapi.Name, Config: config}, Secret: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	l := &live{ar: ar, ledger: ledger, log: slog.New(slog.DiscardHandler)}
	l.wishes = newWishes(l)
	wishAgain = 10 * time.Millisecond
	t.Cleanup(func() { wishAgain = 10 * time.Second })
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { l.wishes.run(running); close(ended) }()

	says := func(value string, at int64) []byte {
		return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},"user_preferences":[{"wa_id":"447700900123","detail":"x","category":"marketing_messages","value":%q,"timestamp":%d}]},"field":"user_preferences"}]}]}`, value, at)
	}
	deliver := func(j *cloudapi.Running, body []byte) {
		t.Helper()
		if _, err := j.Append(ctx, func(capture int64) ([]record.Record, error) {
			return cloudapi.Records(capture, cloudapi.Incoming{Body: body, Received: time.Now()})
		}); err != nil {
			t.Fatal(err)
		}
	}
	acts := func() (n int) {
		_, err := ar.Acts(ctx, 0, func(e record.Entry) error {
			var h record.ActHead
			if _, err := e.Decode(&h); err == nil && h.Act == govern.ActConsentSet {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := func(answer rules.Answer) {
		t.Helper()
		var got rules.Answer
		for range 500 {
			if err := ledger.Read(ctx, func(s *govern.State) error { got = s.ConsentOf("447700900123").Marketing; return nil }); err != nil {
				t.Fatal(err)
			}
			if got == answer {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the books have %q, want %q", got, answer)
	}
	heard := cloudapi.OpenJournal(wishSink{ar, l.wishes}, func() cloudapi.Config { return cfg }, "UTC", nil)
	deliver(heard, says("stop", 1731705721))
	want(rules.No)
	deliver(heard, says("resume", 1731705700)) // an older choice that comes late
	deliver(heard, says("resume", 1731705800))
	want(rules.Yes)
	books.full.Store(true) // for a while
	deliver(heard, says("stop", 1731705850))
	time.Sleep(50 * time.Millisecond)
	books.full.Store(false)
	want(rules.No)
	deliver(heard, says("resume", 1731705860))
	want(rules.Yes)
	stop()
	<-ended

	killed := cloudapi.OpenJournal(ar, func() cloudapi.Config { return cfg }, "UTC", nil)
	deliver(killed, says("stop", 1731705900))
	want(rules.Yes)
	before := acts()
	for range 2 {
		if err := newWishes(l).catchUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want(rules.No)
	if got := acts(); got != before+1 {
		t.Errorf("%d acts note one choice", got-before)
	}
}
