package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOneMessageOfADeliveryGoes: a delivery of three is disposed of by the
// message. Its neighbours and what lies around them stay whole, and what was
// told of the one that went, its status and its contact, goes with it.
func TestOneMessageOfADeliveryGoes(t *testing.T) {
	p := firm(t)
	at := func(day string) int64 {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return d.Unix()
	}
	message := func(from, id, text, day string) string {
		return fmt.Sprintf(`{"from":"%s","id":"wamid.%s","timestamp":"%d","type":"text","text":{"body":"%s"}}`, from, id, at(day), text)
	}
	body := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},` +
		`"contacts":[{"profile":{"name":"Zwiebelturm Quittenbaum"},"wa_id":"16505551234"},{"profile":{"name":"Bruno"},"wa_id":"16505559999"}],` +
		`"messages":[` + message("16505551234", "A", "Zwiebelturm old", "2015-03-01") + "," + message("16505559999", "B", "Petersilie one", "2026-05-01") + "," + message("16505559999", "C", "Petersilie two", "2026-05-02") + `],` +
		fmt.Sprintf(`"statuses":[{"id":"wamid.D","status":"read","timestamp":"%d","recipient_id":"16505559999"}]`, at("2026-05-03")) +
		`},"field":"messages"}]}]}`
	p.as("olga", "import", "--format", "cloudapi", p.file("kept.json", body))
	if out := p.as("olga", "search", "Petersilie"); strings.Count(out, "Petersilie") < 2 {
		t.Fatalf("not found:\n%s", out)
	}

	today := time.Now().UTC().Format(time.DateOnly)
	p.as("olga", "policy", "set", "three", "--preset", "us-bd-comms-3y", "--assign")
	request := proposedOf.FindStringSubmatch(p.as("olga", "dispose", "propose", "--today", today, "--reason", "retention is over"))[1]
	p.as("lea", "request", "approve", request, "--today", today)
	if out := p.as("lea", "dispose", "run", request); !strings.Contains(out, "Certificate") {
		t.Fatalf("run:\n%s", out)
	}
	if out := p.as("olga", "search", "Petersilie"); strings.Count(out, "Petersilie") < 2 {
		t.Errorf("what stayed is not found:\n%s", out)
	}
	if out := p.as("olga", "search", "Zwiebelturm"); strings.Contains(out, "old") {
		t.Errorf("what went is found:\n%s", out)
	}
	if out := p.as("olga", "verify"); !strings.Contains(out, "OK") {
		t.Errorf("verify:\n%s", out)
	}
	p.nowhere(t, "Zwiebelturm")
	p.nowhere(t, "Quittenbaum")
}
