// Package graphtest plays Meta in tests: Server is a Graph API with a clock and
// faults, Chaos delivers webhooks as badly as Meta may.
package graphtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/outbound"
)

// What Meta promises of files.
const (
	URLLife      = 5 * time.Minute
	WebhookLife  = 7 * 24 * time.Hour  // of an ID in a webhook
	UploadLife   = 30 * 24 * time.Hour // of an ID that an upload got
	historyPage  = 100
	defaultToken = "EAAG-access"
)

// What a server listens to where a test sets nothing else.
const (
	WABA   = "102290129340398"
	Number = "106540352242922"
	Phone  = "+15550783881"
	Secret = "614fc2afde15eee07a26b2fe3eaee9b9"
)

// Loopback is where it stands: what outbound must allow.
var Loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Server is a Graph API.
type Server struct {
	URL   string
	Token string // that it takes; a test may set it before the first request

	t        testing.TB
	mu       sync.Mutex
	now      time.Time
	last     int
	files    map[string]*file
	urls     map[string]address
	faults   []*Fault
	requests []Request
	sent     []Sent
	tables   map[string][]json.RawMessage
	numbers  map[string]graph.Number
	token    graph.Token
	history  map[string][]graph.Delivered
}

type file struct {
	body []byte
	mime string
	sum  [32]byte
	dies time.Time
}

type address struct {
	id   string
	dies time.Time
}

// Request is one that came.
type Request struct {
	Method string
	Path   string // without the version
	Query  string
	Header http.Header
	Body   []byte
	At     time.Time // by the server's clock
}

// Sent is a message that was taken, whether or not its answer arrived.
type Sent struct {
	ID       string // WhatsApp's
	Number   string // phone_number_id that sent it
	To       string
	Type     string
	Callback string // biz_opaque_callback_data
	Body     json.RawMessage
}

// New starts a server, whose clock stands until Pass moves it.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		Token: defaultToken, t: t, now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), files: map[string]*file{}, urls: map[string]address{},
		tables: map[string][]json.RawMessage{}, numbers: map[string]graph.Number{}, history: map[string][]graph.Delivered{},
		token: graph.Token{App: "7001", Valid: true, Scopes: []string{"whatsapp_business_management", "whatsapp_business_messaging"}},
	}
	srv := httptest.NewServer(s)
	s.URL = srv.URL
	s.numbers[Number] = graph.Number{ID: Number, Phone: Phone, Quality: "GREEN", Status: "CONNECTED"}
	t.Cleanup(func() {
		srv.CloseClientConnections() // one that hangs is a test's doing
		srv.Close()
	})
	return s
}

// Config is a source that asks this server.
func (s *Server) Config() cloudapi.Config {
	return cloudapi.Config{
		Name: "main", WABA: []string{WABA}, Numbers: []cloudapi.Number{{ID: Number, Phone: Phone}}, Graph: s.URL, Version: graph.Version,
		Secrets: cloudapi.Secrets{App: []string{Secret}, Verify: "verify-me", Access: s.Token, Gateway: "gateway-key"},
	}
}

// Graph is a client that asks this server.
func (s *Server) Graph() *graph.Client {
	return graph.New(s.Config, outbound.Client(outbound.Options{Allow: Loopback, MaxBytes: -1}))
}

// Now is the server's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Pass moves the clock.
func (s *Server) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Media is a file as a webhook names it.
type Media struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256"` // base64
	MIME   string `json:"mime_type"`
}

// Receive has a customer send a file.
func (s *Server) Receive(body []byte, mime string) Media {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.keep(body, mime, WebhookLife)
	sum := s.files[id].sum
	return Media{ID: id, URL: s.locate(id), SHA256: base64.StdEncoding.EncodeToString(sum[:]), MIME: mime}
}

// keep and those below are called with s.mu held.
func (s *Server) keep(body []byte, mime string, life time.Duration) string {
	id := s.next("9")
	s.files[id] = &file{body: body, mime: mime, sum: sha256.Sum256(body), dies: s.now.Add(life)}
	return id
}

func (s *Server) locate(id string) string {
	token := s.next("8")
	s.urls[token] = address{id, s.now.Add(URLLife)}
	return s.URL + "/whatsapp_business/attachments/?mid=" + token + "&ext=" + fmt.Sprint(s.now.Add(URLLife).Unix()) + "&hash=ATv"
}

func (s *Server) next(head string) string {
	s.last++
	return fmt.Sprintf("%s%014d", head, s.last)
}

// SetTemplate adds the definition of a template, as the Graph API gives it, to
// WABA; one of the same name and language it replaces.
func (s *Server) SetTemplate(definition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(a json.RawMessage) bool { return named(a) == named([]byte(definition)) }
	path := WABA + "/message_templates"
	s.tables[path] = append(slices.DeleteFunc(s.tables[path], same), json.RawMessage(definition))
}

// named is what makes a template one: its name and its language.
func named(definition []byte) (id [2]string) {
	var d struct{ Name, Language string }
	_ = json.Unmarshal(definition, &d) // what is none has no name
	return [2]string{d.Name, d.Language}
}

// Subscribe says which apps get the webhooks of WABA.
func (s *Server) Subscribe(apps ...graph.App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []json.RawMessage
	for _, a := range apps {
		all = append(all, marshal(map[string]any{
			"whatsapp_business_api_data": map[string]string{"id": a.ID, "name": a.Name, "link": "https://example.com/"}, "override_callback_uri": a.Override,
		}))
	}
	s.tables[WABA+"/subscribed_apps"] = all
}

// SetNumber says how a number is.
func (s *Server) SetNumber(n graph.Number) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[n.ID] = n
}

// SetToken says how the access token is.
func (s *Server) SetToken(t graph.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
}

// Deliver adds to what message_history says of a number, as its newest.
func (s *Server) Deliver(number string, d graph.Delivered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history[number] = slices.Insert(s.history[number], 0, d)
}

// Requests are those that came, in their order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count is how many requests came whose path contains part.
func (s *Server) Count(part string) (n int) {
	for _, r := range s.Requests() {
		if strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

// Sent are the messages that were taken, in their order.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Uploaded is a file that was uploaded, and whether it is there.
func (s *Server) Uploaded(id string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[id]
	if !ok {
		return nil, false
	}
	return f.body, true
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values of tests
	}
	return b
}

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
