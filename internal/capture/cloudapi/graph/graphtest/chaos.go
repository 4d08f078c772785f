package graphtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Chaos delivers webhooks as badly as Meta may: more than once, in no order,
// many in one body, cut in the middle, and again until they are answered 200.
// Zero values leave that out.
type Chaos struct {
	URL    string
	Secret string
	HTTP   *http.Client // nil: the default
	Seed   uint64

	Workers int           // deliveries at a time; 0: one
	Batch   int           // elements in a body, at most; 0: one
	Copies  int           // how often a body comes after it was taken, at most
	Shuffle bool          // bodies come in no order
	Delay   time.Duration // before each, at most
	Cut     float64       // share of tries whose connection ends in the middle of the body
	Forged  float64       // share of tries that somebody else makes before, with a wrong signature
	Tries   int           // of a body until it is taken; 0: 100
}

// Element is a message or a status of a body.
type Element struct {
	ID      string // WhatsApp's
	Array   string // "messages", "statuses"
	JSON    string
	Contact string // its element of contacts, or empty
}

// Message is a customer's text.
func Message(n int, from, text string) Element {
	id := fmt.Sprintf("wamid.C%06d", n)
	return Element{
		ID: id, Array: "messages",
		JSON:    fmt.Sprintf(`{"from":"%s","id":"%s","timestamp":"%d","text":{"body":%s},"type":"text"}`, from, id, 1_788_000_000+n, Quote(text)),
		Contact: fmt.Sprintf(`{"profile":{"name":"Kerry Fisher"},"wa_id":"%s"}`, from),
	}
}

// Status is a step of a message that the business sent.
func Status(id, state, to string, at int64) Element {
	return Element{ID: id, Array: "statuses", JSON: fmt.Sprintf(`{"id":"%s","status":"%s","timestamp":"%d","recipient_id":"%s"}`, id, state, at, to)}
}

// Quote is a string as Meta writes it: in ASCII, with slashes escaped.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '/':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r >= utf8.RuneSelf:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Body is a webhook of elements.
func Body(es ...Element) []byte {
	arrays, order, contacts := map[string][]string{}, []string{}, []string{}
	for _, e := range es {
		if arrays[e.Array] == nil {
			order = append(order, e.Array)
		}
		arrays[e.Array] = append(arrays[e.Array], e.JSON)
		if e.Contact != "" {
			contacts = append(contacts, e.Contact)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"object":"whatsapp_business_account","entry":[{"id":"%s","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"%s","phone_number_id":"%s"}`, WABA, Phone[1:], Number)
	if len(contacts) > 0 {
		b.WriteString(`,"contacts":[` + strings.Join(contacts, ",") + `]`)
	}
	for _, a := range order {
		b.WriteString(`,"` + a + `":[` + strings.Join(arrays[a], ",") + `]`)
	}
	b.WriteString(`},"field":"messages"}]}]}`)
	return b.Bytes()
}

// Sign is the value of X-Hub-Signature-256.
func Sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

// Ledger is what was answered.
type Ledger struct {
	mu       sync.Mutex
	Taken    map[string][]byte // bodies that were answered 200, by their SHA-256 in hex
	Elements map[string]bool   // IDs in them
	Answers  map[int]int       // how often each status; 0: no answer
	Forged   int               // bodies with a wrong signature that were answered 200
	Given    int               // bodies that were never taken
}

// Deliver delivers all, and returns when each body was taken or given up.
func (c *Chaos) Deliver(ctx context.Context, all []Element) *Ledger {
	rnd := rand.New(rand.NewPCG(c.Seed, 1))
	type job struct {
		body []byte
		ids  []string
		seed uint64
	}
	var jobs []job
	for len(all) > 0 {
		n := min(1+rnd.IntN(max(c.Batch, 1)), len(all))
		j := job{body: Body(all[:n]...)}
		for _, e := range all[:n] {
			j.ids = append(j.ids, e.ID)
		}
		all = all[n:]
		for range 1 + rnd.IntN(c.Copies+1) {
			j.seed = rnd.Uint64()
			jobs = append(jobs, j)
		}
	}
	if c.Shuffle {
		rnd.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	}
	l := &Ledger{Taken: map[string][]byte{}, Elements: map[string]bool{}, Answers: map[int]int{}}
	queue := make(chan job)
	var workers sync.WaitGroup
	for range max(c.Workers, 1) {
		workers.Go(func() {
			for j := range queue {
				c.deliver(ctx, l, j.body, j.ids, rand.New(rand.NewPCG(j.seed, 2)))
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	workers.Wait()
	return l
}

func (c *Chaos) deliver(ctx context.Context, l *Ledger, body []byte, ids []string, rnd *rand.Rand) {
	tries := c.Tries
	if tries == 0 {
		tries = 100
	}
	for range tries {
		if c.Delay > 0 {
			time.Sleep(time.Duration(rnd.Int64N(int64(c.Delay))))
		}
		if rnd.Float64() < c.Forged {
			forged := bytes.Clone(body)
			forged[rnd.IntN(len(forged))] ^= 1
			if status := c.post(ctx, forged, Sign(c.Secret, body), -1); status == http.StatusOK {
				l.count(func() { l.Forged++ })
			}
		}
		cut := -1
		if rnd.Float64() < c.Cut {
			cut = rnd.IntN(len(body))
		}
		status := c.post(ctx, body, Sign(c.Secret, body), cut)
		l.count(func() { l.Answers[status]++ })
		if status == http.StatusOK {
			sum := sha256.Sum256(body)
			l.count(func() {
				l.Taken[hex.EncodeToString(sum[:])] = body
				for _, id := range ids {
					l.Elements[id] = true
				}
			})
			return
		}
		if ctx.Err() != nil {
			break
		}
	}
	l.count(func() { l.Given++ })
}

func (l *Ledger) count(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// post returns the answer's status; 0: there was none. After cut bytes the
// connection ends, where cut is not negative.
func (c *Chaos) post(ctx context.Context, body []byte, signature string, cut int) int {
	var from io.Reader = bytes.NewReader(body)
	if cut >= 0 {
		from = io.MultiReader(bytes.NewReader(body[:cut]), broken{})
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, from)
	if err != nil {
		return 0
	}
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "facebookexternalua")
	r.Header.Set("X-Hub-Signature-256", signature)
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	w, err := client.Do(r)
	if err != nil {
		return 0
	}
	_, err = io.Copy(io.Discard, w.Body)
	if err = errors.Join(err, w.Body.Close()); err != nil {
		return 0
	}
	return w.StatusCode
}

// broken is where a connection ends.
type broken struct{}

var errCut = errors.New("cut")

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, errCut }
