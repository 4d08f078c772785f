package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
)

// sampleSources are two sources, of which one has had a bad day.
func sampleSources(now func() time.Time) Capture {
	return func(context.Context) ([]SourceState, error) {
		at := now()
		return []SourceState{
			{
				Name: "main", Kind: "cloudapi", Since: at.AddDate(0, -2, 0), Began: at.Add(-30 * time.Hour), Last: at.Add(-40 * time.Second), Token: true,
				Callback: "https://hooks.acme.example/hooks/main", Secrets: []string{"e8bc163c", "ad328846"},
				Numbers:    []SourceNumber{{"+447700900001", "106540352242922", "j.doe"}, {"+447700900042", "106540352242923", ""}},
				Deliveries: 18_234, Redelivered: 31, BadSignatures: 412, Refused: 6, Bytes: 61_234_000, MediaWaiting: 3,
			},
			{
				Name: "beirut", Kind: "cloudapi", Since: at.AddDate(0, 0, -1), Began: at.Add(-time.Hour), Callback: "https://YOUR-HOST/hooks/beirut",
				Numbers: []SourceNumber{{"+96170123456", "206540352242922", "a.haddad"}}, Secrets: []string{"0badc0de"}, MediaWaiting: -1,
			},
		}, nil
	}
}

func TestSourcesAndTheirAlarms(t *testing.T) {
	p := firm(t)
	p.as("root")
	if body := p.get("/sources", http.StatusOK); !strings.Contains(body, "waxseal source add cloudapi NAME") || !strings.Contains(body, "waxseal alarm route add") {
		t.Error("the empty page does not say how a source is set up")
	}
	p.server.capture = sampleSources(p.now)
	does := func(act string, data any) {
		t.Helper()
		if _, err := p.server.ledger.Do(t.Context(), govern.Actor{Via: "archive"}, govern.Request{Act: act, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	does(govern.ActAlarmRing, govern.AlarmData{Key: "cloudapi/main/signatures", Source: "main", Say: "Many deliveries have a wrong signature."})
	does(govern.ActAlarmRing, govern.AlarmData{Key: "archive/disk", Say: "The disk is nearly full."})
	for _, login := range []string{"root", "olga"} {
		p.as(login)
		body := p.get("/sources", http.StatusOK)
		for _, want := range []string{"18,234", "412", "+447700900001", "https://hooks.acme.example/hooks/main", "wrong signature", "The disk is nearly full", "none: media are not fetched", "1 alarm"} {
			if !strings.Contains(wordsOf(body), want) && !strings.Contains(body, want) {
				t.Errorf("%s does not see %q", login, want)
			}
		}
		harmless(t, body)
		if home := p.get("/", http.StatusOK); !strings.Contains(home, "2 alarms") || !strings.Contains(home, "The disk is nearly full") {
			t.Errorf("%s is not told on the first page", login)
		}
	}
	p.as("rita")
	p.get("/sources", http.StatusForbidden)
	does(govern.ActAlarmClear, govern.AlarmData{Key: "archive/disk"})
	does(govern.ActAlarmClear, govern.AlarmData{Key: "cloudapi/main/signatures"})
	p.as("olga")
	if body := p.get("/", http.StatusOK); strings.Contains(body, "alarm") {
		t.Error("what is over is still told")
	}
	if body := p.get("/sources", http.StatusOK); !strings.Contains(body, "Alarms that are over") {
		t.Error("what was is not told")
	}
}
