package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
)

// formType is how browsers write forms. The Graph API reads it, too.
const formType = "application/x-www-form-urlencoded"

// evades says where a request would get around what the gateway looks at: the
// Graph API takes some of it, and a rule would not see it.
func (c *call) evades() string {
	q := c.r.URL.Query()
	for k := range q {
		switch name := bare(k); {
		case name == "method":
			return "The method stands in the request line. It was not handed on."
		case name == "batch" || c.sends() && (name == "to" || name == "type" || name == "recipient" || contents(name)):
			return "A message stands in the body of its own request. It was not sent."
		}
	}
	for k := range c.r.Header {
		if slices.Contains([]string{"x-http-method", "x-http-method-override", "x-method-override"}, strings.ReplaceAll(strings.ToLower(k), "_", "-")) {
			return "The method stands in the request line. It was not handed on."
		}
	}
	if c.asksOnly() {
		return ""
	}
	if n := strings.ToLower(c.node()); n == "" || n == "me" || version.MatchString(n) {
		return noBatch
	}
	last := strings.ToLower(path.Base(c.rest))
	if plain := strings.TrimLeft(last, " "); !c.sends() {
		if i := strings.IndexFunc(plain, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }); i > 0 && isSend(plain[:i]) || isSend(plain) {
			return "Messages are sent to an address that ends with messages. It was not sent."
		}
	} else if !numberID.MatchString(c.number()) {
		return "A message is sent from a number, whose phone_number_id stands in the address. It was not sent."
	}
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")) // none: read as JSON
	if c.sends() && (strings.HasPrefix(kind, "multipart/") || !slices.Contains([]string{"", "identity"}, strings.ToLower(c.r.Header.Get("Content-Encoding")))) {
		return "A message is sent as JSON that is not compressed. It was not sent."
	}
	return ""
}

const noBatch = "Requests in batches are not taken: send each by itself. Nothing was sent."

// bare is a field's name as a lenient reader takes it: without a path into it,
// and without signs around it.
func bare(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(name), "[")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r == '_' {
			return r
		}
		return -1
	}, name)
}

// batched reports a body with several requests in it.
func (c *call) batched(raw []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil && members["batch"] != nil {
		return true
	}
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != formType && members != nil {
		return false
	}
	q, _ := url.ParseQuery(string(raw)) // what can be read of it
	for k := range q {
		if bare(k) == "batch" {
			return true
		}
	}
	return false
}

// untrusted is why a send may not wait.
const untrusted = "It would go out later with the firm's own token, and the sender's is none that Meta takes for this number."

// tokens are those of senders that Meta has taken, as hashes, with the numbers
// that it took them for.
type tokens struct {
	mu sync.Mutex
	of map[[32]byte]bool
}

func (t *tokens) put(k [32]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of) > 1000 {
		t.of = map[[32]byte]bool{}
	}
	t.of[k] = true
}

func (t *tokens) has(k [32]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[k]
}

func (c *call) authorization() string {
	return cmp.Or(c.r.Header.Get("Authorization"), "Bearer "+c.r.URL.Query().Get("access_token"))
}

func (c *call) token() [32]byte {
	return sha256.Sum256([]byte(c.src.Name + "\x00" + c.number() + "\x00" + c.authorization()))
}

// known reports that Meta takes the sender's token, as far as is known here.
func (c *call) known() bool {
	own := subtle.ConstantTimeCompare([]byte(c.authorization()), []byte("Bearer "+c.src.Access)) == 1
	return own && c.src.Access != "" || c.g.tokens.has(c.token())
}

// trusted reports that Meta takes the sender's token. What waits goes out with
// the source's, so that the gateway's key alone would be enough to send.
func (c *call) trusted(ctx context.Context) bool {
	if c.known() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, linkTime)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, at(c.src, path.Dir(c.path()))+"?fields=id", nil)
	if err != nil {
		return false
	}
	q.Header.Set("Authorization", c.authorization())
	w, err := c.g.client(c.src).Do(q)
	if err != nil {
		return false
	}
	_ = w.Body.Close() // nothing of it is read
	if w.StatusCode != http.StatusOK {
		return false
	}
	c.g.tokens.put(c.token())
	return true
}

// contents reports a member that is what a message says.
func contents(name string) bool {
	return cloudapi.OutlineOf([]byte(`{"`+name+`":{}}`)).Type != ""
}

// plain is a body as it is archived, and as it is read and forwarded: JSON. A
// token that stands in it is not archived; it goes on in the header.
func (c *call) plain(raw []byte) (kept, body []byte) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")) // none: JSON
	if c.sends() && kind == formType && !json.Valid(raw) {
		return c.form(raw)
	}
	kept, token := cloudapi.Without(raw, "access_token")
	c.bearer(token)
	return kept, kept
}

func (c *call) bearer(token string) {
	if token != "" {
		c.r.Header.Set("Authorization", "Bearer "+token)
	}
}

