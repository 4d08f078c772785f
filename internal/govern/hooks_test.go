package govern_test

import (
	"testing"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

func (f *firm) hook(id string) (h govern.Hook) {
	f.t.Helper()
	f.must(f.l.Read(f.t.Context(), func(s *govern.State) error { h = *s.Hooks[id]; return nil }))
	return h
}

// TestAWebhookTellsNothingBeforeAnOfficerSaysSo: what leaves by it is content,
// and who runs the archive cannot let it out alone.
func TestAWebhookTellsNothingBeforeAnOfficerSaysSo(t *testing.T) {
	f := running(t)
	set := func(d govern.HookData, key string) int64 {
		t.Helper()
		r := govern.Request{Act: govern.ActHookSet, Data: d}
		if key != "" {
			r.Secret = []byte(key)
		}
		n, err := f.l.Do(t.Context(), f.as("root"), r)
		f.must(err)
		return n
	}
	tells := func(want bool, what string) {
		t.Helper()
		if h := f.hook("crm"); h.Tells() != want {
			t.Errorf("%s: it is told: %v", what, !want)
		}
	}
	d := govern.HookData{ID: "crm", URL: "https://crm.example/in", Events: []string{govern.HookReceived}}
	_, err := f.l.Do(t.Context(), f.as("root"), govern.Request{Act: govern.ActHookSet, Data: d})
	refused(t, "a hook without a key", err)
	first := set(d, "a key of sixteen")
	tells(false, "set")
	refused(t, "opened by who set it", f.do("root", govern.ActHookOpen, govern.HookOpen{ID: "crm", Set: first}))
	refused(t, "told again before it was told", f.do("root", govern.ActHookReplay, govern.HookReplay{ID: "crm"}))
	asked, err := f.ask("root", govern.ActHookOpen, govern.HookOpen{ID: "crm", Set: first})
	f.must(err)
	refused(t, "confirmed by who asked", f.do("root", govern.ActApprove, govern.Decision{Request: asked}))
	tells(false, "asked")

	d.URL = "https://elsewhere.example/in"
	second := set(d, "")
	refused(t, "confirmed as it is no longer", f.do("olga", govern.ActApprove, govern.Decision{Request: asked}))
	asked, err = f.ask("root", govern.ActHookOpen, govern.HookOpen{ID: "crm", Set: second})
	f.must(err)
	f.must(f.do("olga", govern.ActApprove, govern.Decision{Request: asked}))
	tells(true, "confirmed")
	h := f.hook("crm")
	if h.Next != h.First+1 || string(h.Key) != "a key of sixteen" {
		t.Errorf("it is told from %d on, confirmed by %d", h.Next, h.First)
	}

	// A new key needs nobody; more that leaves does.
	set(d, "another key of it")
	tells(true, "a new key")
	d.Events = append(d.Events, govern.HookStatus)
	third := set(d, "")
	tells(false, "more events")
	asked, err = f.ask("root", govern.ActHookOpen, govern.HookOpen{ID: "crm", Set: third})
	f.must(err)
	f.must(f.do("olga", govern.ActApprove, govern.Decision{Request: asked}))
	if is := f.hook("crm"); is.First != h.First || is.Next != h.Next {
		t.Error("what happened while it waited is left out")
	}
	d.Scope = access.Scope{Custodians: []string{"j.doe"}}
	d.Events = []string{govern.HookAlarm}
	_, err = f.l.Do(t.Context(), f.as("root"), govern.Request{Act: govern.ActHookSet, Data: d})
	refused(t, "a part of the archive, and what is of all of it", err)

	// Again from where it was confirmed, by one; from before, by two.
	f.must(f.do("root", govern.ActHookReplay, govern.HookReplay{ID: "crm", From: h.First}))
	refused(t, "what was before, by one", f.do("root", govern.ActHookReplay, govern.HookReplay{ID: "crm", From: 0}))
	asked, err = f.ask("root", govern.ActHookReplay, govern.HookReplay{ID: "crm", From: 0})
	f.must(err)
	f.must(f.do("olga", govern.ActApprove, govern.Decision{Request: asked}))
	if is := f.hook("crm"); is.Next != 0 || is.First != 0 {
		t.Errorf("told from %d", is.Next)
	}
}
