package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/fetch"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
)

// desk is an archive that lacks files, before a server that plays Meta.
type desk struct {
	*graphtest.Server
	t       *testing.T
	mu      sync.Mutex
	sink    capturetest.Sink
	names   []fetch.Pending // all that messages ever named
	full    error           // of the archive
	blind   bool            // the index does not follow
	rung    []string
	options fetch.Options
}

func newDesk(t *testing.T) *desk {
	d := &desk{Server: graphtest.New(t), t: t}
	d.options = fetch.Options{Source: "main", Every: time.Millisecond, Stall: 200 * time.Millisecond, Bell: d, Now: d.Now}
	return d
}

// Ring and Clear are the bell's.
func (d *desk) Ring(_ context.Context, a alarm.Alarm) { d.said("ring " + a.Key) }

func (d *desk) Clear(_ context.Context, key string) { d.said("clear " + key) }

func (d *desk) said(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rung = append(d.rung, s)
}

// Blob and Append stand before the sink, so that it can be full.
func (d *desk) Blob(ctx context.Context, r io.Reader) (record.Blob, error) {
	if err := d.isFull(); err != nil {
		return record.Blob{}, err
	}
	return d.sink.Blob(ctx, r)
}

func (d *desk) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if err := d.isFull(); err != nil {
		return nil, err
	}
	return d.sink.Append(ctx, batch)
}

func (d *desk) isFull() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

func (d *desk) fill(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = err
}

// told adds a message that names a file.
func (d *desk) told(m graphtest.Media) fetch.Pending {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := fetch.Pending{
		ID: m.ID, URL: m.URL, SHA256: m.SHA256, MIME: m.MIME, Message: "wamid." + m.ID, Chat: "447700900001@s.whatsapp.net",
		Account: graphtest.Phone, Since: d.Now(),
	}
	d.names = append(d.names, p)
	return p
}

// heads are the records of files, in their order.
func (d *desk) heads() (out []cloudapi.Head) {
	for _, e := range d.sink.All() {
		var h cloudapi.Head
		if e.Kind != record.Item {
			continue
		}
		if _, err := e.Decode(&h); err != nil {
			d.t.Error(err)
		}
		out = append(out, h)
	}
	return out
}

