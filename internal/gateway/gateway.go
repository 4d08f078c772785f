package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// Bounds of requests.
const (
	maxRequest = 4 << 20 // bytes of a body that is no file
	maxAnswer  = 8 << 20
	sendTime   = 60 * time.Second
	linkTime   = 15 * time.Second // for a file that a send names by its address
	keepTime   = 30 * time.Second // to write what was answered
)

// Rules decide about sends.
type Rules interface {
	Decide(s *rules.Send, at time.Time) rules.Decision
}

// Queue keeps sends that do not go at once.
type Queue interface {
	// Wait is durable when it returns nil.
	Wait(ctx context.Context, request int64, s *rules.Send, d rules.Decision) error
}

// Source is a source whose sends go through here.
type Source struct {
	cloudapi.Config
	Journal cloudapi.Journal
}

// Options are what a Gateway is handed.
type Options struct {
	// Source finds a source by the part of the address that only its senders
	// know. It must take as long for a wrong one as for a right one.
	Source func(key string) (Source, bool)
	// Of finds a source by a number's phone_number_id.
	Of func(number string) (Source, bool)
	// Entry reads a request that was archived.
	Entry func(ctx context.Context, seq int64) (record.Entry, error)
	Rules Rules
	Queue Queue
	// Template returns the definition of a template; an error leaves the text of
	// a send to what its parameters say.
	Template func(ctx context.Context, s Source, name, language string) (json.RawMessage, error)
	HTTP     func(Source) *http.Client // to Meta
	Links    *http.Client              // to addresses that senders write
	Ready    func() error              // why nothing can be archived now
	Log      *slog.Logger
	Now      func() time.Time
}

// Gateway answers /gateway/{key}/{version}/….
type Gateway struct {
	o       Options
	uploads uploads
	tokens  tokens
}

// New returns a gateway.
func New(o Options) *Gateway {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	return &Gateway{o: o}
}

// Prefix is where the gateway stands.
const Prefix = "/gateway/"

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	key, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	src, ok := g.o.Source(key)
	if !ok || rest == "" || path.Clean("/"+rest) != "/"+strings.TrimSuffix(rest, "/") {
		say(w, http.StatusNotFound, "There is nothing at this address.", "")
		return
	}
	c := call{g: g, src: src, w: w, r: r, rest: strings.TrimSuffix(rest, "/")}
	if err := c.serve(); err != nil {
		g.o.Log.LogAttrs(r.Context(), slog.LevelError, "gateway", slog.String("source", src.Name), slog.String("error", err.Error()))
	}
}

// call is one request of a sender.
type call struct {
	g    *Gateway
	src  Source
	w    http.ResponseWriter
	r    *http.Request
	rest string // "v23.0/106540352242922/messages"
}

// number is the phone_number_id in the address.
func (c *call) number() string {
	node, _, _ := strings.Cut(c.node(), "/")
	return node
}

// node is the address without the version that stands before it.
func (c *call) node() string {
	f, rest, _ := strings.Cut(c.rest, "/")
	if version.MatchString(f) {
		return rest
	}
	return c.rest
}

var (
	version  = regexp.MustCompile(`^[vV][0-9]`)
	numberID = regexp.MustCompile(`^[1-9][0-9]*$`)
)

// path is the address at Meta.
func (c *call) path() string {
	if dir, last := path.Split(c.rest); c.sends() {
		return "/" + dir + strings.ToLower(last)
	}
	return "/" + c.rest
}

// asksOnly reports a request that changes nothing.
func (c *call) asksOnly() bool { return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead }

// sends reports an address that messages are sent to.
func (c *call) sends() bool {
	return !c.asksOnly() && isSend(strings.ToLower(path.Base(c.rest)))
}

func isSend(last string) bool { return last == "messages" || last == "marketing_messages" }

func (c *call) serve() error {
	if c.rest == "sent" {
		return c.sent()
	}
	if why := c.evades(); why != "" {
		say(c.w, http.StatusBadRequest, why, "")
		return nil
	}
	if c.asksOnly() {
		return c.pass()
	}
	if err := c.g.o.Ready(); err != nil {
		say(c.w, http.StatusServiceUnavailable, "The archive cannot take it now, so it was not sent. Try again later.", "")
		return err
	}
	if !c.sends() && c.carries() {
		c.hurry(uploadTime)
		return c.upload()
	}
	c.hurry(sendTime)
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxRequest))
	if err != nil {
		say(c.w, http.StatusRequestEntityTooLarge, "The request did not arrive whole, or is larger than 4 MiB. It was not sent.", "")
		return nil //nolint:nilerr // the sender was told
	}
	return c.send(body)
}

