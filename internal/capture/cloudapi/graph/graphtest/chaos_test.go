package graphtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/record"
)

// Whatever Meta does, what was answered 200 is there, once, byte for byte, and
// nothing that was forged is.
func TestNothingThatWasTakenIsMissing(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			sink := &capturetest.Sink{}
			cfg := graphtest.New(t).Config()
			get := func() cloudapi.Config { return cfg }
			var mu sync.Mutex
			rnd := rand.New(rand.NewPCG(seed, 3))
			rc := cloudapi.NewReceiver(cloudapi.OpenJournal(sink, get, "UTC", nil), get, cloudapi.ReceiverOptions{Ready: func() error {
				mu.Lock()
				defer mu.Unlock()
				if rnd.IntN(5) == 0 {
					return errors.New("not now")
				}
				return nil
			}})
			srv := httptest.NewServer(rc)
			defer srv.Close()
			var all []graphtest.Element
			for i := range 300 {
				text := fmt.Sprintf("word %d: é / مرحبا 👍 \x00 \" \\", i)
				all = append(all, graphtest.Message(i, fmt.Sprint(447700900000+i%7), text), graphtest.Status(fmt.Sprintf("wamid.S%d", i), "read", "447700900001", 1_788_000_000))
			}
			all[99].JSON = `{"broken":` // one bad element among good ones
			c := graphtest.Chaos{
				URL: srv.URL, Secret: graphtest.Secret, Seed: seed, Workers: 8, Batch: []int{0, 2, 10, 100, 500, 1000}[seed], Copies: 3, Shuffle: true,
				Delay: time.Millisecond, Cut: 0.2, Forged: 0.2,
			}
			l := c.Deliver(t.Context(), all)
			if l.Given != 0 || l.Forged != 0 || len(l.Elements) == 0 {
				t.Errorf("%d bodies were given up, %d forged ones taken; answers %v", l.Given, l.Forged, l.Answers)
			}
			kept := bodies(t, sink)
			for sum, b := range l.Taken {
				if !bytes.Equal(kept[sum], b) {
					t.Errorf("a body of %d bytes was answered 200 and is missing", len(b))
				}
			}
			if len(kept) != len(l.Taken) {
				t.Errorf("%d bodies are there, %d were taken", len(kept), len(l.Taken))
			}
		})
	}
}

// bodies are the deliveries of a sink, put together again.
func bodies(t *testing.T, sink *capturetest.Sink) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for i, e := range sink.All() {
		var h cloudapi.Head
		if e.Kind != record.Item && e.Kind != record.Unparsed {
			continue
		}
		if _, err := e.Decode(&h); err != nil || h.What != cloudapi.Delivery {
			continue
		}
		b, err := cloudapi.Body(e, sink.Entries[i+1:i+1+h.Delivery.Pieces])
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Delivery.SHA256] != nil {
			t.Errorf("entry %d is there twice", e.Seq)
		}
		out[h.Delivery.SHA256] = b
	}
	return out
}

// A body of three megabytes, and one of a thousand messages.
func TestLargeBodies(t *testing.T) {
	sink := &capturetest.Sink{}
	cfg := graphtest.New(t).Config()
	get := func() cloudapi.Config { return cfg }
	srv := httptest.NewServer(cloudapi.NewReceiver(cloudapi.OpenJournal(sink, get, "UTC", nil), get, cloudapi.ReceiverOptions{}))
	defer srv.Close()
	var all []graphtest.Element
	for i := range 1000 {
		all = append(all, graphtest.Message(i, "447700900001", strings.Repeat("x", 3000)))
	}
	body := graphtest.Body(all...)
	if !json.Valid(body) || len(body) < 3<<20 {
		t.Fatalf("a body of %d bytes", len(body))
	}
	c := graphtest.Chaos{URL: srv.URL, Secret: graphtest.Secret, Seed: 4, Batch: 1, Copies: 2, Cut: 0.3}
	whole := graphtest.Element{ID: "all", Array: "messages", JSON: joined(all)}
	if l := c.Deliver(t.Context(), []graphtest.Element{whole}); l.Given != 0 || len(l.Taken) != 1 {
		t.Fatalf("answers %v", l.Answers)
	}
	if n := len(bodies(t, sink)); n != 1 || len(sink.Entries) != 1002 { // the capture, the delivery, its pieces
		t.Errorf("%d bodies, %d entries", n, len(sink.Entries))
	}
}

func joined(es []graphtest.Element) string {
	var all []string
	for _, e := range es {
		all = append(all, e.JSON)
	}
	return strings.Join(all, ",")
}
