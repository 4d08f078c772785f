// Package graph asks Meta's Graph API for what webhooks do not bring: media,
// templates, which messages there were, who is subscribed.
//
// Nothing here sends a message twice by itself.
package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
)

// Meta's address and the version that is asked, where a source names no other.
const (
	Base    = "https://graph.facebook.com"
	Version = "v23.0"
)

// maxAnswer bounds an answer in JSON.
const maxAnswer = 8 << 20

// Client asks for one source.
type Client struct {
	cfg  func() cloudapi.Config
	http *http.Client
}

// New returns a client. h comes from outbound: its bounds are the requests'.
func New(cfg func() cloudapi.Config, h *http.Client) *Client { return &Client{cfg, h} }

// Error is an answer of Meta that is none.
type Error struct {
	Status  int    // of HTTP
	Code    int    // of Meta
	Subcode int    //
	Message string // Meta's own; it may name numbers
	// After is how long to wait, where Meta says so.
	After time.Duration
}

// Error implements error. It quotes nothing that Meta wrote.
func (e *Error) Error() string {
	return fmt.Sprintf("the Graph API answered %d (code %d)", e.Status, e.Code)
}

func as(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}

// IsGone reports that what was asked for does not exist, or no longer.
func IsGone(err error) bool {
	e := as(err)
	return e != nil && (e.Status == http.StatusNotFound || e.Status == http.StatusGone || e.Code == 100 && e.Subcode == 33)
}

// IsAuth reports a token that is wrong, has run out, or may not do that.
func IsAuth(err error) bool {
	e := as(err)
	return e != nil && (e.Status == http.StatusUnauthorized || e.Code == 190 || e.Code == 10 || e.Code >= 200 && e.Code < 300)
}

// IsLimit reports that there were too many requests.
func IsLimit(err error) bool {
	e := as(err)
	return e != nil && (e.Status == http.StatusTooManyRequests || e.Code == 4 || e.Code == 80007 || e.Code == 130429 || e.Code == 131048 || e.Code == 131056)
}

// URL is the address of a path.
func (c *Client) URL(path ...string) string {
	cfg := c.cfg()
	parts := []string{strings.TrimSuffix(cmp.Or(cfg.Graph, Base), "/"), cmp.Or(cfg.Version, Version)}
	for _, p := range path {
		parts = append(parts, url.PathEscape(p))
	}
	return strings.Join(parts, "/")
}