// hurry bounds how long the sender takes to say what it wants.
func (c *call) hurry(d time.Duration) {
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(d)) // a connection that cannot is a test's
}

// send archives a request, and then does with it what the rules say.
func (c *call) send(raw []byte) error {
	if c.batched(raw) {
		say(c.w, http.StatusBadRequest, noBatch, "")
		return nil
	}
	ctx := context.WithoutCancel(c.r.Context()) // who hangs up has sent it all the same
	h := cloudapi.SendHead{At: c.g.o.Now().UTC(), Method: c.r.Method, Path: c.path(), Number: c.number(), Decision: rules.Forward}
	raw, body := c.plain(raw)
	if !bytes.Equal(raw, body) {
		h.Sent = string(body)
	}
	o := cloudapi.OutlineOf(body)
	s := rules.Send{Source: c.src.Name, Number: h.Number, To: o.To, Kind: strings.ToLower(o.Type), Text: o.Text, Body: body, Template: o.Template, Deferrable: c.asks("deferrable"), Urgent: c.asks("urgent"), By: strings.ToLower(strings.TrimSpace(c.r.Header.Get("X-Waxseal-By")))}
	var d rules.Decision
	var files []record.ItemFile
	message := c.sends() && !o.Notice
	if h.Kind = o.Type; !message {
		h.Kind = cloudapi.NoMessage
	}
	if message {
		if path.Base(h.Path) == "marketing_messages" {
			s.Category = "MARKETING"
		}
		c.render(ctx, &h, &s, o, body)
		h.Files, files = c.files(ctx, o)
		if o.Callback == "" && o.Object {
			h.Callback = cloudapi.AliasOf + rand.Text()
		}
		if d = c.decide(&s, h.At, o); waits(d.Do) && !c.trusted(ctx) {
			d = rules.Decision{Do: rules.Block, Why: untrusted, Say: untrusted + " It was not sent."}
		}
		h.Decision, h.Why, h.Rule, h.By = d.Do, d.Why, d.Rule, s.By
		if d.Body != nil && !bytes.Equal(d.Body, body) {
			h.Sent = string(d.Body)
		}
	}
	seq, err := c.keep(ctx, cloudapi.Request, h, raw, files)
	if err != nil {
		say(c.w, http.StatusServiceUnavailable, "The archive could not take it, so it was not sent. Try again later.", "")
		return err
	}
	switch {
	case h.Decision == rules.Block:
		status := http.StatusForbidden
		if !o.Object || o.To == "" {
			status = http.StatusBadRequest
		}
		say(c.w, status, cmp.Or(d.Say, "A rule of the firm does not let this out: "+d.Why), trace(seq))
		return nil
	case waits(h.Decision):
		return c.wait(ctx, seq, &s, d, h.Callback)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	out := leaving(h, body)
	a, err := c.g.forward(ctx, c.src, h, bytes.NewReader(out), int64(len(out)), c.r)
	if errors.Is(err, ErrUnreachable) && s.Deferrable && message && c.known() {
		d.Do, d.Why = rules.Defer, deferred
		if err := c.g.deferred(context.WithoutCancel(ctx), c.src, seq, -1, h); err != nil {
			say(c.w, http.StatusServiceUnavailable, "The archive could not take it, so it was not sent. Try again later.", trace(seq))
			return err
		}
		return c.wait(context.WithoutCancel(ctx), seq, &s, d, h.Callback)
	}
	if a != nil && a.status/100 == 2 {
		c.g.tokens.put(c.token())
	}
	return c.answered(context.WithoutCancel(ctx), seq, h, a, err)
}

func waits(do string) bool { return do == rules.Hold || do == rules.Delay || do == rules.Defer }

// decide asks the firm's rules. What they cannot read does not go out.
func (c *call) decide(s *rules.Send, at time.Time, o cloudapi.Outline) rules.Decision {
	switch {
	case !o.Object:
		return rules.Decision{Do: rules.Block, Why: "It is no JSON object.", Say: "The body is no JSON object. It was not sent."}
	case o.To == "":
		return rules.Decision{Do: rules.Block, Why: "It is not said to whom it goes.", Say: "It is not said to whom it goes, as a text. It was not sent."}
	case c.g.o.Rules == nil:
		return rules.Decision{Do: rules.Forward}
	}
	return c.g.o.Rules.Decide(s, at)
}

// wait puts a send into the queue and tells the sender so.
func (c *call) wait(ctx context.Context, seq int64, s *rules.Send, d rules.Decision, callback string) error {
	_, known := c.g.o.Of(s.Number) // else it could not go later
	if c.g.o.Queue == nil || !known {
		return c.stays(ctx, seq, s, callback, "It would have to wait, and its number is none that can.")
	}
	if err := c.g.o.Queue.Wait(ctx, seq, s, d); err != nil {
		return errors.Join(err, c.stays(ctx, seq, s, callback, "It has to wait, and that could not be noted."))
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusAccepted)
	about := map[string]any{"request": seq, "decision": d.Do, "why": d.Why, "say": d.Say}
	if d.For > 0 {
		about["seconds"] = int64(d.For.Seconds())
	}
	// The shape of Meta's own answer, so that a program finds an ID where it
	// looks for one; it is none of WhatsApp's, and the status says what happens.
	return json.NewEncoder(c.w).Encode(map[string]any{
		"messaging_product": "whatsapp",
		"contacts":          []map[string]string{{"input": s.To}},
		"messages":          []map[string]string{{"id": cmp.Or(callback, trace(seq)), "message_status": "waiting"}},
		"waxseal":           about,
	})
}

// stays tells the sender that a request which was to wait is not sent, after
// the log says so: it would be booked, and go, when the program starts again.
func (c *call) stays(ctx context.Context, seq int64, s *rules.Send, callback, why string) error {
	_, err := c.g.step(ctx, c.src, seq, -1, cloudapi.SendHead{Decision: withdraw, Number: s.Number, Callback: callback, Why: why})
	if err != nil {
		say(c.w, http.StatusGatewayTimeout, why+" It is not known whether it goes out later. Look for it in the archive before you send it again.", trace(seq))
		return fmt.Errorf("note that request %d does not go: %w", seq, err)
	}
	say(c.w, http.StatusServiceUnavailable, why+" It was not sent.", trace(seq))
	return nil
}

// asks reads a switch of the gateway's own from header or query.
func (c *call) asks(name string) bool {
	v := cmp.Or(c.r.Header.Get("X-Waxseal-"+name), c.r.URL.Query().Get(name))
	return v == "1" || strings.EqualFold(v, "true")
}

// keep appends one item and returns its entry.
func (c *call) keep(ctx context.Context, what cloudapi.What, h cloudapi.SendHead, raw []byte, files []record.ItemFile) (int64, error) {
	return keep(ctx, c.src.Journal, what, h, raw, files)
}

func keep(ctx context.Context, j cloudapi.Journal, what cloudapi.What, h cloudapi.SendHead, raw []byte, files []record.ItemFile) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	got, err := j.Append(ctx, func(capture int64) ([]record.Record, error) {
		r, err := cloudapi.SendRecord(capture, h, what, raw, files)
		return []record.Record{r}, err
	})
	if err != nil {
		return 0, err
	}
	return got[0].Seq, nil
}

