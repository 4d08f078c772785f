package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/waxseal/waxseal/internal/chat"
)

// bubbleOf is the words of one message on a page, as they are read out.
func bubbleOf(t *testing.T, body, id string) string {
	t.Helper()
	_, after, ok := strings.Cut(body, `id="m`+id+`"`)
	if !ok {
		t.Fatalf("message %s is not on the page", id)
	}
	after, _, _ = strings.Cut(after, "</li>\n")
	return wordsOf(after[strings.Index(after, ">")+1:])
}

// wordsOf is a page without its elements.
func wordsOf(body string) string {
	body = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))
	return strings.Join(strings.Fields(body), " ")
}

// TestAChatShowsWhatAPhoneKnows: what a chat export does not say.
func TestAChatShowsWhatAPhoneKnows(t *testing.T) {
	c := newConsole(t, nil)
	body := c.get("/chats/phone", http.StatusOK)
	for id, wants := range map[string][]string{
		"501": {"★ starred", "pinned", "edited 2025-03-01 09:05:07 UTC", "1 earlier version", "The price is 40", "replaced 2025-03-01 09:05:07 UTC"},
		"502": {"+447700900001", "Ana Lima The price is 40 Edited since", "✓✓ Read: 1, delivered: 1"},
		"503": {"Ana Lima The price is 12 The archived message reads otherwise"},
		"504": {"Ana Lima Words that nobody archived Not in the archive"},
		"505": {"+447700900001 Agreed Right"},
		"506": {"An administrator, محمد , revoked this message at 2025-03-01 09:05:07 UTC. The archive never saw"},
		"507": {"Removed on the phone", "disappears after 7 days", "Mentions +351910000002"},
		"508": {"✗ Not delivered", "👍 from محمد"},
		"509": {"A type that is not known: android:9999", "words of the future"},
		"510": {"Voice call, not answered"},
		"511": {"Who voted الخميس Ana Lima , محمد"},
	} {
		got := bubbleOf(t, body, id)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("message %s does not show %q: %s", id, want, got)
			}
		}
	}
	if strings.Contains(body, "Unknown sender") {
		t.Error("somebody is called unknown whom the direction of the message names")
	}
	for _, want := range []string{`<a class="quote" href="/chats/phone?at=501">`, `<a class="reach read" href="/messages/502#receipts">`} {
		if !strings.Contains(body, want) {
			t.Errorf("the chat does not have %q", want)
		}
	}
	if got := bubbleOf(t, body, "504"); strings.Contains(body, `<div class="quote"><a`) || !strings.Contains(got, "Not in the archive") {
		t.Error("a quotation of what is not archived leads somewhere")
	}
}

func TestAMessageTellsItsReceiptsReactionsAndKey(t *testing.T) {
	c := newConsole(t, nil)
	for path, wants := range map[string][]string{
		"/messages/502": {"How far it came", "Ana Lima 351910000001@s.whatsapp.net Read 2025-03-01 09:05:07 UTC", "محمد +351910000002 Delivered", "Its key in WhatsApp Id K2 Chat 1@g.us Direction sent from the account"},
		"/messages/508": {"Ana Lima 351910000001@s.whatsapp.net Not delivered not known", "Reactions Who Reaction When محمد +351910000002 👍 2025-03-01 09:05:07 UTC"},
		"/messages/501": {"Sender 351910000001@s.whatsapp.net Direction received"},
	} {
		words := wordsOf(c.get(path, http.StatusOK))
		for _, want := range wants {
			if !strings.Contains(words, want) {
				t.Errorf("%s does not show %q", path, want)
			}
		}
	}
}

// TestAllVotersAreOnTheMessagesPage, and the first of them in the chat.
func TestAllVotersAreOnTheMessagesPage(t *testing.T) {
	c := newConsole(t, nil)
	o := &c.index.said["phone"][10].Poll.Options[1]
	for i := range 80 {
		o.Voters = append(o.Voters, chat.Person{Name: "Voter " + count(int64(i))})
	}
	if body := c.get("/chats/phone", http.StatusOK); !strings.Contains(body, "and 30 more") || strings.Contains(body, "Voter 79") {
		t.Error("the chat lists all voters")
	}
	if body := c.get("/messages/511", http.StatusOK); !strings.Contains(body, "Voter 79") {
		t.Error("the message's page does not list all voters")
	}
	if body := c.get("/chats/phone/print", http.StatusOK); !strings.Contains(body, `<details class="voters" open>`) {
		t.Error("the print does not show who voted")
	}
}

func TestTheStateTellsWhatBecameOfADatabase(t *testing.T) {
	c := newConsole(t, nil)
	words := wordsOf(c.get("/state", http.StatusOK))
	for _, want := range []string{
		"Chats 34", "Types Text 1,513, Image 154, Live location 3", "Key 2e5fefe4e615b47d , checksum wrong", "Rows 3,201: 2,000 became records, 1,200 stand in them, 1 stay in the evidence",
		"Damaged page 12 of the database cannot be read", "7: not in the media folder Doc 25.pdf , Doc 26.pdf , …", "message type android:9999 (1)",
		"Gaps in the row numbers: 1", "message 12 1015 1,004", "message 2,001 2,000 0 1 the row that marks the beginning",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestAQuotationIsWrittenInItsOwnDirection, at the edge where it begins.
func TestAQuotationIsWrittenInItsOwnDirection(t *testing.T) {
	b := newBrowser(t)
	b.web.index.said["phone"][1].Quoted.Text = "السعر 40"
	b.open("/chats/phone")
	for id, want := range map[string]string{"502": "rtl", "503": "ltr"} {
		got := eval[[]any](b, `(() => { const q = document.querySelector("#m`+id+` .quote"), s = q.querySelector("span[dir]"), r = document.createRange(); r.selectNodeContents(s);
			const a = q.getBoundingClientRect(), c = r.getBoundingClientRect(); return [getComputedStyle(s).direction, a.right - c.right < 20, c.left - a.left < 20] })()`)
		if got[0] != want || want == "rtl" && got[1] != true || want == "ltr" && got[2] != true {
			t.Errorf("the quotation in %s is written %v, want %s", id, got, want)
		}
	}
}
