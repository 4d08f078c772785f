package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/record"
)

// Bounds of what senders tell afterwards.
const (
	maxSent      = 16 << 20 // bytes of a body
	maxSentItems = 1000
)

// sentItem is one message that a sender sent by another way, as it tells.
type sentItem struct {
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
	Key      string          `json:"idempotency_key"`
	Number   string          `json:"number"` // phone_number_id
	At       string          `json:"at"`     // RFC 3339
	By       string          `json:"by"`     // login of who sent it

	raw  []byte
	head cloudapi.SendHead
	out  sentResult
}

// sentResult is what became of it.
type sentResult struct {
	Entry int64  `json:"entry,omitempty"`
	State string `json:"state"` // "archived", "already", "refused", "conflict"
	Error string `json:"error,omitempty"`
}

// sent answers POST /gateway/{key}/sent: what was sent without the gateway is
// archived, once however often it is told.
func (c *call) sent() error {
	if c.r.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		say(c.w, http.StatusMethodNotAllowed, "Messages that were sent are told by POST.", "")
		return nil
	}
	if err := c.g.o.Ready(); err != nil {
		say(c.w, http.StatusServiceUnavailable, "The archive cannot take it now. Try again later.", "")
		return err
	}
	c.hurry(sendTime)
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxSent))
	if err != nil {
		say(c.w, http.StatusRequestEntityTooLarge, "The request did not arrive whole, or is larger than 16 MiB. Nothing was archived.", "")
		return nil //nolint:nilerr // the sender was told
	}
	raws, single := sentItems(body)
	switch {
	case len(raws) == 0:
		say(c.w, http.StatusBadRequest, "The body is no JSON object, no array of them, and no JSON Lines.", "")
		return nil
	case len(raws) > maxSentItems:
		say(c.w, http.StatusRequestEntityTooLarge, "There are more than 1,000 messages. Nothing was archived.", "")
		return nil
	}
	items := make([]sentItem, len(raws))
	for i, raw := range raws {
		key := c.r.Header.Get("Idempotency-Key")
		if key != "" && !single {
			key += "/" + strconv.Itoa(i)
		}
		c.look(&items[i], raw, key)
	}
	ctx := context.WithoutCancel(c.r.Context())
	if err := c.keepSent(ctx, items); err != nil {
		say(c.w, http.StatusServiceUnavailable, "The archive could not take it. Tell it again with the same keys.", "")
		return err
	}
	return c.tell(items, single)
}

// sentItems cuts a body into its items: one object, an array, or JSON Lines.
func sentItems(body []byte) (items [][]byte, single bool) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case len(body) == 0:
		return nil, false
	case body[0] == '[':
		var all []json.RawMessage
		if json.Unmarshal(body, &all) != nil {
			return nil, false
		}
		for _, raw := range all {
			items = append(items, raw)
		}
		return items, false
	case body[0] != '{':
		return nil, false
	case json.Valid(body):
		return [][]byte{body}, true
	}
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			items = append(items, line)
		}
	}
	return items, false
}

// look reads an item, and says where it cannot be taken.
func (c *call) look(it *sentItem, raw []byte, key string) {
	it.raw = raw
	if err := json.Unmarshal(raw, it); err != nil {
		it.refuse("It is no JSON object with a request.")
		return
	}
	if it.Key == "" {
		it.Key = key
	}
	if it.Number == "" && len(c.src.Numbers) == 1 {
		it.Number = c.src.Numbers[0].ID
	}
	it.head = cloudapi.SendHead{At: c.g.o.Now().UTC(), Number: it.Number, By: it.By}
	if it.At != "" {
		at, err := time.Parse(time.RFC3339, it.At)
		if err != nil {
			it.refuse("at is no time as RFC 3339 writes it.")
			return
		}
		it.head.At = at.UTC()
	}
	o := cloudapi.OutlineOf(it.Request)
	switch {
	case !slices.ContainsFunc(c.src.Numbers, func(n cloudapi.Number) bool { return n.ID == it.Number }):
		it.refuse("number is not the phone_number_id of a number of this source.")
	case o.Type == "" || o.To == "":
		it.refuse("request is no message to somebody.")
	case it.Key == "" && cloudapi.MessageID(it.Response) == "":
		it.refuse("Neither an idempotency_key nor a message id in response tells it from others.")
	}
}

func (it *sentItem) refuse(why string) { it.out = sentResult{State: "refused", Error: why} }

// record makes the record of an item. Its identity is the sender's key, or
// without one its bytes.
func (it *sentItem) record(capture int64, source string) (record.Record, error) {
	r, err := cloudapi.SendRecord(capture, it.head, cloudapi.Sent, it.raw, nil)
	name := "raw\x00" + string(it.raw)
	if it.Key != "" {
		name = "key\x00" + source + "\x00" + it.Key
	}
	sum := sha256.Sum256([]byte("sent\x00" + name))
	r.Identity = sum[:]
	return r, err
}

// keepSent appends what can be taken, as one batch.
func (c *call) keepSent(ctx context.Context, items []sentItem) error {
	var taken []*sentItem
	rendering, done := context.WithTimeout(ctx, linkTime) // of all of them
	defer done()
	for i := range items {
		if it := &items[i]; it.out.State == "" {
			c.renderSent(rendering, it)
			taken = append(taken, it)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	got, err := c.src.Journal.Append(ctx, func(capture int64) ([]record.Record, error) {
		var out []record.Record
		for _, it := range taken {
			r, err := it.record(capture, c.src.Name)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
		return out, nil
	})
	if err != nil {
		return fmt.Errorf("archive what was sent: %w", err)
	}
	for i, it := range taken {
		it.out = sentResult{Entry: got[i].Seq, State: "archived"}
		if got[i].New {
			continue
		}
		if it.out.State = "already"; !c.same(ctx, it, got[i].Seq) {
			it.out = sentResult{Entry: got[i].Seq, State: "conflict", Error: "The idempotency_key was used for another message. This one was not archived."}
		}
	}
	return nil
}

// renderSent freezes a template's text, where the message was sent just now: an
// older one may have had another definition.
func (c *call) renderSent(ctx context.Context, it *sentItem) {
	if c.g.o.Now().Sub(it.head.At).Abs() < time.Hour {
		it.head.Template, it.head.Rendered = c.template(ctx, cloudapi.OutlineOf(it.Request), it.Request)
	}
}

// same reports whether an entry has an item's very bytes. One that is not to be
// read, as it was disposed of, has been told all the same.
func (c *call) same(ctx context.Context, it *sentItem, seq int64) bool {
	e, err := c.g.o.Entry(ctx, seq)
	if err != nil || len(e.Parts) == 0 {
		return true
	}
	var h cloudapi.Head
	raw, err := e.Decode(&h)
	return err == nil && bytes.Equal(raw, it.raw)
}

// tell answers with what became of each.
func (c *call) tell(items []sentItem, single bool) error {
	c.w.Header().Set("Content-Type", "application/json")
	if single {
		c.w.WriteHeader(map[string]int{"archived": http.StatusCreated, "already": http.StatusOK, "refused": http.StatusBadRequest, "conflict": http.StatusConflict}[items[0].out.State])
		return json.NewEncoder(c.w).Encode(items[0].out)
	}
	status := http.StatusOK
	out := make([]sentResult, len(items))
	for i := range items {
		if out[i] = items[i].out; out[i].Error != "" {
			status = http.StatusMultiStatus
		}
	}
	c.w.WriteHeader(status)
	return json.NewEncoder(c.w).Encode(map[string]any{"results": out})
}
