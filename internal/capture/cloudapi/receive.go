package cloudapi

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/record"
)

// Bounds of deliveries. Meta sends 3 MB at most; more room costs nothing.
const (
	maxBody       = 8 << 20
	maxChallenge  = 1 << 10
	appendTime    = 30 * time.Second
	badSignatures = 20 // in badWithin: somebody tries, or a secret is wrong
	badWithin     = 5 * time.Minute
)

// Signed reports whether header is the signature of body, as in
// X-Hub-Signature-256: "sha256=" and the HMAC of the bytes as they came.
func Signed(secret string, body []byte, header string) bool {
	want, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if err != nil || secret == "" || !strings.HasPrefix(header, "sha256=") {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), want)
}

// Fingerprint names a secret without telling it.
func Fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}

// ReceiverOptions are what a Receiver is given beside its journal.
type ReceiverOptions struct {
	// Ready says why nothing can be taken now: the disk is nearly full, the
	// archive is locked. Meta then tries again later. It must be quick.
	Ready func() error
	// Peer says where a request came from; nil: the connection.
	Peer func(*http.Request) string
	Bell alarm.Bell
	Log  *slog.Logger
	Now  func() time.Time
}

// Receiver is the endpoint that Meta delivers to. A delivery is answered 200
// when, and only when, it is on stable storage.
type Receiver struct {
	j   Journal
	cfg func() Config
	o   ReceiverOptions

	bodies sync.Pool

	mu    sync.Mutex
	stats Stats
	bad   []time.Time // wrong signatures of late
}

// Stats are what a receiver has counted since it began.
type Stats struct {
	Deliveries    int64     `json:"deliveries"` // answered 200
	Redelivered   int64     `json:"redelivered"`
	NotJSON       int64     `json:"not_json"` // signed, kept, and nobody can read them
	BadSignatures int64     `json:"bad_signatures"`
	Refused       int64     `json:"refused"` // 503: Meta tries again
	Bytes         int64     `json:"bytes"`
	Last          time.Time `json:"last,omitzero"` // of the last that was taken
}

// NewReceiver returns the endpoint of a source.
func NewReceiver(j Journal, cfg func() Config, o ReceiverOptions) *Receiver {
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Peer == nil {
		o.Peer = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
	return &Receiver{j: j, cfg: cfg, o: o, bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// Stats returns what was counted.
func (rc *Receiver) Stats() Stats {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return rc.stats
}

// ServeHTTP implements http.Handler.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodGet:
		rc.verify(w, r)
	case http.MethodPost:
		rc.deliver(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
	}
}

// verify answers Meta's question whether this is the endpoint.
func (rc *Receiver) verify(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	token, challenge := q.Get("hub.verify_token"), q.Get("hub.challenge")
	want := rc.cfg().Verify
	if q.Get("hub.mode") != "subscribe" || want == "" || subtle.ConstantTimeCompare([]byte(token), []byte(want)) != 1 || len(challenge) > maxChallenge {
		http.Error(w, "The verify token is not the one of this source.", http.StatusForbidden)
		return
	}
	_, _ = io.WriteString(w, challenge) // whoever asked has gone
}

func (rc *Receiver) deliver(w http.ResponseWriter, r *http.Request) {
	if err := rc.o.Ready(); err != nil {
		rc.refuse(w, r, err)
		return
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		// The signature is over the bytes before any encoding: some proxy has
		// changed them.
		http.Error(w, "Send the body as it was signed: without Content-Encoding.", http.StatusUnsupportedMediaType)
		return
	}
	buf := rc.bodies.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= 1<<20 {
			rc.bodies.Put(buf)
		}
	}()
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, "The body is larger than 8 MiB.", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "The body did not arrive whole.", http.StatusBadRequest)
		return
	}
	body := buf.Bytes()
	secret, ok := rc.signer(body, r.Header.Get("X-Hub-Signature-256"))
	if !ok {
		rc.badSignature(r.Context())
		http.Error(w, "The signature is not that of the body.", http.StatusUnauthorized)
		return
	}
	in := Incoming{Body: body, Header: headers(r.Header), Peer: rc.o.Peer(r), Received: rc.o.Now(), Secret: secret}
	// Whoever hangs up meanwhile gets it again: that must not stop the write.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendTime)
	defer cancel()
	kind := record.Item
	got, err := rc.j.Append(ctx, func(capture int64) ([]record.Record, error) {
		recs, err := Records(capture, in)
		if err == nil {
			kind = recs[0].Kind
		}
		return recs, err
	})
	if err != nil {
		rc.refuse(w, r, err)
		return
	}
	rc.took(ctx, len(body), got, kind)
	w.WriteHeader(http.StatusOK)
}

