package watch_test

import (
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/gap/watch"
)

// TestMetaIsAsked by the real client, of a Meta that answers by HTTP.
func TestMetaIsAsked(t *testing.T) {
	ctx := t.Context()
	s := graphtest.New(t)
	cfg := s.Config()
	ask := watch.Ask(s.Graph(), "main")
	s.SetToken(graph.Token{App: "11", Valid: true, Scopes: []string{"whatsapp_business_management"}})
	tok, err := ask.Token(ctx)
	if err != nil || !tok.Valid || len(tok.Missing) != 1 {
		t.Errorf("token %+v, %v", tok, err)
	}
	for _, tc := range []struct {
		apps     []graph.App
		ours     bool
		override string
	}{
		{nil, false, ""},
		{[]graph.App{{ID: "12"}}, false, ""},
		{[]graph.App{{ID: "12", Override: "https://crm.example/"}, {ID: "11"}}, true, ""},
		{[]graph.App{{ID: "11", Override: "https://archive.example/hooks/main"}}, true, ""},
		{[]graph.App{{ID: "11", Override: "https://archive.example/hooks/main2"}}, true, "https://archive.example/hooks/main2"},
		{[]graph.App{{ID: "11", Override: "https://x.example/?/hooks/main"}}, true, "https://x.example/?/hooks/main"},
	} {
		s.Subscribe(tc.apps...)
		got, err := ask.Subscribed(ctx, cfg.WABA[0])
		if err != nil || got.Ours != tc.ours || got.Override != tc.override {
			t.Errorf("%+v: %+v, %v", tc.apps, got, err)
		}
	}
	n := graph.Number{ID: cfg.Numbers[0].ID, Status: "FLAGGED"}
	n.Webhook.App, n.Webhook.WABA = "https://app.example/x", "https://waba.example/y"
	s.SetNumber(n)
	if got, err := ask.Number(ctx, cfg.Numbers[0].ID); err != nil || got.State != "FLAGGED" || got.Override != "https://waba.example/y" {
		t.Errorf("number %+v, %v", got, err)
	}
	at := s.Now()
	for i, e := range [][]graph.DeliveredEvent{
		{{Status: "SENT", Webhook: "DELIVERED", At: at}, {Status: "READ", Webhook: "FAILED", URI: "https://crm.example/in", At: at.Add(time.Second)}},
		{{Status: "SENT", Webhook: "FAILED", URI: "https://archive.example/hooks/main", At: at}},
	} {
		s.Deliver(cfg.Numbers[0].ID, graph.Delivered{Message: string(rune('a' + i)), Events: e})
	}
	failed := map[string]bool{}
	for m, err := range ask.History(ctx, cfg.Numbers[0].ID, at.Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		failed[m.Message] = m.Failed
	}
	if len(failed) != 2 || failed["a"] || !failed["b"] {
		t.Errorf("listed %v", failed)
	}
	if id, err := ask.SendText(ctx, cfg.Numbers[0].ID, "16505551234", "canary"); err != nil || id == "" {
		t.Errorf("sent %q, %v", id, err)
	}
	// What is refused for the token says so; what is lost says nothing.
	s.Set(graphtest.Fault{Status: 401, Code: 190})
	if tok, err := ask.Token(ctx); err != nil || tok.Valid {
		t.Errorf("token that was refused: %+v, %v", tok, err)
	}
	s.Set(graphtest.Fault{Lost: true, Times: -1})
	if _, err := ask.Token(ctx); err == nil {
		t.Error("an answer that was lost says that the token is valid")
	}
	if _, err := ask.Subscribed(ctx, cfg.WABA[0]); err == nil {
		t.Error("an answer that was lost says who is subscribed")
	}
	for _, err := range ask.History(ctx, cfg.Numbers[0].ID, at) {
		if err == nil {
			t.Error("an answer that was lost lists messages")
		}
	}
}