// pending is what the index says: files without a record.
func (d *desk) pending(context.Context) ([]fetch.Pending, error) {
	var have []string
	for _, h := range d.heads() {
		have = append(have, h.Media.Message)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.blind {
		have = nil
	}
	return slices.DeleteFunc(slices.Clone(d.names), func(p fetch.Pending) bool { return slices.Contains(have, p.Message) }), nil
}

// start runs a fetcher until stop, or the end of the test.
func (d *desk) start() (f *fetch.Fetcher, stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	j := cloudapi.OpenJournal(d, d.Config, "UTC", nil)
	f = fetch.New(j, graph.New(d.Config, fetch.Client(graphtest.Loopback)), d.pending, d.options)
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	d.t.Cleanup(stop)
	return f, stop
}

// until moves the clock by step until there are n records.
func (d *desk) until(f *fetch.Fetcher, n int, step time.Duration) []cloudapi.Head {
	d.t.Helper()
	for range 2000 {
		if h := d.heads(); len(h) >= n {
			return h
		}
		d.Pass(step)
		f.Wake()
		time.Sleep(2 * time.Millisecond)
	}
	d.t.Fatalf("%d records, want %d; waiting %+v", len(d.heads()), n, f.State())
	return nil
}

// tried moves the clock until the only file that waits was tried n times.
func (d *desk) tried(f *fetch.Fetcher, n int, step time.Duration) fetch.Waiting {
	d.t.Helper()
	for range 2000 {
		if s := f.State(); len(s) == 1 && s[0].Tries >= n {
			return s[0]
		}
		d.Pass(step)
		f.Wake()
		time.Sleep(2 * time.Millisecond)
	}
	d.t.Fatalf("not tried %d times: %+v", n, f.State())
	return fetch.Waiting{}
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func TestAFileIsFetchedAtOnce(t *testing.T) {
	d := newDesk(t)
	f, _ := d.start()
	p := d.told(d.Receive([]byte("picture"), "image/jpeg"))
	f.Wake()
	h := d.until(f, 1, 0)[0]
	m := h.Media
	if m.State != "stored" || m.Why != "" || m.ID != p.ID || m.Message != p.Message || m.Chat != p.Chat || m.MIME != "image/jpeg" || m.Tries != 1 ||
		len(h.Files) != 1 || h.Files[0].SHA256 != sum([]byte("picture")) || h.Files[0].Size != 7 {
		t.Errorf("got %+v, %+v", m, h.Files)
	}
	if n := d.Count("attachments"); n != 1 || len(d.Requests()) != 1 {
		t.Errorf("%d requests, %d of them downloads: the address stood in the webhook", len(d.Requests()), n)
	}
	if s := f.State(); len(s) != 0 {
		t.Errorf("it still waits: %+v", s)
	}
}

// Each fault of Meta, and what becomes of a file that meets it.
func TestWhatBecomesOfAFile(t *testing.T) {
	content := bytes.Repeat([]byte("file "), 2000)
	const cut = -1
	for _, x := range []struct {
		name  string
		fault graphtest.Fault
		late  time.Duration // the fetcher starts so long after
		step  time.Duration // of the clock
		state string
		why   string // in it
		most  time.Duration
	}{
		{name: "the address has expired", late: 6 * time.Minute, state: "stored"},
		{name: "the ID has expired", late: 7 * 24 * time.Hour, state: "expired", why: "seven days"},
		{name: "gone before its time", fault: graphtest.Fault{Status: 404, Times: cut}, step: time.Second, state: "missing", why: "no such file", most: 10 * time.Minute},
		{name: "not there yet", fault: graphtest.Fault{Status: 404, Times: 6}, step: time.Second, state: "stored", most: 5 * time.Minute},
		{name: "too many requests", fault: graphtest.Fault{Status: 429, Code: 4, After: time.Minute, Times: 2}, step: 5 * time.Second, state: "stored", most: 10 * time.Minute},
		{name: "Meta is broken", fault: graphtest.Fault{Status: 503, Times: 12}, step: 10 * time.Second, state: "stored", most: 90 * time.Minute},
		{name: "Meta is broken for eight days", fault: graphtest.Fault{Status: 500, Times: cut}, step: time.Hour, state: "expired", why: "Meta answered 500"},
		{name: "a body that is cut", fault: graphtest.Fault{Path: "attachments", Cut: true, Times: 2}, step: time.Second, state: "stored", most: time.Minute},
		{name: "a body that stops", fault: graphtest.Fault{Path: "attachments", Drip: time.Minute, Times: 1}, state: "stored"},
		{name: "a slow body", fault: graphtest.Fault{Path: "attachments", Drip: 5 * time.Millisecond, Times: 1}, state: "stored"},
		{name: "no answer", fault: graphtest.Fault{Hang: true, Times: 2}, step: time.Second, state: "stored", most: 5 * time.Minute},
		{name: "a lost answer", fault: graphtest.Fault{Lost: true, Times: 2}, step: time.Second, state: "stored", most: time.Minute},
		{name: "a wrong byte", fault: graphtest.Fault{Path: "attachments", Wrong: true, Times: 1}, step: time.Second, state: "stored", most: time.Minute},
		{name: "wrong bytes always", fault: graphtest.Fault{Path: "attachments", Wrong: true, Times: cut}, step: time.Second, state: "stored", why: "not the one that WhatsApp named"},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := newDesk(t)
			p := d.told(d.Receive(content, "application/pdf"))
			if x.fault.Times != 0 {
				d.Set(x.fault)
			}
			d.Pass(x.late)
			began := d.Now()
			f, _ := d.start()
			h := d.until(f, 1, x.step)[0]
			if h.Media.State != x.state || !strings.Contains(h.Media.Why, x.why) || x.why == "" && h.Media.Why != "" {
				t.Errorf("%s: %s", h.Media.State, h.Media.Why)
			}
			if took := d.Now().Sub(began); x.most > 0 && took > x.most {
				t.Errorf("it took %v", took)
			}
			if x.state == "stored" && (len(h.Files) != 1 || (h.Files[0].SHA256 != sum(content)) != (x.why != "")) || x.state != "stored" && len(h.Files) != 0 {
				t.Errorf("files %+v", h.Files)
			}
			if h.Media.Message != p.Message || len(d.heads()) != 1 {
				t.Errorf("records %+v", d.heads())
			}
		})
	}
}

