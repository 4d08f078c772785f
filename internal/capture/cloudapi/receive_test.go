package cloudapi_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/record"
)

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// bell keeps the alarms that ring.
type bell map[string]alarm.Alarm

func (b bell) Ring(_ context.Context, a alarm.Alarm) { b[a.Key] = a }
func (b bell) Clear(_ context.Context, key string)   { delete(b, key) }

type station struct {
	*cloudapi.Receiver
	sink  *capturetest.Sink
	bell  bell
	j     *cloudapi.Running
	ready error
	cfg   cloudapi.Config
}

func newStation() *station {
	s := &station{sink: &capturetest.Sink{}, bell: bell{}}
	s.cfg = cloudapi.Config{Name: "main", Secrets: cloudapi.Secrets{App: []string{"new", "old"}, Verify: "token"}}
	cfg := func() cloudapi.Config { return s.cfg }
	s.j = cloudapi.OpenJournal(s.sink, cfg, "Europe/London", nil)
	s.Receiver = cloudapi.NewReceiver(s.j, cfg, cloudapi.ReceiverOptions{Ready: func() error { return s.ready }, Bell: s.bell})
	return s
}

func (s *station) post(body, signature string, header ...string) int {
	r := httptest.NewRequest(http.MethodPost, "/hooks/main", strings.NewReader(body))
	r.Header.Set("X-Hub-Signature-256", signature)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

const one = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},"messages":[{"from":"16505551234","id":"wamid.A","timestamp":"1700000000","type":"text","text":{"body":"hi"}}]},"field":"messages"}]}]}`

func TestADeliveryIsKeptBeforeItIsAnswered(t *testing.T) {
	s := newStation()
	for i, secret := range []string{"new", "old", "new"} { // the third comes again
		if code := s.post(one, sign(secret, one)); code != http.StatusOK {
			t.Fatalf("delivery %d: %d", i, code)
		}
	}
	if n := len(s.sink.Entries); n != 2 || s.sink.Entries[0].Kind != record.Capture {
		t.Fatalf("%d entries", n)
	}
	var h cloudapi.Head
	raw, err := s.sink.Entries[1].Decode(&h)
	if err != nil || string(raw) != one || h.Delivery == nil || h.Delivery.Header["X-Hub-Signature-256"] != sign("new", one) || h.Delivery.Secret != cloudapi.Fingerprint("new") {
		t.Errorf("%q %+v %v", raw, h.Delivery, err)
	}
	if st := s.Stats(); st.Deliveries != 3 || st.Redelivered != 2 {
		t.Errorf("%+v", st)
	}
	// What nobody understands is kept all the same.
	if code := s.post("\x00{not JSON", sign("new", "\x00{not JSON")); code != http.StatusOK {
		t.Fatal(code)
	}
	if e := s.sink.Entries[2]; e.Kind != record.Unparsed || s.Stats().NotJSON != 1 {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsNotTaken(t *testing.T) {
	s := newStation()
	for name, c := range map[string]struct {
		body, sign string
		header     []string
		want       int
	}{
		"another secret": {one, sign("x", one), nil, 401},
		"no signature":   {one, "", nil, 401},
		"another body":   {one + " ", sign("new", one), nil, 401},
		"the old kind":   {one, strings.Replace(sign("new", one), "256", "1", 1), nil, 401},
		"zipped":         {one, sign("new", one), []string{"Content-Encoding", "gzip"}, 415},
		"too large":      {strings.Repeat(" ", 8<<20+1), "", nil, 413},
	} {
		if code := s.post(c.body, c.sign, c.header...); code != c.want {
			t.Errorf("%s: %d", name, code)
		}
	}
	if len(s.sink.Entries) != 0 {
		t.Errorf("%d entries", len(s.sink.Entries))
	}
	for range 20 {
		s.post(one, "")
	}
	if _, ok := s.bell["cloudapi/main/signatures"]; !ok {
		t.Error("nobody was told of many wrong signatures")
	}
	s.ready = errors.New("the disk is nearly full")
	if code := s.post(one, sign("new", one)); code != http.StatusServiceUnavailable {
		t.Errorf("not ready: %d", code)
	}
	if _, ok := s.bell["cloudapi/main/ready"]; !ok {
		t.Error("nobody was told that nothing is taken")
	}
	s.ready = nil
	if code := s.post(one, sign("new", one)); code != http.StatusOK || len(s.bell) != 1 {
		t.Errorf("ready again: %d, %v", code, s.bell)
	}
}

func TestVerification(t *testing.T) {
	s := newStation()
	for q, want := range map[string]string{
		"hub.mode=subscribe&hub.verify_token=token&hub.challenge=4711": "4711",
		"hub.mode=subscribe&hub.verify_token=nope&hub.challenge=4711":  "",
		"hub.mode=x&hub.verify_token=token&hub.challenge=4711":         "",
		"": "",
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/main?"+q, nil))
		if want != "" && (w.Code != 200 || w.Body.String() != want) || want == "" && w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %q", q, w.Code, w.Body)
		}
	}
}

// Another configuration begins another capture, and what was counted is kept.
func TestCapturesOfASource(t *testing.T) {
	s := newStation()
	s.post(one, sign("new", one))
	s.cfg.Numbers = []cloudapi.Number{{ID: "7", Phone: "+15550783881", Custodian: "j.doe"}}
	two := strings.Replace(one, "wamid.A", "wamid.B", 1)
	s.post(two, sign("new", two))
	if err := s.j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range s.sink.Entries {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "capture item capture.end capture item capture.end" {
		t.Error(got)
	}
}

func TestMetasSignatures(t *testing.T) {
	const dir = "../../../../shared/corpus/webhooks/"
	b, err := os.ReadFile(dir + "signature/VECTORS.tsv")
	if err != nil {
		t.Skip("the shared corpus is not there")
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		body, err := os.ReadFile(dir + f[1])
		if err != nil {
			t.Fatal(err)
		}
		if !cloudapi.Signed(f[2], body, f[3]) || cloudapi.Signed(f[2], body[1:], f[3]) {
			t.Errorf("%s", f[0])
		}
	}
}

// Vectors of our own; the HMACs are of another implementation.
func TestSignatures(t *testing.T) {
	const secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	for _, v := range []struct{ name, body, header string }{
		{"escaped", "{\x22text\x22:\x22\x5cu0645\x5cu0631\x5cu062d\x5cu0628\x5cu0627 \x5cu00e4 https:\x5c/\x5c/acme.example\x22}", "sha256=69aac51a42d0865e204f923f3f9c3e59abf85186f50a513626ec4d59b01fa604"},
		{"utf8", "{\x22text\x22:\x22\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 \xc3\xa4 https://acme.example\x22}", "sha256=06ab072d454ae3f8059ebe0d6598e82fd312851bedfe7482c31fff73754bda88"},
		{"space", " {\x22n\x22: 12345678901234567890 , \x22u\x22: \x22\x5cu0000\x22}\x0d\x0a", "sha256=6adbc2997d3f822ca41961cb9bd94779fc315493032cdd151c5ae41013140cd9"},
		{"not JSON", "\x00\xff{", "sha256=47926b475ac2178210365de2421fd08390374aaa7cf1d9bd7190e5587ce9e94d"},
		{"empty", "", "sha256=c5d1779acf3d4f9b5a53cf4e030fdcb3ff701f1f2915fc6216211d2139b5b299"},
	} {
		if !cloudapi.Signed(secret, []byte(v.body), v.header) {
			t.Errorf("%s: the right signature is refused", v.name)
		}
		for _, wrong := range []string{"", "sha256=", v.header[7:], strings.ToUpper(v.header[:7]) + v.header[7:], v.header[:70], v.header + "00", "sha1=" + v.header[7:], v.header[:7] + "x" + v.header[8:]} {
			if cloudapi.Signed(secret, []byte(v.body), wrong) {
				t.Errorf("%s: %q is taken for its signature", v.name, wrong)
			}
		}
		if cloudapi.Signed("", []byte(v.body), v.header) || cloudapi.Signed(secret, []byte(v.body+" "), v.header) {
			t.Errorf("%s: a wrong secret or body is taken", v.name)
		}
	}
}

// No secret, no delivery: an empty one signs nothing.
func TestASourceWithoutSecrets(t *testing.T) {
	s := newStation()
	s.cfg.App = []string{""}
	s.cfg.Verify = ""
	if code := s.post(one, sign("", one)); code != http.StatusUnauthorized {
		t.Error(code)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/main?hub.mode=subscribe&hub.verify_token=&hub.challenge=1", nil))
	if w.Code != http.StatusForbidden {
		t.Error(w.Code)
	}
}

// Over a real connection: one that is cut adds nothing, one that hangs up after
// it has sent all is kept, and others come meanwhile.
func TestConnectionsThatBreak(t *testing.T) {
	s := newStation()
	srv := httptest.NewServer(s)
	defer srv.Close()
	dial := func(text string) net.Conn {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	request := func(id string) string {
		b := strings.Replace(one, "wamid.A", "wamid."+id, 1)
		return fmt.Sprintf("POST /hooks/main HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n%s", sign("new", b), len(b), b)
	}
	for n := range 20 {
		cut := request(fmt.Sprint("cut", n))
		if err := dial(cut[:len(cut)-1-n*10]).Close(); err != nil {
			t.Fatal(err)
		}
		if err := dial(request(fmt.Sprint("gone", n))).Close(); err != nil {
			t.Fatal(err)
		}
	}
	slow := dial(request("slow")[:300])
	defer func() { _ = slow.Close() }() // it never sends the rest
	chunked := "POST /hooks/main HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: " + sign("new", one) + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 100, one[:100], len(one)-100, one[100:])
	c := dial(chunked)
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("in chunks: %q, %v", line, err)
	}
	_ = c.Close() // it was answered
	deadline := time.Now().Add(20 * time.Second)
	for s.Stats().Deliveries < 21 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if st := s.Stats(); st.Deliveries != 21 || st.BadSignatures != 0 {
		t.Errorf("%+v", st)
	}
}

// What was sent is heard as Meta sent it: a redelivery is one, however many
// come at once.
func TestRedeliveriesAtOnce(t *testing.T) {
	s := newStation()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if code := s.post(one, sign("old", one)); code != http.StatusOK {
				t.Error(code)
			}
		})
	}
	wg.Wait()
	if st := s.Stats(); st.Deliveries != 50 || st.Redelivered != 49 || len(s.sink.Entries) != 2 {
		t.Errorf("%+v, %d entries", st, len(s.sink.Entries))
	}
}