func (c *Client) ask(ctx context.Context, method, address string, body, into any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		r = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(ctx, method, address, r)
	if err != nil {
		return fmt.Errorf("ask the Graph API: %w", err)
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	q.Header.Set("Authorization", "Bearer "+c.cfg().Access)
	w, err := c.http.Do(q)
	if err != nil {
		return fmt.Errorf("ask the Graph API: %w", bare(err))
	}
	defer func() { _ = w.Body.Close() }() // read to its end, or given up
	if w.StatusCode/100 != 2 {
		return failed(w)
	}
	if err := json.NewDecoder(io.LimitReader(w.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read the Graph API's answer: %w", bare(err))
	}
	return nil
}

// bare takes the address out of an error: it may name people.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// failed reads an answer that is an error.
func failed(w *http.Response) error {
	e := &Error{Status: w.StatusCode}
	var body struct {
		Error struct {
			Message string `json:"message"`
			Code    int    `json:"code"`
			Subcode int    `json:"error_subcode"`
		} `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(w.Body, 64<<10)).Decode(&body) == nil {
		e.Code, e.Subcode, e.Message = body.Error.Code, body.Error.Subcode, body.Error.Message
	}
	if s, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil && s >= 0 {
		e.After = time.Duration(min(s, 3600)) * time.Second
	} else if at, err := http.ParseTime(w.Header.Get("Retry-After")); err == nil {
		e.After = max(0, min(time.Until(at), time.Hour))
	}
	return e
}

// MediaInfo is where a file is, and what it should be.
type MediaInfo struct {
	URL    string // works for five minutes
	MIME   string
	SHA256 string // hex; empty: Meta did not say
	Size   int64  // 0: Meta did not say
}

// Media asks where a file is.
func (c *Client) Media(ctx context.Context, id string) (MediaInfo, error) {
	var a struct {
		URL  string      `json:"url"`
		MIME string      `json:"mime_type"`
		SHA  string      `json:"sha256"`
		Size json.Number `json:"file_size"`
	}
	if err := c.ask(ctx, http.MethodGet, c.URL(id), nil, &a); err != nil {
		return MediaInfo{}, err
	}
	if a.URL == "" {
		return MediaInfo{}, &Error{Status: http.StatusNotFound}
	}
	size, _ := a.Size.Int64() // not a number: not said
	return MediaInfo{URL: a.URL, MIME: a.MIME, SHA256: digest(a.SHA), Size: size}, nil
}

// digest is a SHA-256 in hex: Meta gives hex here and base64 in webhooks.
func digest(s string) string {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return strings.ToLower(s)
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) == 32 {
		return hex.EncodeToString(b)
	}
	return ""
}

// ErrElsewhere is returned for a file's address that is not one of Meta's.
var ErrElsewhere = errors.New("the address is not Meta's")

// meta are the domains that Meta's files are at.
var meta = []string{"facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net", "whatsapp.com"}

// ours reports an address that may be shown the access token: Meta's, or the
// one that the source names instead.
func (c *Client) ours(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if base, err := url.Parse(cmp.Or(c.cfg().Graph, Base)); err == nil && u.Scheme == base.Scheme && u.Host == base.Host {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && u.Port() == "" && slices.ContainsFunc(meta, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

// Download opens a file at an address that Media or a webhook gave. The caller
// closes it. No other address is asked: a body that nobody signed may name one
// that collects access tokens.
func (c *Client) Download(ctx context.Context, address string) (io.ReadCloser, http.Header, error) {
	if !c.ours(address) {
		return nil, nil, fmt.Errorf("download: %w", ErrElsewhere)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("download: %w", bare(err))
	}
	q.Header.Set("Authorization", "Bearer "+c.cfg().Access)
	w, err := c.http.Do(q)
	if err != nil {
		return nil, nil, fmt.Errorf("download: %w", bare(err))
	}
	if w.StatusCode/100 != 2 {
		return nil, nil, errors.Join(failed(w), w.Body.Close())
	}
	return w.Body, w.Header, nil
}

// Template returns the definition of a template in one language.
func (c *Client) Template(ctx context.Context, waba, name, language string) (json.RawMessage, error) {
	var a struct {
		Data []json.RawMessage `json:"data"`
	}
	q := url.Values{"name": {name}, "language": {language}, "limit": {"50"}}
	if err := c.ask(ctx, http.MethodGet, c.URL(waba, "message_templates")+"?"+q.Encode(), nil, &a); err != nil {
		return nil, err
	}
	for _, raw := range a.Data {
		var t struct {
			Name     string `json:"name"`
			Language string `json:"language"`
		}
		if json.Unmarshal(raw, &t) == nil && t.Name == name && (t.Language == language || language == "") {
			return raw, nil
		}
	}
	return nil, &Error{Status: http.StatusNotFound}
}

// Delivered is what Meta knows of one message of a number.
type Delivered struct {
	Message string // WhatsApp's id
	Events  []DeliveredEvent
}

// DeliveredEvent is one step, and whether its webhook was delivered.
type DeliveredEvent struct {
	Status  string // "SENT", …
	Webhook string // "DELIVERED", "FAILED", "RETRYING"
	URI     string // that it was delivered to
	At      time.Time
	Why     string
}

// History walks through the messages of a number that Meta has a record of,
// newest first, back to since.
func (c *Client) History(ctx context.Context, number string, since time.Time) iter.Seq2[Delivered, error] {
	return func(yield func(Delivered, error) bool) {
		q := url.Values{"fields": {"id,message_id,events{delivery_status,webhook_update_state,timestamp,application,webhook_uri,error_description}"}, "limit": {"100"}}
		for next := c.URL(number, "message_history") + "?" + q.Encode(); next != ""; {
			var a struct {
				Data []struct {
					Message string `json:"message_id"`
					Events  struct {
						Data []struct {
							Status  string      `json:"delivery_status"`
							Webhook string      `json:"webhook_update_state"`
							URI     string      `json:"webhook_uri"`
							At      json.Number `json:"timestamp"`
							Why     string      `json:"error_description"`
						} `json:"data"`
					} `json:"events"`
				} `json:"data"`
				Paging struct {
					Cursors struct {
						After string `json:"after"`
					} `json:"cursors"`
					Next string `json:"next"`
				} `json:"paging"`
			}
			if err := c.ask(ctx, http.MethodGet, next, nil, &a); err != nil {
				yield(Delivered{}, err)
				return
			}
			old := false
			for _, d := range a.Data {
				out := Delivered{Message: d.Message}
				for _, e := range d.Events.Data {
					at, _ := e.At.Int64() // not a number: not said
					out.Events = append(out.Events, DeliveredEvent{Status: e.Status, Webhook: e.Webhook, URI: e.URI, At: time.Unix(at, 0).UTC(), Why: e.Why})
				}
				if n := len(out.Events); n > 0 && out.Events[n-1].At.Before(since) {
					old = true
					continue
				}
				if !yield(out, nil) {
					return
				}
			}
			if next = ""; !old && a.Paging.Next != "" && a.Paging.Cursors.After != "" {
				q.Set("after", a.Paging.Cursors.After) // not the address that an answer names
				next = c.URL(number, "message_history") + "?" + q.Encode()
			}
		}
	}
}

// App is one that is subscribed to a business account.
type App struct {
	ID       string
	Name     string
	Override string // callback address, where it is not the app's
}

// Subscribed lists the apps that get a business account's webhooks.
func (c *Client) Subscribed(ctx context.Context, waba string) (out []App, err error) {
	var a struct {
		Data []struct {
			Data struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"whatsapp_business_api_data"`
			Override string `json:"override_callback_uri"`
		} `json:"data"`
	}
	if err := c.ask(ctx, http.MethodGet, c.URL(waba, "subscribed_apps"), nil, &a); err != nil {
		return nil, err
	}
	for _, d := range a.Data {
		out = append(out, App{ID: d.Data.ID, Name: d.Data.Name, Override: d.Override})
	}
	return out, nil
}

// Number is what Meta says of a phone number.
type Number struct {
	ID      string `json:"id"`
	Phone   string `json:"display_phone_number"`
	Quality string `json:"quality_rating"`
	Status  string `json:"status"` // "CONNECTED"
	OnApp   bool   `json:"is_on_biz_app"`
	Webhook struct {
		Phone string `json:"phone_number"`
		WABA  string `json:"whatsapp_business_account"`
		App   string `json:"application"`
	} `json:"webhook_configuration"`
}

// Number asks how a phone number is.
func (c *Client) Number(ctx context.Context, id string) (n Number, err error) {
	err = c.ask(ctx, http.MethodGet, c.URL(id)+"?fields=id,display_phone_number,quality_rating,status,is_on_biz_app,webhook_configuration", nil, &n)
	return n, err
}

// Token is what Meta says of an access token.
type Token struct {
	App     string
	Valid   bool
	Expires time.Time // zero: never
	Scopes  []string
}

// TokenInfo asks how the access token is.
func (c *Client) TokenInfo(ctx context.Context) (Token, error) {
	var a struct {
		Data struct {
			App     string   `json:"app_id"`
			Valid   bool     `json:"is_valid"`
			Expires int64    `json:"expires_at"`
			Scopes  []string `json:"scopes"`
		} `json:"data"`
	}
	q := url.Values{"input_token": {c.cfg().Access}}
	if err := c.ask(ctx, http.MethodGet, c.URL("debug_token")+"?"+q.Encode(), nil, &a); err != nil {
		return Token{}, err
	}
	t := Token{App: a.Data.App, Valid: a.Data.Valid, Scopes: a.Data.Scopes}
	if a.Data.Expires > 0 {
		t.Expires = time.Unix(a.Data.Expires, 0).UTC()
	}
	return t, nil
}

// SendText sends a text from a number: the canary's. It returns WhatsApp's id.
func (c *Client) SendText(ctx context.Context, number, to, text string) (string, error) {
	var a struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	body := map[string]any{"messaging_product": "whatsapp", "to": to, "type": "text", "text": map[string]string{"body": text}}
	if err := c.ask(ctx, http.MethodPost, c.URL(number, "messages"), body, &a); err != nil {
		return "", err
	}
	if len(a.Messages) == 0 {
		return "", &Error{Status: http.StatusOK}
	}
	return a.Messages[0].ID, nil
}