// signer returns the fingerprint of the app secret that signed a body.
func (rc *Receiver) signer(body []byte, header string) (string, bool) {
	for _, s := range rc.cfg().App {
		if Signed(s, body, header) {
			return Fingerprint(s), true
		}
	}
	return "", false
}

// headers are those that a delivery is kept with.
func headers(h http.Header) map[string]string {
	out := map[string]string{}
	for _, k := range []string{"X-Hub-Signature-256", "X-Hub-Signature", "Content-Type", "User-Agent"} {
		if v := h.Get(k); v != "" && len(v) <= 512 {
			out[k] = v
		}
	}
	return out
}

func (rc *Receiver) took(ctx context.Context, size int, got []record.Receipt, kind record.Kind) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.stats.Deliveries++
	rc.stats.Bytes += int64(size)
	rc.stats.Last = rc.o.Now()
	if len(got) > 0 && !got[0].New {
		rc.stats.Redelivered++
	}
	if kind == record.Unparsed {
		rc.stats.NotJSON++
	}
	rc.clear(ctx, "ready")
	if n := len(rc.bad); n == 0 || rc.o.Now().Sub(rc.bad[n-1]) > badWithin {
		rc.bad = nil
		rc.clear(ctx, "signatures")
	}
}

// refuse asks Meta to try again later.
func (rc *Receiver) refuse(w http.ResponseWriter, r *http.Request, why error) {
	rc.o.Log.LogAttrs(r.Context(), slog.LevelError, "a delivery was not taken", slog.String("source", rc.cfg().Name), slog.String("error", why.Error()))
	rc.mu.Lock()
	rc.stats.Refused++
	rc.ring(r.Context(), "ready", "Deliveries are not taken: "+why.Error()+". WhatsApp tries again for 36 hours at least; what it gives up is lost.")
	rc.mu.Unlock()
	w.Header().Set("Retry-After", "30")
	http.Error(w, "The archive cannot take it now.", http.StatusServiceUnavailable)
}

func (rc *Receiver) badSignature(ctx context.Context) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	now := rc.o.Now()
	rc.stats.BadSignatures++
	rc.bad = append(rc.bad, now)
	for len(rc.bad) > 0 && now.Sub(rc.bad[0]) > badWithin || len(rc.bad) > 2*badSignatures {
		rc.bad = rc.bad[1:]
	}
	if len(rc.bad) > badSignatures {
		rc.ring(ctx, "signatures", "Many deliveries have a wrong signature: the app secret was changed at Meta and not here, or somebody tries. Compare the app secret; add the new one with waxseal source rotate.")
	}
}

func (rc *Receiver) ring(ctx context.Context, what, say string) {
	if rc.o.Bell != nil {
		name := rc.cfg().Name
		rc.o.Bell.Ring(ctx, alarm.Alarm{Key: Name + "/" + name + "/" + what, Source: name, At: rc.o.Now(), Say: say})
	}
}

// clear is said with each delivery that was taken: what rang before this
// program began is over, too.
func (rc *Receiver) clear(ctx context.Context, what string) {
	if rc.o.Bell != nil {
		rc.o.Bell.Clear(ctx, Name+"/"+rc.cfg().Name+"/"+what)
	}
}