// answered archives what Meta said, and then says it to the sender.
func (c *call) answered(ctx context.Context, seq int64, h cloudapi.SendHead, a *answer, failed error) error {
	_, err := c.g.conclude(ctx, c.src, seq, h, a, failed)
	switch {
	case a != nil && failed == nil: // it was sent, whatever became of the answer's record
		returned(c.w, a.header)
		c.w.WriteHeader(a.status)
		_, _ = c.w.Write(a.body) // who asked may have gone
	case errors.Is(failed, ErrUnreachable):
		say(c.w, http.StatusBadGateway, "Meta could not be reached. It was not sent.", trace(seq))
	default:
		say(c.w, http.StatusGatewayTimeout, "Meta did not answer, so it is not known whether it was sent. Do not send it again before its status has come, or an hour has passed.", trace(seq))
	}
	return err
}

// conclude archives the answer to a request, or that there was none.
func (g *Gateway) conclude(ctx context.Context, src Source, seq int64, h cloudapi.SendHead, a *answer, failed error) (string, error) {
	out := cloudapi.SendHead{At: g.o.Now().UTC(), Request: seq, Number: h.Number, Path: h.Path, Kind: h.Kind, Callback: h.Callback}
	var raw []byte
	outcome := ""
	if a != nil {
		out.Status, raw = a.status, a.body
	}
	switch {
	case failed == nil:
		if outcome = "Meta has taken it."; a.status/100 != 2 {
			outcome = fmt.Sprintf("Meta has refused it (status %d).", a.status)
		}
	case errors.Is(failed, ErrUnreachable):
		out.Decision, out.Failed = cloudapi.Unreachable, "Meta could not be reached: it was not sent."
		outcome = out.Failed
	default:
		out.Failed = "Meta did not answer: it is not known whether it was sent."
		outcome = out.Failed
	}
	_, err := keep(ctx, src.Journal, cloudapi.Answer, out, raw, nil)
	if err != nil {
		err = fmt.Errorf("archive the answer to entry %d: %w", seq, err)
	}
	return outcome, err
}

