package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/govern"
)

// Headers beside alarm.Signature.
const (
	headerID      = "Waxseal-Id"
	headerKind    = "Waxseal-Event"
	headerAttempt = "Waxseal-Attempt"
)

// answerIn is how long a receiver may take.
const answerIn = 15 * time.Second

// refusal is an answer that is not 2xx.
type refusal int

func (r refusal) Error() string { return "answered " + strconv.Itoa(int(r)) }

// post tells one event. The error has nothing of it, and nothing of the answer.
func post(ctx context.Context, client *http.Client, h *govern.Hook, ev *Event, attempt int) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(ev); err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	body := bytes.TrimRight(b.Bytes(), "\n")
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("hook: %w", err)
	}
	for k, v := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "waxseal", alarm.Signature: alarm.Sign(h.Key, body, time.Now()),
		headerID: ev.ID, headerKind: ev.Kind, headerAttempt: strconv.Itoa(attempt),
	} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("hook: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	_ = resp.Body.Close()                                         // it was taken, or not: the status says
	if resp.StatusCode/100 != 2 {
		return refusal(resp.StatusCode)
	}
	return nil
}

// straight is a client that goes where it was told to, and nowhere else: who
// moves a receiver sets the hook anew, and an officer confirms it.
func straight(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// Why says in a few words why an event was not taken, without an address.
func Why(err error) string {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "not reached"
}

// SendTest tells a hook that nothing happened, to see that it arrives.
func SendTest(ctx context.Context, client *http.Client, h *govern.Hook) error {
	now := time.Now().UTC()
	return post(ctx, straight(client), h, &Event{ID: Test + "-" + strconv.FormatInt(now.UnixNano(), 10), Kind: Test, At: now.Format(time.RFC3339Nano), Seq: -1}, 1)
}
