package watch

import (
	"context"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
)

// Ask makes a Graph of a client. name is the source's: its webhooks go to an
// address that ends with it.
func Ask(c *graph.Client, name string) Graph { return asker{c, "/hooks/" + name} }

type asker struct {
	c    *graph.Client
	ours string
}

// wanted are the permissions that a source needs.
var wanted = []string{"whatsapp_business_management", "whatsapp_business_messaging"}

// Token implements Graph.
func (a asker) Token(ctx context.Context) (t Token, err error) {
	info, err := a.c.TokenInfo(ctx)
	if graph.IsAuth(err) {
		return Token{}, nil
	}
	if err != nil {
		return t, err
	}
	t = Token{Valid: info.Valid, Expires: info.Expires}
	for _, w := range wanted {
		if len(info.Scopes) > 0 && !slices.Contains(info.Scopes, w) {
			t.Missing = append(t.Missing, w)
		}
	}
	return t, nil
}

// Subscribed implements Graph.
func (a asker) Subscribed(ctx context.Context, waba string) (s Subscribed, err error) {
	info, err := a.c.TokenInfo(ctx)
	if err != nil {
		return s, err
	}
	apps, err := a.c.Subscribed(ctx, waba)
	if err != nil {
		return s, err
	}
	for _, app := range apps {
		if app.ID == info.App || info.App == "" {
			if s.Ours = true; !a.here(app.Override) {
				s.Override = app.Override
			}
		}
	}
	return s, nil
}

// Number implements Graph.
func (a asker) Number(ctx context.Context, id string) (n Number, err error) {
	got, err := a.c.Number(ctx, id)
	if err != nil {
		return n, err
	}
	n.State = got.Status
	for _, u := range []string{got.Webhook.Phone, got.Webhook.WABA} { // the first that is set is the one that counts
		if u != "" {
			if !a.here(u) {
				n.Override = u
			}
			break
		}
	}
	return n, nil
}

// here reports whether an address is this source's, or none.
func (a asker) here(address string) bool {
	u, err := url.Parse(address)
	return address == "" || err == nil && strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), a.ours)
}

// History implements Graph. Deliveries to other apps are no business of ours.
func (a asker) History(ctx context.Context, number string, since time.Time) iter.Seq2[Sent, error] {
	return func(yield func(Sent, error) bool) {
		for d, err := range a.c.History(ctx, number, since) {
			s := Sent{Message: d.Message}
			for _, e := range d.Events {
				if s.At.IsZero() || e.At.Before(s.At) {
					s.At = e.At
				}
				s.Failed = s.Failed || e.Webhook == "FAILED" && a.here(e.URI)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// SendText implements Graph.
func (a asker) SendText(ctx context.Context, number, to, text string) (string, error) {
	return a.c.SendText(ctx, number, to, text)
}
