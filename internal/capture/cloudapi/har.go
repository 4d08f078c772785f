package cloudapi

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// harEntry is one exchange of a HAR file, as browsers and proxies write them
// (HTTP Archive 1.2).
type harEntry struct {
	Started string `json:"startedDateTime"`
	Peer    string `json:"clientIPAddress"`
	Request struct {
		Method  string      `json:"method"`
		URL     string      `json:"url"`
		Headers []harHeader `json:"headers"`
		Post    struct {
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

type harHeader struct{ Name, Value string }

// hand hands on what an exchange was: a delivery, or a send with its answer.
// Other exchanges are none of the Cloud API's.
func (e *harEntry) hand(fn func(stored) error) error {
	body := harText(e.Request.Post.Text, e.Request.Post.Encoding)
	if e.Request.Method != "POST" || len(body) == 0 {
		return nil
	}
	at, _ := time.Parse(time.RFC3339, e.Started) // the zero time where it is none
	p := pathOf(e.Request.URL)
	if json.Valid(body) && sends(p) && p != "" && !strings.Contains(string(body), `"entry"`) {
		h := SendHead{At: at, Method: "POST", Path: p, Number: numberIn(p), Status: e.Response.Status}
		answer := harText(e.Response.Content.Text, e.Response.Content.Encoding)
		if !json.Valid(answer) {
			answer = nil
		}
		return fn(stored{sent: &h, Incoming: Incoming{Body: both(body, answer), Received: at}})
	}
	in := Incoming{Body: body, Received: at, Peer: e.Peer, Header: map[string]string{}}
	signed := false
	for _, h := range e.Request.Headers {
		switch strings.ToLower(h.Name) {
		case "x-hub-signature-256":
			signed = true
			in.Header["X-Hub-Signature-256"] = h.Value
		case "user-agent":
			in.Header["User-Agent"] = h.Value
		case "content-type":
			in.Header["Content-Type"] = h.Value
		}
	}
	if !signed && len(Elements(body)) == 0 {
		return nil // something else that a browser did
	}
	return fn(stored{Incoming: in})
}

func harText(s, encoding string) []byte {
	if encoding == "base64" {
		if b, err := base64.StdEncoding.DecodeString(s); err == nil {
			return b
		}
	}
	return []byte(s)
}

// pathOf is the path of an address.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}
