package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// ofBusiness is a chat with what only Meta's API and the gateway say.
func ofBusiness() []chat.Message {
	s := &says{chat: chat.Chat{ID: "business", Name: "عميل", Kind: chat.Direct}, at: time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC), n: 600}
	customer := chat.Person{Name: "عميل", Phone: "+351910000009", BSUID: "PT.1"}
	from := func(text string, change func(*chat.Message)) chat.Message {
		return with(chat.Message{Direction: chat.In, From: &customer, Text: text, Key: &chat.Key{ID: "wamid.x", Unique: true}}, change)
	}
	own := func(text string, change func(*chat.Message)) chat.Message {
		return with(chat.Message{Direction: chat.Out, Text: text, Key: &chat.Key{ID: "wamid.y", Unique: true, FromMe: true}}, change)
	}
	at := "2026-09-01T09:05:07Z"
	s.add(from("please", func(m *chat.Message) {
		m.Type, m.Basket = chat.Order, &chat.Basket{Catalog: "7", Items: []chat.Item{{Product: "HAMBURGER", Quantity: "3", Price: "30", Currency: "ILS"}, {Product: "قهوة"}}}
	}), 0)
	s.add(from("Hello", func(m *chat.Message) {
		m.Referral, m.Product = &chat.Referral{Source: "ad", Headline: "Summer", Body: "Succulents", URL: "https://fb.example/ad"}, &chat.Product{ID: "SKU-1"}
	}), time.Minute)
	s.add(from("Sent", func(m *chat.Message) {
		m.Type, m.Choice = chat.Interactive, &chat.Choice{Kind: "nfm_reply", ID: "flow", Form: `{"delivery_rating":"4","comment_text":"حسن","flow_token":"SECRET"}`}
	}), time.Minute)
	s.add(from("Sent", func(m *chat.Message) {
		m.Type, m.Choice = chat.Interactive, &chat.Choice{Kind: "nfm_reply", ID: "flow", Form: "{no JSON"}
	}), time.Minute)
	s.add(from("Yes", func(m *chat.Message) {
		m.Type, m.Choice = chat.Interactive, &chat.Choice{Kind: "button_reply", ID: "yes-1"}
	}), time.Minute)
	s.add(from("", func(m *chat.Message) {
		m.Type, m.TypeCode, m.Errors = chat.Unsupported, "edit", []string{"131060: Message unavailable"}
	}), time.Minute)
	s.add(from("here it is", func(m *chat.Message) { m.Versions = []chat.Version{{Type: chat.Unsupported, Seq: 607}} }), time.Minute)
	s.add(own("Choose", func(m *chat.Message) {
		m.Type, m.Choice = chat.Interactive, &chat.Choice{Kind: "button", Options: []string{"Now", "Later"}}
		m.Receipts = []chat.Receipt{{Who: customer, State: chat.Sent, At: at}, {Who: customer, State: chat.Delivered, At: at}, {Who: customer, State: chat.Read, At: at}}
	}), time.Minute)
	s.add(own("never came", func(m *chat.Message) {
		m.Receipts = []chat.Receipt{{Who: customer, State: chat.Sent, At: at}, {Who: customer, State: chat.Failed, At: at, Why: "131026: Message undeliverable"}}
	}), time.Minute)
	s.add(own("held", func(m *chat.Message) {
		m.Sending = &chat.Sending{State: chat.SendWaits, Why: "it speaks of a guarantee", Rule: "words"}
	}), time.Minute)
	s.add(own("refused", func(m *chat.Message) {
		m.Sending = &chat.Sending{State: chat.SendRefused, Why: "Meta answered 400: 131009"}
	}), time.Minute)
	s.add(own("", func(m *chat.Message) {
		m.Type, m.Partial, m.Receipts = chat.Unknown, true, []chat.Receipt{{Who: customer, State: chat.Sent, At: at}}
	}), time.Minute)
	s.add(own("Your order is on its way", func(m *chat.Message) {
		m.Type, m.Choice = chat.Template, &chat.Choice{Kind: "template", ID: "shipping", Options: []string{"Ana"}}
	}), time.Minute)
	s.add(from("Bo, A", func(m *chat.Message) {
		m.Type, m.Contacts = chat.ContactCard, []chat.Contact{{Name: "Bo"}, {Name: "A"}}
	}), time.Minute)
	s.add(from("no time", func(m *chat.Message) { m.Time = chat.Ambiguous }), time.Minute)
	s.add(from(hostileText, func(m *chat.Message) {
		m.Type, m.Errors = chat.Interactive, []string{hostileText}
		m.Choice = &chat.Choice{Kind: hostileText, ID: hostileText, Detail: hostileText, Form: `{"<b>":"<script>"}`}
		m.Referral = &chat.Referral{Source: hostileText, Headline: hostileText, Body: hostileText, URL: "javascript:alert(1)"}
		m.Basket = &chat.Basket{Items: []chat.Item{{Product: hostileText, Quantity: hostileText, Price: hostileText, Currency: hostileText}}}
	}), time.Minute)
	s.add(own("blocked", func(m *chat.Message) {
		m.Sending = &chat.Sending{State: chat.SendBlocked, Why: hostileText, Rule: hostileText}
	}), time.Minute)
	return s.out
}

// TestAChatShowsWhatABusinessIsSent: orders, choices, advertisements, what came
// without its content, and how far a message came.
func TestAChatShowsWhatABusinessIsSent(t *testing.T) {
	c := newConsole(t, nil)
	body := c.get("/chats/business", http.StatusOK)
	for id, wants := range map[string][]string{
		"601": {"Ordered HAMBURGER 3 × 30 ILS قهوة 1 ×", "please"},
		"602": {"About the product SKU-1", "Came by an advertisement", "fb.example", "Summer Succulents"},
		"603": {"Filled in comment text حسن delivery rating 4"},
		"604": {"Filled in {no JSON"},
		"605": {"Chosen yes-1", "Yes"},
		"606": {"WhatsApp delivered this message without its content (131060: Message unavailable)"},
		"607": {"here it is", "It came without its content at first"},
		"608": {"To choose from Now Later", "✓✓ Read"},
		"609": {"✗ Not delivered"},
		"610": {"Not sent yet: it waits by the rule words: it speaks of a guarantee"},
		"611": {"Not sent: Meta answered 400: 131009"},
		"612": {"Sent by the business: only what WhatsApp reports of it is known", "✓ Sent"},
		"613": {"From the template shipping", "With Ana"},
		"615": {"WhatsApp gave this no time"},
	} {
		got := bubbleOf(t, body, id)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("message %s does not show %q: %s", id, want, got)
			}
		}
		if strings.Contains(got, "SECRET") || strings.Contains(got, "not known") {
			t.Errorf("message %s: %s", id, got)
		}
	}
	if got := bubbleOf(t, body, "614"); strings.Contains(got, "Bo, A") {
		t.Errorf("a card is told twice: %s", got)
	}
	page := wordsOf(c.get("/messages/609", http.StatusOK))
	for _, want := range []string{"Sent 2026-09-01 09:05:07 UTC", "Not delivered: 131026: Message undeliverable 2026-09-01 09:05:07 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the message does not have %q", want)
		}
	}
}
