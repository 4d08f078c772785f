package gateway_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/rules"
)

// What the rules read is what Meta reads: a body that is JSON and a form at
// once arrives as the JSON that it was read as.
func TestABodyIsReadInOneWay(t *testing.T) {
	kinds := make(chan []string, 1)
	o := newOffice(t, func(w http.ResponseWriter, r *http.Request) {
		kinds <- r.Header.Values("Content-Type")
		_, _ = io.WriteString(w, taken)
	})
	both := `{"x":"&to=2&type=text&text=%7B%22body%22%3A%22%67uaranteed%22%7D&","to":"1","type":"text","text":{"body":"fine"}}`
	if q, err := url.ParseQuery(both); err != nil || q.Get("to") != "2" {
		t.Fatal(q, err)
	}
	for _, kind := range []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; =", "text/plain", "application/json; charset=utf-16", ""} {
		w := o.do("POST", address, both, "Content-Type", kind)
		if got := <-kinds; w.Code != http.StatusOK || !slices.Equal(got, []string{"application/json"}) {
			t.Errorf("%q: %d, Meta read it as %q", kind, w.Code, got)
		}
	}
}

// Other spellings of an address, or of what stands beside the body.
func TestOddAddresses(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	batch := `{"batch":[{"method":"POST","relative_url":"7/messages","body":"text=guaranteed"}]}`
	form := "application/x-www-form-urlencoded"
	for _, c := range [][]string{
		{"POST", address + "%20", text},
		{"POST", address + ".", text},
		{"POST", address + ";x=1", text},
		{"POST", address + "%00", text},
		{"POST", address + "?%20text[body]=guaranteed", `{"to":"1","type":"text"}`},
		{"POST", address + "?%20to=2", text},
		{"POST", "/gateway/key/v23.0/07/messages", text},
		{"POST", "/gateway/key/v23.0/7%20/messages", text},
		{"POST", "/gateway/key/V23.0", batch},
		{"POST", "/gateway/key/v23.0/me", batch},
		{"POST", "/gateway/key/v23.0/7", batch},
		{"POST", "/gateway/key/v23.0/7/groups", "batch=x", "Content-Type", form},
		{"POST", "/gateway/key/v23.0/me", "--x\r\n\r\nguaranteed\r\n--x--", "Content-Type", "multipart/form-data; boundary=x"},
		{"GET", address, "", "X_HTTP_METHOD_OVERRIDE", "POST"},
	} {
		o.got = nil
		if w := o.do(c[0], c[1], c[2], c[3:]...); w.Code != http.StatusBadRequest || len(o.got) > 0 {
			t.Errorf("%q: %d %s, Meta got %q", c, w.Code, w.Body, o.got)
		}
	}
}

// A rule about a number, a kind or a recipient sees each message, however it is
// spelled.
func TestWhatRulesAreTold(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taken) })
	var saw []rules.Send
	o.rules = func(s *rules.Send) rules.Decision { saw = append(saw, *s); return rules.Decision{Do: rules.Block} }
	for _, c := range [][]string{
		{"/gateway/key/V23.0/7/messages", text},
		{address, strings.Replace(text, `"text"`, `"TEXT"`, 1)},
		{address, text, "X-Waxseal-By", " Ann"},
		{address, `{"status":"read","to":["1"],` + text[1:]},
		{address, `{"status":"read","messaging_product":"whatsapp","to":["16505551234"],"type":"text","text":{"body":"hi"}}`},
		{address, `{"status":"read","messaging_product":"whatsapp","recipient":{"id":"1"},"type":"text","text":{"body":"hi"}}`},
	} {
		saw, o.got = nil, nil
		if w := o.do("POST", c[0], c[1], c[2:]...); w.Code == http.StatusBadRequest && len(o.got) == 0 {
			continue
		}
		if len(saw) != 1 || saw[0].Number != "7" || saw[0].Kind != "text" || len(c) > 2 && saw[0].By != "ann" || len(o.got) > 0 {
			t.Errorf("%q: the rules saw %+v, Meta got %q", c, saw, o.got)
		}
	}
	saw = nil
	if w := o.post(address, `{"messaging_product":"whatsapp","to":1.6505551234e10,"type":"text","text":{"body":"hi"}}`); w.Code != http.StatusBadRequest || len(saw) > 0 {
		t.Errorf("a number that is no number: %d, the rules saw %+v", w.Code, saw)
	}
	if w := o.post(address, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}`); w.Code != http.StatusOK {
		t.Errorf("a receipt: %d", w.Code)
	}
}

// What the sender is told was not sent is not sent when the program starts
// again: the log says so before the sender hears it.
func TestWhatCouldNotWaitStays(t *testing.T) {
	for _, number := range []string{"7", "8"} { // the second is none of the source's
		o := newOffice(t, func(http.ResponseWriter, *http.Request) {})
		o.rules = func(*rules.Send) rules.Decision { return rules.Decision{Do: rules.Delay, Why: "so", For: 1} }
		o.unbooked = errors.New("full")
		w := o.post("/gateway/key/v23.0/"+number+"/messages", text, "Authorization", "Bearer our own")
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "It was not sent") {
			t.Errorf("%s: %d %s", number, w.Code, w.Body)
		}
		if m := o.messages(t); len(m) != 1 || m[0].Sending == nil || m[0].Sending.State != chat.SendWithdrawn {
			t.Errorf("%s: %+v", number, m)
		}
		o.fails = func(n int) error { // the step of the second send
			if n > 3 {
				return errors.New("full")
			}
			return nil
		}
		if w = o.post("/gateway/key/v23.0/"+number+"/messages", text, "Authorization", "Bearer our own"); w.Code != http.StatusGatewayTimeout || !strings.Contains(w.Body.String(), "not known") {
			t.Errorf("%s: %d %s", number, w.Code, w.Body)
		}
	}
}