func TestATokenThatIsRefused(t *testing.T) {
	d := newDesk(t)
	for i := range 50 {
		d.told(d.Receive(fmt.Append(nil, "file ", i), "image/png"))
	}
	end := d.Set(graphtest.Fault{Status: 401, Code: 190, Times: -1})
	f, _ := d.start()
	for len(d.bells()) == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if n := len(d.Requests()); n > 8 {
		t.Errorf("%d requests with a token that is refused", n)
	}
	if s := f.State(); len(s) != 50 || !slices.ContainsFunc(s, func(w fetch.Waiting) bool { return w.Why == "Meta refused the access token." }) {
		t.Errorf("state %+v", s)
	}
	end()
	d.until(f, 50, time.Second)
	for range 1000 {
		if len(d.bells()) == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if got := strings.Join(d.bells(), ", "); got != "ring cloudapi/main/media, clear cloudapi/main/media" {
		t.Errorf("bell: %s", got)
	}
}

func (d *desk) bells() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.rung)
}

// A file that the archive cannot take is not lost, and not Meta's failure.
func TestTheDiskIsFull(t *testing.T) {
	d := newDesk(t)
	d.told(d.Receive([]byte("picture"), "image/jpeg"))
	d.fill(errors.New("no space left on device"))
	f, _ := d.start()
	if w := d.tried(f, 3, 2*time.Second); w.Why != "The archive could not take it." {
		t.Errorf("why: %s", w.Why)
	}
	d.fill(nil)
	if h := d.until(f, 1, time.Second); h[0].Media.State != "stored" {
		t.Errorf("got %+v", h[0].Media)
	}
}

// Killed between the record and the index, and in the middle of a download.
func TestAFileIsStoredOnce(t *testing.T) {
	d := newDesk(t)
	d.blind = true
	d.told(d.Receive([]byte("picture"), "image/jpeg"))
	f, stop := d.start()
	d.until(f, 1, 0)
	for range 5 {
		f.Wake()
		time.Sleep(2 * time.Millisecond)
	}
	if n := d.Count("attachments"); n != 1 {
		t.Errorf("fetched %d times while the index does not follow", n)
	}
	stop()
	f, stop = d.start()
	for d.Count("attachments") < 2 || len(f.State()) > 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if h := d.heads(); len(h) != 1 {
		t.Errorf("stored %d times", len(h))
	}

	d.mu.Lock()
	d.blind = false
	d.mu.Unlock()
	end := d.Set(graphtest.Fault{Hang: true, Times: -1})
	d.told(d.Receive([]byte("another"), "image/jpeg"))
	_, stop = d.start()
	for d.Count("attachments") < 3 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if h := d.heads(); len(h) != 1 {
		t.Errorf("a fetch that was cut short left %+v", h[1:])
	}
	end()
	f, _ = d.start()
	if h := d.until(f, 2, 0); h[1].Files[0].SHA256 != sum([]byte("another")) {
		t.Errorf("got %+v", h[1])
	}
}

func TestManyFilesFourAtATime(t *testing.T) {
	d := newDesk(t)
	for i := range 200 {
		d.told(d.Receive(fmt.Append(nil, "file ", i), "image/png"))
	}
	d.Set(graphtest.Fault{Path: "attachments", Status: 503, Times: 40})
	f, _ := d.start()
	if n := len(d.until(f, 200, time.Second)); n != 200 {
		t.Errorf("%d records", n)
	}
}

