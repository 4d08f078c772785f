package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/gateway"
	"github.com/waxseal/waxseal/internal/record"
)

// A template is asked for once, and again when a webhook says that it changed.
func TestTemplatesAreKeptUntilTheyChange(t *testing.T) {
	meta := graphtest.New(t)
	def := func(text string) string {
		return fmt.Sprintf(`{"name":"hello","language":"en","components":[{"type":"BODY","text":"%s"}]}`, text)
	}
	meta.SetTemplate(def("first"))
	cfg := meta.Config()
	o := &wayOut{}
	ask := func() string {
		t.Helper()
		d, err := o.template(t.Context(), gateway.Source{Config: cfg}, "hello", "en")
		if err != nil {
			t.Fatal(err)
		}
		text, err := cloudapi.Rendered(d, []byte(`{"template":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	j := hearing{cloudapi.OpenJournal(&capturetest.Sink{}, meta.Config, "UTC", nil), o.templates.forget}
	told := func(field string) {
		t.Helper()
		_, err := j.Append(t.Context(), func(capture int64) ([]record.Record, error) {
			return cloudapi.Records(capture, cloudapi.Incoming{Received: meta.Now(), Body: []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"message_id":"` + field + `"},"field":"` + field + `"}]}]}`)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask()
	meta.SetTemplate(def("second"))
	told("account_update")
	if got := ask(); got != "first" || meta.Count("message_templates") != 1 {
		t.Errorf("%q after %d questions", got, meta.Count("message_templates"))
	}
	for _, field := range []string{"message_template_components_update", "message_template_status_update", "template_category_update"} {
		told(field)
		if got := ask(); got != "second" {
			t.Errorf("%s: %q", field, got)
		}
	}
	if n := meta.Count("message_templates"); n != 4 {
		t.Errorf("%d questions", n)
	}

	// An answer that was on its way when the change was told is not kept.
	_, turn := o.templates.get("x")
	o.templates.forget()
	o.templates.put("x", []byte(`{}`), turn)
	if d, _ := o.templates.get("x"); d != nil {
		t.Error("a definition of before the change is kept")
	}
	cfg.WABA = nil
	if _, err := o.template(t.Context(), gateway.Source{Config: cfg}, "other", "en"); err == nil || !strings.Contains(err.Error(), "business account") {
		t.Errorf("no account: %v", err)
	}
}
