package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version is the first part of a path.
var version = regexp.MustCompile(`^/v\d+\.\d+`)

// ServeHTTP answers as Meta does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever sends has gone
	}
	path := version.ReplaceAllString(r.URL.Path, "")
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.Method, path, r.URL.RawQuery, r.Header.Clone(), body, s.now})
	f := s.fault(r.Method, path)
	s.mu.Unlock()
	f.answer(w, r, func(w http.ResponseWriter) { s.serve(w, r, strings.Trim(path, "/"), body) })
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		refuse(w, http.StatusUnauthorized, 190, 0, "Error validating access token")
		return
	}
	id, what, _ := strings.Cut(path, "/")
	q := r.URL.Query()
	switch {
	case path == "whatsapp_business/attachments":
		s.download(w, q.Get("mid"))
	case path == "debug_token":
		t := s.token
		expires := int64(0)
		if !t.Expires.IsZero() {
			expires = t.Expires.Unix()
		}
		answer(w, map[string]any{"data": map[string]any{"app_id": t.App, "is_valid": t.Valid, "expires_at": expires, "scopes": t.Scopes, "type": "SYSTEM_USER"}})
	case r.Method == http.MethodPost && (what == "messages" || what == "marketing_messages"):
		s.message(w, id, body)
	case r.Method == http.MethodPost && what == "media":
		s.upload(w, r.Header.Get("Content-Type"), body)
	case r.Method == http.MethodPost && what == "calls":
		answer(w, map[string]any{"messaging_product": "whatsapp", "calls": []any{map[string]string{"id": "wacid." + s.next("7")}}})
	case r.Method == http.MethodPost && what == "groups":
		answer(w, map[string]any{"messaging_product": "whatsapp", "request_id": s.next("6")})
	case what == "message_history":
		s.messageHistory(w, id, q.Get("after"))
	case what == "message_templates" || what == "subscribed_apps":
		all := slices.Clone(s.tables[path])
		if name := q.Get("name"); name != "" { // Meta finds names that contain it
			all = slices.DeleteFunc(all, func(d json.RawMessage) bool { return !strings.Contains(named(d)[0], name) })
		}
		if all == nil {
			all = []json.RawMessage{}
		}
		answer(w, map[string]any{"data": all})
	default:
		s.object(w, r.Method, path)
	}
}

// object answers for what has an ID of its own: files and numbers.
func (s *Server) object(w http.ResponseWriter, method, id string) {
	f := s.files[id]
	n, ok := s.numbers[id]
	switch {
	case f != nil && s.now.Before(f.dies) && method == http.MethodDelete:
		delete(s.files, id)
		answer(w, map[string]bool{"success": true})
	case f != nil && s.now.Before(f.dies):
		answer(w, map[string]any{"messaging_product": "whatsapp", "url": s.locate(id), "mime_type": f.mime, "sha256": hexOf(f.sum), "file_size": strconv.Itoa(len(f.body)), "id": id})
	case ok:
		answer(w, n)
	default:
		refuse(w, http.StatusBadRequest, 100, 33, "Unsupported get request. Object with ID '"+id+"' does not exist")
	}
}

func (s *Server) download(w http.ResponseWriter, token string) {
	a, ok := s.urls[token]
	f := s.files[a.id]
	if !ok || f == nil || !s.now.Before(a.dies) || !s.now.Before(f.dies) {
		http.Error(w, "", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.mime)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write(f.body) // whoever asked may have gone
}

func (s *Server) message(w http.ResponseWriter, number string, body []byte) {
	var m struct {
		To       string `json:"to"`
		User     string `json:"recipient"`
		Type     string `json:"type"`
		Status   string `json:"status"`
		Callback string `json:"biz_opaque_callback_data"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		refuse(w, http.StatusBadRequest, 100, 0, "(#100) Invalid parameter")
		return
	}
	if m.Status == "read" {
		answer(w, map[string]bool{"success": true})
		return
	}
	to := m.To
	if to == "" {
		to = m.User
	}
	if to == "" || m.Type != "" && !has(body, m.Type) {
		refuse(w, http.StatusBadRequest, 100, 0, "(#100) The parameter is required")
		return
	}
	id := "wamid.HBgL" + s.next("5")
	s.sent = append(s.sent, Sent{ID: id, Number: number, To: to, Type: m.Type, Callback: m.Callback, Body: bytes.Clone(body)})
	answer(w, map[string]any{
		"messaging_product": "whatsapp", "contacts": []any{map[string]string{"input": to, "wa_id": strings.TrimPrefix(to, "+")}},
		"messages": []any{map[string]string{"id": id}},
	})
}

func has(body []byte, member string) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal(body, &m) == nil && m[member] != nil
}

func (s *Server) upload(w http.ResponseWriter, contentType string, body []byte) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		refuse(w, http.StatusBadRequest, 100, 0, "(#100) The parameter file is required")
		return
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := form.NextPart()
		if err != nil {
			refuse(w, http.StatusBadRequest, 100, 0, "(#100) The parameter file is required")
			return
		}
		if p.FormName() != "file" {
			continue
		}
		b, err := io.ReadAll(p)
		if err != nil {
			refuse(w, http.StatusBadRequest, 100, 0, "(#100) The file was cut")
			return
		}
		answer(w, map[string]string{"id": s.keep(b, p.Header.Get("Content-Type"), UploadLife)})
		return
	}
}

func (s *Server) messageHistory(w http.ResponseWriter, number, after string) {
	all := s.history[number]
	from, _ := strconv.Atoi(after) // none: from the newest
	from = max(0, min(from, len(all)))
	page := all[from:min(from+historyPage, len(all))]
	data := []any{}
	for i, d := range page {
		var events []any
		for _, e := range d.Events {
			events = append(events, map[string]any{
				"delivery_status": e.Status, "webhook_update_state": e.Webhook, "webhook_uri": e.URI, "timestamp": e.At.Unix(), "error_description": e.Why,
			})
		}
		data = append(data, map[string]any{"id": fmt.Sprint(from + i), "message_id": d.Message, "events": map[string]any{"data": events}})
	}
	paging := map[string]any{"cursors": map[string]string{"after": strconv.Itoa(from + len(page))}}
	if from+len(page) < len(all) {
		paging["next"] = s.URL + "/v23.0/" + number + "/message_history?after=" + strconv.Itoa(from+len(page))
	}
	answer(w, map[string]any{"data": data, "paging": paging})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(marshal(v)) // whoever asked may have gone
}

func refuse(w http.ResponseWriter, status, code, subcode int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(marshal(map[string]any{"error": map[string]any{ // whoever asked may have gone
		"message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A1",
	}}))
}