// form reads a form as the Graph API does: its values are JSON, or texts.
func (c *call) form(raw []byte) (kept, body []byte) {
	q, err := url.ParseQuery(string(raw))
	if err != nil {
		return raw, raw
	}
	if t := q.Get("access_token"); t != "" {
		c.bearer(t)
		q.Del("access_token")
		raw = []byte(q.Encode())
	}
	out := map[string]json.RawMessage{}
	for k := range q {
		v := q.Get(k)
		if b := []byte(v); v != "" && strings.ContainsRune("{[", rune(v[0])) && json.Valid(b) {
			out[k] = b
			continue
		}
		out[k], _ = json.Marshal(v) // a string
	}
	body, err = json.Marshal(out)
	if err != nil {
		return raw, raw
	}
	return raw, body
}

// leaving is the body that goes out for a request.
func leaving(h cloudapi.SendHead, body []byte) []byte {
	if h.Sent != "" {
		body = []byte(h.Sent)
	}
	if h.Callback != "" {
		body = cloudapi.Plant(body, h.Callback)
	}
	return body
}

// answer is what Meta said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// errNoAnswer is returned where something may have left, and no answer came, or
// no whole one.
var errNoAnswer = errors.New("no answer came")

// forward sends a request once. from is the sender's own, whose token it goes
// with; nil: the source's.
func (g *Gateway) forward(ctx context.Context, src Source, h cloudapi.SendHead, body io.Reader, size int64, from *http.Request) (*answer, error) {
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { left.Store(true) }})
	q, err := http.NewRequestWithContext(ctx, cmp.Or(h.Method, http.MethodPost), at(src, h.Path), body)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	q.ContentLength = size
	if size == 0 {
		q.Body = http.NoBody
	}
	if from != nil {
		q.Header = forwarded(from.Header)
		q.URL.RawQuery = query(from.URL.Query())
	} else {
		q.Header.Set("Authorization", "Bearer "+src.Access)
	}
	if from == nil || h.Sent != "" || isSend(path.Base(h.Path)) { // as the rules read it
		q.Header.Set("Content-Type", "application/json")
	}
	w, err := g.client(src).Do(q)
	switch {
	case err != nil && !left.Load():
		return nil, ErrUnreachable
	case err != nil:
		return nil, errNoAnswer
	}
	defer func() { _ = w.Body.Close() }() // read to its end, or given up
	b, err := io.ReadAll(http.MaxBytesReader(nil, w.Body, maxAnswer))
	if err != nil {
		return &answer{w.StatusCode, w.Header, b}, errNoAnswer
	}
	return &answer{w.StatusCode, w.Header, b}, nil
}

// client asks Meta. How long it may take is the call's business, and where Meta
// sends one elsewhere, that is an answer.
func (g *Gateway) client(src Source) *http.Client {
	h := *g.o.HTTP(src)
	h.Timeout, h.CheckRedirect = 0, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// at is the address of a path at Meta.
func at(src Source, p string) string {
	return strings.TrimSuffix(cmp.Or(src.Graph, graph.Base), "/") + (&url.URL{Path: p}).EscapedPath()
}

// hop are headers that belong to one connection, or to the gateway itself. An
// idempotency key would let net/http send a request again.
var hop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Accept-Encoding", "Host", "Expect", "Idempotency-Key", "X-Idempotency-Key", "Cookie", "Forwarded", "Via"}

// forwarded are the sender's headers that Meta gets.
func forwarded(h http.Header) http.Header {
	out := http.Header{}
	for k, v := range h {
		if !slices.Contains(hop, k) && !strings.HasPrefix(k, "X-Waxseal-") && !strings.HasPrefix(k, "X-Forwarded-") {
			out[k] = v
		}
	}
	return out
}

// query is the sender's, without what is the gateway's own.
func query(q url.Values) string {
	q.Del("deferrable")
	q.Del("urgent")
	return q.Encode()
}

// returned puts Meta's headers into the answer to the sender.
func returned(w http.ResponseWriter, h http.Header) {
	for k, v := range h {
		if !slices.Contains(hop, k) && k != "Set-Cookie" {
			w.Header()[k] = v
		}
	}
}

// pass hands a question through, and its answer back.
func (c *call) pass() error {
	ctx, cancel := context.WithTimeout(c.r.Context(), uploadTime)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, c.r.Method, at(c.src, "/"+c.rest), nil)
	if err != nil {
		return fmt.Errorf("pass: %w", err)
	}
	q.Header, q.URL.RawQuery = forwarded(c.r.Header), query(c.r.URL.Query())
	w, err := c.g.client(c.src).Do(q)
	if err != nil {
		say(c.w, http.StatusBadGateway, "Meta could not be reached.", "")
		return nil
	}
	defer func() { _ = w.Body.Close() }() // read to its end, or given up
	returned(c.w, w.Header)
	c.w.WriteHeader(w.StatusCode)
	_, _ = io.Copy(c.w, w.Body) // who asked may have gone
	return nil
}
