package govern_test

import (
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
)

func TestUnknownRequestsAreRefused(t *testing.T) {
	log := &governtest.Log{}
	l, err := govern.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	operator := govern.Actor{Subject: access.Subject{Operator: true}, Via: "command"}
	if _, err := l.Do(t.Context(), operator, govern.Request{Act: govern.ActApprove, Data: govern.Decision{Request: 7}}); !errors.Is(err, govern.ErrUnknown) {
		t.Fatalf("approve nothing: %v", err)
	}
	var refusal *govern.Refusal
	if _, err := l.Ask(t.Context(), operator, govern.Request{Act: "approve"}); !errors.As(err, &refusal) {
		t.Fatalf("ask for what needs nobody: %v", err)
	}
	if n := len(log.All()); n != 2 {
		t.Fatalf("%d traces of what was refused, want 2", n)
	}
}
