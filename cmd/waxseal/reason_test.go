package main

import (
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
)

// TestCommandsAskWhy, where the firm asks for a reason before anybody reads.
func TestCommandsAskWhy(t *testing.T) {
	p := firm(t)
	p.desk(t, func(d *dispose.Desk, _ *archive.Archive, who func(string) govern.Actor) {
		if _, err := d.Ledger.Do(t.Context(), who("olga"), govern.Request{Act: govern.ActSettingsReason, Data: govern.ReasonRule{Required: true}}); err != nil {
			t.Fatal(err)
		}
	})
	for _, command := range [][]string{{"chats"}, {"messages"}, {"search", "word"}, {"prove", "1", "-o", "-"}, {"report", "reconcile"}} {
		if errs := p.refused("olga", command...); !strings.Contains(errs, "--because") {
			t.Errorf("%v: %s", command, errs)
		}
	}
	p.as("olga", "search", "word", "--because", "monthly review")
	if out := p.as("olga", "audit", "--act", "command"); !strings.Contains(out, "monthly review") {
		t.Errorf("the reason is not in the trail:\n%s", out)
	}
}