// A file of a hundred megabytes is never in memory as a whole, and one beyond
// the bound is not fetched to its end.
func TestLargeFiles(t *testing.T) {
	d := newDesk(t)
	d.options.Largest = 1 << 20
	fits := d.told(d.Receive(bytes.Repeat([]byte{1}, 1<<20), "video/mp4"))
	large := d.told(d.Receive(bytes.Repeat([]byte{2}, 1<<20+1), "video/mp4"))
	d.mu.Lock()
	d.names[1].URL = "" // its size is told by the ID
	d.mu.Unlock()
	untold := d.told(d.Receive(bytes.Repeat([]byte{3}, 1<<20+1), "video/mp4"))
	f, _ := d.start()
	for _, h := range d.until(f, 3, 0) {
		switch m := h.Media; m.Message {
		case fits.Message:
			if m.State != "stored" {
				t.Errorf("one that fits: %+v", m)
			}
		case large.Message, untold.Message:
			if m.State != "missing" || m.Why != "It is larger than is fetched." || len(h.Files) != 0 {
				t.Errorf("one that is too large: %+v", m)
			}
		}
	}
}

// Addresses that somebody wrote into a body.
func TestOtherAddresses(t *testing.T) {
	d := newDesk(t)
	inside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	defer inside.Close()
	d.options.Links = outbound.Client(outbound.Options{})
	real := d.Receive([]byte("picture"), "image/jpeg")
	stolen := d.told(graphtest.Media{ID: real.ID, URL: inside.URL + "/collect"})
	d.told(graphtest.Media{ID: strings.Replace(inside.URL, "http:", "https:", 1) + "/in"})
	d.told(graphtest.Media{ID: "https://[bad/sent"})
	d.mu.Lock()
	d.names[2].FromMe, d.names[1].FromMe = true, true
	d.mu.Unlock()
	d.told(graphtest.Media{ID: inside.URL + "/received"})
	f, _ := d.start()
	for _, h := range d.until(f, 4, time.Second) {
		m := h.Media
		if want := map[bool]string{true: "stored", false: "missing"}[m.Message == stolen.Message]; m.State != want {
			t.Errorf("%s: %s, %s", m.ID, m.State, m.Why)
		}
		if strings.Contains(m.Why, "127.0.0.1") {
			t.Errorf("why names an address: %s", m.Why)
		}
	}
}

func TestALinkOfTheBusiness(t *testing.T) {
	d := newDesk(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the link was shown the access token")
		}
		if r.URL.Path != "/offer.pdf" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "offer") // whoever asked may have gone
	}))
	defer shop.Close()
	d.options.Links = outbound.Client(outbound.Options{Allow: graphtest.Loopback})
	there := d.told(graphtest.Media{ID: shop.URL + "/offer.pdf"})
	d.told(graphtest.Media{ID: shop.URL + "/gone.pdf"})
	d.names[0].FromMe, d.names[1].FromMe = true, true
	f, _ := d.start()
	for _, h := range d.until(f, 2, time.Second) {
		if h.Media.Message == there.Message {
			if h.Media.State != "stored" || h.Files[0].SHA256 != sum([]byte("offer")) {
				t.Errorf("got %+v", h)
			}
		} else if h.Media.State != "missing" || h.Media.Why != "The file that the sender linked could not be had." {
			t.Errorf("got %+v", h.Media)
		}
	}
}

// A message is disposed of while its file is on its way.
func TestWhatIsDisposedOfDoesNotComeBack(t *testing.T) {
	d := newDesk(t)
	d.Set(graphtest.Fault{Path: "attachments", Drip: 10 * time.Millisecond})
	d.told(d.Receive(bytes.Repeat([]byte("clip "), 10_000), "video/mp4"))
	f, stop := d.start()
	for d.Count("attachments") < 1 {
		time.Sleep(time.Millisecond)
	}
	d.mu.Lock()
	d.names = nil
	d.mu.Unlock()
	for range 1000 {
		f.Wake()
		if time.Sleep(2 * time.Millisecond); len(f.State()) == 0 {
			break
		}
	}
	stop()
	if h := d.heads(); len(h) != 0 || len(f.State()) != 0 {
		t.Errorf("records %+v, waiting %+v", h, f.State())
	}
}
