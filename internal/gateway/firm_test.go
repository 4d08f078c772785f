package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/rules"
)

// TestAHeldSendGoesOnceSomebodyLetsItGo is the whole way: a program sends, a rule
// of the books holds it, a person lets it go, and it leaves with the disclaimer
// that another rule adds; once.
func TestAHeldSendGoesOnceSomebodyLetsItGo(t *testing.T) {
	log := &governtest.Log{}
	log.Skip(100)
	books, err := govern.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	person := govern.Actor{Subject: access.Subject{Operator: true}, Via: "console"}
	do := func(act string, data any) {
		t.Helper()
		if _, err := books.Do(t.Context(), person, govern.Request{Act: act, Reason: "seen", Data: data}); err != nil {
			t.Fatalf("%s: %v", act, err)
		}
	}
	do(govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{ID: "promises", Name: "Promises", Do: rules.Hold, Words: []string{"guaranteed return"}}})
	do(govern.ActSendRuleSet, govern.SendRuleSet{Rule: rules.Rule{ID: "recorded", Name: "Recorded", Do: rules.Disclaimer, Text: "Kept on record."}})

	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	control := gateway.NewControl(books)
	o.rules = func(s *rules.Send) rules.Decision { return control.Decide(s, time.Now()) }
	outbox := gateway.NewOutbox(gateway.OutboxOptions{Books: books, Forward: o.Forward, Withdrawn: o.Withdrawn})
	o.queue = outbox
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { outbox.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })

	send := func(text string) int {
		return o.post(address, `{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"body":"`+text+`"}}`).Code
	}
	if code := send("A guaranteed return"); code != http.StatusAccepted {
		t.Fatalf("answered %d", code)
	}
	if code := send("Another guaranteed return"); code != http.StatusAccepted {
		t.Fatalf("answered %d", code)
	}
	if code := send("Good morning"); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	do(govern.ActSendWithdraw, govern.ForSend{Request: o.waits[1]})
	do(govern.ActSendRelease, govern.ForSend{Request: o.waits[0]})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if all, err := outbox.Pending(t.Context()); err == nil && len(all) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it still waits")
		}
	}
	o.mu.Lock()
	got := strings.Join(o.got, "\n")
	o.mu.Unlock()
	if strings.Count(got, "A guaranteed return\\n\\nKept on record.") != 1 || strings.Count(got, "Good morning\\n\\nKept on record.") != 1 || strings.Contains(got, "Another") {
		t.Errorf("Meta got\n%s", got)
	}
	what, _ := o.items(t)
	if strings.Count(what, "step") != 2 {
		t.Errorf("the log has %s, want a step of each that waited", what)
	}
}
