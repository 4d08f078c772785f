package push

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/outbound"
)

// TestNothingInsideIsAsked: neither by the address of a hook nor by where its
// receiver sends us.
func TestNothingInsideIsAsked(t *testing.T) {
	asked := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer inside.Close()
	h := &govern.Hook{HookData: govern.HookData{ID: "x", URL: inside.URL}, Key: []byte(hookKey)}
	if err := SendTest(t.Context(), outbound.Client(outbound.Options{}), h); err == nil || asked != 0 {
		t.Errorf("an inside address was asked: %v", err)
	}
	for _, code := range []int{301, 302, 303, 307, 308} {
		client := &http.Client{Transport: byHost{
			"out.example": roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: code, Header: http.Header{"Location": {inside.URL}}, Body: http.NoBody, Request: r}, nil
			}),
			strings.TrimPrefix(inside.URL, "http://"): http.DefaultTransport,
		}}
		h.URL = "https://out.example/"
		if err := SendTest(t.Context(), client, h); err == nil || Why(err) != "answered "+strconv.Itoa(code) || asked != 0 {
			t.Errorf("%d is followed: %v", code, err)
		}
	}
}