// Forward sends a request that waited; see OutboxOptions. The record that it
// goes is durable before its first byte leaves, and has the try in its identity:
// where it is there already, nothing is sent again.
func (g *Gateway) Forward(ctx context.Context, request int64, try int) (outcome string, err error) {
	src, h, raw, err := g.request(ctx, request)
	if err != nil {
		return "", err
	}
	again, err := g.step(ctx, src, request, try, cloudapi.SendHead{Decision: rules.Forward, Number: h.Number, Callback: h.Callback})
	if err != nil {
		return "", fmt.Errorf("note that request %d goes: %w", request, err)
	}
	if again {
		return "", ErrForwarded
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	out := leaving(h, raw)
	a, err := g.forward(sending, src, h, bytes.NewReader(out), int64(len(out)), nil)
	if errors.Is(err, ErrUnreachable) {
		return "", errors.Join(ErrUnreachable, g.deferred(context.WithoutCancel(ctx), src, request, try, h))
	}
	return g.conclude(context.WithoutCancel(ctx), src, request, h, a, err)
}

// withdraw is the decision that a request does not go out any more.
const withdraw = "withdraw"

const deferred = "Meta cannot be reached; it goes out when it can."

// deferred notes in the log that a request that was forwarded did not leave, so
// that it is not taken for one whose answer was lost.
func (g *Gateway) deferred(ctx context.Context, src Source, request int64, try int, h cloudapi.SendHead) error {
	_, err := g.step(ctx, src, request, try, cloudapi.SendHead{Decision: rules.Defer, Number: h.Number, Callback: h.Callback, Why: deferred})
	return err
}

// Withdrawn notes in the log that a request does not go out.
func (g *Gateway) Withdrawn(ctx context.Context, x govern.Send) error {
	src, h, _, err := g.request(ctx, x.Request)
	if err != nil {
		return err
	}
	_, err = g.step(ctx, src, x.Request, -1, cloudapi.SendHead{Decision: withdraw, Number: h.Number, Callback: h.Callback, Why: x.Withdrawn.Why, By: x.Withdrawn.By})
	return err
}

// request reads a request that was archived.
func (g *Gateway) request(ctx context.Context, seq int64) (src Source, h cloudapi.SendHead, raw []byte, err error) {
	e, err := g.o.Entry(ctx, seq)
	if err != nil {
		return src, h, nil, fmt.Errorf("read request %d: %w", seq, err)
	}
	var head cloudapi.Head
	if raw, err = e.Decode(&head); err != nil {
		return src, h, nil, err
	}
	if head.Send == nil || head.What != cloudapi.Request {
		return src, h, nil, fmt.Errorf("entry %d is no request", seq)
	}
	src, ok := g.o.Of(head.Send.Number)
	if !ok {
		return src, h, nil, fmt.Errorf("request %d is of a source that does not run", seq)
	}
	return src, *head.Send, raw, nil
}

// step notes what becomes of a request, once for each try.
func (g *Gateway) step(ctx context.Context, src Source, request int64, try int, h cloudapi.SendHead) (again bool, err error) {
	h.At, h.Request = g.o.Now().UTC(), request
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	name := "step"
	if h.Decision == rules.Defer {
		name = "deferred"
	}
	got, err := src.Journal.Append(ctx, func(capture int64) ([]record.Record, error) {
		r, err := cloudapi.SendRecord(capture, h, cloudapi.Step, nil, nil)
		r.Identity = fmt.Appendf(nil, "%s %d %d", name, request, try)
		return []record.Record{r}, err
	})
	if err != nil {
		return false, err
	}
	return !got[0].New, nil
}

func trace(seq int64) string { return fmt.Sprintf("waxseal-%d", seq) }

// say answers in the shape of Meta's errors, which senders know to read.
func say(w http.ResponseWriter, status int, text, trace string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := map[string]any{"message": text, "type": "WaxsealException", "code": status}
	if trace != "" {
		e["fbtrace_id"] = trace
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"error": e}) // who asked may have gone
}
