package cloudapi

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// exchange is one request of an archive of traffic (HAR 1.2).
type exchange struct {
	Started time.Time `json:"startedDateTime"`
	Request struct {
		Method   string   `json:"method"`
		URL      string   `json:"url"`
		Headers  []header `json:"headers"`
		PostData struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status  int `json:"status"`
		Content struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// traffic hands out the webhooks and sends of an archive of traffic.
func traffic(r *bufio.Reader, take func(stored) error) (others int64, err error) {
	m := &meter{r: r, left: 4 * maxValue}
	d := json.NewDecoder(m)
	for range 3 { // {"log":{
		if _, err := d.Token(); err != nil {
			return 0, rest(d, m, 0, take)
		}
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			break
		}
		if name != "entries" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				break
			}
			continue
		}
		n, whole, err := exchanges(d, m, take)
		if others += n; err != nil {
			return others, err
		}
		if !whole {
			return others, cmp.Or(rest(d, m, 0, take), errShort)
		}
	}
	for range 2 {
		if t, err := d.Token(); err == nil && t == json.Delim('}') {
			continue
		}
		return others, cmp.Or(rest(d, m, 0, take), errShort)
	}
	return others, nil
}

// exchanges hands out the requests of the list that begins here, and reports
// whether it has an end.
func exchanges(d *json.Decoder, m *meter, take func(stored) error) (others int64, whole bool, err error) {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return 0, false, nil //nolint:nilerr // what follows is told as unread
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return others, false, nil //nolint:nilerr // what follows is told as unread
		}
		m.left = 4 * maxValue
		var e exchange
		if err := json.Unmarshal(raw, &e); err != nil {
			others++
			continue
		}
		s, ok := e.stored()
		if !ok {
			others++
			continue
		}
		if err := take(s); err != nil {
			return others, false, err
		}
	}
	t, err := d.Token()
	return others, err == nil && t == json.Delim(']'), nil
}

// stored is what of a request matters here, if anything does.
func (e *exchange) stored() (s stored, ok bool) {
	body := content64(e.Request.PostData.Text, e.Request.PostData.Encoding)
	u, err := url.Parse(e.Request.URL)
	if err != nil || e.Request.Method != http.MethodPost || len(body) == 0 {
		return s, false
	}
	if number := sendPath(u.Path); number != "" {
		answer := content64(e.Response.Content.Text, e.Response.Content.Encoding)
		return sent(body, answer, &SendHead{At: e.Started.UTC(), Method: e.Request.Method, Path: u.Path, Number: number, Status: e.Response.Status}), json.Valid(body)
	}
	es, _ := cut(body)
	h := http.Header{}
	for _, f := range e.Request.Headers {
		h.Add(f.Name, f.Value)
	}
	return stored{raw: body, header: headers(h), at: e.Started}, len(es) > 0
}

func content64(text, encoding string) []byte {
	if encoding == "base64" {
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			return b
		}
	}
	return []byte(text)
}

var sendPaths = regexp.MustCompile(`/([0-9]+)/(?:marketing_)?messages/?$`)

// sendPath is the phone_number_id in the path of a send; empty: it is none.
func sendPath(p string) string {
	if m := sendPaths.FindStringSubmatch(p); m != nil {
		return m[1]
	}
	return ""
}

// sent is a request with its answer, in the form of a Sent item.
func sent(request, answer []byte, h *SendHead) stored {
	if !json.Valid(answer) {
		answer = []byte("null")
	}
	var b strings.Builder
	b.WriteString(`{"request":`)
	b.Write(request)
	b.WriteString(`,"response":`)
	b.Write(answer)
	b.WriteString(`}`)
	return stored{raw: []byte(b.String()), send: h, at: h.At}
}

// opened is what a value holds: a delivery's body; a request and its answer; or
// either in what a program wrote around it, as {"headers":…,"body":…}.
func opened(s stored) stored {
	c := cutter{b: s.raw}
	if !json.Valid(s.raw) {
		return s
	}
	at := c.space(0)
	whole := span{at, len(s.raw)}
	if es, _ := cut(s.raw); len(es) > 0 || c.has(whole, "entry") {
		return s
	}
	if got, ok := c.exchange(whole); ok {
		got.offset = s.offset
		return got
	}
	for _, v := range c.members(whole) {
		body := c.b[v.at:v.end]
		switch body[0] {
		case '"':
			var text string
			if json.Unmarshal(body, &text) != nil {
				continue
			}
			body = []byte(text)
		case '{':
		default:
			continue
		}
		if es, _ := cut(body); len(es) > 0 {
			s.raw, s.offset = body, s.offset+int64(v.at)
			return s
		}
	}
	return s
}

// exchange reads {"request":…,"response":…}, where each is a body, or an object
// with one: {"path":…,"body":…}, {"status":…,"body":…}.
func (c *cutter) exchange(s span) (out stored, ok bool) {
	request, ok := c.find(s, "request")
	if !ok || c.b[request.at] != '{' {
		return out, false
	}
	h := &SendHead{Method: c.text(request, "method"), Path: c.text(request, "path")}
	h.Number = sendPath(h.Path)
	if body, ok := c.find(request, "body"); ok && c.b[body.at] == '{' {
		request = body
	}
	if !c.has(request, "messaging_product") && !c.has(request, "to") {
		return out, false
	}
	var answer []byte
	if a, ok := c.find(s, "response"); ok {
		h.Status, _ = strconv.Atoi(c.text(a, "status")) // 0: it does not say
		if body, ok := c.find(a, "body"); ok {
			a = body
		}
		answer = c.b[a.at:a.end]
	}
	return sent(c.b[request.at:request.end], answer, h), true
}
